"""Diffusion transformers out of diffusers folders: rendered offline by the recipe, or answered with words."""

from __future__ import annotations

import dataclasses
import inspect
import json
import shutil
import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("transformers", reason="transformers is not installed: pip install 'sd-modelhub[render]'")
diffusers = pytest.importorskip("diffusers", reason="diffusers is not installed: pip install 'sd-modelhub[render]'")
torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'sd-modelhub[render]'")

from modelhub.render.loading import diffusion_transformers  # noqa: E402 - they need what may be skipped for
from modelhub.render.messages import Result  # noqa: E402
from modelhub.render.recipes import Recipe  # noqa: E402
from tests.render.job_runner import JobRunner  # noqa: E402
from tests.render.tiny_transformers import MAKERS, folder, pipeline  # noqa: E402

RECIPE = Recipe(prompt="a red apple", negative_prompt="a dog", steps=2, size=64, guidance=3.0, seed=7)
NAMES = list(MAKERS)


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks the network fails."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture(scope="module", params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    """One kind of pipeline."""
    return str(request.param)


@pytest.fixture(scope="module")
def saved(name: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its folder."""
    return folder(name, tmp_path_factory.mktemp("dit") / "modèle")


@pytest.fixture(scope="module")
def ready(saved: Path) -> diffusion_transformers.Pipeline:
    """The folder, loaded."""
    return diffusion_transformers.load_pipeline(saved, dtype=torch.float32)


def result_of(path: Path, tmp_path: Path, recipe: Recipe = RECIPE) -> Result:
    """Run a whole render test and return its result."""
    return JobRunner(tmp_path / "pictures").run(path, "base", recipe)


def theirs(name: str, recipe: Recipe) -> Any:
    """Render the recipe with diffusers' own pipeline."""
    call = diffusion_transformers.PIPELINES[name]
    given: dict[str, Any] = {call.guidance: recipe.guidance, **call.options}
    if call.negative:
        given["negative_prompt"] = recipe.negative_prompt
    return pipeline(name)(
        prompt=recipe.prompt,
        height=recipe.size,
        width=recipe.size,
        num_inference_steps=recipe.steps,
        generator=torch.Generator().manual_seed(recipe.seed),
        output_type="pt",
        **given,
    ).images[0].permute(1, 2, 0)  # fmt: skip


@pytest.mark.parametrize("other", [{}, {"seed": 8}, {"steps": 3}, {"guidance": 6.0}, {"prompt": "xyz"}, {"size": 96}])
def test_the_picture_is_the_one_that_diffusers_makes(
    name: str, ready: diffusion_transformers.Pipeline, other: dict[str, Any]
) -> None:
    """Every field of the recipe is passed on: pixels agree to 1e-4."""
    recipe = dataclasses.replace(RECIPE, **other)
    output = diffusion_transformers.render(ready, recipe)
    pixels = (torch.from_numpy(output.raw) / 2 + 0.5).clamp(0, 1)
    wanted = theirs(name, recipe)
    assert pixels.shape == wanted.shape == (recipe.size, recipe.size, 3)
    assert torch.allclose(pixels, wanted, atol=1e-4, rtol=0)
    assert 8 * output.latents.shape[-1] == recipe.size


def test_a_whole_render_test_ends_with_a_verdict_and_a_picture(name: str, saved: Path, tmp_path: Path) -> None:
    """Random weights may be anything but a failure to load; the recipe names the model's own scheduler."""
    result = result_of(saved, tmp_path)
    assert result.verdict in ("ok", "damaged", "uniform", "clipped"), result.words
    assert Path(result.pictures["full"]).is_file()
    assert result.recipe["sampler"] == type(pipeline(name).scheduler).__name__
    assert (result.recipe["steps"], result.recipe["guidance"], result.recipe["seed"]) == (2, 3.0, 7)
    assert result.metrics["parameters"] == sum(p.numel() for p in pipeline(name).transformer.parameters())
    assert "finds_noise" not in result.metrics


def test_it_draws_in_bf16(saved: Path) -> None:
    """The type that a GPU is given: every network takes it, and the picture is finite."""
    ready = diffusion_transformers.load_pipeline(saved, dtype=torch.bfloat16)
    networks = [part for part in ready.pipe.components.values() if isinstance(part, torch.nn.Module)]
    assert {network.dtype for network in networks} == {torch.bfloat16}
    assert np.isfinite(diffusion_transformers.render(ready, RECIPE).raw).all()


def test_open_fields_of_the_recipe_are_decided(tmp_path: Path) -> None:
    """A small model: twenty steps at a side that its patches divide."""
    result = result_of(folder("FluxPipeline", tmp_path / "tiny"), tmp_path, Recipe(prompt="a cat", size=75))
    assert (result.recipe["steps"], result.recipe["width"]) == (20, 64)


LOST = [(name, part) for name in NAMES for part in inspect.signature(getattr(diffusers, name).__init__).parameters]


@pytest.mark.parametrize(
    ("name_", "part"), [row for row in LOST if row[1] not in ("self", *diffusion_transformers._LEFT_OUT)]
)
def test_a_missing_component_is_incomplete(name_: str, part: str, tmp_path: Path) -> None:
    """Whichever it is: its folder is gone."""
    path = folder(name_, tmp_path / "tiny")
    shutil.rmtree(path / part)
    result = result_of(path, tmp_path)
    assert result.verdict == "incomplete"
    assert part in result.words


@pytest.mark.parametrize(
    ("lost", "words"),
    [
        ("tokenizer_3/tokenizer.json", "tokenizer_3/tokenizer.json"),
        ("tokenizer/tokenizer.json", "tokenizer/"),
        ("scheduler/scheduler_config.json", "scheduler/scheduler_config.json"),
        ("transformer/config.json", "transformer/config.json"),
        ("text_encoder_3/model.safetensors", "text_encoder_3/"),
        ("vae/diffusion_pytorch_model.safetensors", "vae/"),
    ],
)
def test_a_missing_file_is_incomplete(lost: str, words: str, tmp_path: Path) -> None:
    """Also a tokenizer without vocabulary, of which transformers makes one that knows no words."""
    path = folder("StableDiffusion3Pipeline", tmp_path / "tiny")
    (path / lost).unlink()
    result = result_of(path, tmp_path)
    assert result.verdict == "incomplete", result.words
    assert words in result.words


def test_a_tokenizer_that_needs_another_library_says_which(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SentencePiece's own format, as PixArt's folders have it; that is not the model's fault."""
    path = folder("PixArtSigmaPipeline", tmp_path / "tiny")
    (path / "tokenizer" / "tokenizer.json").rename(path / "tokenizer" / "spiece.model")
    monkeypatch.setattr(diffusion_transformers, "find_spec", lambda name: None)
    result = result_of(path, tmp_path)
    assert result.verdict == "not-tested"
    assert "needs the library sentencepiece" in result.words


def test_a_quantisation_that_needs_another_library_says_which(tmp_path: Path) -> None:
    """A configuration that asks for bitsandbytes, which is not installed here."""
    from importlib.util import find_spec

    if find_spec("bitsandbytes"):
        pytest.skip("bitsandbytes is installed")
    path = folder("FluxPipeline", tmp_path / "tiny")
    config = json.loads((path / "transformer" / "config.json").read_text(encoding="utf-8"))
    config["quantization_config"] = {"quant_method": "bitsandbytes", "load_in_4bit": True}
    (path / "transformer" / "config.json").write_text(json.dumps(config), encoding="utf-8")
    result = result_of(path, tmp_path)
    assert result.verdict == "not-tested", result.words
    assert "bitsandbytes" in result.words


@pytest.mark.parametrize("part", ["transformer", "text_encoder_3", "vae"])
def test_a_missing_weight_is_incomplete(part: str, tmp_path: Path) -> None:
    """Libraries would continue with random numbers in its place."""
    from safetensors.torch import load_file, save_file

    path = folder("StableDiffusion3Pipeline", tmp_path / "tiny")
    (file,) = (path / part).glob("*.safetensors")
    tensors = load_file(file)
    gone = next(name for name in tensors if name.endswith(("to_q.weight", "SelfAttention.q.weight", "conv_out.weight")))
    del tensors[gone]
    save_file(tensors, file, metadata={"format": "pt"})
    result = result_of(path, tmp_path)
    assert result.verdict == "incomplete", result.words
    assert gone in result.words


def test_a_weight_of_another_shape_is_a_verdict(tmp_path: Path) -> None:
    """With words, not with a traceback."""
    from safetensors.torch import load_file, save_file

    path = folder("FluxPipeline", tmp_path / "tiny")
    (file,) = (path / "transformer").glob("*.safetensors")
    tensors = load_file(file)
    tensors["proj_out.weight"] = torch.zeros(3, 3)
    save_file(tensors, file, metadata={"format": "pt"})
    result = result_of(path, tmp_path)
    assert result.verdict == "load-error"
    assert "transformer" in result.words


def test_a_cut_file_is_incomplete(tmp_path: Path) -> None:
    """Told before libraries see it."""
    path = folder("FluxPipeline", tmp_path / "tiny")
    (file,) = (path / "transformer").glob("*.safetensors")
    file.write_bytes(file.read_bytes()[:-100])
    result = result_of(path, tmp_path)
    assert result.verdict == "incomplete"
    assert file.name in result.words


def test_weights_that_are_pickles_are_not_loaded(tmp_path: Path) -> None:
    """Though libraries could."""
    path = folder("FluxPipeline", tmp_path / "tiny")
    (file,) = (path / "transformer").glob("*.safetensors")
    torch.save(pipeline("FluxPipeline").transformer.state_dict(), path / "transformer" / "diffusion_pytorch_model.bin")
    file.unlink()
    result = result_of(path, tmp_path)
    assert result.verdict == "not-tested"
    assert "diffusion_pytorch_model.bin" in result.words


def changed(path: Path, **entries: Any) -> Path:
    """Change entries of a folder's index and return the folder."""
    index = json.loads((path / "model_index.json").read_text(encoding="utf-8"))
    (path / "model_index.json").write_text(json.dumps(index | entries), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("entries", "verdict", "words"),
    [
        ({"_class_name": "VeryNewPipeline"}, "not-tested", "VeryNewPipeline"),
        ({"_class_name": ["pipeline", "Own"]}, "not-tested", "code of its own"),
        ({"transformer": ["transformer_module", "Own"]}, "not-tested", "transformer_module"),
        ({"scheduler": ["os", "system"]}, "not-tested", "os"),
        ({"scheduler": ["diffusers", "DiffusionPipeline"]}, "not-tested", "scheduler"),
        ({"transformer": ["diffusers", "NoSuchModel"]}, "load-error", "NoSuchModel"),
        ({"transformer": [None, None]}, "incomplete", "transformer"),
        ({"text_encoder_2": [None, None]}, "incomplete", "text_encoder_2"),
        ({"vae": 3}, "incomplete", "vae"),
        ({"tokenizer_2": ["transformers", "CLIPTokenizer"]}, None, ""),
        ({"transformer": ["diffusers", "SD3Transformer2DModel"]}, None, "transformer"),
    ],
)
def test_what_an_index_says_is_never_run(
    entries: dict[str, Any], verdict: str | None, words: str, tmp_path: Path
) -> None:
    """Code of its own, unknown classes and wrong ones are verdicts."""
    path = changed(folder("FluxPipeline", tmp_path / "tiny"), **entries)
    (path / "transformer_module.py").write_text("raise SystemExit(9)", encoding="utf-8")
    (path / "transformer" / "transformer_module.py").write_text("raise SystemExit(9)", encoding="utf-8")
    result = result_of(path, tmp_path)
    assert words in result.words
    if verdict is not None:
        assert result.verdict == verdict
    assert "Traceback" not in result.words


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000])
def test_a_broken_index_is_a_load_error(text: str, tmp_path: Path) -> None:
    """The words name it."""
    path = folder("FluxPipeline", tmp_path / "tiny")
    (path / "model_index.json").write_text(text, encoding="utf-8")
    result = result_of(path, tmp_path)
    assert result.verdict == "load-error"
    assert "model_index.json" in result.words


def test_shards_and_variants_are_found(tmp_path: Path) -> None:
    """Weights in several files behind an index, and files named `.fp16`."""
    path = folder("StableDiffusion3Pipeline", tmp_path / "tiny")
    held = pipeline("StableDiffusion3Pipeline")
    for part, network in (("text_encoder_3", held.text_encoder_3), ("transformer", held.transformer)):
        (file,) = (path / part).glob("*.safetensors")
        file.unlink()
        network.save_pretrained(path / part, max_shard_size="40KB")
        assert len(list((path / part).glob("*.safetensors"))) > 1
    for part in ("vae", "text_encoder"):
        (file,) = (path / part).glob("*.safetensors")
        file.rename(file.with_suffix(".fp16.safetensors"))
    output = diffusion_transformers.render(diffusion_transformers.load_pipeline(path, dtype=torch.float32), RECIPE)
    pixels = (torch.from_numpy(output.raw) / 2 + 0.5).clamp(0, 1)
    assert torch.allclose(pixels, theirs("StableDiffusion3Pipeline", RECIPE), atol=1e-4, rtol=0)


def test_a_lost_shard_is_incomplete(tmp_path: Path) -> None:
    """Though the index and the other shards are there."""
    path = folder("FluxPipeline", tmp_path / "tiny")
    (file,) = (path / "transformer").glob("*.safetensors")
    file.unlink()
    pipeline("FluxPipeline").transformer.save_pretrained(path / "transformer", max_shard_size="40KB")
    lost = sorted((path / "transformer").glob("*.safetensors"))[1]
    lost.unlink()
    result = result_of(path, tmp_path)
    assert result.verdict == "incomplete", result.words
    assert lost.name in result.words


def test_sd3_draws_without_its_largest_text_encoder(tmp_path: Path) -> None:
    """As many folders leave T5 out."""
    path = changed(
        folder("StableDiffusion3Pipeline", tmp_path / "tiny"),
        text_encoder_3=[None, None],
        tokenizer_3=[None, None],
    )
    assert result_of(path, tmp_path).pictures


def test_adapters_cannot_be_applied_to_a_transformer(tmp_path: Path) -> None:
    """An adapter on a transformer is not tested, and the reason names the pipeline."""
    from tests.render.broken_copies import FAMILY, LORA

    path = folder("FluxPipeline", tmp_path / "tiny")
    result = JobRunner(tmp_path / "pictures").run(FAMILY / LORA, "lora", RECIPE, base=path)
    assert result.verdict == "not-tested"
    assert "FluxPipeline" in result.words


@pytest.mark.parametrize("name_", list(diffusion_transformers.PIPELINES))
def test_every_row_is_a_pipeline_of_diffusers_that_takes_these_arguments(name_: str) -> None:
    """So that a new version of diffusers cannot make the table wrong unnoticed."""
    call = diffusion_transformers.PIPELINES[name_]
    takes = inspect.signature(getattr(diffusers, name_).__call__).parameters
    wanted = {"prompt", "height", "width", "num_inference_steps", "generator", "output_type", call.guidance}
    assert wanted | set(call.options) <= set(takes)
    if call.negative:
        assert "negative_prompt" in takes
    assert "transformer" in inspect.signature(getattr(diffusers, name_).__init__).parameters
