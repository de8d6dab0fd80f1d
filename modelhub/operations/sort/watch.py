"""Watch a folder for files that arrive and have stopped growing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modelhub.errors import ModelhubError, NotFoundError
from modelhub.storage.model_names import is_unfinished_name
from modelhub.storage.walk import begins_like_model

QUIET = 5.0  # seconds without a change after which a file is complete
_TICK = 0.5


@dataclass
class Arrivals:
    """Changed paths with their size and time of change, and when that was seen. Thread-safe."""

    quiet: float = QUIET
    clock: Callable[[], float] = time.monotonic
    _waiting: dict[Path, tuple[tuple[int, int], float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, path: Path) -> None:
        """Record that something happened to a path; hidden files and unfinished downloads do not count."""
        if path.name.startswith(".") or is_unfinished_name(path.name):
            return
        with self._lock:
            self._waiting[path] = (_state(path), self.clock())

    def ready(self) -> list[Path]:
        """Return the models and archives that have not changed for the quiet time, and forget all such files."""
        now, done = self.clock(), []
        with self._lock:
            for path, (state, since) in list(self._waiting.items()):
                current = _state(path)
                if current == (-1, 0):
                    del self._waiting[path]  # it was removed again
                elif current != state:
                    self._waiting[path] = (current, now)
                elif now - since >= self.quiet:
                    done.append(path)
                    del self._waiting[path]
        return sorted(path for path in done if begins_like_model(path))


def _state(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError:
        return -1, 0
    return status.st_size, status.st_mtime_ns


def watch(folder: Path, *, stop: threading.Event, quiet: float = QUIET) -> Iterator[list[Path]]:
    """Yield batches of files that have arrived in the folder or below, until `stop` is set.

    Raise ModelhubError when the folder cannot be watched, or no longer exists.
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
        raise ModelhubError(
            f"{folder} cannot be watched: {exc.strerror or exc}.",
            "Linux limits watches. Raise fs.inotify.max_user_watches, or watch a smaller folder.",
        ) from exc
    try:
        while not stop.wait(_TICK):
            if not folder.is_dir():
                raise NotFoundError(f"{folder} no longer exists.", "Start watching again when it is back.")
            if batch := arrivals.ready():
                yield batch
    finally:
        observer.stop()
        observer.join(5.0)


def _text(name: str | bytes) -> str:
    return name.decode("utf-8", "surrogateescape") if isinstance(name, bytes) else name


def _below(path: Path) -> Iterator[Path]:
    """Yield the path itself, or the files of a folder that was moved in as a whole."""
    if path.is_dir():
        yield from (found for found in path.rglob("*") if found.is_file())
    else:
        yield path
