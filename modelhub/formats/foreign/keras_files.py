"""Keras models: a Lambda layer holds compiled Python code, and a foreign module is imported when the model is loaded.

Sources: `keras.saving` of Keras 3 (a .keras file is a zip with config.json), `keras.models` of Keras 2 (an HDF5 file
with the same configuration as an attribute). Only the configuration is looked at; HDF5 is searched as bytes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

_BLOCK = 1 << 20  # bytes that are searched at once
_MAX_SEARCHED = 1 << 30  # bytes of an HDF5 file that are searched
_MAX_CONFIG = 8 << 20  # bytes of a configuration
_MAX_FINDINGS = 8
_LAMBDA = re.compile(rb'"class_name"\s{0,8}:\s{0,8}"(Lambda|__lambda__)"')
_OVERLAP = 64  # bytes, longer than what is searched for
_CODE_CLASSES = ("Lambda", "__lambda__")
# Modules that Keras itself names in a configuration.
_MODULES = ("keras", "tf_keras", "tensorflow.keras", "tensorflow.python.keras")


def scan_hdf5(file: BinaryIO, size: int) -> tuple[tuple[str, str], ...]:
    """Return a finding when the configuration of a Keras model in the file has a Lambda layer."""
    file.seek(0)
    kept = b""
    position = 0
    while position < min(size, _MAX_SEARCHED):
        block = file.read(_BLOCK)
        if not block:
            break
        window = kept + block
        match = _LAMBDA.search(window)
        if match is not None:
            at = position - len(kept) + match.start()
            return (("suspicious", f"It has a Lambda layer, which holds Python code (byte {at})."),)
        position += len(block)
        kept = window[-_OVERLAP:]
    return ()


def scan_config(data: bytes, place: str) -> tuple[tuple[str, str], ...]:
    """Return findings about the config.json of a .keras file: layers with code, and modules that are not Keras's."""
    if len(data) > _MAX_CONFIG:
        return (("suspicious", f"{place} is larger than any configuration."),)
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return (("suspicious", f"{place} cannot be read as JSON."),)
    found = dict.fromkeys(_config_findings(value, place))
    return tuple(found)[:_MAX_FINDINGS]


def _config_findings(value: Any, place: str) -> Iterator[tuple[str, str]]:
    pending = [value]
    while pending:
        part = pending.pop()
        if isinstance(part, dict):
            pending += part.values()
            name, module = part.get("class_name"), part.get("module")
            if name in _CODE_CLASSES:
                yield "suspicious", f"{place} has a Lambda layer, which holds Python code."
            if isinstance(module, str) and not any(f"{module}.".startswith(f"{known}.") for known in _MODULES):
                yield "suspicious", f"{place} names {module}.{name}, which is not a part of Keras."
            if isinstance(part.get("registered_name"), str) and ">" in part["registered_name"]:
                yield "suspicious", f"{place} names the custom class {part['registered_name']}."
        elif isinstance(part, list):
            pending += part
