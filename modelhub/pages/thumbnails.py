"""Small pictures for pages, as data URIs: bounded in number and bytes, whatever the folder contains."""

from __future__ import annotations

import base64
import io
import logging
import os
import struct
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from PIL.Image import Image

_log = logging.getLogger(__name__)

# Pixels of a thumbnail's longer side: twice what the page shows, for dense screens.
SIDE = 128
# A page of 10,000 rows must open at once: so many pictures, and so many bytes of them, are carried; the rest have none.
MOST, ALL_BYTES = 400, 8_000_000
# Without Pillow a picture of fewer bytes is carried as it is.
LARGEST_RAW = 200_000
# More pixels than any preview has; decoding them would take seconds.
MOST_PIXELS = 64_000_000
_QUALITY = {"JPEG": 78, "WEBP": 70}
_MOST_THREADS = 8
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
_SIGNATURES = ((b"\x89PNG\r\n\x1a\n", "png"), (b"\xff\xd8\xff", "jpeg"), (b"GIF8", "gif"))


class Thumbnails:
    """The pictures of one page, bounded in number and bytes.

    `side`: pixels of the longer side; `most_bytes`: of all pictures together, before they are encoded as text. `count`
    is that of the pictures in the page; `left_out` counts those that were too many, or too large without Pillow.
    """

    def __init__(self, *, side: int = SIDE, most: int = MOST, most_bytes: int = ALL_BYTES, form: str = "JPEG") -> None:
        self.count = 0
        self.left_out = 0
        self._side, self._most, self._most_bytes, self._form = side, most, most_bytes, form
        self._bytes = 0
        self._shrinks = has_pillow()

    def uri(self, path: Path | None) -> str:
        """Return the picture at `path` as a data URI; "" without one, for a damaged one, or on a full page."""
        return next(self.uris([path]))

    def uris(self, paths: Sequence[Path | None]) -> Iterator[str]:
        """Yield what `uri` returns for each path, in their order; pictures are read by several threads."""
        threads = min(_MOST_THREADS, os.cpu_count() or 1, max(1, len(paths)))
        # Pillow warns of damaged metadata; filters of warnings are those of the whole process, not of a thread.
        with warnings.catch_warnings(action="ignore"), ThreadPoolExecutor(max_workers=threads) as pool:
            for path, found in zip(paths, pool.map(self._read, paths), strict=True):
                yield self._taken(path, found)

    def _read(self, path: Path | None) -> tuple[str, bytes] | None:
        if path is None or self._is_full():
            return None
        return _thumbnail(path, self._side, self._form) if self._shrinks else _unchanged_image(path)

    def _taken(self, path: Path | None, found: tuple[str, bytes] | None) -> str:
        """Return a picture that was read as a data URI, "" where the page has no room for it."""
        if path is None:
            return ""
        if self._is_full() or (found is None and not self._shrinks and _is_large(path)):
            self.left_out += 1
            return ""
        if found is None:
            return ""
        kind, content = found
        self.count += 1
        self._bytes += len(content)
        return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"

    def _is_full(self) -> bool:
        return self.count >= self._most or self._bytes >= self._most_bytes


def _is_large(path: Path) -> bool:
    try:
        return path.stat().st_size >= LARGEST_RAW
    except OSError:
        return False


def has_pillow() -> bool:
    """Return whether pictures can be made smaller."""
    try:
        import PIL.Image  # noqa: F401
    except ImportError:
        return False
    return True


def _thumbnail(path: Path, side: int, form: str) -> tuple[str, bytes] | None:
    from PIL import Image, ImageOps

    try:
        with Image.open(path, formats=_FORMATS) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                return None
            picture.draft("RGB", (side, side))
            upright = ImageOps.exif_transpose(picture)
            upright.thumbnail((side, side), Image.Resampling.LANCZOS)
            return _encoded(_on_gray(upright), form)
    # What Pillow's readers raise for damaged files of one format or another.
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, KeyError, TypeError, struct.error) as exc:
        _log.debug("no thumbnail of %s: %s", path, exc)
    except Image.DecompressionBombError as exc:
        _log.debug("no thumbnail of %s: %s", path, exc)
    return None


def _encoded(picture: Image, form: str) -> tuple[str, bytes]:
    stream = io.BytesIO()
    try:
        picture.save(stream, form, quality=_QUALITY[form])
    except (OSError, KeyError):  # a Pillow without WebP
        form, stream = "JPEG", io.BytesIO()
        picture.save(stream, form, quality=_QUALITY[form])
    return form.lower(), stream.getvalue()


def _on_gray(picture: Image) -> Image:
    """Convert to RGB, with a neutral gray where the picture is transparent."""
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    from PIL import Image

    ground = Image.new("RGBA", picture.size, (128, 128, 128, 255))
    ground.alpha_composite(picture.convert("RGBA"))
    return ground.convert("RGB")


def _unchanged_image(path: Path) -> tuple[str, bytes] | None:
    """Return the file's own bytes, if they are few and begin as a picture does."""
    try:
        with path.open("rb") as stream:
            content = stream.read(LARGEST_RAW)
    except OSError:
        return None
    if len(content) >= LARGEST_RAW:
        return None
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "webp", content
    kind = next((kind for signature, kind in _SIGNATURES if content.startswith(signature)), None)
    return (kind, content) if kind else None
