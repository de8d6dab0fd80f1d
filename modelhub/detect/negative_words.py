"""Recognize embeddings for the negative prompt by the names and tags that their publishers give them.

Such an embedding is trained on bad pictures; in the positive prompt it makes every picture bad.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

_WORD = re.compile(r"[a-z]+|[0-9]+|[\u3400-\u9fff]+", re.IGNORECASE)
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
# EasyNegative, bad-hands-5, badhandv4, unaestheticXL, ng_deepnegative, style-neg …
_NEGATIVE = re.compile(
    r"negs?|negxl|.*negative[a-z]{0,2}|(?:very)*bad(?!ge|min|land|en|ass|r$|u$).*|worst.*|unaesthetic.*"
)
# Widely used ones whose names do not show it.
_KNOWN = ("boringe621", "unrealisticdream", "aid291")
_NEGATIVE_CHINESE = ("负面", "反向", "负向", "負面", "反面")


def is_negative_word(names: Iterable[str], tags: Iterable[str] = ()) -> bool:
    """Return whether an embedding is made for the negative prompt, by its names or the tags of its publisher.

    Nothing inside the file shows it. Hence False means "not known to be".
    """
    return any(_is_negative(text) for text in (*names, *tags))


def _is_negative(text: str) -> bool:
    plain = unicodedata.normalize("NFKC", text)[:300]
    parts = [part.lower() for piece in _CAMEL.split(plain) for part in _WORD.findall(piece)]
    if any(_NEGATIVE.fullmatch(part) for part in parts) or "".join(parts).startswith(_KNOWN):
        return True
    return any(word in plain for word in _NEGATIVE_CHINESE)
