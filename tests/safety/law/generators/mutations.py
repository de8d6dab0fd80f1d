"""Genuine files of every container with bytes flipped, cut, doubled, moved, or an attack spliced in."""

from __future__ import annotations

from functools import cache
from random import Random

from tests.safety.law import genuine
from tests.safety.law.generators.payload import attack, call
from tests.safety.law.harness import Candidate

_PIECES = (
    call(),
    call() + b"0",
    b"0" + call(),
    attack(),
    b"cos\nsystem\n",
    b"cbuiltins\neval\n",
    b"\x95\x04\0\0\0\0\0\0\0",
    b"PK\3\4",
    b"PK\1\2",
    b"PK\5\6" + bytes(18),
    b"PK\6\7" + bytes(16),
    b"\x80\x04",
    b"R",
    b"b",
    b"(",
    b"0",
    b".",
    b"Q",
    b"\xff\xff\xff\xff",
)


@cache
def _files() -> tuple[tuple[str, bytes], ...]:
    return tuple(genuine.all_files().items())


def mutated(random: Random) -> Candidate:
    """Return a genuine file with a few changes."""
    name, content = random.choice(_files())
    data = bytearray(content)
    for _ in range(random.choice([0, 1, 1, 1, 2, 3, 6])):
        random.choice((_flip, _flip, _set, _insert, _delete, _double, _swap, _cut))(random, data)
        if not data:
            break
    return Candidate(name, bytes(data))


def _place(random: Random, data: bytearray) -> int:
    return random.randrange(len(data))


def _flip(random: Random, data: bytearray) -> None:
    data[_place(random, data)] ^= 1 << random.randrange(8)


def _set(random: Random, data: bytearray) -> None:
    data[_place(random, data)] = random.randrange(256)


def _insert(random: Random, data: bytearray) -> None:
    place = _place(random, data)
    piece = random.choice(_PIECES)
    if random.random() < 0.5:
        data[place : place + len(piece)] = piece
    else:
        data[place:place] = piece


def _delete(random: Random, data: bytearray) -> None:
    place = _place(random, data)
    del data[place : place + random.choice([1, 2, 4, 30])]


def _double(random: Random, data: bytearray) -> None:
    place = _place(random, data)
    part = data[place : place + random.choice([1, 4, 30, 300])]
    data[place:place] = part


def _swap(random: Random, data: bytearray) -> None:
    first, second = sorted((_place(random, data), _place(random, data)))
    size = random.choice([1, 4, 16])
    data[first : first + size], data[second : second + size] = data[second : second + size], data[first : first + size]


def _cut(random: Random, data: bytearray) -> None:
    del data[random.choice([_place(random, data), max(0, len(data) - random.randrange(1, 30))]) :]
