"""Which files of a repository to take, and why; pure: a model and a criteria in, a choice out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from modelhub.errors import NotFoundError, UsageError
from modelhub.fetch.choice import pipeline_files, single_files
from modelhub.fetch.choice.choice import AmbiguousChoiceError, Candidate, FileChoice, Refusals, identity, listing
from modelhub.fetch.choice.choice import readable_size as readable_size
from modelhub.fetch.choice.criteria import FileCriteria
from modelhub.fetch.choice.name_traits import Container, WeightSet, traits
from modelhub.fetch.choice.refusals import refusals, refused_error
from modelhub.fetch.choice.single_files import Bundle, VariantGroup
from modelhub.fetch.fetcher import RemoteFile, RemoteModel


def choose(model: RemoteModel, criteria: FileCriteria) -> FileChoice:
    """The files of `model` that fit `criteria`.

    Raises NotFoundError (nothing fits), UnsafeError (only refused files fit), AmbiguousChoiceError (several fit
    equally well) or UsageError (options that contradict each other).
    """
    _check(criteria)
    files = _within(model)
    refused = refusals(model.files, criteria)
    return _explained(_choose(model, files, criteria, refused), files, refused)


def _choose(model: RemoteModel, files: Sequence[RemoteFile], criteria: FileCriteria, refused: Refusals) -> FileChoice:
    if criteria.all:
        return _everything(model, files, refused)
    if criteria.files:
        return _matching(model, files, criteria, refused)
    if criteria.diffusers:
        return pipeline_files.choose_pipeline(model, files, criteria, refused)
    if model.wanted is not None and any(file.name == model.wanted for file in files):
        return _allowed(model, files, refused, "the file that was named")
    return _best(model, files, criteria, refused)


def _check(criteria: FileCriteria) -> None:
    options = {"--file": criteria.files, "--all": criteria.all, "--diffusers": criteria.diffusers}
    said = [name for name, value in options.items() if value]
    if len(said) > 1:
        raise UsageError(f"{' and '.join(said)} contradict each other.", "Give one of them.")


def _within(model: RemoteModel) -> list[RemoteFile]:
    """The files that the reference itself is about."""
    if model.wanted is None:
        return list(model.files)
    return [file for file in model.files if file.name == model.wanted or file.name.startswith(f"{model.wanted}/")]


def _everything(model: RemoteModel, files: Sequence[RemoteFile], refused: Refusals) -> FileChoice:
    """All of a diffusers folder as one model, else every model file as one of its own."""
    found = pipeline_files.roots(files)
    if found and found[0] == "":
        kept = [file for file in files if identity(file) not in refused]
        return FileChoice(files=tuple(kept), layout="diffusers", reason=f"all {len(kept)} files")
    weights = [file for file in files if traits(file).is_weights]
    if not weights:
        raise _no_models(model, files)
    return _allowed(model, weights, refused, "every model file")


def _matching(model: RemoteModel, files: Sequence[RemoteFile], criteria: FileCriteria, refused: Refusals) -> FileChoice:
    def fits(name: str, pattern: str) -> bool:
        lower, base = name.lower(), name.lower().rpartition("/")[2]
        return fnmatchcase(lower, pattern.lower()) or fnmatchcase(base, pattern.lower())

    taken: list[RemoteFile] = []
    for pattern in criteria.files:
        found = [file for file in files if fits(file.name, pattern)]
        if not found:
            message = f"{model.reference} holds no file that matches `{pattern}`. It holds:\n{listing(files)}"
            raise NotFoundError(message, "A pattern is a name or a path; * stands for anything.")
        taken += [file for file in found if file not in taken]
    return _allowed(model, taken, refused, f"matches {', '.join(criteria.files)}")


def _allowed(model: RemoteModel, files: Sequence[RemoteFile], refused: Refusals, reason: str) -> FileChoice:
    kept = tuple(file for file in files if identity(file) not in refused)
    if not kept:
        raise refused_error(model, files, refused)
    return FileChoice(files=kept, layout="file", reason=reason)


def _best(model: RemoteModel, files: Sequence[RemoteFile], criteria: FileCriteria, refused: Refusals) -> FileChoice:
    """One model: the best coat of the group that stands out, else the diffusers folder."""
    inside = pipeline_files.inside_components(model, files)
    groups, only_sides = single_files.find_main_groups(model, [file for file in files if identity(file) not in inside])
    has_pipeline = bool(pipeline_files.roots(files))
    if has_pipeline and (not groups or only_sides):
        return pipeline_files.choose_pipeline(model, files, criteria, refused)
    if not groups:
        raise _no_models(model, files)
    open_groups = [group for group in groups if _open_units(group, refused)]
    if not open_groups:
        if has_pipeline:
            return pipeline_files.choose_pipeline(model, files, criteria, refused)
        raise refused_error(model, [file for group in groups for unit in group.units for file in unit.files], refused)
    group = single_files.preferred_group(model, open_groups)
    if group is None:
        raise _ambiguous(model, open_groups, criteria, refused)
    units = _open_units(group, refused)
    best = single_files.rank_bundles(units, criteria)[0]
    alone = len(groups) == len(group.units) == 1
    return _taking(best, files, single_files.why(best, criteria, alone=alone))


def _open_units(group: VariantGroup, refused: Refusals) -> list[Bundle]:
    return [unit for unit in group.units if not any(identity(file) in refused for file in unit.files)]


def _taking(unit: Bundle, files: Sequence[RemoteFile], reason: str) -> FileChoice:
    if not unit.sharded:
        return FileChoice(files=unit.files, layout="file", reason=reason)
    folder = unit.traits.folder
    settings = [file for file in files if file.name == f"{folder}/config.json".lstrip("/")]
    return FileChoice(files=(*settings, *unit.files), layout="diffusers", reason=f"{reason}, in parts", root=folder)


def _ambiguous(
    model: RemoteModel, groups: Sequence[VariantGroup], criteria: FileCriteria, refused: Refusals
) -> AmbiguousChoiceError:
    best = [single_files.rank_bundles(_open_units(group, refused), criteria)[0] for group in groups]
    files = [unit.files[0] for unit in best]
    candidates = tuple(
        Candidate(file=unit.files[0], role=unit.traits.words, chosen=False, reason="fits as well as the others")
        for unit in best
    )
    hint = f"Choose with --file, such as `--file '{files[0].name}'`, or take them all with --all."
    message = f"{model.reference} holds {len(files)} models that fit:\n{listing(files)}"
    return AmbiguousChoiceError(message, hint, candidates)


def _no_models(model: RemoteModel, files: Sequence[RemoteFile]) -> NotFoundError:
    foreign = sorted(
        {file.name.rpartition(".")[2] for file in files if traits(file).container is Container.OTHER_WEIGHTS}
    )
    kinds = f" (only weights for other frameworks: {', '.join(foreign)})" if foreign else ""
    hint = f"It holds:\n{listing(files, most=10)}" if files else "It is empty."
    return NotFoundError(f"{model.reference} holds no model file that can be used{kinds}.", hint)


def _explained(choice: FileChoice, files: Sequence[RemoteFile], refused: Refusals) -> FileChoice:
    """The same choice with the table of all model files that were looked at."""
    taken = {identity(file) for file in choice.files}
    rows = []
    for file in files:
        about = traits(file)
        if not about.is_weights:
            continue
        chosen = identity(file) in taken
        reason = choice.reason if chosen else _why_not(file, choice, refused)
        is_refused = identity(file) in refused
        rows.append(Candidate(file=file, role=about.words, chosen=chosen, reason=reason, refused=is_refused))
    rows.sort(key=lambda row: (not row.chosen, row.file.name.count("/"), row.file.name))
    return replace(choice, candidates=tuple(rows))


def _why_not(file: RemoteFile, choice: FileChoice, refused: Refusals) -> str:
    if identity(file) in refused:
        return f"refused: {refused[identity(file)]}"
    about = traits(file)
    if choice.layout == "diffusers":
        return "not part of the diffusers folder" if not about.folder else "another variant of the same component"
    if "/" in file.name and "/" not in choice.files[0].name:
        return "part of a folder (--diffusers or --file takes it)"
    if about.side_role:
        return f"another kind of model: {about.side_role}"
    return _compared(file, choice.files[0])


_SET_REASONS = {
    WeightSet.EMA_ONLY: "averaged weights only: for rendering",
    WeightSet.NON_EMA: "last-step weights: for training",
    WeightSet.FULL: "all weight sets and more: for training",
    WeightSet.PRUNED: "may hold both weight sets: for training",
}


def _compared(file: RemoteFile, taken: RemoteFile) -> str:
    """How a file differs from the one that was taken instead."""
    about, other = traits(file), traits(taken)
    if about.weight_set is not other.weight_set and about.weight_set in _SET_REASONS:
        return _SET_REASONS[about.weight_set]
    if about.precision != other.precision and about.precision:
        return f"in {about.precision}"
    if about.model != other.model:
        return "another model or version (--file takes it)"
    if file.size and taken.size and file.size != taken.size:
        return "larger" if file.size > taken.size else "smaller"
    return "fits less well"
