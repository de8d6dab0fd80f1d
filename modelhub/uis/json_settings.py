"""Our folders in a UI's JSON settings (SD.Next's config.json, Fooocus' config.txt), and how to take them out again.

What stood there before is kept in a small file beside the settings, so that taking out restores exactly that.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modelhub.errors import ModelhubError

_ABSENT = object()


def read(text: str, *, file: Path) -> dict[str, Any]:
    """The settings; none for an empty file. Raises ModelhubError naming the line that is broken."""
    if not text.strip():
        return {}
    try:
        data = json.loads(text)
    except json.JSONDecodeError as exc:
        raise _broken(file, exc.lineno, exc.msg) from exc
    except (RecursionError, ValueError) as exc:
        raise _broken(file, 1, "it is nested too deeply or has a number that is too long") from exc
    if not isinstance(data, dict):
        raise _broken(file, 1, "it is no table of names")
    return data


def _broken(file: Path, line: int, problem: str) -> ModelhubError:
    hint = "Repair that line, or start the UI once without the file: it writes a new one."
    return ModelhubError(f"{file}, line {line}: this is no valid JSON: {problem}. The file was left as it is.", hint)


def written(data: Mapping[str, Any], like: str) -> str:
    """The settings as text, indented and ended as `like`, the text that they were read from."""
    indent = re.search(r"^([ \t]+)\S", like, re.MULTILINE)
    space: str | int | None = indent.group(1) if indent else None if len(like.strip()) > 2 else 4
    text = json.dumps(data, indent=space, ensure_ascii=like.isascii())
    end = like[len(like.rstrip()) :] if like.strip() else "\n"
    return (text.replace("\n", "\r\n") if "\r\n" in like else text) + end


def put_in(
    data: Mapping[str, Any], folders: Mapping[str, str], *, lists: Mapping[str, str] | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The settings with our folders, and what to remember of those before.

    `lists`: keys that hold several folders → the UI's own one, which is meant where the key is missing. Other keys hold
    one folder, and ours takes its place.
    """
    changed, memory = dict(data), {}
    for key, folder in folders.items():
        before = data.get(key, _ABSENT)
        value: object = folder
        if lists is not None:
            several = [lists[key]] if before in (_ABSENT, None) else before if isinstance(before, list) else [before]
            value = [*several, folder]
        memory[key] = {"folder": folder, "after": value} | ({} if before is _ABSENT else {"before": before})
        changed[key] = value
    return changed, memory


def take_out(
    data: Mapping[str, Any], memory: Mapping[str, Any], folders: Mapping[str, str]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The settings as they were before ours, and the keys that somebody else has changed since, which stay.

    `folders` is what is taken for ours where nothing is remembered.
    """
    changed, foreign = dict(data), []
    for key in {**folders, **memory}:
        known = memory.get(key)
        row = known if isinstance(known, dict) else {}
        folder, value = row.get("folder", folders.get(key)), data.get(key, _ABSENT)
        if value in (row.get("after", _ABSENT), folder) and value is not _ABSENT:
            changed[key] = row.get("before", _ABSENT)
        elif isinstance(value, list) and folder in value:
            changed[key] = [entry for entry in value if entry != folder] or _ABSENT
        elif key in memory and value is not _ABSENT:
            foreign.append(key)
        if changed.get(key) is _ABSENT:
            del changed[key]
    return changed, tuple(foreign)
