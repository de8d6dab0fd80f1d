"""Sentences of the layers below, recognized by their templates and translated after the fact."""

from __future__ import annotations

import io
import time

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
    translations.add("It is {name}. {advice}", "是{name}。{advice}")
    translations.add("It is a zip archive with 1 model.", "是含有 1 个模型的 zip 压缩包。")
    translations.add("Unpack it.", "请解压。")
    translations.add("the pickle", "pickle")
    translations.add("{place} is cut off.", "{place} 不完整。")
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


def test_the_reading_that_knows_most_is_taken(recognizer: Recognizer) -> None:
    """Two sentences are not read as one whose values would stay in English."""
    assert (
        recognizer.translate("It is a zip archive with 1 model. Unpack it.") == "是含有 1 个模型的 zip 压缩包。请解压。"
    )


def test_a_phrase_may_begin_a_sentence(recognizer: Recognizer) -> None:
    """A phrase with a capital is known as the same phrase without, and behind a file's name."""
    assert recognizer.translate("The pickle is cut off.") == "pickle 不完整。"
    assert recognizer.translate("unet/a.bin, the pickle is cut off.") == "unet/a.bin, pickle 不完整。"


def test_a_bullet_stays_in_front(recognizer: Recognizer) -> None:
    """The lines of a list below an error are translated behind their bullets."""
    assert recognizer.translate("- It is a tar archive.") == "- 这是tar 归档。"


@pytest.mark.parametrize("text", ["It is " * 600, "; ".join(["is cut off"] * 300), "It is anime. " * 300])
def test_a_hostile_text_is_read_in_a_moment(recognizer: Recognizer, text: str) -> None:
    """What a file states may be made so that every template fits in many ways."""
    begin = time.perf_counter()
    recognizer.translate(text)
    assert time.perf_counter() - begin < 1
