"""The process that does a run: `python -P -m workbench.worker RUN_DIR`.

Reads and writes its run folder only and holds no database handle. Nobody imports it, but starts it
as a process; it imports `workbench.rundir`, `workbench.recipes` and, late, modeling or analysis.
"""
