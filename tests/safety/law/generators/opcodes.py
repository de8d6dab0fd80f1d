"""Pickle opcodes written by hand: each value in one of the spellings that pickle has for it.

`odd` is the share of unusual spellings: 0 writes what `pickle.dumps` would, 1 whatever a machine reads.
"""

from __future__ import annotations

import pickle
import struct
from random import Random

_PLAIN = 0.03  # share of unusual spellings that even an ordinary pickle has


class Opcodes:
    """A writer of single values; every method returns the bytes that leave one value on the stack."""

    def __init__(self, random: Random, odd: float = _PLAIN) -> None:
        self.random = random
        self.odd = odd

    def is_odd(self) -> bool:
        """Return whether the next spelling is an unusual one."""
        return self.random.random() < self.odd

    def text(self, value: str) -> bytes:
        """Write a string."""
        data = value.encode("utf-8", "surrogatepass")
        if not self.is_odd():
            return b"X" + struct.pack("<I", len(data)) + data
        forms = [b"\x8d" + struct.pack("<Q", len(data)) + data]
        if len(data) < 256:
            forms.append(b"\x8c" + bytes([len(data)]) + data)
        if "\n" not in value:
            forms.append(b"V" + self._unicode_escaped(value) + b"\n")
        if value.isascii():
            forms += [b"T" + struct.pack("<i", len(data)) + data, self._quoted(value)]
            if len(data) < 256:
                forms.append(b"U" + bytes([len(data)]) + data)
        return self.random.choice(forms)

    def _unicode_escaped(self, value: str) -> bytes:
        if self.is_odd():
            return "".join(f"\\u{ord(c):04x}" if self.random.random() < 0.3 else c for c in value).encode(
                "raw-unicode-escape"
            )
        return value.encode("raw-unicode-escape")

    def _quoted(self, value: str) -> bytes:
        quote = self.random.choice("'\"")
        body = value.replace("\\", "\\\\").replace(quote, "\\" + quote).replace("\n", "\\n")
        if self.is_odd() and value:
            place = self.random.randrange(len(value))
            escape = self.random.choice([f"\\x{ord(value[place]) & 255:02x}", f"\\{ord(value[place]) & 255:03o}"])
            body = value[:place] + escape + value[place + 1 :]
        line = quote + body + quote
        if self.is_odd():
            line = self.random.choice([line + " ", " " + line, quote + line + quote, line + "\r", body])
        return b"S" + line.encode("latin1", "replace") + b"\n"

    def integer(self, value: int) -> bytes:
        """Write an integer."""
        if not self.is_odd():
            if 0 <= value < 256:
                return b"K" + bytes([value])
            if 0 <= value < 65536:
                return b"M" + struct.pack("<H", value)
            if -(1 << 31) <= value < 1 << 31:
                return b"J" + struct.pack("<i", value)
            data = pickle.encode_long(value)
            return b"\x8a" + bytes([len(data)]) + data if len(data) < 256 else self._long4(data)
        data = pickle.encode_long(value)
        forms = [self._long4(data), b"I%d\n" % value, b"L%dL\n" % value, b"L%d\n" % value]
        if self.is_odd():
            sign, size = ("-", -value) if value < 0 else ("", value)
            spelled = [f"I{sign}0x{size:x}", f"I{sign}0{size:o}", f"I +{value}", f"I{sign}1_{size}", f"L {value}L"]
            forms += [word.encode() + b"\n" for word in spelled]
            forms.append(self._long4(data + bytes(4)))
        return self.random.choice(forms)

    def _long4(self, data: bytes) -> bytes:
        return b"\x8b" + struct.pack("<i", len(data)) + data

    def number(self, value: float) -> bytes:
        """Write a float."""
        return b"F%s\n" % repr(value).encode() if self.is_odd() else b"G" + struct.pack(">d", value)

    def truth(self, value: bool) -> bytes:
        """Write a truth value."""
        return (b"I01\n" if value else b"I00\n") if self.is_odd() else b"\x88" if value else b"\x89"

    def data(self, value: bytes) -> bytes:
        """Write bytes, or a bytearray."""
        forms = [b"B" + struct.pack("<I", len(value)) + value, b"\x8e" + struct.pack("<Q", len(value)) + value]
        if len(value) < 256:
            forms.append(b"C" + bytes([len(value)]) + value)
        if self.is_odd():
            forms.append(b"\x96" + struct.pack("<Q", len(value)) + value)
        return self.random.choice(forms)

    def global_(self, module: str, name: str) -> bytes:
        """Write the look-up of a name."""
        if not self.is_odd():
            return b"c" + module.encode() + b"\n" + name.encode() + b"\n"
        return self.text(module) + self.text(name) + b"\x93"

    def tuple_(self, *items: bytes) -> bytes:
        """Write a tuple of written values."""
        if not items:
            return b"(t" if self.is_odd() else b")"
        if len(items) <= 3 and not self.is_odd():
            return b"".join(items) + (b"\x85", b"\x86", b"\x87")[len(items) - 1]
        return b"(" + b"".join(items) + b"t"

    def list_(self, *items: bytes) -> bytes:
        """Write a list of written values."""
        if self.is_odd():
            return b"(" + b"".join(items) + b"l"
        if len(items) == 1 or self.is_odd():
            return b"]" + b"".join(item + b"a" for item in items)
        return b"](" + b"".join(items) + b"e" if items else b"]"

    def pairs(self, target: bytes, items: list[tuple[bytes, bytes]]) -> bytes:
        """Write items into the object that `target` leaves on the stack."""
        if not items:
            return target
        if self.is_odd():
            return target + b"".join(key + value + b"s" for key, value in items)
        return target + b"(" + b"".join(key + value for key, value in items) + b"u"

    def dict_(self, items: list[tuple[bytes, bytes]]) -> bytes:
        """Write a dictionary."""
        if self.is_odd():
            return b"(" + b"".join(key + value for key, value in items) + b"d"
        return self.pairs(b"}", items)

    def set_(self, *items: bytes) -> bytes:
        """Write a set or a frozenset."""
        body = b"(" + b"".join(items)
        return body + b"\x91" if self.random.random() < 0.3 else b"\x8f" + body + b"\x90"

    def call(self, function: bytes, *arguments: bytes) -> bytes:
        """Write a call by REDUCE, NEWOBJ, NEWOBJ_EX or OBJ."""
        if not self.is_odd():
            return function + self.tuple_(*arguments) + b"R"
        form = self.random.randrange(3)
        if form == 0:
            return function + self.tuple_(*arguments) + b"\x81"
        if form == 1:
            return function + self.tuple_(*arguments) + b"}\x92"
        return b"(" + function + b"".join(arguments) + b"o"

    def instance(self, module: str, name: str, *arguments: bytes) -> bytes:
        """Write a call by INST."""
        return b"(" + b"".join(arguments) + b"i" + module.encode() + b"\n" + name.encode() + b"\n"

    def build(self, target: bytes, state: bytes) -> bytes:
        """Write BUILD."""
        return target + state + b"b"

    def store(self, index: int) -> bytes:
        """Write the storing of the value on top of the stack in the memo."""
        forms = [b"p%d\n" % index, b"r" + struct.pack("<I", index)]
        if index < 256:
            forms.append(b"q" + bytes([index]))
        if self.is_odd():
            forms += [b"p 0%d\n" % index, b"p+%d\n" % index]
        return self.random.choice(forms)

    def recall(self, index: int) -> bytes:
        """Write the reading of a memo entry."""
        forms = [b"g%d\n" % index, b"j" + struct.pack("<I", index)]
        if index < 256:
            forms.append(b"h" + bytes([index]))
        if self.is_odd():
            forms += [b"g 0%d\n" % index, b"g+%d\n" % index]
        return self.random.choice(forms)

    def persistent(self, identity: bytes) -> bytes:
        """Write the loading of a persistent id."""
        return identity + b"Q"
