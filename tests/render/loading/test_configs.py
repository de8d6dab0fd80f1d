"""Configurations out of shapes alone: equal to the published ones, and never anything but a verdict."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("diffusers", reason="diffusers is not installed: pip install 'sd-modelhub[render]'")
torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'sd-modelhub[render]'")

from modelhub.render.loading import bases, networks  # noqa: E402
from modelhub.render.problems import RenderProblem  # noqa: E402
from modelhub.render.verdicts import RenderVerdict  # noqa: E402

HEADERS = Path(__file__).resolve().parents[4] / "shared" / "headers"
FOUR = [320, 640, 1280, 1280]
CROSS, DOWN = "CrossAttnDownBlock2D", "DownBlock2D"
# From the published unet/config.json of stable-diffusion-v1-5, -2-1, -xl-base-1.0 and -xl-refiner-1.0.
UNETS: dict[str, dict[str, Any]] = {
    "sd1": {
        "block_out_channels": FOUR,
        "cross_attention_dim": 768,
        "attention_head_dim": 8,
        "down_block_types": [CROSS, CROSS, CROSS, DOWN],
        "use_linear_projection": False,
        "addition_embed_type": None,
    },
    "sd2": {
        "block_out_channels": FOUR,
        "cross_attention_dim": 1024,
        "attention_head_dim": [5, 10, 20, 20],
        "down_block_types": [CROSS, CROSS, CROSS, DOWN],
        "use_linear_projection": True,
        "addition_embed_type": None,
    },
    "sdxl": {
        "block_out_channels": [320, 640, 1280],
        "cross_attention_dim": 2048,
        "attention_head_dim": [5, 10, 20],
        "down_block_types": [DOWN, CROSS, CROSS],
        "use_linear_projection": True,
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": 256,
        "projection_class_embeddings_input_dim": 2816,
    },
    "sdxl-refiner": {
        "block_out_channels": [384, 768, 1536, 1536],
        "cross_attention_dim": 1280,
        "attention_head_dim": [6, 12, 24, 24],
        "down_block_types": [DOWN, CROSS, CROSS, DOWN],
        "use_linear_projection": True,
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": 256,
        "projection_class_embeddings_input_dim": 2560,
    },
}
# Transformer blocks on levels that have any.
DEPTHS = {"sd1": [1, 1, 1], "sd2": [1, 1, 1], "sdxl": [2, 10], "sdxl-refiner": [4, 4]}
CHANNELS = {"inpainting": 9, "instruct-pix2pix": 8, "depth": 5}
# Width, inner width, layers, heads, activation.
CLIP_L = (768, 3072, 12, 12, "quick_gelu")
VIT_H = (1024, 4096, 24, 16, "gelu")
BIG_G = (1280, 5120, 32, 20, "gelu")
ENCODERS = {"sd1": [CLIP_L], "sd2": [VIT_H], "sdxl": [CLIP_L, BIG_G], "sdxl-refiner": [BIG_G]}
SCALES = {"sd1": 0.18215, "sd2": 0.18215, "sdxl": 0.13025, "sdxl-refiner": 0.13025}


def layouts(*types: str) -> list[str]:
    """Return the names of the labelled layouts of these types, one of those with equal tensors."""
    found: dict[str, str] = {}
    for file in sorted(HEADERS.glob("*.json")):
        held = json.loads(file.read_text("utf-8"))
        if held["truth"].get("type") in types:
            shapes = {name: shape for name, (_, shape) in held["tensors"].items() if name.count(".") > 1}
            found.setdefault(json.dumps(shapes, sort_keys=True), file.name)
    return sorted(found.values())


@cache
def layout(name: str) -> Any:
    """Read one layout."""
    return json.loads((HEADERS / name).read_text(encoding="utf-8"))


def empty(shapes: Mapping[str, Any]) -> dict[str, Any]:
    """Return tensors that take no memory; position ids, whose values are looked at, are real."""
    return {
        name: torch.arange(77) if name.endswith("position_ids") else torch.empty(tuple(shape), device="meta")
        for name, (_, shape) in shapes.items()
    }


def assemble_base(name: str) -> bases.Base:
    """Build the base of a layout, without weights."""
    prefixes = tuple(prefix for prefix, _ in bases._PREFIXES) + bases._FLAGS
    shapes = {key: row for key, row in layout(name)["tensors"].items() if key.startswith(prefixes)}
    return bases.assemble_base(empty(shapes))


@pytest.mark.parametrize("name", layouts("base"))
def test_a_published_base_gets_its_published_configuration(name: str) -> None:
    """Every labelled base of the families that are built; the others are answered with a verdict and words."""
    truth = layout(name)["truth"]
    family, subtype = truth["architecture"], truth.get("subtype")
    if family not in UNETS or truth.get("prediction") == "edm-v":
        with pytest.raises(RenderProblem) as caught:
            assemble_base(name)
        assert caught.value.verdict == "not-tested"
        return
    if not (truth["has_vae"] and truth["has_text_encoder"]):
        with pytest.raises(RenderProblem, match=r"has no (VAE|text encoder)") as caught:
            assemble_base(name)
        assert caught.value.verdict == "incomplete"
        return
    base = assemble_base(name)
    config = base.unet.config
    assert {key: config[key] for key in UNETS[family]} == UNETS[family]
    assert [
        d for d, t in zip(config.transformer_layers_per_block, config.down_block_types, strict=True) if t == CROSS
    ] == (DEPTHS[family])
    assert (config.layers_per_block, config.norm_num_groups, config.out_channels) == (2, 32, 4)
    assert config.in_channels == CHANNELS.get(subtype, 4)
    assert base.architecture == family
    assert base.kind == ("refiner" if family == "sdxl-refiner" else subtype if subtype in CHANNELS else "text")
    assert base.vae.config.scaling_factor == SCALES[family]
    found = []
    for encoder in base.text_encoders:
        c = encoder.config
        found.append((c.hidden_size, c.intermediate_size, c.num_hidden_layers, c.num_attention_heads, c.hidden_act))
    wanted = [(1024, 4096, 23, 16, "gelu")] if "23layer" in name else ENCODERS[family]
    assert found == wanted
    last = {"sd1": "", "sd2": "" if found[0][2] == 23 else "sd2"}.get(family, "sdxl")
    assert base.penultimate == last


@pytest.mark.parametrize("name", layouts("vae"))
def test_a_published_vae_gets_its_published_configuration(name: str) -> None:
    """KL autoencoders under all names; tiny and video ones are answered with a verdict and words."""
    family = layout(name)["truth"]["architecture"]
    named = {key.removeprefix("first_stage_model."): row for key, row in layout(name)["tensors"].items()}
    named = {key: row for key, row in named.items() if not key.startswith(("model_ema.", "loss."))}
    if layout(name)["truth"].get("subtype") == "tiny" or family == "svd":
        with pytest.raises(RenderProblem) as caught:
            networks.build_vae(empty(named), architecture=family)
        assert caught.value.verdict == "not-tested"
        return
    config = networks.build_vae(empty(named), architecture=family).config
    assert tuple(config.block_out_channels) == (128, 256, 512, 512)
    assert (config.layers_per_block, config.norm_num_groups) == (2, 32)
    assert config.latent_channels == (32 if family == "flux2" else 4)
    assert config.scaling_factor == SCALES.get(family, 0.18215)
    assert config.shift_factor is None


SMALL = Path(__file__).resolve().parents[2] / "data" / "miniature" / "miniature.safetensors"


@cache
def miniature() -> dict[str, tuple[int, ...]]:
    """Return the names and shapes of a whole SD1 file."""
    from safetensors import safe_open

    with safe_open(SMALL, "pt") as file:
        return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118


def test_the_whole_file_is_built_before_it_is_mutilated() -> None:
    """What the next test starts from is sound."""
    base = bases.assemble_base(empty({name: ("F16", shape) for name, shape in miniature().items()}))
    assert base.kind == "text"


WORDS = st.sampled_from(
    ("decoder.up_blocks.x.resnets", "input_blocks.99999999999.0", "positional_embedding", "encoder.layers.7000000.x",
     "decoder.up.4294967296.block.0", "é", "", "text_projection", "transformer.resblocks.0.attn.in_proj_weight",
     "label_emb.0.0.weight", "decoder.up_blocks.0.resnets.0.conv2.weight")
)  # fmt: skip
SHAPES = st.lists(st.sampled_from((0, 1, 2, 3, 40, 64, 77, 320, 4096)), max_size=5).map(tuple)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_mutilated_files_end_in_a_verdict_and_nothing_else(data: st.DataObject) -> None:
    """Tensors renamed, dropped, reshaped: a base or a RenderProblem with words comes out."""
    shapes = dict(miniature())
    telling = [name for name in shapes if name.count(".") < 8 or "attn2.to_k" in name]
    for _ in range(data.draw(st.integers(1, 4))):
        name = data.draw(st.sampled_from(telling))
        shape = shapes.pop(name, (4,))
        match data.draw(st.sampled_from(("drop", "reshape", "rename"))):
            case "reshape":
                shapes[name] = data.draw(SHAPES)
            case "rename":
                prefix = data.draw(st.sampled_from([row[0] for row in bases._PREFIXES]))
                shapes[prefix + data.draw(WORDS)] = shape
    try:
        bases.assemble_base(empty({key: ("F16", value) for key, value in shapes.items()}))
    except RenderProblem as problem:
        assert problem.verdict in tuple(RenderVerdict)
        assert problem.words


@pytest.mark.parametrize("prefix", ["input_blocks.1.", "input_blocks.4.", "output_blocks.5.", "middle_block.1."])
def test_a_lost_block_is_incomplete_or_of_another_structure(prefix: str) -> None:
    """It is never taken for a smaller network."""
    shapes = {n: ("F16", s) for n, s in miniature().items() if not n.startswith(f"model.diffusion_model.{prefix}")}
    with pytest.raises(RenderProblem) as caught:
        bases.assemble_base(empty(shapes))
    assert caught.value.verdict in ("incomplete", "incompatible")


@pytest.mark.parametrize("number", [0, 5])
def test_a_lost_layer_of_the_text_encoder_is_incomplete(number: int) -> None:
    """It is never taken for a shorter one."""
    prefix = f"cond_stage_model.transformer.text_model.encoder.layers.{number}."
    shapes = {n: ("F16", s) for n, s in miniature().items() if not n.startswith(prefix)}
    with pytest.raises(RenderProblem, match=f"layers.{number}") as caught:
        bases.assemble_base(empty(shapes))
    assert caught.value.verdict == "incomplete"
