"""Places are found by folder, without reading the rest of the catalog."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelhub.catalog import Catalog
from tests.catalog.entries import entry

NAMES = ["plain", "50%", "a_b", "国风3", "quote'd", "ünï"]


def _paths(catalog: Catalog, path: Path) -> set[Path]:
    return {found for found, _ in catalog.locations_at(path)}


@pytest.mark.parametrize("name", NAMES)
def test_places_at_and_below_a_folder_are_found(catalog: Catalog, tmp_path: Path, name: str) -> None:
    """Folders whose names begin alike are told apart, whatever characters they hold."""
    root = tmp_path / "root"
    root.mkdir()
    catalog.ensure_root(root)
    for number, folder in enumerate((name, f"{name}2", f"{name}.old", f"{name}/deep/er")):
        catalog.record(entry(root / folder, number, name="model"))
    inside = {root / name / "model.safetensors", root / name / "deep" / "er" / "model.safetensors"}
    assert _paths(catalog, root / name) == inside
    assert _paths(catalog, root / name / "model.safetensors") == {root / name / "model.safetensors"}
    assert len(_paths(catalog, root)) == len(_paths(catalog, tmp_path)) == 4
    assert not _paths(catalog, tmp_path / "elsewhere")


def test_a_folder_above_and_inside_several_roots_holds_the_places_of_all(catalog: Catalog, tmp_path: Path) -> None:
    """A root within another keeps its own places."""
    for number, folder in enumerate(("outer", "outer/inner")):
        (tmp_path / folder).mkdir()
        catalog.ensure_root(tmp_path / folder)
        catalog.record(entry(tmp_path / folder / "x", number))
    assert len(_paths(catalog, tmp_path / "outer")) == 2
    assert len(_paths(catalog, tmp_path / "outer" / "inner")) == 1


def test_listing_rows_are_read_by_id(catalog: Catalog, tmp_path: Path) -> None:
    """Rows of other models are not read, and an unknown id is left out."""
    ids = [catalog.record(entry(tmp_path, number)).id for number in range(3)]
    assert {row.name for row in catalog.rows([ids[0], ids[2], 999])} == {"model-0", "model-2"}
