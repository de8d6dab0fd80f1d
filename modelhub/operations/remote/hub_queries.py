"""Asking hubs about many models: each question once, several at a time, a hub that is down left alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock, Thread
from typing import TypeVar

from modelhub.errors import GO_ONLINE, ModelhubError, NetworkError, NotFoundError
from modelhub.fetch.fetcher import CommitLookup, Fetcher, RemoteModel
from modelhub.fetch.sources.registry import find_row

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")
_MOST_FAILURES = 3  # in a row, before a hub is taken to be down


def run_concurrently(work: Callable[[_Item], _Result], items: Sequence[_Item], *, threads: int) -> list[_Result]:
    """`work` on every item, a few at a time; the results in the items' order. An error of one is raised at the end.

    Not the standard library's pool: that one waits for a stalled answer before Ctrl-C ends the program.
    """
    results: dict[int, _Result] = {}
    errors: list[BaseException] = []
    todo = iter(range(len(items)))
    lock = Lock()

    def run() -> None:
        while not errors:
            with lock:
                number = next(todo, None)
            if number is None:
                return
            try:
                results[number] = work(items[number])
            except BaseException as exc:  # noqa: BLE001 - told to the thread that waits
                errors.append(exc)

    crew = [Thread(target=run, daemon=True) for _ in range(min(threads, len(items)))]
    for thread in crew:
        thread.start()
    for thread in crew:
        while thread.is_alive():
            thread.join(0.2)  # in short turns: on Windows nothing else lets Ctrl-C through
    if errors:
        raise errors[0]
    return [results[number] for number in range(len(items))]


class HubQueries:
    """Asks each question once, however many models came from the same place; a failure is an answer too.

    Every method may be called from any thread; a source that is not concurrent gets one request at a time.
    """

    def __init__(self, fetchers: Sequence[Fetcher], offline: bool) -> None:
        self._by_kind = {fetcher.kind: fetcher for fetcher in fetchers}
        self._offline = offline
        self._answers: dict[tuple[str, str, str | None, str | None], RemoteModel | ModelhubError | None] = {}
        self._locks: dict[tuple[str, str], Lock] = {}
        self._lock = Lock()
        self._failures: dict[str, int] = {}

    def ask(self, kind: str, reference: str, revision: str | None, *, since: str | None = None) -> RemoteModel | None:
        """What the source says, None where it is still at the commit `since`. Raises ModelhubError."""
        key = (kind, reference, revision, since)
        row = find_row(kind)
        with self._lock:
            lock = self._locks.setdefault((kind, reference if row and row.is_concurrent else ""), Lock())
        with lock:
            if key not in self._answers:
                self._answers[key] = self._asked(*key)
        answer = self._answers[key]
        if isinstance(answer, ModelhubError):
            raise answer
        return answer

    def _asked(
        self, kind: str, reference: str, revision: str | None, since: str | None
    ) -> RemoteModel | ModelhubError | None:
        if self._offline:
            return NetworkError(f"Offline: the hub is not asked about {reference}.", GO_ONLINE)
        if self._failures.get(kind, 0) >= _MOST_FAILURES:
            return NetworkError(f"{reference} was not asked about: the hub failed {_MOST_FAILURES} times before.")
        try:
            answer = self._question(kind, reference, revision, since)
            self._failures[kind] = 0
            return answer
        except NetworkError as exc:
            self._failures[kind] = self._failures.get(kind, 0) + 1
            return exc
        except ModelhubError as exc:
            return exc

    def _question(self, kind: str, reference: str, revision: str | None, since: str | None) -> RemoteModel | None:
        fetcher = self._by_kind.get(kind)
        if fetcher is None:
            raise NotFoundError(f"{reference} is at a hub that cannot be asked.")
        if since is not None and isinstance(fetcher, CommitLookup):
            return fetcher.resolve_if_changed(reference, revision=revision, since=since)
        return fetcher.resolve(reference, revision=revision)
