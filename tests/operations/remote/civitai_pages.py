"""Pages of Civitai as they are today, on this machine: the newest version is another model than the one people mean."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from modelhub.testing.files import networks, safetensors_file
from modelhub.testing.files.networks import SMALL
from modelhub.testing.files.tensors import cast
from tests.operations.remote.hubs import civitai_file, civitai_item, civitai_version

# Page → its versions, newest first: number, name, base model, file. Facts: real answers and quoted addresses.
_PAGES: dict[int, tuple[str, tuple[tuple[int, str, str, str], ...]]] = {
    9409: (
        "万象熔炉 | Anything XL",
        (
            (384264, "XL", "SDXL 1.0", "AnythingXL_xl.safetensors"),
            (90854, "Ink", "SD 1.5", "AnythingXL_inkBase.safetensors"),
            (30163, "V5", "SD 1.5", "AnythingXL_v50.safetensors"),
            (34373, "V3", "SD 1.5", "AnythingXL_v30.ckpt"),
        ),
    ),
    4201: (
        "Realistic Vision V6.0 B1",
        (
            (501240, "V5.1 Hyper (VAE)", "SD 1.5 Hyper", "realisticVisionV60B1_v51HyperVAE.safetensors"),
            (501286, "V5.1 Hyper-Inpaint (VAE)", "SD 1.5 Hyper", "realisticVisionV60B1_v51HyperInpaintVAE.safetensors"),
            (130072, "V5.1 (VAE)", "SD 1.5", "realisticVisionV60B1_v51VAE.safetensors"),
            (130090, "V5.1-inpainting (VAE)", "SD 1.5", "realisticVisionV60B1_v51VAE-inpainting.safetensors"),
            (245598, "V6.0 B1 (VAE)", "SD 1.5", "realisticVisionV60B1_v60B1VAE.safetensors"),
        ),
    ),
}


def pages() -> list[dict[str, Any]]:
    """Return the pages as the API lists them."""
    return [
        civitai_item(
            *(
                civitai_version(
                    number,
                    civitai_file(
                        file, version=number, metadata={"format": _format(file), "size": "full", "fp": "fp16"}
                    ),
                    model=page,
                    name=name,
                    baseModel=base,
                    trainedWords=[],
                )
                for number, name, base, file in versions
            ),
            number=page,
            name=title,
            type="Checkpoint",
            tags=["anime"],
        )
        for page, (title, versions) in _PAGES.items()
    ]


def contents(folder: Path) -> dict[str, bytes]:
    """Return the files of the pages: small models of the true layouts, the XL one's included."""
    held = {}
    for _, versions in _PAGES.values():
        for number, _, base, file in versions:
            if file.endswith(".ckpt"):
                continue
            tensors = networks.sdxl(SMALL) if base.startswith("SDXL") else networks.sd1(SMALL)
            path = folder / file
            safetensors_file.write(path, cast(tensors, "F16"), seed=number)
            held[file] = path.read_bytes()
    return held


def _format(file: str) -> str:
    return "PickleTensor" if file.endswith(".ckpt") else "SafeTensor"
