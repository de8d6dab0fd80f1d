"""The public API: what `modelhub` exports, and the examples of its documentation."""

from __future__ import annotations

import doctest
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

import modelhub
from modelhub import Library
from modelhub.testing.files import adapters, hostile, safetensors_file
from modelhub.testing.hubs.hub import Hub, repositories_in
from tests.conftest import ROOT

PAGE = ROOT / "docs" / "api.md"


def write_lora(path: Path, name: str, seed: int) -> None:
    """Write a small LoRA with a trigger word."""
    metadata = adapters.lora_metadata(name, name, rank=4)
    safetensors_file.write(path, adapters.lora_sd1(4), metadata=metadata, seed=seed)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with models, and settings of its own."""
    write_lora(tmp_path / "models" / "reddress.safetensors", "reddress", 1)
    safetensors_file.write(tmp_path / "models" / "easy.safetensors", adapters.embedding(), seed=2)
    hostile.checkpoint(tmp_path / "models" / "trap.pt")
    write_lora(tmp_path / "more" / "hat.safetensors", "hat", 3)
    write_lora(tmp_path / "hub" / "painter/dress" / "dress.safetensors", "dress", 4)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MODELHUB_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("MODELHUB_LIBRARY", str(tmp_path / "library"))
    return tmp_path


def test_the_examples_of_the_api_page_are_true(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each line gives what the page shows."""
    with Hub(repositories_in(place / "hub")) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        monkeypatch.setenv("HF_HOME", str(place / "hf"))
        flags = doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL
        result = doctest.testfile(str(PAGE), module_relative=False, optionflags=flags, encoding="utf-8")
    assert result.attempted > 30
    assert result.failed == 0


def test_the_notebook_runs(place: Path) -> None:
    """The example works as a script."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "notebook.py"), str(place / "models")],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "trap" in done.stdout
    assert "Prompt" in done.stdout


def test_every_public_name_is_exported_loaded_and_documented() -> None:
    """The list of names, the modules behind them and the page agree."""
    text = PAGE.read_text(encoding="utf-8")
    for name in modelhub.__all__:
        assert getattr(modelhub, name) is not None
        assert f"`{name}" in text or f"modelhub.{name}" in text, f"{name} is not on docs/api.md"
    assert set(modelhub.__all__) <= set(dir(modelhub))
    with pytest.raises(AttributeError, match="absent"):
        modelhub.absent  # noqa: B018


def test_every_method_of_a_library_is_documented() -> None:
    """No verb goes unmentioned."""
    text = PAGE.read_text(encoding="utf-8")
    methods = [name for name in dir(Library) if not name.startswith("_")]
    assert [name for name in methods if f"{name}(" not in text and f"`{name}`" not in text and name != "path"] == []


def test_importing_the_package_loads_next_to_nothing() -> None:
    """A script that only uses `inspect` does not wait for databases or torch."""
    code = (
        "import time, sys; start = time.process_time(); import modelhub; spent = time.process_time() - start;"
        "print(spent, sum(name.startswith('modelhub') for name in sys.modules))"
    )
    runs = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True) for _ in range(3)]
    figures = [run.stdout.split() for run in runs]
    assert min(float(spent) for spent, _ in figures) < 0.05
    assert {count for _, count in figures} == {"2"}


def test_a_library_belongs_to_its_thread(place: Path) -> None:
    """Use from another thread is a clear error, and the library still works afterwards."""
    errors: list[BaseException] = []

    def use() -> None:
        try:
            library.models()
        except modelhub.UsageError as exc:
            errors.append(exc)

    with Library.open(place / "library") as library:
        thread = threading.Thread(target=use)
        thread.start()
        thread.join()
        assert library.models() == []
    assert "another thread" in str(errors[0])


def test_a_closed_library_says_so(place: Path) -> None:
    """Closing twice is fine; using it afterwards is not."""
    library = Library.open(place / "library")
    library.close()
    library.close()
    with pytest.raises(modelhub.UsageError, match="closed"):
        library.models()


def test_an_iterator_obeys_the_rules_of_its_library(place: Path) -> None:
    """Its next step raises in another thread and after closing."""
    library = Library.open(place / "library")
    library.add("models")
    results, raised = library.iter_verify(), []

    def use() -> None:
        try:
            next(results)
        except modelhub.UsageError as error:
            raised.append(error.message)

    thread = threading.Thread(target=use)
    thread.start()
    thread.join()
    assert raised == ["This library was opened in another thread."]
    again = library.iter_scan()
    next(again)
    library.close()
    with pytest.raises(modelhub.UsageError, match="closed"):
        next(again)


@pytest.mark.parametrize("path", ["", " ", "a\0b", "\ud800", "x" * 5000, None, 3, b"models", [""]])
def test_what_is_not_a_path_is_refused(place: Path, path: Any) -> None:
    """Nothing is taken for the current folder, and every failure is a ModelhubError."""
    with Library.open(place / "library") as library:
        for use in (library.add, lambda p: library.plan_sort(p, "comfyui", "ui"), library.export_manifest):
            with pytest.raises(modelhub.UsageError):
                use(path)
        assert library.models() == []


@pytest.mark.parametrize("model", [None, True, 3.5, b"easy", 1 << 70, {"easy"}, [None], "", [""]])
def test_what_names_no_model_is_refused(place: Path, model: Any) -> None:
    """A value of a wrong type or beyond every id is an error as any other, and removes nothing."""
    with Library.open(place / "library") as library:
        library.add("models")
        for use in (library.find, library.remove):
            with pytest.raises((modelhub.UsageError, modelhub.NotFoundError)):
                use(model)
        assert len(library.models()) == 3


def test_the_home_of_nobody_is_a_name(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A `~` before a word that is not the name of a user is a part of the path, in arguments and settings."""
    monkeypatch.setenv("MODELHUB_LIBRARY", "~nobody-here/library")
    with Library.open() as library:
        assert library.path.name == "library"
        for use in (library.add, library.find, lambda p: library.plan_sort(p, "comfyui", "ui"), library.convert):
            with pytest.raises(modelhub.NotFoundError):
                use("~nobody-here/models")
        library.plan_sort("models", "comfyui", "~nobody-here/ui")


def test_one_tag_may_be_given_as_a_text(place: Path) -> None:
    """It is not a list of letters."""
    with Library.open(place / "library") as library:
        library.add("models")
        assert library.tag("easy", add="draft").tags == ("draft",)
        assert library.tag("easy", remove="draft").tags == ()
        with pytest.raises(modelhub.UsageError, match="is a text"):
            library.set("easy", notes=3)  # type: ignore[arg-type]


def test_a_missing_catalog_is_not_created_when_it_must_exist(place: Path) -> None:
    """`create=False` is for scripts that only look."""
    with pytest.raises(modelhub.NotFoundError):
        Library.open(place / "library", create=False)
    assert not (place / "library").exists()


def test_iterators_check_their_arguments_at_once(place: Path) -> None:
    """A wrong path or mode is an error of the call, not of the first step."""
    with Library.open(place / "library") as library:
        with pytest.raises(modelhub.NotFoundError):
            library.iter_add("absent")
        with pytest.raises(modelhub.UsageError):
            library.iter_add("models", mode="shred")
        with pytest.raises(modelhub.NotFoundError):
            library.iter_scan("absent")


def test_removing_by_a_query_needs_a_positive_term(place: Path) -> None:
    """What the command line refuses, the API refuses too."""
    with Library.open(place / "library") as library:
        library.add("models")
        for models in ("", "-type:lora", ["-type:lora"]):
            with pytest.raises(modelhub.UsageError):
                library.remove(models, keep_files=True)
        assert len(library.models()) == 3


def test_several_models_are_named_in_any_way(place: Path) -> None:
    """A query, a folder, an id and a record, each model once."""
    with Library.open(place / "library") as library:
        library.add(["models", "more"])
        lora, embedding = library.find("hat"), library.find("easy")
        found = library._records(["type:lora", place / "more", embedding.id, lora])
        assert sorted(record.name for record in found) == ["easy", "hat", "reddress"]


def test_render_tests_of_no_models_need_no_renderer(place: Path) -> None:
    """The settings' options are made, and nothing is rendered."""
    with Library.open(place / "library") as library:
        assert library.render_test([]) == []
        with pytest.raises(modelhub.NotFoundError):
            library.render_test("absent")
