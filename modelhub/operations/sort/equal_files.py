"""Find equal files with as little reading as possible: by size, then by three samples, then by the whole content."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from modelhub.errors import ModelhubError
from modelhub.storage.hashing import sha256_of

_SAMPLE = 64 << 10  # bytes read at the start, in the middle and at the end


@dataclass
class DuplicateIndex:
    """A growing set of files in which equal ones are found. `known`: path → SHA-256, from the catalog."""

    known: Mapping[Path, str]
    _sizes: dict[int, list[Path]] = field(default_factory=dict)
    _by_hash: dict[str, Path] = field(default_factory=dict)
    _unhashed: dict[int, int] = field(default_factory=dict)
    _samples: dict[int, dict[bytes, list[Path]]] = field(default_factory=dict)
    _hashes: dict[Path, str] = field(default_factory=dict)

    def add(self, path: Path, size: int) -> None:
        """Add a file to the set."""
        self._sizes.setdefault(size, []).append(path)
        if path in self.known:
            self._by_hash.setdefault(self.known[path], path)
        else:
            self._unhashed[size] = self._unhashed.get(size, 0) + 1
        if size in self._samples:
            self._sample(path, size)

    def find(self, path: Path, size: int) -> Path | None:
        """Return a file of the set with the same content; None also when one of them cannot be read."""
        others = self._sizes.get(size)
        if not others:
            return None
        sha256 = self.known.get(path)
        if sha256 is not None:
            found = self._by_hash.get(sha256)
            if found is not None and found != path:
                return found
            if not self._unhashed.get(size):
                return None
        return self._by_content(path, size, others)

    def _by_content(self, path: Path, size: int, others: list[Path]) -> Path | None:
        if size not in self._samples:
            self._samples[size] = {}
            for other in others:
                self._sample(other, size)
        try:
            alike = self._samples[size].get(sample(path, size), ())
            return next((o for o in alike if o != path and self._hash(o) == self._hash(path)), None)
        except (OSError, ModelhubError):
            return None

    def _sample(self, path: Path, size: int) -> None:
        try:
            self._samples[size].setdefault(sample(path, size), []).append(path)
        except OSError:
            return  # a file that cannot be read equals no other

    def _hash(self, path: Path) -> str:
        if path in self.known:
            return self.known[path]
        if path not in self._hashes:
            self._hashes[path] = sha256_of(path)
        return self._hashes[path]


def sample(path: Path, size: int) -> bytes:
    """Return a digest of three pieces of a file. Raise OSError."""
    digest = hashlib.blake2b(digest_size=16)
    with path.open("rb") as file:
        for start in sorted({0, max(0, size // 2 - _SAMPLE // 2), max(0, size - _SAMPLE)}):
            file.seek(start)
            digest.update(file.read(_SAMPLE))
    return digest.digest()
