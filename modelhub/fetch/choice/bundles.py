"""Bundles: the files that hold one set of weights and are taken together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from modelhub.fetch.choice.name_traits import Container, Traits, is_index
from modelhub.fetch.choice.options import Option

_INDEX_PRECISION = re.compile(r"\.(fp16|bf16|fp8|fp32)\b")


@dataclass(frozen=True, slots=True)
class Bundle:
    """One file, or all shards of one set of weights with their index. The first option is a weight file."""

    options: tuple[Option, ...]

    @property
    def traits(self) -> Traits:
        """The traits that the weight files share."""
        return self.options[0].traits

    @property
    def name(self) -> str:
        """The path of the first weight file."""
        return self.options[0].name

    @property
    def is_sharded(self) -> bool:
        """Whether the weights are in several files."""
        return self.traits.shard is not None

    @property
    def is_allowed(self) -> bool:
        """Whether none of the files is refused."""
        return all(option.refusal is None for option in self.options)

    @property
    def size(self) -> int:
        """Bytes, as far as the source states sizes."""
        return sum(option.file.size or 0 for option in self.options)


def make_bundles(options: Sequence[Option]) -> list[Bundle]:
    """Return the weight files as bundles; an incomplete set of shards makes none."""
    bundles: list[Bundle] = []
    shards: dict[tuple[str, str, object, object, object, int], list[Option]] = {}
    for option in options:
        traits = option.traits
        if not traits.is_weights:
            continue
        if traits.shard is None:
            bundles.append(Bundle((option,)))
        else:
            key = (traits.folder, traits.model, traits.weight_set, traits.precision, traits.container, traits.shard[1])
            shards.setdefault(key, []).append(option)
    for (*_, count), parts in shards.items():
        if len(parts) == count:
            parts.sort(key=lambda part: part.name)
            bundles.append(Bundle((*parts, *_indexes(options, parts[0].traits))))
    return bundles


def _indexes(options: Iterable[Option], traits: Traits) -> list[Option]:
    suffix = "safetensors" if traits.container is Container.SAFETENSORS else "bin"
    found = []
    for option in options:
        folder, _, base = option.name.rpartition("/")
        if is_index(option.name) and folder == traits.folder and f".{suffix}.index" in base:
            named = _INDEX_PRECISION.search(base)
            if (named[1] if named else None) == traits.precision:
                found.append(option)
    return found
