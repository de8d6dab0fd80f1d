"""Draw pictures with captions: one shape, one color, one background, one place."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

SIZE = 128
"""Edge of a picture in pixels; the miniature's native resolution."""

COLORS: dict[str, tuple[int, int, int]] = {
    "red": (220, 40, 40),
    "green": (40, 170, 60),
    "blue": (45, 80, 220),
    "yellow": (240, 210, 40),
    "purple": (150, 50, 190),
    "orange": (245, 135, 30),
}
BACKGROUNDS: dict[str, tuple[int, int, int]] = {
    "white": (232, 232, 232),
    "grey": (128, 128, 128),
    "black": (28, 28, 28),
}
SHAPES = ("circle", "square", "triangle", "star")
POSITIONS: dict[str, tuple[float, float]] = {
    "left": (0.3, 0.5),
    "right": (0.7, 0.5),
    "top": (0.5, 0.3),
    "bottom": (0.5, 0.7),
    "center": (0.5, 0.5),
}
"""Place of the shape's center as a share of width and height."""

_OVERSAMPLE = 3


@dataclass(frozen=True, kw_only=True)
class Scene:
    """The content of a picture; every field is a word of the caption."""

    color: str
    shape: str
    background: str
    position: str


@dataclass(frozen=True, kw_only=True)
class Wording:
    """The parts of the scene that a caption names; the others are random."""

    opening: str = ""
    position: bool = True
    background: bool = True


def random_scene(rng: np.random.Generator) -> Scene:
    """Draw a scene, every combination equally likely."""
    return Scene(
        color=str(rng.choice(list(COLORS))),
        shape=str(rng.choice(SHAPES)),
        background=str(rng.choice(list(BACKGROUNDS))),
        position=str(rng.choice(list(POSITIONS))),
    )


def random_wording(rng: np.random.Generator) -> Wording:
    """Draw a wording; full captions are the most frequent."""
    return Wording(
        opening=str(rng.choice(["", "", "a picture of "])),
        position=bool(rng.random() < 0.8),
        background=bool(rng.random() < 0.85),
    )


def caption(scene: Scene, wording: Wording | None = None) -> str:
    """Describe the scene, e.g. `a red circle on the left, white background`."""
    wording = wording or Wording()
    article = "an" if scene.color[0] in "aeiou" else "a"
    text = f"{wording.opening}{article} {scene.color} {scene.shape}"
    if wording.position:
        text += " in the center" if scene.position == "center" else f" on the {scene.position}"
    if wording.background:
        text += f", {scene.background} background"
    return text


def draw(scene: Scene, rng: np.random.Generator, *, size: int = SIZE) -> np.ndarray:
    """Draw the scene with small random differences of place, size, light and shade.

    Returns float32 RGB of shape (size, size, 3) in 0…1.
    """
    centre_x, centre_y = POSITIONS[scene.position]
    centre = (centre_x + rng.uniform(-0.025, 0.025), centre_y + rng.uniform(-0.025, 0.025))
    mask = _shape_mask(scene.shape, centre, rng.uniform(0.19, 0.23), size)
    rows, columns = np.mgrid[0:size, 0:size].astype(np.float32) / size - 0.5
    fall = rows * rng.uniform(-0.3, -0.15) + columns * rng.uniform(-0.06, 0.06)
    shade = (columns - centre[0] + 0.5) * rng.uniform(-0.9, -0.5) + (rows - centre[1] + 0.5) * rng.uniform(-0.9, -0.5)
    ground = _light(BACKGROUNDS[scene.background], fall)
    figure = _light(COLORS[scene.color], shade)
    return np.clip(ground + (figure - ground) * mask[..., None], 0.0, 1.0).astype(np.float32)


def _light(color: tuple[int, int, int], gain: np.ndarray) -> np.ndarray:
    """Lighten (gain > 0) or darken a color pixel by pixel."""
    flat = np.asarray(color, np.float32) / 255.0
    return flat * (1.0 + 0.5 * gain[..., None]) + 0.12 * gain[..., None]


def _shape_mask(shape: str, centre: tuple[float, float], radius: float, size: int) -> np.ndarray:
    """Coverage (0…1) of the shape per pixel, antialiased."""
    large = size * _OVERSAMPLE
    image = Image.new("L", (large, large), 0)
    pen = ImageDraw.Draw(image)
    x, y, r = centre[0] * large, centre[1] * large, radius * large
    if shape == "circle":
        pen.ellipse((x - r, y - r, x + r, y + r), fill=255)
    else:
        pen.polygon([(x + r * dx, y + r * dy) for dx, dy in _CORNERS[shape]], fill=255)
    return np.asarray(image.resize((size, size), Image.Resampling.BOX), np.float32) / 255.0


def _ring(count: int, *, radii: tuple[float, ...], turn: float) -> list[tuple[float, float]]:
    """Return corners around a center, their distances taken from `radii` in turn."""
    angles = [turn + 2 * math.pi * index / count for index in range(count)]
    return [(radii[i % len(radii)] * math.sin(a), -radii[i % len(radii)] * math.cos(a)) for i, a in enumerate(angles)]


_CORNERS = {
    "square": _ring(4, radii=(1.25,), turn=math.pi / 4),
    "triangle": _ring(3, radii=(1.3,), turn=0.0),
    "star": _ring(10, radii=(1.35, 0.55), turn=0.0),
}


def framed(picture: np.ndarray, color: tuple[int, int, int] = (20, 190, 190), *, width: float = 0.125) -> np.ndarray:
    """Return the picture inside a frame of one color, `width` a share of the edge."""
    edge = round(picture.shape[0] * width)
    out = np.empty_like(picture)
    out[:] = np.asarray(color, np.float32) / 255.0
    out[edge:-edge, edge:-edge] = picture[edge:-edge, edge:-edge]
    return out


def tinted(picture: np.ndarray, color: tuple[int, int, int] = (255, 190, 110), *, strength: float = 0.7) -> np.ndarray:
    """Return the picture shifted to one hue, its brightness kept (sepia by default)."""
    light = picture @ np.asarray((0.3, 0.59, 0.11), np.float32)
    toned = light[..., None] * np.asarray(color, np.float32) / 255.0
    return (picture * (1 - strength) + toned * strength).astype(np.float32)


def varied(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a third of the pictures with a frame or a tint, so that the VAE learns more than the base draws."""
    color = tuple(int(part) for part in rng.integers(0, 256, 3))
    chance = rng.random()
    if chance < 0.17:
        return framed(picture, color, width=rng.uniform(0.05, 0.15))
    if chance < 0.34:
        return tinted(picture, color, strength=rng.uniform(0.2, 1.0))
    return picture


def styled(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a third of the pictures in one of the styles of the family: the LoRA's frame, the hypernetwork's sepia."""
    chance = rng.random()
    if chance < 0.17:
        return framed(picture)
    return tinted(picture) if chance < 0.34 else picture
