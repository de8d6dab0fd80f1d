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

from modelhub.detect.rules.positions import Look, block_signs, exact_looks, unet_looks
from modelhub.detect.rules.shapes import Reading, readings
from modelhub.detect.rules.signs import NETWORK_GROUPS, SIGNS


class Space(NamedTuple):
    """A prefix of tensor names and the component that it stands for ("" for a mere wrapper)."""

    prefix: str
    component: str
    sign: str = ""


# Longest first within what may be confused; tried again after each one taken off.
SPACES = (
    Space("base_model.model.", "", "peft"),
    Space("_orig_mod.", ""),
    Space("module.", ""),
    Space("model.diffusion_model.", "net", "ldm-prefix"),
    Space("diffusion_model.", "net"),
    Space("model_ema.", "ema"),
    Space("first_stage_model.", "vae"),
    Space("vae.", "vae"),
    Space("cond_stage_model.", "te"),
    Space("conditioner.embedders.0.", "te"),
    Space("conditioner.embedders.1.", "te2"),
    Space("text_encoders.clip_l.", "te"),
    Space("text_encoders.clip_g.", "te2"),
    Space("text_encoders.t5xxl.", "te3"),
    Space("text_encoders.", "te"),
    Space("control_model.", "control", "control:ldm"),
    Space("depth_model.", "depth"),
    Space("unet.", "net"),
    Space("net.", "net"),
    Space("text_encoder_3.", "te3"),
    Space("text_encoder_2.", "te2"),
    Space("text_encoder.", "te"),
    Space("lllite_unet_", "control", "control:lllite"),
    Space("lora_unet_", "net", "kohya"),
    Space("lora_transformer_", "net", "kohya"),
    Space("lora_prior_unet_", "net", "kohya"),
    Space("lora_prior_te_", "te", "kohya"),
    Space("lora_te_", "te", "kohya"),
    Space("lora_te1_", "te", "te-numbered"),
    Space("lora_te2_", "te2", "te-numbered"),
    Space("lora_te3_", "te3", "te-numbered"),
    Space("oft_unet_", "net", "kohya-oft"),
    Space("oft_te1_", "te", "kohya-oft"),
    Space("oft_te2_", "te2", "kohya-oft"),
    Space("oft_te_", "te", "kohya-oft"),
    Space("lycoris_", "net", "kohya"),
    Space("bundle_emb.", "bundled-embedding", "bundled-embedding"),
    Space("unet/", "net", "folder"),
    Space("transformer/", "net", "folder"),
    Space("prior/", "net", "folder"),
    Space("vae/", "vae", "folder"),
    Space("vqgan/", "vae", "folder"),
    Space("movq/", "vae", "folder"),
    Space("text_encoder/", "te", "folder"),
    Space("text_encoder_2/", "te2", "folder"),
    Space("text_encoder_3/", "te3", "folder"),
    Space("image_encoder/", "vision", "folder"),
    Space("safety_checker/", "safety", "folder"),
    Space("controlnet/", "control", "control:folder"),
)
_BY_FIRST: dict[str, tuple[Space, ...]] = {
    first: tuple(s for s in SPACES if s.prefix[0] == first) for first in {s.prefix[0] for s in SPACES}
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
class Mark:
    """What a name says: signs, and what to look up in the tensor's shape. Interned, so compared by identity."""

    signs: frozenset[str]
    readings: tuple[Reading, ...] = ()


_interned: dict[tuple[frozenset[str], tuple[Look, ...]], Mark] = {}
_skeletons: dict[tuple[str, str, bool], tuple[frozenset[str], tuple[tuple[str, str], ...]]] = {}


class _Memo(dict[str, Mark]):
    """Marks by tensor name; read on first use, forgotten all at once when there are too many."""

    def __missing__(self, key: str) -> Mark:
        if len(self) >= _MEMO_LIMIT:
            self.clear()
            _skeletons.clear()
            _interned.clear()
        mark = _read(key)
        if len(key) <= _LONGEST_KEPT:
            self[key] = mark
        return mark


# The mark of one tensor name; equal marks are one object.
mark_of: Callable[[str], Mark] = _Memo().__getitem__


def _read(key: str) -> Mark:
    space, rest, signs = split_space(key)
    module, tail = split_tail(rest, prefixed=space != "")
    if not tail and signs & _DELTA_ONLY and rest.endswith(_LLLITE_DOWN if "control:lllite" in signs else ".weight"):
        module, tail = _only_delta(rest)
    if tail:
        signs |= {"delta", f"tail:{tail}", f"delta:{space or 'net'}"}
        if rest == key:
            signs.add("bare-delta")
    elif space:
        signs.add(f"has:{space}")
    flat = module.replace(".", "_")
    found, probes = _signs_of(space, _NUMBER.sub("#", flat), bool(tail))
    # Trainers factor a block's layers differently for LoKr: there, names alone tell FLUX's blocks.
    wanted = [p for p in probes if not (tail.startswith("lokr") and p[0].startswith("bfl."))]
    looks = [Look(subject.format(space=space or "te"), side, tail) for subject, side in wanted]
    if not tail and not flat.endswith(_MEASURED_ENDS):
        looks = []
    if tail:
        looks.append(Look("rank", "rank", tail))
    signs |= block_signs(flat) if space in ("", "net") else set()
    for extra_signs, extra_looks in (unet_looks(space, flat, tail), exact_looks(space, flat, tail)):
        signs |= extra_signs
        looks += extra_looks
    if not tail and space in ("", "net") and any(s.partition(":")[0] in NETWORK_GROUPS for s in found):
        signs |= _whole(flat)
    return _intern(frozenset(signs | found), tuple(looks))


# Prefixes below which nothing but deltas live, whatever their tensors end in.
_DELTA_ONLY = frozenset({"kohya", "control:lllite"})
_LLLITE_DOWN = ".down.0.weight"


def _only_delta(rest: str) -> tuple[str, str]:
    """ControlNet-LLLite's down matrix; LyCORIS' IA3 calls its vector plainly `weight`."""
    if rest.endswith(_LLLITE_DOWN):
        return rest.removesuffix(_LLLITE_DOWN), "lora_down"
    return rest.removesuffix(".weight"), "ia3_l"


def _whole(flat: str) -> set[str]:
    # Control LoRAs carry plain norm scales beside their deltas; only a plain matrix means a whole network.
    return {"net:transformer"} if flat.endswith("_weight") and "norm" not in flat else set()


def _intern(signs: frozenset[str], looks: tuple[Look, ...]) -> Mark:
    mark = _interned.get((signs, looks))
    if mark is None:
        mark = _interned[(signs, looks)] = Mark(signs, readings(looks))
    return mark


def split_space(key: str) -> tuple[str, str, set[str]]:
    """Component, the rest of the name, and signs of the prefixes that were taken off."""
    space, rest, signs = "", key, set()
    for _ in range(4):
        found = next((s for s in _BY_FIRST.get(rest[:1], ()) if rest.startswith(s.prefix)), None)
        if found is None and rest.startswith("transformer.") and not rest.startswith(_TEXT_STARTS, 12):
            found = Space("transformer.", "net")
        if found is None or (space and found.component):
            break
        space, rest = space or found.component, rest[len(found.prefix) :]
        if found.sign:
            signs.add(found.sign)
    if space.startswith("te"):
        for wrapper in ("transformer.", "model."):
            rest = rest.removeprefix(wrapper)
    return space, rest, signs


def split_tail(rest: str, *, prefixed: bool) -> tuple[str, str]:
    """The module's name and the delta's tail in one spelling ("" for a plain tensor)."""
    found = _TAIL.search(rest) or _CONTROL_LORA.search(rest)
    if found is None:
        return rest, ""
    tail = found["tail"]
    if tail in _WEAK_TAILS and not prefixed:
        return (rest, "") if tail != "alpha" else (rest[: found.start()], "alpha")
    return rest[: found.start()], _CANON.get(tail, tail)


def _signs_of(space: str, skeleton: str, delta: bool) -> tuple[frozenset[str], tuple[tuple[str, str], ...]]:
    known = _skeletons.get((space, skeleton, delta))
    if known is None:
        hits = [sign for sign in SIGNS if sign.fits(space, skeleton, delta)]
        names = frozenset(s.name for s in hits)
        known = names, tuple(dict.fromkeys(p for s in hits for p in s.probes))
        _skeletons[(space, skeleton, delta)] = known
    return known
