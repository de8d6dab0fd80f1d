"""A shortcut at work on a real desktop: X server, session bus, window manager, two file managers, a mouse.

Needs Debian's packages of `.ci/packages`; skipped where they are not installed.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from markupsafe import escape

from modelhub.testing.files import adapters, safetensors_file
from tests.desktop.screen import Screen, Spot, missing, wait_for

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="a desktop under X"),
    pytest.mark.skipif(bool(missing()), reason=f"not installed: {', '.join(missing())}"),
]
BLUE = (74, 144, 217)  # of the icon's front
MODEL = "我的 lora's 50%.safetensors"


class Home:
    """A screen with a shortcut for a folder of hostile name, and models in it."""

    def __init__(self, screen: Screen) -> None:
        self.screen = screen
        self.downloads = screen.home / '下载 & "100%"'
        self.ui = screen.home / "o'neil $UI"
        self.model = self.make(self.downloads / MODEL)
        self.other = self.make(self.downloads / "other one.safetensors", seed=2)
        self.ui.mkdir()
        told = self.modelhub("shortcut", "install", "--folder", str(self.downloads), "--layout", "a1111", "--into",
                             str(self.ui), "--name", 'Sort "模型" 100%', *self.targets(), "--json")  # fmt: skip
        self.id: str = json.loads(told)["id"]
        self.files = [Path(place) for place in json.loads(told)["files"]]
        self.entry = screen.desktop / f"modelhub-{self.id}.desktop"
        self.sorted = self.ui / "models" / "Lora" / MODEL
        self.sorted_other = self.sorted.with_name(self.other.name)

    @staticmethod
    def targets() -> list[str]:
        return [word for name in ("desktop", "menu", "filemanager") for word in ("--target", name)]

    @staticmethod
    def make(path: Path, seed: int = 1) -> Path:
        """Write a LoRA that arrived two days ago."""
        safetensors_file.write(path, adapters.lora_sd1(4), seed=seed)
        long_ago = time.time() - 2 * 86400
        os.utime(path, (long_ago, long_ago))
        return path

    def modelhub(self, *words: str) -> str:
        """Run the command line in the session."""
        return self.screen.run(
            sys.executable, "-P", "-m", "modelhub", "--library", str(self.screen.home / "lib"), *words
        )

    def reports(self) -> list[Path]:
        """Return the reports of this shortcut, oldest first."""
        state = self.screen.home / ".local" / "share" / "modelhub"
        return sorted((state / "reports").glob(f"{self.id}--*.html"))

    def sorts_everything(self) -> None:
        """Wait for both models to be in their places, with a report; undo it."""
        assert wait_for(lambda: self.sorted.exists() and self.sorted_other.exists() and bool(self.reports()))
        assert escape(MODEL) in self.reports()[-1].read_text(encoding="utf-8")
        self.undone()

    def undone(self) -> None:
        """Undo the run, and check that everything is back."""
        self.modelhub("undo")
        assert self.model.exists()
        assert self.other.exists()
        assert not self.sorted.exists()


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """A fresh session."""
    with Screen(tmp_path) as screen:
        yield Home(screen)


def test_entries_are_valid_and_runnable(home: Home) -> None:
    """By the reference validator; those that are double-clicked carry the marks of trust."""
    validator = shutil.which("desktop-file-validate")
    if validator is None:
        pytest.skip("desktop-file-validate is not installed")
    entries = [
        p for p in home.files if p.suffix == ".desktop" and "kio" not in p.parts and "file-manager" not in p.parts
    ]
    assert len(entries) == 2
    for entry in entries:
        assert home.screen.run(validator, str(entry)) == ""
    said = home.screen.run("gio", "info", "-a", "metadata::*", str(home.entry))
    assert "metadata::trusted: true" in said
    assert "metadata::xfce-exe-checksum" in said


def test_gio_launches_it_with_a_file(home: Home) -> None:
    """Just that file is sorted."""
    home.screen.run("gio", "launch", str(home.entry), str(home.model))
    assert wait_for(lambda: home.sorted.exists() and bool(home.reports()))
    assert home.other.exists()
    home.undone()


def test_dex_launches_it(home: Home) -> None:
    """Without a file the whole folder is sorted."""
    if shutil.which("dex") is None:
        pytest.skip("dex is not installed")
    home.screen.run("dex", str(home.entry))
    home.sorts_everything()


def test_a_double_click_in_thunar_sorts_the_folder(home: Home) -> None:
    """Trusted, so that it asks nothing."""
    need("thunar")
    home.screen.window("thunar", str(home.screen.desktop))
    home.screen.double_click(home.screen.color(*BLUE))
    home.sorts_everything()


def test_a_double_click_on_pcmanfms_desktop_sorts_the_folder(home: Home) -> None:
    """The icon on the desktop itself."""
    need("pcmanfm")
    home.screen.start(["pcmanfm", "--desktop"])
    home.screen.double_click(home.screen.color(*BLUE))
    home.sorts_everything()


def test_a_file_dragged_onto_it_in_thunar_is_sorted_alone(home: Home) -> None:
    """The other models stay."""
    need("thunar")
    home.screen.window("thunar", str(home.screen.desktop))
    icon = home.screen.color(*BLUE)
    before = home.screen.picture(home.screen.home / "before.png")
    dropped = home.make(home.screen.desktop / "zz.safetensors", seed=3)
    home.screen.settle()
    after = home.screen.picture(home.screen.home / "after.png")
    home.screen.drag(appeared(before, after), icon)
    target = home.sorted.with_name(dropped.name)
    assert wait_for(target.exists)
    assert home.model.exists()
    assert home.other.exists()


def test_what_needs_the_person_opens_the_report(home: Home) -> None:
    """A broken file stays, and the page that says so is opened with the desktop's own program."""
    opened = home.screen.home / "opened"
    stub = home.screen.home / "bin" / "xdg-open"
    stub.parent.mkdir()
    stub.write_text(f'#!/bin/sh\nprintf %s "$1" > "{opened}"\n')
    stub.chmod(0o755)
    home.screen.environ["PATH"] = f"{stub.parent}{os.pathsep}{os.environ['PATH']}"
    with home.other.open("r+b") as file:
        file.truncate(home.other.stat().st_size // 2)
    long_ago = time.time() - 2 * 86400
    os.utime(home.other, (long_ago, long_ago))
    home.screen.run("gio", "launch", str(home.entry))
    assert wait_for(lambda: opened.exists() and bool(opened.read_text()))
    assert str(home.reports()[-1]) in opened.read_text()
    assert home.sorted.exists()
    assert home.other.exists()


def test_the_actions_of_the_entry_undo_and_only_plan(home: Home) -> None:
    """Dry run changes nothing, Undo last brings back what a click has moved."""
    launcher = next(str(path) for path in home.files if path.suffix == ".sh")
    home.screen.run(launcher, "--dry-run")
    assert home.model.exists()
    assert len(home.reports()) == 1
    home.screen.run(launcher)
    assert home.sorted.exists()
    home.screen.run(launcher, "--undo")
    assert home.model.exists()
    assert not home.sorted.exists()


def need(program: str) -> None:
    """Skip without it."""
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")


def appeared(before: Path, after: Path) -> Spot:
    """Return the place of a new icon: the middle of the largest change of the screen above the status bar."""
    import numpy
    from PIL import Image

    first, second = (numpy.asarray(Image.open(path).convert("L")).astype(int) for path in (before, after))
    rows, columns = numpy.nonzero(numpy.abs(first - second) > 30)
    top = rows.min()
    icon = rows < top + 40  # below it stands the name, and far below the status bar
    return int((columns[icon].min() + columns[icon].max()) // 2), int(top + 20)


def test_removing_the_shortcut_leaves_nothing_of_ours(home: Home) -> None:
    """And takes nothing that was changed since."""
    changed = next(path for path in home.files if "nemo" in path.parts)
    changed.write_text(changed.read_text() + "# mine\n")
    done = json.loads(home.modelhub("shortcut", "remove", home.id, "--json"))
    assert [Path(place) for place in done["kept"]] == [changed]
    uca = home.screen.home / ".config" / "Thunar" / "uca.xml"
    assert [path for path in home.files if path.exists()] == [path for path in home.files if path in (changed, uca)]
    assert "modelhub" not in uca.read_text()
