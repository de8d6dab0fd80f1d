"""Free space on drives."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from modelhub.errors import Remedy
from modelhub.storage import free_space
from modelhub.storage.errors import DiskFullError
from modelhub.storage.free_space import drive_of, ensure_free_space, free_bytes


def test_a_folder_that_is_yet_to_be_made_has_its_drives_free_space(tmp_path: Path) -> None:
    """The nearest folder above it decides."""
    assert free_bytes(tmp_path / "a" / "b") > 0
    (tmp_path / "file").write_bytes(b"")
    assert free_bytes(tmp_path / "file" / "below") > 0


def test_too_little_space_is_stated_in_sizes_that_people_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names needed and free bytes and the drive, and carries the caller's remedy."""
    monkeypatch.setattr(free_space, "free_bytes", lambda path: 20_000_000)
    remedy = Remedy("Free some space.", "some-key")
    with pytest.raises(DiskFullError) as caught:
        ensure_free_space(tmp_path / "new", 38_000_000, remedy=remedy)
    assert caught.value.message == f"Not enough space: 38 MB needed, 20 MB free on {drive_of(tmp_path)}."
    assert caught.value.remedy == remedy


def test_exactly_enough_space_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last free byte may be used."""
    monkeypatch.setattr(free_space, "free_bytes", lambda path: 1000)
    ensure_free_space(tmp_path, 1000, remedy="")
    with pytest.raises(DiskFullError):
        ensure_free_space(tmp_path, 1001, remedy="")


def test_a_drive_is_the_mount_point_above_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mounted folder is a drive; without one the root is."""
    mounted = tmp_path / "stick"
    monkeypatch.setattr(os.path, "ismount", lambda path: Path(path) == mounted)
    assert drive_of(mounted / "models" / "new") == mounted
    assert drive_of(tmp_path) == Path(tmp_path.anchor)
