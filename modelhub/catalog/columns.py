"""Compute the columns of a model's row from the detected answers and the user's own values."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from modelhub.catalog.encoding import encode_text, normalize_key
from modelhub.domain import Detection, ModelType, Style, StyleAnswer, TriggerWord, Variant

BY_USER = "you"
# The fields of a detection that the user may override, and how the text becomes the value.
_OVERRIDABLE: dict[str, Any] = {
    "type": ModelType,
    "variant": Variant,
    "architecture": str,
    "subtype": str,
    "prediction": str,
}


def effective(detection: Detection, overrides: Mapping[str, str], words: Iterable[TriggerWord] = ()) -> Detection:
    """Return the detection with the user's values in place of its own; `words` are trigger words from sources."""
    changes: dict[str, Any] = {
        field: convert(overrides[field]) for field, convert in _OVERRIDABLE.items() if field in overrides
    }
    if "architecture" in changes:
        changes["architecture_candidates"] = ()
    if "style" in overrides:
        changes["style"] = StyleAnswer(Style(overrides["style"]), 1.0)
    if "triggers" in overrides:
        own = [word.strip() for word in overrides["triggers"].split(",")]
        changes["trigger_words"] = tuple(TriggerWord(word, BY_USER) for word in own if word)
    else:
        known = {word.word for word in detection.trigger_words}
        changes["trigger_words"] = (*(w for w in words if w.word not in known), *detection.trigger_words)
    return replace(detection, **changes)


def model_columns(
    *, name: str, detection: Detection, verdict: str, format: str, size: int, state: str, broken: bool, problems: int
) -> dict[str, Any]:
    """Return the columns that listings filter, sort and show."""
    return {
        "name": encode_text(name),
        "name_key": normalize_key(name),
        "type": detection.type.value,
        "architecture": detection.architecture,
        "candidates": json.dumps(detection.architecture_candidates),
        "variant": detection.variant.value if detection.variant else None,
        "precision": detection.precision,
        "style": detection.style.value.value,
        "verdict": verdict,
        "format": format,
        "size": size,
        "state": state,
        "words": json.dumps([encode_text(word.word) for word in detection.trigger_words]),
        "broken": broken,
        "problem_count": problems,
    }
