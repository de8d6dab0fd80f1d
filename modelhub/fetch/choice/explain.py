"""Explain a pick: the table of all model files that were considered, each with a reason."""

from __future__ import annotations

from collections.abc import Sequence

from modelhub.fetch.choice.choice import Candidate, ModelLayout
from modelhub.fetch.choice.name_traits import WeightSet, is_set_named
from modelhub.fetch.choice.options import Option
from modelhub.fetch.choice.pick import Pick

_SET_REASONS = {
    WeightSet.EMA_ONLY: "averaged weights only: for rendering",
    WeightSet.NON_EMA: "weights of the last step: for training",
    WeightSet.FULL: "all weight sets and more: for training",
    WeightSet.PRUNED: "may hold both weight sets: for training",
}


def explain(picked: Pick, options: Sequence[Option]) -> tuple[Candidate, ...]:
    """Return a row for every model file, the chosen ones first."""
    taken = set(picked.options)
    rows = [
        Candidate(
            file=option.file,
            role=option.traits.summary,
            chosen=option in taken,
            reason=picked.reason if option in taken else _reason_against(option, picked),
            refused=option.refusal is not None,
        )
        for option in options
        if option.traits.is_weights
    ]
    return tuple(sorted(rows, key=lambda row: (not row.chosen, row.file.name.count("/"), row.file.name)))


def _reason_against(option: Option, picked: Pick) -> str:
    if option.refusal is not None:
        return f"refused: {option.refusal.reason}"
    if picked.layout is ModelLayout.DIFFUSERS:
        return "another variant of the same component" if option.traits.folder else "not part of the diffusers folder"
    if "/" in option.name and "/" not in picked.options[0].name:
        return "part of a folder"
    if option.traits.side_role:
        return f"another kind of model: {option.traits.side_role}"
    return _difference(option, picked.options[0])


def _difference(option: Option, taken: Option) -> str:
    """Return how an option differs from the one that was taken instead."""
    traits, other = option.traits, taken.traits
    if traits.weight_set is not other.weight_set and traits.weight_set in _SET_REASONS:
        # Civitai's label "pruned" does not state which weight sets a file holds; a file's own name does.
        is_named = is_set_named(option.file)
        return _SET_REASONS[traits.weight_set] if is_named else f"labeled {traits.weight_set.value} by its source"
    if traits.precision != other.precision and traits.precision:
        return f"in {traits.precision}"
    if traits.model != other.model:
        return "another model or version"
    if option.file.size and taken.file.size and option.file.size != taken.file.size:
        return "larger" if option.file.size > taken.file.size else "smaller"
    return "fits less well"
