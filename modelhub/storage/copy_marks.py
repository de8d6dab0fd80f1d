"""The marks that systems, browsers and hubs put on the name of a copy: `(1)`, ` - Copy`, ` - 副本`, ` copy 2` ….

They say nothing about the model, so that neither a model nor a prompt word is named by them.
"""

from __future__ import annotations

import re

_NUMBER = r"[（(]\d{1,3}[)）]"
# The words of Windows (after a hyphen), of Linux file managers (in brackets) and of macOS (after a space).
_WORDS = "copy|副本|複製|コピー|kopie|copie|copia|cópia|копия|복사본"
_BEHIND = re.compile(
    rf"(?:\s*{_NUMBER}"
    rf"|\s+[-–]\s*(?:{_WORDS})(?:\s*{_NUMBER}|\s+\d{{1,3}})?"
    rf"|\s*[（(](?:(?:another|3rd|\d{{1,3}}th|2nd)\s+copy|另一个副本|第\s*\d{{1,3}}\s*个副本|(?:{_WORDS})(?:\s+\d{{1,3}})?)[)）]"
    rf"|\s+(?:{_WORDS})(?:\s+\d{{1,3}})?"
    r"|\s*的副本(?:\s*\d{1,3})?)$",
    re.IGNORECASE,
)
_IN_FRONT = re.compile(rf"^(?:copy(?:\s*{_NUMBER})?\s+of|(?:复件|副本)(?:\s*{_NUMBER})?)\s+", re.IGNORECASE)
_MOST = 8  # marks on one name: copies of copies
_LONGEST = 300  # characters; no file system takes a longer name, and the patterns are slow on one


def without_copy_mark(stem: str) -> str:
    """Return the name that a copy was made from; `stem` itself where it has no mark, or nothing would be left.

    `stem` is a name without suffix: `x (1)`, `x - Copy (2)`, `x 副本 2` and `Copy of x` all become `x`.
    """
    for _ in range(_MOST if len(stem) <= _LONGEST else 0):
        plain = _IN_FRONT.sub("", _BEHIND.sub("", stem)).strip()
        if not plain or plain == stem.strip():
            return stem
        stem = plain
    return stem


def has_copy_mark(stem: str) -> bool:
    """Return whether a name without suffix has the mark of a copy."""
    return without_copy_mark(stem) != stem
