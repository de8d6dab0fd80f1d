"""Events of one load, and their writing to a pipe: each at once, so that a killed process loses none."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from typing import Any

# Reasons for an event: `name` a global that a loader looked up, `call` of a named global, `act` beyond reading the
# file, `memory` and `time` beyond what the file's size explains, `overread` of memory that the file does not fill,
# `crash` of the process, `left` a file in the folder.
KINDS = ("name", "call", "act", "memory", "time", "overread", "crash", "left")


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that loading a file did, and which the law forbids."""

    loader: str
    kind: str
    detail: str

    def __str__(self) -> str:
        return f"{self.loader}: {self.kind} {self.detail}"


@dataclass(slots=True)
class Loads:
    """The outcome of all loaders on one file. `done`: loader → how it ended ("loaded" or the error's type)."""

    events: list[Event] = field(default_factory=list)
    done: dict[str, str] = field(default_factory=dict)


def write_line(descriptor: int, **fields: Any) -> None:
    """Write one JSON line to a pipe."""
    data = json.dumps(fields, ensure_ascii=True).encode() + b"\n"
    while data:
        data = data[os.write(descriptor, data) :]
