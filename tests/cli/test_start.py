"""The start page: its counts are true, and every command that it prints works."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from modelhub.testing.files import adapters, hostile, networks, safetensors_file
from tests.cli.test_app import modelhub

_COMMAND = re.compile(r"modelhub (.*?)(?:  |$)")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A user whose models show everything that needs attention, and some that are well."""
    models = tmp_path / "models"
    safetensors_file.write(models / "red dress.safetensors", adapters.lora_sd1(4), seed=1)
    safetensors_file.write(models / "gone.safetensors", adapters.lora_sd1(8), seed=2)
    safetensors_file.write(models / "cut.safetensors", adapters.embedding(), seed=3)
    data = (models / "cut.safetensors").read_bytes()
    (models / "cut.safetensors").write_bytes(data[: len(data) // 2])
    hostile.checkpoint(models / "trap.pt")
    (models / "odd.ckpt").write_bytes(bytes(range(256)) * 64)
    away = tmp_path / "drive"
    safetensors_file.write(away / "far.safetensors", adapters.embedding(), seed=4)
    modelhub("add", str(models), str(away), home=tmp_path)
    (models / "gone.safetensors").unlink()
    away.rename(tmp_path / "unplugged")
    modelhub("scan", home=tmp_path)
    return tmp_path


def commands_of(page: str) -> list[list[str]]:
    """Return the arguments of each command of a page."""
    return [shlex.split(match) for line in page.splitlines() for match in _COMMAND.findall(line)]


def test_each_count_is_that_of_the_list_that_its_command_shows(home: Path) -> None:
    """What needs attention is counted as `list` counts it."""
    page = modelhub(home=home).stdout
    counted = dict[str, int]()
    for line in page.splitlines():
        if match := re.match(r"\s+(\d+)  .*modelhub list (.*)", line):
            counted[match[2]] = int(match[1])
            rows = json.loads(modelhub("list", *shlex.split(match[2]), "--json", home=home).stdout)
            assert len(rows) == int(match[1]), line
    assert counted.items() >= {
        ("verdict:dangerous", 1),
        ("broken:yes", 2),
        ("state:missing", 1),
        ("state:unavailable", 1),
    }


def test_each_command_of_the_page_works(home: Path) -> None:
    """A pointer that fails is worse than none."""
    found = [words for words in commands_of(modelhub(home=home).stdout) if words[0] != "render-test"]
    assert ["show", "red dress"] in found
    for words in found:
        done = modelhub(*words, home=home)
        assert done.returncode == 0, (words, done.stderr)
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize("emptied", [False, True], ids=["no library", "empty library"])
def test_a_newcomer_gets_first_steps_that_work(tmp_path: Path, *, emptied: bool) -> None:
    """Without models the page says how to get some, and makes no library."""
    if emptied:
        safetensors_file.write(tmp_path / "a.safetensors", adapters.embedding(), seed=1)
        modelhub("add", str(tmp_path / "a.safetensors"), home=tmp_path)
        modelhub("rm", "a", "--yes", "--keep-files", home=tmp_path)
    page = modelhub(home=tmp_path).stdout
    assert page.startswith("The catalog has no models yet.")
    assert (tmp_path / "library").exists() is emptied
    steps = commands_of(page)
    assert [words[0] for words in steps] == ["add", "known", "pull", "explain"]
    for words in (["known"], ["explain"]):
        assert words in steps
        assert modelhub(*words, home=tmp_path).returncode == 0
    pulled = modelhub(*steps[2], "--offline", home=tmp_path)
    assert pulled.returncode == 3  # it is a source, and not in this machine's cache
    assert "cache on this machine" in pulled.stderr


def test_a_library_with_a_base_is_pointed_to_render_tests(tmp_path: Path) -> None:
    """Without one, a base comes first: nothing could be tested."""
    safetensors_file.write(tmp_path / "a.safetensors", adapters.lora_sd1(4), seed=1)
    modelhub("add", str(tmp_path / "a.safetensors"), home=tmp_path)
    page = modelhub(home=tmp_path).stdout
    assert page.startswith("1 model, ")
    assert "modelhub render-test" not in page
    assert "modelhub known" in page
    safetensors_file.write(tmp_path / "base.safetensors", networks.sd1(networks.SMALL), seed=2, sparse=True)
    modelhub("add", str(tmp_path / "base.safetensors"), home=tmp_path)
    page = modelhub(home=tmp_path).stdout
    assert page.startswith("2 models, ")
    assert "modelhub render-test" in page
