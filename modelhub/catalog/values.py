"""The values that go into the catalog and come out of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modelhub.domain import HARMLESS, Inspection, LocationState, Source, TriggerWord


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """A folder with models; locations are kept relative to it.

    Not `whole`: only single files in it were added, so a scan looks for these and adds no others.
    """

    id: int
    name: str
    path: Path
    whole: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLocation:
    """The place where a file is now. `size` in bytes, `mtime_ns` and `inode` as `os.stat` gives them."""

    path: Path
    size: int
    mtime_ns: int
    inode: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFile:
    """One file of a model. `inspection.hashes` must be set. `fingerprints` is JSON-ready, None when not computed."""

    inspection: Inspection
    location: NewLocation
    role: str = "weights"
    fingerprints: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewModel:
    """A model to record. `files[0]` is its main file; `inspection` is about the whole where it has several files."""

    name: str
    files: tuple[NewFile, ...]
    inspection: Inspection | None = None
    sources: tuple[Source, ...] = ()
    tags: tuple[str, ...] = ()
    trigger_words: tuple[TriggerWord, ...] = ()
    notes: str = ""
    rules_version: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownLocation:
    """A place that the catalog knows, for a scan to compare with."""

    id: int
    relative: str
    size: int
    mtime_ns: int
    inode: int | None
    state: LocationState
    sha256: str
    model_id: int


@dataclass(frozen=True, slots=True)
class Term:
    """One condition of a query: a field, how its value is compared, and the value in the form that the field has.

    `field` is "" for a word, which is looked for in names, trigger words, tags and notes. `comparison` is "=", "<",
    "<=", ">" or ">=". `negated`: the models for which the condition does not hold.
    """

    field: str
    value: str | int
    comparison: str = "="
    negated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelQuery:
    """The models for which every term holds, in an order.

    `sort` is one of `fields.SORTS`. `after` is a row of the page before: the answer then starts behind it.
    """

    terms: tuple[Term, ...] = ()
    sort: str = "name"
    reverse: bool = False
    limit: int | None = None
    after: ModelRow | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRow:
    """One row of a listing. `problems` is how many there are, `places` how many copies are present."""

    id: int
    name: str
    type: str
    architecture: str | None
    architecture_candidates: tuple[str, ...]
    variant: str | None
    precision: str | None
    style: str
    trigger_words: tuple[str, ...]
    format: str
    size: int
    state: str
    verdict: str
    problems: int
    broken: bool
    places: int
    added_at: str
    path: Path | None

    @property
    def is_usable(self) -> bool:
        """Whether the model can be used as it is: present, whole and harmless."""
        return self.state == LocationState.PRESENT and self.verdict in HARMLESS and not self.broken


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """The numbers of models, in all and by type, state and verdict; `size` in bytes."""

    models: int
    size: int
    by_type: Mapping[str, int]
    by_state: Mapping[str, int]
    by_verdict: Mapping[str, int]
    broken: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DuplicateGroup:
    """A group of equal contents: places for level "file", models for "weights" and the component levels."""

    digest: str
    level: str
    size: int
    paths: tuple[Path, ...]
    model_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """A query to a service about one content: when (ISO 8601, UTC), and whether the service knew it."""

    sha256: str
    asked_at: str
    found: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A change on disk that can be undone. `state`: running, done, failed, undone …; times are ISO 8601 in UTC.

    Not `readable`: its parameters are not a JSON object, and are empty here.
    """

    id: int
    kind: str
    state: str
    parameters: Mapping[str, Any]
    started_at: str
    finished_at: str | None = None
    readable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class NewStep:
    """A step to be done: the action, from where, to where, and in `detail` whatever undo needs."""

    action: str
    source: str = ""
    target: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step in the journal. `state`: planned, done, undone, or dropped (never done).

    Not `readable`: its detail is not a JSON object, and is empty here.
    """

    id: int
    operation_id: int
    position: int
    action: str
    source: str
    target: str
    detail: Mapping[str, Any]
    state: str
    readable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderRun:
    """The result of one render test of a model.

    `pictures` maps a kind ("base", "full", "half", "difference") to a path relative to the library. `key` changes when
    the recipe or one of the files does. `id` is 0 before the run is stored.
    """

    model_id: int
    verdict: str
    words: str
    base_model_id: int | None = None
    base_name: str = ""
    recipe: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    pictures: Mapping[str, str] = field(default_factory=dict)
    key: str = ""
    seconds: float = 0.0
    started_at: str = ""
    id: int = 0
