"""Outdated: what each model's source holds now, compared with what was pulled from it. Asks; changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from modelhub.domain import FileRecord, Format, LocationState, ModelRecord, Source
from modelhub.errors import Exit, ModelhubError, NotFoundError
from modelhub.fetch.fetcher import Fetcher, RemoteFile, RemoteModel, RemoteVersion
from modelhub.fetch.sources.registry import find_row, parse_reference
from modelhub.fetch.sources.source import Versioning
from modelhub.operations.remote.hub_queries import HubQueries, run_concurrently
from modelhub.operations.remote.obtain import git_sha1
from modelhub.progress import SILENT, Progress

PICKLE_SUFFIXES = ("ckpt", "pt", "pth", "bin")
_COMMIT_DIGITS = 40
_AT_ONCE = 4  # questions


class UpdateState(StrEnum):
    """How a model stands to its source."""

    CURRENT = "current"
    OUTDATED = "outdated"
    HELD = "held"  # there is a newer one, and the catalog has it too
    PINNED = "pinned"  # pulled at a commit, which never changes
    GONE = "gone"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateStatus:
    """One model and one of its sources. `have` and `newest` are commits or version numbers.

    `files` are the remote files whose content changed; `remote` is the source's answer where there was one. `code`
    is the exit code that a failure stands for.
    """

    model: ModelRecord
    source: Source
    state: UpdateState
    newest: str | None = None
    name: str | None = None
    message: str = ""
    files: tuple[RemoteFile, ...] = ()
    remote: RemoteModel | None = None
    code: Exit = Exit.OK

    @property
    def have(self) -> str | None:
        """What was pulled."""
        return self.source.commit


def outdated(
    records: Iterable[ModelRecord], *, fetchers: Sequence[Fetcher], offline: bool = False, progress: Progress = SILENT
) -> list[UpdateStatus]:
    """How each model of `records` stands to each hub it came from; models without one are left out.

    A hub that cannot be asked makes a status of its own and does not stop the others.
    """
    hubs = HubQueries(fetchers, offline)
    pairs = [(record, source) for record in records for source in record.sources if versioning_of(source) in _COMPARERS]
    with progress.task("asking the hubs", total=len(pairs), unit="models") as task:

        def one(pair: tuple[ModelRecord, Source]) -> UpdateStatus:
            try:
                return _status_of(*pair, hubs)
            finally:
                task.advance(1)

        found = run_concurrently(one, pairs, threads=_AT_ONCE)
    return list(_settled(found))


def _status_of(record: ModelRecord, source: Source, hubs: HubQueries) -> UpdateStatus:
    try:
        return _COMPARERS[versioning_of(source)](record, source, hubs)
    except ModelhubError as exc:
        state = UpdateState.GONE if isinstance(exc, NotFoundError) else UpdateState.FAILED
        code = Exit.OK if state is UpdateState.GONE else exc.code
        return UpdateStatus(model=record, source=source, state=state, message=exc.message, code=code)


def _settled(found: Sequence[UpdateStatus]) -> Iterator[UpdateStatus]:
    """Outdated ones whose newer content is in the catalog as another model are said to be held."""
    newest: dict[tuple[str, str, str | None], UpdateStatus] = {}
    for item in found:
        if item.state is UpdateState.CURRENT and item.model.state is not LocationState.MISSING:
            newest.setdefault(_origin(item), item)
    for item in found:
        other = newest.get(_origin(item)) if item.state is UpdateState.OUTDATED else None
        if other is not None:
            yield replace(item, state=UpdateState.HELD, message=f"the newer one is held as {other.model.name}")
        else:
            yield item


def _origin(item: UpdateStatus) -> tuple[str, str, str | None]:
    """What two models that follow one another have in common."""
    whole = whole_reference(item.source)
    if versioning_of(item.source) is Versioning.VERSIONS:
        base = next((v.base_model for v in _versions(item.remote) if v.id == item.have), item.source.base_model)
        return item.source.kind, whole, base
    return item.source.kind, whole, item.source.path


def _versions(remote: RemoteModel | None) -> tuple[RemoteVersion, ...]:
    return remote.versions if remote else ()


def versioning_of(source: Source) -> Versioning:
    """Return how newer content appears where a model came from."""
    row = find_row(source.kind)
    return row.versioning if row else Versioning.NONE


def whole_reference(source: Source) -> str:
    """Return the reference of the repository or model alone. Raise NotFoundError where only a version is named."""
    parts = parse_reference(source.kind, source.reference)
    if parts is None or parts.whole is None:
        raise NotFoundError(f"{source.reference} does not name a model, only a version of one.")
    return parts.whole


def _compare_versions(record: ModelRecord, source: Source, hubs: HubQueries) -> UpdateStatus:
    remote = hubs.ask(source.kind, whole_reference(source), None)
    assert remote is not None
    have = source.commit or ""
    held = next((version for version in remote.versions if version.id == have), None)
    base = held.base_model if held else source.base_model
    later = _above(remote.versions, have)
    same = [version for version in later if base is None or version.base_model == base]
    public = [version for version in same if version.deadline is None]
    status = UpdateStatus(model=record, source=source, state=UpdateState.CURRENT, remote=remote, newest=have)
    if public:
        newest = public[0]
        return replace(status, state=UpdateState.OUTDATED, newest=newest.id, name=newest.name)
    waiting = next(iter(same), None)
    if waiting is not None:
        return replace(status, message=f"version {waiting.name} is in early access until {waiting.deadline}")
    others = sorted({version.base_model or "another base" for version in later})
    return replace(status, message=f"newer versions are for {', '.join(others)}" if others else "")


def _above(versions: Sequence[RemoteVersion], have: str) -> list[RemoteVersion]:
    """The versions that were made later and that their author lists before `have`.

    Authors put variants (inpainting, LCM), also later ones, below the version that they recommend.
    """
    ids = [version.id for version in versions]
    before = versions[: ids.index(have)] if have in ids else versions
    return [each for each in before if each.id.isdigit() and have.isdigit() and int(each.id) > int(have)]


def _compare_commits(record: ModelRecord, source: Source, hubs: HubQueries) -> UpdateStatus:
    repository = whole_reference(source)
    parts = parse_reference(source.kind, source.reference)
    revision = source.revision or (parts.revision if parts else None)
    status = UpdateStatus(model=record, source=source, state=UpdateState.CURRENT, newest=source.commit)
    if revision and len(revision) == _COMMIT_DIGITS and revision == source.commit:
        return replace(status, state=UpdateState.PINNED, message="pulled at this commit, which never changes")
    remote = hubs.ask(source.kind, repository, revision, since=source.commit)
    if remote is None:
        return status
    status = replace(status, remote=remote, newest=remote.commit)
    changed, lost = _compared(record, source, remote, hubs)
    if lost:
        return replace(status, state=UpdateState.GONE, message=f"{lost[0]} is no longer there")
    if changed:
        return replace(status, state=UpdateState.OUTDATED, files=changed)
    return replace(status, message="a new commit; the files are the same")


def _compared(
    record: ModelRecord, source: Source, remote: RemoteModel, hubs: HubQueries
) -> tuple[tuple[RemoteFile, ...], list[str]]:
    """The remote files whose content is another one, and the names of those that are not there any more."""
    there = {file.name: file for file in remote.files}
    changed, lost = [], []
    for name, held in remote_names(record, source):
        file = there.get(name)
        if file is not None:
            changed += [] if same_content(file, held) else [file]
            continue
        before, after = _pickle_twins(name, source, remote, hubs)
        if after is None:
            lost.append(name)
        elif before is None or (before.sha256, before.git_sha1) != (after.sha256, after.git_sha1):
            changed.append(after)
    return tuple(changed), lost


def remote_names(record: ModelRecord, source: Source) -> list[tuple[str, FileRecord]]:
    """The name in the repository of each file of a model."""
    if record.format is not Format.DIFFUSERS:
        return [(source.path or "", record.main)]
    root = f"{source.path}/" if source.path else ""
    return [(f"{root}{file.role}", file) for file in record.files]


def same_content(file: RemoteFile, held: FileRecord) -> bool:
    """Whether the hub's file has the held content. Where the hub gives no hash at all, the size has to do."""
    if file.sha256:
        return file.sha256.lower() == held.sha256
    if file.size is not None and file.size != held.size:
        return False
    if file.git_sha1:
        present = [place.path for place in held.locations if place.state is LocationState.PRESENT]
        return any(path.is_file() and git_sha1(path) == file.git_sha1 for path in present)
    return True


def _pickle_twins(
    name: str, source: Source, remote: RemoteModel, hubs: HubQueries
) -> tuple[RemoteFile | None, RemoteFile | None]:
    """The pickle that a converted file was made from, as it was at the recorded commit and as it is now."""
    stem, dot, suffix = name.rpartition(".")
    if suffix != "safetensors" or not source.commit:
        return None, None
    names = {f"{stem}{dot}{other}" for other in PICKLE_SUFFIXES}
    now = next((file for file in remote.files if file.name in names), None)
    if now is None:
        return None, None
    try:
        then = hubs.ask(source.kind, whole_reference(source), source.commit)
    except NotFoundError:  # history was rewritten
        return None, now
    files = then.files if then else ()
    return next((file for file in files if file.name == now.name), None), now


_COMPARERS = {Versioning.COMMITS: _compare_commits, Versioning.VERSIONS: _compare_versions}
