"""One model in several variants: which model of a repository is meant, and which of its variants fits the purpose.

A repository holds groups of files, each group one model in several variants (fp16, emaonly, .ckpt …). One group must
be preferable by its name or place, else the choice is the user's; within a group, the purpose decides.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from modelhub.fetch.choice.bundles import Bundle, make_bundles
from modelhub.fetch.choice.criteria import FileCriteria, Purpose
from modelhub.fetch.choice.name_traits import Container, WeightSet, find_side_role, is_set_named
from modelhub.fetch.choice.options import Option
from modelhub.fetch.fetcher import RemoteModel

# Names that the diffusers and transformers libraries give to the one main file of a folder.
_CONVENTIONAL = frozenset({"diffusion_pytorch_model", "model", "pytorch_lora_weights", "learned_embeds"})
_EPOCH = re.compile(r"[-_. ](?:\d{5,7}|e(?:poch)?[-_]?\d+|steps?[-_]?\d+|checkpoint[-_]?\d+)$")
_VERSION = re.compile(r"[-_. ]?v?\d+(?:[._]\d+)*$")
_CHECKPOINT_FOLDER = re.compile(r"(?:^|/)checkpoint[-_]\d+(?:/|$)")
_SMALL_TYPES = frozenset({"lora", "embedding", "hypernetwork"})
_LARGEST_VAE = 1_500_000_000  # bytes; VAEs in fp32 with their discriminator have 0.8 GB

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
class VariantGroup:
    """One model in all its variants."""

    folder: str
    model: str
    variants: tuple[Bundle, ...]

    @property
    def allowed(self) -> VariantGroup:
        """The same group without the variants that are refused."""
        return replace(self, variants=tuple(variant for variant in self.variants if variant.is_allowed))


def find_main_groups(model: RemoteModel, options: Sequence[Option]) -> tuple[list[VariantGroup], bool]:
    """Return the groups that a repository is about, and whether they are only side files (a VAE, a LoRA …).

    Side files count when there is nothing else, or when the repository is named after their kind. A file named after
    a VAE that is far larger than any VAE is a checkpoint with that VAE baked in.
    """
    bundles = make_bundles(options)
    own_role = find_side_role(model.title)
    mains = [bundle for bundle in bundles if own_role and bundle.traits.side_role == own_role]
    mains = mains or [bundle for bundle in bundles if bundle.traits.side_role is None or _has_baked_vae(bundle)]
    groups: dict[tuple[str, str], list[Bundle]] = {}
    for bundle in mains or bundles:
        groups.setdefault((bundle.traits.folder, _plain(bundle.traits.model)), []).append(bundle)
    found = [
        VariantGroup(folder, min(variant.traits.model for variant in variants), tuple(variants))
        for (folder, _), variants in groups.items()
    ]
    return found, not mains


def _has_baked_vae(bundle: Bundle) -> bool:
    return bundle.traits.side_role == "vae" and bundle.size > _LARGEST_VAE


def preferred_group(model: RemoteModel, groups: Sequence[VariantGroup]) -> VariantGroup | None:
    """Return the group that is preferable to every other one, None where there is none."""
    small = model.model_type in _SMALL_TYPES
    for group in groups:
        if all(other is group or _is_preferable(group, other, model, small=small) for other in groups):
            return group
    return None


def _is_preferable(group: VariantGroup, other: VariantGroup, model: RemoteModel, *, small: bool) -> bool:
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
    other_is_side = any(variant.traits.side_role for variant in other.variants)
    return _is_extension(other.model, group.model, small=small or other_is_side)


def _is_extension(longer: str, shorter: str, *, small: bool) -> bool:
    """Return whether a name only adds words to another ("base_1.0" → "base_1.0_0.9vae") and is not another version."""
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


def best_variant(group: VariantGroup, criteria: FileCriteria) -> Bundle:
    """Return the variant of a group that fits best."""
    key = _train_key if criteria.purpose is Purpose.TRAIN else _render_key
    return min(
        group.variants, key=lambda bundle: (_precision_distance(bundle, criteria), *key(bundle), bundle.options[0].name)
    )


def _precision_distance(bundle: Bundle, criteria: FileCriteria) -> int:
    """Return 0 for the preferred precision, 1 for an unnamed one that is most often fp32, 2 for another."""
    if criteria.precision in (None, bundle.traits.precision):
        return 0
    return 1 if bundle.traits.precision is None and criteria.precision == "fp32" else 2


def _render_key(bundle: Bundle) -> tuple[int, ...]:
    traits = bundle.traits
    is_primary = bundle.options[0].file.facts.get("primary") == "true"
    return (
        _CONTAINERS[traits.container],
        int(traits.weight_set in (WeightSet.NON_EMA, WeightSet.FULL)),
        _RENDER_PRECISIONS.get(traits.precision, 2),
        _RENDER_SETS[traits.weight_set],
        int(bundle.is_sharded),
        int(not is_primary),
        bundle.size,
    )


def _train_key(bundle: Bundle) -> tuple[int, ...]:
    traits = bundle.traits
    return (
        int(traits.precision in ("fp16", "bf16", "fp8")),
        _TRAIN_SETS[traits.weight_set],
        _TRAIN_PRECISIONS.get(traits.precision, 1),
        _CONTAINERS[traits.container],
        int(bundle.is_sharded),
        -bundle.size,
    )


def explain_variant(bundle: Bundle, criteria: FileCriteria, *, is_only_one: bool) -> str:
    """Return one phrase on why this variant is taken, which is true of what its name and its source state."""
    if is_only_one:
        return "the only model that fits, in shards" if bundle.is_sharded else "the only model file that fits"
    summary = f"{bundle.traits.summary}, in shards" if bundle.is_sharded else bundle.traits.summary
    weight_set = bundle.traits.weight_set
    if _precision_distance(bundle, criteria) == 2:
        return f"no {criteria.precision} version can be taken; this one is {summary}"
    if criteria.purpose is Purpose.RENDER:
        return f"best for rendering: {summary}"
    if weight_set not in (WeightSet.FULL, WeightSet.PRUNED):
        return f"best for training: {summary}, the closest to full weights"
    if not is_set_named(bundle.options[0].file):
        return f"best for training: {summary}, as its source labels it"
    if weight_set is WeightSet.PRUNED:
        return f"best for training: {summary}, which may hold both weight sets"
    return f"best for training: {summary}, with both weight sets according to its name"
