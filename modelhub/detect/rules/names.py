"""What the name of one tensor says: where it lives, whether it is a delta, and which signs of a network it carries.

Every dialect (LDM, diffusers, kohya's underscores, PEFT, ComfyUI …) is brought to one spelling first: wrapper and
component prefixes are taken off, "." becomes "_", and counting numbers become "#". Tables of signs then need to know
each network once. Answers depend on the name alone, so they are remembered: the universe of real names is small.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from modelhub.detect.rules.shapes import Measurement, measurements_for
from modelhub.detect.rules.signs import NETWORK_GROUPS, SIGNS
from modelhub.detect.rules.unet_blocks import ShapeProbe, flux_block_signs, probe_special_name, probe_unet_name


class Prefix(NamedTuple):
    """A prefix of tensor names and the component that it stands for ("" for a mere wrapper)."""

    prefix: str
    component: str
    sign: str = ""


# Longest first within what may be confused; tried again after each one taken off.
PREFIXES = (
    Prefix("base_model.model.", "", "peft"),
    Prefix("_orig_mod.", ""),
    Prefix("module.", ""),
    Prefix("model.diffusion_model.", "net", "ldm-prefix"),
    Prefix("diffusion_model.", "net"),
    Prefix("model_ema.", "ema"),
    Prefix("first_stage_model.", "vae"),
    Prefix("vae.", "vae"),
    Prefix("cond_stage_model.", "te"),
    Prefix("conditioner.embedders.0.", "te"),
    Prefix("conditioner.embedders.1.", "te2"),
    Prefix("text_encoders.clip_l.", "te"),
    Prefix("text_encoders.clip_g.", "te2"),
    Prefix("text_encoders.t5xxl.", "te3"),
    Prefix("text_encoders.", "te"),
    Prefix("control_model.", "control", "control:ldm"),
    Prefix("depth_model.", "depth"),
    Prefix("unet.", "net"),
    Prefix("net.", "net"),
    Prefix("text_encoder_3.", "te3"),
    Prefix("text_encoder_2.", "te2"),
    Prefix("text_encoder.", "te"),
    Prefix("lllite_unet_", "control", "control:lllite"),
    Prefix("lora_unet_", "net", "kohya"),
    Prefix("lora_transformer_", "net", "kohya"),
    Prefix("lora_prior_unet_", "net", "kohya"),
    Prefix("lora_prior_te_", "te", "kohya"),
    Prefix("lora_te_", "te", "kohya"),
    Prefix("lora_te1_", "te", "te-numbered"),
    Prefix("lora_te2_", "te2", "te-numbered"),
    Prefix("lora_te3_", "te3", "te-numbered"),
    Prefix("oft_unet_", "net", "kohya-oft"),
    Prefix("oft_te1_", "te", "kohya-oft"),
    Prefix("oft_te2_", "te2", "kohya-oft"),
    Prefix("oft_te_", "te", "kohya-oft"),
    Prefix("lycoris_", "net", "kohya"),
    Prefix("bundle_emb.", "bundled-embedding", "bundled-embedding"),
    Prefix("unet/", "net", "folder"),
    Prefix("transformer/", "net", "folder"),
    Prefix("prior/", "net", "folder"),
    Prefix("vae/", "vae", "folder"),
    Prefix("vqgan/", "vae", "folder"),
    Prefix("movq/", "vae", "folder"),
    Prefix("text_encoder/", "te", "folder"),
    Prefix("text_encoder_2/", "te2", "folder"),
    Prefix("text_encoder_3/", "te3", "folder"),
    Prefix("image_encoder/", "vision", "folder"),
    Prefix("safety_checker/", "safety", "folder"),
    Prefix("controlnet/", "control", "control:folder"),
)
_BY_FIRST: dict[str, tuple[Prefix, ...]] = {
    first: tuple(s for s in PREFIXES if s.prefix[0] == first) for first in {s.prefix[0] for s in PREFIXES}
}
_TEXT_STARTS = (
    "text_model.",
    "resblocks.",
    "encoder.",
    "embeddings.",
    "shared.",
    "h.",
    "vision_model.",
    "final_layer_norm",
)

# How low-rank deltas end their names: what trainers and libraries write.
_TAIL = re.compile(
    r"[._](?P<tail>"
    r"lora_down|lora_up|lora_mid|lora_A|lora_B|lora_embedding_A|lora_embedding_B|lora_magnitude_vector|dora_scale"
    r"|lora\.down|lora\.up|lora_linear_layer\.down|lora_linear_layer\.up|lora1\.down|lora1\.up|lora2\.down|lora2\.up"
    r"|hada_w[12]_[ab]|hada_t[12]|lokr_w[12](?:_[ab])?|lokr_t2"
    r"|oft_blocks|oft_diag|oft_R|oft_r|boft_R|boft_s|ia3_l|on_input"
    r"|diff|diff_b|w_norm|b_norm|a1|a2|b1|b2|bm1|bm2|alpha|set_weight|reshape_weight|rescale"
    r")(?:\.(?:default|default_0|[a-z_0-9]+_adapter))?(?:\.(?:weight|bias))?$"
)
_CONTROL_LORA = re.compile(r"\.(?P<tail>up|down)$")
# Tails that other files use as well: deltas only below a delta's prefix.
_WEAK_TAILS = frozenset({"a1", "a2", "b1", "b2", "alpha", "rescale", "diff", "diff_b", "on_input"})
_NUMBER = re.compile(r"(?<![a-z0-9])\d+(?![a-z0-9])")

_CANON = {
    "lora_A": "lora_down",
    "lora_B": "lora_up",
    "lora_embedding_A": "lora_down",
    "lora_embedding_B": "lora_up",
    "lora.down": "lora_down",
    "lora.up": "lora_up",
    "lora1.down": "lora_down",
    "lora1.up": "lora_up",
    "lora2.down": "lora_down",
    "lora2.up": "lora_up",
    "lora_linear_layer.down": "lora_down",
    "lora_linear_layer.up": "lora_up",
    "lora_magnitude_vector": "dora_scale",
    "oft_r": "oft_R",
    "down": "lora_down",
    "up": "lora_up",
}
# Biases and scales of a layer carry its signs too, but only its matrix has its shape.
_MEASURED_ENDS = ("_weight", "_pe")
_MEMO_LIMIT = 60_000
_LONGEST_KEPT = 300


@dataclass(frozen=True, slots=True, eq=False)
class NameTraits:
    """What a name says: signs, and what to look up in the tensor's shape. Interned, so compared by identity."""

    signs: frozenset[str]
    measurements: tuple[Measurement, ...] = ()


_interned: dict[tuple[frozenset[str], tuple[ShapeProbe, ...]], NameTraits] = {}
_matches_by_template: dict[tuple[str, str, bool], tuple[frozenset[str], tuple[tuple[str, str], ...]]] = {}


class _TraitsCache(dict[str, NameTraits]):
    """Marks by tensor name; read on first use, forgotten all at once when there are too many."""

    def __missing__(self, key: str) -> NameTraits:
        if len(self) >= _MEMO_LIMIT:
            self.clear()
            _matches_by_template.clear()
            _interned.clear()
        traits = _read_name(key)
        if len(key) <= _LONGEST_KEPT:
            self[key] = traits
        return traits


# The mark of one tensor name; equal marks are one object.
traits_of: Callable[[str], NameTraits] = _TraitsCache().__getitem__


def _read_name(key: str) -> NameTraits:
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
    found, sign_probes = _signs_of(component, _NUMBER.sub("#", flat), bool(tail))
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
    if not tail and component in ("", "net") and any(s.partition(":")[0] in NETWORK_GROUPS for s in found):
        signs |= _network_signs(flat)
    return _intern(frozenset(signs | found), tuple(probes))


# Prefixes below which nothing but deltas live, whatever their tensors end in.
_DELTA_ONLY = frozenset({"kohya", "control:lllite"})
_LLLITE_DOWN = ".down.0.weight"


def _split_delta_only(rest: str) -> tuple[str, str]:
    """ControlNet-LLLite's down matrix; LyCORIS' IA3 calls its vector plainly `weight`."""
    if rest.endswith(_LLLITE_DOWN):
        return rest.removesuffix(_LLLITE_DOWN), "lora_down"
    return rest.removesuffix(".weight"), "ia3_l"


def _network_signs(flat: str) -> set[str]:
    # Control LoRAs carry plain norm scales beside their deltas; only a plain matrix means a whole network.
    return {"net:transformer"} if flat.endswith("_weight") and "norm" not in flat else set()


def _intern(signs: frozenset[str], probes: tuple[ShapeProbe, ...]) -> NameTraits:
    traits = _interned.get((signs, probes))
    if traits is None:
        traits = _interned[(signs, probes)] = NameTraits(signs, measurements_for(probes))
    return traits


def split_prefix(key: str) -> tuple[str, str, set[str]]:
    """Component, the rest of the name, and signs of the prefixes that were taken off."""
    component, rest, signs = "", key, set()
    for _ in range(4):
        found = next((s for s in _BY_FIRST.get(rest[:1], ()) if rest.startswith(s.prefix)), None)
        if found is None and rest.startswith("transformer.") and not rest.startswith(_TEXT_STARTS, 12):
            found = Prefix("transformer.", "net")
        if found is None or (component and found.component):
            break
        component, rest = component or found.component, rest[len(found.prefix) :]
        if found.sign:
            signs.add(found.sign)
    if component.startswith("te"):
        for wrapper in ("transformer.", "model."):
            rest = rest.removeprefix(wrapper)
    return component, rest, signs


def split_tail(rest: str, *, prefixed: bool) -> tuple[str, str]:
    """The module's name and the delta's tail in one spelling ("" for a plain tensor)."""
    found = _TAIL.search(rest) or _CONTROL_LORA.search(rest)
    if found is None:
        return rest, ""
    tail = found["tail"]
    if tail in _WEAK_TAILS and not prefixed:
        return (rest, "") if tail != "alpha" else (rest[: found.start()], "alpha")
    return rest[: found.start()], _CANON.get(tail, tail)


def _signs_of(component: str, template: str, delta: bool) -> tuple[frozenset[str], tuple[tuple[str, str], ...]]:
    known = _matches_by_template.get((component, template, delta))
    if known is None:
        hits = [sign for sign in SIGNS if sign.fits(component, template, delta)]
        names = frozenset(s.name for s in hits)
        known = names, tuple(dict.fromkeys(p for s in hits for p in s.probes))
        _matches_by_template[(component, template, delta)] = known
    return known
