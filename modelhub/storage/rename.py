"""Renaming that never replaces a file.

`rename` on POSIX silently replaces its target. Linux and macOS have a call that does not; where it is missing, a hard
link is made, and on a drive without hard links the name is first reserved with an empty file or folder.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from functools import cache
from typing import TYPE_CHECKING

from modelhub.storage import errors
from modelhub.storage.durable import retry_while_locked, sync_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_AT_FDCWD, _RENAME_NOREPLACE = -100, 1  # renameat2(2)
_RENAME_EXCL = 4  # renamex_np(2) of macOS
# Errors of link() on drives without hard links (FAT, exFAT, many network drives, Android).
NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EACCES, errno.EINVAL}


def rename_no_replace(source: Path, target: Path, *, sync: bool = True) -> None:
    """Rename within one file system.

    Without `sync`, the caller flushes the target's folder, for many files at once. Raise TargetExistsError when
    anything has the name `target`, OSError with EXDEV when the two are on different devices, else ModelhubError.
    """
    try:
        retry_while_locked(lambda: _rename(source, target))
    except OSError as exc:
        if exc.errno == errno.EXDEV:
            raise
        where = target if isinstance(exc, FileExistsError) else source
        raise errors.from_os_error(exc, where, "move a file to" if where is target else "move") from exc
    if sync:
        sync_folder(target.parent)


def _rename(source: Path, target: Path) -> None:
    if os.name == "nt":
        os.rename(source, target)  # noqa: PTH104 - never replaces on Windows
    elif rename_exclusively(source, target):
        return
    elif _same_entry(source, target):
        os.rename(source, target)  # noqa: PTH104 - only the spelling changes
    elif source.is_dir() and not source.is_symlink():
        _rename_folder(source, target)
    elif source.is_symlink():
        _rename_over_placeholder(source, target)
    else:
        _rename_file(source, target)


def rename_exclusively(source: Path, target: Path) -> bool:
    """Rename by one system call that never replaces: Linux' renameat2, macOS' renamex_np. Return whether there is one.

    A killed process leaves the file under exactly one of its names. Raise OSError like `os.rename`.
    """
    function = _exclusive_rename()
    if function is None or _same_entry(source, target):
        return False
    code = function(os.fsencode(source), os.fsencode(target))
    if code in (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP):
        return False
    if code:
        raise OSError(code, os.strerror(code), str(source), None, str(target))
    return True


@cache
def _exclusive_rename() -> Callable[[bytes, bytes], int] | None:
    """Return a function of two paths that returns an error number, 0 for success; None where there is none."""
    import ctypes

    try:
        library = ctypes.CDLL(None, use_errno=True)
        call = getattr(library, "renamex_np" if sys.platform == "darwin" else "renameat2")
    except (OSError, AttributeError, TypeError):
        return None

    def linux(source: bytes, target: bytes) -> int:
        return ctypes.get_errno() if call(_AT_FDCWD, source, _AT_FDCWD, target, _RENAME_NOREPLACE) else 0

    def macos(source: bytes, target: bytes) -> int:
        return ctypes.get_errno() if call(source, target, _RENAME_EXCL) else 0

    return macos if sys.platform == "darwin" else linux


def _same_entry(source: Path, target: Path) -> bool:
    """Return whether both names are one directory entry, as on a file system that ignores case or Unicode forms."""
    try:
        if source == target or not source.samefile(target) or not source.parent.samefile(target.parent):
            return False
    except OSError:
        return False
    return target.name not in os.listdir(target.parent)  # noqa: PTH208 - only the names matter


def _rename_file(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError as exc:
        if exc.errno not in NO_LINKS or errors.is_locked(exc):
            raise
        _rename_over_placeholder(source, target)
        return
    source.unlink()


def _rename_over_placeholder(source: Path, target: Path) -> None:
    """Reserve the name with an empty file, then rename over it, where there are no hard links."""
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    try:
        os.replace(source, target)  # noqa: PTH105
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def _rename_folder(source: Path, target: Path) -> None:
    """Reserve the name with an empty folder, then rename over it: a rename replaces only an empty folder."""
    target.mkdir()
    try:
        os.replace(source, target)  # noqa: PTH105
    except BaseException:
        with contextlib.suppress(OSError):
            target.rmdir()
        raise
