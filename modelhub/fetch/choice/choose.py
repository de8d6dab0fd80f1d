"""Choose which files of a remote model to take; pure: a model and criteria in, a choice with reasons out."""

from __future__ import annotations

from modelhub.fetch.choice.choice import FileChoice
from modelhub.fetch.choice.criteria import FileCriteria
from modelhub.fetch.choice.explain import explain
from modelhub.fetch.choice.options import make_options
from modelhub.fetch.choice.pick import pick
from modelhub.fetch.fetcher import RemoteModel


def choose(model: RemoteModel, criteria: FileCriteria) -> FileChoice:
    """Return the files of `model` that fit `criteria`: examine every file once, pick, explain.

    Raise as `pick` does.
    """
    options = make_options(model, criteria)
    picked = pick(model, options, criteria)
    return FileChoice(
        files=tuple(option.file for option in picked.options),
        layout=picked.layout,
        reason=picked.reason,
        root=picked.root,
        candidates=explain(picked, options),
    )
