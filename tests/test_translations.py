"""The translations: complete, current, and found again from the sentences that they translate."""

from __future__ import annotations

import io
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import write_mo

from hatch_build import LOCALE, catalogs
from modelhub.language import chosen_language, matching_language
from modelhub.language.catalog import LanguageCatalog
from modelhub.language.recognition import Recognizer, read_backwards
from modelhub.language.spacing import close_up
from tools.sentences import all_sentences, sentences_of
from tools.translations import current_template, read_catalog, untranslated

_FIELD = re.compile(r"(?<!\{)\{([a-z_][a-z_0-9]*)(?::[^{}]*)?\}(?!\})")
_SPECIFICATION = re.compile(r"(?<=[a-z0-9_]):[^{} ]*\}")
_COMMAND = re.compile(r"`([^`]*)`")
PO_FILES = list(catalogs(LOCALE))


def _forms(message: Message) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the English forms of a message and its translated ones."""
    ids = message.id if isinstance(message.id, tuple) else (message.id,)
    strings = message.string if isinstance(message.string, tuple) else (message.string,)
    return ids, strings


def _messages(catalog: Catalog) -> Iterator[Message]:
    return (message for message in catalog if message.id)


@pytest.fixture(scope="module", params=PO_FILES, ids=lambda path: path.parent.parent.name)
def catalog(request: pytest.FixtureRequest) -> Catalog:
    """The catalog of a language, as its translators write it."""
    return read_catalog(request.param)


def _compiled(catalog: Catalog) -> LanguageCatalog:
    stream = io.BytesIO()
    write_mo(stream, catalog)
    return LanguageCatalog(stream.getvalue())


def test_every_sentence_of_the_source_is_in_the_catalog_and_no_other(catalog: Catalog) -> None:
    """`python tools/translations.py` was run after the last change of a sentence."""
    source = {_forms(message)[0] for message in _messages(current_template())}
    held = {_forms(message)[0] for message in _messages(catalog)}
    assert sorted(source - held) == []
    assert sorted(held - source) == []


def test_every_sentence_is_translated(catalog: Catalog) -> None:
    """A catalog has a translation for each of its sentences, none of them marked as a guess."""
    assert list(untranslated(catalog)) == []
    assert [message.id for message in _messages(catalog) if message.fuzzy] == []


def test_a_translation_keeps_every_value_and_every_command(catalog: Catalog) -> None:
    """Fields and texts in backticks are the same in both languages, in any order."""
    wrong = []
    for message in _messages(catalog):
        ids, strings = _forms(message)
        for text in strings:
            fields = {*_FIELD.findall(text)} == {*_FIELD.findall(ids[-1])}
            commands = sorted(_COMMAND.findall(text)) == sorted(_COMMAND.findall(ids[-1]))
            if not fields or not commands:
                wrong.append((ids[-1], text))
    assert wrong == []


def test_a_sentence_is_recognized_by_its_template(catalog: Catalog) -> None:
    """Each template, filled with values, is found again and gives its own translation with the same values.

    Two templates may differ in nothing but the names of their values; a sentence has then either translation. One
    without a word of its own is only ever used by its template.
    """
    recognizer, wrong = Recognizer(_compiled(catalog)), []
    shapes: dict[str, list[tuple[str, ...]]] = defaultdict(list)
    for message in _messages(catalog):
        texts = tuple(_SPECIFICATION.sub("}", forms[-1]) for forms in _forms(message))
        if _FIELD.search(texts[0]) and re.search("[A-Za-z]{2}", _FIELD.sub("", texts[0])):
            shapes[_FIELD.sub(lambda field: "{count}" if field[1] == "count" else "{}", texts[0])].append(texts)
    for same in shapes.values():
        found, expected = set(), set()
        for template, translation in same:
            names = dict.fromkeys(_FIELD.findall(template))
            values = {name: "7" if name == "count" else f"V/{place}" for place, name in enumerate(names)}
            found.add(recognizer.translate(template.format(**values)))
            expected.add(close_up(translation.format(**values)))
        if not found <= expected:
            wrong.append((same[0][0], found))
    assert wrong == []


def test_no_two_values_of_a_sentence_touch() -> None:
    """Between two values of a template there is text, by which they can be told apart."""
    assert [sentence.text for sentence in all_sentences() if re.search(r"\}\{", sentence.text)] == []


@pytest.mark.parametrize(
    ("template", "sentence", "values"),
    [
        ("{path} does not exist.", "C:\\模型\\a b does not exist.", {"path": "C:\\模型\\a b"}),
        ("{a} of {b} are {a}", "3 of 4 are 3", {"a": "3", "b": "4"}),
        ("{a} of {b} are {a}", "3 of 4 are 5", None),
        ("{path} is a {kind}.", "a is a is a file.", {"path": "a", "kind": "is a file"}),
        ("{{name}} of {x}", "{name} of y", {"x": "y"}),
        ("{x} ends", " ends", None),
    ],
)
def test_a_template_is_read_backwards(template: str, sentence: str, values: dict[str, str] | None) -> None:
    """The values of a sentence are what stands at the fields of its template."""
    assert read_backwards(template, sentence) == values


def test_a_value_that_is_a_sentence_is_translated_too() -> None:
    """A reason inside of a sentence is translated with it; names and paths stay as they are."""
    catalog = Catalog(locale="zh_Hans")
    catalog.add("{name} was not added. {reason}", "未添加 {name}。{reason}")
    catalog.add("{name} was not added.", "未添加 {name}。")
    catalog.add("{path} does not exist.", "{path} 不存在。")
    catalog.add(("{count} file", "{count} files"), ("{count} 个文件",))
    recognizer = Recognizer(_compiled(catalog))
    assert recognizer.translate("a.ckpt was not added. /x/y does not exist.") == "未添加 a.ckpt。/x/y 不存在。"
    both = "/x/y does not exist. a.ckpt was not added. /z does not exist."
    assert recognizer.translate(both) == "/x/y 不存在。未添加 a.ckpt。/z 不存在。"
    assert recognizer.translate("/x does not exist. Nothing else.") == "/x does not exist. Nothing else."
    assert recognizer.translate("1 file") == "1 个文件"
    assert recognizer.translate("12 files") == "12 个文件"
    assert recognizer.translate("12 folders") == "12 folders"


def test_a_hostile_sentence_costs_no_more_than_its_length() -> None:
    """Text made to fit a template in many ways is read in one pass."""
    template = " of ".join(f"{{f{number}}}" for number in range(12)) + " ends"
    assert read_backwards(template, " of " * 1000) is None


def test_the_language_is_that_of_the_option_then_of_the_system() -> None:
    """gettext's variables choose the language; LANGUAGE does nothing in the C locale."""
    assert chosen_language("zh", {"LANG": "en_US.UTF-8"}) == "zh_Hans"
    assert chosen_language("", {"LANG": "zh_CN.UTF-8"}) == "zh_Hans"
    assert chosen_language("", {"LANG": "de_DE.UTF-8", "LANGUAGE": "fr:zh_CN:en"}) == "zh_Hans"
    assert chosen_language("", {"LC_ALL": "C", "LANG": "zh_CN.UTF-8"}) == "en"
    assert chosen_language("", {"LC_ALL": "en_US.UTF-8", "LANG": "zh_CN.UTF-8"}) == "en"
    assert chosen_language("", {"LANG": "C.UTF-8", "LANGUAGE": "zh_CN"}) == "en"
    assert chosen_language("", {}) == "en"
    assert [matching_language(tag) for tag in ("zh-Hant-TW", "简体中文", "en_GB", "de", "")] == [
        "zh_Hans",
        "zh_Hans",
        "en",
        None,
        None,
    ]


def test_the_extraction_finds_what_people_read(tmp_path: Path) -> None:
    """Marked sentences, f-strings, rows and the help of commands are found; names, patterns and SQL are not."""
    module = tmp_path / "module.py"
    module.write_text(
        '''
"""A docstring is not shown."""
import re
ROW = Row("lora", "A small add-on for a base.")
PATTERN = re.compile("not a sentence either")
@app.command()
def run(name: str = Option(help="The name of a file.")):
    """Do one thing.

    And explain it
    on two lines.

    Example: modelhub run x
    """
    _("Moved {name} to {folder}.", name=name, folder=folder)
    plural(count, "{count} file", "{count} files")
    raise NotFoundError(f"{path.name} of {len(names)} does not exist.")
    execute("SELECT a FROM b")
''',
        encoding="utf-8",
    )
    assert [(sentence.text, sentence.many) for sentence in sentences_of(module)] == [
        ("A small add-on for a base.", ""),
        ("Do one thing.", ""),
        ("And explain it on two lines.", ""),
        ("The name of a file.", ""),
        ("Moved {name} to {folder}.", ""),
        ("{count} file", "{count} files"),
        ("{name} of {names_count} does not exist.", ""),
    ]
