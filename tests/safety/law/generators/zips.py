"""Zip files in which readers may see different members: one oddity or several, the attack in the other view."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from random import Random

from tests.safety.law.generators.expressions import Expressions
from tests.safety.law.generators.payload import attack
from tests.safety.law.harness import Candidate

PLAIN = b"\x80\x02}X\x01\x00\x00\x00aK\x01s."
_DESCRIPTOR, _UTF8 = 0x0008, 0x0800


@dataclass(slots=True)
class Entry:
    """A member to be written. The `local_*` values are in its own header, the others in the directory."""

    name: bytes
    data: bytes
    method: int = 0
    flags: int = 0
    extra: bytes = b""
    central_extra: bytes = b""
    comment: bytes = b""
    local_name: bytes | None = None
    local_method: int | None = None
    local_flags: int | None = None
    local_size: int | None = None
    central_size: int | None = None
    crc: int | None = None
    listed: bool = True
    gap: bytes = b""
    descriptor: bytes | None = None
    offset: int = 0

    @property
    def packed(self) -> bytes:
        """The bytes of the member as they are stored."""
        return zlib.compress(self.data, 9)[2:-4] if self.method == 8 else self.data

    def local(self) -> bytes:
        """Write the header, the data and the descriptor."""
        name = self.name if self.local_name is None else self.local_name
        flags = self.flags if self.local_flags is None else self.local_flags
        method = self.method if self.local_method is None else self.local_method
        crc = zlib.crc32(self.data) if self.crc is None else self.crc
        sizes = (crc, len(self.packed), len(self.data))
        descriptor = self.descriptor
        if flags & _DESCRIPTOR:
            descriptor = b"PK\7\x08" + struct.pack("<3I", *sizes) if descriptor is None else descriptor
            sizes = (0, 0, 0)
        if self.local_size is not None:
            sizes = (sizes[0], self.local_size, self.local_size)
        head = struct.pack("<4s5H3I2H", b"PK\3\4", 20, flags, method, 0, 0, *sizes, len(name), len(self.extra))
        return self.gap + head + name + self.extra + self.packed + (descriptor or b"")

    def central(self, shift: int = 0) -> bytes:
        """Write the directory's entry."""
        crc = zlib.crc32(self.data) if self.crc is None else self.crc
        size = len(self.packed) if self.central_size is None else self.central_size
        full = len(self.data) if self.central_size is None else self.central_size
        lengths = (len(self.name), len(self.central_extra), len(self.comment))
        place = max(0, self.offset - shift) & 0xFFFFFFFF
        fields = (20, 20, self.flags, self.method, 0, 0, crc, size, full, *lengths, 0, 0, 0, place)
        return struct.pack("<4s6H3I5H2I", b"PK\1\2", *fields) + self.name + self.central_extra + self.comment


def end_record(count: int, size: int, offset: int, comment: bytes = b"") -> bytes:
    """Write the record at the end of a zip file."""
    return struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, count, count, size, offset & 0xFFFFFFFF, len(comment)) + comment


def zip64_records(count: int, size: int, offset: int, place: int) -> bytes:
    """Write the 64-bit end record and its locator."""
    record = struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, offset)
    return record + struct.pack("<4sIQI", b"PK\6\7", 0, place, 1)


def write(entries: list[Entry], *, tail: bytes = b"", comment: bytes = b"", zip64: bool = False) -> bytes:
    """Write a zip file as it should be; the entries may hold oddities of their own."""
    out = b""
    for entry in entries:
        entry.offset = len(out) + len(entry.gap)
        out += entry.local()
    listed = [entry for entry in entries if entry.listed]
    directory = b"".join(entry.central() for entry in listed)
    place = len(out)
    out += directory
    if zip64:
        out += zip64_records(len(listed), len(directory), place, len(out))
    return out + end_record(len(listed), len(directory), place, comment) + tail


def torch_entries(random: Random, data: bytes, storages: dict[str, tuple[str, bytes]]) -> list[Entry]:
    """Return the members of a torch file, as one of the writers in use makes them."""
    folder = random.choice([b"archive", b"model", b"x"])
    today = random.random() < 0.5
    flags = _DESCRIPTOR | _UTF8 if today else 0
    method = 8 if not today and random.random() < 0.3 else 0
    entries = [Entry(folder + b"/data.pkl", data, method, flags)]
    if today:
        entries += [
            Entry(folder + b"/.format_version", b"1", 0, flags),
            Entry(folder + b"/.storage_alignment", b"64", 0, flags),
        ]
    if random.random() < 0.8:
        entries.append(Entry(folder + b"/byteorder", b"little", 0, flags))
    entries += [Entry(folder + b"/data/" + key.encode(), raw, 0, flags) for key, (_, raw) in storages.items()]
    entries.append(Entry(folder + b"/version", b"3\n", 0, flags))
    return entries


def torch_file(random: Random) -> Candidate:
    """Return a torch file whose pickle follows the grammar of allowed names."""
    made = Expressions(random, odd=random.choice([0.0, 0.0, 0.0, 0.01, 0.03, 0.1]))
    entries = torch_entries(random, made.pickle(), made.storages)
    return Candidate("model.ckpt", write(entries, zip64=random.random() < 0.3))


def wrapped(random: Random, candidate: Candidate) -> Candidate:
    """Return a torch file with the pickle of a candidate, which other machines read than a bare pickle."""
    return Candidate("model.ckpt", write(torch_entries(random, candidate.content, {})))


def odd_zip(random: Random) -> Candidate:
    """Return a torch file with one or two oddities of the container; another view of it holds the attack."""
    made = Expressions(random, odd=0.0)
    entries = torch_entries(random, made.pickle() if random.random() < 0.3 else PLAIN, made.storages)
    tail = comment = b""
    for _ in range(random.choice([1, 1, 1, 2])):
        change = random.choice(_CHANGES)
        change(random, entries)
    out = write(entries, tail=tail, comment=comment, zip64=random.random() < 0.3)
    if random.random() < 0.4:
        out = random.choice(_WHOLE)(random, out, entries)
    return Candidate(random.choice(["model.ckpt", "model.pt", "model.bin", "model.safetensors"]), out)


def _second(random: Random, entries: list[Entry]) -> None:
    """Add the attack under the pickle's own name, before or after it, perhaps with other capitals."""
    name = entries[0].name
    name = random.choice([name, name.swapcase(), name.replace(b"data", b"DATA"), b"/" + name, b"./" + name])
    hidden = Entry(name, attack(), listed=random.random() < 0.8, flags=entries[0].flags)
    entries.insert(random.choice([0, 1, len(entries)]), hidden)


def _other_member(random: Random, entries: list[Entry]) -> None:
    """Add a member with the attack under another name."""
    folder = entries[0].name.split(b"/")[0]
    inside = [b"x.pkl", b"data/0.pkl", b"data/9", b"constants.pkl", b"code/__torch__.py", b"data.pkl/", b"data.pkl\0x"]
    outside = [b"data.pkl", b"other/data.pkl", b"../x.pkl"]
    name = random.choice([*outside, *(folder + b"/" + member for member in inside)])
    content = random.choice([attack(), attack(), b"text", b"\x80\x02N."])
    entries.insert(random.choice([0, len(entries)]), Entry(name, content, listed=random.random() < 0.9))


def _local_differs(random: Random, entries: list[Entry]) -> None:
    """Let a member's own header disagree with the directory."""
    entry = random.choice(entries[:2])
    choice = random.randrange(6)
    if choice == 0:
        entry.local_name = random.choice([b"x" * len(entry.name), entry.name.upper(), entry.name + b"x", b""])
    elif choice == 1:
        entry.local_method = random.choice([8, 0, 9, 99])
    elif choice == 2:
        entry.local_flags = random.choice([0, 1, 8, 0x800, 0x41])
    elif choice == 3:
        entry.local_size = random.choice([0, 1, len(entry.data) - 1, len(entry.data) + 1, 0xFFFFFFFF])
    elif choice == 4:
        entry.central_size = random.choice([0, 1, len(entry.data) - 1, len(entry.data) + 1, 0xFFFFFFFF])
    else:
        entry.crc = 0


def _extras(random: Random, entries: list[Entry]) -> None:
    """Give a member extra fields or a comment, which may hold a directory or a local header of their own."""
    entry = random.choice(entries)
    hidden = Entry(entries[0].name, attack())
    raw = random.choice([hidden.local(), b"FB\x04\0ZZZZ", struct.pack("<2H2Q", 1, 16, 5, 5), b"\x75\x70\x05\0\x01abcd"])
    where = random.choice(["extra", "central_extra", "comment", "gap"])
    setattr(entry, where, raw)


def _descriptor(random: Random, entries: list[Entry]) -> None:
    """Give a member a descriptor in one of its four forms, or one that disagrees."""
    entry = random.choice(entries)
    entry.flags |= _DESCRIPTOR
    sizes = (zlib.crc32(entry.data), len(entry.packed), len(entry.data))
    forms = [b"PK\7\x08" + struct.pack("<3I", *sizes), struct.pack("<3I", *sizes)]
    forms += [b"PK\7\x08" + struct.pack("<I2Q", *sizes), b"PK\7\x08" + struct.pack("<3I", sizes[0], 1, 1), b""]
    entry.descriptor = random.choice(forms)


def _method(random: Random, entries: list[Entry]) -> None:
    """Deflate a member, or hide the attack behind its end inside the stored bytes."""
    entry = entries[0]
    entry.method = random.choice([8, 8, 0])
    if random.random() < 0.3:
        entry.data = PLAIN + attack()


_CHANGES = (_second, _other_member, _local_differs, _extras, _descriptor, _method)


def two_directories(
    entries: list[Entry], *, shifted: bool = True, as_long_as_first: bool = False, zip64: bool = False
) -> bytes:
    """Write two directories: one where the end record states, one directly in front of it.

    `shifted`: whether the second has the offsets that Python's reader shifts to the right places.
    """
    bad = [Entry(entry.name, entry.data) for entry in entries]
    bad[0].data = attack()
    first = write(bad)
    first_directory = b"".join(entry.central() for entry in bad)
    body = first[: -22 - len(first_directory)]
    stated = len(body)
    out = body + first_directory
    clean = [Entry(entry.name, PLAIN if n == 0 else entry.data) for n, entry in enumerate(entries)]
    for entry in clean:
        entry.offset = len(out)
        out += entry.local()
    shift = len(out) - stated
    second = b"".join(entry.central(shift if shifted else 0) for entry in clean)
    gap = bytes(max(0, len(first_directory) - len(second)))
    size = len(first_directory) if as_long_as_first else len(second)
    tail = zip64_records(len(clean), size, stated, len(out) + len(second)) if zip64 else b""
    return out + gap + second + tail + end_record(len(clean), size, stated)


def _two_directories(random: Random, out: bytes, entries: list[Entry]) -> bytes:
    """Write two directories in one of several ways."""
    chance = random.random
    return two_directories(entries, shifted=chance() < 0.9, as_long_as_first=chance() < 0.3, zip64=chance() < 0.2)


def _prefixed(random: Random, out: bytes, entries: list[Entry]) -> bytes:
    """Put bytes in front of the file."""
    return random.choice([b"\0" * 4, attack(), PLAIN, b"PK\3\4", b"PK\5\6" + bytes(18), b"MZ" + bytes(62)]) + out


def _followed(random: Random, out: bytes, entries: list[Entry]) -> bytes:
    """Put bytes behind the file, such as another zip file."""
    other = [Entry(entry.name, entry.data) for entry in entries]
    other[0].data = attack()
    return out + random.choice([b"\0" * 4, attack(), write(other), end_record(0, 0, 0), bytes(70_000)])


def _commented(random: Random, out: bytes, entries: list[Entry]) -> bytes:
    """Put a comment at the end that holds an end record of its own, or a whole zip file."""
    other = [Entry(entry.name, entry.data) for entry in entries]
    other[0].data = attack()
    comment = random.choice([b"text", end_record(0, 0, 0), write(other), b"PK\5\6" + bytes(30)])
    return out[:-2] + struct.pack("<H", len(comment)) + comment


def _end_differs(random: Random, out: bytes, entries: list[Entry]) -> bytes:
    """Change one number of the end record."""
    place, form = random.choice([(4, "<H"), (6, "<H"), (8, "<H"), (10, "<H"), (12, "<I"), (16, "<I"), (20, "<H")])
    at = len(out) - 22 + place
    value = struct.unpack_from(form, out, at)[0]
    changed = random.choice([0, value + 1, max(0, value - 1), 0xFFFF, value + 46])
    return (
        out[:at]
        + struct.pack(form, changed & (0xFFFF if form == "<H" else 0xFFFFFFFF))
        + out[at + struct.calcsize(form) :]
    )


def _locator(random: Random, out: bytes, entries: list[Entry]) -> bytes:
    """Put a 64-bit locator in front of the end record that points to another directory."""
    other = [Entry(entry.name, entry.data) for entry in entries]
    other[0].data = attack()
    hidden = write(other)
    directory = b"".join(entry.central() for entry in other)
    base = len(out) - 22
    body = out[:-22] + hidden[:-22]
    for entry in other:
        entry.offset += base
    directory = b"".join(entry.central() for entry in other)
    body = body[: len(body) - len(directory)] + directory
    records = zip64_records(len(other), len(directory), len(body) - len(directory), len(body))
    mode = random.randrange(3)
    end = out[-22:] if mode == 0 else end_record(0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF) if mode == 1 else end_record(0, 0, 0)
    return body + records + end


_WHOLE = (_two_directories, _prefixed, _followed, _commented, _end_differs, _locator)
