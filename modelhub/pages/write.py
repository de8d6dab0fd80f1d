"""Write a page to a file, over an older page and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelhub.errors import Remedy, UsageError
from modelhub.pages.environment import GENERATOR
from modelhub.storage import errors
from modelhub.storage.atomic_write import check_replaceable, replace_file

if TYPE_CHECKING:
    from pathlib import Path

_MARK = f'<meta name="generator" content="{GENERATOR} '.encode()
# The mark is among the first lines.
_HEAD = 1024


def check_page_target(target: Path) -> None:
    """Raise UsageError where `target` is not a file, or one that modelhub did not write as a page, such as a model."""
    check_replaceable(target)
    try:
        if not target.is_file() or not target.stat().st_size:
            return
        with target.open("rb") as stream:
            if _MARK in stream.read(_HEAD):
                return
    except OSError as exc:
        raise errors.from_os_error(exc, target, "read") from exc
    raise UsageError(
        f"{target} exists and is not a page that modelhub wrote.",
        Remedy("Nothing was written. Choose another name, or delete the file first."),
    )


def write_page(target: Path, text: str) -> int:
    """Write a page as UTF-8, whole or not at all, and return its size in bytes.

    Raise UsageError as `check_page_target` does, and ModelhubError when the page cannot be written.
    """
    check_page_target(target)
    content = text.encode("utf-8")
    replace_file(target, content)
    return len(content)
