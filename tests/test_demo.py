"""The demo runs to its end, and the README shows what it prints."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tools import readme
from tools.demo import STEPS, line


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What every command of the demo printed; the demo has checked their exit codes."""
    return readme.recorded(tmp_path_factory.mktemp("demo"))


def test_every_step_of_the_demo_ends_as_it_should(outputs: dict[str, str]) -> None:
    """All steps ran, and none of them into a bug of ours."""
    assert list(outputs) == [line(step.words) for step in STEPS]
    assert [text for text in outputs.values() if "unexpected" in text or "Traceback" in text] == []


def test_the_demo_catalogues_all_five_types(outputs: dict[str, str]) -> None:
    """The closing table shows a base, a VAE, a LoRA, an embedding and a hypernetwork."""
    table = outputs["modelhub list"]
    for kind in ("base", "vae", "lora", "embedding", "hypernetwork"):
        assert f" {kind} " in table


def test_the_readme_shows_what_the_demo_prints(outputs: dict[str, str]) -> None:
    """The transcripts are true; after a change of output run: python tools/dev.py readme."""
    text = readme.README.read_text(encoding="utf-8")
    assert readme.without_figures(text) == readme.without_figures(readme.refreshed(text, outputs))


def test_the_demo_removes_no_folder_that_is_not_its_own(tmp_path: Path) -> None:
    """A folder without the demo's mark is left alone, with an error."""
    (tmp_path / "photo.jpg").write_bytes(b"mine")
    demo = [sys.executable, str(ROOT / "tools" / "demo.py"), "--folder", str(tmp_path)]
    done = subprocess.run(demo, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 2
    assert "not the folder of a demo" in done.stderr
    assert (tmp_path / "photo.jpg").read_bytes() == b"mine"


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_make_knows_the_readmes_targets() -> None:
    """`make demo` and `make test` call the portable script."""
    for target in ("demo", "test", "format", "readme"):
        command = ["make", "-n", "--no-print-directory", target]
        environ = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL")}
        printed = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True, env=environ).stdout
        assert printed.split()[-2:] == ["tools/dev.py", target]
