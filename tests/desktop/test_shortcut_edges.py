"""Shortcuts where things are not as usual: taken names, odd paths, files that a person has edited, broken drives."""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from modelhub.desktop import linux, registry, windows
from modelhub.desktop.install import MANIFEST, find_shortcut, install_shortcut, installed_shortcuts, remove_shortcut
from modelhub.desktop.shortcut import Piece, PlatformWriter
from modelhub.desktop.trusted_files import requires_trust
from modelhub.errors import ModelhubError, UsageError
from tests.desktop.test_shortcut import WRITERS, FakeRegistry, linux_writer, shortcut, windows_writer, written

posix_only = pytest.mark.skipif(os.name != "posix", reason="links and bytes in names as POSIX has them")
THUNAR = Path("home", "config", "Thunar", "uca.xml")


def put(
    tmp_path: Path, *targets: str, id_: str = "sort-it", name: str = "Sort it", writer: PlatformWriter
) -> tuple[str, ...]:
    """Install one; where its pieces are."""
    made = shortcut(tmp_path, *targets, id_=id_, name=name)
    return install_shortcut(made, writer=writer, command=["python"], state=tmp_path / "state").paths


def take(tmp_path: Path, word: str, writer: PlatformWriter) -> tuple[str, ...]:
    """Remove one; what was kept."""
    return remove_shortcut(word, state=tmp_path / "state", writer=writer).kept


@pytest.mark.parametrize("platform", WRITERS)
def test_a_second_shortcut_of_the_same_name_gets_a_number(tmp_path: Path, platform: str) -> None:
    """Both are there, told apart by name, and each takes away its own."""
    writer = WRITERS[platform](tmp_path)
    first = put(tmp_path, *sorted(writer.targets), id_="one", writer=writer)
    second = put(tmp_path, *sorted(writer.targets), id_="two", writer=writer)
    assert [one.name for one in installed_shortcuts(tmp_path / "state")] == ["Sort it", "Sort it (2)"]
    assert find_shortcut("Sort it (2)", tmp_path / "state").id == "two"
    assert take(tmp_path, "Sort it", writer) == ()
    left = {path for path in second if Path(path).exists()}
    assert left == {path for path in second if not path.startswith("Software")}
    assert not {path for path in first if Path(path).exists()} - left
    assert take(tmp_path, "two", writer) == ()


def test_two_icons_never_look_the_same(tmp_path: Path) -> None:
    """Files on Linux are called by the id; what is shown gets the number nevertheless."""
    writer = linux_writer(tmp_path)
    put(tmp_path, id_="one", writer=writer)
    second = put(tmp_path, id_="two", writer=writer)
    assert "\nName=Sort it (2)\n" in Path(second[-1]).read_text()


@pytest.mark.parametrize("platform", WRITERS)
def test_a_name_of_any_length_fits(tmp_path: Path, platform: str) -> None:
    """File systems allow 255 bytes."""
    writer = WRITERS[platform](tmp_path)
    paths = put(tmp_path, *sorted(writer.targets), name="整" * 300, writer=writer)
    assert max(len(part.encode()) for path in paths for part in Path(path).parts if "\\" not in part) <= 255
    assert take(tmp_path, "sort-it", writer) == ()


@pytest.mark.parametrize("platform", WRITERS)
def test_a_name_of_separators_alone_is_a_file_in_its_folder(tmp_path: Path, platform: str) -> None:
    """Nothing climbs out of the desktop's folder."""
    writer = WRITERS[platform](tmp_path)
    usual = writer.pieces(shortcut(tmp_path, *sorted(writer.targets)), ["python"], tmp_path)
    hostile = writer.pieces(shortcut(tmp_path, *sorted(writer.targets), name="../../.."), ["python"], tmp_path)
    assert [
        Path(piece.place).parent for piece in hostile if ".app" not in piece.place and ".work" not in piece.place
    ] == [Path(piece.place).parent for piece in usual if ".app" not in piece.place and ".work" not in piece.place]
    assert not any(".." in Path(piece.place).parts for piece in hostile)


@posix_only
def test_a_folder_whose_name_is_no_text_is_kept_in_the_manifest(tmp_path: Path) -> None:
    """Names are bytes on Linux; the entry itself stays valid UTF-8."""
    writer = linux_writer(tmp_path)
    made = replace(shortcut(tmp_path), folder=Path(os.fsdecode(b"/models/\xff\xfe")))
    done = install_shortcut(made, writer=writer, command=["python"], state=tmp_path / "state")
    assert installed_shortcuts(tmp_path / "state") == (made,)
    assert "/models/" in Path(done.paths[-1]).read_text(encoding="utf-8")


@posix_only
def test_a_state_folder_that_is_no_text_is_refused_where_xml_must_name_it(tmp_path: Path) -> None:
    """Thunar's file is UTF-8; broken bytes would cost the person all actions."""
    state = tmp_path / os.fsdecode(b"\xff")
    made = shortcut(tmp_path, "filemanager")
    with pytest.raises(UsageError, match="cannot hold the name"):
        install_shortcut(made, writer=linux_writer(tmp_path), command=["python"], state=state)
    assert written(tmp_path) == {}


def test_a_manifest_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    """It may hold what this one would lose."""
    (tmp_path / MANIFEST).write_text('{"version": 2, "shortcuts": []}')
    with pytest.raises(ModelhubError, match="newer"):
        install_shortcut(shortcut(tmp_path), writer=linux_writer(tmp_path), command=["python"], state=tmp_path)
    assert json.loads((tmp_path / MANIFEST).read_text())["version"] == 2


def test_a_folder_in_the_place_of_a_file_is_kept(tmp_path: Path) -> None:
    """And the shortcut can be forgotten nevertheless."""
    writer = linux_writer(tmp_path)
    place = put(tmp_path, writer=writer)[-1]
    Path(place).unlink()
    Path(place).mkdir()
    assert take(tmp_path, "sort-it", writer) == (place,)
    assert installed_shortcuts(tmp_path / "state") == ()


def test_shared_files_written_anew_by_a_newer_version_still_go_with_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The older shortcut learns the new digest."""
    writer = linux_writer(tmp_path)
    put(tmp_path, id_="old", writer=writer)
    monkeypatch.setattr(linux, "icon_data", lambda: b"<svg/>")
    put(tmp_path, id_="new", name="New", writer=writer)
    assert take(tmp_path, "new", writer) == ()
    assert (tmp_path / "state" / "shortcuts" / "modelhub.svg").read_bytes() == b"<svg/>"
    assert take(tmp_path, "old", writer) == ()
    assert written(tmp_path) == {}


class Full(FakeRegistry):
    """A registry that takes only so many keys."""

    def write(self, key: str, value: str) -> None:
        if len(self.keys) == 5:
            raise PermissionError(errno.EACCES, "not allowed")
        super().write(key, value)


def test_keys_are_taken_back_from_the_inside_out(tmp_path: Path) -> None:
    """A key with another below it cannot be deleted."""
    full = Full()
    writer = windows_writer(tmp_path, full)
    with pytest.raises(ModelhubError, match="not allowed"):
        put(tmp_path, "desktop", "filemanager", writer=writer)
    assert full.keys == {}
    assert written(tmp_path) == {}
    assert installed_shortcuts(tmp_path / "state") == ()


def test_a_changed_command_keeps_the_key_above_it(tmp_path: Path) -> None:
    """What is below a key cannot stay without it."""
    keys = FakeRegistry()
    writer = windows_writer(tmp_path, keys)
    put(tmp_path, "filemanager", writer=writer)
    key = r"Software\Classes\Directory\shell\modelhub.sort-it"
    keys.keys[key + r"\command"] = "mine"
    assert set(take(tmp_path, "sort-it", writer)) == {key, key + r"\command"}
    assert set(keys.keys) == {key, key + r"\command"}


class FakeWinreg:
    """The functions of `winreg` that are used, with its manners: keys with sub-keys cannot be deleted."""

    HKEY_CURRENT_USER = 1
    REG_SZ = 1

    def __init__(self) -> None:
        self.keys: dict[str, str | None] = {}

    @contextmanager
    def OpenKey(self, root: int, key: str) -> Iterator[str]:  # noqa: N802
        if key not in self.keys:
            raise FileNotFoundError(key)
        yield key

    def CreateKey(self, root: int, key: str) -> object:  # noqa: N802
        parts = key.split("\\")
        for end in range(1, len(parts) + 1):
            self.keys.setdefault("\\".join(parts[:end]), None)
        return self.OpenKey(root, key)

    def SetValueEx(self, key: str, name: str, reserved: int, kind: int, value: str) -> None:  # noqa: N802
        assert (name, kind) == ("", self.REG_SZ)
        self.keys[key] = value

    def QueryValueEx(self, key: str, name: str) -> tuple[str, int]:  # noqa: N802
        value = self.keys[key]
        if value is None:
            raise FileNotFoundError(key)
        return value, self.REG_SZ

    def below(self, key: str) -> int:
        return sum(other.startswith(key + "\\") for other in self.keys)

    def QueryInfoKey(self, key: str) -> tuple[int, int, int]:  # noqa: N802
        return self.below(key), int(self.keys[key] is not None), 0

    def DeleteKey(self, root: int, key: str) -> None:  # noqa: N802
        if self.below(key):
            raise PermissionError(key)
        del self.keys[key]


def test_the_registry_is_left_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Empty parents go, up to Classes; those with entries or values of others stay."""
    fake = FakeWinreg()
    foreign = r"Software\Classes\Directory\shell\other\command"
    fake.CreateKey(1, foreign)
    fake.SetValueEx(foreign, "", 0, fake.REG_SZ, "other.exe")
    verb = r"Software\Classes\SystemFileAssociations\.pt\shell"
    fake.CreateKey(1, verb)
    fake.SetValueEx(verb, "", 0, fake.REG_SZ, "open")  # what a double click does; nothing below it
    before = dict(fake.keys)
    monkeypatch.setitem(sys.modules, "winreg", fake)
    places = windows.WindowsFolders(desktop=tmp_path, menu=tmp_path, send_to=tmp_path)
    writer = windows.WindowsWriter(places, registry=registry.UserRegistry(), run=lambda script: None)
    put(tmp_path, "filemanager", writer=writer)
    assert fake.keys[r"Software\Classes\SystemFileAssociations\.ckpt\shell\modelhub.sort-it"] == "Sort it"
    assert take(tmp_path, "sort-it", writer) == ()
    assert fake.keys == before


def test_our_folder_of_the_start_menu_goes_with_the_last_link(tmp_path: Path) -> None:
    """Not while another shortcut has links in it."""
    writer = windows_writer(tmp_path)
    menu = tmp_path / "Programs" / "modelhub"
    writer.places = replace(writer.places, menu=menu)
    put(tmp_path, "menu", id_="one", writer=writer)
    put(tmp_path, "menu", id_="two", writer=writer)
    take(tmp_path, "one", writer)
    assert len(list(menu.iterdir())) == 4
    take(tmp_path, "two", writer)
    assert not menu.exists()
    assert menu.parent.exists()


@posix_only
def test_thunars_file_stays_a_link_into_dotfiles(tmp_path: Path) -> None:
    """With the permissions that it has."""
    writer = linux_writer(tmp_path)
    real = tmp_path / "dotfiles.xml"
    real.write_text("<actions>\n</actions>\n")
    real.chmod(0o600)
    (tmp_path / THUNAR).parent.mkdir(parents=True)
    (tmp_path / THUNAR).symlink_to(real)
    put(tmp_path, "filemanager", writer=writer)
    assert (tmp_path / THUNAR).is_symlink()
    assert "modelhub-sort-it" in real.read_text()
    assert real.stat().st_mode & 0o777 == 0o600
    assert take(tmp_path, "sort-it", writer) == ()
    assert real.read_text() == "<actions>\n</actions>\n"


def test_the_backup_is_of_the_file_without_ours(tmp_path: Path) -> None:
    """One that was made by the first shortcut needs none."""
    writer = linux_writer(tmp_path)
    backup = (tmp_path / THUNAR).with_name("uca.xml.before-modelhub")
    put(tmp_path, "filemanager", id_="one", writer=writer)
    put(tmp_path, "filemanager", id_="two", writer=writer)
    assert not backup.exists()
    take(tmp_path, "one", writer)
    take(tmp_path, "two", writer)
    put(tmp_path, "filemanager", id_="three", writer=writer)
    assert "modelhub" not in backup.read_text()


def test_an_action_that_somebody_broke_by_hand_is_kept(tmp_path: Path) -> None:
    """No XML any more; the rest of the shortcut goes."""
    writer = linux_writer(tmp_path)
    put(tmp_path, "filemanager", writer=writer)
    file = tmp_path / THUNAR
    file.write_text(file.read_text().replace("</name>", "</nam>"))
    assert take(tmp_path, "sort-it", writer) == (f"our entry in {file}",)
    assert "modelhub-sort-it" in file.read_text()


def test_a_comment_that_mentions_an_action_survives(tmp_path: Path) -> None:
    """Ours begins at its own tag."""
    writer = linux_writer(tmp_path)
    file = tmp_path / THUNAR
    file.parent.mkdir(parents=True)
    text = "<actions>\n<!-- an <action> of mine -->\n</actions>\n"
    file.write_text(text)
    put(tmp_path, "filemanager", writer=writer)
    assert take(tmp_path, "sort-it", writer) == ()
    assert file.read_text() == text


def test_an_action_of_a_lost_manifest_is_explained(tmp_path: Path) -> None:
    """The remedy is never to move Thunar's whole file away."""
    writer = linux_writer(tmp_path)
    for path in put(tmp_path, "filemanager", writer=writer):
        if not path.endswith("uca.xml"):
            Path(path).unlink()
    (tmp_path / "state" / MANIFEST).unlink()
    with pytest.raises(ModelhubError, match="already has an action") as caught:
        put(tmp_path, "filemanager", writer=writer)
    assert "Thunar" in caught.value.remedy.text


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ('XDG_DESKTOP_DIR="$HOME"', "/home/li"),
        ('XDG_DESKTOP_DIR="$HOME/"', "/home/li"),
        ('XDG_DESKTOP_DIR="/data/desk top"', "/data/desk top"),
        (r'XDG_DESKTOP_DIR="$HOME/a\"b\$c"', '/home/li/a"b$c'),
        ('#XDG_DESKTOP_DIR="$HOME/x"', "/home/li/Desktop"),
    ],
)
def test_every_way_to_name_the_desktop_is_understood(tmp_path: Path, line: str, place: str) -> None:
    """xdg-user-dirs: absolute, or below $HOME; the home folder itself means that there is no desktop's folder."""
    (tmp_path / "user-dirs.dirs").write_text(f"{line}\n")
    assert linux.LinuxFolders.of({"HOME": "/home/li", "XDG_CONFIG_HOME": str(tmp_path)}).desktop == Path(place)


def test_a_note_tells_of_an_icon_without_the_mark_of_trust(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On desktops that ask, or might; without `gio` there is no mark."""
    monkeypatch.setenv("PATH", str(tmp_path))
    for number, (session, expected) in enumerate({"ubuntu:GNOME": 1, "XFCE": 1, "": 1, "KDE": 0, "LXQt": 0}.items()):
        assert requires_trust(session) == bool(expected)
        writer = linux.LinuxWriter(linux_writer(tmp_path).places, session=session)
        made = shortcut(tmp_path, id_=f"s{number}", name=f"S{number}")
        done = install_shortcut(made, writer=writer, command=["python"], state=tmp_path / "state")
        assert len(done.notes) == expected


@pytest.mark.parametrize("platform", WRITERS)
def test_a_drive_that_may_not_be_written_is_named(tmp_path: Path, platform: str) -> None:
    """Whichever piece fails, nothing is left."""
    writer = WRITERS[platform](tmp_path)
    made = shortcut(tmp_path, *sorted(writer.targets))
    pieces = writer.pieces(made, ["python"], tmp_path / "state")
    handlers = writer.handlers
    for failing in pieces:
        writer.handlers = {kind: refusing(handler, failing) for kind, handler in handlers.items()}
        with pytest.raises(ModelhubError, match="cannot be written: Read-only") as caught:
            install_shortcut(made, writer=writer, command=["python"], state=tmp_path / "state")
        assert failing.place in caught.value.message
        assert installed_shortcuts(tmp_path / "state") == ()
        assert not [piece.place for piece in pieces if handlers[piece.kind].digest(piece.place, made.id)]


def refusing(handler: object, failing: Piece) -> SimpleNamespace:
    """Return a handler for which one place is read-only."""

    def write(piece: Piece, mark: str) -> str:
        if piece.place == failing.place and piece.kind == failing.kind:
            raise OSError(errno.EROFS, "Read-only file system")
        return str(handler.write(piece, mark))  # type: ignore[attr-defined]

    return SimpleNamespace(
        digest=handler.digest,  # type: ignore[attr-defined]
        planned=handler.planned,  # type: ignore[attr-defined]
        remove=handler.remove,  # type: ignore[attr-defined]
        write=write,
    )
