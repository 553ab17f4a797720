"""The commands of the command line, one file per area: parse, call, print.

Commands about runs and models are in `runs`. Imported by `workbench.cli` only.
"""
