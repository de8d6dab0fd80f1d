"""The scale of a LoRA by its configuration.

Only kohya's and LyCORIS's files carry alphas as tensors. peft writes them into `adapter_config.json`, and diffusers
writes the same fields, each with its network's name before it, as JSON into the header field `lora_adapter_metadata`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

Config = Mapping[str, object]
_NETWORKS = ("text_encoder_2", "text_encoder", "unet")


def read_scalars(config: Config | None, stem: str) -> dict[str, float]:
    """Return a module's `alpha`, `rank`, `root` (1: divide by the rank's root) and `exact` (1: OFT without series).

    Fields that are missing or of another kind are left out.
    """
    own = _for_network(config or {}, stem)
    found = {"alpha": _number(own, stem, "alpha_pattern", "lora_alpha", "alpha")}
    found["rank"] = _number(own, stem, "rank_pattern", "r")
    scalars = {name: number for name, number in found.items() if number is not None}
    if own.get("use_rslora") is True:
        scalars["root"] = 1.0
    if own.get("use_cayley_neumann") is False:
        scalars["exact"] = 1.0
    return scalars


def _for_network(config: Config, stem: str) -> Config:
    """Return the fields of the stem's network, where the configuration covers several networks."""
    network = next((name for name in _NETWORKS if stem.startswith(f"{name}.")), "unet")
    own = {key.removeprefix(f"{network}."): value for key, value in config.items() if key.startswith(f"{network}.")}
    return own or config


def _number(config: Config, stem: str, pattern_field: str, *fields: str) -> float | None:
    """Return the module's own number if a pattern names the module, else that of all modules."""
    patterns = config.get(pattern_field)
    if isinstance(patterns, Mapping):
        for pattern, number in patterns.items():
            if _matches(str(pattern), stem) and isinstance(number, int | float):
                return float(number)
    found = next((config[field] for field in fields if field in config), None)
    return float(found) if isinstance(found, int | float) else None


def _matches(pattern: str, stem: str) -> bool:
    """Return whether the pattern matches the end of the module's name, from a dot on, as in peft."""
    try:
        return re.match(rf"(.*\.)?({pattern})$", stem) is not None
    except re.error:
        return False
