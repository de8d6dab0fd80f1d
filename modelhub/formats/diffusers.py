"""Diffusers folders: `model_index.json` names the components, each a sub-folder of configuration and weights."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modelhub.domain import Format
from modelhub.formats.header import Header, PickleGlobal, PickleScan, Problem, TensorInfo

INDEX = "model_index.json"
_MAX_JSON = 4 << 20  # bytes of one configuration
# Base names of weights in the order in which diffusers prefers them.
_WEIGHTS = ("diffusion_pytorch_model", "model", "pytorch_model")
_SUFFIXES = (".safetensors", ".bin")
# Components that hold no weights.
_WITHOUT_WEIGHTS = ("scheduler", "tokenizer", "tokenizer_2", "tokenizer_3", "feature_extractor", "image_processor")


@dataclass(slots=True)
class _FolderContents:
    """The sum of the components' files."""

    size: int = 0
    tensors: dict[str, TensorInfo] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    globals: list[PickleGlobal] = field(default_factory=list)
    findings: list[tuple[str, str]] = field(default_factory=list)


def read(folder: Path, *, read_file: Callable[[Path], Header]) -> Header:
    """Read the folder as one model; `read_file` reads a component's weights. Raise OSError when it cannot be listed."""
    contents = _FolderContents(size=sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()))
    index = _read_json(folder / INDEX, INDEX, contents)
    components = index if isinstance(index, dict) else {}
    if index is not None and not isinstance(index, dict):
        contents.problems.append(Problem(f"{INDEX} is not a JSON object.", fatal=True))
    for name, value in components.items():
        if name.startswith("_") or not _is_component(value):
            continue
        _read_component(folder, name, contents, read_file)
    return Header(
        format=Format.DIFFUSERS,
        size=contents.size,
        tensors=contents.tensors,
        metadata=contents.metadata,
        pickle=PickleScan(globals=tuple(contents.globals), findings=tuple(contents.findings))
        if contents.globals or contents.findings
        else None,
        problems=tuple(contents.problems),
    )


def _is_component(value: Any) -> bool:
    """Return whether a value is `["library", "Class"]`; a component that is left out is `[null, null]`."""
    return isinstance(value, list) and len(value) == 2 and all(isinstance(part, str) for part in value)


def _read_component(folder: Path, name: str, contents: _FolderContents, read_file: Callable[[Path], Header]) -> None:
    if "/" in name or "\\" in name or name in ("", ".", ".."):
        contents.problems.append(
            Problem(f"{INDEX} names a component {name!r}, which is not a valid folder name.", fatal=True)
        )
        return
    place = folder / name
    if not place.is_dir():
        contents.problems.append(Problem(f"Component {name} is missing: there is no folder {name}/.", fatal=True))
        return
    for config in ("config.json", "scheduler_config.json"):
        if (place / config).is_file():
            _read_json(place / config, f"{name}/{config}", contents)
    if name in _WITHOUT_WEIGHTS or name.startswith(("scheduler", "tokenizer")):
        return
    files = list(_find_weights(place, name, contents))
    if not files:
        contents.problems.append(
            Problem(f"Component {name} has no weights in {name}/.", fatal=name != "safety_checker")
        )
    for path in files:
        header = read_file(path)
        contents.tensors.update({f"{name}/{tensor}": info for tensor, info in header.tensors.items()})
        contents.problems += [Problem(f"{name}/{path.name}: {p.text}", fatal=p.fatal) for p in header.problems]
        if header.format is Format.UNKNOWN:
            contents.problems.append(Problem(f"{name}/{path.name} is not a model file.", fatal=True))
        if header.pickle is not None:
            contents.globals += header.pickle.globals
            contents.findings += [
                (severity, f"{name}/{path.name}: {text}") for severity, text in header.pickle.findings
            ]


def _find_weights(place: Path, name: str, contents: _FolderContents) -> Iterator[Path]:
    """Yield one set of the component's weights: safetensors before pickles, the plain variant before `fp16`."""
    names = sorted(path.name for path in place.iterdir() if path.suffix in (*_SUFFIXES, ".json"))
    for suffix in _SUFFIXES:
        for stem in _WEIGHTS:
            single = [n for n in names if n.startswith(f"{stem}.") and n.endswith(suffix) and "-of-" not in n]
            if single:
                yield place / min(single, key=lambda n: (n.count("."), "non_ema" in n, n))
                return
            shards = [n for n in names if n.startswith(f"{stem}-") and n.endswith(suffix) and "-of-" in n]
            shards += [n for n in names if n.startswith(f"{stem}.") and n.endswith(suffix) and "-of-" in n]
            if shards:
                yield from _find_shards(place, name, stem, suffix, shards, contents)
                return


def _find_shards(
    place: Path, name: str, stem: str, suffix: str, shards: list[str], contents: _FolderContents
) -> Iterator[Path]:
    indexes = sorted(path for path in place.glob(f"{stem}{suffix}.index*.json"))
    listed = _read_json(indexes[0], f"{name}/{indexes[0].name}", contents) if indexes else None
    mapping = listed.get("weight_map") if isinstance(listed, dict) else None
    wanted = {v for v in mapping.values() if isinstance(v, str)} if isinstance(mapping, dict) else set(shards)
    missing = sorted(wanted - set(shards))
    contents.problems += [Problem(f"Shard {name}/{shard} is missing.", fatal=True) for shard in missing[:8]]
    yield from (place / shard for shard in sorted(wanted & set(shards)))


def _read_json(path: Path, name: str, contents: _FolderContents) -> Any:
    """Return the value of a configuration, whose text is added to the metadata; None when it cannot be read."""
    try:
        if path.stat().st_size > _MAX_JSON:
            contents.problems.append(Problem(f"{name} is larger than any configuration."))
            return None
        text = path.read_text(encoding="utf-8-sig")
        value = json.loads(text)
    except (OSError, ValueError, RecursionError) as exc:
        contents.problems.append(Problem(f"{name} cannot be read: {exc}.", fatal=name == INDEX))
        return None
    contents.metadata[name] = text
    return value
