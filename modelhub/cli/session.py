"""The state of one run of the command line: common options, settings, catalog and progress display."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelhub.config import Settings, load
from modelhub.progress import Progress

if TYPE_CHECKING:
    from modelhub.catalog import Catalog
    from modelhub.config_keys import Key


def _source_keys() -> Iterator[Key]:
    from modelhub.fetch.sources.registry import source_keys  # costs time that most commands need not spend

    yield from source_keys()


@dataclass
class Session:
    """Options given before or after the command, and what is opened lazily from them.

    `may_create`: the command may create the library and its catalog; other commands report that there is none.
    """

    json: bool = False
    config: Path | None = None
    library: Path | None = None
    progress_form: str = "bars"
    may_create: bool = False
    _opened: list[Catalog] = field(default_factory=list)

    @cached_property
    def settings(self) -> Settings:
        """The settings, with the common options of the command line applied."""
        return load(file=self.config, library=self.library, source_keys=_source_keys())

    def adjust(self, values: Mapping[str, Any]) -> None:
        """Apply a command's own options to the settings, by name of the key, before the settings are used."""
        self.settings = self.settings.with_values(values)

    @cached_property
    def catalog(self) -> Catalog:
        """The catalog, opened on first use and closed when the command ends.

        Raise NotFoundError when there is none and the command may not create one.
        """
        from modelhub.catalog import Catalog
        from modelhub.errors import NotFoundError, Remedy

        location = self.settings.catalog_location
        if not self.may_create and not self.has_catalog:
            message = f"There is no catalog at {location}."
            if not self.settings.catalog:
                message = f"There is no library at {self.settings.library}."
            raise NotFoundError(message, Remedy("Add a folder of models to create one.", "add-folder"))
        catalog = Catalog.open(location, create=self.may_create)
        self._opened.append(catalog)
        return catalog

    @property
    def has_catalog(self) -> bool:
        """Whether there is a catalog; one in a database server is assumed."""
        location = self.settings.catalog_location
        return "://" in location or Path(location).exists()

    @cached_property
    def progress(self) -> Progress:
        """Bars on a terminal, only notes elsewhere; events as JSON lines when asked for."""
        from modelhub.cli.progress import JsonProgress, TerminalProgress

        if self.progress_form == "json":
            return JsonProgress(sys.stderr)
        if self.progress_form == "none":
            return TerminalProgress(bars=False)
        return TerminalProgress(bars=sys.stderr.isatty())

    def close(self) -> None:
        """Close what was opened."""
        for catalog in self._opened:
            catalog.close()
