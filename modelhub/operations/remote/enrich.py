"""Enrich models with what a source knows of their files, found by hash; the user's own edits are kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

from modelhub.catalog import Catalog, Lookup
from modelhub.domain import Format, LocationState, ModelRecord, Source
from modelhub.errors import GO_ONLINE, ModelhubError, NetworkError, NotFoundError
from modelhub.fetch.fetcher import HashLookup, RemoteFile, RemoteModel
from modelhub.fetch.sources.registry import find_row, parse_reference
from modelhub.operations.remote.publish import searchable_tags
from modelhub.progress import SILENT, Progress

_BATCH = 100  # hashes in one request
_PAUSE = 0.2  # seconds between requests, to spare the source
_REMEMBERED = timedelta(days=30)  # for which an unknown hash is not looked up again


class EnrichStatus(StrEnum):
    """The answer of a source about a model's file."""

    FOUND = "found"
    UNKNOWN = "unknown"
    REMEMBERED = "asked before"


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrichResult:
    """One model and the answer of one source (`kind`). `preview`: the picture that was written beside the model."""

    record: ModelRecord
    kind: str
    answer: EnrichStatus
    remote: RemoteModel | None = None
    preview: Path | None = None
    message: str = ""


def enrich(
    records: Iterable[ModelRecord],
    *,
    lookups: Sequence[HashLookup],
    catalog: Catalog,
    refresh: bool = False,
    fetch_preview: Callable[[RemoteModel, Path], Path | None] | None = None,
    sleep: Callable[[float], None] = time.sleep,
    progress: Progress = SILENT,
) -> Iterator[EnrichResult]:
    """Yield one result for each model and each source of `lookups`.

    Each answer is recorded at once, so that an interrupted run can be resumed. `refresh` looks up again what was
    looked up before. Raise the first NetworkError or AccessError of a source after the others were queried.
    """
    models = [record for record in records if record.format is not Format.DIFFUSERS and record.files]
    failures: list[ModelhubError] = []
    for lookup in lookups:
        enricher = _Enricher(lookup, catalog, sleep, fetch_preview, progress)
        try:
            yield from enricher.results(models, refresh=refresh)
        except ModelhubError as exc:
            failures.append(exc)
    if failures:
        raise failures[0]


def _is_fresh(lookup: Lookup | None) -> bool:
    if lookup is None or lookup.found:
        return lookup is not None
    return datetime.now(UTC) - datetime.fromisoformat(lookup.asked_at) < _REMEMBERED


class _Enricher:
    """Lookups at one source: in batches by hash, then once for each model (not for each version)."""

    def __init__(
        self,
        lookup: HashLookup,
        catalog: Catalog,
        sleep: Callable[[float], None],
        fetch_preview: Callable[[RemoteModel, Path], Path | None] | None,
        progress: Progress,
    ) -> None:
        self._lookup, self._catalog = lookup, catalog
        self._sleep, self._fetch_preview, self._progress = sleep, fetch_preview, progress
        row = find_row(lookup.kind)
        self._kind, self._name = lookup.kind, row.name if row else lookup.kind
        self._whole: dict[str, RemoteModel] = {}
        self._has_asked = False

    def results(self, records: Iterable[ModelRecord], *, refresh: bool) -> Iterator[EnrichResult]:
        """Yield one result for each record. Raise NetworkError or AccessError where the source does not answer."""
        known = {} if refresh else self._catalog.lookups(self._kind)
        due: list[ModelRecord] = []
        for record in records:
            if not refresh and (_is_fresh(known.get(record.main.sha256)) or self._is_source_of(record)):
                yield EnrichResult(record=record, kind=self._kind, answer=EnrichStatus.REMEMBERED)
            else:
                due.append(record)
        if due and self._lookup.offline:
            raise NetworkError(f"Offline: no models were looked up at {self._name}.", GO_ONLINE)
        with self._progress.task(f"looking up at {self._name}", total=len(due), unit="models") as task:
            for start in range(0, len(due), _BATCH):
                for answer in self._look_up(due[start : start + _BATCH]):
                    yield answer
                    task.advance(1)

    def _is_source_of(self, record: ModelRecord) -> bool:
        return any(source.kind == self._kind for source in record.sources)

    def _look_up(self, records: Sequence[ModelRecord]) -> Iterator[EnrichResult]:
        """Yield one result per record. Unknown hashes are recorded first: they need no further request."""
        self._pause()
        found = self._lookup.by_hashes(record.main.sha256 for record in records)
        unknown = {record.main.sha256: False for record in records if record.main.sha256 not in found}
        self._catalog.add_lookups(self._kind, unknown)
        for record in records:
            remote = found.get(record.main.sha256)
            if remote is None:
                yield EnrichResult(record=record, kind=self._kind, answer=EnrichStatus.UNKNOWN)
            else:
                yield self._record(record, self._complete(remote))

    def _pause(self) -> None:
        if self._has_asked:
            self._sleep(_PAUSE)
        self._has_asked = True

    def _complete(self, remote: RemoteModel) -> RemoteModel:
        """Add the model's tags and license, which answers about hashes may lack."""
        model = _whole_reference(remote)
        if model not in self._whole:
            self._pause()
            try:
                self._whole[model] = self._lookup.resolve(remote.reference)
            except NotFoundError:  # archived, or for use on the site only: known all the same
                return remote
        whole = self._whole[model]
        return replace(remote, tags=whole.tags, license=whole.license)

    def _record(self, record: ModelRecord, remote: RemoteModel) -> EnrichResult:
        source = _source(record, remote)
        known = any(each.kind == self._kind and each.commit == remote.commit for each in record.sources)
        # Tags are added once, so that those which the user removes stay removed.
        tags = () if known else searchable_tags(remote)
        self._catalog.learn(record.id, source, tags=tags, words=remote.trigger_words)
        preview, message = self._preview(record, remote)
        self._catalog.add_lookups(self._kind, {record.main.sha256: True})
        return EnrichResult(
            record=self._catalog.get(record.id),
            kind=self._kind,
            answer=EnrichStatus.FOUND,
            remote=remote,
            preview=preview,
            message=message,
        )

    def _preview(self, record: ModelRecord, remote: RemoteModel) -> tuple[Path | None, str]:
        path = record.path
        if self._fetch_preview is None or path is None or record.state is not LocationState.PRESENT:
            return None, ""
        self._pause()
        try:
            return self._fetch_preview(remote, path), ""
        except ModelhubError as exc:
            return None, f"No preview: {exc.message}"


def _whole_reference(remote: RemoteModel) -> str:
    parts = parse_reference(remote.kind, remote.reference)
    return (parts.whole if parts else None) or remote.reference


def _source(record: ModelRecord, remote: RemoteModel) -> Source:
    """Return the source to record; one that the model has already is brought up to date."""
    file = _file(record, remote)
    fresh = Source(
        kind=remote.kind,
        reference=_whole_reference(remote),
        commit=remote.commit,
        url=remote.page,
        path=file.name if file else None,
        license=remote.license,
        scan=file.scan if file else None,
        base_model=remote.base_model,
    )
    for held in record.sources:
        if held.kind == remote.kind and held.commit == remote.commit:
            return replace(
                fresh,
                reference=held.reference,
                requested=held.requested,
                revision=held.revision,
                path=held.path,
                fetched_at=held.fetched_at,
                license=fresh.license or held.license,
            )
    return fresh


def _file(record: ModelRecord, remote: RemoteModel) -> RemoteFile | None:
    return next((file for file in remote.files if file.sha256 == record.main.sha256), None)
