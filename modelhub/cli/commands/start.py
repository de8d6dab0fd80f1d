"""The start page: what `modelhub` alone prints."""

from __future__ import annotations

from modelhub.cli.session import Session


def start(session: Session) -> None:
    """Counts, what needs attention, three next commands."""
