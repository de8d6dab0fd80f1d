"""The page of a library from its catalog: pictures, verdicts and texts of real files."""

from __future__ import annotations

import builtins
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from modelhub.catalog import Catalog, ModelQuery, RenderRun
from modelhub.errors import UsageError
from modelhub.operations.library.add import add
from modelhub.operations.library_page import LibraryPageResult, write_library_page
from modelhub.testing.files import adapters, hostile, safetensors_file

NAMES = ("beside", "tested", "plain")


@dataclass
class Made:
    """A library of three LoRAs and a trap, with its catalog."""

    catalog: Catalog
    library: Path
    folder: Path

    def page(self, target: Path) -> tuple[LibraryPageResult, dict[str, str]]:
        """Write the page; return the result, and each model's card by its name."""
        records = self.catalog.records(ModelQuery())
        result = write_library_page(target, records, catalog=self.catalog, library=self.library)
        cards = re.findall(r'<li class="card".*?</li>', target.read_text("utf-8"), re.DOTALL)
        named = {re.sub("<.*?>", "", card.partition("<h2>")[2].partition("</h2>")[0]): card for card in cards}
        assert len(named) == len(cards)
        return result, named


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Made]:
    """One LoRA has a picture beside it, one a render test with a picture, one nothing."""
    folder, library = tmp_path / "models", tmp_path / "library"
    for number, name in enumerate(NAMES):
        metadata = adapters.lora_metadata(f"{name}word", f"{name}word")
        safetensors_file.write(folder / f"{name}.safetensors", adapters.lora_sd1(), metadata=metadata, seed=number)
    hostile.checkpoint(folder / "trap.ckpt")
    library.mkdir()
    with Catalog.open(library / "catalog.sqlite3") as catalog:
        assert len(list(add([folder], catalog=catalog))) == 4
        tested = next(record for record in catalog.records(ModelQuery()) if record.name == "tested")
        pictures = {"base": "renders/base.png", "full": "renders/full.png"}
        catalog.add_render_run(
            RenderRun(model_id=tested.id, verdict="no-effect", words="Does not change the picture.", pictures=pictures)
        )
        yield Made(catalog, library, folder)


def _picture(path: Path, *, side: int = 300) -> None:
    image = pytest.importorskip("PIL.Image")
    path.parent.mkdir(parents=True, exist_ok=True)
    image.effect_noise((side, side), 90).convert("RGB").save(path)


def test_the_picture_is_that_beside_the_model_or_of_its_render_test(made: Made, tmp_path: Path) -> None:
    """A model without one has a letter."""
    _picture(made.folder / "beside.preview.png")
    _picture(made.library / "renders" / "full.png")
    result, cards = made.page(tmp_path / "page.html")
    assert (result.models, result.pictures, result.left_out) == (4, 2, 0)
    assert result.size == (tmp_path / "page.html").stat().st_size
    assert {name for name, card in cards.items() if 'src="data:image/' in card} == {"beside", "tested"}


def test_a_card_tells_what_the_catalog_knows(made: Made, tmp_path: Path) -> None:
    """Trigger words, the text to paste, the verdict of the render test, the file's place."""
    _, cards = made.page(tmp_path / "page.html")
    for words in ("testedword", "&lt;lora:tested:", "no effect", "Does not change the picture.", "tested.safetensors"):
        assert words in cards["tested"], words
    assert "no effect" not in cards["plain"]
    assert made.folder.as_uri() in cards["plain"]


def test_a_dangerous_model_has_nothing_to_paste(made: Made, tmp_path: Path) -> None:
    """It must not be loaded at all."""
    _, cards = made.page(tmp_path / "page.html")
    (trap,) = [card for name, card in cards.items() if name not in NAMES]
    assert "Do not load it." in trap
    assert 'class="paste"' not in trap
    assert 'class="paste"' in cards["plain"]


def test_a_missing_model_is_marked(made: Made, tmp_path: Path) -> None:
    """The page is of the catalog, which remembers what is gone."""
    from modelhub.domain import LocationState

    root = made.catalog.roots()[0]
    places = made.catalog.known_locations(root).values()
    made.catalog.mark([place.id for place in places if "plain" in place.relative], LocationState.MISSING)
    _, cards = made.page(tmp_path / "page.html")
    assert "file is missing" in cards["plain"]
    assert "file is missing" not in cards["tested"]


def test_without_pillow_only_small_pictures_are_in_the_page(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The large ones are counted, and named as the reason."""
    _picture(made.folder / "beside.preview.png", side=8)
    _picture(made.library / "renders" / "full.png", side=600)
    real = builtins.__import__

    def without(name: str, *rest: object) -> object:
        if name.split(".")[0] == "PIL":
            raise ImportError(name)
        return real(name, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", without)
    result, cards = made.page(tmp_path / "page.html")
    assert (result.pictures, result.left_out, result.has_pillow) == (1, 1, False)
    assert 'src="data:image/png' in cards["beside"]


def test_a_model_is_never_overwritten_by_its_page(made: Made) -> None:
    """Nor are its pictures read first: the refusal comes at once."""
    target = made.folder / "plain.safetensors"
    before = target.read_bytes()
    with pytest.raises(UsageError):
        made.page(target)
    assert target.read_bytes() == before
