"""A well-known model and a published file: the rows of the tables in this folder."""

from __future__ import annotations

from dataclasses import dataclass

from modelhub.domain import Style, Variant


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownModel:
    """One known model. `source` is what `pull` accepts, None when no lasting one is known.

    A source at Civitai names a version, because a page may get versions of other models. `aliases` are parts of file
    and page names of this model; `words` are names that people type for it, which prove nothing in a file's name;
    `repositories` hold its files. `instead` is the name of the nearest known model where there is no source.
    """

    name: str
    style: Style
    architecture: str
    source: str | None = None
    aliases: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    repositories: tuple[str, ...] = ()
    instead: str = ""

    @property
    def is_pinned(self) -> bool:
        """Whether the source names one version, which never becomes another model."""
        return self.source is not None and self.source.startswith("civitai:") and "@" in self.source


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownFile:
    """One published file; `model` is the name of its row in the tables of models."""

    file: str
    sha256: str
    model: str
    architecture: str
    style: Style
    variant: Variant | None = None
    prediction: str | None = None
