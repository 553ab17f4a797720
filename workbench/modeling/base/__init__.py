"""A base model on the device: loading in 4-bit, sharding, LoRA layers, compiling, what it can do.

Imports `data` and the recipes and memory estimates of the package; all other folders of `modeling`
may import it.
"""
