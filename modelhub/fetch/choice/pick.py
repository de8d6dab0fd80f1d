"""Pick the options that fit the criteria."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from modelhub.errors import NotFoundError, Remedy
from modelhub.fetch.choice.bundles import Bundle
from modelhub.fetch.choice.choice import AmbiguousChoiceError, Candidate, ModelLayout, list_files, total_size
from modelhub.fetch.choice.criteria import FileCriteria
from modelhub.fetch.choice.name_traits import Container
from modelhub.fetch.choice.options import Option, allowed, refused_error
from modelhub.fetch.choice.pipelines import find_inside, find_roots, pick_pipeline
from modelhub.fetch.choice.variants import (
    best_variant,
    explain_variant,
    find_main_groups,
    preferred_group,
)
from modelhub.fetch.fetcher import RemoteModel
from modelhub.quantities import format_size


@dataclass(frozen=True, slots=True, kw_only=True)
class Pick:
    """The options to take, and why. `root` is the folder in which a diffusers model starts ("" for the top)."""

    options: tuple[Option, ...]
    layout: ModelLayout
    reason: str
    root: str = ""


def pick(model: RemoteModel, options: Sequence[Option], criteria: FileCriteria) -> Pick:
    """Return the options that fit `criteria`.

    Raise NotFoundError (nothing fits), UnsafeError (only refused files fit), AmbiguousChoiceError (several models fit
    equally well) or UsageError (several diffusers folders).
    """
    if criteria.all:
        return _pick_all(model, options)
    if criteria.files:
        return _pick_matching(model, options, criteria.files)
    if criteria.diffusers:
        return _pick_pipeline(model, options, criteria)
    if model.wanted is not None and any(option.name == model.wanted for option in options):
        return _pick_allowed(model, options, "the file that was named")
    return _pick_best(model, options, criteria)


def _pick_all(model: RemoteModel, options: Sequence[Option]) -> Pick:
    """Return all of a diffusers folder as one model, else every model file as one of its own."""
    if find_roots(options)[:1] == [""]:
        kept = allowed(options)
        reason = (
            f"all {len(kept)} files" if len(kept) == len(options) else f"all {len(kept)} files that are not refused"
        )
        return Pick(options=kept, layout=ModelLayout.DIFFUSERS, reason=reason)
    weights = [option for option in options if option.traits.is_weights] or _archives(options)
    if not weights:
        raise _no_models(model, options)
    is_whole = len(allowed(weights)) == len(weights)
    return _pick_allowed(model, weights, "every model file" if is_whole else "every model file that is not refused")


def _archives(options: Sequence[Option]) -> list[Option]:
    """Return the zip archives, which may hold models: they count only where there is no model file."""
    return [option for option in options if option.traits.container is Container.ARCHIVE]


def _pick_matching(model: RemoteModel, options: Sequence[Option], patterns: Sequence[str]) -> Pick:
    taken: list[Option] = []
    for pattern in patterns:
        found = [option for option in options if _matches(option.name, pattern)]
        if not found:
            raise NotFoundError(
                f"{model.reference} has no file that matches `{pattern}`. Its files are:",
                "A pattern is a name or a path; * stands for any text.",
                details=list_files(option.file for option in options),
            )
        taken += [option for option in found if option not in taken]
    return _pick_allowed(model, taken, f"matches {', '.join(patterns)}")


def _matches(name: str, pattern: str) -> bool:
    lower = name.lower()
    return fnmatchcase(lower, pattern.lower()) or fnmatchcase(lower.rpartition("/")[2], pattern.lower())


def _pick_allowed(model: RemoteModel, options: Sequence[Option], reason: str) -> Pick:
    kept = allowed(options)
    if not kept:
        raise refused_error(model, options)
    return Pick(options=kept, layout=ModelLayout.FILE, reason=reason)


def _pick_pipeline(model: RemoteModel, options: Sequence[Option], criteria: FileCriteria) -> Pick:
    pipeline = pick_pipeline(model, options, criteria)
    count, size = len(pipeline.options), format_size(total_size(option.file for option in pipeline.options))
    reason = f"the diffusers folder, without weights: {count} files, {size}"
    if pipeline.precisions:
        *others, last = pipeline.precisions
        reason = f"the diffusers folder, {last}: {count} files, {size}"
        if others:
            reason = f"the diffusers folder, {', '.join(others)} and {last}: {count} files, {size}"
    return Pick(options=pipeline.options, layout=ModelLayout.DIFFUSERS, reason=reason, root=pipeline.root)


def _pick_best(model: RemoteModel, options: Sequence[Option], criteria: FileCriteria) -> Pick:
    """Return one model: the best variant of the preferred group, else the diffusers folder."""
    inside = find_inside(model, options)
    groups, has_only_side_files = find_main_groups(model, [option for option in options if option not in inside])
    has_pipeline = bool(find_roots(options))
    if has_pipeline and (not groups or has_only_side_files):
        return _pick_pipeline(model, options, criteria)
    if not groups:
        return _pick_archive(model, options)
    allowed_groups = [group.allowed for group in groups if group.allowed.variants]
    if not allowed_groups:
        if has_pipeline:
            return _pick_pipeline(model, options, criteria)
        raise refused_error(
            model, [option for group in groups for variant in group.variants for option in variant.options]
        )
    group = preferred_group(model, allowed_groups)
    if group is None:
        raise _ambiguous(model, [best_variant(each, criteria) for each in allowed_groups])
    best = best_variant(group, criteria)
    is_only_one = len(groups) == 1 and len(groups[0].variants) == 1
    return _pick_bundle(best, options, explain_variant(best, criteria, is_only_one=is_only_one))


def _pick_archive(model: RemoteModel, options: Sequence[Option]) -> Pick:
    archives = _archives(options)
    if not archives:
        raise _no_models(model, options)
    if len(archives) > 1 and len(allowed(archives)) > 1:
        raise _ambiguous(model, [Bundle((option,)) for option in allowed(archives)])
    return _pick_allowed(model, archives, "an archive, whose models are unpacked")


def _pick_bundle(bundle: Bundle, options: Sequence[Option], reason: str) -> Pick:
    if not bundle.is_sharded:
        return Pick(options=bundle.options, layout=ModelLayout.FILE, reason=reason)
    folder = bundle.traits.folder
    settings = [option for option in options if option.name == f"{folder}/config.json".lstrip("/")]
    return Pick(options=(*settings, *bundle.options), layout=ModelLayout.DIFFUSERS, reason=reason, root=folder)


def _ambiguous(model: RemoteModel, bundles: Sequence[Bundle]) -> AmbiguousChoiceError:
    files = [bundle.options[0].file for bundle in bundles]
    newest = max(files, key=lambda file: _version_key(file.name))
    candidates = tuple(
        Candidate(file=file, role=bundle.traits.summary, chosen=False, reason="fits as well as the others")
        for file, bundle in zip(files, bundles, strict=True)
    )
    return AmbiguousChoiceError(
        f"{model.reference} has {len(files)} models that fit equally well:",
        Remedy("Name the files to take, or take all of them.", "name-file", {"name": newest.name}),
        candidates,
        details=list_files(files),
    )


def _version_key(name: str) -> tuple[list[int], bool]:
    """Return a key by which "GuoFeng3.4" comes after "GuoFeng3.3" and "GuoFeng3.3_fp32", and 10 after 9."""
    stem = name.rpartition("/")[2].rpartition(".")[0]
    numbers = [int(number) for number in re.findall(r"\d{1,4}", stem)]
    return numbers[:2], "_" not in stem


def _no_models(model: RemoteModel, options: Sequence[Option]) -> NotFoundError:
    foreign = {
        option.name.rpartition(".")[2] for option in options if option.traits.container is Container.OTHER_WEIGHTS
    }
    if not options:
        return NotFoundError(f"{model.reference} has no files.", "The repository is empty.")
    files = list_files((option.file for option in options), limit=10)
    if foreign:
        listed = ", ".join(sorted(foreign))
        summary = f"{model.reference} has only weights for other frameworks: {listed}. Its files are:"
        return NotFoundError(summary, details=files)
    return NotFoundError(f"{model.reference} has no model file that can be used. Its files are:", details=files)
