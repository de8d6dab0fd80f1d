"""A test renders with an adapter what diffusers' own pipeline renders with it."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra [render]")

import torch
from PIL import Image
from safetensors.torch import save_file

from modelhub.render.loading.bases import load_base
from modelhub.render.messages import Result
from modelhub.render.recipes import Recipe
from modelhub.render.sampling import to_pixels
from tests.render.broken_copies import BASE, FAMILY
from tests.render.job_runner import PROMPT, JobRunner, part
from tests.render.lora.networks import attention, kohya
from tools.diffusers_calls import call, pipeline

RECIPE = Recipe(prompt=PROMPT, steps=4, size=64, guidance=1.5)


def test_a_lora_of_the_text_encoder_changes_the_prompt_it_is_tested_with(tmp_path: Path) -> None:
    """Both prompts are encoded while it is on: the picture is the pipeline's with the change merged by hand."""
    base = load_base(part(FAMILY / BASE, "base"), dtype=torch.float32)
    encoder = base.text_encoders[0]
    torch.manual_seed(3)
    tensors = kohya({"text_encoder": encoder}, alpha=4.0)
    path = tmp_path / "words.safetensors"
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path)

    result = JobRunner(tmp_path).run(path, "lora", RECIPE)

    assert result.metrics["placed"] == result.metrics["parts"] == len(attention(encoder)), result.words
    with torch.no_grad():
        for name, module in attention(encoder).items():
            stem = f"lora_te_text_model_{name.removeprefix('text_model.').replace('.', '_')}"
            module.get_parameter("weight").add_(tensors[f"{stem}.lora_up.weight"] @ tensors[f"{stem}.lora_down.weight"])
    assert_drawn(result, call(pipeline(base, RECIPE.sampler), replace(RECIPE, prompt=result.recipe["prompt"])))


def test_an_embedding_is_tested_with_its_vectors_in_the_prompt(tmp_path: Path) -> None:
    """The picture is the pipeline's with the embedding loaded by diffusers under a word of its own."""
    path = FAMILY / "learned_embeds.safetensors"
    pipe = pipeline(load_base(part(FAMILY / BASE, "base"), dtype=torch.float32), RECIPE.sampler)
    pipe.tokenizer = deepcopy(pipe.tokenizer)
    pipe.load_textual_inversion(str(path), token="<nightgem>")

    result = JobRunner(tmp_path).run(path, "embedding", RECIPE)

    assert_drawn(result, call(pipe, replace(RECIPE, prompt=f"<nightgem>, {PROMPT}")))


def assert_drawn(result: Result, expected: Any) -> None:
    """Assert that the picture is the pipeline's (1, height, width, 3), and not the base's own."""
    pixels = to_pixels(expected[0] * 2 - 1)
    drawn, before = (np.asarray(Image.open(result.pictures[kind])).astype(int) for kind in ("full", "base"))
    assert np.abs(drawn - pixels).max() <= 1
    assert np.abs(before - pixels).mean() > 5
