"""Pictures have their recipe inside, readable by A1111 and modelhub, and never replace a user's preview."""

from __future__ import annotations

import json
import re
import struct
import zlib
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from modelhub.errors import ModelhubError, NotFoundError
from modelhub.render import pictures

np = pytest.importorskip("numpy")
pytest.importorskip("PIL")

RECIPE: dict[str, object] = {
    "prompt": "a red circle on the left, framestyle",
    "negative_prompt": "blurry, text",
    "steps": 20,
    "sampler": "euler-a",
    "guidance": 7.0,
    "seed": 1,
    "width": 512,
    "height": 768,
    "model": "miniature",
    "model_hash": "ab" * 32,
    "architecture": "sd1",
    "adapters": [
        {"kind": "lora", "name": "frame", "hash": "cd" * 6, "strength": 0.5},
        {"kind": "lora", "name": "other", "hash": "ef" * 6, "strength": 1.0},
        {"kind": "embedding", "name": "nightgem", "hash": "12" * 32, "strength": 1.0},
        {"kind": "hypernetwork", "name": "sepia", "hash": "34" * 32, "strength": 1.0},
        {"kind": "vae", "name": "vivid.vae.ckpt", "hash": "56" * 32, "strength": 1.0},
    ],
    "modelhub_version": "0.1.0",
    "dtype": "float32",
    "device": "cpu",
}


def drawing(height: int = 8, width: int = 12) -> Any:
    """Return a picture in which every pixel is different."""
    rows, columns = np.mgrid[0:height, 0:width]
    return np.stack([rows * 9, columns * 7, rows + columns], axis=-1).astype(np.uint8)


def chunks(path: Path) -> list[tuple[bytes, bytes]]:
    """Return every chunk of a PNG, its checksum verified."""
    content, found, at = path.read_bytes(), [], 8
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    while at < len(content):
        (length,) = struct.unpack(">I", content[at : at + 4])
        kind, data = content[at + 4 : at + 8], content[at + 8 : at + 8 + length]
        assert struct.unpack(">I", content[at + 8 + length : at + 12 + length]) == (zlib.crc32(kind + data),)
        found.append((kind, data))
        at += 12 + length
    return found


def parsed(text: str) -> tuple[str, str, dict[str, str]]:
    """Prompt, negative prompt and fields as A1111 takes them out of its text."""
    *lines, last = text.strip().split("\n")
    fields = re.findall(r'\s*(\w[\w \-/]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)', last)
    assert len(fields) >= 3
    negative_from = next((i for i, line in enumerate(lines) if line.startswith("Negative prompt:")), len(lines))
    negative = "\n".join(lines[negative_from:]).removeprefix("Negative prompt:").strip()
    values = {name: json.loads(value) if value.startswith('"') else value for name, value in fields}
    return "\n".join(lines[:negative_from]), negative, values


def test_the_parameters_text_is_what_a1111_parses() -> None:
    """Its own way of taking the text apart finds every value, quoted or not, in its order."""
    prompt, negative, fields = parsed(pictures.parameters_text(RECIPE))
    assert prompt == "a red circle on the left, framestyle <lora:frame:0.5> <lora:other:1>"
    assert negative == "blurry, text"
    assert fields == {
        "Steps": "20",
        "Sampler": "Euler a",
        "CFG scale": "7",
        "Seed": "1",
        "Size": "512x768",
        "Model hash": "ababababab",
        "Model": "miniature",
        "VAE hash": "5656565656",
        "VAE": "vivid.vae.ckpt",
        "RNG": "CPU",
        "Hypernet": "sepia",
        "Hypernet strength": "1",
        "Lora hashes": "frame: cdcdcdcdcdcd, other: efefefefefef",
        "TI hashes": "nightgem: 121212121212",
        "Version": "modelhub 0.1.0",
    }
    assert list(fields)[:7] == ["Steps", "Sampler", "CFG scale", "Seed", "Size", "Model hash", "Model"]


def test_names_with_separators_are_quoted_and_prompts_may_have_lines() -> None:
    """A comma, a colon or a quotation mark in a model's name does not spill into other fields."""
    recipe = RECIPE | {"prompt": "one,\ntwo", "model": 'a, Seed: 9, "b"', "adapters": [], "negative_prompt": "x\ny"}
    prompt, negative, fields = parsed(pictures.parameters_text(recipe))
    assert (prompt, negative) == ("one,\ntwo", "x\ny")
    assert fields["Model"] == 'a, Seed: 9, "b"'
    assert fields["Seed"] == "1"


def test_what_is_missing_is_left_out() -> None:
    """A sparse recipe makes a sparse text, without empty fields and without None."""
    text = pictures.parameters_text({"prompt": "p", "steps": 2, "sampler": "lcm", "seed": 0, "adapters": "?"})
    assert text == "p\nSteps: 2, Sampler: lcm, Seed: 0, RNG: CPU"


def test_a_lora_in_the_prompt_is_not_named_twice_and_its_name_cannot_end_the_tag() -> None:
    """A tag that is there stays as it is; characters that end a tag are replaced."""
    adapters = [{"kind": "lora", "name": "frame", "strength": 1}, {"kind": "lora", "name": "a:b>c", "strength": 1}]
    text = pictures.parameters_text({"prompt": "p <lora:frame:0.3>", "adapters": adapters})
    assert text.splitlines()[0] == "p <lora:frame:0.3> <lora:a_b_c:1>"


def test_a_png_holds_its_pixels_and_both_texts(tmp_path: Path) -> None:
    """An independent reader of chunks finds the texts, and Pillow the very pixels."""
    from PIL import Image

    path = tmp_path / "new" / "picture.png"
    pictures.write_png(path, drawing(), recipe=RECIPE)
    texts = dict(data.split(b"\0", 1) for kind, data in chunks(path) if kind == b"tEXt")
    assert texts[b"parameters"].decode("latin-1") == pictures.parameters_text(RECIPE)
    assert json.loads(texts[b"modelhub"]) == RECIPE
    assert pictures.read_recipe(path) == RECIPE
    with Image.open(path) as picture:
        assert (np.asarray(picture) == drawing()).all()
        assert picture.text["parameters"] == pictures.parameters_text(RECIPE)  # type: ignore[attr-defined]
    assert [p.name for p in path.parent.iterdir()] == ["picture.png"]


@pytest.mark.parametrize("prompt", ["一个红色的圆，水墨画", "café", "nul\0 and \ud83d half", "🦊"])
def test_every_script_survives_in_both_texts(tmp_path: Path, prompt: str) -> None:
    """Latin-1 goes to tEXt, all else to iTXt as UTF-8; the JSON brings back every character."""
    path = tmp_path / "水墨.png"
    pictures.write_png(path, drawing(), recipe={"prompt": prompt, "seed": 1})
    data = next(data for kind, data in chunks(path) if kind in (b"tEXt", b"iTXt") and data.startswith(b"parameters"))
    kind = next(kind for kind, found in chunks(path) if found is data or found == data)
    text = data.split(b"\0", 5)[-1].decode("utf-8") if kind == b"iTXt" else data.split(b"\0")[1].decode("latin-1")
    assert text.splitlines()[0] == prompt.replace("\0", "").replace("\ud83d", "?")
    assert kind == (b"tEXt" if prompt == "café" or "nul" in prompt else b"iTXt")
    assert pictures.read_recipe(path) == {"prompt": prompt, "seed": 1}


def test_an_earlier_picture_is_replaced_whole_or_kept(tmp_path: Path) -> None:
    """When the writing of the new one ends half-way, the old one stays and nothing is left lying about."""
    path = tmp_path / "picture.png"
    pictures.write_png(path, drawing(), recipe={"seed": 1})

    def interrupted(stream: BinaryIO) -> None:
        stream.write(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pictures.write_beside(path, interrupted)
    assert pictures.read_recipe(path) == {"seed": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_in_the_way_is_an_error_and_stays(tmp_path: Path) -> None:
    """The temporary file goes, what is there stays."""
    (tmp_path / "picture.png").mkdir()
    with pytest.raises(ModelhubError, match=r"picture\.png"):
        pictures.write_png(tmp_path / "picture.png", drawing(), recipe={})
    assert [p.name for p in tmp_path.iterdir()] == ["picture.png"]


def test_a_place_that_cannot_be_written_is_an_error_with_its_name(tmp_path: Path) -> None:
    """A file where a folder is needed."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ModelhubError, match="file"):
        pictures.write_png(tmp_path / "file" / "picture.png", drawing(), recipe={})


def test_only_rgb_bytes_are_taken(tmp_path: Path) -> None:
    """A float picture written as if it were bytes would be wrong without a word."""
    for wrong in (drawing().astype(np.float32), drawing()[..., 0], np.zeros((4, 4, 4), np.uint8)):
        with pytest.raises(ValueError, match="RGB"):
            pictures.write_png(tmp_path / "p.png", wrong, recipe={})


def _with_chunk(kind: bytes, data: bytes) -> bytes:
    head = b"\x89PNG\r\n\x1a\n"
    return head + struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"GIF89a",
        b"\x89PNG\r\n\x1a\n",
        b"\x89PNG\r\n\x1a\n\xff\xff\xff\xfftEXt",
        _with_chunk(b"tEXt", b"modelhub\0{not json"),
        _with_chunk(b"tEXt", b"modelhub\0[1]"),
        _with_chunk(b"tEXt", b"modelhub\0" + b"[" * 100_000),
        _with_chunk(b"tEXt", b"modelhub\0\xff\xfe"),
        _with_chunk(b"tEXt", b"modelhub"),
        _with_chunk(b"tEXt", b"parameters\0a cat"),
        _with_chunk(b"tEXt", b"modelhub\0" + b'{"a": "' + b"x" * (1 << 20) + b'"}'),
    ],
)
def test_foreign_and_broken_files_have_no_recipe(tmp_path: Path, content: bytes) -> None:
    """Whatever a file holds, the answer is None and no error."""
    (tmp_path / "p.png").write_bytes(content)
    assert pictures.read_recipe(tmp_path / "p.png") is None


def test_missing_files_and_folders_have_no_recipe(tmp_path: Path) -> None:
    """Asking costs nothing."""
    assert pictures.read_recipe(tmp_path / "none.png") is None
    assert pictures.read_recipe(tmp_path) is None


def test_thumbnails_shrink_and_keep_their_proportion(tmp_path: Path) -> None:
    """The longer side fits; a small picture stays as it is."""
    pictures.write_png(tmp_path / "p.png", np.zeros((300, 600, 3), np.uint8), recipe={})
    assert pictures.thumbnail(tmp_path / "p.png", 100).size == (100, 50)
    assert pictures.thumbnail(tmp_path / "p.png", 900).size == (600, 300)


def test_thumbnails_of_what_is_no_picture_are_errors_with_its_name(tmp_path: Path) -> None:
    """Missing, cut short, empty, a bomb, another kind of file: one kind of error."""
    pictures.write_png(
        tmp_path / "whole.png", np.random.default_rng(1).integers(0, 255, (64, 64, 3), np.uint8), recipe={}
    )
    whole = (tmp_path / "whole.png").read_bytes()
    bomb = bytearray(whole)
    bomb[16:24] = struct.pack(">II", 100_000, 100_000)
    bomb[29:33] = struct.pack(">I", zlib.crc32(bytes(bomb[12:29])))
    for content in (whole[:5000], b"", b"hello", bytes(bomb), whole[:40]):
        (tmp_path / "bad.png").write_bytes(content)
        with pytest.raises(ModelhubError, match=r"bad\.png"):
            pictures.thumbnail(tmp_path / "bad.png", 100)
    with pytest.raises(NotFoundError, match=r"gone\.png"):
        pictures.thumbnail(tmp_path / "gone.png", 100)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """A render of ours, outside the folder of the model."""
    pictures.write_png(tmp_path / "renders" / "r.png", drawing(), recipe={"seed": 1})
    return tmp_path / "renders" / "r.png"


@pytest.mark.parametrize(
    ("model", "preview"),
    [
        ("m.safetensors", "m.preview.png"),
        ("水墨 v1.5.safetensors", "水墨 v1.5.preview.png"),
        ("m.vae.pt", "m.vae.preview.png"),
    ],
)
def test_a_preview_takes_the_name_that_a1111_looks_for(tmp_path: Path, picture: Path, model: str, preview: str) -> None:
    """The model's name without its last suffix, and the recipe goes with it."""
    (tmp_path / model).write_bytes(b"weights")
    assert pictures.write_preview(picture, tmp_path / model) == tmp_path / preview
    assert (tmp_path / preview).read_bytes() == picture.read_bytes()
    assert (tmp_path / model).read_bytes() == b"weights"


def test_a_folder_has_its_preview_beside_it(tmp_path: Path, picture: Path) -> None:
    """A dot in a diffusers folder's name does not begin a suffix."""
    (tmp_path / "sd-1.5").mkdir()
    assert pictures.write_preview(picture, tmp_path / "sd-1.5") == tmp_path / "sd-1.5.preview.png"


def test_our_own_preview_is_renewed(tmp_path: Path, picture: Path) -> None:
    """A later render replaces an earlier one without being asked."""
    model = tmp_path / "m.safetensors"
    pictures.write_preview(picture, model)
    pictures.write_png(picture, drawing(), recipe={"seed": 2})
    assert pictures.write_preview(picture, model) == tmp_path / "m.preview.png"
    assert pictures.read_recipe(tmp_path / "m.preview.png") == {"seed": 2}


@pytest.mark.parametrize("name", ["m.preview.png", "m.png", "m.preview.jpg", "m.webp", "m.preview.mp4"])
def test_a_users_own_preview_is_kept(tmp_path: Path, picture: Path, name: str) -> None:
    """Of whatever format: another one beside it would take its place in the UI."""
    (tmp_path / name).write_bytes(b"mine")
    assert pictures.write_preview(picture, tmp_path / "m.safetensors") is None
    assert {p.name for p in tmp_path.iterdir() if p.is_file()} == {name}
    assert (tmp_path / name).read_bytes() == b"mine"


def test_replace_overwrites_the_preview_and_nothing_else(tmp_path: Path, picture: Path) -> None:
    """Asked for, the preview of that very name is replaced; pictures of other names stay."""
    (tmp_path / "m.preview.png").write_bytes(b"mine")
    (tmp_path / "m.jpg").write_bytes(b"also mine")
    assert pictures.write_preview(picture, tmp_path / "m.safetensors", replace=True) == tmp_path / "m.preview.png"
    assert pictures.read_recipe(tmp_path / "m.preview.png") == {"seed": 1}
    assert (tmp_path / "m.jpg").read_bytes() == b"also mine"


def test_anothers_preview_is_no_hindrance(tmp_path: Path, picture: Path) -> None:
    """`m2.png` belongs to another model."""
    (tmp_path / "m2.png").write_bytes(b"mine")
    assert pictures.write_preview(picture, tmp_path / "m.safetensors") is not None


def test_a_preview_of_a_missing_picture_is_an_error(tmp_path: Path) -> None:
    """The message names the picture, and no half preview is left."""
    with pytest.raises(NotFoundError, match=r"gone\.png"):
        pictures.write_preview(tmp_path / "gone.png", tmp_path / "m.safetensors")
    assert list(tmp_path.iterdir()) == []
