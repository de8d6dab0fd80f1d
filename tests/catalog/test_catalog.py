"""What the catalog answers: listings, references, the user's words, duplicates, the journal."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from modelhub.catalog import Catalog, ModelQuery, NewStep
from modelhub.catalog.database import CatalogError
from modelhub.catalog.query_parser import parse_query
from modelhub.catalog.query_sql import listing
from modelhub.domain import LocationState, ModelType, Style, Variant
from modelhub.errors import NotFoundError, UsageError
from tests.catalog.entries import entry, word


def names(rows: list[object]) -> list[str]:
    """Return the names of rows or records."""
    return [row.name for row in rows]  # type: ignore[attr-defined]


def test_the_same_content_is_one_model_with_two_places(catalog: Catalog, tmp_path: Path) -> None:
    """A copy adds a place, not a model."""
    first = catalog.record(entry(tmp_path / "models", 1))
    second = catalog.record(entry(tmp_path / "models", 2, content=1))
    assert first.id == second.id
    assert len(second.main.locations) == 2
    (group,) = catalog.duplicates("file")
    assert len(group.paths) == 2
    assert names(catalog.list(parse_query("duplicate:yes"))) == [first.name]


def test_filters_add_up(catalog: Catalog, tmp_path: Path) -> None:
    """Each narrows the list; words compare whatever their case."""
    folder = tmp_path / "models"
    catalog.record(entry(folder, 1, trigger_words=(word("Red Dress"),)))
    catalog.record(entry(folder, 2, architecture="sdxl"))
    catalog.record(entry(folder, 3, type=ModelType.BASE, variant=Variant.PRUNED))
    catalog.record(
        entry(folder, 4, type=ModelType.VAE, architecture=None, architecture_candidates=("sd1", "sd2", "sdxl"))
    )
    assert names(catalog.list(parse_query("type:lora"))) == ["model-1", "model-2"]
    assert names(catalog.list(parse_query("type:lora arch:sdxl"))) == ["model-2"]
    assert names(catalog.list(parse_query("arch:sd2"))) == ["model-4"]
    assert names(catalog.list(parse_query('trigger:"red dress"'))) == ["model-1"]
    assert names(catalog.list(parse_query("variant:pruned"))) == ["model-3"]
    assert names(catalog.list(parse_query("name:DEL-2"))) == ["model-2"]
    assert names(catalog.list(ModelQuery(sort="size", reverse=True, limit=2))) == ["model-4", "model-3"]
    with pytest.raises(UsageError, match="colour"):
        catalog.list(ModelQuery(sort="colour"))


def test_paging_goes_on_where_the_page_before_ended(catalog: Catalog, tmp_path: Path) -> None:
    """Keyset paging over equal names skips nothing and repeats nothing."""
    for number in range(7):
        catalog.record(replace(entry(tmp_path / "models", number), name="same" if number % 2 else "other"))
    seen: list[int] = []
    page = catalog.list(ModelQuery(limit=2))
    while page:
        seen += [row.id for row in page]
        page = catalog.list(ModelQuery(limit=2, after=page[-1]))
    assert len(seen) == len(set(seen)) == 7


def test_listings_use_their_index(tmp_path: Path) -> None:
    """20,000 rows: the plan of a filtered, sorted page is one search in an index, no sorting."""
    place = tmp_path / "catalog.sqlite3"
    with Catalog.open(place) as catalog:
        for _ in catalog.record_many((entry(tmp_path, number) for number in range(20_000)), batch=5000):
            pass
        sql, parameters = listing(replace(parse_query("type:lora"), limit=50), sqlite=True)
        with sqlite3.connect(place) as connection:
            plan = " ".join(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", parameters))
        assert "ix_model_type_name" in plan
        assert "TEMP B-TREE" not in plan


@pytest.mark.parametrize(
    "reference",
    ["model-5", "MODEL-5", "5", "{path}", "model-5.safetensors", "{sha}", "{autov2}", "{autov3}", "{blake3}"],
)
def test_a_model_is_found_by_every_kind_of_reference(catalog: Catalog, tmp_path: Path, reference: str) -> None:
    """Name in any case, id, path, file name, and the start of any of its hashes."""
    records = [catalog.record(entry(tmp_path / "models", number)) for number in range(1, 9)]
    wanted = records[4]
    hashes = wanted.main.hashes
    text = reference.format(
        path=wanted.path, sha=hashes.sha256, autov2=hashes.autov2, autov3=hashes.autov3, blake3=hashes.blake3[:12]
    )
    assert [record.id for record in catalog.find(text)] == [wanted.id]


def test_a_part_of_names_may_mean_several(catalog: Catalog, tmp_path: Path) -> None:
    """The caller gets all of them, to ask which."""
    for number in range(3):
        catalog.record(entry(tmp_path / "models", number))
    assert len(catalog.find("odel")) == 3
    assert catalog.find("nothing like it") == []
    with pytest.raises(NotFoundError):
        catalog.get(99)


def test_a_file_name_means_the_file_of_that_very_name(catalog: Catalog, tmp_path: Path) -> None:
    """`cut.ckpt` beside `cut.safetensors` is not ambiguous; a suffix that no file has means the stem."""
    folder = tmp_path / "models"
    for number, suffix in ((1, "safetensors"), (2, "ckpt")):
        new = entry(folder, number, name="cut")
        place = replace(new.files[0].location, path=folder / f"cut.{suffix}")
        catalog.record(replace(new, files=(replace(new.files[0], location=place),)))
    assert [str(record.path) for record in catalog.find("cut.ckpt")] == [str(folder / "cut.ckpt")]
    assert [str(record.path) for record in catalog.find("cut.safetensors")] == [str(folder / "cut.safetensors")]
    assert catalog.find("ut.ckpt") == []
    assert len(catalog.find("cut.pt")) == 2


def test_the_name_of_a_file_means_its_model(catalog: Catalog, tmp_path: Path) -> None:
    """A model whose file is marked as a copy is found by the file's name, too; folders of that name are not meant."""
    folder = tmp_path / "models"
    for number, place in ((1, "model (1).ckpt"), (2, "model (1).old/other.ckpt"), (3, "sub/100%.v2.pt")):
        new = entry(folder, number, name=f"plain{number}")
        location = replace(new.files[0].location, path=folder / place)
        catalog.record(replace(new, files=(replace(new.files[0], location=location),)))
    assert [record.name for record in catalog.find("model (1)")] == ["plain1"]
    assert [record.name for record in catalog.find("100%.v2")] == ["plain3"]
    assert catalog.find("100") == []
    assert catalog.find("sub/100%.v2") == []


@pytest.mark.parametrize(
    ("text", "hits"),
    [("麦", 1), ("写实", 1), ("国风3", 1), ("ГОРОД", 1), ("red", 1), ("red dress", 1), ("xyz", 0), ("%", 0)],
)
def test_search_finds_words_of_any_script_and_length(catalog: Catalog, tmp_path: Path, text: str, hits: int) -> None:
    """Names, trigger words, tags and notes; one or two characters are enough in Chinese."""
    folder = tmp_path / "models"
    catalog.record(entry(folder, 1, name="麦橘写实 majicMIX"))
    catalog.record(entry(folder, 2, trigger_words=(word("red dress"),)))
    third = catalog.record(entry(folder, 3))
    catalog.tag(third.id, add=["国风3 GuoFeng3"])
    catalog.set_override(third.id, "notes", "Ночной город")
    assert len(catalog.list(parse_query(text))) == hits


def test_the_users_words_win_and_stay(catalog: Catalog, tmp_path: Path) -> None:
    """Over detection now and after a new detection; cleared, the detected answer is back."""
    new = entry(tmp_path / "models", 1, trigger_words=(word("auto"),))
    model = catalog.record(new)
    for field, value in {"style": "anime", "type": "base", "triggers": "mine, 我的", "name": "新名字"}.items():
        catalog.set_override(model.id, field, value)
    look = new.files[0].inspection
    changed = replace(look, detection=replace(look.detection, architecture="sdxl"))
    sha256 = model.main.sha256
    catalog.update_file(sha256, changed, rules_version=2)
    after = catalog.get(model.id)
    assert after.detection.type is ModelType.BASE
    assert after.detection.style.value is Style.ANIME
    assert [w.word for w in after.detection.trigger_words] == ["mine", "我的"]
    assert after.detection.architecture == "sdxl"
    assert names(catalog.list(parse_query("type:base style:anime trigger:我的"))) == ["新名字"]
    catalog.clear_override(model.id, "name")
    catalog.clear_override(model.id, "triggers")
    again = catalog.get(model.id)
    assert again.name == "model-1"
    assert [w.word for w in again.detection.trigger_words] == ["auto"]


@pytest.mark.parametrize(
    "name", ["模型 v1", "a\nb", "emoji 🎨", "café", "x" * 200, "quote'\"%_!", "undecodable \udce4"]
)
def test_names_of_any_kind_come_back_as_they_were(catalog: Catalog, tmp_path: Path, name: str) -> None:
    """A name that is not valid Unicode comes back too, so that its path still opens the file."""
    record = catalog.record(entry(tmp_path / "models", 1, name=name))
    assert record.path == tmp_path / "models" / f"{name}.safetensors"
    assert len(catalog.list(ModelQuery())) == 1
    root = catalog.roots()[0]
    assert list(catalog.known_locations(root)) == [f"{name}.safetensors"]


def test_the_state_of_a_model_is_the_best_of_its_places(catalog: Catalog, tmp_path: Path) -> None:
    """One present copy is enough."""
    catalog.record(entry(tmp_path / "models", 1))
    model = catalog.record(entry(tmp_path / "models", 2, content=1))
    places = list(catalog.known_locations(catalog.roots()[0]).values())
    catalog.mark([places[0].id], LocationState.MISSING)
    assert catalog.get(model.id).state is LocationState.PRESENT
    catalog.mark([places[1].id], LocationState.UNAVAILABLE)
    assert catalog.get(model.id).state is LocationState.UNAVAILABLE
    assert names(catalog.list(parse_query("-state:present"))) == [model.name]


def test_forgetting_a_model_leaves_nothing_dangling(catalog: Catalog, tmp_path: Path) -> None:
    """Rows that only it used go with it; others stay."""
    one, two = (catalog.record(entry(tmp_path / "models", number)) for number in (1, 2))
    catalog.tag(one.id, add=["x"])
    catalog.set_override(one.id, "style", "anime")
    catalog.remove(one.id)
    assert catalog.check() == []
    assert catalog.file_by_sha256(one.main.sha256) is None
    assert names(catalog.list(ModelQuery())) == [two.name]
    assert catalog.list(parse_query("model-1")) == []


def test_the_journal_keeps_planned_and_finished_steps(catalog: Catalog, location: str) -> None:
    """An operation that was broken off is found again, with the state of each step."""
    operation = catalog.begin("sort", {"layout": "comfyui"})
    steps = catalog.plan_steps(operation, [NewStep(action="move", source=f"{i}", target=f"to {i}") for i in range(3)])
    catalog.mark_steps([steps[0].id], "done")
    catalog.close()
    with Catalog.open(location) as again:
        (found,) = again.unfinished()
        assert found.parameters == {"layout": "comfyui"}
        assert [(step.state, dict(step.detail)) for step in again.steps(found)] == [
            ("done", {}),
            ("planned", {}),
            ("planned", {}),
        ]
        again.mark_steps([steps[0].id], "undone")
        again.finish(found, "undone")
        assert again.unfinished() == []
        assert again.operations(limit=1)[0].state == "undone"


def test_a_batch_is_all_or_nothing(catalog: Catalog, tmp_path: Path) -> None:
    """An error in the middle takes back what came before it."""
    with pytest.raises(RuntimeError), catalog.batch():
        catalog.record(entry(tmp_path / "models", 1))
        raise RuntimeError
    assert catalog.list(ModelQuery()) == []


@pytest.mark.parametrize(
    ("column", "value"),
    [("file.format", "other"), ("file.detection", "{"), ("file.safety", "[]"), ("file.problems", "null")],
)
def test_a_row_that_modelhub_did_not_write_is_an_error_of_the_catalog(tmp_path: Path, column: str, value: str) -> None:
    """It is reported as such, and nothing is changed."""
    with Catalog.open(tmp_path / "catalog.sqlite3") as catalog:
        catalog.ensure_root(tmp_path, "models")
        catalog.record(entry(tmp_path, 1))
        table, name = column.split(".")
        with sqlite3.connect(tmp_path / "catalog.sqlite3") as connection:
            connection.execute(f"UPDATE {table} SET {name} = ?", (value,))
        with pytest.raises(CatalogError, match="A row of the catalog cannot be read"):
            catalog.records(ModelQuery())
