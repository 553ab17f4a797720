"""The worker by the name that job scripts of earlier versions know."""

from __future__ import annotations

import runpy

if __name__ == "__main__":
    runpy.run_module("workbench.worker", run_name="__main__", alter_sys=True)
