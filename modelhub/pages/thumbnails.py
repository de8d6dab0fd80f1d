"""Small pictures for the report of a sort, as data URIs: bounded in number and bytes, whatever the folder contains."""

from __future__ import annotations

import base64
import io
import logging
import struct
import warnings
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
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
_SIGNATURES = ((b"\x89PNG\r\n\x1a\n", "png"), (b"\xff\xd8\xff", "jpeg"), (b"GIF8", "gif"))


class Thumbnails:
    """The pictures of one page, bounded in number and bytes."""

    def __init__(self) -> None:
        self._count = 0
        self._bytes = 0

    def uri(self, path: Path | None) -> str:
        """Return the picture at `path` as a data URI; "" without one, for a damaged one, or on a full page."""
        if path is None or self._count >= MOST or self._bytes >= ALL_BYTES:
            return ""
        found = _thumbnail(path)
        if found is None:
            return ""
        kind, content = found
        self._count += 1
        self._bytes += len(content)
        return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"


def _thumbnail(path: Path) -> tuple[str, bytes] | None:
    try:
        from PIL import Image, ImageOps
    except ImportError:
        return _unchanged_image(path)
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path, formats=_FORMATS) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                return None
            picture.draft("RGB", (SIDE, SIDE))
            upright = ImageOps.exif_transpose(picture)
            upright.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
            stream = io.BytesIO()
            _on_gray(upright).save(stream, "JPEG", quality=78)
            return "jpeg", stream.getvalue()
    # What Pillow's readers raise for damaged files of one format or another.
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, KeyError, TypeError, struct.error) as exc:
        _log.debug("no thumbnail of %s: %s", path, exc)
    except Image.DecompressionBombError as exc:
        _log.debug("no thumbnail of %s: %s", path, exc)
    return None


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
