"""Byte counts and durations as text."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelhub.quantities import format_duration, format_size

UNITS = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "PB": 10**15, "EB": 10**18}
LARGEST = 2**63 - 1  # bytes; no file system has larger files


def parsed_size(text: str) -> float:
    """Return the number of bytes that a text states."""
    number, unit = text.split(" ")
    return float(number) * UNITS[unit]


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (None, "unknown size"),
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (1999, "2.0 kB"),
        (12_000, "12 kB"),
        (38_000_000, "38 MB"),
        (99_940, "99.9 kB"),
        (99_950, "100 kB"),
        (999_499, "999 kB"),
        (999_600, "1.0 MB"),
        (1_500_000, "1.5 MB"),
        (4_265_146_304, "4.27 GB"),
        (999_999_999_999, "1.0 TB"),
        (LARGEST, "9.22 EB"),
    ],
)
def test_sizes_read_as_the_hubs_print_them(count: int | None, text: str) -> None:
    """Decimal units, one space, at most three significant digits."""
    assert format_size(count) == text


@given(st.integers(0, LARGEST))
def test_every_size_has_at_most_three_digits_and_is_right(count: int) -> None:
    """No exponent, no thousand of a unit, and an error below half of the last digit."""
    text = format_size(count)
    assert re.fullmatch(r"(\d{1,3}|\d\.\d{1,2}|\d\d\.\d) [kMGTPE]?B", text)
    assert abs(parsed_size(text) - count) <= max(count * 0.00501, 0)


@given(st.integers(0, LARGEST), st.integers(0, LARGEST))
def test_a_larger_size_never_reads_as_a_smaller_one(one: int, other: int) -> None:
    """The order of sizes survives the rounding."""
    assert parsed_size(format_size(min(one, other))) <= parsed_size(format_size(max(one, other)))


def parsed_duration(text: str) -> float:
    """Return the number of seconds that a text states."""
    factors = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0}
    return sum(float(number) * factors[unit] for number, unit in re.findall(r"([\d.]+) (\w+)", text))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0 ms"),
        (0.04, "40 ms"),
        (0.0996, "0.1 s"),
        (1.2, "1.2 s"),
        (55.0, "55 s"),
        (12.34, "12.3 s"),
        (59.96, "1 min"),
        (180.0, "3 min"),
        (200.4, "3 min 20 s"),
        (3599.7, "1 h"),
        (7500.0, "2 h 5 min"),
        (90_000.0, "25 h"),
    ],
)
def test_durations_are_stated_in_the_units_of_their_size(seconds: float, text: str) -> None:
    """Tenths of a second, then minutes, then hours."""
    assert format_duration(seconds) == text


@given(st.floats(0, 1e7))
def test_every_duration_is_right_and_has_no_full_larger_unit(seconds: float) -> None:
    """Never 60 s or 60 min, and an error below half of the smallest unit shown."""
    text = format_duration(seconds)
    assert not re.search(r"\b60 |\b100 ms|e\+", text)
    step = 60.0 if " h" in text else 1.0 if "min" in text else 0.1 if " s" in text else 0.001
    assert abs(parsed_duration(text) - seconds) <= step / 2 + 1e-6
