"""Undo a run of the journal, model by model; what has changed since is refused and stays."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from modelhub.catalog import Catalog, NewStep, Operation, Step
from modelhub.errors import ModelhubError, Remedy
from modelhub.operations.sort.actions import ACTIONS, StepLike, is_about_file, obstacle
from modelhub.operations.sort.compatibility import incompatibility
from modelhub.operations.sort.journal import LeftAlone, Recovered, perform


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoRefusal:
    """A bundle that is not undone: its main file, and a sentence with the reason."""

    path: Path
    message: str


@dataclass
class UndoResult:
    """The outcome of an undo of the operation `of`.

    `operation` is the undo itself, which can be undone as well; None when nothing was undone. `recovered`: earlier
    runs that had been interrupted.
    """

    of: Operation
    operation: Operation | None = None
    steps: list[NewStep] = field(default_factory=list)
    refused: list[UndoRefusal] = field(default_factory=list)
    recovered: list[Recovered | LeftAlone] = field(default_factory=list)

    @property
    def files(self) -> list[NewStep]:
        """Return the steps that moved, made or deleted a file."""
        return [step for step in self.steps if is_about_file(step)]


def undo_operation(
    catalog: Catalog, operation: Operation, *, on_bundle: Callable[[int], None] = lambda _: None
) -> UndoResult:
    """Undo what an operation did, the last bundle first; each that has changed since is refused.

    Raise ModelhubError for an operation that this version does not understand; nothing is changed then.
    """
    if reason := incompatibility(operation, catalog.steps(operation)):
        raise ModelhubError(reason, Remedy("Undo it with the version of modelhub that wrote it."))
    result = UndoResult(operation)
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
        result.refused.append(UndoRefusal(path=_main_file(bundles[failure.bundle]), message=failure.error.message))
    result.steps = [step for number in performed.done for step in bundles[number]]
    return result


def _done_bundles(catalog: Catalog, operation: Operation) -> Iterator[list[Step]]:
    steps = [step for step in catalog.steps(operation) if step.state == "done"]
    groups = [list(group) for _, group in groupby(steps, key=lambda step: step.detail.get("bundle"))]
    yield from reversed(groups)


def _inverse_of(steps: Sequence[Step]) -> tuple[list[NewStep], UndoRefusal | None]:
    """Return the steps that undo a bundle, or why it cannot be undone."""
    inverse: list[NewStep] = []
    rewritten = {step.target for step in steps if step.action == "rewrite"}
    for step in reversed(steps):
        back = ACTIONS[step.action].inverse(step)
        if back is None:
            message = f"{step.source} is in the trash and must be restored from there."
            return [], UndoRefusal(path=Path(step.source), message=message)
        # A file that the bundle itself rewrites or moves back is as expected by the time its turn comes.
        arrives = back.action == "rewrite" and any(earlier.target == back.target for earlier in inverse)
        later = back.action == "move" and back.source in rewritten
        error = None if arrives or later else obstacle(back)
        if error is not None:
            return [], UndoRefusal(path=_main_file([*inverse, back]), message=error.message)
        inverse.append(_linked(back, step))
    return inverse, None


def _linked(back: NewStep, step: Step) -> NewStep:
    """Add the numbers of the steps that it undoes, and of those that it thereby restores."""
    detail = {name: value for name, value in back.detail.items() if name not in ("undoes", "restores")}
    detail["undoes"] = [step.id, *step.detail.get("restores", ())]
    detail["restores"] = list(step.detail.get("undoes", ()))
    return NewStep(action=back.action, source=back.source, target=back.target, detail=detail)


def _main_file(steps: Sequence[StepLike]) -> Path:
    """Return the file that a bundle is about: the greatest of its files."""
    files = [step for step in steps if is_about_file(step)]
    if not files:
        return Path(steps[0].target)
    return Path(max(files, key=lambda step: int(step.detail.get("size", 0))).source)
