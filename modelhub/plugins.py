"""Plug-ins: rows that installed distributions add through entry points.

Groups: `modelhub.sources` (a SourceRow), `modelhub.uis` (a row of a UI), `modelhub.rules` (rows of the detection
tables) and `modelhub.commands` (a command's name and its module). Each entry point is loaded in a guard: a broken one
becomes a `PluginProblem`, which `doctor` shows, and the others are not affected.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from importlib.metadata import Distribution, EntryPoint

_Row = TypeVar("_Row")
_METADATA = (".dist-info", ".egg-info")
_MARK = b"[modelhub."  # the start of each of our groups in an entry_points.txt


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugin(Generic[_Row]):
    """One loaded entry point: its name, the distribution that brings it, and the row that it refers to."""

    name: str
    distribution: str
    row: _Row


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginProblem:
    """An entry point that cannot be used, and the reason as a sentence."""

    group: str
    name: str
    distribution: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugins(Generic[_Row]):
    """All plug-ins of one group: those that can be used, and the problems of the others."""

    loaded: tuple[Plugin[_Row], ...] = ()
    problems: tuple[PluginProblem, ...] = ()

    @property
    def rows(self) -> tuple[_Row, ...]:
        """Return the rows that can be used."""
        return tuple(plugin.row for plugin in self.loaded)


def load_plugins(
    group: str,
    row_type: type[_Row],
    *,
    taken: Iterable[str] = (),
    name_of: Callable[[_Row], str] | None = None,
    check: Callable[[_Row], str] = lambda row: "",
) -> Plugins[_Row]:
    """Load the plug-ins of a group ("modelhub.sources"), each of which must be a `row_type`.

    `taken` are names that no plug-in may use; `name_of` returns the name of a row, by default that of its entry point.
    `check` returns what is wrong with a row as a sentence, "" for nothing. Nothing is raised.
    """
    names = set(taken)
    loaded: list[Plugin[_Row]] = []
    problems: list[PluginProblem] = []
    for point in _entry_points(group, problems):
        distribution = _distribution_of(point)
        row: _Row | None = None
        try:
            row, reason = _load(point, row_type)
            name = name_of(row) if name_of and row is not None else point.name
            if row is not None and name in names:
                reason = f"`{name}` exists already."
            elif row is not None:
                reason = check(row)
        except KeyboardInterrupt:
            raise
        except BaseException as exc:  # noqa: BLE001 - whatever a plug-in raises concerns that plug-in alone
            row, name, reason = None, point.name, f"It cannot be loaded: {_description(exc)}."
        if row is None or reason:
            problems.append(PluginProblem(group=group, name=name, distribution=distribution, reason=reason))
        else:
            names.add(name)
            loaded.append(Plugin(name=name, distribution=distribution, row=row))
    return Plugins(loaded=tuple(loaded), problems=tuple(problems))


def _description(error: BaseException) -> str:
    """Return the type of an error and its text in one line; a plug-in's own class may fail to give one."""
    try:
        text = " ".join(str(error).split()).rstrip(".")
    except Exception:  # noqa: BLE001 - as above
        text = ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _load(point: EntryPoint, row_type: type[_Row]) -> tuple[_Row | None, str]:
    """Return the object of an entry point, or None and the reason why it cannot be used."""
    found = point.load()
    if isinstance(found, row_type):
        return found, ""
    return None, f"`{point.value}` is a {type(found).__name__}, not a {row_type.__name__}."


def _distribution_of(point: EntryPoint) -> str:
    try:
        return str(point.dist.name) if point.dist else "unknown"
    except Exception:  # noqa: BLE001 - metadata that cannot be read
        return "unknown"


def _entry_points(group: str, problems: list[PluginProblem]) -> Iterable[EntryPoint]:
    """Return the entry points of a group. Distributions whose entry points cannot be read are added to `problems`."""
    if not _any_installed(tuple(sys.path)):
        return ()
    from importlib.metadata import distributions, entry_points

    try:
        found = list(entry_points(group=group))
    except Exception:  # noqa: BLE001 - one broken distribution must not hide the others
        found = []
        for distribution in distributions():
            try:
                found += distribution.entry_points.select(group=group)
            except Exception as exc:  # noqa: BLE001 - as above
                reason = f"Its entry points cannot be read: {_description(exc)}."
                problems.append(PluginProblem(group=group, name="?", distribution=_folder(distribution), reason=reason))
    return sorted(found, key=lambda point: (point.name, point.value))


def _folder(distribution: Distribution) -> str:
    return Path(str(getattr(distribution, "_path", "unknown"))).name


@cache
def _any_installed(folders: tuple[str, ...]) -> bool:
    """Return whether a distribution in these folders has an entry point of one of our groups.

    Only looks for the groups' names: importing importlib.metadata and having it read every distribution takes longer
    than most commands.
    """
    for folder in dict.fromkeys(folders):
        try:
            with os.scandir(folder or ".") as entries:
                found = [entry.path for entry in entries if entry.name.endswith(_METADATA)]
        except NotADirectoryError:  # an archive: only importlib.metadata can read it
            return True
        except OSError:
            continue
        if any(_MARK in _text(f"{path}/entry_points.txt") for path in found):
            return True
    return False


def _text(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError:
        return b""
