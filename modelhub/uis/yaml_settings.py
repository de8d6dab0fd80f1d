"""Our block in a user's YAML file, ComfyUI's extra_model_paths.yaml: added, replaced and removed, with all else kept.

The block is written as text, because no YAML library reproduces the rest of a file byte for byte. The file is parsed
before and after, and the change is refused unless everything else is equal.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelhub.errors import ModelhubError, Remedy, UsageError
from modelhub.uis.ui import Folders, SettingsChange

NAME = "modelhub"
_BEGIN = f"# {NAME} begin"
_END = f"# {NAME} end"
_ABOUT = ": written by `modelhub link`, which replaces these lines; `modelhub link --remove` removes them"
_KEY = re.compile(rf"""(?:{NAME}|"{NAME}"|'{NAME}')[ \t]*:(?:\s|$)""")
# Characters that a double-quoted scalar can hold unescaped (YAML 1.2, 5.7 and 7.3.1); only ASCII, because older ComfyUI
# reads the file in the code page of Windows.
_PLAIN = frozenset(map(chr, range(0x20, 0x7F))) - {'"', "\\"}
_REMEDY = Remedy("Repair that line, or add the library's folders by hand.", "repair-or-print", {"ui": "comfyui"})


@dataclass(frozen=True, slots=True)
class YamlBlock:
    """A writer for ComfyUI's YAML file, in which the library is a block of its own. Implements `SettingsWriter`."""

    def add(
        self, text: str, folders: Folders, *, file: Path, library: Path, memory: Mapping[str, Any]
    ) -> SettingsChange:
        """Return the file with our block. Raise ModelhubError for a broken file or a path that YAML cannot hold."""
        return SettingsChange(text=add_block(text, *block_values(library, folders), file=file))

    def remove(self, text: str, folders: Folders, *, file: Path, memory: Mapping[str, Any]) -> SettingsChange:
        """Return the file without our block. Raise ModelhubError for a broken file."""
        return SettingsChange(text=remove_block(text, file=file))

    def lines(self, folders: Folders, *, library: Path) -> str:
        """Return the block."""
        return block(*block_values(library, folders))


def block_values(library: Path, folders: Folders) -> tuple[str, dict[str, list[str]]]:
    """Return the library as `base_path` and its folders below it.

    The base is "" and the folders are absolute where ComfyUI would read another path: it replaces `$name` and `%name%`
    in `base_path` only. Raise UsageError for a path that YAML cannot hold.
    """
    base = str(library)
    if any("\ud800" <= character <= "\udfff" for character in base) or "\n" in base:
        raise UsageError(f"{base!r} cannot be written to a YAML file.", "Rename the library's folder in plain Unicode.")
    if not set("$%") & set(base):
        return base, {key: [f.relative_to(library).as_posix() for f in row] for key, row in folders.items()}
    return "", {key: [str(folder) for folder in row] for key, row in folders.items()}


def block(base: str, folders: Mapping[str, Sequence[str]], *, newline: str = "\n") -> str:
    """Return the block with its markers. `base`: what `folders` are relative to, "" where those are absolute."""
    lines = [_BEGIN + _ABOUT, f"{NAME}:"]
    if base:
        lines.append(f"    base_path: {_quoted(base)}")
    for key, values in folders.items():
        # ComfyUI takes several folders as several lines of one text.
        lines.append(f"    {key}: {_quoted(chr(10).join(values))}")
    return newline.join([*lines, _END, ""])


def add_block(text: str, base: str, folders: Mapping[str, Sequence[str]], *, file: Path) -> str:
    """Return `text` with our block, in the place of an older one or at the end.

    Raise ModelhubError, naming the line, for a file that is broken.
    """
    before = _read(text, file)
    new = block(base, folders, newline="\r\n" if "\r\n" in text else "\n")
    lines = _lines(text)
    span = _span(lines, file)
    if span is not None:
        start, end = span
        changed = "".join(lines[:start]) + _ended_as(new, lines[end - 1]) + "".join(lines[end:])
    else:
        # If the last line of the file has no end, neither has the block's: removing it restores every byte.
        glue = "" if not text or text.endswith("\n") else "\r\n" if "\r\n" in text else "\n"
        changed = text + glue + (new.rstrip("\r\n") if glue else new)
    ours = {**({"base_path": base} if base else {}), **{key: "\n".join(values) for key, values in folders.items()}}
    _compare(before, _read(changed, file), ours, file)
    return changed


def remove_block(text: str, *, file: Path) -> str:
    """Return `text` without our block, unchanged where there is none. Raise ModelhubError for a broken file."""
    before = _read(text, file)
    lines = _lines(text)
    span = _span(lines, file)
    if span is None:
        return text
    start, end = span
    head = "".join(lines[:start])
    if end == len(lines) and not lines[-1].endswith("\n"):
        head = head.removesuffix("\n").removesuffix("\r")
    changed = head + "".join(lines[end:])
    _compare(before, _read(changed, file), None, file)
    return changed


def _ended_as(new: str, last: str) -> str:
    return new if last.endswith("\n") else new.rstrip("\r\n")


def _lines(text: str) -> list[str]:
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def _span(lines: Sequence[str], file: Path) -> tuple[int, int] | None:
    """Return the range of our block's lines: between the markers, or the key and the lines below it."""
    begin = next((i for i, line in enumerate(lines) if line.startswith(_BEGIN)), None)
    if begin is not None:
        end = next((i for i, line in enumerate(lines) if i > begin and line.startswith(_END)), None)
        if end is None:
            raise _broken(file, begin + 1, f"the block that begins there has no line `{_END}`")
        return begin, end + 1
    begin = next((i for i, line in enumerate(lines) if _KEY.match(line)), None)
    if begin is None:
        return None
    end = next((i for i in range(begin + 1, len(lines)) if lines[i].strip() and lines[i][0] not in " \t"), len(lines))
    while end > begin + 1 and not lines[end - 1].strip():
        end -= 1
    return begin, end


def _quoted(text: str) -> str:
    return '"' + "".join(c if c in _PLAIN else _escape(c) for c in text) + '"'


def _escape(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    if character == "\n":
        return r"\n"
    return f"\\u{ord(character):04x}" if ord(character) < 0x10000 else f"\\U{ord(character):08x}"


def _read(text: str, file: Path) -> dict[object, object]:
    """Return the parsed file. Raise ModelhubError naming the line that is broken."""
    import yaml

    try:
        data = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as exc:
        mark = getattr(exc, "problem_mark", None)
        problem = getattr(exc, "problem", None) or str(exc) or "nested too deeply"
        raise _broken(file, mark.line + 1 if mark else None, str(problem)) from exc
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise _broken(file, 1, "it does not hold a mapping")
    return data


def _broken(file: Path, line: int | None, problem: str) -> ModelhubError:
    where = f"{file}, line {line}" if line is not None else str(file)
    return ModelhubError(f"{where}: not valid YAML: {problem}. The file was left as it is.", _REMEDY)


def _compare(
    before: dict[object, object], after: dict[object, object], ours: Mapping[str, str] | None, file: Path
) -> None:
    expected = {key: value for key, value in before.items() if key != NAME} | ({NAME: dict(ours)} if ours else {})
    if after != expected:
        raise ModelhubError(
            f"{file} has a form to which our lines cannot be added. The file was left as it is.", _REMEDY
        )
