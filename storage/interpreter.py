"""Other Python processes of this program, out of reach of what lies in the working directory.

`python -m` looks for modules in the working directory first, so a folder `storage` or a file
`json.py` there would run in place of ours.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

NICENESS = 10
"""So low a priority that a screen is served first; an idle machine is used as fully as before."""
NEUTRAL = "/"
"""The working directory of what is started, where names of the hub are not taken for folders."""
SAFE_PATH = "PYTHONSAFEPATH"
"""The variable that does what -P does for processes that libraries start, as torchrun does."""
PLACES = ("PYTHONPATH", "WORKBENCH_ENGINE_DIR", "HF_HOME", "HF_HUB_CACHE", "XDG_CACHE_HOME")
"""Variables with folders that may be relative to where the user is."""


def command(module: str, *arguments: str) -> list[str]:
    """The command line that runs a module as a program, with its arguments."""
    return [sys.executable, "-P", "-m", module, *arguments]


def environment(**more: str) -> dict[str, str]:
    """The variables for a process that works in another directory."""
    found = {**os.environ, SAFE_PATH: "1", **more}
    for name in PLACES:
        if name in found:  # an empty part of PYTHONPATH means the working directory
            folders = [folder for folder in found[name].split(os.pathsep) if folder]
            found[name] = os.pathsep.join(str(Path(folder).absolute()) for folder in folders)
    return found


def start(
    arguments: Sequence[str], variables: Mapping[str, str] | None = None, **how: Any
) -> subprocess.Popen[Any]:
    """Start a process in a neutral directory; paths among its arguments have to be absolute."""
    return subprocess.Popen(arguments, cwd=NEUTRAL, env=environment(**variables or {}), **how)


def give_way(process: int) -> None:
    """Let whoever presses keys on this machine go before a process that was just started."""
    with suppress(ProcessLookupError):  # it may have ended already
        present = os.getpriority(os.PRIO_PROCESS, process)
        os.setpriority(os.PRIO_PROCESS, process, max(NICENESS, present))
