"""Writing a page: over an older page, never over anything else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from modelhub.errors import UsageError
from modelhub.pages.environment import render_page
from modelhub.pages.write import write_page

PAGE = render_page("base.html", assets=())


def test_a_page_replaces_an_older_page(tmp_path: Path) -> None:
    """The mark in its head shows that modelhub wrote it; an empty file is not worth keeping."""
    target = tmp_path / "new folder" / "页面.html"
    assert write_page(target, PAGE) == target.stat().st_size
    write_page(target, PAGE.replace("</body>", "<p>second</p></body>"))
    assert "second" in target.read_text("utf-8")
    (tmp_path / "empty.html").touch()
    write_page(tmp_path / "empty.html", PAGE)
    assert (tmp_path / "empty.html").read_text("utf-8") == PAGE


@pytest.mark.parametrize("content", [b"weights", b"<!doctype html><title>my diary</title>", b"\xff" * 5000])
def test_a_file_that_is_not_a_page_of_modelhub_stays(tmp_path: Path, content: bytes) -> None:
    """A slip such as `--report model.safetensors` costs nothing."""
    target = tmp_path / "model.safetensors"
    target.write_bytes(content)
    with pytest.raises(UsageError, match="not a page that modelhub wrote"):
        write_page(target, PAGE)
    assert target.read_bytes() == content
    assert os.listdir(tmp_path) == ["model.safetensors"]


def test_a_link_to_another_file_is_not_followed_to_its_loss(tmp_path: Path) -> None:
    """The file that the link leads to is looked at, because it is the one that would be replaced."""
    diary = tmp_path / "diary.txt"
    diary.write_text("mine")
    try:
        (tmp_path / "page.html").symlink_to(diary)
    except OSError:
        pytest.skip("this system makes no symbolic links")
    with pytest.raises(UsageError):
        write_page(tmp_path / "page.html", PAGE)
    assert diary.read_text() == "mine"
