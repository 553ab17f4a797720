"""The store and the analysis together: evaluating, comparing, suspects, near-duplicate groups.

Imports `storage`, `workbench.analysis` and `workbench.rundir`; imported by commands and by
`workbench.runs`. Every module that needs numpy is imported where it is used, so that the screen
never loads it.
"""
