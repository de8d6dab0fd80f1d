"""Atomic writes of small files: readers see the old content or the new one, never a part."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from typing import TYPE_CHECKING

from modelhub.errors import UsageError
from modelhub.storage import errors
from modelhub.storage.durable import retry_while_locked, sync_descriptor, sync_folder
from modelhub.storage.held_folder import open_no_follow

if TYPE_CHECKING:
    from pathlib import Path

PRIVATE = 0o600  # the permissions of a file that may hold secrets


def check_replaceable(path: Path) -> None:
    """Raise UsageError where a folder, a device or a pipe is at `path`: a file must never take the place of one.

    A user who may write to the folder of devices would lose `/dev/null` itself.
    """
    try:
        kind = path.stat().st_mode
    except OSError:
        return  # whoever writes finds out more
    if stat.S_ISDIR(kind):
        raise UsageError(f"{path} is a folder.", "Name a file in it.")
    if not stat.S_ISREG(kind):
        raise UsageError(f"{path} is a device or a pipe, not a file.", "Name a file that does not exist yet.")


def replace_file(path: Path, content: bytes, *, mode: int = 0o666, follow_links: bool = True) -> None:
    """Replace the file `path` by `content`, flushed to the disk; make its folder where needed.

    The new file keeps the permissions of the old one, without an old one it gets `mode` less the user's mask; nobody
    else can read it before. Where `path` is a link, the file it leads to is replaced, or without `follow_links`, for
    modelhub's own files, the link itself or whatever else was put there. Raise ModelhubError, and then nothing has
    changed.
    """
    target = path.resolve() if follow_links and path.is_symlink() else path
    if follow_links:
        check_replaceable(target)
    temporary = target.with_name(f".modelhub-{os.urandom(6).hex()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        descriptor = open_no_follow(temporary, flags, 0o600 if target.is_file() else mode)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            sync_descriptor(stream.fileno())
        if follow_links or not target.is_symlink():
            with contextlib.suppress(FileNotFoundError):
                shutil.copymode(target, temporary)
        retry_while_locked(lambda: os.replace(temporary, target))  # noqa: PTH105
        sync_folder(target.parent)
    except OSError as exc:
        raise errors.from_os_error(exc, path, "write") from exc
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
