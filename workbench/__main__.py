"""`python -m workbench` is the same as the command `workbench`."""

from workbench.cli import run

run()
