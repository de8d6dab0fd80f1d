"""Sizes in words."""

from __future__ import annotations

import pytest

from modelhub.sizes import size_text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (None, "unknown size"),
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1 kB"),
        (999_499, "999 kB"),
        (999_500, "1 MB"),
        (999_600, "1 MB"),
        (4_265_146_304, "4.27 GB"),
        (999_999_999_999, "1 TB"),
        (5_000_000_000_000_000, "5000 TB"),
    ],
)
def test_a_size_has_three_digits_in_the_largest_unit_that_fits(count: int | None, text: str) -> None:
    """Rounding moves a size to the next unit instead of making it 1000 of the smaller one."""
    assert size_text(count) == text
