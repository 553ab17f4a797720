"""A terminal workbench that finds wrong labels, lets people correct them, and retrains."""

__version__ = "0.1.0"
