"""Output of `sort` for a UI that registers models where they are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from modelhub.cli.output import clean, count_sentence, pad, print_json, print_lines
from modelhub.cli.session import Session
from modelhub.cli.views.result_words import result_word
from modelhub.cli.views.sort import exit_code, left_sentences, print_left, summary
from modelhub.cli.views.sort_report import report_registered
from modelhub.language import _
from modelhub.operations.sort.documents import registration_document
from modelhub.operations.sort.register import register
from modelhub.uis.ui import UI, ModelServer

_REGISTERED = ("1 model registered.", "{count} models registered.")
_TO_REGISTER = ("1 model would be registered.", "{count} models would be registered.")


def register_models(
    session: Session, paths: Sequence[Path], ui: UI, server: ModelServer, *, dry_run: bool, report: Path | None
) -> int:
    """Register models in a UI where they are and print the outcome; return exit code 1 if the UI refused one."""
    catalog = session.catalog if session.has_catalog else None
    result = register(paths, ui, server, catalog=catalog, dry_run=dry_run, progress=session.progress)
    if report is not None:
        report_registered(report, paths, result, ui, dry_run=dry_run)
    if session.json:
        print_json(registration_document(result, server.address))
        return exit_code(result.left)
    for word, items in (("registered", result.new), ("known", result.known)):
        for item in items:
            print_lines(f"{pad(result_word(word), 12)}{clean(item.path.name)}  ({clean(summary(item))})")
    print_left(result.left)
    one, many = _TO_REGISTER if dry_run else _REGISTERED
    sentences = [count_sentence(len(result.new), one, many)]
    if result.known:
        sentences.append(
            count_sentence(len(result.known), "1 was registered already.", "{count} were registered already.")
        )
    sentences += left_sentences(result.left)
    sentences.append(_("Nothing was sent (dry run).") if dry_run else _("No file was moved."))
    session.progress.note(" ".join(sentences))
    return exit_code(result.left)
