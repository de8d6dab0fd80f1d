"""Names that are short, numbered or free: vectors of embeddings, layer widths of hypernetworks, small decoders."""

from __future__ import annotations

import re

from modelhub.detect.rules.shapes import ShapeProbe

_EMBEDDING = re.compile(
    r"^(?:string_to_param_(?P<a1111>.*)|(?P<kohya>emb_params)|(?P<clip>clip_[lgh]|t5(?:xxl)?)"
    r"|(?P<numbered>text_encoders_\d+)|(?P<token><.+>.*))$"
)
_HYPERNETWORK = re.compile(r"^(?P<width>\d{2,5})_(?P<half>[01])_(?:linear_)?\d+_(?:weight|bias)$")
_APPROXIMATE = re.compile(r"^conv[1-8]_weight$")
_SMALL = {
    "decoder_layers_0_weight": "latent",
    "1_weight": "approx.latent",
    "conv1_weight": "approx.latent",
    "conv_first_weight": "upscaler.in",
    "adapter_conv_in_weight": "in_channels",
}


def probe_special_name(component: str, flat: str, tail: str) -> tuple[set[str], tuple[ShapeProbe, ...]]:
    """Return signs and shape probes of short, numbered or free names: embeddings, hypernetworks, tiny decoders."""
    if tail or component not in ("", "vae"):
        return set(), ()
    if flat in _SMALL:
        signs = {"approx:conv"} if flat == "conv1_weight" else set()
        return signs, (ShapeProbe(_SMALL[flat], "in"),)
    if _APPROXIMATE.match(flat):
        return {"approx:conv"}, ()
    hyper = _HYPERNETWORK.match(flat)
    if hyper:
        return {f"hyper:{hyper['width']}"}, ()
    found = _EMBEDDING.match(flat)
    if found is None:
        return set(), ()
    kind = found.lastgroup or ""
    name = found[kind] if kind in ("clip", "numbered") else kind
    return {f"embedding:{name}"}, (ShapeProbe("vector", "last"), ShapeProbe("vectors", "rows"))
