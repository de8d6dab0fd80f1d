"""Measure, cut and wrap text by the columns that it takes on a terminal."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from operator import itemgetter

ESCAPE = re.compile(r"\x1b\[[0-9;]*m")
_ZERO_WIDTH = ("Mn", "Me", "Cf")
_NOT_FIRST = frozenset("。，、；：？！）」』】》〉〕”’…％·,.;:?!)]}%")  # a line never begins with one of these
_NOT_LAST = frozenset("（「『【《〈〔“‘([{")  # nor ends with one of these
# Commands in backticks, tags of prompts and addresses are copied whole; a path ends at a space or Chinese punctuation.
_WHOLE = (
    r"`[^`]*`[^\w\s]*|<\w+:[^<>\s]+>|https?://\S+|(?<![\w/\\.~])(?:~|\.{1,2}|[A-Za-z]:)?[/\\](?=\S)[^\s。，；：？！（）「」《》]*"
    r"|[^\s。，、；：？！（）]+\.[A-Za-z][A-Za-z0-9]{1,11}(?![\w.-])"
)
_PATH = r"(?:\x1b\[[0-9;]*m)*[(\[\"']*(?:~|\.{1,2}|[A-Za-z]:)?[/\\][^\s。，；：？！、（）「」《》]+"
_NEXT_WORD = r" ([^\s。，；：？！、（）「」《》]+)"
_FILE_END = r"\.[A-Za-z][A-Za-z0-9]{1,11}[.,;:)`]*$"
_SENTENCE_END = (".", ",", ";", ":", ")", "`")
_WORDS_OF_PATH = 4  # a path with spaces continues in one of so many words
_BORDERS = " -_.·/\\"


@cache
def _pattern(text: str) -> re.Pattern[str]:
    """Return the pattern, compiled when the first text needs it: a command must start at once."""
    return re.compile(text)


def width(text: str) -> int:
    """Return the columns that `text` takes on a terminal: East Asian wide characters take two, combining ones none."""
    if text.isascii():
        return len(text) - (sum(map(len, ESCAPE.findall(text))) if "\x1b" in text else 0)
    if "\x1b" in text:
        text = ESCAPE.sub("", text)
    return sum(map(_character_width, text))


@cache
def _character_width(character: str) -> int:
    if unicodedata.category(character) in _ZERO_WIDTH:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def pad(text: str, columns: int) -> str:
    """Return `text` with spaces behind it, so that it takes at least `columns`."""
    return text + " " * max(0, columns - width(text))


def letters(text: str) -> list[str]:
    """Return the characters of a text, each with the marks that combine with it."""
    found: list[str] = []
    for character in text:
        if found and _character_width(character) == 0:
            found[-1] += character
        else:
            found.append(character)
    return found


def shorten(text: str, columns: int) -> str:
    """Cut the middle out of `text` so that it fits into `columns` and both ends of a file name stay readable."""
    if width(text) <= columns:
        return text
    parts, room = letters(text), columns - 1
    tails = list(_tails(parts, room))
    pairs = []
    for head, head_width in _heads(parts, room):
        fitting = bisect_right(tails, room - head_width, key=itemgetter(1))
        if fitting and 2 * (head_width + tails[fitting - 1][1]) >= room:
            pairs.append((head, head_width, *tails[fitting - 1]))
    if pairs:
        head, _, tail, _ = max(pairs, key=lambda pair: (pair[1] + pair[3], -abs(pair[1] - pair[3])))
    else:
        tail = _last(parts, room // 2)
        head = _first(parts, room - width(tail))
    return f"{head}…{tail}" if columns > 0 else ""


def shorten_end(text: str, columns: int) -> str:
    """Cut the end of `text` off, at the end of a word where one is near."""
    if width(text) <= columns:
        return text
    parts, room = letters(text), columns - 1
    head, used = max(_heads(parts, room), key=itemgetter(1), default=("", 0))
    return f"{head if 2 * used >= room else _first(parts, room)}…" if columns > 0 else ""


def shorten_start(text: str, columns: int) -> str:
    """Cut the beginning of `text` off, at the start of a word where one is near."""
    if width(text) <= columns:
        return text
    parts, room = letters(text), columns - 1
    tail, used = max(_tails(parts, room), key=itemgetter(1), default=("", 0))
    return f"…{tail if 2 * used >= room else _last(parts, room)}" if columns > 0 else ""


Cut = Callable[[str, int], str]


def shorten_apart(texts: Iterable[str], columns: int, cut: Cut) -> dict[str, str]:
    """Return each text cut to `columns` with `cut`, or in another way where two different texts would look alike."""
    shown = {text: cut(text, columns) for text in texts}
    for group in _alike(shown):
        others = {short for text, short in shown.items() if text not in group}
        for other in (shorten, shorten_start, shorten_end, _from_difference(group)):
            changed = {text: other(text, columns) for text in group}
            if len(set(changed.values())) == len(group) and others.isdisjoint(changed.values()):
                shown |= changed
                break
    return shown


def _alike(shown: dict[str, str]) -> list[list[str]]:
    groups: dict[str, list[str]] = {}
    for text, short in shown.items():
        groups.setdefault(short, []).append(text)
    return [group for group in groups.values() if len(group) > 1]


def _from_difference(group: Sequence[str]) -> Cut:
    """Return a cut that shows texts from a little before the place where they begin to differ."""
    first, last = min(group), max(group)
    same = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))

    def cut(text: str, columns: int) -> str:
        if width(text) <= columns:
            return text
        rest = _last(letters(text[:same]), columns // 3) + text[same:]
        return shorten_end(f"…{rest}", columns)

    return cut


def _heads(parts: Sequence[str], room: int) -> Iterator[tuple[str, int]]:
    """Yield the beginnings of a text that fit and end with a word, each with its width, the narrowest first."""
    used = end = end_width = 0  # `end`: behind the last character that is not a border
    for place in range(1, len(parts)):
        used += width(parts[place - 1])
        if parts[place - 1] not in _BORDERS:
            end, end_width = place, used
        if end_width > room:
            return
        if end and _is_border(parts, place):
            yield "".join(parts[:end]), end_width


def _tails(parts: Sequence[str], room: int) -> Iterator[tuple[str, int]]:
    """Yield the ends of a text that fit and begin with a word, each with its width, the narrowest first."""
    used, begin, begin_width = 0, len(parts), 0
    for place in range(len(parts) - 1, 0, -1):
        used += width(parts[place])
        if parts[place] not in _BORDERS:
            begin, begin_width = place, used
        if begin_width > room:
            return
        if begin < len(parts) and _is_border(parts, place):
            yield "".join(parts[begin:]), begin_width


def _is_border(parts: Sequence[str], place: int) -> bool:
    before, after = parts[place - 1], parts[place]
    if "." in (before, after) and _is_inside_number(parts, place):
        return False
    return before in _BORDERS or after in _BORDERS or width(before) == 2 or width(after) == 2


def _is_inside_number(parts: Sequence[str], place: int) -> bool:
    dot = place if parts[place] == "." else place - 1
    return 0 < dot < len(parts) - 1 and parts[dot - 1].isdigit() and parts[dot + 1].isdigit()


def _first(parts: Sequence[str], columns: int) -> str:
    kept, used = [], 0
    for part in parts:
        used += width(part)
        if used > columns:
            break
        kept.append(part)
    return "".join(kept)


def _last(parts: Sequence[str], columns: int) -> str:
    count = used = 0
    while count < len(parts) and used + width(parts[-1 - count]) <= columns:
        used += width(parts[-1 - count])
        count += 1
    return "".join(parts[len(parts) - count :])


def wrap(text: str, columns: int, indent: int = 0) -> list[str]:
    """Return the lines of `text` on a terminal of `columns`; those after the first are indented.

    Lines break at spaces and between Chinese characters, but not in front of punctuation. Paths, addresses and commands
    are never broken: one that is longer than a line has a line of its own, less indented if it fits then.
    """
    if width(text) <= columns:
        return [text]
    indent = min(indent, columns // 2)
    lines: list[str] = []
    line = ""
    for space, part in _parts(text):
        gap = space if line or not lines else ""
        if line.strip() and width(line) + width(gap) + width(part) > columns:
            lines.append(line.rstrip())
            line, gap = " " * indent, ""
        if not line.strip():  # a long path has less space in front of it, so that it fits
            line = (line + gap)[: max(0, columns - width(part))]
            gap = ""
        line += gap + part
    return [*lines, line.rstrip()]


def _parts(text: str) -> list[tuple[str, str]]:
    """Return the parts between which a text may be broken, each with the spaces in front of it."""
    parts: list[tuple[str, str]] = []
    for space, word, is_whole in _words(text):
        for number, piece in enumerate([word] if is_whole else _pieces(word)):
            gap = "" if number else space
            if parts and not gap and not _may_break(parts[-1][1], piece):
                parts[-1] = (parts[-1][0], parts[-1][1] + piece)
            else:
                parts.append((gap, piece))
    return parts


def _words(text: str) -> Iterator[tuple[str, str, bool]]:
    """Yield each word with the spaces in front of it, and whether it is a path, which is never broken."""
    place = 0
    while place < len(text):
        start = place
        while place < len(text) and text[place] == " ":
            place += 1
        space, start = text[start:place], place
        path = _pattern(_PATH).match(text, start)
        place = _path_end(text, start, path.end()) if path else _word_end(text, start)
        yield space, text[start:place], path is not None


def _word_end(text: str, start: int) -> int:
    """Return where a word ends: at a space, except for those of a command in backticks."""
    end = start
    while end < len(text) and text[end] != " ":
        match = _pattern(_WHOLE).match(text, end) if text[end] == "`" else None
        end = match.end() if match else end + 1
    return end


def _path_end(text: str, start: int, end: int) -> int:
    """Return where a path that may hold spaces ends: its last word with a separator or a suffix."""
    if text[start:end].endswith(_SENTENCE_END) or re.search(_FILE_END, text[start:end]):
        return end
    place = end
    for _ in range(_WORDS_OF_PATH):
        following = _pattern(_NEXT_WORD).match(text, place)
        if following is None or following[1][0] in "/~\\(→`":
            return end
        place = following.end()
        if "/" in following[1] or "\\" in following[1] or re.search(_FILE_END, following[1]):
            return _path_end(text, start, place)
        if following[1].endswith(_SENTENCE_END):
            return end
    return end


def _pieces(word: str) -> Iterator[str]:
    """Yield what a word is made of: commands, addresses and names of files as a whole, else single characters."""
    place = 0
    while place < len(word):
        match = _pattern(_WHOLE).match(word, place)
        piece = match[0] if match else letters(word[place : place + 8])[0]
        yield piece
        place += len(piece)


def _may_break(before: str, after: str) -> bool:
    if after[0] in _NOT_FIRST or before[-1] in _NOT_LAST:
        return False
    return _character_width(before[-1]) == 2 or _character_width(after[0]) == 2
