"""Identification of generated layouts of well-known models."""

from __future__ import annotations

import random

import pytest

from modelhub.detect import detect
from modelhub.detect.hints import Hints
from modelhub.detect.rules.header_index import index_header
from modelhub.detect.rules.registry import rules
from modelhub.detect.rules.types import matching_types
from modelhub.domain import Format, ModelType, Variant
from modelhub.formats.header import Header
from tests.detect.layouts import (
    SD1,
    SD2,
    SDXL,
    Shapes,
    Unet,
    ema_of,
    header,
    hypernetwork,
    kohya_lora,
    ldm_checkpoint,
    ldm_vae,
    text_lora,
)

_BASES = [(SD1, "sd1"), (SD2, "sd2"), (SDXL, "sdxl")]
_LAYOUTS: dict[str, Shapes] = {
    "base": ldm_checkpoint(),
    "vae": ldm_vae(),
    "lora sd1": kohya_lora(SD1),
    "lora sdxl": kohya_lora(SDXL),
    "lora text": text_lora("lora_te", 768),
    "embedding": {"emb_params": (8, 768)},
    "hypernetwork": hypernetwork(320, 640, 768, 1280),
}


@pytest.mark.parametrize("name", _LAYOUTS)
def test_every_generated_layout_fits_exactly_one_type(name: str) -> None:
    """Type rows exclude each other."""
    assert len(matching_types(index_header(header(_LAYOUTS[name]), rules()))) == 1


@pytest.mark.parametrize(("unet", "architecture"), _BASES)
def test_a_lora_names_its_base_and_rank(unet: Unet, architecture: str) -> None:
    """Cross-attention widths tell the base, the pairs' inner width the rank."""
    found = detect(header(kohya_lora(unet, rank=12)))
    assert (found.type, found.architecture, found.algorithm, found.rank) == (ModelType.LORA, architecture, "lora", 12)


def test_an_sdxl_lora_of_self_attention_alone_is_sdxl() -> None:
    """Deep stacks of transformer blocks tell SDXL without any cross-attention."""
    assert detect(header(kohya_lora(SDXL, keep="attn1"))).architecture == "sdxl"


@pytest.mark.parametrize("unet", [SD1, SD2])
def test_a_lora_of_self_attention_alone_has_sd1_and_sd2_as_candidates(unet: Unet) -> None:
    """SD 1 and SD 2 have the same self-attention: neither is claimed."""
    found = detect(header(kohya_lora(unet, keep="attn1")))
    assert found.architecture is None
    assert found.architecture_candidates == ("sd1", "sd2")


def test_metadata_decides_among_candidates() -> None:
    """What the tensors leave open, the trainer's field may settle, and it is the stated evidence."""
    found = detect(header(kohya_lora(SD2, keep="attn1"), metadata={"ss_base_model_version": "sd_v2"}))
    assert found.architecture == "sd2"
    assert any("ss_base_model_version" in e.because for e in found.evidence)


def test_a_sources_word_decides_among_candidates_but_never_against_the_tensors() -> None:
    """Civitai's base model is free text."""
    open_lora, clear_lora = header(kohya_lora(SD1, keep="attn1")), header(kohya_lora(SDXL))
    assert detect(open_lora, Hints(base_model="SD 1.5")).architecture == "sd1"
    assert detect(open_lora, Hints(base_model="Pony")).architecture is None
    assert detect(clear_lora, Hints(base_model="SD 1.5")).architecture == "sdxl"


def test_tensors_win_over_metadata_that_contradicts_them() -> None:
    """A false claim is reported, not believed."""
    found = detect(header(kohya_lora(SD1), metadata={"modelspec.architecture": "stable-diffusion-xl-v1-base/lora"}))
    assert found.architecture == "sd1"
    assert any("metadata states sdxl" in problem for problem in found.problems)


@pytest.mark.parametrize(("unet", "architecture"), _BASES)
def test_half_of_a_lora_never_names_a_wrong_base(unet: Unet, architecture: str) -> None:
    """Whatever layers are left, the right base is the answer or among the candidates."""
    shapes = kohya_lora(unet)
    stems = sorted({name.partition(".")[0] for name in shapes})
    chance = random.Random(5)
    for share in (2, 4, 16, 64):
        for _ in range(10):
            kept = set(chance.sample(stems, max(1, len(stems) // share)))
            found = detect(header({n: s for n, s in shapes.items() if n.partition(".")[0] in kept}))
            assert found.type is ModelType.LORA
            assert architecture in (found.architecture, *found.architecture_candidates)


@pytest.mark.parametrize(
    ("parts", "architecture"),
    [
        ([("lora_te", 768)], "sd1"),
        ([("lora_te", 1024)], "sd2"),
        ([("lora_te1", 768), ("lora_te2", 1280)], "sdxl"),
        ([("lora_te2", 1280)], "sdxl"),
        ([("lora_te1", 768)], None),
    ],
)
def test_a_lora_of_text_encoders_alone_goes_by_prefix_and_width(
    parts: list[tuple[str, int]], architecture: str | None
) -> None:
    """CLIP-L numbered as the first of several encoders is SDXL's, SD 3's or FLUX's: candidates."""
    shapes = {name: shape for prefix, width in parts for name, shape in text_lora(prefix, width).items()}
    found = detect(header(shapes))
    assert found.type is ModelType.LORA
    assert found.architecture == architecture
    assert architecture or set(found.architecture_candidates) >= {"sdxl", "flux", "sd3"}


def test_a_lora_that_bundles_an_embedding_is_a_lora() -> None:
    """kohya's bundle_emb adds vectors to a LoRA; it stays one."""
    found = detect(header(kohya_lora(SD1) | {"bundle_emb.word.string_to_param.*": (4, 768)}))
    assert found.type is ModelType.LORA
    assert "embedding" in found.components


def test_a_base_that_kept_lora_keys_is_a_base() -> None:
    """A merge may leave the LoRA's tensors behind."""
    found = detect(header(ldm_checkpoint() | kohya_lora(SD1, keep="mid")))
    assert (found.type, found.architecture) == (ModelType.BASE, "sd1")


def test_a_checkpoint_names_its_parts() -> None:
    """The words of the contract."""
    found = detect(header(ldm_checkpoint()))
    assert {"unet", "vae", "text_encoder"} <= set(found.components)
    assert (found.variant, found.prediction, found.precision) == (Variant.SINGLE, "epsilon", "fp16")


@pytest.mark.parametrize(("inputs", "subtype"), [(4, None), (9, "inpainting"), (8, "instruct-pix2pix"), (5, "depth")])
def test_input_channels_show_the_subtype(inputs: int, subtype: str | None) -> None:
    """Mask, picture and depth come in as further channels."""
    assert detect(header(ldm_checkpoint(inputs=inputs))).subtype == subtype


def test_both_weight_sets_with_training_state_are_full() -> None:
    """Training state beside both sets makes `full`, its absence `pruned`."""
    shapes = ldm_checkpoint() | ema_of(ldm_checkpoint())
    pruned, full = detect(header(shapes)), detect(header(shapes, entries={"optimizer_states": "list"}))
    assert (pruned.variant, full.variant, full.has_ema) == (Variant.PRUNED, Variant.FULL, True)


def test_an_ema_set_alone_is_an_orphan_and_a_problem() -> None:
    """No UI loads it as it is."""
    found = detect(header(ema_of(ldm_checkpoint())))
    assert (found.variant, found.architecture) == (Variant.EMA_ORPHAN, "sd1")
    assert found.problems


@pytest.mark.parametrize(
    ("name", "variant"),
    [
        ("x-emaonly.safetensors", Variant.PRUNED_EMAONLY),
        ("v2-1_768-nonema-pruned.ckpt", Variant.PRUNED_NOEMA),
        ("model-fp16.safetensors", Variant.SINGLE),
    ],
)
def test_only_a_name_or_hash_says_which_set_a_single_one_is(name: str, variant: Variant) -> None:
    """The header cannot."""
    assert detect(header(ldm_checkpoint()), Hints(names=(name,))).variant is variant


def test_a_known_hash_settles_variant_and_prediction() -> None:
    """SD 2.1-v's published file."""
    sha256 = "dcd690123cfc64383981a31d955694f6acf2072a80537fdb612c8e58ec87a8ac"
    found = detect(header(ldm_checkpoint(context=1024)), Hints(sha256=sha256))
    assert (found.variant, found.prediction) == (Variant.PRUNED_EMAONLY, "v")


def test_an_unknown_model_of_sd1s_build_is_a_base_without_architecture() -> None:
    """Widths of no known model: the build is named in the evidence, the architecture is not guessed."""
    found = detect(header(ldm_checkpoint(channels=32, context=64, clip=64)))
    assert (found.type, found.architecture) == (ModelType.BASE, None)
    assert any("no known model" in e.because for e in found.evidence)


@pytest.mark.parametrize("prefix", ["", "first_stage_model."])
def test_a_vae_has_three_candidates_under_any_prefix(prefix: str) -> None:
    """SD 1, SD 2 and SDXL share the layout."""
    found = detect(header(ldm_vae(prefix)))
    assert (found.type, found.architecture_candidates) == (ModelType.VAE, ("sd1", "sd2", "sdxl"))


def test_a_vae_with_its_own_averages_is_still_a_vae() -> None:
    """model_ema.* alone does not make a checkpoint."""
    found = detect(header(ldm_vae() | {"model_ema.decoderconv_inweight": (512, 4, 3, 3)}))
    assert (found.type, found.has_ema) == (ModelType.VAE, True)


@pytest.mark.parametrize(("sizes", "architecture"), [((320, 768, 1280), "sd1"), ((320, 1024, 1280), "sd2")])
def test_a_hypernetwork_goes_by_the_contexts_width(sizes: tuple[int, ...], architecture: str) -> None:
    """768 is CLIP-L's, 1024 OpenCLIP-H's."""
    found = detect(header(hypernetwork(*sizes), format=Format.TORCH_ZIP))
    assert (found.type, found.architecture) == (ModelType.HYPERNETWORK, architecture)


def test_rules_do_not_depend_on_order_or_name() -> None:
    """Shuffled keys and a meaningless name give the same answer."""
    shapes = list(kohya_lora(SDXL).items())
    first = detect(header(dict(shapes)), Hints(names=("SDXL lora.safetensors",)))
    random.Random(3).shuffle(shapes)
    second = detect(header(dict(shapes)), Hints(names=("sd1_checkpoint.ckpt",)))
    assert (first.type, first.architecture, first.rank) == (second.type, second.architecture, second.rank)


@pytest.mark.parametrize(
    "hostile",
    [
        {},
        {"": (1, 768)},
        {"input_blocks." + "9" * 5000 + ".1.transformer_blocks.0.attn2.to_k.weight": (1,)},
        {"lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k.lora_down.weight": ()},
        {"string_to_param.*": ()},
        {"." * 500: (0, 0, 0)},
    ],
)
def test_odd_names_and_shapes_are_answered(hostile: Shapes) -> None:
    """Nothing in a header makes detection fail."""
    assert detect(header(hostile)).type in set(ModelType)


def test_a_header_of_an_unknown_format_is_unknown() -> None:
    """No tensors, no claim."""
    found = detect(Header(format=Format.UNKNOWN, size=10))
    assert (found.type, found.architecture, found.components) == (ModelType.UNKNOWN, None, ())


def test_an_ia3_of_lycoris_is_a_lora_though_its_tensors_are_called_weight() -> None:
    """Below a delta's prefix nothing is a whole network."""
    stem = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k"
    found = detect(header({f"{stem}.weight": (320, 1), f"{stem}.on_input": ()}))
    assert (found.type, found.algorithm) == (ModelType.LORA, "ia3")


def test_a_controlnet_lllite_names_its_base() -> None:
    """Its names are those of the layers that it changes."""
    stem = "lllite_unet_input_blocks_7_1_transformer_blocks_9_attn2_to_k"
    shapes = {f"{stem}.down.0.weight": (64, 2048), f"{stem}.conditioning1.0.weight": (16, 3, 4, 4)}
    found = detect(header(shapes))
    assert (found.type, found.subtype, found.architecture) == (ModelType.CONTROLNET, "lllite", "sdxl")
