"""What a shortcut consists of on each platform, and that installing and removing it loses nothing."""

from __future__ import annotations

import base64
import configparser
import json
import os
import plistlib
import shlex
import subprocess
import sys
import xml.etree.ElementTree as Tree
from collections.abc import Callable
from pathlib import Path, PureWindowsPath

import pytest

from modelhub.desktop import linux, macos, windows
from modelhub.desktop.install import (
    MANIFEST,
    find_shortcut,
    install_shortcut,
    installed_shortcuts,
    remove_shortcut,
    writer_for,
)
from modelhub.desktop.shortcut import Piece, PlatformWriter, Shortcut
from modelhub.errors import ModelhubError, NotFoundError, UsageError

NAMES = ["Sort Downloads", "整理 模型", "a \"b\" 'c' 100% $HOME `x` \\n &<>", "two\nlines\t; x=y"]
HOSTILE = 'o\'neil "100%" $HOME `x` \\ 下载 & co;'


class FakeRegistry:
    """The registry as a dictionary."""

    def __init__(self) -> None:
        self.keys: dict[str, str] = {}

    def read(self, key: str) -> str | None:
        return self.keys.get(key)

    def write(self, key: str, value: str) -> None:
        self.keys[key] = value

    def delete(self, key: str) -> None:
        if any(other.startswith(key + "\\") for other in self.keys):
            raise OSError("the key has sub-keys")
        del self.keys[key]


def shortcut(tmp_path: Path, *targets: str, name: str = "Sort it", id_: str = "sort-it") -> Shortcut:
    """Return a shortcut with folders of hostile names."""
    return Shortcut(
        id=id_,
        name=name,
        folder=tmp_path / HOSTILE,
        layout="comfyui",
        into=tmp_path / "UI",
        targets=targets or ("desktop",),
    )


def linux_writer(tmp_path: Path) -> linux.LinuxWriter:
    """Return a writer in a home of its own."""
    home = tmp_path / "home"
    places = linux.LinuxFolders(
        desktop=home / "Desktop", data=home / "share", config=home / "config", system=tmp_path / "etc"
    )
    return linux.LinuxWriter(places)


def windows_writer(tmp_path: Path, registry: FakeRegistry | None = None) -> windows.WindowsWriter:
    """Return a writer with a script runner that writes its input instead of a link."""

    def run(script: str) -> None:
        place = script.split("CreateShortcut('", 1)[1].split("')\n", 1)[0].replace("''", "'")
        Path(place).write_text(script, encoding="utf-8")

    places = windows.WindowsFolders(desktop=tmp_path / "Desktop", menu=tmp_path / "menu", send_to=tmp_path / "SendTo")
    return windows.WindowsWriter(places, registry=registry or FakeRegistry(), run=run)


def mac_writer(tmp_path: Path) -> macos.MacWriter:
    """Return a writer in a home of its own."""
    return macos.MacWriter(macos.MacFolders(home=tmp_path / "home"))


WRITERS: dict[str, Callable[[Path], PlatformWriter]] = {
    "linux": linux_writer,
    "windows": windows_writer,
    "macos": mac_writer,
}


def written(tmp_path: Path) -> dict[str, bytes]:
    """List every file below a folder but the manifest and its lock."""
    return {
        path.relative_to(tmp_path).as_posix(): path.read_bytes()
        for path in sorted(tmp_path.rglob("*"))
        if path.is_file() and "state/shortcuts.json" not in path.as_posix() and not path.name.endswith(".lock")
    }


@pytest.mark.parametrize("platform", WRITERS)
@pytest.mark.parametrize("name", NAMES)
def test_install_then_remove_leaves_nothing(tmp_path: Path, platform: str, name: str) -> None:
    """On every platform, for every target and any name."""
    writer = WRITERS[platform](tmp_path)
    state = tmp_path / "state"
    made = shortcut(tmp_path, *sorted(writer.targets), name=name)
    done = install_shortcut(made, writer=writer, command=["python", "-m", "modelhub"], state=state)
    assert installed_shortcuts(state) == (made,)
    assert find_shortcut(name, state) == made
    assert len(done.paths) >= len(writer.targets)
    taken = remove_shortcut(made.id, state=state, writer=writer)
    assert taken.kept == ()
    assert len(taken.removed) == len(done.paths)
    assert installed_shortcuts(state) == ()
    # the desktop's own databases, and the user's file that holds no action of ours any more
    databases = ("/uca.xml", "/share/mime/", "/mimeinfo.cache")
    left = {place for place in written(tmp_path) if not any(word in place for word in databases)}
    assert left == set()


@pytest.mark.parametrize("platform", WRITERS)
def test_remove_keeps_what_was_changed_since(tmp_path: Path, platform: str) -> None:
    """A file that the person has edited is theirs."""
    writer = WRITERS[platform](tmp_path)
    made = shortcut(tmp_path)
    done = install_shortcut(made, writer=writer, command=["python"], state=tmp_path / "state")
    edited = Path(done.paths[-1])
    edited.write_text("mine")
    taken = remove_shortcut(made.id, state=tmp_path / "state", writer=writer)
    assert taken.kept == (str(edited),)
    assert edited.read_text() == "mine"


@pytest.mark.parametrize("platform", WRITERS)
def test_a_foreign_file_is_never_overwritten(tmp_path: Path, platform: str) -> None:
    """Where files are called by the shortcut's name, it gets a number; else nothing at all is written."""
    writer = WRITERS[platform](tmp_path)
    made = shortcut(tmp_path)
    place = Path(writer.pieces(made, ["python"], tmp_path / "state")[-1].place)
    place.parent.mkdir(parents=True)
    place.write_text("mine")
    if platform == "linux":
        with pytest.raises(ModelhubError, match="exists already"):
            install_shortcut(made, writer=writer, command=["python"], state=tmp_path / "state")
        assert list(written(tmp_path).values()) == [b"mine"]
        assert installed_shortcuts(tmp_path / "state") == ()
        return
    done = install_shortcut(made, writer=writer, command=["python"], state=tmp_path / "state")
    assert [Path(path).stem for path in done.paths] == ["Sort it (2)"]
    assert any("Sort it (2)" in note for note in done.notes)
    assert find_shortcut("Sort it (2)", tmp_path / "state").id == made.id
    assert place.read_text() == "mine"


def test_what_was_written_is_taken_back_when_a_later_piece_fails(tmp_path: Path) -> None:
    """A file where a folder is needed."""
    writer = linux_writer(tmp_path)
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "Desktop").write_text("not a folder")
    with pytest.raises(ModelhubError, match="cannot be written") as caught:
        install_shortcut(shortcut(tmp_path), writer=writer, command=["python"], state=tmp_path / "state")
    assert "Desktop" in caught.value.message
    assert list(written(tmp_path)) == ["home/Desktop"]
    assert installed_shortcuts(tmp_path / "state") == ()


@pytest.mark.parametrize("platform", WRITERS)
def test_what_a_killed_installation_wrote_can_be_removed(tmp_path: Path, platform: str) -> None:
    """Killed right after the first piece: the manifest knew its digest before. Only a link's is known afterwards."""
    writer = WRITERS[platform](tmp_path)
    state = tmp_path / "state"
    first = writer.pieces(shortcut(tmp_path, *sorted(writer.targets)), ["python"], state)[0]
    keeper = writer.handlers[first.kind]

    class Killed(BaseException):
        pass

    class Dying:
        digest, planned, remove_shortcut = keeper.digest, keeper.planned, keeper.remove

        def write(self, piece: Piece, mark: str) -> str:
            keeper.write(piece, mark)
            raise Killed

    writer.handlers = {**writer.handlers, first.kind: Dying()}
    with pytest.raises(Killed):
        install_shortcut(shortcut(tmp_path, *sorted(writer.targets)), writer=writer, command=["python"], state=state)
    assert [one.id for one in installed_shortcuts(state)] == ["sort-it"]
    assert Path(first.place).exists()
    taken = remove_shortcut("sort-it", state=state, writer=WRITERS[platform](tmp_path))
    assert (taken.kept if first.kind == "link" else taken.removed) == (first.place,)
    assert installed_shortcuts(state) == ()


def test_shared_files_go_with_the_last_shortcut(tmp_path: Path) -> None:
    """The MIME package and the icon serve all of them."""
    writer = linux_writer(tmp_path)
    state = tmp_path / "state"
    for number in (1, 2):
        install_shortcut(shortcut(tmp_path, "menu", id_=f"s{number}"), writer=writer, command=["python"], state=state)
    package = tmp_path / "home" / "share" / "mime" / "packages" / "modelhub.xml"
    remove_shortcut("s1", state=state, writer=writer)
    assert package.exists()
    remove_shortcut("s2", state=state, writer=writer)
    assert not package.exists()


def test_two_of_one_id_and_unknown_ones_are_refused(tmp_path: Path) -> None:
    """With the ids that there are."""
    writer = linux_writer(tmp_path)
    install_shortcut(shortcut(tmp_path), writer=writer, command=["python"], state=tmp_path / "state")
    with pytest.raises(UsageError, match="already"):
        install_shortcut(shortcut(tmp_path), writer=writer, command=["python"], state=tmp_path / "state")
    with pytest.raises(NotFoundError) as caught:
        find_shortcut("other", tmp_path / "state")
    assert "sort-it" in caught.value.remedy.text


@pytest.mark.parametrize("text", ["{", "[]", '{"shortcuts": [{"id": 1}]}', "\x00"])
def test_a_broken_manifest_is_named(tmp_path: Path, text: str) -> None:
    """And not overwritten."""
    (tmp_path / MANIFEST).write_text(text)
    with pytest.raises(ModelhubError, match="cannot be read") as caught:
        installed_shortcuts(tmp_path)
    assert MANIFEST in caught.value.message
    assert (tmp_path / MANIFEST).read_text() == text


@pytest.mark.skipif(os.name != "posix", reason="runs a shell script")
def test_the_launcher_passes_every_file_name_unchanged(tmp_path: Path) -> None:
    """Run by a real shell: spaces, quotes, percent and dollar signs, backslashes, Chinese, a name like an option."""
    said = tmp_path / "said"
    program = tmp_path / HOSTILE.replace("/", "")
    program.write_text(
        f'#!{sys.executable}\nimport sys, json\nopen({str(said)!r}, "w").write(json.dumps(sys.argv[1:]))\n'
    )
    program.chmod(0o755)
    script = tmp_path / "launch.sh"
    script.write_text(linux.launcher_script(shortcut(tmp_path), [str(program), "-m", "x"]))
    files = [HOSTILE, "--undo", " ", "a\nb", "*"]
    subprocess.run(["sh", str(script), "/first", *files], check=True)
    assert json.loads(said.read_text()) == ["-m", "x", "shortcut", "click", "sort-it", "--", "/first", *files]
    subprocess.run(["sh", str(script), "--dry-run"], check=True)
    assert json.loads(said.read_text()) == ["-m", "x", "shortcut", "click", "sort-it", "--dry-run", "--"]


@pytest.mark.parametrize("name", NAMES)
def test_desktop_entries_cannot_be_broken_by_a_name(tmp_path: Path, name: str) -> None:
    """One line each, and no key that a name has brought in."""
    made = shortcut(tmp_path, name=name)
    parser = configparser.RawConfigParser()
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(linux.desktop_entry(made, Path("/a b/100%/x.sh"), Path("/i.svg")))
    entry = parser["Desktop Entry"]
    assert entry["Version"] == "1.4"
    assert entry["Exec"] == '/bin/sh "/a b/100%%/x.sh" %F'
    assert entry["Name"].replace("\\\\", "\\") == " ".join(name.split())
    assert [parser[f"Desktop Action {key}"]["Name"] for key in entry["Actions"].strip(";").split(";")] == [
        "Dry run",
        "Undo last",
        "Open report",
    ]
    assert "inode/directory" not in linux.desktop_entry(made, Path("/x"), Path("/i"), mime=linux.MIME_TYPES)


def test_the_desktop_folder_is_where_the_person_has_it(tmp_path: Path) -> None:
    """user-dirs.dirs, as xdg-user-dirs writes it in any language."""
    (tmp_path / "user-dirs.dirs").write_text('# x\nXDG_DESKTOP_DIR="$HOME/桌面"\n', encoding="utf-8")
    environ = {"HOME": "/home/li", "XDG_CONFIG_HOME": str(tmp_path)}
    assert linux.LinuxFolders.of(environ).desktop == Path("/home/li/桌面")
    assert linux.LinuxFolders.of({"HOME": "/home/li"}).desktop == Path("/home/li/Desktop")


def test_thunars_other_actions_survive(tmp_path: Path) -> None:
    """Their order, comments and text; a backup is made; Thunar's rewriting of our entry does not make it foreign."""
    writer = linux_writer(tmp_path)
    file = tmp_path / "home" / "config" / "Thunar" / "uca.xml"
    file.parent.mkdir(parents=True)
    mine = "<action><name>Mine &amp; &lt;you&gt;</name><unique-id>1-1</unique-id><command>x %f</command></action>"
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<!-- keep -->\n<actions>\n{mine}\n</actions>\n'
    file.write_text(text)
    made = shortcut(tmp_path, "filemanager", name=NAMES[2])
    install_shortcut(made, writer=writer, command=["python"], state=tmp_path / "state")
    assert file.with_name("uca.xml.before-modelhub").read_text() == text
    actions = Tree.fromstring(file.read_text()).findall("action")
    assert [action.findtext("unique-id") for action in actions] == ["1-1", "modelhub-sort-it"]
    assert actions[1].findtext("name") == NAMES[2]
    rewritten = file.read_text().replace("\t", "    ").replace("<other-files/>", "<range>*</range><other-files/>")
    file.write_text(rewritten)
    assert remove_shortcut(made.id, state=tmp_path / "state", writer=writer).kept == ()
    assert [a.findtext("unique-id") for a in Tree.fromstring(file.read_text()).findall("action")] == ["1-1"]
    assert "<!-- keep -->" in file.read_text()


def test_the_actions_that_the_system_gives_thunar_are_kept(tmp_path: Path) -> None:
    """The user's file would hide them."""
    system = tmp_path / "etc" / "Thunar" / "uca.xml"
    system.parent.mkdir(parents=True)
    system.write_text("<actions>\n<action><name>Open Terminal Here</name></action>\n</actions>\n")
    install_shortcut(
        shortcut(tmp_path, "filemanager"), writer=linux_writer(tmp_path), command=["python"], state=tmp_path / "state"
    )
    text = (tmp_path / "home" / "config" / "Thunar" / "uca.xml").read_text()
    assert "Open Terminal Here" in text
    assert "modelhub-sort-it" in text


def test_a_file_that_is_not_thunars_is_left_alone(tmp_path: Path) -> None:
    """With an error that names it."""
    file = tmp_path / "home" / "config" / "Thunar" / "uca.xml"
    file.parent.mkdir(parents=True)
    file.write_text("<actions><action></actions>")
    with pytest.raises(ModelhubError, match=r"uca\.xml is not the XML"):
        install_shortcut(
            shortcut(tmp_path, "filemanager"),
            writer=linux_writer(tmp_path),
            command=["python"],
            state=tmp_path / "state",
        )
    assert list(written(tmp_path)) == ["home/config/Thunar/uca.xml"]


def test_windows_links_quote_every_word(tmp_path: Path) -> None:
    """PowerShell strings in single quotes, one for each property; arguments as Windows splits them."""
    made = shortcut(tmp_path, "desktop", "sendto", name="整理 'it' ’s 100%")
    command = [r"C:\Program Files\Python\python.exe", "-m", "modelhub", "--library", r"D:\my models"]
    pieces = windows_writer(tmp_path).pieces(made, command, tmp_path)
    assert [Path(piece.place).parent.name for piece in pieces] == ["Desktop", "SendTo"]
    said = json.loads(pieces[0].data)
    assert said["target"] == command[0]
    assert said["arguments"] == r'-m modelhub --library "D:\my models" shortcut click sort-it'
    script = windows.link_script(r"C:\Users\o'neil\x ’y.lnk", said)
    assert r"CreateShortcut('C:\Users\o''neil\x ’’y.lnk')" in script
    assert base64.b64decode(windows.encode_script(script)).decode("utf-16-le") == script


def test_windows_keys_are_of_this_user_and_double_percent_signs(tmp_path: Path) -> None:
    """For each suffix of models, for folders, and for the folder that is shown."""
    registry = FakeRegistry()
    writer = windows_writer(tmp_path, registry)
    made = shortcut(tmp_path, "filemanager")
    install_shortcut(made, writer=writer, command=[r"C:\100%\python.exe"], state=tmp_path / "state")
    key = r"Software\Classes\SystemFileAssociations\.safetensors\shell\modelhub.sort-it"
    assert registry.keys[key] == "Sort it"
    assert registry.keys[key + r"\command"] == r'C:\100%%\python.exe shortcut click sort-it -- "%1"'
    background = r"Software\Classes\Directory\Background\shell\modelhub.sort-it\command"
    assert registry.keys[background].endswith(r'-- "%V\."')
    registry.keys[key] = "changed by somebody"
    assert remove_shortcut(made.id, state=tmp_path / "state", writer=writer).kept == (key,)
    assert list(registry.keys) == [key]


def test_windows_runs_without_a_console_where_it_can(tmp_path: Path) -> None:
    """pythonw.exe, if it is beside python.exe."""
    assert windows.without_console(["/opt/python", "-m"]) == ["/opt/python", "-m"]
    assert windows.without_console([r"C:\no such\python.exe"]) == [r"C:\no such\python.exe"]
    assert PureWindowsPath(windows.without_console([r"C:\no such\python.exe"])[0]).name == "python.exe"


@pytest.mark.parametrize("name", NAMES)
def test_macos_bundles_are_valid_property_lists(tmp_path: Path, name: str) -> None:
    """The Quick Action passes what is selected as arguments."""
    made = shortcut(tmp_path, "desktop", "menu", "filemanager", name=name)
    command = ["/opt/my python/bin/python", "-m", "modelhub"]
    pieces = {Path(piece.place).name: piece for piece in mac_writer(tmp_path).pieces(made, command, tmp_path)}
    info = plistlib.loads(pieces["Info.plist"].data)
    assert info["NSServices"][0]["NSMenuItem"]["default"] == " ".join(name.split())
    flow = plistlib.loads(pieces["document.wflow"].data)
    parameters = flow["actions"][0]["action"]["ActionParameters"]
    assert parameters["inputMethod"] == 1
    words = shlex.split(parameters["COMMAND_STRING"])
    assert words == ["exec", *command, "shortcut", "click", "sort-it", "--", "$@"]
    assert pieces["modelhub-sort"].executable


def test_each_platform_has_its_writer() -> None:
    """By Python's name of the platform."""
    names = {platform: writer_for(platform).name for platform in ("linux", "freebsd14", "win32", "darwin")}
    assert names == {"linux": "Linux", "freebsd14": "Linux", "win32": "Windows", "darwin": "macOS"}
