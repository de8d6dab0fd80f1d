"""`add` of an archive unpacks its models into the library, each checked as any other file."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelhub.catalog import Catalog, ModelQuery
from modelhub.domain import ModelType, Verdict
from modelhub.operations.library import packs
from modelhub.operations.library.add import add
from modelhub.operations.library.inspect import inspect
from modelhub.operations.library.path_results import PathResult, PathStatus
from modelhub.storage.errors import DiskFullError
from modelhub.testing.files import adapters, hostile, safetensors_file, torch_file


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    """A catalog of its own."""
    with Catalog.open(tmp_path / "catalog.sqlite3") as opened:
        yield opened


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A library that does not exist yet."""
    return tmp_path / "library"


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """Two LoRAs of one name, a hostile embedding and a good one, a preview, and a member that leads out."""
    made = tmp_path / "made"
    members = {
        "high/style.safetensors": safetensors_file.write(made / "a", adapters.lora_sd1(1), seed=1),
        "low/style.safetensors": safetensors_file.write(made / "b", adapters.lora_sd1(1), seed=2),
        "easy.pt": torch_file.write(made / "c", adapters.embedding_a1111("easy"), seed=3),
        "trap.pt": hostile.checkpoint(made / "d"),
        "../out.safetensors": safetensors_file.write(made / "e", adapters.lora_sd1(1), seed=4),
    }
    path = tmp_path / "downloads" / "pack.zip"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, source in members.items():
            archive.write(source, name)
        archive.writestr("high/style.preview.png", b"\x89PNG\r\n\x1a\n" + bytes(100))
        archive.writestr("README.txt", "text")
    return path


def files_in(library: Path) -> set[str]:
    """Return the files of the library, without those of its private folder."""
    found = (path.relative_to(library).as_posix() for path in library.rglob("*") if path.is_file())
    return {name for name in found if not name.startswith(".modelhub/")}


def by_name(results: list[PathResult]) -> dict[str, PathStatus]:
    """Return the status by the last part of the path."""
    return {result.path.name: result.status for result in results}


PLACED = {
    "lora/style.safetensors", "lora/style.preview.png", "lora/low-style.safetensors", "embedding/easy.pt",
}  # fmt: skip


def test_the_models_of_an_archive_are_unpacked_to_their_places(catalog: Catalog, library: Path, pack: Path) -> None:
    """What is hostile or leads out is refused, the others are added with their source; the archive stays."""
    results = list(add([pack], catalog=catalog, library=library))
    assert by_name(results) == {
        "trap.pt": PathStatus.DANGEROUS,
        "style.safetensors": PathStatus.ADDED,
        "low-style.safetensors": PathStatus.ADDED,
        "easy.pt": PathStatus.ADDED,
        "out.safetensors": PathStatus.FAILED,
        "pack.zip": PathStatus.UNPACKED,
    }
    assert results[-1].message == "3 models are in the library now. The archive was kept."
    assert files_in(library) == PLACED
    assert pack.exists()
    assert not (library / ".modelhub" / "unpacked").exists()
    (record,) = catalog.find("low-style")
    assert record.detection.type is ModelType.LORA
    assert (str(pack), "low/style.safetensors") in {(source.reference, source.path) for source in record.sources}
    assert {record.safety.verdict for record in catalog.records(ModelQuery())} <= {
        Verdict.SAFE,
        Verdict.SAFE_LEGACY,
    }


def test_adding_it_again_changes_nothing(catalog: Catalog, library: Path, pack: Path) -> None:
    """What the library has already is recognized, wherever the user has moved it."""
    list(add([pack], catalog=catalog, library=library))
    (library / "lora" / "style.safetensors").rename(library / "mine.safetensors")
    list(add([library], catalog=catalog))
    again = by_name(list(add([pack], catalog=catalog, library=library)))
    assert again["mine.safetensors"] is again["easy.pt"] is PathStatus.UNCHANGED
    assert len(catalog.records(ModelQuery())) == 3
    assert "lora/style.safetensors" not in files_in(library)


def test_with_move_the_archive_goes_to_the_trash_when_all_is_well(
    catalog: Catalog, library: Path, pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One with a refused member is kept."""
    trashed: list[Path] = []
    monkeypatch.setattr(packs, "move_to_trash", trashed.extend)
    good = tmp_path / "good.zip"
    with zipfile.ZipFile(good, "w") as archive:
        archive.write(safetensors_file.write(tmp_path / "x", adapters.lora_sd1(1), seed=9), "x.safetensors")
    results = list(add([pack, good], mode="move", catalog=catalog, library=library))
    assert trashed == [good]
    assert results[-1].message == "1 model is in the library now. The archive was moved to the trash."


def test_an_archive_whose_models_are_all_refused_says_that_none_was_unpacked(
    catalog: Catalog, library: Path, tmp_path: Path
) -> None:
    """The archive is kept."""
    path = tmp_path / "bad.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(hostile.checkpoint(tmp_path / "trap.pt"), "trap.pt")
    refused, whole = add([path], catalog=catalog, library=library)
    assert refused.status is PathStatus.DANGEROUS
    assert whole.message == "No model was unpacked. The archive was kept."


def test_nothing_is_unpacked_when_the_disk_is_too_small(
    catalog: Catalog, library: Path, pack: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is known before the first byte."""

    def full(*_: object, **__: object) -> None:
        raise DiskFullError("Not enough space.")

    monkeypatch.setattr(packs, "ensure_free_space", full)
    (result,) = add([pack], catalog=catalog, library=library)
    assert (result.path, result.status) == (pack, PathStatus.FAILED)
    assert files_in(library) == set()


def test_an_interrupted_unpacking_leaves_nothing(
    catalog: Catalog, library: Path, pack: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No model has its place before all are complete; what a killed process left is removed by the next."""
    write = packs._write

    def interrupted(which: packs.Pack, member: packs.Member, target: Path, task: packs.Task) -> None:
        if member.name == "easy.pt":
            raise KeyboardInterrupt
        write(which, member, target, task)

    with monkeypatch.context() as patched:
        patched.setattr(packs, "_write", interrupted)
        with pytest.raises(KeyboardInterrupt):
            list(add([pack], catalog=catalog, library=library))
    assert files_in(library) == set()
    assert not (library / ".modelhub" / "unpacked").exists()
    left = library / ".modelhub" / "unpacked" / "half.safetensors"
    left.parent.mkdir()
    left.write_bytes(b"half")
    list(add([pack], catalog=catalog, library=library))
    assert files_in(library) == PLACED
    assert not left.exists()


def test_a_damaged_archive_is_not_half_unpacked(catalog: Catalog, library: Path, pack: Path) -> None:
    """One wrong byte."""
    data = bytearray(pack.read_bytes())
    data[2000] ^= 0xFF
    pack.write_bytes(data)
    (result,) = add([pack], catalog=catalog, library=library)
    assert result.status is PathStatus.FAILED
    assert "damaged" in result.message
    assert files_in(library) == set()


def test_a_folder_with_an_archive_names_it(catalog: Catalog, library: Path, pack: Path) -> None:
    """Only an archive that is named itself is unpacked."""
    (result,) = add([pack.parent], catalog=catalog, library=library)
    assert (result.path, result.status) == (pack, PathStatus.PASSED_OVER)
    assert "4 models" in result.message


def test_inspect_lists_the_models_with_their_verdicts(pack: Path) -> None:
    """The archive itself is never safe."""
    found = inspect(pack)
    assert found.safety.verdict is Verdict.DANGEROUS
    verdicts = {str(member.path)[len(str(pack)) + 1 :]: member.safety.verdict for member in found.members}
    assert verdicts == {
        "high/style.safetensors": Verdict.SAFE,
        "low/style.safetensors": Verdict.SAFE,
        "easy.pt": Verdict.SAFE,
        "trap.pt": Verdict.DANGEROUS,
        "../out.safetensors": Verdict.UNRECOGNISED,
    }
    assert found.members[0].detection.type is ModelType.LORA


def test_an_archive_of_good_models_is_not_called_safe(tmp_path: Path) -> None:
    """It is an archive, which no loader of models reads."""
    path = tmp_path / "p.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(safetensors_file.write(tmp_path / "x", adapters.lora_sd1(1), seed=9), "x.safetensors")
    found = inspect(path)
    assert found.safety.verdict is Verdict.UNRECOGNISED
    assert found.members[0].safety.verdict is Verdict.SAFE
    assert not found.broken
