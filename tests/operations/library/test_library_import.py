"""`add --copy` and `--move`: each file is read once and verified once, whatever the library holds already."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from modelhub.catalog import Catalog, ModelQuery
from modelhub.domain import ModelType
from modelhub.errors import Exit, NotFoundError
from modelhub.operations.library import library_import
from modelhub.operations.library.add import import_into_library
from modelhub.operations.library.path_results import PathResult, PathStatus
from modelhub.storage.hashing import sha256_of
from modelhub.testing.files import adapters, folders, hostile, safetensors_file
from modelhub.testing.files.tensors import Tensor


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
def models(tmp_path: Path) -> Path:
    """A folder with one small embedding."""
    folder = tmp_path / "models"
    safetensors_file.write(folder / "easy.safetensors", adapters.embedding(), seed=1)
    return folder


class CountedReads:
    """Counts the rows that a catalog reads from its database."""

    def __init__(self, catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
        self.rows = 0
        database = catalog._database
        read = database.read

        def counted(*arguments: Any, **options: Any) -> Sequence[tuple[Any, ...]]:
            found = read(*arguments, **options)
            self.rows += len(found)
            return found

        monkeypatch.setattr(database, "read", counted)


def write_embeddings(folder: Path, count: int, *, first: int) -> None:
    """Write `count` different embeddings."""
    for number in range(first, first + count):
        safetensors_file.write(folder / f"e{number}.safetensors", adapters.embedding(), seed=number)


@pytest.mark.parametrize("copy", [True, False])
def test_bringing_in_takes_the_sidecars_along(catalog: Catalog, models: Path, tmp_path: Path, copy: bool) -> None:
    """Copied or moved to the folder of the type, preview and notes too."""
    (models / "easy.preview.png").write_bytes(b"png")
    (models / "easy.json").write_text('{"activation text": "soft light"}')
    library = tmp_path / "library"
    path = models / "easy.safetensors"
    (outcome,) = import_into_library([path], copy=copy, library=library, catalog=catalog)
    assert outcome.status is PathStatus.ADDED
    place = library / "embedding"
    assert sorted(p.name for p in place.iterdir()) == ["easy.json", "easy.preview.png", "easy.safetensors"]
    assert path.exists() == copy
    record = catalog.find("easy")[0]
    assert "soft light" in {word.word for word in record.detection.trigger_words}


def test_bringing_in_never_replaces_another_file(catalog: Catalog, models: Path, tmp_path: Path) -> None:
    """Same name, other content: left where it is, and said."""
    taken = tmp_path / "library" / "embedding" / "easy.safetensors"
    safetensors_file.write(taken, adapters.embedding(), seed=77)
    before = taken.read_bytes()
    (outcome,) = import_into_library(
        [models / "easy.safetensors"], copy=False, library=tmp_path / "library", catalog=catalog
    )
    assert outcome.status is PathStatus.FAILED
    assert "exists already" in outcome.message
    assert taken.read_bytes() == before
    assert (models / "easy.safetensors").exists()


@pytest.mark.parametrize("copy", [True, False])
def test_each_file_costs_the_same_however_many_there_are(
    catalog: Catalog, library: Path, tmp_path: Path, copy: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twice as many files read about twice as many rows, also when the library has models already."""
    write_embeddings(tmp_path / "few", 10, first=1)
    write_embeddings(tmp_path / "many", 20, first=11)
    reads = CountedReads(catalog, monkeypatch)
    assert len(list(import_into_library([tmp_path / "few"], copy=copy, library=library, catalog=catalog))) == 10
    few, reads.rows = reads.rows, 0
    assert len(list(import_into_library([tmp_path / "many"], copy=copy, library=library, catalog=catalog))) == 20
    assert reads.rows <= 2 * few + 10


@pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="/proc/self/io, which counts bytes, is part of Linux")
@pytest.mark.parametrize(("copy", "reads"), [(True, 2), (False, 1)])
def test_a_file_is_read_once_and_its_copy_once(
    catalog: Catalog, library: Path, tmp_path: Path, copy: bool, reads: int
) -> None:
    """A copy is read again to verify it; a move within one drive needs one read for the hashes."""
    size = 24_000_000
    path = tmp_path / "big.safetensors"
    safetensors_file.write(path, {"emb_params": Tensor("F32", (size // 4 // 768, 768))}, seed=1)
    before = _bytes_read()
    (result,) = import_into_library([path], copy=copy, library=library, catalog=catalog, workers=1)
    assert result.status is PathStatus.ADDED
    assert _bytes_read() - before < (reads + 0.4) * size


def _bytes_read() -> int:
    """Return how many bytes this process has read so far, from the page cache or not."""
    text = Path("/proc/self/io").read_text()
    return int(text.partition("rchar: ")[2].split()[0])


def test_a_move_to_another_drive_copies_verifies_and_removes(
    catalog: Catalog, library: Path, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The source goes only after its copy has been read back."""
    monkeypatch.setattr(library_import, "_on_one_drive", lambda source, folder: False)
    source = models / "easy.safetensors"
    sha256 = sha256_of(source)
    (result,) = import_into_library([source], copy=False, library=library, catalog=catalog)
    target = library / "embedding" / "easy.safetensors"
    assert result.status is PathStatus.ADDED
    assert result.path == target
    assert sha256_of(target) == sha256
    assert not source.exists()


@pytest.mark.parametrize("copy", [True, False])
def test_a_second_run_finds_what_the_first_has_placed(
    catalog: Catalog, library: Path, models: Path, copy: bool
) -> None:
    """The same content under the same name is the model that is there."""
    source = models / "easy.safetensors"
    content = source.read_bytes()
    list(import_into_library([source], copy=copy, library=library, catalog=catalog))
    source.write_bytes(content)
    (again,) = import_into_library([source], copy=copy, library=library, catalog=catalog)
    assert again.status is PathStatus.UNCHANGED
    assert len(catalog.list(ModelQuery())) == 1


def test_two_files_of_one_name_do_not_replace_each_other(
    catalog: Catalog, library: Path, models: Path, tmp_path: Path
) -> None:
    """The second one stays where it is, and says so."""
    other = tmp_path / "other" / "easy.safetensors"
    safetensors_file.write(other, adapters.embedding(), seed=2)
    results = list(import_into_library([models, other], copy=False, library=library, catalog=catalog))
    assert sorted(result.status for result in results) == [PathStatus.ADDED, PathStatus.FAILED]
    assert [path.exists() for path in (models / "easy.safetensors", other)].count(True) == 1
    assert not list(library.rglob("*.part"))


def test_dangerous_unknown_and_folder_models_stay_where_they_are(
    catalog: Catalog, library: Path, tmp_path: Path
) -> None:
    """Each with a result that says why; a dangerous one counts as refused for safety."""
    hostile.checkpoint(tmp_path / "models" / "trap.pt")
    (tmp_path / "models" / "noise.bin").write_bytes(os.urandom(100))
    folders.write(tmp_path / "models" / "pipe")
    results = list(import_into_library([tmp_path / "models"], copy=False, library=library, catalog=catalog))
    by_name = {result.path.name: result for result in results}
    assert by_name["trap.pt"].status is PathStatus.DANGEROUS
    assert by_name["noise.bin"].status is by_name["pipe"].status is PathStatus.FAILED
    assert by_name["pipe"].remedy.key == "add-in-place"
    assert all("was left where it is" in result.message for result in results)
    assert (tmp_path / "models" / "trap.pt").exists()
    assert catalog.list(ModelQuery()) == []


def test_what_is_in_the_library_is_cataloged_where_it_is(catalog: Catalog, library: Path) -> None:
    """Nothing is copied onto itself."""
    place = library / "anywhere" / "easy.safetensors"
    safetensors_file.write(place, adapters.embedding(), seed=1)
    (result,) = import_into_library([library], copy=False, library=library, catalog=catalog)
    assert result.path == place
    assert result.status is PathStatus.ADDED


def test_the_only_path_being_missing_is_an_error_before_anything_is_done(
    catalog: Catalog, library: Path, models: Path
) -> None:
    """The call itself raises, not the first step of the iteration."""
    with pytest.raises(NotFoundError, match="absent") as caught:
        import_into_library([models / "absent"], copy=True, library=library, catalog=catalog)
    assert caught.value.code is Exit.NOT_FOUND
    assert not library.exists()


def test_an_abandoned_run_leaves_no_temporary_files(catalog: Catalog, library: Path, tmp_path: Path) -> None:
    """A caller that stops after the first result loses nothing, and no thread goes on."""
    write_embeddings(tmp_path / "models", 12, first=1)
    threads = threading.active_count()
    results = import_into_library([tmp_path / "models"], copy=True, library=library, catalog=catalog, workers=2)
    assert isinstance(next(results), PathResult)
    results.close()  # type: ignore[attr-defined]
    assert not list(library.rglob("*.part"))
    assert threading.active_count() == threads
    assert all(row.type == ModelType.EMBEDDING for row in catalog.list(ModelQuery()))


def test_a_model_without_a_suffix_gets_one_in_the_library(catalog: Catalog, library: Path, tmp_path: Path) -> None:
    """Its sidecars go along under the new name."""
    source = safetensors_file.write(tmp_path / "downloads" / "130072", adapters.lora_sd1(4), seed=1)
    (tmp_path / "downloads" / "130072.preview.png").write_bytes(b"\x89PNG")
    results = list(import_into_library([tmp_path / "downloads"], copy=False, library=library, catalog=catalog))
    assert [result.status for result in results] == [PathStatus.ADDED]
    assert (library / "lora" / "130072.safetensors").is_file()
    assert (library / "lora" / "130072.preview.png").is_file()
    assert not source.exists()
