"""What `add` and `scan` print: one line for each path that changed something, and a sum."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from modelhub.cli.output import clean, colour, print_json
from modelhub.cli.session import Session
from modelhub.cli.views.details import headline
from modelhub.errors import Exit
from modelhub.operations.library.outcomes import Outcome, Status

if TYPE_CHECKING:
    from modelhub.documents.library import OutcomeDocument

_COLOURS = {
    Status.ADDED: "32",
    Status.UPDATED: "33",
    Status.MOVED: "36",
    Status.BACK: "32",
    Status.MISSING: "31",
    Status.UNAVAILABLE: "33",
    Status.DANGEROUS: "31;1",
    Status.FAILED: "31",
}
# Each outcome's own exit code; the gravest of a run is the command's.
_CODES = {Status.FAILED: Exit.FAILED, Status.DANGEROUS: Exit.UNSAFE}


def show_outcomes(session: Session, outcomes: Iterable[Outcome]) -> int:
    """Print them as they come (or as one JSON array), then the sum; the exit code."""
    seen: list[Outcome] = []
    for outcome in outcomes:
        seen.append(outcome)
        if not session.json and outcome.status is not Status.UNCHANGED:
            print("\n".join(_lines(outcome)), flush=True)
    if session.json:
        print_json([_document(outcome) for outcome in seen])
    else:
        counts = Counter(outcome.status for outcome in seen)
        text = ", ".join(f"{count} {status}" for status, count in counts.items())
        session.progress.note(text or "nothing found: no file here has a model's suffix")
    return max((_CODES.get(outcome.status, Exit.OK) for outcome in seen), default=Exit.OK)


def _lines(outcome: Outcome) -> list[str]:
    what = headline(outcome.look.detection) if outcome.look else ""
    broken = outcome.look is not None and outcome.look.broken and outcome.status is Status.ADDED
    word = "broken" if broken else outcome.status.value
    status = colour(f"{word:<12}", "31" if broken else _COLOURS.get(outcome.status, "0"))
    name = clean(outcome.path.name if outcome.look or outcome.status is Status.MOVED else str(outcome.path))
    lines = [f"{status}  {name}" + (f"  ({clean(what)})" if what else "")]
    if outcome.message:
        lines.append(f"              {clean(outcome.message)}")
    if outcome.look:
        notes = (
            *(outcome.look.safety.findings[:3] if outcome.status is Status.DANGEROUS else ()),
            *outcome.look.problems,
        )
        lines += [f"              {clean(note)}" for note in notes]
    return lines


def _document(outcome: Outcome) -> OutcomeDocument:
    from modelhub.documents.inspection import inspection_document
    from modelhub.documents.library import OutcomeDocument

    return OutcomeDocument(
        path=str(outcome.path),
        status=outcome.status.value,
        model_id=outcome.model_id,
        message=outcome.message,
        found=inspection_document(outcome.look) if outcome.look else None,
    )
