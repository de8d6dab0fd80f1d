"""Recognize the template that a sentence was made from, to translate it after the fact.

The catalog of models and the JSON documents hold English sentences with their values filled in. A template such as
"{path} does not exist." is read backwards: what is at the place of `{path}` is put into the translated template.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from itertools import chain

from modelhub.language.catalog import LanguageCatalog
from modelhub.language.spacing import close_up, join_sentences

_FIELD = re.compile(r"(?<!\{)\{([a-z_][a-z_0-9]*)(?::[^{}]*)?\}(?!\})")
_CODE = "`"
_WORD = re.compile(r"[A-Za-z]{2,}")
_COUNT = re.compile(r"[0-9][0-9,]*")
_ANY_WORD = re.compile(r"[A-Za-z]+")
_MARK = re.compile(r"[:.;]")
_SENTENCE_END = re.compile(r"(?<=[.?]) ")
_PHRASE_END = "; "
# A path in front of a sentence about it; no template has it.
_LED_BY_PATH = re.compile(r"(\S+): (.+)")
# Fields for names of files and models: a file called "anime" keeps its name, while a phrase in such a field is text.
_NAMES = frozenset(
    (
        *("name", "names", "model", "models", "record", "key", "tensor", "member", "module", "stem"),
        *("path", "paths", "file", "folder", "given", "into", "library", "relative", "same", "source", "target"),
        *("reference", "repository", "revision"),
    )
)
# A value that is itself a sentence is translated too, up to this depth.
_DEEPEST = 3
_REMEMBERED = 4096
# No message is longer; a longer text is not searched for templates.
_LONGEST = 4000


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
        return self._translated(sentence, _DEEPEST)

    def _translated(self, text: str, depth: int) -> str:
        if text in self._catalog.plurals:
            return self._translation(text, {})
        if not depth or len(text) > _LONGEST:
            return text
        fits = ((template, read_backwards(template, text)) for template in self._candidates(text))
        found = [(template, values) for template, values in fits if values is not None]
        whole = next((fit for fit in found if not any(map(_SENTENCE_END.search, fit[1].values()))), None)
        if not whole and (parts := self._parts_of(_SENTENCE_END.split(text), depth)):
            return join_sentences(parts)
        if not found:
            return self._list(text, depth)
        template, values = whole or found[0]
        translated = {
            field: value if _is_name(field, value) else self._translated(value, depth - 1)
            for field, value in values.items()
        }
        return self._translation(template, translated)

    def _parts_of(self, parts: Sequence[str], depth: int) -> Sequence[str]:
        """Return several parts, each translated by itself; none where one of them is not known."""
        translated = [self._translated(part, depth - 1) for part in parts] if len(parts) > 1 else []
        return () if any(map(str.__eq__, parts, translated)) else translated

    def _list(self, text: str, depth: int) -> str:
        """Return a list of phrases, or what follows a path, translated; other texts unchanged."""
        if phrases := self._parts_of(text.split(_PHRASE_END), depth):
            return _PHRASE_END.join(phrases)
        if led := _LED_BY_PATH.fullmatch(text):
            return f"{led[1]}: {self._translated(led[2], depth - 1)}"
        return text

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


def _own_text(template: str) -> str:
    return _FIELD.sub(" ", template)


def _longest_word(text: str) -> str:
    """Return the longest word of a text: few other sentences have it."""
    return max(_WORD.findall(text), key=len, default="")


def _literal(text: str) -> str:
    return text.replace("{{", "{").replace("}}", "}")
