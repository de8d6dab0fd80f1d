"""Files of torch's older formats and files with two formats: tar headers, heads of inert containers as pickles."""

from __future__ import annotations

import io
import json
import pickle
import struct
import tarfile
from collections.abc import Callable
from random import Random

from tests.safety.law import genuine
from tests.safety.law.generators import zips
from tests.safety.law.generators.expressions import Expressions
from tests.safety.law.generators.payload import attack, call, text
from tests.safety.law.generators.vocabulary import WIDTHS
from tests.safety.law.harness import Candidate

MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
SYSTEM = {"little_endian": True, "protocol_version": 1001, "type_sizes": {"short": 2, "int": 4, "long": 4}}
Head = Callable[[int], tuple[str, bytes, bytes]]  # of a file's size: its name, first bytes, and bytes at its end
# The members of torch's oldest format, the attack in the last.
TAR_MEMBERS = [
    ("storages", pickle.dumps(0, 2) + pickle.dumps([], 2)),
    ("tensors", pickle.dumps(0, 2)),
    ("pickle", attack()),
]


def legacy_start(random: Random) -> list[bytes]:
    """Return the three pickles with which torch's old format begins."""
    return [pickle.dumps(value, random.choice([2, 2, 2, 3, 4])) for value in (MAGIC, PROTOCOL, SYSTEM)]


def legacy_data(made: Expressions) -> bytes:
    """Return the counts and bytes of the storages that a grammar's pickle refers to."""
    out = b""
    for dtype, raw in made.storages.values():
        out += struct.pack("<q", len(raw) // WIDTHS.get(dtype, 1)) + raw
    return out


def legacy(random: Random) -> Candidate:
    """Return a file of torch's old format, as it should be or with one oddity."""
    made = Expressions(random, odd=random.choice([0.0, 0.0, 0.0, 0.02, 0.1]), legacy=True)
    parts = [*legacy_start(random), made.pickle(), pickle.dumps(list(made.storages), 2)]
    data = legacy_data(made)
    oddity = random.randrange(12)
    if oddity == 0:
        data += random.choice([attack(), b"\0", pickle.dumps([], 2)])
    elif oddity == 1:
        data = data[: len(data) // 2]
    elif oddity == 2:
        parts.append(random.choice([attack(), pickle.dumps({}, 2)]))
    elif oddity == 3:
        parts[random.randrange(5)] = random.choice([attack(), pickle.dumps(MAGIC, 4), pickle.dumps({"a": 1}, 2)])
    elif oddity == 4:
        parts[4] = pickle.dumps(random.choice([[], ["0", "0"], ["x"], {"0": 1}, "0", [0], ("0",)]), 2)
    elif oddity == 5:
        parts[random.randrange(3)] = Expressions(random, odd=0.2).pickle()
    elif oddity == 6:
        data = struct.pack("<q", random.choice([-1, 1 << 40, 1 << 62, 0])) + data[8:]
    return Candidate(random.choice(["model.pt", "model.ckpt", "model.pth"]), b"".join(parts) + data)


def module_identity(random: Random) -> Candidate:
    """Return a file of torch's old format with the persistent id of a class or function and its source text."""
    name = random.choice([b"ctorch._utils\n_rebuild_tensor\n", b"ccollections\nOrderedDict\n", b"ctorch\nTensor\n"])
    sources = random.choice([(text(""), text("")), (text("a"), text("b")), (b"N", b"N")])
    identity = b"(" + text("module") + name + sources[0] + sources[1] + b"tQ"
    state = b"(N}(" + text("__name__") + text("x") + text("dump_patches") + b"\x88ut"
    body = random.choice([identity, identity + state + b"b", identity + b")R", identity + b")\x81"])
    return Candidate("model.pt", b"".join(legacy_start(random)) + b"\x80\x02" + body + b"." + pickle.dumps([], 2))


def tar_header(first: bytes, members: list[tuple[str, bytes]], *, checksum: bool = True, magic: bool = True) -> bytes:
    """Return a tar file whose first header's name field begins with `first`."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        archive.addfile(tarfile.TarInfo("x"))
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    out = bytearray(buffer.getvalue())
    out[: len(first)] = first
    if not magic:
        out[257:265] = bytes(8)
    out[148:156] = b" " * 8
    total = sum(out[:512]) + (0 if checksum else 1)
    out[148:156] = b"%06o\0 " % total
    return bytes(out)


def tar(random: Random) -> Candidate:
    """Return a tar file of torch's oldest format over the head of another format."""
    checksum, magic = random.random() < 0.8, random.random() < 0.6
    name, first, tail = random.choice(HEADS)(len(tar_header(b"", TAR_MEMBERS)))
    return Candidate(name, tar_header(first, TAR_MEMBERS, checksum=checksum, magic=magic) + tail)


def gguf_head(size: int) -> tuple[str, bytes, bytes]:
    return "model.gguf", b"GGUF" + struct.pack("<IQQ", 3, 0, 0), b""


def safetensors_head(size: int) -> tuple[str, bytes, bytes]:
    names = '{"a":{"dtype":"U8","shape":[%d],"data_offsets":[0,%d]}}'
    head = b""
    for _ in range(4):
        count = size - 8 - len(head)
        head = (names % (count, count)).encode()
    return "model.safetensors", struct.pack("<Q", len(head)) + head, b""


def pickle_head(size: int) -> tuple[str, bytes, bytes]:
    head = b"\x80\x03}" + text("a") + b"B"
    return "model.pkl", head + struct.pack("<I", size - len(head) - 4), b"s."


def legacy_head(size: int) -> tuple[str, bytes, bytes]:
    head = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}.\x80\x03}" + text("a") + b"B"
    return "model.pt", head + struct.pack("<I", size - len(head) - 4), b"s.\x80\x02]."


def zip_head(size: int) -> tuple[str, bytes, bytes]:
    entry = zips.Entry(b"archive/data.pkl", b"\x80\x02}.")
    local = entry.local()
    directory = entry.central()
    return "model.ckpt", local, directory + zips.end_record(1, len(directory), size)


HEADS: tuple[Head, ...] = (gguf_head, safetensors_head, pickle_head, legacy_head, zip_head)


def gguf_as_pickle(random: Random) -> Candidate:
    """Return bytes that begin as GGUF and are a pickle: the first byte is BINFLOAT."""
    rest = random.choice([b"\x03\0\0\0\0", b"\x03\0\0\0", struct.pack("<IQQ", 3, 0, 0)])
    genuine_head = genuine.gguf()
    body = random.choice([b"0" + call() + b".", b"0}.", call() + b"."])
    content = random.choice([b"GGUF" + rest + body, genuine_head + body, genuine_head])
    return Candidate(random.choice(["model.gguf", "model.ckpt", "model.bin"]), content)


def safetensors_as_pickle(random: Random) -> Candidate:
    """Return bytes that begin as safetensors and are a pickle: the length is an opcode that skips the text."""
    inner = json.dumps({"a": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]}}).encode()
    choice = random.randrange(5)
    if choice == 0:  # the length's first byte is SHORT_BINUNICODE or another opcode with a count
        opcode = random.choice(b"UCX\x8c\x8aTVSG]}(N")
        size = opcode + random.choice([256, 512, 1024])
        head = inner.ljust(size)
        content = struct.pack("<Q", size) + head + b"\0" + random.choice([b"", attack()[2:]])
    elif choice == 1:
        content = struct.pack("<Q", len(inner)) + inner + b"\0" + attack()
    elif choice == 2:
        extra = json.dumps({"__metadata__": {"k": "cos\nsystem\n(S'x'\ntR."}}).encode()
        content = struct.pack("<Q", len(extra)) + extra
    elif choice == 3:
        entry = zips.write([zips.Entry(b"archive/data.pkl", attack()), zips.Entry(b"archive/version", b"3")])
        head = json.dumps({"a": {"dtype": "U8", "shape": [len(entry)], "data_offsets": [0, len(entry)]}}).encode()
        content = struct.pack("<Q", len(head)) + head + entry
    else:
        content = genuine.safetensors_file()
    return Candidate(random.choice(["model.safetensors", "model.ckpt", "model.bin"]), content)


def numpy_array(random: Random) -> Candidate:
    """Return an npy file whose data type is spelled in one of many ways, with the attack as its data."""
    kinds = ["'|O'", "'O'", "'object'", "'>O'", "[('a', 'O')]", "[('a', '<i4'), ('b', 'object')]", "'<f4'", "'O8'"]
    kinds += ["'<f4'", "'<i4'", "'<f8'", "('O', (1,))", "{'names': ['a'], 'formats': ['O']}", "'i4,O'", "'<U2'", "'V8'"]
    head = f"{{'descr': {random.choice(kinds)}, 'fortran_order': False, 'shape': (1,), }}"
    version = random.choice([1, 2, 3])
    width = "<H" if version == 1 else "<I"
    data = head.encode().ljust(117) + b"\n"
    body = random.choice([attack(), pickle.dumps([1], 2), bytes(16), bytes(8), bytes(4), bytes(4)])
    content = b"\x93NUMPY" + bytes([version, 0]) + struct.pack(width, len(data)) + data + body
    if random.random() < 0.2:
        content = zips.write([zips.Entry(b"a.npy", content)])
    elif random.random() < 0.5:
        entries = zips.torch_entries(random, zips.PLAIN, {})
        return Candidate("x.pt", zips.write([*entries, zips.Entry(entries[0].name[:-8] + b"x.npy", content)]))
    return Candidate(random.choice(["x.npy", "x.npz", "x.pt"]), content)
