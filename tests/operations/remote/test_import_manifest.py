"""Export and import: a library rebuilt elsewhere from sources and hashes, by the commands and by the functions."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from modelhub.catalog import Catalog
from modelhub.cli.remedies import sentence
from modelhub.documents.manifest import make_manifest, read_manifest, write_manifest
from modelhub.domain import ModelRecord, Source
from modelhub.errors import Exit, UsageError
from modelhub.operations.library.add import add
from modelhub.operations.remote.import_manifest import ImportResult, ImportStatus, compare_library, rebuild_library
from modelhub.testing.files import adapters, folders, networks, safetensors_file, torch_file
from modelhub.testing.files.networks import SMALL
from tests.documents.test_schemas import validate
from tests.operations.remote.hubs import User, civitai_file, civitai_item, civitai_version, user
from tests.operations.remote.test_outdated import DRESS, LORA, lora


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[User]:
    """A library with a LoRA and a pipeline of the hub, a LoRA of Civitai, and an embedding of nobody's."""
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    lora(tmp_path / "hub" / DRESS / LORA, 1)
    folders.write(tmp_path / "hub/painter/pipeline")
    content = lora(tmp_path / "civitai" / "v20.safetensors", 20)
    item = civitai_item(civitai_version(20, civitai_file("v20.safetensors", version=20)))
    safetensors_file.write(tmp_path / "own" / "easy.safetensors", adapters.embedding(), seed=9)
    with user(tmp_path, items=[item], contents={"v20.safetensors": content}) as found:
        found.pull(DRESS)
        found.pull("painter/pipeline", diffusers=True)
        found.pull("civitai:7")
        list(add([tmp_path / "own" / "easy.safetensors"], catalog=found.catalog))
        yield found


@pytest.fixture
def elsewhere(place: User, tmp_path: Path) -> Iterator[User]:
    """The same hubs, another library."""
    settings = replace(place.settings, library=tmp_path / "elsewhere")
    with Catalog.open(settings.library / "catalog.sqlite3") as catalog:
        yield replace(place, catalog=catalog, settings=settings)


def restored(manifest: bytes, place: User, **options: Any) -> dict[str, ImportResult]:
    """Import, by model."""
    document = read_manifest(manifest, "test")
    answers = rebuild_library(
        document, catalog=place.catalog, fetchers=place.fetchers, settings=place.settings, **options
    )
    return {item.wanted.name: item for item in answers}


def exported(place: User) -> bytes:
    """Export."""
    return write_manifest(make_manifest(place.models, made_at="2026-01-01T00:00:00+00:00")).encode()


def undated(source: Source) -> Source:
    """Return a source without the time of its pull."""
    return replace(source, fetched_at=None)


def named(place: User, name: str) -> ModelRecord:
    """Return the model of this name."""
    return next(model for model in place.models if model.name == name)


def test_a_library_is_rebuilt_with_the_same_contents_folders_and_words(place: User, elsewhere: User) -> None:
    """Sources, commits, hashes, tags, notes and the user's answers are the same afterwards."""
    dress = named(place, "dress")
    place.catalog.tag(dress.id, add=["favourite", "红"])
    place.catalog.set_override(dress.id, "notes", "at 0.7")
    place.catalog.set_override(dress.id, "style", "anime")
    found = restored(exported(place), elsewhere)
    assert {name: item.status for name, item in found.items()} == {
        "dress": ImportStatus.PULLED,
        "pipeline": ImportStatus.PULLED,
        "v20": ImportStatus.PULLED,
        "easy": ImportStatus.NO_SOURCE,
    }
    for name in ("dress", "pipeline", "v20"):
        old, new = named(place, name), named(elsewhere, name)
        assert {file.role: file.sha256 for file in new.files} == {file.role: file.sha256 for file in old.files}
        assert old.path is not None and new.path is not None
        assert new.path.relative_to(elsewhere.settings.library) == old.path.relative_to(place.settings.library)
        assert [undated(source) for source in new.sources] == [undated(source) for source in old.sources]
        assert (new.tags, new.notes, new.overrides) == (
            named(place, name).tags,
            named(place, name).notes,
            named(place, name).overrides,
        )
    assert "favourite" in named(elsewhere, "dress").tags


def test_what_is_held_is_not_fetched_again(place: User, elsewhere: User) -> None:
    """A second import sends no request and keeps fields that were set here."""
    manifest = exported(place)
    restored(manifest, elsewhere)
    elsewhere.catalog.set_override(named(elsewhere, "dress").id, "notes", "mine")
    asked = place.asked()
    found = restored(manifest, elsewhere)
    assert {item.status for item in found.values()} == {ImportStatus.HELD, ImportStatus.NO_SOURCE}
    assert named(elsewhere, "dress").notes == "mine"
    assert place.asked() == asked


def test_a_file_that_was_copied_by_hand_counts_as_held(place: User, elsewhere: User, tmp_path: Path) -> None:
    """It is found by its hash, under any name, and gets the tags of the manifest."""
    place.catalog.tag(named(place, "dress").id, add=["favourite"])
    copy = tmp_path / "usb" / "renamed.safetensors"
    copy.parent.mkdir()
    path = named(place, "dress").path
    assert path is not None
    copy.write_bytes(path.read_bytes())
    list(add([copy], catalog=elsewhere.catalog))
    found = restored(exported(place), elsewhere)
    assert found["dress"].status is ImportStatus.HELD
    assert "favourite" in named(elsewhere, "renamed").tags


def test_a_changed_file_at_the_source_is_not_taken_for_the_recorded_one(place: User, elsewhere: User) -> None:
    """The hub holds another content and no longer knows the commit: that model fails, the others come."""
    manifest = exported(place)
    lora(place.repositories / DRESS / LORA, 2)
    place.publish()
    found = restored(manifest, elsewhere)
    assert (found["dress"].status, found["dress"].code) == (ImportStatus.FAILED, Exit.NOT_FOUND)
    assert LORA in found["dress"].errors[0].message
    assert found["v20"].status is ImportStatus.PULLED
    assert [model.name for model in elsewhere.models if model.name == "dress"] == []


def test_a_recorded_commit_is_fetched_even_when_the_branch_went_on(place: User, elsewhere: User) -> None:
    """The content of the manifest, not the newest."""
    manifest = exported(place)
    before = place.hub.repositories[DRESS]
    lora(place.repositories / DRESS / LORA, 2)
    first = {LORA: (place.settings.library / "lora" / LORA).read_bytes()}
    place.publish()
    now = place.hub.repositories[DRESS]
    place.hub.repositories[DRESS] = replace(now, revisions={before.commits["main"]: first})
    found = restored(manifest, elsewhere)
    assert found["dress"].status is ImportStatus.PULLED


def test_a_manifest_cannot_place_files_outside_the_library(place: User, elsewhere: User, tmp_path: Path) -> None:
    """Folders and names that try to escape are made harmless."""
    document = json.loads(exported(place))
    for model in document["models"]:
        model["folder"] = "../../outside"
        for file in model["files"]:
            file["name"] = "../../" + file["name"]
    restored(json.dumps(document).encode(), elsewhere)
    for model in elsewhere.models:
        assert model.path is not None
        assert elsewhere.settings.library in model.path.parents
    assert not (tmp_path / "outside").exists()


HOSTILE_PATHS = (
    "../../outside",
    "/outside",
    "//server/share/x",
    "\\\\server\\share\\x",
    "C:\\outside",
    "C:outside",
    "a:b",
    "CON",
    "nul.safetensors",
    "x" * 300,
    "/".join(["deep"] * 3000),
    "nul\0byte",
    "\u202egnp.exe",
    "two\nlines",
    ".modelhub/quarantine",
    ".",
    "\udcff",
    "~",
    "~root/x",
    "$HOME",
)


@pytest.mark.parametrize("path", HOSTILE_PATHS)
def test_hostile_paths_of_one_entry_stay_inside_and_stop_no_other(
    path: str, place: User, elsewhere: User, tmp_path: Path
) -> None:
    """As folder, name and file name: the file is in the library or its entry failed, and the others are there."""
    document = json.loads(exported(place))
    document["models"].sort(key=lambda model: model["name"] != "dress")
    hostile_one, *others = document["models"]
    hostile_one |= {"folder": path, "name": path}
    for file in hostile_one["files"]:
        file["name"] = path
    before = {found for found in tmp_path.rglob("*") if elsewhere.settings.library not in found.parents}
    results = list(
        rebuild_library(
            read_manifest(json.dumps(document).encode(), "m.json"),
            catalog=elsewhere.catalog,
            fetchers=elsewhere.fetchers,
            settings=elsewhere.settings,
            allow_pickle=True,
        )
    )
    assert len(results) == len(others) + 1
    for model in elsewhere.models:
        assert model.path is not None
        assert elsewhere.settings.library in model.path.parents
        assert ".modelhub" not in model.path.parts
    assert all(result.status is not ImportStatus.FAILED for result in results[1:])
    if results[0].status is ImportStatus.FAILED:
        assert results[0].errors
    after = {found for found in tmp_path.rglob("*") if elsewhere.settings.library not in found.parents}
    assert {found for found in after - before if "hf" not in found.parts} <= {elsewhere.settings.library}


def test_a_pickle_of_a_manifest_needs_the_users_consent(place: User, elsewhere: User) -> None:
    """A manifest is not trusted: pickles are not taken unless they are allowed."""
    document = json.loads(exported(place))
    for model in document["models"]:
        model["format"] = "torch-zip"
    found = restored(json.dumps(document).encode(), elsewhere)
    assert found["dress"].code is Exit.UNSAFE
    assert "--allow-pickle" in sentence(found["dress"].errors[0].remedy)


def test_a_dry_run_changes_and_fetches_nothing(place: User, elsewhere: User) -> None:
    """It only reports what is missing."""
    asked = place.asked()
    compared = compare_library(read_manifest(exported(place), "test"), catalog=elsewhere.catalog)
    found = {item.wanted.name: item for item in compared}
    assert found["dress"].status is ImportStatus.MISSING
    assert elsewhere.models == []
    assert place.asked() == asked


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"{",
        b"\xff\xfe",
        b'{"modelhub_manifest": 1}',
        b'{"modelhub_manifest": 99, "models": []}',
        b'{"modelhub_manifest": 1, "models": [{"name": "x", "type": "lora", "format": "safetensors", "files": []}]}',
        b'{"modelhub_manifest": 1, "models": [{"name": "x", "type": "lora", "format": "safetensors", "files":'
        b' [{"name": "x", "role": "weights", "size": 1, "sha256": "zz"}]}]}',
        b"[" * 100_000,
    ],
)
def test_other_content_is_not_a_manifest(text: bytes) -> None:
    """A sentence that names the file, never a traceback."""
    with pytest.raises(UsageError, match=r"rubbish\.json"):
        read_manifest(text, "rubbish.json")


def test_names_that_are_no_unicode_survive(place: User) -> None:
    """As they are on disks of Linux."""
    document = json.loads(exported(place))
    document["models"][0]["name"] = "dr\udce9ss"
    manifest = read_manifest(json.dumps(document).encode(), "test")
    assert read_manifest(write_manifest(manifest).encode("ascii"), "test").models[0].name == "dr\udce9ss"


def run(place: User, *arguments: str, text: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    """Run a command as this user."""
    environ = {**os.environ, **place.environ, "MODELHUB_LIBRARY": str(place.settings.library), "PYTHONUTF8": "1"}
    command = [sys.executable, "-m", "modelhub", *arguments]
    return subprocess.run(command, input=text, capture_output=True, env=environ, check=False)


def test_the_commands_rebuild_a_library_through_a_pipe(place: User, elsewhere: User, tmp_path: Path) -> None:
    """export - | import -, as JSON and in words."""
    text = run(place, "export", "-")
    assert text.returncode == 0
    assert b"easy" in text.stderr
    done = run(elsewhere, "import", "-", "--json", text=text.stdout)
    assert done.returncode == 0, done.stderr
    rows = {row["name"]: row for row in validate("import", done.stdout.decode())}
    assert {row["fate"] for row in rows.values()} == {"pulled", "no source"}
    assert Path(rows["dress"]["path"]).is_file()
    again = run(elsewhere, "import", "-", text=text.stdout)
    assert b"3 held, 1 no source" in again.stderr


def test_a_dry_run_creates_no_library(place: User, tmp_path: Path) -> None:
    """Where there is no library, everything is missing and nothing is written."""
    manifest = tmp_path / "manifest.json"
    manifest.write_bytes(exported(place))
    nowhere = tmp_path / "nowhere"
    done = run(place, "import", str(manifest), "--dry-run", "--json", "--library", str(nowhere))
    assert done.returncode == 0, done.stderr
    assert {row["fate"] for row in validate("import", done.stdout.decode())} == {"missing", "no source"}
    assert not nowhere.exists()


def test_export_writes_a_file_and_never_replaces_another(place: User, tmp_path: Path) -> None:
    """An earlier manifest is replaced; any other file of that name stays."""
    target = tmp_path / "列表.json"
    for _ in range(2):
        done = run(place, "export", str(target), "--json")
        assert done.returncode == 0, done.stderr
        assert validate("export", done.stdout.decode())["without_source"] == ["easy"]
    assert len(read_manifest(target.read_bytes(), "test").models) == 4
    other = tmp_path / "notes.txt"
    other.write_text("my notes")
    assert run(place, "export", str(other)).returncode == 1
    assert other.read_text() == "my notes"


def test_import_of_what_is_not_there_ends_with_3(place: User, tmp_path: Path) -> None:
    """Not found, by name."""
    assert run(place, "import", str(tmp_path / "none.json")).returncode == 3


def test_one_model_can_be_exported(place: User) -> None:
    """By name."""
    done = run(place, "export", "-", "dress")
    assert [model["name"] for model in json.loads(done.stdout)["models"]] == ["dress"]


def test_a_converted_pickle_is_converted_again(place: User, elsewhere: User) -> None:
    """The same pickle becomes the same safetensors file."""
    content = torch_file.checkpoint(networks.sd1(SMALL), global_step=1)
    torch_file.write(place.repositories / "CompVis/old" / "sd-v1-4.ckpt", content)
    place.publish()
    (old,) = place.pull("CompVis/old", convert=True).models
    found = restored(exported(place), elsewhere)
    assert found[old.name].status is ImportStatus.PULLED, found[old.name].errors
    assert named(elsewhere, old.name).main.sha256 == old.main.sha256


def test_a_model_out_of_an_archive_is_restored_from_it(place: User, elsewhere: User, tmp_path: Path) -> None:
    """The archive is pulled and unpacked again, and a later commit of it is noticed."""
    archive = tmp_path / "hub" / "painter/pack" / "pack.zip"
    archive.parent.mkdir(parents=True)
    with zipfile.ZipFile(archive, "w") as file:
        for seed, name in enumerate(("first", "second"), 5):
            model = safetensors_file.write(tmp_path / "made" / name, adapters.lora_sd1(1), seed=seed)
            file.write(model, f"a/{name}.safetensors")
    place.publish()
    place.pull("painter/pack")
    results = restored(exported(place), elsewhere)
    assert results["first"].status is ImportStatus.PULLED
    assert results["second"].status in (ImportStatus.PULLED, ImportStatus.HELD)
    record = named(elsewhere, "first")
    assert record.main.sha256 == named(place, "first").main.sha256
    assert [source.path for source in record.sources] == ["pack.zip/a/first.safetensors"]
