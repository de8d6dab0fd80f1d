"""Find the models that are meant by paths of files and folders."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from modelhub.errors import NotFoundError
from modelhub.storage.walk import FoundModel, walk


def existing_paths(paths: Iterable[Path | str]) -> tuple[Path, ...]:
    """Return the paths, made absolute. Raise NotFoundError for the first that does not exist."""
    found = tuple(Path(path).absolute() for path in paths)
    for path in found:
        if not os.path.lexists(path):
            raise absent_error(path)
    return found


def split_absent(paths: Iterable[Path | str]) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """Return the paths that exist, made absolute, and those that do not. Raise NotFoundError if there is only one."""
    every = tuple(Path(path).absolute() for path in paths)
    if len(every) == 1:
        return existing_paths(every), ()
    found = tuple(path for path in every if os.path.lexists(path))
    return found, tuple(path for path in every if path not in found)


def absent_error(path: Path) -> NotFoundError:
    """Return the error for a path that does not exist."""
    return NotFoundError(f"{path} does not exist.", "Check the spelling; quote names with spaces.")


def find_models(
    paths: Iterable[Path],
    *,
    on_problem: Callable[[Path, str], None] | None = None,
    on_pass: Callable[[Path, str], None] | None = None,
) -> Iterator[FoundModel]:
    """Yield every file as named, whatever its suffix, and in place of a plain folder the models in it.

    What cannot be read is reported to `on_problem(path, reason)`, and what `walk` passes over to
    `on_pass(path, sentence)`.
    """
    for path in paths:
        if not path.is_dir():
            status = path.stat() if path.exists() else path.lstat()
            yield FoundModel(path, status.st_size, status.st_mtime_ns, status.st_ino)
        elif is_diffusers_folder(path):
            status = path.stat()
            yield FoundModel(path, status.st_size, status.st_mtime_ns, status.st_ino, "diffusers")
        else:
            yield from walk(path, on_problem=on_problem, on_pass=on_pass)


def is_diffusers_folder(path: Path) -> bool:
    """Return whether the folder is a model itself."""
    return (path / "model_index.json").is_file()
