"""Facts about a file besides its bytes, which detection may use."""

from __future__ import annotations

from dataclasses import dataclass

from modelhub.domain import TriggerWord


@dataclass(frozen=True, slots=True, kw_only=True)
class Hints:
    """Knowledge about a file from outside its bytes; the tensors alone decide type and architecture.

    `names`: file, folder and repository names, the most specific first. `repository`: "org/name" at the hub.
    `tags` and `trigger_words` come from the source that the file was pulled from; `base_model` is that source's
    free-text base ("SD 1.5", "Pony").
    """

    names: tuple[str, ...] = ()
    repository: str | None = None
    tags: tuple[str, ...] = ()
    trigger_words: tuple[TriggerWord, ...] = ()
    base_model: str | None = None
    sha256: str | None = None
