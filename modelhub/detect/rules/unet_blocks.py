"""The place of a module in a UNet, and what its shape shows there.

LDM and diffusers number the same blocks differently; both are brought to places `down.N`, `mid`, `up.N` with
diffusers' numbers. LDM's input block 0 is the first convolution, then two blocks and a downsampler a level; its output
blocks come three a level, deepest first.
"""

from __future__ import annotations

import re

from modelhub.detect.rules.shapes import ShapeProbe

_HERE = (
    r"(?:(?P<ldm_in>input_blocks)_(?P<i>\d{1,3})_\d+|(?P<ldm_mid>middle_block)_\d+"
    r"|(?P<ldm_out>output_blocks)_(?P<o>\d{1,3})_\d+"
    r"|(?P<side>down|up)_blocks_(?P<n>\d{1,3})_(?P<part>attentions|resnets|downsamplers|upsamplers|motion_modules)_\d+"
    r"|(?P<mid>mid_block)_(?P<mpart>attentions|resnets|motion_modules)_\d+)"
)
_MODULE = re.compile(_HERE + r"(?:_transformer_blocks_(?P<depth>\d{1,3}))?_(?P<what>.*)$")
_EMA = re.compile(
    r"^diffusion_model(?:(?P<ldm_in>input_blocks)(?P<i>\d{1,3})1|(?P<ldm_mid>middle_block)1|(?P<ldm_out>output_blocks)(?P<o>\d{1,3})1)"
    r"transformer_blocks(?P<depth>\d{1,3})(?P<what>attn[12]to_(?:q|k|v|out0)weight)$"
)
_EMA_EXACT = {
    "diffusion_modelinput_blocks00weight": ("in_channels", "in"),
    "diffusion_modellabel_emb00weight": ("adm", "in"),
}
_EXACT = {
    "input_blocks_0_0_weight": (("in_channels", "in"), ("stem", "out")),
    "conv_in_weight": (("in_channels", "in"), ("stem", "out")),
    "label_emb_0_0_weight": (("adm", "in"),),
    "add_embedding_linear_1_weight": (("adm", "in"),),
    "encoder_hid_proj_weight": (("hid", "in"),),
}
_EXACT_DELTA = {
    "label_emb_0_0": (("adm", "in"),),
    "add_embedding_linear_1": (("adm", "in"),),
}

# Module → (what its input width is, what its output width is); {p} is the place.
_SELF = ("inner@{p}", "inner@{p}")
_WIDTHS = {
    "attn1_to_q": _SELF,
    "attn1_to_k": _SELF,
    "attn1_to_v": _SELF,
    "attn1_to_out_0": _SELF,
    "attn1_processor_to_q": _SELF,
    "attn1_processor_to_k": _SELF,
    "attn1_processor_to_v": _SELF,
    "attn1_processor_to_out": _SELF,
    "attn2_to_q": _SELF,
    "attn2_to_out_0": _SELF,
    "attn2_processor_to_q": _SELF,
    "attn2_processor_to_out": _SELF,
    "attn2_to_k": ("context", "inner@{p}"),
    "attn2_to_v": ("context", "inner@{p}"),
    "attn2_processor_to_k": ("context", "inner@{p}"),
    "attn2_processor_to_v": ("context", "inner@{p}"),
    "attn2_processor_add_k_proj": ("context", "inner@{p}"),
    "ff_net_0_proj": ("inner@{p}", "inner8@{p}"),
    "ff_net_2": ("inner4@{p}", "inner@{p}"),
    "proj_in": _SELF,
    "proj_out": _SELF,
    "emb_layers_1": ("time", ""),
    "time_emb_proj": ("time", ""),
}
# Which sides a delta's tensor can tell (shapes.py reads them); a plain tensor tells both.
CARRIED = frozenset(
    {(tail, side) for tail in ("", "diff", "ia3_l", "lokr_w1", "lokr_w1_a") for side in ("in", "out")}
    | {("lora_down", "in"), ("lora_up", "out"), ("hada_w1_a", "out"), ("hada_w1_b", "in"), ("a1", "in"), ("b1", "out")}
    | {("oft_blocks", "out"), ("oft_R", "in")}
)
_ATTENTION_ENDS = ("proj_in", "proj_out", "norm_")
_CROSS = ("attn2_to_k", "attn2_to_v", "attn2_processor_to_k", "attn2_processor_to_v")
_DEEP = ((4, "4"), (2, "2"), (1, "1"))


_BLOCK = re.compile(r"^(?P<single>single_)?transformer_blocks_(?P<n>\d{1,3})_")
# FLUX has 19 double and 38 single blocks; a higher number is another model's.
_FLUX_DOUBLE, _FLUX_SINGLE = 19, 38


def flux_block_signs(flat: str) -> set[str]:
    """Return signs for block numbers that are higher than those of FLUX."""
    found = _BLOCK.match(flat)
    if found is None:
        return set()
    if found["single"]:
        return {"mmdit:single38"} if int(found["n"]) >= _FLUX_SINGLE else set()
    return {"mmdit:double19"} if int(found["n"]) >= _FLUX_DOUBLE else set()


def probe_unet_name(component: str, flat: str, tail: str) -> tuple[set[str], tuple[ShapeProbe, ...]]:
    """Return signs and shape probes of a UNet module; `flat` has its numbers and `_` for every separator."""
    if component == "ema":
        return _probe_ema_name(flat)
    if component not in ("", "net", "control"):
        return set(), ()
    exact = (_EXACT_DELTA if tail else _EXACT).get(flat)
    if exact is not None:
        return set(), tuple(ShapeProbe(subject, side, tail) for subject, side in exact)
    found = _MODULE.match(flat)
    if found is None:
        return set(), ()
    place, attention = _place(found)
    if "motion_modules" in (found["part"], found["mpart"]):
        return {f"motion-at:{place}"}, ()
    signs = {f"unet:{place}" if attention else f"level:{place}"}
    if not tail and component != "control":
        signs.add("net:unet")
    if _is_convolution(found["what"]):
        signs.add("convolution")
    if found["what"].startswith(_CROSS):
        signs.add("cross")
    if not attention:
        return signs, _widths(found["what"], place, tail)
    depth = int(found["depth"] or 0)
    deep = next((name for least, name in _DEEP if depth >= least), None)
    if deep:
        signs.add(f"deep:{place}:{deep}")
    return signs, _widths(found["what"], place, tail)


def _is_convolution(what: str) -> bool:
    return what.startswith(("conv1", "conv2", "in_layers_2", "out_layers_3", "op", "conv")) and "shortcut" not in what


def _place(found: re.Match[str]) -> tuple[str, bool]:
    # LDM gives attention and up-sampling the same number: only the module's name tells them apart.
    attends = found["depth"] is not None or found["what"].startswith(_ATTENTION_ENDS)
    if found["ldm_in"]:
        return f"down.{max(0, int(found['i']) - 1) // 3}", attends
    if found["ldm_out"]:
        return f"up.{int(found['o']) // 3}", attends
    if found["ldm_mid"]:
        return "mid", attends
    if found["mid"]:
        return "mid", found["mpart"] == "attentions"
    return f"{found['side']}.{found['n']}", found["part"] == "attentions"


def _widths(what: str, place: str, tail: str) -> tuple[ShapeProbe, ...]:
    if not tail:
        what = what.removesuffix("_weight")
    pair = _WIDTHS.get(what)
    if pair is None:
        return ()
    sides = [side for side in ("in", "out") if (tail, side) in CARRIED]
    probes = [ShapeProbe(pair[side == "out"].format(p=place), side, tail) for side in sides if pair[side == "out"]]
    if what in ("proj_in", "proj_out"):
        probes.append(ShapeProbe("proj", "ndim", tail))
    return tuple(probes)


def _probe_ema_name(flat: str) -> tuple[set[str], tuple[ShapeProbe, ...]]:
    exact = _EMA_EXACT.get(flat)
    if exact is not None:
        return {"ema:net"}, (ShapeProbe(exact[0], exact[1]),)
    found = _EMA.match(flat)
    if found is None:
        whole = {"averages"} if flat.endswith("weight") else set()
        return ({"ema:net"} if flat.startswith("diffusion_model") else whole), ()
    groups = found.groupdict()
    block = int(groups["i"] or groups["o"] or 0)
    place = (
        "mid" if groups["ldm_mid"] else f"up.{block // 3}" if groups["ldm_out"] else f"down.{max(0, block - 1) // 3}"
    )
    what = groups["what"].replace("to_", "_to_").replace("out0", "out_0").removesuffix("weight")
    depth = int(groups["depth"])
    deep = next((name for least, name in _DEEP if depth >= least), None)
    signs = {"ema:net", f"unet:{place}"} | ({f"deep:{place}:{deep}"} if deep else set())
    return signs, _widths(what, place, "")
