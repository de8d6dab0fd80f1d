"""A row of the registry: everything that the rest of modelhub knows about a source of models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from modelhub.config import Section, Settings
from modelhub.config_keys import Key
from modelhub.fetch.fetcher import Fetcher


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRow:
    """A source of models. `kind` is its word in the catalog and in JSON, `name` its name for people.

    `keys` are the settings of its own section, `make` makes its fetcher from all settings and that section.
    """

    kind: str
    name: str
    keys: tuple[Key, ...] = ()
    make: Callable[[Settings, Section], Fetcher]
