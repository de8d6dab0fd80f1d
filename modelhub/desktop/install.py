"""Installing and removing shortcuts, with a manifest of every piece that was written.

`shortcuts.json` in the state folder holds the place and the digest of each piece before it is written, so that a kill
leaves nothing that `remove` could not take away. Only what still has that digest is removed.
"""

from __future__ import annotations

import itertools
import json
import re
import sys
import zlib
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

from modelhub.choices import chosen
from modelhub.desktop.shortcut import (
    InstallResult,
    ManifestEntry,
    Piece,
    PieceRecord,
    PlatformWriter,
    RemovalResult,
    Shortcut,
    occupied_error,
)
from modelhub.errors import ModelhubError, NotFoundError, Remedy, UsageError
from modelhub.language import _
from modelhub.storage.atomic_write import replace_file
from modelhub.storage.locks import file_lock

MANIFEST = "shortcuts.json"
# Places for a shortcut; which of them there are depends on the platform.
TARGETS = ("desktop", "menu", "filemanager", "sendto")
_VERSION = 1


def writer_for(platform: str = sys.platform) -> PlatformWriter:
    """Return the writer of this platform."""
    if platform == "win32":
        from modelhub.desktop.windows import WindowsWriter

        return WindowsWriter()
    if platform == "darwin":
        from modelhub.desktop.macos import MacWriter

        return MacWriter()
    from modelhub.desktop.linux import LinuxWriter

    return LinuxWriter()


def choose_targets(targets: Sequence[str], writer: PlatformWriter) -> tuple[str, ...]:
    """Return the named places for a shortcut, else desktop and menu. Raise UsageError for one that is not available."""
    named = [chosen(target, TARGETS, name="target") for target in targets]
    for target in named:
        if target not in writer.targets:
            available = ", ".join(sorted(writer.targets))
            raise UsageError(f"`{target}` is not available on {writer.name}.", f"Choose one of: {available}.")
    return tuple(named) or tuple(target for target in ("desktop", "menu") if target in writer.targets)


def free_id(name: str, state: Path) -> str:
    """Return a short word for file names, unique among the shortcuts."""
    words = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:48]
    # Little remains of names in other scripts; a checksum tells them apart.
    checksum = zlib.crc32(name.encode("utf-8", "surrogateescape"))
    slug = words if len(words) > 3 and name.isascii() else f"{words}-{checksum:08x}".strip("-")
    taken = {shortcut.id for shortcut in installed_shortcuts(state)}
    numbered = (slug if number == 1 else f"{slug}-{number}" for number in itertools.count(1))
    return next(found for found in numbered if found not in taken)


def install_shortcut(
    shortcut: Shortcut, *, writer: PlatformWriter, command: Sequence[str], state: Path
) -> InstallResult:
    """Write every piece. A second one of the same name is called "Name (2)", and a note says so.

    Raise UsageError when the id is taken, ModelhubError when another file is in the way or a place cannot be written;
    then nothing is left behind.
    """
    with _lock(state):
        entries = _read(state)
        if any(entry.shortcut.id == shortcut.id for entry in entries):
            raise UsageError(
                f"There is a shortcut `{shortcut.id}` already.",
                Remedy("Remove it first.", "shortcut-remove", {"id": shortcut.id}),
            )
        named, pieces = _choose_name(shortcut, command, state, entries, writer)
        records = _write_all(named, pieces, entries, writer, state)
    notes = () if named.name == shortcut.name else (_("It is called “{name}”: the name was taken.", name=named.name),)
    return InstallResult(paths=tuple(piece.place for piece in pieces), notes=(*notes, *writer.refresh_desktop(records)))


def _choose_name(
    shortcut: Shortcut, command: Sequence[str], state: Path, entries: Sequence[ManifestEntry], writer: PlatformWriter
) -> tuple[Shortcut, tuple[Piece, ...]]:
    """Return the shortcut under a free name, and its pieces. Raise an error for a place that every name needs."""
    taken = {entry.shortcut.name for entry in entries}
    before = ""
    for number in itertools.count(1):
        named = shortcut if number == 1 else replace(shortcut, name=f"{shortcut.name} ({number})")
        if named.name in taken:
            continue
        try:
            pieces = writer.pieces(named, command, state)
        except UnicodeEncodeError as exc:
            raise UsageError(f"A shortcut cannot hold the name {exc.object!r}.", "Rename that folder.") from exc
        except ValueError as exc:  # property lists have no control characters
            message = "A shortcut cannot hold a folder's name with control characters."
            raise UsageError(message, "Rename that folder.") from exc
        blocked = _find_occupied(pieces, named, entries, writer)
        if blocked is None:
            return named, pieces
        if blocked.place == before:
            raise occupied_error(blocked)
        before = blocked.place
    raise AssertionError("numbers do not end")


def _write_all(
    shortcut: Shortcut, pieces: Sequence[Piece], entries: Sequence[ManifestEntry], writer: PlatformWriter, state: Path
) -> list[PieceRecord]:
    """Write the manifest, then each piece; undo everything when one fails."""
    planned = [writer.handlers[piece.kind].planned(piece) for piece in pieces]
    records = [
        PieceRecord(kind=piece.kind, place=piece.place, digest=digest)
        for piece, digest in zip(pieces, planned, strict=True)
    ]
    shared = {piece.place: digest for piece, digest in zip(pieces, planned, strict=True) if piece.shared}
    others = [_with_digests(entry, shared) for entry in entries]
    _write(state, [*others, ManifestEntry(shortcut=shortcut, records=tuple(records))])
    for number, piece in enumerate(pieces):
        try:
            digest = writer.handlers[piece.kind].write(piece, shortcut.id)
        except (OSError, UnicodeError, ModelhubError) as exc:
            _roll_back(records[:number], shortcut.id, entries, writer)
            _write(state, others)
            if isinstance(exc, ModelhubError):
                raise
            reason = getattr(exc, "strerror", None) or str(exc)
            raise ModelhubError(f"{piece.place} cannot be written: {reason}.", "Nothing was installed.") from exc
        if digest != records[number].digest:
            records[number] = replace(records[number], digest=digest)
            _write(state, [*others, ManifestEntry(shortcut=shortcut, records=tuple(records))])
    return records


def _with_digests(entry: ManifestEntry, digests: Mapping[str, str]) -> ManifestEntry:
    """Return the entry with new digests: a newer version may rewrite files that older shortcuts share."""
    records = tuple(replace(record, digest=digests.get(record.place, record.digest)) for record in entry.records)
    return replace(entry, records=records)


def installed_shortcuts(state: Path) -> tuple[Shortcut, ...]:
    """List the shortcuts in the order of their installation. Raise ModelhubError when the manifest cannot be read."""
    return tuple(entry.shortcut for entry in _read(state))


def find_shortcut(word: str, state: Path) -> Shortcut:
    """Return the shortcut with that id or name. Raise NotFoundError, which names those that exist."""
    return _entry(word, _read(state)).shortcut


def remove_shortcut(word: str, *, state: Path, writer: PlatformWriter | None = None) -> RemovalResult:
    """Delete the pieces that are unchanged, and the shortcut's entry. Raise NotFoundError, ModelhubError."""
    writer = writer or writer_for()
    removed: list[str] = []
    kept: list[str] = []
    with _lock(state):
        entries = _read(state)
        gone = _entry(word, entries)
        rest = [entry for entry in entries if entry is not gone]
        needed = {record.place for entry in rest for record in entry.records if record.kind == "file"}
        for record in reversed(gone.records):
            keeper = writer.handlers.get(record.kind)
            if keeper is None or (record.kind == "file" and record.place in needed):
                continue
            try:
                now = keeper.digest(record.place, gone.shortcut.id)
                if now is None:
                    continue
                if now != record.digest or any(place.startswith(f"{record.place}\\") for place in kept):
                    kept.append(_describe(record))
                    continue
                keeper.remove(record.place, gone.shortcut.id)
            except OSError as exc:
                reason = exc.strerror or str(exc)
                raise ModelhubError(f"{record.place} cannot be removed: {reason}.", "Try again.") from exc
            removed.append(_describe(record))
        _write(state, rest)
    writer.refresh_desktop(gone.records)
    return RemovalResult(removed=tuple(removed), kept=tuple(kept))


def _describe(record: PieceRecord) -> str:
    return f"our entry in {record.place}" if record.kind == "action" else record.place


def _find_occupied(
    pieces: Sequence[Piece], shortcut: Shortcut, entries: Sequence[ManifestEntry], writer: PlatformWriter
) -> Piece | None:
    """Return the first piece whose place is occupied; shared pieces of other shortcuts do not count."""
    ours = {record.place: record.digest for entry in entries for record in entry.records}
    for piece in pieces:
        try:
            now = writer.handlers[piece.kind].digest(piece.place, shortcut.id)
        except OSError as exc:
            raise ModelhubError(f"{piece.place} cannot be read: {exc.strerror or exc}.") from exc
        if now is not None and not (piece.shared and ours.get(piece.place) in (now, "")):
            return piece
    return None


def _roll_back(
    records: Sequence[PieceRecord], mark: str, entries: Sequence[ManifestEntry], writer: PlatformWriter
) -> None:
    needed = {record.place for entry in entries for record in entry.records if record.kind == "file"}
    for record in reversed(records):  # keys below others first
        if record.place not in needed:
            try:
                writer.handlers[record.kind].remove(record.place, mark)
            except OSError:
                continue


def _entry(word: str, entries: Sequence[ManifestEntry]) -> ManifestEntry:
    for entry in entries:
        if word in (entry.shortcut.id, entry.shortcut.name):
            return entry
    known = ", ".join(entry.shortcut.id for entry in entries)
    hint = f"There are: {known}." if known else Remedy("There is none yet.", "shortcut-install")
    raise NotFoundError(f"There is no shortcut `{word}`.", hint)


def _lock(state: Path) -> AbstractContextManager[None]:
    return file_lock(state / ".shortcuts.lock", wait=10.0)


def _read(state: Path) -> list[ManifestEntry]:
    path = state / MANIFEST
    try:
        # Names of files need not be text on Linux; they pass as lone surrogates.
        found = json.loads(path.read_bytes().decode("utf-8", "surrogatepass"))
        if found["version"] > _VERSION:
            raise ModelhubError(f"{path} was written by a newer modelhub.", "Update modelhub.")
        return [_entry_of(one) for one in found["shortcuts"]]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError) as exc:
        hint = "Restore it from a backup, or move it away and delete the installed shortcuts by hand."
        raise ModelhubError(f"{path} cannot be read: {exc}.", hint) from exc


def _entry_of(found: dict[str, Any]) -> ManifestEntry:
    records = tuple(
        PieceRecord(kind=str(one["kind"]), place=str(one["place"]), digest=str(one["digest"]))
        for one in found["pieces"]
    )
    return ManifestEntry(shortcut=Shortcut.from_json(found), records=records)


def _write(state: Path, entries: Sequence[ManifestEntry]) -> None:
    data = {
        "version": _VERSION,
        "shortcuts": [
            {
                **entry.shortcut.as_json(),
                "pieces": [{"kind": r.kind, "place": r.place, "digest": r.digest} for r in entry.records],
            }
            for entry in entries
        ],
    }
    content = json.dumps(data, ensure_ascii=False, indent=1).encode("utf-8", "surrogatepass")
    replace_file(state / MANIFEST, content)
