"""The judge against models broken on purpose, and against healthy ones."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the extra [render]")

from modelhub.render.recipes import Recipe
from tests.render.trials import HEALTHY, PROMPT, Trials
from tests.render.twins import BASE, FAMILY, HALF, TWINS, Twin


@pytest.fixture(scope="module")
def trials(tmp_path_factory: pytest.TempPathFactory) -> Trials:
    """One bench, so that the base loads once."""
    return Trials(tmp_path_factory.mktemp("trials"))


@pytest.mark.parametrize("twin", TWINS, ids=lambda twin: twin.name)
def test_a_model_broken_on_purpose_gets_its_verdict(trials: Trials, twin: Twin) -> None:
    """Each kind of damage has the verdict that names it, and never ok."""
    result = trials.twin(twin)
    assert result.verdict in twin.verdicts, result.words
    assert result.words


@pytest.mark.parametrize(("file", "type_"), HEALTHY, ids=[file for file, _ in HEALTHY])
def test_a_healthy_model_is_ok(trials: Trials, file: str, type_: str) -> None:
    """Every type and every dialect of the miniature family works."""
    result = trials.of(FAMILY / file, type_)
    assert (result.verdict, result.warnings) == ("ok", ()), result.words


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(prompt="a green square, grey background", size=64),
        Recipe(prompt=PROMPT, steps=2),
        Recipe(prompt="words it never saw", sampler="dpm++-2m"),
        Recipe(prompt=PROMPT, guidance=7.0, seed=4),
    ],
    ids=["small", "two steps", "another sampler", "strong guidance"],
)
def test_a_healthy_base_is_ok_under_other_recipes(trials: Trials, recipe: Recipe) -> None:
    """The verdict is about the model, not about the recipe."""
    assert trials.of(FAMILY / BASE, "base", recipe).verdict == "ok"


@pytest.mark.parametrize("name", ["zeroed unet", "shuffled vae", "black picture"])
def test_two_steps_are_enough_to_catch_a_broken_base(trials: Trials, name: str) -> None:
    """The default of a CPU for large models."""
    twin = next(twin for twin in TWINS if twin.name == name)
    result = trials.twin(twin, Recipe(prompt=PROMPT, steps=2))
    assert result.verdict in twin.verdicts, result.words


def test_parts_without_a_place_are_a_warning_with_their_share(trials: Trials) -> None:
    """A LoRA of which half fits still works."""
    result = trials.twin(HALF)
    assert result.verdict == "ok"
    assert any("% of its parts have no place" in text for text in result.warnings)


@pytest.mark.parametrize("change", ["zero", "nan", "width"])
def test_a_broken_hypernetwork_is_caught(trials: Trials, tmp_path: Path, change: str) -> None:
    """Zero layers change nothing, NaN spoils everything, other widths find no place."""
    import torch

    found = torch.load(FAMILY / "miniature-sepia.pt", weights_only=True)
    for width in [key for key in found if isinstance(key, int)]:
        for layers in found[width]:
            for name, tensor in layers.items():
                if change == "zero":
                    tensor.zero_()
                elif change == "nan":
                    tensor.view(-1)[0] = float("nan")
                else:
                    layers[name] = torch.zeros([side // width * (width + 768) for side in tensor.shape])
        if change == "width":
            found[width + 768] = found.pop(width)
    path = tmp_path / "broken.pt"
    torch.save(found, path)
    verdicts = {"zero": "no-effect", "nan": "nan-unet", "width": "incompatible"}
    assert trials.of(path, "hypernetwork").verdict == verdicts[change]


def test_a_base_without_a_vae_is_rendered_with_one_of_the_library(trials: Trials, tmp_path: Path) -> None:
    """As UIs do with such files; which one it was is said."""
    from modelhub.render.messages import Job
    from modelhub.render.worker import tested
    from tests.render.trials import part
    from tests.render.twins import write

    subject = part(write(next(twin for twin in TWINS if twin.name == "no vae"), tmp_path), "base")
    spare = part(FAMILY / "miniature-vivid.vae.ckpt", "vae")
    broken = part(write(next(twin for twin in TWINS if twin.name == "vae for 16 channels"), tmp_path), "vae")
    job = Job(
        id=98,
        subject=subject,
        base=subject,
        recipe=Recipe(prompt=PROMPT),
        pictures=str(tmp_path / "pictures"),
        rescues=(broken, spare),
    )
    result = tested(trials.bench, job)
    assert result.verdict == "ok"
    assert result.warnings == (f"it has no VAE of its own; rendered with {spare.name}",)


def test_a_base_with_a_broken_vae_names_the_vae_that_helps(trials: Trials, tmp_path: Path) -> None:
    """The latents are fine: with a sound VAE of the library the picture is."""
    from modelhub.render.messages import Job
    from modelhub.render.worker import tested
    from tests.render.trials import part
    from tests.render.twins import write

    path = write(next(twin for twin in TWINS if twin.name == "black picture"), tmp_path)
    spare = part(FAMILY / "miniature-vivid.vae.ckpt", "vae")
    subject = part(path, "base")
    job = Job(
        id=99,
        subject=subject,
        base=subject,
        recipe=Recipe(prompt=PROMPT),
        pictures=str(tmp_path / "pictures"),
        rescues=(spare,),
    )
    result = tested(trials.bench, job)
    assert result.verdict == "uniform"
    assert f"with the VAE {spare.name} it works" in result.words
