"""Atomic writes of small files."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from modelhub.errors import ModelhubError
from modelhub.storage import atomic_write
from modelhub.storage.atomic_write import replace_file


def test_a_file_is_made_with_its_folder_and_then_replaced(tmp_path: Path) -> None:
    """No other file is left beside it."""
    file = tmp_path / "新" / "file.txt"
    replace_file(file, b"one")
    replace_file(file, b"two")
    assert file.read_bytes() == b"two"
    assert os.listdir(file.parent) == ["file.txt"]


def test_the_old_content_stays_when_the_new_cannot_be_put_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that fills up during the write is reported, and no temporary file is left."""

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    file = tmp_path / "file.txt"
    file.write_bytes(b"old")
    monkeypatch.setattr(atomic_write, "sync_descriptor", full)
    with pytest.raises(ModelhubError, match="disk is full"):
        replace_file(file, b"new")
    assert file.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file.txt"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions, and links need a privilege")
def test_permissions_stay_and_links_are_followed(tmp_path: Path) -> None:
    """The file that a link leads to is replaced; the link stays."""
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_bytes(b"old")
    real.chmod(0o640)
    link.symlink_to(real)
    replace_file(link, b"new")
    assert link.is_symlink()
    assert real.read_bytes() == b"new"
    assert stat.S_IMODE(real.stat().st_mode) == 0o640


def test_a_folder_is_not_replaced(tmp_path: Path) -> None:
    """The user learns to name a file in it, and nothing is left behind."""
    (tmp_path / "folder").mkdir()
    with pytest.raises(ModelhubError, match="is a folder"):
        replace_file(tmp_path / "folder", b"text")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pipes among its files")
def test_a_pipe_or_a_device_is_not_replaced(tmp_path: Path) -> None:
    """Root, who may write to `/dev`, would turn `/dev/null` into a file that grows; a link to one is followed."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    link = tmp_path / "link"
    link.symlink_to(pipe)
    with pytest.raises(ModelhubError, match="is a device or a pipe"):
        replace_file(pipe, b"text")
    with pytest.raises(ModelhubError, match="is a device or a pipe"):
        replace_file(link, b"text")
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "pipe"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pipes among its files")
def test_a_file_of_our_own_is_replaced_whatever_is_in_its_place(tmp_path: Path) -> None:
    """Where links are not followed, a pipe that was put in the place of modelhub's own file goes as a link does."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    replace_file(pipe, b"text", follow_links=False)
    assert pipe.read_bytes() == b"text"
