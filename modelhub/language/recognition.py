"""Recognize the template that a sentence was made from, to translate it after the fact.

The catalog of models and the JSON documents hold English sentences with their values filled in. A template such as
"{path} does not exist." is read backwards: what is at the place of `{path}` is put into the translated template.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import chain, islice

from modelhub.language.catalog import LanguageCatalog
from modelhub.language.spacing import close_up, join_sentences

_FIELD = re.compile(r"(?<!\{)\{([a-z_][a-z_0-9]*)(?::[^{}]*)?\}(?!\})")
_CODE = "`"
_WORD = re.compile(r"[A-Za-z]{2,}")
_COUNT = re.compile(r"[0-9][0-9,]*")
_ANY_WORD = re.compile(r"[A-Za-z]+")
_MARK = re.compile(r"[:.,;]")
_SENTENCE_END = re.compile(r"(?<=[.?]) ")
_PHRASE_END = "; "
# A bullet, or a path in front of what is said about it; no template has them.
_LED = re.compile(r"(- |\S+: |\S*[./]\S*, )(.+)")
# Fields for names of files and models: a file called "anime" keeps its name, while a phrase in such a field is text.
_NAMES = frozenset(
    (
        *("name", "names", "model", "models", "record", "key", "tensor", "member", "module", "stem"),
        *("path", "paths", "file", "folder", "given", "into", "library", "relative", "same", "source", "target"),
        *("reference", "repository", "revision"),
    )
)
# A value that is itself a sentence is translated too, up to this depth.
_DEEPEST = 5
_MOST_FITS = 3
# However a text is made, it is looked at no more often.
_MOST_READINGS = 200
_REMEMBERED = 4096
# No message is longer; a longer text is not searched for templates.
_LONGEST = 4000


@dataclass(frozen=True, slots=True)
class Reading:
    """A text as it was understood: its translation, and how many of its letters belong to known templates."""

    text: str
    known: int = 0


class Recognizer:
    """The templates of one language's catalog, found by their words."""

    def __init__(self, catalog: LanguageCatalog) -> None:
        self._catalog = catalog
        self._by_word: dict[str, list[str]] = {}
        for template in catalog.plurals:
            if _FIELD.search(template) and (word := _longest_word(_own_text(template))):
                self._by_word.setdefault(word, []).append(template)
        self.translate = lru_cache(maxsize=_REMEMBERED)(self._translate)

    def _translate(self, sentence: str) -> str:
        return self._read(sentence, _DEEPEST, iter(range(_MOST_READINGS))).text

    def _read(self, text: str, depth: int, steps: Iterator[int]) -> Reading:
        """Return the reading that knows most of a text; the text itself where nothing of it is known."""
        for known in (text, text[:1].lower() + text[1:]):  # a phrase may begin a sentence
            if known in self._catalog.plurals:
                return Reading(self._translation(known, {}), _letters(text))
        if not depth or len(text) > _LONGEST or not _WORD.search(text) or next(steps, None) is None:
            return Reading(text)
        return max(self._readings(text, depth - 1, steps), key=lambda reading: reading.known, default=Reading(text))

    def _readings(self, text: str, depth: int, steps: Iterator[int]) -> Iterator[Reading]:
        """Yield a text read as one sentence, as several, as a list of phrases, and as what follows a path."""
        fits = ((template, read_backwards(template, text)) for template in self._candidates(text))
        for template, values in islice(((fit, values) for fit, values in fits if values is not None), _MOST_FITS):
            yield self._filled_in(template, values, depth, steps)
        if sentences := self._all(_SENTENCE_END.split(text), depth, steps):
            yield Reading(join_sentences(one.text for one in sentences), sum(one.known for one in sentences))
        if phrases := self._all(text.split(_PHRASE_END), depth, steps):
            yield Reading(_PHRASE_END.join(one.text for one in phrases), sum(one.known for one in phrases))
        if led := _LED.fullmatch(text):
            rest = self._read(led[2], depth, steps)
            yield Reading(led[1] + rest.text, rest.known)

    def _filled_in(self, template: str, values: Mapping[str, str], depth: int, steps: Iterator[int]) -> Reading:
        read = {
            field: Reading(value) if _is_name(field, value) else self._read(value, depth, steps)
            for field, value in values.items()
        }
        text = self._translation(template, {field: value.text for field, value in read.items()})
        return Reading(text, _letters(_own_text(template)) + sum(value.known for value in read.values()))

    def _all(self, parts: Sequence[str], depth: int, steps: Iterator[int]) -> Sequence[Reading]:
        """Return several parts, each read by itself; none where there is one alone, or one that is not known."""
        found = [self._read(part, depth, steps) for part in parts] if len(parts) > 1 else []
        return found if all(part.known for part in found) else ()

    def _translation(self, template: str, values: Mapping[str, str]) -> str:
        pair = self._catalog.plurals[template]
        count = values.get("count", "")
        if pair:
            translated = self._catalog.get_plural(*pair, int(count) if count.isdecimal() else 2 - (template == pair[0]))
        else:
            translated = self._catalog.get(template)
        return close_up(_filled(translated, values))

    def _candidates(self, sentence: str) -> list[str]:
        """Return the templates that may fit, those with the most text of their own first."""
        words = dict.fromkeys(_WORD.findall(sentence))
        found = chain.from_iterable(self._by_word.get(word, ()) for word in words)
        return sorted(found, key=lambda template: (-len(_own_text(template)), template))


def read_backwards(template: str, sentence: str) -> dict[str, str] | None:
    """Return the values that make `sentence` of `template`, None where it does not fit.

    The value of a field inside of backticks has a backtick in front of its name: it may be quoted for a shell, while
    the same field elsewhere is not.

    Each value ends where the template's next text is first found, so that a hostile sentence costs no more than its
    length: there is no search among the ways to split it. A `{count}` is a number, and a template of one word without
    punctuation, such as "on {base}", fits only values without spaces: other sentences have that word, too.
    """
    texts, names, is_short = _parts(template)
    if not sentence.startswith(texts[0]) or not sentence.endswith(texts[-1]):
        return None
    values: dict[str, str] = {}
    start, limit = len(texts[0]), len(sentence) - len(texts[-1])
    for place, name in enumerate(names):
        is_last = place == len(names) - 1
        end = limit if is_last else sentence.find(texts[place + 1], start + 1, limit)
        value = sentence[start:end] if end > start else ""
        if not value or (name == "count" and not _COUNT.fullmatch(value)) or values.setdefault(name, value) != value:
            return None
        if is_short and " " in value:
            return None
        start = end + len(texts[place + 1])
    return values


@cache
def _parts(template: str) -> tuple[Sequence[str], Sequence[str], bool]:
    """Return the texts of a template, the names of the fields between them, and whether it has but one word."""
    pieces, own = _FIELD.split(template), _own_text(template)
    is_short = len(_ANY_WORD.findall(own)) < 2 and not _MARK.search(own)
    fields = [
        f"{_CODE}{name}" if _is_in_code(pieces, place) else name for place, name in enumerate(pieces) if place % 2
    ]
    return [_literal(text) for text in pieces[::2]], fields, is_short


def _filled(template: str, values: Mapping[str, str]) -> str:
    """Return a template with the values that `read_backwards` has found, wherever a translation uses them."""
    texts, fields, _ = _parts(template)
    shown = (
        values.get(field) or values.get(field.removeprefix(_CODE)) or values.get(_CODE + field) for field in fields
    )
    found = [
        f"{{{field.removeprefix(_CODE)}}}" if value is None else value
        for field, value in zip(fields, shown, strict=True)
    ]
    return "".join(text + value for text, value in zip(texts, [*found, ""], strict=True))


def _is_in_code(pieces: Sequence[str], place: int) -> bool:
    return "".join(pieces[:place:2]).count(_CODE) % 2 == 1


def _is_name(field: str, value: str) -> bool:
    """Return whether a value stays as it is: a name or a path, and whatever is in code."""
    is_phrase = " " in value and "/" not in value and "\\" not in value
    return field.startswith(_CODE) or (field.rstrip("0123456789") in _NAMES and not is_phrase)


def _letters(text: str) -> int:
    return len(text) - text.count(" ")


def _own_text(template: str) -> str:
    return _FIELD.sub(" ", template)


def _longest_word(text: str) -> str:
    """Return the longest word of a text: few other sentences have it."""
    return max(_WORD.findall(text), key=len, default="")


def _literal(text: str) -> str:
    return text.replace("{{", "{").replace("}}", "}")
