"""The judge gives the verdict that the metrics call for."""

from __future__ import annotations

import numpy as np
import pytest

from modelhub.render.adapter_fit import AdapterFit
from modelhub.render.judge import color_name, judge_adapter, judge_base, judge_picture, picture_metrics
from modelhub.render.thresholds import LIMITS

Metrics = dict[str, float]


def picture(seed: int = 0) -> np.ndarray[tuple[int, int, int], np.dtype[np.float32]]:
    """Return noise with contrast and shades."""
    return np.random.default_rng(seed).uniform(-0.9, 0.9, (32, 32, 3)).astype(np.float32)


def test_metrics_of_a_plain_picture_are_exact() -> None:
    """Shares, means and brightness of a picture that is half red and half white are exact."""
    raw = np.ones((16, 16, 3), np.float32)
    raw[:8, :, 1:] = -1
    metrics = picture_metrics(raw)
    assert metrics["finite"] == 1.0
    assert metrics["mean_r"] == 1.0
    assert metrics["mean_g"] == metrics["mean_b"] == pytest.approx(0.5)
    assert metrics["entropy"] == pytest.approx(1.0)
    assert metrics["brightest"] == 255
    assert metrics["clipped"] == 0.0


def test_a_single_nan_is_enough_for_nan_vae() -> None:
    """A single NaN in the decode gives the verdict nan-vae."""
    raw = picture()
    raw[3, 4, 1] = np.nan
    judged = judge_picture(picture_metrics(raw))
    assert judged is not None
    assert judged.verdict == "nan-vae"


@pytest.mark.parametrize(
    ("color", "name"),
    [((-1, -1, -1), "black"), ((0, 0, 0), "gray"), ((-0.7, -0.5, 0.6), "blue"), ((1, 1, 1), "white")],
)
def test_a_flat_picture_is_uniform_and_its_color_named(color: tuple[float, float, float], name: str) -> None:
    """The sentence names the colors that broken models often produce."""
    raw = np.broadcast_to(np.array(color, np.float32), (16, 16, 3))
    judged = judge_picture(picture_metrics(raw))
    assert judged is not None
    assert judged.verdict == "uniform"
    assert name in judged.words


def test_faint_structure_is_a_warning_not_a_verdict() -> None:
    """A picture with little contrast may be what the prompt describes."""
    raw = picture() * 0.05
    metrics = picture_metrics(raw)
    assert judge_picture(metrics) is None
    judged = judge_base(metrics)
    assert judged.verdict == "ok"
    assert judged.warnings == ("The picture has hardly any contrast.",)


def test_a_picture_mostly_out_of_range_is_clipped() -> None:
    """A picture scaled up four times is clipped."""
    judged = judge_picture(picture_metrics(picture() * 4))
    assert judged is not None
    assert judged.verdict == "clipped"


@pytest.mark.parametrize(
    ("metrics", "verdict"),
    [
        ({"latents_finite": 0.5, "finds_noise": 0.0}, "nan-unet"),
        ({"finds_noise": LIMITS.finds_noise - 0.01}, "noise"),
        ({"finds_noise": 0.99, "redraws": LIMITS.redraws - 0.01}, "damaged"),
        ({"finds_noise": 0.99, "redraws": 0.95, "fp32_vae": 1.0}, "needs-fp32-vae"),
        ({"finds_noise": 0.99, "redraws": 0.95}, "ok"),
    ],
)
def test_the_first_cause_is_named_for_a_base(metrics: Metrics, verdict: str) -> None:
    """NaN comes before noise, and noise before a VAE that cannot reconstruct."""
    assert judge_base({**picture_metrics(picture()), **metrics}).verdict == verdict


def test_wrong_position_ids_are_the_verdict_only_when_the_picture_is_fine() -> None:
    """A worse cause takes precedence."""
    metrics = picture_metrics(picture())
    judged = judge_base({**metrics, "wrong_position_ids": 3})
    assert judged.verdict == "damaged"
    assert judged.words.startswith("The text encoder's position_ids are wrong (3 of 77)")
    assert judge_base({**metrics, "wrong_position_ids": 3, "finds_noise": 0.1}).verdict == "noise"


@pytest.mark.parametrize(
    ("metrics", "share", "verdict"),
    [
        ({}, 0.0, "incompatible"),
        ({"latents_effect": 0.0, "effect": 0.0}, 1.0, "no-effect"),
        ({"latents_effect": 1e-6, "effect": LIMITS.negligible / 2}, 1.0, "negligible"),
        ({"latents_effect": 0.1, "effect": 0.05}, 1.0, "ok"),
        ({"latents_effect": 9.0, "effect": 0.5, "finds_noise": 0.2, "base_finds_noise": 0.98}, 1.0, "noise"),
        ({"latents_effect": 9.0, "effect": 0.5, "finds_noise": 0.2, "base_finds_noise": 0.3}, 1.0, "ok"),
    ],
)
def test_an_adapter_is_judged_by_what_it_changes(metrics: Metrics, share: float, verdict: str) -> None:
    """An adapter is not blamed for what the base does wrong by itself."""
    fit = AdapterFit(int(4 * share), 4)
    assert judge_adapter({**picture_metrics(picture()), **metrics}, fit=fit, base="sdxl").verdict == verdict


def test_unplaced_parts_are_warnings_by_cause() -> None:
    """Each cause has a warning with its share and an example."""
    metrics = {**picture_metrics(picture()), "latents_effect": 0.1, "effect": 0.05}
    fit = AdapterFit(5, 8, ("a", "b", "c"), incomplete=("b",), unsupported=("c",))
    assert judge_adapter(metrics, fit=fit, base="sdxl").warnings == (
        "12 % of its parts belong to another architecture, such as a.",
        "Weights are missing in the file for 12 % of its parts, such as b.",
        "Algorithm not supported for 12 % of its parts, such as c.",
    )


@pytest.mark.parametrize(
    ("fit", "words"),
    [
        (AdapterFit(0, 1, ("a",)), "Does not fit sdxl: it belongs to another architecture."),
        (
            AdapterFit(0, 1, ("a",), incomplete=("a",)),
            "Does not fit sdxl: weights are missing in the file, such as those of a.",
        ),
        (
            AdapterFit(0, 1, ("a",), unsupported=("a",)),
            "Does not fit sdxl: algorithm not supported, such as that of a.",
        ),
    ],
)
def test_an_adapter_of_which_nothing_fits_names_the_cause(fit: AdapterFit, words: str) -> None:
    """The sentence states one cause: another architecture, missing weights or an unsupported algorithm."""
    judged = judge_adapter({}, fit=fit, base="sdxl")
    assert judged.verdict == "incompatible"
    assert judged.words == words


def test_colors_are_named_by_the_nearest_word() -> None:
    """The colors that a broken VAE produces most often have the expected names."""
    assert [color_name(0.5, 0.5, 0.5), color_name(0.1, 0.2, 0.9), color_name(0.45, 0.28, 0.2)] == [
        "gray",
        "blue",
        "brown",
    ]
