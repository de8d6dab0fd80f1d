"""Pickles of calls that fit modelhub's own table, with arguments and states from a large pool.

A pool of values is written and walked once; for each call of modelhub's own table, a candidate takes any values of the
pool that its predicates accept, so that the law tries what a predicate lets through and the real loader sees in it.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Any

from modelhub.formats.pickles import arguments as kinds
from modelhub.formats.pickles import known_calls
from modelhub.formats.pickles.arguments import Kind
from modelhub.formats.pickles.call_table import KnownCall
from modelhub.formats.pickles.placeholders import Global
from modelhub.formats.pickles.reader import PickleReader
from modelhub.formats.pickles.walk import PickleWalk, walk_pickle
from tests.safety.law.generators import zips
from tests.safety.law.generators.opcodes import Opcodes
from tests.safety.law.generators.values import all_values
from tests.safety.law.generators.vocabulary import NAMED
from tests.safety.law.harness import Candidate

_OF_PYTHON_2 = (Global("builtins", "long"), Global("builtins", "unicode"))  # which no loader finds today
_ROUNDS = 2  # of calls that take results of earlier calls
_MOST_PARTS = 3  # calls of one candidate


@dataclass(frozen=True, slots=True)
class _Value:
    """A value of the pool: the opcodes that make it, and modelhub's placeholder for it."""

    written: bytes
    found: Any


def _walk(written: bytes) -> PickleWalk:
    return walk_pickle(PickleReader(io.BytesIO(b"\x80\x02" + written + b".")), "a value")


def _values(written: bytes) -> Iterator[_Value]:
    """Yield a value if modelhub follows it without a finding."""
    walk = _walk(written)
    if walk.complete and not walk.findings:
        yield _Value(written, walk.root)


class _Pool:
    """The values that calls may take, and the calls of modelhub's table."""

    def __init__(self) -> None:
        self.random = Random(14)
        self.op = Opcodes(self.random, 0.0)
        self.values: list[_Value] = []
        self.fitting: dict[Kind, list[_Value]] = {}
        self.rows = [row for row in known_calls.rows().items() if row[0] not in _OF_PYTHON_2]
        for written in all_values(self.op):
            self.values += _values(written)
        for _ in range(_ROUNDS):
            self.fitting.clear()
            for written in self._groups():
                self.values += _values(written)
            self.fitting.clear()
            made = [self.call(self.random, *row) for row in self.rows for _ in range(12)]
            self.values += [value for written in made if written for value in _values(written)]
        self.fitting.clear()

    def _groups(self) -> Iterator[bytes]:
        """Yield the tuples in which sparse and quantized tensors keep their parts."""
        op, random = self.op, self.random
        tensors, shapes = self.fit(kinds.is_unexpanded_tensor), self.fit(kinds.is_counts)
        scales = [*tensors, *self.fit(kinds.is_number)]
        for _ in range(60 if tensors else 0):
            some = [random.choice(tensors).written for _ in range(random.choice([1, 2, 2, 3]))]
            rest = [random.choice(shapes).written, *([b"\x88"] if random.random() < 0.4 else [])]
            yield op.tuple_(*some, *rest)
            names = ("values", "offsets", "lengths", "_ragged_idx", "_metadata_cache", "requires_grad")
            given = [*some, *(random.choice(self.values).written for _ in names[len(some) :])]
            pairs = zip(names[: random.randrange(2, 6)], given, strict=False)
            yield op.dict_([(op.text(name), value) for name, value in pairs])
        for scheme in sorted(kinds.QUANTIZERS):
            for count in (2, 2, 2, 3, 3, 3):
                parts = [random.choice(scales).written for _ in range(min(count, 2))]
                axis = [op.integer(random.choice([0, 0, 1, 5, -1]))] if count > 2 else []
                yield op.tuple_(op.global_("torch", scheme), *parts, *axis)

    def fit(self, kind: Kind) -> list[_Value]:
        """Return the values of which a predicate says that they are of its kind."""
        if kind not in self.fitting:
            self.fitting[kind] = [value for value in self.values if kind(value.found)]
        return self.fitting[kind]

    def call(self, random: Random, callee: Global, known: KnownCall) -> bytes:
        """Write a call with fitting arguments, and perhaps a fitting state; nothing where none fit."""
        if known.calls_first:
            return self._typed(random, callee, known)
        arguments = self._arguments(random, known)
        if arguments is None:
            return b""
        end = random.choice((b"R", b"R", b"R", b"\x81"))
        made = self.op.global_(*callee) + self.op.tuple_(*(argument.written for argument in arguments)) + end
        if known.state is not None and random.random() < 0.8:
            given = tuple(argument.found for argument in arguments)
            states = [state for state in self.fit(known.state) if known.belongs(given, state.found)]
            made = self.op.build(made, random.choice(states).written) if states else made
        return made

    def _typed(self, random: Random, callee: Global, known: KnownCall) -> bytes:
        """Write a call that makes a tensor by its own function, then gives it a class and attributes."""
        op = self.op
        function, row = random.choice([row for row in self.rows if row[0].module == "torch._utils"])
        arguments = self._arguments(random, row) or []
        name = random.choice([("torch", "Tensor"), ("torch.nn.parameter", "Parameter"), random.choice(NAMED)])
        state = random.choice(self.fit(known.forms[0][3])).written
        parts = [op.global_(*function), op.global_(*name), op.tuple_(*(part.written for part in arguments)), state]
        return op.call(op.global_(*callee), *parts)

    def _arguments(self, random: Random, known: KnownCall) -> list[_Value] | None:
        """Choose arguments by the predicates of one form; the best of a few tries."""
        form = random.choice(known.forms)
        options = [self.fit(kind) for kind in form]
        if not all(options):
            return None
        chosen = []
        for _ in range(40):
            chosen = [random.choice(values) for values in options]
            if known.fits(tuple(value.found for value in chosen)):
                break
        return chosen


@cache
def _pool() -> _Pool:
    return _Pool()


def near_call(random: Random) -> Candidate:
    """Return a torch file with a few calls of the table, each with any arguments that fit."""
    pool = _pool()
    op = Opcodes(random, 0.0)
    parts = []
    for number in range(random.randrange(1, _MOST_PARTS + 1)):
        made = pool.call(random, *random.choice(pool.rows)) or b"N"
        use = random.choice([made, made, made, op.tuple_(made), op.list_(made), op.pairs(b"}", [(made, b"N")])])
        parts.append((op.text(f"part {number}"), use))
    data = b"\x80\x02" + op.dict_(parts) + b"."
    walk = walk_pickle(PickleReader(io.BytesIO(data)), "a candidate")
    storages = {key: (storage.dtype, _small_numbers(random, storage.length)) for key, storage in walk.storages.items()}
    return Candidate("model.pt", zips.write(zips.torch_entries(random, data, storages)))


def _small_numbers(random: Random, length: int) -> bytes:
    """Return the bytes of small integers of eight bytes, as sizes and offsets are, or any bytes."""
    if random.random() < 0.3:
        return bytes(random.randrange(256) for _ in range(length))
    numbers = (random.choice([0, 0, 1, 1, 2, 3, 4, 1 << 20, 1 << 40, -1]) for _ in range(length // 8 + 1))
    return struct.pack(f"<{length // 8 + 1}q", *numbers)[:length]
