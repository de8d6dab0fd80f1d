"""Enrich: what Civitai knows of catalogued files, found by their hashes; the user's own words always stay."""

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
from modelhub.operations.remote.publish import searchable_tags
from modelhub.progress import SILENT, Progress

SERVICE = "civitai"
_BATCH = 100  # hashes in one question
_PAUSE = 0.2  # seconds between questions: the site is a guest-house, not ours
_REMEMBERED = timedelta(days=30)  # so long what was not known is not asked about again


class EnrichStatus(StrEnum):
    """What Civitai said of a model's file."""

    FOUND = "found"
    UNKNOWN = "unknown"
    REMEMBERED = "asked before"


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrichResult:
    """One model and what was learned of it. `preview`: the picture that was written beside it."""

    record: ModelRecord
    answer: EnrichStatus
    remote: RemoteModel | None = None
    preview: Path | None = None
    message: str = ""


def enrich(
    records: Iterable[ModelRecord],
    *,
    civitai: HashLookup,
    catalog: Catalog,
    refresh: bool = False,
    fetch_preview: Callable[[RemoteModel, Path], Path | None] | None = None,
    sleep: Callable[[float], None] = time.sleep,
    progress: Progress = SILENT,
) -> Iterator[EnrichResult]:
    """One answer a model. What is answered is recorded at once, so that a run that breaks off is gone on with.

    `refresh` asks again about what was asked before. Raises NetworkError or AccessError when Civitai cannot be asked.
    """
    asked = {} if refresh else catalog.lookups(SERVICE)
    due: list[ModelRecord] = []
    for record in records:
        if record.format is Format.DIFFUSERS or not record.files:
            continue
        if not refresh and (_is_fresh(asked.get(record.main.sha256)) or _came_from_civitai(record)):
            yield EnrichResult(record=record, answer=EnrichStatus.REMEMBERED)
        else:
            due.append(record)
    if due and civitai.offline:
        raise NetworkError(f"Offline: Civitai is not asked about {len(due)} models.", GO_ONLINE)
    asker = _Asker(civitai, catalog, sleep, fetch_preview)
    with progress.task("asking Civitai", total=len(due), unit="models") as task:
        for start in range(0, len(due), _BATCH):
            for answer in asker.answers(due[start : start + _BATCH]):
                yield answer
                task.advance(1)


def _is_fresh(lookup: Lookup | None) -> bool:
    if lookup is None or lookup.found:
        return lookup is not None
    return datetime.now(UTC) - datetime.fromisoformat(lookup.asked_at) < _REMEMBERED


def _came_from_civitai(record: ModelRecord) -> bool:
    return any(source.kind == SERVICE for source in record.sources)


class _Asker:
    """Asks in batches by hash, then once for each model (not for each version), with a pause between questions."""

    def __init__(
        self,
        civitai: HashLookup,
        catalog: Catalog,
        sleep: Callable[[float], None],
        fetch_preview: Callable[[RemoteModel, Path], Path | None] | None,
    ) -> None:
        self._civitai, self._catalog = civitai, catalog
        self._sleep, self._fetch_preview = sleep, fetch_preview
        self._whole: dict[str, RemoteModel] = {}
        self._asked = False

    def answers(self, records: Sequence[ModelRecord]) -> Iterator[EnrichResult]:
        """One a record. What is not known is recorded before anything else: that costs no further question."""
        self._pause()
        found = self._civitai.by_hashes(record.main.sha256 for record in records)
        unknown = {record.main.sha256: False for record in records if record.main.sha256 not in found}
        self._catalog.add_lookups(SERVICE, unknown)
        for record in records:
            remote = found.get(record.main.sha256)
            if remote is None:
                yield EnrichResult(record=record, answer=EnrichStatus.UNKNOWN)
            else:
                yield self._learned(record, self._completed(remote))

    def _pause(self) -> None:
        if self._asked:
            self._sleep(_PAUSE)
        self._asked = True

    def _completed(self, remote: RemoteModel) -> RemoteModel:
        """The same with its model's tags and permissions, which answers about hashes lack."""
        model = remote.reference.partition("@")[0]
        if model not in self._whole:
            self._pause()
            try:
                self._whole[model] = self._civitai.resolve(remote.reference)
            except NotFoundError:  # archived, or for use on the site only: known all the same
                return remote
        whole = self._whole[model]
        return replace(remote, tags=whole.tags, license=whole.license)

    def _learned(self, record: ModelRecord, remote: RemoteModel) -> EnrichResult:
        source = _source(record, remote)
        known = any(each.kind == SERVICE and each.commit == remote.commit for each in record.sources)
        # Tags that were taken away stay away: they are given once.
        tags = () if known else searchable_tags(remote)
        self._catalog.learn(record.id, source, tags=tags, words=remote.trigger_words)
        preview, message = self._preview(record, remote)
        self._catalog.add_lookups(SERVICE, {record.main.sha256: True})
        return EnrichResult(
            record=self._catalog.get(record.id),
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
            return None, f"no preview: {exc.message}"


def _source(record: ModelRecord, remote: RemoteModel) -> Source:
    """Civitai as a source of this model; the one that it has already is brought up to date."""
    file = _file(record, remote)
    fresh = Source(
        kind=SERVICE,
        reference=remote.reference.partition("@")[0]
        if not remote.reference.startswith("civitai:@")
        else remote.reference,
        commit=remote.commit,
        url=remote.page,
        path=file.name if file else None,
        license=remote.license,
        scan=file.scan if file else None,
        base_model=remote.base_model,
    )
    for held in record.sources:
        if held.kind == SERVICE and held.commit == remote.commit:
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
