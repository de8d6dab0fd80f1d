"""Find files in the user's Hugging Face cache; read only, no network.

Layout: `models--org--name/` with `refs/<branch>` (a commit), `snapshots/<commit>/<path>` and `blobs/<digest>`, where a
digest is the SHA-256 of an LFS file or the git SHA-1 of a small one. Snapshots are links to blobs, or, where links are
not available (Windows), the files themselves. Callers must verify the hash of a path before they use it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from modelhub.home import expand_home

_SHA256 = re.compile(r"[0-9a-f]{64}")
_GIT_SHA1 = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedFile:
    """One file of a snapshot: its `name` in the repository, path, size in bytes, and digests where known."""

    name: str
    path: Path
    size: int
    sha256: str | None = None
    git_sha1: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedSnapshot:
    """The cached files of one commit of a repository, which may be only some of them."""

    repository: str
    commit: str
    files: tuple[CachedFile, ...]


def cache_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the hub cache's folder by HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE, HF_HOME or XDG_CACHE_HOME.

    It need not exist.
    """
    named = environ.get("HF_HUB_CACHE") or environ.get("HUGGINGFACE_HUB_CACHE")
    if named:
        return _expanded(named)
    home = environ.get("HF_HOME")
    if home:
        return _expanded(home) / "hub"
    return _expanded(environ.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface" / "hub"


def find(
    *, sha256: str | None = None, git_sha1: str | None = None, size: int | None = None, folder: Path | None = None
) -> tuple[Path, ...]:
    """Return files whose names in the cache state one of these digests, from any repository; not verified.

    Files of another `size` in bytes are left out. In repositories without links (see above) nothing is found.
    """
    digests = tuple(digest.lower() for digest in (sha256, git_sha1) if digest)
    if not all(_SHA256.fullmatch(digest) or _GIT_SHA1.fullmatch(digest) for digest in digests):
        return ()
    found = []
    for repository in _repositories(folder or cache_folder()):
        for digest in digests:
            path = repository / "blobs" / digest
            if _size(path) is not None and size in (None, _size(path)):
                found.append(path)
    return tuple(found)


def snapshot(repository: str, revision: str | None = None, *, folder: Path | None = None) -> CachedSnapshot | None:
    """Return the cached files of `repository` at a branch, tag or (shortened) commit; None where there are none.

    Without a revision: the main branch, else the only commit in the cache.
    """
    home = (folder or cache_folder()) / f"models--{repository.replace('/', '--')}"
    commit = _commit(home, revision)
    if commit is None:
        return None
    top = home / "snapshots" / commit
    files = tuple(sorted(_files(top, home / "blobs"), key=lambda file: file.name))
    return CachedSnapshot(repository=repository, commit=commit, files=files) if files else None


def _commit(home: Path, revision: str | None) -> str | None:
    cached = _names(home / "snapshots")
    wanted = revision or "main"
    if ".." in wanted.split("/"):
        return None
    try:
        named = (home / "refs" / wanted).read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        named = ""
    if named in cached:
        return named
    if revision is None:
        return cached[0] if len(cached) == 1 else None
    matching = [commit for commit in cached if len(revision) >= 7 and commit.startswith(revision.lower())]
    return matching[0] if len(matching) == 1 else None


def _files(top: Path, blobs: Path) -> Iterator[CachedFile]:
    for parent, _, names in os.walk(top):
        for name in names:
            path = Path(parent, name)
            size = _size(path)
            if size is None:
                continue
            target = path.resolve()
            digest = target.name if target.parent == blobs.resolve() else ""
            yield CachedFile(
                name=path.relative_to(top).as_posix(),
                path=path,
                size=size,
                sha256=digest if _SHA256.fullmatch(digest) else None,
                git_sha1=digest if _GIT_SHA1.fullmatch(digest) else None,
            )


def _repositories(folder: Path) -> Iterator[Path]:
    for name in _names(folder):
        if "--" in name:
            yield folder / name


def _names(folder: Path) -> list[str]:
    try:
        return sorted(entry.name for entry in folder.iterdir())
    except OSError:
        return []


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size if path.is_file() else None
    except OSError:
        return None


def _expanded(text: str) -> Path:
    return expand_home(os.path.expandvars(text))
