"""SHA-256 of the publishers' own releases."""

from __future__ import annotations

from modelhub.detect.known.known_model import KnownFile
from modelhub.domain import Style, Variant


def _official(
    file: str, sha256: str, model: str, architecture: str, variant: Variant | None, prediction: str
) -> KnownFile:
    return KnownFile(
        file=file,
        sha256=sha256,
        model=f"Stable Diffusion {model}",
        architecture=architecture,
        style=Style.OFFICIAL,
        variant=variant,
        prediction=prediction,
    )


_EMA = Variant.PRUNED_EMAONLY

OFFICIAL_FILES: tuple[KnownFile, ...] = (
    _official(
        "sd-v1-4.ckpt",
        "fe4efff1e174c627256e44ec2991ba279b3816e364b49f9be2abc0b3ff3f8556",
        "1.4",
        "sd1",
        _EMA,
        "epsilon",
    ),
    _official(
        "sd-v1-4-full-ema.ckpt",
        "14749efc0ae8ef0329391ad4436feb781b402f4fece4883c7ad8d10556d8a36a",
        "1.4",
        "sd1",
        Variant.FULL,
        "epsilon",
    ),
    _official(
        "v1-5-pruned.ckpt",
        "e1441589a6f3c5a53f5f54d0975a18a7feb7cdf0b0dee276dfc3331ae376a053",
        "1.5",
        "sd1",
        None,
        "epsilon",
    ),
    _official(
        "v1-5-pruned.safetensors",
        "1a189f0be69d6106a48548e7626207dddd7042a418dbf372cefd05e0cdba61b6",
        "1.5",
        "sd1",
        None,
        "epsilon",
    ),
    _official(
        "v1-5-pruned-emaonly.ckpt",
        "cc6cb27103417325ff94f52b7a5d2dde45a7515b25c255d8e396c90014281516",
        "1.5",
        "sd1",
        _EMA,
        "epsilon",
    ),
    _official(
        "v1-5-pruned-emaonly.safetensors",
        "6ce0161689b3853acaa03779ec93eafe75a02f4ced659bee03f50797806fa2fa",
        "1.5",
        "sd1",
        _EMA,
        "epsilon",
    ),
    _official(
        "512-base-ema.ckpt",
        "d635794c1fedfdfa261e065370bea59c651fc9bfa65dc6d67ad29e11869a1824",
        "2.0 Base",
        "sd2",
        _EMA,
        "epsilon",
    ),
    _official(
        "768-v-ema.ckpt", "bfcaf0755797b0c30eb00a3787e8b423eb1f5decd8de76c4d824ac2dd27e139f", "2.0", "sd2", _EMA, "v"
    ),
    _official(
        "v2-1_512-ema-pruned.ckpt",
        "88ecb782561455673c4b78d05093494b9c539fc6bfc08f3a9a4a0dd7b0b10f36",
        "2.1 Base",
        "sd2",
        _EMA,
        "epsilon",
    ),
    _official(
        "v2-1_768-ema-pruned.ckpt",
        "ad2a33c361c1f593c4a1fb32ea81afce2b5bb7d1983c6b94793a26a3b54b08a0",
        "2.1",
        "sd2",
        _EMA,
        "v",
    ),
    _official(
        "v2-1_768-ema-pruned.safetensors",
        "dcd690123cfc64383981a31d955694f6acf2072a80537fdb612c8e58ec87a8ac",
        "2.1",
        "sd2",
        _EMA,
        "v",
    ),
)
