"""The document of `link`."""

from __future__ import annotations

from collections.abc import Mapping

from modelhub.documents.document import ObjectDocument


class LinkDocument(ObjectDocument, frozen=True, kw_only=True):
    """A UI's link to the library, in one form for every UI.

    `folders`: the UI's key or flag → folders of the library. `lines`: name of a file → its text, or the lines to put
    into it. `file` and `backup` are None where nothing is written.
    """

    layout: str
    file: str | None
    backup: str | None
    changed: bool
    folders: Mapping[str, tuple[str, ...]]
    lines: Mapping[str, str]
    notes: tuple[str, ...]
