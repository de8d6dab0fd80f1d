"""Models are added, scanned, verified and removed, and other files are left alone."""

from __future__ import annotations

import os
import pickle
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelhub.catalog import Catalog, ModelQuery
from modelhub.domain import Detection, Format, Inspection, LocationState, ModelType, SafetyReport, Verdict
from modelhub.errors import ModelhubError, NotFoundError
from modelhub.operations.library import identify
from modelhub.operations.library.add import add
from modelhub.operations.library.path_results import PathResult, PathStatus
from modelhub.operations.library.reidentify import reidentify_outdated
from modelhub.operations.library.remove import paths_to_remove, remove
from modelhub.operations.library.scan import resolve_roots, scan_roots
from modelhub.operations.library.verify import Health, verify
from modelhub.storage.errors import TrashError
from modelhub.testing.files import adapters, folders, hostile, safetensors_file


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    """A catalog of its own."""
    with Catalog.open(tmp_path / "catalog.sqlite3") as opened:
        yield opened


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A folder with two small models."""
    folder = tmp_path / "models"
    safetensors_file.write(folder / "easy.safetensors", adapters.embedding(), seed=1)
    safetensors_file.write(folder / "sub" / "红裙.safetensors", adapters.embedding(), seed=2)
    return folder


def statuses(outcomes: Iterator[PathResult]) -> dict[str, PathStatus]:
    """Return the status by file name."""
    return {outcome.path.name: outcome.status for outcome in outcomes}


def rescan(catalog: Catalog) -> dict[str, PathStatus]:
    """Scan every root and return the statuses."""
    return statuses(scan_roots(catalog.roots(), catalog=catalog))


def test_a_folder_is_catalogued_and_then_not_read_again(
    catalog: Catalog, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second time only the directory is looked at."""
    assert statuses(add([models], catalog=catalog)) == {
        "easy.safetensors": PathStatus.ADDED,
        "红裙.safetensors": PathStatus.ADDED,
    }
    monkeypatch.setattr(
        identify, "hash_files", lambda paths, **_: iter(()) if not list(paths) else pytest.fail("read again")
    )
    assert set(statuses(add([models], catalog=catalog)).values()) == {PathStatus.UNCHANGED}


def test_the_only_path_being_missing_is_an_error(catalog: Catalog, models: Path) -> None:
    """A typo is reported before anything is done."""
    with pytest.raises(NotFoundError, match="absent"):
        list(add([models / "absent"], catalog=catalog))
    assert catalog.list(ModelQuery()) == []


def test_of_several_paths_a_missing_one_is_reported_and_the_others_are_added(catalog: Catalog, models: Path) -> None:
    """One typo does not cost the work for all others."""
    results = list(add([models / "absent", models], catalog=catalog))
    assert results[-1].status is PathStatus.NOT_FOUND
    assert results[-1].path == models / "absent"
    assert len(catalog.list(ModelQuery())) == len(results) - 1 > 0


def test_a_file_replaced_in_place_is_noticed_even_at_the_same_size(catalog: Catalog, models: Path) -> None:
    """Another content is another answer; the model's record goes on."""
    list(add([models], catalog=catalog))
    before = catalog.find("easy")[0]
    path = models / "easy.safetensors"
    size = path.stat().st_size
    safetensors_file.write(path, adapters.embedding(), seed=99)
    os.utime(path, ns=(1, 1))
    assert path.stat().st_size == size
    assert rescan(catalog)["easy.safetensors"] is PathStatus.UPDATED
    after = catalog.find("easy")[0]
    assert after.main.sha256 != before.main.sha256
    assert len(catalog.list(ModelQuery())) == 2


def test_a_touched_file_is_the_same_model(catalog: Catalog, models: Path) -> None:
    """Another time on the same bytes changes nothing."""
    list(add([models], catalog=catalog))
    os.utime(models / "easy.safetensors", ns=(5, 5))
    assert rescan(catalog)["easy.safetensors"] is PathStatus.UNCHANGED
    assert len(catalog.list(ModelQuery())) == 2


def test_a_moved_file_keeps_its_record(catalog: Catalog, models: Path) -> None:
    """Within a root by its inode, across roots by its content."""
    list(add([models], catalog=catalog))
    before = catalog.find("easy")[0]
    (models / "easy.safetensors").rename(models / "sub" / "renamed.safetensors")
    assert rescan(catalog)["renamed.safetensors"] is PathStatus.MOVED
    elsewhere = models.parent / "elsewhere"
    elsewhere.mkdir()
    catalog.ensure_root(elsewhere)
    content = (models / "sub" / "renamed.safetensors").read_bytes()
    (models / "sub" / "renamed.safetensors").unlink()
    (elsewhere / "copied.safetensors").write_bytes(content)
    assert rescan(catalog)["copied.safetensors"] is PathStatus.MOVED
    assert catalog.get(before.id).path == elsewhere / "copied.safetensors"


def test_a_missing_file_is_kept_and_welcomed_back(catalog: Catalog, models: Path) -> None:
    """Nothing is forgotten because a file is away."""
    list(add([models], catalog=catalog))
    away = models.parent / "away.safetensors"
    (models / "easy.safetensors").rename(away)
    assert rescan(catalog)["easy.safetensors"] is PathStatus.MISSING
    assert catalog.find("easy")[0].state is LocationState.MISSING
    away.rename(models / "easy.safetensors")
    assert rescan(catalog)["easy.safetensors"] is PathStatus.BACK
    assert catalog.find("easy")[0].state is LocationState.PRESENT


def test_an_unplugged_drive_is_unavailable_and_comes_back(catalog: Catalog, models: Path) -> None:
    """The whole root is out of reach: unavailable, never missing."""
    list(add([models], catalog=catalog))
    models.rename(models.parent / "unplugged")
    assert rescan(catalog) == {"models": PathStatus.UNAVAILABLE}
    assert {row.state for row in catalog.list(ModelQuery())} == {LocationState.UNAVAILABLE}
    (models.parent / "unplugged").rename(models)
    assert set(rescan(catalog).values()) == {PathStatus.BACK}


def test_a_copy_is_another_place_of_the_same_model(catalog: Catalog, models: Path) -> None:
    """The same bytes twice are one model."""
    list(add([models], catalog=catalog))
    (models / "copy.safetensors").write_bytes((models / "easy.safetensors").read_bytes())
    assert rescan(catalog)["copy.safetensors"] is PathStatus.COPY
    assert len(catalog.list(ModelQuery())) == 2


def test_a_dangerous_file_is_recorded_as_such(catalog: Catalog, models: Path) -> None:
    """It is known, so that every later command can warn."""
    hostile.checkpoint(models / "bad.pt")
    assert statuses(add([models], catalog=catalog))["bad.pt"] is PathStatus.DANGEROUS
    assert catalog.find("bad")[0].safety.verdict is Verdict.DANGEROUS


def test_a_single_file_is_added_without_the_other_files_of_its_folder(catalog: Catalog, models: Path) -> None:
    """`add FILE` is about that file, also at the next scan."""
    list(add([models / "easy.safetensors"], catalog=catalog))
    safetensors_file.write(models / "other.safetensors", adapters.embedding(), seed=5)
    assert rescan(catalog) == {"easy.safetensors": PathStatus.UNCHANGED}
    list(add([models], catalog=catalog))
    assert len(catalog.list(ModelQuery())) == 3


def test_what_is_no_model_is_not_catalogued(catalog: Catalog, tmp_path: Path) -> None:
    """A text file that is named gets a result that says so."""
    note = tmp_path / "note.md"
    note.write_text("hello")
    (outcome,) = add([note], catalog=catalog)
    assert outcome.status is PathStatus.FAILED
    assert "not a model file" in outcome.message
    assert catalog.list(ModelQuery()) == []


def test_a_diffusers_folder_is_one_model_of_many_files(catalog: Catalog, tmp_path: Path) -> None:
    """Its path is the folder; unchanged it is not read again."""
    folder = folders.write(tmp_path / "models" / "my-pipeline")
    (outcome,) = add([tmp_path / "models"], catalog=catalog)
    assert outcome.status is PathStatus.ADDED
    (record,) = catalog.find("my-pipeline")
    assert record.format is Format.DIFFUSERS
    assert record.detection.type is ModelType.BASE
    assert record.path == tmp_path / "models" / "my-pipeline" == folder or record.path is not None
    assert len(record.files) > 4
    assert rescan(catalog) == {"my-pipeline": PathStatus.UNCHANGED}


def test_the_parts_of_a_diffusers_folder_are_judged_by_content(catalog: Catalog, tmp_path: Path) -> None:
    """Code and settings that name code are suspicious, a hidden pickle is dangerous; links and pipes are left out."""
    folder = folders.write(tmp_path / "pipe")
    (folder / "unet" / "my_unet.py").write_text("print()")
    (folder / "unet" / "extra.json").write_text('{"auto_map": {"AutoModel": "my_unet.MyUNet"}}')
    (folder / "unet" / "nowhere.bin").symlink_to("missing")
    os.mkfifo(folder / "unet" / "pipe.bin")
    (result,) = add([folder], catalog=catalog)
    assert result.model_id is not None
    record = catalog.get(result.model_id)
    assert record.safety.verdict is Verdict.SUSPICIOUS
    suspicious = {file.role for file in record.files if file.safety.verdict is Verdict.SUSPICIOUS}
    assert suspicious == {"unet/my_unet.py", "unet/extra.json"}
    (folder / "tokenizer" / "weights").write_bytes(b"\x80\x02cposix\nsystem\nX\x04\x00\x00\x00echo\x85R.")
    (result,) = add([folder], catalog=catalog)
    assert result.status is PathStatus.DANGEROUS


def test_older_answers_are_renewed_from_headers(
    catalog: Catalog, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """New rules re-identify without reading whole files."""
    from modelhub.operations.library import reidentify as module

    list(add([models], catalog=catalog))
    assert reidentify_outdated(catalog) == 0
    monkeypatch.setattr(module, "rules_version", lambda: 1_000_000)
    assert reidentify_outdated(catalog) == 2
    assert reidentify_outdated(catalog) == 0


def test_an_unknown_root_names_the_known_ones(catalog: Catalog, models: Path) -> None:
    """`scan NAME` with a wrong name."""
    list(add([models], catalog=catalog))
    assert [root.path for root in resolve_roots(Path("models"), catalog)] == [models]
    with pytest.raises(NotFoundError) as caught:
        resolve_roots(Path("modles"), catalog)
    assert "models" in caught.value.remedy.text


def test_verify_tells_rot_truncation_and_absence_apart(catalog: Catalog, models: Path) -> None:
    """Each with the file's path and what to do."""
    safetensors_file.write(models / "third.safetensors", adapters.embedding(), seed=3)
    safetensors_file.write(models / "sound.safetensors", adapters.embedding(), seed=4)
    list(add([models], catalog=catalog))
    rotten = models / "easy.safetensors"
    data = bytearray(rotten.read_bytes())
    data[-1] ^= 1
    rotten.write_bytes(data)
    cut = models / "third.safetensors"
    cut.write_bytes(cut.read_bytes()[:-10])
    (models / "sub" / "红裙.safetensors").unlink()
    answers = {a.path.name: a for a in verify(catalog.records(ModelQuery()), deep=True)}
    assert {name: a.health for name, a in answers.items()} == {
        "easy.safetensors": Health.DAMAGED,
        "third.safetensors": Health.DAMAGED,
        "红裙.safetensors": Health.MISSING,
        "sound.safetensors": Health.OK,
    }
    assert "same size" in answers["easy.safetensors"].problems[0]
    assert "instead of" in answers["third.safetensors"].problems[0]


def test_removing_takes_sidecars_but_not_those_of_a_model_of_the_same_name(catalog: Catalog, models: Path) -> None:
    """What another file of the same name needs stays."""
    (models / "easy.json").write_text("{}")
    (models / "sub" / "红裙.json").write_text("{}")
    (models / "sub" / "红裙.ckpt").write_bytes(b"twin")
    list(add([models / "easy.safetensors", models / "sub" / "红裙.safetensors"], catalog=catalog))
    gone: list[str] = []

    def trash(path: str) -> None:
        gone.append(Path(path).name)
        Path(path).unlink()

    remove(catalog.records(ModelQuery()), catalog=catalog, send=trash)
    assert sorted(gone) == ["easy.json", "easy.safetensors", "红裙.safetensors"]
    assert catalog.list(ModelQuery()) == []


def test_a_trash_that_refuses_keeps_file_and_record(catalog: Catalog, models: Path) -> None:
    """Nothing is forgotten that is still there."""
    list(add([models], catalog=catalog))

    def refuse(_: str) -> None:
        raise OSError("the trash is full")

    with pytest.raises(TrashError):
        remove(catalog.find("easy"), catalog=catalog, send=refuse)
    assert len(catalog.find("easy")) == 1
    assert (models / "easy.safetensors").exists()
    assert paths_to_remove(catalog.find("easy")[0], catalog=catalog) == (models / "easy.safetensors",)


def test_removing_never_takes_what_another_model_needs(catalog: Catalog, tmp_path: Path) -> None:
    """A loose VAE that is also a part of a diffusers folder: each can go without the other's copy."""
    folder = folders.write(tmp_path / "models" / "pipe")
    inside = next((folder / "vae").glob("*.safetensors"))
    loose = tmp_path / "models" / "loose.safetensors"
    loose.write_bytes(inside.read_bytes())
    list(add([tmp_path / "models"], catalog=catalog))

    def trash(path: str) -> None:
        target = Path(path)
        shutil.rmtree(target) if target.is_dir() else target.unlink()

    remove(catalog.find("loose"), catalog=catalog, send=trash)
    assert inside.is_file()
    assert not loose.exists()
    loose.write_bytes(inside.read_bytes())
    list(add([loose], catalog=catalog))
    remove(catalog.find("pipe"), catalog=catalog, send=trash)
    assert loose.is_file()
    assert not folder.exists()
    (left,) = catalog.records(ModelQuery())
    assert left.path == loose
    assert catalog.check() == []


def test_a_folder_with_the_only_copy_of_another_model_stays(catalog: Catalog, tmp_path: Path) -> None:
    """The other model is named, and nothing is trashed."""
    folder = folders.write(tmp_path / "models" / "pipe")
    inside = next((folder / "vae").glob("*.safetensors"))
    loose = tmp_path / "models" / "loose.safetensors"
    loose.write_bytes(inside.read_bytes())
    list(add([tmp_path / "models"], catalog=catalog))
    loose.unlink()
    list(scan_roots(catalog.roots(), catalog=catalog))
    with pytest.raises(ModelhubError, match="only copy"):
        remove(catalog.find("pipe"), catalog=catalog, send=lambda path: pytest.fail(f"trashed {path}"))
    assert folder.is_dir()


def test_many_single_files_read_the_catalog_once(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is known in a folder is read once for all files of it that are named."""
    folder = tmp_path / "many"
    for number in range(8):
        safetensors_file.write(folder / f"e{number}.safetensors", adapters.embedding(), seed=number)
    list(add([folder], catalog=catalog))
    known, calls = catalog.known_locations, []
    monkeypatch.setattr(catalog, "known_locations", lambda root: calls.append(root) or known(root))
    assert len(list(add(sorted(folder.iterdir()), catalog=catalog))) == 8
    assert len(calls) == 1


def test_models_without_a_suffix_are_added_by_content(catalog: Catalog, tmp_path: Path) -> None:
    """What is not a model is passed over and named, and does not make the command fail."""
    folder = tmp_path / "downloads"
    model = safetensors_file.write(folder / "130072", adapters.lora_sd1(4), seed=1)
    shutil.copy(model, folder / "x.safetensors.1")
    hostile.checkpoint(folder / "trap")
    (folder / "pack.rar").write_bytes(b"Rar!\x1a\x07" + bytes(100))
    (folder / "other.zip").write_bytes(b"PK\x05\x06" + bytes(18) + bytes(100))
    (folder / "words").write_bytes(pickle.dumps({"a": [1.5] * 100}))
    (folder / "notes.txt").write_text("mine")
    found = statuses(add([folder], catalog=catalog))
    assert found["trap"] is PathStatus.DANGEROUS
    assert found["pack.rar"] is found["words"] is PathStatus.PASSED_OVER
    assert {found["130072"], found["x.safetensors.1"]} == {PathStatus.ADDED, PathStatus.COPY}
    assert "notes.txt" not in found
    (lora,) = catalog.find("130072")
    assert lora.detection.type is ModelType.LORA
    assert catalog.find("trap")[0].safety.verdict is Verdict.DANGEROUS


def test_a_record_keeps_its_answers_when_the_same_bytes_come_under_a_worse_name(
    catalog: Catalog, tmp_path: Path
) -> None:
    """Trigger words of a sidecar stay, and those of another copy are added."""
    first = safetensors_file.write(tmp_path / "a" / "good.safetensors", adapters.lora_sd1(4), seed=1)
    first.with_suffix(".civitai.info").write_text('{"trainedWords": ["foo"]}')
    list(add([first], catalog=catalog))
    before = catalog.find("good")[0].detection
    assert [word.word for word in before.trigger_words] == ["foo"]
    for name in ("V1", "other.safetensors"):
        (tmp_path / "b").mkdir(exist_ok=True)
        list(add([Path(shutil.copy(first, tmp_path / "b" / name))], catalog=catalog))
    (tmp_path / "b" / "third.safetensors").write_bytes(first.read_bytes())
    (tmp_path / "b" / "third.civitai.info").write_text('{"trainedWords": ["bar", "foo"]}')
    list(add([tmp_path / "b" / "third.safetensors"], catalog=catalog))
    (record,) = catalog.records(ModelQuery())
    assert record.detection.type is before.type
    assert [word.word for word in record.detection.trigger_words] == ["foo", "bar"]


def test_a_copy_with_more_words_makes_the_record_richer(catalog: Catalog, tmp_path: Path) -> None:
    """The first copy came without a sidecar."""
    first = safetensors_file.write(tmp_path / "a" / "130072", adapters.lora_sd1(4), seed=1)
    list(add([first], catalog=catalog))
    second = Path(shutil.copy(first, tmp_path / "good.safetensors"))
    second.with_suffix(".civitai.info").write_text('{"trainedWords": ["foo"]}')
    list(add([second], catalog=catalog))
    (record,) = catalog.records(ModelQuery())
    assert [word.word for word in record.detection.trigger_words] == ["foo"]


def test_files_passed_over_in_an_inner_folder_are_reported_once(catalog: Catalog, models: Path) -> None:
    """A scan of two nested folders names each file once."""
    (models / "sub" / "pack.7z").write_bytes(b"7z\xbc\xaf\x27\x1c" + bytes(100))
    list(add([models], catalog=catalog))
    catalog.ensure_root(models / "sub")
    found = [result.path.name for result in scan_roots(catalog.roots(), catalog=catalog)]
    assert found.count("pack.7z") == 1


def test_what_a_source_said_outlives_newer_rules_and_what_was_never_read_is_judged(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Earlier versions recorded files without a model's suffix as safe, unread."""
    from modelhub.operations.library import reidentify as module

    model = safetensors_file.write(tmp_path / "a" / "good.safetensors", adapters.lora_sd1(4), seed=1)
    model.with_suffix(".civitai.info").write_text('{"trainedWords": ["foo"]}')
    trap = hostile.checkpoint(tmp_path / "a" / "130072")
    list(add([model, trap], catalog=catalog))
    model.with_suffix(".civitai.info").unlink()
    held = catalog.find("130072")[0]
    unread = Inspection(
        path=trap,
        size=held.size,
        format=Format.UNKNOWN,
        detection=Detection(type=ModelType.OTHER),
        safety=SafetyReport(Verdict.SAFE),
        hashes=held.main.hashes,
    )
    catalog.update_file(held.main.sha256, unread, rules_version=1)
    assert catalog.find("130072")[0].safety.verdict is Verdict.SAFE
    monkeypatch.setattr(module, "rules_version", lambda: 1_000_000)
    assert reidentify_outdated(catalog) == 2
    assert catalog.find("130072")[0].safety.verdict is Verdict.DANGEROUS
    assert [word.word for word in catalog.find("good")[0].detection.trigger_words] == ["foo"]


def test_a_named_file_that_is_not_a_model_and_would_run_is_reported_as_dangerous(
    catalog: Catalog, tmp_path: Path
) -> None:
    """A program is not a model, and is not recorded."""
    program = tmp_path / "tool"
    program.write_bytes(b"\x7fELF" + bytes(200))
    (result,) = add([program], catalog=catalog)
    assert result.status is PathStatus.DANGEROUS
    assert result.model_id is None
