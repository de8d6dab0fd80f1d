"""Finding model files."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from modelhub.storage.model_names import MODEL_SUFFIXES
from modelhub.storage.walk import UNFINISHED, FoundModel, walk


def put(path: Path, size: int = 3) -> Path:
    """Make a file of `size` bytes, with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(size))
    return path


def names(folder: Path) -> list[str]:
    """Return the paths that the walk finds, relative to `folder`."""
    return [found.path.relative_to(folder).as_posix() for found in walk(folder)]


def test_every_model_suffix_in_any_case_is_found_with_its_facts(tmp_path: Path) -> None:
    """Size, time and inode are those of the file."""
    for suffix in MODEL_SUFFIXES:
        put(tmp_path / "深い" / f"a b{suffix.upper()}", 7)
    found = list(walk(tmp_path))
    assert {item.path.suffix.lower() for item in found} == MODEL_SUFFIXES
    for item in found:
        status = item.path.stat()
        assert item == FoundModel(item.path, 7, status.st_mtime_ns, status.st_ino)


def test_unfinished_hidden_and_other_files_are_skipped(tmp_path: Path) -> None:
    """Unfinished downloads, hidden folders, system folders, pictures and notes are not models."""
    for name in (
        "a.safetensors.part", "b.ckpt.crdownload", "c.pt.tmp", "d.pt.aria2", ".e.pt", "._f.safetensors", "g.png",
        "h.json", "safetensors", ".git/i.bin", "$RECYCLE.BIN/j.ckpt", "__MACOSX/k.pt", ".modelhub/l.pt",
    ):  # fmt: skip
        put(tmp_path / name)
    put(tmp_path / "model.ckpt")
    assert names(tmp_path) == ["model.ckpt"]


def test_the_order_is_that_of_the_names(tmp_path: Path) -> None:
    """Two walks over the same folder give the same list."""
    for name in ("b/2.pt", "a/1.pt", "c.pt", "a/0.pt"):
        put(tmp_path / name)
    assert names(tmp_path) == ["c.pt", "a/0.pt", "a/1.pt", "b/2.pt"]


def diffusers(folder: Path, components: tuple[str, ...] = ("unet", "vae")) -> Path:
    """Make a diffusers folder with weights of 10 bytes in each component."""
    index = {"_class_name": "StableDiffusionPipeline"} | {name: ["diffusers", "X"] for name in components}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model_index.json").write_text(json.dumps(index))
    for name in components:
        put(folder / name / "diffusion_pytorch_model.safetensors", 10)
        put(folder / name / "config.json", 1)
    return folder


def test_a_diffusers_folder_is_one_model(tmp_path: Path) -> None:
    """Its size is that of all its files, and its components are not listed; other models in it are."""
    folder = diffusers(tmp_path / "pipeline")
    put(folder / "v1-5-pruned.ckpt", 5)
    put(folder / "loras" / "x.safetensors", 4)
    found = {item.path.relative_to(tmp_path).as_posix(): item for item in walk(tmp_path)}
    assert list(found) == ["pipeline", "pipeline/v1-5-pruned.ckpt", "pipeline/loras/x.safetensors"]
    whole = found["pipeline"]
    assert whole.kind == "diffusers"
    assert whole.size == 2 * 11 + (folder / "model_index.json").stat().st_size
    assert whole.inode == folder.stat().st_ino


def test_an_index_without_weights_is_not_a_model(tmp_path: Path) -> None:
    """A folder into which one file was pulled has the index but no components."""
    (tmp_path / "model_index.json").write_text('{"unet": ["diffusers", "X"]}')
    put(tmp_path / "unet" / "config.json")
    put(tmp_path / "a.ckpt")
    assert names(tmp_path) == ["a.ckpt"]


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000, "\ud800"])
def test_a_broken_index_takes_all_sub_folders_as_components(tmp_path: Path, text: str) -> None:
    """A diffusers folder is recognized without the content of its index."""
    diffusers(tmp_path)
    (tmp_path / "model_index.json").write_text(text, errors="surrogatepass")
    assert [(item.path, item.kind) for item in walk(tmp_path)] == [(tmp_path, "diffusers")]


def test_loops_of_links_end_and_links_to_files_count(tmp_path: Path) -> None:
    """Each real folder is entered once; a link to a file is a file."""
    real = put(tmp_path / "a" / "x.pt", 9)
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    (tmp_path / "b").symlink_to(tmp_path / "a")
    (tmp_path / "self").symlink_to("self")
    (tmp_path / "link.pt").symlink_to(real)
    (tmp_path / "dangling.pt").symlink_to("nowhere")
    problems: list[str] = []
    found = list(walk(tmp_path, on_problem=lambda path, reason: problems.append(path.name)))
    assert [item.path.name for item in found] == ["link.pt", "x.pt"]
    assert {item.inode for item in found} == {real.stat().st_ino}
    assert "dangling.pt" in problems


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_folder_is_reported_and_the_rest_is_found(tmp_path: Path) -> None:
    """One locked folder does not hide the others."""
    put(tmp_path / "a.pt")
    closed = tmp_path / "closed"
    closed.mkdir(mode=0)
    problems: list[Path] = []
    try:
        found = list(walk(tmp_path, on_problem=lambda path, reason: problems.append(path)))
    finally:
        closed.chmod(0o700)
    assert [item.path.name for item in found] == ["a.pt"]
    assert problems == [closed]


def test_a_missing_folder_is_reported(tmp_path: Path) -> None:
    """An unplugged drive is a problem, not a crash."""
    problems: list[Path] = []
    assert list(walk(tmp_path / "gone", on_problem=lambda path, reason: problems.append(path))) == []
    assert problems == [tmp_path / "gone"]


def test_a_folder_named_like_a_model_is_not_a_file(tmp_path: Path) -> None:
    """Only regular files are models; a pipe with such a name is not."""
    put(tmp_path / "folder.ckpt" / "inner.pt")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.ckpt")
    assert names(tmp_path) == ["folder.ckpt/inner.pt"]


def test_very_deep_folders_are_walked(tmp_path: Path) -> None:
    """The nesting may exceed Python's own stack."""
    folders = [tmp_path]
    for _ in range(1200):
        folders.append(folders[-1] / "d")
        folders[-1].mkdir()
    model = folders[-1] / "x.pt"
    model.touch()
    try:
        assert [item.path.name for item in walk(tmp_path)] == ["x.pt"]
    finally:
        # Removed here: the test runner's own cleaning is recursive.
        model.unlink()
        for folder in reversed(folders[1:]):
            folder.rmdir()


SAFETENSORS = (2).to_bytes(8, "little") + b"{}" + bytes(100)
TORCH = b"PK\x03\x04" + bytes(100)


def put_content(path: Path, content: bytes) -> Path:
    """Make a file with this content."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_a_file_that_begins_like_a_model_is_found_without_its_suffix(tmp_path: Path) -> None:
    """What wget, browsers and content addresses leave is found, and marked as not named as a model."""
    unnamed = ["130072", "a.dat", "m.ckpt.txt", "x.safetensors.1", "y.safetensors (1)", "z.safetensor", "q"]
    for name, content in zip(unnamed, [SAFETENSORS] * 3 + [TORCH] * 3 + [b"GGUF" + bytes(99)], strict=True):
        put_content(tmp_path / name, content)
    put_content(tmp_path / "named.pt", TORCH)
    found = {item.path.name: item.named for item in walk(tmp_path)}
    assert found == dict.fromkeys(unnamed, False) | {"named.pt": True}


def test_names_of_other_kinds_and_unfinished_downloads_are_not_opened(tmp_path: Path) -> None:
    """A picture, a text and a download in progress are not models, whatever they begin with."""
    for name in ("a.png", "b.txt", "c.safetensors.part", "d.crdownload", "e.json", ".f", "g", "g.aria2"):
        put_content(tmp_path / name, SAFETENSORS)
    passed: dict[str, str] = {}
    assert list(walk(tmp_path, on_pass=lambda path, why: passed.update({path.name: why}))) == []
    assert passed == {"c.safetensors.part": UNFINISHED}


def test_unfinished_downloads_are_passed_over_as_such_if_they_may_be_models(tmp_path: Path) -> None:
    """By a model's suffix inside of the name, or by their size; other programs' temporary files are not mentioned."""
    put_content(tmp_path / "anime.ckpt.aria2", b"control")
    put_content(tmp_path / "Unconfirmed 12.crdownload", bytes(2_000_000))
    put_content(tmp_path / "notes.tmp", b"text" * 50)
    put_content(tmp_path / "safari.safetensors.download" / "safari.safetensors", SAFETENSORS)
    passed: dict[str, str] = {}
    assert list(walk(tmp_path, on_pass=lambda path, why: passed.update({path.name: why}))) == []
    assert passed == {
        "anime.ckpt.aria2": UNFINISHED,
        "Unconfirmed 12.crdownload": UNFINISHED,
        "safari.safetensors.download": UNFINISHED,
    }


def test_what_may_be_of_interest_and_is_not_a_model_is_passed_over_with_a_reason(tmp_path: Path) -> None:
    """Archives, models that were set aside, and files that do not begin like the model that they are named after."""
    put_content(tmp_path / "a.7z", b"7z\xbc\xaf\x27\x1c" + bytes(99))
    put_content(tmp_path / "b", b"Rar!\x1a\x07" + bytes(99))
    put_content(tmp_path / "c.safetensors.disabled", SAFETENSORS)
    put_content(tmp_path / "d.safetensors.1", b"<!DOCTYPE html>" + bytes(99))
    put_content(tmp_path / "e.blob", bytes(2_000_000))
    put_content(tmp_path / "small", b"nothing" * 20)
    passed: dict[str, str] = {}
    assert list(walk(tmp_path, on_pass=lambda path, why: passed.update({path.name: why}))) == []
    assert sorted(passed) == ["a.7z", "b", "c.safetensors.disabled", "d.safetensors.1", "e.blob"]
    assert "RAR" in passed["b"]
    assert "no program loads it" in passed["c.safetensors.disabled"]


def test_the_nameless_files_of_a_hub_cache_are_not_found_beside_their_links(tmp_path: Path) -> None:
    """`snapshots` has the same files under their names."""
    cache = tmp_path / "models--a--b"
    blob = put_content(cache / "blobs" / "0123abcd", SAFETENSORS)
    (cache / "snapshots" / "1").mkdir(parents=True)
    (cache / "snapshots" / "1" / "m.safetensors").symlink_to(blob)
    assert names(tmp_path) == ["models--a--b/snapshots/1/m.safetensors"]


def test_only_the_head_of_a_strange_file_is_read(tmp_path: Path) -> None:
    """A sparse file of a terabyte is judged at once."""
    path = put_content(tmp_path / "huge", SAFETENSORS)
    os.truncate(path, 1 << 40)
    assert names(tmp_path) == ["huge"]
