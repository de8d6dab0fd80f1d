"""Hypernetworks: small networks that change what enters the keys and the values of a UNet's attention.

Format and formula are A1111's (stable-diffusion-webui, modules/hypernetworks/hypernetwork.py): for each width there are
two stacks of linear layers, the first for keys, the second for values, and x becomes x + strength · stack(x).
"""

from __future__ import annotations

import ast
import copy
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.utils.hooks import RemovableHandle

from modelhub.errors import ModelhubError

Stack = nn.Sequential
_KEYS, _VALUES = 0, 1
_SIDES = {"to_k": _KEYS, "to_v": _VALUES}
_ATTENTIONS = (".attn1", ".attn2")
_WIDTH = re.compile(r"(\d{1,6})\.([01])\.(.+)")
# Files from before A1111 had layer structures: two layers, by name.
_PLACE = re.compile(r"(?:linear\.(?P<new>\d{1,4})|linear(?P<old>[12]))\.(?P<part>weight|bias)")
_HINT = "Pull it again, or ask its author which program made it."

# A1111's names: seven of its own, and every activation of torch in lower case that needs no argument and keeps the
# width. A softmax without a dimension works along the first one of three, which is A1111's result too.
_ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "swish": nn.Hardswish,
    "softmax": partial(nn.Softmax, dim=0),
    "softmin": partial(nn.Softmin, dim=0),
    "logsoftmax": partial(nn.LogSoftmax, dim=0),
    **{
        kind.__name__.lower(): kind
        for kind in (
            *(nn.CELU, nn.ELU, nn.GELU, nn.Hardshrink, nn.Hardsigmoid, nn.Hardswish, nn.Hardtanh, nn.LeakyReLU),
            *(nn.LogSigmoid, nn.Mish, nn.PReLU, nn.ReLU, nn.ReLU6, nn.RReLU, nn.SELU, nn.SiLU, nn.Sigmoid),
            *(nn.Softmax2d, nn.Softplus, nn.Softshrink, nn.Softsign, nn.Tanh, nn.Tanhshrink),
        )
    },
}


@dataclass(frozen=True, slots=True)
class Applied:
    """How many parts of a file found a place in the network; `unplaced` names the others."""

    applied: int
    total: int
    unplaced: tuple[str, ...] = ()


class Hypernetwork:
    """A file's stacks, ready to be put on a UNet and taken off again."""

    def __init__(self, tensors: Mapping[str, torch.Tensor], entries: Mapping[str, object]) -> None:
        """`tensors` by flattened name (`320.0.linear.0.weight`); `entries` beside them, as values or as their texts.

        Raises ModelhubError when the tensors are not those of a hypernetwork or contradict the entries.
        """
        traits = _Traits.of(entries)
        self._stacks = {width: _pair(width, sides, traits) for width, sides in _sorted(tensors).items()}
        self._handles: list[RemovableHandle] = []

    @property
    def widths(self) -> tuple[int, ...]:
        """The widths of inputs that there are stacks for."""
        return tuple(self._stacks)

    def put_on(self, unet: nn.Module, *, strength: float = 1.0) -> Applied:
        """Change what enters every key and value of a known width. What was put on before is taken off."""
        self.take_off()
        moved: dict[tuple[int, int, torch.device, torch.dtype], Stack] = {}
        for layer, width, side in _inputs(unet):
            if width not in self._stacks:
                continue
            weight = next(layer.parameters())
            key = (width, side, weight.device, weight.dtype)
            if key not in moved:
                moved[key] = copy.deepcopy(self._stacks[width][side]).to(weight.device, weight.dtype)
            self._handles.append(layer.register_forward_pre_hook(_changed_by(moved[key], strength)))
        placed = {width for width, *_ in moved}
        unplaced = tuple(str(width) for width in self._stacks if width not in placed)
        return Applied(len(placed), len(self._stacks), unplaced)

    def take_off(self) -> None:
        """Leave the UNet as it was."""
        while self._handles:
            self._handles.pop().remove()


def _inputs(unet: nn.Module) -> Iterator[tuple[nn.Module, int, int]]:
    """The layers that make keys and values: each with the width of its input and its side."""
    for name, layer in unet.named_modules():
        parent, _, own = name.rpartition(".")
        width = getattr(layer, "in_features", None)
        if own in _SIDES and parent.endswith(_ATTENTIONS) and isinstance(width, int):
            yield layer, width, _SIDES[own]


def _changed_by(stack: Stack, strength: float) -> Callable[[nn.Module, tuple[Any, ...]], tuple[Any, ...]]:
    def change(_: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        x, *others = inputs
        return (x + stack(x) * strength, *others)

    return change


@dataclass(frozen=True, slots=True, kw_only=True)
class _Traits:
    """What the file says about all its stacks; `norm` and `structure` are None when it says nothing."""

    activation: str | None
    activate_output: bool
    norm: bool | None
    structure: tuple[float, ...] | None

    @classmethod
    def of(cls, entries: Mapping[str, object]) -> _Traits:
        """The defaults are A1111's for files that lack an entry."""
        activation = _value(entries.get("activation_func"))
        if activation == "linear":
            activation = None
        if activation is not None and (not isinstance(activation, str) or activation not in _ACTIVATIONS):
            raise ModelhubError(f"The hypernetwork uses an unknown activation function: {activation}.", _HINT)
        norm = _value(entries.get("is_layer_norm"))
        return cls(
            activation=activation,
            activate_output=bool(_value(entries.get("activate_output", True))),
            norm=bool(norm) if isinstance(norm, int) else None,
            structure=_structure(_value(entries.get("layer_structure"))),
        )


def _value(entry: object) -> object:
    """A plain value, from itself or from Python's way to write it."""
    if not isinstance(entry, str):
        return entry
    try:
        return ast.literal_eval(entry)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return entry


def _structure(value: object) -> tuple[float, ...] | None:
    if isinstance(value, (list, tuple)) and all(type(part) in (int, float) and math.isfinite(part) for part in value):
        return tuple(value)
    return None


_Sides = tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]


def _sorted(tensors: Mapping[str, torch.Tensor]) -> dict[int, _Sides]:
    """Width → the tensors of both sides by name."""
    found: dict[int, _Sides] = {}
    for name, tensor in tensors.items():
        if match := _WIDTH.fullmatch(name):
            found.setdefault(int(match[1]), ({}, {}))[int(match[2])][match[3]] = tensor
    if not found:
        raise ModelhubError("The file holds no hypernetwork: no layers under a width such as 320 or 768.", _HINT)
    return dict(sorted(found.items()))


def _pair(width: int, sides: _Sides, traits: _Traits) -> tuple[Stack, Stack]:
    keys, values = (_StackMaker(width, named, traits).made() for named in sides)
    return keys, values


class _StackMaker:
    """Builds one stack: A1111's order is linear, activation, layer norm and dropout, as often as the structure says."""

    def __init__(self, width: int, named: Mapping[str, torch.Tensor], traits: _Traits) -> None:
        self.width = width
        self.traits = traits
        self.parts = self._by_place(named)
        weights = [self.parts[place].get("weight") for place in sorted(self.parts)]
        self.linears = sum(weight is not None and weight.ndim == 2 for weight in weights)
        # An activation with a weight of its own has no bias.
        self.norm = any(
            "bias" in part and "weight" in part and part["weight"].ndim == 1 for part in self.parts.values()
        )
        self.place = 0
        self.modules: list[nn.Module] = []

    def made(self) -> Stack:
        """The stack; raises ModelhubError where A1111 could not load it."""
        if self.traits.norm not in (None, self.norm):
            raise self._wrong(f"it says {self.traits.norm} about layer norms, and its layers say {self.norm}")
        size, sizes = self.width, [self.width]
        for index in range(self.linears):
            # Where dropout was, a number is skipped; drawing a picture needs none.
            if index and self.place not in self.parts:
                self.place += 1
            size = self._add_linear(size)
            sizes.append(size)
            last = index == self.linears - 1
            if self.traits.activation and (self.traits.activate_output or not last):
                self._add_activation(self.traits.activation)
            if self.norm:
                self._add_norm(size)
        self._check_end(sizes)
        return Stack(*self.modules).requires_grad_(False).eval()

    def _by_place(self, named: Mapping[str, torch.Tensor]) -> dict[int, dict[str, torch.Tensor]]:
        parts: dict[int, dict[str, torch.Tensor]] = {}
        for name, tensor in named.items():
            match = _PLACE.fullmatch(name)
            if match is None:
                raise self._wrong(f"it has a part of an unknown kind, {name}")
            if not tensor.is_floating_point():
                raise self._wrong(f"{name} holds no floating point numbers")
            place = int(match["new"]) if match["new"] else int(match["old"]) - 1
            parts.setdefault(place, {})[match["part"]] = tensor
        return parts

    def _add_linear(self, inputs: int) -> int:
        weight, bias = self._taken("weight", "bias")
        if weight.ndim != 2 or weight.shape[1] != inputs or bias.shape != weight.shape[:1] or not weight.shape[0]:
            raise self._wrong(f"layer {self.place - 1} is {list(weight.shape)} and does not take {inputs} numbers")
        linear = nn.Linear(inputs, weight.shape[0], device="meta")
        self.modules.append(_filled(linear, weight, bias))
        return weight.shape[0]

    def _add_norm(self, size: int) -> None:
        weight, bias = self._taken("weight", "bias")
        if weight.shape != (size,) or bias.shape != (size,):
            raise self._wrong(f"layer norm {self.place - 1} is {list(weight.shape)}, not [{size}]")
        self.modules.append(_filled(nn.LayerNorm(size, device="meta"), weight, bias))

    def _add_activation(self, name: str) -> None:
        module = _ACTIVATIONS[name]()
        if isinstance(module, nn.PReLU):
            (weight,) = self._taken("weight")
            if weight.shape != (1,):
                raise self._wrong(f"the activation's weight is {list(weight.shape)}, not [1]")
            module = _filled(nn.PReLU(device="meta"), weight)
        else:
            self.place += 1
        self.modules.append(module)

    def _taken(self, *names: str) -> tuple[torch.Tensor, ...]:
        if self.place not in self.parts:
            raise self._misnumbered()
        part = self.parts.pop(self.place)
        if set(part) != set(names):
            raise self._wrong(f"layer {self.place} has {' and '.join(part)} instead of {' and '.join(names)}")
        self.place += 1
        return tuple(part[name] for name in names)

    def _check_end(self, sizes: list[int]) -> None:
        if self.parts:
            raise self._misnumbered()
        if not self.linears:
            raise self._wrong("it is empty on one side")
        if sizes[-1] != self.width:
            raise self._wrong(f"its last layer gives {sizes[-1]} numbers")
        wanted = self.traits.structure
        if wanted is not None and [int(self.width * part) for part in wanted] != sizes:
            raise self._wrong(f"its layers {sizes} are not of the structure {list(wanted)} that it names")

    def _misnumbered(self) -> ModelhubError:
        at = f"layer {min(self.parts)} is not where" if self.parts else f"layer {self.place} is missing where"
        return self._wrong(f"{at} its activation function ({self.traits.activation or 'linear'}) and layer norm put it")

    def _wrong(self, what: str) -> ModelhubError:
        return ModelhubError(f"The hypernetwork's part for width {self.width} cannot be loaded: {what}.", _HINT)


def _filled(module: nn.Module, *values: torch.Tensor) -> nn.Module:
    """The module with these weights, in the order weight, bias."""
    for name, value in zip(("weight", "bias"), values, strict=False):
        setattr(module, name, nn.Parameter(value, requires_grad=False))
    return module
