"""What commands share on a terminal: options, tables, progress, and following a run.

Imported by `workbench.commands` only.
"""
