"""Sentences of the layers below, recognized by their templates and translated after the fact."""

from __future__ import annotations

import io

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo

from modelhub.language.catalog import LanguageCatalog
from modelhub.language.recognition import Recognizer


@pytest.fixture
def recognizer() -> Recognizer:
    """A recognizer of a few sentences, one of them a single word that may be the name of a model, too."""
    translations = Catalog(locale="zh_Hans")
    translations.add("anime", "二次元")
    translations.add(
        "`{name}` is gone; `modelhub pull {name}` brings it back.",
        "{name} 丢失；`modelhub pull {name}` 可重新下载。",
    )
    translations.add("Its style is {style}.", "风格为{style}。")
    translations.add("{path} does not exist.", "{path} 不存在。")
    translations.add("It is {name2}.", "这是{name2}。")
    translations.add("a tar archive", "tar 归档")
    translations.add('Did you mean "{name}"? Pull it with `pull {name}`.', "想输入“{name}”吗？用 `pull {name}` 拉取。")
    translations.add("refused: {reason}", "已拒绝：{reason}")
    translations.add("no credit needed", "无需署名")
    translations.add("sold as: {uses}", "可出售：{uses}")
    translations.add("refused: {reason}", "已拒绝：{reason}")
    translations.add("a pickle; the same weights are in {name}", "是 pickle 文件，{name} 中有相同的权重")
    stream = io.BytesIO()
    write_mo(stream, translations)
    return Recognizer(LanguageCatalog(stream.getvalue()))


def test_a_value_of_a_sentence_is_translated_too(recognizer: Recognizer) -> None:
    """What the catalog holds in English reads as one sentence in another language."""
    assert recognizer.translate("Its style is anime.") == "风格为二次元。"


def test_a_template_without_values_keeps_its_fields(recognizer: Recognizer) -> None:
    """A front end may fill it in afterwards; a field in backticks is no exception."""
    text = recognizer.translate("`{name}` is gone; `modelhub pull {name}` brings it back.")
    assert text.format(name="dress") == "dress 丢失；`modelhub pull dress` 可重新下载。"


def test_a_phrase_behind_a_label_is_translated_with_it(recognizer: Recognizer) -> None:
    """The label is the only word of its template."""
    assert recognizer.translate("refused: a pickle; the same weights are in a.safetensors") == (
        "已拒绝：是 pickle 文件，a.safetensors 中有相同的权重"
    )


def test_a_name_in_a_command_stays_as_it_is(recognizer: Recognizer) -> None:
    """A model called "anime" keeps its name where it must be typed."""
    sentence = "`anime` is gone; `modelhub pull anime` brings it back."
    assert recognizer.translate(sentence) == "anime 丢失；`modelhub pull anime` 可重新下载。"


def test_a_file_keeps_its_name(recognizer: Recognizer) -> None:
    """A folder called "anime" is not renamed by a sentence; a phrase in the same place is translated."""
    assert recognizer.translate("anime does not exist.") == "anime 不存在。"
    assert recognizer.translate("It is a tar archive.") == "这是tar 归档。"


def test_a_sentence_about_a_path_is_translated(recognizer: Recognizer) -> None:
    """A finding about a file of a folder has the file's path in front."""
    assert recognizer.translate("unet/anime.bin: It is a tar archive.") == "unet/anime.bin: 这是tar 归档。"


def test_each_phrase_of_a_list_is_translated(recognizer: Recognizer) -> None:
    """A list of terms is translated where all of them are known."""
    assert recognizer.translate("no credit needed; sold as: Image") == "无需署名; 可出售：Image"
    assert recognizer.translate("no credit needed; something else") == "no credit needed; something else"


def test_a_path_with_spaces_keeps_its_words(recognizer: Recognizer) -> None:
    """A folder whose name reads like a sentence is still a name."""
    assert recognizer.translate("/my/a tar archive does not exist.") == "/my/a tar archive 不存在。"


def test_a_name_may_be_quoted_in_a_command(recognizer: Recognizer) -> None:
    """A name with a space is quoted for the shell, and as it is elsewhere in the same sentence."""
    sentence = "Did you mean \"Anything V5\"? Pull it with `pull 'Anything V5'`."
    assert recognizer.translate(sentence) == "想输入“Anything V5”吗？用 `pull 'Anything V5'` 拉取。"


def test_a_word_with_a_colon_takes_a_phrase(recognizer: Recognizer) -> None:
    """A reason behind a word is translated with it."""
    assert recognizer.translate("refused: a tar archive") == "已拒绝：tar 归档"
