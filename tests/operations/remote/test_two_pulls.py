"""Two modelhubs that pull the same file at once: one works, the other waits and finds it done."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from modelhub.testing.files import networks, safetensors_file
from modelhub.testing.files.networks import SMALL
from modelhub.testing.hubs.hub import Hub


def test_two_pulls_of_one_file_end_with_one_model(tmp_path: Path) -> None:
    """Both succeed; the library holds the file once, the catalog one model."""
    safetensors_file.write(tmp_path / "hub" / "org" / "base" / "base.safetensors", networks.sd1(SMALL), seed=1)
    with Hub(tmp_path / "hub") as hub:
        environ = {
            **os.environ,
            "MODELHUB_CONFIG": str(tmp_path / "none"),
            "MODELHUB_LIBRARY": str(tmp_path / "library"),
            "HF_ENDPOINT": hub.url,
            "HF_HOME": str(tmp_path / "hf"),
        }
        command = [sys.executable, "-m", "modelhub", "pull", "org/base", "--json"]
        running = [
            subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            for _ in range(2)
        ]
        done = [(process.communicate(timeout=120), process.returncode) for process in running]
    assert [code for _, code in done] == [0, 0], [output[1] for output, _ in done]
    models = [json.loads(output[0])[0]["models"][0] for output, _ in done]
    assert models[0]["id"] == models[1]["id"]
    assert [path.name for path in (tmp_path / "library" / "base").iterdir()] == ["base.safetensors"]
    assert not list((tmp_path / "library").rglob("*.part"))
