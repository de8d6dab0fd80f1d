"""The state after Ctrl-C, by command: what is kept, and whether the same command resumes."""

from __future__ import annotations

from modelhub.language import translate

_RESUMES = "Stopped. What was downloaded is kept; run the same command again to resume."
_CONTINUES = "Stopped. What was done so far is kept; run the same command again for the rest."
_SORTED = (
    "Stopped. No file is half moved; `modelhub undo` puts back what was sorted, and the same command does the rest."
)
_UNCHANGED = "Stopped. Nothing was changed."
_STOPPED = "Stopped."

# Command → what is true of it; `_STOPPED` promises nothing for the others.
_WORDS = {
    "pull": _RESUMES,
    "import": _RESUMES,
    "add": _CONTINUES,
    "scan": _CONTINUES,
    "enrich": _CONTINUES,
    "sort": _SORTED,
    "watch": _SORTED,
    "undo": "Stopped. No file is half moved; the next `modelhub sort` or `modelhub undo` completes what was begun.",
    "render-test": "Stopped. The results so far are kept; `modelhub render-test` tests the rest.",
    "convert": "Stopped. The source is unchanged, and no incomplete file is left.",
    "rm": "Stopped. Nothing more was removed.",
    "outdated": _UNCHANGED,
    "list": _UNCHANGED,
    "search": _UNCHANGED,
    "show": _UNCHANGED,
    "inspect": _UNCHANGED,
    "explain": _UNCHANGED,
    "verify": _UNCHANGED,
    "fingerprint": _UNCHANGED,
    "known": _UNCHANGED,
    "history": _UNCHANGED,
    "doctor": _UNCHANGED,
}


def interruption_sentence(command: str | None) -> str:
    """Return what is true after Ctrl-C in a command, in the language in use."""
    return translate(_WORDS.get(command or "", _STOPPED))
