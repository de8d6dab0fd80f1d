"""What goes wrong in a test, as a verdict instead of a traceback."""

from __future__ import annotations

from collections.abc import Collection

from modelhub.render.verdicts import RenderVerdict


class RenderProblem(Exception):  # noqa: N818 - it becomes a verdict, not an error
    """A test cannot go on: the verdict, and one sentence for the user."""

    def __init__(self, verdict: RenderVerdict, words: str) -> None:
        super().__init__(words)
        self.verdict = verdict
        self.words = words


def incomplete(what: str, missing: Collection[str]) -> RenderProblem:
    """Weights that are not in the file."""
    names = ", ".join(sorted(missing)[:3])
    more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
    return RenderProblem(RenderVerdict.INCOMPLETE, f"the {what} lacks {names}{more}")
