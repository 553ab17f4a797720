"""The store's side of runs: snapshot, launch, collect, adopt, delete, and the engine from outside.

Imports `storage`, `workbench.rundir`, planning, recipes and evaluation, never torch; imported by
commands and screens.
"""
