"""Choose among the versions of a model at Civitai: the one that was named, else the newest ordinary one.

A page may hold versions for several base models, versions that were distilled for few steps, and inpainting versions:
the newest one need not be what its name stands for.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from modelhub.base_models import architecture_title, is_same_family, named_architecture, source_architecture
from modelhub.errors import NotFoundError, UsageError
from modelhub.fetch.fetcher import RemoteVersion
from modelhub.fetch.sources.civitai_api import Model, Version
from modelhub.fetch.sources.civitai_reference import CivitaiReference

# Words for training that makes a model work in a few steps, with little guidance.
_DISTILLED = frozenset({"hyper", "turbo", "lightning", "lcm", "dmd", "distilled"})
_PIECES = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W\d_a-zA-Z]+")
_REALISM = ("real", "photo", "detail")  # "hyper realistic" is a style
_MOST_NOTICES = 3
_LISTED = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionChoice:
    """The version to take, the phrase why, and what the user should know about the others.

    `is_named`: the reference named it, so that the next pull takes the same one.
    """

    version: Version
    reason: str
    notices: tuple[str, ...] = ()
    is_named: bool = False


def named_choice(version: Version, *, requested: str | None = None) -> VersionChoice:
    """Return the choice of a version that the reference names. `requested`: the architecture that it states, too."""
    notices = list(_about_distilled(version))
    stated = source_architecture(version.base_model)
    if requested and stated and not is_same_family(stated, requested):
        title = title_of(version)
        notices.append(f"Version {title} is listed for {version.base_model}, not for {architecture_title(requested)}.")
    return VersionChoice(version=version, reason="the version that was named", notices=tuple(notices), is_named=True)


def title_of(version: Version) -> str:
    """Return the name of a version, its number where it has none."""
    return version.name or str(version.id)


def remote_version(version: Version) -> RemoteVersion:
    """Convert a version to the facts that a list of versions states about it."""
    return RemoteVersion(
        id=str(version.id),
        name=title_of(version),
        base_model=version.base_model,
        deadline=version.deadline,
        is_ordinary=is_ordinary(version),
    )


def usable_versions(model: Model | None) -> list[Version]:
    """Return the versions that have a file and may be downloaded, newest first."""
    listed = (model.model_versions if model else None) or ()
    return [version for version in listed if version.files and version.is_downloadable]


def find_named(model: Model, wanted: str) -> Version | None:
    """Return the listed version that `wanted` names: by its number, its name, or words that only its name has.

    Case and separators do not count. None where no version is called so, and where the only one with these words is
    distilled or for inpainting, which they do not state. Raise UsageError where several are called so.
    """
    versions = model.model_versions or []
    exact = [version for version in versions if wanted == str(version.id)]
    key = _words(wanted)
    exact = exact or [version for version in versions if key and _words(version.name) == key]
    found = exact or [version for version in versions if key and f" {key} " in f" {_words(version.name)} "]
    if len(found) > 1:
        example = next((version for version in found if is_ordinary(version)), found[0])
        raise UsageError(
            f"`{wanted}` may be one of {len(found)} versions of {model.name}:",
            f"Name one by its number, such as civitai:{model.id}@{example.id}.",
            details=list_versions(model, found),
        )
    if not found or (not exact and _is_more_special(found[0], wanted)):
        return None
    return found[0]


def list_versions(model: Model, versions: Sequence[Version]) -> list[str]:
    """Return a line for each version, as it can be pulled."""
    return [
        f"civitai:{model.id}@{version.id}  {title_of(version)} ({version.base_model or 'base model unknown'})"
        for version in versions[:_LISTED]
    ]


def unknown_version(model: Model, wanted: str) -> NotFoundError:
    """Return the error for a version that the model does not have, with the one of the most similar name."""
    versions = model.model_versions or []
    names = {_words(version.name): version for version in versions if version.name}
    key = _words(wanted)
    near = [] if wanted.isdigit() else difflib.get_close_matches(key, names, n=1, cutoff=0.4)
    near = near or [name for name in names if key and f" {key} " in f" {name} "]
    summary = f"{model.name} (civitai:{model.id}) has no version {wanted}."
    details = list_versions(model, versions)
    if not near:
        return NotFoundError(summary, "Name one of its versions by number or name.", details=details)
    found = names[near[0]]
    hint = f"Did you mean {title_of(found)}? Pull civitai:{model.id}@{found.id}."
    return NotFoundError(summary, hint, details=details)


def choose_newest(
    model: Model, usable: Sequence[Version], reference: CivitaiReference, *, with_early_access: bool
) -> VersionChoice:
    """Return the version to take where the reference names none.

    `usable` are the versions with files to download, newest first, at least one. Early access is passed over unless it
    is all there is, or `with_early_access`.
    """
    public = [version for version in usable if with_early_access or not version.deadline] or list(usable)
    if len(usable) == 1:
        return VersionChoice(version=usable[0], reason="the only version", notices=_about_distilled(usable[0]))
    addressed = [version for version in public if _is_in_slug(version, reference.slug)]
    if len(addressed) == 1:
        return VersionChoice(version=addressed[0], reason="the version that the address names")
    requested = reference.architecture
    fitting = [v for v in public if requested and is_same_family(source_architecture(v.base_model) or "", requested)]
    pool = fitting or public
    ordinary = [version for version in pool if is_ordinary(version)]
    chosen = (ordinary or [version for version in pool if not is_distilled(version)] or pool)[0]
    notices = [_why_not(version, chosen, requested) for version in usable[: usable.index(chosen)]]
    if requested and not fitting:
        notices.append(f"{model.name} has no version for {architecture_title(requested)}.")
    if not requested:
        notices += _about_older(model, usable, chosen)
    notices += _about_distilled(chosen)
    return VersionChoice(
        version=chosen,
        reason=_reason(chosen, usable, requested=bool(fitting)),
        notices=tuple(notice for notice in notices if notice)[:_MOST_NOTICES],
    )


def version_notices(version: Version) -> tuple[str, ...]:
    """Return what does not agree in the hub's own words about a version: its name and its base model."""
    named, stated = named_architecture(version.name), source_architecture(version.base_model)
    if named is None or stated is None or is_same_family(named, stated):
        return ()
    return (
        f"Version {title_of(version)} is listed for {version.base_model},"
        f" but its name states {architecture_title(named)}.",
    )


def is_distilled(version: Version) -> bool:
    """Return whether the words of a version state that it is distilled for few steps."""
    files = [file.name or "" for file in version.files or () if (file.type or "Model") in ("Model", "Pruned Model")]
    # The part of a file's name before the first underscore is the name of the page.
    ends = [name.partition("_")[2] or name for name in files]
    return (
        _states_distilled(version.name or "")
        or _states_distilled(version.base_model or "")
        or (bool(ends) and all(_states_distilled(end) for end in ends))
    )


def is_ordinary(version: Version) -> bool:
    """Return whether a version is neither distilled nor for inpainting, as far as its words state."""
    return not is_distilled(version) and not is_inpainting(version)


def is_inpainting(version: Version) -> bool:
    """Return whether the words of a version state that it is for filling masked areas."""
    return (version.base_model_type or "").lower() == "inpainting" or _states_inpainting(version.name or "")


def _is_more_special(version: Version, wanted: str) -> bool:
    """Return whether a version is distilled or for inpainting, and `wanted` does not state it."""
    return (is_distilled(version) and not _states_distilled(wanted)) or (
        is_inpainting(version) and not _states_inpainting(wanted)
    )


def _states_inpainting(text: str) -> bool:
    return any(piece.startswith("inpaint") or piece == "inp" for piece in _pieces(text))


def _states_distilled(text: str) -> bool:
    return any(
        piece in _DISTILLED and not (piece == "hyper" and after.startswith(_REALISM))
        for piece, after in _with_next(_pieces(text))
    )


def _pieces(text: str) -> list[str]:
    """Return the words of a name in lower case: "v51HyperVAE" has v, 51, hyper and vae."""
    return [piece.lower() for piece in _PIECES.findall(unicodedata.normalize("NFKC", text))]


def _with_next(pieces: Sequence[str]) -> Iterator[tuple[str, str]]:
    yield from zip_longest(pieces, pieces[1:], fillvalue="")


def _words(text: str | None) -> str:
    """Return the words of a version's name with spaces between them; a "v" before a number does not count."""
    pieces = _pieces(text or "")
    return " ".join(piece for piece, after in _with_next(pieces) if not (piece == "v" and after.isdigit()))


def _is_in_slug(version: Version, slug: str) -> bool:
    """Return whether an address, "/models/9409/or-anything-v5", has the whole name of a version in it."""
    name = _words(version.name)
    return bool(name) and f" {name} " in f" {_words(slug)} "


def _why_not(version: Version, chosen: Version, requested: str | None) -> str:
    """Return the sentence why a newer version is passed over, "" where nothing is known against it."""
    title = title_of(version)
    if version.deadline and not chosen.deadline:
        return f"Version {title} is in early access until {version.deadline}; {title_of(chosen)} is used instead."
    if requested and not is_same_family(source_architecture(version.base_model) or "", requested):
        if not version.base_model:
            return f"Version {title} is newer, but for another base model."
        return f"Version {title} is newer, but for {version.base_model}."
    if is_distilled(version):
        return f"Version {title} is newer, but distilled for few steps."
    if is_inpainting(version):
        return f"Version {title} is newer, but for inpainting."
    return ""


def _about_older(model: Model, usable: Sequence[Version], chosen: Version) -> list[str]:
    """Return a sentence where older versions are for another base model than the chosen one."""
    own = source_architecture(chosen.base_model)
    for version in usable[usable.index(chosen) + 1 :]:
        other = source_architecture(version.base_model)
        if own and other and not is_same_family(own, other):
            return [
                f"Version {title_of(chosen)} is for {chosen.base_model}; older ones are for {version.base_model},"
                f" such as {title_of(version)}: civitai:{model.id}@{version.id}."
            ]
    return []


def _about_distilled(chosen: Version) -> tuple[str, ...]:
    if not is_distilled(chosen):
        return ()
    return (f"Version {title_of(chosen)} is distilled: use few steps and low guidance.",)


# By what narrowed the choice: (a requested base, early access passed over, distilled or inpainting passed over).
_REASONS = {
    (False, False, False): "the newest version",
    (False, True, False): "the newest public version",
    (False, False, True): "the newest version that is neither distilled nor for inpainting",
    (False, True, True): "the newest public version that is neither distilled nor for inpainting",
    (True, False, False): "the newest version for {base}",
    (True, True, False): "the newest public version for {base}",
    (True, False, True): "the newest version for {base} that is neither distilled nor for inpainting",
    (True, True, True): "the newest public version for {base} that is neither distilled nor for inpainting",
}


def _reason(chosen: Version, usable: Sequence[Version], *, requested: bool) -> str:
    if all(is_distilled(version) for version in usable):
        return "the newest version; all of them are distilled for few steps"
    newer = usable[: usable.index(chosen)]
    skips_early = any(version.deadline and not chosen.deadline for version in newer)
    skips_special = is_ordinary(chosen) and not all(is_ordinary(version) for version in newer)
    return _REASONS[requested, skips_early, skips_special].format(base=chosen.base_model)
