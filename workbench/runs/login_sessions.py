"""Whether a worker outlives the login it was started from: logind may end what is left of it."""

from __future__ import annotations

import getpass
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

CGROUP = Path("/proc/self/cgroup")
LOGIND = ("org.freedesktop.login1", "/org/freedesktop/login1", "org.freedesktop.login1.Manager")
SCOPE = ("systemd-run", "--user", "--scope", "--quiet", "--collect", "--")
"""Runs a command outside the login session, below the user's own service manager."""
COMMAND_TIMEOUT_S = 5.0
WARNING = (
    "This machine ends all of a user's processes at logout (KillUserProcesses), runs too: keep "
    "the session open, or allow them to stay with `loginctl enable-linger`."
)


@dataclass(frozen=True)
class LogoutEffect:
    """What a logout does to a worker, and the prefix of a command line that outlives it."""

    prefix: tuple[str, ...] = ()
    warning: str | None = None


def logout_effect() -> LogoutEffect:
    """How to start a worker so that it outlives this login.

    Without a login session of logind (as in a container or a batch job), or where logind leaves
    processes alone, there is nothing to do. Else it can be put below the user's service manager,
    which stays if the user lingers.
    """
    if not _in_session() or not _logind_ends_processes():
        return LogoutEffect()
    if _run_command("loginctl", "show-user", _user(), "--property=Linger", "--value") == "yes" and (
        _run_command(*SCOPE, "echo", "works") == "works"
    ):
        return LogoutEffect(prefix=SCOPE)
    return LogoutEffect(warning=WARNING)


def _in_session() -> bool:
    try:
        return re.search(r"/session-[^/]*\.scope", CGROUP.read_text("utf-8")) is not None
    except OSError:
        return False


def _logind_ends_processes() -> bool:
    """Whether logind ends this user's processes with the session."""
    if _property("KillUserProcesses") != "b true":
        return False
    only, spared = _property("KillOnlyUsers"), _property("KillExcludeUsers")
    name = f'"{_user()}"'
    return (only in ("", "as 0") or name in only) and name not in spared


def _property(name: str) -> str:
    return _run_command("busctl", "get-property", *LOGIND, name)


def _run_command(program: str, *arguments: str) -> str:
    """What a program prints; nothing if it is not there or does not work."""
    if (found := shutil.which(program)) is None:
        return ""
    try:
        done = subprocess.run(
            [found, *arguments],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=COMMAND_TIMEOUT_S,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
