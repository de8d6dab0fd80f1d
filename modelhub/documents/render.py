"""The document of `render-test`."""

from __future__ import annotations

from typing import Any

from modelhub.documents.document import Document


class RenderTestDocument(Document, frozen=True, kw_only=True):
    """The result of one model's render test.

    `good`: the model does what it is for; `words` and `warnings` are sentences; `remedy` is what to do, empty where
    nothing is known to help. `base` is None for a base; `recipe` and `metrics` are what was rendered and measured;
    `pictures`: kind ("base", "full", "half", "difference") → file.
    """

    id: int
    name: str
    path: str | None
    type: str
    verdict: str
    good: bool
    words: str
    warnings: tuple[str, ...]
    remedy: str
    base: str | None
    recipe: dict[str, Any]
    metrics: dict[str, Any]
    pictures: dict[str, str]
    seconds: float
    started_at: str
