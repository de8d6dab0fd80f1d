"""Torch files whose members have other sizes, names, forms or contents than torch gives them."""

from __future__ import annotations

import struct
import zlib
from random import Random

from tests.safety.law.generators import zips
from tests.safety.law.generators.expressions import Expressions
from tests.safety.law.generators.payload import attack
from tests.safety.law.generators.zips import Entry
from tests.safety.law.harness import Candidate

_CONTENTS = (b"", b"1", b"2", b"3\n", b"64", b"0", b"little", b"big", b"BIG", b"little\n", b"cos\nsystem\n", bytes(300))


def odd_members(random: Random) -> Candidate:
    """Return a torch file of tensors with one or two oddities in its members."""
    made = Expressions(random, odd=0.0)
    entries = zips.torch_entries(random, made.pickle(), made.storages)
    for _ in range(random.choice([1, 1, 2])):
        random.choice(_CHANGES)(random, entries)
    return Candidate("model.pt", zips.write(entries, zip64=random.random() < 0.5))


def _storage(random: Random, entries: list[Entry]) -> Entry:
    named = [entry for entry in entries if b"/data/" in entry.name]
    return random.choice(named or entries)


def _resize(random: Random, entries: list[Entry]) -> None:
    """Make a storage longer or shorter."""
    entry = _storage(random, entries)
    entry.data = random.choice(
        [entry.data[:-1], entry.data + b"x", entry.data * 2, b"", entry.data[: len(entry.data) // 2]]
    )


def _rename(random: Random, entries: list[Entry]) -> None:
    """Give a storage another name that torch may still find."""
    entry = _storage(random, entries)
    folder, _, key = entry.name.rpartition(b"/")
    names = [
        folder.upper() + b"/" + key,
        folder + b"//" + key,
        folder + b"/0" + key,
        folder + b"\\" + key,
        folder + b"/./" + key,
    ]
    entry.name = random.choice([*names, folder.swapcase() + b"/" + key + b"\0", folder + b"/" + key + b" "])


def _pack(random: Random, entries: list[Entry]) -> None:
    """Deflate a member, perhaps with a checksum of other content, which torch does not check."""
    entry = random.choice(entries)
    entry.method = 8
    if random.random() < 0.4:
        entry.crc = zlib.crc32(entry.data) ^ random.choice([0, 0, 1])


def _refill(random: Random, entries: list[Entry]) -> None:
    """Give one of torch's own small members other content, or add one."""
    folder = entries[0].name.split(b"/")[0]
    name = random.choice(
        [b"version", b"byteorder", b".format_version", b".storage_alignment", b".data/serialization_id"]
    )
    content = random.choice([*_CONTENTS, attack()])
    found = [entry for entry in entries if entry.name == folder + b"/" + name]
    if found:
        found[0].data = content
    else:
        entries.append(Entry(folder + b"/" + name, content, flags=entries[0].flags))


def _widen(random: Random, entries: list[Entry]) -> None:
    """State the sizes of a member in a 64-bit extra field, in one of the headers or in both."""
    entry = random.choice(entries)
    sizes = (len(entry.data), len(entry.packed))
    extra = struct.pack("<2H2Q", 1, 16, *random.choice([sizes, sizes, sizes[::-1], (sizes[0] + 1, sizes[1])]))
    if random.random() < 0.7:
        entry.central_size, entry.central_extra = 0xFFFFFFFF, extra
    if random.random() < 0.7 and not entry.flags & 8:
        entry.local_size, entry.extra = 0xFFFFFFFF, extra


def _pad(random: Random, entries: list[Entry]) -> None:
    """Pad the data of a member as torch does, by an extra field."""
    entry = random.choice(entries)
    entry.extra = b"FB" + struct.pack("<H", random.choice([0, 4, 40])) + b"Z" * random.choice([0, 4, 40])


def _double(random: Random, entries: list[Entry]) -> None:
    """Write a storage twice, with other content."""
    entry = _storage(random, entries)
    name = random.choice([entry.name, entry.name.swapcase()])
    entries.insert(random.choice([0, len(entries)]), Entry(name, entry.data[::-1] + b"x", flags=entry.flags))


_CHANGES = (_resize, _rename, _pack, _pack, _refill, _refill, _widen, _pad, _double)
