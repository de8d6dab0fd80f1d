"""Pieces of a shortcut that are files of their own."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from modelhub.desktop.shortcut import Piece
from modelhub.storage.durable import retry_while_locked
from modelhub.storage.held_folder import open_no_follow


class FileHandler:
    """The handler of plain files: written whole beside their place, then renamed there."""

    def digest(self, place: str, mark: str) -> str | None:
        """Return the SHA-256 of the file."""
        path = Path(place)
        if path.is_symlink() or path.is_dir():
            return "not-a-file"  # never one of ours
        try:
            return hashlib.sha256(path.read_bytes()).hexdigest()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def planned(self, piece: Piece) -> str:
        """Return the SHA-256 of the content to write."""
        return hashlib.sha256(piece.data).hexdigest()

    def write(self, piece: Piece, mark: str) -> str:
        """Write the file with the bits of an executable where it is one."""
        path = Path(piece.place)
        path.parent.mkdir(parents=True, exist_ok=True)
        # A name that nobody can foresee, and never through a link that was put there.
        beside = path.with_name(f".modelhub-{os.urandom(6).hex()}.part")
        try:
            with os.fdopen(open_no_follow(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "wb") as stream:
                stream.write(piece.data)
            beside.chmod(0o755 if piece.executable else 0o644)
            retry_while_locked(lambda: beside.replace(path))
        finally:
            beside.unlink(missing_ok=True)
        return self.planned(piece)

    def remove(self, place: str, mark: str) -> None:
        """Delete the file, and folders of a bundle that it leaves empty."""
        path = Path(place)
        retry_while_locked(lambda: path.unlink(missing_ok=True))
        for parent in path.parents:
            if not any(part.endswith((".app", ".workflow")) for part in parent.parts):
                return
            try:
                parent.rmdir()
            except OSError:
                return
