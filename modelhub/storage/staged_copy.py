"""A copy that is written while its source is read for another purpose, such as for its hashes."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from pathlib import Path

from modelhub.errors import ModelhubError
from modelhub.storage.containment import ensure_inside
from modelhub.storage.copying import (
    CopiedFile,
    FileWriter,
    copy_attributes,
    ensure_space_for_copy,
    remove_copied,
    verify_copy,
)
from modelhub.storage.fan_out import FileIdentity
from modelhub.storage.held_folder import held_folder
from modelhub.storage.place import TEMPORARY_PREFIX, TEMPORARY_SUFFIX, ensure_free_name
from modelhub.storage.rename import rename_no_replace


class StagedCopy:
    """A copy of one file under a temporary name in its target's folder.

    Use it as a `Sink` of one read of the source, then call `finish`, or `discard` when the read failed.
    """

    def __init__(self, source: Path, target: Path, *, within: Path) -> None:
        """Open the temporary file. Raise TargetExistsError, OutsideTargetError, DiskFullError or a ModelhubError."""
        self.source = source
        self.target = target
        with contextlib.ExitStack() as stack:
            ensure_inside(within, target)
            self._folder = stack.enter_context(held_folder(target.parent, within=within))
            ensure_free_name(target)
            ensure_space_for_copy(source, target.parent)
            self._temporary = self._folder.at(f"{TEMPORARY_PREFIX}{secrets.token_hex(6)}{TEMPORARY_SUFFIX}")
            self._writer = FileWriter(self._temporary)
            self._stack = stack.pop_all()

    def feed(self, data: memoryview, offset: int) -> None:
        """Write the bytes that start at byte `offset`."""
        with self._named_errors():
            self._writer.feed(data, offset)

    def finish(self, sha256: str) -> None:
        """Read the copy from the disk, compare its SHA-256 with that of the source, and give it its name.

        Raise ModelhubError when they differ, and TargetExistsError when the name was taken meanwhile.
        """
        try:
            with self._named_errors():
                self._writer.close()
                verify_copy(self.source, self._temporary, sha256, expected=None)
                copy_attributes(self.source, self._temporary)
                inner = self._folder.at(self.target.name)
                rename_no_replace(self._temporary, inner)
                self._folder.check_after(inner.unlink)
        finally:
            self.discard()

    @contextlib.contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except ModelhubError as exc:
            self._folder.in_users_words(exc)
            self._folder.check()  # the real reason, where the folder was replaced
            raise

    def remove_source(self, sha256: str, identity: FileIdentity) -> None:
        """Remove the source of a finished copy. Raise ModelhubError when it has changed since it was read."""
        remove_copied((CopiedFile(self.source, sha256, identity),), self.source, self.target)

    def discard(self) -> None:
        """Remove the temporary file, if there still is one."""
        with contextlib.suppress(Exception):
            self._writer.close()
        with contextlib.suppress(OSError):
            self._temporary.unlink(missing_ok=True)
        self._stack.close()
