"""A desktop session of its own: an X server without a screen, a session bus, a window manager, a home folder."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

PROGRAMS = ("Xvfb", "dbus-daemon", "openbox", "xdotool", "scrot", "gio")
Spot = tuple[int, int]


def missing(*programs: str) -> list[str]:
    """Return the programs that are not installed."""
    return [program for program in (*PROGRAMS, *programs) if shutil.which(program) is None]


class Screen:
    """Start with `with`; everything that was started in it ends with it."""

    def __init__(self, home: Path, environ: Mapping[str, str] | None = None) -> None:
        self.home = home
        self.desktop = home / "Desktop"
        self.environ = dict(environ or {})
        self.started: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Screen:
        self._prepare()
        reader, writer = os.pipe()
        words = ["Xvfb", "-displayfd", str(writer), "-screen", "0", "1024x768x24", "-nolisten", "tcp"]
        self.start(words, pass_fds=(writer,))
        os.close(writer)
        with os.fdopen(reader) as told:
            self.environ["DISPLAY"] = f":{told.readline().strip()}"
        bus = self.start(["dbus-daemon", "--session", "--nofork", "--print-address=1"], stdout=subprocess.PIPE)
        assert bus.stdout is not None
        self.environ["DBUS_SESSION_BUS_ADDRESS"] = bus.stdout.readline().decode().strip()
        self.start(["openbox"])
        return self

    def __exit__(self, *_: object) -> None:
        for process in reversed(self.started):
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
            finally:
                process.wait()
                if process.stdout:
                    process.stdout.close()

    def _prepare(self) -> None:
        runtime = self.home / "run"
        for folder in (self.desktop, runtime, self.home / ".config" / "libfm"):
            folder.mkdir(parents=True, exist_ok=True)
        runtime.chmod(0o700)
        (self.home / ".config" / "libfm" / "libfm.conf").write_text("[config]\nquick_exec=1\n")
        (self.home / ".config" / "user-dirs.dirs").write_text('XDG_DESKTOP_DIR="$HOME/Desktop"\n')
        self.environ |= {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "XDG_RUNTIME_DIR": str(runtime),
            "NO_AT_BRIDGE": "1",
        }

    def start(
        self, words: Sequence[str], *, stdout: int = subprocess.DEVNULL, pass_fds: tuple[int, ...] = ()
    ) -> subprocess.Popen[bytes]:
        """Run a program until the session ends."""
        process = subprocess.Popen(
            words,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.DEVNULL,
            pass_fds=pass_fds,
            start_new_session=True,
        )
        self.started.append(process)
        return process

    def run(self, *words: str) -> str:
        """Return what a program printed. Raise CalledProcessError with what it complained about."""
        done = subprocess.run(words, env=self.environ, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        assert done.returncode == 0, f"{words}: {done.stderr}"
        return done.stdout

    def window(self, program: str, *words: str) -> None:
        """Open a program and wait until its window has been drawn."""
        self.start([program, *words])
        self.run("xdotool", "search", "--sync", "--onlyvisible", "--class", program)
        self.settle()

    def picture(self, path: Path | None = None) -> Path:
        """Take a screenshot."""
        target = path or self.home / "shot.png"
        self.run("scrot", "-o", str(target))
        return target

    def settle(self, *, seconds: float = 20.0) -> None:
        """Wait until two screenshots in a row are equal."""
        before = b""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            time.sleep(0.8)
            now = self._pixels()
            if now == before:
                return
            before = now

    def _pixels(self) -> bytes:
        from PIL import Image

        with Image.open(self.picture()) as image:
            return image.convert("RGB").tobytes()

    def color(self, red: int, green: int, blue: int, *, seconds: float = 20.0) -> Spot:
        """Return the middle of everything in that color, once there is something."""
        import numpy
        from PIL import Image

        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with Image.open(self.picture()) as image:
                pixels = numpy.asarray(image.convert("RGB")).astype(int)
            found = numpy.argwhere(numpy.abs(pixels - (red, green, blue)).sum(axis=2) < 12)
            if len(found) > 20:
                y, x = found.mean(axis=0)
                return int(x), int(y)
            time.sleep(0.5)
        raise AssertionError(f"nothing on the screen has the color {red}, {green}, {blue}")

    def double_click(self, spot: Spot) -> None:
        """Click with the left button."""
        self.run("xdotool", "mousemove", *map(str, spot), "click", "--repeat", "2", "--delay", "120", "1")

    def drag(self, start: Spot, end: Spot) -> None:
        """Press, move in steps as a hand does, release."""
        self.run("xdotool", "mousemove", *map(str, start), "mousedown", "1")
        for step in range(1, 21):
            spot = (round(a + (b - a) * step / 20) for a, b in zip(start, end, strict=True))
            self.run("xdotool", "mousemove", *map(str, spot))
            time.sleep(0.03)
        time.sleep(0.4)
        self.run("xdotool", "mouseup", "1")


def wait_for(what: Callable[[], bool], *, seconds: float = 30.0) -> bool:
    """Return whether it became true in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if what():
            return True
        time.sleep(0.1)
    return what()
