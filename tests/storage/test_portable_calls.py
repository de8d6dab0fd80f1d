"""The system-dependent calls of storage, and what replaces them where a system lacks them."""

from __future__ import annotations

import errno
import os
import sys
import types
from collections.abc import Callable
from pathlib import Path

import pytest

from modelhub.errors import ModelhubError
from modelhub.storage import durable, place, rename
from modelhub.storage.durable import sync_descriptor, sync_folder
from modelhub.storage.hashing import is_spinning
from modelhub.storage.locks import file_lock, read_owner
from modelhub.storage.reflink import clone


def failing(number: int) -> Callable[..., None]:
    """Return a system call that always fails with this error number."""

    def fail(*args: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


@pytest.fixture
def flushed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The descriptors that were flushed by fsync."""
    descriptors: list[int] = []
    monkeypatch.setattr(durable.os, "fsync", descriptors.append)
    return descriptors


def with_fcntl(monkeypatch: pytest.MonkeyPatch, call: Callable[..., object] | None) -> None:
    """Replace the module fcntl by one with F_FULLFSYNC, as on macOS; by none where `call` is None, as on Windows."""
    module = types.ModuleType("fcntl") if call else None
    if module is not None:
        module.F_FULLFSYNC, module.fcntl = 51, call  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "fcntl", module)


def test_macos_flushes_past_the_drives_cache(monkeypatch: pytest.MonkeyPatch, flushed: list[int]) -> None:
    """F_FULLFSYNC replaces fsync."""
    calls: list[tuple[int, int]] = []
    with_fcntl(monkeypatch, lambda descriptor, command: calls.append((descriptor, command)))
    sync_descriptor(7)
    assert (calls, flushed) == ([(7, 51)], [])


@pytest.mark.parametrize("call", [failing(errno.ENOTSUP), None])
def test_other_systems_and_drives_flush_by_fsync(
    monkeypatch: pytest.MonkeyPatch, flushed: list[int], call: Callable[..., object] | None
) -> None:
    """Network drives refuse F_FULLFSYNC; Windows has no fcntl."""
    with_fcntl(monkeypatch, call)
    sync_descriptor(7)
    assert flushed == [7]


@pytest.mark.parametrize("name", ["open", "fsync"])
def test_a_folder_that_cannot_be_flushed_is_not_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Windows opens no folders, and some drives flush none."""
    monkeypatch.setattr(durable.os, name, failing(errno.EACCES))
    sync_folder(tmp_path)


def test_a_failed_flush_of_a_folder_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An input/output error is not taken for a missing feature."""
    monkeypatch.setattr(durable.os, "fsync", failing(errno.EIO))
    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        sync_folder(tmp_path)


def test_without_clones_the_system_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows has no FICLONE: `reflink` is an error with a remedy, and leaves no file."""
    source = tmp_path / "x.pt"
    source.write_bytes(b"weights")
    with_fcntl(monkeypatch, None)
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(OSError, match="no clones"):
        clone(source, tmp_path / "y.pt")
    with pytest.raises(ModelhubError, match="does not support clones"):
        place.reflink(source, tmp_path / "y.pt", within=tmp_path)
    assert os.listdir(tmp_path) == ["x.pt"]


def test_without_device_numbers_no_disk_is_known_to_spin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows has no os.major."""
    monkeypatch.delattr(os, "major", raising=False)
    assert is_spinning(tmp_path) is False


def test_a_library_without_exclusive_rename_falls_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An old C library or a file system without renameat2 still never replaces a file."""
    monkeypatch.setattr(rename, "_exclusive_rename", lambda: lambda source, target: errno.ENOSYS)
    source, target = tmp_path / "a.pt", tmp_path / "b.pt"
    source.write_bytes(b"a")
    rename.rename_no_replace(source, target)
    assert (source.exists(), target.read_bytes()) == (False, b"a")
    source.write_bytes(b"other")
    with pytest.raises(ModelhubError, match="that name is taken"):
        rename.rename_no_replace(source, target)
    assert (source.read_bytes(), target.read_bytes()) == (b"other", b"a")


def test_windows_locks_a_byte_far_after_the_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The owner stays readable, and the same byte is unlocked at the end."""
    calls: list[tuple[int, int]] = []
    module = types.ModuleType("msvcrt")
    module.LK_NBLCK, module.LK_UNLCK = 2, 0  # type: ignore[attr-defined]
    module.locking = lambda descriptor, mode, count: calls.append(  # type: ignore[attr-defined]
        (mode, os.lseek(descriptor, 0, os.SEEK_CUR))
    )
    monkeypatch.setitem(sys.modules, "fcntl", None)
    monkeypatch.setitem(sys.modules, "msvcrt", module)
    with file_lock(tmp_path / "lock"):
        assert read_owner(tmp_path / "lock").pid == os.getpid()
    assert [mode for mode, _ in calls] == [2, 0]
    assert calls[0][1] == calls[1][1] > 1 << 20
