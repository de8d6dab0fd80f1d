"""A terminal of a chosen width in which tests run the real command, and read what a person sees."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyte

_ROWS = 400  # nothing scrolls away
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass(frozen=True)
class Shown:
    """What a command left on the screen, what it wrote, and its exit code."""

    screen: pyte.Screen
    written: str
    code: int

    @property
    def lines(self) -> list[str]:
        """The lines of the screen, without empty ones at the end."""
        lines = [line.rstrip() for line in self.screen.display]
        while lines and not lines[-1]:
            lines.pop()
        return lines

    @property
    def text(self) -> str:
        """The whole screen."""
        return "\n".join(self.lines)

    def color_of(self, word: str) -> str:
        """Return the color of the first place where `word` is shown."""
        row = next(number for number, line in enumerate(self.lines) if word in line)
        cells = [self.screen.buffer[row][column] for column in range(self.screen.columns)]
        place = "".join(cell.data for cell in cells).index(word)
        lengths = 0
        for cell in cells:
            if lengths >= place and cell.data:
                return cell.fg
            lengths += len(cell.data)
        raise AssertionError(word)


def run_in_terminal(*arguments: str, home: Path, columns: int = 80, **environment: str) -> Shown:
    """Run modelhub with its input and output on a terminal, with an empty home."""
    command = [sys.executable, "-m", "modelhub", *arguments]
    environ = {
        **os.environ,
        "MODELHUB_CONFIG": str(home / "config.toml"),
        "MODELHUB_LIBRARY": str(home / "library"),
        "HOME": str(home),
        "PYTHONUTF8": "1",
        "TERM": "xterm-256color",
    }
    for name in ("COLUMNS", "LINES", "NO_COLOR"):
        environ.pop(name, None)
    return run_command_in_terminal(command, columns=columns, environ={**environ, **environment})


def run_command_in_terminal(command: Sequence[str], *, columns: int, environ: dict[str, str]) -> Shown:
    """Run a command with its input and output on a terminal, and return what is on the screen at its end."""
    import fcntl
    import pty
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", _ROWS, columns, 0, 0))
    screen = pyte.Screen(columns, _ROWS)
    stream = pyte.ByteStream(screen)
    with subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=environ, start_new_session=True
    ) as process:
        os.close(theirs)
        written = b""
        while data := _read(ours):
            written += data
            stream.feed(data)
        os.close(ours)
    return Shown(screen, written.decode(), process.returncode)


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError as exc:  # Linux says so when the last program has closed the terminal
        if exc.errno == errno.EIO:
            return b""
        raise
