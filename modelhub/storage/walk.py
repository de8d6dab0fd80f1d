"""Finding model files under a folder: one `scandir` per folder, one `stat` per file.

Only files whose name says neither that they are models nor that they are something else are opened, for their head.
"""

from __future__ import annotations

import json
import logging
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from modelhub.storage.model_heads import HEAD, SMALLEST, archive_kind, may_be_model
from modelhub.storage.model_names import (
    ARCHIVE_SUFFIXES,
    MODEL_SUFFIXES,
    OTHER_SUFFIXES,
    has_inner_model_suffix,
    is_model_name,
    is_set_aside_name,
    is_unfinished_name,
    suffix_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_log = logging.getLogger(__name__)

# Never entered; hidden folders (with a leading dot) are skipped as well.
SKIPPED_FOLDERS = frozenset(
    ("__pycache__", "__macosx", "$recycle.bin", "system volume information", "lost+found", "node_modules")
)
_INDEX = "model_index.json"
_INDEX_MAX = 1 << 20  # bytes; real ones have about 500
UNFINISHED = "It is an unfinished download."
_NOT_LOOKED_INTO = "and was not looked into."
_WORTH_NAMING = 1_000_000  # bytes; a smaller file of unknown kind is not reported as passed over
# The Hugging Face cache keeps its files here without names; `snapshots` has links to them, with names.
_BLOBS, _SNAPSHOTS = "blobs", "snapshots"


@dataclass(frozen=True, slots=True)
class FoundModel:
    """A model file or a diffusers folder.

    For a folder, `size` is the sum over its files and `mtime_ns` the newest of them; `inode` is the folder's own.
    `named`: whether it is named as a model, or only begins like one and must be read to know.
    """

    path: Path
    size: int
    mtime_ns: int
    inode: int
    kind: Literal["file", "diffusers"] = "file"
    named: bool = True


def walk(
    folder: Path,
    *,
    on_problem: Callable[[Path, str], None] | None = None,
    on_pass: Callable[[Path, str], None] | None = None,
) -> Iterator[FoundModel]:
    """Yield all models under `folder` in the order of their names, each real folder once, whatever links lead to it.

    A file without a model's suffix is yielded if it begins like a model. Hidden files and folders of the system are
    skipped. A path that cannot be read, even `folder` itself, is passed to `on_problem(path, reason)` and does not end
    the walk. Unfinished downloads, archives and large files of an unknown kind are passed to `on_pass(path, sentence)`.
    """
    yield from _Walk(on_problem, on_pass).folder(str(folder))


def begins_like_model(path: Path) -> bool:
    """Return whether a file may be a model or an archive by its first bytes, whatever its name; False if unreadable.

    Unfinished downloads and hidden files are not, nor are documents that are zip files, such as `report.docx`.
    """
    name = path.name
    if name.startswith(".") or is_unfinished_name(name) or os.path.lexists(f"{path}.aria2"):
        return False
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return False
        head = _read_head(str(path))
    except OSError:
        return False
    if suffix_of(name) in OTHER_SUFFIXES:
        return may_be_model(head) and not head.startswith(b"PK")
    return is_model_name(name) or may_be_model(head) or archive_kind(head) is not None


def _read_head(path: str) -> bytes:
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123
        return file.read(HEAD)


def names_archive(sentence: str) -> bool:
    """Return whether a sentence that `walk` passes to `on_pass` is about an archive or a compressed file."""
    return sentence.endswith(_NOT_LOOKED_INTO)


class _Walk:
    def __init__(
        self, on_problem: Callable[[Path, str], None] | None, on_pass: Callable[[Path, str], None] | None
    ) -> None:
        self._on_problem = on_problem
        self._on_pass = on_pass
        self._seen: set[tuple[int, int]] = set()

    def folder(self, start: str) -> Iterator[FoundModel]:
        # A stack instead of recursion: folders may be nested deeper than Python's own stack is.
        pending = [start]
        while pending:
            path = pending.pop()
            if not self._enter(path):
                continue
            entries = self._entries(path)
            names = {entry.name for entry in entries}
            components: frozenset[str] = frozenset()
            if _INDEX in names:
                components, found = self._diffusers(path, entries)
                if found is not None:
                    yield found
            if _SNAPSHOTS in names:
                components |= {_BLOBS}
            folders: list[str] = []
            for entry in entries:
                name = entry.name
                if self._is_folder(entry):
                    if is_unfinished_name(name) and has_inner_model_suffix(name):
                        self._pass(entry.path, UNFINISHED)  # Safari keeps a download in a folder
                    elif name not in components and not _skipped(name):
                        folders.append(entry.path)
                elif name[:1] == ".":
                    continue
                elif (suffix := suffix_of(name)) in MODEL_SUFFIXES:
                    if (status := self._status(entry)) is not None:
                        yield FoundModel(Path(entry.path), status.st_size, status.st_mtime_ns, _inode(entry, status))
                elif (
                    (suffix not in OTHER_SUFFIXES or (name.count(".") > 1 and has_inner_model_suffix(name)))
                    and f"{name}.aria2" not in names
                    and (found := self._unnamed(entry, suffix)) is not None
                ):
                    yield found
            pending += reversed(folders)

    def _unnamed(self, entry: os.DirEntry[str], suffix: str) -> FoundModel | None:
        """Return a file without a model's suffix if it begins like a model; report it if it may be of interest."""
        if (status := self._status(entry)) is None:
            return None
        if is_unfinished_name(entry.name):
            if has_inner_model_suffix(entry.name) or status.st_size >= _WORTH_NAMING:
                self._pass(entry.path, UNFINISHED)
            return None
        if status.st_size < SMALLEST:
            return None
        if suffix in ARCHIVE_SUFFIXES:
            self._pass(entry.path, f"It has the name of an archive ({suffix}) and was not looked into.")
            return None
        try:
            head = _read_head(entry.path)
        except OSError as exc:
            self._report(entry.path, exc)
            return None
        if (kind := archive_kind(head)) is not None:
            self._pass(entry.path, f"It is {kind} and was not looked into.")
        elif may_be_model(head) and is_set_aside_name(entry.name):
            self._pass(entry.path, f"Its name ends in {suffix}, so that no program loads it.")
        elif may_be_model(head):
            path = Path(entry.path)
            return FoundModel(path, status.st_size, status.st_mtime_ns, _inode(entry, status), named=False)
        elif suffix not in OTHER_SUFFIXES and (has_inner_model_suffix(entry.name) or status.st_size >= _WORTH_NAMING):
            self._pass(entry.path, "It does not begin like a model.")
        return None

    def _pass(self, path: str, sentence: str) -> None:
        if self._on_pass is not None:
            self._on_pass(Path(path), sentence)

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
                elif not is_unfinished_name(entry.name) and (status := self._status(entry)) is not None:
                    yield is_model_name(entry.name), status


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
