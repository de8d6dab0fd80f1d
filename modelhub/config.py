"""Settings: command line > environment > config.toml > default. Read once, frozen, passed in; never global.

Every key is one row of `KEYS`; the example file, `modelhub config show` and the error for a misspelt key come from it.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modelhub.errors import UsageError


@dataclass(frozen=True, slots=True)
class Key:
    """One setting. `name` is its place in the TOML file ("section.key"); `environment` the variables that set it."""

    name: str
    kind: str
    default: Any
    about: str
    environment: tuple[str, ...] = ()
    secret: bool = False
    choices: tuple[str, ...] = ()

    @property
    def attribute(self) -> str:
        """The attribute of `Settings` that holds the value."""
        return self.name.replace(".", "_")

    @property
    def variables(self) -> tuple[str, ...]:
        """Environment variables, ours first."""
        return (f"MODELHUB_{self.attribute.upper()}", *self.environment)


KEYS: tuple[Key, ...] = (
    Key("library", "path", "~/modelhub", "Where pulled models are kept, one folder a type."),
    Key(
        "catalog",
        "text",
        "",
        "Catalog database: a file or an SQLAlchemy URL; empty: catalog.sqlite3 in the library.",
    ),
    Key("offline", "flag", False, "Use only what is already on this machine.", ("HF_HUB_OFFLINE",)),
    Key(
        "huggingface.endpoints",
        "texts",
        ("https://huggingface.co",),
        "Hub addresses, tried in this order; a mirror may stand first.",
        ("HF_ENDPOINT",),
    ),
    Key(
        "huggingface.token",
        "text",
        "",
        "Access token for gated and private repositories; empty: the one that `hf auth login` saved.",
        ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"),
        secret=True,
    ),
    Key("civitai.endpoint", "text", "https://civitai.com", "Civitai address."),
    Key(
        "civitai.token",
        "text",
        "",
        "Civitai API token, for files that need a login.",
        ("CIVITAI_API_TOKEN", "CIVITAI_TOKEN"),
        secret=True,
    ),
    Key(
        "pull.purpose",
        "text",
        "render",
        "Which file of a repository to prefer: the small one for rendering or the full one for training.",
        choices=("render", "train"),
    ),
    Key(
        "pull.precision",
        "text",
        "",
        "Preferred precision; empty: fp16 to render, fp32 to train.",
        choices=("", "fp32", "fp16", "bf16", "fp8"),
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
        "Seconds without a byte after which a connection is opened anew.",
    ),
    Key("transfer.retries", "count", 6, "Tries for one piece of a file before giving up."),
    Key("hash.workers", "count", 0, "Files hashed at once; 0: as many as there are processor cores."),
)
_BY_NAME = {key.name: key for key in KEYS}
_UNITS = {"": 1, "k": 1000, "m": 1000**2, "g": 1000**3, "ki": 1024, "mi": 1024**2, "gi": 1024**3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings, resolved. `origins` says for each key name where its value came from."""

    library: Path
    catalog: str
    offline: bool
    huggingface_endpoints: tuple[str, ...]
    huggingface_token: str = field(repr=False)
    civitai_endpoint: str
    civitai_token: str = field(repr=False)
    pull_purpose: str
    pull_precision: str
    pull_allow_pickle: bool
    transfer_connections: int
    transfer_limit_rate: int
    transfer_stall_seconds: int
    transfer_retries: int
    hash_workers: int
    origins: Mapping[str, str] = field(default_factory=dict)
    file: Path | None = None

    @property
    def catalog_location(self) -> str:
        """A path or database URL."""
        return self.catalog or str(self.library / "catalog.sqlite3")


def parse_bytes(text: str) -> int:
    """Bytes in "20MB", "1.5 GiB" or "300000". Raises ValueError when it is none of these."""
    match = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([kmg]?i?)b?(?:/s)?\s*", text.lower())
    if not match or match[2] not in _UNITS:
        raise ValueError(text)
    return int(float(match[1]) * _UNITS[match[2]])


def config_file(environ: Mapping[str, str]) -> Path:
    """The configuration file that is read when none is named: the platform's folder, or MODELHUB_CONFIG."""
    named = environ.get("MODELHUB_CONFIG")
    if named:
        return Path(named).expanduser()
    import platformdirs  # only `config.py`'s default path needs it

    return Path(platformdirs.user_config_dir("modelhub", appauthor=False, roaming=True)) / "config.toml"


def load(*, file: Path | None = None, library: Path | None = None, environ: Mapping[str, str] = os.environ) -> Settings:
    """Settings from the command line's values, the environment and the configuration file.

    `file` named on the command line must exist; the platform's own need not. Raises UsageError that names the key (and
    the nearest valid one), the file or the variable.
    """
    path = file or config_file(environ)
    if file is not None and not file.is_file():
        raise UsageError(f"There is no configuration file at {file}.", "Run `modelhub config init` to write one.")
    stated = _read_toml(path)
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for key in KEYS:
        values[key.attribute], origins[key.name] = _resolve(key, stated, path, environ)
    if library is not None:
        values["library"], origins["library"] = library.expanduser(), "--library"
    values["library"] = Path(os.path.abspath(values["library"]))  # noqa: PTH100 - resolve() would follow links
    return Settings(**values, origins=origins, file=path if path.is_file() else None)


def _resolve(key: Key, stated: Mapping[str, Any], path: Path, environ: Mapping[str, str]) -> tuple[Any, str]:
    for variable in key.variables:
        if environ.get(variable):
            return _convert(key, environ[variable], f"environment variable {variable}"), variable
    if key.name in stated:
        return _convert(key, stated[key.name], f"{path}: {key.name}"), str(path)
    return _convert(key, key.default, "default"), "default"


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as exc:
        raise UsageError(f"{path} cannot be read as a configuration file: {exc}.", "It must be UTF-8 text.") from exc
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        hint = "In TOML text stands in quotes; Windows paths in single ones: library = 'D:\\models'."
        raise UsageError(f"{path} is not valid TOML: {exc}.", hint) from exc
    flat = dict(_flatten(tables))
    for name in flat:
        if name not in _BY_NAME:
            raise UsageError(f"{path}: there is no setting `{name}`.", _nearest(name))
    return flat


def _flatten(tables: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for name, value in tables.items():
        if isinstance(value, dict):
            rows += _flatten(value, f"{prefix}{name}.")
        else:
            rows.append((prefix + name, value))
    return rows


def _nearest(name: str) -> str:
    word = name.rsplit(".", 1)[-1]
    by_word: dict[str, str] = {}
    for known in _BY_NAME:
        by_word.setdefault(known.rsplit(".", 1)[-1], known)
    near = difflib.get_close_matches(name, _BY_NAME, n=1, cutoff=0.75) if word not in by_word else [by_word[word]]
    near = near or [by_word[w] for w in difflib.get_close_matches(word, by_word, n=1, cutoff=0.6)]
    return f"Did you mean `{near[0]}`?" if near else "`modelhub config show` lists all settings."


def _convert(key: Key, value: Any, where: str) -> Any:
    try:
        converted = _CONVERTERS[key.kind](value)
    except (ValueError, TypeError) as exc:
        raise UsageError(f"{where}: {value!r} is not {_WORDS[key.kind]}.", key.about) from exc
    if key.choices and converted not in key.choices:
        allowed = ", ".join(repr(c) for c in key.choices)
        raise UsageError(f"{where}: {value!r} is none of {allowed}.", key.about)
    return converted


_FLAGS = {
    "1": True,
    "true": True,
    "yes": True,
    "on": True,
    "0": False,
    "false": False,
    "no": False,
    "off": False,
}


def _to_flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = _to_text(value).lower()
    if word not in _FLAGS:
        raise ValueError(value)
    return _FLAGS[word]


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
    return Path(_to_text(value)).expanduser()


_CONVERTERS = {
    "flag": _to_flag,
    "text": _to_text,
    "texts": _to_texts,
    "count": _to_count,
    "bytes": _to_bytes,
    "path": _to_path,
}
_WORDS = {
    "flag": "true or false",
    "text": "text in quotes",
    "texts": "a list of texts",
    "count": "a whole number, zero or more",
    "bytes": "a size such as 20MB",
    "path": "a path in quotes",
}


def example() -> str:
    """The text of `config.example.toml`: every key with its default, commented out."""
    lines = [
        "# modelhub configuration. Copy to the place that `modelhub config path` prints, or name it with --config.",
        "# Order of precedence: command line, environment, this file, default. Every line below is the default.",
    ]
    section = ""
    for key in KEYS:
        table, _, name = key.name.rpartition(".")
        if table != section:
            section = table
            lines += ["", f"[{table}]"]
        choices = f" One of: {', '.join(c or 'empty' for c in key.choices)}." if key.choices else ""
        lines += ["", f"# {key.about}{choices}", f"# Environment: {', '.join(key.variables)}"]
        lines.append(f"# {name} = {_toml(key.default)}")
    return "\n".join(lines) + "\n"


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml(v) for v in value) + "]"
    return f'"{value}"' if isinstance(value, str) else str(value)
