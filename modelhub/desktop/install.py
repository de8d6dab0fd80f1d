"""Installing and removing shortcuts, with a manifest of every piece that was written.

`shortcuts.json` in the state folder names each piece before it is written, so that a kill leaves nothing that nobody
knows; its digest is added afterwards. Only what still has that digest is removed.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

from modelhub.desktop.shortcut import Entry, Installed, Piece, Record, Removed, Shortcut, Writer, in_the_way
from modelhub.errors import ModelhubError, NotFoundError, UsageError
from modelhub.storage.locks import library_lock

MANIFEST = "shortcuts.json"
_VERSION = 1


def writer_for(platform: str = sys.platform) -> Writer:
    """The writer of this platform."""
    if platform == "win32":
        from modelhub.desktop.windows import WindowsWriter

        return WindowsWriter()
    if platform == "darwin":
        from modelhub.desktop.macos import MacWriter

        return MacWriter()
    from modelhub.desktop.linux import LinuxWriter

    return LinuxWriter()


def install(shortcut: Shortcut, *, writer: Writer, command: Sequence[str], state: Path) -> Installed:
    """Write every piece.

    Raises UsageError when the id is taken, ModelhubError when something foreign is in the way or a place cannot be
    written; then nothing is left behind.
    """
    with _lock(state):
        entries = _read(state)
        if any(entry.shortcut.id == shortcut.id for entry in entries):
            raise UsageError(
                f"There is a shortcut `{shortcut.id}` already.", f"`modelhub shortcut remove {shortcut.id}` first."
            )
        pieces = writer.pieces(shortcut, command, state)
        _look(pieces, shortcut, entries, writer)
        records = [Record(kind=piece.kind, place=piece.place, digest="") for piece in pieces]
        _write(state, [*entries, Entry(shortcut=shortcut, records=tuple(records))])
        try:
            for number, piece in enumerate(pieces):
                keeper = writer.keepers[piece.kind]
                records[number] = replace(records[number], digest=keeper.write(piece, shortcut.id))
        except (OSError, ModelhubError) as exc:
            _take_back(records, shortcut.id, entries, writer)
            _write(state, entries)
            if isinstance(exc, ModelhubError):
                raise
            reason = exc.strerror or str(exc)
            raise ModelhubError(f"{piece.place} cannot be written: {reason}.", "Nothing was installed.") from exc
        _write(state, [*entries, Entry(shortcut=shortcut, records=tuple(records))])
    return Installed(paths=tuple(piece.place for piece in pieces), notes=writer.settle(records))


def installed(state: Path) -> tuple[Shortcut, ...]:
    """Every shortcut, in the order they were installed. Raises ModelhubError when the manifest cannot be read."""
    return tuple(entry.shortcut for entry in _read(state))


def find(word: str, state: Path) -> Shortcut:
    """The shortcut of that id or name. Raises NotFoundError naming those that are there."""
    return _entry(word, _read(state)).shortcut


def remove(word: str, *, state: Path, writer: Writer | None = None) -> Removed:
    """Take away what is ours and unchanged; the shortcut is forgotten. Raises NotFoundError, ModelhubError."""
    writer = writer or writer_for()
    removed: list[str] = []
    kept: list[str] = []
    with _lock(state):
        entries = _read(state)
        gone = _entry(word, entries)
        rest = [entry for entry in entries if entry is not gone]
        needed = {record.place for entry in rest for record in entry.records if record.kind == "file"}
        for record in reversed(gone.records):
            keeper = writer.keepers.get(record.kind)
            if keeper is None or (record.kind == "file" and record.place in needed):
                continue
            try:
                now = keeper.digest(record.place, gone.shortcut.id)
                if now is None:
                    continue
                if now != record.digest:
                    kept.append(_said(record))
                    continue
                keeper.remove(record.place, gone.shortcut.id)
            except OSError as exc:
                reason = exc.strerror or str(exc)
                raise ModelhubError(f"{record.place} cannot be removed: {reason}.", "Try again.") from exc
            removed.append(_said(record))
        _write(state, rest)
    writer.settle(gone.records)
    return Removed(removed=tuple(removed), kept=tuple(kept))


def _said(record: Record) -> str:
    return f"our entry in {record.place}" if record.kind == "action" else record.place


def _look(pieces: Sequence[Piece], shortcut: Shortcut, entries: Sequence[Entry], writer: Writer) -> None:
    """Raise when a place is taken by something that no shortcut of ours wrote."""
    ours = {record.place: record.digest for entry in entries for record in entry.records}
    for piece in pieces:
        try:
            now = writer.keepers[piece.kind].digest(piece.place, shortcut.id)
        except OSError as exc:
            raise ModelhubError(f"{piece.place} cannot be read: {exc.strerror or exc}.") from exc
        if now is not None and not (piece.shared and ours.get(piece.place) in (now, "")):
            raise in_the_way(piece.place)


def _take_back(records: Sequence[Record], mark: str, entries: Sequence[Entry], writer: Writer) -> None:
    needed = {record.place for entry in entries for record in entry.records if record.kind == "file"}
    for record in records:
        if record.digest and record.place not in needed:
            try:
                writer.keepers[record.kind].remove(record.place, mark)
            except OSError:
                continue


def _entry(word: str, entries: Sequence[Entry]) -> Entry:
    for entry in entries:
        if word in (entry.shortcut.id, entry.shortcut.name):
            return entry
    known = ", ".join(entry.shortcut.id for entry in entries)
    hint = f"There are: {known}." if known else "There is none yet: `modelhub shortcut install --help`."
    raise NotFoundError(f"There is no shortcut `{word}`.", hint)


def _lock(state: Path) -> AbstractContextManager[None]:
    return library_lock(state / ".shortcuts.lock", wait=10.0)


def _read(state: Path) -> list[Entry]:
    path = state / MANIFEST
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return [_entry_of(one) for one in found["shortcuts"]]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError) as exc:
        hint = (
            "It lists what shortcuts wrote. Restore it from a backup, or move it away and remove their files."
        )
        raise ModelhubError(f"{path} cannot be read: {exc}.", hint) from exc


def _entry_of(found: dict[str, Any]) -> Entry:
    records = tuple(
        Record(kind=str(one["kind"]), place=str(one["place"]), digest=str(one["digest"])) for one in found["pieces"]
    )
    return Entry(shortcut=Shortcut.from_json(found), records=records)


def _write(state: Path, entries: Sequence[Entry]) -> None:
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
    path = state / MANIFEST
    try:
        state.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{MANIFEST}.{os.getpid()}")
        with beside.open("w", encoding="utf-8") as file:
            json.dump(data, file, ensure_ascii=False, indent=1)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as exc:
        raise ModelhubError(f"{path} cannot be written: {exc.strerror or exc}.", "Nothing was changed.") from exc
