"""A symbolic walk over a pickle: what it would import and call, and what it would build. Nothing is ever executed.

Opcodes of protocols 0 to 5 as in CPython's `pickletools`. Strings and bytes are kept only when short; opcodes, marks,
names and copies are bounded, so that time and memory are too, whatever the pickle says.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from modelhub.formats.header import PickleGlobal
from modelhub.formats.pickles.machine import PickleMachine, as_subject
from modelhub.formats.pickles.opcodes import HANDLERS
from modelhub.formats.pickles.placeholders import LimitError, Storage, TruncatedError, WalkError
from modelhub.formats.pickles.reader import PickleReader

MAX_OPCODES = 1_000_000  # of all pickles of one file; that of a 7.7 GB checkpoint has 60,000
_LINE_COST = 2  # opcodes that a line costs besides its own: a search and a conversion take that long
_STOP = ord(".")


@dataclass(slots=True)
class WalkBudget:
    """The opcodes that the walks over one file have left, all together."""

    opcodes: int = MAX_OPCODES


@dataclass(slots=True)
class PickleWalk:
    """The result of one pickle's walk. `root`: what it builds, None when it breaks off. `end`: the byte behind it.

    `storages`: the storages of tensors that it names, by key. `truncated`: the file ends before the pickle does.
    `limited`: the walk ended at a limit of its own, beyond which a loader may go on.
    """

    root: Any = None
    globals: list[PickleGlobal] = field(default_factory=list)
    findings: list[tuple[str, str]] = field(default_factory=list)
    storages: dict[str, Storage] = field(default_factory=dict)
    opcodes: int = 0
    end: int = 0
    complete: bool = False
    truncated: bool = False
    limited: bool = False

    @property
    def acts(self) -> bool:
        """Whether a loader would do anything besides building plain values, or could beyond the walk's limits."""
        return bool(self.globals) or self.limited or any(severity == "dangerous" for severity, _ in self.findings)


def walk_pickle(
    reader: PickleReader, place: str, *, budget: WalkBudget | None = None, first: bool = False
) -> PickleWalk:
    """Follow one pickle from the reader's position to its STOP. `place` names it in findings. Never raise.

    `first`: end where a loader fails that reads it before anything else, as at a persistent id, which nothing answers.
    """
    machine, result = PickleMachine(reader, place, first=first), PickleWalk()
    reason = ""
    try:
        with _without_collector():
            _run(machine, result, budget or WalkBudget())
        result.complete = True
    except TruncatedError as exc:
        result.truncated, reason = True, str(exc)
    except WalkError as exc:
        result.limited, reason = isinstance(exc, LimitError), str(exc)
    except (IndexError, ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as exc:
        reason = f"It is not well-formed ({type(exc).__name__})."
    except MemoryError:
        reason = "It needs more memory than there is."
    result.end = reader.offset
    result.findings, result.globals, result.storages = machine.findings, machine.globals_found(), machine.storages
    if not result.complete:
        result.findings.append(_breaking_off(result, place, reason))
    return result


@contextmanager
def _without_collector() -> Iterator[None]:
    """Stop the search for reference cycles, which takes longer than the walk when it makes a million objects."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _run(machine: PickleMachine, result: PickleWalk, budget: WalkBudget) -> None:
    """Carry out every opcode up to STOP. Raise WalkError when the pickle cannot be followed."""
    reader, handlers = machine.reader, HANDLERS
    try:
        while True:
            if reader.position >= len(reader.data) and not reader.fill():
                raise TruncatedError
            if machine.frame_end is not None and reader.offset >= machine.frame_end:
                machine.check_frame()
            opcode = reader.data[reader.position]
            reader.position += 1
            result.opcodes += 1
            if opcode == _STOP:
                break
            handlers[opcode](machine)
            if result.opcodes + _LINE_COST * reader.lines > budget.opcodes:
                raise LimitError("It is larger than the pickle of any model.")
    finally:
        budget.opcodes -= result.opcodes + _LINE_COST * reader.lines
        reader.lines = 0
    if machine.frame_end is not None:
        machine.check_frame(stopped=True)
    result.root = machine.stack.pop()
    if machine.stack or machine.marked:
        machine.report("suspicious", "it leaves objects on its stack, which no program that writes pickles does")


def _breaking_off(result: PickleWalk, place: str, reason: str) -> tuple[str, str]:
    """Return the finding about a pickle without an end: a malformed one may be a trick, a truncated one is not."""
    if result.truncated:
        return "unrecognised", f"{as_subject(place)} is cut off at byte {result.end}. {reason}"
    if result.limited:
        return "suspicious", f"{as_subject(place)} goes on behind byte {result.end}, where it is not followed. {reason}"
    if result.opcodes > 1:
        return "suspicious", f"{as_subject(place)} breaks off at byte {result.end}. {reason}"
    return "unrecognised", f"{as_subject(place)} is not a pickle. {reason}"
