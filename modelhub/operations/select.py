"""From the paths a user names to the model files that are meant."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from modelhub.storage.walk import walk


def expand(paths: Iterable[Path]) -> Iterator[Path]:
    """Every file as named (whatever its suffix); in place of a plain folder the model files and folders inside it.

    A path that does not exist is passed on, so that it gets its own answer.
    """
    for path in paths:
        if path.is_dir() and not (path / "model_index.json").is_file():
            yield from (found.path for found in walk(path))
        else:
            yield path
