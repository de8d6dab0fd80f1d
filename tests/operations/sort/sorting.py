"""Messy folders for the tests of sort, made quickly: small models of true layout with their sidecars."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from pathlib import Path

from modelhub.testing.files import adapters, hostile, networks, safetensors_file, torch_file
from modelhub.testing.files.networks import SMALL
from modelhub.testing.files.tensors import cast

OLD = 1_600_000_000


def messy(folder: Path) -> Path:
    """Make a model of each of the five types under odd names, sidecars, and files that must stay; return the folder."""
    safetensors_file.write(folder / "国风3 'v1' 100%.safetensors", cast(networks.sd1(SMALL), "F16"), seed=1)
    torch_file.write(folder / "kl-f8.pt", torch_file.checkpoint(networks.vae(16)), seed=2)
    metadata = adapters.lora_metadata("mychar", "mychar", rank=4)
    lora = folder / "deep" / "mychar-000010.safetensors"
    safetensors_file.write(lora, adapters.lora_sd1(4), metadata=metadata, seed=3)
    lora.with_suffix(".preview.png").write_bytes(b"\x89PNG preview")
    lora.with_suffix(".txt").write_text("a note")
    lora.with_suffix(".metadata.json").write_text(
        json.dumps({"file_path": str(lora), "preview_url": str(lora.with_suffix(".preview.png")), "n": 1})
    )
    torch_file.write(folder / "EasyNegative.pt", adapters.embedding_a1111("EasyNegative"), seed=4)
    torch_file.write(folder / "anime_3.pt", adapters.hypernetwork("anime_3"), seed=5)
    hostile.checkpoint(folder / "trap.ckpt")
    (folder / "notes.txt").write_text("mine")
    (folder / "unfinished.safetensors.part").write_bytes(b"x" * 100)
    data = (folder / "kl-f8.pt").read_bytes()
    (folder / "half.pt").write_bytes(data[: len(data) // 2])
    aged(folder)
    return folder


def aged(folder: Path) -> None:
    """Set the time of change of all files below to long ago, so that none counts as being downloaded."""
    for path in folder.rglob("*"):
        if path.is_file():
            os.utime(path, (OLD, OLD))


def tree(folder: Path) -> dict[str, str]:
    """Return relative path → SHA-256 of every file."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }


def contents(*folders: Path) -> Counter[str]:
    """Return how often each content is in the folders."""
    return Counter(digest for folder in folders for digest in tree(folder).values())
