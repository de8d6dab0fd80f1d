"""Claims in a file's own metadata: trainers' `ss_*` fields, ModelSpec, diffusers' configurations; never trusted."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

# Beginnings of modelspec.architecture and ss_base_model_version → architecture. Longest beginning wins.
CLAIMS = (
    ("stable-diffusion-v1", "sd1"),
    ("stable-diffusion-v2", "sd2"),
    ("stable-diffusion-xl-v1-refiner", "sdxl-refiner"),
    ("stable-diffusion-xl", "sdxl"),
    ("stable-diffusion-v3", "sd3"),
    ("stable-diffusion-3", "sd3"),
    ("flux-2", "flux2"),
    ("flux.2", "flux2"),
    ("flux2", "flux2"),
    ("flux-1", "flux"),
    ("flux1", "flux"),
    ("flux", "flux"),
    ("chroma", "chroma"),
    ("auraflow", "auraflow"),
    ("lumina", "lumina2"),
    ("hunyuan-video", "hunyuan-video"),
    ("qwen", "qwen-image"),
    ("z-image", "z-image"),
    ("zimage", "z-image"),
    ("wan", "wan"),
    ("anima", "anima"),
    ("kolors", "kolors"),
    ("sdxl", "sdxl"),
    ("sd_v1", "sd1"),
    ("sd_v2", "sd2"),
    ("sd_1", "sd1"),
    ("sd_2", "sd2"),
    ("sd1", "sd1"),
    ("sd2", "sd2"),
    ("sd3", "sd3"),
    ("sd_3", "sd3"),
    ("pixart", "pixart"),
)
_FIELDS = ("modelspec.architecture", "ss_base_model_version")
_JSON_LIMIT = 8 * 1024 * 1024


def claimed_architecture(metadata: Mapping[str, str]) -> tuple[str | None, str]:
    """Return the architecture that the metadata names, and the field; None without a known one."""
    for name in _FIELDS:
        claim = metadata.get(name, "").strip().lower()[:100]
        found = [(begin, arch) for begin, arch in CLAIMS if claim.startswith(begin)]
        if found:
            return max(found, key=lambda f: len(f[0]))[1], f"{name} = {claim}"
    return None, ""


def parse_json(text: str) -> object:
    """Return the value of a JSON text; None for another text, or one of more than _JSON_LIMIT characters."""
    if len(text) > _JSON_LIMIT:
        return None
    try:
        return msgspec.json.decode(text.encode("utf-8", "replace"))
    except (msgspec.DecodeError, RecursionError):
        return None


def parse_object(text: str) -> Mapping[str, object]:
    """Return the object of a JSON text; empty for any other text."""
    value = parse_json(text)
    return value if isinstance(value, dict) else {}
