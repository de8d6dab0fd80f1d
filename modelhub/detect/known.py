"""Curated well-known models: names, style, where they can be pulled from, and published SHA-256."""

from __future__ import annotations

from dataclasses import dataclass

from modelhub.domain import ModelType, Style, Variant


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownFile:
    """One published file of a known model."""

    file: str
    sha256: str
    model: str
    type: ModelType = ModelType.BASE
    architecture: str | None = None
    style: Style = Style.UNKNOWN
    variant: Variant | None = None
    prediction: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownModel:
    """One known model. `source` can be pulled; None when no lasting source is known."""

    name: str
    aliases: tuple[str, ...] = ()
    style: Style
    architecture: str
    source: str | None = None
    repositories: tuple[str, ...] = ()


KNOWN_MODELS: tuple[KnownModel, ...] = ()
KNOWN_FILES: tuple[KnownFile, ...] = ()
_BY_HASH = {f.sha256: f for f in KNOWN_FILES}


def known_file(sha256: str | None) -> KnownFile | None:
    """The known file with this SHA-256 (hex, any case)."""
    return _BY_HASH.get(sha256.lower()) if sha256 else None


def find_known(name: str) -> KnownModel | None:
    """The known model of this name or alias."""
    return None
