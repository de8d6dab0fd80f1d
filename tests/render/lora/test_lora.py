"""LoRAs go on every network module they name, in every dialect, and come off without a trace."""

from __future__ import annotations

import math
import random
from functools import cache
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytest.importorskip("transformers")

from safetensors.torch import load_file  # noqa: E402

from modelhub.render.lora.checksum import checksum  # noqa: E402
from modelhub.render.lora.lora import Lora  # noqa: E402
from tests.render.lora import networks as nets  # noqa: E402

MINIATURE = Path(__file__).resolve().parents[2] / "data" / "miniature"
DIALECTS = ("kohya", "diffusers", "loha", "lokr", "dora")


def test_taking_off_restores_every_weight_bit_for_bit() -> None:
    """The checksum of the touched weights is the same before and after, and differs in between."""
    networks = nets.sd1()
    before = nets.weights(networks)
    lora = Lora(nets.kohya(networks))
    touched = lora.fit(networks).touched
    own = checksum(networks, touched)
    fit = lora.apply(networks)
    assert fit.placed == fit.total == len(touched) > 100
    assert checksum(networks, touched) != own
    assert nets.changed(before, nets.weights(networks)) == {f"{name}.weight" for name in touched}
    lora.remove()
    lora.remove()
    assert checksum(networks, touched) == own
    assert not nets.changed(before, nets.weights(networks))


def test_half_strength_after_full_strength_is_half_of_the_change() -> None:
    """A second call starts from the original weights, not from the changed ones."""
    networks = nets.sd1()
    before = nets.weights(networks)
    lora = Lora(nets.kohya(networks))
    lora.apply(networks)
    full = nets.weights(networks)
    lora.apply(networks, strength=0.5)
    half = nets.weights(networks)
    for name in nets.changed(before, full):
        torch.testing.assert_close(half[name] - before[name], (full[name] - before[name]) / 2, rtol=1e-3, atol=1e-6)
    lora.remove()
    assert not nets.changed(before, nets.weights(networks))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_narrow_weights_are_changed_in_float32_and_rounded_once(dtype: torch.dtype) -> None:
    """The new weight is the rounded sum of the exact weight and the exact change, in the weight's own data type."""
    networks = {"unet": nets.sd1()["unet"].to(dtype)}
    name = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q"
    module = networks["unet"].get_submodule(name)
    before = module.weight.detach().clone()
    tensors = nets.kohya(networks, names={"unet": [name]}, alpha=1.0)
    lora = Lora({key: tensor.half() for key, tensor in tensors.items()})
    lora.apply(networks, strength=0.5)
    up, down = (tensors[key].half().float() for key in sorted(tensors, reverse=True) if "weight" in key)
    expected = (before.float() + 0.5 * (up @ (down / 4))).to(dtype)
    assert module.weight.dtype == dtype
    assert torch.equal(module.weight, expected)
    lora.remove()
    assert torch.equal(module.weight, before)


def test_every_module_has_its_own_alpha_and_rank() -> None:
    """A resized LoRA holds other ranks and alphas in every module; each scale is its own."""
    networks = nets.sd1()
    names = list(nets.attention(networks["unet"]))[:3]
    before = nets.weights(networks)
    tensors: nets.Tensors = {}
    for name, (rank, alpha) in zip(names, [(2, 1.0), (5, 5.0), (3, None)], strict=True):
        tensors.update(nets.kohya(networks, names={"unet": [name], "text_encoder": []}, rank=rank, alpha=alpha))
    Lora(tensors).apply(networks)
    after = nets.weights(networks)
    for name, scale in zip(names, [0.5, 1.0, 1.0], strict=True):
        stem = f"lora_unet_{name.replace('.', '_')}"
        expected = tensors[f"{stem}.lora_up.weight"] @ tensors[f"{stem}.lora_down.weight"] * scale
        torch.testing.assert_close(after[f"unet.{name}.weight"] - before[f"unet.{name}.weight"], expected)


def test_a_wrong_family_finds_no_place() -> None:
    """Names of another architecture are counted as unplaced, and no weight changes."""
    networks = nets.sd1()
    before = nets.weights(networks)
    tensors = {
        "lora_unet_double_blocks_0_img_attn_qkv.lora_down.weight": torch.ones(2, 8),
        "lora_unet_double_blocks_0_img_attn_qkv.lora_up.weight": torch.ones(8, 2),
        "lora_unet_double_blocks_0_img_attn_qkv.alpha": torch.tensor(2.0),
    }
    fit = Lora(tensors).apply(networks)
    assert (fit.placed, fit.total) == (0, 1)
    assert fit.unplaced == ("lora_unet_double_blocks_0_img_attn_qkv",)
    assert fit.touched == ()
    assert not nets.changed(before, nets.weights(networks))


def test_another_context_width_tells_another_family() -> None:
    """Modules of the same name but another width are unplaced and listed as misshapen."""
    networks = nets.sd1()
    tensors = nets.kohya(networks)
    for key in [key for key in tensors if "attn2_to_k.lora_down" in key]:
        tensors[key] = torch.ones(4, 40)
    fit = Lora(tensors).apply(networks)
    assert fit.misshapen == fit.unplaced
    assert len(fit.misshapen) == 16
    assert fit.placed == fit.total - 16
    assert fit.is_for_other_text_width


def test_a_partly_fitting_file_says_its_share() -> None:
    """Unknown parts, missing halves and strange modules are unplaced; the rest is applied."""
    networks = nets.sd1()
    names = list(nets.attention(networks["unet"]))[:4]
    tensors = nets.kohya(networks, names={"unet": names, "text_encoder": []})
    stems = [f"lora_unet_{name.replace('.', '_')}" for name in names]
    del tensors[f"{stems[1]}.lora_up.weight"]
    tensors[f"{stems[2]}.lora_unheard_of.weight"] = torch.ones(1)
    tensors["lora_unet_conv_in.something"] = torch.ones(3)
    fit = Lora(tensors).apply(networks)
    assert (fit.placed, fit.total) == (2, 5)
    assert set(fit.unplaced) == {stems[1], stems[2], "lora_unet_conv_in"}
    assert fit.incomplete == (stems[1],)
    assert set(fit.unsupported) == {stems[2], "lora_unet_conv_in"}
    assert fit.foreign == ()
    assert not fit.is_for_other_text_width


def test_bundled_embeddings_are_not_modules() -> None:
    """Textual inversions packed into a LoRA do not lower its share."""
    networks = nets.sd1()
    tensors = nets.kohya(networks) | {"bundle_emb.gem.string_to_param.*": torch.ones(2, 24)}
    fit = Lora(tensors).apply(networks)
    assert fit.placed == fit.total


def test_nan_goes_through() -> None:
    """A broken LoRA is for the judge to see: its NaN lands in the weights and leaves with it."""
    networks = nets.sd1()
    before = nets.weights(networks)
    tensors = nets.kohya(networks)
    key = next(key for key in tensors if key.endswith("lora_up.weight"))
    tensors[key] = torch.full_like(tensors[key], math.nan)
    lora = Lora(tensors)
    fit = lora.apply(networks)
    assert fit.placed == fit.total
    assert sum(bool(tensor.isnan().any()) for tensor in nets.weights(networks).values()) == 1
    lora.remove()
    assert not nets.changed(before, nets.weights(networks))


@pytest.mark.parametrize("seed", range(12))
def test_damaged_files_never_raise_and_leave_nothing(seed: int) -> None:
    """Parts of any algorithm, mixed up, cut, emptied or of other types: placed or not, and gone without a trace."""
    rng = random.Random(seed)
    networks = {"unet": nets.sd1()["unet"]}
    before = nets.weights(networks)
    names = rng.sample([name for name, module in networks["unet"].named_modules() if hasattr(module, "weight")], 40)
    tensors: nets.Tensors = {}
    for name in names:
        parts = rng.choice(PART_SETS)
        weight = networks["unet"].get_submodule(name).weight
        for part in rng.sample(parts, rng.choice([len(parts), len(parts), len(parts) - 1])):
            shape = [rng.choice([size, 4, 4, 1, 0]) for size in rng.choice([weight.shape, weight.shape[:2], (3,), ()])]
            dtype = rng.choice([torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.int64])
            tensors[f"lora_unet_{name.replace('.', '_')}.{part}"] = torch.ones(shape).to(dtype)
    lora = Lora(tensors)
    fit = lora.apply(networks, strength=rng.random())
    assert fit.placed + len(fit.unplaced) == fit.total
    lora.remove()
    assert not nets.changed(before, nets.weights(networks))


PART_SETS = (
    ["lora_up.weight", "lora_down.weight", "alpha"],
    ["lora_up.weight", "lora_down.weight", "lora_mid.weight", "alpha"],
    ["lora_up.weight", "lora_down.weight", "dora_scale", "diff_b"],
    ["hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b", "hada_t1", "hada_t2", "alpha"],
    ["lokr_w1", "lokr_w2_a", "lokr_w2_b", "lokr_t2", "alpha"],
    ["lokr_w1", "lokr_w2"],
    ["a1.weight", "a2.weight", "b1.weight", "b2.weight", "bm.weight"],
    ["diff", "diff_b"],
    ["w_norm", "b_norm"],
    ["weight", "on_input"],
    ["oft_blocks", "rescale", "alpha"],
    ["ia3_l"],
    ["oft_R.weight"],
)


def test_a_bias_made_for_diff_b_is_removed_again() -> None:
    """Attention projections have no bias: one is made, and gone afterwards."""
    networks = nets.sd1()
    name = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q"
    module = networks["unet"].get_submodule(name)
    stem = f"lora_unet_{name.replace('.', '_')}"
    own = checksum(networks, [f"unet.{name}"])
    lora = Lora({f"{stem}.diff": torch.ones(16, 16), f"{stem}.diff_b": torch.full((16,), 3.0)})
    lora.apply(networks, strength=0.5)
    assert module.bias.tolist() == [1.5] * 16
    lora.remove()
    assert module.bias is None
    assert checksum(networks, [f"unet.{name}"]) == own


def test_two_stems_of_one_module_add_up() -> None:
    """The same module under kohya's and under diffusers' name: both changes are made, one copy is kept."""
    networks = nets.sd1()
    name = "mid_block.attentions.0.transformer_blocks.0.attn1.to_v"
    before = nets.weights(networks)
    one, two = torch.randn(32, 32), torch.randn(32, 32)
    lora = Lora({f"lora_unet_{name.replace('.', '_')}.diff": one, f"unet.{name}.diff": two})
    assert lora.apply(networks).touched == (f"unet.{name}",)
    change = nets.weights(networks)[f"unet.{name}.weight"] - before[f"unet.{name}.weight"]
    torch.testing.assert_close(change, one + two)
    lora.remove()
    assert not nets.changed(before, nets.weights(networks))


def test_linear_factors_fit_a_1x1_convolution_and_the_other_way_round() -> None:
    """SD1's proj_in is a 1×1 convolution, SDXL's is linear; either spelling of the factors is the same change."""
    networks = {"unet": nets.sd1()["unet"]}
    name = "down_blocks.0.attentions.0.proj_in"
    before = nets.weights(networks)[f"unet.{name}.weight"]
    tensors = nets.kohya(networks, names={"unet": [name]})
    flat = {key: tensor.flatten(1) if tensor.dim() else tensor for key, tensor in tensors.items()}
    spread = {key: tensor.reshape(*tensor.shape, *[1] * (4 - tensor.dim())) for key, tensor in flat.items()}
    results = []
    for file in (tensors, flat, spread):
        lora = Lora(file)
        assert lora.apply(networks).placed == 1
        results.append(nets.weights(networks)[f"unet.{name}.weight"])
        lora.remove()
    assert not torch.equal(results[0], before)
    assert torch.equal(results[0], results[1])
    assert torch.equal(results[0], results[2])


@pytest.mark.parametrize("dialect", DIALECTS[1:])
def test_the_miniature_lora_is_the_same_change_in_every_dialect(dialect: str) -> None:
    """One LoRA in six spellings: diffusers and peft names, LoHa, LoKr and DoRA against kohya."""
    reference = _miniature(load_file(MINIATURE / "miniature-frame-kohya.safetensors"))
    other = _miniature(load_file(MINIATURE / f"miniature-frame-{dialect}.safetensors"))
    _assert_same_changes(reference, other)


def test_the_miniature_lora_is_the_same_change_as_a_peft_folder() -> None:
    """The sixth spelling."""
    reference = _miniature(load_file(MINIATURE / "miniature-frame-kohya.safetensors"))
    other = _miniature(load_file(MINIATURE / "miniature-frame-peft" / "adapter_model.safetensors"))
    _assert_same_changes(reference, other)


def _assert_same_changes(reference: nets.Tensors, other: nets.Tensors) -> None:
    assert reference.keys() == other.keys()
    for name, change in reference.items():
        assert float((change - other[name]).norm() / change.norm()) < 0.01, name


def _miniature(tensors: nets.Tensors) -> nets.Tensors:
    """Return the changes that a file makes to the family's UNet."""
    networks = _miniature_unet()
    before = nets.weights(networks)
    lora = Lora(tensors)
    fit = lora.apply(networks)
    assert fit.placed == fit.total > 0
    after = nets.weights(networks)
    lora.remove()
    return {name: after[name] - before[name] for name in nets.changed(before, after)}


@cache
def _miniature_unet() -> nets.Networks:
    from tools.miniature.render import load_base

    return {"unet": load_base(MINIATURE).unet}
