"""Watch a folder: what arrives and has stopped growing is sorted, by the same rules as `sort`."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modelhub.errors import ModelhubError
from modelhub.storage.walk import is_model_name

QUIET = 5.0  # seconds without a change after which a file has arrived
_TICK = 0.5


@dataclass
class Arrivals:
    """Paths that something happened to, with the look and the time of their last change. Thread-safe."""

    quiet: float = QUIET
    clock: Callable[[], float] = time.monotonic
    _waiting: dict[Path, tuple[tuple[int, int], float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, path: Path) -> None:
        """Something happened to a path; only names of models count."""
        if not is_model_name(path.name):
            return
        with self._lock:
            self._waiting[path] = (_look(path), self.clock())

    def ready(self) -> list[Path]:
        """Files that have not changed for the quiet time; they are forgotten by that."""
        now, done = self.clock(), []
        with self._lock:
            for path, (look, since) in list(self._waiting.items()):
                fresh = _look(path)
                if fresh == (-1, 0):
                    del self._waiting[path]  # gone again
                elif fresh != look:
                    self._waiting[path] = (fresh, now)
                elif now - since >= self.quiet:
                    done.append(path)
                    del self._waiting[path]
        return sorted(done)


def _look(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError:
        return -1, 0
    return status.st_size, status.st_mtime_ns


def watch(folder: Path, *, stop: threading.Event, quiet: float = QUIET) -> Iterator[list[Path]]:
    """Batches of files that have arrived in the folder or below, until `stop` is set.

    Raises ModelhubError when the folder cannot be watched, or is gone later.
    """
    from watchdog.events import FileSystemEvent, FileSystemEventHandler
    from watchdog.observers import Observer

    arrivals = Arrivals(quiet=quiet)

    class Handler(FileSystemEventHandler):
        def on_any_event(self, event: FileSystemEvent) -> None:
            for name in (event.dest_path, event.src_path):
                for path in _below(Path(_text(name))) if name else ():
                    arrivals.note(path)

    observer: Any = Observer()
    try:
        observer.schedule(Handler(), str(folder), recursive=True)
        observer.start()
    except OSError as exc:
        hint = "Linux limits watches: raise fs.inotify.max_user_watches, or watch a smaller folder."
        raise ModelhubError(f"{folder} cannot be watched: {exc.strerror or exc}.", hint) from exc
    try:
        while not stop.wait(_TICK):
            if not folder.is_dir():
                raise ModelhubError(f"{folder} is not there any more.", "Start watching again when it is back.")
            if batch := arrivals.ready():
                yield batch
    finally:
        observer.stop()
        observer.join(5.0)


def _text(name: str | bytes) -> str:
    return name.decode("utf-8", "surrogateescape") if isinstance(name, bytes) else name


def _below(path: Path) -> Iterator[Path]:
    """The path itself, or the files of a folder that was moved in as a whole."""
    if path.is_dir():
        yield from (found for found in path.rglob("*") if is_model_name(found.name) and found.is_file())
    else:
        yield path
