"""What the store does with runs: snapshot, launch, queue, collect, adopt, delete.

Imports `storage` and `workbench.rundir`, never torch; imported by commands and screens.
"""
