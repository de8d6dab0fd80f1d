"""Update several models one after the other; a model that fails does not stop the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from modelhub.catalog import Catalog
from modelhub.config import Settings
from modelhub.errors import ModelhubError
from modelhub.fetch.fetcher import Fetcher
from modelhub.operations.remote.outdated import UpdateState, UpdateStatus
from modelhub.operations.remote.update import UpdatePlan, UpdateResult, plan_update, update
from modelhub.progress import SILENT, Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateFailure:
    """A model that could not be compared with its source, or not be updated (`is_outdated`)."""

    status: UpdateStatus
    error: ModelhubError

    @property
    def is_outdated(self) -> bool:
        """Whether newer content is known to exist."""
        return self.status.state is UpdateState.OUTDATED


def plan_updates(
    statuses: Sequence[UpdateStatus], *, fetchers: Sequence[Fetcher], settings: Settings
) -> Iterator[UpdatePlan | UpdateFailure]:
    """Return an iterator over the plan of each outdated model, or the failure in its place; others are left out."""
    return (item for status in statuses if (item := _plan(status, fetchers, settings)) is not None)


def update_many(
    statuses: Sequence[UpdateStatus],
    *,
    fetchers: Sequence[Fetcher],
    catalog: Catalog,
    settings: Settings,
    replace_old: bool = False,
    progress: Progress = SILENT,
) -> Iterator[UpdatePlan | UpdateResult | UpdateFailure]:
    """Return an iterator over the plan of each outdated model and then its result, or the failure in place of either.

    A plan is carried out when the next item is taken. Models that are not outdated are left out.
    """
    for item in plan_updates(statuses, fetchers=fetchers, settings=settings):
        yield item
        if isinstance(item, UpdateFailure):
            continue
        try:
            result = update(item, catalog=catalog, settings=settings, replace_old=replace_old, progress=progress)
        except ModelhubError as exc:
            yield UpdateFailure(status=item.status, error=exc)
        else:
            yield result


def _plan(status: UpdateStatus, fetchers: Sequence[Fetcher], settings: Settings) -> UpdatePlan | UpdateFailure | None:
    if status.error is not None:
        return UpdateFailure(status=status, error=status.error)
    if status.state is not UpdateState.OUTDATED:
        return None
    try:
        return plan_update(status, fetchers=fetchers, settings=settings)
    except ModelhubError as exc:
        return UpdateFailure(status=status, error=exc)
