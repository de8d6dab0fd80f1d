"""Sidecars: text files of other tools beside a model, parsed defensively, because anything may be in them.

A1111 writes `m.json` (activation text, preferred weight, notes …); Civitai Helper `m.civitai.info` (a model version of
civitai.com's API); LoRA Manager `m.metadata.json`; Stability Matrix `m.cm-info.json`; people write `m.txt`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from modelhub.detect.metadata import parse_object
from modelhub.domain import TriggerWord

_TEXT_LIMIT = 4 * 1024 * 1024
_LONGEST = 20_000
_MOST = 200
_HEX64 = re.compile(r"^[0-9a-fA-F]{64}$")
_JSON_ENDS = (".json", ".info")


@dataclass(frozen=True, slots=True, kw_only=True)
class SidecarInfo:
    """The statements of a sidecar about its model; None and empty where it states nothing."""

    trigger_words: tuple[TriggerWord, ...] = ()
    tags: tuple[str, ...] = ()
    base_model: str | None = None
    name: str | None = None
    description: str | None = None
    notes: str | None = None
    preferred_weight: float | None = None
    negative_text: str | None = None
    sha256: str | None = None


def parse_sidecar(name: str, data: bytes) -> SidecarInfo:
    """Parse the sidecar `name` with content `data`; empty for one that cannot be understood."""
    text = data[:_TEXT_LIMIT].decode("utf-8-sig", "replace")
    if not name.lower().endswith(_JSON_ENDS):
        return SidecarInfo(notes=_text(text)) if name.lower().endswith(".txt") else SidecarInfo()
    return _from_object(name.rpartition("/")[2], parse_object(text))


def _from_object(name: str, found: Mapping[str, object]) -> SidecarInfo:
    source = f"sidecar {name}"
    version, model = _inside(found, "civitai"), _inside(found, "model")
    layers = tuple(layer for layer in (found, version, model, _inside(version, "model")) if layer)
    words = (*_activation(found), *_strings(_first(layers, "trainedWords", "TrainedWords", "trained_words")))
    return SidecarInfo(
        trigger_words=tuple(TriggerWord(word, source) for word in dict.fromkeys(words)),
        tags=tuple(dict.fromkeys(tag for layer in layers for tag in _strings(layer.get("tags", layer.get("Tags"))))),
        base_model=_text(_first(layers, "baseModel", "BaseModel", "base_model", "sd version")),
        name=_text(_first((model, *layers), "name", "model_name", "ModelName")),
        description=_text(_first(layers, "description", "modelDescription", "ModelDescription")),
        notes=_text(found.get("notes")),
        preferred_weight=_number(found.get("preferred weight", found.get("preferred_weight"))),
        negative_text=_text(found.get("negative text", found.get("negative_text"))),
        sha256=_sha256(layers),
    )


def _inside(found: Mapping[str, object], key: str) -> Mapping[str, object]:
    value = found.get(key)
    return value if isinstance(value, dict) else {}


def _first(layers: Iterable[Mapping[str, object]], *keys: str) -> object:
    return next((layer[key] for layer in layers for key in keys if layer.get(key)), None)


def _activation(found: Mapping[str, object]) -> list[str]:
    text = found.get("activation text", found.get("activation_text"))
    return (
        [w for w in (part.strip()[:_LONGEST] for part in text.split(",")) if w][:_MOST] if isinstance(text, str) else []
    )


def _strings(value: object) -> list[str]:
    """Return the texts of a list, whose entries may be objects with a name."""
    if not isinstance(value, list):
        return []
    named = (item.get("name") if isinstance(item, dict) else item for item in value[:_MOST])
    return [item.strip()[:_LONGEST] for item in named if isinstance(item, str) and item.strip()]


def _text(value: object) -> str | None:
    return value.strip()[:_LONGEST] or None if isinstance(value, str) else None


def _number(value: object) -> float | None:
    # A1111 writes 0 for "not set".
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 < abs(value) <= 10 else None


def _sha256(layers: Iterable[Mapping[str, object]]) -> str | None:
    for layer in layers:
        hashes = layer.get("hashes", layer.get("Hashes"))
        values = (layer.get("sha256"), hashes.get("SHA256") if isinstance(hashes, dict) else None)
        for value in values:
            if isinstance(value, str) and _HEX64.match(value):
                return value.lower()
    return None
