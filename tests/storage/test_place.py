"""Moving, copying and linking without replacing or losing files."""

from __future__ import annotations

import errno
import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from modelhub.errors import ModelhubError, NotFoundError
from modelhub.storage import free_space, place, rename
from modelhub.storage.copying import CopiedFile, remove_copied
from modelhub.storage.errors import DiskFullError, FileChangedError, OutsideTargetError, TargetExistsError
from modelhub.storage.place import Placement

CONTENT = b"weights" * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
WAYS: tuple[Callable[..., Placement], ...] = (place.move, place.copy, place.hard_link, place.symlink)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A model in a folder of downloads."""
    path = tmp_path / "downloads" / "万象熔炉 v3.safetensors"
    path.parent.mkdir()
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """An empty library."""
    folder = tmp_path / "library"
    folder.mkdir()
    return folder


def refuse(number: int) -> Callable[..., None]:
    """Return a system call that always fails."""

    def fail(*args: object, **kwargs: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


def across(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every rename between two folders fail as one between two devices."""

    def limited(real: Callable[[Path, Path], None]) -> Callable[[Path, Path], None]:
        def rename(source: Path, target: Path) -> None:
            if source.parent != target.parent:
                raise OSError(errno.EXDEV, "other device")
            real(source, target)

        return rename

    monkeypatch.setattr(rename, "rename_exclusively", lambda source, target: False)
    monkeypatch.setattr(os, "replace", limited(os.replace))
    monkeypatch.setattr(os, "link", limited(os.link))


@pytest.fixture(params=["links", "no links", "other device"])
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A drive with hard links, one without, and a target on another device."""
    if request.param == "no links":
        monkeypatch.setattr(rename, "rename_exclusively", lambda source, target: False)
        monkeypatch.setattr(os, "link", refuse(errno.EPERM))
    if request.param == "other device":
        across(monkeypatch)
    return str(request.param)


@pytest.mark.usefixtures("system")
def test_a_move_ends_with_the_file_at_its_target_only(source: Path, library: Path) -> None:
    """Content and time are kept, folders are made, and no other file is left."""
    time = source.stat().st_mtime_ns
    target = library / "base" / source.name
    placed = place.move(source, target, within=library, expected_sha256=SHA256.upper())
    assert placed.target == target
    assert target.read_bytes() == CONTENT
    assert target.stat().st_mtime_ns == time
    assert not source.exists()
    assert [path.name for path in target.parent.iterdir()] == [source.name]


@pytest.mark.usefixtures("system")
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", ["file", "empty file", "folder", "dangling link"])
def test_nothing_is_ever_replaced(source: Path, library: Path, way: Callable[..., Placement], kind: str) -> None:
    """What has the name keeps it, and the source stays where it was."""
    target = library / source.name
    if kind == "folder":
        target.mkdir()
    elif kind == "dangling link":
        target.symlink_to("nowhere")
    else:
        target.write_bytes(b"other" if kind == "file" else b"")
    before = target.lstat()
    with pytest.raises(TargetExistsError, match="万象熔炉"):
        way(source, target, within=library)
    after = target.lstat()
    assert (after.st_ino, after.st_size, after.st_mode) == (before.st_ino, before.st_size, before.st_mode)
    assert source.read_bytes() == CONTENT
    assert [path.name for path in library.iterdir()] == [target.name]


@pytest.mark.parametrize("way", WAYS)
def test_nothing_leaves_its_folder(source: Path, library: Path, tmp_path: Path, way: Callable[..., Placement]) -> None:
    """Neither by `..`, nor by an absolute path, nor through a link to elsewhere."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (library / "linked").symlink_to(outside)
    (library / "loop").symlink_to("loop")
    bad = (
        library / ".." / "outside" / "x", outside / "x", library / "linked" / "x", library / "linked" / "deep" / "x",
        library / "loop" / "x", library, library / "a" / ".." / ".." / "x",
    )  # fmt: skip
    for target in bad:
        with pytest.raises(OutsideTargetError):
            way(source, target, within=library)
    assert list(outside.iterdir()) == []
    assert source.read_bytes() == CONTENT


def test_a_link_within_the_library_is_followed(source: Path, library: Path) -> None:
    """A folder reached by two names is one folder."""
    (library / "models" / "loras").mkdir(parents=True)
    (library / "loras").symlink_to("models/loras")
    place.move(source, library / "loras" / "x.pt", within=library)
    assert (library / "models" / "loras" / "x.pt").read_bytes() == CONTENT


def test_a_library_that_is_itself_a_link_works(source: Path, library: Path, tmp_path: Path) -> None:
    """The library's folder may be a link to another drive."""
    alias = tmp_path / "alias"
    alias.symlink_to(library)
    place.move(source, alias / "x.pt", within=alias)
    assert (library / "x.pt").read_bytes() == CONTENT


def test_a_copy_is_a_second_complete_file(source: Path, library: Path) -> None:
    """The hash of the written bytes is part of the result."""
    placed = place.copy(source, library / "x.pt", within=library)
    assert placed == Placement(source=source, target=library / "x.pt", how="copied", sha256=SHA256)
    assert (library / "x.pt").read_bytes() == source.read_bytes() == CONTENT
    assert (library / "x.pt").stat().st_ino != source.stat().st_ino


def test_a_copy_of_a_file_that_differs_from_the_catalog_is_refused(source: Path, library: Path) -> None:
    """Bit rot in the source is not copied."""
    with pytest.raises(FileChangedError, match="not the file in the catalog"):
        place.copy(source, library / "x.pt", within=library, expected_sha256="0" * 64)
    assert list(library.iterdir()) == []


def test_links_lead_to_the_same_bytes(source: Path, library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hard link is the file itself, a symbolic one leads to it from anywhere."""
    place.hard_link(source, library / "hard.pt", within=library)
    assert (library / "hard.pt").samefile(source)
    monkeypatch.chdir(source.parent)
    place.symlink(Path(source.name), library / "deep" / "soft.pt", within=library)
    assert (library / "deep" / "soft.pt").read_bytes() == CONTENT


@pytest.mark.parametrize("number", [errno.EXDEV, errno.EPERM])
def test_a_refused_hard_link_has_a_remedy(
    source: Path, library: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Hard links work only within a drive."""
    monkeypatch.setattr(os, "link", refuse(number))
    with pytest.raises(ModelhubError, match="one drive") as caught:
        place.hard_link(source, library / "x.pt", within=library)
    assert "symbolic" in caught.value.remedy.text


def test_a_symlink_without_the_privilege_has_a_remedy(
    source: Path, library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows lets only some accounts make symbolic links."""

    def refused(*args: object, **kwargs: object) -> None:
        error = OSError("privilege")
        error.winerror = 1314  # type: ignore[attr-defined,unused-ignore]
        raise error

    monkeypatch.setattr(os, "symlink", refused)
    with pytest.raises(ModelhubError, match="symbolic links") as caught:
        place.symlink(source, library / "x.pt", within=library)
    assert "Developer Mode" in caught.value.remedy.text


@pytest.mark.parametrize("way", [place.move, place.copy, place.hard_link])
def test_a_missing_source_is_named(library: Path, way: Callable[..., Placement]) -> None:
    """The message has the path of the missing file."""
    with pytest.raises(NotFoundError, match=r"gone\.pt"):
        way(library / "gone.pt", library / "x" / "new.pt", within=library)


def test_too_little_space_is_reported_before_a_write(tmp_path: Path, library: Path) -> None:
    """A sparse file larger than any disk here cannot be copied."""
    huge = tmp_path / "huge.ckpt"
    with huge.open("wb") as file:
        try:
            file.truncate(15 << 40)
        except OSError:
            pytest.skip("this file system has no file of 15 TB")
    if free_space.free_bytes(library) > 15 << 40:
        pytest.skip("more space than the test expects")
    with pytest.raises(DiskFullError, match=r"Not enough space: 16\.5 TB needed"):
        place.copy(huge, library / "x.ckpt", within=library)
    assert list(library.iterdir()) == []


LIMITED = """
import resource, signal, sys
from pathlib import Path
from modelhub.errors import ModelhubError
from modelhub.storage.place import copy
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    copy(Path(sys.argv[1]), Path(sys.argv[2]) / "x.pt", within=Path(sys.argv[2]))
except ModelhubError as error:
    print(type(error).__name__)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files")
def test_a_disk_that_fills_up_leaves_no_copy(tmp_path: Path, library: Path) -> None:
    """The incomplete copy is removed, the source stays."""
    big = tmp_path / "big.pt"
    big.write_bytes(bytes(3_000_000))
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(big), str(library)], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["DiskFullError"]
    assert list(library.iterdir()) == []
    assert big.stat().st_size == 3_000_000


def test_a_move_between_real_devices_copies_and_removes(tmp_path: Path, source: Path) -> None:
    """It does so on two real file systems."""
    memory = Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is only one file system here")
    folder = memory / f"modelhub-test-{os.getpid()}"
    folder.mkdir()
    try:
        placed = place.move(source, folder / "x.pt", within=folder)
        assert (placed.how, placed.sha256) == ("copied", SHA256)
        assert [path.read_bytes() for path in folder.iterdir()] == [CONTENT]
        assert not source.exists()
    finally:
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()


def pipeline(tmp_path: Path) -> Path:
    """Make a small diffusers folder."""
    folder = tmp_path / "pipeline 国"
    (folder / "unet").mkdir(parents=True)
    (folder / "unet" / "x.safetensors").write_bytes(CONTENT)
    (folder / "model_index.json").write_text("{}")
    return folder


def before_removal(monkeypatch: pytest.MonkeyPatch, action: Callable[[], object]) -> None:
    """Run `action` between the copy and the removal of the source."""

    def late(copies: tuple[CopiedFile, ...], source: Path, target: Path) -> None:
        action()
        remove_copied(copies, source, target)

    monkeypatch.setattr("modelhub.storage.place.remove_copied", late)


@pytest.mark.parametrize("other_device", [False, True])
def test_a_diffusers_folder_moves_as_a_whole(
    tmp_path: Path, library: Path, monkeypatch: pytest.MonkeyPatch, other_device: bool
) -> None:
    """It does not move into an existing folder, not even an empty one."""
    folder = pipeline(tmp_path)
    (library / "taken").mkdir()
    if other_device:
        across(monkeypatch)
    with pytest.raises(TargetExistsError):
        place.move(folder, library / "taken", within=library)
    assert list((library / "taken").iterdir()) == []
    place.move(folder, library / "new", within=library)
    assert (library / "new" / "unet" / "x.safetensors").read_bytes() == CONTENT
    assert (library / "new" / "model_index.json").read_text() == "{}"
    assert not folder.exists()
    assert {path.name for path in library.iterdir()} == {"taken", "new"}


def test_a_folder_that_gets_a_file_while_it_is_moved_keeps_that_file(
    tmp_path: Path, library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only copied files are removed."""
    folder = pipeline(tmp_path)
    across(monkeypatch)
    before_removal(monkeypatch, lambda: (folder / "late.json").write_text("new"))
    with pytest.raises(ModelhubError, match="could not be removed"):
        place.move(folder, library / "new", within=library)
    assert (folder / "late.json").read_text() == "new"
    assert (library / "new" / "unet" / "x.safetensors").read_bytes() == CONTENT


def test_a_file_that_changes_after_it_was_copied_is_not_removed(
    source: Path, library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last change is not lost."""
    across(monkeypatch)
    before_removal(monkeypatch, lambda: source.write_bytes(b"newer"))
    with pytest.raises(ModelhubError, match="was changed meanwhile"):
        place.move(source, library / "x.pt", within=library)
    assert source.read_bytes() == b"newer"
    assert (library / "x.pt").read_bytes() == CONTENT


def test_a_symbolic_link_is_not_moved(source: Path, library: Path) -> None:
    """A relative link, such as those of the Hugging Face cache, would lead nowhere."""
    link = source.parent / "link.pt"
    link.symlink_to(source.name)
    with pytest.raises(ModelhubError, match="is a symbolic link"):
        place.move(link, library / "link.pt", within=library)
    assert link.read_bytes() == CONTENT
    assert list(library.iterdir()) == []


def test_a_folder_where_a_file_is_in_the_way_is_named(source: Path, library: Path) -> None:
    """The folder cannot be made, and the file is not moved."""
    (library / "base").write_bytes(b"")
    with pytest.raises(ModelhubError, match="base"):
        place.move(source, library / "base" / "x.pt", within=library)
    assert source.exists()


def test_a_locked_file_is_retried_and_then_reported(
    source: Path, library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows refuses to move a file that another program holds; a scanner releases it soon, a renderer does not."""
    monkeypatch.setattr("modelhub.storage.durable.WAITS", (0.0, 0.0))
    real, tries = os.link, 0

    def busy(*args: Path) -> None:
        nonlocal tries
        tries += 1
        if tries <= forgiving:
            error = PermissionError(13, "in use")
            error.winerror = 32  # type: ignore[attr-defined,unused-ignore]
            raise error
        real(*args)

    monkeypatch.setattr(rename, "rename_exclusively", lambda source, target: False)
    monkeypatch.setattr(os, "link", busy)
    forgiving = 99
    with pytest.raises(ModelhubError, match="another program is using it"):
        place.move(source, library / "x.pt", within=library)
    assert source.exists()
    tries, forgiving = 0, 2
    place.move(source, library / "x.pt", within=library)
    assert (library / "x.pt").exists()


KILLED = """
import os, sys
from pathlib import Path
from modelhub.storage import copying, place
copying.drop_file_from_cache = lambda path: os._exit(9)
place.copy(Path(sys.argv[1]), Path(sys.argv[2]) / "x.pt", within=Path(sys.argv[2]))
"""


def test_the_leftovers_of_a_killed_copy_are_removed(source: Path, library: Path) -> None:
    """The source is complete, the target has no name yet; only old leftovers of copies are removed."""
    subprocess.run([sys.executable, "-c", KILLED, str(source), str(library)], check=False)
    (left,) = library.iterdir()
    assert source.read_bytes() == CONTENT
    foreign = library / ".modelhub-mine.part"
    foreign.write_bytes(b"")
    folder = library / ".modelhub-0123456789ab.part"
    (folder / "unet").mkdir(parents=True)
    assert place.remove_leftovers(library) == ()
    assert set(place.remove_leftovers(library, older_than=-1)) == {left, folder}
    assert list(library.iterdir()) == [foreign]
    assert place.remove_leftovers(library / "gone") == ()


def test_only_the_spelling_of_a_name_may_change(source: Path) -> None:
    """It works on a file system that ignores case as on others."""
    target = source.with_name(source.name.upper())
    rename.rename_no_replace(source, target)
    assert [path.name for path in source.parent.iterdir()] == [target.name]


def test_moving_a_file_onto_its_hard_link_is_refused(source: Path) -> None:
    """Two hard links are two files for the user."""
    second = source.with_name("second.pt")
    os.link(source, second)
    with pytest.raises(TargetExistsError):
        rename.rename_no_replace(source, second)
    assert source.exists()
    assert second.exists()


def test_moving_a_file_onto_itself_is_refused(source: Path) -> None:
    """The file stays when both names are the same."""
    with pytest.raises(TargetExistsError):
        rename.rename_no_replace(source, source)
    assert source.read_bytes() == CONTENT
