"""Show exports and imports of manifests."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from modelhub.cli.labels import counted, label
from modelhub.cli.output import clean, color, in_a_row, listed, pad, print_json, print_lines
from modelhub.cli.session import Session
from modelhub.cli.views.failures import failure_text, shown_failure
from modelhub.documents.manifest import ExportDocument, Manifest, make_manifest, read_manifest, write_manifest
from modelhub.errors import worst_exit_code
from modelhub.fetch.sources.registry import fetchers
from modelhub.home import expand_home
from modelhub.language import _, plural, translate
from modelhub.operations.library.selection import chosen_models
from modelhub.operations.remote.documents import import_document
from modelhub.operations.remote.import_manifest import ImportResult, ImportStatus, compare_library, rebuild_library
from modelhub.operations.remote.manifest_file import load_manifest, save_manifest

_COLORS = {
    ImportStatus.HELD: "32",
    ImportStatus.PULLED: "32",
    ImportStatus.MISSING: "36",
    ImportStatus.NO_SOURCE: "33",
    ImportStatus.FAILED: "31",
}
_NAMES_SHOWN = 20
_INDENT = 12


def run_export(session: Session, file: str, models: Sequence[str]) -> None:
    """Write the manifest to a file or standard output, and name the models that an import cannot restore."""
    records = chosen_models(models, catalog=session.catalog)
    manifest = make_manifest(records, made_at=datetime.now(UTC).isoformat(timespec="seconds"))
    without = tuple(model.name for model in manifest.models if not model.sources)
    if file == "-":
        sys.stdout.write(write_manifest(manifest))
    else:
        save_manifest(manifest, expand_home(file))
        if session.json:
            print_json(ExportDocument(file=file, models=len(manifest.models), without_source=without))
    session.progress.note(
        plural(len(manifest.models), "The manifest has {count} model.", "The manifest has {count} models.")
    )
    if without:
        session.progress.note(_without_source(without))


def _without_source(names: Sequence[str]) -> str:
    """Return which models an import cannot restore."""
    shown = ", ".join(clean(name) for name in names[:_NAMES_SHOWN])
    more = len(names) - _NAMES_SHOWN
    if more <= 0:
        return _("No source, so that import cannot restore them: {names}.", names=shown)
    return plural(
        more,
        "No source, so that import cannot restore them: {names} and {count} more.",
        "No source, so that import cannot restore them: {names} and {count} more.",
        names=shown,
    )


def run_import(session: Session, file: str, *, allow_pickle: bool, dry_run: bool) -> int:
    """Rebuild the library, or only compare with it, one line a model; return the exit code of the worst failure."""
    manifest = _load(file)
    results: list[ImportResult] = []
    for result in _compared(session, manifest) if dry_run else _rebuilt(session, manifest, allow_pickle=allow_pickle):
        results.append(result)
        if not session.json:
            print_lines(_lines(result), indent=_INDENT)
    if session.json:
        print_json([import_document(result, message=_message(result)) for result in results])
    counts = Counter(result.status for result in results)
    parts = [counted(count, status) for status, count in counts.items()]
    session.progress.note(listed(parts) if parts else _("The manifest is empty."))
    return worst_exit_code(result.code for result in results)


def _compared(session: Session, manifest: Manifest) -> Iterator[ImportResult]:
    """Yield the comparison; where there is no library, a comparison does not create one."""
    return compare_library(manifest, catalog=session.catalog if session.has_catalog else None)


def _rebuilt(session: Session, manifest: Manifest, *, allow_pickle: bool) -> Iterator[ImportResult]:
    return rebuild_library(
        manifest,
        catalog=session.catalog,
        fetchers=fetchers(session.settings),
        settings=session.settings,
        allow_pickle=allow_pickle,
        progress=session.progress,
    )


def _load(file: str) -> Manifest:
    if file == "-":
        return read_manifest(sys.stdin.buffer.read(), "Standard input")
    return load_manifest(expand_home(file))


def _lines(result: ImportResult) -> list[str]:
    head = f"{color(pad(label(result.status), _INDENT - 2), _COLORS[result.status])}  {clean(result.wanted.name)}"
    message = in_a_row(map(shown_failure, result.errors)) or translate(result.message)
    return [head, " " * _INDENT + clean(message)] if message else [head]


def _message(result: ImportResult) -> str:
    """Return the errors or the message of a result, as JSON holds them."""
    return " ".join(failure_text(error) for error in result.errors) or result.message
