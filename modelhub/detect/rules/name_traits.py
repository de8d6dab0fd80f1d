"""Traits of one tensor's name: its component, whether it is a delta, and which signs of a network it carries.

Every dialect (LDM, diffusers, kohya's underscores, PEFT, ComfyUI …) is brought to one spelling first: wrapper and
component prefixes are taken off, "." becomes "_", and counting numbers become "#". The tables of signs then list each
network once. Traits depend on the name alone, so they are cached: real models share their names.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from modelhub.detect.rules.key_dialects import split_prefix, split_tail
from modelhub.detect.rules.rows import Probes, Sign
from modelhub.detect.rules.shapes import Measurement, ShapeProbe, measurements_for
from modelhub.detect.rules.sign_matcher import SignMatcher
from modelhub.detect.rules.special_names import probe_special_name
from modelhub.detect.rules.unet_blocks import flux_block_signs, probe_unet_name

_NUMBER = re.compile(r"(?<![a-z0-9])\d+(?![a-z0-9])")
# Biases and scales of a layer carry its signs too, but only its matrix has its shape.
_MEASURED_ENDS = ("_weight", "_pe")
_CACHE_LIMIT = 60_000  # names
_LONGEST_CACHED = 300  # characters
# Prefixes below which there are only deltas, whatever their tensors end in.
_DELTA_ONLY = frozenset({"kohya", "control:lllite"})
_LLLITE_DOWN = ".down.0.weight"


@dataclass(frozen=True, slots=True, eq=False)
class NameTraits:
    """The signs that a name carries, and what to measure of its tensor's shape. Interned: compared by identity."""

    signs: frozenset[str]
    measurements: tuple[Measurement, ...] = ()


def traits_reader(signs: tuple[Sign, ...], network_groups: frozenset[str]) -> Callable[[str], NameTraits]:
    """Return a function that reads the traits of a tensor's name by these signs; equal traits are one object.

    `network_groups`: groups of signs whose plain tensors mean that a whole network is in the file.
    """
    return _TraitsCache(signs, network_groups).__getitem__


class _TraitsCache(dict[str, NameTraits]):
    """Traits by tensor name, read at the first look-up; emptied when there are too many."""

    def __init__(self, signs: tuple[Sign, ...], network_groups: frozenset[str]) -> None:
        super().__init__()
        self._signs = signs
        self._network_groups = network_groups
        self._interned: dict[tuple[frozenset[str], tuple[ShapeProbe, ...]], NameTraits] = {}
        self._matchers: dict[tuple[str, bool], SignMatcher] = {}
        self._by_template: dict[tuple[str, str, bool], tuple[frozenset[str], Probes]] = {}

    def __missing__(self, key: str) -> NameTraits:
        if len(self) >= _CACHE_LIMIT:
            self.clear()
            self._by_template.clear()
            self._interned.clear()
        traits = self._read(key)
        if len(key) <= _LONGEST_CACHED:
            self[key] = traits
        return traits

    def _read(self, key: str) -> NameTraits:
        component, rest, signs = split_prefix(key)
        module, tail = split_tail(rest, prefixed=component != "")
        if not tail and signs & _DELTA_ONLY and rest.endswith(_LLLITE_DOWN if "control:lllite" in signs else ".weight"):
            module, tail = _split_delta_only(rest)
        if tail:
            signs |= {"delta", f"tail:{tail}", f"delta:{component or 'net'}"}
            if rest == key:
                signs.add("bare-delta")
        elif component:
            signs.add(f"has:{component}")
        flat = module.replace(".", "_")
        found, sign_probes = self._matching_signs(component, _NUMBER.sub("#", flat), bool(tail))
        # Trainers factor a block's layers differently for LoKr: there, names alone tell FLUX's blocks.
        wanted = [p for p in sign_probes if not (tail.startswith("lokr") and p[0].startswith("bfl."))]
        probes = [ShapeProbe(subject.format(component=component or "te"), side, tail) for subject, side in wanted]
        if not tail and not flat.endswith(_MEASURED_ENDS):
            probes = []
        if tail:
            probes.append(ShapeProbe("rank", "rank", tail))
        signs |= flux_block_signs(flat) if component in ("", "net") else set()
        for extra_signs, extra_probes in (
            probe_unet_name(component, flat, tail),
            probe_special_name(component, flat, tail),
        ):
            signs |= extra_signs
            probes += extra_probes
        if not tail and component in ("", "net") and any(s.partition(":")[0] in self._network_groups for s in found):
            signs |= _network_signs(flat)
        return self._intern(frozenset(signs | found), tuple(probes))

    def _matching_signs(self, component: str, template: str, delta: bool) -> tuple[frozenset[str], Probes]:
        known = self._by_template.get((component, template, delta))
        if known is None:
            matcher = self._matchers.get((component, delta))
            if matcher is None:
                matcher = self._matchers[(component, delta)] = SignMatcher(self._signs, component, delta)
            hits = matcher.find(template)
            names = frozenset(sign.name for sign in hits)
            known = names, tuple(dict.fromkeys(probe for sign in hits for probe in sign.probes))
            self._by_template[(component, template, delta)] = known
        return known

    def _intern(self, signs: frozenset[str], probes: tuple[ShapeProbe, ...]) -> NameTraits:
        traits = self._interned.get((signs, probes))
        if traits is None:
            traits = self._interned[(signs, probes)] = NameTraits(signs, measurements_for(probes))
        return traits


def _split_delta_only(rest: str) -> tuple[str, str]:
    """Return module and tail of a name that can only be a delta's: LLLite's down matrix, or LyCORIS' IA3 vector."""
    if rest.endswith(_LLLITE_DOWN):
        return rest.removesuffix(_LLLITE_DOWN), "lora_down"
    return rest.removesuffix(".weight"), "ia3_l"


def _network_signs(flat: str) -> set[str]:
    # Control LoRAs carry plain norm scales beside their deltas; only a plain matrix means a whole network.
    return {"net:transformer"} if flat.endswith("_weight") and "norm" not in flat else set()
