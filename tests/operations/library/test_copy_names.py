"""The names of models whose files are copies."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelhub.catalog import Catalog, ModelQuery
from modelhub.operations.library.add import add
from modelhub.testing.files import adapters, safetensors_file


def names(catalog: Catalog) -> list[str]:
    """Return the names of all models."""
    return sorted(model.name for model in catalog.records(ModelQuery()))


def lora(path: Path, seed: int) -> None:
    """Write a small LoRA; equal seeds make equal files."""
    safetensors_file.write(path, adapters.lora_sd1(4), seed=seed)


@pytest.mark.parametrize("copy", ["红裙 (1)", "红裙 - 副本", "红裙 - Copy (2)", "红裙 copy 2", "Copy of 红裙"])
def test_the_mark_of_a_copy_names_no_model(tmp_path: Path, copy: str) -> None:
    """A copy that is all there is has the name of what it was copied from."""
    lora(tmp_path / "models" / f"{copy}.safetensors", 1)
    with Catalog.open(tmp_path / "catalog.sqlite3") as catalog:
        list(add([tmp_path / "models"], catalog=catalog))
        assert names(catalog) == ["红裙"]


def test_a_copy_with_other_content_stays_apart(tmp_path: Path) -> None:
    """Where a model has the plain name already, the mark tells the two apart."""
    lora(tmp_path / "models" / "dress.safetensors", 1)
    with Catalog.open(tmp_path / "catalog.sqlite3") as catalog:
        list(add([tmp_path / "models"], catalog=catalog))
        lora(tmp_path / "models" / "dress (1).safetensors", 2)
        list(add([tmp_path / "models"], catalog=catalog))
        assert names(catalog) == ["dress", "dress (1)"]
