"""From numbers to verdicts: the borders between them."""

from __future__ import annotations

import numpy as np
import pytest

from modelhub.render.judge import LIMITS, colour_name, judge_adapter, judge_base, judge_picture, picture_numbers

Numbers = dict[str, float]


def picture(seed: int = 0) -> np.ndarray[tuple[int, int, int], np.dtype[np.float32]]:
    """Something with contrast and shades."""
    return np.random.default_rng(seed).uniform(-0.9, 0.9, (32, 32, 3)).astype(np.float32)


def test_numbers_of_a_plain_picture_are_what_they_say() -> None:
    """Shares, means and brightness of a picture that is half red, half white."""
    raw = np.ones((16, 16, 3), np.float32)
    raw[:8, :, 1:] = -1
    numbers = picture_numbers(raw)
    assert numbers["finite"] == 1.0
    assert numbers["mean_r"] == 1.0
    assert numbers["mean_g"] == numbers["mean_b"] == pytest.approx(0.5)
    assert numbers["entropy"] == pytest.approx(1.0)
    assert numbers["brightest"] == 255
    assert numbers["clipped"] == 0.0


def test_one_number_that_is_none_is_enough_for_nan_vae() -> None:
    """A single NaN in the decode."""
    raw = picture()
    raw[3, 4, 1] = np.nan
    judged = judge_picture(picture_numbers(raw))
    assert judged is not None
    assert judged.verdict == "nan-vae"


@pytest.mark.parametrize(
    ("colour", "name"),
    [((-1, -1, -1), "black"), ((0, 0, 0), "grey"), ((-0.7, -0.5, 0.6), "blue"), ((1, 1, 1), "white")],
)
def test_a_flat_picture_is_uniform_and_its_colour_named(colour: tuple[float, float, float], name: str) -> None:
    """The colours people see when something is broken."""
    raw = np.broadcast_to(np.array(colour, np.float32), (16, 16, 3))
    judged = judge_picture(picture_numbers(raw))
    assert judged is not None
    assert judged.verdict == "uniform"
    assert name in judged.words


def test_faint_structure_is_a_warning_not_a_verdict() -> None:
    """A foggy picture may be what was asked for."""
    raw = picture() * 0.05
    numbers = picture_numbers(raw)
    assert judge_picture(numbers) is None
    judged = judge_base(numbers)
    assert judged.verdict == "ok"
    assert judged.warnings == ("the picture has hardly any contrast",)


def test_a_picture_mostly_out_of_range_is_clipped() -> None:
    """Scaled up four times."""
    judged = judge_picture(picture_numbers(picture() * 4))
    assert judged is not None
    assert judged.verdict == "clipped"


@pytest.mark.parametrize(
    ("numbers", "verdict"),
    [
        ({"latents_finite": 0.5, "finds_noise": 0.0}, "nan-unet"),
        ({"finds_noise": LIMITS.finds_noise - 0.01}, "noise"),
        ({"finds_noise": 0.99, "redraws": LIMITS.redraws - 0.01}, "damaged"),
        ({"finds_noise": 0.99, "redraws": 0.95, "fp32_vae": 1.0}, "needs-fp32-vae"),
        ({"finds_noise": 0.99, "redraws": 0.95}, "ok"),
    ],
)
def test_the_first_cause_is_named_for_a_base(numbers: Numbers, verdict: str) -> None:
    """NaN before noise before a VAE that does not redraw."""
    assert judge_base({**picture_numbers(picture()), **numbers}).verdict == verdict


def test_damage_known_from_the_file_is_told_only_when_the_picture_is_fine() -> None:
    """A worse cause comes first."""
    numbers = picture_numbers(picture())
    assert judge_base(numbers, damage=("3 position_ids are wrong",)).words == "3 position_ids are wrong"
    assert judge_base({**numbers, "finds_noise": 0.1}, damage=("3 position_ids are wrong",)).verdict == "noise"


@pytest.mark.parametrize(
    ("numbers", "share", "verdict"),
    [
        ({}, 0.0, "incompatible"),
        ({"latents_effect": 0.0, "effect": 0.0}, 1.0, "no-effect"),
        ({"latents_effect": 1e-6, "effect": LIMITS.negligible / 2}, 1.0, "negligible"),
        ({"latents_effect": 0.1, "effect": 0.05}, 1.0, "ok"),
        ({"latents_effect": 9.0, "effect": 0.5, "finds_noise": 0.2, "base_finds_noise": 0.98}, 1.0, "noise"),
        ({"latents_effect": 9.0, "effect": 0.5, "finds_noise": 0.2, "base_finds_noise": 0.3}, 1.0, "ok"),
    ],
)
def test_an_adapter_is_judged_by_what_it_changes(numbers: Numbers, share: float, verdict: str) -> None:
    """And not for what the base does wrong by itself."""
    assert judge_adapter({**picture_numbers(picture()), **numbers}, share=share).verdict == verdict


def test_an_adapter_with_parts_left_over_is_warned_about() -> None:
    """Three quarters found a place."""
    numbers = {**picture_numbers(picture()), "latents_effect": 0.1, "effect": 0.05}
    judged = judge_adapter(numbers, share=0.75, unplaced=("lora_unet_x",))
    assert judged.warnings == ("25% of its parts have no place in the base, such as lora_unet_x",)


def test_colours_are_named_by_the_nearest_word() -> None:
    """The three that a broken VAE makes most often."""
    assert [colour_name(0.5, 0.5, 0.5), colour_name(0.1, 0.2, 0.9), colour_name(0.45, 0.28, 0.2)] == [
        "grey",
        "blue",
        "brown",
    ]
