"""The malware verdicts that sources give, in the order of how much they should worry."""

from __future__ import annotations

from collections.abc import Iterable

CLEAN = "safe"
# The hub says safe, unscanned, queued, caution, suspicious, unsafe, error; Civitai's words are turned into these.
_GRAVITY = ("safe", "unscanned", "queued", "error", "caution", "suspicious", "infected", "unsafe")


def worst_scan(verdicts: Iterable[str | None]) -> str | None:
    """The gravest of several verdicts in lower case, None where the source gave none; unknown words are grave."""
    stated = [verdict.lower() for verdict in verdicts if verdict]
    return max(stated, key=lambda word: _GRAVITY.index(word) if word in _GRAVITY else len(_GRAVITY), default=None)


def scan_text(verdict: str, source: str) -> str | None:
    """What a verdict that is not clean means, in a sentence; None for a clean one."""
    verdict = verdict.lower()
    if verdict == CLEAN:
        return None
    if verdict in ("queued", "unscanned", "error"):
        return f"{source} has not scanned it to the end yet ({verdict}); modelhub's own check is all there is."
    return f"{source}'s scan calls it {verdict}: do not load it before you know why."
