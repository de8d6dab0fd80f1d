"""Settings: command line > environment > config.toml > default. Read once, frozen, passed in; never global.

Every key is one row of `KEYS`; the example file, `modelhub config show` and the error for a misspelt key come from it.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modelhub.config_keys import KEYS, Key, convert
from modelhub.errors import UsageError

_BY_NAME = {key.name: key for key in KEYS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings, resolved. `origins` says for each key name where its value came from."""

    library: Path
    catalog: str
    state: str
    offline: bool
    huggingface_endpoints: tuple[str, ...]
    huggingface_token: str = field(repr=False)
    civitai_endpoint: str
    civitai_token: str = field(repr=False)
    modelscope_endpoint: str
    modelscope_token: str = field(repr=False)
    pull_purpose: str
    pull_precision: str
    pull_allow_pickle: bool
    transfer_connections: int
    transfer_limit_rate: int
    transfer_stall_seconds: int
    transfer_retries: int
    render_device: str
    render_prompt: str
    render_bases: tuple[str, ...]
    render_timeout: int
    render_memory: int
    hash_workers: int
    sort_layout: str
    sort_into: str
    layouts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    origins: Mapping[str, str] = field(default_factory=dict)
    file: Path | None = None

    @property
    def state_folder(self) -> Path:
        """Where shortcuts are remembered and reports are kept."""
        return Path(self.state).expanduser().absolute() if self.state else _data_folder()

    @property
    def catalog_location(self) -> str:
        """A path or database URL."""
        return self.catalog or str(self.library / "catalog.sqlite3")


def _data_folder() -> Path:
    import platformdirs

    return Path(platformdirs.user_data_dir("modelhub", appauthor=False))


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
    stated, layouts = _read_toml(path)
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for key in KEYS:
        values[key.attribute], origins[key.name] = _resolve(key, stated, path, environ)
    if library is not None:
        values["library"], origins["library"] = library.expanduser(), "--library"
    values["library"] = Path(os.path.abspath(values["library"]))  # noqa: PTH100 - resolve() would follow links
    return Settings(**values, layouts=layouts, origins=origins, file=path if path.is_file() else None)


def _resolve(key: Key, stated: Mapping[str, Any], path: Path, environ: Mapping[str, str]) -> tuple[Any, str]:
    for variable in key.variables:
        if environ.get(variable):
            return convert(key, environ[variable], f"environment variable {variable}"), variable
    if key.name in stated:
        return convert(key, stated[key.name], f"{path}: {key.name}"), str(path)
    return convert(key, key.default, "default"), "default"


def _read_toml(path: Path) -> tuple[dict[str, Any], dict[str, dict[str, str]]]:
    """Stated settings by name, and the user's own layouts (`[layout.NAME]`: type → folder)."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return {}, {}
    except (OSError, UnicodeDecodeError) as exc:
        raise UsageError(f"{path} cannot be read as a configuration file: {exc}.", "It must be UTF-8 text.") from exc
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        hint = "In TOML text stands in quotes; Windows paths in single ones: library = 'D:\\models'."
        raise UsageError(f"{path} is not valid TOML: {exc}.", hint) from exc
    layouts = _layouts(tables.pop("layout", {}), path)
    flat = dict(_flatten(tables))
    for name in flat:
        if name not in _BY_NAME:
            raise UsageError(f"{path}: there is no setting `{name}`.", _nearest(name))
    return flat, layouts


def _layouts(table: Any, path: Path) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for name, rows in table.items() if isinstance(table, dict) else [("", table)]:
        if not isinstance(rows, dict) or not all(isinstance(folder, str) for folder in rows.values()):
            hint = 'Such as: [layout.mine] and below it lora = "Loras/{architecture}".'
            raise UsageError(f"{path}: layout.{name} must be a table of types and folders.", hint)
        found[name] = dict(rows)
    return found


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
    return "\n".join([*lines, *_LAYOUT_EXAMPLE]) + "\n"


_LAYOUT_EXAMPLE = (
    "",
    "# Layouts of your own for `modelhub sort --layout mine`: a folder for each type, with fields in braces:",
    "# {type} {architecture} {style} {variant} {precision} {name}; with {name} as the last part files are renamed.",
    "# [layout.mine]",
    '# base = "Checkpoints/{architecture}"',
    '# lora = "Loras/{architecture}/{style}"',
    '# vae = "VAE"',
)


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml(v) for v in value) + "]"
    return f'"{value}"' if isinstance(value, str) else str(value)
