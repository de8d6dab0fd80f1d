"""Folders, and staying inside them."""

from __future__ import annotations

import os
from pathlib import Path

from modelhub.storage import errors


def ensure_inside(root: Path, target: Path) -> None:
    """Raise OutsideTargetError unless `target` stays within `root` when every link on the way is followed.

    The target itself need not exist; its folder's existing part is what is looked at.
    """
    inside = Path(os.path.normpath(root.absolute()))
    asked = Path(os.path.normpath(target.absolute()))
    try:
        real = asked.parent.resolve().is_relative_to(inside.resolve())
    except (OSError, RuntimeError) as exc:  # RuntimeError: a loop of links
        raise _outside(target, root) from exc
    if asked == inside or not asked.is_relative_to(inside) or ".." in target.parts or not real:
        raise _outside(target, root)


def _outside(target: Path, root: Path) -> errors.OutsideTargetError:
    return errors.OutsideTargetError(
        f"{target} does not lie inside {root}.",
        "Nothing was written. If a folder there is a link to another drive, name that drive's folder itself.",
    )


def make_folder(folder: Path) -> None:
    """Make `folder` and those above it; fine when it exists. Raises a ModelhubError when it cannot be made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as exc:
        raise errors.TargetExistsError(
            f"Could not make the folder {folder}: a file has that name.", "Move that file away."
        ) from exc
    except OSError as exc:
        raise errors.from_os_error(exc, folder, "make the folder") from exc
