"""Fourteen models with English and Chinese names, as a newcomer has them, small."""

from __future__ import annotations

from pathlib import Path

from modelhub.testing.files import adapters, hostile, networks, safetensors_file, torch_file
from modelhub.testing.files.tensors import cast

PRUNED, EMAONLY = "v1-5-pruned", "v1-5-pruned-emaonly"
REALISTIC = "麦橘写实 majicMIX realistic 麦橘写实 v7"
CORE = "动漫核心大模型-SDXL-正式版-v2.0-fp16"
INK = "水墨国风LoRA_笔触增强_v3"
DETAIL = "add_detail_very_long_name_with_many_parts-v2.0-final"


def write_models(folder: Path) -> Path:
    """Write the models into a folder and return it: bases, LoRAs, embeddings, a VAE, a trap and a cut file."""
    folder.mkdir(parents=True, exist_ok=True)
    small = networks.SMALL
    sd1 = networks.sd1(small)
    torch_file.write(folder / f"{PRUNED}.ckpt", torch_file.checkpoint(networks.sd1(small, both=True)), seed=1)
    safetensors_file.write(folder / f"{EMAONLY}.safetensors", sd1, seed=2)
    for seed, name in enumerate((REALISTIC, "anything-v5-prt-re", "Realistic_Vision_V5.1_fp16-no-ema"), 3):
        safetensors_file.write(folder / f"{name}.safetensors", cast(sd1, "F16"), seed=seed)
    safetensors_file.write(folder / f"{CORE}.safetensors", cast(networks.sdxl(small), "F16"), sparse=True)
    for seed, (name, word) in enumerate({"红裙 v1": "reddress", DETAIL: "detail", INK: "水墨"}.items(), 7):
        metadata = adapters.lora_metadata(name, word, rank=4)
        safetensors_file.write(folder / f"{name}.safetensors", adapters.lora_sd1(4), metadata=metadata, seed=seed)
    for seed, name in enumerate(("EasyNegative", "badhandv4-AnimeIllustDiffusion_手部修复"), 10):
        safetensors_file.write(folder / f"{name}.safetensors", adapters.embedding(), seed=seed)
    safetensors_file.write(folder / "vae-ft-mse-840000-ema-pruned.safetensors", networks.vae(16), seed=12)
    hostile.checkpoint(folder / "trap.pt")
    hostile.lying_header(folder / "下载了一半.safetensors")
    return folder
