"""The documents of `shortcut install`, `shortcut list` and `shortcut remove`."""

from __future__ import annotations

from modelhub.documents.document import Document, ObjectDocument


class InstalledShortcutDocument(ObjectDocument, frozen=True, kw_only=True):
    """A new shortcut, and the files that belong to it."""

    id: str
    name: str
    files: tuple[str, ...]


class ShortcutDocument(Document, frozen=True, kw_only=True):
    """A shortcut: a click sorts `folder` for the UI `layout` into the folder `into`."""

    id: str
    name: str
    folder: str
    layout: str
    into: str
    targets: tuple[str, ...]


class RemovedShortcutDocument(ObjectDocument, frozen=True, kw_only=True):
    """The files of a shortcut that were removed, and those that stay because they have been changed."""

    removed: tuple[str, ...]
    kept: tuple[str, ...]
