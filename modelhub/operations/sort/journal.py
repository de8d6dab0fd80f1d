"""Changes of the disk that survive kill -9 and can be undone: every intent is in the journal before it is carried out.

Steps come in bundles (a model with its sidecars); a bundle is done as a whole or not at all. What was killed half-way
is settled at the next start: bundles that were begun are finished, the others are dropped.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

from modelhub.catalog import Catalog, NewStep, Operation, Step
from modelhub.errors import ModelhubError
from modelhub.operations.sort.actions import ACTIONS, StepLike, obstacle
from modelhub.operations.sort.catalog_sync import follow
from modelhub.storage.durable import sync_folder

_AT_ONCE = 64  # bundles that are noted as done in one transaction
UNDOABLE = ("sort", "undo", "redo")
Bundle = Sequence[NewStep]


@dataclass(frozen=True, slots=True)
class Failure:
    """A bundle that was not carried out; nothing of it is changed."""

    bundle: int
    error: ModelhubError


@dataclass
class Performed:
    """What became of an operation: numbers of the bundles that are done, and those that are not, with the reason."""

    operation: Operation
    done: list[int] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """An operation that was broken off and has been settled now: bundles done, and those dropped."""

    operation: Operation
    done: int
    dropped: int

    def __str__(self) -> str:
        what = f"{self.operation.kind} {self.operation.id}"
        parts = f"{self.done} of its {self.done + self.dropped} parts"
        return f"{what} had been broken off: {parts} are done, none is half-way"


def perform(
    catalog: Catalog,
    kind: str,
    parameters: Mapping[str, Any],
    bundles: Sequence[Bundle],
    *,
    on_bundle: Callable[[int], None] = lambda _: None,
) -> Performed:
    """Carry out all bundles; one that fails is taken back and does not stop the others.

    `on_bundle` is called with each number as it is over. Interrupted, it settles what it has begun and lets the
    interruption through.
    """
    operation = catalog.begin(kind, parameters)
    numbered = [step_of(step, number) for number, bundle in enumerate(bundles) for step in bundle]
    steps = catalog.plan_steps(operation, numbered)
    result = Performed(operation)
    try:
        groups = [list(group) for _, group in groupby(steps, key=lambda step: step.detail["bundle"])]
        for start in range(0, len(groups), _AT_ONCE):
            _carry_out(catalog, groups[start : start + _AT_ONCE], result, on_bundle)
    except BaseException:
        settle(catalog, operation)
        raise
    _close(catalog, operation)
    return result


def step_of(step: NewStep, bundle: int) -> NewStep:
    """The step with its bundle's number."""
    return NewStep(action=step.action, source=step.source, target=step.target, detail={**step.detail, "bundle": bundle})


def _carry_out(
    catalog: Catalog, groups: Sequence[Sequence[Step]], result: Performed, on_bundle: Callable[[int], None]
) -> None:
    """Some bundles, then their folders through to the disk, then the journal and the catalog in one go."""
    done: list[Step] = []
    failed: list[Step] = []
    for group in groups:
        number = int(group[0].detail["bundle"])
        try:
            _one_bundle(group)
            done += group
            result.done.append(number)
        except ModelhubError as exc:
            failed += group
            result.failed.append(Failure(number, exc))
        on_bundle(number)
    _note(catalog, done, failed)


def _note(catalog: Catalog, done: Sequence[Step], dropped: Sequence[Step]) -> None:
    folders = {Path(path).parent for step in done for path in (step.source, step.target) if path}
    for folder in folders:
        sync_folder(folder)
    with catalog.batch(durable=True):
        for step in done:
            follow(catalog, step)
        catalog.mark_steps([step.id for step in done], "done")
        catalog.mark_steps([step.id for step in dropped], "dropped")
        catalog.mark_steps([number for step in done for number in step.detail.get("undoes", ())], "undone")
        catalog.mark_steps([number for step in done for number in step.detail.get("restores", ())], "done")


def _one_bundle(steps: Sequence[StepLike]) -> None:
    """Do every step, or none: what was done before one fails is taken back."""
    for number, step in enumerate(steps):
        try:
            ACTIONS[step.action].do(step)
        except BaseException:
            _take_back(steps[:number])
            raise


def _take_back(steps: Sequence[StepLike]) -> None:
    for step in reversed(steps):
        inverse = ACTIONS[step.action].inverse(step)
        if inverse is not None:
            with contextlib.suppress(ModelhubError):
                ACTIONS[inverse.action].do(inverse)


def recover(catalog: Catalog) -> list[Recovered]:
    """Settle every operation that a killed process left unfinished; oldest first. Call it with the sort's lock held."""
    return [settle(catalog, found) for found in reversed(catalog.unfinished()) if found.kind in UNDOABLE]


def settle(catalog: Catalog, operation: Operation) -> Recovered:
    """Finish the bundles that were begun, drop the others, and close the operation."""
    done = dropped = 0
    finished: list[Step] = []
    never: list[Step] = []
    for _, group in groupby(catalog.steps(operation), key=lambda step: step.detail.get("bundle")):
        steps = list(group)
        if all(step.state == "done" for step in steps):
            done += 1
        elif all(step.state == "dropped" for step in steps):
            dropped += 1
        elif _finish_bundle(steps):
            finished += steps
            done += 1
        else:
            never += steps
            dropped += 1
    _note(catalog, finished, never)
    _close(catalog, operation)
    return Recovered(operation=operation, done=done, dropped=dropped)


def _finish_bundle(steps: Sequence[Step]) -> bool:
    """Whether the bundle is done now. One that was not begun stays so; one that cannot be finished is taken back."""
    states = [ACTIONS[step.action].settle(step) for step in steps]
    real = [number for number, step in enumerate(steps) if step.action not in ("mkdir", "rmdir")]
    reached = max((number for number in real if states[number]), default=-1)
    if reached < 0:
        return False
    # Steps are done in order: before one that is done, none is missing, even if a later one has hidden its trace.
    states[:reached] = [True] * reached
    begun = [step for step, state in zip(steps, states, strict=True) if state]
    try:
        for step, state in zip(steps, states, strict=True):
            if not state:
                ACTIONS[step.action].do(step)
                begun.append(step)
    except ModelhubError:
        _take_back(begun)
        return False
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A bundle that is not undone: its main file, and why."""

    path: Path
    words: str


@dataclass
class Undone:
    """What an undo did: `operation` is the undo itself, which can be undone as well; None when nothing was possible."""

    of: Operation
    operation: Operation | None = None
    steps: list[NewStep] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)


def undo(catalog: Catalog, operation: Operation, *, on_bundle: Callable[[int], None] = lambda _: None) -> Undone:
    """Take back what an operation did, bundle by bundle, the last first; refuses each that has changed since."""
    result = Undone(operation)
    bundles = []
    for steps in _done_bundles(catalog, operation):
        inverse, refusal = _inverse_of(steps)
        if refusal is not None:
            result.refused.append(refusal)
        else:
            bundles.append(inverse)
    if not bundles:
        return result
    kind = "redo" if operation.kind == "undo" else "undo"
    performed = perform(catalog, kind, {"of": operation.id}, bundles, on_bundle=on_bundle)
    result.operation = performed.operation
    for failure in performed.failed:
        result.refused.append(Refusal(path=main_of(bundles[failure.bundle]), words=failure.error.message))
    result.steps = [step for number in performed.done for step in bundles[number]]
    return result


def _close(catalog: Catalog, operation: Operation) -> None:
    """The state of an operation, and of those that it took back, by what became of their steps."""
    current: Operation | None = operation
    while current is not None:
        states = {step.state for step in catalog.steps(current)} - {"dropped"}
        mixed = "partly undone" if "done" in states else "undone"
        state = (mixed if "undone" in states else "done") if states else "failed"
        catalog.finish(current, state)
        before = current.parameters.get("of")
        current = catalog.operation(int(before)) if before is not None else None


def _done_bundles(catalog: Catalog, operation: Operation) -> Iterator[list[Step]]:
    steps = [step for step in catalog.steps(operation) if step.state == "done"]
    groups = [list(group) for _, group in groupby(steps, key=lambda step: step.detail.get("bundle"))]
    yield from reversed(groups)


def _inverse_of(steps: Sequence[Step]) -> tuple[list[NewStep], Refusal | None]:
    inverse: list[NewStep] = []
    rewritten = {step.target for step in steps if step.action == "rewrite"}
    for step in reversed(steps):
        back = ACTIONS[step.action].inverse(step)
        if back is None:
            return [], Refusal(path=Path(step.source), words="it is in the trash: restore it from there")
        # A file that the bundle rewrites or brings itself is as planned by the time its turn comes.
        arrives = back.action == "rewrite" and any(earlier.target == back.target for earlier in inverse)
        later = back.action == "move" and back.source in rewritten
        text = "" if arrives or later else obstacle(back)
        if text:
            return [], Refusal(path=main_of([*inverse, back]), words=f"{back.source}: {text}")
        inverse.append(_linked(back, step))
    return inverse, None


def _linked(back: NewStep, step: Step) -> NewStep:
    """With the numbers of the steps that it takes back, and of those that come true again by that."""
    detail = {name: value for name, value in back.detail.items() if name not in ("undoes", "restores")}
    detail["undoes"] = [step.id, *step.detail.get("restores", ())]
    detail["restores"] = list(step.detail.get("undoes", ()))
    return NewStep(action=back.action, source=back.source, target=back.target, detail=detail)


def main_of(steps: Sequence[StepLike]) -> Path:
    """The file that a bundle is about: of its files the one with the greatest size."""
    files = [step for step in steps if step.action not in ("mkdir", "rmdir", "rewrite")]
    if not files:
        return Path(steps[0].target)
    return Path(max(files, key=lambda step: int(step.detail.get("size", 0))).source)
