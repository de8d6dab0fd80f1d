"""Verdicts in words: each says what it means and ends with what to do next; findings name member and byte."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from modelhub.cli.views.safety_words import next_step, verdict_sentence
from modelhub.domain import Verdict
from modelhub.operations.library.inspect import inspect
from modelhub.testing.files import adapters, folders, hostile, safetensors_file, torch_file
from modelhub.testing.files.tensors import Tensor
from tests.cli.test_app import modelhub

WEIGHTS = {"string_to_param": {"*": Tensor("F32", (4, 768))}}


def legacy(path: Path) -> Path:
    """Write an embedding with a harmless helper of a training tool."""
    made = torch_file.Call(torch_file.Global("argparse", "Namespace"), ())
    return torch_file.write(path, WEIGHTS | {"args": made})


def unknown_code(path: Path) -> Path:
    """Write an embedding that calls code of another library."""
    made = torch_file.Call(torch_file.Global("pathlib", "PurePosixPath"), ("a",))
    return torch_file.write(path, WEIGHTS | {"where": made})


def second_directory(path: Path) -> Path:
    """Write a file with bytes between its members and its directory."""
    whole = torch_file.write(path, WEIGHTS).read_bytes()
    path.write_bytes(b"PK\x03\x04" + whole)
    return path


def cut_off(path: Path) -> Path:
    """Write the first half of a sound torch file."""
    whole = unknown_code(path).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    return path


def empty(path: Path) -> Path:
    """Write a file without a byte."""
    path.write_bytes(b"")
    return path


def only_text(path: Path) -> Path:
    """Write an archive without any model."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("notes.txt", "nothing")
    path.write_bytes(content.getvalue())
    return path


def pack(path: Path) -> Path:
    """Write an archive with a sound model."""
    model = path.with_name("inside.safetensors")
    safetensors_file.write(model, adapters.embedding(), seed=1)
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(model, model.name)
    return path


def sound(path: Path) -> Path:
    """Write a sound safetensors file."""
    safetensors_file.write(path, adapters.embedding(), seed=1)
    return path


def folder_with_code(path: Path) -> Path:
    """Write a diffusers folder with a file of Python code."""
    folders.write(path)
    (path / "unet" / "model.py").write_text("import os\n")
    return path


CASES: dict[str, tuple[Callable[[Path], Path], str, str, str]] = {
    "safe": (sound, "a.safetensors", "safe: Contains only data. You can use it.", ""),
    "safe-legacy": (legacy, "a.pt", "harmless helpers. You can use it.", "`modelhub convert`"),
    "suspicious": (
        unknown_code,
        "a.pt",
        "Load it only if you trust its source.",
        "`modelhub convert --read-suspicious`",
    ),
    "suspicious bytes": (second_directory, "a.pt", "not on the safe list", "Look for"),
    "suspicious, cut off": (cut_off, "a.pt", "not on the safe list", "download it again"),
    "suspicious folder": (folder_with_code, "model", "not on the safe list", "without these files"),
    "dangerous": (hostile.checkpoint, "a.pt", "Can run code when loaded. Do not load it.", "Delete it"),
    "unrecognised": (only_text, "a.zip", "Not a format that modelhub can read.", "only if you trust its source"),
    "unrecognised pack": (pack, "a.zip", "Not a format", "`modelhub add` unpacks the archive"),
    "unrecognised, empty": (empty, "a.pt", "Not a format that modelhub can read.", "Download it again"),
    "unrecognised, cut off": (hostile.lying_header, "a.safetensors", "Cannot be read to its end", "Download it again"),
}


@pytest.mark.parametrize("name", CASES)
def test_each_verdict_says_what_it_means_and_what_to_do(tmp_path: Path, name: str) -> None:
    """The sentence fits the kind of file; only a safe one needs no further step."""
    make, file, meaning, step = CASES[name]
    found = inspect(make(tmp_path / file))
    assert found.safety.verdict is Verdict(name.split()[0].rstrip(","))
    assert meaning in verdict_sentence(found, broken=found.broken)
    said = next_step(found, broken=found.broken)
    assert step in said
    assert bool(said) is (name != "safe")


def test_inspect_and_add_show_findings_with_member_and_byte_and_end_with_the_next_step(tmp_path: Path) -> None:
    """A suspicious file is not listed as if nothing were the matter."""
    path = unknown_code(tmp_path / "models" / "odd.pt")
    shown = modelhub("inspect", str(path), home=tmp_path).stdout
    added = modelhub("add", str(path), home=tmp_path)
    finding = "Runs pathlib.PurePosixPath, code of another library that is not on the safe list (odd/data.pkl at byte "
    assert finding in " ".join(shown.split())
    assert shown.rstrip().endswith("which runs nothing.")
    assert re.match(r"suspicious +odd\.pt", added.stdout)
    assert finding in " ".join(added.stdout.split())
    assert "`modelhub convert --read-suspicious`" in added.stdout
    assert "1 suspicious." in added.stderr
    assert json.loads(modelhub("add", str(path), "--json", home=tmp_path).stdout)[0]["status"] == "unchanged"


def test_a_damaged_file_is_explained_once(tmp_path: Path) -> None:
    """The finding and the problem are one fact."""
    path = hostile.lying_header(tmp_path / "models" / "half.safetensors")
    added = modelhub("add", str(path), home=tmp_path).stdout
    assert added.startswith("broken")
    assert added.count("truncated") == 1
    assert "Download it again" in added


def test_what_is_not_a_model_is_explained_once(tmp_path: Path) -> None:
    """The reason is the only finding."""
    assert inspect(empty(tmp_path / "a.safetensors")).safety.findings == ("The file is empty.",)


def test_verify_names_each_place_once_and_the_folder_that_it_is_in(tmp_path: Path) -> None:
    """Two folders with equal weights do not report each other's files."""
    folder_with_code(tmp_path / "models" / "one")
    folder_with_code(tmp_path / "models" / "two")
    index = tmp_path / "models" / "two" / "model_index.json"
    index.write_text(index.read_text() + "\n")
    modelhub("add", str(tmp_path / "models"), home=tmp_path)
    rows = json.loads(modelhub("verify", "--json", home=tmp_path).stdout)
    assert len({row["path"] for row in rows}) == len(rows)
    weights = [row for row in rows if row["path"].endswith(".safetensors")]
    assert {row["model"] for row in weights} == {"one", "two"}
    assert all(f"/{row['model']}/" in row["path"] for row in rows)


def test_verify_judges_each_file_of_a_folder_by_itself(tmp_path: Path) -> None:
    """The folder's verdict stands at its index; sound weights are not called what another file is."""
    folder = folder_with_code(tmp_path / "models" / "pipeline")
    modelhub("add", str(folder), home=tmp_path)
    rows = json.loads(modelhub("verify", "--json", home=tmp_path).stdout)
    said = {Path(row["path"]).name: " ".join(row["problems"]) for row in rows}
    assert "The safety verdict of its folder is `suspicious`." in said["model_index.json"]
    assert not any(text for name, text in said.items() if name.endswith(".safetensors"))
