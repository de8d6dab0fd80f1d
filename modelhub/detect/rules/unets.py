"""The UNet of a file: every observed width, depth and place excludes the profiles that it contradicts.

The answer is the profile that is left, or several candidates when the tensors cannot decide (a LoRA of the middle
block's self-attention fits both SD 1 and SD 2). Figures: the models' own configurations (unet/config.json of
runwayml/stable-diffusion-v1-5, stabilityai/stable-diffusion-2-1, -xl-base-1.0, -xl-refiner-1.0, Kwai-Kolors/Kolors).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from modelhub.detect.rules.header_index import HeaderIndex


@dataclass(frozen=True, slots=True, kw_only=True)
class UnetProfile:
    """One UNet. `inner` and `depth`: width and number of transformer blocks at each place with attention."""

    architecture: str
    inner: Mapping[str, int]
    depth: Mapping[str, int]
    context: int
    levels: int
    proj_ndim: int
    stem: int
    adm: frozenset[int]
    time: int
    needs: str | None = None
    never: frozenset[str] = frozenset()


def _flat(widths: tuple[int, int, int]) -> dict[str, int]:
    a, b, c = widths
    return {"down.0": a, "down.1": b, "down.2": c, "mid": c, "up.1": c, "up.2": b, "up.3": a}


_SD_INNER = _flat((320, 640, 1280))
_XL_INNER = {"down.1": 640, "down.2": 1280, "mid": 1280, "up.0": 1280, "up.1": 640}
_XL_DEPTH = {"down.1": 2, "down.2": 10, "mid": 10, "up.0": 10, "up.1": 2}
_REFINER_INNER = {"down.1": 768, "down.2": 1536, "mid": 1536, "up.1": 1536, "up.2": 768}
_SPECIAL = frozenset({"svd:time"})
_NO_ADM: frozenset[int] = frozenset()

UNET_PROFILES = (
    UnetProfile(
        architecture="sd1",
        inner=_SD_INNER,
        depth=dict.fromkeys(_SD_INNER, 1),
        context=768,
        levels=4,
        proj_ndim=4,
        stem=320,
        adm=_NO_ADM,
        time=1280,
        never=_SPECIAL,
    ),
    UnetProfile(
        architecture="sd2",
        inner=_SD_INNER,
        depth=dict.fromkeys(_SD_INNER, 1),
        context=1024,
        levels=4,
        proj_ndim=2,
        stem=320,
        adm=frozenset({1024, 1536, 2048}),
        time=1280,
        never=_SPECIAL,
    ),
    UnetProfile(
        architecture="svd",
        inner=_SD_INNER,
        depth=dict.fromkeys(_SD_INNER, 1),
        context=1024,
        levels=4,
        proj_ndim=2,
        stem=320,
        adm=frozenset({768}),
        time=1280,
        needs="svd:time",
    ),
    UnetProfile(
        architecture="sdxl",
        inner=_XL_INNER,
        depth=_XL_DEPTH,
        context=2048,
        levels=3,
        proj_ndim=2,
        stem=320,
        adm=frozenset({2816}),
        time=1280,
        never=_SPECIAL | {"kolors:hid"},
    ),
    UnetProfile(
        architecture="kolors",
        inner=_XL_INNER,
        depth=_XL_DEPTH,
        context=2048,
        levels=3,
        proj_ndim=2,
        stem=320,
        adm=frozenset({5632}),
        time=1280,
        needs="kolors:hid",
    ),
    UnetProfile(
        architecture="sdxl-refiner",
        inner=_REFINER_INNER,
        depth=dict.fromkeys(_REFINER_INNER, 4),
        context=1280,
        levels=4,
        proj_ndim=2,
        stem=384,
        adm=frozenset({2560}),
        time=1536,
        never=_SPECIAL,
    ),
)
# Depth signs (unet_blocks.py) → transformer blocks that must be there at least.
_LEAST_DEPTH = {"1": 2, "2": 3, "4": 5}
_PLACES = ("down.0", "down.1", "down.2", "down.3", "mid", "up.0", "up.1", "up.2", "up.3")
_STRUCTURE = ("unet", "level", "deep")
_EXCLUSIVE_ADM = frozenset({5632})


@dataclass(frozen=True, slots=True)
class _Expectation:
    """A profile in the form that is compared: the signs that it allows, the widths that it needs."""

    profile: UnetProfile
    allowed: frozenset[str]
    widths: Mapping[str, frozenset[int]]


def _expect(profile: UnetProfile) -> _Expectation:
    allowed = {f"unet:{place}" for place in profile.inner}
    allowed |= {f"level:{p}" for p in _PLACES if p == "mid" or int(p[-1]) < profile.levels}
    for place, depth in profile.depth.items():
        allowed |= {f"deep:{place}:{bucket}" for bucket, least in _LEAST_DEPTH.items() if depth >= least}
    widths = {
        f"{kind}@{place}": frozenset({width * factor})
        for place, width in profile.inner.items()
        for kind, factor in (("inner", 1), ("inner4", 4), ("inner8", 8))
    }
    widths["context"] = frozenset({profile.context})
    widths["time"] = frozenset({profile.time})
    widths["adm"] = profile.adm
    widths["proj"] = frozenset({profile.proj_ndim})
    return _Expectation(profile, frozenset(allowed), widths)


_EXPECTATIONS = tuple(map(_expect, UNET_PROFILES))


@dataclass(frozen=True, slots=True)
class UnetMatch:
    """The profiles that fit all observations; `reasons`: the observations that excluded others; `shape_like`: profiles
    that fit in structure when widths are ignored."""

    fits: tuple[str, ...]
    reasons: tuple[str, ...]
    shape_like: tuple[str, ...] = ()


def match_unet(index: HeaderIndex) -> UnetMatch | None:
    """Return the profiles that the UNet tensors fit; None without such tensors."""
    if not index.groups & {"unet", "level"} and not index.widths.keys() & {"context", "adm"}:
        return None
    return _match(index.signs, frozenset(index.widths.items()))


# Thousands of LoRAs have the same build: the comparison is made once for each.
@lru_cache(maxsize=512)
def _match(signs: frozenset[str], measured: frozenset[tuple[str, frozenset[int]]]) -> UnetMatch:
    widths = dict(sorted(measured, key=lambda pair: pair[0]))
    structure = frozenset(s for s in signs if s.startswith(_STRUCTURE))
    fits, shaped = [], []
    reasons: dict[str, None] = {}
    for expected in _EXPECTATIONS:
        odd_structure = _contradictions(expected, signs, widths, structure)
        odd_widths = [s for s, seen in widths.items() if s in expected.widths and not seen <= expected.widths[s]]
        if not odd_structure and not odd_widths:
            fits.append(expected.profile.architecture)
        elif not odd_structure and "proj" not in odd_widths:
            shaped.append(expected.profile.architecture)
        reasons.update(dict.fromkeys(odd_structure))
        reasons.update(dict.fromkeys(_width_reason(s, widths[s]) for s in odd_widths))
    return UnetMatch(tuple(fits), _shown_reasons(reasons), tuple(shaped))


_REASONS_SHOWN = 4


def _contradictions(
    expected: _Expectation, signs: frozenset[str], widths: Mapping[str, frozenset[int]], structure: frozenset[str]
) -> list[str]:
    profile = expected.profile
    odd = [_structure_reason(sign) for sign in sorted(structure - expected.allowed)]
    odd += [_PRESENT[sign] for sign in sorted(profile.never & signs)]
    exclusive = widths.get("adm", _NO_ADM) & profile.adm & _EXCLUSIVE_ADM
    if profile.needs and profile.needs not in signs and not exclusive:
        odd.append(_ABSENT[profile.needs])
    return odd


_PRESENT = {
    "svd:time": "it has layers over time, as video models do",
    "kolors:hid": "it has a ChatGLM projection, as Kolors does",
}
_ABSENT = {
    "svd:time": "it has no layers over time, as video models do",
    "kolors:hid": "it has no ChatGLM projection, as Kolors does",
}
_STRUCTURE_TEXTS = {
    "unet": "attention in {place}",
    "level": "there is {place}",
    "deep": "more than {depth} transformer blocks in {place}",
}
_WIDTH_TEXTS = {
    "context": "attn2.to_k input width {width}",
    "time": "time embedding width {width}",
    "adm": "label_emb input width {width}",
}
_PART_LABELS = {"inner": "attention", "inner4": "feed-forward layers", "inner8": "gated feed-forward layers"}


def _structure_reason(sign: str) -> str:
    kind, place, *rest = sign.split(":")
    return _STRUCTURE_TEXTS[kind].format(place=_place(place), depth="".join(rest))


def _place(place: str) -> str:
    side, _, number = place.partition(".")
    if not number:
        return "the middle block"
    return f"down block {number}" if side == "down" else f"up block {number}"


def _width_reason(subject: str, seen: frozenset[int]) -> str:
    shown = ", ".join(map(str, sorted(seen)))
    if subject == "proj":
        return "attention projections are convolutions" if 4 in seen else "attention projections are linear"
    part, _, place = subject.partition("@")
    if place:
        return f"{_PART_LABELS.get(part, part)} of width {shown} in {_place(place)}"
    return _WIDTH_TEXTS[subject].format(width=shown) if subject in _WIDTH_TEXTS else f"{subject} width {shown}"


def _shown_reasons(reasons: Mapping[str, None]) -> tuple[str, ...]:
    """Return the reasons to show: present things; absent ones only when nothing else decides."""
    present = [reason for reason in reasons if reason not in _ABSENT.values()]
    present.sort(key=lambda reason: not reason.startswith(("attn2.to_k", "label_emb")))
    return tuple(present or reasons)[:_REASONS_SHOWN]
