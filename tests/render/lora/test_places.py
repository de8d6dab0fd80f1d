"""Every naming scheme leads to the right module, on real layouts and on real files."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytest.importorskip("transformers")

from diffusers import UNet2DConditionModel  # noqa: E402
from safetensors.torch import load_file  # noqa: E402
from transformers import CLIPTextModel, CLIPTextModelWithProjection  # noqa: E402

from modelhub.render.lora import places  # noqa: E402
from modelhub.render.lora.keys import group_by_stem, split_key  # noqa: E402
from modelhub.render.lora.lora import Lora  # noqa: E402
from modelhub.render.lora.places import ModulePlaces  # noqa: E402
from tests.render.lora import networks as nets  # noqa: E402

MINIATURE = Path(__file__).resolve().parents[2] / "data" / "miniature"
Q = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q"


@cache
def _full_size(architecture: str) -> nets.Networks:
    """Build the architecture's networks at full size, without memory."""
    sd1 = {"block_out_channels": (320, 640, 1280, 1280), "cross_attention_dim": 768, "attention_head_dim": 8}
    unets = {
        "sd1": sd1,
        "sd2": {
            **sd1,
            "cross_attention_dim": 1024,
            "attention_head_dim": (5, 10, 20, 20),
            "use_linear_projection": True,
        },
        "sdxl": {
            **nets.SDXL,
            "block_out_channels": (320, 640, 1280),
            "cross_attention_dim": 2048,
            "attention_head_dim": (5, 10, 20),
            "transformer_layers_per_block": (1, 2, 10),
            "addition_time_embed_dim": 256,
            "projection_class_embeddings_input_dim": 2816,
        },
    }
    with torch.device("meta"):
        networks: nets.Networks = {"unet": UNet2DConditionModel(**unets[architecture])}
        width, layers = (1024, 23) if architecture == "sd2" else (768, 12)
        networks["text_encoder"] = CLIPTextModel(nets.text_config(width, layers, heads=16))
        if architecture == "sdxl":
            networks["text_encoder_2"] = CLIPTextModelWithProjection(nets.text_config(1280, 32, heads=20))
    return networks


def _layouts(shared: Path) -> list[tuple[str, str, nets.Tensors]]:
    """Return (file, architecture, tensors without memory) of every labeled LoRA layout."""
    found = []
    for path in sorted((shared / "headers").glob("*.json")):
        layout = json.loads(path.read_text(encoding="utf-8"))
        truth = layout.get("truth", {})
        if truth.get("type") == "lora":
            shapes = {name: shape for name, (_, shape) in layout["tensors"].items()}
            tensors = {name: torch.empty(shape, device="meta" if shape else None) for name, shape in shapes.items()}
            found.append((path.stem, truth["architecture"], tensors))
    return found


def test_every_module_of_real_layouts_finds_its_place(shared: Path) -> None:
    """Each labelled SD1, SD2 and SDXL LoRA fits the full-size networks of its architecture, by name and shape."""
    met = set()
    for name, architecture, tensors in _layouts(shared):
        if architecture in ("sd1", "sd2", "sdxl"):
            fit = Lora(tensors).fit(_full_size(architecture))
            assert (fit.unplaced, fit.placed) == ((), fit.total), name
            assert fit.total > 0
            assert not fit.is_for_other_text_width
            met.add(architecture)
    assert met == {"sd1", "sd2", "sdxl"}


def test_layouts_of_other_families_find_no_module_of_the_unet(shared: Path) -> None:
    """FLUX, SD3 and others share at most a text encoder with SD1 and SDXL."""
    met = set()
    for name, architecture, tensors in _layouts(shared):
        if architecture not in ("sd1", "sd2", "sdxl"):
            for own in ("sd1", "sdxl"):
                fit = Lora(tensors).fit(_full_size(own))
                assert not [place for place in fit.touched if place.startswith("unet.")], name
                assert fit.placed < fit.total
            met.add(architecture)
    assert {"flux", "sd3"} <= met


_INPUTS = ("lora_down.weight", "lora.down.weight", "lora_A.weight", "hada_w1_b")


def test_layouts_of_the_wrong_architecture_are_recognised_by_the_context(shared: Path) -> None:
    """SD1 on SDXL and the other way round share names and some shapes, but never the width of the text."""
    met = set()
    for name, architecture, tensors in _layouts(shared):
        reads_context = any("attn2" in key and key.endswith(_INPUTS) for key in tensors)
        for own in {"sd1", "sd2", "sdxl"} - {architecture} if architecture in ("sd1", "sd2", "sdxl") else ():
            if reads_context:
                fit = Lora(tensors).fit(_full_size(own))
                assert fit.is_for_other_text_width, (name, own)
                assert fit.placed < fit.total
                met.add((architecture, own))
    assert {("sd1", "sdxl"), ("sdxl", "sd1"), ("sd2", "sd1")} <= met


def test_ldm_names_lead_to_the_weights_of_an_original_checkpoint() -> None:
    """Every module of the miniature's single file, under its LDM name, is the module that diffusers loaded it into."""
    from tools.miniature.render import load_base

    pipe = load_base(MINIATURE)
    places = ModulePlaces({"unet": pipe.unet, "text_encoder": pipe.text_encoder})
    checked = 0
    for key, tensor in load_file(MINIATURE / "miniature.safetensors").items():
        if key.startswith(("model.diffusion_model.", "cond_stage_model.")) and key.endswith(".weight"):
            found = places.find(key.removesuffix(".weight"))
            assert len(found) == 1, key
            assert torch.equal(found[0].module.weight.flatten(), tensor.float().flatten()), key
            checked += 1
    assert checked > 400


def test_sdxl_ldm_names_lead_where_diffusers_converts_them() -> None:
    """Every module of an SDXL UNet has an LDM name that diffusers' own conversion turns back into it."""
    from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint

    unet = nets.sdxl()["unet"]
    spelled = _ldm_names(unet)
    checkpoint = {
        f"model.diffusion_model.{spelled[name]}.{part}": tensor
        for name, module in unet.named_modules()
        for part, tensor in module.named_parameters(recurse=False)
    }
    converted = convert_ldm_unet_checkpoint(checkpoint, dict(unet.config))
    own = dict(unet.named_parameters())
    assert converted.keys() == own.keys()
    assert all(converted[name] is own[name] for name in own)


def _ldm_names(unet: torch.nn.Module) -> dict[str, str]:
    """Return the LDM name of every module of a UNet that has one."""
    names = [name for name, _ in unet.named_modules() if name]
    blocks = places._ldm_blocks(names)
    return {name: ldm for name in names if (ldm := places._ldm_name(name, blocks))}


@pytest.mark.parametrize(
    ("stem", "expected"),
    [
        (f"lora_unet_{Q.replace('.', '_')}", f"unet.{Q}"),
        (f"lycoris_{Q.replace('.', '_')}", f"unet.{Q}"),
        (f"base_model.model.{Q}", f"unet.{Q}"),
        (f"unet.base_model.model.{Q}", f"unet.{Q}"),
        ("diffusion_model.input_blocks.1.1.transformer_blocks.0.attn1.to_q", f"unet.{Q}"),
        ("unet.mid_block.attentions.0.transformer_blocks.0.attn2.processor.to_out", "unet.mid_block.*.attn2.to_out.0"),
        ("lora_te_text_model_encoder_layers_1_mlp_fc1", "text_encoder.encoder.layers.1.mlp.fc1"),
        ("text_encoder.text_model.encoder.layers.1.mlp.fc2", "text_encoder.encoder.layers.1.mlp.fc2"),
        ("text_encoder.encoder.layers.0.self_attn.q_proj", "text_encoder.encoder.layers.0.self_attn.q_proj"),
        ("text_encoder.text_model.encoder.layers.0.self_attn.to_out", "text_encoder.*.self_attn.out_proj"),
        ("cond_stage_model.model.transformer.resblocks.2.mlp.c_fc", "text_encoder.encoder.layers.2.mlp.fc1"),
    ],
)
def test_spellings_lead_to_modules(stem: str, expected: str) -> None:
    """One line a spelling."""
    start, _, end = expected.partition("*")
    (place,) = ModulePlaces(nets.sd1()).find(stem)
    assert place.full_name.startswith(start)
    assert place.full_name.endswith(end)


@pytest.mark.parametrize(
    ("stem", "network"),
    [
        ("lora_te1_text_model_encoder_layers_0_mlp_fc1", "text_encoder"),
        ("lora_te2_text_model_encoder_layers_0_mlp_fc1", "text_encoder_2"),
        ("text_encoder_2.text_model.encoder.layers.0.mlp.fc1", "text_encoder_2"),
        ("lora_te2_text_projection", "text_encoder_2"),
        ("conditioner.embedders.1.model.transformer.resblocks.0.mlp.c_proj", "text_encoder_2"),
        ("lora_unet_input_blocks_4_1_proj_in", "unet"),
        ("lora_unet_output_blocks_2_2_conv", "unet"),
        ("lora_unet_label_emb_0_2", "unet"),
    ],
)
def test_sdxl_spellings_lead_to_the_right_network(stem: str, network: str) -> None:
    """With two text encoders the number decides."""
    (place,) = ModulePlaces(nets.sdxl()).find(stem)
    assert place.network == network


def test_a_text_encoder_named_by_no_prefix_is_chosen_by_its_width() -> None:
    """A peft folder of an adapter for the second encoder names the same modules as one for the first."""
    networks = nets.sdxl()
    name = "encoder.layers.0.self_attn.q_proj"
    tensors = {
        f"base_model.model.text_model.{name}.lora_A.weight": torch.ones(2, 32),
        f"base_model.model.text_model.{name}.lora_B.weight": torch.ones(32, 2),
    }
    assert Lora(tensors).fit(networks).touched == (f"text_encoder_2.text_model.{name}",)


@pytest.mark.parametrize(
    ("key", "stem", "part"),
    [
        ("unet.a.to_q.lora_A.default.weight", "unet.a.to_q", "down"),
        ("unet.a.to_q.lora_magnitude_vector", "unet.a.to_q", "magnitude"),
        ("unet.a.to_q.lora_magnitude_vector.default.weight", "unet.a.to_q", "magnitude"),
        ("a.processor.to_out_lora.up.weight", "a.processor.to_out", "up"),
        ("a.q_proj.lora_linear_layer.down.weight", "a.q_proj", "down"),
        ("lora_unet_a.lora_mid.weight", "lora_unet_a", "mid"),
        ("lora_unet_a.diff_b", "lora_unet_a", "diff_b"),
        ("lora_unet_a.weight", "lora_unet_a", "weight"),
        ("lora_unet_a.nothing_known", "lora_unet_a", "nothing_known"),
        ("alone", "alone", ""),
    ],
)
def test_keys_split_into_module_and_part(key: str, stem: str, part: str) -> None:
    """One line a part."""
    assert split_key(key) == (stem, part)


def test_an_unknown_part_belongs_to_the_module_it_stands_beside() -> None:
    """So that the module counts once, and as one that is not understood."""
    found = group_by_stem(["lora_unet_a.lora_down.weight", "lora_unet_a.lora_new.weight"])
    assert list(found) == ["lora_unet_a"]
    assert set(found["lora_unet_a"]) == {"down", "lora_new.weight"}
