"""Problems that end a test, as verdicts instead of tracebacks."""

from __future__ import annotations

from collections.abc import Collection

from modelhub.render.verdicts import RenderVerdict, does_not_fit, not_testable, not_tested


class RenderProblem(Exception):  # noqa: N818 - it becomes a verdict, not an error
    """The end of a test: the verdict, and sentences for the user."""

    def __init__(self, verdict: RenderVerdict, words: str) -> None:
        super().__init__(words)
        self.verdict = verdict
        self.words = words


def skip(reason: str) -> RenderProblem:
    """Return the problem of a model that is not tested; `reason` is a clause without a full stop."""
    return RenderProblem(RenderVerdict.NOT_TESTED, not_tested(reason))


def load_failure(reason: str) -> RenderProblem:
    """Return the problem of a file that cannot be loaded; `reason` is a clause without a full stop."""
    return RenderProblem(RenderVerdict.LOAD_ERROR, not_testable(reason))


def misfit(base: str, reason: str) -> RenderProblem:
    """Return the problem of an adapter that does not fit a base; `reason` is a clause without a full stop."""
    return RenderProblem(RenderVerdict.INCOMPATIBLE, does_not_fit(base, reason))


def missing_tensors(network: str, names: Collection[str]) -> RenderProblem:
    """Return the problem of weights that are not in the file."""
    first = min(names)
    if len(names) == 1:
        words = f"A tensor of the {network} is missing: {first}."
    else:
        words = f"{len(names)} tensors of the {network} are missing, such as {first}."
    return RenderProblem(RenderVerdict.INCOMPLETE, words)


def missing_component(component: str) -> RenderProblem:
    """Return the problem of a file without one of the networks that a base needs."""
    return RenderProblem(RenderVerdict.INCOMPLETE, f"The file has no {component}.")


def missing_files(names: Collection[str]) -> RenderProblem:
    """Return the problem of a diffusers folder that lacks files."""
    first = min(names)
    if len(names) == 1:
        words = f"A file of the folder is missing: {first}."
    else:
        words = f"{len(names)} files of the folder are missing, such as {first}."
    return RenderProblem(RenderVerdict.INCOMPLETE, words)


def broken_file(name: str, problem: str) -> RenderProblem:
    """Return the problem of a file that is not whole; `problem` is the sentence of its reader."""
    return RenderProblem(RenderVerdict.INCOMPLETE, f"{name} is broken. {problem}")
