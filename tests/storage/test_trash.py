"""Moving files to the trash."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from modelhub.errors import NotFoundError
from modelhub.storage.errors import TrashError
from modelhub.storage.trash import move_to_trash


class Bin:
    """A folder as a trash."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.folder.mkdir()

    def __call__(self, path: str) -> None:
        shutil.move(path, self.folder)


def test_files_and_folders_go_into_the_trash(tmp_path: Path) -> None:
    """Only the given paths are moved."""
    file, folder, kept = tmp_path / "国风3.pt", tmp_path / "pipeline", tmp_path / "kept.pt"
    file.touch()
    kept.touch()
    (folder / "unet").mkdir(parents=True)
    bin_ = Bin(tmp_path / "bin")
    assert move_to_trash([file, folder], send=bin_) == (file, folder)
    assert {path.name for path in bin_.folder.iterdir()} == {"国风3.pt", "pipeline"}
    assert kept.exists()


def test_send2trash_moves_a_file(tmp_path: Path) -> None:
    """It uses a trash of its own for the test."""
    if sys.platform != "linux":
        pytest.skip("only the freedesktop trash can be put elsewhere for a test")
    model = tmp_path / "model.safetensors"
    model.write_bytes(b"weights")
    code = "import sys, pathlib; from modelhub.storage import trash; trash.move_to_trash([pathlib.Path(sys.argv[1])])"
    environment = {**os.environ, "XDG_DATA_HOME": str(tmp_path / "data"), "HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code, str(model)], check=True, env=environment)
    assert not model.exists()
    assert [path.read_bytes() for path in tmp_path.rglob("model*.safetensors")] == [b"weights"]


def test_a_trash_that_refuses_leaves_the_file_and_is_an_error(tmp_path: Path) -> None:
    """Every error of the desktop becomes a TrashError; nothing is deleted instead."""
    model = tmp_path / "model.pt"
    model.touch()

    def broken(path: str) -> None:
        raise RuntimeError("no trash on this drive")

    with pytest.raises(TrashError, match=r"model\.pt.*no trash on this drive") as caught:
        move_to_trash([model], send=broken)
    assert "Nothing was deleted" in caught.value.remedy.text
    assert model.exists()


def test_a_trash_that_does_nothing_is_noticed(tmp_path: Path) -> None:
    """A silent failure is not a removal."""
    model = tmp_path / "model.pt"
    model.touch()
    with pytest.raises(TrashError, match="still in place"):
        move_to_trash([model], send=lambda path: None)


def test_nothing_is_touched_when_one_is_missing(tmp_path: Path) -> None:
    """All paths are checked before the first is moved."""
    model = tmp_path / "model.pt"
    model.touch()
    with pytest.raises(NotFoundError, match=r"gone\.pt"):
        move_to_trash([model, tmp_path / "gone.pt"], send=Bin(tmp_path / "bin"))
    assert model.exists()


def test_a_dangling_link_can_be_trashed(tmp_path: Path) -> None:
    """The link itself is moved."""
    link = tmp_path / "link.pt"
    link.symlink_to("nowhere")
    move_to_trash([link], send=lambda path: os.unlink(path))
    assert not link.is_symlink()


def test_a_failed_import_of_the_trash_library_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a sentence, not a traceback."""
    model = tmp_path / "model.pt"
    model.touch()
    monkeypatch.setitem(sys.modules, "send2trash", None)
    with pytest.raises(TrashError, match="cannot be used"):
        move_to_trash([model])
    assert model.exists()


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="needs a second file system, such as Linux' /dev/shm")
@pytest.mark.parametrize("planted", ["trash", "files", "info"])
def test_a_planted_trash_of_another_drive_is_refused(
    planted: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others may write to the top folder of a drive; a link there would take the file elsewhere."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as name:
        drive, outside = Path(name), tmp_path / "outside"
        outside.mkdir()
        if drive.stat().st_dev == Path.home().stat().st_dev:
            pytest.skip("the home folder is on the same file system")
        real = os.path.ismount
        monkeypatch.setattr(os.path, "ismount", lambda path: Path(path) == drive or real(path))
        (drive / "m").mkdir()
        file = drive / "m" / "a.pt"
        file.write_text("model")
        trash = drive / f".Trash-{os.getuid()}"
        link = trash if planted == "trash" else trash / planted
        link.parent.mkdir(exist_ok=True)
        bin_ = Bin(tmp_path / "bin")
        link.symlink_to(outside)
        with pytest.raises(TrashError, match=link.name):
            move_to_trash([file], send=bin_)
        assert file.read_text() == "model"
        link.unlink()
        link.mkdir()
        assert move_to_trash([file], send=bin_) == (file,)
        assert list(outside.iterdir()) == []
