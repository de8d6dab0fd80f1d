"""Files that loaders act on and that modelhub once called harmless: found by the law, built here byte by byte."""

from __future__ import annotations

import pickle
import struct
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pytest

from modelhub.domain import Verdict
from tests.safety.law.generators import streams, zips
from tests.safety.law.generators.payload import call, text
from tests.safety.law.harness import Candidate, Law, LoadingProcess

_PRIME = (1 << 61) - 1  # integers that differ by it have one hash
_CALLBACK = b"cpytorch_lightning.callbacks.model_checkpoint\nModelCheckpoint\n"
_ORDERED = b"ccollections\nOrderedDict\n)R"


@dataclass(frozen=True, slots=True)
class Finding:
    """A file that must not be called harmless. `event`: the kind of event that loading it causes, "" for none."""

    title: str
    name: str
    content: bytes
    event: str


def _straddling(size: int, kept: int) -> bytes:
    """Return a frame that ends in a text: the C machine reads the whole text behind it, and then other opcodes."""
    hidden = b"0" + call()
    frame = b"X" + struct.pack("<I", size) + b"B" * kept
    return (
        b"\x80\x04\x95" + struct.pack("<Q", len(frame)) + frame + b"A" * (size - kept) + b"0U%c" % len(hidden) + hidden
    )


def _shared_key(use: bytes) -> bytes:
    """Return a tuple of 2**40 parts that share their memory; `use` makes something hash it."""
    body = b"".join(b"0h%ch%c\x86q%c" % (level - 1, level - 1, level) for level in range(1, 40))
    return b"\x80\x04)q\x00" + body + use + b"."


def _equal_keys(count: int) -> bytes:
    keys = b"".join(b"\x8a\x0c" + (number * _PRIME).to_bytes(12, "little") + b"N" for number in range(1, count + 1))
    return b"\x80\x04}(" + keys + b"u."


def _zip_entries(data: bytes, storage: bytes, *, key: bytes = b"0") -> list[zips.Entry]:
    named = {b"a/data.pkl": data, b"a/data/" + key: storage, b"a/version": b"3\n"}
    return [zips.Entry(name, content) for name, content in named.items()]


def _storage(count: int, *, legacy: bool = False, dtype: str = "FloatStorage", key: str = "0") -> bytes:
    view = b"N" if legacy else b""
    return (
        b"("
        + text("storage")
        + b"ctorch\n"
        + dtype.encode()
        + b"\n"
        + text(key)
        + text("cpu")
        + _long(count)
        + view
        + b"tQ"
    )


def _long(value: int) -> bytes:
    data = pickle.encode_long(value)
    return b"\x8a%c" % len(data) + data


def _tensor(count: int, *, legacy: bool = False) -> bytes:
    parts = _storage(count, legacy=legacy) + b"K\x00" + _long(count) + b"\x85K\x01\x85\x89" + _ORDERED
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + parts + b"tR"


def _legacy(body: bytes, keys: list[str], data: bytes = b"") -> bytes:
    head = b"".join(pickle.dumps(value, 2) for value in (streams.MAGIC, streams.PROTOCOL, streams.SYSTEM))
    return head + b"\x80\x02" + body + b"." + pickle.dumps(keys, 2) + data


def _module(use: bytes) -> bytes:
    identity = b"(" + text("module") + b"ctorch._utils\n_rebuild_tensor\n" + text("a") + text("b") + b"tQ"
    return _legacy(identity + use, [])


def _tar(head: streams.Head) -> bytes:
    size = len(streams.tar_header(b"", streams.TAR_MEMBERS))
    _, first, tail = head(size)
    return streams.tar_header(first, streams.TAR_MEMBERS) + tail


def _moved_directory() -> bytes:
    out = zips.write(_zip_entries(zips.PLAIN, b""))
    return out[:-6] + struct.pack("<I", 0xFFFF) + out[-2:]


def _dtype(name: str, order: str, size: int, flags: int) -> bytes:
    """Return a data type of numpy with the state of BUILD."""
    made = b"cnumpy\ndtype\n(" + text(name) + b"\x89\x88tR"
    return made + b"(K\x03" + text(order) + b"NNNJ" + struct.pack("<i", size) + b"J\xff\xff\xff\xffK%ctb" % flags


def _scalar(dtype: bytes) -> bytes:
    return _PROTO + b"cnumpy._core.multiarray\nscalar\n" + dtype + b"C\x08AAAAAAAA\x86R."


def _array(dtype: bytes) -> bytes:
    empty = b"cnumpy._core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R"
    return _PROTO + empty + b"(K\x01K\x02\x85" + dtype + b"\x89C\x10" + b"A" * 16 + b"tb."


def _quantized(shape: bytes, stride: bytes) -> bytes:
    scheme = b"ctorch\nper_tensor_affine\nG" + struct.pack(">d", 1.0) + b"K\x00\x87"
    parts = _storage(12, dtype="QInt8Storage") + b"K\x00" + shape + stride + scheme + b"\x89" + _ORDERED
    return b"ctorch._utils\n_rebuild_qtensor\n(" + parts + b"tR"


def _expanded() -> bytes:
    """Return a tensor that repeats twelve bytes two billion times."""
    parts = _storage(3) + b"K\x00" + _long(1 << 30) + b"K\x02\x86K\x00K\x01\x86\x89" + _ORDERED
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + parts + b"tR"


def _converted(tensor: bytes) -> bytes:
    arguments = tensor + b"ctorch\nfloat64\n" + text("cpu") + b"\x89"
    return b"ctorch._utils\n_rebuild_device_tensor_from_cpu_tensor\n(" + arguments + b"tR"


def _complex_keys(count: int) -> bytes:
    """Return a dictionary whose keys are complex numbers of one hash, which is that of both parts together."""
    keys = (b"cbuiltins\ncomplex\n" + _long(-1000003 * n) + _long(n) + b"\x86RN" for n in range(1, count))
    return _PROTO + b"}(" + b"".join(keys) + b"u."


def _called_keys(count: int) -> bytes:
    """Return a dictionary whose keys are integers of one hash, which calls of `int` read from texts."""
    keys = (b"cbuiltins\nint\n" + text(str(number * _PRIME)) + b"\x85RN" for number in range(1, count))
    return _PROTO + b"}(" + b"".join(keys) + b"u."


def _pair_keys(length: int) -> bytes:
    """Return a dictionary with all tuples of -1 and -2 as keys: both numbers have the hash -2."""
    keys = (b"(" + b"".join(parts) + b"tN" for parts in product((b"h\x00", b"h\x01"), repeat=length))
    return _PROTO + b"J\xff\xff\xff\xffq\x000J\xfe\xff\xff\xffq\x010}(" + b"".join(keys) + b"u."


def _called_tuples(use: bytes) -> bytes:
    """Return a tuple of shared parts that calls of `tuple` make; `use` makes something hash it."""
    levels = (b"0cbuiltins\ntuple\n](h%ch%ce\x85Rq%c" % (level - 1, level - 1, level) for level in range(1, 40))
    return _PROTO + b")q\x00" + b"".join(levels) + use + b"."


def _view_of_shared_key() -> bytes:
    levels = (b"0h%ch%c\x86q%c" % (level - 1, level - 1, level) for level in range(1, 40))
    view = b"(h\x27K\x00K\x03t"
    storage = b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text("0") + text("cpu") + b"K\x03" + view + b"tQ"
    body = b")q\x00" + b"".join(levels) + b"0" + storage
    return _legacy(body, ["0"], struct.pack("<q", 3) + bytes(12))


_PROTO = b"\x80\x02"
FINDINGS = [
    Finding("a frame that ends in a text", "x.pkl", _straddling(6, 3) + b".", "name"),
    Finding("a frame longer than memory", "x.pkl", b"\x80\x04\x95" + struct.pack("<Q", 1 << 40) + b"}.", "memory"),
    Finding("a frame longer than the file", "x.pkl", b"\x80\x04\x95" + struct.pack("<Q", 1 << 31) + b"}.", "memory"),
    Finding("a memo entry with a large number", "x.pkl", _PROTO + b"}r\xff\xff\xff\x0f.", "memory"),
    Finding("a memo entry with a large number in digits", "x.pkl", _PROTO + b"}p268435455\n.", "memory"),
    Finding("two directories", "x.ckpt", zips.two_directories(_zip_entries(zips.PLAIN, b"")), "name"),
    Finding("a GGUF head that is a pickle", "x.gguf", b"GGUF\x03\0\0\0\x00" + b"0" + call() + b".", "name"),
    Finding(
        "a safetensors head that is a pickle",
        "x.safetensors",
        struct.pack("<Q", 0x155) + b'{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}'.ljust(0x155),
        "",
    ),
    Finding("a tar archive over GGUF", "x.gguf", _tar(streams.gguf_head), "act"),
    Finding("a tar archive over safetensors", "x.safetensors", _tar(streams.safetensors_head), "act"),
    Finding("a tar archive over a pickle", "x.pkl", _tar(streams.pickle_head), "act"),
    Finding("a tar archive over torch's old format", "x.pt", _tar(streams.legacy_head), "act"),
    Finding("a function by its persistent id, changed", "x.pt", _module(b"(N}" + text("x") + b"\x88stb"), "call"),
    Finding(
        "a tensor larger than its record",
        "x.ckpt",
        zips.write(_zip_entries(_PROTO + _tensor(3000) + b".", bytes(12))),
        "overread",
    ),
    Finding(
        "a storage of 4 TB in the old format",
        "x.pt",
        _legacy(_tensor(1 << 40, legacy=True), ["0"], struct.pack("<q", 1 << 40)),
        "memory",
    ),
    Finding(
        "a class as the method that APPEND calls",
        "x.pkl",
        _PROTO + _ORDERED + b"}" + text("append") + _CALLBACK + b"sbNa.",
        "call",
    ),
    Finding(
        "a class as the method that BUILD calls",
        "x.pkl",
        _PROTO + _ORDERED + b"}" + text("__setstate__") + _CALLBACK + b"sbNb.",
        "call",
    ),
    Finding(
        "another class by a state of slots",
        "x.pkl",
        _PROTO + b"ccollections\nCounter\n)RN}" + text("__class__") + b"cbuiltins\nbytearray\ns\x86b.",
        "act",
    ),
    Finding("a name in two pairs of quotes", "x.pkl", _PROTO + b"S''builtins''\nS'bool'\n\x93.", "name"),
    Finding("a tuple of shared parts as a key", "x.pkl", _shared_key(b"0}h%cNs" % 39), "time"),
    Finding("a tuple of shared parts in a frozen set", "x.pkl", _shared_key(b"0(h%c\x91" % 39), "time"),
    Finding("a text of shared lists", "x.pkl", _shared_key(b"0cbuiltins\nstr\nh%c\x85R" % 39), "time"),
    Finding("integers of one hash as keys", "x.pkl", _equal_keys(60_000), "time"),
    Finding("an end record that leads nowhere", "x.ckpt", _moved_directory(), ""),
    Finding("tuples nested too deep to be hashed", "x.pkl", _PROTO + b"})" + b"\x85" * 300_000 + b"Ns.", "crash"),
    Finding("times without a unit", "x.pkl", _scalar(_dtype("M8", "<", -1, 0)), "crash"),
    Finding("a data type that reads items itself", "x.pkl", _scalar(_dtype("V8", "|", 8, 32)), "crash"),
    Finding("a data type of numbers that are pointers", "x.pkl", _array(_dtype("f8", "<", -1, 1)), "act"),
    Finding(
        "a storage found by a name in other capitals",
        "x.ckpt",
        zips.write(
            _zip_entries(
                _PROTO + _quantized(b"K\x0c\x85", b"K\x01\x85").replace(text("0"), text("A")) + b".",
                b"12345678",
                key=b"a",
            )
        ),
        "overread",
    ),
    Finding(
        "a quantized tensor that repeats its storage",
        "x.ckpt",
        zips.write(
            _zip_entries(_PROTO + _quantized(_long(1 << 30) + b"K\x02\x86", b"K\x00K\x01\x86") + b".", bytes(12))
        ),
        "memory",
    ),
    Finding(
        "a copy of a repeated storage",
        "x.ckpt",
        zips.write(_zip_entries(_PROTO + _converted(_expanded()) + b".", bytes(12))),
        "memory",
    ),
    Finding("complex numbers of one hash as keys", "x.pkl", _complex_keys(60_000), "time"),
    Finding("called integers of one hash as keys", "x.pkl", _called_keys(60_000), "time"),
    Finding("tuples of one hash as keys", "x.pkl", _pair_keys(16), "time"),
    Finding("a tuple of called tuples as a key", "x.pkl", _called_tuples(b"0}h\x27Ns"), "time"),
    Finding("a view with a tuple of shared parts as its key", "x.pt", _view_of_shared_key(), "time"),
]


@pytest.mark.parametrize("finding", FINDINGS, ids=lambda finding: finding.title)
def test_a_finding_is_not_called_harmless(finding: Finding, process: LoadingProcess, tmp_path: Path) -> None:
    """Each file is called neither safe nor safe-legacy, and really acts when it is loaded."""
    candidate = Candidate(finding.name, finding.content)
    (outcome,) = Law(process, tmp_path).check([candidate], load_all=True)
    assert outcome.verdict is not None, outcome.error
    assert outcome.verdict in (Verdict.SUSPICIOUS, Verdict.DANGEROUS, Verdict.UNRECOGNISED)
    assert not outcome.violations
    assert finding.event in {"", *(event.kind for event in outcome.loads.events)}, outcome.loads
