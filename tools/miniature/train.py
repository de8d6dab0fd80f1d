"""Train the miniature family and write it: `python -m tools.miniature.train WORK [--to FOLDER] [--only STAGE …]`.

Stages keep what they trained under WORK and are skipped when that is there, so that a broken run goes on.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPTextModel

from tools.miniature import pack
from tools.miniature.lora_dialects import LowRank
from tools.miniature.networks import ROOT, TEXT_WIDTH, UNET_WIDTHS
from tools.miniature.train_adapters import Hyper, train_hypernetwork, train_inversion, train_lora, train_vivid_vae
from tools.miniature.train_base import train_base
from tools.miniature.train_text import train_text
from tools.miniature.train_vae import polish_decoder, train_vae

DESTINATION = ROOT / "tests" / "data" / "miniature"
BASE_PICTURES, POLISH_STEPS, TEXT_STEPS = 3000, 1300, 1000
LORA_STEPS, INVERSION_STEPS, HYPERNETWORK_STEPS, VIVID_STEPS = 980, 410, 160, 250
LORA_STRENGTH = 0.88
"""What the trained LoRA is multiplied by: above it some pictures have a frame without the trigger word too."""


def main() -> None:
    """Train what is missing, then write every file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", type=Path, help="folder for what is trained, in full precision")
    parser.add_argument("--to", type=Path, default=DESTINATION, help="folder the model files are written to")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    work: Path = arguments.work
    work.mkdir(parents=True, exist_ok=True)
    log = work / "training.log"
    vae = trained_vae(work, log)
    unet, text = trained_base(work, vae, log)
    arguments.to.mkdir(parents=True, exist_ok=True)
    pack.write_base(arguments.to, vae=vae, unet=unet, text=text)
    write_adapters(arguments.to, work, log, vae=vae, unet=unet, text=text)


def trained_vae(work: Path, log: Path) -> AutoencoderKL:
    """Return the VAE, trained now or before."""
    if not (work / "vae").is_dir():
        vae = train_vae(seed=1, log=log)
        polish_decoder(vae, seed=7, steps=POLISH_STEPS, log=log)
        vae.save_pretrained(work / "vae")
    return AutoencoderKL.from_pretrained(work / "vae")


def trained_base(work: Path, vae: AutoencoderKL, log: Path) -> tuple[UNet2DConditionModel, CLIPTextModel]:
    """UNet and text encoder, trained now or before."""
    if not (work / "text_encoder").is_dir():
        train_text(seed=8, steps=TEXT_STEPS, log=log).save_pretrained(work / "text_encoder")
    if not (work / "unet").is_dir():
        text = CLIPTextModel.from_pretrained(work / "text_encoder")
        train_base(vae, text, seed=2, pictures=BASE_PICTURES, log=log).save_pretrained(work / "unet")
    return (
        UNet2DConditionModel.from_pretrained(work / "unet"),
        CLIPTextModel.from_pretrained(work / "text_encoder"),
    )


def write_adapters(
    folder: Path, work: Path, log: Path, *, vae: AutoencoderKL, unet: UNet2DConditionModel, text: CLIPTextModel
) -> None:
    """Train and write LoRA, textual inversion, hypernetwork and second VAE; each kept as one file of plain tensors."""
    lora_file, vectors_file, hyper_file, vivid = (work / n for n in ("lora.pt", "vectors.pt", "hyper.pt", "vivid"))
    if not lora_file.exists():
        lora = train_lora(vae, unet, text, seed=3, steps=LORA_STEPS, log=log)
        torch.save({name: (change.down, change.up) for name, change in lora.items()}, lora_file)
    changes = {name: LowRank(down=down, up=LORA_STRENGTH * up) for name, (down, up) in torch.load(lora_file).items()}
    pack.write_loras(folder, changes, unet)
    if not vectors_file.exists():
        torch.save(train_inversion(vae, unet, text, seed=4, steps=INVERSION_STEPS, log=log), vectors_file)
    pack.write_inversions(folder, torch.load(vectors_file))
    if not hyper_file.exists():
        trained = train_hypernetwork(vae, unet, text, seed=5, steps=HYPERNETWORK_STEPS, log=log)
        torch.save({width: [layer.state_dict() for layer in pair] for width, pair in trained.items()}, hyper_file)
    layers = {width: (Hyper(width), Hyper(width)) for width in sorted({TEXT_WIDTH, *UNET_WIDTHS})}
    for width, states in torch.load(hyper_file).items():
        for layer, state in zip(layers[width], states, strict=True):
            layer.load_state_dict(state)
    pack.write_hypernetwork(folder, layers)
    if not vivid.is_dir():
        train_vivid_vae(vae, seed=6, steps=VIVID_STEPS, log=log).save_pretrained(vivid)
    pack.write_second_vae(folder, AutoencoderKL.from_pretrained(vivid))


if __name__ == "__main__":
    main()
