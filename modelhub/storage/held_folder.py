"""Folders that are held while something is written into them, so that a link put in their place cannot redirect it.

On Linux a folder is opened part by part without following links, and files are reached through its descriptor
(`/proc/self/fd`): a folder on the way that is swapped for a link afterwards changes nothing. Elsewhere the folder is
compared with the one that was checked before and after each use.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from modelhub.errors import ModelhubError
from modelhub.storage import errors
from modelhub.storage.containment import ensure_inside, make_folder
from modelhub.storage.durable import sync_folder

_DESCRIPTORS = Path("/proc/self/fd")
# O_PATH, where there is one: the folder need not be readable.
_FOLDER_FLAGS = getattr(os, "O_PATH", os.O_RDONLY) | getattr(os, "O_DIRECTORY", 0)
_FLAGS = _FOLDER_FLAGS | getattr(os, "O_NOFOLLOW", 0)


class HeldFolder:
    """A folder that exists and was checked; `held_folder` makes one."""

    def __init__(self, path: Path, descriptor: int | None) -> None:
        self.path = path
        self._descriptor = descriptor
        self._identity = _identity(path if descriptor is None else descriptor)

    @property
    def directory(self) -> Path:
        """The folder's path for system calls."""
        return self.path if self._descriptor is None else _DESCRIPTORS / str(self._descriptor)

    def at(self, name: str) -> Path:
        """Return the path of an entry for system calls. Raise OutsideTargetError for a name with a separator in it."""
        if name in ("", ".", "..") or Path(name).name != name:
            raise errors.OutsideTargetError(f"`{name}` is not the name of an entry in {self.path}.")
        if self._descriptor is None:
            self.check()
        return self.directory / name

    def sync(self) -> None:
        """Flush the folder's entries to the disk."""
        sync_folder(self.directory)

    def check(self) -> None:
        """Raise OutsideTargetError unless the path still leads to this folder."""
        try:
            is_same = _identity(self.path) == self._identity
        except OSError:
            is_same = False
        if not is_same:
            raise errors.OutsideTargetError(
                f"{self.path} was replaced by another folder or a link meanwhile.", "Check what else writes there."
            )

    def check_after(self, undo: Callable[[], object]) -> None:
        """Check the folder after something was placed in it; call `undo` and raise where it was replaced."""
        try:
            self.check()
        except ModelhubError:
            with contextlib.suppress(OSError, ModelhubError):
                undo()
            raise

    @contextlib.contextmanager
    def below(self, parts: Sequence[str]) -> Iterator[HeldFolder]:
        """Hold a folder below, made where it is missing; no part of it may be a link."""
        if self._descriptor is None:
            self.check()
            folder = self.path
            for part in parts:
                folder /= part
                if folder.is_symlink():
                    raise _link_error(folder)
                make_folder(folder)
            yield HeldFolder(folder, None)
            return
        descriptor, folder = os.dup(self._descriptor), self.path
        try:
            for part in parts:
                folder /= part
                lower = _open_part(descriptor, folder)
                os.close(descriptor)
                descriptor = lower
            yield HeldFolder(folder, descriptor)
        finally:
            os.close(descriptor)

    def in_users_words(self, error: ModelhubError) -> None:
        """Name the folder by its path in an error of a system call that was given its descriptor."""
        if self._descriptor is not None:
            error.replace_text(str(self.directory), str(self.path))


@contextlib.contextmanager
def held_folder(folder: Path, *, within: Path) -> Iterator[HeldFolder]:
    """Hold `folder`, which is `within` or below it, made where it is missing.

    A link on the way may lead elsewhere inside of `within`. Raise OutsideTargetError for any other, and ModelhubError.
    """
    ensure_inside(within, folder / "entry")
    try:
        folder.lstat()
    except (FileNotFoundError, NotADirectoryError):
        pass
    except OSError as exc:  # too long: made part by part, it could be reached by nobody
        raise errors.from_os_error(exc, folder, "make the folder") from exc
    make_folder(within)
    descriptor: int | None = None
    try:
        if has_descriptor_paths():
            descriptor = os.open(within, _FOLDER_FLAGS)  # `within` itself may be a link
        top = HeldFolder(within, descriptor)
        # In this order: what is opened cannot become another folder afterwards.
        root, real = top.directory.resolve(strict=True), folder.resolve()
    except (OSError, RuntimeError) as exc:  # RuntimeError: a loop of links
        _close(descriptor)
        if isinstance(exc, OSError) and exc.errno != errno.ELOOP:
            raise errors.from_os_error(exc, within, "write to") from exc
        raise _link_error(folder) from exc
    try:
        if not real.is_relative_to(root):
            raise _link_error(folder)
        with top.below(real.relative_to(root).parts) as held:
            held.path = folder
            try:
                yield held
            except ModelhubError as exc:
                held.in_users_words(exc)
                if not isinstance(exc, errors.OutsideTargetError):
                    held.check()  # the real reason, where the folder was replaced
                raise
    finally:
        _close(descriptor)


def _close(descriptor: int | None) -> None:
    if descriptor is not None:
        os.close(descriptor)


def has_descriptor_paths() -> bool:
    """Return whether a folder's descriptor can be used as a path, as on Linux with /proc."""
    return hasattr(os, "O_DIRECTORY") and hasattr(os, "O_NOFOLLOW") and _DESCRIPTORS.is_dir()


def open_no_follow(path: Path, flags: int, mode: int = 0o666) -> int:
    """Open a file like `os.open`, but never through a link in its place; raise OSError with ELOOP then.

    Where the system cannot refuse links by itself, the opened file is compared with the entry.
    """
    flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    if path.is_symlink():
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
    descriptor = os.open(path, flags, mode)
    if not hasattr(os, "O_NOFOLLOW") and path.is_symlink():
        os.close(descriptor)
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
    return descriptor


@contextlib.contextmanager
def file_itself(path: Path) -> Iterator[Path]:
    """Open a file without following a link, and give a path that leads to it whatever the entry becomes meanwhile."""
    descriptor = open_no_follow(path, os.O_RDONLY)
    try:
        yield _DESCRIPTORS / str(descriptor) if has_descriptor_paths() else path
    finally:
        os.close(descriptor)


def _open_part(descriptor: int, path: Path) -> int:
    """Open a folder below the one of the descriptor, made where it is missing. Raise ModelhubError."""
    try:
        with contextlib.suppress(FileExistsError):
            os.mkdir(path.name, dir_fd=descriptor)
        return os.open(path.name, _FLAGS, dir_fd=descriptor)
    except OSError as exc:
        if exc.errno not in (errno.ELOOP, errno.ENOTDIR):
            raise errors.from_os_error(exc, path, "make the folder") from exc
        if path.is_symlink():
            raise _link_error(path) from exc
        raise errors.from_os_error(FileExistsError(errno.EEXIST, ""), path, "make the folder") from exc


def _identity(folder: Path | int) -> tuple[int, int]:
    status = os.stat(folder)  # noqa: PTH116 - a descriptor is not a path
    return status.st_dev, status.st_ino


def _link_error(folder: Path) -> errors.OutsideTargetError:
    return errors.OutsideTargetError(
        f"{folder} is a link, or below one, that leads elsewhere.", "Nothing was written. Remove that link."
    )
