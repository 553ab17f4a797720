"""Stands in for the interpreter of a test process of xdist, which is forked off the server.

`python forked_interpreter.py FOLDER -u -c CODE`: the folder of the server, and what execnet wants.
"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import forking


def command(folder: Path) -> str:
    """The command line of such an interpreter, as execnet takes it."""
    return shlex.join([sys.executable, __file__, str(folder)])


if __name__ == "__main__":
    folder, *_, code = sys.argv[1:]
    with forking.server(Path(folder)):
        sys.exit(forking.Forked(forking.CODE, [code], start_new_session=True).wait())
