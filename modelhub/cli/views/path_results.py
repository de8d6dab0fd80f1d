"""What `add` and `scan` print: one line for each path that changed something, and a sum."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from modelhub.cli.output import clean, colour, print_json
from modelhub.cli.session import Session
from modelhub.cli.views.details import headline
from modelhub.errors import Exit
from modelhub.operations.library.path_results import PathResult, PathStatus

if TYPE_CHECKING:
    from modelhub.documents.library import OutcomeDocument

_COLOURS = {
    PathStatus.ADDED: "32",
    PathStatus.UPDATED: "33",
    PathStatus.MOVED: "36",
    PathStatus.BACK: "32",
    PathStatus.MISSING: "31",
    PathStatus.UNAVAILABLE: "33",
    PathStatus.DANGEROUS: "31;1",
    PathStatus.FAILED: "31",
}
# Each outcome's own exit code; the gravest of a run is the command's.
_CODES = {PathStatus.FAILED: Exit.FAILED, PathStatus.DANGEROUS: Exit.UNSAFE}


def show_outcomes(session: Session, outcomes: Iterable[PathResult]) -> int:
    """Print them as they come (or as one JSON array), then the sum; the exit code."""
    seen: list[PathResult] = []
    for outcome in outcomes:
        seen.append(outcome)
        if not session.json and outcome.status is not PathStatus.UNCHANGED:
            print("\n".join(_lines(outcome)), flush=True)
    if session.json:
        print_json([_document(outcome) for outcome in seen])
    else:
        counts = Counter(outcome.status for outcome in seen)
        text = ", ".join(f"{count} {status}" for status, count in counts.items())
        session.progress.note(text or "nothing found: no file here has a model's suffix")
    return max((_CODES.get(outcome.status, Exit.OK) for outcome in seen), default=Exit.OK)


def _lines(outcome: PathResult) -> list[str]:
    what = headline(outcome.look.detection) if outcome.look else ""
    broken = outcome.look is not None and outcome.look.broken and outcome.status is PathStatus.ADDED
    word = "broken" if broken else outcome.status.value
    status = colour(f"{word:<12}", "31" if broken else _COLOURS.get(outcome.status, "0"))
    name = clean(outcome.path.name if outcome.look or outcome.status is PathStatus.MOVED else str(outcome.path))
    lines = [f"{status}  {name}" + (f"  ({clean(what)})" if what else "")]
    if outcome.message:
        lines.append(f"              {clean(outcome.message)}")
    if outcome.look:
        notes = (
            *(outcome.look.safety.findings[:3] if outcome.status is PathStatus.DANGEROUS else ()),
            *outcome.look.problems,
        )
        lines += [f"              {clean(note)}" for note in notes]
    return lines


def _document(outcome: PathResult) -> OutcomeDocument:
    from modelhub.documents.inspection import inspection_document
    from modelhub.documents.library import OutcomeDocument

    return OutcomeDocument(
        path=str(outcome.path),
        status=outcome.status.value,
        model_id=outcome.model_id,
        message=outcome.message,
        found=inspection_document(outcome.look) if outcome.look else None,
    )
