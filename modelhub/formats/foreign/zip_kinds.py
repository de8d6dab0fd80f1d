"""Zip archives that are not torch files: what kind of model one is, and what in it would act when it is loaded."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from modelhub.formats.foreign import keras_files

_MAX_CONFIG = (8 << 20) + 1  # bytes
_MAX_FINDINGS = 16
_NATIVE_NAME = re.compile(r"\.(so(\.\d+)*|pyd|dll|dylib|exe|cubin|ptx|hsaco|fatbin|o|a|pyc)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ZipKind:
    """A sentence that names the archive, and (severity, sentence) pairs about its members."""

    text: str
    findings: tuple[tuple[str, str], ...] = ()


def zip_kind(names: Sequence[str], read: Callable[[int, int], bytes]) -> ZipKind:
    """Name an archive by its members. `read(index, limit)` returns the first bytes of the member at an index."""
    findings = list(itertools.islice(_native_findings(names), _MAX_FINDINGS))
    text = "It is a zip archive, but not a torch file. Unpack it first."
    last = {name.rpartition("/")[2] for name in names}
    if _is_torch_export(names, last):
        text = "It is a torch.export program (.pt2): a program that torch runs, not weights."
        findings.append(("suspicious", "It contains a program that torch runs."))
    elif {"config.json", "metadata.json"} <= set(names) and any(name.endswith(".weights.h5") for name in names):
        text = "It is a Keras model, whose weights modelhub does not look into."
        index = names.index("config.json")
        findings += keras_files.scan_config(read(index, _MAX_CONFIG), "config.json")
    elif names and all(name.lower().endswith(".npy") for name in names):
        text = "It is a zip archive of numpy arrays, not a model."
    elif "model_index.json" in names:
        text = "It is a diffusers folder in a zip archive. Unpack it first."
    elif "com.apple.CoreML" in {part for name in names for part in name.split("/")}:
        text = "It is a Core ML package in a zip archive, which modelhub does not look into."
    return ZipKind(text, tuple(findings[:_MAX_FINDINGS]))


def _is_torch_export(names: Sequence[str], last: set[str]) -> bool:
    """Return whether torch.export wrote the archive: since torch 2.7 one folder, before that these two files."""
    if {"serialized_exported_program.json", "serialized_state_dict.pt"} & last:
        return True
    return "archive_format" in last and any("/models/" in name or "/data/aotinductor/" in name for name in names)


def _native_findings(names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield a finding for each member that is named as native or compiled code."""
    for name in names:
        if _NATIVE_NAME.search(name):
            yield "suspicious", f"{name} is compiled code, which a loader runs without any check."
