"""A base model on the device: loading in 4-bit, sharding, keeping it loaded, what it can do.

Imports recipes and planning; the folders beside it import from here.
"""
