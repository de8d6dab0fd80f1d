"""A render test refuses options that are not valid before anything starts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from modelhub.catalog import Catalog, ModelQuery
from modelhub.domain import ModelRecord
from modelhub.errors import NotFoundError, UsageError
from modelhub.operations.library.add import add
from modelhub.operations.render.options import RenderOptions, RenderSelection, RenderTestType, preferred_bases
from modelhub.operations.render.run import iter_render_test
from modelhub.operations.render.select import has_testable_models, select_models
from modelhub.render.recipes import Recipe
from modelhub.testing.files import adapters, safetensors_file


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    """A catalog with an embedding and a LoRA."""
    folder = tmp_path / "models"
    safetensors_file.write(folder / "style.safetensors", adapters.lora_sd1(4), seed=1)
    safetensors_file.write(folder / "word.safetensors", adapters.embedding(), seed=2)
    with Catalog.open(tmp_path / "library" / "catalog.sqlite3") as opened:
        list(add([folder], catalog=opened))
        yield opened


def records(catalog: Catalog) -> list[ModelRecord]:
    """Return all models of the catalog."""
    return list(catalog.records(ModelQuery()))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"device": "gpu0"}, "`gpu0` is not a valid device."),
        ({"limit": 0}, "The limit of models is 0; it must be at least 1."),
        ({"recipe": Recipe(sampler="magic")}, "`magic` is not a valid sampler."),
        ({"recipe": Recipe(steps=0)}, "The number of steps is 0; it must be from 1 to 500."),
        ({"recipe": Recipe(size=63)}, "The size is 63 pixels; it must be from 64 to 4096."),
        ({"recipe": Recipe(guidance=0.5)}, "The guidance is 0.5; it must be from 1 to 50."),
    ],
)
def test_a_value_that_is_not_valid_is_refused(values: dict[str, Any], words: str) -> None:
    """The message names the value and the valid ones."""
    with pytest.raises(UsageError) as caught:
        RenderOptions(**values)
    assert caught.value.message == words


@pytest.mark.parametrize(("word", "device"), [("GPU", "cuda"), ("显卡", "cuda"), ("CPU", "cpu"), ("cuda:1", "cuda:1")])
def test_a_device_is_found_by_what_people_call_it(word: str, device: str) -> None:
    """The options hold the name that the renderer knows."""
    assert RenderOptions(device=word).device == device


def test_a_sampler_is_found_however_it_is_spelled() -> None:
    """The recipe holds the stored name, by which its results are compared."""
    assert RenderOptions(recipe=Recipe(sampler="DPM++ 2M")).recipe == Recipe(sampler="dpm++-2m")


def test_a_base_of_another_type_is_refused(catalog: Catalog) -> None:
    """An adapter cannot be the base of a test."""
    lora = next(record for record in records(catalog) if record.name == "style")
    with pytest.raises(UsageError, match="style is not a base: its type is lora"):
        RenderOptions(base=lora)


def test_preferred_bases_are_found_by_their_reference(catalog: Catalog) -> None:
    """A row of the setting names an architecture and a model; another form is refused."""
    known = {record.name: record for record in records(catalog)}

    def find(reference: str) -> ModelRecord:
        if reference not in known:
            raise NotFoundError(f"There is no model {reference}.")
        return known[reference]

    assert preferred_bases(["sd1 = style"], find) == {"sd1": known["style"]}
    with pytest.raises(UsageError, match="not ARCHITECTURE=MODEL: `sd1`"):
        preferred_bases(["sd1"], find)
    with pytest.raises(NotFoundError):
        preferred_bases(["sd1=nobody"], find)


def test_named_models_and_a_selection_contradict_each_other(catalog: Catalog, tmp_path: Path) -> None:
    """The contradiction is an error of the call itself, before a result is read."""
    with pytest.raises(UsageError, match="`all` cannot be combined with named models"):
        iter_render_test(records(catalog), catalog=catalog, library=tmp_path, selection=RenderSelection.ALL)


def test_a_type_and_a_limit_narrow_named_and_selected_models(catalog: Catalog) -> None:
    """Only models of the type are tested, and no more than the limit."""
    options = RenderOptions(limit=1)
    for models in (None, records(catalog)):
        chosen = select_models(catalog, models=models, type_=RenderTestType.LORA, options=RenderOptions())
        assert [record.name for record in chosen] == ["style"]
        assert len(select_models(catalog, models=models, options=options)) == 1


def test_a_library_without_a_type_is_recognized(catalog: Catalog) -> None:
    """The catalog has models of some types that can be tested, and none of others."""
    assert has_testable_models(catalog)
    assert has_testable_models(catalog, RenderTestType.EMBEDDING)
    assert not has_testable_models(catalog, RenderTestType.VAE)
