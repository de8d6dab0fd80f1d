"""The exact reader of a safetensors header: slower than the fast one, and able to name what is wrong with any bytes.

It accepts what the reference library accepts and refuses what that refuses (safetensors 0.8.0, measured), except for
headers that are larger than any model's. Positions in messages are bytes of the file.
"""

from __future__ import annotations

import json
import re
from collections import Counter

from modelhub.formats.dtypes import BITS
from modelhub.formats.header import Problem, TensorInfo, quote_name
from modelhub.formats.json_text import (
    SPACE,
    TEXT,
    Budget,
    JsonError,
    check_utf8,
    skip_spaces,
    skip_value,
    syntax_error,
)
from modelhub.formats.safetensors_entries import LARGEST_COUNT, parse_entry

MAX_TENSORS = 100_000
MAX_METADATA = 100_000  # entries
MAX_METADATA_TEXT = 16 << 20  # bytes of metadata that are kept
_MAX_ENTRY = 1 << 20  # bytes of a tensor's entry that is not in the usual form
_UNUSUAL_COST = 20  # skipped values that take as long as reading such an entry
_SHOWN = 8
_START = 8  # the byte where the header begins
_CLOSE, _NEXT = b"},"
_METADATA = "__metadata__"

ParsedHeader = tuple[dict[str, TensorInfo], dict[str, str], tuple[Problem, ...]]

_COUNT = rb"(?:0|[1-9][0-9]{0,19}+)"
_COMMA, _COLON = SPACE + rb"," + SPACE, SPACE + rb":" + SPACE
_MEMBER = re.compile(SPACE + rb'"(?P<name>' + TEXT[1:-1] + rb')"' + _COLON)
_PAIR = re.compile(SPACE + rb'"(?P<key>' + TEXT[1:-1] + rb')"' + _COLON + rb'"(?P<text>' + TEXT[1:-1] + rb')"' + SPACE)
# A tensor's name and entry in the order in which every known writer has them.
_TENSOR = re.compile(
    _MEMBER.pattern + rb'\{%b"dtype"%b"(?P<dtype>[A-Z0-9_]{1,16})"%b"shape"%b\[%b(?P<shape>(?:%b(?:%b%b){0,63})?+)%b\]'
    rb'%b"data_offsets"%b\[%b(?P<begin>%b)%b(?P<end>%b)%b\]%b\}%b'
    % (
        *(SPACE, _COLON, _COMMA, _COLON, SPACE, _COUNT, _COMMA, _COUNT, SPACE, _COMMA, _COLON),
        *(SPACE, _COUNT, _COMMA, _COUNT, SPACE, SPACE, SPACE),
    )
)


def parse_exactly(buffer: bytearray, end: int) -> ParsedHeader:
    """Return tensors, metadata and every problem of the header in `buffer` from byte 8 to `end`; never raise."""
    reader = _HeaderReader(buffer, end)
    try:
        reader.read()
    except JsonError as exc:
        return {}, {}, (Problem(str(exc), fatal=True),)
    reader.report_repeated_names()
    return reader.tensors, reader.metadata, tuple(reader.problems)


class _HeaderReader:
    """One pass over the members of a header."""

    def __init__(self, buffer: bytearray, end: int) -> None:
        self.tensors: dict[str, TensorInfo] = {}
        self.metadata: dict[str, str] = {}
        self.problems: list[Problem] = []
        self._buffer = buffer
        self._end = end
        self._budget = Budget()
        self._entries = 0
        self._metadata_seen = False
        self._repeated: Counter[str] = Counter()
        self._repeated_keys: Counter[str] = Counter()
        self._reported: Counter[bool] = Counter()

    def read(self) -> None:
        """Read all members. Raise JsonError where the header cannot be followed any further."""
        buffer, end = self._buffer, self._end
        if buffer.startswith(b"\xef\xbb\xbf", _START):
            raise JsonError("The header begins with a byte-order mark.")
        if buffer.count(b'"dtype"', _START, end) > 2 * MAX_TENSORS:
            raise _too_many_tensors()
        check_utf8(buffer, _START, end, name="The header")
        position = skip_spaces(buffer, _START, end)
        if position > _START and position < end:
            self._report("The header begins with a blank; A1111 and Forge do not read the metadata of such a file.")
        if buffer[position : position + 1] != b"{":
            if position < end and buffer[position] in b'["-0123456789tfn':
                raise JsonError("The header is JSON, but not an object.")
            raise syntax_error(buffer, position, end)
        position = skip_spaces(buffer, position + 1, end)
        if position >= end or buffer[position] != _CLOSE:
            position = self._read_members(position)
        position = skip_spaces(buffer, position + 1, end)
        if position < end:
            raise syntax_error(buffer, position, end)

    def _read_members(self, position: int) -> int:
        """Read all members and return the position of the closing brace."""
        buffer, end = self._buffer, self._end
        while True:
            member = _TENSOR.match(buffer, position, end)
            info = _plain_entry(member) if member is not None else None
            if info is None or member is None or (name := _name_of(member)) == _METADATA:
                position = self._read_unusual_member(position)
            else:
                self._add(name, info, position)
                position = member.end()
            following = buffer[position] if position < end else 0
            if following == _CLOSE:
                return position
            if following != _NEXT:
                raise syntax_error(buffer, position, end)
            position += 1

    def report_repeated_names(self) -> None:
        """Report names that stand more than once; the reference library takes the last."""
        for counts, where in ((self._repeated, "the header"), (self._repeated_keys, "`__metadata__`")):
            for name, count in counts.most_common(_SHOWN):
                self._report(
                    f"The name {quote_name(name)} appears {count + 1} times in {where}; UIs use the last entry."
                )

    def _report(self, text: str, *, fatal: bool = False) -> None:
        self._reported[fatal] += 1
        if self._reported[fatal] <= 2 * _SHOWN:
            self.problems.append(Problem(text, fatal=fatal))

    def _read_metadata(self, name: str, position: int) -> int:
        buffer, end = self._buffer, self._end
        if self._metadata_seen:
            raise JsonError(f"The field `{name}` appears twice; the second begins at byte {position}.")
        self._metadata_seen = True
        if buffer[position : position + 1] != b"{":
            after = skip_value(buffer, position, end, depth=1, budget=self._budget)
            if buffer.startswith(b"null", position):
                self._report(f"The field `{name}` is null (byte {position}).")
            else:
                self._report(f"The field `{name}` is not an object of texts (byte {position}).", fatal=True)
            return after
        start = position
        position = skip_spaces(buffer, position + 1, end)
        if buffer[position : position + 1] != b"}":
            position = self._read_pairs(position)
        if position - start > MAX_METADATA_TEXT:
            self.metadata.clear()
            size = f"{(position - start) / 1_000_000:.0f} MB"
            self._report(f"The metadata has {size} of text, which is larger than any model's; it is not kept.")
        return skip_spaces(buffer, position + 1, end)

    def _read_pairs(self, position: int) -> int:
        """Read the entries of `__metadata__` and return the position of its closing brace."""
        buffer, end, metadata = self._buffer, self._end, self.metadata
        size = count = 0
        while True:
            pair = _PAIR.match(buffer, position, end)
            if pair is None:
                position = self._skip_wrong_pair(position)
            else:
                position = pair.end()
                size += position - pair.start()
                count += 1
                if count > MAX_METADATA:
                    raise JsonError(
                        f"The metadata has more than {MAX_METADATA} entries, which is larger than any model's."
                    )
                if size <= MAX_METADATA_TEXT:
                    key = _decode_text(pair["key"])
                    if key in metadata:
                        self._repeated_keys[key] += 1
                    metadata[key] = _decode_text(pair["text"])
            following = buffer[position] if position < end else 0
            if following == _CLOSE:
                return position
            if following != _NEXT:
                raise syntax_error(buffer, position, end)
            position += 1

    def _skip_wrong_pair(self, position: int) -> int:
        member = _MEMBER.match(self._buffer, position, self._end)
        if member is None:
            raise syntax_error(self._buffer, position, self._end)
        after = skip_value(self._buffer, member.end(), self._end, depth=2, budget=self._budget)
        key = quote_name(_name_of(member))
        self._report(f"Metadata {key} is not a text (byte {member.end()}).", fatal=True)
        return after

    def _read_unusual_member(self, position: int) -> int:
        member = _MEMBER.match(self._buffer, position, self._end)
        if member is None:
            raise syntax_error(self._buffer, position, self._end)
        name = _name_of(member)
        if name == _METADATA:
            return self._read_metadata(name, member.end())
        info, after = self._read_unusual_entry(name, member.end())
        self._add(name, info, position)
        return after

    def _add(self, name: str, info: TensorInfo | None, position: int) -> None:
        self._entries += 1
        if self._entries > MAX_TENSORS:
            raise _too_many_tensors()
        if name in self.tensors:
            self._repeated[name] += 1
        if info is not None:
            self.tensors[name] = info
        if not name:
            self._report(f"The name of the tensor at byte {position} is empty.")
        elif not name.isprintable():
            self._report(f"The tensor name {quote_name(name)} has characters that no name should have.")

    def _read_unusual_entry(self, name: str, position: int) -> tuple[TensorInfo | None, int]:
        self._budget.left -= _UNUSUAL_COST
        after = skip_value(self._buffer, position, self._end, depth=1, budget=self._budget)
        if after - position > _MAX_ENTRY:
            raise JsonError(
                f"The entry at byte {position} has {after - position} bytes, which is larger than any model's."
            )
        try:
            subject = f"Tensor {quote_name(name)} (byte {position})"
            info, remarks = parse_entry(bytes(memoryview(self._buffer)[position:after]), subject=subject)
        except ValueError as exc:
            self._report(str(exc), fatal=True)
            return None, after
        for remark in remarks:
            self._report(remark)
        return info, after


def _too_many_tensors() -> JsonError:
    return JsonError(f"The header names more than {MAX_TENSORS} tensors, which is larger than any model.")


def _name_of(member: re.Match[bytes]) -> str:
    return _decode_text(member["name"])


def _plain_entry(entry: re.Match[bytes]) -> TensorInfo | None:
    dtype = entry["dtype"].decode("ascii")
    shape = tuple(map(int, entry["shape"].split(b","))) if entry["shape"] else ()
    begin, end = int(entry["begin"]), int(entry["end"])
    if dtype not in BITS or max(begin, end, *shape) > LARGEST_COUNT:
        return None
    return TensorInfo(dtype, shape, (begin, end))


def _decode_text(raw: bytes) -> str:
    """Return the characters of a text whose escapes and encoding have been checked."""
    text = raw.decode("utf-8")
    return json.loads(f'"{text}"') if "\\" in text else text
