"""The table of types. Rows have no order; every real layout fits exactly one.

A row needs groups of signs (the word before a sign's colon): "net" is a whole network, "delta" a LoRA's tensors …
"""

from __future__ import annotations

from modelhub.detect.rules.header_index import HeaderIndex
from modelhub.detect.rules.rows import TypeRow
from modelhub.domain import ModelType

# Groups whose presence makes a file something of its own, whatever else it carries.
_ADDONS = frozenset({"control", "ip"})
_NETWORK = frozenset({"net", "ema"})


def _row(
    kind: ModelType, one_of: set[str], why: str, *, also: set[str] | None = None, never: set[str] | None = None
) -> TypeRow:
    return TypeRow(
        type=kind, one_of=frozenset(one_of), also=frozenset(also or ()), never=frozenset(never or ()), why=why
    )


TYPES = (
    _row(ModelType.CONTROLNET, {"control"}, "has ControlNet's own layers"),
    _row(ModelType.IP_ADAPTER, {"ip"}, "projects images into attention", never={"control"}),
    _row(ModelType.LORA, {"delta"}, "holds deltas of a network's layers", never={*_ADDONS, *_NETWORK, "hyper"}),
    _row(ModelType.MOTION_MODULE, {"motion"}, "holds motion modules alone", never={*_ADDONS, *_NETWORK, "delta"}),
    _row(
        ModelType.BASE,
        {*_NETWORK},
        "a denoising network together with a VAE or text encoder",
        also={"vae", "te"},
        never={*_ADDONS},
    ),
    _row(ModelType.UNET, {*_NETWORK}, "a denoising network alone", never={*_ADDONS, "vae", "te"}),
    _row(ModelType.VAE, {"vae"}, "encodes and decodes images", never={*_ADDONS, *_NETWORK, "delta", "te", "other"}),
    _row(
        ModelType.TEXT_ENCODER,
        {"te"},
        "reads the prompt",
        never={*_ADDONS, *_NETWORK, "delta", "vae", "vision", "other"},
    ),
    _row(ModelType.CLIP_VISION, {"vision"}, "reads images", never={*_ADDONS, *_NETWORK, "delta", "vae", "other"}),
    _row(
        ModelType.EMBEDDING,
        {"embedding"},
        "holds token vectors alone",
        never={*_ADDONS, *_NETWORK, "delta", "vae", "te"},
    ),
    _row(ModelType.HYPERNETWORK, {"hyper"}, "layers named by the width they transform", never={*_NETWORK}),
    _row(ModelType.T2I_ADAPTER, {"t2i"}, "a T2I adapter's body", never={*_ADDONS, *_NETWORK, "delta"}),
    _row(ModelType.UPSCALER, {"upscaler"}, "an upscaler's layers", never={*_ADDONS, *_NETWORK, "delta", "t2i", "vae"}),
    _row(
        ModelType.VAE_APPROX,
        {"approx"},
        "a small approximate decoder",
        never={*_ADDONS, *_NETWORK, "delta", "vae", "upscaler"},
    ),
    _row(ModelType.OTHER, {"other"}, "something else", never={*_ADDONS, *_NETWORK, "delta"}),
)


def matching_types(index: HeaderIndex) -> tuple[TypeRow, ...]:
    """Return all rows that fit."""
    groups = index.groups
    return tuple(
        row
        for row in index.rules.types
        if groups & row.one_of and (not row.also or groups & row.also) and not groups & row.never
    )
