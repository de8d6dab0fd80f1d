"""The machine that pickle opcodes work on: stack, marks, memo and reader, as CPython's `pickle` has them.

It holds placeholders instead of objects. Where CPython's two machines (C and Python) and torch's own would see
different opcodes in the same bytes, the pickle is reported: see `check_frame`.
"""

from __future__ import annotations

from typing import Any

from modelhub.formats.header import PickleGlobal
from modelhub.formats.pickles.placeholders import Global, LimitError, ReplacedKey, Storage, WalkError
from modelhub.formats.pickles.reader import PickleReader

MAX_MARKS = 10_000  # open at one time; picklers write one for each level of nesting
_MAX_GLOBALS = 10_000
_MAX_FINDINGS = 100  # of one severity
_MAX_CHOSEN_KEYS = 4096  # keys whose hashes can be made equal on purpose; searching them takes their square
_LARGE_KEY = 1 << 60  # CPython's hash of an integer is its remainder modulo 2**61 - 1
_PLAIN_KEYS = frozenset((str, int, bytes, bool, float, type(None)))
_TEXTS = (str, bytes)  # their hashes depend on a secret of the process
_ALWAYS_COPIED = 1 << 20  # bytes or items that calls may copy, however small the pickle is


def as_subject(place: str) -> str:
    """Return a place as the start of a sentence: a description with a capital, a member's name as it is."""
    return f"T{place[1:]}" if place.startswith("the ") else place


class PickleMachine:
    """The state of one walk. `place` names the pickle in findings.

    `first`: it is what a loader reads before anything else, so that nothing answers its persistent ids.
    """

    __slots__ = (
        "_chosen_keys",
        "_copied",
        "_replaced_keys",
        "_seen",
        "findings",
        "first",
        "frame_end",
        "marked",
        "memo",
        "place",
        "reader",
        "stack",
        "storages",
    )

    def __init__(self, reader: PickleReader, place: str, *, first: bool = False) -> None:
        self.reader = reader
        self.place = place
        self.first = first
        self.stack: list[Any] = []
        self.marked: list[list[Any]] = []  # the parts of the stack below each open MARK
        self.memo: dict[int, Any] = {}
        self.frame_end: int | None = None
        self.storages: dict[str, Storage] = {}
        self.findings: list[tuple[str, str]] = []
        self._seen: dict[tuple[str, str], tuple[int, bool]] = {}
        self._replaced_keys = 0
        self._chosen_keys = 0
        self._copied = 0

    # Reading

    def number(self, width: int) -> int:
        """Read a little-endian unsigned integer of `width` bytes."""
        return self.reader.byte() if width == 1 else int.from_bytes(self.reader.take(width), "little")

    def start_frame(self, length: int) -> None:
        """Note the frame that begins here."""
        if self.frame_end is not None:
            self.report("dangerous", "a frame begins inside another one, so loaders see different instructions")
        self.frame_end = self.reader.offset + length

    def check_frame(self, *, stopped: bool = False) -> None:
        """Check at an opcode's start, or behind the last one, whether the frame ends exactly where an opcode does.

        The C machine drops what is left of a frame when a read crosses its end; the Python machine refuses it.
        """
        assert self.frame_end is not None
        offset = self.reader.offset
        if offset > self.frame_end or (stopped and offset < self.frame_end):
            self.report("dangerous", "a frame ends within an instruction, so loaders see different instructions")
        if offset >= self.frame_end:
            self.frame_end = None

    # Stack

    def mark(self) -> None:
        """Put a MARK on the stack."""
        if len(self.marked) >= MAX_MARKS:
            raise LimitError("It nests deeper than the pickle of any model.")
        self.marked.append(self.stack)
        self.stack = []

    def pop_to_mark(self) -> list[Any]:
        """Remove everything above the last MARK, and the MARK, from the stack; return what was above it."""
        if not self.marked:
            raise WalkError("A MARK is missing.")
        items, self.stack = self.stack, self.marked.pop()
        return items

    def safe_key(self, value: Any) -> Any:
        """Return plain values as they are; replace any other, whose hash or comparison could run code or collide.

        A tuple of tuples is reported: shared parts make its hash take time without end.
        """
        kind = type(value)
        if kind in _PLAIN_KEYS and not (kind is int and not -_LARGE_KEY < value < _LARGE_KEY):
            return value
        if kind is tuple and any(type(part) is tuple and part for part in value):
            self.report("suspicious", "a key is a tuple of tuples, which no model has")
        if not _has_secret_hash(value):
            self._chosen_keys += 1
            if self._chosen_keys == _MAX_CHOSEN_KEYS:
                self.report("suspicious", "it has more keys of one kind than any model, whose hashes may all be equal")
        self._replaced_keys += 1
        return ReplacedKey(self._replaced_keys)

    # Findings

    def record_global(self, module: Any, name: Any, *, called: bool = False) -> Global:
        """Record that the pickle names `module`.`name`."""
        if type(module) is not str or type(name) is not str:
            self.report("dangerous", "STACK_GLOBAL takes its name from something other than plain text")
            return Global("?", "?")
        if self.first and ("\0" in module or "\0" in name):
            raise WalkError("It names a module that cannot exist.")
        pair = (module, name)
        offset, before = self._seen.get(pair, (self.reader.offset, False))
        if len(self._seen) < _MAX_GLOBALS or pair in self._seen:
            self._seen[pair] = (offset, before or called)
        elif len(self._seen) == _MAX_GLOBALS:
            raise LimitError("It names more classes and functions than any model.")
        return Global(module, name)

    def record_copy(self, size: int) -> None:
        """Count `size` bytes or items that a call copies. Raise WalkError for far more than the pickle holds."""
        self._copied += size
        if self._copied > self.reader.offset + _ALWAYS_COPIED:
            raise WalkError("Its calls make far more data than it holds, which fills the memory.")

    def report(self, severity: str, text: str) -> None:
        """Add a finding: `text` is a clause about the pickle, such as "it appends to a number"."""
        if sum(kind == severity for kind, _ in self.findings) < _MAX_FINDINGS:
            self.findings.append((severity, f"{as_subject(self.place)} at byte {self.reader.offset}: {text}."))

    def globals_found(self) -> list[PickleGlobal]:
        """List every global that the pickle names, with the place of its first mention."""
        return [
            PickleGlobal(module, name, f"{self.place} at byte {offset}", called)
            for (module, name), (offset, called) in self._seen.items()
        ]


def _has_secret_hash(key: Any) -> bool:
    """Return whether nobody can choose such keys with equal hashes: a name, or a tuple that begins with text."""
    if type(key) is not tuple:
        return isinstance(key, Global)
    return bool(key) and type(key[0]) in _TEXTS and all(type(part) in _TEXTS or _is_small(part) for part in key)


def _is_small(part: Any) -> bool:
    return type(part) is int and 0 <= part < _LARGE_KEY
