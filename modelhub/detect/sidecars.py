"""Text files that other tools leave beside a model, parsed defensively."""

from __future__ import annotations

from dataclasses import dataclass

from modelhub.domain import TriggerWord


@dataclass(frozen=True, slots=True, kw_only=True)
class SidecarFacts:
    """What a sidecar says about its model."""

    trigger_words: tuple[TriggerWord, ...] = ()
    tags: tuple[str, ...] = ()
    base_model: str | None = None
    name: str | None = None
    description: str | None = None
    notes: str | None = None
    preferred_weight: float | None = None
    negative_text: str | None = None
    sha256: str | None = None


def parse_sidecar(name: str, data: bytes) -> SidecarFacts:
    """What the sidecar `name` with content `data` says; empty for one that cannot be understood."""
    return SidecarFacts()
