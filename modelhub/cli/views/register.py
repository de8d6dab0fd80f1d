"""Output of `sort` for a UI that registers models where they are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from modelhub.cli.labels import label
from modelhub.cli.output import clean, in_a_row, pad, print_json, print_lines
from modelhub.cli.session import Session
from modelhub.cli.views.sort import exit_code, left_sentences, print_left, summary
from modelhub.cli.views.sort_report import report_registered
from modelhub.language import _, plural
from modelhub.operations.sort.documents import registration_document
from modelhub.operations.sort.register import register
from modelhub.uis.ui import UI, ModelServer


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
            print_lines(f"{pad(label(word), 12)}{clean(item.path.name)}  ({clean(summary(item))})")
    print_left(result.left)
    sentences = [_count(len(result.new), dry_run=dry_run)]
    if known := len(result.known):
        sentences.append(plural(known, "{count} was registered already.", "{count} were registered already."))
    sentences += left_sentences(result.left)
    sentences.append(_("Nothing was sent (dry run).") if dry_run else _("No file was moved."))
    session.progress.note(in_a_row(sentences))
    return exit_code(result.left)


def _count(count: int, *, dry_run: bool) -> str:
    if dry_run:
        return plural(count, "{count} model would be registered.", "{count} models would be registered.")
    return plural(count, "{count} model registered.", "{count} models registered.")
