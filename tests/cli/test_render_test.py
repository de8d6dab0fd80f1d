"""What `render-test` says to words that cannot be meant; the work itself is tested with the operation."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.test_app import modelhub
from tests.render.twins import FAMILY

pytest.importorskip("torch", reason="needs the extra [render]")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A library with an embedding."""
    assert modelhub("add", str(FAMILY / "nightgem.safetensors"), home=tmp_path).returncode == 0
    return tmp_path


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--device", "gpu0"), 2, "There is no device `gpu0`"),
        (("--sampler", "magic"), 2, "There is no sampler `magic`"),
        (("--base", "nightgem"), 2, "is a model of type embedding"),
        (("--base", "nobody"), 3, "`nobody`"),
        (("--sheet", "x.bmp"), 2, "a contact sheet is FILE.html"),
        (("--steps", "0"), 2, "--steps"),
        (("--all", "--failed"), 2, "Say one of"),
        (("nobody",), 3, "`nobody`"),
    ],
)
def test_words_that_cannot_be_meant_are_said(home: Path, words: tuple[str, ...], code: int, said: str) -> None:
    """Before any render process starts, with the exit code for it."""
    done = modelhub("render-test", *words, home=home)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_an_adapter_without_a_base_is_a_result(home: Path) -> None:
    """Not an error: the reason stands where the verdict stands."""
    done = modelhub("render-test", "nightgem", home=home)
    assert done.returncode == 0, done.stderr
    assert "not-tested" in done.stdout
    assert "no compatible base in the library" in done.stdout


@pytest.mark.skipif(__import__("torch").cuda.is_available(), reason="there is a CUDA device")
def test_a_device_that_is_not_there_is_said(home: Path) -> None:
    """With what to do."""
    assert modelhub("add", str(FAMILY / "miniature.safetensors"), home=home).returncode == 0
    done = modelhub("render-test", "miniature", "--device", "cuda", home=home)
    assert done.returncode == 1
    assert "torch finds no CUDA device here" in done.stderr
    assert "--device auto" in done.stderr
