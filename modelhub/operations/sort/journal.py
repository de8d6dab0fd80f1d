"""Changes of the disk that survive kill -9 and can be undone: every intent is in the journal before it is carried out.

Steps come in bundles (a model with its sidecars); a bundle is done as a whole or not at all. A run that was killed is
settled at the next start: bundles that were begun are completed, the others are dropped.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

from modelhub.catalog import Catalog, NewStep, Operation, Step
from modelhub.errors import ModelhubError
from modelhub.operations.sort.actions import ACTIONS, StepLike
from modelhub.operations.sort.catalog_sync import apply_to_catalog
from modelhub.operations.sort.compatibility import KINDS, incompatibility
from modelhub.storage.durable import sync_folder

_AT_ONCE = 64  # bundles that are recorded as done in one transaction
Bundle = Sequence[NewStep]


@dataclass(frozen=True, slots=True)
class Failure:
    """A bundle that was not carried out; nothing of it is changed."""

    bundle: int
    error: ModelhubError


@dataclass
class Performed:
    """The outcome of an operation: numbers of the bundles that are done, and the others with the reason."""

    operation: Operation
    done: list[int] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """An interrupted operation that has been settled: how many of its bundles are done, and how many were dropped."""

    operation: Operation
    done: int
    dropped: int

    @property
    def message(self) -> str:
        """Return a sentence about the state of the run."""
        total = self.done + self.dropped
        return f"Run {self.operation.id} was interrupted; {self.done} of {total} models are done, none is half done."


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftAlone:
    """An interrupted operation that this version cannot settle. `reason` is a sentence."""

    operation: Operation
    reason: str

    @property
    def message(self) -> str:
        """Return the reason, and that nothing was done about it."""
        return f"{self.reason} It was left as it is."


def perform(
    catalog: Catalog,
    kind: str,
    parameters: Mapping[str, Any],
    bundles: Sequence[Bundle],
    *,
    on_bundle: Callable[[int], None] = lambda _: None,
) -> Performed:
    """Carry out all bundles; one that fails is rolled back and does not stop the others.

    `on_bundle` is called with each number when it is over. When interrupted, it settles what it has begun and passes
    the interruption on.
    """
    operation = catalog.begin(kind, parameters)
    numbered = [_with_bundle(step, number) for number, bundle in enumerate(bundles) for step in bundle]
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


def _with_bundle(step: NewStep, bundle: int) -> NewStep:
    return NewStep(action=step.action, source=step.source, target=step.target, detail={**step.detail, "bundle": bundle})


def _carry_out(
    catalog: Catalog, groups: Sequence[Sequence[Step]], result: Performed, on_bundle: Callable[[int], None]
) -> None:
    """Do some bundles, sync their folders to the disk, then record them in the journal and the catalog together."""
    done: list[Step] = []
    failed: list[Step] = []
    for group in groups:
        number = int(group[0].detail["bundle"])
        try:
            _do_bundle(group)
            done += group
            result.done.append(number)
        except ModelhubError as exc:
            failed += group
            result.failed.append(Failure(number, exc))
        on_bundle(number)
    _record(catalog, done, failed)


def _record(catalog: Catalog, done: Sequence[Step], dropped: Sequence[Step]) -> None:
    folders = {Path(path).parent for step in done for path in (step.source, step.target) if path}
    for folder in folders:
        sync_folder(folder)
    with catalog.batch(durable=True):
        for step in done:
            apply_to_catalog(catalog, step)
        catalog.mark_steps([step.id for step in done], "done")
        catalog.mark_steps([step.id for step in dropped], "dropped")
        catalog.mark_steps([number for step in done for number in step.detail.get("undoes", ())], "undone")
        catalog.mark_steps([number for step in done for number in step.detail.get("restores", ())], "done")


def _do_bundle(steps: Sequence[StepLike]) -> None:
    """Do every step, or none: if one fails, those before it are rolled back."""
    for number, step in enumerate(steps):
        try:
            ACTIONS[step.action].do(step)
        except BaseException:
            _roll_back(steps[:number])
            raise


def _roll_back(steps: Sequence[StepLike]) -> None:
    for step in reversed(steps):
        inverse = ACTIONS[step.action].inverse(step)
        if inverse is not None:
            with contextlib.suppress(ModelhubError):
                ACTIONS[inverse.action].do(inverse)


def recover(catalog: Catalog) -> list[Recovered | LeftAlone]:
    """Settle every operation that a killed process left unfinished, oldest first; the sort's lock must be held.

    An operation that this version does not understand is left as it is, and stays unfinished.
    """
    found: list[Recovered | LeftAlone] = []
    for operation in reversed(catalog.unfinished()):
        if operation.kind not in KINDS:
            continue
        reason = incompatibility(operation, catalog.steps(operation))
        found.append(LeftAlone(operation=operation, reason=reason) if reason else settle(catalog, operation))
    return found


def settle(catalog: Catalog, operation: Operation) -> Recovered:
    """Complete the bundles that were begun, drop the others, and close the operation."""
    done = dropped = 0
    finished: list[Step] = []
    never: list[Step] = []
    for _, group in groupby(catalog.steps(operation), key=lambda step: step.detail.get("bundle")):
        steps = list(group)
        if all(step.state == "done" for step in steps):
            done += 1
        elif all(step.state == "dropped" for step in steps):
            dropped += 1
        elif _complete_bundle(steps):
            finished += steps
            done += 1
        else:
            never += steps
            dropped += 1
    _record(catalog, finished, never)
    _close(catalog, operation)
    return Recovered(operation=operation, done=done, dropped=dropped)


def _complete_bundle(steps: Sequence[Step]) -> bool:
    """Return whether the bundle is done now: one that was begun is completed or, if that fails, rolled back."""
    states = [ACTIONS[step.action].settle(step) for step in steps]
    real = [number for number, step in enumerate(steps) if step.action not in ("mkdir", "rmdir")]
    reached = max((number for number in real if states[number]), default=-1)
    if reached < 0:
        return False
    # Steps are done in order: all before one that is done are done, even if a later one has hidden the trace.
    states[:reached] = [True] * reached
    begun = [step for step, state in zip(steps, states, strict=True) if state]
    try:
        for step, state in zip(steps, states, strict=True):
            if not state:
                ACTIONS[step.action].do(step)
                begun.append(step)
    except ModelhubError:
        _roll_back(begun)
        return False
    return True


def _close(catalog: Catalog, operation: Operation) -> None:
    """Set the state of an operation, and of those that it undid, from the states of their steps."""
    current: Operation | None = operation
    closed: set[int] = set()
    while current is not None and current.id not in closed:
        closed.add(current.id)
        states = {step.state for step in catalog.steps(current)} - {"dropped"}
        mixed = "partly undone" if "done" in states else "undone"
        state = (mixed if "undone" in states else "done") if states else "failed"
        catalog.finish(current, state)
        undone = current.parameters.get("of")
        current = catalog.operation(undone) if isinstance(undone, int) else None
