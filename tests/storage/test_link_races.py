"""Links that are planted, or swapped in between a check and its use, never redirect a write out of a folder."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from modelhub.errors import ModelhubError
from modelhub.storage import held_folder as held_module
from modelhub.storage import locks, place, staged_copy
from modelhub.storage.atomic_write import replace_file
from modelhub.storage.errors import OutsideTargetError
from modelhub.storage.held_folder import held_folder, open_no_follow
from modelhub.storage.place import Placement
from modelhub.storage.staged_copy import StagedCopy

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege on Windows")
CONTENT = b"weights" * 1000


@pytest.fixture(params=["descriptors", "portable"], autouse=True)
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A system whose folders can be held open, and one on which they are only compared."""
    if request.param == "portable":
        monkeypatch.setattr(held_module, "has_descriptor_paths", lambda: False)
    elif not held_module.has_descriptor_paths():
        pytest.skip("folders cannot be reached through their descriptors here")
    return str(request.param)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A downloaded model."""
    path = tmp_path / "downloads" / "model.safetensors"
    path.parent.mkdir()
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A library with a folder for LoRAs."""
    (tmp_path / "library" / "lora").mkdir(parents=True)
    return tmp_path / "library"


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder of the user's with a file of his own."""
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "own.txt").write_text("own")
    return folder


def assert_untouched(outside: Path) -> None:
    """Fail unless the folder holds just the user's file."""
    assert {path.name: path.read_bytes() for path in outside.iterdir()} == {"own.txt": b"own"}


def swap(folder: Path, outside: Path) -> None:
    """Put a link to `outside` in the place of a folder."""
    if not folder.is_symlink():
        folder.rename(folder.with_name(f"{folder.name}.away"))
        folder.symlink_to(outside)


def staged(source: Path, target: Path, *, within: Path) -> None:
    """Copy through a `StagedCopy`."""
    copy = StagedCopy(source, target, within=within)
    copy.feed(memoryview(CONTENT), 0)
    copy.finish(hashlib.sha256(CONTENT).hexdigest())


WAYS = (place.move, place.copy, place.hard_link, place.symlink, staged)
Way = Callable[..., Placement | None]


@pytest.mark.parametrize("way", WAYS)
def test_a_folder_that_is_swapped_for_a_link_redirects_nothing(
    way: Way, source: Path, library: Path, outside: Path, monkeypatch: pytest.MonkeyPatch, system: str
) -> None:
    """The swap happens right before the call that gives the file its name."""
    folder = library / "lora"
    swapped: list[Path] = []

    def before(real: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object, **named: object) -> object:
            if not swapped:
                swapped.append(folder)
                swap(folder, outside)
            return real(*arguments, **named)

        return call

    for module in (place, staged_copy):
        monkeypatch.setattr(module, "rename_no_replace", before(module.rename_no_replace))
    for name in ("link", "symlink"):
        monkeypatch.setattr(os, name, before(getattr(os, name)))
    with pytest.raises(OutsideTargetError, match="lora"):
        way(source, folder / "model.safetensors", within=library)
    assert swapped
    assert_untouched(outside)
    assert source.read_bytes() == CONTENT
    left = [path.name for path in (library / "lora.away").iterdir()]
    # Without descriptors the temporary file cannot be reached any more; a later run removes it.
    assert left == [] or (system == "portable" and [name[:10] for name in left] == [".modelhub-"])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("planted", ["folder", "deep folder", "name", "dangling name"])
def test_a_planted_link_is_refused(planted: str, way: Way, source: Path, library: Path, outside: Path) -> None:
    """At the folder, at one above it, and at the target itself."""
    target = library / "lora" / "model.safetensors"
    if planted == "folder":
        swap(library / "lora", outside)
    elif planted == "deep folder":
        swap(library / "lora", outside)
        target = library / "lora" / "new" / "deep" / "model.safetensors"
    else:
        target.symlink_to(outside / ("own.txt" if planted == "name" else "new.txt"))
    with pytest.raises(ModelhubError):
        way(source, target, within=library)
    assert_untouched(outside)
    assert source.read_bytes() == CONTENT


def test_a_folder_is_copied_past_a_swap(
    library: Path, outside: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folders of a diffusers model are opened one by one, each without following a link."""
    source = tmp_path / "downloads" / "pipeline"
    for name in ("a/one.bin", "b/two.bin", "model_index.json"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(CONTENT)
    real = place.copy_tree.__globals__["copy_file"]

    def copy_file(file: Path, target: Path, **named: object) -> object:
        (temporary,) = library.glob("lora/.modelhub-*")
        if not (temporary / "b").is_symlink():
            (temporary / "b").symlink_to(outside)
        return real(file, target, **named)

    monkeypatch.setitem(place.copy_tree.__globals__, "copy_file", copy_file)
    with pytest.raises(OutsideTargetError):
        place.copy(source, library / "lora" / "pipeline", within=library)
    assert_untouched(outside)
    assert [path.name for path in (library / "lora").iterdir()] == []


@pytest.mark.parametrize("name", ["..", "../x", "a/b", "", "."])
def test_an_entry_of_a_held_folder_is_one_name(name: str, library: Path) -> None:
    """A name with a separator would leave the folder that is held."""
    with held_folder(library / "lora", within=library) as folder, pytest.raises(OutsideTargetError):
        folder.at(name)


def test_folders_are_made_and_named_as_the_user_knows_them(library: Path, source: Path) -> None:
    """An error of a call that was given a descriptor names the folder."""
    target = library / "new" / "deep" / "model.safetensors"
    with held_folder(target.parent, within=library) as folder:
        assert target.parent.is_dir()
        assert folder.at("x").parent.resolve() == target.parent
    target.write_bytes(b"other")
    with pytest.raises(ModelhubError) as raised:
        place.move(source, target, within=library)
    assert str(target) in raised.value.message
    assert "/proc/" not in str(raised.value)


def test_a_file_in_the_place_of_a_folder_is_named(library: Path, source: Path) -> None:
    """The file stays."""
    (library / "base").write_text("a file")
    with pytest.raises(ModelhubError, match="base"):
        place.move(source, library / "base" / "model.safetensors", within=library)
    assert (library / "base").read_text() == "a file"


def test_a_lock_is_not_opened_through_a_link(library: Path, outside: Path) -> None:
    """The lock's text would replace the file that the link leads to."""
    (library / "lock").symlink_to(outside / "own.txt")
    with pytest.raises(ModelhubError, match="symbolic link"), locks.file_lock(library / "lock"):
        pass
    assert_untouched(outside)


def test_a_file_is_not_opened_through_a_link_on_systems_without_such_a_flag(
    library: Path, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The entry is looked at before and after."""
    monkeypatch.delattr(os, "O_NOFOLLOW")
    link = library / "link"
    link.symlink_to(outside / "own.txt")
    with pytest.raises(OSError, match="ymbolic"):
        open_no_follow(link, os.O_RDWR | os.O_CREAT)
    os.close(open_no_follow(library / "file", os.O_RDWR | os.O_CREAT))
    real = os.open

    def late(path: Path, *arguments: int) -> int:
        descriptor = real(path, *arguments)
        path.unlink()
        path.symlink_to(outside / "own.txt")
        return descriptor

    monkeypatch.setattr(os, "open", late)
    with pytest.raises(OSError, match="ymbolic"):
        open_no_follow(library / "file", os.O_RDWR)
    assert_untouched(outside)


def test_a_small_file_replaces_the_link_itself_where_links_are_not_wanted(library: Path, outside: Path) -> None:
    """Records of a download, and what is written beside a model."""
    (library / ".done").symlink_to(outside / "own.txt")
    replace_file(library / ".done", b"{}", follow_links=False)
    assert not (library / ".done").is_symlink()
    assert_untouched(outside)
