"""The configuration file: where it is, and the settings that it states."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modelhub.errors import ModelhubError, UsageError
from modelhub.home import expand_home


def default_file(environ: Mapping[str, str]) -> Path:
    """Return the configuration file to read when none is named: MODELHUB_CONFIG, or the platform's own."""
    if named := environ.get("MODELHUB_CONFIG"):
        return expand_home(named)
    import platformdirs  # only this path needs it

    return Path(platformdirs.user_config_dir("modelhub", appauthor=False, roaming=True)) / "config.toml"


def read_file(path: Path) -> tuple[dict[str, Any], dict[str, dict[str, str]]]:
    """Return the stated settings by name, and the user's own layouts (`[layout.NAME]`: type → folder)."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return {}, {}
    except (OSError, UnicodeDecodeError) as exc:
        raise UsageError(f"{path} cannot be read as a configuration file: {exc}.", "It must be UTF-8 text.") from exc
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        hint = "Put text in quotes, and Windows paths in single quotes: library = 'D:\\models'."
        raise UsageError(f"{path} is not valid TOML: {exc}.", hint) from exc
    layouts = _layouts(tables.pop("layout", {}), path)
    return dict(_flatten(tables)), layouts


def stated_language(file: Path | None, environ: Mapping[str, str]) -> str:
    """Return the language that the environment or the configuration file states, "" for none.

    It is needed before anything is printed, and so before the settings are checked: faults of the file are reported
    when all of it is read.
    """
    if stated := environ.get("MODELHUB_LANGUAGE"):
        return stated
    try:
        language = read_file(file or default_file(environ))[0].get("language", "")
    except ModelhubError:
        return ""
    return language if isinstance(language, str) else ""


def _layouts(table: Any, path: Path) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for name, rows in table.items() if isinstance(table, dict) else [("", table)]:
        if not isinstance(rows, dict) or not all(isinstance(folder, str) for folder in rows.values()):
            hint = 'Write [layout.mine] and below it lora = "Loras/{architecture}".'
            raise UsageError(f"{path}: layout.{name} is not a table of types and folders.", hint)
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
