"""Pull several sources one after the other; a source that fails does not stop the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from modelhub.catalog import Catalog
from modelhub.config import Settings
from modelhub.errors import ModelhubError, UsageError
from modelhub.fetch.fetcher import Fetcher
from modelhub.operations.remote.pull import PullPlan, PullRequest, PullResult, plan_pull, pull
from modelhub.progress import SILENT, Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class PullFailure:
    """A request that could not be planned or carried out."""

    request: PullRequest
    error: ModelhubError


def plan_pulls(requests: Sequence[PullRequest], *, fetchers: Sequence[Fetcher]) -> Iterator[PullPlan | PullFailure]:
    """Return an iterator over the plan of each request, or the failure in its place.

    Raise UsageError for requests that cannot be made together.
    """
    _check_together(requests)
    return (_plan(request, fetchers) for request in requests)


def pull_many(
    requests: Sequence[PullRequest],
    *,
    fetchers: Sequence[Fetcher],
    open_catalog: Callable[[], Catalog],
    settings: Settings,
    progress: Progress = SILENT,
) -> Iterator[PullPlan | PullResult | PullFailure]:
    """Return an iterator over the plan of each request and then its result, or the failure in place of either.

    A plan is carried out when the next item is taken. `open_catalog` is called for each one: a library that does not
    exist is not created for a source that cannot be pulled. Raise UsageError for requests that cannot be made
    together.
    """
    _check_together(requests)
    return _pull_each(requests, fetchers, open_catalog, settings, progress)


def _check_together(requests: Sequence[PullRequest]) -> None:
    if not requests:
        raise UsageError("There is no source to pull.", "Name a repository, a model or an address.")
    if len(requests) > 1 and any(request.name or request.sha256 for request in requests):
        raise UsageError("A name and a SHA-256 are for one model.", "Pull the sources one by one.")


def _plan(request: PullRequest, fetchers: Sequence[Fetcher]) -> PullPlan | PullFailure:
    try:
        return plan_pull(request, fetchers=fetchers)
    except ModelhubError as exc:
        return PullFailure(request=request, error=exc)


def _pull_each(
    requests: Sequence[PullRequest],
    fetchers: Sequence[Fetcher],
    open_catalog: Callable[[], Catalog],
    settings: Settings,
    progress: Progress,
) -> Iterator[PullPlan | PullResult | PullFailure]:
    for request in requests:
        plan = _plan(request, fetchers)
        yield plan
        if isinstance(plan, PullFailure):
            continue
        try:
            result = pull(plan, catalog=open_catalog(), settings=settings, progress=progress)
        except ModelhubError as exc:
            yield PullFailure(request=request, error=exc)
        else:
            yield result
