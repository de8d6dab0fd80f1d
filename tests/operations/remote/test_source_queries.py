"""Queries about many models."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from modelhub.errors import NetworkError
from modelhub.fetch.fetcher import RemoteModel
from modelhub.operations.remote.source_queries import SourceQueries, run_concurrently


class Down:
    """A source that never answers and counts its queries."""

    kind = "civitai"

    def __init__(self) -> None:
        self.queries = 0

    def claims(self, source: str) -> bool:
        """Return true for every source."""
        return True

    def resolve(self, source: str, *, revision: str | None = None) -> RemoteModel:
        """Raise NetworkError."""
        self.queries += 1
        raise NetworkError("The source does not answer.")


def test_results_come_in_the_order_of_the_items() -> None:
    """Whoever is done first."""
    assert run_concurrently(lambda number: number * number, range(50), threads=4) == [n * n for n in range(50)]


def test_nothing_to_do_is_done_at_once() -> None:
    """No thread is started."""
    work: Callable[[int], int] = abs
    assert run_concurrently(work, [], threads=4) == []


def test_an_error_is_raised_where_it_can_be_caught() -> None:
    """Not lost in a thread."""

    def work(number: int) -> int:
        if number == 7:
            raise LookupError("Seven.")
        return number

    with pytest.raises(LookupError, match="Seven"):
        run_concurrently(work, range(20), threads=4)


def test_a_hub_that_failed_three_times_is_left_alone() -> None:
    """The other models of that hub fail without another wait."""
    hub = Down()
    queries = SourceQueries([hub], offline=False)
    for number in range(10):
        with pytest.raises(NetworkError):
            queries.resolve("civitai", f"civitai:{number}", None)
    assert hub.queries == 3


def test_each_query_is_made_once() -> None:
    """A failure is cached too."""
    hub = Down()
    queries = SourceQueries([hub], offline=False)
    for _ in range(5):
        with pytest.raises(NetworkError, match="does not answer"):
            queries.resolve("civitai", "civitai:7", None)
    assert hub.queries == 1
