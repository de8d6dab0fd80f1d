"""docs/library-page.png: the page of `list --report`, with models and pictures made for it.

    python -m tools.library_picture [FILE.png]

Needs Chromium and Pillow.
"""

from __future__ import annotations

import colorsys
import io
import random
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter

from modelhub.catalog import Catalog, ModelQuery, RenderRun
from modelhub.operations.library.add import add
from modelhub.operations.library_page import write_library_page
from modelhub.testing.files import adapters, networks, safetensors_file
from modelhub.testing.files.networks import SMALL
from tests.browser_session import browser

WIDTH, HEIGHT = 1400, 740
# Name, trigger word, base; without a word it is an embedding.
ADAPTERS = (
    ("红裙 v1", "hongqun", "sd_v1"),
    ("Ink Wash", "inkwash", "sd_v1"),
    ("EasyNegative", "", ""),
    ("Neon Noir XL", "neon noir", "sdxl_base_v1-0"),
    ("Paper Cut", "papercut", "sd_v1"),
)


def main(target: Path) -> int:
    """Make the library, write its page, and take the picture."""
    with tempfile.TemporaryDirectory(prefix="modelhub-picture-") as made:
        page = _page(Path(made))
        shot = Path(made) / "page.png"
        with browser() as session:
            session.open(page, width=WIDTH, height=HEIGHT)
            session.screenshot(shot)
        picture = Image.open(io.BytesIO(shot.read_bytes())).convert("RGB")
        picture.quantize(96, dither=Image.Dither.NONE).save(target, optimize=True)
    print(f"{target}: {target.stat().st_size:,} bytes")
    return 0


def _page(made: Path) -> Path:
    folder = made / "models"
    for number, (name, word, base) in enumerate(ADAPTERS):
        path = folder / ("loras" if word else "embeddings") / f"{name}.safetensors"
        layout = adapters.embedding() if not word else adapters.lora_sd1()
        if base.startswith("sdxl"):
            layout = adapters.lora_sdxl_self_attention()
        metadata = adapters.lora_metadata(word, word, base=base) if word else {}
        safetensors_file.write(path, layout, metadata=metadata, seed=number)
        if word:
            _painting(number).save(path.with_suffix(".preview.png"))
    base_model = folder / "checkpoints" / "v1-5-pruned.safetensors"
    safetensors_file.write(base_model, networks.sd1(SMALL), seed=9)
    _painting(11).save(base_model.with_suffix(".png"))
    with Catalog.open(made / "catalog.sqlite3") as catalog:
        list(add([folder], catalog=catalog))
        records = catalog.records(ModelQuery())
        for record in records:
            if "Ink" in record.name or "pruned" in record.name:
                catalog.add_render_run(RenderRun(model_id=record.id, verdict="ok", words="Works."))
        # Small files of true layout stand for the models: their sizes are those of real ones.
        sizes = {"base": 7_703_807_346, "lora": 151_108_832, "embedding": 24_760}
        shown = [replace(record, size=sizes[record.detection.type.value]) for record in records]
        write_library_page(made / "page.html", shown, catalog=catalog, library=made)
    return made / "page.html"


def _painting(seed: int) -> Image.Image:
    """Return a picture of soft circles in colors near each other."""
    chance = random.Random(seed)
    hue = seed * 0.382  # far from that of the picture before
    picture = Image.new("RGB", (256, 384), _color(hue, 0.35, 0.95))
    drawing = ImageDraw.Draw(picture)
    for step in range(18):
        x, y, radius = chance.randrange(256), chance.randrange(384), chance.randrange(12, 80)
        drawing.ellipse(
            (x - radius, y - radius, x + radius, y + radius),
            fill=_color(hue + chance.random() * 0.22, 0.65, 0.95 - step / 40),
        )
    return picture.filter(ImageFilter.GaussianBlur(4))


def _color(hue: float, saturation: float, value: float) -> tuple[int, int, int]:
    red, green, blue = colorsys.hsv_to_rgb(hue % 1, saturation, value)
    return round(red * 255), round(green * 255), round(blue * 255)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/library-page.png")))
