"""What `outdated` and `pull --update` print."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from modelhub.cli.output import clean, colour, print_json
from modelhub.cli.session import Session
from modelhub.errors import ModelhubError, NotFoundError, worst_exit_code

if TYPE_CHECKING:
    from modelhub.domain import ModelRecord
    from modelhub.operations.remote.outdated import UpdateStatus
    from modelhub.operations.remote.update import UpdateResult

_COLOURS = {"outdated": "33", "gone": "31", "failed": "31"}  # the states that are printed
_SHOWN = 10  # digits of a commit


def ask(session: Session, records: Iterable[ModelRecord]) -> list[UpdateStatus]:
    """How each of these models stands to where it came from."""
    from modelhub.fetch.sources.registry import fetchers
    from modelhub.operations.remote.outdated import outdated

    settings = session.settings
    return outdated(records, fetchers=fetchers(settings), offline=settings.offline, progress=session.progress)


def show_statuses(session: Session, statuses: Sequence[UpdateStatus]) -> int:
    """Print what is not current and a sum, or all of it as JSON; the exit code of what could not be asked."""
    if session.json:
        print_json([status_to_json(item) for item in statuses])
    else:
        for item in statuses:
            if item.state.value in _COLOURS:
                print("\n".join(_lines(item)), flush=True)
        session.progress.note(_sum(statuses))
    return worst_exit_code(item.code for item in statuses)


def _sum(statuses: Sequence[UpdateStatus]) -> str:
    if not statuses:
        return "No model of the catalog came from a hub that could be asked."
    counts: dict[str, int] = {}
    for item in statuses:
        counts[item.state.value] = counts.get(item.state.value, 0) + 1
    text = ", ".join(f"{count} {state}" for state, count in counts.items())
    return f"{text}. Fetch what is newer: modelhub pull --update" if "outdated" in counts else f"{text}."


def _lines(item: UpdateStatus) -> list[str]:
    head = f"{colour(f'{item.state.value:<9}', _COLOURS[item.state.value])}  {clean(item.model.name)}"
    what = f"{item.source.reference}"
    if item.state.value == "outdated":
        name = f" ({item.name})" if item.name else ""
        what += f": {_short(item.have)} → {_short(item.newest)}{name}"
    files = [file.name for file in item.files]
    lines = [f"{head}  {clean(what)}"]
    if len(files) > 1:
        shown = ", ".join(files[:3]) + (f" and {len(files) - 3} more" if len(files) > 3 else "")
        lines.append(f"           {clean(f'changed: {shown}')}")
    return lines + ([f"           {clean(item.message)}"] if item.message else [])


def _short(version: str | None) -> str:
    return (version or "unknown")[:_SHOWN]


def status_to_json(item: UpdateStatus) -> dict[str, object]:
    """One object of `outdated --json`."""
    return {
        "id": item.model.id,
        "model": item.model.name,
        "path": str(item.model.path) if item.model.path else None,
        "kind": item.source.kind,
        "source": item.source.reference,
        "revision": item.source.revision,
        "state": item.state.value,
        "have": item.have,
        "newest": item.newest,
        "name": item.name,
        "files": [{"name": file.name, "size": file.size, "sha256": file.sha256} for file in item.files],
        "message": item.message,
    }


def run_updates(session: Session, sources: Sequence[str], *, replace_old: bool, dry_run: bool) -> int:
    """`pull --update`: ask, then fetch what is newer; one that fails does not stop the others."""
    from modelhub.cli.views.pull import (
        announce,
        failure_to_json,
        plan_lines,
        plan_to_json,
        result_lines,
        result_to_json,
        tell,
    )
    from modelhub.fetch.sources.registry import fetchers
    from modelhub.operations.remote.update import plan_update, update

    statuses = ask(session, _named(session, sources))
    documents: list[dict[str, object]] = []
    codes = [item.code for item in statuses]
    hubs = fetchers(session.settings)
    for item in statuses:
        if item.state.value != "outdated":
            if item.code:
                tell(session, ModelhubError(f"{item.source.reference}: {item.message}", code=item.code))
                documents.append({**status_to_json(item), "error": item.message})
            continue
        try:
            plan = plan_update(item, fetchers=hubs, settings=session.settings)
            if not session.json:
                print("\n".join(plan_lines(plan, full=dry_run)), flush=True)
            if dry_run:
                documents.append({**status_to_json(item), "plan": plan_to_json(plan)})
                continue
            announce(session, plan)
            done = update(
                item,
                plan,
                catalog=session.catalog,
                settings=session.settings,
                replace_old=replace_old,
                progress=session.progress,
            )
        except ModelhubError as exc:
            tell(session, exc)
            codes.append(exc.code)
            documents.append({**status_to_json(item), **failure_to_json(item.source.reference, exc)})
            continue
        documents.append({**status_to_json(item), **result_to_json(done.pulled), "trashed": done.trashed})
        if not session.json:
            print("\n".join([*result_lines(done.pulled), *_old_lines(done)]), flush=True)
    if session.json:
        print_json(documents)
    else:
        session.progress.note(_sum_of(documents, statuses))
    return worst_exit_code(codes)


def _old_lines(done: UpdateResult) -> list[str]:
    old = done.status.model
    if done.trashed:
        return [f"       the old one is in the trash: {clean(old.name)}"]
    return [f"       the old one stays: {clean(str(old.path or old.name))}"]


def _sum_of(documents: Sequence[dict[str, object]], statuses: Sequence[UpdateStatus]) -> str:
    failed = sum("error" in document for document in documents)
    text = f"{len(documents) - failed} of {len(statuses)} models had something newer"
    return f"{text}; {failed} failed." if failed else f"{text}."


def _named(session: Session, sources: Sequence[str]) -> list[ModelRecord]:
    """The models that came from these sources, or that these words mean; all without any."""
    from modelhub.catalog import ModelQuery
    from modelhub.operations.library.selection import chosen_models
    from modelhub.operations.remote.update import records_from_source

    everything = session.catalog.records(ModelQuery())
    if not sources:
        return everything
    found: dict[int, ModelRecord] = {}
    for source in sources:
        records = records_from_source(everything, source)
        if not records:
            try:
                records = chosen_models([source], catalog=session.catalog)
            except NotFoundError as exc:
                raise NotFoundError(f"Nothing in the catalog came from `{source}`.", exc.remedy) from exc
        found |= {record.id: record for record in records}
    return list(found.values())
