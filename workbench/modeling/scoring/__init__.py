"""Probabilities over the labels for many prompts, with the adapter merged in where it fits.

Imports `base` and `data`; training evaluates with it, and the worker predicts with it.
"""
