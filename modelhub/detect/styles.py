"""Style family with a confidence, and the evidence for it."""

from __future__ import annotations

from modelhub.detect.facts import Facts
from modelhub.domain import Hints, ModelType, StyleAnswer


def style_of(facts: Facts, kind: ModelType, hints: Hints) -> tuple[StyleAnswer, tuple[str, ...]]:
    """The style family; unknown when evidence is weak or conflicts."""
    return StyleAnswer(), ()
