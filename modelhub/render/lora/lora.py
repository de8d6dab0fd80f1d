"""Apply a LoRA of any dialect and algorithm to loaded networks, and remove it again, bit for bit.

The change is computed in float32 on the weight's device and added there, module by module, so that memory peaks at the
networks, the file's tensors and copies of the weights that are touched.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn

from modelhub.render.adapter_fit import AdapterFit
from modelhub.render.lora.algebra import Algorithm, bias_change, find_algorithm, is_incomplete, weight_change
from modelhub.render.lora.config import Config, read_scalars
from modelhub.render.lora.keys import group_by_stem
from modelhub.render.lora.parts import MISFITS, Parts
from modelhub.render.lora.places import ModulePlaces, Place

# The modules as wide as the text: the cross-attention's keys and values, and all of a text encoder.
_TEXT_WIDE = re.compile(r"attn2[._](?:processor\.)?to_[kv]$|self_attn[._]|layers[._]\d+[._]mlp[._]|resblocks[._]")
_SCALARS = ("alpha", "on_input")
# A kept copy moves to main memory when less than this would stay free on the accelerator: the render needs room too.
_RESERVE = 2 << 30


@dataclass(frozen=True)
class LoraFit(AdapterFit):
    """The modules of a LoRA's file and where they go.

    `touched`: the networks' modules, such as "unet.down_blocks.0.attentions.0.…to_q"; `misshapen`: the unplaced whose
    module exists, but in another size.
    """

    touched: tuple[str, ...] = ()
    misshapen: tuple[str, ...] = ()

    @property
    def is_for_other_text_width(self) -> bool:
        """True for a LoRA made for text of another width, so for another architecture, however much of it fits."""
        return any(_TEXT_WIDE.search(stem) for stem in self.misshapen)


@dataclass(frozen=True)
class _Step:
    """A module of the file, and the place that it changes."""

    stem: str
    place: Place
    algorithm: Algorithm
    keys: Mapping[str, str]


@dataclass(frozen=True)
class _File:
    """The tensors of a LoRA, and the configuration that scales them."""

    tensors: Mapping[str, torch.Tensor]
    config: Config | None

    def parts(self, stem: str, keys: Mapping[str, str], device: torch.device) -> Parts:
        """Return a module's tensors in float32 on the device; on `meta`, only their shapes."""
        scalars = read_scalars(self.config, stem)
        converted: dict[str, torch.Tensor] = {}
        for part, key in keys.items():
            tensor = self.tensors[key]
            if part in _SCALARS:
                scalars[part] = float(tensor.flatten()[0])
            elif device.type == "meta":
                converted[part] = torch.empty(tensor.shape, device=device)
            else:
                converted[part] = tensor.to(device, torch.float32)
        return Parts(converted, scalars)


@dataclass(frozen=True)
class _Plan:
    """The steps that apply a LoRA to certain networks, and the modules that are left out."""

    networks: Mapping[str, nn.Module]
    steps: tuple[_Step, ...]
    unplaced: tuple[str, ...]
    misshapen: tuple[str, ...]
    incomplete: tuple[str, ...]
    unsupported: tuple[str, ...]

    def identities(self) -> dict[str, int]:
        return {name: id(network) for name, network in self.networks.items()}

    def fit(self) -> LoraFit:
        touched = dict.fromkeys(step.place.full_name for step in self.steps)
        total = len(self.steps) + len(self.unplaced)
        return LoraFit(
            placed=len(self.steps),
            total=total,
            unplaced=self.unplaced,
            incomplete=self.incomplete,
            unsupported=self.unsupported,
            touched=tuple(touched),
            misshapen=self.misshapen,
        )


@dataclass
class _Original:
    """A copy of a module's parameter before it was changed; None where it had none."""

    module: nn.Module
    name: str
    before: torch.Tensor | None


class Lora:
    """The tensors of a LoRA file, of any dialect and data type, ready to be applied to networks."""

    def __init__(self, tensors: Mapping[str, torch.Tensor], *, config: Config | None = None) -> None:
        """Group the tensors by module.

        `config`: the fields of peft's adapter_config.json or of the header's `lora_adapter_metadata`.
        """
        self._file = _File(tensors, config)
        self._modules = group_by_stem(tensors)
        self._plan: _Plan | None = None
        self._originals: dict[tuple[str, str], _Original] = {}

    @property
    def touched(self) -> tuple[str, ...]:
        """The networks' modules that the last `fit` or `apply` found; empty before."""
        return self._plan.fit().touched if self._plan else ()

    def fit(self, networks: Mapping[str, nn.Module]) -> LoraFit:
        """Return what `apply` would place, without touching a weight."""
        return self._plan_for(networks).fit()

    def apply(self, networks: Mapping[str, nn.Module], *, strength: float = 1.0) -> LoraFit:
        """Add the change times `strength` to the weights; what an earlier call added is removed first.

        `networks`: "unet", "text_encoder" and "text_encoder_2", where they exist. Modules of the file that fit no
        module of the networks are reported, never an error.
        """
        self.remove()
        plan = self._plan_for(networks)
        with torch.no_grad():
            for step in plan.steps:
                self._add(step, strength)
        return plan.fit()

    def remove(self) -> None:
        """Restore every touched weight from its copy; does nothing while the LoRA is not applied."""
        with torch.no_grad():
            for original in self._originals.values():
                _restore(original)
        self._originals.clear()

    def _plan_for(self, networks: Mapping[str, nn.Module]) -> _Plan:
        known = self._plan
        if known and {name: id(network) for name, network in networks.items()} == known.identities():
            return known
        self._plan = _make_plan(self._modules, self._file, networks)
        return self._plan

    def _add(self, step: _Step, strength: float) -> None:
        module, device = step.place.module, _weight(step.place.module).device
        parts = self._file.parts(step.stem, step.keys, device)
        weight = self._original(step.place, "weight", only_shape=not step.algorithm.reads_weight(step.keys))
        assert weight is not None
        of_bias = bias_change(parts, weight, self._original(step.place, "bias"))
        if not step.algorithm.bias_only:
            self._keep(step.place, "weight")
            _increase(module, "weight", weight_change(step.algorithm, parts, weight), strength)
        if of_bias is not None:
            self._keep(step.place, "bias")
            _increase(module, "bias", of_bias, strength)

    def _original(self, place: Place, name: str, *, only_shape: bool = False) -> torch.Tensor | None:
        """Return the parameter without this LoRA, in float32 on its device, or on `meta` where its shape is enough."""
        parameter = getattr(place.module, name, None)
        original = self._originals.get((place.full_name, name))
        before = original.before if original else parameter
        if before is None:
            return None
        if only_shape:
            return torch.empty(before.shape, device="meta")
        return before.to(_weight(place.module).device, torch.float32)

    def _keep(self, place: Place, name: str) -> None:
        """Copy the parameter before its first change."""
        if (place.full_name, name) not in self._originals:
            parameter = getattr(place.module, name)
            before = None if parameter is None else _copy(parameter.detach())
            self._originals[(place.full_name, name)] = _Original(place.module, name, before)


def _make_plan(
    modules: Mapping[str, Mapping[str, str]],
    file: _File,
    networks: Mapping[str, nn.Module],
) -> _Plan:
    places = ModulePlaces(networks)
    steps: list[_Step] = []
    unplaced: list[str] = []
    misshapen: list[str] = []
    incomplete: list[str] = []
    unsupported: list[str] = []
    for stem, keys in modules.items():
        algorithm = find_algorithm(frozenset(keys))
        candidates = places.find(stem) if algorithm else []
        place = next((at for at in candidates if algorithm and _fits(algorithm, file, stem, keys, at.module)), None)
        if algorithm and place:
            steps.append(_Step(stem, place, algorithm, keys))
            continue
        unplaced.append(stem)
        if candidates:
            misshapen.append(stem)
        elif algorithm is None:
            (incomplete if is_incomplete(frozenset(keys)) else unsupported).append(stem)
    return _Plan(
        networks=dict(networks),
        steps=tuple(steps),
        unplaced=tuple(unplaced),
        misshapen=tuple(misshapen),
        incomplete=tuple(incomplete),
        unsupported=tuple(unsupported),
    )


def _fits(algorithm: Algorithm, file: _File, stem: str, keys: Mapping[str, str], module: nn.Module) -> bool:
    """Return whether the change can be made, by the same algebra on shapes alone."""
    weight = getattr(module, "weight", None)
    if not isinstance(weight, torch.Tensor) or not weight.is_floating_point() or weight.dim() == 0:
        return False
    shapes = torch.empty(weight.shape, dtype=torch.float32, device="meta")
    try:
        parts = file.parts(stem, keys, shapes.device)
        weight_change(algorithm, parts, shapes)
        has_bias = getattr(module, "bias", None) is not None
        change = bias_change(parts, shapes, shapes.new_empty(shapes.shape[0]) if has_bias else None)
        return change is None or hasattr(module, "bias")
    except MISFITS:
        return False


def _weight(module: nn.Module) -> torch.Tensor:
    weight = module.weight
    assert isinstance(weight, torch.Tensor)
    return weight


def _increase(module: nn.Module, name: str, change: torch.Tensor, strength: float) -> None:
    """Add in float32 and keep the weight's data type; a missing bias is created."""
    parameter = getattr(module, name)
    if parameter is None:
        like = _weight(module)
        value = (change * strength).to(like.device, like.dtype)
        module.register_parameter(name, nn.Parameter(value, requires_grad=False))
        return
    wide = parameter.to(torch.float32).add_(change, alpha=strength)
    if wide is not parameter:
        parameter.copy_(wide)


def _restore(original: _Original) -> None:
    if original.before is None:
        original.module.register_parameter(original.name, None)
    else:
        getattr(original.module, original.name).copy_(original.before)


def _copy(tensor: torch.Tensor) -> torch.Tensor:
    if tensor.device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(tensor.device)
        if free < tensor.nbytes + _RESERVE:
            return tensor.cpu()
    return tensor.clone()
