"""The verdicts on models that are broken on purpose, and on healthy ones."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the extra [render]")

from modelhub.render.recipes import Recipe
from tests.render.broken_copies import BASE, BROKEN_COPIES, FAMILY, HALF_LORA, BrokenCopy
from tests.render.job_runner import HEALTHY, PROMPT, JobRunner


@pytest.fixture(scope="module")
def job_runner(tmp_path_factory: pytest.TempPathFactory) -> JobRunner:
    """A job runner for all tests, so that the base loads once."""
    return JobRunner(tmp_path_factory.mktemp("pictures"))


@pytest.mark.parametrize("copy", BROKEN_COPIES, ids=lambda copy: copy.name)
def test_a_model_broken_on_purpose_gets_its_verdict(job_runner: JobRunner, copy: BrokenCopy) -> None:
    """Each kind of damage gets the verdict that names it, and never ok."""
    result = job_runner.run_copy(copy)
    assert result.verdict in copy.verdicts, result.words
    assert result.words


@pytest.mark.parametrize(("file", "type_"), HEALTHY, ids=[file for file, _ in HEALTHY])
def test_a_healthy_model_is_ok(job_runner: JobRunner, file: str, type_: str) -> None:
    """Every type and every dialect of the miniature family works."""
    result = job_runner.run(FAMILY / file, type_)
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
def test_a_healthy_base_is_ok_under_other_recipes(job_runner: JobRunner, recipe: Recipe) -> None:
    """The verdict is about the model, not about the recipe."""
    assert job_runner.run(FAMILY / BASE, "base", recipe).verdict == "ok"


@pytest.mark.parametrize("name", ["zeroed unet", "shuffled vae", "black picture"])
def test_two_steps_are_enough_to_catch_a_broken_base(job_runner: JobRunner, name: str) -> None:
    """A broken base is found with the CPU's default for large models."""
    copy = next(copy for copy in BROKEN_COPIES if copy.name == name)
    result = job_runner.run_copy(copy, Recipe(prompt=PROMPT, steps=2))
    assert result.verdict in copy.verdicts, result.words


def test_parts_without_a_place_are_a_warning_with_their_share(job_runner: JobRunner) -> None:
    """A LoRA works when half of its parts fit."""
    result = job_runner.run_copy(HALF_LORA)
    assert result.verdict == "ok"
    assert any("% of its parts belong to another architecture" in text for text in result.warnings)


@pytest.mark.parametrize("change", ["zero", "nan", "width"])
def test_a_broken_hypernetwork_is_caught(job_runner: JobRunner, tmp_path: Path, change: str) -> None:
    """Zero layers change nothing, NaN spoils the picture, other widths do not fit."""
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
    assert job_runner.run(path, "hypernetwork").verdict == verdicts[change]


def test_a_base_without_a_vae_is_rendered_with_one_of_the_library(job_runner: JobRunner, tmp_path: Path) -> None:
    """A base without a VAE is rendered with the first VAE that fits, and a warning names it."""
    from modelhub.render.messages import Job
    from modelhub.render.worker import run_job
    from tests.render.broken_copies import write
    from tests.render.job_runner import part

    subject = part(write(next(copy for copy in BROKEN_COPIES if copy.name == "no vae"), tmp_path), "base")
    spare = part(FAMILY / "miniature-vivid.vae.ckpt", "vae")
    broken = part(write(next(copy for copy in BROKEN_COPIES if copy.name == "vae for 16 channels"), tmp_path), "vae")
    job = Job(
        id=98,
        subject=subject,
        base=subject,
        recipe=Recipe(prompt=PROMPT),
        pictures=str(tmp_path / "pictures"),
        fallback_vaes=(broken, spare),
    )
    result = run_job(job_runner.tester, job)
    assert result.verdict == "ok"
    assert result.warnings == (f"It has no VAE; {spare.name} was used.",)


def test_a_base_with_a_broken_vae_names_the_vae_that_helps(job_runner: JobRunner, tmp_path: Path) -> None:
    """The latents are fine, so a sound VAE of the library gives a sound picture."""
    from modelhub.render.messages import Job
    from modelhub.render.worker import run_job
    from tests.render.broken_copies import write
    from tests.render.job_runner import part

    path = write(next(copy for copy in BROKEN_COPIES if copy.name == "black picture"), tmp_path)
    spare = part(FAMILY / "miniature-vivid.vae.ckpt", "vae")
    subject = part(path, "base")
    job = Job(
        id=99,
        subject=subject,
        base=subject,
        recipe=Recipe(prompt=PROMPT),
        pictures=str(tmp_path / "pictures"),
        fallback_vaes=(spare,),
    )
    result = run_job(job_runner.tester, job)
    assert result.verdict == "uniform"
    assert result.words == f"The picture is black. A VAE of your library gives a sound picture: {spare.name}."
