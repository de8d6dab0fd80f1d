"""Judge metrics: a verdict and its sentences. Pure: raw decodes come in as arrays, and the thresholds are one table.

The thresholds were calibrated on a trained miniature family and on copies broken on purpose; docs/render-test.md has
the confusion table, and `benchmarks/render_calibration.py` makes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from modelhub.render.adapter_fit import AdapterFit
from modelhub.render.thresholds import LIMITS
from modelhub.render.verdicts import RenderVerdict, does_not_fit

Array = np.ndarray[Any, Any]


_BASE_WORKS = "The base works without it."
_COLORS: dict[str, tuple[int, int, int]] = {
    "black": (0, 0, 0),
    "gray": (128, 128, 128),
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
    """A verdict, its sentences, and warnings beside it."""

    verdict: RenderVerdict
    words: str
    warnings: tuple[str, ...] = ()


def picture_metrics(raw: Array) -> dict[str, float]:
    """Measure a raw decode (height, width, 3): finite share, clipped share, spread, entropy, brightness, means."""
    finite = np.isfinite(raw)
    share = float(finite.mean())
    if share < 1.0:
        return {"finite": share}
    pixels = (np.clip(raw, -1, 1) + 1) / 2
    gray = pixels @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
    counts = np.histogram(gray, bins=256, range=(0, 1))[0]
    shares = counts[counts > 0] / counts.sum()
    return {
        "finite": 1.0,
        "clipped": float((np.abs(raw) > 1.0).mean()),
        "std": float(pixels.std(axis=(0, 1)).max()),
        "entropy": float(-(shares * np.log2(shares)).sum()),
        "brightest": float(pixels.max() * 255),
        **{f"mean_{name}": float(value) for name, value in zip("rgb", pixels.mean(axis=(0, 1)), strict=True)},
    }


def picture_difference(one: Array, other: Array) -> float:
    """Return the mean absolute difference of two raw decodes, as a share of the whole range; 1 for unequal shapes."""
    if one.shape != other.shape:
        return 1.0
    return float(np.abs(np.clip(one, -1, 1) - np.clip(other, -1, 1)).mean()) / 2


def color_name(red: float, green: float, blue: float) -> str:
    """Return the name of the nearest plain color; components between 0 and 1."""
    here = np.array([red, green, blue]) * 255
    return min(_COLORS, key=lambda name: float(np.square(here - np.array(_COLORS[name])).sum()))


def judge_picture(metrics: Mapping[str, float]) -> Judgement | None:
    """Judge a picture by itself; None when nothing is wrong with it. Warnings come from `picture_warnings`."""
    if metrics.get("latents_finite", 1.0) < 1.0:
        return Judgement(RenderVerdict.NAN_UNET, "The UNet or the text encoder produces NaN or infinity.")
    if metrics["finite"] < 1.0:
        return Judgement(RenderVerdict.NAN_VAE, "The VAE produces NaN or infinity, from finite latents.")
    name = color_name(metrics["mean_r"], metrics["mean_g"], metrics["mean_b"])
    if metrics["brightest"] < LIMITS.black:
        return Judgement(RenderVerdict.UNIFORM, "The picture is black.")
    if metrics["std"] < LIMITS.flat_std:
        return Judgement(RenderVerdict.UNIFORM, f"The picture is {name}.")
    if metrics["clipped"] > LIMITS.clipped_share:
        return Judgement(RenderVerdict.CLIPPED, "Most of the picture is out of range.")
    if metrics["entropy"] < LIMITS.flat_entropy:
        return Judgement(RenderVerdict.UNIFORM, f"Almost all of the picture is {name}.")
    return None


def picture_warnings(metrics: Mapping[str, float]) -> tuple[str, ...]:
    """Return what is unusual about a picture that may still be right."""
    rows = (
        (metrics.get("std", 1.0) < LIMITS.dull_std, "The picture has hardly any contrast."),
        (metrics.get("entropy", 8.0) < LIMITS.dull_entropy, "The picture has hardly any shades."),
        (metrics.get("latents_std", 1.0) > LIMITS.wild_latents, "The latents are far larger than usual."),
    )
    return tuple(text for applies, text in rows if applies)


def judge_base(metrics: Mapping[str, float]) -> Judgement:
    """Judge a base by its own picture, its UNet's noise prediction and its VAE's reconstruction."""
    warnings = picture_warnings(metrics)
    wrong = judge_picture(metrics)
    if wrong is not None and wrong.verdict in (RenderVerdict.NAN_UNET, RenderVerdict.NAN_VAE):
        return wrong
    if metrics.get("finds_noise", 1.0) < LIMITS.finds_noise:
        return Judgement(RenderVerdict.NOISE, _no_noise_prediction(metrics), warnings)
    if wrong is not None:
        return replace(wrong, warnings=warnings)
    if metrics.get("redraws", 1.0) < LIMITS.redraws:
        return Judgement(RenderVerdict.DAMAGED, _no_reconstruction(metrics), warnings)
    if count := metrics.get("wrong_position_ids"):
        words = f"The text encoder's position_ids are wrong ({count} of 77), so UIs misread prompts of some lengths."
        return Judgement(RenderVerdict.DAMAGED, words, warnings)
    if metrics.get("fp32_vae"):
        return Judgement(RenderVerdict.NEEDS_FP32_VAE, "Works, but its VAE overflows in half precision.", warnings)
    return Judgement(RenderVerdict.OK, "Works: rendered a picture from the prompt.", warnings)


def judge_vae(metrics: Mapping[str, float], *, base: str) -> Judgement:
    """Judge a VAE by its decode of the latents of `base`, compared with that of the base's own VAE."""
    warnings = picture_warnings(metrics)
    wrong = judge_picture(metrics)
    if wrong is not None:
        return Judgement(wrong.verdict, f"{wrong.words} Use the VAE of {base}.", warnings)
    if metrics["structure"] < LIMITS.same_picture:
        reason = f"it decodes a different picture (similarity {metrics['structure']:.2f}; healthy VAEs score above 0.9)"
        words = f"{does_not_fit(base, reason)} Use the VAE of {base}."
        return Judgement(RenderVerdict.INCOMPATIBLE, words, warnings)
    if metrics.get("redraws", 1.0) < LIMITS.redraws:
        return Judgement(RenderVerdict.DAMAGED, _no_reconstruction(metrics), warnings)
    effect = percent(metrics["effect"], 1)
    if metrics.get("fp32_vae"):
        words = f"Works, but overflows in half precision. It changes the picture by {effect}."
        return Judgement(RenderVerdict.NEEDS_FP32_VAE, words, warnings)
    return Judgement(RenderVerdict.OK, f"Works: changes the picture by {effect}.", warnings)


def judge_adapter(metrics: Mapping[str, float], *, fit: AdapterFit, base: str) -> Judgement:
    """Judge a LoRA, embedding or hypernetwork by what it changes on `base`."""
    if fit.share == 0.0:
        return Judgement(RenderVerdict.INCOMPATIBLE, does_not_fit(base, _misfit_reason(fit)))
    warnings = (*picture_warnings(metrics), *_misfit_warnings(fit))
    wrong = judge_picture(metrics)
    if wrong is not None and not metrics.get("base_wrong"):
        return Judgement(wrong.verdict, f"{wrong.words} {_BASE_WORKS}", warnings)
    if metrics.get("finds_noise", 1.0) < LIMITS.finds_noise <= metrics.get("base_finds_noise", 1.0):
        return Judgement(RenderVerdict.NOISE, f"{_no_noise_prediction(metrics)} {_BASE_WORKS}", warnings)
    if metrics["latents_effect"] == 0.0:
        return Judgement(RenderVerdict.NO_EFFECT, "Does not change the picture at all.", warnings)
    if metrics["effect"] < LIMITS.negligible:
        words = f"Changes the picture by only {percent(metrics['effect'], 3)}."
        return Judgement(RenderVerdict.NEGLIGIBLE, words, warnings)
    words = f"Works: changes the picture by {percent(metrics['effect'], 1)}."
    if "effect_half" in metrics:
        half = percent(metrics["effect_half"], 1)
        words = f"Works: changes the picture by {percent(metrics['effect'], 1)}, by {half} at half strength."
    return Judgement(RenderVerdict.OK, words, warnings)


def percent(share: float, digits: int) -> str:
    """Return a share between 0 and 1 as text, such as "13.4 %"."""
    return f"{share * 100:.{digits}f} %"


def _no_noise_prediction(metrics: Mapping[str, float]) -> str:
    return (
        f"The UNet does not predict noise (correlation {metrics['finds_noise']:.2f}; healthy models score above 0.9)."
    )


def _no_reconstruction(metrics: Mapping[str, float]) -> str:
    return f"The VAE cannot reconstruct a test image (R² {metrics['redraws']:.2f}; perfect is 1)."


def _misfit_reason(fit: AdapterFit) -> str:
    """Return why no part of an adapter is placed, as a clause."""
    if fit.unplaced and len(fit.incomplete) == len(fit.unplaced):
        return f"weights are missing in the file, such as those of {fit.incomplete[0]}"
    if fit.unplaced and len(fit.unsupported) == len(fit.unplaced):
        return f"algorithm not supported, such as that of {fit.unsupported[0]}"
    return "it belongs to another architecture"


def _misfit_warnings(fit: AdapterFit) -> tuple[str, ...]:
    """Return a sentence for each cause for which parts are left out."""

    def share(names: tuple[str, ...]) -> str:
        return percent(len(names) / fit.total, 0)

    warnings = []
    if names := fit.foreign:
        warnings.append(f"{share(names)} of its parts belong to another architecture, such as {names[0]}.")
    if names := fit.incomplete:
        warnings.append(f"Weights are missing in the file for {share(names)} of its parts, such as {names[0]}.")
    if names := fit.unsupported:
        warnings.append(f"Algorithm not supported for {share(names)} of its parts, such as {names[0]}.")
    return tuple(warnings)
