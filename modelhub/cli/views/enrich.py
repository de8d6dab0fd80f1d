"""What `enrich` prints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from modelhub.cli.output import clean, colour, print_json
from modelhub.cli.session import Session
from modelhub.errors import Exit, ModelhubError

if TYPE_CHECKING:
    from modelhub.fetch.fetcher import RemoteModel
    from modelhub.operations.remote.enrich import EnrichResult


def run_enrich(session: Session, models: Sequence[str], *, refresh: bool, previews: bool) -> int:
    """Ask, record, print; what was learned before a failure is kept and printed."""
    from modelhub.cli.views.pull import tell
    from modelhub.fetch.sources.registry import hash_lookups
    from modelhub.operations.library.selection import chosen_models
    from modelhub.operations.remote.enrich import enrich

    records = chosen_models(models, catalog=session.catalog)
    seen: list[EnrichResult] = []
    code = Exit.OK
    answers = enrich(
        records,
        lookups=hash_lookups(session.settings),
        catalog=session.catalog,
        refresh=refresh,
        fetch_preview=_previews(session) if previews else None,
        progress=session.progress,
    )
    try:
        for item in answers:
            seen.append(item)
            if not session.json and item.remote is not None:
                print("\n".join(_lines(item)), flush=True)
    except ModelhubError as exc:
        tell(session, exc)
        code = exc.code
    if session.json:
        print_json([_to_json(item) for item in seen])
    session.progress.note(_sum(seen, code))
    return code


def _previews(session: Session) -> Callable[[RemoteModel, Path], Path | None]:
    from modelhub.operations.remote.source_sidecars import fetch_preview

    staging = session.settings.library / ".modelhub" / "previews"
    return lambda remote, model: fetch_preview(remote, model, staging=staging)


def _sum(seen: Sequence[EnrichResult], code: Exit) -> str:
    counts = Counter(item.answer.value for item in seen)
    text = ", ".join(f"{count} {word}" for word, count in counts.items()) or "Nothing was answered"
    return f"{text}; the same command goes on from here." if code else f"{text}."


def _lines(item: EnrichResult) -> list[str]:
    remote = item.remote
    assert remote is not None
    base = f", {remote.base_model}" if remote.base_model else ""
    lines = [f"{colour('found', '32')}  {clean(item.record.name)}: {clean(remote.title)}{clean(base)}"]
    words = ", ".join(word.word for word in remote.trigger_words)
    rows = (remote.page or "", words and f"trigger words: {words}", item.preview and f"preview: {item.preview}")
    return lines + [f"       {clean(str(text))}" for text in (*rows, item.message) if text]


def _to_json(item: EnrichResult) -> dict[str, object]:
    remote = item.remote
    return {
        "id": item.record.id,
        "model": item.record.name,
        "sha256": item.record.main.sha256,
        "kind": item.kind,
        "answer": item.answer.value,
        "title": remote.title if remote else None,
        "reference": remote.reference if remote else None,
        "page": remote.page if remote else None,
        "base_model": remote.base_model if remote else None,
        "license": remote.license if remote else None,
        "trigger_words": [word.word for word in remote.trigger_words] if remote else [],
        "tags": list(remote.tags) if remote else [],
        "preview": str(item.preview) if item.preview else None,
        "message": item.message,
    }
