"""Byte counts and durations as people read them: the one place that formats each."""

from __future__ import annotations

_UNITS = ("B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB")


def format_size(count: int | None) -> str:
    """Return a byte count in decimal units, as the model hubs print them, with up to three significant digits.

    For example "512 B", "1.0 MB", "4.27 GB" or "38 MB"; "unknown size" for None.
    """
    if count is None:
        return "unknown size"
    if count < 1000:
        return f"{count} B"
    value, power = float(count), 0
    while value >= 999.5:
        value /= 1000
        power += 1
    return f"{_three_digits(value)} {_UNITS[power]}"


def _three_digits(value: float) -> str:
    """Return a number with three significant digits, less a last zero: "1.0", "1.25", "12", "12.5" or "125"."""
    if value < 9.995:
        return f"{value:.2f}".removesuffix("0")
    return f"{value:.1f}".removesuffix(".0") if value < 99.95 else f"{value:.0f}"


def format_duration(seconds: float) -> str:
    """Return a time span: "40 ms", "1.2 s", "55 s", "3 min", "3 min 20 s" or "2 h 5 min"."""
    if seconds < 0.0995:
        return f"{max(0.0, seconds) * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    if seconds < 3599.5:
        return _two_units(round(seconds), "min", "s")
    return _two_units(round(seconds / 60), "h", "min")


def _two_units(count: int, large: str, small: str) -> str:
    whole, rest = divmod(count, 60)
    return f"{whole} {large} {rest} {small}" if rest else f"{whole} {large}"
