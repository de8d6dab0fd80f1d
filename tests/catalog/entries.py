"""Made-up catalog entries for tests: no file behind them, every fact derived from a number."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from modelhub.catalog import NewFile, NewLocation, NewModel
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


def entry(
    folder: Path, number: int, *, name: str | None = None, content: int | None = None, **detected: Any
) -> NewModel:
    """Return model `number` in `folder`; `content` gives it another one's bytes, `detected` other answers."""
    digest = hashlib.sha256(str(number if content is None else content).encode()).hexdigest()
    path = folder / f"{name or f'model-{number}'}.safetensors"
    answers = {"type": ModelType.LORA, "architecture": "sd1", "precision": "fp16", **detected}
    look = Inspection(
        path=path,
        size=1000 + number,
        format=Format.SAFETENSORS,
        detection=Detection(**answers),
        safety=SafetyReport(Verdict.SAFE),
        hashes=Hashes(sha256=digest, blake3=digest[::-1], crc32=digest[:8], autov1=digest[9:17], autov3=digest[20:32]),
    )
    return NewModel(
        name=path.stem,
        files=(
            NewFile(
                inspection=look,
                location=NewLocation(path=path, size=1000 + number, mtime_ns=number, inode=number + 1),
            ),
        ),
        sources=(Source(kind="local", reference=str(path)),),
        rules_version=1,
    )


def word(text: str, source: str = "dataset folder") -> TriggerWord:
    """Return a trigger word."""
    return TriggerWord(text, source)
