"""Show what sources know about models."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from modelhub.cli.output import clean, color, print_json, print_lines
from modelhub.cli.session import Session
from modelhub.cli.views.failures import show_failure
from modelhub.cli.views.result_words import result_word
from modelhub.errors import Exit, ModelhubError
from modelhub.fetch.sources.registry import hash_lookups
from modelhub.operations.library.selection import chosen_models
from modelhub.operations.remote.documents import enrich_document
from modelhub.operations.remote.enrich import EnrichResult, enrich
from modelhub.operations.remote.source_sidecars import preview_fetcher


def run_enrich(session: Session, models: Sequence[str], *, refresh: bool, previews: bool) -> int:
    """Look models up and show what was found, also before a failure; return the exit code."""
    records = chosen_models(models, catalog=session.catalog)
    results: list[EnrichResult] = []
    code = Exit.OK
    answers = enrich(
        records,
        lookups=hash_lookups(session.settings),
        catalog=session.catalog,
        refresh=refresh,
        fetch_preview=preview_fetcher(session.settings.library) if previews else None,
        progress=session.progress,
    )
    try:
        for result in answers:
            results.append(result)
            if not session.json and result.remote is not None:
                print_lines(_lines(result), indent=9)
    except ModelhubError as exc:
        show_failure(session, exc)
        code = exc.code
    if session.json:
        print_json([enrich_document(result) for result in results])
    session.progress.note(_counts_text(results, code))
    return code


def _counts_text(results: Sequence[EnrichResult], code: Exit) -> str:
    counts = Counter(result.answer.value for result in results)
    text = ", ".join(f"{count} {word}" for word, count in counts.items()) or "No model was looked up"
    return f"{text}. Run the same command again to resume." if code else f"{text}."


def _lines(result: EnrichResult) -> list[str]:
    remote = result.remote
    assert remote is not None
    base = f", {remote.base_model}" if remote.base_model else ""
    lines = [f"{color(result_word('found'), '32')}  {clean(result.record.name)}: {clean(remote.title)}{clean(base)}"]
    words = ", ".join(word.word for word in remote.trigger_words)
    rows = (remote.page or "", words and f"trigger words: {words}", result.preview and f"preview: {result.preview}")
    return lines + [f"       {clean(str(text))}" for text in (*rows, result.message) if text]
