"""Update: fetch what `outdated` found, beside the old file; only what changed is downloaded."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from modelhub.catalog import Catalog
from modelhub.config import Settings
from modelhub.domain import Format, LocationState, ModelRecord, Source
from modelhub.errors import NotFoundError, UsageError
from modelhub.fetch.choice.choose import Choice, Wish, choose
from modelhub.fetch.fetcher import Fetcher, RemoteModel
from modelhub.fetch.sources.repositories import KINDS, whole
from modelhub.operations.library.remove import remove
from modelhub.operations.remote.outdated import Standing, civitai_model, remote_names, same_content
from modelhub.operations.remote.pull import Plan, Pulled, Request, fetcher_for, pull
from modelhub.progress import SILENT, Progress

_PICKLES = (Format.TORCH_ZIP, Format.TORCH_LEGACY, Format.PICKLE)
_PRECISIONS = ("fp32", "fp16", "bf16", "fp8")
_COMMIT_SHOWN = 8
_EARLIER = re.compile(r"-[0-9a-f]{8}$")
# What the user said of the old model holds for the new one; its name and its type are the new file's own.
_KEPT_WORDS = ("architecture", "subtype", "style", "triggers", "notes", "prediction")


@dataclass(frozen=True, slots=True, kw_only=True)
class Updated:
    """One model and its successor; `trashed`: the old one was put into the trash."""

    standing: Standing
    pulled: Pulled
    trashed: bool = False


def meant(records: Iterable[ModelRecord], source: str) -> list[ModelRecord]:
    """The models that came from `source`: a repository, a Civitai model, with or without revision and file."""
    found = []
    for record in records:
        for each in record.sources:
            if source in (each.reference, each.requested) or _is_within(each, source):
                found.append(record)
                break
    return found


def _is_within(source: Source, words: str) -> bool:
    if source.kind == "civitai":
        return words.partition("@")[0] == source.reference.partition("@")[0]
    if source.kind not in KINDS:
        return False
    try:
        wanted, wanted_parts = whole(source.kind, words)
        held, _ = whole(source.kind, source.reference)
    except (NotFoundError, UsageError):
        return False
    return held.lower() == wanted.lower() and wanted_parts.path in (None, source.path)


def plan_update(standing: Standing, *, fetchers: Sequence[Fetcher], settings: Settings) -> Plan:
    """What to fetch for an outdated model. Raises what the source and the choice raise."""
    record = standing.model
    wish = Wish(
        purpose=settings.pull_purpose,
        precision=record.detection.precision if record.detection.precision in _PRECISIONS else None,
        allow_pickle=settings.pull_allow_pickle or record.format in _PICKLES,
        convert=_was_converted(standing),
        diffusers=record.format is Format.DIFFUSERS and standing.source.kind != "civitai",
    )
    if standing.source.kind == "civitai":
        remote = _version(standing, fetchers)
        choice = choose(remote, wish)
    else:
        assert standing.remote is not None
        remote = replace(standing.remote, reference=standing.source.reference)
        choice = _changed(standing, remote, wish)
    request = Request(source=remote.reference, wish=wish, to=_folder(record), name=_name(standing, choice))
    return Plan(request=request, remote=remote, choice=choice)


def _version(standing: Standing, fetchers: Sequence[Fetcher]) -> RemoteModel:
    reference = civitai_model(standing.source)
    remote = fetcher_for(reference, fetchers).resolve(reference, revision=standing.newest)
    # The user followed the model, not one version of it: so does its successor.
    return remote if "@" in standing.source.reference else replace(remote, reference=reference, revision=None)


def _was_converted(standing: Standing) -> bool:
    path = standing.source.path or ""
    return bool(standing.files) and path.endswith(".safetensors") and standing.files[0].name != path


def _changed(standing: Standing, remote: RemoteModel, wish: Wish) -> Choice:
    """The model's own files; those that did not change are marked with the held hash, so that they are not fetched."""
    record, source = standing.model, standing.source
    reason = f"changed since commit {(source.commit or 'unknown')[:_COMMIT_SHOWN]}"
    if record.format is not Format.DIFFUSERS:
        return Choice(files=standing.files, layout="file", reason=reason)
    held = dict(remote_names(record, source))
    there = {file.name: file for file in remote.files}
    if held.keys() <= there.keys():
        chosen = Choice(
            files=tuple(there[name] for name in held), layout="diffusers", reason=reason, root=source.path or ""
        )
    else:
        chosen = choose(replace(remote, wanted=source.path), wish)
    files = tuple(
        replace(file, sha256=held[file.name].sha256)
        if file.name in held and same_content(file, held[file.name])
        else file
        for file in chosen.files
    )
    return replace(chosen, files=files)


def _folder(record: ModelRecord) -> Path | None:
    """Beside the old one, where that is within reach; else the library's folder for the type."""
    path = record.path
    return path.parent if path is not None and record.state is LocationState.PRESENT else None


def _name(standing: Standing, choice: Choice) -> str | None:
    """A name that does not stand in the old one's way, None where the new file's own does not."""
    path = standing.model.path
    if path is None:
        return None
    folder = standing.model.format is Format.DIFFUSERS
    if standing.source.kind == "civitai":
        own = PurePosixPath(choice.files[0].name)
        taken = path.with_name(own.name).exists()
        return f"{own.stem}-v{standing.newest}" if taken else None
    stem = _EARLIER.sub("", path.name if folder else path.stem)
    return f"{stem}-{(standing.newest or '')[:_COMMIT_SHOWN]}"


def update(
    standing: Standing,
    plan: Plan,
    *,
    catalog: Catalog,
    settings: Settings,
    replace_old: bool = False,
    progress: Progress = SILENT,
) -> Updated:
    """Pull the newer one and give it the user's words about the old one, which stays; with `replace_old` it is trashed.

    The old one is only touched once the new one is proved, placed and recorded. Raises what `pull` and the trash raise.
    """
    pulled = pull(plan, catalog=catalog, settings=settings, progress=progress)
    for model in pulled.models:
        if model.id != standing.model.id:
            _inherit(standing.model, model, catalog)
    trashed = replace_old and all(model.id != standing.model.id for model in pulled.models)
    if trashed:
        remove([standing.model], catalog=catalog)
    models = tuple(catalog.get(model.id) for model in pulled.models)
    return Updated(standing=standing, pulled=replace(pulled, models=models), trashed=trashed)


def _inherit(old: ModelRecord, new: ModelRecord, catalog: Catalog) -> None:
    with catalog.batch():
        catalog.tag(new.id, add=old.tags)
        for field in _KEPT_WORDS:
            if field in old.overrides and field not in new.overrides:
                catalog.set_override(new.id, field, old.overrides[field])
