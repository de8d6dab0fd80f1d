"""Every kind of file gets a verdict from the whole test of a model, here with shapes that are all wrong."""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the extra [render]")

from modelhub.operations.library.inspect import inspect
from modelhub.render.model_tests.by_type import TESTS
from modelhub.render.recipes import Recipe
from modelhub.render.verdicts import RenderVerdict
from tests.render.job_runner import PROMPT, JobRunner

PIECES = 2  # the headers in as many tests, so that they run side by side


@pytest.mark.parametrize("piece", range(PIECES))
def test_every_kind_of_file_gets_a_verdict_and_is_left_as_it_is(
    piece: int, shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Zeros in wrong shapes are never ok and never an exception, and not a byte of the file changes."""
    job_runner = JobRunner(tmp_path / "pictures")
    wrong = []
    for layout in sorted((shared / "headers").glob("*.json"))[piece::PIECES]:
        container = json.loads(layout.read_text(encoding="utf-8")).get("container", "safetensors")
        path = tmp_path / f"{layout.stem}.{'safetensors' if container == 'safetensors' else 'ckpt'}"
        monkeypatch.setattr(sys, "argv", ["make_file.py", str(layout), str(path), "--scale", "16"])
        runpy.run_path(str(shared / "headers" / "make_file.py"), run_name="__main__")
        before = path.read_bytes()
        type_ = inspect(path).detection.type.value
        kind = type_ if type_ in TESTS else "lora"
        result = job_runner.run(path, kind, Recipe(prompt=PROMPT, steps=2))
        if result.verdict not in set(RenderVerdict) or result.verdict == "ok" or not result.words:
            wrong.append(f"{layout.stem} as {kind}: {result.verdict} {result.words}")
        assert path.read_bytes() == before
        path.unlink()
    assert wrong == []
