"""The spelling of names that does not count: case, width, separators and the suffix of a model file."""

from __future__ import annotations

import re
import unicodedata

from modelhub.storage.model_names import model_stem

_WORDS = re.compile(r"[^0-9a-z\u3400-\u9fff]+")


def normalize_name(name: str) -> str:
    """Return a name without case, width and separators: "Anything V3.0" and "anything_v3-0" are the same."""
    return "-".join(part for part in _WORDS.split(unicodedata.normalize("NFKC", name).lower()) if part)


def join_name(name: str) -> str:
    """Return the key under which a whole name is compared: normalized, and without separators.

    A bare number keeps its separators: "1.5" and "1-5" are one version, 15 is a number.
    """
    plain = normalize_name(model_stem(name.strip()))
    joined = plain.replace("-", "")
    return plain if joined.isdigit() else joined
