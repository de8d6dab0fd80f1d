"""Plug-ins from installed distributions, used through the command line; broken ones, which only `doctor` mentions."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from modelhub.errors import Exit
from modelhub.testing.files import safetensors_file
from modelhub.testing.files.tensors import Tensor
from modelhub.testing.hubs.faulty import FaultyServer, serving

PLUGINS = Path(__file__).resolve().parent / "data" / "plugins"
ROOT = Path(__file__).resolve().parent.parent
NETWORK = {f"sonic_blocks.{number}.mix.weight": Tensor("F16", (64, 64)) for number in range(2)}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the two distributions from their pyproject files, each into a folder of its own."""
    folder = tmp_path_factory.mktemp("site")
    for name in ("example", "broken"):
        source = shutil.copytree(PLUGINS / name, folder / "source" / name)  # setuptools builds in the source folder
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
        options = ["--no-build-isolation", "--target", str(folder / name), str(source)]
        subprocess.run([*command, *options], check=True, capture_output=True)
    return folder


class User:
    """A user with a library, a configuration file, and the plug-ins of some folders."""

    def __init__(self, home: Path, endpoint: str, plugins: list[Path]) -> None:
        self.home = home
        self.config = home / "config.toml"
        self.config.write_text(f'[example]\nendpoint = "{endpoint}"\n', encoding="utf-8")
        path = os.pathsep.join(map(str, (*plugins, ROOT)))
        self.environ = os.environ | {"MODELHUB_LIBRARY": str(home / "library"), "PYTHONPATH": path}

    def run(self, *arguments: str, code: int = 0, config: bool = True) -> subprocess.CompletedProcess[str]:
        """Run one command line, which must end with `code`."""
        environ = self.environ | {"MODELHUB_CONFIG": str(self.config if config else self.home / "none.toml")}
        command = [sys.executable, "-m", "modelhub", *arguments]
        done = subprocess.run(command, env=environ, cwd=self.home, capture_output=True, text=True, encoding="utf-8")
        assert done.returncode == code, done.stdout + done.stderr
        return done

    def json(self, *arguments: str, **options: Any) -> Any:
        """Run one command line and return its JSON document."""
        return json.loads(self.run(*arguments, "--json", **options).stdout)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FaultyServer]:
    """Serve the file of a network that only the plug-in's rules identify."""
    path = tmp_path / "served.safetensors"
    safetensors_file.write(path, NETWORK, seed=1)
    with serving(path.read_bytes()) as running:
        yield running


def findings(user: User, *, code: int = 0) -> Mapping[str, str]:
    """Return the text of each finding about a plug-in, by the plug-in's name."""
    found = [item["text"] for item in user.json("doctor", code=code) if item["subject"] == "plug-in"]
    return {text.partition(" ")[0]: text for text in found}


def test_a_source_rules_a_ui_and_a_command_come_from_a_plugin(site: Path, server: FaultyServer, tmp_path: Path) -> None:
    """A model is pulled from the plug-in's source, identified by its rules, sorted into its UI and listed."""
    user = User(tmp_path, server.url, [site / "example"])
    user.run("pull", "example:dash")
    (model,) = user.json("list")
    assert (model["name"], model["type"], model["architecture"]) == ("dash", "unet", "sonic")
    assert user.json("show", "dash")[0]["sources"][0]["reference"] == "example:dash"
    (tmp_path / "ui").mkdir()
    (tmp_path / "ui" / "example_ui.py").touch()
    downloads = tmp_path / "downloads"
    downloads.mkdir()
    shutil.copy(tmp_path / "served.safetensors", downloads / "turn.safetensors")
    user.run("sort", str(downloads), "--layout", "example-ui", "--into", str(tmp_path / "ui"))
    assert (tmp_path / "ui" / "models" / "networks" / "turn.safetensors").is_file()
    assert "sonic dash" in user.run("architectures").stdout
    assert findings(user) == {}


def test_settings_help_and_errors_follow_the_plugin(site: Path, server: FaultyServer, tmp_path: Path) -> None:
    """Its settings are shown and checked, its references are examples, and its commands are listed."""
    user = User(tmp_path, server.url, [site / "example"])
    (setting,) = [row for row in user.json("config", "show") if row["name"] == "example.endpoint"]
    assert (setting["value"], setting["from"]) == (server.url, str(user.config))
    assert "example:NAME (Example)" in user.run("pull", "zzzz", code=Exit.USAGE).stderr
    assert "architectures" in user.run("--help").stdout
    assert "Did you mean `modelhub architectures`?" in user.run("architecture", code=Exit.USAGE).stderr
    user.config.write_text('[example]\nendpoin = "x"\n', encoding="utf-8")
    assert "example.endpoint" in user.run("list", code=Exit.USAGE).stderr


def test_without_the_plugin_its_setting_and_command_do_not_exist(server: FaultyServer, tmp_path: Path) -> None:
    """What the plug-in brings is known only while it is installed."""
    user = User(tmp_path, server.url, [])
    assert "example.endpoint" in user.run("list", code=Exit.USAGE).stderr
    user.run("architectures", code=Exit.USAGE, config=False)
    user.run("pull", "example:dash", code=Exit.USAGE, config=False)


def test_a_broken_plugin_is_a_finding_of_doctor_and_no_more(site: Path, server: FaultyServer, tmp_path: Path) -> None:
    """Each has its reason; every command works as without it, those of a good plug-in included."""
    user = User(tmp_path, server.url, [site / "broken", site / "example"])
    user.run("pull", "example:dash")
    assert [model["architecture"] for model in user.json("list")] == ["sonic"]
    assert "sonic dash" in user.run("architectures").stdout
    assert "Usage" in user.run("sort", "--help").stdout
    reasons = findings(user, code=Exit.FAILED)
    expected = {
        "import-error": "ModuleNotFoundError",
        "no-fetcher": "out of order",
        "foreign": "`civitai.token` is not in the section `foreign`",
        "comfyui": "exists already",
        "wrong-type": "is a dict, not a Rules",
        "list": "exists already",
        "exit": "SystemExit",
    }
    assert reasons.keys() == expected.keys()
    for name, reason in expected.items():
        assert reason in reasons[name]
        assert "modelhub-broken" in reasons[name]


def test_the_documentation_shows_the_entry_points_of_the_example() -> None:
    """What docs/plugins.md shows is what the tests install."""
    text = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
    shown = tomllib.loads(text.partition("```toml\n")[2].partition("```")[0])["project"]["entry-points"]
    made = tomllib.loads((PLUGINS / "example" / "pyproject.toml").read_text(encoding="utf-8"))
    assert shown == made["project"]["entry-points"]
