"""Atomic writes of small files: readers see the old content or the new one, never a part."""

from __future__ import annotations

import contextlib
import os
import shutil
from typing import TYPE_CHECKING

from modelhub.storage import errors
from modelhub.storage.durable import retry_while_locked, sync_descriptor, sync_folder

if TYPE_CHECKING:
    from pathlib import Path


def replace_file(path: Path, content: bytes) -> None:
    """Replace the file `path` by `content`, flushed to the disk; make its folder where needed.

    The new file keeps the permissions of the old one; where `path` is a link, the file it leads to is replaced.
    Raise ModelhubError, and then nothing has changed.
    """
    target = path.resolve() if path.is_symlink() else path
    temporary = target.with_name(f".modelhub-{os.urandom(6).hex()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("xb") as stream:
            stream.write(content)
            stream.flush()
            sync_descriptor(stream.fileno())
        with contextlib.suppress(FileNotFoundError):
            shutil.copymode(target, temporary)
        retry_while_locked(lambda: os.replace(temporary, target))  # noqa: PTH105
        sync_folder(target.parent)
    except OSError as exc:
        raise errors.from_os_error(exc, path, "write") from exc
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
