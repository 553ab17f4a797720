"""The store and the analysis together: comparisons of runs, groups of near-duplicates.

Imported by commands, and by the screen only where the numbers come without numpy.
"""
