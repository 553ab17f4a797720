"""Programs in a real terminal, for tests that press keys and read the screen."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time
from contextlib import contextmanager

import pyte

WAIT_S = 120.0


class Terminal:
    """A program in a terminal of its own."""

    def __init__(self, command, columns, rows, **environment):
        self.screen = pyte.Screen(columns, rows)
        self.stream = pyte.ByteStream(self.screen)
        self.written = b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            # Given as a whole: libraries add COLUMNS and LINES behind Python's back, and they
            # would count for more than the size of the terminal.
            inherited = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES")}
            terminal = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
            os.execve(command[0], command, inherited | terminal | environment)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.status = None

    def read(self, seconds):
        """Take in what comes within some time; False when the line is closed."""
        if not select.select([self.fd], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            return False
        self.written += data
        # pyte knows neither private modes with $ nor the keyboard protocol.
        self.stream.feed(data.replace(b"\x1b[?2026$p", b"").replace(b"\x1b[?2048$p", b""))
        return bool(data)

    def until(self, text):
        end = time.monotonic() + WAIT_S
        while time.monotonic() < end:
            if any(text in line for line in self.screen.display):
                return
            self.read(0.05)
        raise AssertionError(f"no {text!r} on the screen:\n" + "\n".join(self.screen.display))

    def press(self, keys):
        os.write(self.fd, keys)

    def wait(self):
        """The exit status, after everything that was written has been read."""
        end = time.monotonic() + WAIT_S
        while time.monotonic() < end:
            self.read(0.05)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                while select.select([self.fd], [], [], 0)[0] and self.read(0):
                    pass
                self.status = os.waitstatus_to_exitcode(status)
                return self.status
        raise AssertionError(f"the program did not end: {self.written[-600:]!r}")

    def close(self):
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)


@contextmanager
def terminal(*arguments, program=sys.executable, columns=80, rows=24, **environment):
    opened = Terminal([program, *map(str, arguments)], columns, rows, **environment)
    try:
        yield opened
    finally:
        opened.close()


def visible(screen):
    """What can be seen in each cell of a terminal by pyte: of a blank not what is no background."""
    return [
        (cell.data, cell.bg, cell.reverse, cell.underscore)
        + ((cell.fg, cell.bold) if cell.data != " " or cell.reverse or cell.underscore else ())
        for y in range(screen.lines)
        for cell in (screen.buffer[y][x] for x in range(screen.columns))
    ]


def assert_clean(written):
    """The last word on every mode that was changed is to change it back."""
    for on, off in (
        (b"\x1b[?1049h", b"\x1b[?1049l"),
        (b"\x1b[?1000h", b"\x1b[?1000l"),
        (b"\x1b[?1003h", b"\x1b[?1003l"),
        (b"\x1b[?2004h", b"\x1b[?2004l"),
        (b"\x1b[?25l", b"\x1b[?25h"),
    ):
        assert written.rfind(off) > written.rfind(on) >= 0
