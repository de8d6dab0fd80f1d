"""A symbolic walk over a pickle: what it would import and call, and what it would build. Nothing is ever executed.

Opcodes of protocols 0 to 5 as in CPython's `pickletools`. Strings and bytes are kept only when short; opcodes, memo,
stack and nesting are bounded, so that memory is too, whatever the pickle says.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from modelhub.formats.header import PickleGlobal
from modelhub.formats.pickles.machine import MAX_HELD
from modelhub.formats.pickles.opcodes import HANDLERS
from modelhub.formats.pickles.placeholders import MARK, Global, ReplacedKey, SkippedBytes, WalkError

MAX_OPCODES = 3_000_000
MAX_KEPT = 1 << 16  # bytes of one string that are kept; longer ones are skipped over
MAX_SKIPPED = 1 << 48  # bytes; no file is that long, and no seek may be
MAX_LINE = 1 << 12  # bytes of a line in protocol 0
MAX_TEXT = 64 << 20  # bytes of strings kept in all
_MAX_GLOBALS = 10_000
_MAX_FINDINGS = 100


class PickleStream(Protocol):
    """A readable, seekable stream that holds a pickle."""

    def read(self, count: int, /) -> bytes: ...
    def readline(self, limit: int, /) -> bytes: ...
    def seek(self, offset: int, whence: int, /) -> int: ...
    def tell(self) -> int: ...


@dataclass(slots=True)
class PickleWalk:
    """The result of one pickle's walk. `root`: what it builds, None when it breaks off. `end`: the byte behind it."""

    root: Any = None
    globals: list[PickleGlobal] = field(default_factory=list)
    findings: list[tuple[str, str]] = field(default_factory=list)
    opcodes: int = 0
    end: int = 0
    complete: bool = False


def walk_pickle(source: PickleStream, place: str, *, max_opcodes: int = MAX_OPCODES) -> PickleWalk:
    """Follow one pickle from the source's position to its STOP. `place` names it in findings; never raises."""
    walker = _Walker(source, place)
    result = walker.result
    try:
        walker.run(max_opcodes)
        result.complete = True
    except WalkError as exc:
        reason = str(exc)
    except (IndexError, ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as exc:
        reason = f"It is not well-formed ({type(exc).__name__})."
    except MemoryError:
        reason = "It needs more memory than there is."
    if not result.complete:
        if result.opcodes > 1:
            result.findings.append(("suspicious", f"{place} breaks off at byte {source.tell()}. {reason}"))
        else:
            result.findings.append(("unrecognised", f"{place} is not a pickle. {reason}"))
    result.end = source.tell()
    result.globals = walker.globals_found()
    return result


class _Walker:
    """The state of one walk: the pickle machine's stack and memo, which hold placeholders instead of objects."""

    def __init__(self, source: PickleStream, place: str) -> None:
        self.read = source.read
        self.source = source
        self.place = place
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.text_left = MAX_TEXT
        self.result = PickleWalk()
        self._seen: dict[tuple[str, str], tuple[int, bool]] = {}
        self._replaced_keys = 0

    def run(self, max_opcodes: int) -> None:
        """Carry out every opcode up to STOP. Raise WalkError when the pickle cannot be followed."""
        read = self.read
        count = 0
        while True:
            opcode = read(1)
            if not opcode:
                self.result.opcodes = count
                raise WalkError("It ends without a STOP.")
            count += 1
            if opcode == b".":
                self.result.opcodes = count
                self.result.root = self.stack.pop()
                return
            handler = HANDLERS.get(opcode)
            if handler is None:
                self.result.opcodes = count
                raise WalkError(f"It has an unknown opcode {opcode!r}.")
            self.result.opcodes = count
            handler(self)
            if count >= max_opcodes or len(self.stack) > MAX_HELD or len(self.memo) > MAX_HELD:
                raise WalkError("It is larger than the pickle of any real model.")

    def globals_found(self) -> list[PickleGlobal]:
        """List every global that the pickle names, with the place of its first mention."""
        return [
            PickleGlobal(module, name, f"{self.place} at byte {offset}", called)
            for (module, name), (offset, called) in self._seen.items()
        ]

    # Reading

    def read_exactly(self, count: int) -> bytes:
        data = self.read(count)
        if len(data) != count:
            raise WalkError("It is truncated.")
        return data

    def read_number(self, width: int, *, signed: bool = False) -> int:
        return int.from_bytes(self.read_exactly(width), "little", signed=signed)

    def read_line(self) -> bytes:
        data = self.source.readline(MAX_LINE)
        if not data.endswith(b"\n"):
            raise WalkError("A line is too long or cut off.")
        return data[:-1]

    def read_content(self, length: int) -> bytes | SkippedBytes:
        """Read `length` bytes; skip over content longer than MAX_KEPT, or beyond MAX_TEXT in all."""
        if length <= MAX_KEPT and length <= self.text_left:
            self.text_left -= length
            return self.read_exactly(length)
        if length < MAX_SKIPPED:
            self.source.seek(length - 1, 1)
        if length >= MAX_SKIPPED or len(self.read(1)) != 1:
            raise WalkError("It is truncated.")
        return SkippedBytes(length)

    def read_text(self, length: int) -> str | SkippedBytes:
        data = self.read_content(length)
        return data if isinstance(data, SkippedBytes) else data.decode("utf-8", "surrogatepass")

    # Stack

    def pop_to_mark(self) -> list[Any]:
        stack = self.stack
        for index in range(len(stack) - 1, -1, -1):
            if stack[index] is MARK:
                items = stack[index + 1 :]
                del stack[index:]
                return items
        raise WalkError("A MARK is missing.")

    def safe_key(self, value: Any) -> Any:
        """Return plain values as they are; replace any other, whose hash or comparison could run code or collide."""
        if type(value) in (str, int, bytes, bool, float, type(None)):
            return value
        if type(value) is tuple and len(value) <= 8 and all(type(v) in (str, int, bytes) for v in value):
            return value
        self._replaced_keys += 1
        return ReplacedKey(self._replaced_keys)

    # Findings

    def record_global(self, module: Any, name: Any, *, called: bool = False) -> Global:
        if not isinstance(module, str) or not isinstance(name, str):
            self.report("dangerous", "STACK_GLOBAL takes its name from something other than plain text")
            return Global("?", "?")
        pair = (module, name)
        offset, before = self._seen.get(pair, (self.source.tell(), False))
        if len(self._seen) < _MAX_GLOBALS or pair in self._seen:
            self._seen[pair] = (offset, before or called)
        return Global(module, name)

    def record_call(self, callee: Any) -> None:
        if isinstance(callee, Global):
            self.record_global(callee.module, callee.name, called=True)
        else:
            self.report("suspicious", f"it calls something that is not a named function ({type(callee).__name__})")

    def report(self, severity: str, text: str) -> None:
        finding = (severity, f"{self.place} at byte {self.source.tell()}: {text}.")
        if len(self.result.findings) < _MAX_FINDINGS:
            self.result.findings.append(finding)
