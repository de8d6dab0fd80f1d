"""Pull: resolve → choose → obtain → check → place → record in the catalog. The plan is separate from the effect."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path

from modelhub.catalog import Catalog
from modelhub.config import Settings
from modelhub.detect import KnownModel
from modelhub.domain import ModelRecord, Style, is_sha256
from modelhub.errors import Exit, ModelhubError, NotFoundError, Remedy, UsageError, worst_exit_code
from modelhub.fetch.choice.choice import FileChoice, ModelLayout
from modelhub.fetch.choice.choose import choose
from modelhub.fetch.choice.criteria import FileCriteria, parse_precision, parse_purpose
from modelhub.fetch.fetcher import Fetcher, RemoteFile, RemoteModel
from modelhub.operations.remote.agreement import content_notes
from modelhub.operations.remote.check import CheckedFile, check_files
from modelhub.operations.remote.obtain import FileOrigin, ObtainedFile, obtain, still_here
from modelhub.operations.remote.publish import Destination, publish
from modelhub.operations.remote.pull_convert import convert_pickles, find_converted, is_pickle
from modelhub.operations.remote.pull_packs import publish_pack, split_packs
from modelhub.operations.remote.resolve import point_from_page, resolve_source
from modelhub.operations.remote.source_sidecars import staging_folder, write_sidecars
from modelhub.progress import SILENT, Progress
from modelhub.storage.containment import ensure_inside
from modelhub.storage.locks import LockOwner, file_lock


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRequest:
    """A source, and what to do with the files that are chosen there.

    `to`: the folder to place them in instead of the library's own for the type. `sha256` is enforced on the one chosen
    file; `name` is the file name (without suffix) and the model's name. `keep_pickle`: with `criteria.convert`, keep
    the downloaded pickle beside the safetensors file. `sidecars`: also write the source's information and preview
    picture beside the model. Raises UsageError for values that are not valid.
    """

    source: str
    criteria: FileCriteria = field(default_factory=FileCriteria)
    revision: str | None = None
    to: Path | None = None
    name: str | None = None
    style: Style | None = None
    sha256: str | None = None
    keep_pickle: bool = False
    sidecars: bool = False

    def __post_init__(self) -> None:
        """Check the values that do not depend on what the source has."""
        if not self.source.strip():
            raise UsageError("The source is empty.", "Name a repository, a model or an address.")
        if self.sha256 is not None:
            object.__setattr__(self, "sha256", self.sha256.lower())
            if not is_sha256(self.sha256.lower()):
                raise UsageError(f"`{self.sha256}` is not a SHA-256.", "It has 64 digits, 0-9 and a-f.")
        if self.keep_pickle and not self.criteria.convert:
            raise UsageError(
                "A pickle is only kept beside its conversion.", Remedy("Convert it, too.", "keep-pickle-with-convert")
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class PullPlan:
    """The files that would be downloaded, and why. `known`: the well-known model whose name was given."""

    request: PullRequest
    remote: RemoteModel
    choice: FileChoice
    known: KnownModel | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PullResult:
    """The models that a pull added, and how each file was obtained.

    `refused`: why models of a pulled archive were not added, though others were.
    """

    plan: PullPlan
    models: tuple[ModelRecord, ...]
    obtained: tuple[ObtainedFile, ...]
    refused: tuple[ModelhubError, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """What does not agree between the name, the source's words and the content."""
        return content_notes(self.plan.known, self.plan.remote, self.models)

    @property
    def known(self) -> KnownModel | None:
        """The well-known model that was pulled; None where other files were chosen, or something does not agree."""
        is_whole = len(self.models) == 1 and not self.plan.request.criteria.files
        return self.plan.known if is_whole and not self.notes else None

    @property
    def code(self) -> Exit:
        """The exit code: OK unless a model was refused."""
        return worst_exit_code(error.code for error in self.refused)


def criteria_from(settings: Settings) -> FileCriteria:
    """Return the criteria of the settings: purpose, precision and whether pickles are allowed."""
    chosen = settings.pull
    return FileCriteria(
        purpose=parse_purpose(chosen.purpose),
        precision=parse_precision(chosen.precision) if chosen.precision else None,
        allow_pickle=chosen.allow_pickle,
    )


def plan_pull(request: PullRequest, *, fetchers: Sequence[Fetcher]) -> PullPlan:
    """Resolve the source and choose its files; nothing is downloaded.

    Raise UsageError for a source that no fetcher understands, and what the fetcher and `choose` raise.
    """
    resolved = resolve_source(request.source, revision=request.revision, fetchers=fetchers)
    try:
        choice = choose(resolved.remote, request.criteria)
    except NotFoundError as exc:
        raise point_from_page(request.source, exc) from exc
    choice = _apply_request(request, choice)
    return PullPlan(request=request, remote=resolved.remote, choice=choice, known=resolved.known)


def _apply_request(request: PullRequest, choice: FileChoice) -> FileChoice:
    """Return the choice with the requested SHA-256; raise UsageError where one name or hash is for several files."""
    is_one_model = len(choice.files) == 1 or choice.layout is ModelLayout.DIFFUSERS
    if request.name is not None and not is_one_model:
        raise UsageError(
            f"A name is for one model, but {len(choice.files)} files were chosen.",
            Remedy("Choose one file.", "choose-one-file"),
        )
    if request.sha256 is None:
        return choice
    if len(choice.files) != 1:
        raise UsageError(
            f"A SHA-256 is for one file, but {len(choice.files)} files were chosen.",
            Remedy("Choose one file.", "choose-one-file"),
        )
    return replace(choice, files=(_require_sha256(choice.files[0], request.sha256),))


def _require_sha256(file: RemoteFile, sha256: str) -> RemoteFile:
    if file.sha256 and file.sha256.lower() != sha256:
        raise UsageError(
            f"{file.name}: the source states SHA-256 {file.sha256}, but {sha256} is required.",
            "It is another file, or another version of it; nothing was downloaded.",
        )
    return replace(file, sha256=sha256)


_STATE_FOLDERS = ("incoming", "converted", "quarantine", "previews", "unpacked")


def pull(plan: PullPlan, *, catalog: Catalog, settings: Settings, progress: Progress = SILENT) -> PullResult:
    """Carry out a plan: no file gets its final name before its size, hash, format and safety are verified.

    Raise UnsafeError (the file is in quarantine), NetworkError and the other ModelhubErrors; what was downloaded so
    far can be resumed.
    """
    converted = _converted_before(plan, catalog)
    if converted:
        return PullResult(plan=plan, models=converted, obtained=())
    state = settings.library / ".modelhub"
    for folder in _STATE_FOLDERS:  # before anything is written: none of them may be a link out of the library
        ensure_inside(settings.library, state / folder / "entry")
    obtained = obtain(plan.remote, plan.choice.files, catalog=catalog, settings=settings, progress=progress)
    plain, packs = split_packs(obtained, plan.choice.layout)
    refused: list[ModelhubError] = []
    models: tuple[ModelRecord, ...] = ()
    if plain:
        plain, models = _check_and_publish(plan, plain, catalog, settings.library, progress)

    def publish_member(member: ObtainedFile, name: str | None) -> tuple[ModelRecord, ...]:
        own_plan = replace(plan, request=replace(plan.request, name=name))
        return _check_and_publish(own_plan, [member], catalog, settings.library, progress)[1]

    for file, pack in packs:
        models += publish_pack(file, pack, publish_member, refused, plan.request.name, settings.library, progress)
    if refused and not models:
        raise refused[0]
    obtained = (*plain, *(file for file, _ in packs))
    models = _apply_style(plan.request, models, catalog)
    if plan.request.sidecars:
        _write_sidecars(plan.remote, models, staging_folder(settings.library), progress)
    return PullResult(plan=plan, models=models, obtained=obtained, refused=tuple(refused))


def _check_and_publish(
    plan: PullPlan, files: Sequence[ObtainedFile], catalog: Catalog, library: Path, progress: Progress
) -> tuple[list[ObtainedFile], tuple[ModelRecord, ...]]:
    """Return the files where they were when they were checked, and the models that they are."""
    if plan.request.criteria.convert:
        present, models = _convert_and_publish(plan, files, catalog, library, progress)
    else:
        with _library_lock(library / ".modelhub", progress):
            present, checked = _check(plan, files, catalog, library)
            models = publish(plan.remote, checked, destination=_destination(plan, library), catalog=catalog)
    return list(present), models


def _converted_before(plan: PullPlan, catalog: Catalog) -> tuple[ModelRecord, ...]:
    if not plan.request.criteria.convert or plan.request.keep_pickle:
        return ()
    return find_converted(plan.remote, plan.choice.files, catalog=catalog)


def _check(
    plan: PullPlan, obtained: Sequence[ObtainedFile], catalog: Catalog, library: Path
) -> tuple[tuple[ObtainedFile, ...], tuple[CheckedFile, ...]]:
    """Return the files where they are now, and their inspections. The library must be locked."""
    present = still_here(obtained, catalog=catalog)
    return present, check_files(
        plan.remote,
        present,
        library=library,
        catalog=catalog,
        is_folder=plan.choice.layout is ModelLayout.DIFFUSERS,
        accepts_pickle=plan.request.criteria.accepts_pickle,
    )


def _convert_and_publish(
    plan: PullPlan, obtained: Sequence[ObtainedFile], catalog: Catalog, library: Path, progress: Progress
) -> tuple[tuple[ObtainedFile, ...], tuple[ModelRecord, ...]]:
    """Check, convert without holding the library's lock (it takes long), publish, and delete the pickles."""
    state = library / ".modelhub"
    with _library_lock(state, progress):
        present, checked = _check(plan, obtained, catalog, library)
    pickles = [item for item in checked if is_pickle(item)]
    published = convert_pickles(checked, staging=state / "converted", progress=progress)
    if plan.request.keep_pickle:
        published = (*published, *pickles)
    with _library_lock(state, progress):
        models = publish(plan.remote, published, destination=_destination(plan, library), catalog=catalog)
    if not plan.request.keep_pickle:
        for item in pickles:
            if item.file.origin is FileOrigin.DOWNLOADED:
                item.file.path.unlink(missing_ok=True)
    return present, models


def _library_lock(state: Path, progress: Progress) -> AbstractContextManager[None]:
    """Return the lock of the library, which placing and recording hold."""

    def on_wait(owner: LockOwner) -> None:
        progress.note(f"Waiting for another modelhub process ({owner.pid}) to finish in {state.parent}.")

    return file_lock(state / "lock", wait=None, on_wait=on_wait)


def _destination(plan: PullPlan, library: Path) -> Destination:
    request, choice = plan.request, plan.choice
    return Destination(library=library, folder=request.to, name=request.name, layout=choice.layout, root=choice.root)


def _apply_style(request: PullRequest, models: tuple[ModelRecord, ...], catalog: Catalog) -> tuple[ModelRecord, ...]:
    if request.style is None:
        return models
    for model in models:
        catalog.set_override(model.id, "style", request.style.value)
    return tuple(catalog.get(model.id) for model in models)


def _write_sidecars(remote: RemoteModel, models: Sequence[ModelRecord], staging: Path, progress: Progress) -> None:
    """Write what the source has beside each model; the models are recorded, so that a failure is only reported."""
    for model in models:
        if model.path is None or model.path.is_dir():
            continue
        try:
            write_sidecars(remote, model.path, staging=staging)
        except ModelhubError as exc:
            progress.note(f"{model.name}: the preview could not be written. {exc.message}")
