"""Prefixes and tails of tensor names: the component that a name belongs to, and the part of a delta that it is."""

from __future__ import annotations

import re
from typing import NamedTuple


class Prefix(NamedTuple):
    """A prefix of tensor names and the component that it stands for ("" for a mere wrapper)."""

    prefix: str
    component: str
    sign: str = ""


# Longer before shorter prefixes that begin alike; tried again after each one that is removed.
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


def split_prefix(key: str) -> tuple[str, str, set[str]]:
    """Return component, the rest of the name, and signs of the prefixes that were removed."""
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
    """Return the module's name and the delta's tail in one spelling ("" for a plain tensor)."""
    found = _TAIL.search(rest) or _CONTROL_LORA.search(rest)
    if found is None:
        return rest, ""
    tail = found["tail"]
    if tail in _WEAK_TAILS and not prefixed:
        return (rest, "") if tail != "alpha" else (rest[: found.start()], "alpha")
    return rest[: found.start()], _CANON.get(tail, tail)
