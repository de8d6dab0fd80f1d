"""Configurations of a model's folder: JSON text, searched for what makes a loader run code that is not its own.

Sources: `diffusers` 0.42 (`pipeline_loading_utils`, `dynamic_modules_utils`), `transformers` 5.24
(`dynamic_module_utils`, `hub_kernels`), PEFT's `auto_mapping`. Most of it runs with `trust_remote_code` only.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from modelhub.formats.folders.libraries import is_known_library
from modelhub.formats.foreign.chat_templates import template_findings

Finding = tuple[str, str]
MAX_PARSED = 4 << 20  # bytes; longer texts, which are vocabularies, are only searched
_MAX_SEARCHED = 48 << 20  # bytes; the longest published vocabulary has 33 million
_MAX_FINDINGS = 8
_SHOWN = 80  # characters of a value
_BLANK = r"\s{0,64}"
# Keys with a value that can name code; a vocabulary gives its words numbers.
_KEY_IN_TEXT = re.compile(
    (
        rf'"(?:(?:auto_map|custom_pipelines?|_target_|py/\w+)"{_BLANK}:{_BLANK}(?:\[{_BLANK}[^\]\s]'
        rf'|\{{{_BLANK}[^}}\s]|"[^"])|_class_name"{_BLANK}:{_BLANK}[\[{{]|trust_remote_code"{_BLANK}:{_BLANK}"?[tT]'
        rf'|parent_library"{_BLANK}:{_BLANK}"(?!(?:diffusers|transformers)[.")])'
        rf'|_?attn_implementation"{_BLANK}:{_BLANK}"[^"]{{0,200}}/)'
    ).encode()
)
_KEY_PARTS = (
    b"auto_map",
    b"custom_pipeline",
    b"_target_",
    b"py/",
    b"_class_name",
    b"remote_code",
    b"parent_",
    b"attn_",
)
_ESCAPED_KEY = re.compile(
    rb'"[a-z_/]{0,20}\\u00(?:5f|5F|[67][0-9a-fA-F])[a-z_/\\u0-9A-F]{0,120}"\s{0,64}:\s{0,64}[\[{"tT]'
)
_TEMPLATE_KEY = re.compile(rb'"chat_template"\s{0,64}:')
_LONGEST_TEMPLATE = 1 << 20  # bytes
# Files that name components; those of sub-folders belong to pipelines within the pipeline.
_COMPONENT_INDEXES = ("model_index.json", "modular_model_index.json")
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def scan_config(data: bytes, place: str) -> tuple[Finding, ...]:
    """Return findings about a JSON text; `place` names the file. A text that cannot be parsed is only searched."""
    if len(data) > MAX_PARSED:
        return _search_text(data, place)
    try:
        value = json.loads(data)
    except ValueError:
        return _search_text(data, place)
    except RecursionError:
        return (("suspicious", f"{place} is nested deeper than any configuration."),)
    found = dict.fromkeys(_findings(value, place))
    if place.rpartition("/")[2].lower() in _COMPONENT_INDEXES and isinstance(value, dict):
        found |= dict.fromkeys(component_findings(value, place))
    return tuple(found)[:_MAX_FINDINGS]


def _search_text(data: bytes, place: str) -> tuple[Finding, ...]:
    if len(data) > _MAX_SEARCHED:
        return (("suspicious", f"{place} has {len(data)} bytes, more than any configuration or vocabulary."),)
    match = _KEY_IN_TEXT.search(data) if any(key in data for key in _KEY_PARTS) else None
    if match is None and b"\\u00" in data:
        match = _ESCAPED_KEY.search(data)
    if match is None:
        template = _TEMPLATE_KEY.search(data)
        text = data[template.end() : template.end() + _LONGEST_TEMPLATE].decode("utf-8", "replace") if template else ""
        return template_findings(text, place)
    key = match[0][:_SHOWN].decode("utf-8", "replace")
    return (("suspicious", f"{place} has a setting that can name code ({key}, byte {match.start()})."),)


def _findings(value: Any, place: str) -> Iterator[Finding]:
    pending = [value]
    while pending:
        part = pending.pop()
        if isinstance(part, list):
            pending += part
        elif isinstance(part, dict):
            pending += part.values()
            for key in _RULES.keys() & part.keys():
                yield from _RULES[key](part[key], f"{place}: {key}")


def _names_code(value: Any, place: str) -> Iterator[Finding]:
    if value and isinstance(value, (dict, list, str)):
        yield "suspicious", f"{place} names code to run with trust_remote_code ({_shown(value)})."


def _class_name(value: Any, place: str) -> Iterator[Finding]:
    if not isinstance(value, str) and value:
        yield from _names_code(value, place)


def _trusts_code(value: Any, place: str) -> Iterator[Finding]:
    if value is True or (isinstance(value, str) and value.lower() == "true"):
        yield "suspicious", f"{place} allows a loader to run code of the repository."


def _kernel(value: Any, place: str) -> Iterator[Finding]:
    for name in value.values() if isinstance(value, dict) else (value,):
        if isinstance(name, str) and "/" in name:
            yield "suspicious", f"{place} names compiled code to download ({_shown(name)})."


def _target(value: Any, place: str) -> Iterator[Finding]:
    if isinstance(value, str) and not is_known_library(value.partition(".")[0]):
        yield "suspicious", f"{place} names a function to call ({_shown(value)})."


def _auto_mapping(value: Any, place: str) -> Iterator[Finding]:
    library = value.get("parent_library") if isinstance(value, dict) else None
    if isinstance(library, str) and not is_known_library(library):
        yield "suspicious", f"{place} names a module to import ({_shown(library)})."


def _chat_template(value: Any, place: str) -> Iterator[Finding]:
    for part in value if isinstance(value, list) else [value]:
        text = part.get("template") if isinstance(part, dict) else part
        if isinstance(text, str):
            yield from template_findings(text, place)


def _pickled_object(value: Any, place: str) -> Iterator[Finding]:
    if isinstance(value, (str, dict, list)):
        yield "suspicious", f"{place} describes a Python object for jsonpickle ({_shown(value)})."


# Keys, at any depth of a configuration, whose values can make a loader run code.
_RULES: dict[str, Callable[[Any, str], Iterator[Finding]]] = {
    "auto_map": _names_code,
    "custom_pipelines": _names_code,
    "custom_pipeline": _names_code,
    "_class_name": _class_name,
    "trust_remote_code": _trusts_code,
    "attn_implementation": _kernel,
    "_attn_implementation": _kernel,
    "_attn_implementation_internal": _kernel,
    "_target_": _target,
    "auto_mapping": _auto_mapping,
    "chat_template": _chat_template,
    "py/object": _pickled_object,
    "py/reduce": _pickled_object,
    "py/type": _pickled_object,
    "py/function": _pickled_object,
}


def component_findings(index: dict[str, Any], place: str) -> Iterator[Finding]:
    """Yield findings about the components that an index names: names that leave the folder, and foreign libraries."""
    for name, value in index.items():
        if name == "_class_name" or not isinstance(value, list) or not value:
            continue
        if not isinstance(value[0], str) or len(value) not in (2, 3):
            continue
        if not is_folder_name(name):
            yield "suspicious", f"{place} names a component {name!r}, which is not a valid folder name."
        library, kind = value[0], value[1]
        if not isinstance(kind, str) or _IDENTIFIER.fullmatch(kind) is None:
            yield "suspicious", f"{place}: component {name} has a class that is not a name ({_shown(kind)})."
        elif not is_known_library(library):
            text = f"{place}: component {name} is {library}.{kind}, which is not a class of a known library."
            yield "suspicious", text
        settings = value[2] if len(value) == 3 and isinstance(value[2], dict) else {}
        source = settings.get("pretrained_model_name_or_path") or settings.get("repo")
        if isinstance(source, str):
            yield "note", f"{place}: component {name} comes from {_shown(source)} and was not looked into."


def shard_findings(index: Any, place: str) -> Iterator[Finding]:
    """Yield findings about an index of shards whose files are not plain names in its own folder."""
    for name in sorted(shard_names(index)):
        if not is_folder_name(name):
            yield "suspicious", f"{place} names a shard outside its own folder ({_shown(name)})."


def shard_names(index: Any) -> set[str]:
    """Return the files that the `weight_map` of an index names."""
    mapping = index.get("weight_map") if isinstance(index, dict) else None
    return {name for name in mapping.values() if isinstance(name, str)} if isinstance(mapping, dict) else set()


def is_folder_name(name: str) -> bool:
    """Return whether `name` is the name of one file or folder, on any system."""
    return name not in ("", ".", "..") and not any(sign in name for sign in "/\\:\0")


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
