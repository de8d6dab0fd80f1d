"""Print the results of `add` and `scan`: a line for each path that changed something, then their number by status."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from modelhub.cli.labels import counted, label
from modelhub.cli.output import clean, color, listed, pad, print_json, print_lines
from modelhub.cli.remedies import sentence
from modelhub.cli.session import Session
from modelhub.cli.views.details import headline
from modelhub.cli.views.safety_words import next_step
from modelhub.domain import HARMLESS, Format, Inspection
from modelhub.errors import Exit, worst_exit_code
from modelhub.language import _, plural, translate
from modelhub.operations.library.path_results import PathResult, PathStatus, SkipReason, skip_reason

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
    PathStatus.NOT_FOUND: "31",
}
_CODES = {
    PathStatus.FAILED: Exit.FAILED,
    PathStatus.NOT_FOUND: Exit.NOT_FOUND,
    PathStatus.DANGEROUS: Exit.UNSAFE,
}
_WORD_COLORS = {"broken": "31", "suspicious": "33", "unrecognised": "33"}
_MOST_FINDINGS = 3  # of one file; `modelhub inspect` has all
_MOST_PASSED = 12  # files that are passed over and shown; the JSON document has all
_LABEL = 12  # columns of a result's first word
_INDENT = _LABEL + 2


def show_path_results(session: Session, results: Iterable[PathResult]) -> Exit:
    """Print the results as they come, or as one JSON array; return the exit code."""
    seen: list[PathResult] = []
    for result in results:
        seen.append(result)
        if not session.json and result.status not in (PathStatus.UNCHANGED, PathStatus.PASSED_OVER):
            print_lines(_lines(result), indent=_INDENT)
    if session.json:
        print_json([_document(result) for result in seen])
    else:
        passed = [result for result in seen if result.status is PathStatus.PASSED_OVER]
        _print_passed(passed)
        counts = Counter(_word(result) for result in seen if result.status is not PathStatus.PASSED_OVER)
        for line in _sum_lines(counts, passed):
            session.progress.note(line)
    return worst_exit_code(_CODES.get(result.status, Exit.OK) for result in seen)


def _print_passed(passed: Sequence[PathResult]) -> None:
    for result in passed[:_MOST_PASSED]:
        print_lines(_lines(result), indent=_INDENT)
    if (more := len(passed) - _MOST_PASSED) > 0:
        text = plural(more, "… and {count} more was passed over.", "… and {count} more were passed over.")
        print_lines(" " * _INDENT + text)


def _sum_lines(counts: Counter[str], passed: Sequence[PathResult]) -> Iterator[str]:
    """Yield how many results of each kind there are, why files were skipped, and where to see what needs attention."""
    if counts:
        yield _("{list}.", list=listed(counted(count, word) for word, count in counts.items()))
    elif not passed:
        yield _("No model files were found there.")
    reasons = Counter(skip_reason(result) for result in passed)
    yield from (_skipped(reason, count) for reason, count in reasons.items())
    if counts["broken"]:
        yield _("Broken files are kept in the catalog, so that they can be found: `modelhub list broken:yes`.")


def _skipped(reason: SkipReason, count: int) -> str:
    match reason:
        case SkipReason.UNFINISHED:
            return plural(
                count, "{count} file skipped: an unfinished download.", "{count} files skipped: unfinished downloads."
            )
        case SkipReason.ARCHIVE:
            return plural(
                count,
                "{count} file skipped: an archive, whose models must be unpacked first.",
                "{count} files skipped: archives, whose models must be unpacked first.",
            )
        case SkipReason.NOT_A_MODEL:
            return plural(count, "{count} file skipped: not a model.", "{count} files skipped: not models.")


def _word(result: PathResult) -> str:
    """Return the status as it is printed and counted: that of an added file is its verdict, unless it is harmless."""
    if result.inspection is None or result.status is not PathStatus.ADDED:
        return result.status.value
    if result.inspection.broken and result.inspection.format is not Format.UNKNOWN:
        return "broken"
    verdict = result.inspection.safety.verdict
    return result.status.value if verdict in HARMLESS else verdict.value


def _lines(result: PathResult) -> list[str]:
    inspection, word = result.inspection, _word(result)
    code = _WORD_COLORS.get(word) or _COLORS.get(result.status, "0")
    in_catalog = inspection is not None or result.status in (PathStatus.MOVED, PathStatus.UNPACKED)
    name = clean(result.path.name if in_catalog else str(result.path))
    summary = f"  ({clean(headline(inspection.detection))})" if inspection else ""
    is_absent = result.status is PathStatus.NOT_FOUND  # the status states that already
    notes = ["" if is_absent else result.message, sentence(result.remedy)]
    if inspection:
        notes += _safety_notes(inspection)
        notes += [text for text in inspection.problems if not any(text in note for note in notes)]
        if inspection.safety.verdict not in HARMLESS:
            notes.append(next_step(inspection, broken=inspection.broken))
    shown = (" " * _INDENT + clean(translate(note)) for note in dict.fromkeys(notes) if note)
    return [f"{color(pad(label(word), _LABEL), code)}  {name}{summary}", *shown]


def _safety_notes(inspection: Inspection) -> Iterator[str]:
    """Yield the first findings about a file that is not known to be harmless."""
    if inspection.safety.verdict in HARMLESS:
        return
    findings = inspection.safety.findings
    yield from findings[:_MOST_FINDINGS]
    if (more := len(findings) - _MOST_FINDINGS) > 0:
        yield plural(
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
