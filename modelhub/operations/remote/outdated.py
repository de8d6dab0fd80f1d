"""Outdated: compare each model with what its source has now. Queries sources; changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from modelhub.detect import find_model_at
from modelhub.domain import FileRecord, Format, LocationState, ModelRecord, Source
from modelhub.errors import Exit, ModelhubError, NotFoundError
from modelhub.fetch.fetcher import Fetcher, RemoteFile, RemoteModel, RemoteVersion
from modelhub.fetch.sources.registry import find_row, parse_reference
from modelhub.fetch.sources.source import Versioning
from modelhub.operations.remote.obtain import git_sha1
from modelhub.operations.remote.source_queries import SourceQueries, run_concurrently
from modelhub.progress import SILENT, Progress

PICKLE_SUFFIXES = ("ckpt", "pt", "pth", "bin")
_COMMIT_DIGITS = 40
_THREADS = 4  # queries at once


class UpdateState(StrEnum):
    """The result of comparing a model with its source."""

    CURRENT = "current"
    OUTDATED = "outdated"
    HELD = "held"  # there is a newer version, and the catalog has it too
    PINNED = "pinned"  # pulled at a commit, which never changes
    GONE = "gone"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateStatus:
    """The comparison of one model with one of its sources. `have` and `newest` are commits or version numbers.

    `files` are the remote files whose content has changed; `remote` is what the source has, None where it was not
    queried or failed. `error` is the reason of a failure.
    """

    model: ModelRecord
    source: Source
    state: UpdateState
    newest: str | None = None
    name: str | None = None
    message: str = ""
    files: tuple[RemoteFile, ...] = ()
    remote: RemoteModel | None = None
    error: ModelhubError | None = None

    @property
    def have(self) -> str | None:
        """The commit or version that was pulled."""
        return self.source.commit

    @property
    def code(self) -> Exit:
        """The exit code for a failure, else OK."""
        return self.error.code if self.error else Exit.OK


def outdated(
    records: Iterable[ModelRecord], *, fetchers: Sequence[Fetcher], offline: bool = False, progress: Progress = SILENT
) -> list[UpdateStatus]:
    """Compare each model with every source that has versions or commits; other models are left out.

    A source that fails gives the state FAILED and does not stop the others.
    """
    queries = SourceQueries(fetchers, offline)
    pairs = [(record, source) for record in records for source in record.sources if versioning_of(source) in _COMPARERS]
    with progress.task("querying the sources", total=len(pairs), unit="models") as task:

        def compare(pair: tuple[ModelRecord, Source]) -> UpdateStatus:
            try:
                return _compare(*pair, queries)
            finally:
                task.advance(1)

        found = run_concurrently(compare, pairs, threads=_THREADS)
    return list(_mark_held(found))


def _compare(record: ModelRecord, source: Source, queries: SourceQueries) -> UpdateStatus:
    try:
        return _COMPARERS[versioning_of(source)](record, source, queries)
    except ModelhubError as exc:
        state = UpdateState.GONE if isinstance(exc, NotFoundError) else UpdateState.FAILED
        error = exc if state is UpdateState.FAILED else None
        return UpdateStatus(model=record, source=source, state=state, message=exc.message, error=error)


def _mark_held(found: Sequence[UpdateStatus]) -> Iterator[UpdateStatus]:
    """Yield all, outdated ones as HELD where the catalog has the newer content as another model."""
    newest: dict[tuple[str, str, str | None], UpdateStatus] = {}
    for item in found:
        if item.state is UpdateState.CURRENT and item.model.state is not LocationState.MISSING:
            newest.setdefault(_lineage(item), item)
    for item in found:
        other = newest.get(_lineage(item)) if item.state is UpdateState.OUTDATED else None
        if other is not None:
            yield replace(
                item, state=UpdateState.HELD, message=f"The newer version is in the catalog as {other.model.name}."
            )
        else:
            yield item


def _lineage(item: UpdateStatus) -> tuple[str, str, str | None]:
    """Return what a model and its successor have in common."""
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


def _compare_versions(record: ModelRecord, source: Source, queries: SourceQueries) -> UpdateStatus:
    remote = queries.resolve(source.kind, whole_reference(source), None)
    assert remote is not None
    have = source.commit or ""
    held = next((version for version in remote.versions if version.id == have), None)
    base = held.base_model if held else source.base_model
    later = _later_versions(remote.versions, have)
    same = [version for version in later if _is_successor(version, held, base, remote)]
    public = [version for version in same if version.deadline is None]
    status = UpdateStatus(model=record, source=source, state=UpdateState.CURRENT, remote=remote, newest=have)
    if public:
        newest = public[0]
        return replace(status, state=UpdateState.OUTDATED, newest=newest.id, name=newest.name)
    if same:
        return replace(status, message=f"Version {same[0].name} is in early access until {same[0].deadline}.")
    bases = sorted({version.base_model or "another base model" for version in later if version.base_model != base})
    return replace(status, message=f"Newer versions are for {', '.join(bases)}." if bases else "")


def _is_successor(version: RemoteVersion, held: RemoteVersion | None, base: str | None, remote: RemoteModel) -> bool:
    """Return whether a newer version replaces the held one: for the same base, and the same kind of model.

    A version that is a known model of its own, or one that is distilled or for inpainting, is something else.
    """
    page = remote.reference.partition("@")[0]
    is_same_kind = version.is_ordinary or (held is not None and not held.is_ordinary)
    same_base = base is None or version.base_model == base
    return same_base and is_same_kind and find_model_at(f"{page}@{version.id}") is None


def _later_versions(versions: Sequence[RemoteVersion], have: str) -> list[RemoteVersion]:
    """Return the versions that are newer than `have` and that their author lists above it.

    Authors put variants (inpainting, LCM), newer ones too, below the version that they recommend.
    """
    ids = [version.id for version in versions]
    before = versions[: ids.index(have)] if have in ids else versions
    return [each for each in before if each.id.isdigit() and have.isdigit() and int(each.id) > int(have)]


def _compare_commits(record: ModelRecord, source: Source, queries: SourceQueries) -> UpdateStatus:
    repository = whole_reference(source)
    parts = parse_reference(source.kind, source.reference)
    revision = source.revision or (parts.revision if parts else None)
    status = UpdateStatus(model=record, source=source, state=UpdateState.CURRENT, newest=source.commit)
    if revision and len(revision) == _COMMIT_DIGITS and revision == source.commit:
        return replace(status, state=UpdateState.PINNED, message="Pulled at this commit, which never changes.")
    remote = queries.resolve(source.kind, repository, revision, since=source.commit)
    if remote is None:
        return status
    status = replace(status, remote=remote, newest=remote.commit)
    changed, gone = _compare_files(record, source, remote, queries)
    if gone:
        return replace(status, state=UpdateState.GONE, message=f"{gone[0]} is no longer at its source.")
    if changed:
        return replace(status, state=UpdateState.OUTDATED, files=changed)
    return replace(status, message="There is a new commit; the files are unchanged.")


def _compare_files(
    record: ModelRecord, source: Source, remote: RemoteModel, queries: SourceQueries
) -> tuple[tuple[RemoteFile, ...], list[str]]:
    """Return the remote files whose content has changed, and the names of those that are gone."""
    there = {file.name: file for file in remote.files}
    changed, gone = [], []
    for name, held in remote_names(record, source):
        file = there.get(name)
        if file is not None:
            changed += [] if same_content(file, held) else [file]
            continue
        before, after = _made_from(name, source, remote, queries)
        if after is None:
            gone.append(name)
        elif before is None or (before.sha256, before.git_sha1) != (after.sha256, after.git_sha1):
            changed.append(after)
    return tuple(changed), gone


def remote_names(record: ModelRecord, source: Source) -> list[tuple[str, FileRecord]]:
    """Return each file of a model with its path in the repository."""
    if record.format is not Format.DIFFUSERS:
        return [(source.path or "", record.main)]
    root = f"{source.path}/" if source.path else ""
    return [(f"{root}{file.role}", file) for file in record.files]


def same_content(file: RemoteFile, held: FileRecord) -> bool:
    """Return whether a remote file has the held content; without a stated hash the sizes are compared."""
    if file.sha256:
        return file.sha256.lower() == held.sha256
    if file.size is not None and file.size != held.size:
        return False
    if file.git_sha1:
        present = [place.path for place in held.locations if place.state is LocationState.PRESENT]
        return any(path.is_file() and git_sha1(path) == file.git_sha1 for path in present)
    return True


def _made_from(
    name: str, source: Source, remote: RemoteModel, queries: SourceQueries
) -> tuple[RemoteFile | None, RemoteFile | None]:
    """Return the file that a model was made from, as it was at the recorded commit and as it is now.

    That is the pickle that was converted, or the archive that was unpacked.
    """
    stem, dot, suffix = name.rpartition(".")
    if not source.commit:
        return None, None
    names = {f"{stem}{dot}{other}" for other in PICKLE_SUFFIXES} if suffix == "safetensors" else set()
    after = next((file for file in remote.files if file.name in names or name.startswith(f"{file.name}/")), None)
    if after is None:
        return None, None
    try:
        recorded = queries.resolve(source.kind, whole_reference(source), source.commit)
    except NotFoundError:  # history was rewritten
        return None, after
    files = recorded.files if recorded else ()
    return next((file for file in files if file.name == after.name), None), after


_COMPARERS = {Versioning.COMMITS: _compare_commits, Versioning.VERSIONS: _compare_versions}
