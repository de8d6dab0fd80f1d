"""Values for the calls of pickles, written as opcodes: plain ones, shapes, storages, and what real libraries write."""

from __future__ import annotations

import pickle
import pickletools
from collections.abc import Iterator
from typing import Any

import numpy

from tests.safety.law.generators.opcodes import Opcodes
from tests.safety.law.generators.vocabulary import NAMED, STORAGES

_INTEGERS = (
    0,
    1,
    2,
    3,
    7,
    8,
    64,
    255,
    624,
    4096,
    1 << 20,
    1 << 24,
    1 << 31,
    1 << 40,
    (1 << 62) - 1,
    0x3EAA222,
    -1,
    -(1 << 31),
)
_TEXTS = (
    *(
        "",
        "a",
        "cpu",
        "cuda:0",
        "meta",
        "mps",
        "xla:1",
        "hpu",
        "latin1",
        "ascii",
        "utf-8",
        "C",
        "F",
        "A",
        "<",
        ">",
        "|",
        "=",
    ),
    *(
        "f4",
        "<f8",
        "U2",
        "U999999",
        "S0",
        "V8",
        "V0",
        "M8",
        "m8",
        "c16",
        "a3",
        "bool",
        "?",
        "u4",
        "int64",
        "float128",
        "str",
    ),
    *(
        "MT19937",
        "PCG64",
        "Philox",
        "SFC64",
        "torch.strided",
        "torch.sparse_coo",
        "torch.sparse_csr",
        "torch.jagged",
        "1e9",
    ),
)
_SHAPES = (
    (),
    (0,),
    (1,),
    (3,),
    (12,),
    (2, 6),
    (3, 4),
    (1, 1, 12),
    (0, 1 << 61),
    (1 << 61, 0),
    (1 << 20, 4),
    (65536, 65536),
)
_COUNTS = (1, 3, 4, 12)  # elements of a storage


def all_values(op: Opcodes) -> Iterator[bytes]:
    """Yield every value."""
    yield from (*_plain(op), *_containers(op), *_storages(op), *_states(op))


def _plain(op: Opcodes) -> Iterator[bytes]:
    yield from (b"N", b"\x88", b"\x89")
    yield from map(op.integer, _INTEGERS)
    yield from map(op.number, (0.0, 0.1, -1.5, 1e300, float("nan"), float("inf")))
    yield from map(op.text, _TEXTS)
    yield from (op.data(bytes(count)) for count in (0, 1, 4, 8, 16, 48, 2500))
    yield from (op.global_(*name) for name in NAMED)
    yield from (op.global_("numpy.random._pickle", "__bit_generator_ctor"),)
    yield from (op.global_("builtins", name) for name in ("dict", "list", "int", "float", "str", "object"))
    yield from (op.global_("torch._utils", f"_rebuild_{name}") for name in ("tensor_v2", "qtensor", "sparse_tensor"))


def _containers(op: Opcodes) -> Iterator[bytes]:
    ordered = op.call(op.global_("collections", "OrderedDict"))
    yield from (
        b"]",
        b"}",
        ordered,
        op.dict_([(op.text("conj"), b"\x88")]),
        op.dict_([(op.text("a"), op.integer(1))]),
    )
    yield from (op.tuple_(*map(op.integer, shape)) for shape in _SHAPES)
    yield from (op.list_(*map(op.integer, shape)) for shape in _SHAPES)
    yield from (op.list_(op.list_(op.text("a"), op.integer(1))), op.list_(op.number(0.1), op.number(0.2)))
    yield from (op.list_(*map(op.integer, range(256))), op.tuple_(op.text("a"), op.tuple_(op.integer(1))))
    names = (
        "data",
        "real",
        "grad",
        "requires_grad",
        "_metadata",
        "extend",
        "names",
        "_values",
        "_modules",
        "_parameters",
    )
    values = (b"N", b"]", b"}", op.integer(1), op.text("a"), op.tuple_(op.integer(1)))
    yield from (op.dict_([(op.text(name), value)]) for name in names for value in values)


def _storages(op: Opcodes) -> Iterator[bytes]:
    for kind in (*STORAGES, "QInt8Storage", "QUInt8Storage", "QInt32Storage", "BoolStorage", "ComplexFloatStorage"):
        module = "torch.storage" if kind == "UntypedStorage" else "torch"
        for count in _COUNTS:
            key = op.text(f"{kind}{count}")
            parts = op.text("storage") + op.global_(module, kind) + key + op.text("cpu") + op.integer(count)
            yield op.persistent(b"(" + parts + b"t")


def _states(op: Opcodes) -> Iterator[bytes]:
    """Yield the states of BUILD that numpy and others write, and some with other numbers in them."""
    unit = op.tuple_(b"N", op.tuple_(op.data(b"s"), op.integer(1), op.integer(1), op.integer(1)))
    for size in (-1, 0, 1, 2, 3, 4, 8, 16, 1 << 20):
        for flags in (0, 8, 16, 128):
            for order in "<|":
                numbers = (op.integer(size), op.integer(-1), op.integer(flags))
                yield op.tuple_(op.integer(3), op.text(order), b"N", b"N", b"N", *numbers)
                yield op.tuple_(op.integer(4), op.text(order), b"N", b"N", b"N", *numbers, unit)
    yield from _genuine()


def _genuine() -> Iterator[bytes]:
    """Yield what numpy and others write for their own objects, as opcodes that leave one value."""
    structure = numpy.dtype([("a", "<f4"), ("b", "<U3")])
    objects = [
        numpy.arange(3),
        numpy.zeros((2, 2), structure),
        numpy.float32(1.5),
        numpy.array(["2020-01-01"], "M8[D]"),
        numpy.random.RandomState(1),
        numpy.random.Generator(numpy.random.PCG64(1)),
        numpy.random.Generator(numpy.random.Philox(1)),
        numpy.random.SeedSequence(1),
        structure,
    ]
    for item in objects:
        state: Any = item.__reduce__()[2] if len(item.__reduce__()) > 2 else None
        for part in (item, state):
            for protocol in (2, 3):
                yield _without_memo(pickle.dumps(part, protocol))


def _without_memo(written: bytes) -> bytes:
    """Return the opcodes of a pickle without its first two bytes, its end and its memo, which others would disturb."""
    out = bytearray()
    data = pickletools.optimize(written)
    operations = list(pickletools.genops(data))
    if any(operation.name.endswith("GET") for operation, _, _ in operations):
        return b""
    for (operation, _, start), following in zip(operations, [*operations[1:], (None, None, len(data))], strict=True):
        if operation.name not in ("PROTO", "STOP", "FRAME", "MEMOIZE") and not operation.name.endswith("PUT"):
            out += data[start : following[2]]
    return bytes(out)
