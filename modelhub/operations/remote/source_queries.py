"""Query sources about many models: each query once, several at a time, and none more to a source that is down."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock, Thread
from typing import TypeVar

from modelhub.errors import GO_ONLINE, ModelhubError, NetworkError, NotFoundError
from modelhub.fetch.fetcher import CommitLookup, Fetcher, RemoteModel
from modelhub.fetch.sources.registry import find_row

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")
_MAX_FAILURES = 3  # in a row, after which a source counts as down


def run_concurrently(work: Callable[[_Item], _Result], items: Sequence[_Item], *, threads: int) -> list[_Result]:
    """Call `work` on every item in a few threads and return the results in the order of the items.

    The first error stops the work and is raised. The threads are daemons, unlike those of the standard library's
    pool, which would wait for a stalled answer before Ctrl-C ends the program.
    """
    results: dict[int, _Result] = {}
    errors: list[BaseException] = []
    numbers = iter(range(len(items)))
    lock = Lock()

    def run() -> None:
        while not errors:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            try:
                results[number] = work(items[number])
            except BaseException as exc:  # noqa: BLE001 - raised in the calling thread
                errors.append(exc)

    workers = [Thread(target=run, daemon=True) for _ in range(min(threads, len(items)))]
    for worker in workers:
        worker.start()
    for worker in workers:
        while worker.is_alive():
            worker.join(0.2)  # with a timeout: on Windows, Ctrl-C does not interrupt a join without one
    if errors:
        raise errors[0]
    return [results[number] for number in range(len(items))]


class SourceQueries:
    """Cached queries to sources: each is made once, however many models need it, and its failure is cached too.

    May be used from several threads; a source that is not concurrent gets one query at a time.
    """

    def __init__(self, fetchers: Sequence[Fetcher], offline: bool) -> None:
        self._by_kind = {fetcher.kind: fetcher for fetcher in fetchers}
        self._offline = offline
        self._answers: dict[tuple[str, str, str | None, str | None], RemoteModel | ModelhubError | None] = {}
        self._locks: dict[tuple[str, str], Lock] = {}
        self._lock = Lock()
        self._failures: dict[str, int] = {}

    def resolve(
        self, kind: str, reference: str, revision: str | None, *, since: str | None = None
    ) -> RemoteModel | None:
        """Return what a source has, None where it is still at the commit `since`. Raise ModelhubError."""
        key = (kind, reference, revision, since)
        row = find_row(kind)
        with self._lock:
            lock = self._locks.setdefault((kind, reference if row and row.is_concurrent else ""), Lock())
        with lock:
            if key not in self._answers:
                self._answers[key] = self._try_to_resolve(*key)
        answer = self._answers[key]
        if isinstance(answer, ModelhubError):
            raise answer
        return answer

    def _try_to_resolve(
        self, kind: str, reference: str, revision: str | None, since: str | None
    ) -> RemoteModel | ModelhubError | None:
        if self._offline:
            return NetworkError(f"Offline: {reference} was not checked.", GO_ONLINE)
        if self._failures.get(kind, 0) >= _MAX_FAILURES:
            return NetworkError(f"{reference} was not checked: its source failed {_MAX_FAILURES} times in a row.")
        try:
            answer = self._query(kind, reference, revision, since)
        except NetworkError as exc:
            self._failures[kind] = self._failures.get(kind, 0) + 1
            return exc
        except ModelhubError as exc:
            return exc
        self._failures[kind] = 0
        return answer

    def _query(self, kind: str, reference: str, revision: str | None, since: str | None) -> RemoteModel | None:
        fetcher = self._by_kind.get(kind)
        if fetcher is None:
            raise NotFoundError(f"{reference} is at a source that is not available.")
        if since is not None and isinstance(fetcher, CommitLookup):
            return fetcher.resolve_if_changed(reference, revision=revision, since=since)
        return fetcher.resolve(reference, revision=revision)
