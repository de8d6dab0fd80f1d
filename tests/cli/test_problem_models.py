"""Dangerous, suspicious and broken models in `verify` and `doctor`, and what `convert` does not take."""

from __future__ import annotations

import collections
import json
import pickle
from pathlib import Path

import pytest

from modelhub.testing.files import adapters, folders, hostile, safetensors_file, torch_file
from tests.cli.test_app import modelhub


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A user with a library of one embedding."""
    safetensors_file.write(tmp_path / "models" / "easy.safetensors", adapters.embedding(), seed=2)
    assert modelhub("add", str(tmp_path / "models"), home=tmp_path).returncode == 0
    return tmp_path


def test_verify_of_a_dangerous_file_is_an_alarm(home: Path) -> None:
    """Unchanged bytes do not make it sound: exit 4, what was found, and what to do."""
    hostile.checkpoint(home / "models" / "trap.pt")
    assert modelhub("verify", home=home).returncode == 0
    modelhub("add", str(home / "models"), home=home)
    done = modelhub("verify", home=home)
    assert done.returncode == 4
    assert "dangerous   " in done.stdout
    assert "Runs os.system" in done.stdout
    assert "Do not load it. `modelhub rm trap` moves it to the trash." in done.stdout
    assert done.stderr == "Verified 2 files: 1 is not sound.\n"
    rows = json.loads(modelhub("verify", "--json", home=home).stdout)
    assert {Path(row["path"]).name: row["health"] for row in rows} == {"easy.safetensors": "ok", "trap.pt": "dangerous"}


def test_verify_of_a_suspicious_file_states_what_was_found(home: Path) -> None:
    """It is noted, not refused: it may be what the user wants."""
    (home / "models" / "chain.pt").write_bytes(pickle.dumps({"a": collections.ChainMap({})}))
    modelhub("add", str(home / "models"), home=home)
    done = modelhub("verify", "chain", home=home)
    assert done.returncode == 0
    assert "noted       " in done.stdout
    assert "Runs collections.ChainMap" in done.stdout


def test_doctor_names_the_models_that_need_attention(home: Path) -> None:
    """Dangerous, suspicious, broken and missing ones, each with the next command; the installation itself is sound."""
    models = home / "models"
    hostile.checkpoint(models / "trap.pt")
    (models / "chain.pt").write_bytes(pickle.dumps({"a": collections.ChainMap({})}))
    (models / "half.safetensors").write_bytes((models / "easy.safetensors").read_bytes()[:-100])
    safetensors_file.write(models / "gone.safetensors", adapters.lora_sd1(4), seed=5)
    modelhub("add", str(models), home=home)
    (models / "gone.safetensors").unlink()
    modelhub("scan", home=home)
    done = modelhub("doctor", home=home)
    assert done.returncode == 0
    for words in (
        "1 model is dangerous: trap.",
        "`modelhub list verdict:dangerous` shows them",
        "1 model is suspicious: chain.",
        "`modelhub list verdict:suspicious` shows them",
        "1 model has a broken file: half.",
        "`modelhub list broken:yes` shows them",
        "1 model is missing: gone.",
        "`modelhub list state:missing` shows them",
    ):
        assert words in done.stdout, words


def test_doctor_names_the_first_of_many(home: Path) -> None:
    """A long list is what `list` is for."""
    for number in range(7):
        path = home / "models" / f"cut{number}.safetensors"
        safetensors_file.write(path, adapters.embedding(), seed=number + 10)
        path.write_bytes(path.read_bytes()[:-100])
    modelhub("add", str(home / "models"), home=home)
    assert "7 models have a broken file, such as cut0, cut1, cut2, cut3, cut4." in modelhub("doctor", home=home).stdout


def test_convert_of_a_folder_names_a_file_in_it(home: Path) -> None:
    """The whole command can be copied, and no library is made for it."""
    torch_file.write(home / "models" / "old.ckpt", torch_file.checkpoint(adapters.embedding()), seed=1)
    done = modelhub("convert", str(home / "models"), home=home, MODELHUB_LIBRARY=str(home / "other"))
    assert done.returncode == 2
    assert "is a folder, and models are converted one at a time." in done.stderr
    assert f"`modelhub convert {home / 'models' / 'old.ckpt'}` converts one of its files." in done.stderr
    assert not (home / "other").exists()
    (home / "empty").mkdir()
    assert "is a folder without model files." in modelhub("convert", str(home / "empty"), home=home).stderr


def test_convert_of_a_diffusers_folder_says_why_not(home: Path) -> None:
    """So does the model's name once it is in the catalog."""
    folder = folders.write(home / "diffusers")
    for reference in (str(folder), "diffusers"):
        done = modelhub("convert", reference, home=home)
        modelhub("add", str(folder), home=home)
        assert done.returncode in (2, 3)
    assert done.returncode == 2
    assert "is a diffusers folder, and only single files can be converted." in done.stderr


@pytest.mark.parametrize("catalogued", [False, True])
def test_sort_says_of_each_file_what_it_is(home: Path, *, catalogued: bool) -> None:
    """A web page is not a broken model, and a suspicious file is described by what was found in it."""
    models = home / "models"
    (models / "page.safetensors").write_text("<!DOCTYPE html><html><body>Log in</body></html>", encoding="utf-8")
    (models / "empty.safetensors").touch()
    (models / "chain.pt").write_bytes(pickle.dumps({"a": collections.ChainMap({})}))
    (models / "half.safetensors").write_bytes((models / "easy.safetensors").read_bytes()[:-100])
    hostile.checkpoint(models / "trap.pt")
    if catalogued:
        modelhub("add", str(models), home=home)
    arguments = ("sort", str(models), "--layout", "a1111", "--into", str(home / "a1111"), "--dry-run", "--json")
    left = {Path(one["path"]).name: one for one in json.loads(modelhub(*arguments, home=home).stdout)["stays"]}
    assert {name: one["reason"] for name, one in left.items()} == {
        "page.safetensors": "not a model",
        "empty.safetensors": "not a model",
        "chain.pt": "suspicious",
        "half.safetensors": "broken",
        "trap.pt": "dangerous",
    }
    assert "It is a web page, not a model" in left["page.safetensors"]["words"]
    assert "The file is empty." in left["empty.safetensors"]["words"]
    assert "Runs collections.ChainMap" in left["chain.pt"]["words"]
    assert "could run code" not in left["chain.pt"]["words"]
    assert "Runs os.system" in left["trap.pt"]["words"]
    assert "truncated" in left["half.safetensors"]["words"]
