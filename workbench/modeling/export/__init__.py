"""Adapters and merged models that load without this package, with a model card."""
