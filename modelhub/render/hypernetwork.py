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
from modelhub.render.adapter_fit import AdapterFit

Stack = nn.Sequential
_KEYS, _VALUES = 0, 1
_SIDES = {"to_k": _KEYS, "to_v": _VALUES}
_ATTENTIONS = (".attn1", ".attn2")
_WIDTH = re.compile(r"(\d{1,6})\.([01])\.(.+)")
# Files from before A1111 had layer structures: two layers, by name.
_POSITION = re.compile(r"(?:linear\.(?P<new>\d{1,4})|linear(?P<old>[12]))\.(?P<part>weight|bias)")
_HINT = "Files that the AUTOMATIC1111 web UI can load are supported."

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


class Hypernetwork:
    """A file's stacks, ready to be applied to a UNet and removed again."""

    def __init__(self, tensors: Mapping[str, torch.Tensor], entries: Mapping[str, object]) -> None:
        """Read layers. `tensors` by flattened name (`320.0.linear.0.weight`); `entries`: other values or their text.

        Raise ModelhubError when the tensors are not those of a hypernetwork or contradict the entries.
        """
        settings = _Settings.from_entries(entries)
        self._stacks = {
            width: _build_stacks(width, sides, settings) for width, sides in _group_by_width(tensors).items()
        }
        self._handles: list[RemovableHandle] = []

    @property
    def widths(self) -> tuple[int, ...]:
        """The widths of inputs for which the file has stacks."""
        return tuple(self._stacks)

    def apply(self, unet: nn.Module, *, strength: float = 1.0) -> AdapterFit:
        """Change the inputs of every key and value of a known width; an earlier application is removed first."""
        self.remove()
        copies: dict[tuple[int, int, torch.device, torch.dtype], Stack] = {}
        for layer, width, side in _attention_inputs(unet):
            if width not in self._stacks:
                continue
            weight = next(layer.parameters())
            key = (width, side, weight.device, weight.dtype)
            if key not in copies:
                copies[key] = copy.deepcopy(self._stacks[width][side]).to(weight.device, weight.dtype)
            self._handles.append(layer.register_forward_pre_hook(_make_hook(copies[key], strength)))
        placed = {width for width, *_ in copies}
        unplaced = tuple(str(width) for width in self._stacks if width not in placed)
        return AdapterFit(len(placed), len(self._stacks), unplaced)

    def remove(self) -> None:
        """Restore the UNet."""
        while self._handles:
            self._handles.pop().remove()


def _attention_inputs(unet: nn.Module) -> Iterator[tuple[nn.Module, int, int]]:
    """Yield the layers that make keys and values, each with the width of its input and its side."""
    for name, layer in unet.named_modules():
        parent, _, own = name.rpartition(".")
        width = getattr(layer, "in_features", None)
        if own in _SIDES and parent.endswith(_ATTENTIONS) and isinstance(width, int):
            yield layer, width, _SIDES[own]


def _make_hook(stack: Stack, strength: float) -> Callable[[nn.Module, tuple[Any, ...]], tuple[Any, ...]]:
    def change(_: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        x, *others = inputs
        return (x + stack(x) * strength, *others)

    return change


@dataclass(frozen=True, slots=True, kw_only=True)
class _Settings:
    """The file's entries for all its stacks; `norm` and `structure` are None where it has none."""

    activation: str | None
    activate_output: bool
    norm: bool | None
    structure: tuple[float, ...] | None

    @classmethod
    def from_entries(cls, entries: Mapping[str, object]) -> _Settings:
        """Read the entries, with A1111's defaults for those that are missing. Raise ModelhubError."""
        activation = _parse(entries.get("activation_func"))
        if activation == "linear":
            activation = None
        if activation is not None and (not isinstance(activation, str) or activation not in _ACTIVATIONS):
            raise ModelhubError(f"The hypernetwork uses an unknown activation function: {activation}.", _HINT)
        norm = _parse(entries.get("is_layer_norm"))
        return cls(
            activation=activation,
            activate_output=bool(_parse(entries.get("activate_output", True))),
            norm=bool(norm) if isinstance(norm, int) else None,
            structure=_structure(_parse(entries.get("layer_structure"))),
        )


def _parse(entry: object) -> object:
    """Return an entry as a plain Python value, parsed where it is text."""
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


def _group_by_width(tensors: Mapping[str, torch.Tensor]) -> dict[int, _Sides]:
    """Return the tensors of both sides by name, for every width. Raise ModelhubError when there are none."""
    found: dict[int, _Sides] = {}
    for name, tensor in tensors.items():
        if match := _WIDTH.fullmatch(name):
            found.setdefault(int(match[1]), ({}, {}))[int(match[2])][match[3]] = tensor
    if not found:
        raise ModelhubError("The file is not a hypernetwork: it has no layers under a width such as 320 or 768.", _HINT)
    return dict(sorted(found.items()))


def _build_stacks(width: int, sides: _Sides, settings: _Settings) -> tuple[Stack, Stack]:
    keys, values = (_StackBuilder(width, named, settings).build() for named in sides)
    return keys, values


class _StackBuilder:
    """A builder of one stack: linear, activation, layer norm and dropout in A1111's order, repeated."""

    def __init__(self, width: int, named: Mapping[str, torch.Tensor], settings: _Settings) -> None:
        self.width = width
        self.settings = settings
        self.parts = self._group_by_position(named)
        weights = [self.parts[position].get("weight") for position in sorted(self.parts)]
        self.linears = sum(weight is not None and weight.ndim == 2 for weight in weights)
        # An activation with a weight of its own has no bias.
        self.norm = any(
            "bias" in part and "weight" in part and part["weight"].ndim == 1 for part in self.parts.values()
        )
        self.position = 0
        self.modules: list[nn.Module] = []

    def build(self) -> Stack:
        """Build the stack. Raise ModelhubError where A1111 could not load it."""
        if self.settings.norm not in (None, self.norm):
            raise self._error(
                f"its settings state {self.settings.norm} for layer norms, but its layers show {self.norm}"
            )
        size, sizes = self.width, [self.width]
        for index in range(self.linears):
            # Where dropout was, a number is skipped; drawing a picture needs none.
            if index and self.position not in self.parts:
                self.position += 1
            size = self._add_linear(size)
            sizes.append(size)
            last = index == self.linears - 1
            if self.settings.activation and (self.settings.activate_output or not last):
                self._add_activation(self.settings.activation)
            if self.norm:
                self._add_norm(size)
        self._check_end(sizes)
        return Stack(*self.modules).requires_grad_(False).eval()

    def _group_by_position(self, named: Mapping[str, torch.Tensor]) -> dict[int, dict[str, torch.Tensor]]:
        parts: dict[int, dict[str, torch.Tensor]] = {}
        for name, tensor in named.items():
            match = _POSITION.fullmatch(name)
            if match is None:
                raise self._error(f"{name} is an unknown kind of part")
            if not tensor.is_floating_point():
                raise self._error(f"{name} is not floating point")
            position = int(match["new"]) if match["new"] else int(match["old"]) - 1
            parts.setdefault(position, {})[match["part"]] = tensor
        return parts

    def _add_linear(self, inputs: int) -> int:
        weight, bias = self._take("weight", "bias")
        if weight.ndim != 2 or weight.shape[1] != inputs or bias.shape != weight.shape[:1] or not weight.shape[0]:
            raise self._error(f"layer {self.position - 1} is {list(weight.shape)} and does not fit {inputs} inputs")
        linear = nn.Linear(inputs, weight.shape[0], device="meta")
        self.modules.append(_fill(linear, weight, bias))
        return weight.shape[0]

    def _add_norm(self, size: int) -> None:
        weight, bias = self._take("weight", "bias")
        if weight.shape != (size,) or bias.shape != (size,):
            raise self._error(f"layer norm {self.position - 1} is {list(weight.shape)}, not [{size}]")
        self.modules.append(_fill(nn.LayerNorm(size, device="meta"), weight, bias))

    def _add_activation(self, name: str) -> None:
        module = _ACTIVATIONS[name]()
        if isinstance(module, nn.PReLU):
            (weight,) = self._take("weight")
            if weight.shape != (1,):
                raise self._error(f"the activation's weight is {list(weight.shape)}, not [1]")
            module = _fill(nn.PReLU(device="meta"), weight)
        else:
            self.position += 1
        self.modules.append(module)

    def _take(self, *names: str) -> tuple[torch.Tensor, ...]:
        if self.position not in self.parts:
            raise self._numbering_error()
        part = self.parts.pop(self.position)
        if set(part) != set(names):
            raise self._error(f"layer {self.position} has {', '.join(part)} instead of {', '.join(names)}")
        self.position += 1
        return tuple(part[name] for name in names)

    def _check_end(self, sizes: list[int]) -> None:
        if self.parts:
            raise self._numbering_error()
        if not self.linears:
            raise self._error("it has no layers for keys or for values")
        if sizes[-1] != self.width:
            raise self._error(f"its last layer has {sizes[-1]} outputs")
        wanted = self.settings.structure
        if wanted is not None and [int(self.width * part) for part in wanted] != sizes:
            raise self._error(f"its layers {sizes} do not match its structure {list(wanted)}")

    def _numbering_error(self) -> ModelhubError:
        activation = self.settings.activation or "linear"
        if self.parts:
            return self._error(f"layer {min(self.parts)} does not fit its activation ({activation}) and layer norm")
        return self._error(f"layer {self.position} is missing after its activation ({activation}) and layer norm")

    def _error(self, reason: str) -> ModelhubError:
        return ModelhubError(f"The hypernetwork's stack for width {self.width} cannot be loaded: {reason}.", _HINT)


def _fill(module: nn.Module, *values: torch.Tensor) -> nn.Module:
    """Set the module's weight and bias, and return it."""
    for name, value in zip(("weight", "bias"), values, strict=False):
        setattr(module, name, nn.Parameter(value, requires_grad=False))
    return module
