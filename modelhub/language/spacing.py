"""Spaces in Chinese: between a Chinese character and a Latin word, and nowhere else."""

from __future__ import annotations

import re
from collections.abc import Iterable

_CHINESE = r"[\u3000-\u303f\u3400-\u9fff\uff00-\uffef]"
_BETWEEN = re.compile(rf"(?<={_CHINESE}) (?={_CHINESE})")
_AFTER_MARK = re.compile(r"(?<=[\u3001-\u3011\uff01-\uff1f]) ")


def close_up(text: str) -> str:
    """Return a text without the spaces that values leave between Chinese characters and after their punctuation."""
    return text if text.isascii() else _AFTER_MARK.sub("", _BETWEEN.sub("", text))


def join_sentences(sentences: Iterable[str]) -> str:
    """Return sentences in a row."""
    return close_up(" ".join(sentences))
