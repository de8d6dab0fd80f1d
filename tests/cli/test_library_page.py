"""`modelhub list --report`: what it prints and writes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from modelhub.cli.app import run
from modelhub.errors import Exit
from modelhub.testing.files import adapters, safetensors_file


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    """A library with a LoRA and an embedding."""
    monkeypatch.setenv("MODELHUB_CONFIG", str(tmp_path / "none"))
    monkeypatch.setenv("MODELHUB_LIBRARY", str(tmp_path / "library"))
    monkeypatch.chdir(tmp_path)
    metadata = adapters.lora_metadata("red dress", "reddress")
    safetensors_file.write(tmp_path / "models" / "red.safetensors", adapters.lora_sd1(), metadata=metadata)
    safetensors_file.write(tmp_path / "models" / "neg.safetensors", adapters.embedding())
    assert run(["add", str(tmp_path / "models")]) == Exit.OK
    capsys.readouterr()
    return tmp_path


def test_the_page_is_written_and_how_to_open_it_is_printed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The path is whole, so that a terminal can open it; no table is printed."""
    assert run(["list", "--report", "models.html"]) == Exit.OK
    out = capsys.readouterr().out
    page = folder / "models.html"
    assert "2 models" in out and str(page) in out and page.as_uri() in out
    assert len(out.splitlines()) == 2
    assert "red.safetensors" in page.read_text("utf-8")


def test_the_page_holds_the_models_of_the_query(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Words, terms and flags alike; the page names them."""
    assert run(["list", "neg", "--type", "embedding", "--report", "page.html"]) == Exit.OK
    text = (folder / "page.html").read_text("utf-8")
    assert "neg.safetensors" in text and "red.safetensors" not in text
    assert "neg type:embedding" in text
    assert "1 model " in capsys.readouterr().out


def test_json_is_printed_beside_the_page(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Programs read stdout, the person stderr."""
    assert run(["--json", "list", "--report", "page.html"]) == Exit.OK
    printed = capsys.readouterr()
    assert [model["name"] for model in json.loads(printed.out)] == ["neg", "red"]
    assert (folder / "page.html").as_uri() in printed.err


def test_without_a_match_no_page_is_written(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An empty page would only puzzle."""
    assert run(["list", "nothing-like-this", "--report", "page.html"]) == Exit.OK
    assert capsys.readouterr().err
    assert not (folder / "page.html").exists()


def test_another_file_is_not_overwritten(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A page is replaced by a newer one, a model never."""
    assert run(["list", "--report", "page.html"]) == Exit.OK
    assert run(["list", "--report", "page.html"]) == Exit.OK
    model = folder / "models" / "red.safetensors"
    before = model.read_bytes()
    assert run(["list", "--report", str(model)]) == Exit.USAGE
    assert "not a page that modelhub wrote" in capsys.readouterr().err
    assert model.read_bytes() == before


def test_groups_of_duplicates_have_no_page(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It says so instead of writing another page than the one that was meant."""
    assert run(["list", "--duplicates", "--report", "page.html"]) == Exit.USAGE
    assert "cannot be combined" in capsys.readouterr().err
    assert not (folder / "page.html").exists()
