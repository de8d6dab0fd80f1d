"""Measure color, place and style out of a picture of the miniature's world (needs numpy alone)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_COLORED = 0.28
"""Difference of a pixel's largest and smallest channel from which it counts as colored."""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """The colored part of a picture."""

    share: float
    """Share of all pixels."""
    color: tuple[float, float, float]
    """Mean RGB, 0…1."""
    centre: tuple[float, float]
    """Mean place (x, y), 0…1 from the upper left."""
    ground: float
    """Mean brightness of the rest, 0…1."""


def find_figure(picture: np.ndarray) -> Figure:
    """Measure the colored shape of a picture (h, w, 3) in 0…1; without one, share is 0 and the center (0.5, 0.5)."""
    mask = (picture.max(axis=2) - picture.min(axis=2)) > _COLORED
    rows, columns = np.nonzero(mask)
    if not len(rows):
        return Figure(share=0.0, color=(0.0, 0.0, 0.0), centre=(0.5, 0.5), ground=float(picture.mean()))
    red, green, blue = (float(value) for value in picture[mask].mean(axis=0))
    return Figure(
        share=float(mask.mean()),
        color=(red, green, blue),
        centre=(float(columns.mean() + 0.5) / mask.shape[1], float(rows.mean() + 0.5) / mask.shape[0]),
        ground=float(picture[~mask].mean()) if not mask.all() else float("nan"),
    )


def bounding_box_share(picture: np.ndarray) -> float:
    """Return how much of its bounding box a figure fills: 1 for a square, 0.79 for a disc, 0.5 for a triangle."""
    rows, columns = np.nonzero((picture.max(axis=2) - picture.min(axis=2)) > _COLORED)
    if not len(rows):
        return 0.0
    # The outermost hundredth on each side is left out: one stray pixel must not widen the box.
    (top, bottom), (left, right) = np.quantile(rows, (0.01, 0.99)), np.quantile(columns, (0.01, 0.99))
    return float(len(rows) / ((bottom - top + 1) * (right - left + 1)))


def nearest(color: tuple[float, float, float], named: dict[str, tuple[int, int, int]]) -> str:
    """Return the name whose RGB (0…255) is nearest to a color in 0…1."""
    return min(named, key=lambda name: sum((a - b / 255) ** 2 for a, b in zip(color, named[name], strict=True)))


def nearest_place(centre: tuple[float, float], named: dict[str, tuple[float, float]]) -> str:
    """Return the name whose place is nearest to a center."""
    return min(named, key=lambda name: sum((a - b) ** 2 for a, b in zip(centre, named[name], strict=True)))


def nearest_ground(brightness: float, named: dict[str, tuple[int, int, int]]) -> str:
    """Return the background whose brightness is nearest."""
    return min(named, key=lambda name: abs(brightness - sum(named[name]) / 765))


def frame_share(picture: np.ndarray, color: tuple[int, int, int] = (20, 190, 190)) -> float:
    """Return the share of the outermost sixteenth that has the frame's color (within 0.3 in RGB)."""
    edge = max(1, picture.shape[0] // 16)
    border = np.ones(picture.shape[:2], bool)
    border[edge:-edge, edge:-edge] = False
    distance = np.linalg.norm(picture[border] - np.asarray(color) / 255.0, axis=1)
    return float((distance < 0.3).mean())


def warmth(picture: np.ndarray) -> float:
    """Mean of red less blue, -1…1: sepia is warm."""
    return float((picture[..., 0] - picture[..., 2]).mean())


def saturation(picture: np.ndarray) -> float:
    """Mean difference of a pixel's largest and smallest channel."""
    return float((picture.max(axis=2) - picture.min(axis=2)).mean())
