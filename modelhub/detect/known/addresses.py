"""Pages that hold no weights, and the known models that people look for there.

Guides link to repositories of code and to demos; the models have moved on. Facts: the addresses of the guides, and the
repositories that replaced those that left the hub.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from modelhub.detect.known.known_model import KnownModel
from modelhub.detect.known.models import MODELS_BY_NAME


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownPage:
    """A page without weights: its address without scheme, and the known models that it is about.

    `may_hold_weights`: it is a model repository, so that a hub is queried first.
    """

    address: str
    models: tuple[KnownModel, ...]
    may_hold_weights: bool = False


_SD1 = ("Stable Diffusion 1.4", "Stable Diffusion 1.3", "Stable Diffusion 1.2", "Stable Diffusion 1.1")
_SD2 = ("Stable Diffusion 2.1", "Stable Diffusion 2.1 Base", "Stable Diffusion 2.0", "Stable Diffusion 2.0 Base")
_HUB, _SPACES, _GITHUB = "huggingface.co", "huggingface.co/spaces", "github.com"
_ROWS = (
    (f"{_HUB}/CompVis/stable-diffusion", _SD1),
    (f"{_HUB}/CompVis/stable-diffusion-v-1-original", _SD1),
    (f"{_HUB}/CompVis", _SD1),
    (f"{_HUB}/runwayml", ("Stable Diffusion 1.5", "Stable Diffusion 1.5 Inpainting")),
    (f"{_HUB}/stabilityai", ("SDXL 1.0 Base", *_SD2)),
    (f"{_SPACES}/stabilityai/stable-diffusion", ("Stable Diffusion 2.1",)),
    (f"{_SPACES}/stabilityai/stable-diffusion-1", ("Stable Diffusion 1.5", *_SD1)),
    (f"{_SPACES}/runwayml/stable-diffusion-v1-5", ("Stable Diffusion 1.5",)),
    (f"{_SPACES}/runwayml/stable-diffusion-inpainting", ("Stable Diffusion 1.5 Inpainting",)),
    (f"{_GITHUB}/CompVis/stable-diffusion", _SD1),
    (f"{_GITHUB}/runwayml/stable-diffusion", ("Stable Diffusion 1.5", "Stable Diffusion 1.5 Inpainting")),
    (f"{_GITHUB}/Stability-AI/stablediffusion", _SD2),
    (f"{_GITHUB}/Stability-AI/generative-models", ("SDXL 1.0 Base", "SDXL 1.0 Refiner")),
    (
        f"{_GITHUB}/Stability-AI/sd3.5",
        ("Stable Diffusion 3.5 Medium", "Stable Diffusion 3.5 Large", "Stable Diffusion 3 Medium"),
    ),
    (f"{_GITHUB}/black-forest-labs/flux", ("FLUX.1 schnell", "FLUX.1 dev")),
)
_REPOSITORY_OF_HUB = re.compile(rf"{re.escape(_HUB)}/(?!spaces/)[^/]+/[^/]+")
KNOWN_PAGES = tuple(
    KnownPage(
        address=address,
        models=tuple(MODELS_BY_NAME[name] for name in names),
        may_hold_weights=bool(_REPOSITORY_OF_HUB.match(address)),
    )
    for address, names in _ROWS
)
_BY_ADDRESS = {page.address.lower(): page for page in KNOWN_PAGES}
_SCHEME = re.compile(r"(?:https?://)?(?:www\.)?", re.IGNORECASE)
_HUBS = re.compile(r"(?:hf\.co|hf-mirror\.com)/")
_REFERENCE = re.compile(r"(?:hf:(?://)?)?[\w.-]+/[\w.-]+")


def find_page(source: str) -> KnownPage | None:
    """Return the known page at this address, or of this hub repository; None for another one.

    Pages below it, such as the list of its files, count as the page.
    """
    if _REFERENCE.fullmatch(source.strip()) and "." not in source.split("/")[0]:
        address = f"{_HUB}/{source.strip().removeprefix('hf:').strip('/')}"
    else:
        address = _HUBS.sub(f"{_HUB}/", _SCHEME.sub("", source.strip(), count=1), count=1)
    parts = address.partition("?")[0].partition("#")[0].lower().strip("/").split("/")
    if len(parts) == 2:  # the page of a publisher; those below it are repositories
        return _BY_ADDRESS.get("/".join(parts))
    for length in range(len(parts), 2, -1):
        page = _BY_ADDRESS.get("/".join(parts[:length]).removesuffix(".git"))
        if page is not None:
            return page
    return None
