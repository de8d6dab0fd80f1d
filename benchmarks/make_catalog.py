"""Fill a catalog with synthetic models: `python benchmarks/make_catalog.py FILE [COUNT]`."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

from modelhub.catalog import Catalog, NewFile, NewLocation, NewModel
from modelhub.domain import (
    Detection,
    Format,
    Hashes,
    Inspection,
    ModelType,
    SafetyReport,
    Source,
    TriggerWord,
    Verdict,
)

_TYPES = (ModelType.LORA,) * 7 + (ModelType.BASE, ModelType.EMBEDDING, ModelType.VAE)
_ARCHITECTURES = ("sd1", "sdxl", "sd1", "flux", "sd2")


def models(folder: Path, count: int) -> Iterator[NewModel]:
    """Yield `count` different models in the mix that collectors have: mostly LoRAs."""
    for number in range(count):
        digest = hashlib.sha256(str(number).encode()).hexdigest()
        path = folder / f"{digest[:2]}" / f"model-{digest[:12]}.safetensors"
        look = Inspection(
            path=path,
            size=150_000_000 + number,
            format=Format.SAFETENSORS,
            detection=Detection(
                type=_TYPES[number % len(_TYPES)],
                architecture=_ARCHITECTURES[number % len(_ARCHITECTURES)],
                precision="fp16",
                trigger_words=(TriggerWord(f"word{number % 977}", "dataset folder"),),
            ),
            safety=SafetyReport(Verdict.SAFE),
            hashes=Hashes(sha256=digest, blake3=digest[::-1], crc32=digest[:8], autov3=digest[8:20]),
        )
        place = NewLocation(path=path, size=look.size, mtime_ns=number, inode=number + 1)
        yield NewModel(
            name=path.stem,
            files=(NewFile(inspection=look, location=place),),
            sources=(Source(kind="local", reference=str(path)),),
            rules_version=1,
        )


def fill(file: Path, count: int) -> None:
    """Write a catalog of `count` models at `file`."""
    with Catalog.open(file) as catalog:
        catalog.ensure_root(file.parent / "models")
        for _ in catalog.record_many(models(file.parent / "models", count), batch=2000):
            pass


if __name__ == "__main__":
    fill(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 100_000)
