"""The nouns of the trade, frozen. Nothing here reads a file, a database or the network."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

# An architecture is a word such as "sd1" or "sdxl"; the known ones are rows of detect/architectures.py.
Architecture = str


class Format(StrEnum):
    """What a file is, by its content."""

    SAFETENSORS = "safetensors"
    TORCH_ZIP = "torch-zip"
    TORCH_LEGACY = "torch-legacy"
    PICKLE = "pickle"
    GGUF = "gguf"
    DIFFUSERS = "diffusers"
    UNKNOWN = "unknown"


class ModelType(StrEnum):
    """What a model is for. The first five are the user's own words."""

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
    """Which weight sets of a base checkpoint a file holds."""

    FULL = "full"
    PRUNED = "pruned"
    PRUNED_EMAONLY = "pruned-emaonly"
    PRUNED_NOEMA = "pruned-noema"
    SINGLE = "single"
    EMA_ORPHAN = "ema-orphan"


class Style(StrEnum):
    """Style family."""

    OFFICIAL = "official"
    ANIME = "anime"
    REALISTIC = "realistic"
    TWO_POINT_FIVE_D = "2.5d"
    UNKNOWN = "unknown"


class Verdict(StrEnum):
    """Whether loading a file could run code."""

    SAFE = "safe"
    SAFE_LEGACY = "safe-legacy"
    SUSPICIOUS = "suspicious"
    DANGEROUS = "dangerous"
    UNRECOGNISED = "unrecognised"


class LocationState(StrEnum):
    """Whether a file is where the catalog last saw it. `unavailable`: its whole root is out of reach."""

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
    """A word that wakes a model up in a prompt, and where it was found."""

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
    """What a file is, with the evidence of every answer. A field that does not apply is None or empty."""

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
class Hints:
    """What is known about a file besides its bytes; never decides type or architecture against the tensors.

    `names`: file, folder and repository names, most telling first. `repository`: "org/name" at the hub.
    `tags` and `trigger_words` come from the source that the file was pulled from; `base_model` is that source's
    free-text base ("SD 1.5", "Pony").
    """

    names: tuple[str, ...] = ()
    repository: str | None = None
    tags: tuple[str, ...] = ()
    trigger_words: tuple[TriggerWord, ...] = ()
    base_model: str | None = None
    sha256: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """Everything that one look at a file says. `path` may be a diffusers folder; `size` is in bytes.

    `problems` are all the file's problems: those of its container, then those of its content.
    """

    path: Path
    size: int
    format: Format
    detection: Detection
    safety: SafetyReport
    hashes: Hashes | None = None
    problems: tuple[str, ...] = ()
    broken: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a model came from. `kind` is "huggingface", "civitai", "modelscope", "url" or "local".

    `reference` is what can be pulled again; `requested` what the user asked for when that name has moved. `scan` is
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
    """One place where a file lies: a named root and a path relative to it with `/` as separator."""

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
    """One content, known by its SHA-256, and every place where it lies."""

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
    """A model as the user sees it: detected answers with the user's own words laid over them.

    `detection` is the effective one; `overrides` says which of its fields are the user's. `state` is the best state
    of the model's main file's locations; `added_at` is ISO 8601 in UTC.
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
        """The file that stands for the model (the only one, for all but diffusers folders)."""
        return self.files[0]

    @property
    def path(self) -> Path | None:
        """Where the model lies: its main file's best location, or the folder of a diffusers model."""
        places = self.files[0].locations if self.files else ()
        if not places:
            return None
        if self.format is Format.DIFFUSERS:
            return self._folder(places)
        return min(places, key=lambda place: place.state is not LocationState.PRESENT).path

    def _folder(self, places: tuple[Location, ...]) -> Path:
        """The folder that holds most of the files: many pipelines have the very same `model_index.json`."""
        lying = {place.path: place.state is LocationState.PRESENT for file in self.files for place in file.locations}

        def fit(folder: Path) -> tuple[int, int]:
            found = [lying[folder / file.role] for file in self.files if folder / file.role in lying]
            return sum(found), len(found)

        return max((place.path.parent for place in places), key=fit)
