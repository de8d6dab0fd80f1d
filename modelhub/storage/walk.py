"""Finding model files under a folder: one `scandir` per folder, one `stat` per file, and no file is opened."""

from __future__ import annotations

import json
import logging
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_log = logging.getLogger(__name__)

MODEL_SUFFIXES = frozenset((".safetensors", ".sft", ".ckpt", ".pt", ".pth", ".bin", ".pkl", ".pickle", ".th", ".gguf"))
# Never entered; hidden folders (with a leading dot) are skipped as well.
SKIPPED_FOLDERS = frozenset(
    ("__pycache__", "__macosx", "$recycle.bin", "system volume information", "lost+found", "node_modules")
)
_INDEX = "model_index.json"
_INDEX_MAX = 1 << 20  # bytes; real ones have about 500


@dataclass(frozen=True, slots=True)
class FoundModel:
    """A model file or a diffusers folder.

    For a folder, `size` is the sum over its files and `mtime_ns` the newest of them; `inode` is the folder's own.
    """

    path: Path
    size: int
    mtime_ns: int
    inode: int
    kind: Literal["file", "diffusers"] = "file"


def walk(folder: Path, *, on_problem: Callable[[Path, str], None] | None = None) -> Iterator[FoundModel]:
    """Yield all models under `folder` in the order of their names, each real folder once, whatever links lead to it.

    Unfinished downloads, hidden files and folders of the system are skipped. A path that cannot be read, even `folder`
    itself, is passed to `on_problem(path, reason)` and does not end the walk.
    """
    yield from _Walk(on_problem).folder(str(folder))


def is_model_name(name: str) -> bool:
    """Return whether a file of this name is taken for a model: by its last suffix, in any case, if not hidden."""
    return not name.startswith(".") and os.path.splitext(name)[1].lower() in MODEL_SUFFIXES  # noqa: PTH122


class _Walk:
    def __init__(self, on_problem: Callable[[Path, str], None] | None) -> None:
        self._on_problem = on_problem
        self._seen: set[tuple[int, int]] = set()

    def folder(self, start: str) -> Iterator[FoundModel]:
        # A stack instead of recursion: folders may be nested deeper than Python's own stack is.
        pending = [start]
        while pending:
            path = pending.pop()
            if not self._enter(path):
                continue
            entries = self._entries(path)
            components: frozenset[str] = frozenset()
            if any(entry.name == _INDEX for entry in entries):
                components, found = self._diffusers(path, entries)
                if found is not None:
                    yield found
            folders: list[str] = []
            for entry in entries:
                if self._is_folder(entry):
                    if entry.name not in components and not _skipped(entry.name):
                        folders.append(entry.path)
                elif is_model_name(entry.name) and (status := self._status(entry)) is not None:
                    yield FoundModel(Path(entry.path), status.st_size, status.st_mtime_ns, _inode(entry, status))
            pending += reversed(folders)

    def _enter(self, path: str) -> bool:
        """Return whether this real folder is entered for the first time, so that loops of links end."""
        try:
            status = os.stat(path)  # noqa: PTH116 - one string less per folder
        except OSError as exc:
            self._report(path, exc)
            return False
        key = (status.st_dev, status.st_ino)
        if key in self._seen and key != (0, 0):
            return False
        self._seen.add(key)
        return True

    def _entries(self, path: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(path) as entries:
                return sorted(entries, key=lambda entry: entry.name)
        except OSError as exc:
            self._report(path, exc)
            return []

    def _is_folder(self, entry: os.DirEntry[str]) -> bool:
        try:
            return entry.is_dir()
        except OSError as exc:
            self._report(entry.path, exc)
            return False

    def _status(self, entry: os.DirEntry[str]) -> os.stat_result | None:
        try:
            status = entry.stat()
        except OSError as exc:
            self._report(entry.path, exc)
            return None
        return status if stat.S_ISREG(status.st_mode) else None

    def _report(self, path: str, error: OSError) -> None:
        reason = error.strerror or str(error)
        _log.info("skipped %s: %s", path, reason)
        if self._on_problem is not None:
            self._on_problem(Path(path), reason)

    def _diffusers(self, path: str, entries: list[os.DirEntry[str]]) -> tuple[frozenset[str], FoundModel | None]:
        """Return the names of a diffusers folder's sub-folders, and the model; nothing and None without weights.

        A folder into which single files were pulled has only the index: its files then are models of their own.
        """
        named = _components(os.path.join(path, _INDEX))  # noqa: PTH118
        inside = [entry for entry in entries if self._is_folder(entry) and (named is None or entry.name in named)]
        files = [status for entry in inside for status in self._component_files(entry.path)]
        if not any(is_weights for is_weights, _ in files):
            return frozenset(), None
        own = [
            status for entry in entries if entry.name.endswith(".json") and (status := self._status(entry)) is not None
        ]
        everything = [status for _, status in files] + own
        found = FoundModel(
            Path(path),
            sum(status.st_size for status in everything),
            max(status.st_mtime_ns for status in everything),
            os.stat(path).st_ino,  # noqa: PTH116
            "diffusers",
        )
        return frozenset(entry.name for entry in inside), found

    def _component_files(self, start: str) -> Iterator[tuple[bool, os.stat_result]]:
        pending = [start]
        while pending:
            path = pending.pop()
            if not self._enter(path):
                continue
            for entry in self._entries(path):
                if entry.name.startswith("."):
                    continue
                if self._is_folder(entry):
                    pending.append(entry.path)
                elif not _unfinished(entry.name) and (status := self._status(entry)) is not None:
                    yield is_model_name(entry.name), status


def _unfinished(name: str) -> bool:
    return name.lower().endswith((".part", ".crdownload", ".tmp", ".aria2", ".incomplete", ".download"))


def _skipped(name: str) -> bool:
    return name.startswith(".") or name.lower() in SKIPPED_FOLDERS


def _inode(entry: os.DirEntry[str], status: os.stat_result) -> int:
    """Return the inode; 0 for unknown, because Windows leaves the file index out of directory entries."""
    return status.st_ino or (0 if entry.is_symlink() else entry.inode())


def _components(index: str) -> frozenset[str] | None:
    """Return the sub-folders that a `model_index.json` names: its keys whose value is a list. None if it is invalid."""
    try:
        with open(index, encoding="utf-8") as file:  # noqa: PTH123
            data = json.loads(file.read(_INDEX_MAX))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(data, dict):
        return None
    return frozenset(
        name for name, value in data.items() if isinstance(value, list) and "/" not in name and ".." not in name
    )
