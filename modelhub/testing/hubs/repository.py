"""Model repositories of the servers in this folder: files by revision, and their entries in a listing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from modelhub.testing.hubs.blobs import Blob, blob_of

LFS_SUFFIXES = (".safetensors", ".ckpt", ".pt", ".pth", ".bin", ".onnx", ".msgpack", ".h5", ".gguf", ".pkl", ".zip")


@dataclass(frozen=True, kw_only=True)
class Repository:
    """One model repository: the files of its main branch, other revisions, and its card.

    `files` values are bytes, text, paths of real files or `Blob`s. `scans` are the hub's verdicts by file name.
    """

    files: Mapping[str, bytes | str | Path | Blob]
    revisions: Mapping[str, Mapping[str, bytes | str | Path | Blob]] = field(default_factory=dict)
    card: Mapping[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    scans: Mapping[str, str] = field(default_factory=dict)
    gated: bool = False
    private: bool = False

    @cached_property
    def trees(self) -> dict[str, dict[str, Blob]]:
        """Return the files of every revision as blobs, by revision."""
        return {
            name: {path: blob_of(content) for path, content in sorted(files.items())}
            for name, files in {"main": self.files, **self.revisions}.items()
        }

    @cached_property
    def commits(self) -> dict[str, str]:
        """Return the commit of every revision."""
        return {name: _commit(tree) for name, tree in self.trees.items()}

    def at(self, revision: str) -> tuple[str, dict[str, Blob]] | None:
        """Return the commit and the files at a branch or commit, None where there is none."""
        for name, commit in self.commits.items():
            if revision.removeprefix("refs/heads/") in (name, commit):
                return commit, self.trees[name]
        return None


def repositories_in(folder: Path) -> dict[str, Repository]:
    """Return the repositories in folders `folder/org/name/…`."""
    found = {}
    for home in sorted(folder.glob("*/*")):
        files = {path.relative_to(home).as_posix(): path for path in sorted(home.rglob("*")) if path.is_file()}
        if files:
            found[home.relative_to(folder).as_posix()] = Repository(files=files)
    return found


def entries(
    repository: Repository, tree: dict[str, Blob], below: str, *, recursive: bool, expand: bool
) -> Iterator[dict[str, Any]]:
    """Yield the files and folders below a folder, as a tree lists them."""
    prefix = f"{below.strip('/')}/" if below else ""
    folders = set()
    for path, blob in tree.items():
        inside = path.removeprefix(prefix).split("/")
        if not path.startswith(prefix):
            continue
        for depth in range(1, len(inside)):
            folder = prefix + "/".join(inside[:depth])
            if folder not in folders and (recursive or depth == 1):
                folders.add(folder)
                oid = hashlib.sha1(folder.encode()).hexdigest()
                yield {"type": "directory", "oid": oid, "size": 0, "path": folder}
        if recursive or len(inside) == 1:
            yield entry(repository, path, blob, expand)


def entry(repository: Repository, path: str, blob: Blob, expand: bool) -> dict[str, Any]:
    """Return the entry of a file in trees and path listings; with its scan verdict when expanded."""
    lfs = is_lfs(path)
    listed: dict[str, Any] = {"type": "file", "oid": blob.git_sha1, "size": blob.size, "path": path}
    if lfs:
        pointer = blob.pointer
        listed["oid"] = hashlib.sha1(b"blob %d\0%s" % (len(pointer), pointer)).hexdigest()
        listed["lfs"] = {"oid": blob.sha256, "size": blob.size, "pointerSize": len(pointer)}
    if expand:
        status = repository.scans.get(path, "safe")
        scan = {"status": status, "message": None}
        listed["lastCommit"] = {"id": "0" * 40, "title": "Upload", "date": "2024-08-30T09:00:00.000Z"}
        listed["securityFileStatus"] = {"status": status, "avScan": scan, "pickleImportScan": scan if lfs else None}
    return listed


def is_lfs(path: str) -> bool:
    """Return whether the hub keeps a file of this name in its storage, not in git."""
    return path.lower().endswith(LFS_SUFFIXES)


def _commit(tree: Mapping[str, Blob]) -> str:
    lines = "\n".join(f"{path} {blob.sha256}" for path, blob in sorted(tree.items()))
    return hashlib.sha1(lines.encode()).hexdigest()
