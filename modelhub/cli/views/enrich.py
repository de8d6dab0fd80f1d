"""Show what sources know about models."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from modelhub.cli.labels import counted, label
from modelhub.cli.output import clean, color, in_a_row, listed, print_json, print_lines
from modelhub.cli.session import Session
from modelhub.cli.views.failures import show_failure
from modelhub.errors import Exit, ModelhubError
from modelhub.fetch.sources.registry import hash_lookups
from modelhub.language import _, translate
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
    parts = [counted(count, word) for word, count in counts.items()]
    sentences = [_("{list}.", list=listed(parts)) if parts else _("No model was looked up.")]
    if code:
        sentences.append(_("Run the same command again to resume."))
    return in_a_row(sentences)


def _lines(result: EnrichResult) -> list[str]:
    remote = result.remote
    assert remote is not None
    base = f", {remote.base_model}" if remote.base_model else ""
    lines = [f"{color(label('found'), '32')}  {clean(result.record.name)}: {clean(remote.title)}{clean(base)}"]
    words = ", ".join(word.word for word in remote.trigger_words)
    rows = (
        remote.page,
        words and _("trigger words: {words}", words=words),
        result.preview and _("preview: {path}", path=result.preview),
        translate(result.message),
    )
    return lines + [f"       {clean(text)}" for text in rows if text]
