"""Print the results of `add` and `scan`: a line for each path that changed something, then their number by status."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from modelhub.cli.output import clean, color, count_sentence, print_json
from modelhub.cli.remedies import sentence
from modelhub.cli.session import Session
from modelhub.cli.views.details import headline
from modelhub.cli.views.safety_words import next_step
from modelhub.domain import HARMLESS, Inspection
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
_WORD_COLORS = {"broken": "31", "suspicious": "33", "unrecognised": "33"}
_MOST_FINDINGS = 3  # of one file; `modelhub inspect` has all
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
    """Return the status as it is printed and counted: that of an added file is its verdict, unless it is harmless."""
    if result.inspection is None or result.status is not PathStatus.ADDED:
        return result.status.value
    if result.inspection.broken:
        return "broken"
    verdict = result.inspection.safety.verdict
    return result.status.value if verdict in HARMLESS else verdict.value


def _lines(result: PathResult) -> list[str]:
    inspection, word = result.inspection, _word(result)
    code = _WORD_COLORS.get(word) or _COLORS.get(result.status, "0")
    in_catalog = inspection is not None or result.status in (PathStatus.MOVED, PathStatus.UNPACKED)
    name = clean(result.path.name if in_catalog else str(result.path))
    summary = f"  ({clean(headline(inspection.detection))})" if inspection else ""
    notes = [result.message, sentence(result.remedy)]
    if inspection:
        notes += _safety_notes(inspection)
        notes += [text for text in inspection.problems if not any(text in note for note in notes)]
        if inspection.safety.verdict not in HARMLESS:
            notes.append(next_step(inspection, broken=inspection.broken))
    shown = (_INDENT + clean(note) for note in dict.fromkeys(notes) if note)
    return [f"{color(f'{word:<12}', code)}  {name}{summary}", *shown]


def _safety_notes(inspection: Inspection) -> Iterator[str]:
    """Yield the first findings about a file that is not known to be harmless."""
    if inspection.safety.verdict in HARMLESS:
        return
    findings = inspection.safety.findings
    yield from findings[:_MOST_FINDINGS]
    if (more := len(findings) - _MOST_FINDINGS) > 0:
        yield count_sentence(
            more, "1 more finding, shown by `modelhub inspect`.", "{count} more findings, shown by `modelhub inspect`."
        )


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
