"""Draw progress bars that fit the terminal: label, bar, amount, rate and time left."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from modelhub.cli.screen.text_layout import shorten, width
from modelhub.language import _
from modelhub.quantities import format_size

_LEAST_BAR = 10  # columns of the bar itself, which a long label leaves free
_LEAST_LABEL = 12
_FALLBACK_COLUMNS = 80
_FORMAT = "{label} {percent} {bar} {detail}"

if TYPE_CHECKING:
    _Bar = tqdm[Any]
else:
    _Bar = tqdm  # not generic at run time


class TerminalBar(_Bar):
    """A bar on stderr. Its label is cut by its width on the terminal, so that the numbers always fit."""

    def __init__(self, label: str, *, total: int | None, unit: str) -> None:
        self.label = label
        super().__init__(
            total=total,
            unit=unit,
            bar_format=_FORMAT,
            dynamic_ncols=True,
            leave=False,
            file=sys.stderr,
            smoothing=0.1,
        )

    @property
    def format_dict(self) -> dict[str, Any]:
        """The values of the line that is drawn."""
        values = dict(super().format_dict)
        detail = progress_text(values)
        columns = values["ncols"] or _FALLBACK_COLUMNS
        percent = f"{values['n'] / values['total']:4.0%}" if values["total"] else ""
        room = columns - width(percent) - width(detail) - _LEAST_BAR - 3
        label = shorten(self.label, max(room, _LEAST_LABEL))
        return values | {"label": label, "percent": percent, "detail": detail}


def progress_text(values: Mapping[str, Any]) -> str:
    """Return how much is done of what, and for bytes the rate; with the time that is left once it can be estimated."""
    done, total, unit = values["n"], values["total"], values["unit"]
    rate = values["rate"] or ((done - values["initial"]) / values["elapsed"] if values["elapsed"] else 0)
    amount = _amount(done, total, unit)
    speed = format_size(int(rate))
    if not rate:
        return amount
    if total is None:
        return _("{amount}, {rate}/s", amount=amount, rate=speed) if unit == "B" else amount
    left = tqdm.format_interval(max(total - done, 0) / rate)
    if unit == "B":
        return _("{amount}, {rate}/s, {time} left", amount=amount, rate=speed, time=left)
    return _("{amount}, {time} left", amount=amount, time=left)


def _amount(done: int, total: int | None, unit: str) -> str:
    if unit == "B":
        return _size_amount(done, total)
    if total is None:
        return f"{done}"
    if unit == "files":
        return _("{done} of {total} files", done=done, total=total)
    if unit == "models":
        return _("{done} of {total} models", done=done, total=total)
    return f"{done}/{total} {unit}"


def _size_amount(done: int, total: int | None) -> str:
    if total is None:
        return format_size(done)
    now, whole = format_size(done), format_size(total)
    if now.split()[1] == whole.split()[1]:
        now = now.split()[0]  # the unit is stated once
    return _("{done} of {total}", done=now, total=whole)
