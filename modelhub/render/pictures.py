"""Pictures with their recipe inside, and the preview that a UI shows for a model.

A PNG that modelhub writes has two text chunks: `parameters`, in AUTOMATIC1111's form, and `modelhub`, the recipe as
JSON in plain ASCII. Pillow (extra `render`) is imported where it is needed; reading a recipe does not need it.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shutil
import struct
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from modelhub.errors import ModelhubError
from modelhub.storage import errors
from modelhub.storage.atomic_write import check_replaceable
from modelhub.storage.durable import retry_while_locked
from modelhub.storage.sidecar_names import PREVIEW_SUFFIXES

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

CHUNK = "modelhub"
_COMPRESSION = 4  # a tenth of the time of the best compression, for 7 % more bytes
SIGNATURE = b"\x89PNG\r\n\x1a\n"
LARGEST_RECIPE = 1 << 20  # bytes; a written one has fewer than two thousand

# Samplers → their labels in A1111's list.
SAMPLER_LABELS = {
    "ddim": "DDIM",
    "euler": "Euler",
    "euler-a": "Euler a",
    "dpm++-2m": "DPM++ 2M",
}
# Digits of a SHA-256 that A1111 shows: AutoV2 for checkpoints and VAEs, twelve for networks.
MODEL_DIGITS, NETWORK_DIGITS = 10, 12


def parameters_text(recipe: Mapping[str, object]) -> str:
    """Return the recipe as A1111's `parameters` text: prompt, negative prompt, and one line of "Name: value".

    Keys: prompt, negative_prompt, steps, sampler, guidance, seed, width, height, model, model_hash, adapters (list of
    {kind: lora|embedding|hypernetwork|vae, name, hash, strength}), modelhub_version; a missing one is left out.
    Source of order and quoting: `create_infotext` and `quote` of AUTOMATIC1111's web UI 1.10. The noise of a render
    test is always drawn on the CPU, which A1111 calls `RNG: CPU`.
    """
    adapters = _adapters(recipe)
    vae = next((a for a in adapters if a.get("kind") == "vae"), {})
    hypernetwork = next((a for a in adapters if a.get("kind") == "hypernetwork"), {})
    width, height = recipe.get("width"), recipe.get("height")
    sampler = recipe.get("sampler")
    version = recipe.get("modelhub_version")
    fields: dict[str, object] = {
        "Steps": recipe.get("steps"),
        "Sampler": SAMPLER_LABELS.get(str(sampler), sampler),
        "CFG scale": _number(recipe.get("guidance")),
        "Seed": recipe.get("seed"),
        "Size": f"{width}x{height}" if width and height else None,
        "Model hash": _digits(recipe.get("model_hash"), MODEL_DIGITS),
        "Model": recipe.get("model"),
        "VAE hash": _digits(vae.get("hash"), MODEL_DIGITS),
        "VAE": vae.get("name"),
        "RNG": "CPU",
        "Hypernet": hypernetwork.get("name"),
        "Hypernet strength": _number(hypernetwork.get("strength")),
        "Lora hashes": _hash_list(adapters, "lora"),
        "TI hashes": _hash_list(adapters, "embedding"),
        "Version": f"modelhub {version}" if version else None,
    }
    lines = [_prompt(recipe, adapters)]
    if recipe.get("negative_prompt"):
        lines.append(f"Negative prompt: {recipe['negative_prompt']}")
    lines.append(", ".join(f"{name}: {_quoted(value)}" for name, value in fields.items() if value not in (None, "")))
    return "\n".join(lines).strip()


def _adapters(recipe: Mapping[str, object]) -> list[Mapping[str, object]]:
    given = recipe.get("adapters")
    return [a for a in given if isinstance(a, Mapping)] if isinstance(given, (list, tuple)) else []


def _prompt(recipe: Mapping[str, object], adapters: list[Mapping[str, object]]) -> str:
    """Return the prompt with `<lora:name:strength>` for each LoRA that it does not contain yet."""
    text = str(recipe.get("prompt") or "")
    for adapter in adapters:
        name = _network_name(adapter)
        if adapter.get("kind") == "lora" and f"<lora:{name}:" not in text:
            text += f" <lora:{name}:{_number(adapter.get('strength', 1))}>"
    return text.strip()


def _network_name(adapter: Mapping[str, object]) -> str:
    """Return the name without the characters that end a tag or separate its parts."""
    return re.sub(r"[:<>\r\n]", "_", str(adapter.get("name") or ""))


def _hash_list(adapters: list[Mapping[str, object]], kind: str) -> str | None:
    named = ((_network_name(a), _digits(a.get("hash"), NETWORK_DIGITS)) for a in adapters if a.get("kind") == kind)
    return ", ".join(f"{name}: {digest}" for name, digest in named if digest) or None


def _digits(digest: object, count: int) -> str | None:
    return str(digest)[:count] if digest else None


def _number(value: object) -> object:
    """Return a whole float as an int, as A1111 writes it."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _quoted(value: object) -> str:
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if re.search("[,\n:]", text) else text


def write_png(path: Path, pixels: NDArray[np.uint8], *, recipe: Mapping[str, object]) -> None:
    """Write RGB pixels (height, width, 3; uint8) as a PNG with its recipe, replacing the file in one step.

    `parameters` is iTXt (UTF-8) where Latin-1 does not suffice. Raise ModelhubError when the file cannot be written.
    """
    from PIL import Image, PngImagePlugin

    if pixels.ndim != 3 or pixels.shape[2] != 3 or str(pixels.dtype) != "uint8":
        raise ValueError(f"RGB pixels of eight bits are needed, not {pixels.dtype} {pixels.shape}")
    texts = PngImagePlugin.PngInfo()
    texts.add_text("parameters", _encodable(parameters_text(recipe)))
    texts.add_text(CHUNK, json.dumps(dict(recipe), default=str))
    picture = Image.fromarray(pixels)
    write_beside(path, lambda stream: picture.save(stream, "PNG", pnginfo=texts, compress_level=_COMPRESSION))


def _encodable(text: str) -> str:
    """Return text without NUL, which ends a text chunk, and with "?" for lone surrogates, which file names may have."""
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def write_beside(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Fill a temporary file beside `path` with `write`, then rename it to `path`; creates the folder.

    Raise ModelhubError; the temporary file is removed then.
    """
    check_replaceable(path)
    temporary = path.with_name(f".{os.urandom(6).hex()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("xb") as stream:
            write(stream)
        retry_while_locked(lambda: os.replace(temporary, path))  # noqa: PTH105
    except OSError as exc:
        raise errors.from_os_error(exc, path, "write") from exc
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def read_recipe(path: Path) -> dict[str, object] | None:
    """Return the recipe in a PNG that modelhub wrote; None for other, broken and missing files."""
    try:
        with path.open("rb") as stream:
            text = next((value for name, value in _texts(stream) if name == CHUNK), None)
        found = json.loads(text) if text is not None else None
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _texts(stream: BinaryIO) -> Iterator[tuple[str, str]]:
    """Yield keyword and value of the plain text chunks before the pixels (PNG specification, 11.3.3: Latin-1)."""
    if stream.read(8) != SIGNATURE:
        return
    while len(head := stream.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        if kind in (b"IDAT", b"IEND"):
            return
        if kind != b"tEXt" or length > LARGEST_RECIPE:
            stream.seek(length + 4, io.SEEK_CUR)
            continue
        name, _, value = stream.read(length).partition(b"\0")
        yield name.decode("latin-1"), value.decode("latin-1")
        stream.seek(4, io.SEEK_CUR)  # the checksum


def thumbnail(path: Path, size: int) -> Image:
    """Return the picture as RGB within `size` × `size` pixels, never enlarged.

    Raise ModelhubError for a file that is missing, broken or not a picture.
    """
    from PIL import Image

    try:
        with Image.open(path) as picture:
            picture.draft("RGB", (size, size))
            picture.thumbnail((size, size), Image.Resampling.LANCZOS)
            return picture.convert("RGB")
    except FileNotFoundError as exc:
        raise errors.from_os_error(exc, path, "read") from exc
    # Errors that Pillow's readers raise for damaged files of one format or another.
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, struct.error, Image.DecompressionBombError) as exc:
        raise ModelhubError(f"Could not read {path}: it is damaged or not a picture.", "Render it again.") from exc


def write_preview(picture: Path, model: Path, *, replace: bool = False) -> Path | None:
    """Copy a picture to `<stem>.preview.png` beside the model, the name that A1111, ComfyUI's managers and others show.

    A preview of any format that modelhub did not write is kept, and None is returned. With `replace` such a
    `<stem>.preview.png` is overwritten; files of other names are never touched. Raise ModelhubError.
    """
    stem = model.name if model.is_dir() else model.stem
    target = model.with_name(f"{stem}.preview.png")
    if not replace and any(_is_foreign(model.with_name(name)) for name in _preview_names(stem)):
        return None
    try:
        with picture.open("rb") as source:
            write_beside(target, lambda stream: shutil.copyfileobj(source, stream))
    except OSError as exc:
        raise errors.from_os_error(exc, picture, "read") from exc
    return target


def _preview_names(stem: str) -> Iterator[str]:
    for suffix in PREVIEW_SUFFIXES:
        yield f"{stem}.preview{suffix}"
        yield f"{stem}{suffix}"


def _is_foreign(path: Path) -> bool:
    return os.path.lexists(path) and read_recipe(path) is None
