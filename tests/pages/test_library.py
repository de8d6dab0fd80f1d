"""The page of a library as a document: complete, harmless, and the same for every language but its words."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from modelhub.language import use_language
from modelhub.pages.library import render_library
from tests.desktop.test_report import Page
from tests.pages.cards import CARDS, page_of


@pytest.fixture
def chinese() -> Iterator[None]:
    """The pages of the test are in Chinese."""
    use_language("zh_Hans")
    yield
    use_language("en")


def test_a_card_has_all_that_a_user_looks_for() -> None:
    """Name, type, architecture, style, variant, size, trigger words, verdicts, the line to paste, and the place."""
    page = Page(render_library(page_of()))
    assert page.open == []
    for words in (
        "6 models, 7.35 GB", "红裙 v1", "LoRA", "sd1", "anime", "fp16 · 151 MB · safe", "reddress", "收藏", "works",
        "<lora:红裙 v1:0.8> reddress", "A1111 / Forge", "loras/红裙 v1.safetensors", "pruned · 6.9 GB · safe",
        "dangerous", "Do not load it", "only noise", "The UNet does not predict noise.", "file is broken",
    ):  # fmt: skip
        assert words in page.text, words
    assert {a["href"] for a in page.all("a")} == {Path("/models/loras").as_uri()}


def test_a_broken_file_has_one_word_for_it() -> None:
    """That it is not readable as well says nothing more."""
    text = render_library(page_of(CARDS[-1]))
    assert text.count('class="chip ') == 1
    assert "Do not load it" not in text


def test_an_embedding_names_its_word_once() -> None:
    """The line to paste is the trigger word; a LoRA has both."""
    card = replace(CARDS[0], type="embedding", prompts=(replace(CARDS[0].prompts[0], text="reddress"),))
    assert "Trigger words" not in render_library(page_of(card))
    assert "Trigger words" in render_library(page_of(CARDS[0]))


def test_a_filter_with_one_value_is_not_shown() -> None:
    """It would change nothing; its words are still there for the search."""
    page = Page(render_library(page_of(*CARDS[:2])))
    shown = ["hidden" not in attributes for attributes in page.all("fieldset")]
    assert shown == [True, True, True, False, True, False]
    choices = [attributes for attributes in page.all("input") if attributes.get("type") == "checkbox"]
    assert any("底模" in (attributes["data-also"] or "") for attributes in choices)


def test_the_page_names_its_query() -> None:
    """A reader must not take a part for the whole library."""
    page = Page(render_library(page_of(query="type:lora <b>")))
    assert "Only models that match" in page.text
    assert "type:lora <b>" in page.texts["bdi"]


def test_a_page_without_room_says_how_many_pictures_it_lacks() -> None:
    """One picture and several, each as a sentence of its own."""
    assert "1 picture is left out" in render_library(replace(page_of(), pictures_left_out=1))
    assert "1,234 pictures are left out" in render_library(replace(page_of(), pictures_left_out=1234))


@pytest.mark.parametrize(
    "name",
    [
        "</script><script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "' onmouseover='alert(1)",
        "&lt;b&gt;",
        "a\u202etxt",
        "two\nlines\x1b[31m\x00",
        "half \udcff",
        "{{ 7 * 7 }}{% raw %}",
        "`rm -rf`",
    ],
)
def test_hostile_texts_are_shown_and_do_nothing(name: str) -> None:
    """In each field: only the page's own elements and attributes are in it."""
    plain = Page(render_library(page_of()))
    cards = [
        replace(
            card, name=name, type=name, architectures=(name, name), style=name, variant=name, precision=name,
            trigger_words=(name,), tags=(name,), safety=name, state=name, test=name, test_words=name,
            prompts=(replace(CARDS[0].prompts[0], text=name, uis=name),), shown_path=name, added_at=name,
            path=Path("/models", name.replace("/", "∕").replace("\0", ""), "x"),
        )
        for card in CARDS
    ]  # fmt: skip
    text = render_library(replace(page_of(*cards, query=name), written_at=name))
    page = Page(text)
    assert page.open == []
    assert {tag for tag, _ in page.elements} <= {tag for tag, _ in plain.elements}
    assert {key for _, attributes in page.elements for key in attributes} <= {
        key for _, attributes in plain.elements for key in attributes
    }
    assert page.texts["script"] == plain.texts["script"]
    assert not {"\u202e", "\x1b", "\udcff", "\0"} & set(text)
    assert not any("49" in text for text in page.texts["bdi"])


def test_the_policy_allows_only_the_pages_own_style_and_script() -> None:
    """Nothing is loaded: the hashes are those of what stands in the page, and no attribute holds a handler."""
    text = render_library(page_of())
    page = Page(text)
    (policy,) = [a["content"] or "" for a in page.all("meta") if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; img-src data:;")
    for tag in ("style", "script"):
        (content,) = page.texts[tag]
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert "http://" not in text and "https://" not in text
    assert not [key for _, attributes in page.elements for key in attributes if key.startswith("on") or key == "style"]


def test_the_page_states_its_language(chinese: None) -> None:
    """A browser chooses the font and a screen reader its voice by it."""
    page = Page(render_library(page_of()))
    assert [attributes["lang"] for attributes in page.all("html")] == ["zh-Hans"]
    use_language("en")
    assert [attributes["lang"] for attributes in Page(render_library(page_of())).all("html")] == ["en"]


def test_ten_thousand_models_make_a_page_of_a_few_megabytes() -> None:
    """Without pictures a card costs about a kilobyte."""
    text = render_library(page_of(*(replace(CARDS[0], name=f"model {i}") for i in range(10_000))))
    assert len(text.encode()) < 14_000_000
    assert text.count('<li class="card"') == 10_000
