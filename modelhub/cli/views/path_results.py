"""Print the results of `add` and `scan`: a line for each path that changed something, then their number by status."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from modelhub.cli.output import clean, color, count_sentence, print_json
from modelhub.cli.remedies import sentence
from modelhub.cli.session import Session
from modelhub.cli.views.details import headline
from modelhub.errors import Exit, worst_exit_code
from modelhub.operations.library.path_results import PathResult, PathStatus

if TYPE_CHECKING:
    from modelhub.documents.library import PathResultDocument

_COLORS = {
    PathStatus.ADDED: "32",
    PathStatus.UPDATED: "33",
    PathStatus.MOVED: "36",
    PathStatus.BACK: "32",
    PathStatus.MISSING: "31",
    PathStatus.UNAVAILABLE: "33",
    PathStatus.DANGEROUS: "31;1",
    PathStatus.FAILED: "31",
}
_CODES = {PathStatus.FAILED: Exit.FAILED, PathStatus.DANGEROUS: Exit.UNSAFE}
_INDENT = " " * 14
_MOST_PASSED = 12  # files that are passed over and shown; the JSON document has all


def show_path_results(session: Session, results: Iterable[PathResult]) -> Exit:
    """Print the results as they come, or as one JSON array; return the exit code."""
    seen: list[PathResult] = []
    for result in results:
        seen.append(result)
        if not session.json and result.status not in (PathStatus.UNCHANGED, PathStatus.PASSED_OVER):
            print("\n".join(_lines(result)), flush=True)
    if session.json:
        print_json([_document(result) for result in seen])
    else:
        _print_passed([result for result in seen if result.status is PathStatus.PASSED_OVER])
        counts = Counter(_word(result) for result in seen)
        text = ", ".join(f"{count} {word}" for word, count in counts.items())
        session.progress.note(f"{text}." if text else "No model files were found there.")
    return worst_exit_code(_CODES.get(result.status, Exit.OK) for result in seen)


def _print_passed(passed: Sequence[PathResult]) -> None:
    for result in passed[:_MOST_PASSED]:
        print("\n".join(_lines(result)))
    if (more := len(passed) - _MOST_PASSED) > 0:
        print(_INDENT + count_sentence(more, "… and 1 more was passed over.", "… and {count} more were passed over."))


def _word(result: PathResult) -> str:
    """Return the status as it is printed and counted: a damaged file that was added is "broken"."""
    broken = result.inspection is not None and result.inspection.broken and result.status is PathStatus.ADDED
    return "broken" if broken else result.status.value


def _lines(result: PathResult) -> list[str]:
    inspection, word = result.inspection, _word(result)
    code = "31" if word == "broken" else _COLORS.get(result.status, "0")
    in_catalog = inspection is not None or result.status in (PathStatus.MOVED, PathStatus.UNPACKED)
    name = clean(result.path.name if in_catalog else str(result.path))
    summary = f"  ({clean(headline(inspection.detection))})" if inspection else ""
    notes = [result.message, sentence(result.remedy)]
    if inspection:
        notes += inspection.safety.findings[:3] if result.status is PathStatus.DANGEROUS else ()
        notes += inspection.problems
    return [f"{color(f'{word:<12}', code)}  {name}{summary}", *(_INDENT + clean(note) for note in notes if note)]


def _document(result: PathResult) -> PathResultDocument:
    from modelhub.documents.inspection import inspection_document
    from modelhub.documents.library import PathResultDocument

    return PathResultDocument(
        path=str(result.path),
        status=result.status.value,
        model_id=result.model_id,
        message=" ".join(text for text in (result.message, sentence(result.remedy)) if text),
        found=inspection_document(result.inspection) if result.inspection else None,
    )
