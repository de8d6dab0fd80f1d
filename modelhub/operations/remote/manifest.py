"""Manifest: a library as text, by sources and hashes, so that it can be rebuilt elsewhere. Pure values and JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import msgspec

from modelhub.domain import Format, LocationState, ModelRecord, Source
from modelhub.errors import UsageError

VERSION = 1
_LIBRARY = "library"


class ManifestFile(msgspec.Struct, kw_only=True):
    """One file. `role`: its path in a diffusers folder, else "weights"."""

    name: str
    role: str
    size: int
    sha256: str


class ManifestSource(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A place that it came from, with the fields of `Source`."""

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

    @property
    def source(self) -> Source:
        """As the catalog keeps it."""
        return Source(**msgspec.structs.asdict(self))


class ManifestModel(msgspec.Struct, kw_only=True):
    """One model. `folder`: where it lies in the library ("lora/sdxl"), None for one that lies elsewhere."""

    name: str
    type: str
    format: str
    files: list[ManifestFile]
    architecture: str | None = None
    size: int = 0
    folder: str | None = None
    sources: list[ManifestSource] = []
    tags: list[str] = []
    notes: str = ""
    overrides: dict[str, str] = {}

    @property
    def is_folder(self) -> bool:
        """Whether it is a diffusers folder."""
        return self.format == Format.DIFFUSERS.value

    @property
    def hashes(self) -> list[str]:
        """The SHA-256 of each file."""
        return [file.sha256.lower() for file in self.files]


class Manifest(msgspec.Struct, kw_only=True):
    """The document. `modelhub_manifest` is the version of this form."""

    modelhub_manifest: int
    models: list[ManifestModel]
    made_at: str = ""


def manifest_of(records: Iterable[ModelRecord], *, made_at: str) -> Manifest:
    """What these models are, where they came from, and what the user said of them."""
    return Manifest(
        modelhub_manifest=VERSION, made_at=made_at, models=[_model(record) for record in records if record.files]
    )


def _model(record: ModelRecord) -> ManifestModel:
    return ManifestModel(
        name=record.name,
        type=record.detection.type.value,
        format=record.format.value,
        architecture=record.detection.architecture,
        size=record.size,
        folder=_folder(record),
        files=[
            ManifestFile(name=_file_name(record, index), role=file.role, size=file.size, sha256=file.sha256)
            for index, file in enumerate(record.files)
        ],
        sources=[
            ManifestSource(**{name: getattr(source, name) for name in ManifestSource.__struct_fields__})
            for source in record.sources
            if source.kind != "local"
        ],
        tags=list(record.tags),
        notes=record.notes,
        overrides=dict(record.overrides),
    )


def _file_name(record: ModelRecord, index: int) -> str:
    file = record.files[index]
    if record.format is Format.DIFFUSERS:
        return file.role.rpartition("/")[2]
    present = [place for place in file.locations if place.state is LocationState.PRESENT] or list(file.locations)
    return present[0].relative.rpartition("/")[2] if present else record.name


def _folder(record: ModelRecord) -> str | None:
    """The folder that holds the model, relative to the library."""
    path = record.path
    if path is None:
        return None
    for place in record.main.locations:
        if place.root == _LIBRARY and place.root_path in path.parents:
            folder = path.relative_to(place.root_path).parent.as_posix()
            return None if folder == "." else folder
    return None


def to_text(manifest: Manifest) -> str:
    """The document, laid out to be read and compared by people, in ASCII (names may be no valid Unicode)."""
    return json.dumps(msgspec.to_builtins(manifest), indent=2, ensure_ascii=True) + "\n"


def from_text(text: bytes, where: str) -> Manifest:
    """The reverse of `to_text`. Raises UsageError that says what is wrong in `where`."""
    hint = "`modelhub export FILE` writes one."
    try:
        # Not msgspec's own reader: names that are no valid Unicode are written as lone surrogates.
        manifest = msgspec.convert(json.loads(text.decode("utf-8-sig")), type=Manifest)
    except (msgspec.MsgspecError, ValueError, RecursionError) as exc:
        raise UsageError(f"{where} is no manifest of modelhub: {exc}.", hint) from exc
    if manifest.modelhub_manifest > VERSION:
        raise UsageError(f"{where} was written by a newer modelhub.", "Install the newer version.")
    for model in manifest.models:
        _check(model, where)
    return manifest


def _check(model: ManifestModel, where: str) -> None:
    if not model.files:
        raise UsageError(f"{where}: {model.name} has no files.", "The manifest was changed by hand or is cut off.")
    for file in model.files:
        if len(file.sha256) != 64 or set(file.sha256.lower()) - set("0123456789abcdef"):
            raise UsageError(f"{where}: {model.name}: `{file.sha256}` is no SHA-256.", "It has 64 digits, 0-9 and a-f.")


def is_manifest(path: Path) -> bool:
    """Whether this file is one that `export` may write anew."""
    try:
        from_text(path.read_bytes(), str(path))
    except (OSError, UsageError):
        return False
    return True
