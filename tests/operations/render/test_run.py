"""Render-test as a whole, on the trained miniature family and the real worker process."""

from __future__ import annotations

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
from modelhub.operations.render.run import Options, Rendered, Which, render_test, select
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
    """Its catalog."""
    with Catalog.open(library / "catalog.sqlite3") as opened:
        yield opened


def catalogued(catalog: Catalog, folder: Path, *names: str) -> list[ModelRecord]:
    """Copies of files of the family, catalogued where they lie."""
    folder.mkdir(exist_ok=True)
    for name in names:
        shutil.copy(MINIATURE / name, folder / name)
    list(add([folder], catalog=catalog))
    return list(catalog.records(ModelQuery()))


def results(
    records: Sequence[ModelRecord],
    catalog: Catalog,
    library: Path,
    options: Options = Options(recipe=QUICK),  # noqa: B008
) -> dict[str, Rendered]:
    """Results by name."""
    return {one.record.name: one for one in render_test(records, catalog=catalog, library=library, options=options)}


def test_all_five_types_are_tested_on_one_base_that_is_loaded_once(
    catalog: Catalog, library: Path, tmp_path: Path
) -> None:
    """Verdict, numbers and pictures of each are in the catalog, and no model file changes."""
    names = (
        "miniature.safetensors",
        "miniature-vivid.vae.ckpt",
        "miniature-frame-kohya.safetensors",
        "nightgem.pt",
        "miniature-sepia.pt",
    )
    records = catalogued(catalog, tmp_path / "模型 models", *names)
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
    """The whole way, from file to PNG: red where it should be, light where it should not."""
    from PIL import Image

    records = catalogued(catalog, tmp_path / "models", "miniature.safetensors")
    options = Options(recipe=Recipe(prompt=QUICK.prompt, seed=1))
    run = results(records, catalog, library, options)["miniature"].run
    picture = numpy.asarray(Image.open(library / run.pictures["full"]).convert("RGB")).astype(float)
    red = (picture[..., 0] > 140) & (picture[..., 1] < 110) & (picture[..., 2] < 110)
    assert red.mean() > 0.03
    assert red[:, :64].sum() > 4 * red[:, 64:].sum()
    assert picture[:, 96:].mean() > 180


def test_the_loras_frame_comes_with_its_trigger_word_alone(catalog: Catalog, library: Path, tmp_path: Path) -> None:
    """Without the word the difference to the base is far smaller."""
    records = catalogued(catalog, tmp_path / "models", "miniature.safetensors", "miniature-frame-kohya.safetensors")
    lora = next(record for record in records if "frame" in record.name)
    options = Options(recipe=Recipe(prompt=QUICK.prompt, steps=12))
    with_word = results([lora], catalog, library, options)[lora.name].run
    catalog.set_override(lora.id, "triggers", "")
    silent = catalog.get(lora.id)
    without = results([silent], catalog, library, options)[lora.name].run
    assert with_word.recipe["prompt"].startswith("framestyle")
    assert not without.recipe["prompt"].startswith("framestyle")
    assert with_word.metrics["effect"] > 3 * without.metrics["effect"]


def test_what_cannot_be_tested_says_why(catalog: Catalog, library: Path, tmp_path: Path) -> None:
    """A result, not an error: no base that fits, a dangerous file, a missing one, a truncated one."""
    folder = tmp_path / "models"
    safetensors_file.write(folder / "sd1.safetensors", adapters.lora_sd1(4), seed=1)
    hostile.checkpoint(folder / "trap.pt")
    safetensors_file.write(folder / "gone.safetensors", adapters.embedding(), seed=2)
    catalogued(catalog, folder, "miniature.safetensors")
    data = (MINIATURE / "miniature.safetensors").read_bytes()
    (folder / "torn.safetensors").write_bytes(data[: len(data) // 2])
    list(add([folder], catalog=catalog))
    (folder / "gone.safetensors").unlink()
    found = results(list(catalog.records(ModelQuery())), catalog, library)
    said = {name: (one.run.verdict, one.run.words) for name, one in found.items()}
    assert said["sd1"] == ("not-tested", "no compatible base in the library")
    assert said["trap"] == ("not-tested", "dangerous file")
    assert said["gone"] == ("not-tested", "its file is not there (modelhub scan)")
    assert said["torn"][0] == "incomplete"
    assert said["miniature"][0] == "ok"


def test_a_base_that_does_not_work_gives_way_to_the_next_that_fits(
    catalog: Catalog, library: Path, tmp_path: Path
) -> None:
    """The smaller of two bases lacks weights: its adapters are tested on the other."""
    from safetensors.numpy import load_file, save_file

    folder = tmp_path / "models"
    folder.mkdir()
    weights = load_file(MINIATURE / "miniature.safetensors")
    weights.pop("model.diffusion_model.middle_block.0.in_layers.2.weight")
    save_file(weights, folder / "a smaller one.safetensors")
    records = catalogued(catalog, folder, "miniature.safetensors", "nightgem.safetensors")
    found = results(records, catalog, library)
    assert found["a smaller one"].run.verdict == "incomplete"
    assert "mid_block" in found["a smaller one"].run.words
    assert found["nightgem"].run.verdict == "ok"
    assert found["nightgem"].run.base_name == "miniature"
    assert found["nightgem"].base_why == "a smaller one does not work"


def test_a_base_with_a_ruined_vae_is_told_which_one_helps(catalog: Catalog, library: Path, tmp_path: Path) -> None:
    """Its decoder is scaled out of range; the library's second VAE decodes the same latents well."""
    from safetensors.numpy import load_file, save_file

    folder = tmp_path / "models"
    folder.mkdir()
    weights = load_file(MINIATURE / "miniature.safetensors")
    for part in ("weight", "bias"):
        weights[f"first_stage_model.decoder.conv_out.{part}"] *= 40
    save_file(weights, folder / "burnt.safetensors")
    records = catalogued(catalog, folder, "miniature-vivid.vae.ckpt")
    found = results(records, catalog, library)
    assert found["burnt"].run.verdict in ("clipped", "uniform")
    assert "with the VAE miniature-vivid.vae it works" in found["burnt"].run.words


def test_only_what_is_new_changed_or_failed_is_tested_again(catalog: Catalog, library: Path, tmp_path: Path) -> None:
    """Unless all are asked for."""
    options = Options(recipe=QUICK)
    records = catalogued(catalog, tmp_path / "models", "miniature.safetensors", "nightgem.pt")

    def chosen(which: Which, options: Options = options) -> set[str]:
        return {record.name for record in select(catalog, which=which, options=options)}

    assert chosen(Which.PENDING) == {"miniature", "nightgem"}
    assert chosen(Which.STALE) == set()
    results([record for record in records if record.name == "miniature"], catalog, library)
    assert chosen(Which.PENDING) == {"nightgem"}
    assert chosen(Which.ALL) == {"miniature", "nightgem"}
    assert chosen(Which.FAILED) == set()
    changed = Options(recipe=Recipe(prompt="a blue star"))
    assert chosen(Which.STALE, changed) == {"miniature"}
    assert chosen(Which.PENDING, changed) == {"miniature", "nightgem"}


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX")
def test_a_run_that_was_killed_goes_on_where_it_ended(catalog: Catalog, library: Path, tmp_path: Path) -> None:
    """SIGKILL after the first results: they are kept, no worker is left behind, and the next run does the rest."""
    names = ["miniature.safetensors", "nightgem.pt", "nightgem.safetensors", "miniature-sepia.pt"]
    names += [f"miniature-frame-{kind}.safetensors" for kind in ("kohya", "loha", "lokr", "diffusers", "dora")]
    total = len(catalogued(catalog, tmp_path / "models", *names))
    command = [sys.executable, "-m", "modelhub", "--library", str(library), "render-test", "--steps", "30"]
    environ = os.environ | {"MODELHUB_CONFIG": str(tmp_path / "none.toml")}
    process = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    for _ in range(2):
        process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    process.wait()
    kept = len(catalog.last_render_runs())
    assert 2 <= kept < total
    rest = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert rest.returncode == 0, rest.stdout + rest.stderr
    assert len(rest.stdout.splitlines()) == total - kept
    assert len(catalog.last_render_runs()) == total
    again = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert "Nothing to test" in again.stderr
    time.sleep(0.1)


def test_a_lora_in_pefts_folder_is_tested_too(catalog: Catalog, library: Path, tmp_path: Path) -> None:
    """A LoRA in peft's folder layout beside the base."""
    folder = tmp_path / "models"
    shutil.copytree(MINIATURE / "miniature-frame-peft", folder / "miniature-frame-peft")
    records = catalogued(catalog, folder, "miniature.safetensors")
    found = results(records, catalog, library)
    assert found["adapter_model"].run.verdict == "ok"
