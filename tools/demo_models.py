"""The models of the demo: repositories for its hub, and a folder of downloads as people have them."""

from __future__ import annotations

import json
import os
import struct
import time
from pathlib import Path

from modelhub.testing.files import adapters, folders, hostile, networks, safetensors_file, torch_file
from modelhub.testing.files.networks import SMALL
from modelhub.testing.files.tensors import Tensor, Tensors, cast
from modelhub.testing.hubs.hub import Repository

SUCCESSOR = "stable-diffusion-v1-5/stable-diffusion-v1-5"
_LICENSE = {"license": "creativeml-openrail-m", "pipeline_tag": "text-to-image"}


_RECIPE = {
    "format": "pt",
    "sd_merge_recipe": json.dumps(
        {
            "type": "webui",
            "primary_model_hash": "6ce0161689b3853acaa03779ec93eafe75a02f4ced659bee03f50797806fa2fa",
            "secondary_model_hash": "879db523c30d3b9017143d56705015e15a2cb5628762c11d086fed9538abd7fd",
            "interp_method": "Weighted sum",
            "multiplier": 0.3,
            "save_as_half": True,
        }
    ),
}


def repositories(folder: Path) -> dict[str, Repository]:
    """Make the hub's repositories below a folder. SD 1.5's old home is not among them, as it is not at today's hub."""
    return {
        SUCCESSOR: _repository(_sd15(folder / "sd15"), card=_LICENSE, tags=("diffusers", "text-to-image")),
        "stabilityai/sd-vae-ft-mse-original": _repository(_vae(folder / "vae"), card={"license": "mit"}),
        "painter/red-dress-lora": _repository(
            _lora(folder / "lora"), card={"base_model": SUCCESSOR, "instance_prompt": "reddress"}, tags=("lora",)
        ),
        "painter/soft-light": _repository(_embedding(folder / "embedding")),
        "stranger/free-upgrade": _repository(_trap(folder / "trap")),
    }


def downloads(folder: Path) -> Path:
    """Fill a folder with files whose names say little or mislead; two are bad. One more is in `incoming`."""
    main, both = networks.sd1(SMALL), networks.sd1(SMALL, both=True)
    word = adapters.lora_metadata("mychar", "mychar", rank=4)
    safetensors_file.write(folder / "国风3 GuoFeng3.2.safetensors", cast(main, "F16"), seed=11)
    torch_file.write(folder / "model (1).ckpt", torch_file.checkpoint(both, global_step=470000), seed=12)
    safetensors_file.write(
        folder / "inpaint_final_v2.ckpt", cast(networks.sd1(SMALL, inputs=9, schedule=False), "F16"), seed=13
    )
    torch_file.write(folder / "kl-f8.vae.pt", torch_file.checkpoint(networks.vae(16)), seed=14)
    safetensors_file.write(folder / "mychar-000010.safetensors", adapters.lora_sd1(4), metadata=word, seed=15)
    safetensors_file.write(folder / "New folder" / "slider.safetensors", adapters.lora_sdxl_self_attention(), seed=16)
    torch_file.write(folder / "New folder" / "EasyNegative.pt", adapters.embedding_a1111("EasyNegative"), seed=17)
    torch_file.write(folder / "New folder" / "anime_3.pt", adapters.hypernetwork("anime_3"), seed=18)
    # Of true size, but a hole on the disk; it is only looked into.
    safetensors_file.write(
        folder.parent / "incoming" / "mix-final-7.safetensors", _merged(), metadata=_RECIPE, sparse=True
    )
    hostile.checkpoint(folder / "New folder" / "speed_boost.pt")
    _cut(safetensors_file.write(folder / "half.safetensors", cast(networks.vae(16), "F16"), seed=19))
    (folder / "read me.txt").write_text("Not a model.\n", encoding="utf-8")
    return folder


def messy(folder: Path) -> Path:
    """Fill a folder with the same downloads a week later, with the files that UIs and managers leave beside them."""
    from PIL import Image

    downloads(folder)
    Image.new("RGB", (128, 128), (196, 60, 48)).save(folder / "mychar-000010.preview.png")
    Image.new("RGB", (128, 128), (60, 90, 160)).save(folder / "国风3 GuoFeng3.2.png")
    (folder / "mychar-000010.civitai.info").write_text(json.dumps({"trainedWords": ["mychar"]}), encoding="utf-8")
    week_ago = time.time() - 7 * 86400
    for path in folder.rglob("*"):
        os.utime(path, (week_ago, week_ago))
    return folder


def _repository(folder: Path, *, card: dict[str, str] | None = None, tags: tuple[str, ...] = ()) -> Repository:
    files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    return Repository(files=files, card=card or {}, tags=tags)


def _sd15(folder: Path) -> Path:
    main, both = networks.sd1(SMALL), networks.sd1(SMALL, both=True)
    folders.write(folder, seed=1)
    safetensors_file.write(folder / "v1-5-pruned-emaonly.safetensors", main, metadata={"format": "pt"}, seed=1)
    safetensors_file.write(folder / "v1-5-pruned.safetensors", both, metadata={"format": "pt"}, seed=1)
    torch_file.write(folder / "v1-5-pruned-emaonly.ckpt", torch_file.checkpoint(main), seed=1)
    torch_file.write(folder / "v1-5-pruned.ckpt", torch_file.checkpoint(both, global_step=840000), seed=1)
    (folder / "v1-inference.yaml").write_text("model: {}\n", encoding="utf-8")
    (folder / "README.md").write_text("---\nlicense: creativeml-openrail-m\n---\n", encoding="utf-8")
    return folder


def _vae(folder: Path) -> Path:
    name = "vae-ft-mse-840000-ema-pruned"
    safetensors_file.write(folder / f"{name}.safetensors", networks.vae(16), seed=2)
    torch_file.write(folder / f"{name}.ckpt", torch_file.checkpoint(networks.vae(16)), seed=2)
    return folder


def _lora(folder: Path) -> Path:
    metadata = adapters.lora_metadata("red-dress", "reddress", rank=8)
    safetensors_file.write(folder / "red-dress.safetensors", adapters.lora_sd1(8), metadata=metadata, seed=3)
    return folder


def _embedding(folder: Path) -> Path:
    safetensors_file.write(folder / "soft-light.safetensors", adapters.embedding(4), seed=4)
    return folder


def _trap(folder: Path) -> Path:
    hostile.checkpoint(folder / "upgrade.ckpt")
    return folder


def _merged() -> Tensors:
    """Return a merge as UIs write it: fp16 with a VAE of full precision, and position ids averaged as floats."""
    tensors = cast(networks.sd1(schedule=False), "F16", when=lambda name: not name.startswith("first_stage_model."))
    ids = struct.pack("<77f", *(number * 0.999 for number in range(77)))
    name = "cond_stage_model.transformer.text_model.embeddings.position_ids"
    return tensors | {name: Tensor("F32", (1, 77), ids)}


def _cut(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)
