"""Core domain types, frozen. Nothing here reads a file, a database or the network."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

# An architecture is a text such as "sd1" or "sdxl"; the known ones are rows of detect/rules.
Architecture = str


class Format(StrEnum):
    """A container format, recognized by content."""

    SAFETENSORS = "safetensors"
    TORCH_ZIP = "torch-zip"
    TORCH_LEGACY = "torch-legacy"
    PICKLE = "pickle"
    GGUF = "gguf"
    DIFFUSERS = "diffusers"
    UNKNOWN = "unknown"


class ModelType(StrEnum):
    """A type of model. The first five are those that can be render-tested."""

    BASE = "base"
    VAE = "vae"
    LORA = "lora"
    EMBEDDING = "embedding"
    HYPERNETWORK = "hypernetwork"
    CONTROLNET = "controlnet"
    T2I_ADAPTER = "t2i-adapter"
    IP_ADAPTER = "ip-adapter"
    UPSCALER = "upscaler"
    TEXT_ENCODER = "text-encoder"
    CLIP_VISION = "clip-vision"
    MOTION_MODULE = "motion-module"
    VAE_APPROX = "vae-approx"
    UNET = "unet"
    OTHER = "other"
    UNKNOWN = "unknown"


class Variant(StrEnum):
    """The weight sets of a base checkpoint that a file holds."""

    FULL = "full"
    PRUNED = "pruned"
    PRUNED_EMAONLY = "pruned-emaonly"
    PRUNED_NOEMA = "pruned-noema"
    SINGLE = "single"
    EMA_ORPHAN = "ema-orphan"


class Style(StrEnum):
    """A style family."""

    OFFICIAL = "official"
    ANIME = "anime"
    REALISTIC = "realistic"
    TWO_POINT_FIVE_D = "2.5d"
    UNKNOWN = "unknown"


class Verdict(StrEnum):
    """The result of a safety scan: whether loading a file could run code."""

    SAFE = "safe"
    SAFE_LEGACY = "safe-legacy"
    SUSPICIOUS = "suspicious"
    DANGEROUS = "dangerous"
    UNRECOGNISED = "unrecognised"


HARMLESS = (Verdict.SAFE, Verdict.SAFE_LEGACY)  # of files with nothing but data and harmless helpers


class LocationState(StrEnum):
    """The state of a known place of a file. Unavailable: the folder that it is in is out of reach."""

    PRESENT = "present"
    MISSING = "missing"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One reason for one answer: `about` names the answer ("architecture"), `because` the fact behind it."""

    about: str
    because: str


@dataclass(frozen=True, slots=True)
class TriggerWord:
    """A prompt word that activates a model, and where it was found."""

    word: str
    source: str


@dataclass(frozen=True, slots=True)
class StyleAnswer:
    """A style family with a confidence between 0 and 1."""

    value: Style = Style.UNKNOWN
    confidence: float = 0.0


@dataclass(frozen=True, slots=True)
class SafetyReport:
    """The verdict on a file, and what was found, each finding one sentence that names module, name and place."""

    verdict: Verdict
    findings: tuple[str, ...] = ()


_SHA256 = re.compile(r"[0-9a-f]{64}")


def is_sha256(text: str) -> bool:
    """Return whether a text is a SHA-256 in lower-case hex."""
    return _SHA256.fullmatch(text) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hashes:
    """Hashes of one file, lower-case hex. Definitions: README, section Hashes.

    `autov1` is None for files of 1 MiB or less (it would be the hash of nothing); `autov3` is the SHA-256 of a
    safetensors file's data part cut to 12 digits, None for other formats.
    """

    sha256: str
    blake3: str
    crc32: str
    autov1: str | None = None
    autov3: str | None = None

    @property
    def autov2(self) -> str:
        """The first ten digits of the SHA-256."""
        return self.sha256[:10]


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """The answers about a file, with the evidence for each. A field that does not apply is None or empty.

    `architecture_candidates`: the architectures that fit when the file cannot tell which; `rank` is that of an adapter,
    `vectors` the number of an embedding's vectors.
    """

    type: ModelType = ModelType.UNKNOWN
    architecture: Architecture | None = None
    architecture_candidates: tuple[Architecture, ...] = ()
    subtype: str | None = None
    algorithm: str | None = None
    rank: int | None = None
    variant: Variant | None = None
    precision: str | None = None
    prediction: str | None = None
    components: tuple[str, ...] = ()
    has_ema: bool = False
    vectors: int | None = None
    trigger_words: tuple[TriggerWord, ...] = ()
    style: StyleAnswer = StyleAnswer()
    problems: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """The result of inspecting a file, or a diffusers folder. `size` is in bytes.

    `problems` are those of the container, then those of the content. `broken`: it cannot be loaded as it is. `members`
    are the models in an archive; the path of each is that of the archive with the member's name behind it.
    """

    path: Path
    size: int
    format: Format
    detection: Detection
    safety: SafetyReport
    hashes: Hashes | None = None
    problems: tuple[str, ...] = ()
    broken: bool = False
    members: tuple[Inspection, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A source of a model. `kind` is that of the source's row in the registry, such as "huggingface", or "local".

    `reference` can be pulled again; `requested` is what the user named, where that has moved since. `scan` is
    the source's own malware verdict ("safe", "unsafe", "queued" …), `base_model` its free-text base ("SD 1.5").
    """

    kind: str
    reference: str
    requested: str | None = None
    revision: str | None = None
    commit: str | None = None
    url: str | None = None
    path: str | None = None
    license: str | None = None
    fetched_at: str | None = None
    scan: str | None = None
    base_model: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """A place of a file: a named root and a path relative to it, with `/` as separator. `size` is in bytes."""

    root: str
    root_path: Path
    relative: str
    size: int
    mtime_ns: int
    inode: int | None = None
    state: LocationState = LocationState.PRESENT

    @property
    def path(self) -> Path:
        """The absolute path."""
        return self.root_path / self.relative


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRecord:
    """A content, identified by its SHA-256, with every place that it is in. `size` is in bytes."""

    id: int
    sha256: str
    size: int
    format: Format
    hashes: Hashes
    detection: Detection
    safety: SafetyReport
    problems: tuple[str, ...] = ()
    broken: bool = False
    rules_version: int = 0
    locations: tuple[Location, ...] = ()
    role: str = "weights"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRecord:
    """A model of the catalog. `size` is that of all its files, in bytes.

    `detection` is what was detected, with the user's own values in the fields that `overrides` names. `state` is the
    best state of the places of its main file; `added_at` is ISO 8601 in UTC.
    """

    id: int
    name: str
    detection: Detection
    format: Format
    size: int
    safety: SafetyReport
    state: LocationState
    problems: tuple[str, ...] = ()
    files: tuple[FileRecord, ...] = ()
    sources: tuple[Source, ...] = ()
    tags: tuple[str, ...] = ()
    notes: str = ""
    overrides: Mapping[str, str] = field(default_factory=dict)
    added_at: str = ""

    @property
    def main(self) -> FileRecord:
        """The main file: the only one, except in diffusers folders."""
        return self.files[0]

    @property
    def path(self) -> Path | None:
        """The best place of the main file, or the folder of a diffusers model; None for a model without a place."""
        places = self.files[0].locations if self.files else ()
        if not places:
            return None
        if self.format is Format.DIFFUSERS:
            return self._folder(places)
        return min(places, key=lambda place: place.state is not LocationState.PRESENT).path

    def _folder(self, places: tuple[Location, ...]) -> Path:
        """Return the folder with most of the files: many pipelines have the same `model_index.json`."""
        present_at = {
            place.path: place.state is LocationState.PRESENT for file in self.files for place in file.locations
        }

        def fit(folder: Path) -> tuple[int, int]:
            found = [present_at[folder / file.role] for file in self.files if folder / file.role in present_at]
            return sum(found), len(found)

        return max((place.path.parent for place in places), key=fit)
