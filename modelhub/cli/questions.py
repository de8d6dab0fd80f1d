"""Questions to the person at the terminal."""

from __future__ import annotations

import sys

from modelhub.language import _

# Words that mean yes, whatever the language of the run; all else, and the end of the input, is no.
_YES = frozenset({"y", "yes", "是", "好", "确定"})


def confirmed(question: str) -> bool:
    """Ask a question on stderr, and return whether the answer is yes. The end of the input is a no."""
    print(_("{question} [y/N]", question=question), end=" ", file=sys.stderr, flush=True)
    answer = sys.stdin.readline()
    if not answer.endswith("\n"):
        print(file=sys.stderr)  # the line of the question has no end yet
    return answer.strip().casefold() in _YES
