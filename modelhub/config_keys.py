"""Keys of the settings, and how the text of each kind of value is read.

`KEYS` holds modelhub's own; a new one is a row here and a field of its section in `config.py`. A source of models
brings the keys of its own section in its row.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelhub.choices import find_choice
from modelhub.errors import UsageError
from modelhub.home import expand_home
from modelhub.language import matching_language
from modelhub.words import WordKind, canonical


@dataclass(frozen=True, slots=True)
class Key:
    """One setting: `name` is its place in the TOML file ("section.field"), `environment` holds more variables for it.

    `kind` is a key of the table of readers: flag, text, texts, count, bytes, path or language. `about` describes the
    setting; `words` is the kind of words that its `choices` are.
    """

    name: str
    kind: str
    default: Any
    about: str
    environment: tuple[str, ...] = ()
    secret: bool = False
    choices: tuple[str, ...] = ()
    words: WordKind | None = None

    @property
    def section(self) -> str:
        """Return the name of its TOML table, "" at the top level."""
        return self.name.rpartition(".")[0]

    @property
    def field(self) -> str:
        """Return the name inside its section."""
        return self.name.rpartition(".")[2]

    @property
    def variables(self) -> tuple[str, ...]:
        """Return the environment variables that set it, modelhub's own first."""
        return (f"MODELHUB_{self.name.replace('.', '_').upper()}", *self.environment)


KEYS: tuple[Key, ...] = (
    Key("library", "path", "~/modelhub", "Where pulled models are kept, one folder per type."),
    Key(
        "catalog",
        "text",
        "",
        "Catalog database: a file, or a PostgreSQL address; empty: catalog.sqlite3 in the library.",
    ),
    Key(
        "state",
        "text",
        "",
        "Folder for reports and the records of shortcuts; empty: the platform's data folder.",
    ),
    Key("language", "language", "", "Language of messages: en or zh; empty: the language of the system."),
    Key("offline", "flag", False, "Use only what is already on this machine.", ("HF_HUB_OFFLINE",)),
    Key(
        "pull.purpose",
        "text",
        "render",
        "Which file of a repository to prefer: the small one for rendering or the full one for training.",
        choices=("render", "train"),
        words=WordKind.PURPOSE,
    ),
    Key(
        "pull.precision",
        "text",
        "",
        "Preferred precision; empty: fp16 to render, fp32 to train.",
        choices=("", "fp32", "fp16", "bf16", "fp8"),
        words=WordKind.PRECISION,
    ),
    Key(
        "pull.allow_pickle",
        "flag",
        False,
        "Accept pickle files (.ckpt, .pt, .bin) that pass the safety scan.",
    ),
    Key("transfer.connections", "count", 8, "Most connections open at once, over all files."),
    Key("transfer.limit_rate", "bytes", 0, "Most bytes per second over all files, such as 20MB; 0: no limit."),
    Key(
        "transfer.stall_seconds",
        "count",
        60,
        "Seconds without a byte after which a connection is opened again.",
    ),
    Key("transfer.retries", "count", 6, "Tries for one piece of a file before giving up."),
    Key("render.device", "text", "auto", "Device for render tests: auto, cpu, cuda, cuda:1, mps."),
    Key("render.prompt", "text", "", "Prompt for render tests; empty: the built-in one."),
    Key(
        "render.bases",
        "texts",
        (),
        'Base to test adapters on, by architecture: ["sd1=NAME", "sdxl=NAME"]; else the smallest that works.',
    ),
    Key("render.timeout", "count", 900, "Seconds that one render test may take, loading included."),
    Key("render.memory", "bytes", 0, "Most memory of a render process, such as 8GB; 0: what is free when it starts."),
    Key("sort.layout", "text", "", "UI, or layout of your own, that `modelhub sort` uses when none is named."),
    Key("sort.into", "text", "", "Folder that `modelhub sort` sorts into when none is named."),
    Key("hash.workers", "count", 0, "Files hashed at once; 0: as many as there are processor cores."),
)
_UNITS = {"": 1, "k": 1000, "m": 1000**2, "g": 1000**3, "ki": 1024, "mi": 1024**2, "gi": 1024**3}


def parse_bytes(text: str) -> int:
    """Return the bytes in "20MB", "1.5 GiB" or "300000". Raise ValueError for another text."""
    match = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([kmg]?i?)b?(?:/s)?\s*", text.lower())
    if not match or match[2] not in _UNITS:
        raise ValueError(text)
    return int(float(match[1]) * _UNITS[match[2]])


def convert(key: Key, value: Any, where: str) -> Any:
    """Return `value` as the type of the key. Raise UsageError that names `where` it was set."""
    try:
        converted = _CONVERTERS[key.kind](value)
    except (ValueError, TypeError) as exc:
        shown = "the value" if key.secret else repr(value)
        raise UsageError(f"{where}: {shown} is not {_WORDS[key.kind]}.", key.about) from None if key.secret else exc
    if not key.choices:
        return converted
    meant = find_choice(str(converted), key.choices, key.words)
    if meant is None:
        allowed = ", ".join(repr(c) for c in key.choices)
        raise UsageError(f"{where}: {value!r} is not one of {allowed}.", key.about)
    return meant


def _to_flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    answer = canonical(WordKind.YES_NO, _to_text(value))
    if answer is None:
        raise ValueError(value)
    return answer == "yes"


def _to_text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value.strip()


def _to_texts(value: Any) -> tuple[str, ...]:
    parts = re.split(r"[,\s]+", value.strip()) if isinstance(value, str) else value
    return tuple(_to_text(part).rstrip("/") for part in parts)


def _to_count(value: Any) -> int:
    if isinstance(value, bool) or int(value) < 0:
        raise ValueError(value)
    return int(value)


def _to_bytes(value: Any) -> int:
    return _to_count(value) if isinstance(value, int) else parse_bytes(value)


def _to_path(value: Any) -> Path:
    return expand_home(_to_text(value))


def _to_language(value: Any) -> str:
    text = _to_text(value)
    if text and matching_language(text) is None:
        raise ValueError(text)
    return text


_CONVERTERS = {
    "flag": _to_flag,
    "text": _to_text,
    "texts": _to_texts,
    "count": _to_count,
    "bytes": _to_bytes,
    "path": _to_path,
    "language": _to_language,
}
KINDS = tuple(_CONVERTERS)
_WORDS = {
    "flag": "true or false",
    "text": "text in quotes",
    "texts": "a list of texts",
    "count": "a whole number, zero or more",
    "bytes": "a size such as 20MB",
    "path": "a path in quotes",
    "language": "a language of modelhub, which are en and zh",
}
