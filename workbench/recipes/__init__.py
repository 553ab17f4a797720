"""The settings of a run: recipes, memory modes, base models by name.

Imports settings, errors and records of `storage` only, and no torch; imported wherever runs are
planned, started or done.
"""
