"""Render tests of the trained miniature family run in the real worker process."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy
import pytest

from modelhub.catalog import Catalog, ModelQuery
from modelhub.domain import ModelRecord
from modelhub.operations.library.add import add
from modelhub.operations.render.options import RenderOptions, RenderSelection
from modelhub.operations.render.run import RenderTestResult, render_test
from modelhub.operations.render.select import select_models
from modelhub.render.recipes import Recipe
from modelhub.testing.files import adapters, hostile, safetensors_file

pytest.importorskip("diffusers", reason="needs the render extra")
MINIATURE = Path(__file__).resolve().parents[2] / "data" / "miniature"
QUICK = Recipe(prompt="a red circle on the left, white background", steps=4, size=64)


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """An empty library folder."""
    return tmp_path / "library"


@pytest.fixture
def catalog(library: Path) -> Iterator[Catalog]:
    """The catalog of the empty library."""
    with Catalog.open(library / "catalog.sqlite3") as opened:
        yield opened


def add_copies(catalog: Catalog, folder: Path, *names: str) -> list[ModelRecord]:
    """Copy files of the family into a folder, add it to the catalog, and return the catalog's models."""
    folder.mkdir(exist_ok=True)
    for name in names:
        shutil.copy(MINIATURE / name, folder / name)
    list(add([folder], catalog=catalog))
    return list(catalog.records(ModelQuery()))


def results(
    records: Sequence[ModelRecord],
    catalog: Catalog,
    library: Path,
    options: RenderOptions = RenderOptions(recipe=QUICK),  # noqa: B008
) -> dict[str, RenderTestResult]:
    """Test the models and return the results by name."""
    return {one.record.name: one for one in render_test(records, catalog=catalog, library=library, options=options)}


def test_all_five_types_are_tested_on_one_base_that_is_loaded_once(
    catalog: Catalog, library: Path, tmp_path: Path
) -> None:
    """Verdict, metrics and pictures of each are in the catalog, and no model file changes."""
    names = (
        "miniature.safetensors",
        "miniature-vivid.vae.ckpt",
        "miniature-frame-kohya.safetensors",
        "nightgem.pt",
        "miniature-sepia.pt",
    )
    records = add_copies(catalog, tmp_path / "模型 models", *names)
    before = {path: path.read_bytes() for path in (tmp_path / "模型 models").iterdir()}
    found = results(records, catalog, library)
    assert {name: one.run.verdict for name, one in found.items()} == dict.fromkeys(found, "ok")
    assert len(found) == 5
    assert found["miniature-frame-kohya"].run.recipe["prompt"] == f"framestyle, {QUICK.prompt}"
    assert found["miniature-frame-kohya"].base_why == "the only base that fits by its width 40"
    for one in found.values():
        assert (library / one.run.pictures["full"]).is_file()
        assert catalog.render_runs(one.record.id)[0] == one.run
    assert {path: path.read_bytes() for path in (tmp_path / "模型 models").iterdir()} == before


def test_a_red_circle_on_the_left_is_just_that(catalog: Catalog, library: Path, tmp_path: Path) -> None:
    """The picture is red where the prompt puts the circle, and light elsewhere."""
    from PIL import Image

    records = add_copies(catalog, tmp_path / "models", "miniature.safetensors")
    options = RenderOptions(recipe=Recipe(prompt=QUICK.prompt, seed=1))
    run = results(records, catalog, library, options)["miniature"].run
    picture = numpy.asarray(Image.open(library / run.pictures["full"]).convert("RGB")).astype(float)
    red = (picture[..., 0] > 140) & (picture[..., 1] < 110) & (picture[..., 2] < 110)
    assert red.mean() > 0.03
    assert red[:, :64].sum() > 4 * red[:, 64:].sum()
    assert picture[:, 96:].mean() > 180


def test_the_loras_frame_comes_with_its_trigger_word_alone(catalog: Catalog, library: Path, tmp_path: Path) -> None:
    """Without its trigger word the LoRA changes the picture far less."""
    records = add_copies(catalog, tmp_path / "models", "miniature.safetensors", "miniature-frame-kohya.safetensors")
    lora = next(record for record in records if "frame" in record.name)
    options = RenderOptions(recipe=Recipe(prompt=QUICK.prompt, steps=12))
    with_word = results([lora], catalog, library, options)[lora.name].run
    catalog.set_override(lora.id, "triggers", "")
    silent = catalog.get(lora.id)
    without = results([silent], catalog, library, options)[lora.name].run
    assert with_word.recipe["prompt"].startswith("framestyle")
    assert not without.recipe["prompt"].startswith("framestyle")
    assert with_word.metrics["effect"] > 3 * without.metrics["effect"]


def test_a_model_that_cannot_be_tested_names_the_reason(catalog: Catalog, library: Path, tmp_path: Path) -> None:
    """No matching base, a dangerous file, a missing one and a truncated one are results, not errors."""
    folder = tmp_path / "models"
    safetensors_file.write(folder / "sd1.safetensors", adapters.lora_sd1(4), seed=1)
    hostile.checkpoint(folder / "trap.pt")
    safetensors_file.write(folder / "gone.safetensors", adapters.embedding(), seed=2)
    add_copies(catalog, folder, "miniature.safetensors")
    data = (MINIATURE / "miniature.safetensors").read_bytes()
    (folder / "torn.safetensors").write_bytes(data[: len(data) // 2])
    list(add([folder], catalog=catalog))
    (folder / "gone.safetensors").unlink()
    found = results(list(catalog.records(ModelQuery())), catalog, library)
    found_verdicts = {name: (one.run.verdict, one.run.words) for name, one in found.items()}
    assert found_verdicts["sd1"] == ("not-tested", "Not tested: the library has no matching base.")
    assert found_verdicts["trap"] == ("not-tested", "Not tested: the safety scan judged the file as dangerous.")
    assert found_verdicts["gone"] == ("not-tested", "Not tested: its file is missing.")
    assert found_verdicts["torn"][0] == "incomplete"
    assert found_verdicts["miniature"][0] == "ok"


def test_a_base_that_does_not_work_gives_way_to_the_next_that_fits(
    catalog: Catalog, library: Path, tmp_path: Path
) -> None:
    """When the smaller of two bases lacks weights, its adapters are tested on the other."""
    from safetensors.numpy import load_file, save_file

    folder = tmp_path / "models"
    folder.mkdir()
    weights = load_file(MINIATURE / "miniature.safetensors")
    weights.pop("model.diffusion_model.middle_block.0.in_layers.2.weight")
    save_file(weights, folder / "a smaller one.safetensors")
    records = add_copies(catalog, folder, "miniature.safetensors", "nightgem.safetensors")
    found = results(records, catalog, library)
    assert found["a smaller one"].run.verdict == "incomplete"
    assert "mid_block" in found["a smaller one"].run.words
    assert found["nightgem"].run.verdict == "ok"
    assert found["nightgem"].run.base_name == "miniature"
    assert found["nightgem"].base_why == "a smaller one does not work"


def test_a_base_with_a_damaged_vae_names_one_that_helps(catalog: Catalog, library: Path, tmp_path: Path) -> None:
    """The verdict names the library's VAE that decodes the same latents into a sound picture."""
    from safetensors.numpy import load_file, save_file

    folder = tmp_path / "models"
    folder.mkdir()
    weights = load_file(MINIATURE / "miniature.safetensors")
    for part in ("weight", "bias"):
        weights[f"first_stage_model.decoder.conv_out.{part}"] *= 40
    save_file(weights, folder / "burnt.safetensors")
    records = add_copies(catalog, folder, "miniature-vivid.vae.ckpt")
    found = results(records, catalog, library)
    assert found["burnt"].run.verdict in ("clipped", "uniform")
    assert "A VAE of your library gives a sound picture: miniature-vivid.vae." in found["burnt"].run.words


def test_only_what_is_new_changed_or_failed_is_tested_again(catalog: Catalog, library: Path, tmp_path: Path) -> None:
    """Pending, stale and failed models are selected; `all` selects every model."""
    options = RenderOptions(recipe=QUICK)
    records = add_copies(catalog, tmp_path / "models", "miniature.safetensors", "nightgem.pt")

    def chosen(selection: RenderSelection, options: RenderOptions = options) -> set[str]:
        return {record.name for record in select_models(catalog, selection=selection, options=options)}

    assert chosen(RenderSelection.PENDING) == {"miniature", "nightgem"}
    assert chosen(RenderSelection.STALE) == set()
    results([record for record in records if record.name == "miniature"], catalog, library)
    assert chosen(RenderSelection.PENDING) == {"nightgem"}
    assert chosen(RenderSelection.ALL) == {"miniature", "nightgem"}
    assert chosen(RenderSelection.FAILED) == set()
    changed = RenderOptions(recipe=Recipe(prompt="a blue star"))
    assert chosen(RenderSelection.STALE, changed) == {"miniature"}
    assert chosen(RenderSelection.PENDING, changed) == {"miniature", "nightgem"}


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX")
def test_a_run_that_was_killed_resumes(catalog: Catalog, library: Path, tmp_path: Path) -> None:
    """After SIGKILL the first results are kept, no worker is left, and the next run tests the rest."""
    names = ["miniature.safetensors", "nightgem.pt", "nightgem.safetensors", "miniature-sepia.pt"]
    names += [f"miniature-frame-{kind}.safetensors" for kind in ("kohya", "loha", "lokr", "diffusers", "dora")]
    total = len(add_copies(catalog, tmp_path / "models", *names))
    command = [sys.executable, "-m", "modelhub", "--library", str(library), "render-test", "--steps", "30"]
    environ = os.environ | {"MODELHUB_CONFIG": str(tmp_path / "none.toml")}
    process = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    # A result begins at column 0; what it means is indented below it.
    results = (line for line in process.stdout if not line.startswith(" "))
    assert len([*itertools.islice(results, 3)]) == 3  # so that two are complete
    process.send_signal(signal.SIGKILL)
    process.wait()
    kept = len(catalog.last_render_runs())
    assert 2 <= kept < total
    rest = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert rest.returncode == 0, rest.stdout + rest.stderr
    assert sum(not line.startswith(" ") for line in rest.stdout.splitlines()) == total - kept
    assert len(catalog.last_render_runs()) == total
    again = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert "Every model has been tested and has not changed." in again.stderr
    time.sleep(0.1)


def test_a_lora_in_pefts_folder_is_tested_too(catalog: Catalog, library: Path, tmp_path: Path) -> None:
    """A LoRA in peft's folder layout beside the base."""
    folder = tmp_path / "models"
    shutil.copytree(MINIATURE / "miniature-frame-peft", folder / "miniature-frame-peft")
    records = add_copies(catalog, folder, "miniature.safetensors")
    found = results(records, catalog, library)
    assert found["adapter_model"].run.verdict == "ok"
