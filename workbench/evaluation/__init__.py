"""The store and the analysis together: evaluating, comparing, suspects, near-duplicate groups.

Imports `storage`, `workbench.analysis` and `workbench.rundir`; imported by commands and by
`workbench.runs`. Screens import none of it, since it loads numpy: they start a command instead.
"""
