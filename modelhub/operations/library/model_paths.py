"""From the paths a user names to the model files that are meant."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from modelhub.errors import NotFoundError
from modelhub.storage.walk import walk


def find_models(paths: Iterable[Path]) -> Iterator[Path]:
    """Every file as named (whatever its suffix); in place of a plain folder the model files and folders inside it.

    Raises NotFoundError, before anything is done, when a path does not exist.
    """
    named = list(paths)
    for path in named:
        if not os.path.lexists(path):
            raise NotFoundError(f"There is nothing at {path}.", "Check the spelling; quote names with spaces.")
    for path in named:
        if path.is_dir() and not (path / "model_index.json").is_file():
            yield from (found.path for found in walk(path))
        else:
            yield path
