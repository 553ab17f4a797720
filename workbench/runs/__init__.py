"""The store's side of runs: snapshot, launch, collect, adopt, delete, and the engine from outside.

Imports `storage`, `workbench.rundir`, planning, recipes and evaluation, never torch; imported by
commands. Screens import what loads no numpy (`engine_control`, `login_sessions`, `description`).
"""
