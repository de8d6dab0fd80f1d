"""Choosing one model file among many: which model, then which of its coats.

A repository holds groups of files, each group one model in several coats (fp16, emaonly, .ckpt …). One group has to
stand out by its name or place, else the choice is the user's; within a group, the purpose decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from modelhub.fetch.choice.criteria import FileCriteria
from modelhub.fetch.choice.name_traits import Container, Traits, WeightSet, is_index, side_role, traits
from modelhub.fetch.fetcher import RemoteFile, RemoteModel

# Names that the diffusers and transformers libraries give to the one main file of a folder.
_CONVENTIONAL = frozenset({"diffusion_pytorch_model", "model", "pytorch_lora_weights", "learned_embeds"})
_EPOCH = re.compile(r"[-_. ](?:\d{5,7}|e(?:poch)?[-_]?\d+|steps?[-_]?\d+|checkpoint[-_]?\d+)$")
_VERSION = re.compile(r"[-_. ]?v?\d+(?:[._]\d+)*$")
_CHECKPOINT_FOLDER = re.compile(r"(?:^|/)checkpoint[-_]\d+(?:/|$)")
_INDEX_PRECISION = re.compile(r"\.(fp16|bf16|fp8|fp32)\b")
_SMALL_TYPES = frozenset({"lora", "embedding", "hypernetwork"})
# Bytes; the largest VAEs, in fp32 and with their discriminator, have 0.8 GB.
_BAKED = 1_500_000_000

_RENDER_SETS = {
    WeightSet.EMA_ONLY: 0,
    WeightSet.PLAIN: 1,
    WeightSet.PRUNED: 2,
    WeightSet.FULL: 3,
    WeightSet.NON_EMA: 4,
}
_TRAIN_SETS = {
    WeightSet.FULL: 0,
    WeightSet.PRUNED: 1,
    WeightSet.PLAIN: 2,
    WeightSet.NON_EMA: 3,
    WeightSet.EMA_ONLY: 4,
}
_RENDER_PRECISIONS = {"fp16": 0, "bf16": 1, None: 2, "fp32": 3, "fp8": 4}
_TRAIN_PRECISIONS = {"fp32": 0, None: 1, "bf16": 2, "fp16": 3, "fp8": 4}
_CONTAINERS = {Container.SAFETENSORS: 0, Container.GGUF: 1, Container.PICKLE: 2}


@dataclass(frozen=True, slots=True)
class Bundle:
    """What is taken together: one file, or all parts of a sharded one with its index."""

    files: tuple[RemoteFile, ...]
    traits: Traits

    @property
    def sharded(self) -> bool:
        """Whether the weights are in several files."""
        return self.traits.shard is not None

    @property
    def size(self) -> int:
        """Bytes, as far as stated."""
        return sum(file.size or 0 for file in self.files)


@dataclass(frozen=True, slots=True)
class VariantGroup:
    """One model: all its units."""

    folder: str
    model: str
    units: tuple[Bundle, ...]


def bundle_files(files: Iterable[RemoteFile]) -> list[Bundle]:
    """The weight files as units; shards come together, incomplete sets of them not at all."""
    singles: list[Bundle] = []
    shards: dict[tuple[str, str, object, object, object, int], list[RemoteFile]] = {}
    everything = list(files)
    for file in everything:
        about = traits(file)
        if not about.is_weights:
            continue
        if about.shard is None:
            singles.append(Bundle((file,), about))
        else:
            key = (about.folder, about.model, about.weight_set, about.precision, about.container, about.shard[1])
            shards.setdefault(key, []).append(file)
    for shard_key, parts in shards.items():
        if len(parts) == shard_key[-1]:
            about = traits(parts[0])
            singles.append(Bundle((*sorted(parts, key=lambda part: part.name), *_index(everything, about)), about))
    return singles


def _index(files: Iterable[RemoteFile], about: Traits) -> list[RemoteFile]:
    suffix = "safetensors" if about.container is Container.SAFETENSORS else "bin"
    found = []
    for file in files:
        folder, _, base = file.name.rpartition("/")
        if is_index(file.name) and folder == about.folder and f".{suffix}.index" in base:
            named = _INDEX_PRECISION.search(base)
            if (named[1] if named else None) == about.precision:
                found.append(file)
    return found


def find_main_groups(model: RemoteModel, files: Iterable[RemoteFile]) -> tuple[list[VariantGroup], bool]:
    """The groups that a repository is about, and whether they are only side files (a VAE, a LoRA …).

    Side files count when there is nothing else, or when the repository is named after their kind. A file named after
    a VAE that is far larger than any VAE is a checkpoint with that VAE baked in.
    """
    units = bundle_files(files)
    own_role = side_role(model.title)
    mains = [unit for unit in units if own_role and unit.traits.side_role == own_role]
    mains = mains or [unit for unit in units if unit.traits.side_role is None or _has_baked_vae(unit)]
    chosen = mains or units
    groups: dict[tuple[str, str], list[Bundle]] = {}
    for unit in chosen:
        groups.setdefault((unit.traits.folder, _plain(unit.traits.model)), []).append(unit)
    found = [
        VariantGroup(folder, min(u.traits.model for u in units), tuple(units)) for (folder, _), units in groups.items()
    ]
    return found, not mains


def _has_baked_vae(unit: Bundle) -> bool:
    return unit.traits.side_role == "vae" and unit.size > _BAKED


def preferred_group(model: RemoteModel, groups: Sequence[VariantGroup]) -> VariantGroup | None:
    """The group that stands out from all others, None when none does."""
    small = model.model_type in _SMALL_TYPES
    for group in groups:
        if all(other is group or _outranks(group, other, model, small=small) for other in groups):
            return group
    return None


def _outranks(group: VariantGroup, other: VariantGroup, model: RemoteModel, *, small: bool) -> bool:
    if group.model == other.model:
        return _depth(group) < _depth(other)
    if _CHECKPOINT_FOLDER.search(other.folder) and not _CHECKPOINT_FOLDER.search(group.folder):
        return True
    if group.folder != other.folder:
        return not group.folder and _plain(group.model) == _plain(model.title)
    if group.model in _CONVENTIONAL and other.model not in _CONVENTIONAL:
        return True
    if _plain(group.model) == _plain(model.title):
        return True
    return _is_extension(other.model, group.model, small=small or any(u.traits.side_role for u in other.units))


def _is_extension(longer: str, shorter: str, *, small: bool) -> bool:
    """Whether a name only adds words to another ("base_1.0" → "base_1.0_0.9vae"): not another version of it."""
    rest = longer.removeprefix(shorter)
    if rest == longer or not rest or rest[0] not in "-_. +(":
        return False
    if _EPOCH.fullmatch(rest):
        return True
    return not small and not _VERSION.fullmatch(rest)


def _depth(group: VariantGroup) -> tuple[int, str]:
    return (group.folder.count("/") + 1 if group.folder else 0), group.folder


def _plain(name: str) -> str:
    return re.sub(r"[-_. ]+", "", name.lower())


def rank_bundles(units: Iterable[Bundle], criteria: FileCriteria) -> list[Bundle]:
    """Units of one group, the one that fits best first."""
    key = _train_key if criteria.purpose == "train" else _render_key
    return sorted(units, key=lambda unit: (_precision_miss(unit, criteria), *key(unit), unit.files[0].name))


def _precision_miss(unit: Bundle, criteria: FileCriteria) -> int:
    """0: the wished-for precision by name; 1: by custom, for what names none is most often fp32; 2: another."""
    if criteria.precision in (None, unit.traits.precision):
        return 0
    return 1 if unit.traits.precision is None and criteria.precision == "fp32" else 2


def _render_key(unit: Bundle) -> tuple[int, ...]:
    about = unit.traits
    wrong_set = about.weight_set in (WeightSet.NON_EMA, WeightSet.FULL)
    primary = unit.files[0].facts.get("primary") == "true"
    return (
        _CONTAINERS[about.container],
        int(wrong_set),
        _RENDER_PRECISIONS.get(about.precision, 2),
        _RENDER_SETS[about.weight_set],
        int(unit.sharded),
        int(not primary),
        unit.size,
    )


def _train_key(unit: Bundle) -> tuple[int, ...]:
    about = unit.traits
    half = about.precision in ("fp16", "bf16", "fp8")
    return (
        int(half),
        _TRAIN_SETS[about.weight_set],
        _TRAIN_PRECISIONS.get(about.precision, 1),
        _CONTAINERS[about.container],
        int(unit.sharded),
        -unit.size,
    )


def why(unit: Bundle, criteria: FileCriteria, *, alone: bool) -> str:
    """One phrase on why this unit was taken."""
    if alone:
        return "the only model file that fits"
    words = unit.traits.words
    if criteria.purpose == "train":
        both = unit.traits.weight_set in (WeightSet.FULL, WeightSet.PRUNED)
        words += ", with both weight sets by its name" if both else ", the nearest to full weights that is here"
    missing = "" if _precision_miss(unit, criteria) < 2 else f"; there is no {criteria.precision} version"
    purpose = "for rendering" if criteria.purpose == "render" else "for training"
    return f"best {purpose}: {words}{missing}"
