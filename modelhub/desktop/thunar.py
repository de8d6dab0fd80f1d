"""Thunar's custom actions: one XML file of the user's, in which only our own entry is touched.

Format: docs.xfce.org, "Custom Actions" of Thunar; entries are told apart by their `unique-id`.
"""

from __future__ import annotations

import hashlib
import re
import shlex
import xml.etree.ElementTree as Tree
from pathlib import Path
from xml.sax.saxutils import escape

from modelhub.desktop.shortcut import SUFFIXES, Piece, Shortcut, describe_selection, single_line
from modelhub.errors import ModelhubError, Remedy
from modelhub.storage.atomic_write import replace_file

_EMPTY = '<?xml version="1.0" encoding="UTF-8"?>\n<actions>\n</actions>\n'
# Not from an `<action>` that a comment mentions to the end of ours.
_ACTION = re.compile(r"\s*<action>(?:(?!<action>).)*?</action>", re.DOTALL)
_END = re.compile(r"\s*</actions>\s*$")
_BACKUP = ".before-modelhub"


def action_xml(shortcut: Shortcut, launcher: Path, icon: Path) -> str:
    """Return an entry for model files."""
    names = ";".join(f"*{suffix}" for suffix in SUFFIXES)
    command = shlex.quote(str(launcher)).replace("%", "%%")
    return (
        "\n<action>\n"
        f"\t<icon>{escape(str(icon))}</icon>\n"
        f"\t<name>{escape(single_line(shortcut.name))}</name>\n"
        f"\t<unique-id>modelhub-{shortcut.id}</unique-id>\n"
        f"\t<command>{escape(command)} %F</command>\n"
        f"\t<description>{escape(describe_selection(shortcut))}</description>\n"
        f"\t<patterns>{names}</patterns>\n"
        "\t<other-files/>\n\t<text-files/>\n"
        "</action>"
    )


class ThunarActionHandler:
    """The handler of one entry in the user's file; `system`: the file that Thunar uses without one."""

    def __init__(self, system: Path) -> None:
        self.system = system

    def digest(self, place: str, mark: str) -> str | None:
        """Return the digest of our entry, however Thunar has formatted it since."""
        try:
            text = Path(place).read_text(encoding="utf-8")
        except (FileNotFoundError, UnicodeDecodeError):
            return None
        found = _find_own_entry(text, mark)
        return None if found is None else _digest(found[0])

    def planned(self, piece: Piece) -> str:
        """Return the digest of the entry."""
        return _digest(piece.data.decode())

    def write(self, piece: Piece, mark: str) -> str:
        """Add the entry at the end. Raise ModelhubError when the user's file is other XML, which is left unchanged."""
        path = Path(piece.place)
        if path.exists():
            text = _read(path)
            backup = path.with_name(path.name + _BACKUP)
            if not backup.exists() and "<unique-id>modelhub-" not in text:
                replace_file(backup, text.encode(), follow_links=False)
        else:
            # The user's file replaces the system's: what that offers must stay.
            text = _read(self.system) if self.system.exists() else _EMPTY
        entry = piece.data.decode()
        replace_file(path, _END.sub(lambda end: entry + "\n</actions>\n", text, count=1).encode())
        return _digest(entry)

    def remove(self, place: str, mark: str) -> None:
        """Remove the entry; everything else stays as it is."""
        path = Path(place)
        text = path.read_text(encoding="utf-8")
        found = _find_own_entry(text, mark)
        if found is not None:
            replace_file(path, (text[: found[1].start()] + text[found[1].end() :]).encode())


def _find_own_entry(text: str, mark: str) -> tuple[str, re.Match[str]] | None:
    for match in _ACTION.finditer(text):
        if f"<unique-id>modelhub-{mark}</unique-id>" in match[0]:
            return match[0], match
    return None


def _digest(entry: str) -> str:
    """Return a digest of our fields: Thunar rewrites the whole file in its own layout, with further fields."""
    try:
        fields = {child.tag: (child.text or "").strip() for child in Tree.fromstring(entry.strip())}
    except Tree.ParseError:  # somebody has edited it
        return hashlib.sha256(entry.encode()).hexdigest()
    values = [fields.get(name, "") for name in ("name", "command", "description", "patterns")]
    return hashlib.sha256("\n".join(values).encode()).hexdigest()


def _read(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8")
        right = Tree.fromstring(text.encode()).tag == "actions" and _END.search(text) is not None
    except (UnicodeDecodeError, Tree.ParseError):
        right = False
    if not right:
        hint = Remedy(
            "Have Thunar rewrite it (Edit, Configure custom actions), or leave out file managers.", "shortcut-thunar"
        )
        raise ModelhubError(f"{path} is not the XML that Thunar writes; it was left unchanged.", hint)
    return text
