"""Processes of this program that need not import anything: they are forked off a server that has.

Workers import torch and transformers, which takes several times as long as a short run. What is
forked is a process of its own all the same, with its own session, streams, variables and signals.
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from storage import interpreter
from workbench.rundir import processes

SERVER = Path(__file__).with_name("fork_server.py")
ADDRESS = "WORKBENCH_FORK_SERVER"
"""The environment variable with the socket of the server, for what was forked as well."""
MODULES = ("workbench", "workbench.worker", "workbench.worker.engine", "torch.distributed.run")
CODE = "-c"
"""In the place of a module: the first argument is the program, as for Python."""
STAND_IN = "stub.py"
"""The name of a program that stands in for the command line.

The server forks it and those modules; everything else is started.
"""
KNOWN = {
    "cwd",
    "env",
    "stdin",
    "stdout",
    "stderr",
    "text",
    "encoding",
    "errors",
    "pass_fds",
    "start_new_session",
}
Stream = int | IO[Any] | None
STAY = b"stay"
MOST_BYTES = 2**20
START_S = 120.0
OF_SCREENS = {
    "PYTHONPATH": os.pathsep.join(map(str, (SERVER.with_name("forked_commands"), SERVER.parent)))
}
"""With these variables a screen that was started in earnest has its commands forked."""


@contextmanager
def server(folder: Path) -> Iterator[None]:
    """Have a server in a folder, shared by all test processes that name the same one."""
    address = folder / "forks"
    end = time.monotonic() + START_S
    with (folder / "forks.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (staying := _connected(address)) is None:
            address.unlink(missing_ok=True)
            alive, held = os.pipe()
            with (folder / "forks.log").open("wb") as log:
                subprocess.run(
                    [sys.executable, "-P", SERVER, address],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=interpreter.NEUTRAL,
                    start_new_session=True,
                    pass_fds=[held],
                    env=os.environ
                    | {
                        "PYTHONPATH": str(SERVER.parent),
                        "HF_HUB_OFFLINE": "1",
                        "TOKENIZERS_PARALLELISM": "false",
                        "OMP_NUM_THREADS": "1",
                    },
                )
            os.close(held)
            while (staying := _connected(address)) is None:
                ended = select.select([alive], [], [], 0.05)[0]
                assert not ended and time.monotonic() < end, (folder / "forks.log").read_text()
            os.close(alive)
        staying.send(STAY)
    os.environ[ADDRESS] = str(address)
    with staying:
        yield
    del os.environ[ADDRESS]


def start(
    arguments: Sequence[str], variables: Mapping[str, str] | None = None, **how: Any
) -> subprocess.Popen[Any] | Forked:
    """Stands in for `interpreter.start`."""
    variables = interpreter.environment(**variables or {})
    return popen(arguments, cwd=interpreter.NEUTRAL, env=variables, **how)


def popen(args: Sequence[str], **how: Any) -> subprocess.Popen[Any] | Forked:
    """Fork what the server knows, and start anything else."""
    words = list(args)
    if (
        ADDRESS in os.environ
        and words[0] == sys.executable
        and how.get("stdin") in (None, subprocess.DEVNULL)
        and not set(how) - KNOWN
    ):
        at = words.index("-m") + 1 if "-m" in words[:4] else 1
        if words[at] in MODULES or Path(words[at]).name == STAND_IN:
            return Forked(words[at], words[at + 1 :], **how)
    return subprocess.Popen(args, **how)


class Forked:
    """A process that was forked off, to be used like one that was started."""

    def __init__(
        self,
        module: str,
        arguments: Sequence[object],
        cwd: str | Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: Stream = None,
        stdout: Stream = None,
        stderr: Stream = None,
        text: bool = False,
        encoding: str | None = None,
        errors: str = "strict",
        pass_fds: Sequence[int] = (),
        start_new_session: bool = False,
    ) -> None:
        self.args = [module, *map(str, arguments)]
        self.returncode: int | None = None
        self._encoding, self._errors = encoding or ("utf-8" if text else None), errors
        self._piped: list[IO[bytes] | None] = []
        request = {
            "module": module,
            "arguments": self.args[1:],
            "folder": str(cwd or Path.cwd()),
            "variables": {**(os.environ if env is None else env), ADDRESS: os.environ[ADDRESS]},
            "session": start_new_session,
            "files": [0, 1, 2, *pass_fds],
        }
        request["held"] = held = _held(request["variables"], pass_fds)
        with Path(os.devnull).open("r+b", buffering=0) as nothing:
            streams = [nothing.fileno() if stdin == subprocess.DEVNULL else 0]
            for number, stream in ((1, stdout), (2, stderr)):
                pipe = tempfile.TemporaryFile() if stream == subprocess.PIPE else None  # noqa: SIM115
                self._piped.append(pipe)
                if stream in (subprocess.DEVNULL, subprocess.STDOUT):
                    streams.append((nothing.fileno(), streams[-1])[stream == subprocess.STDOUT])
                else:
                    stream = pipe or (number if stream is None else stream)
                    streams.append(stream if isinstance(stream, int) else stream.fileno())
            connection = _connected(Path(os.environ[ADDRESS]))
            assert connection is not None, "the server is gone"
            self._connection = connection
            files = [*streams, *pass_fds, *held]
            socket.send_fds(connection, [json.dumps(request).encode()], files)
        self.pid = int(connection.recv(64))

    def poll(self) -> int | None:
        """The exit status, None while it is at work."""
        if self.returncode is None and select.select([self._connection], [], [], 0)[0]:
            self.returncode = int(self._connection.recv(64) or -signal.SIGKILL)
            self._connection.close()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; raises TimeoutExpired."""
        if self.returncode is None and not select.select([self._connection], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired(self.args, timeout or 0.0)
        status = self.poll()
        assert status is not None
        return status

    def communicate(self, timeout: float | None = None) -> tuple[Any, Any]:
        """Wait for its end and give what it wrote to pipes."""
        self.wait(timeout)
        return tuple(map(self._read, self._piped))  # type: ignore[return-value]

    def _read(self, file: IO[bytes] | None) -> str | bytes | None:
        if file is None:
            return None
        file.seek(0)
        said = file.read()
        return said if self._encoding is None else said.decode(self._encoding, self._errors)

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)


def run(
    module: str, *arguments: object, timeout: float = 120, **how: Any
) -> subprocess.CompletedProcess[str]:
    """Fork a process of a module, wait for its end and give what it wrote."""
    process = popen(
        [sys.executable, "-m", module, *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        **how,
    )
    try:
        said = process.communicate(timeout=timeout)
    except BaseException:
        process.kill()
        raise
    return subprocess.CompletedProcess(process.args, process.wait(), *said)


def _held(variables: Mapping[str, str], passed: Sequence[int]) -> list[int]:
    """The lock of a run that torchrun holds for its workers, as they find it in their parent."""
    named = variables.get(processes.LOCK_FD, "")
    there = named.isdecimal() and Path(f"/proc/self/fd/{named}").exists()
    return [int(named)] if there and int(named) not in passed else []


def _connected(address: Path) -> socket.socket | None:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, MOST_BYTES)
    try:
        with short(address) as name:
            connection.connect(name)
    except OSError:
        connection.close()
        return None
    return connection


@contextmanager
def short(address: Path) -> Iterator[str]:
    """A name of a socket that is short enough for one, wherever it lies."""
    folder = os.open(address.parent, os.O_RDONLY)
    try:
        yield f"/proc/self/fd/{folder}/{address.name}"
    finally:
        os.close(folder)
