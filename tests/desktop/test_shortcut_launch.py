"""What is run at a click arrives unchanged: scripts by a real shell, entries by the programs that desktops use.

A stub stands for Python and writes down its arguments.
"""

from __future__ import annotations

import json
import os
import plistlib
import shlex
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as Tree
from pathlib import Path

import pytest

from modelhub.desktop.install import install_shortcut
from modelhub.desktop.shortcut import ACTIONS
from tests.desktop.test_shortcut import HOSTILE, NAMES, linux_writer, mac_writer, shortcut

pytestmark = pytest.mark.skipif(os.name != "posix", reason="runs shell scripts")
MODEL = '我的 lora\'s "50%" $HOME `x` \\ *.safetensors'
PATIENCE = 30.0  # seconds until a program that was started in the background counts as not started


class Stub:
    """A program in a folder of hostile name."""

    def __init__(self, folder: Path) -> None:
        self.said = folder / "said"
        self.path = folder / "bin 下载 'a' \"b\" 100% $HOME `x` \\" / "python"
        self.path.parent.mkdir()
        text = f'import json, os, sys\nopen("{self.said}.new", "w").write(json.dumps(sys.argv[1:]))\n'
        self.path.write_text(f'#!{sys.executable}\n{text}os.replace("{self.said}.new", "{self.said}")\n')
        self.path.chmod(0o755)

    @property
    def command(self) -> list[str]:
        """The command of a shortcut."""
        return [str(self.path), "-P", "-m", "modelhub", "--library", "/my models/100% $HOME"]

    def heard(self, *words: str) -> bool:
        """Return whether it was called by a click with these words; waits for it, and forgets."""
        end = time.monotonic() + PATIENCE
        while not self.said.exists() and time.monotonic() < end:
            time.sleep(0.05)
        said = json.loads(self.said.read_text())
        self.said.unlink()
        assert said == [*self.command[1:], "shortcut", "click", "sort-it", *words]
        return True


@pytest.fixture
def stub(tmp_path: Path) -> Stub:
    """In the test's folder."""
    return Stub(tmp_path)


@pytest.fixture
def model(tmp_path: Path) -> str:
    """A file that is dropped."""
    path = tmp_path / MODEL
    path.write_bytes(b"")
    return str(path)


def installed_at(state: Path, tmp_path: Path, stub: Stub, *targets: str, name: str = "Sort it") -> list[Path]:
    """Return everything that was written."""
    made = shortcut(tmp_path, *targets, name=name)
    return [
        Path(path)
        for path in install_shortcut(made, writer=linux_writer(tmp_path), command=stub.command, state=state).paths
    ]


def test_the_installed_launcher_runs_every_action(tmp_path: Path, stub: Stub, model: str) -> None:
    """As the entry calls it: nothing, files, or the option of an action."""
    launcher = installed_at(tmp_path / "state", tmp_path, stub)[0]
    subprocess.run([launcher], check=True)
    assert stub.heard("--")
    subprocess.run([launcher, model, "/b c"], check=True)
    assert stub.heard("--", model, "/b c")
    for option, _ in ACTIONS:
        subprocess.run([launcher, option], check=True)
        assert stub.heard(option, "--")


def test_a_launcher_whose_python_is_gone_says_so(tmp_path: Path, stub: Stub) -> None:
    """By a notification, since there is no terminal; and by its exit code."""
    launcher = installed_at(tmp_path / "state", tmp_path, stub, name=NAMES[2])[0]
    stub.path.unlink()
    told = tmp_path / "told"
    notifier = tmp_path / "notify-send"
    notifier.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > "{told}"\n')
    notifier.chmod(0o755)
    environ = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run([launcher, "/x"], env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 127
    assert told.read_text().splitlines()[:3] == ["-a", "modelhub", NAMES[2]]
    assert f"{stub.path} is gone" in told.read_text()
    assert f"{stub.path} is gone" in done.stderr
    notifier.unlink()
    assert subprocess.run([launcher], env=environ, capture_output=True, check=False).returncode == 127


@pytest.mark.skipif(shutil.which("gio") is None, reason="gio is not installed")
@pytest.mark.parametrize("state", ["state", "of o'neil 下载 & co", '"$HOME" `x` \\', "100%", HOSTILE])
def test_gio_passes_the_dropped_file(tmp_path: Path, stub: Stub, model: str, state: str) -> None:
    """GLib's reading of Exec, which GNOME, Cinnamon and Xfce share; the launcher's own folder is hostile as well."""
    entry = installed_at(tmp_path / state, tmp_path, stub)[-1]
    subprocess.run(["gio", "launch", str(entry), model], check=True, capture_output=True)
    assert stub.heard("--", model)
    subprocess.run(["gio", "launch", str(entry)], check=True, capture_output=True)
    assert stub.heard("--")


@pytest.mark.skipif(shutil.which("dex") is None, reason="dex is not installed")
@pytest.mark.parametrize("state", ["state", "state of o'neil 下载 & co"])
def test_dex_passes_the_dropped_file(tmp_path: Path, stub: Stub, model: str, state: str) -> None:
    """A reading of its own; percent signs in the launcher's path are beyond it."""
    entry = installed_at(tmp_path / state, tmp_path, stub)[-1]
    subprocess.run(["dex", str(entry)], check=True, capture_output=True)
    assert stub.heard("--")


@pytest.mark.skipif(shutil.which("desktop-file-validate") is None, reason="desktop-file-validate is not installed")
@pytest.mark.parametrize("name", NAMES)
def test_the_validator_finds_nothing(tmp_path: Path, stub: Stub, name: str) -> None:
    """Desktop, menu and "Send to"; hostile names and paths."""
    written = installed_at(tmp_path / f"state {HOSTILE}", tmp_path, stub, "desktop", "menu", "sendto", name=name)
    entries = [path for path in written if path.suffix == ".desktop"]
    assert len(entries) == 3
    for entry in entries:
        done = subprocess.run(["desktop-file-validate", str(entry)], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (0, "")


def test_nautilus_passes_selected_paths_by_the_environment(tmp_path: Path, stub: Stub, model: str) -> None:
    """Its arguments are relative; names with spaces and stars stay whole."""
    paths = installed_at(tmp_path / f"state {HOSTILE}", tmp_path, stub, "filemanager")
    script = next(path for path in paths if "nautilus" in path.parts)
    environ = {**os.environ, "NAUTILUS_SCRIPT_SELECTED_FILE_PATHS": f"{model}\n/b * c\n"}
    subprocess.run([script, Path(model).name], check=True, env=environ)
    assert stub.heard("--", model, "/b * c")
    subprocess.run([script], check=True, env={**environ, "NAUTILUS_SCRIPT_SELECTED_FILE_PATHS": ""})
    assert stub.heard("--")


def test_thunars_command_names_the_launcher(tmp_path: Path, stub: Stub, model: str) -> None:
    """Read as GLib's shell parser does after `%` codes were filled in."""
    paths = installed_at(tmp_path / f"state {HOSTILE}", tmp_path, stub, "filemanager")
    command = Tree.fromstring(paths[-1].read_text(encoding="utf-8")).findtext("action/command") or ""
    words = shlex.split(command.removesuffix(" %F").replace("%%", "%"))
    subprocess.run([*words, model], check=True)
    assert stub.heard("--", model)


def test_macos_scripts_pass_what_is_selected(tmp_path: Path, stub: Stub, model: str) -> None:
    """The .command, the applications with their options, and the Quick Action's script."""
    made = shortcut(tmp_path, "desktop", "menu", "filemanager")
    pieces = mac_writer(tmp_path).pieces(made, stub.command, tmp_path / "state")
    scripts = [piece for piece in pieces if piece.executable]
    heard: list[tuple[str, ...]] = [(), (), *((option,) for option, _ in ACTIONS)]
    assert len(scripts) == len(heard)
    for piece, words in zip(scripts, heard, strict=True):
        subprocess.run(["sh", "-c", piece.data.decode()], check=True)
        assert stub.heard(*words)
    flow = plistlib.loads(next(piece.data for piece in pieces if piece.place.endswith(".wflow")))
    script = flow["actions"][0]["action"]["ActionParameters"]["COMMAND_STRING"]
    subprocess.run(["sh", "-c", script, "-", model, "-x"], check=True)
    assert stub.heard("--", model, "-x")
