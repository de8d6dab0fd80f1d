"""The limits by which render tests are judged. Their calibration: docs/render-test.md."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The limits of a healthy picture. Standard deviations and differences are of values between 0 and 1.

    `finds_noise`: correlation of the predicted noise with the noise that was added; `redraws`: R² of a VAE's
    reconstruction; `same_picture`: correlation of two decodes.
    """

    black: int = 4  # of 255; every pixel is below
    flat_std: float = 0.01
    flat_entropy: float = 1.0  # bits of the gray picture
    clipped_share: float = 0.5
    dull_std: float = 0.03
    dull_entropy: float = 3.0
    wild_latents: float = 10.0
    finds_noise: float = 0.64
    redraws: float = 0.68
    same_picture: float = 0.6
    negligible: float = 0.0005


LIMITS = Thresholds()
