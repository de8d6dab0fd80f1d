"""Diffusers folders: `model_index.json` names the components, each a sub-folder of configuration and weights."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modelhub.domain import Format
from modelhub.formats.folders.configs import component_findings, is_folder_name, shard_findings, shard_names
from modelhub.formats.folders.contents import FileReport, judge_file
from modelhub.formats.folders.listing import FolderFile, list_folder
from modelhub.formats.header import Header, PickleScan, Problem, TensorInfo

INDEX = "model_index.json"
_MAX_JSON = 4 << 20  # bytes of one configuration
_MAX_GLOBALS = 20_000  # of all files together
_MAX_FINDINGS = 400
_WORST_FIRST = {"dangerous": 0, "suspicious": 1, "unrecognised": 2, "note": 3}
# Base names of weights in the order in which diffusers prefers them.
_WEIGHTS = ("diffusion_pytorch_model", "model", "pytorch_model")
_SUFFIXES = (".safetensors", ".bin")
# Components that hold no weights.
_WITHOUT_WEIGHTS = ("scheduler", "tokenizer", "tokenizer_2", "tokenizer_3", "feature_extractor", "image_processor")


@dataclass(slots=True)
class _FolderContents:
    """The sum of the folder's files."""

    files: dict[str, FolderFile] = field(default_factory=dict)
    reports: dict[str, FileReport] = field(default_factory=dict)
    tensors: dict[str, TensorInfo] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    findings: list[tuple[str, str]] = field(default_factory=list)


def read(folder: Path, *, read_file: Callable[[Path], Header]) -> Header:
    """Read the folder as one model; `read_file` reads a file of it. Raise OSError when it cannot be listed.

    Every file is judged: the findings are those of all of them. Tensors and problems are those of the files that
    diffusers would load.
    """
    contents = _FolderContents()
    index = _read_json(folder / INDEX, INDEX, contents)
    components = index if isinstance(index, dict) else {}
    if not isinstance(index, dict):
        text = f"{INDEX} is not a JSON object."
        contents.findings.append(("unrecognised", text))
        if index is not None:
            contents.problems.append(Problem(text, fatal=True))
    listing = list_folder(folder, components=components)
    contents.files = {file.relative: file for file in listing.files}
    contents.findings += listing.findings
    contents.findings += component_findings(components, INDEX)
    _judge_files(contents, read_file)
    for name, value in components.items():
        if not name.startswith("_") and _is_component(value):
            _read_component(folder, name, contents)
    found = tuple(one for report in contents.reports.values() for one in report.globals)
    findings = list(dict.fromkeys((*contents.findings, *(f for r in contents.reports.values() for f in r.findings))))
    if len(found) > _MAX_GLOBALS:
        findings.append(("suspicious", f"Its pickles name {len(found)} functions and classes, more than any model's."))
    findings.sort(key=lambda finding: _WORST_FIRST.get(finding[0], 0))
    return Header(
        format=Format.DIFFUSERS,
        size=sum(file.size for file in listing.files),
        tensors=contents.tensors,
        metadata=contents.metadata,
        pickle=PickleScan(globals=found[:_MAX_GLOBALS], findings=tuple(findings[:_MAX_FINDINGS]))
        if found or findings
        else None,
        problems=tuple(contents.problems),
    )


def _judge_files(contents: _FolderContents, read_file: Callable[[Path], Header]) -> None:
    """Judge every file, each content once; index files first, because they name other files as weights."""
    shards: set[str] = set()
    for file in contents.files.values():
        if ".index." in file.path.name and file.path.suffix.lower() == ".json":
            if file.size > _MAX_JSON:
                contents.findings.append(("suspicious", f"{file.relative} is larger than any index of shards."))
            index = _parse_json(file.path)
            contents.findings += shard_findings(index, file.relative)
            prefix = file.relative.rpartition("/")[0]
            shards |= {f"{prefix}/{name}" if prefix else name for name in shard_names(index)}
    judged: dict[tuple[int, int, str], str] = {}
    for file in contents.files.values():
        same = judged.setdefault((*file.identity, file.path.suffix.lower()), file.relative)
        if same == file.relative or file.relative in shards:
            contents.reports[file.relative] = judge_file(file, read_file=read_file, shards=shards)
        else:
            contents.reports[file.relative] = FileReport(contents.reports[same].header)


def _is_component(value: Any) -> bool:
    """Return whether a value is `["library", "Class"]`; a component that is left out is `[null, null]`."""
    return isinstance(value, list) and len(value) in (2, 3) and all(isinstance(part, str) for part in value[:2])


def _read_component(folder: Path, name: str, contents: _FolderContents) -> None:
    if not is_folder_name(name):
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
        _note_missing_weights(name, contents)
    for path in files:
        header = _header_of(f"{name}/{path.name}", contents)
        if header is None:
            continue
        contents.tensors.update({f"{name}/{tensor}": info for tensor, info in header.tensors.items()})
        contents.problems += [Problem(f"{name}/{path.name}: {p.text}", fatal=p.fatal) for p in header.problems]
        if header.format is Format.UNKNOWN:
            contents.problems.append(Problem(f"{name}/{path.name} is not a model file.", fatal=True))


def _header_of(relative: str, contents: _FolderContents) -> Header | None:
    report = contents.reports.get(relative)
    if report is None or report.header is None:
        contents.problems.append(Problem(f"{relative} cannot be read.", fatal=True))
        return None
    return report.header


def _note_missing_weights(name: str, contents: _FolderContents) -> None:
    """Add the problem of a component without weights, or the finding that it has only weights of other kinds."""
    others = [
        relative
        for relative, report in contents.reports.items()
        if relative.startswith(f"{name}/") and any(severity == "note" for severity, _ in report.findings)
    ]
    if others:
        text = f"Component {name} has only weights that modelhub does not look into, such as {others[0]}."
        contents.problems.append(Problem(text))
        contents.findings.append(("unrecognised", text))
    else:
        fatal = name != "safety_checker"
        contents.problems.append(Problem(f"Component {name} has no weights in {name}/.", fatal=fatal))


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
    wanted = shard_names(listed) or set(shards)
    missing = sorted(wanted - set(shards))
    contents.problems += [Problem(f"Shard {name}/{shard} is missing.", fatal=True) for shard in missing[:8]]
    yield from (place / shard for shard in sorted(wanted & set(shards)))


def _parse_json(path: Path) -> Any:
    """Return the value of an index of shards, None when it cannot be read."""
    try:
        return json.loads(path.read_text(encoding="utf-8-sig")) if path.stat().st_size <= _MAX_JSON else None
    except (OSError, ValueError, RecursionError):
        return None


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
