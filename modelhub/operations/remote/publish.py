"""Publish checked files: give each its final place and record the models in the catalog."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from modelhub.catalog import Catalog, NewFile, NewLocation, NewModel
from modelhub.detect import rules_version
from modelhub.detect.hints import Hints
from modelhub.domain import Format, Inspection, ModelRecord, ModelType, Source
from modelhub.errors import ModelhubError, NotFoundError, Remedy
from modelhub.fetch.choice.choice import ModelLayout
from modelhub.fetch.fetcher import RemoteModel
from modelhub.fetch.malware_scans import worst_verdict
from modelhub.formats import read_header
from modelhub.operations.library.inspect import inspect_header
from modelhub.operations.library.record import name_from_file
from modelhub.operations.remote.check import CheckedFile
from modelhub.operations.remote.obtain import FileOrigin
from modelhub.storage.errors import TargetExistsError
from modelhub.storage.hashing import sha256_of
from modelhub.storage.model_names import loadable_name, model_stem
from modelhub.storage.place import copy, hard_link, move
from modelhub.storage.safe_names import safe_name
from modelhub.uis.library import LIBRARY

# File names that do not name the model; the repository's name replaces them.
_GENERIC_STEMS = {
    "diffusion_pytorch_model",
    "pytorch_lora_weights",
    "pytorch_model",
    "adapter_model",
    "learned_embeds",
    "model",
    "embeddings",
    "lora",
    "vae",
}
_MOST_TAGS = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """The place for a model. `folder` overrides the library's folder for the type.

    `root` is the folder of the repository in which a diffusers model starts ("" for the top).
    """

    library: Path
    folder: Path | None
    name: str | None
    layout: ModelLayout
    root: str

    @property
    def within(self) -> Path:
        """The folder that no file may leave: the library, or a folder elsewhere that the user named."""
        folder = self.folder
        return self.library if folder is None or folder.is_relative_to(self.library) else folder


def publish(
    remote: RemoteModel, checked: Sequence[CheckedFile], *, destination: Destination, catalog: Catalog
) -> tuple[ModelRecord, ...]:
    """Place and record each file as a model, or a whole diffusers folder as one, and return the records.

    Raise TargetExistsError where another file has the name already, and what the file system refuses.
    """
    if destination.folder is None:
        catalog.ensure_root(destination.library, "library")
    if destination.layout is ModelLayout.DIFFUSERS:
        return (_publish_folder(remote, checked, destination, catalog),)
    return tuple(_publish_file(remote, item, destination, catalog) for item in checked)


def _publish_file(remote: RemoteModel, item: CheckedFile, destination: Destination, catalog: Catalog) -> ModelRecord:
    inspection = item.inspection
    kind = inspection.detection
    folder = destination.folder or destination.library / str(
        LIBRARY.folder_for(kind.type, algorithm=kind.algorithm, format=inspection.format)
    )
    name = _file_name(remote, item, destination.name)
    target = _place(item, folder / name, destination=destination)
    return catalog.record(
        NewModel(
            name=model_stem(name) if destination.name else name_from_file(name, catalog),
            files=(_make_file(inspection, target),),
            sources=(_make_source(remote, item.file.remote.name, (item,)),),
            tags=searchable_tags(remote),
            rules_version=rules_version(),
        )
    )


def _publish_folder(
    remote: RemoteModel, checked: Sequence[CheckedFile], destination: Destination, catalog: Catalog
) -> ModelRecord:
    name = safe_name(destination.name or remote.title.rsplit("/", 1)[-1])
    parent = destination.folder or destination.library / str(
        LIBRARY.folder_for(ModelType.BASE, format=Format.DIFFUSERS)
    )
    folder = parent / name
    # model_index.json is placed last: a folder without it is not yet a model for other programs.
    ordered = sorted(checked, key=lambda item: item.file.remote.name.endswith("model_index.json"))
    placed = {}
    for item in ordered:
        relative = PurePosixPath(item.file.remote.name).relative_to(destination.root or ".")
        target = folder.joinpath(*(safe_name(part) for part in relative.parts))
        placed[str(relative)] = (item, _place(item, target, destination=destination, together=True))
    hints = Hints(names=(name, remote.title), repository=remote.repository, tags=remote.tags)
    whole = inspect_header(folder, read_header(folder), hints=hints)
    files = [
        replace(_make_file(item.inspection, target), role=relative)
        for relative, (item, target) in reversed(placed.items())
    ]
    return catalog.record(
        NewModel(
            name=name,
            inspection=whole,
            files=tuple(files),
            sources=(_make_source(remote, destination.root or None, checked),),
            tags=searchable_tags(remote),
            rules_version=rules_version(),
        )
    )


def _place(item: CheckedFile, target: Path, *, destination: Destination, together: bool = False) -> Path:
    """Give a file its final name and return its path, which is another one where the library has the content already.

    `together`: the file is part of a folder, which must be complete wherever else its parts are too.
    """
    file = item.file
    if file.path == target:
        return target
    within, folder = destination.within, destination.folder or destination.library
    is_in_folder = file.origin is FileOrigin.HELD and folder in file.path.parents and target.suffix == file.path.suffix
    if is_in_folder and not together and not target.exists():
        return file.path  # the library has it already, under a name that the user chose
    try:
        if file.origin is FileOrigin.DOWNLOADED:
            move(file.path, target, within=within)
        else:
            _link_or_copy(item, target, within)
    except (TargetExistsError, NotFoundError) as exc:  # another process may have placed the same download
        if target.is_file() and target.stat().st_size == file.size and sha256_of(target) == file.hashes.sha256:
            if file.origin is FileOrigin.DOWNLOADED:
                file.path.unlink(missing_ok=True)
            return target
        if isinstance(exc, NotFoundError):
            raise
        raise TargetExistsError(
            f"{target} exists already and has different content.",
            Remedy("Choose another name or folder for the new file; the download is kept.", "choose-name"),
        ) from None
    return target


def _link_or_copy(item: CheckedFile, target: Path, within: Path) -> None:
    file = item.file
    if item.inspection.format is Format.UNKNOWN:
        copy(file.path, target, within=within)  # users edit configurations in place
        return
    try:
        hard_link(file.path, target, within=within)
    except TargetExistsError:
        raise
    except ModelhubError:
        copy(file.path, target, within=within)


def _file_name(remote: RemoteModel, item: CheckedFile, wanted: str | None) -> str:
    inspection = item.inspection
    base = PurePosixPath(loadable_name(item.file.name, inspection.format, inspection.detection.type))
    if wanted:
        return safe_name(wanted if wanted.lower().endswith(base.suffix.lower()) else f"{wanted}{base.suffix}")
    stem = base.name.split(".")[0].lower()
    if stem in _GENERIC_STEMS and not base.name.startswith(remote.title):
        return safe_name(f"{remote.title.rsplit('/', 1)[-1]}{base.name[len(stem) :]}")
    return safe_name(base.name)


def _make_file(inspection: Inspection, target: Path) -> NewFile:
    status = target.stat()
    return NewFile(
        inspection=replace(inspection, path=target),
        location=NewLocation(
            path=target, size=status.st_size, mtime_ns=status.st_mtime_ns, inode=status.st_ino or None
        ),
    )


def _make_source(remote: RemoteModel, path: str | None, items: Sequence[CheckedFile]) -> Source:
    return Source(
        kind=remote.kind,
        reference=remote.reference,
        requested=remote.requested,
        revision=remote.revision,
        commit=remote.commit,
        url=remote.page,
        path=path,
        license=remote.license,
        fetched_at=datetime.now(UTC).isoformat(timespec="seconds"),
        scan=worst_verdict(item.file.remote.scan for item in items),
        base_model=remote.base_model,
    )


def searchable_tags(remote: RemoteModel) -> tuple[str, ...]:
    """Return the source's tags that users would search for; hubs add tags for machines, such as `region:us`."""
    return tuple(tag for tag in remote.tags if ":" not in tag)[:_MOST_TAGS]
