"""Folders: making them, and keeping paths inside them."""

from __future__ import annotations

import os
from pathlib import Path

from modelhub.storage import errors


def ensure_inside(root: Path, target: Path) -> None:
    """Raise OutsideTargetError unless `target` is inside `root`, with every link on the way followed.

    The target need not exist; the existing part of its folder is checked.
    """
    inside = Path(os.path.normpath(root.absolute()))
    wanted = Path(os.path.normpath(target.absolute()))
    try:
        real = wanted.parent.resolve().is_relative_to(inside.resolve())
    except (OSError, RuntimeError) as exc:  # RuntimeError: a loop of links
        raise _outside(target, root) from exc
    if wanted == inside or not wanted.is_relative_to(inside) or ".." in target.parts or not real:
        raise _outside(target, root)


def _outside(target: Path, root: Path) -> errors.OutsideTargetError:
    return errors.OutsideTargetError(
        f"{target} is not inside {root}.",
        "Nothing was written. If a folder in it is a link to another drive, use the folder on that drive.",
    )


def make_folder(folder: Path) -> None:
    """Make `folder` and its parents where they do not exist. Raise ModelhubError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as exc:
        raise errors.TargetExistsError(
            f"Could not make the folder {folder}: a file has that name.", "Move that file, then try again."
        ) from exc
    except OSError as exc:
        raise errors.from_os_error(exc, folder, "make the folder") from exc
