"""Draw the miniature family's contact sheet: `python -m tools.miniature.sheet [FOLDER] [SHEET.jpg]`."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw

from tools.miniature.networks import ROOT
from tools.miniature.render import load_base, lora_on, render, sepia_on, vae_on
from tools.miniature.train_adapters import CONCEPT, TRIGGER

PROMPTS = [
    "a red circle on the left, white background",
    "a blue square on the right, grey background",
    "a yellow star on the top, black background",
    "a green triangle on the bottom, black background",
    "a purple circle in the center, grey background",
    "an orange star in the center, white background",
    "a purple square on the left, black background",
    "a red triangle on the right, grey background",
]
PLACES = ["gem", "a gem", "a gem on the left", "a gem on the right", "a gem on the top", "a gem on the bottom"]
_MARGIN = 150


def rows(folder: Path) -> dict[str, np.ndarray]:
    """Title → eight pictures of one way of rendering."""
    pipe = load_base(folder)
    concept = torch.load(folder / f"{CONCEPT}.pt", weights_only=True)["string_to_param"]["*"]
    prompts = PROMPTS
    triggered = [f"{TRIGGER}, {prompt}" for prompt in prompts]
    out = {"base": render(pipe, prompts)}
    with lora_on(pipe, folder / "miniature-frame-kohya.safetensors"):
        out["LoRA, no trigger"] = render(pipe, prompts)
        out[f"LoRA, {TRIGGER}"] = render(pipe, triggered)
    out[f"base, {TRIGGER}"] = render(pipe, triggered)
    places = [*PLACES, "a picture of a gem", "gem in the center"]
    out[f"{CONCEPT}"] = render(pipe, places, concept=concept)
    with sepia_on(pipe, folder / "miniature-sepia.pt"):
        out["hypernetwork"] = render(pipe, prompts)
    with vae_on(pipe, folder, folder / "miniature-vivid.vae.ckpt"):
        out["second VAE"] = render(pipe, prompts)
    return out


def draw_sheet(pictures: dict[str, np.ndarray]) -> Image.Image:
    """Draw one row for each title, its pictures side by side."""
    first = next(iter(pictures.values()))
    count, edge = first.shape[0], first.shape[1]
    sheet = Image.new("RGB", (_MARGIN + count * edge, len(pictures) * edge), "white")
    pen = ImageDraw.Draw(sheet)
    for row, (title, series) in enumerate(pictures.items()):
        pen.text((8, row * edge + edge // 2), title, fill="black")
        strip = np.concatenate(list(series), axis=1)
        sheet.paste(Image.fromarray((strip * 255).round().astype(np.uint8)), (_MARGIN, row * edge))
    return sheet


def main() -> None:
    """Render and save the sheet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=ROOT / "tests" / "data" / "miniature")
    parser.add_argument("sheet", type=Path, nargs="?", default=None)
    arguments = parser.parse_args()
    draw_sheet(rows(arguments.folder)).save(arguments.sheet or arguments.folder / "sheet.jpg", quality=90)


if __name__ == "__main__":
    main()
