"""Settings: command line > environment > config.toml > default. Read once, frozen and passed in; never global.

Every key is one row of a table: `KEYS` here, and the keys that a source of models brings for its own section.
The example file (`config_example.py`), `modelhub config show` and the error for a misspelled key use the rows.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from modelhub.config_file import default_file, read_file
from modelhub.config_keys import KEYS, Key, convert
from modelhub.errors import Remedy, UsageError
from modelhub.home import expand_home


@dataclass(frozen=True, slots=True, kw_only=True)
class PullSection:
    """Preferences for the file of a model to pull."""

    purpose: str
    precision: str
    allow_pickle: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferSection:
    """Limits of downloads."""

    connections: int
    limit_rate: int
    stall_seconds: int
    retries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderSection:
    """Device, prompt, bases and limits of render tests."""

    device: str
    prompt: str
    bases: tuple[str, ...]
    timeout: int
    memory: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SortSection:
    """Layout and folder that `sort` uses when none is named."""

    layout: str
    into: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HashSection:
    """Number of files hashed at once."""

    workers: int


SECTIONS = {
    "pull": PullSection,
    "transfer": TransferSection,
    "render": RenderSection,
    "sort": SortSection,
    "hash": HashSection,
}


@dataclass(frozen=True, slots=True)
class Section(Mapping[str, Any]):
    """Values of a source's own section by field, and where each was set. The values never show in a repr."""

    values_by_field: Mapping[str, Any] = field(repr=False)
    origins: Mapping[str, str]

    def __getitem__(self, name: str) -> Any:
        return self.values_by_field[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.values_by_field)

    def __len__(self) -> int:
        return len(self.values_by_field)

    def text(self, name: str) -> str:
        """Return the value of a text."""
        return str(self.values_by_field[name])

    def texts(self, name: str) -> tuple[str, ...]:
        """Return the value of a list of texts."""
        return tuple(self.values_by_field[name])


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Everything that settings are read from. `given` wins over the environment, `stated` is what the file states."""

    path: Path
    stated: Mapping[str, Any] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict)
    given: Mapping[str, Any] = field(default_factory=dict)

    def value(self, key: Key) -> tuple[Any, str]:
        """Return the value of a key and where it was set. Raise UsageError for a value that the key does not take."""
        if key.name in self.given:
            return self.given[key.name], "command line"
        for variable in key.variables:
            if self.environ.get(variable):
                return convert(key, self.environ[variable], f"environment variable {variable}"), variable
        if key.name in self.stated:
            return convert(key, self.stated[key.name], f"{self.path}: {key.name}"), str(self.path)
        return convert(key, key.default, "default"), "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings, resolved. `origins` maps each name of `KEYS` to where its value was set."""

    library: Path
    catalog: str
    state: str
    language: str
    offline: bool
    pull: PullSection
    transfer: TransferSection
    render: RenderSection
    sort: SortSection
    hash: HashSection
    inputs: Inputs = field(repr=False)
    layouts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    origins: Mapping[str, str] = field(default_factory=dict)
    file: Path | None = None

    @property
    def state_folder(self) -> Path:
        """Return the folder for the records of shortcuts and for reports."""
        return expand_home(self.state).absolute() if self.state else _data_folder()

    @property
    def catalog_location(self) -> str:
        """Return the path or the URL of the catalog's database."""
        return self.catalog or str(self.library / "catalog.sqlite3")

    def section(self, keys: Sequence[Key]) -> Section:
        """Return the values of a source's own keys. Raise UsageError for a value that a key does not take."""
        found = [(key.field, *self.inputs.value(key)) for key in keys]
        return Section({name: value for name, value, _ in found}, {name: origin for name, _, origin in found})

    def lookup(self, key: Key) -> tuple[Any, str]:
        """Return the value of any key, of modelhub or of a source, and where it was set."""
        if key.name not in self.origins:
            return self.inputs.value(key)
        owner = getattr(self, key.section) if key.section else self
        return getattr(owner, key.field), self.origins[key.name]

    def with_values(self, values: Mapping[str, Any]) -> Settings:
        """Return these settings with other values, by name of the key ("transfer.retries")."""
        changed = self
        for name, value in values.items():
            section, _, last = name.rpartition(".")
            if not section:
                changed = replace(changed, **{last: value})
            elif section in SECTIONS:
                changed = replace(changed, **{section: replace(getattr(changed, section), **{last: value})})
            else:
                inputs = replace(changed.inputs, given={**changed.inputs.given, name: value})
                changed = replace(changed, inputs=inputs)
        return changed


def _data_folder() -> Path:
    import platformdirs

    return Path(platformdirs.user_data_dir("modelhub", appauthor=False))


def load(
    *,
    file: Path | None = None,
    library: Path | None = None,
    environ: Mapping[str, str] = os.environ,
    source_keys: Iterable[Key] | None = None,
) -> Settings:
    """Return the settings from the command line's values, the environment and the configuration file.

    A `file` that is named must exist; the platform's own need not. `source_keys` are consulted, one after the other,
    only where the file states something that is not in `KEYS`; with None such names are not checked.
    Raise UsageError that names the key (and the nearest valid one), the file or the variable.
    """
    path = file or default_file(environ)
    if file is not None and not file.is_file():
        raise UsageError(
            f"There is no configuration file at {file}.", Remedy("Write one from the example file.", "write-config")
        )
    stated, layouts = read_file(path)
    inputs = Inputs(path=path, stated=stated, environ=dict(environ))
    _check_names(inputs, source_keys)
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for key in KEYS:
        values[key.name], origins[key.name] = inputs.value(key)
    if library is not None:
        values["library"], origins["library"] = expand_home(library), "--library"
    values["library"] = Path(os.path.abspath(values["library"]))  # noqa: PTH100 - resolve() would follow links
    sections = {
        name: section(**{each.name: values[f"{name}.{each.name}"] for each in fields(section)})
        for name, section in SECTIONS.items()
    }
    top = {name: value for name, value in values.items() if "." not in name}
    found = path if path.is_file() else None
    return Settings(**top, **sections, inputs=inputs, layouts=layouts, origins=origins, file=found)


def _check_names(inputs: Inputs, source_keys: Iterable[Key] | None) -> None:
    """Raise UsageError for a name in the file that is not a key, or a value that its key does not take."""
    names = {key.name for key in KEYS}
    unknown = [name for name in inputs.stated if name not in names]
    if not unknown or source_keys is None:
        return
    for key in source_keys:
        names.add(key.name)
        if key.name in unknown:
            convert(key, inputs.stated[key.name], f"{inputs.path}: {key.name}")
            unknown.remove(key.name)
        if not unknown:
            return
    raise UsageError(f"{inputs.path}: there is no setting `{unknown[0]}`.", _nearest(unknown[0], names))


def _nearest(name: str, known: Iterable[str]) -> Remedy:
    word = name.rsplit(".", 1)[-1]
    names = sorted(known)
    by_word: dict[str, str] = {}
    for each in names:
        by_word.setdefault(each.rsplit(".", 1)[-1], each)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.75) if word not in by_word else [by_word[word]]
    near = near or [by_word[w] for w in difflib.get_close_matches(word, by_word, n=1, cutoff=0.6)]
    return (
        Remedy(f"Did you mean `{near[0]}`?")
        if near
        else Remedy("The example file lists all settings.", "list-settings")
    )


def all_keys(source_keys: Iterable[Key]) -> tuple[Key, ...]:
    """Return all keys in the order in which they are shown: the top level, the sources, modelhub's other sections."""
    top = [key for key in KEYS if not key.section]
    return (*top, *source_keys, *(key for key in KEYS if key.section))
