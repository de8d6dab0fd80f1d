"""The appliers agree with diffusers, peft and LyCORIS wherever those are right."""

from __future__ import annotations

from collections.abc import Callable

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytest.importorskip("transformers")

from torch import nn  # noqa: E402

from modelhub.render.lora.lora import Lora  # noqa: E402
from tests.render.lora import networks as nets  # noqa: E402

UNET_LINEAR = "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q"
UNET_CONV = "down_blocks.1.resnets.0.conv1"
UNET_CONV_1X1 = "down_blocks.1.resnets.0.conv_shortcut"


# --- diffusers with peft: kohya's and diffusers' own names, uniform alpha


def _with_diffusers(networks: nets.Networks, tensors: nets.Tensors) -> nets.Tensors:
    """Return the weights after diffusers has loaded and merged the LoRA."""
    pytest.importorskip("peft")
    from diffusers.loaders import StableDiffusionLoraLoaderMixin, StableDiffusionXLLoraLoaderMixin

    theirs = nets.copy_networks(networks)
    mixin = StableDiffusionXLLoraLoaderMixin if "text_encoder_2" in theirs else StableDiffusionLoraLoaderMixin
    state, alphas, *_ = mixin.lora_state_dict(dict(tensors), unet_config=theirs["unet"].config)
    mixin.load_lora_into_unet(state, alphas, unet=theirs["unet"])
    for name in ("text_encoder", "text_encoder_2"):
        if name in theirs:
            mixin.load_lora_into_text_encoder(state, alphas, theirs[name], prefix=name)
    for network in theirs.values():
        for module in network.modules():
            if hasattr(module, "merge") and hasattr(module, "base_layer"):
                module.merge()
    return {name.replace(".base_layer.", "."): t for name, t in nets.weights(theirs).items() if ".lora_" not in name}


def _assert_diffusers_agrees(networks: nets.Networks, tensors: nets.Tensors) -> None:
    theirs = _with_diffusers(networks, tensors)
    before = nets.weights(networks)
    fit = Lora(tensors).apply(networks)
    assert fit.placed == fit.total
    ours = nets.weights(networks)
    assert nets.changed(before, theirs) == {f"{name}.weight" for name in fit.touched}
    nets.assert_same(ours, theirs)


def test_kohya_sd1_agrees_with_diffusers() -> None:
    """UNet and text encoder, alpha half of the rank."""
    networks = nets.sd1()
    _assert_diffusers_agrees(networks, nets.kohya(networks, rank=4, alpha=2.0))


def test_kohya_with_convolutions_agrees_with_diffusers() -> None:
    """LoCon: residual blocks, shortcuts, samplers, time embeddings, proj_in and feed-forward."""
    networks = nets.sd1()
    unet = networks["unet"]
    kinds = (
        "conv1",
        "conv2",
        "conv_shortcut",
        "time_emb_proj",
        "proj_in",
        "proj_out",
        "net.0.proj",
        "net.2",
        "s.0.conv",
    )
    names = [name for name, _ in unet.named_modules() if name.endswith(kinds)]
    tensors = nets.kohya(networks, names={"unet": names, "text_encoder": []})
    _assert_diffusers_agrees(networks, tensors)


@pytest.mark.parametrize("scheme", ["diffusers", "ldm"])
def test_kohya_sdxl_agrees_with_diffusers_in_both_naming_schemes(scheme: str) -> None:
    """kohya names SDXL's UNet by its original blocks, other trainers by diffusers' names."""
    networks = nets.sdxl()
    spell: Callable[[str], str] = _sdxl_ldm_name if scheme == "ldm" else lambda name: name
    _assert_diffusers_agrees(networks, nets.kohya(networks, spell=spell))


def _sdxl_ldm_name(name: str) -> str:
    """Return SDXL's original name of an attention module: two blocks and a sampler a level down, three up."""
    kind, level, _, layer, *rest = name.split(".")
    if kind == "mid_block":
        return ".".join(["middle_block.1", *name.split(".")[3:]])
    count = 1 + 3 * int(level) + int(layer) if kind == "down_blocks" else 3 * int(level) + int(layer)
    return ".".join([f"{'input' if kind == 'down_blocks' else 'output'}_blocks", str(count), "1", *rest])


@pytest.mark.parametrize(
    "ends",
    [
        (".lora_A.weight", ".lora_B.weight"),
        (".lora.down.weight", ".lora.up.weight"),
    ],
)
def test_diffusers_own_names_agree_with_diffusers(ends: tuple[str, str]) -> None:
    """peft's names and the older ones, with the networks' prefixes; no alpha, so the scale is 1."""
    networks = nets.sd1()
    tensors: nets.Tensors = {}
    for network, root in networks.items():
        inner = "text_model." if network == "text_encoder" else ""
        for name, module in nets.attention(root).items():
            down, up = nets.pair(module, 4).values()
            parts = ends if network == "unet" else (".lora_linear_layer.down.weight", ".lora_linear_layer.up.weight")
            tensors[f"{network}.{inner}{name}{parts[0]}"] = down
            tensors[f"{network}.{inner}{name}{parts[1]}"] = up
    if ends[0] == ".lora_A.weight":
        tensors = {
            key.replace("lora_linear_layer.down", "lora_A").replace("lora_linear_layer.up", "lora_B"): tensor
            for key, tensor in tensors.items()
        }
    _assert_diffusers_agrees(networks, tensors)


def test_attention_processors_of_early_diffusers_agree_with_diffusers() -> None:
    """`….attn1.processor.to_q_lora.down.weight`, to_out without its 0."""
    networks = {"unet": nets.sd1()["unet"]}
    tensors: nets.Tensors = {}
    for name, module in nets.attention(networks["unet"]).items():
        block, kind = name.removesuffix(".0").rsplit(".", 1)
        down, up = nets.pair(module, 4).values()
        tensors[f"unet.{block}.processor.{kind}_lora.down.weight"] = down
        tensors[f"unet.{block}.processor.{kind}_lora.up.weight"] = up
    _assert_diffusers_agrees(networks, tensors)


# --- peft: whole adapters, from its own tuners


def _peft_cases() -> list[object]:
    linear = ["to_q", "to_k", "to_v", "to_out.0"]
    both = [*linear, "conv1", "conv_shortcut"]
    feed = ["ff.net.2"]
    return [
        pytest.param("LoraConfig", {"r": 4, "lora_alpha": 4, "target_modules": both}, id="lora"),
        pytest.param(
            "LoraConfig",
            {"r": 4, "lora_alpha": 4, "target_modules": both, "use_dora": True},
            id="dora with convolutions",
        ),
        pytest.param(
            "LoraConfig", {"r": 4, "lora_alpha": 4, "target_modules": ["to_out.0"], "lora_bias": True}, id="bias"
        ),
        pytest.param("LoraConfig", {"r": 4, "lora_alpha": 6, "target_modules": both}, id="configured alpha"),
        pytest.param(
            "LoraConfig",
            {"r": 4, "lora_alpha": 6, "target_modules": both, "use_rslora": True, "alpha_pattern": {"attn1.to_k": 9}},
            id="rank-stabilised, with a pattern",
        ),
        pytest.param("LoHaConfig", {"r": 4, "alpha": 3, "target_modules": both}, id="loha"),
        pytest.param(
            "LoHaConfig",
            {"r": 4, "alpha": 4, "target_modules": both, "use_effective_conv2d": True},
            id="loha with convolution cores",
        ),
        pytest.param("LoKrConfig", {"r": 2, "alpha": 3, "target_modules": both}, id="lokr"),
        pytest.param(
            "LoKrConfig",
            {"r": 2, "alpha": 2, "target_modules": both, "decompose_both": True, "use_effective_conv2d": True},
            id="lokr factored with convolution cores",
        ),
        pytest.param("IA3Config", {"target_modules": [*linear, *feed], "feedforward_modules": feed}, id="ia3"),
        pytest.param("OFTConfig", {"oft_block_size": 8, "r": 0, "target_modules": linear}, id="oft"),
        pytest.param(
            "OFTConfig",
            {"oft_block_size": 8, "r": 0, "target_modules": linear, "use_cayley_neumann": False},
            id="oft without a series",
        ),
        pytest.param(
            "OFTConfig",
            {"oft_block_size": 8, "r": 0, "target_modules": both, "block_share": True},
            id="oft with a shared block",
        ),
    ]


@pytest.mark.parametrize(("config", "options"), _peft_cases())
def test_peft_adapters_agree_with_peft(config: str, options: dict[str, object]) -> None:
    """An adapter folder's tensors make the same weights as peft's own merge."""
    peft = pytest.importorskip("peft")
    networks = {"unet": nets.sd1()["unet"]}
    made = getattr(peft, config)(**options)
    model = peft.get_peft_model(nets.copy_networks(networks)["unet"], made)
    torch.manual_seed(3)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn_like(parameter) * 0.05)
    tensors = {key: value.clone() for key, value in peft.get_peft_model_state_dict(model).items()}
    theirs = nets.weights({"unet": model.merge_and_unload()})
    before = nets.weights(networks)
    fit = Lora(tensors, config=made.to_dict()).apply(networks)
    assert fit.placed == fit.total >= 32
    ours = nets.weights(networks)
    assert nets.changed(before, ours) == nets.changed(before, theirs)
    nets.assert_same(ours, theirs)


# --- LyCORIS: every algorithm on linear modules and convolutions


def _lycoris_cases() -> list[object]:
    algorithms: dict[str, tuple[str, dict[str, object]]] = {
        "lora": ("LoConModule", {}),
        "lora with a core": ("LoConModule", {"use_tucker": True}),
        "dora by output": ("LoConModule", {"weight_decompose": True, "wd_on_out": True}),
        "dora by input": ("LoConModule", {"weight_decompose": True, "wd_on_out": False}),
        "rank-stabilised": ("LoConModule", {"rs_lora": True}),
        "loha": ("LohaModule", {}),
        "loha with cores": ("LohaModule", {"use_tucker": True}),
        "loha decomposed": ("LohaModule", {"weight_decompose": True, "wd_on_out": False}),
        "lokr": ("LokrModule", {"factor": 4}),
        "lokr full": ("LokrModule", {"factor": 4, "full_matrix": True}),
        "lokr both factored": ("LokrModule", {"factor": 8, "decompose_both": True, "lora_dim": 2}),
        "lokr with a core": ("LokrModule", {"factor": 4, "use_tucker": True, "lora_dim": 3}),
        "lokr decomposed": ("LokrModule", {"factor": 4, "weight_decompose": True}),
        "glora": ("GLoRAModule", {}),
        "full": ("FullModule", {}),
        "ia3 on outputs": ("IA3Module", {}),
        "ia3 on inputs": ("IA3Module", {"train_on_input": True}),
        "oft": ("DiagOFTModule", {"lora_dim": 4}),
        "oft constrained": ("DiagOFTModule", {"lora_dim": 4, "constraint": 0.01}),
        "oft rescaled": ("DiagOFTModule", {"lora_dim": 4, "rescaled": True}),
        "boft": ("ButterflyOFTModule", {"lora_dim": 4}),
        "boft constrained and rescaled": ("ButterflyOFTModule", {"lora_dim": 4, "constraint": 0.01, "rescaled": True}),
    }
    return [
        pytest.param(kind, {"lora_dim": 4, "alpha": 3, **options}, module, id=f"{name}, {label}")
        for name, (kind, options) in algorithms.items()
        for label, module in (("linear", UNET_LINEAR), ("3x3", UNET_CONV), ("1x1", UNET_CONV_1X1))
    ]


@pytest.mark.parametrize(("kind", "options", "name"), _lycoris_cases())
def test_every_algorithm_agrees_with_lycoris(kind: str, options: dict[str, object], name: str) -> None:
    """The tensors that a LyCORIS module saves make the outputs that it makes itself in its forward pass.

    (Its own merge multiplies LoHa and LoKr by their scale twice.)
    """
    modules = pytest.importorskip("lycoris.modules")
    networks = {"unet": nets.sd1()["unet"]}
    module = networks["unet"].get_submodule(name)
    wrapped = nets.copy_networks({"of": module})["of"]
    theirs = getattr(modules, kind)("any", wrapped, multiplier=1.0, **options)
    theirs.apply_to()
    torch.manual_seed(5)
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.2)
    tensors = {
        f"lora_unet_{name.replace('.', '_')}.{part}": torch.as_tensor(value).detach().clone()
        for part, value in theirs.state_dict().items()
    }
    before = module.weight.detach().clone()
    lora = Lora(tensors)
    fit = lora.apply(networks)
    assert (fit.placed, fit.unplaced) == (1, ())
    given = torch.randn(2, before.shape[1], *[6] * (before.dim() - 2))
    with torch.no_grad():
        expected, got = wrapped.eval()(given), module(given)
        lora.remove()
        unchanged = module(given)
    assert float((expected - unchanged).abs().max()) > 1e-3
    nets.assert_same({"outputs": got}, {"outputs": expected}, tolerance=1e-4)
    assert torch.equal(module.weight, before)


@pytest.mark.parametrize("name", ["down_blocks.1.resnets.0.norm1", "mid_block.attentions.0.transformer_blocks.0.norm2"])
def test_norms_agree_with_lycoris(name: str) -> None:
    """w_norm and b_norm on group and layer norms."""
    modules = pytest.importorskip("lycoris.modules")
    networks = {"unet": nets.sd1()["unet"]}
    module: nn.Module = networks["unet"].get_submodule(name)
    theirs = modules.NormModule("any", nets.copy_networks({"of": module})["of"])
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.add_(torch.randn_like(parameter))
        weight, bias = theirs.get_merged_weight(1)
    tensors = {f"lora_unet_{name.replace('.', '_')}.{part}": value for part, value in theirs.state_dict().items()}
    before = module.weight.detach().clone(), module.bias.detach().clone()
    lora = Lora(tensors)
    assert lora.apply(networks).unplaced == ()
    nets.assert_same({"w": module.weight.detach(), "b": module.bias.detach()}, {"w": weight, "b": bias})
    lora.remove()
    assert torch.equal(module.weight, before[0])
    assert torch.equal(module.bias, before[1])
