"""Hypernetworks change a UNet as A1111's formula says, and leave it as it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

REASON = "the extra `render` is not installed: pip install 'sd-modelhub[render]'"
torch = pytest.importorskip("torch", reason=REASON)
pytest.importorskip("diffusers", reason=REASON)

from diffusers import UNet2DConditionModel  # noqa: E402
from torch.nn import functional  # noqa: E402

from modelhub.errors import ModelhubError  # noqa: E402
from modelhub.formats.sniff import read_header  # noqa: E402
from modelhub.render.adapter_fit import AdapterFit  # noqa: E402
from modelhub.render.hypernetwork import Hypernetwork  # noqa: E402
from modelhub.render.loading.tensors import load  # noqa: E402

FAMILY = Path(__file__).resolve().parents[1] / "data" / "miniature"
WIDTHS = (16, 24, 32)
"""Two widths of the UNet's levels and, between them, that of its text."""
Side = dict[str, Any]
ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "linear": lambda x: x,
    "relu": lambda x: x.clamp(min=0),
    "leakyrelu": lambda x: torch.where(x >= 0, x, 0.01 * x),
    "elu": lambda x: torch.where(x > 0, x, x.exp() - 1),
    "swish": lambda x: x * (x + 3).clamp(0, 6) / 6,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "celu": functional.celu,
    "gelu": functional.gelu,
    "hardshrink": functional.hardshrink,
    "hardsigmoid": functional.hardsigmoid,
    "hardswish": functional.hardswish,
    "hardtanh": functional.hardtanh,
    "logsigmoid": functional.logsigmoid,
    "logsoftmax": lambda x: torch.log_softmax(x, 0),
    "mish": functional.mish,
    "relu6": functional.relu6,
    "rrelu": functional.rrelu,
    "selu": functional.selu,
    "silu": functional.silu,
    "softmax": lambda x: torch.softmax(x, 0),
    "softmax2d": lambda x: torch.softmax(x, 0),
    "softmin": lambda x: torch.softmax(-x, 0),
    "softplus": functional.softplus,
    "softshrink": functional.softshrink,
    "softsign": functional.softsign,
    "tanhshrink": functional.tanhshrink,
}
"""A1111's names of activations, each written out."""
A1111 = {
    "layer_structure": [1, 2, 1],
    "activation_func": "relu",
    "is_layer_norm": False,
    "use_dropout": False,
    "activate_output": False,
    "last_layer_dropout": False,
}


def a_side(width: int, entries: Mapping[str, Any]) -> Side:
    """Random layers under the names that A1111's order of linear, activation, norm and dropout gives them."""
    named, place, structure = {}, 0, entries["layer_structure"]
    steps = len(structure) - 1
    for step in range(steps):
        inputs, outputs = int(width * structure[step]), int(width * structure[step + 1])
        named[f"linear.{place}.weight"] = torch.randn(outputs, inputs) * inputs**-0.5
        named[f"linear.{place}.bias"] = torch.randn(outputs) * 0.1
        place += 1
        if entries["activation_func"] not in (None, "linear") and (step < steps - 1 or entries["activate_output"]):
            if entries["activation_func"] == "prelu":
                named[f"linear.{place}.weight"] = torch.tensor([0.3])
            place += 1
        if entries["is_layer_norm"]:
            named[f"linear.{place}.weight"] = 1 + torch.randn(outputs) * 0.1
            named[f"linear.{place}.bias"] = torch.randn(outputs) * 0.1
            place += 1
        if entries["use_dropout"] and (step < steps - 2 or (entries["last_layer_dropout"] and step < steps - 1)):
            place += 1
    return named


def a_file(path: Path, entries: Mapping[str, Any], widths: tuple[int, ...] = WIDTHS) -> dict[int, tuple[Side, Side]]:
    """Write a file as A1111 saves it and return its layers."""
    torch.manual_seed(7)
    layers = {width: (a_side(width, entries), a_side(width, entries)) for width in widths}
    torch.save({**layers, "step": 10, "name": path.stem, **entries, "sd_checkpoint": None}, path)
    return layers


def opened(path: Path) -> Hypernetwork:
    """Read a file with modelhub's own reader."""
    return Hypernetwork(load(path), read_header(path).entries)


def a1111(x: Any, side: Side, entries: Mapping[str, Any], strength: float) -> Any:
    """Return the result of A1111's forward pass: x + linear(x) · multiplier, with dropout off."""
    change, activation = x, entries["activation_func"] or "linear"
    weights = [name for name in side if name.endswith("weight") and side[name].ndim == 2]
    for name in weights:
        change = functional.linear(change, side[name], side[name.replace("weight", "bias")])
        place = int(name.split(".")[1]) + 1
        if name != weights[-1] or entries["activate_output"]:
            if activation == "prelu":
                change = torch.where(change >= 0, change, side[f"linear.{place}.weight"] * change)
            else:
                change = ACTIVATIONS[activation](change)
            place += activation != "linear"
        if entries["is_layer_norm"]:
            weight, bias = side[f"linear.{place}.weight"], side[f"linear.{place}.bias"]
            mean, variance = change.mean(-1, keepdim=True), change.var(-1, unbiased=False, keepdim=True)
            change = (change - mean) / (variance + 1e-5).sqrt() * weight + bias
    return x + change * strength


class Attention:
    """Attention as A1111 computes it: the context's width chooses the layers in front of keys and values."""

    def __init__(self, layers: Mapping[int, tuple[Side, Side]], entries: Mapping[str, Any], strength: float) -> None:
        self.layers, self.entries, self.strength = layers, entries, strength

    def __call__(self, attn: Any, hidden_states: Any, encoder_hidden_states: Any = None, **_: Any) -> Any:
        context = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        sides = self.layers.get(context.shape[2])
        for_keys, for_values = (
            (a1111(context, side, self.entries, self.strength) for side in sides) if sides else (context, context)
        )
        query, key, value = attn.to_q(hidden_states), attn.to_k(for_keys), attn.to_v(for_values)
        query, key, value = (attn.head_to_batch_dim(part) for part in (query, key, value))
        weights = (query @ key.transpose(1, 2) * attn.scale).softmax(-1)
        return attn.to_out[0](attn.batch_to_head_dim(weights @ value))


@contextmanager
def attention(unet: Any, processor: Attention) -> Iterator[None]:
    """Give the UNet another attention while the context is open."""
    before = unet.attn_processors
    unet.set_attn_processor(processor)
    try:
        yield
    finally:
        unet.set_attn_processor(before)


@pytest.fixture(scope="module")
def unet() -> Any:
    """A UNet of two levels with attention of all widths, random."""
    torch.manual_seed(1)
    model = UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(16, 32),
        layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D",) * 2,
        up_block_types=("CrossAttnUpBlock2D",) * 2,
        cross_attention_dim=24,
        attention_head_dim=4,
        norm_num_groups=8,
    )
    for parameter in model.parameters():
        parameter.data.mul_(1.5)
    return model.requires_grad_(False).eval()


def answer(unet: Any, context: int = 24) -> Any:
    """Return the UNet's output for two fixed latents and prompts."""
    chance = torch.Generator().manual_seed(3)
    latents, text = (torch.randn(*shape, generator=chance) for shape in ((2, 4, 8, 8), (2, 6, context)))
    return unet(latents.to(unet.dtype), 300, text.to(unet.dtype)).sample


def check_formula(unet: Any, path: Path, entries: Mapping[str, Any], *, strength: float = 1.0) -> None:
    """Assert that the file changes the UNet's output as A1111 does."""
    layers = a_file(path, entries)
    nothing = Attention({}, entries, 0)
    with attention(unet, nothing):
        plain = answer(unet)
    with attention(unet, Attention(layers, entries, strength)):
        wanted = answer(unet)
    with attention(unet, nothing):
        network = opened(path)
        assert network.apply(unet, strength=strength) == AdapterFit(placed=3, total=3)
        changed = answer(unet)
        network.remove()
    torch.testing.assert_close(changed, wanted, rtol=1e-4, atol=1e-5)
    assert (wanted - plain).abs().max() > 1e-3


@pytest.mark.parametrize("name", [*ACTIVATIONS, "prelu"])
def test_every_activation_of_a1111_is_applied(unet: Any, tmp_path: Path, name: str) -> None:
    """Each of its names, between the layers."""
    check_formula(unet, tmp_path / "h.pt", A1111 | {"activation_func": name})


@pytest.mark.parametrize("structure", [[1, 2, 1], [1, 1], [1, 1.5, 1.5, 1], [1, 2, 4, 2, 1], [1, 0.5, 1, 1, 1, 1]])
@pytest.mark.parametrize(
    "traits",
    [
        {},
        {"is_layer_norm": True},
        {"activate_output": True},
        {"use_dropout": True},
        {"use_dropout": True, "last_layer_dropout": True, "is_layer_norm": True},
        {"use_dropout": True, "last_layer_dropout": True, "is_layer_norm": True, "activate_output": True},
    ],
    ids=str,
)
def test_every_structure_is_applied(unet: Any, tmp_path: Path, structure: list[float], traits: dict[str, bool]) -> None:
    """Layers of any number and size, with norms, with an activation at the end, with numbers left out for dropout."""
    check_formula(unet, tmp_path / "h.pt", A1111 | traits | {"layer_structure": structure})


@pytest.mark.parametrize("strength", [0.5, -1.0, 2.0])
def test_the_change_is_as_strong_as_requested(unet: Any, tmp_path: Path, strength: float) -> None:
    """The multiplier stands before the stack's output, not before its input."""
    check_formula(unet, tmp_path / "h.pt", A1111 | {"activation_func": "tanh"}, strength=strength)


def test_keys_and_values_have_layers_of_their_own(unet: Any, tmp_path: Path) -> None:
    """The first stack changes keys alone, the second values alone."""
    path = tmp_path / "h.pt"
    a_file(path, A1111)
    tensors = load(path)
    for side, ending in (("0", "to_k"), ("1", "to_v")):
        still = {name: t if name.split(".")[1] == side else t * 0 for name, t in tensors.items()}
        network = Hypernetwork(still, A1111)
        assert changed_inputs(unet, network) == {
            name for name, _ in unet.named_modules() if name.endswith(ending) and "attn" in name
        }


def changed_inputs(unet: Any, network: Hypernetwork) -> set[str]:
    """Return the layers of keys and values whose own output changes."""
    layers = {name: layer for name, layer in unet.named_modules() if name.endswith((".to_k", ".to_v"))}
    torch.manual_seed(5)
    inputs = {name: torch.randn(1, 3, layer.in_features) for name, layer in layers.items()}
    before = {name: layer(inputs[name]) for name, layer in layers.items()}
    network.apply(unet)
    after = {name: layer(inputs[name]) for name, layer in layers.items()}
    network.remove()
    return {name for name in layers if not torch.equal(before[name], after[name])}


def test_at_strength_nought_the_unet_is_itself(unet: Any, tmp_path: Path) -> None:
    """Not a bit of the output differs."""
    a_file(tmp_path / "h.pt", A1111)
    network, plain = opened(tmp_path / "h.pt"), answer(unet)
    network.apply(unet, strength=0)
    same = answer(unet)
    network.remove()
    assert torch.equal(plain, same)


def test_taking_off_leaves_nothing_behind(unet: Any, tmp_path: Path) -> None:
    """No hook, no changed weight and the same output; a second time does no harm."""
    a_file(tmp_path / "h.pt", A1111)
    network, plain = opened(tmp_path / "h.pt"), answer(unet)
    weights = {name: weight.clone() for name, weight in unet.state_dict().items()}
    network.apply(unet)
    assert not torch.equal(answer(unet), plain)
    network.remove()
    network.remove()
    assert torch.equal(answer(unet), plain)
    assert not [name for name, module in unet.named_modules() if module._forward_pre_hooks]
    after = unet.state_dict()
    assert after.keys() == weights.keys()
    assert all(torch.equal(after[name], weights[name]) for name in weights)


def test_putting_on_again_changes_the_strength(unet: Any, tmp_path: Path) -> None:
    """Full and half strength after one another: the second is not on top of the first."""
    a_file(tmp_path / "h.pt", A1111)
    network = opened(tmp_path / "h.pt")
    network.apply(unet, strength=0.5)
    half = answer(unet)
    network.apply(unet, strength=1.0)
    network.apply(unet, strength=0.5)
    again = answer(unet)
    network.remove()
    assert torch.equal(half, again)


def test_widths_without_a_layer_are_counted(unet: Any, tmp_path: Path) -> None:
    """A file for another base: nothing is applied, nothing changes, and the widths are named."""
    a_file(tmp_path / "part.pt", A1111, (24, 48))
    a_file(tmp_path / "none.pt", A1111, (8, 48))
    plain = answer(unet)
    part, none = opened(tmp_path / "part.pt"), opened(tmp_path / "none.pt")
    assert part.apply(unet) == AdapterFit(placed=1, total=2, unplaced=("48",))
    part.remove()
    assert none.apply(unet) == AdapterFit(placed=0, total=2, unplaced=("8", "48"))
    assert torch.equal(answer(unet), plain)
    assert none.widths == (8, 48)


def test_the_networks_take_the_units_data_type_and_keep_their_own(unet: Any, tmp_path: Path) -> None:
    """On a bfloat16 base the stacks compute in bfloat16; on the next, in float32, nothing has been rounded."""
    import copy

    a_file(tmp_path / "h.pt", A1111)
    network = opened(tmp_path / "h.pt")
    network.apply(unet)
    wanted = answer(unet)
    network.apply(copy.deepcopy(unet).to(torch.bfloat16))
    rounded = copy.deepcopy(unet).to(torch.bfloat16)
    network.apply(rounded)
    assert answer(rounded).dtype == torch.bfloat16
    network.apply(unet)
    assert torch.equal(answer(unet), wanted)
    network.remove()


def test_files_from_before_structures_are_two_plain_layers(unet: Any, tmp_path: Path) -> None:
    """NovelAI's files: `linear1`, `linear2`, no entries; the same as today's names without activation."""
    layers = a_file(tmp_path / "new.pt", A1111 | {"activation_func": "linear"})
    old = {"linear.0": "linear1", "linear.1": "linear2"}
    renamed = {
        width: tuple({old[name[:8]] + name[8:]: tensor for name, tensor in side.items()} for side in sides)
        for width, sides in layers.items()
    }
    torch.save(renamed, tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    results = []
    for name in ("new.pt", "old.pt"):
        network = opened(tmp_path / name)
        network.apply(unet)
        results.append(answer(unet))
        network.remove()
    assert torch.equal(*results)


def test_entries_as_texts_and_as_values_say_the_same(unet: Any, tmp_path: Path) -> None:
    """What the reader writes as text, or leaves out, does not change the stacks."""
    entries = A1111 | {"is_layer_norm": True, "use_dropout": True, "layer_structure": [1, 1.5, 2, 1]}
    a_file(tmp_path / "h.pt", entries)
    tensors = load(tmp_path / "h.pt")
    few = {"activation_func": "relu", "activate_output": "False"}
    results = []
    for said in (entries, {name: str(value) for name, value in entries.items()}, few):
        network = Hypernetwork(tensors, said)
        network.apply(unet)
        results.append(answer(unet))
        network.remove()
    assert torch.equal(results[0], results[1])
    assert torch.equal(results[0], results[2])


def test_without_a_word_the_last_layer_is_activated(unet: Any, tmp_path: Path) -> None:
    """A1111's default for files from before the entry `activate_output`."""
    a_file(tmp_path / "h.pt", A1111)
    results = []
    for said in ({}, {"activate_output": True}, {"activate_output": False}):
        network = Hypernetwork(load(tmp_path / "h.pt"), {"activation_func": "relu"} | said)
        network.apply(unet)
        results.append(answer(unet))
        network.remove()
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])


def test_the_miniatures_sepia_changes_what_the_unet_computes() -> None:
    """The trained file finds all four widths and moves the prediction as the trainer's own layers do."""
    from tools.miniature.networks import make_unet
    from tools.miniature.train_adapters import Hyper, hypernetwork_on

    path = FAMILY / "miniature-sepia.pt"
    torch.manual_seed(2)
    unet = make_unet().requires_grad_(False).eval()
    plain, network = answer(unet, 40), opened(path)
    assert network.apply(unet) == AdapterFit(placed=4, total=4)
    changed = answer(unet, 40)
    network.remove()
    saved = torch.load(path, weights_only=True)
    layers = {width: tuple(Hyper(width) for _ in range(2)) for width in network.widths}
    for width, pair in layers.items():
        for layer, state in zip(pair, saved[width], strict=True):
            layer.load_state_dict(state)
    with hypernetwork_on(unet, layers), torch.no_grad():
        wanted = answer(unet, 40)
    torch.testing.assert_close(changed, wanted, rtol=1e-5, atol=1e-6)
    assert (changed - plain).abs().mean() > 0.005


def weights(outputs: int, inputs: int, place: str = "linear.0") -> Side:
    """Return one linear layer of zeros."""
    return {f"{place}.weight": torch.zeros(outputs, inputs), f"{place}.bias": torch.zeros(outputs)}


@pytest.mark.parametrize(
    ("side", "entries", "words"),
    [
        ({}, {}, "not a hypernetwork"),
        (weights(8, 16), {}, r"has 8 outputs"),
        (weights(16, 8), {}, r"does not fit 16 inputs"),
        ({"linear.0.weight": torch.zeros(16, 16)}, {}, "layer 0"),
        ({"linear.0.bias": torch.zeros(16)}, {}, "layer 0"),
        ({"linear.0.weight": torch.zeros(16, 16), "linear.0.bias": torch.zeros(1)}, {}, "layer 0"),
        ({"linear.0.weight": torch.zeros(0, 16), "linear.0.bias": torch.zeros(0)}, {}, "layer 0"),
        ({"linear.0.weight": torch.zeros(4, 4, 4), "linear.0.bias": torch.zeros(4)}, {}, "layer 0"),
        ({name: tensor.to(torch.int32) for name, tensor in weights(16, 16).items()}, {}, "floating point"),
        (weights(16, 16, "res.first"), {}, "unknown kind"),
        (weights(16, 16, "linear.3"), {}, "layer 3"),
        (weights(16, 16) | weights(16, 16, "linear.2"), {"activation_func": "relu", "is_layer_norm": "True"}, "norm"),
        (weights(16, 16) | weights(16, 16, "linear.1"), {"activation_func": "relu"}, "layer 1"),
        (weights(16, 16) | weights(16, 16, "linear.3"), {"activation_func": "linear"}, "layer 3"),
        (weights(16, 16), {"activation_func": "glu"}, "unknown activation function: glu"),
        (weights(16, 16), {"activation_func": "[1]"}, "unknown activation"),
        (weights(16, 16), {"activation_func": ["relu"]}, "unknown activation"),
        (weights(16, 16), {"layer_structure": "[1, 2, 1]"}, "structure"),
        (weights(16, 16), {"is_layer_norm": "True"}, "norm"),
        (
            weights(16, 16) | {"linear.1.weight": torch.ones(8), "linear.1.bias": torch.ones(8)},
            {"is_layer_norm": "True"},
            r"layer norm 1 is \[8\]",
        ),
        (
            weights(16, 16) | {"linear.1.weight": torch.ones(2)},
            {"activation_func": "prelu", "activate_output": "True"},
            "activation's weight",
        ),
    ],
)
def test_what_a1111_could_not_load_is_an_error_with_a_reason(side: Side, entries: Side, words: str) -> None:
    """No traceback, and nothing made up for what is missing."""
    tensors = {f"16.{which}.{name}": tensor for which in (0, 1) for name, tensor in side.items()}
    with pytest.raises(ModelhubError, match=words) as caught:
        Hypernetwork(tensors, entries)
    assert caught.value.remedy.text


def test_a_file_with_one_side_is_an_error() -> None:
    """Layers for keys alone."""
    with pytest.raises(ModelhubError, match="no layers for keys or for values"):
        Hypernetwork({f"16.0.{name}": tensor for name, tensor in weights(16, 16).items()}, {})


@pytest.mark.parametrize("structure", ["[1, 1e999, 1]", "list", "[1, nan]", "((((", [1, float("inf")], {"a": 1}])
def test_a_structure_that_is_none_is_left_to_the_shapes(structure: object) -> None:
    """An entry that cannot be read does not count."""
    tensors = {f"16.{side}.{name}": tensor for side in (0, 1) for name, tensor in weights(16, 16).items()}
    assert Hypernetwork(tensors, {"layer_structure": structure}).widths == (16,)
