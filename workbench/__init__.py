"""A terminal workbench that finds wrong labels, lets people correct them, and retrains."""

__version__ = "0.2.0"
"""The version of the program, from which the package takes its own."""
