"""The full set of canonical tensor names that a whole checkpoint of each known architecture holds."""

from __future__ import annotations

from functools import lru_cache

from modelhub.detect.weights.canonical_names import unet_name
from modelhub.detect.weights.ldm_names import ARCHITECTURES, clip_names, ldm_unet_names, vae_names

# Component to the number of layers of the CLIP in it, and whether its projection is compared (see canonical_names).
_TEXT_ENCODERS = {
    "sd1": {"text_encoder": (12, False)},
    "sd2": {"text_encoder": (23, False)},
    "sdxl": {"text_encoder": (12, False), "text_encoder_2": (32, True)},
    "sdxl-refiner": {"text_encoder": (32, True)},
}


@lru_cache(maxsize=8)
def expected_names(architecture: str) -> dict[str, frozenset[str]]:
    """Return all canonical names of a whole checkpoint of that architecture, by component; {} for an unknown one."""
    if architecture not in ARCHITECTURES:
        return {}
    sets = {
        "unet": frozenset(unet_name(name) for name in ldm_unet_names(architecture)),
        "vae": vae_names(),
    }
    for component, (layers, projection) in _TEXT_ENCODERS[architecture].items():
        sets[component] = clip_names(layers, projection=projection)
    return sets
