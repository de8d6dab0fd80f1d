"""From numbers to verdicts. Pure: latents and raw decodes come in as arrays, thresholds are one table.

The thresholds were calibrated on a trained miniature family and twins broken on purpose; docs/render-test.md has the
confusion table, `benchmarks/render_calibration.py` makes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from modelhub.render.verdicts import RenderVerdict

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Where a healthy picture ends. Standard deviations and differences are of values between 0 and 1."""

    black: int = 4  # of 255: every pixel below
    flat_std: float = 0.01
    flat_entropy: float = 1.0  # bits of the grey picture
    clipped_share: float = 0.5
    dull_std: float = 0.03
    dull_entropy: float = 3.0
    wild_latents: float = 10.0
    finds_noise: float = 0.64
    redraws: float = 0.68
    same_picture: float = 0.6
    negligible: float = 0.0005


LIMITS = Thresholds()
_COLOURS: dict[str, tuple[int, int, int]] = {
    "black": (0, 0, 0),
    "grey": (128, 128, 128),
    "white": (255, 255, 255),
    "red": (220, 30, 30),
    "green": (30, 160, 40),
    "blue": (40, 60, 200),
    "yellow": (230, 220, 40),
    "orange": (240, 140, 30),
    "brown": (120, 75, 40),
    "purple": (130, 40, 160),
    "pink": (240, 150, 190),
    "turquoise": (60, 200, 200),
}


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict with one sentence, and what is odd besides."""

    verdict: RenderVerdict
    words: str
    warnings: tuple[str, ...] = ()


def picture_numbers(raw: Array) -> dict[str, float]:
    """What a raw decode (height, width, 3) looks like: finite share, clipped share, spread, entropy, brightness."""
    finite = np.isfinite(raw)
    share = float(finite.mean())
    if share < 1.0:
        return {"finite": share}
    pixels = (np.clip(raw, -1, 1) + 1) / 2
    grey = pixels @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
    counts = np.histogram(grey, bins=256, range=(0, 1))[0]
    shares = counts[counts > 0] / counts.sum()
    return {
        "finite": 1.0,
        "clipped": float((np.abs(raw) > 1.0).mean()),
        "std": float(pixels.std(axis=(0, 1)).max()),
        "entropy": float(-(shares * np.log2(shares)).sum()),
        "brightest": float(pixels.max() * 255),
        **{f"mean_{name}": float(value) for name, value in zip("rgb", pixels.mean(axis=(0, 1)), strict=True)},
    }


def colour_name(red: float, green: float, blue: float) -> str:
    """The nearest plain colour word; components between 0 and 1."""
    here = np.array([red, green, blue]) * 255
    return min(_COLOURS, key=lambda name: float(np.square(here - np.array(_COLOURS[name])).sum()))


def judge_picture(numbers: Mapping[str, float]) -> Judgement | None:
    """What is wrong with a picture by itself; None when nothing is. Warnings come from `picture_warnings`."""
    if numbers.get("latents_finite", 1.0) < 1.0:
        return Judgement(RenderVerdict.NAN_UNET, "the UNet or the text encoder computes NaN or infinity")
    if numbers["finite"] < 1.0:
        return Judgement(RenderVerdict.NAN_VAE, "the latents are fine, the VAE computes NaN or infinity")
    name = colour_name(numbers["mean_r"], numbers["mean_g"], numbers["mean_b"])
    if numbers["brightest"] < LIMITS.black:
        return Judgement(RenderVerdict.UNIFORM, "the picture is black")
    if numbers["std"] < LIMITS.flat_std:
        return Judgement(RenderVerdict.UNIFORM, f"the picture is all {name}")
    if numbers["clipped"] > LIMITS.clipped_share:
        return Judgement(RenderVerdict.CLIPPED, f"{numbers['clipped']:.0%} of the picture is out of range")
    if numbers["entropy"] < LIMITS.flat_entropy:
        return Judgement(RenderVerdict.UNIFORM, f"the picture is nearly all {name}")
    return None


def picture_warnings(numbers: Mapping[str, float]) -> tuple[str, ...]:
    """What is odd about a picture that may still be right."""
    rows = (
        (numbers.get("std", 1.0) < LIMITS.dull_std, "the picture has hardly any contrast"),
        (numbers.get("entropy", 8.0) < LIMITS.dull_entropy, "the picture has hardly any shades"),
        (numbers.get("latents_std", 1.0) > LIMITS.wild_latents, "the latents are far larger than usual"),
    )
    return tuple(text for wrong, text in rows if wrong)


def judge_base(numbers: Mapping[str, float], *, damage: tuple[str, ...] = ()) -> Judgement:
    """A base by its own picture, by how well its UNet finds noise and its VAE redraws a scene."""
    odd = picture_warnings(numbers)
    wrong = judge_picture(numbers)
    if wrong is not None and wrong.verdict in (RenderVerdict.NAN_UNET, RenderVerdict.NAN_VAE):
        return wrong
    if numbers.get("finds_noise", 1.0) < LIMITS.finds_noise:
        text = f"its UNet does not find noise (correlation {numbers['finds_noise']:.2f}, healthy: over 0.9)"
        return Judgement(RenderVerdict.NOISE, text, odd)
    if wrong is not None:
        return Judgement(wrong.verdict, wrong.words, odd)
    if numbers.get("redraws", 1.0) < LIMITS.redraws:
        text = f"its VAE does not draw again what it was shown ({numbers['redraws']:.2f}, perfect: 1)"
        return Judgement(RenderVerdict.DAMAGED, text, odd)
    if damage:
        return Judgement(RenderVerdict.DAMAGED, "; ".join(damage), odd)
    if numbers.get("fp32_vae"):
        return Judgement(RenderVerdict.NEEDS_FP32_VAE, "works, with its VAE in fp32", odd)
    return Judgement(RenderVerdict.OK, "works", odd)


def judge_vae(numbers: Mapping[str, float]) -> Judgement:
    """A VAE by its decode of the base's latents, against the base's own."""
    odd = picture_warnings(numbers)
    wrong = judge_picture(numbers)
    if wrong is not None:
        return Judgement(wrong.verdict, f"{wrong.words}; use the base's built-in VAE", odd)
    if numbers["structure"] < LIMITS.same_picture:
        text = f"it draws another picture than the base's VAE (structure {numbers['structure']:.2f}, healthy: over 0.9)"
        return Judgement(RenderVerdict.INCOMPATIBLE, f"{text}; use the built-in one", odd)
    if numbers.get("redraws", 1.0) < LIMITS.redraws:
        text = f"it does not draw again what it was shown ({numbers['redraws']:.2f}, perfect: 1)"
        return Judgement(RenderVerdict.DAMAGED, text, odd)
    word = "works, with fp32" if numbers.get("fp32_vae") else "works"
    verdict = RenderVerdict.NEEDS_FP32_VAE if numbers.get("fp32_vae") else RenderVerdict.OK
    return Judgement(verdict, f"{word}; changes the picture by {numbers['effect']:.1%}", odd)


def judge_adapter(numbers: Mapping[str, float], *, share: float, unplaced: tuple[str, ...] = ()) -> Judgement:
    """A LoRA, embedding or hypernetwork by what it changes. `share`: of its modules that found a place."""
    odd = list(picture_warnings(numbers))
    if share == 0.0:
        return Judgement(RenderVerdict.INCOMPATIBLE, "none of its parts has a place in the base")
    if share < 1.0:
        odd.append(f"{1 - share:.0%} of its parts have no place in the base, such as {unplaced[0]}")
    wrong = judge_picture(numbers)
    if wrong is not None and not numbers.get("base_wrong"):
        return Judgement(wrong.verdict, f"with it, {wrong.words}", tuple(odd))
    if numbers.get("finds_noise", 1.0) < LIMITS.finds_noise <= numbers.get("base_finds_noise", 1.0):
        text = f"with it, the UNet does not find noise any more (correlation {numbers['finds_noise']:.2f})"
        return Judgement(RenderVerdict.NOISE, text, tuple(odd))
    if numbers["latents_effect"] == 0.0:
        return Judgement(RenderVerdict.NO_EFFECT, "the picture is the same without it, to the last bit", tuple(odd))
    if numbers["effect"] < LIMITS.negligible:
        return Judgement(RenderVerdict.NEGLIGIBLE, f"it changes the picture by {numbers['effect']:.3%}", tuple(odd))
    half = f", {numbers['effect_half']:.1%} at half strength" if "effect_half" in numbers else ""
    return Judgement(RenderVerdict.OK, f"changes the picture by {numbers['effect']:.1%}{half}", tuple(odd))
