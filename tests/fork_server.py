"""A server that forks processes off itself, which has imported what they need.

`python -P fork_server.py SOCKET`; its clients are in forking.py. Each request is a message of JSON
and descriptors: those of the new process, and those that its parent holds. The answers are its
process number and, when it has ended, its exit status. What was forked ends with the server, and
the server with the last of those that stay connected.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import sys
import traceback
import warnings
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import forking
from torch.distributed.elastic.multiprocessing.subprocess_handler import subprocess_handler

from storage import interpreter
from workbench.cli import COMMANDS
from workbench.modeling.base.library_imports import import_libraries

IMPORTED = (
    "openpyxl",
    "pyarrow.pandas_compat",
    "sklearn.linear_model",
    "storage.migrations",
    "storage.transfer.importing",
    "torch.distributed.run",
    "transformers.models.falcon.modeling_falcon",
    "transformers.optimization",
    "workbench.analysis.texts.near_duplicates",
    "workbench.cli",
    *(f"workbench.commands.{module}" for module in COMMANDS),
    "workbench.evaluation.suspects",
    "workbench.tui.app",
    "workbench.worker.baseline_job",
    "workbench.runs.collecting",
    "workbench.runs.engine_control",
    "workbench.worker.__main__",
    "workbench.worker.model_job",
    "workbench.worker.engine",
)
FIRST_S = 60.0
"""How long the server waits for its first client."""
END_WITH_PARENT = 1
"""PR_SET_PDEATHSIG of prctl(2)."""
MOST_FILES = 64
LARGE_PAGE = 2**21
MADV_COLLAPSE = 25
"""Of madvise(2), since Linux 6.1; elsewhere it is refused, and forks take longer."""


def use_large_pages() -> None:
    """Have all memory in large pages, as a fork copies the table of them: 400 MB, 100,000 small."""
    madvise = ctypes.CDLL(None).madvise
    for line in Path("/proc/self/maps").read_text("utf-8").splitlines():
        area, access, _, _, file, *name = line.split()
        if access == "rw-p" and file == "0" and name in ([], ["[heap]"]):
            low, high = (int(end, 16) // LARGE_PAGE for end in area.split("-"))
            for page in range(low + 1, high):
                madvise(ctypes.c_void_p(page * LARGE_PAGE), LARGE_PAGE, MADV_COLLAPSE)


def serve(path: Path) -> None:
    """Answer requests until nobody is left who may make one."""
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with forking.short(path) as name:
        listening.bind(name)
    listening.listen(64)
    staying: list[socket.socket] = []
    at_work: dict[int, Work] = {}
    while staying or select.select([listening], [], [], FIRST_S)[0]:
        for ready in select.select([listening, *staying, *at_work], [], [])[0]:
            if ready in at_work:
                _tell_end(ready, at_work.pop(ready))
            elif ready is not listening:
                staying.remove(ready)
                ready.close()
            else:
                _answer(listening.accept()[0], staying, at_work)
        if not staying:
            break


@dataclass(frozen=True)
class Work:
    """A process that was forked, and who is told how it ends; None for one that tells it itself."""

    pid: int
    asked: socket.socket | None


def _answer(
    connection: socket.socket, staying: list[socket.socket], at_work: dict[int, Work]
) -> None:
    message, files, *_ = socket.recv_fds(connection, forking.MOST_BYTES, MOST_FILES)
    if message == forking.STAY:
        staying.append(connection)
        return
    if message:
        request = json.loads(message)
        if (pid := os.fork()) == 0:
            if request["held"]:
                _watch(connection, request, files)
            _become(request, files)
        asked = None if request["held"] else connection
        at_work[os.pidfd_open(pid)] = Work(pid, asked)
        if asked is not None:
            _say(asked, pid)
    if not message or asked is None:
        connection.close()
    for file in files:
        os.close(file)


def _tell_end(file: int, work: Work) -> None:
    os.close(file)
    status = os.waitstatus_to_exitcode(os.waitpid(work.pid, 0)[1])
    if work.asked is not None:
        _say(work.asked, status)
        work.asked.close()


def _watch(connection: socket.socket, request: dict[str, Any], files: list[int]) -> None:
    """Be the parent that holds what a process looks for there: fork it, say its number and end."""
    _end_with_parent()
    held = dict(zip(request["held"], files[len(request["files"]) :], strict=True))
    if (pid := os.fork()) == 0:
        _become(request, files[: len(request["files"])])
    own = max([2, *held]) + 1
    _take({own: connection.detach(), **held})
    connection = socket.socket(fileno=own)
    _say(connection, pid)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    for number in held:
        os.close(number)
    _say(connection, status)
    os._exit(0)


def _say(connection: socket.socket, number: int) -> None:
    with suppress(OSError):  # nobody waits for it
        connection.send(str(number).encode())


def _become(request: dict[str, Any], files: list[int]) -> None:
    """Be the process that was asked for, and end like it."""
    status = 1
    try:
        _end_with_parent()
        if request["session"]:
            os.setsid()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        _take(dict(zip(request["files"], files, strict=True)))
        os.environ.clear()
        os.environ.update(request["variables"])
        os.chdir(request["folder"])
        if request["module"] != forking.CODE:  # a test says itself what it wants to be forked
            interpreter.start = forking.start
            subprocess_handler.Popen = forking.popen
        _customize()
        status = _run(request["module"], request["arguments"])
    except BaseException:
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(status)


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(END_WITH_PARENT, signal.SIGKILL)


def _take(wanted: dict[int, int]) -> None:
    """Have the descriptors under the numbers that are wanted, and no others."""
    above = max(*wanted, *wanted.values()) + 1
    moved = {number: os.dup2(file, above + at) for at, (number, file) in enumerate(wanted.items())}
    for number, file in moved.items():
        os.dup2(file, number)
    kept = sorted(wanted)
    for low, high in zip(kept, [*kept[1:], os.sysconf("SC_OPEN_MAX")], strict=True):
        os.closerange(low + 1, high)


def _customize() -> None:
    """Do what Python does with PYTHONPATH, and with a sitecustomize.py there, as it starts."""
    folders = [name for name in os.environ.get("PYTHONPATH", "").split(os.pathsep) if name]
    sys.path[:0] = folders
    for folder in folders:
        if (path := Path(folder) / "sitecustomize.py").is_file():
            runpy.run_path(str(path))


def _run(module: str, arguments: list[str]) -> int:
    sys.argv = [module, *arguments]
    try:
        if module == forking.CODE:
            exec(arguments[0], {"__name__": "__main__"})
        elif module.endswith(".py"):
            runpy.run_path(module, run_name="__main__")
        else:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", RuntimeWarning)  # that it has been imported before
                runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


if __name__ == "__main__":
    if os.fork():  # so that it is nobody's child, of whom tests end all they find
        os._exit(0)
    gc.disable()
    import_libraries()
    for name in IMPORTED:
        importlib.import_module(name)
    gc.freeze()  # so that what is forked need not look through all of it
    gc.enable()
    use_large_pages()
    serve(Path(sys.argv[1]))
