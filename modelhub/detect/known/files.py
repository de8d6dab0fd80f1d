"""SHA-256 of published files: the publishers' own releases, and files that civitai.com lists with their hashes.

A hash decides what a header cannot: which weight set a single one is, and what a Stable Diffusion 2 model predicts.
"""

from __future__ import annotations

from modelhub.detect.known.known_model import KnownFile
from modelhub.detect.known.official_files import OFFICIAL_FILES
from modelhub.domain import Style

_STYLES = {
    "Anything V3": Style.ANIME,
    "Anything V5": Style.ANIME,
    "Anything Ink": Style.ANIME,
    "Counterfeit V3.0": Style.ANIME,
    "MeinaMix": Style.ANIME,
    "majicMIX realistic": Style.REALISTIC,
    "Realistic Vision": Style.REALISTIC,
    "XXMix_9realistic": Style.REALISTIC,
    "DreamShaper": Style.TWO_POINT_FIVE_D,
    "ReV Animated": Style.TWO_POINT_FIVE_D,
}
# Model, file name there, SHA-256.
_COMMUNITY = (
    (
        "Anything V3",
        "anything-v3-fp16-pruned.safetensors",
        "812cd9f9d9a0cb62aaad605173fd64dea13cc8ead9a18ca8eca5bc94aba58583",
    ),
    # Quoted by public repositories: the file that version 30163 downloads as, and version 90854.
    (
        "Anything V5",
        "AnythingV5_v5PrtRE.safetensors",
        "7f96a1a9ca9b3a3242a9ae95d19284f0d2da8d5282b42d2d974398bf7663a252",
    ),
    (
        "Anything Ink",
        "AnythingV5Ink_ink.safetensors",
        "a1535d0a42ce4f8822ed034c15aeff62cc515836e388511d294645d11db8c10d",
    ),
    (
        "majicMIX realistic",
        "majicmixRealistic_v7.safetensors",
        "7c819b6d13663ed720c2254f4fe18373107dfef2448d337913c8fc545640881e",
    ),
    (
        "majicMIX realistic",
        "majicmixRealistic_v6.safetensors",
        "e4a30e4607faeb06b5d590b2ed8e092690c631da0b2becb6224d4bb5327104b7",
    ),
    (
        "majicMIX realistic",
        "majicmixRealistic_v5.safetensors",
        "33c9f6dfcbd3b86e76ffdfc58253ee73f6c1b513238481dcd5d6a27b7ad3df0f",
    ),
    (
        "majicMIX realistic",
        "majicmixRealistic_v4.safetensors",
        "d819c8be6bc2a15307640a7eb069fa92e4c69c84289d8309273760ee7394e5f0",
    ),
    ("DreamShaper", "dreamshaper_8.safetensors", "879db523c30d3b9017143d56705015e15a2cb5628762c11d086fed9538abd7fd"),
    (
        "DreamShaper",
        "dreamshaper_8Inpainting.safetensors",
        "ac84e05d5039d7a8aea3ced335ac7c56da6d3c6816465651f928b137c3a7b24a",
    ),
    ("DreamShaper", "dreamshaper_7.safetensors", "ed989d673dbf0153d1cd16994c1bfa27a0f13de1e60665aabcb99334ca5b78e9"),
    (
        "DreamShaper",
        "dreamshaper_6BakedVae.safetensors",
        "b76cc78ad9e2f001603f200d4e26153ce565a6ac3c179ada73d2e4a4071d4eac",
    ),
    (
        "DreamShaper",
        "dreamshaper_6BakedVae.safetensors",
        "c249d7853b061e77fbe96ddb20687714591b518d30de3222ed38714a4e48e866",
    ),
    (
        "DreamShaper",
        "dreamshaper_5BakedVae.safetensors",
        "a60cfaa90decb28a1447f955e29220eb867e8e157f0ca8a4d3b839cd9cd4832a",
    ),
    (
        "DreamShaper",
        "dreamshaper_5BakedVae.safetensors",
        "6d492d946ca8e128bc61da13b7e931778c0ca45574000a59dc92127f8debdf01",
    ),
    (
        "Counterfeit V3.0",
        "counterfeitV30_v30.safetensors",
        "17277fbe68541b183f48855f7998e72068e96dca55c102013a8cefed92aaaaa3",
    ),
    (
        "Counterfeit V3.0",
        "counterfeitV30_v30.safetensors",
        "cbfba64e662370f59d4aa2aa69bf16749fce93846ccce20506aee5df01169859",
    ),
    (
        "Counterfeit V3.0",
        "counterfeitV30_25.safetensors",
        "a074b8864e31b8681e40db3dfde0005df7b5309fd2a2f592a2caee59e4591cae",
    ),
    (
        "Realistic Vision",
        "realisticVisionV60B1_v51VAE.safetensors",
        "15012c538f503ce2ebfc2c8547b268c75ccdaff7a281db55399940ff1d70e21d",
    ),
    (
        "Realistic Vision",
        "realisticVisionV60B1_v51VAE.safetensors",
        "ef76aa2332635f4352463343beec9c5aae3bd107a73c0fd7221abbbcf8bd5470",
    ),
    (
        "Realistic Vision",
        "realisticVisionV60B1_v60B1VAE.safetensors",
        "fe7578cb5ee0be63aa15baa894ab5d1751ff9b5b25ef611d5fafb2186d930c30",
    ),
    (
        "Realistic Vision",
        "realisticVisionV60B1_v60B1VAE.safetensors",
        "e5f3cbc5f7669457d3bec1fd492420995fb9a79e735dce438b81af61fd5d77f0",
    ),
    (
        "Realistic Vision",
        "realisticVisionV60B1_v50VAE.safetensors",
        "d7fc69397d4f50d39ac70427a236789ccdc51d02bc1b17344b05d9d047e670df",
    ),
    (
        "Realistic Vision",
        "realisticVisionV60B1_v50VAE.safetensors",
        "df24466969ba082092dd41d2ef380e485a9e96a12c4fd07cf03bb0e81e38cd92",
    ),
    (
        "Realistic Vision",
        "realisticVisionV60B1_v40VAE.safetensors",
        "e9d3cedc4bc6bdc6159d2c544cd7723136928482e4e6b9e8c140f802932d8a1c",
    ),
    (
        "Realistic Vision",
        "realisticVisionV60B1_v40VAE.safetensors",
        "afcc6a9cac2c1e878c4cb480cb2ea514679fa09c2f4ab6bcc12ee0ac5e9cf889",
    ),
    (
        "Realistic Vision",
        "realisticVisionV60B1_v20Novae.safetensors",
        "e6415c48928aedc891237556125e56ebd0bb3d9f0982d469ebb719d1117dfb92",
    ),
    (
        "Realistic Vision",
        "realisticVisionV60B1_v20Novae.safetensors",
        "c0d1994c73d784a17a5b335ae8bda02dcc8dd2fc5f5dbf55169d5aab385e53f2",
    ),
    ("MeinaMix", "meinamix_meinaV11.safetensors", "54ef3e3610eee7f0f6c9f9b82eee26aa404598512d800494d1db344e3bc560b1"),
    (
        "MeinaMix",
        "meinamix_v11-inpainting.safetensors",
        "e1d224fca30b52b7b43438f8f03ff2bd57e9cb83854de057cf691990b2481edd",
    ),
    ("MeinaMix", "meinamix_meinaV10.safetensors", "77b7dc4ef0fca64ed8c3c38e80efa3e559488ee377f4138ec4bce488ef6c8412"),
    ("MeinaMix", "meinamix_meinaV10.safetensors", "d967bcae4a00eb3006e0cfd060484127e5644a01dbe314cf336f17dd027012a1"),
    ("MeinaMix", "meinamix_meinaV9.safetensors", "eac6c08a199c4953f80ae5b4ea5f9b2d88c7f3c6f2546e14a57851e3e4a1c5cb"),
    (
        "ReV Animated",
        "revAnimated_v2Rebirth.safetensors",
        "8463ca640534d0a73b9ee97c4cc50005dba1274324bb6a9a9dec39a13202bded",
    ),
    (
        "ReV Animated",
        "revAnimated_v2Rebirth.safetensors",
        "0ca0c297a47281bd03f12918bedd065ca6a747ca86b494bb585063008a2541a8",
    ),
    (
        "ReV Animated",
        "revAnimated_v2RebirthVAE.safetensors",
        "7ca4bba71f903be109c33dffa800c6c816f135bac411bf748d5effff6f3208cf",
    ),
    ("ReV Animated", "revAnimated_v11.safetensors", "d725be5d187c172fbabfb2d35cf6bff2237367a8c1cf743d03c1c0e57f0e43fa"),
    (
        "XXMix_9realistic",
        "xxmix9realistic_v40.safetensors",
        "18ed2b6c48fda400330e5dec9e6f4d714ef664869ea8d4021f12ba699b31da06",
    ),
    (
        "XXMix_9realistic",
        "xxmix9realistic_v30.safetensors",
        "2030eae609c583da58d698261dfc9b504b143a32892b252e9841577f464df4fb",
    ),
)

KNOWN_FILES: tuple[KnownFile, ...] = OFFICIAL_FILES + tuple(
    KnownFile(file=file, sha256=sha256, model=model, architecture="sd1", style=_STYLES[model])
    for model, file, sha256 in _COMMUNITY
)
