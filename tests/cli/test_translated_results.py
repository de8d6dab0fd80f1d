"""What commands print about hubs, UIs and other libraries, in another language: no sentence stays in English."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from modelhub.cli.app import run
from modelhub.desktop import install
from tests.desktop.test_shortcut import linux_writer
from tests.marked_language import english_words, marked_language
from tests.operations.remote.hubs import User, civitai_file, civitai_item, civitai_version, user
from tests.operations.remote.test_outdated import DRESS, LORA, lora

# Names of the files, models, pages and settings in these tests, and of what has no translation.
NAMES = frozenset(
    (
        *("dress", "mine"),
        *("modelhub", "safetensors", "lora", "comfyui", "Comfy", "Forge", "reddress"),
    )
)
Shown = Callable[[str], tuple[str, set[str]]]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[User]:
    """A hub with a LoRA, a Civitai with a LoRA, and a user of another language."""
    lora(tmp_path / "hub" / DRESS / LORA, 1)
    content = lora(tmp_path / "civitai" / "v20.safetensors", 20)
    item = civitai_item(civitai_version(20, civitai_file("v20.safetensors", version=20)))
    with user(tmp_path, items=[item], contents={"v20.safetensors": content}) as found, marked_language(tmp_path / "l"):
        for name, value in found.environ.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("MODELHUB_STATE", str(tmp_path / "state"))
        monkeypatch.chdir(tmp_path)
        yield found


@pytest.fixture
def shown(place: User, capsys: pytest.CaptureFixture[str]) -> Shown:
    """Run a command, and return what it prints, and the words of it that are English."""

    def show(line: str) -> tuple[str, set[str]]:
        run(shlex.split(line))
        printed = capsys.readouterr()
        text = printed.out + printed.err
        return text, {*english_words(text)} - NAMES

    return show


def test_updates_are_shown_in_the_language(place: User, shown: Shown) -> None:
    """What is newer, what was fetched, what failed."""
    shown(f"pull {DRESS}")
    assert shown("outdated")[1] == set()
    lora(place.repositories / DRESS / LORA, 2)
    place.publish()
    text, english = shown("outdated")
    assert "⟦outdated⟧" in text
    assert english == set()
    assert shown("pull --update --dry-run")[1] == set()
    assert shown("pull --update")[1] == set()
    assert shown("outdated")[1] == set()
    assert shown("outdated --offline")[1] == set()
    del place.hub.repositories[DRESS]
    assert shown("outdated")[1] == set()
    assert shown("pull --update")[1] == set()


def test_lookups_are_shown_in_the_language(place: User, tmp_path: Path, shown: Shown) -> None:
    """What a source knows, and what it does not."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/a.safetensors").write_bytes((tmp_path / "civitai/v20.safetensors").read_bytes())
    lora(tmp_path / "mine/b.safetensors", 4)
    shown("add mine")
    text, english = shown("enrich --previews")
    assert "⟦found⟧" in text
    assert english == set()
    assert shown("enrich")[1] == set()
    assert shown("enrich --offline --refresh")[1] == set()


def test_a_library_is_rebuilt_in_the_language(
    place: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shown: Shown
) -> None:
    """The manifest, and each model of it: pulled, held, without a source, refused."""
    lora(tmp_path / "mine/b.safetensors", 4)
    shown("add mine")
    shown(f"pull {DRESS}")
    text, english = shown("export lib.json")
    assert "⟦" in text
    assert english == set()
    monkeypatch.setenv("MODELHUB_LIBRARY", str(tmp_path / "other"))
    assert shown("import lib.json --dry-run")[1] == set()
    assert shown("import lib.json")[1] == set()
    assert shown("import nosuch.json")[1] == set()
    manifest = json.loads((tmp_path / "lib.json").read_text(encoding="utf-8"))
    assert [each["name"] for each in manifest["models"]]
    del place.hub.repositories[DRESS]
    monkeypatch.setenv("MODELHUB_LIBRARY", str(tmp_path / "third"))
    text, english = shown("import lib.json")
    assert "⟦failed⟧" in text
    assert english == set()


def test_links_are_shown_in_the_language(tmp_path: Path, shown: Shown, place: User) -> None:
    """The flags, the settings, the file that is written, and what is wrong."""
    shown(f"pull {DRESS}")
    (tmp_path / "ui").mkdir()
    (tmp_path / "ui/main.py").touch()
    (tmp_path / "ui/models").mkdir()
    keys = {"webui", "user", "export", "set"}
    for line in ("link", "link --layout a1111 --remove", "link --layout nosuch", "link --layout comfyui --into nosuch"):
        assert shown(line)[1] - keys == set(), line
    for line in ("link --layout comfyui --into ui", "link --layout comfyui --into ui --remove"):
        text, english = shown(line)
        assert "⟦" in text
        assert english <= {*_comfyui_keys()}, line


def _comfyui_keys() -> Iterator[str]:
    yield from ("checkpoints", "diffusion", "models", "text", "encoders", "vae", "loras", "embeddings", "hypernetworks")
    yield from ("controlnet", "ipadapter", "clip", "vision", "upscale", "animatediff", "approx", "base", "path")


def test_shortcuts_are_shown_in_the_language(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shown: Shown, place: User
) -> None:
    """Installed, listed, removed, and their clicks as a report."""
    monkeypatch.setattr(install, "writer_for", lambda: linux_writer(tmp_path))
    told: list[str] = []

    def notify(title: str, text: str, **_: object) -> bool:
        told.append(text)
        return True

    monkeypatch.setattr("modelhub.desktop.notify.notify", notify)
    monkeypatch.setattr("modelhub.desktop.notify.open_file", lambda path: True)
    lora(tmp_path / "in/b.safetensors", 4)
    install_line = "shortcut install --folder in --layout comfyui --into ui --name mine --target desktop --json"
    text, _ = shown(install_line)
    name = json.loads(text)["id"]
    assert shown(install_line.removesuffix(" --json"))[1] == set()
    assert shown("shortcut list")[1] <= {"desktop"}
    for option in ("--report", "--dry-run", "", "--undo", "--undo"):
        assert shown(f"shortcut click {name} {option}")[1] == set(), option
    assert len(told) == 5
    assert {*english_words(" ".join(told))} - NAMES == set()
    report = max((tmp_path / "state/reports").glob("*.html"))
    assert "⟦" in report.read_text(encoding="utf-8")
    assert shown("history")[1] == set()
    assert shown(f"shortcut remove {name}")[1] == set()
    assert shown(f"shortcut remove {name}")[1] == set()


def test_settings_and_fingerprints_are_shown_in_the_language(tmp_path: Path, shown: Shown, place: User) -> None:
    """Keys and values of settings are those of the file."""
    lora(tmp_path / "in/b.safetensors", 4)
    text, _ = shown("config show")
    assert "⟦default⟧" in text
    assert shown("fingerprint in/b.safetensors --learn mine")[1] <= {"weights"}
    assert shown("config init")[1] == set()
    assert shown("config init")[1] == set()
    assert shown("scan nosuch")[1] == set()
    assert shown("watch nosuch --layout comfyui --into ui")[1] == set()
    assert shown("tag nosuch fav")[1] == set()
