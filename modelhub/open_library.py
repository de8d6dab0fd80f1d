"""An open catalog with its settings: which thread may use it, and how models are named and found in it."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from modelhub.errors import UsageError
from modelhub.home import expand_home
from modelhub.progress import SILENT, Progress

if TYPE_CHECKING:
    from typing import Self

    from modelhub.catalog import Catalog
    from modelhub.config import Settings
    from modelhub.domain import ModelRecord

_Result = TypeVar("_Result")
Paths: TypeAlias = str | Path | Iterable[str | Path]
"""One path or several."""
Model: TypeAlias = "str | int | Path | ModelRecord"
"""A model: its record, its id, its path, or a reference such as its name or the start of a hash."""
Models: TypeAlias = "str | int | Path | ModelRecord | Sequence[str | int | Path | ModelRecord]"
"""Models: a query such as "type:lora arch:sdxl", a model, a folder, or a sequence of these; "" means all models."""


class OpenLibrary:
    """An open catalog with its settings, and the progress that long work reports to."""

    def __init__(self, settings: Settings, catalog: Catalog, progress: Progress) -> None:
        self._settings = settings
        self._open_catalog: Catalog | None = catalog
        self._progress = progress
        self._thread = threading.get_ident()

    @classmethod
    def open(
        cls,
        path: str | Path | None = None,
        *,
        config: str | Path | None = None,
        settings: Settings | None = None,
        create: bool = True,
        progress: Progress = SILENT,
    ) -> Self:
        """Open the library in a folder; without `path`, the one of the settings.

        `settings` holds all settings; without it they come from the environment and the file `config`, or the user's
        own file. Raise NotFoundError when there is no catalog and `create` is false, and CatalogError when the catalog
        is locked, damaged or of a newer version.
        """
        from dataclasses import replace

        from modelhub.catalog import Catalog
        from modelhub.config import load

        folder = absolute(path) if path is not None else None
        if settings is None:
            settings = load(file=Path(config) if config is not None else None, library=folder)
        elif folder is not None:
            settings = replace(settings, library=folder)
        return cls(settings, Catalog.open(settings.catalog_location, create=create), progress)

    def close(self) -> None:
        """Close the catalog. Closing twice does nothing. Raise UsageError in another thread."""
        if self._open_catalog is not None:
            self._catalog.close()
            self._open_catalog = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def path(self) -> Path:
        """The folder of the library."""
        return self._settings.library

    @property
    def settings(self) -> Settings:
        """The settings that were resolved when the library was opened."""
        return self._settings

    @property
    def _catalog(self) -> Catalog:
        if self._open_catalog is None:
            raise UsageError("This library is closed.", "Open it again.")
        if threading.get_ident() != self._thread:
            raise UsageError("This library was opened in another thread.", "Open one in each thread.")
        return self._open_catalog

    def models(self, query: str = "") -> list[ModelRecord]:
        """Return the models that match a query, such as "type:lora arch:sdxl -tag:draft sort:size-"; else all.

        Raise UsageError for an unknown field or value, with the nearest valid one.
        """
        from modelhub.operations.library.selection import query_from_text

        if not isinstance(query, str):
            raise UsageError(f"A query is a text, not a {type(query).__name__}.")
        return self._catalog.records(query_from_text(query, catalog=self._catalog))

    def find(self, model: Model) -> ModelRecord:
        """Return one model: by its id, path or name, a unique part of its name, or the start of a hash.

        Raise NotFoundError with the nearest names, or UsageError with the models that could be meant.
        """
        from modelhub.domain import ModelRecord
        from modelhub.operations.library.selection import one_model

        if isinstance(model, ModelRecord):
            return self._catalog.get(model.id)
        if isinstance(model, int) and not isinstance(model, bool):
            return self._catalog.get(model)
        return one_model(_reference(model), catalog=self._catalog)

    def _records(self, models: Models, *, explicitly: bool = False) -> list[ModelRecord]:
        """Return the models, each once. `explicitly`: refuse what does not say which models to take."""
        from modelhub.operations.library.selection import chosen_models, explicitly_chosen_models

        choose = explicitly_chosen_models if explicitly else chosen_models
        if models == "":
            return choose([], catalog=self._catalog)
        several = [models] if isinstance(models, str) or not isinstance(models, Sequence) else models
        found: dict[int, ModelRecord] = {}
        for model in several:
            if isinstance(model, str | os.PathLike):
                records = choose([_reference(model)], catalog=self._catalog)
            else:
                records = [self.find(model)]
            found |= {record.id: record for record in records}
        return list(found.values())

    def _file_or_id(self, model: Model) -> str:
        """Return a text that names a file or a model of the catalog."""
        return str(model) if isinstance(model, str | os.PathLike) else str(self.find(model).id)

    def _guarded(self, results: Iterator[_Result]) -> Iterator[_Result]:
        """Yield results; raise UsageError as methods do when the library is closed, or read in another thread."""
        while self._catalog and (found := next(results, None)) is not None:
            yield found


def absolute(path: object) -> Path:
    """Return an absolute path; `~` is the user's home. Raise UsageError for what is not a path, such as ""."""
    if not isinstance(path, str | os.PathLike):
        raise UsageError(f"A path is a text or a Path, not a {type(path).__name__}.")
    text = os.fspath(path)
    if not isinstance(text, str) or not text.strip():
        raise UsageError(f"{text!r} is not a path.", 'Write "." for the current folder.')
    if not _is_possible(text):
        raise UsageError(
            f"{text[:80]!r} cannot be the path of a file.", "It has characters or a length that no path has."
        )
    return expand_home(text).absolute()


def absolute_paths(paths: Paths) -> list[Path]:
    """Return one path or several as absolute paths. Raise UsageError for what is not a path."""
    if isinstance(paths, str | os.PathLike):
        return [absolute(paths)]
    if not isinstance(paths, Iterable):
        raise UsageError(f"A path is a text or a Path, not a {type(paths).__name__}.")
    return [absolute(path) for path in paths]


def _is_possible(path: str) -> bool:
    """Return whether there could be such a path: without NUL, characters that no path has, and names too long."""
    try:
        os.lstat(path)
    except ValueError:
        return False
    except OSError as exc:
        return exc.errno != errno.ENAMETOOLONG
    return True


def _reference(model: object) -> str:
    if isinstance(model, os.PathLike):
        return str(absolute(model))
    if not isinstance(model, str):
        raise UsageError(
            f"A model is named by a record, an id, a path or a text, not by a {type(model).__name__}.",
            "Give one of these, or a list of them where several models are possible.",
        )
    return model
