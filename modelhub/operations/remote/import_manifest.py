"""Rebuild a library from a manifest: present models stay, the others are pulled from their sources and verified."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path, PurePosixPath

from modelhub.catalog import Catalog
from modelhub.config import Settings
from modelhub.documents.manifest import Manifest, ManifestModel
from modelhub.domain import Format, LocationState, ModelRecord, Source
from modelhub.errors import Exit, ModelhubError, NotFoundError, Remedy, UnsafeError
from modelhub.fetch.choice.choice import FileChoice, ModelLayout
from modelhub.fetch.choice.criteria import FileCriteria
from modelhub.fetch.fetcher import Fetcher, RemoteFile, RemoteModel
from modelhub.fetch.sources.registry import parse_reference
from modelhub.fetch.sources.source import Versioning
from modelhub.operations.library.user_fields import set_user_fields
from modelhub.operations.remote.outdated import PICKLE_SUFFIXES, versioning_of
from modelhub.operations.remote.pull import PullPlan, PullRequest, pull
from modelhub.progress import SILENT, Progress
from modelhub.storage.safe_names import safe_name

_PICKLES = (Format.TORCH_ZIP.value, Format.TORCH_LEGACY.value, Format.PICKLE.value)


class ImportStatus(StrEnum):
    """The outcome for a model of the manifest."""

    HELD = "held"
    PULLED = "pulled"
    MISSING = "missing"  # in a dry run: would be pulled
    NO_SOURCE = "no source"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportResult:
    """A model of the manifest and its outcome. `errors` are the failures, one for each source that was tried.

    `message` is a note without a failure: where a missing model would be pulled from, or that there is no source.
    """

    wanted: ManifestModel
    status: ImportStatus
    record: ModelRecord | None = None
    message: str = ""
    errors: tuple[ModelhubError, ...] = ()

    @property
    def code(self) -> Exit:
        """The exit code for a failure, else OK."""
        return self.errors[0].code if self.errors else Exit.OK


def rebuild_library(
    manifest: Manifest,
    *,
    catalog: Catalog,
    fetchers: Sequence[Fetcher],
    settings: Settings,
    allow_pickle: bool = False,
    progress: Progress = SILENT,
) -> Iterator[ImportResult]:
    """Yield a result for each model, in the order of the manifest; a model that fails does not stop the others.

    Tags, notes and fields of the manifest are also given to models that are present, where the user has set none.
    """
    catalog.ensure_root(settings.library, "library")
    for result in compare_library(manifest, catalog=catalog):
        if result.status is ImportStatus.MISSING:
            yield _pull_model(result.wanted, fetchers, catalog, settings, allow_pickle, progress)
        elif result.record is not None:
            yield replace(result, record=_apply_user_fields(result.record, result.wanted, catalog))
        else:
            yield result


def compare_library(manifest: Manifest, *, catalog: Catalog | None) -> Iterator[ImportResult]:
    """Yield what a library holds of a manifest, and what would be pulled; without a catalog it holds nothing."""
    for wanted in manifest.models:
        record = _find_present(wanted, catalog) if catalog else None
        if record is not None:
            yield ImportResult(wanted=wanted, status=ImportStatus.HELD, record=record)
        elif wanted.sources:
            yield ImportResult(wanted=wanted, status=ImportStatus.MISSING, message=wanted.sources[0].reference)
        else:
            yield ImportResult(
                wanted=wanted, status=ImportStatus.NO_SOURCE, message="No source is known. Copy the file yourself."
            )


def _find_present(wanted: ManifestModel, catalog: Catalog) -> ModelRecord | None:
    """Return the model of the catalog that has the same files and is present."""
    contents = sorted(wanted.hashes)
    for record in catalog.find(wanted.hashes[0]):
        if sorted(file.sha256 for file in record.files) == contents and record.state is LocationState.PRESENT:
            return record
    return None


def _pull_model(
    wanted: ManifestModel,
    fetchers: Sequence[Fetcher],
    catalog: Catalog,
    settings: Settings,
    allow_pickle: bool,
    progress: Progress,
) -> ImportResult:
    failures: list[ModelhubError] = []
    for source in wanted.sources:
        try:
            plan = _plan(wanted, source.source, fetchers, settings, allow_pickle)
            records = pull(plan, catalog=catalog, settings=settings, progress=progress).models
        except ModelhubError as exc:
            failures.append(exc)
            continue
        record = next((one for one in records if [file.sha256 for file in one.files] == wanted.hashes), records[0])
        if [file.sha256 for file in record.files] != wanted.hashes and plan.request.criteria.convert:
            message = f"{wanted.name} was converted to {record.path}, whose content differs from the recorded one."
            failures.append(ModelhubError(message))
            continue
        for other in wanted.sources:
            if other is not source:
                catalog.add_source(record.id, other.source)
        return ImportResult(
            wanted=wanted, status=ImportStatus.PULLED, record=_apply_user_fields(record, wanted, catalog)
        )
    return ImportResult(wanted=wanted, status=ImportStatus.FAILED, errors=tuple(failures))


def _plan(
    wanted: ManifestModel, source: Source, fetchers: Sequence[Fetcher], settings: Settings, allow_pickle: bool
) -> PullPlan:
    if wanted.format in _PICKLES and not (allow_pickle or settings.pull.allow_pickle):
        raise UnsafeError(
            f"{wanted.name} is a pickle, which can run code when it is loaded.",
            Remedy("Allow pickles: each is scanned before it is kept.", "allow-pickle-import"),
        )
    fetcher = next((fetcher for fetcher in fetchers if fetcher.kind == source.kind), None)
    if fetcher is None:
        raise NotFoundError(f"{wanted.name} came from a source of kind `{source.kind}`, which is not available.")
    remote = _RESOLVERS[versioning_of(source)](source, fetcher)
    root = (source.path or "") if wanted.is_folder else ""
    files = tuple(_find_file(wanted, index, source, remote) for index in range(len(wanted.files)))
    layout = ModelLayout.DIFFUSERS if wanted.is_folder else ModelLayout.FILE
    criteria = FileCriteria(allow_pickle=True, convert=any(_is_original(file, source) for file in files))
    choice = FileChoice(files=files, layout=layout, reason="in the manifest", root=root)
    is_packed = any(_is_archive(file, source) for file in files)
    request = PullRequest(
        source=source.reference,
        criteria=criteria,
        to=None if is_packed else _target_folder(wanted, settings),
        name=None if is_packed else _name(wanted),
    )
    return PullPlan(request=request, remote=remote, choice=choice)


def _resolve_commit(source: Source, fetcher: Fetcher) -> RemoteModel:
    """Resolve the repository at the recorded commit, else at its newest."""
    parts = parse_reference(source.kind, source.reference)
    if parts is None or parts.whole is None:
        raise NotFoundError(f"{source.reference} does not name a repository.")
    try:
        remote = fetcher.resolve(parts.whole, revision=source.commit or source.revision)
    except NotFoundError:
        if not source.commit:
            raise
        remote = fetcher.resolve(parts.whole, revision=source.revision or parts.revision)
    return replace(remote, reference=source.reference, revision=source.revision)


def _resolve_version(source: Source, fetcher: Fetcher) -> RemoteModel:
    parts = parse_reference(source.kind, source.reference)
    version = source.commit or (parts.revision if parts else None)
    if parts is None or version is None:
        return fetcher.resolve(source.reference)
    if parts.whole is None:
        remote = fetcher.resolve(source.reference)
    else:
        remote = fetcher.resolve(parts.whole, revision=version)
    return replace(remote, reference=source.reference, revision=source.revision)


def _resolve_reference(source: Source, fetcher: Fetcher) -> RemoteModel:
    return fetcher.resolve(source.reference)


_RESOLVERS = {
    Versioning.COMMITS: _resolve_commit,
    Versioning.VERSIONS: _resolve_version,
    Versioning.NONE: _resolve_reference,
}


def _find_file(wanted: ManifestModel, index: int, source: Source, remote: RemoteModel) -> RemoteFile:
    """Return the remote file with this content, by its hash or its name; the manifest's hash is enforced."""
    file = wanted.files[index]
    sha256 = file.sha256.lower()
    for found in remote.files:
        if found.sha256 and found.sha256.lower() == sha256 and _is_named(found, wanted, index, source):
            return found
    for found in remote.files:
        # A reference that names one file holds, whatever the file is called now.
        same_name = found.name in (remote.wanted, _remote_name(wanted, index, source))
        if same_name and not found.sha256:
            return replace(found, sha256=sha256)
    for found in remote.files:
        if not wanted.is_folder and (_is_original(found, source) or _is_archive(found, source)):
            return found
    raise NotFoundError(
        f"{remote.reference} no longer has {file.name} with SHA-256 {sha256[:10]}….",
        "Pull its source for another version.",
    )


def _is_original(found: RemoteFile, source: Source) -> bool:
    """Return whether the recorded file was converted from this pickle."""
    stem, _, suffix = (source.path or "").rpartition(".")
    return suffix == "safetensors" and found.name in {f"{stem}.{other}" for other in PICKLE_SUFFIXES}


def _is_archive(found: RemoteFile, source: Source) -> bool:
    """Return whether the recorded file was unpacked from this archive."""
    return (source.path or "").startswith(f"{found.name}/")


def _is_named(found: RemoteFile, wanted: ManifestModel, index: int, source: Source) -> bool:
    # In a folder each file has its own place; a single file is the same under any name.
    return not wanted.is_folder or found.name == _remote_name(wanted, index, source)


def _remote_name(wanted: ManifestModel, index: int, source: Source) -> str | None:
    if not wanted.is_folder:
        return source.path
    root = f"{source.path}/" if source.path else ""
    return f"{root}{wanted.files[index].role}"


def _target_folder(wanted: ManifestModel, settings: Settings) -> Path | None:
    """Return the recorded folder inside the library, None for the one of its type; a manifest is not trusted."""
    if wanted.folder is None:
        return None
    parts = [part for part in PurePosixPath(wanted.folder.replace("\\", "/")).parts if part not in ("/", ".", "..")]
    return settings.library.joinpath(*(safe_name(part) for part in parts)) if parts else None


def _name(wanted: ManifestModel) -> str:
    if wanted.is_folder:
        return wanted.name
    name = PurePosixPath(wanted.files[0].name.replace("\\", "/")).name
    return PurePosixPath(name).stem or wanted.name


def _apply_user_fields(record: ModelRecord, wanted: ManifestModel, catalog: Catalog) -> ModelRecord:
    """Give the record the tags, notes and fields of the manifest that the user has not set, and return it."""
    fields = {"notes": wanted.notes} if wanted.notes else {}
    fields |= wanted.overrides
    catalog.tag(record.id, add=wanted.tags)
    for field, value in fields.items():
        if field not in record.overrides and value:
            try:
                set_user_fields(record, [f"{field}={value}"], catalog=catalog)
            except ModelhubError:  # a field or value of another version of modelhub
                continue
    return catalog.get(record.id)
