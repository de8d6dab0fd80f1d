"""Pickles with a second reading: frames, far memos, spelled names, several pickles, objects that share parts."""

from __future__ import annotations

import struct
from random import Random

from tests.safety.law.generators.expressions import Expressions
from tests.safety.law.generators.opcodes import Opcodes
from tests.safety.law.generators.payload import attack, call
from tests.safety.law.generators.vocabulary import CALLED
from tests.safety.law.harness import Candidate

_ODDITIES = (0.0, 0.0, 0.01, 0.03, 0.1, 0.3)


def expression(random: Random) -> Candidate:
    """Return a pickle by the grammar of allowed names, alone in a file."""
    made = Expressions(random, odd=random.choice(_ODDITIES))
    return Candidate("model.pkl", made.pickle())


def few_oddities(random: Random) -> Candidate:
    """Return a dictionary of plain values with exactly one odd call or target in it."""
    made = Expressions(random, odd=0.0)
    odd = Expressions(random, odd=1.0)
    odd.op.odd = random.choice([0.0, 0.0, 0.3])
    strange = random.choice((odd.odd_call, odd.odd_target))(2)
    items = [(made.op.text("a"), made.plain()), (made.op.text("b"), strange), (made.op.text("c"), made.plain())]
    return Candidate("model.pkl", b"\x80\x02" + made.op.dict_(items) + b".")


def framed(random: Random) -> Candidate:
    """Return a pickle of protocol 4 whose frames are right, straddle an opcode, nest, or end behind its end."""
    body = Expressions(random, odd=0.0).pickle()[2:]
    if random.random() < 0.5:
        hidden = b"0" + call()
        body = b"0U" + bytes([len(hidden)]) + hidden + body if random.random() < 0.5 else body
    length = len(body)
    choice = random.randrange(6)
    if choice <= 1:
        return Candidate("model.pkl", b"\x80\x04\x95" + struct.pack("<Q", length) + body)
    cut = random.randrange(length)
    if choice == 2:
        length = cut
    elif choice == 3:
        length += random.choice([1, 8, 1 << 20, 1 << 31, 1 << 40])
    elif choice == 4:
        body = body[:cut] + b"\x95" + struct.pack("<Q", random.choice([0, 1, len(body) - cut])) + body[cut:]
        length += 9
    else:
        return straddling(random)
    return Candidate("model.pkl", b"\x80\x04\x95" + struct.pack("<Q", length) + body)


def straddling(random: Random) -> Candidate:
    """Return a frame that ends inside a string: the C machine drops the rest of it and reads other opcodes."""
    hidden = b"0" + call()
    size = random.randrange(5, 20)
    # The machine then reads the whole string behind the frame: three bytes more than a plain reader expects there.
    kept = 3 if random.random() < 0.7 else random.randrange(0, size)
    frame = b"X" + struct.pack("<I", size) + b"B" * kept
    tail = b"A" * (size - kept) + b"0U" + bytes([len(hidden)]) + hidden + b"."
    return Candidate("model.pkl", b"\x80\x04\x95" + struct.pack("<Q", len(frame)) + frame + tail)


def spelled(random: Random) -> Candidate:
    """Return a look-up whose names are spelled so that readers may disagree on them."""
    op = Opcodes(random, 0.9)
    name = random.choice([("os", "system"), ("builtins", "eval"), ("posix", "system"), *CALLED[:20]])
    module, word = name
    if random.random() < 0.3:
        module, word = random.choice(
            [("__builtin__", "eval"), ("copy_reg", "_reconstructor"), ("itertools", "imap"), ("UserDict", "UserDict")]
        )
    if random.random() < 0.2:
        module, word = random.choice(
            [
                ("torch", "Size.__new__"),
                ("collections", "OrderedDict.__init__"),
                ("torch", "nn.Module"),
                ("numpy", "f2py"),
            ]
        )
    look_up = op.text(module) + op.text(word) + b"\x93" if random.random() < 0.7 else op.global_(module, word)
    head = b"\x80" + bytes([random.randrange(2, 6)]) if random.random() < 0.8 else b""
    return Candidate("model.pkl", head + look_up + b".")


def far_memo(random: Random) -> Candidate:
    """Return a pickle whose memo has entries with large numbers."""
    index = random.choice([0, 1, 5, 10, 1000, 1 << 16, 1 << 20, 1 << 24, 1 << 27, (1 << 31) - 1])
    return Candidate("model.pkl", b"\x80\x02}r" + struct.pack("<I", index) + b".")


def several(random: Random) -> Candidate:
    """Return two pickles, one behind the other, or a pickle with bytes after its end."""
    first = Expressions(random, odd=0.0).pickle()
    second = random.choice([b"", attack(), b"\n", b"\0" * 4, first, attack()[:-1], b"." + attack()])
    return Candidate(random.choice(["model.pkl", "model.ckpt", "model.bin"]), first + second)


def shared_parts(random: Random) -> Candidate:
    """Return objects that share parts so that hashing, comparing or printing them takes exponential time."""
    depth = random.choice([3, 8, 12, 40])
    start = random.choice([b")", b"K\x01\x85", b"]", b"cbuiltins\nfrozenset\n)R"])
    body = start + b"q\x00"
    for level in range(1, depth):
        body += b"0h%ch%c\x86q%c" % (level - 1, level - 1, level)
    last = depth - 1
    use = random.choice(
        [
            b"0}h%cNs" % last,
            b"0\x8f(h%c\x90" % last,
            b"0(h%c\x91" % last,
            b"0cbuiltins\nset\n]h%ca\x85R" % last,
            b"0ccollections\nCounter\nh%c\x85R" % last,
            b"0cbuiltins\nstr\nh%c\x85R" % last,
            b"0]h%ca" % last,
        ]
    )
    return Candidate("model.pkl", b"\x80\x04" + body + use + b".")


def colliding_keys(random: Random) -> Candidate:
    """Return a dictionary or set whose integer keys all have one hash."""
    count = random.choice([10, 100, 2000, 12000])
    prime = (1 << 61) - 1
    keys = []
    for number in range(1, count + 1):
        data = (number * prime).to_bytes(12, "little")
        keys.append(b"\x8a\x0c" + data)
    if random.random() < 0.5:
        body = b"}(" + b"".join(key + b"N" for key in keys) + b"u"
    else:
        body = b"\x8f(" + b"".join(keys) + b"\x90"
    return Candidate("model.pkl", b"\x80\x04" + body + b".")


def deep(random: Random) -> Candidate:
    """Return deeply nested objects, some of them hashed."""
    depth = random.choice([10, 900, 30_000, 100_000])
    body = b")" + b"\x85" * depth
    use = random.choice([b"", b"}" + body + b"Ns"]) if random.random() < 0.5 else b""
    if use:
        return Candidate("model.pkl", b"\x80\x02" + use + b".")
    return Candidate("model.pkl", b"\x80\x02" + random.choice([body, b"]" * depth + b"a" * (depth - 1)]) + b".")
