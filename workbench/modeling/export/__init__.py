"""Adapters and merged models on the disk, with a model card; they load without this package.

Imports `base` and `data`; `classify`, the worker and the command that exports import it.
"""
