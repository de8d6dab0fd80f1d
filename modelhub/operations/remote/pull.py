"""Pull: resolve → choose → obtain → check → place → catalogue. Planning is apart from doing."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

from modelhub.catalog import Catalog
from modelhub.config import Settings
from modelhub.detect import find_known_model
from modelhub.domain import ModelRecord, Style
from modelhub.errors import NotFoundError, UsageError
from modelhub.fetch.choice.choice import FileChoice
from modelhub.fetch.choice.choose import choose
from modelhub.fetch.choice.criteria import FileCriteria
from modelhub.fetch.fetcher import Fetcher, RemoteFile, RemoteModel
from modelhub.fetch.sources.registry import example_references
from modelhub.operations.remote.obtain import ObtainedFile, obtain, still_here
from modelhub.operations.remote.publish import Destination, check, publish
from modelhub.operations.remote.pull_convert import converted, held, is_pickle
from modelhub.progress import SILENT, Progress
from modelhub.storage.locks import LockOwner, file_lock


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRequest:
    """A source, and what to do with the files that are chosen there.

    `to`: the folder to place them in instead of the library's own for the type. `sha256` is enforced on the one chosen
    file; `name` is the file name (without suffix) and the model's name. `keep_pickle`: with `criteria.convert`, keep
    the downloaded pickle beside the safetensors file. `sidecars`: also write the source's information and preview
    picture beside the model.
    """

    source: str
    criteria: FileCriteria
    revision: str | None = None
    to: Path | None = None
    name: str | None = None
    style: Style | None = None
    sha256: str | None = None
    keep_pickle: bool = False
    sidecars: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PullPlan:
    """What would be downloaded, and why. Pure data; `--dry-run` prints it."""

    request: PullRequest
    remote: RemoteModel
    choice: FileChoice


@dataclass(frozen=True, slots=True, kw_only=True)
class PullResult:
    """What a pull brought: the models, and for each file how it was obtained."""

    plan: PullPlan
    models: tuple[ModelRecord, ...]
    obtained: tuple[ObtainedFile, ...]


def plan_pull(request: PullRequest, *, fetchers: Sequence[Fetcher]) -> PullPlan:
    """Ask the source what it holds and choose.

    Raises UsageError for a source that no fetcher understands, and whatever the fetcher and the choice raise.
    """
    remote = _resolved(request, fetchers)
    choice = choose(remote, request.criteria)
    return PullPlan(request=request, remote=remote, choice=_enforced(choice, request))


def _resolved(request: PullRequest, fetchers: Sequence[Fetcher]) -> RemoteModel:
    """What the source holds; the name of a well-known model stands for the place where it is published."""
    known = None if any(mark in request.source for mark in "/:") else find_known_model(request.source)
    if known is None:
        return fetcher_for(request.source, fetchers).resolve(request.source, revision=request.revision)
    if known.source is None:
        raise NotFoundError(
            f"{known.name} is a known model, but no lasting place to pull it from is known.",
            "Search for it at a hub and pull its page's address.",
        )
    remote = fetcher_for(known.source, fetchers).resolve(known.source, revision=request.revision)
    return replace(remote, notices=(f"{known.name} is published at {known.source}.", *remote.notices))


def fetcher_for(source: str, fetchers: Sequence[Fetcher]) -> Fetcher:
    """Return the first fetcher that claims `source`. Raise UsageError, which shows the references of every source."""
    for fetcher in fetchers:
        if fetcher.claims(source):
            return fetcher
    raise UsageError(
        f"`{source}` is not a reference of any source.",
        f"Write {example_references()}, or the address of a model's page.",
    )


def pull(plan: PullPlan, *, catalog: Catalog, settings: Settings, progress: Progress = SILENT) -> PullResult:
    """Carry out a plan: nothing stands under its final name before size, hash, format and safety are proved.

    Raises UnsafeError (the file is in quarantine), NetworkError and the other ModelhubErrors; what was downloaded so
    far stays resumable.
    """
    library = settings.library
    state = library / ".modelhub"
    if plan.request.criteria.convert and not plan.request.keep_pickle:
        there = held(plan.remote, plan.choice.files, catalog=catalog)
        if there:
            return PullResult(plan=plan, models=there, obtained=())
    got = obtain(plan.remote, plan.choice.files, catalog=catalog, settings=settings, staging=state, progress=progress)
    with _turn(state, progress):
        # Another modelhub may have pulled the very same file and taken it out of staging.
        got = still_here(got, catalog=catalog)
        looks = check(plan.remote, got, quarantine=state / "quarantine")
        if not plan.request.criteria.convert:
            models = publish(plan.remote, looks, destination=_destination(plan, library), catalog=catalog)
            return _styled(plan, models, got, catalog)
    pickles = [item for item in looks if is_pickle(item)] if plan.request.criteria.convert else []
    if pickles:
        twins = converted(looks, staging=state / "converted", progress=progress)
        looks = (*twins, *pickles) if plan.request.keep_pickle else twins
    with _turn(state, progress):
        models = publish(plan.remote, looks, destination=_destination(plan, library), catalog=catalog)
    if not plan.request.keep_pickle:
        for item in pickles:
            if item.file.how == "downloaded":
                item.file.path.unlink(missing_ok=True)
    return _styled(plan, models, got, catalog)


def _turn(state: Path, progress: Progress) -> AbstractContextManager[None]:
    """The library for this process alone, for as long as placing and recording takes."""

    def waiting(owner: LockOwner) -> None:
        progress.note(f"Waiting for another modelhub (process {owner.pid}) to finish its turn in {state.parent}.")

    return file_lock(state / "lock", wait=None, on_wait=waiting)


def _destination(plan: PullPlan, library: Path) -> Destination:
    request, choice = plan.request, plan.choice
    return Destination(library=library, folder=request.to, name=request.name, layout=choice.layout, root=choice.root)


def _styled(
    plan: PullPlan, models: tuple[ModelRecord, ...], got: tuple[ObtainedFile, ...], catalog: Catalog
) -> PullResult:
    if plan.request.style:
        for model in models:
            catalog.set_override(model.id, "style", plan.request.style.value)
        models = tuple(catalog.get(model.id) for model in models)
    return PullResult(plan=plan, models=models, obtained=got)


def _enforced(choice: FileChoice, request: PullRequest) -> FileChoice:
    if request.sha256 is None:
        return choice
    wanted = request.sha256.lower()
    if len(choice.files) != 1:
        raise UsageError("--sha256 is about one file, but several were chosen.", "Name one with --file.")
    if len(wanted) != 64 or set(wanted) - set("0123456789abcdef"):
        raise UsageError(f"--sha256 {request.sha256} is not a SHA-256.", "It has 64 digits, 0-9 and a-f.")
    return replace(choice, files=(_with_sha256(choice.files[0], wanted),))


def _with_sha256(file: RemoteFile, wanted: str) -> RemoteFile:
    if file.sha256 and file.sha256.lower() != wanted:
        raise UsageError(
            f"{file.name}: the source states SHA-256 {file.sha256}, you asked for {wanted}.",
            "It is another file, or another version of it; nothing was downloaded.",
        )
    return replace(file, sha256=wanted)
