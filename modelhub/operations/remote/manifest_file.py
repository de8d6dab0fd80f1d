"""Save a manifest to a file and load it."""

from __future__ import annotations

from pathlib import Path

from modelhub.documents.manifest import Manifest, read_manifest, write_manifest
from modelhub.errors import NotFoundError, UsageError
from modelhub.storage.atomic_write import replace_file
from modelhub.storage.errors import TargetExistsError, from_os_error


def save_manifest(manifest: Manifest, path: Path) -> None:
    """Write a manifest completely or not at all; an earlier manifest at `path` is replaced.

    Raise TargetExistsError where another file has that name, and ModelhubError where the file cannot be written.
    """
    if path.exists() and not _is_manifest(path):
        raise TargetExistsError(f"{path} exists already and is not a manifest.", "Choose another name.")
    replace_file(path, write_manifest(manifest).encode("ascii"))


def _is_manifest(path: Path) -> bool:
    try:
        read_manifest(path.read_bytes(), str(path))
    except UsageError:
        return False
    except OSError as exc:
        raise from_os_error(exc, path, "read") from exc
    return True


def load_manifest(path: Path) -> Manifest:
    """Return the manifest at `path`. Raise UsageError for another file, and what `from_os_error` makes of the rest."""
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        raise NotFoundError(f"{path} does not exist.", "Check the spelling; quote names with spaces.") from None
    except OSError as exc:
        raise from_os_error(exc, path, "read") from exc
    return read_manifest(text, str(path))
