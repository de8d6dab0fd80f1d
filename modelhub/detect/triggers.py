"""Words that wake a model up, each with where it was found."""

from __future__ import annotations

from modelhub.detect.facts import Facts
from modelhub.domain import Hints, ModelType, TriggerWord


def trigger_words(facts: Facts, kind: ModelType, hints: Hints) -> tuple[TriggerWord, ...]:
    """Trigger words, strongest source first."""
    return hints.trigger_words
