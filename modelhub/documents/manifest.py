"""The manifest that `export` writes: models by sources and hashes, from which a library can be rebuilt elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from modelhub.documents.document import Document, ObjectDocument, to_text
from modelhub.domain import Format, LocationState, ModelRecord, Source, is_sha256
from modelhub.errors import Remedy, UsageError

VERSION = 1
_LIBRARY = "library"


class ManifestFile(Document, frozen=True, kw_only=True):
    """One file. `role` is its path in a diffusers folder, else "weights"; `size` is in bytes."""

    name: str
    role: str
    size: int
    sha256: str


class ManifestSource(Document, frozen=True, kw_only=True, omit_defaults=True):
    """A place that a model came from, with the fields of `Source`; fields without a value are left out."""

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
        """The source as the catalog keeps it."""
        return Source(**msgspec.structs.asdict(self))


class ManifestModel(Document, frozen=True, kw_only=True):
    """One model. `folder` is its folder in the library ("lora/sdxl"), None for a model that is elsewhere."""

    name: str
    type: str
    format: str
    files: tuple[ManifestFile, ...]
    architecture: str | None = None
    size: int = 0
    folder: str | None = None
    sources: tuple[ManifestSource, ...] = ()
    tags: tuple[str, ...] = ()
    notes: str = ""
    overrides: Mapping[str, str] = {}

    @property
    def is_folder(self) -> bool:
        """Whether it is a diffusers folder."""
        return self.format == Format.DIFFUSERS.value

    @property
    def hashes(self) -> list[str]:
        """The SHA-256 of each file, in lower case."""
        return [file.sha256.lower() for file in self.files]


class Manifest(ObjectDocument, frozen=True, kw_only=True):
    """The manifest. `modelhub_manifest` is the version of its form, `made_at` is ISO 8601 in UTC."""

    modelhub_manifest: int
    models: tuple[ManifestModel, ...]
    made_at: str = ""


class ExportDocument(ObjectDocument, frozen=True, kw_only=True):
    """The result of `export` to a file: the number of models, and the names of those that have no source."""

    file: str
    models: int
    without_source: tuple[str, ...]


def make_manifest(records: Iterable[ModelRecord], *, made_at: str) -> Manifest:
    """Return the manifest of these models; models without files are left out."""
    models = tuple(_make_model(record) for record in records if record.files)
    return Manifest(modelhub_manifest=VERSION, made_at=made_at, models=models)


def _make_model(record: ModelRecord) -> ManifestModel:
    return ManifestModel(
        name=record.name,
        type=record.detection.type.value,
        format=record.format.value,
        architecture=record.detection.architecture,
        size=record.size,
        folder=_folder(record),
        files=tuple(
            ManifestFile(name=_file_name(record, index), role=file.role, size=file.size, sha256=file.sha256)
            for index, file in enumerate(record.files)
        ),
        sources=tuple(
            ManifestSource(**{name: getattr(source, name) for name in ManifestSource.__struct_fields__})
            for source in record.sources
            if source.kind != "local"
        ),
        tags=tuple(record.tags),
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
    """Return the folder that a model is in, relative to the library; None for the library itself and elsewhere."""
    path = record.path
    if path is None:
        return None
    for place in record.main.locations:
        if place.root == _LIBRARY and place.root_path in path.parents:
            folder = path.relative_to(place.root_path).parent.as_posix()
            return None if folder == "." else folder
    return None


def write_manifest(manifest: Manifest) -> str:
    """Return the text of a manifest, indented so that people can read and compare it, in ASCII."""
    return to_text(manifest, indent=2) + "\n"


def read_manifest(text: bytes, where: str) -> Manifest:
    """Return the manifest in `text`. Raise UsageError, which names `where` and the problem, for anything else."""
    try:
        # Not msgspec's own reader: names that are not UTF-8 are written as lone surrogates, which it refuses.
        data = json.loads(text.decode("utf-8-sig"))
        _refuse_newer(data, where)
        manifest = msgspec.convert(data, type=Manifest)
    except (msgspec.MsgspecError, ValueError, RecursionError) as exc:
        remedy = Remedy("Export the library to make one.", "export-manifest")
        raise UsageError(f"{where} is not a manifest of modelhub: {exc}.", remedy) from exc
    for model in manifest.models:
        _check_model(model, where)
    return manifest


def _refuse_newer(data: Any, where: str) -> None:
    version = data.get("modelhub_manifest") if isinstance(data, dict) else None
    if isinstance(version, int) and version > VERSION:
        raise UsageError(f"{where} was written by a newer version of modelhub.", "Install the newer version.")


def _check_model(model: ManifestModel, where: str) -> None:
    if not model.files:
        raise UsageError(f"{where}: {model.name} has no files.", "The manifest was edited or is incomplete.")
    for file in model.files:
        if not is_sha256(file.sha256.lower()):
            raise UsageError(
                f"{where}: {model.name}: `{file.sha256}` is not a SHA-256.", "It has 64 digits, 0-9 and a-f."
            )
