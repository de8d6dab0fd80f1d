"""Diffusers folders are added to the catalog, planned, and rendered in the real worker process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from modelhub.catalog import Catalog, ModelQuery
from modelhub.operations.library.add import add
from modelhub.operations.render.options import RenderOptions
from modelhub.operations.render.run import RenderTestResult, render_test
from modelhub.render.recipes import Recipe
from modelhub.testing.files import safetensors_file
from modelhub.testing.files.tensors import Tensor

pytest.importorskip("diffusers", reason="needs the render extra")
pytest.importorskip("transformers", reason="needs the render extra")

from tests.render import tiny_models, tiny_transformers

QUICK = Recipe(prompt="a red apple", steps=2, size=64)


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    """The catalog of an empty library."""
    with Catalog.open(tmp_path / "library" / "catalog.sqlite3") as opened:
        yield opened


def outcomes(catalog: Catalog, place: Path) -> dict[str, RenderTestResult]:
    """Return the results of everything in a folder, by name."""
    list(add([place], catalog=catalog))
    records = list(catalog.records(ModelQuery()))
    library, options = place.parent / "library", RenderOptions(recipe=QUICK)
    return {one.record.name: one for one in render_test(records, catalog=catalog, library=library, options=options)}


def test_folders_of_unets_and_of_transformers_are_rendered(catalog: Catalog, tmp_path: Path) -> None:
    """SDXL is rendered by modelhub's loaders, FLUX and SD3 by diffusers' pipelines; all results are in the catalog."""
    models = tmp_path / "modèles"
    tiny_models.model(tiny_models.KINDS["sdxl"]).folder(models / "xl")
    for name, pipeline in (("flux", "FluxPipeline"), ("sd3", "StableDiffusion3Pipeline")):
        tiny_transformers.folder(pipeline, models / name)
    found = outcomes(catalog, models)
    assert set(found) == {"xl", "flux", "sd3"}
    assert found["xl"].run.verdict == "noise"
    for one in found.values():
        assert one.run.verdict in ("noise", "ok", "damaged", "uniform", "clipped"), one.run.words
        assert (tmp_path / "library" / one.run.pictures["full"]).is_file()
        assert (one.run.recipe["steps"], one.run.recipe["width"]) == (2, 64)
    assert found["flux"].run.recipe["sampler"] == "FlowMatchEulerDiscreteScheduler"


# Tensors that identify FLUX's transformer in one file, in their true shapes.
FLUX = {
    "img_in.weight": (3072, 64),
    "txt_in.weight": (3072, 4096),
    "vector_in.in_layer.weight": (3072, 768),
    "double_blocks.0.img_attn.qkv.weight": (9216, 3072),
    "double_blocks.0.img_attn.norm.query_norm.scale": (128,),
    "double_blocks.0.txt_attn.qkv.weight": (9216, 3072),
    "single_blocks.0.linear1.weight": (21504, 3072),
    "final_layer.linear.weight": (64, 3072),
}
# Tensors that make it a whole model.
BESIDE = {
    "vae.encoder.conv_in.weight": (128, 3, 3, 3),
    "vae.decoder.conv_in.weight": (512, 16, 3, 3),
    "vae.decoder.conv_out.weight": (3, 128, 3, 3),
    "text_encoders.clip_l.transformer.text_model.embeddings.token_embedding.weight": (49408, 768),
    "text_encoders.clip_l.transformer.text_model.encoder.layers.0.mlp.fc1.weight": (3072, 768),
}


def test_a_single_file_of_flux_is_not_tested_and_names_the_reason(catalog: Catalog, tmp_path: Path) -> None:
    """A FLUX file and a LoRA for it are not tested, although the base is in the library as a folder."""
    models = tmp_path / "models"
    network = {f"model.diffusion_model.{name}": Tensor("BF16", shape) for name, shape in FLUX.items()}
    whole = network | {name: Tensor("BF16", shape) for name, shape in BESIDE.items()}
    safetensors_file.write(models / "flux.safetensors", whole, sparse=True)
    safetensors_file.write(models / "alone.safetensors", network, sparse=True)
    module = "transformer.single_transformer_blocks.0.attn.to_q"
    lora = {f"{module}.lora_A.weight": Tensor("F32", (4, 3072)), f"{module}.lora_B.weight": Tensor("F32", (3072, 4))}
    safetensors_file.write(models / "style.safetensors", lora)
    tiny_transformers.folder("FluxPipeline", models / "folder")
    found = outcomes(catalog, models)
    assert found["flux"].record.detection.architecture == found["style"].record.detection.architecture == "flux"
    assert found["flux"].run.verdict == found["style"].run.verdict == "not-tested"
    assert "diffusers folder" in found["flux"].run.words
    assert found["alone"].run.words == "Not tested: it is the network alone, without text encoder and VAE."
    assert "adapters for flux" in found["style"].run.words
    assert found["folder"].run.pictures
