"""The published schemas are current, and what the commands print is valid by them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from modelhub.documents.schemas import PUBLISHED, Published, schema_of, schema_text
from modelhub.testing.files import adapters, hostile, safetensors_file
from tests.cli.test_app import modelhub
from tests.conftest import ROOT

FOLDER = ROOT / "docs" / "schemas"
SCHEMAS = {row.name: row for row in PUBLISHED}
# Commands whose output is checked here, with the schema of each. `{models}` is a folder of models.
COMMANDS = {
    "scan": "path-results",
    "list": "models",
    "search reddress": "models",
    "set 1 style=anime": "models",
    "convert {models}/reddress.safetensors --precision fp32 --to {models}/converted.safetensors": "models",
    "show 1": "show",
    "list --duplicates": "duplicates",
    "inspect {models}": "inspections",
    "inspect --hash --deep {models}": "inspections",
    "verify": "verify",
    "known anything": "known",
    "fingerprint {models}/reddress.safetensors": "fingerprint",
    "doctor": "doctor",
    "explain": "topics",
    "tag 1 favorite": "tags",
    "config show": "settings",
    "config path": "config-file",
    "rm 2 --yes --keep-files": "removed",
    "": "start",
    "sort {models} --layout a1111 --into {models}/../ui --dry-run": "sort",
    "sort {models} --layout invokeai --into http://127.0.0.1:9 --dry-run": "registration",
    "undo 1": "undo",
    "history": "history",
    "link --layout a1111": "link",
    "link --layout comfyui --print": "link",
    "shortcut list": "shortcuts",
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's folder with a library that knows a LoRA, its copy and a dangerous file, and that has sorted once."""
    folder = tmp_path_factory.mktemp("home")
    models = folder / "models"
    metadata = adapters.lora_metadata("reddress", "reddress", rank=4)
    for name in ("reddress", "reddress copy"):
        safetensors_file.write(models / f"{name}.safetensors", adapters.lora_sd1(4), metadata=metadata, seed=1)
    hostile.checkpoint(models / "trap.pt")
    validate("path-results", modelhub("add", str(models), "--json", home=folder).stdout)
    downloads = folder / "downloads"
    safetensors_file.write(downloads / "new.safetensors", adapters.lora_sd1(4), seed=2)
    words = ("sort", str(downloads), "--layout", "a1111", "--into", str(folder / "other ui"), "--json")
    assert validate("sort", modelhub(*words, home=folder).stdout)["run"] == 1
    return folder


def validate(name: str, text: str) -> Any:
    """Return the parsed document; raise ValidationError when the schema of that name does not accept it."""
    document = json.loads(text)
    jsonschema.validate(document, schema_of(SCHEMAS[name]), cls=jsonschema.Draft202012Validator)
    return document


@pytest.mark.parametrize("row", PUBLISHED, ids=lambda row: row.name)
def test_schema_file_is_current(row: Published) -> None:
    """`python tools/schemas.py` would change nothing."""
    assert (FOLDER / f"{row.name}.json").read_text(encoding="ascii") == schema_text(row)


def test_there_is_no_schema_without_a_document() -> None:
    """Each file of docs/schemas belongs to a document."""
    assert {path.stem for path in FOLDER.glob("*.json")} == set(SCHEMAS)


@pytest.mark.parametrize("row", PUBLISHED, ids=lambda row: row.name)
def test_schema_is_a_valid_one_and_refuses_a_missing_key(row: Published) -> None:
    """Every key of a document is required."""
    schema = schema_of(row)
    jsonschema.Draft202012Validator.check_schema(schema)
    empty: Any = [{}] if schema.get("type") == "array" else {}
    assert not jsonschema.Draft202012Validator(schema).is_valid(empty)


@pytest.mark.parametrize("command", COMMANDS)
def test_command_prints_a_valid_document(home: Path, command: str) -> None:
    """What `--json` prints is what its schema describes."""
    words = [word.format(models=home / "models") for word in command.split()]
    done = modelhub("--json", *words, home=home)
    # One of the models is dangerous, which `verify` reports by its exit code.
    assert done.returncode == (4 if command.startswith("verify") else 0), done.stderr
    document = validate(COMMANDS[command], done.stdout)
    assert document or command == "shortcut list"
    assert isinstance(document, list) or document["modelhub"] == 1
