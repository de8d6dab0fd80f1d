"""Show what is newer at the sources of models, and updates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from modelhub.cli.labels import label
from modelhub.cli.output import clean, color, in_a_row, pad, print_json, print_lines
from modelhub.cli.remedies import sentence
from modelhub.cli.session import Session
from modelhub.cli.views.failures import show_failure
from modelhub.cli.views.pull import show_plan, show_result
from modelhub.documents.pull import UpdateDocument
from modelhub.domain import ModelRecord
from modelhub.errors import worst_exit_code
from modelhub.fetch.sources.registry import fetchers
from modelhub.language import _, plural, translate
from modelhub.operations.remote.documents import (
    status_document,
    update_document,
    update_failure_document,
    update_plan_document,
)
from modelhub.operations.remote.outdated import UpdateState, UpdateStatus, outdated
from modelhub.operations.remote.update import UpdatePlan, UpdateResult, records_to_update
from modelhub.operations.remote.update_many import UpdateFailure, plan_updates, update_many

_COLORS = {UpdateState.OUTDATED: "33", UpdateState.GONE: "31", UpdateState.FAILED: "31"}  # the states that are shown
_NOTHING_NEWER = {UpdateState.CURRENT, UpdateState.PINNED}
_COMMIT_DIGITS = 10
_INDENT = 11
_FILES_SHOWN = 3


def find_statuses(session: Session, records: Iterable[ModelRecord]) -> list[UpdateStatus]:
    """Compare these models with their sources."""
    settings = session.settings
    return outdated(records, fetchers=fetchers(settings), offline=settings.offline, progress=session.progress)


def show_statuses(session: Session, statuses: Sequence[UpdateStatus]) -> int:
    """Show what is not current and the counts, or everything as JSON; return the exit code of the worst failure."""
    if session.json:
        print_json([status_document(status) for status in statuses])
    else:
        for status in statuses:
            if status.state in _COLORS:
                print_lines(_status_lines(status), indent=_INDENT)
        session.progress.note(_counts_text(statuses))
    return worst_exit_code(status.code for status in statuses)


def _counts_text(statuses: Sequence[UpdateStatus]) -> str:
    if not statuses:
        return _("No model came from a source that shows what is newer.")
    counts = Counter(status.state for status in statuses)
    if set(counts) <= _NOTHING_NEWER:
        return plural(len(statuses), "The model is up to date.", "All {count} models are up to date.")
    sentences = [_count_sentence(state, counts[state]) for state in UpdateState if counts[state]]
    if UpdateState.OUTDATED in counts:
        sentences.append(_("Update with `modelhub pull --update`."))
    return in_a_row(sentences)


def _count_sentence(state: UpdateState, count: int) -> str:
    match state:
        case UpdateState.CURRENT | UpdateState.PINNED:
            return plural(count, "{count} is up to date.", "{count} are up to date.")
        case UpdateState.OUTDATED:
            return plural(count, "{count} is outdated.", "{count} are outdated.")
        case UpdateState.HELD:
            return plural(
                count,
                "{count} has a newer version that you have too.",
                "{count} have newer versions that you have too.",
            )
        case UpdateState.GONE:
            return plural(count, "{count} is gone from its source.", "{count} are gone from their sources.")
        case UpdateState.FAILED:
            return plural(count, "{count} could not be compared.", "{count} could not be compared.")


def _status_lines(status: UpdateStatus) -> list[str]:
    word = pad(label(status.state), _INDENT - 2)
    head = f"{color(word, _COLORS[status.state])}  {clean(status.model.name)}"
    source = status.source.reference
    if status.state is UpdateState.OUTDATED:
        source = f"{source}: {_short(status.have)} → {_short(status.newest)}"
        source = f"{source} ({status.name})" if status.name else source
    lines = [f"{head}  {clean(source)}"]
    if len(status.files) > 1:
        lines.append(" " * _INDENT + clean(_names_text(status)))
    return lines + ([" " * _INDENT + clean(translate(status.message))] if status.message else [])


def _names_text(status: UpdateStatus) -> str:
    names = ", ".join(file.name for file in status.files[:_FILES_SHOWN])
    more = len(status.files) - _FILES_SHOWN
    if more <= 0:
        return _("changed: {names}", names=names)
    return plural(more, "changed: {names} and {count} more", "changed: {names} and {count} more", names=names)


def _short(version: str | None) -> str:
    return version[:_COMMIT_DIGITS] if version else label("unknown")


def run_updates(session: Session, references: Sequence[str], *, replace_old: bool, dry_run: bool) -> int:
    """Update outdated models, or only plan it, and show each step; return the exit code of the worst failure."""
    statuses = find_statuses(session, records_to_update(references, catalog=session.catalog))
    documents: list[UpdateDocument] = []
    failures: list[UpdateFailure] = []
    for step in _steps(session, statuses, replace_old=replace_old, dry_run=dry_run):
        match step:
            case UpdatePlan():
                show_plan(session, step.pull, full=dry_run)
                if dry_run:
                    documents.append(update_plan_document(step))
            case UpdateResult():
                show_result(session, step.pulled)
                if not session.json:
                    print_lines(_old_model_line(step), indent=9)
                documents.append(update_document(step))
            case UpdateFailure(error=error):
                # An error of the comparison does not name the model's source.
                show_failure(session, error, source="" if step.is_outdated else step.status.source.reference)
                failures.append(step)
                documents.append(update_failure_document(step, hint=sentence(error.remedy)))
    if session.json:
        print_json(documents)
    else:
        session.progress.note(_summary_text(len(documents) - len(failures), len(statuses), len(failures)))
    return worst_exit_code(failure.error.code for failure in failures)


def _steps(
    session: Session, statuses: Sequence[UpdateStatus], *, replace_old: bool, dry_run: bool
) -> Iterator[UpdatePlan | UpdateResult | UpdateFailure]:
    sources = fetchers(session.settings)
    if dry_run:
        return iter(plan_updates(statuses, fetchers=sources, settings=session.settings))
    return update_many(
        statuses,
        fetchers=sources,
        catalog=session.catalog,
        settings=session.settings,
        replace_old=replace_old,
        progress=session.progress,
    )


def _old_model_line(result: UpdateResult) -> str:
    old = result.status.model
    if result.trashed:
        text = _("Moved the old model to the trash: {name}", name=old.name)
    else:
        text = _("Kept the old model: {name}", name=old.path or old.name)
    return f"       {clean(text)}"


def _summary_text(updated: int, compared: int, failed: int) -> str:
    """Return how many of the compared models had something newer, and how many could not be updated."""
    sentences = [
        plural(
            updated,
            "{count} of {compared} models had something newer.",
            "{count} of {compared} models had something newer.",
            compared=compared,
        )
    ]
    if failed:
        sentences.append(plural(failed, "{count} failed.", "{count} failed."))
    return in_a_row(sentences)
