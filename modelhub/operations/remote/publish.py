"""From obtained bytes to a catalogued model: check the content, give it its place, record it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from modelhub.catalog import Catalog, NewFile, NewLocation, NewModel
from modelhub.detect import RULES_VERSION
from modelhub.domain import Detection, Format, Hints, Inspection, ModelRecord, ModelType, SafetyReport, Source, Verdict
from modelhub.errors import ModelhubError, NotFoundError, UnsafeError
from modelhub.fetch.fetcher import RemoteModel
from modelhub.fetch.malware_scans import worst_verdict
from modelhub.formats import read_header
from modelhub.operations.library.inspect import inspect_header
from modelhub.operations.remote.obtain import ObtainedFile
from modelhub.storage.errors import TargetExistsError
from modelhub.storage.hashing import sha256_of
from modelhub.storage.place import copy, hard_link, move
from modelhub.storage.safe_names import safe_name
from modelhub.storage.walk import is_model_name
from modelhub.uis.library import LIBRARY

_LOADABLE = (Verdict.SAFE, Verdict.SAFE_LEGACY)
# Names that say nothing about the model; the repository's name takes their place.
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
class CheckedFile:
    """An obtained file and its inspection, which is None for the small files of a diffusers folder."""

    file: ObtainedFile
    inspection: Inspection | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where things go. `folder` overrides the library's one for the type; `root`: where a diffusers model starts."""

    library: Path
    folder: Path | None
    name: str | None
    layout: str
    root: str


def check(remote: RemoteModel, got: Sequence[ObtainedFile], *, quarantine: Path) -> tuple[CheckedFile, ...]:
    """Identify every model file. A dangerous download goes to `quarantine`; raises UnsafeError, or ModelhubError."""
    return tuple(CheckedFile(file=file, inspection=_checked(remote, file, quarantine)) for file in got)


def _checked(remote: RemoteModel, file: ObtainedFile, quarantine: Path) -> Inspection | None:
    if not is_model_name(file.name):
        return None
    inspection = replace(
        inspect_header(file.path, read_header(file.path), hints=_hints(remote, file)), hashes=file.hashes
    )
    if inspection.safety.verdict not in _LOADABLE:
        raise _unsafe(inspection, file, quarantine)
    if inspection.broken:
        if file.how == "downloaded":
            file.path.unlink(missing_ok=True)
        raise ModelhubError(
            f"{file.remote.name} is what {remote.reference} holds, but it is broken: {inspection.problems[0]}",
            "Its publisher has to repair it; choose another file with --file.",
        )
    return inspection


def _unsafe(inspection: Inspection, file: ObtainedFile, quarantine: Path) -> UnsafeError:
    where = file.path
    if file.how == "downloaded":
        where = quarantine / f"{file.hashes.sha256[:10]}-{safe_name(file.name)}.quarantined"
        if where.exists():
            file.path.unlink(missing_ok=True)  # the same content was caught before
        else:
            move(file.path, where, within=quarantine)
    findings = "\n".join(f"  - {finding}" for finding in inspection.safety.findings[:8])
    return UnsafeError(
        f"{file.remote.name} is {inspection.safety.verdict.value}; it was kept out of the library:\n{findings}",
        f"Do not load it. It lies in {where}, renamed; delete it, and tell the place it came from.",
    )


def _hints(remote: RemoteModel, file: ObtainedFile) -> Hints:
    return Hints(
        names=(PurePosixPath(file.remote.name).name, file.remote.name, remote.title),
        repository=remote.repository,
        tags=remote.tags,
        trigger_words=remote.trigger_words,
        base_model=remote.base_model,
        sha256=file.hashes.sha256,
    )


def publish(
    remote: RemoteModel, checked: Sequence[CheckedFile], *, destination: Destination, catalog: Catalog
) -> tuple[ModelRecord, ...]:
    """Place and record: one model a file, or one for a whole diffusers folder."""
    if destination.folder is None:
        catalog.ensure_root(destination.library, "library")
    if destination.layout == "diffusers":
        return (_publish_folder(remote, checked, destination, catalog),)
    return tuple(_publish_file(remote, item, destination, catalog) for item in checked)


def _publish_file(remote: RemoteModel, item: CheckedFile, destination: Destination, catalog: Catalog) -> ModelRecord:
    inspection = item.inspection or _plain(item.file)
    kind = inspection.detection
    folder = destination.folder or destination.library / str(
        LIBRARY.folder_for(kind.type, algorithm=kind.algorithm, format=inspection.format)
    )
    name = _file_name(remote, item.file, destination.name)
    target = _place(item.file, folder / name, within=destination.folder or destination.library)
    return catalog.record(
        NewModel(
            name=Path(name).stem,
            files=(_new_file(inspection, target),),
            sources=(_source(remote, item.file.remote.name, (item,)),),
            tags=searchable_tags(remote),
            rules_version=RULES_VERSION,
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
    within = destination.folder or destination.library
    # model_index.json goes last: a folder without it is not yet a model to anybody who looks.
    ordered = sorted(checked, key=lambda item: item.file.remote.name.endswith("model_index.json"))
    placed = {}
    for item in ordered:
        relative = PurePosixPath(item.file.remote.name).relative_to(destination.root or ".")
        target = folder.joinpath(*(safe_name(part) for part in relative.parts))
        placed[str(relative)] = (item, _place(item.file, target, within=within, together=True))
    hints = Hints(names=(name, remote.title), repository=remote.repository, tags=remote.tags)
    whole = inspect_header(folder, read_header(folder), hints=hints)
    files = [
        replace(_new_file(item.inspection or _plain(item.file), target), role=relative)
        for relative, (item, target) in reversed(placed.items())
    ]
    return catalog.record(
        NewModel(
            name=name,
            inspection=whole,
            files=tuple(files),
            sources=(_source(remote, destination.root or None, checked),),
            tags=searchable_tags(remote),
            rules_version=RULES_VERSION,
        )
    )


def _place(file: ObtainedFile, target: Path, *, within: Path, together: bool = False) -> Path:
    """Give the bytes their final name; what already stands there with the same content is fine.

    `together`: the file is part of a folder, which must be whole wherever else its parts lie too.
    """
    if file.path == target:
        return target
    is_inside = file.how == "held" and within in file.path.parents and target.suffix == file.path.suffix
    if is_inside and not together and not target.exists():
        return file.path  # the library has it already, under a name of the user's own
    try:
        if file.how == "downloaded":
            move(file.path, target, within=within)
        else:
            _link_or_copy(file, target, within)
    except (TargetExistsError, NotFoundError) as exc:  # another modelhub may have placed the very same download
        if target.is_file() and target.stat().st_size == file.size and sha256_of(target) == file.hashes.sha256:
            if file.how == "downloaded":
                file.path.unlink(missing_ok=True)
            return target
        if isinstance(exc, NotFoundError):
            raise
        raise TargetExistsError(
            f"{target} exists already and is another file.",
            "Give the new one a name with --name, or another folder with --to; the download is kept until then.",
        ) from None
    return target


def _link_or_copy(file: ObtainedFile, target: Path, within: Path) -> None:
    if not is_model_name(file.name):
        copy(file.path, target, within=within)  # people edit configurations in place
        return
    try:
        hard_link(file.path, target, within=within)
    except TargetExistsError:
        raise
    except ModelhubError:
        copy(file.path, target, within=within)


def _file_name(remote: RemoteModel, file: ObtainedFile, wanted: str | None) -> str:
    base = PurePosixPath(file.name)
    if wanted:
        return safe_name(wanted if wanted.lower().endswith(base.suffix.lower()) else f"{wanted}{base.suffix}")
    stem = base.name.split(".")[0].lower()
    if stem in _GENERIC_STEMS and not base.name.startswith(remote.title):
        return safe_name(f"{remote.title.rsplit('/', 1)[-1]}{base.name[len(stem) :]}")
    return safe_name(base.name)


def _new_file(inspection: Inspection, target: Path) -> NewFile:
    status = target.stat()
    return NewFile(
        inspection=replace(inspection, path=target),
        location=NewLocation(
            path=target, size=status.st_size, mtime_ns=status.st_mtime_ns, inode=status.st_ino or None
        ),
    )


def _plain(file: ObtainedFile) -> Inspection:
    """A small file of a diffusers folder: configurations and vocabularies hold no weights."""
    return Inspection(
        path=file.path,
        size=file.size,
        format=Format.UNKNOWN,
        detection=Detection(type=ModelType.OTHER),
        safety=SafetyReport(Verdict.SAFE),
        hashes=file.hashes,
    )


def _source(remote: RemoteModel, path: str | None, items: Sequence[CheckedFile]) -> Source:
    from datetime import UTC, datetime

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
    """The source's tags that people would search for; hubs add machine words such as `region:us`."""
    return tuple(tag for tag in remote.tags if ":" not in tag)[:_MOST_TAGS]
