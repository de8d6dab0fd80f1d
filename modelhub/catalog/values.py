"""What goes into the catalog and what comes out of it, frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modelhub.domain import Inspection, LocationState, Source, TriggerWord


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """A folder under which models lie; locations are kept relative to it, so that it can move.

    Not `whole`: only single files in it were added, so a scan looks for these and takes in no others.
    """

    id: int
    name: str
    path: Path
    whole: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLocation:
    """Where a file lies now. `size` in bytes, `mtime_ns` and `inode` as `os.stat` gives them."""

    path: Path
    size: int
    mtime_ns: int
    inode: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFile:
    """One file of a model. `inspection.hashes` must be there. `fingerprints` is JSON-ready, None when not computed."""

    inspection: Inspection
    location: NewLocation
    role: str = "weights"
    fingerprints: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewModel:
    """A model to record. `files[0]` stands for it; `inspection` is about the whole where it has several files."""

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
    """What a scan compares a path with."""

    id: int
    relative: str
    size: int
    mtime_ns: int
    inode: int | None
    state: LocationState
    sha256: str
    model_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelQuery:
    """Which models, in which order. `sort`: name, type, architecture, size or added. `text`: part of the name.

    `after` is a row of the page before: the answer then starts behind it.
    """

    text: str | None = None
    type: str | None = None
    architecture: str | None = None
    style: str | None = None
    variant: str | None = None
    precision: str | None = None
    verdict: str | None = None
    trigger: str | None = None
    tag: str | None = None
    missing: bool = False
    duplicates: bool = False
    sort: str = "name"
    reverse: bool = False
    limit: int | None = None
    after: ModelRow | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRow:
    """One line of a listing. Words as the catalog spells them; `problems` is how many there are."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many models there are, in all and by each word."""

    models: int
    size: int
    by_type: Mapping[str, int]
    by_state: Mapping[str, int]
    by_verdict: Mapping[str, int]
    broken: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicates:
    """One content held more than once: places for level "file", models for "weights" and the component levels."""

    digest: str
    level: str
    size: int
    paths: tuple[Path, ...]
    model_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """When a service was asked about a content (ISO 8601, UTC), and whether it knew it."""

    sha256: str
    asked_at: str
    found: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One change of the disk that can be undone. `state`: running, done, failed, undone …; times are ISO 8601 UTC.

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
    """One intended step: what (`action`), from where, to where, and whatever undo needs in `detail`."""

    action: str
    source: str = ""
    target: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step in the journal. `state`: planned (the intent is durable), done, undone (taken back) or dropped.

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
    """How one render test of a model ended. `pictures`: kind ("base", "full", "half", "difference") → path relative to
    the library; `key` changes when the recipe or one of the files does; `id` 0: not stored yet.
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
