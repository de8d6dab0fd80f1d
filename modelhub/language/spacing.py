"""Spaces in Chinese: between a Chinese character and a Latin word, and nowhere else."""

from __future__ import annotations

import re
from collections.abc import Iterable

_CHINESE = r"[\u3000-\u303f\u3400-\u9fff\uff00-\uffef]"
# Compiled by `re` when a text needs them: a command in English must start at once.
_BETWEEN = rf"(?<={_CHINESE}) (?={_CHINESE})"
_AFTER_MARK = r"(?<=[\u3001-\u3011\uff01-\uff1f]) "


def close_up(text: str) -> str:
    """Return a text without the spaces that values leave between Chinese characters and after their punctuation."""
    return text if text.isascii() else re.sub(_AFTER_MARK, "", re.sub(_BETWEEN, "", text))


def join_sentences(sentences: Iterable[str]) -> str:
    """Return sentences in a row."""
    return close_up(" ".join(sentences))
