"""Sizes in words, for every front end."""

from __future__ import annotations

_UNITS = ("kB", "MB", "GB", "TB")


def size_text(count: int | None) -> str:
    """Return a number of bytes in decimal units with three digits, as hubs print it: "4.27 GB"; None is unknown."""
    if count is None:
        return "unknown size"
    if count < 1000:
        return f"{count} B"
    value = float(count)
    for unit in _UNITS:
        value /= 1000
        if value < 999.5 or unit == _UNITS[-1]:  # 999.5 and more would be rounded to 1000
            break
    return f"{value:.0f} {unit}" if value >= 100 else f"{value:.3g} {unit}"
