"""Which UNet: every observed width, depth and place strikes out the profiles that it contradicts.

What is left is the answer: one profile, or several candidates when the tensors at hand cannot tell (a LoRA of the
middle block's self-attention fits SD 1 and SD 2 alike). Figures: the models' own configurations (unet/config.json of
runwayml/stable-diffusion-v1-5, stabilityai/stable-diffusion-2-1, -xl-base-1.0, -xl-refiner-1.0, Kwai-Kolors/Kolors).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from modelhub.detect.facts import Facts


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
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

PROFILES = (
    Profile(architecture="sd1", inner=_SD_INNER, depth=dict.fromkeys(_SD_INNER, 1), context=768, levels=4,
            proj_ndim=4, stem=320, adm=_NO_ADM, time=1280, never=_SPECIAL),
    Profile(architecture="sd2", inner=_SD_INNER, depth=dict.fromkeys(_SD_INNER, 1), context=1024, levels=4,
            proj_ndim=2, stem=320, adm=frozenset({1024, 1536, 2048}), time=1280, never=_SPECIAL),
    Profile(architecture="svd", inner=_SD_INNER, depth=dict.fromkeys(_SD_INNER, 1), context=1024, levels=4,
            proj_ndim=2, stem=320, adm=frozenset({768}), time=1280, needs="svd:time"),
    Profile(architecture="sdxl", inner=_XL_INNER, depth=_XL_DEPTH, context=2048, levels=3,
            proj_ndim=2, stem=320, adm=frozenset({2816}), time=1280, never=_SPECIAL | {"kolors:hid"}),
    Profile(architecture="kolors", inner=_XL_INNER, depth=_XL_DEPTH, context=2048, levels=3,
            proj_ndim=2, stem=320, adm=frozenset({5632}), time=1280, needs="kolors:hid"),
    Profile(architecture="sdxl-refiner", inner=_REFINER_INNER, depth=dict.fromkeys(_REFINER_INNER, 4), context=1280,
            levels=4, proj_ndim=2, stem=384, adm=frozenset({2560}), time=1536, never=_SPECIAL),
)
_LEAST_DEPTH = {"1": 2, "2": 3, "4": 5}


@dataclass(frozen=True, slots=True)
class UnetAnswer:
    """Profiles that fit everything seen; `reasons` are the observations that struck others out; `shape_like` those
    that fit in structure when widths are set aside."""

    fits: tuple[str, ...]
    reasons: tuple[str, ...]
    shape_like: tuple[str, ...] = ()


def match_unet(facts: Facts) -> UnetAnswer | None:
    """What the UNet tensors say; None when there are none."""
    if not facts.groups & {"unet", "level"} and not facts.widths.keys() & {"context", "adm"}:
        return None
    fits, reasons, shaped = [], {}, []
    for profile in PROFILES:
        clashes = list(_clashes(profile, facts))
        if not clashes:
            fits.append(profile.architecture)
        elif all(width for _, width in clashes):
            shaped.append(profile.architecture)
        reasons.update(dict.fromkeys(reason for reason, _ in clashes))
    return UnetAnswer(tuple(fits), tuple(reasons), tuple(shaped))


def _clashes(profile: Profile, facts: Facts) -> Iterator[tuple[str, bool]]:
    """What speaks against a profile; the flag says whether it is a mere width."""
    if profile.needs and profile.needs not in facts.signs and not facts.width("adm") & _distinct_adm(profile):
        yield f"no {profile.needs}", False
    for sign in profile.never & facts.signs:
        yield f"has {sign}", False
    for sign in facts.signs:
        yield from _structure(profile, sign)
    for subject, seen in facts.widths.items():
        yield from _width(profile, subject, seen)


def _distinct_adm(profile: Profile) -> frozenset[int]:
    return profile.adm if profile.architecture == "kolors" else _NO_ADM


def _structure(profile: Profile, sign: str) -> Iterator[tuple[str, bool]]:
    kind, _, rest = sign.partition(":")
    if kind == "unet" and rest not in profile.inner:
        yield f"attention at {rest}", False
    elif kind == "level" and rest != "mid" and int(rest.rpartition(".")[2]) >= profile.levels:
        yield f"a level {rest}", False
    elif kind == "deep":
        place, _, bucket = rest.partition(":")
        if profile.depth.get(place, 0) < _LEAST_DEPTH[bucket]:
            yield f"{_LEAST_DEPTH[bucket]} or more transformer blocks at {place}", False


def _width(profile: Profile, subject: str, seen: frozenset[int]) -> Iterator[tuple[str, bool]]:
    kind, _, place = subject.partition("@")
    factor = {"inner": 1, "inner4": 4, "inner8": 8}.get(kind)
    if factor is not None:
        wanted = profile.inner.get(place, 0) * factor
        if wanted and seen != {wanted}:
            yield f"width {_show(seen)} at {place}", True
    elif kind == "context" and seen != {profile.context}:
        yield f"cross-attention input width {_show(seen)}", True
    elif kind == "adm" and not seen <= profile.adm:
        yield f"label embedding input width {_show(seen)}", True
    elif kind == "time" and seen != {profile.time}:
        yield f"time embedding width {_show(seen)}", True
    elif kind == "proj" and seen != {profile.proj_ndim}:
        yield "convolutional attention projections" if 4 in seen else "linear attention projections", False


def _show(values: frozenset[int]) -> str:
    return ", ".join(map(str, sorted(values)))
