"""Foreign text made safe to show in one line: on a terminal, in a page, a picture or a notification."""

from __future__ import annotations

import unicodedata

# They take no space, or look like a space, although Unicode does not count them among the controls.
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")
# Needed in Persian, Indic scripts and emoji; after a Latin letter they only deceive.
_JOINERS = frozenset("\u200c\u200d")
_MOST_MARKS = 8  # combining marks on one letter; more would cover the lines around it


def printable(text: str) -> str:
    """Return text for one line: what controls a terminal, reorders text or is invisible becomes `·`.

    Lone surrogates become `\ufffd`.
    """
    if text.isascii() and text.isprintable():
        return text
    shown: list[str] = []
    before, marks = "", 0
    for character in text:
        marks = marks + 1 if unicodedata.combining(character) else 0
        shown.append("·" if marks > _MOST_MARKS else _shown(character, before))
        before = character
    return "".join(shown)


def _shown(character: str, before: str) -> str:
    category = unicodedata.category(character)
    if category == "Cs":
        return "\ufffd"
    if character in _JOINERS or _is_variation_selector(character):
        follows_script = bool(before) and not before.isascii() and before not in _JOINERS
        is_keycap = character == "\ufe0f" and before != "" and before in "0123456789#*"
        return character if follows_script or is_keycap else "·"
    return "·" if category in ("Cc", "Cf", "Zl", "Zp") or character in _BLANK else character


def _is_variation_selector(character: str) -> bool:
    return "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef"
