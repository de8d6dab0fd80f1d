"""Digests of components, equal for equal weights in any container."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from modelhub.detect.weights import arrays
from modelhub.detect.weights.canonical_names import TensorNaming
from modelhub.detect.weights.fingerprints import WHOLE, ComponentDigest, FingerprintSink, component_digests
from modelhub.detect.weights.key_sets import expected_names
from modelhub.detect.weights.ldm_names import ARCHITECTURES, clip_names, ldm_unet_names, vae_names
from modelhub.detect.weights.named_components import find_component_names, load_named_components, name_components
from modelhub.detect.weights.spans import RangeSplitter
from modelhub.errors import ModelhubError
from modelhub.storage.hashing import hash_file

Weights = Mapping[str, torch.Tensor]
DTYPES = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.float64: "F64", torch.int64: "I64"}


@dataclass(frozen=True)
class Span:
    """The place of a tensor."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    offset: int
    length: int


def lay_out(path: Path, weights: Weights, *, gap: int = 3) -> list[Span]:
    """Write tensors one after the other, at odd offsets, behind a header of no particular kind."""
    spans, data = [], bytearray(b"header!")
    for name, tensor in weights.items():
        raw = tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes() if tensor.numel() else b""
        spans.append(Span(name, DTYPES[tensor.dtype], tuple(tensor.shape), len(data), len(raw)))
        data += raw + bytes(gap)
    path.write_bytes(data)
    return spans


def digests(path: Path, weights: Weights, *, threads: bool = False) -> dict[str, ComponentDigest]:
    """Return digests by component, from the same read as the hashes."""
    sink = FingerprintSink(lay_out(path, weights))
    hash_file(path, sinks=[sink], threads=threads)
    return {digest.component: digest for digest in component_digests(sink)}


@pytest.fixture
def of(tmp_path: Path) -> Callable[[Weights], dict[str, ComponentDigest]]:
    """The digests of some weights."""
    return lambda weights: digests(tmp_path / f"{random.random()}.bin", weights)


def weights_for(names: Iterable[str], shape: tuple[int, ...] = (6, 5)) -> dict[str, torch.Tensor]:
    """Random values, as real ones are spread, with zeros of both signs and tiny values that fp16 does not have."""
    generator = torch.Generator().manual_seed(7)
    found = {name: torch.randn(shape, generator=generator) * 0.05 for name in sorted(names)}
    for tensor in found.values():
        tensor.view(-1)[:4] = torch.tensor([0.0, -0.0, -1e-12, 1e-12])
    return found


LDM = {
    **{f"model.diffusion_model.{name}": (6, 5) for name in ldm_unet_names("sd1")},
    **{f"first_stage_model.{name}": (6, 5) for name in vae_names()},
    **{f"cond_stage_model.transformer.text_model.{name}": (6, 5) for name in clip_names(12)},
}


def checkpoint() -> dict[str, torch.Tensor]:
    """Return a small SD 1 checkpoint with every name that a real one has."""
    found = weights_for(LDM)
    width = "cond_stage_model.transformer.text_model.embeddings.token_embedding.weight"
    found[width] = torch.randn(2, 768, generator=torch.Generator().manual_seed(1))
    return found


# LDM's names and diffusers', pairs checked against the layouts of the published files.
UNET_PAIRS = {
    "input_blocks.0.0.weight": "conv_in.weight",
    "time_embed.0.weight": "time_embedding.linear_1.weight",
    "input_blocks.1.0.in_layers.0.weight": "down_blocks.0.resnets.0.norm1.weight",
    "input_blocks.2.1.transformer_blocks.0.norm1.bias": "down_blocks.0.attentions.1.transformer_blocks.0.norm1.bias",
    "input_blocks.3.0.op.weight": "down_blocks.0.downsamplers.0.conv.weight",
    "input_blocks.4.0.skip_connection.weight": "down_blocks.1.resnets.0.conv_shortcut.weight",
    "input_blocks.11.0.emb_layers.1.bias": "down_blocks.3.resnets.1.time_emb_proj.bias",
    "middle_block.1.proj_in.weight": "mid_block.attentions.0.proj_in.weight",
    "middle_block.2.out_layers.3.weight": "mid_block.resnets.1.conv2.weight",
    "output_blocks.2.1.conv.weight": "up_blocks.0.upsamplers.0.conv.weight",
    "output_blocks.5.2.conv.weight": "up_blocks.1.upsamplers.0.conv.weight",
    "output_blocks.11.1.norm.bias": "up_blocks.3.attentions.2.norm.bias",
    "out.0.weight": "conv_norm_out.weight",
    "out.2.weight": "conv_out.weight",
    "label_emb.0.2.weight": "add_embedding.linear_2.weight",
}  # fmt: skip
VAE_PAIRS = {
    "encoder.conv_in.weight": "encoder.conv_in.weight",
    "decoder.conv_in.weight": "decoder.conv_in.weight",
    "decoder.conv_out.weight": "decoder.conv_out.weight",
    "encoder.down.1.block.0.nin_shortcut.weight": "encoder.down_blocks.1.resnets.0.conv_shortcut.weight",
    "encoder.down.2.downsample.conv.bias": "encoder.down_blocks.2.downsamplers.0.conv.bias",
    "decoder.up.3.block.2.conv1.weight": "decoder.up_blocks.0.resnets.2.conv1.weight",
    "decoder.up.1.upsample.conv.weight": "decoder.up_blocks.2.upsamplers.0.conv.weight",
    "decoder.mid.block_2.norm1.weight": "decoder.mid_block.resnets.1.norm1.weight",
    "encoder.mid.attn_1.norm.weight": "encoder.mid_block.attentions.0.group_norm.weight",
    "encoder.mid.attn_1.q.weight": "encoder.mid_block.attentions.0.to_q.weight",
    "decoder.mid.attn_1.proj_out.weight": "decoder.mid_block.attentions.0.to_out.0.weight",
    "decoder.mid.attn_1.k.bias": "decoder.mid_block.attentions.0.key.bias",
    "encoder.norm_out.weight": "encoder.conv_norm_out.weight",
    "post_quant_conv.weight": "post_quant_conv.weight",
}


@pytest.mark.parametrize(
    ("prefix", "folder", "pairs"),
    [("model.diffusion_model.", "unet", UNET_PAIRS), ("first_stage_model.", "vae", VAE_PAIRS)],
)
def test_diffusers_names_are_the_same_component(
    of: Callable[[Weights], dict[str, ComponentDigest]], prefix: str, folder: str, pairs: dict[str, str]
) -> None:
    """With a sub-folder's prefix, or alone in a file."""
    weights = weights_for(pairs)
    ldm = of({prefix + name: tensor for name, tensor in weights.items()})
    bare = of(weights)
    inside = of({f"{folder}/{pairs[name]}": tensor for name, tensor in weights.items()})
    alone = of({pairs[name]: tensor for name, tensor in weights.items()})
    assert ldm[folder] == inside[folder] == alone[folder] == bare[folder]


def test_linear_and_convolution_of_size_one_are_the_same(of: Callable[[Weights], dict[str, ComponentDigest]]) -> None:
    """Diffusers keeps the VAE's attention as matrices, LDM as 1 × 1 convolutions."""
    ldm = weights_for({f"first_stage_model.{name}" for name in VAE_PAIRS}, (6, 5, 1, 1))
    other = {f"vae/{VAE_PAIRS[n.removeprefix('first_stage_model.')]}": t.reshape(6, 5) for n, t in ldm.items()}
    assert of(ldm)["vae"] == of(other)["vae"]


def test_order_prefix_and_leftovers_do_not_matter(of: Callable[[Weights], dict[str, ComponentDigest]]) -> None:
    """Shuffled, with schedule buffers and without, with old CLIP keys: the same components and the same whole."""
    weights = checkpoint()
    names = list(weights)
    random.Random(3).shuffle(names)
    other = {name.replace("transformer.text_model.", "transformer."): weights[name] for name in names}
    other["betas"] = torch.rand(10)
    other["cond_stage_model.transformer.embeddings.position_ids"] = torch.arange(77)
    first = of(weights)
    assert set(first) == {"unet", "vae", "text_encoder", WHOLE}
    assert of(other) == first


def test_an_ema_set_is_found_again_in_the_pruned_file(of: Callable[[Weights], dict[str, ComponentDigest]]) -> None:
    """`model_ema.*` has no dots in its names; pruned to EMA only, the same weights carry the main set's names."""
    names = ldm_unet_names("sd1")
    weights = weights_for(names)
    both = {f"model_ema.diffusion_model{name.replace('.', '')}": tensor for name, tensor in weights.items()}
    both |= {f"model.diffusion_model.{name}": tensor + 1 for name, tensor in weights.items()}
    both |= {"model_ema.decay": torch.tensor(0.9999), "model_ema.num_updates": torch.tensor(1)}
    full = of(both)
    emaonly = of({f"model.diffusion_model.{name}": tensor for name, tensor in weights.items()})
    assert set(full) == {"unet", "unet_ema", WHOLE}
    assert full["unet_ema"].exact == emaonly["unet"].exact
    assert full["unet"].exact != emaonly["unet"].exact


@pytest.mark.parametrize("width", [1024, 1280])
def test_open_clip_and_transformers_names_are_the_same_text_encoder(
    of: Callable[[Weights], dict[str, ComponentDigest]], width: int
) -> None:
    """q, k and v in one tensor or three; the projection transposed; SD 2's unused last layer there or not."""
    generator = torch.Generator().manual_seed(5)

    def values(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator).half()

    layers = 24 if width == 1024 else 2
    openai: dict[str, torch.Tensor] = {
        "token_embedding.weight": values(3, width),
        "positional_embedding": values(7, 4),
        "ln_final.weight": values(4),
        "ln_final.bias": values(4),
        "text_projection": values(4, 6),
        "logit_scale": values(),
    }
    hf = {
        "embeddings.token_embedding.weight": openai["token_embedding.weight"],
        "embeddings.position_embedding.weight": openai["positional_embedding"],
        "final_layer_norm.weight": openai["ln_final.weight"],
        "final_layer_norm.bias": openai["ln_final.bias"],
    }
    for layer in range(layers):
        parts = {
            "ln_1": "layer_norm1", "ln_2": "layer_norm2", "mlp.c_fc": "mlp.fc1", "mlp.c_proj": "mlp.fc2",
            "attn.out_proj": "self_attn.out_proj",
        }  # fmt: skip
        for ours, theirs in parts.items():
            for kind in ("weight", "bias"):
                tensor = values(4, 5)
                openai[f"transformer.resblocks.{layer}.{ours}.{kind}"] = tensor
                hf[f"encoder.layers.{layer}.{theirs}.{kind}"] = tensor
        for kind, shape in (("weight", (12, 4)), ("bias", (12,))):
            tensor = values(*shape)
            openai[f"transformer.resblocks.{layer}.attn.in_proj_{kind}"] = tensor
            for part, piece in zip("qkv", tensor.chunk(3), strict=True):
                hf[f"encoder.layers.{layer}.self_attn.{part}_proj.{kind}"] = piece
    folder = {f"text_encoder/text_model.{n}": t for n, t in hf.items() if width != 1024 or ".layers.23." not in n}
    if width == 1280:
        folder["text_encoder/text_projection.weight"] = openai["text_projection"].T
    first = of({f"cond_stage_model.model.{name}": tensor for name, tensor in openai.items()})
    assert first["text_encoder"] == of(folder)["text_encoder"]
    assert first["text_encoder"].tensors == len(folder)


def test_precisions_compare_as_the_three_digests_promise(of: Callable[[Weights], dict[str, ComponentDigest]]) -> None:
    """fp32 and its fp16 copy agree rounded, bf16 in signs alone, and saving in a wider type changes neither."""
    full = checkpoint()
    half = {name: tensor.half() for name, tensor in full.items()}
    brain = {name: tensor.bfloat16() for name, tensor in full.items()}
    a, b, c = of(full)[WHOLE], of(half)[WHOLE], of(brain)[WHOLE]
    wide_b = of({name: tensor.float() for name, tensor in half.items()})[WHOLE]
    wide_c = of({name: tensor.float() for name, tensor in brain.items()})[WHOLE]
    double = of({name: tensor.double() for name, tensor in full.items()})[WHOLE]
    assert len({digest.exact for digest in (a, b, c, wide_b, wide_c, double)}) == 6
    assert a.rounded == b.rounded == wide_b.rounded == double.rounded
    assert c.rounded == wide_c.rounded != a.rounded
    assert len({digest.signs for digest in (a, b, c, wide_b, wide_c, double)}) == 1


def test_a_changed_value_changes_every_digest_it_should(of: Callable[[Weights], dict[str, ComponentDigest]]) -> None:
    """One value nudged: exact; pushed over a rounding step: rounded; its sign turned: signs. Other components stay."""
    weights = checkpoint()
    name = "first_stage_model.decoder.conv_in.weight"
    before = of(weights)

    def changed(value: Callable[[torch.Tensor], torch.Tensor]) -> dict[str, ComponentDigest]:
        tensor = weights[name].clone()
        tensor.view(-1)[17] = value(tensor.view(-1)[17])
        return of(weights | {name: tensor})

    nudged, pushed, turned = changed(lambda v: v * (1 + 2e-7)), changed(lambda v: v * 1.01), changed(lambda v: -v)
    assert nudged["vae"].exact != before["vae"].exact
    assert (nudged["vae"].rounded, nudged["vae"].signs) == (before["vae"].rounded, before["vae"].signs)
    assert pushed["vae"].rounded != before["vae"].rounded
    assert pushed["vae"].signs == before["vae"].signs
    assert turned["vae"].signs != before["vae"].signs
    for other in (nudged, pushed, turned):
        assert other["unet"] == before["unet"]
        assert other[WHOLE].exact != before[WHOLE].exact


def test_values_that_swap_their_tensors_are_other_weights(of: Callable[[Weights], dict[str, ComponentDigest]]) -> None:
    """The digest is free of order, not of names or shapes."""
    weights = weights_for(["first_stage_model.encoder.conv_in.weight", "first_stage_model.decoder.conv_in.weight"])
    names, tensors = list(weights), list(weights.values())
    swapped = dict(zip(names, reversed(tensors), strict=True))
    reshaped = {name: tensor.reshape(5, 6) for name, tensor in weights.items()}
    assert len({of(w)["vae"].exact for w in (weights, swapped, reshaped)}) == 3


def test_a_lora_is_one_whole_without_components(of: Callable[[Weights], dict[str, ComponentDigest]]) -> None:
    """A delta over a UNet is not that UNet, whatever its names begin with."""
    weights = weights_for(["diffusion_model.double_blocks.0.img_attn.lora_A.weight", "lora_unet_x.lora_down.weight"])
    assert set(of(weights)) == {WHOLE}


def test_leftover_lora_keys_do_not_hide_a_checkpoints_components(
    of: Callable[[Weights], dict[str, ComponentDigest]],
) -> None:
    """Merging tools forget them; the components are what they were, the whole is not."""
    clean = of(checkpoint())
    merged = of(checkpoint() | weights_for(["lora_unet_x.lora_down.weight"]))
    assert all(merged[name] == clean[name] for name in ("unet", "vae", "text_encoder"))
    assert merged[WHOLE].exact != clean[WHOLE].exact


def test_a_vae_with_its_own_ema_is_that_vae(of: Callable[[Weights], dict[str, ComponentDigest]]) -> None:
    """The discriminator and the averages beside it are training state."""
    weights = weights_for(vae_names())
    trained = weights | weights_for(["loss.discriminator.main.0.weight", "model_ema.decoderconv_inweight"])
    assert of(trained) == of(weights)


@pytest.mark.parametrize("threads", [True, False])
def test_blocks_may_end_anywhere(tmp_path: Path, threads: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tensors of several blocks, starting at odd bytes, read in blocks of an odd size."""
    weights = {
        "first_stage_model.encoder.conv_in.weight": torch.randn(300_001),
        "first_stage_model.decoder.conv_in.weight": torch.randn(900_001).half(),
        "first_stage_model.empty": torch.empty(0),
    }
    plain = digests(tmp_path / "a", weights)
    monkeypatch.setattr("modelhub.storage.fan_out.BLOCK", 99_991)
    monkeypatch.setattr("modelhub.storage.fan_out._THREADS_FROM", 0)
    assert digests(tmp_path / "b", weights, threads=threads) == plain
    assert plain["vae"].tensors == 3


def test_the_refiners_text_encoder_is_the_same_by_either_number(
    of: Callable[[Weights], dict[str, ComponentDigest]],
) -> None:
    """Its checkpoint counts it first, its diffusers folder second."""
    weights = weights_for(["final_layer_norm.weight", "encoder.layers.0.layer_norm1.bias"])
    first = of({f"conditioner.embedders.0.transformer.{name}": tensor for name, tensor in weights.items()})
    second = of({f"text_encoder_2/text_model.{name}": tensor for name, tensor in weights.items()})
    assert first["text_encoder"].exact == second["text_encoder_2"].exact
    assert first[WHOLE] == second[WHOLE]


@dataclass(frozen=True)
class Stretch:
    """Some bytes of a file."""

    start: int
    end: int


@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 40)), max_size=8),
    st.lists(st.integers(1, 30), min_size=1, max_size=12),
)
def test_any_stretches_are_put_together_again_from_any_blocks(places: list[tuple[int, int]], blocks: list[int]) -> None:
    """Overlapping, empty, beyond the end: each gets exactly its bytes, once, and is ended when it has them all."""
    content = bytes(number % 251 for number in range(sum(blocks)))
    stretches = [Stretch(start, start + length) for start, length in places]
    stream = RangeSplitter(stretches)
    got: dict[int, bytes] = {}
    ended: list[int] = []
    offset = 0
    for size in blocks:
        for item, piece, ends in stream.pieces(memoryview(content)[offset : offset + size], offset):
            got[id(item)] = got.get(id(item), b"") + bytes(piece)
            ended += [id(item)] if ends else []
        offset += size
    ended += [id(item) for item in stream.empty_at_end()]
    unfinished = {id(item) for item in stream.unfinished}
    for item in stretches:
        assert got.get(id(item), b"") == content[item.start : item.end]
        whole = item.end <= len(content) or item.end == item.start
        assert ended.count(id(item)) == (1 if whole else 0)
        assert (id(item) in unfinished) is not whole


def test_shards_together_give_what_one_file_gives(tmp_path: Path) -> None:
    """A name's meaning depends on names in the other files: the sinks know all of them."""
    weights = weights_for(UNET_PAIRS.values())
    names = list(weights)
    halves = [{name: weights[name] for name in part} for part in (names[:4], names[4:])]
    spans = [lay_out(tmp_path / str(number), half) for number, half in enumerate(halves)]
    sinks = [FingerprintSink(part, model=[span for part in spans for span in part]) for part in spans]
    for number, sink in enumerate(sinks):
        hash_file(tmp_path / str(number), sinks=[sink])
    assert {d.component: d for d in component_digests(*sinks)} == digests(tmp_path / "whole", weights)


def test_a_file_cut_short_has_no_digest_of_what_is_missing(tmp_path: Path) -> None:
    """Half a VAE is not compared with anything."""
    weights = weights_for(["model.diffusion_model.out.2.weight", "first_stage_model.decoder.conv_in.weight"])
    spans = lay_out(tmp_path / "x", weights)
    os.truncate(tmp_path / "x", spans[1].offset + 10)
    sink = FingerprintSink(spans)
    hash_file(tmp_path / "x", sinks=[sink])
    assert [digest.component for digest in component_digests(sink)] == [{"m": "unet", "f": "vae"}[spans[0].name[0]]]


def test_many_tensors_over_the_same_bytes_are_refused(tmp_path: Path) -> None:
    """A header that names one range a thousand times must not cost a thousand reads."""
    path = tmp_path / "x"
    path.write_bytes(bytes(1000))
    sink = FingerprintSink([Span(f"first_stage_model.{number}", "F16", (500,), 0, 1000) for number in range(1000)])
    hash_file(path, sinks=[sink])
    assert component_digests(sink) == ()


def test_without_numpy_everything_but_the_rounding_is_the_same(
    of: Callable[[Weights], dict[str, ComponentDigest]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The base install has no numpy: signs and exact digests agree with those made with it, fp16 needs no rounding."""
    full = checkpoint()
    half = {name: tensor.half() for name, tensor in full.items()}
    with_full, with_half = of(full), of(half)
    monkeypatch.setattr(arrays, "numpy_or_none", lambda: None)
    without_full, without_half = of(full), of(half)
    assert without_half == with_half
    for name, digest in without_full.items():
        assert digest.rounded is None
        assert (digest.exact, digest.signs) == (with_full[name].exact, with_full[name].signs)


def test_other_types_compare_by_their_bytes(of: Callable[[Weights], dict[str, ComponentDigest]]) -> None:
    """Integers and quantized blocks have no sign that survives."""
    a = of({"first_stage_model.x": torch.tensor([1, 2])})["vae"]
    b = of({"first_stage_model.x": torch.tensor([1, 3])})["vae"]
    assert a.signs != b.signs
    assert a.rounded != b.rounded


def test_rounding_is_numpys_and_torchs(tmp_path: Path) -> None:
    """Halfway cases, denormals, too large values and NaN round as the tools that make fp16 copies do."""
    bits = np.random.default_rng(1).integers(0, 2**32, 100_000, dtype=np.uint32)
    values = torch.from_numpy(bits.view(np.float32).copy())
    values = values[~values.isnan()]
    a = digests(tmp_path / "a", {"first_stage_model.x": values})["vae"]
    b = digests(tmp_path / "b", {"first_stage_model.x": values.half()})["vae"]
    assert (a.rounded, a.signs) == (b.rounded, b.signs)


# --- The name sets against real layouts ---------------------------------------------------------------------------


def layout_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Return names and shapes of a labeled layout."""
    return {name: tuple(shape) for name, (_, shape) in json.loads(path.read_text())["tensors"].items()}


@pytest.mark.parametrize(
    ("layout", "architecture", "components"),
    [
        ("sd1-fp16-pruned-noema-safetensors", "sd1", {"unet", "vae", "text_encoder"}),
        ("sd1-nai-old-clipkeys-ckpt", "sd1", {"unet", "unet_ema", "vae", "text_encoder"}),
        ("sd2-base-512-ema-ckpt", "sd2", {"unet", "vae", "text_encoder"}),
        ("sd2-wd14-23layer-clip-fp16-safetensors", "sd2", {"unet", "vae", "text_encoder"}),
        ("sdxl-base-1.0-fp16-safetensors", "sdxl", {"unet", "vae", "text_encoder", "text_encoder_2"}),
        ("sdxl-refiner-1.0-fp16-safetensors", "sdxl-refiner", {"unet", "vae", "text_encoder"}),
        ("diffusers-unet-sd1-fp32", "sd1", {"unet"}),
        ("diffusers-unet-sd2-depth-fp16", "sd2", {"unet"}),
        ("diffusers-unet-sdxl-inpaint-fp16", "sdxl", {"unet"}),
        ("diffusers-unet-sdxl-refiner-fp16", "sdxl-refiner", {"unet"}),
        ("vae-diffusers-sd1-fp32", "sd1", {"vae"}),
        ("vae-ldm-own-ema-ckpt", "sd1", {"vae"}),
        ("te-clip-l-hf-fp16", "sd1", {"text_encoder"}),
    ],
)
def test_real_layouts_have_exactly_the_canonical_names(
    shared: Path, layout: str, architecture: str, components: set[str]
) -> None:
    """Every tensor of a published file is mapped onto the name set made by rule, none is missing or left over."""
    shapes = layout_shapes(shared / "headers" / f"{layout}.json")
    naming = TensorNaming(shapes)
    found: dict[str, set[str]] = {}
    for name in shapes:
        place = naming.canonical_name(name)
        if place is not None:
            found.setdefault(place.component, set()).update(place.parts or (place.name,))
    sets = expected_names(architecture)
    assert found == {name: set(sets["unet" if name == "unet_ema" else name]) for name in components}


def test_name_sets_have_the_known_sizes() -> None:
    """Counts of the published files."""
    assert {kind: len(expected_names(kind)["unet"]) for kind in ARCHITECTURES} == {
        "sd1": 686, "sd2": 686, "sdxl": 1680, "sdxl-refiner": 1220,
    }  # fmt: skip
    assert len(vae_names()) == 248
    assert (len(clip_names(12)), len(clip_names(32, projection=True))) == (196, 517)
    assert expected_names("flux") == {}


def test_names_without_dots_are_still_different() -> None:
    """Else the way back from EMA names would be a guess."""
    names = {name for kind in ARCHITECTURES for name in ldm_unet_names(kind)}
    assert len({name.replace(".", "") for name in names}) == len(names)


# --- Learned names ------------------------------------------------------------------------------------------------


def test_a_learned_vae_is_recognised_in_other_files(
    of: Callable[[Weights], dict[str, ComponentDigest]], tmp_path: Path
) -> None:
    """In the same precision exactly, in fp16 rounded, in bf16 by its signs; strangers have no name."""
    weights = weights_for({f"first_stage_model.{name}" for name in vae_names()})
    table = tmp_path / "new folder" / "known.json"
    assert load_named_components(table) == ()
    (added, _) = name_components(table, "vae-ft-mse-840000", of(weights).values(), source="hub")
    assert (added.name, added.component, added.source) == ("vae-ft-mse-840000", "vae", "hub")
    assert name_components(table, "vae-ft-mse-840000", of(weights).values()) == ()
    known = load_named_components(table)
    for dtype, level in ((torch.float32, "exact"), (torch.float16, "rounded"), (torch.bfloat16, "signs")):
        digest = of({name: tensor.to(dtype) for name, tensor in weights.items()})["vae"]
        (match,) = find_component_names(known, digest)
        assert (match.component, match.name, match.level) == ("vae", "vae-ft-mse-840000", level)
    stranger = of({name: tensor + 1 for name, tensor in weights.items()})["vae"]
    assert find_component_names(known, stranger) == ()


@pytest.mark.parametrize("text", [b"{", b"[]", b'{"components": [{"name": 1}]}', b"\xff", b"[" * 100_000])
def test_a_broken_table_is_reported_and_kept(
    of: Callable[[Weights], dict[str, ComponentDigest]], tmp_path: Path, text: bytes
) -> None:
    """What the user has learned is never overwritten because it cannot be read."""
    table = tmp_path / "known.json"
    table.write_bytes(text)
    with pytest.raises(ModelhubError, match=r"known\.json"):
        name_components(table, "x", of({"first_stage_model.x": torch.rand(3)}).values())
    assert table.read_bytes() == text
