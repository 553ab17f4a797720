"""Runs in the store: their predictions, which one is shown or promoted, what one may learn from.

Imports the core of the store and `storage.indexes`; imported by `storage.query`, by commands, by
the screen and by `workbench.runs`, which does runs and knows their folders.
"""
