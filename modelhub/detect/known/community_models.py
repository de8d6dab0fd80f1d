"""Models of the community: names, style family, and where they can be pulled from.

A page at Civitai may get versions of other models, so its sources name a version. Facts: real answers of its API
(pages 4201, 4384, 4468, 7240, 7371, 43331, 47274), and for the others the version numbers and file names that public
repositories quote.
"""

from __future__ import annotations

from modelhub.detect.known.known_model import KnownModel
from modelhub.domain import Style


def _community(
    name: str,
    style: Style,
    source: str | None,
    *aliases: str,
    base: str = "sd1",
    also: tuple[str, ...] = (),
    words: tuple[str, ...] = (),
    instead: str = "",
) -> KnownModel:
    is_repository = source is not None and ":" not in source and source.count("/") == 1
    own = (source,) if source and is_repository else ()
    return KnownModel(
        name=name,
        style=style,
        architecture=base,
        source=source,
        aliases=aliases,
        words=words,
        repositories=(*own, *also),
        instead=instead,
    )


_ANIME, _REAL, _HALF = Style.ANIME, Style.REALISTIC, Style.TWO_POINT_FIVE_D

# Page 9409 is 万象熔炉, of Anything's author. Its versions are other models each: 34373 downloads as AnythingXL_v30,
# 30163 as AnythingV5_v5PrtRE (since the page was renamed: AnythingXL_v50), 90854 as AnythingV5Ink_ink (later
# AnythingXL_inkBase), 384264 as AnythingXL_xl. V1 and V2.1 are on no page of their author.
_ANYTHING = (
    _community(
        "Anything V1", _ANIME, None, "anything-v1", "anything-v1.0", words=("万象熔炉 v1",), instead="Anything V3"
    ),
    _community(
        "Anything V2.1",
        _ANIME,
        None,
        "anything-v2.1",
        "anything-v2",
        words=("万象熔炉 v2.1", "万象熔炉 v2"),
        instead="Anything V3",
    ),
    _community(
        "Anything V3",
        _ANIME,
        "civitai:9409@34373",
        "anything-v3",
        "anything-v3.0",
        "anythingxl-v30",
        words=("万象熔炉 v3", "万象熔炉 v3.0", "anything 3"),
    ),
    _community(
        "Anything V5",
        _ANIME,
        "civitai:9409@30163",
        "anything-v5",
        "anything-v5-prtre",
        "anything-v5-prt",
        "anything-v5-prt-re",
        "anythingv5",
        "anything-prt",
        "anything-prt-re",
        "anythingv5ink-v5prtre",
        "anythingxl-v50",
        words=("万象熔炉 v5", "万象熔炉 prt", "anything 5", "anything v5.0"),
    ),
    _community(
        "Anything Ink",
        _ANIME,
        "civitai:9409@90854",
        "anything-ink",
        "anythingv5ink",
        "anythingxl-inkbase",
        words=("万象熔炉 ink", "anything v5 ink"),
    ),
    _community(
        "Anything XL",
        _ANIME,
        "civitai:9409@384264",
        "anything-xl",
        "anythingxl-xl",
        base="sdxl",
        words=("万象熔炉 xl", "anything sdxl"),
    ),
)

# Page 4201 has two Hyper versions on top, which are distilled for few steps; 130072 is the ordinary V5.1.
_REALISTIC_VISION = (
    _community(
        "Realistic Vision",
        _REAL,
        "civitai:4201@130072",
        "realistic-vision",
        "realisticvision",
        also=("SG161222/Realistic_Vision_V5.1_noVAE", "SG161222/Realistic_Vision_V6.0_B1_noVAE"),
        words=("realistic vision v5.1", "realistic vision 5.1", "realistic vision v5"),
    ),
    _community(
        "Realistic Vision V6.0 B1",
        _REAL,
        "civitai:4201@245598",
        words=("realistic vision v6", "realistic vision v6.0", "realistic vision 6.0", "realistic vision 6"),
    ),
    _community(
        "Realistic Vision V5.1 Hyper",
        _REAL,
        "civitai:4201@501240",
        words=("realistic vision hyper", "realistic vision 5.1 hyper"),
    ),
)

# The repository holds several versions side by side; for its plain name the user chooses one.
_GUOFENG = (
    _community("GuoFeng3", _HALF, "xiaolxl/GuoFeng3", "guofeng3", "国风3", "gf3"),
    *(
        _community(
            f"GuoFeng{version}",
            _HALF,
            f"xiaolxl/GuoFeng3/GuoFeng{version}.safetensors",
            f"guofeng{version}",
            f"国风{version}",
            words=(f"guofeng v{version}", f"guofeng3 v{version}", f"gf{version}"),
        )
        for version in ("3.2", "3.3", "3.4")
    ),
)

COMMUNITY_MODELS: tuple[KnownModel, ...] = (
    *_ANYTHING,
    _community(
        "Counterfeit V3.0",
        _ANIME,
        "civitai:4468@57618",
        "counterfeit",
        "counterfeitv30",
        also=("gsdf/Counterfeit-V3.0", "gsdf/Counterfeit-V2.5", "gsdf/Counterfeit-V2.0"),
        words=("counterfeit v3", "counterfeit 3.0"),
    ),
    _community(
        "AbyssOrangeMix", _ANIME, "WarriorMama777/OrangeMixs", "abyssorangemix", "orangemix", "深渊橘", "aom2", "aom3"
    ),
    _community("MeinaMix", _ANIME, "civitai:7240@119057", "meinamix", "meina-v11", words=("meinamix v11",)),
    _community(
        "NovelAI animefull",
        _ANIME,
        None,
        "animefull",
        "animefull-final-pruned",
        "animefull-latest",
        "nai-animefull",
        instead="Anything V5",
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
    *_REALISTIC_VISION,
    _community("ChilloutMix", _REAL, "civitai:6424@11745", "chilloutmix"),  # chilloutmix_NiPrunedFp32Fix
    _community("epiCRealism", _REAL, "civitai:25694@143906", "epicrealism"),  # epicrealism_naturalSinRC1VAE
    _community(
        "majicMIX realistic",
        _REAL,
        "civitai:43331@176425",
        "majicmix-realistic",
        "majicmixrealistic",
        "麦橘写实",
        words=("majicmix", "麦橘", "majicmix realistic v7", "麦橘写实 v7"),
    ),
    _community("XXMix_9realistic", _REAL, "civitai:47274@102222", "xxmix-9realistic", "xxmix9realistic"),
    *_GUOFENG,
    _community("ReV Animated", _HALF, "civitai:7371@425083", "rev-animated", "revanimated"),
    _community(
        "NeverEnding Dream",
        _HALF,
        "civitai:10028@64094",  # neverendingDreamNED_v122BakedVae
        "neverending-dream",
        "neverendingdream",
        also=("Lykon/NeverEnding-Dream",),
    ),
    _community(
        "DreamShaper",
        _HALF,
        "civitai:4384@128713",
        "dreamshaper",
        also=("Lykon/DreamShaper",),
        words=("dreamshaper 8", "dreamshaper v8"),
    ),
)
