"""Seeded generators of candidates: each a function of a random number generator, by name with its share of a run."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from random import Random

from tests.safety.law.generators import mutations, near_calls, pickles, streams, torch_zips, zips
from tests.safety.law.harness import Candidate


@dataclass(frozen=True, slots=True)
class Generator:
    """One kind of candidates. `weight`: its part of a run. `accepted`: the least share that modelhub must accept."""

    make: Callable[[Random], Candidate]
    weight: int
    accepted: float = 0.0


GENERATORS: dict[str, Generator] = {
    "pickle grammar": Generator(pickles.expression, 10, 0.12),
    "one oddity in a pickle": Generator(pickles.few_oddities, 10, 0.005),
    "frames": Generator(pickles.framed, 4, 0.04),
    "spelled names": Generator(pickles.spelled, 3, 0.08),
    "far memo": Generator(pickles.far_memo, 1),
    "several pickles": Generator(pickles.several, 1),
    "shared parts": Generator(pickles.shared_parts, 1),
    "colliding keys": Generator(pickles.colliding_keys, 1),
    "deep nesting": Generator(pickles.deep, 1, 0.15),
    "torch zip": Generator(zips.torch_file, 10, 0.6),
    "odd zip": Generator(zips.odd_zip, 12, 0.1),
    "torch legacy": Generator(streams.legacy, 8, 0.2),
    "module ids": Generator(streams.module_identity, 1),
    "tar": Generator(streams.tar, 2, 0.04),
    "GGUF as pickle": Generator(streams.gguf_as_pickle, 2, 0.3),
    "safetensors as pickle": Generator(streams.safetensors_as_pickle, 2, 0.15),
    "numpy": Generator(streams.numpy_array, 2),
    "torch zip, odd members": Generator(torch_zips.odd_members, 6, 0.1),
    "near calls": Generator(near_calls.near_call, 16, 0.3),
    "mutations": Generator(mutations.mutated, 12, 0.08),
}


def candidates(count: int, seed: int, *, only: tuple[str, ...] = ()) -> Iterator[Candidate]:
    """Yield `count` candidates of a seed, of all generators by their weights; each depends on its number alone."""
    names = only or tuple(GENERATORS)
    weights = [GENERATORS[name].weight for name in names]
    for number in range(count):
        random = Random(zlib.crc32(f"{seed}/{number}".encode()))
        name = random.choices(names, weights)[0]
        made = GENERATORS[name].make(random)
        if made.name == "model.pkl" and random.random() < 0.3:
            made = zips.wrapped(random, made)
        yield replace(made, kind=name)
