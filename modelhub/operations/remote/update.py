"""Update: download the newer content of an outdated model beside the old files; only changed files are downloaded."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from modelhub.catalog import Catalog, ModelQuery
from modelhub.config import Settings
from modelhub.domain import Format, LocationState, ModelRecord, Source
from modelhub.errors import NotFoundError
from modelhub.fetch.choice.choice import FileChoice, ModelLayout
from modelhub.fetch.choice.choose import choose
from modelhub.fetch.choice.criteria import FileCriteria, Precision, parse_purpose
from modelhub.fetch.fetcher import Fetcher, RemoteModel
from modelhub.fetch.sources.registry import parse_reference
from modelhub.fetch.sources.source import Versioning
from modelhub.operations.library.remove import remove
from modelhub.operations.library.selection import chosen_models
from modelhub.operations.remote.outdated import UpdateStatus, remote_names, same_content, versioning_of, whole_reference
from modelhub.operations.remote.pull import PullPlan, PullRequest, PullResult, pull
from modelhub.operations.remote.resolve import find_fetcher
from modelhub.progress import SILENT, Progress

_PICKLES = (Format.TORCH_ZIP, Format.TORCH_LEGACY, Format.PICKLE)
_COMMIT_SHOWN = 8
_COMMIT_SUFFIX = re.compile(r"-[0-9a-f]{8}$")
# Fields that the user set for the old model and that hold for the new one; name and type are the new file's own.
_KEPT_FIELDS = ("architecture", "subtype", "style", "triggers", "notes", "prediction")


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdatePlan:
    """The pull that would update an outdated model."""

    status: UpdateStatus
    pull: PullPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateResult:
    """A model and its successor. `trashed`: the old model was moved to the trash."""

    status: UpdateStatus
    pulled: PullResult
    trashed: bool = False


def records_to_update(references: Sequence[str], *, catalog: Catalog) -> list[ModelRecord]:
    """Return the models that came from these sources, or that the references name; without any reference, all.

    Raise NotFoundError for a reference that fits no model, and UsageError for an ambiguous one.
    """
    everything = catalog.records(ModelQuery())
    if not references:
        return everything
    found: dict[int, ModelRecord] = {}
    for reference in references:
        records = records_from_source(everything, reference)
        if not records:
            try:
                records = chosen_models([reference], catalog=catalog)
            except NotFoundError as exc:
                raise NotFoundError(f"No model of the catalog came from `{reference}`.", exc.remedy) from exc
        found |= {record.id: record for record in records}
    return list(found.values())


def records_from_source(records: Iterable[ModelRecord], source: str) -> list[ModelRecord]:
    """Return the models that came from `source`: a repository or a model, with or without revision and file."""
    found = []
    for record in records:
        for each in record.sources:
            if source in (each.reference, each.requested) or _is_within(each, source):
                found.append(record)
                break
    return found


def _is_within(source: Source, reference: str) -> bool:
    wanted, held = parse_reference(source.kind, reference), parse_reference(source.kind, source.reference)
    if wanted is None or held is None or wanted.whole is None or held.whole is None:
        return False
    return held.whole.lower() == wanted.whole.lower() and wanted.path in (None, source.path)


def plan_update(status: UpdateStatus, *, fetchers: Sequence[Fetcher], settings: Settings) -> UpdatePlan:
    """Plan the update of an outdated model. Raise what the source and `choose` raise."""
    record = status.model
    has_versions = versioning_of(status.source) is Versioning.VERSIONS
    precision = record.detection.precision
    criteria = FileCriteria(
        purpose=parse_purpose(settings.pull.purpose),
        precision=Precision(precision) if precision in set(Precision) else None,
        allow_pickle=settings.pull.allow_pickle or record.format in _PICKLES,
        convert=_was_converted(status),
        diffusers=record.format is Format.DIFFUSERS and not has_versions,
    )
    if has_versions:
        remote = _resolve_newest(status, fetchers)
        choice = choose(remote, criteria)
    else:
        assert status.remote is not None
        remote = replace(status.remote, reference=status.source.reference)
        choice = _choose_changed(status, remote, criteria)
    request = PullRequest(source=remote.reference, criteria=criteria, to=_folder(record), name=_name(status, choice))
    return UpdatePlan(status=status, pull=PullPlan(request=request, remote=remote, choice=choice))


def _resolve_newest(status: UpdateStatus, fetchers: Sequence[Fetcher]) -> RemoteModel:
    reference = whole_reference(status.source)
    parts = parse_reference(status.source.kind, status.source.reference)
    if status.remote is not None and status.remote.commit == status.newest and not (parts and parts.revision):
        return status.remote  # what the comparison has resolved already
    remote = find_fetcher(reference, fetchers).resolve(reference, revision=status.newest)
    # A model that was pulled without a version is recorded without one again, so that later updates find it.
    return remote if parts and parts.revision else replace(remote, reference=reference, revision=None)


def _was_converted(status: UpdateStatus) -> bool:
    path = status.source.path or ""
    return bool(status.files) and path.endswith(".safetensors") and status.files[0].name != path


def _choose_changed(status: UpdateStatus, remote: RemoteModel, criteria: FileCriteria) -> FileChoice:
    """Choose the model's own files; unchanged ones get the held hash, so that they are not downloaded."""
    record, source = status.model, status.source
    reason = f"changed since commit {(source.commit or 'unknown')[:_COMMIT_SHOWN]}"
    if record.format is not Format.DIFFUSERS:
        return FileChoice(files=status.files, layout=ModelLayout.FILE, reason=reason)
    held = dict(remote_names(record, source))
    there = {file.name: file for file in remote.files}
    if held.keys() <= there.keys():
        chosen = FileChoice(
            files=tuple(there[name] for name in held),
            layout=ModelLayout.DIFFUSERS,
            reason=reason,
            root=source.path or "",
        )
    else:
        chosen = choose(replace(remote, wanted=source.path), criteria)
    files = tuple(
        replace(file, sha256=held[file.name].sha256)
        if file.name in held and same_content(file, held[file.name])
        else file
        for file in chosen.files
    )
    return replace(chosen, files=files)


def _folder(record: ModelRecord) -> Path | None:
    """Return the folder of the old model where it is present; None stands for the library's folder for the type."""
    path = record.path
    return path.parent if path is not None and record.state is LocationState.PRESENT else None


def _name(status: UpdateStatus, choice: FileChoice) -> str | None:
    """Return a name that differs from the old model's, None where the new file's own name does."""
    path = status.model.path
    if path is None:
        return None
    folder = status.model.format is Format.DIFFUSERS
    if versioning_of(status.source) is Versioning.VERSIONS:
        own = PurePosixPath(choice.files[0].name)
        taken = path.with_name(own.name).exists()
        return f"{own.stem}-v{status.newest}" if taken else None
    stem = _COMMIT_SUFFIX.sub("", path.name if folder else path.stem)
    return f"{stem}-{(status.newest or '')[:_COMMIT_SHOWN]}"


def update(
    plan: UpdatePlan,
    *,
    catalog: Catalog,
    settings: Settings,
    replace_old: bool = False,
    progress: Progress = SILENT,
) -> UpdateResult:
    """Pull the newer content and copy the user's tags and fields to it; `replace_old` moves the old model to the trash.

    The old model is not touched before the new one is verified, placed and recorded. Raise what `pull` and `remove`
    raise.
    """
    status = plan.status
    pulled = pull(plan.pull, catalog=catalog, settings=settings, progress=progress)
    for model in pulled.models:
        if model.id != status.model.id:
            _copy_user_fields(status.model, model, catalog)
    trashed = replace_old and all(model.id != status.model.id for model in pulled.models)
    if trashed:
        remove([status.model], catalog=catalog)
    models = tuple(catalog.get(model.id) for model in pulled.models)
    return UpdateResult(status=status, pulled=replace(pulled, models=models), trashed=trashed)


def _copy_user_fields(old: ModelRecord, new: ModelRecord, catalog: Catalog) -> None:
    with catalog.batch():
        catalog.tag(new.id, add=old.tags)
        for field in _KEPT_FIELDS:
            if field in old.overrides and field not in new.overrides:
                catalog.set_override(new.id, field, old.overrides[field])
