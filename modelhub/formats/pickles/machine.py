"""The machine that pickle opcodes work on: a stack, a memo and a reader, as CPython's `pickletools` describes them."""

from __future__ import annotations

from typing import Any, Protocol

from modelhub.formats.pickles.placeholders import Global, SkippedBytes

MAX_HELD = 1_500_000  # objects on the stack, in the memo or in one built object, each


class PickleMachine(Protocol):
    """The state of one walk, as far as the opcode handlers need it."""

    stack: list[Any]
    memo: dict[int, Any]

    def read_exactly(self, count: int) -> bytes:
        """Read `count` bytes. Raise WalkError when the pickle ends before."""

    def read_number(self, width: int, *, signed: bool = False) -> int:
        """Read a little-endian integer of `width` bytes."""

    def read_line(self) -> bytes:
        """Read a line of protocol 0 and return it without its line feed."""

    def read_content(self, length: int) -> bytes | SkippedBytes:
        """Read `length` bytes; return a placeholder for content too long to keep."""

    def read_text(self, length: int) -> str | SkippedBytes:
        """Read `length` bytes of UTF-8 text; return a placeholder for text too long to keep."""

    def pop_to_mark(self) -> list[Any]:
        """Remove everything above the last MARK, and the MARK, from the stack; return what was above it."""

    def safe_key(self, value: Any) -> Any:
        """Return `value` as a dictionary key that cannot run code or collide on purpose."""

    def record_global(self, module: Any, name: Any, *, called: bool = False) -> Global:
        """Record that the pickle names `module`.`name`."""

    def record_call(self, callee: Any) -> None:
        """Record that the pickle calls `callee`."""

    def report(self, severity: str, text: str) -> None:
        """Add a finding: `text` is a clause about the pickle, such as "it appends to a number"."""
