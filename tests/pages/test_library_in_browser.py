"""The page of a library in a real browser, used as a person uses it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from modelhub.language import use_language
from modelhub.pages.library import render_library
from modelhub.pages.write import write_page
from tests.browser_session import Session, browser
from tests.pages.cards import page_of


@pytest.fixture(scope="module")
def chromium() -> Iterator[Session]:
    """One browser for all tests of this file."""
    with browser() as session:
        yield session


@pytest.fixture
def opened(chromium: Session, tmp_path: Path) -> Iterator[Session]:
    """The page of six models, freshly opened; in the end nothing was requested, and nothing went wrong."""
    write_page(tmp_path / "模型.html", render_library(page_of()))
    chromium.messages.clear()
    chromium.requests.clear()
    chromium.open(tmp_path / "模型.html")
    yield chromium
    assert chromium.messages == []
    assert {url for url in chromium.requests if not url.startswith("data:")} == {(tmp_path / "模型.html").as_uri()}


def shown(session: Session) -> list[str]:
    """Return the names of the cards that are shown, in their order."""
    names: list[str] = session.run(
        "[...document.querySelectorAll('#cards > li')].filter(card => card.checkVisibility())"
        ".map(card => card.querySelector('h2').textContent)"
    )
    return names


def counts(session: Session, facet: str) -> dict[str, int]:
    """Return the values of a facet with their counts."""
    found: dict[str, int] = session.run(
        f"Object.fromEntries([...document.querySelectorAll('[name={facet}]')].map(box => box.nextElementSibling)"
        ".map(label => [label.querySelector('bdi').textContent, +label.querySelector('b').textContent]))"
    )
    return found


def box(session: Session, words: str) -> str:
    """Return the selector of the box with these words."""
    mark = session.run(
        "[...document.querySelectorAll('.choice')].find(label => label.querySelector('bdi').textContent === "
        f"'{words}').querySelector('input').value"
    )
    return f".choice input[value={mark}]"


def search(session: Session, words: str) -> None:
    """Replace the text of the search field by typing."""
    session.run("document.getElementById('words').select(); document.getElementById('words').focus()")
    session.type(words)
    session.run("new Promise(resolve => setTimeout(resolve, 30))")


def text(session: Session, selector: str) -> str:
    """Return the text of an element."""
    return str(session.run(f"document.querySelector({selector!r}).textContent"))


def test_boxes_of_one_kind_widen_and_of_two_kinds_narrow(opened: Session) -> None:
    """LoRA or base model, and then only those for SDXL; the counts say what each box would show."""
    assert counts(opened, "type") == {"LoRA": 2, "base model": 2, "unknown": 1, "VAE": 1}
    opened.click(box(opened, "LoRA"))
    assert shown(opened) == ["红裙 v1", "noisy"]
    assert text(opened, "#shown") == "2 of 6 models"
    # Other types are still to choose from; of the architectures only those of LoRAs.
    assert counts(opened, "type") == {"LoRA": 2, "base model": 2, "unknown": 1, "VAE": 1}
    assert counts(opened, "architecture") == {"sdxl": 1, "sd1": 1, "unknown architecture": 0, "sd2": 0}
    opened.click(box(opened, "base model"))
    assert shown(opened) == ["红裙 v1", "base two", "noisy", "cut"]
    opened.click(box(opened, "sdxl"))
    assert shown(opened) == ["base two", "noisy"]
    opened.click("#clear")
    opened.run("new Promise(resolve => setTimeout(resolve, 30))")
    assert len(shown(opened)) == 6
    assert opened.run("document.getElementById('clear').disabled")


def test_a_model_that_fits_several_architectures_is_found_by_each(opened: Session) -> None:
    """A VAE of SD 1, SD 2 and SDXL."""
    for name in ("sd1", "sd2", "sdxl"):
        opened.click(box(opened, name))
        assert "which" in shown(opened)
        opened.click(box(opened, name))


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("REDDRESS", ["红裙 v1"]),
        ("红裙", ["红裙 v1"]),
        ("收藏", ["红裙 v1"]),
        ("ｂａｓｅ two", ["base two"]),
        ("底模", ["base two", "cut"]),
        ("lora sdxl", ["noisy"]),
        ("dangerous", ["trap"]),
        ("copy", []),
        ("trigger", []),
        ("nothing like this", []),
    ],
)
def test_the_search_finds_names_words_tags_and_what_people_call_things(
    opened: Session, words: str, names: list[str]
) -> None:
    """In any case and width, all words must be there; the Chinese word for a type finds it on an English page."""
    search(opened, words)
    assert shown(opened) == names
    assert opened.run("document.getElementById('nothing').checkVisibility()") is (not names)


def test_the_search_and_the_boxes_count_together(opened: Session) -> None:
    """The counts are those of what the search has left."""
    search(opened, "lora")
    assert counts(opened, "architecture") == {"sdxl": 1, "sd1": 1, "unknown architecture": 0, "sd2": 0}
    search(opened, "")
    assert sum(counts(opened, "type").values()) == 6


def test_the_order_can_be_changed(opened: Session) -> None:
    """By name, by size, by the day, and back to that of the list."""
    listed = shown(opened)
    for value, names in (
        ("size", ["base two", "which", "红裙 v1", "noisy", "trap", "cut"]),
        ("added", ["base two", "红裙 v1", "trap", "noisy", "which", "cut"]),
        ("name", ["base two", "cut", "noisy", "trap", "which", "红裙 v1"]),
        ("", listed),
    ):
        opened.run(
            f"document.getElementById('order').value = '{value}';"
            "document.getElementById('order').dispatchEvent(new Event('change'))"
        )
        assert shown(opened) == names, value


def test_the_page_is_used_by_keyboard_alone(opened: Session) -> None:
    """A slash goes to the search; Tab reaches the boxes, which Space checks."""
    opened.press("/", code=191, text="/")
    assert opened.run("document.activeElement.id") == "words"
    opened.type("lora")
    for _ in range(20):
        opened.press("Tab", code=9)
        if opened.run("document.activeElement.type") == "checkbox":
            break
    opened.press(" ", code=32, text=" ")
    assert opened.run("document.activeElement.checked")
    assert opened.run("document.activeElement.name") == "type"


def test_the_line_to_paste_is_copied(opened: Session) -> None:
    """The button says so, and the text is selected for those whose browser forbids it."""
    opened.click(".copy")
    opened.run("new Promise(resolve => setTimeout(resolve, 50))")
    assert text(opened, "#announcement") in ("Copied.", "Press Ctrl+C or ⌘C to copy.")
    assert opened.run("getSelection().toString()") == "<lora:红裙 v1:0.8> reddress"


def test_the_chinese_page_works_as_the_english_one(chromium: Session, tmp_path: Path) -> None:
    """Filters and search go by values, not by the words that are shown; both languages' words are found."""
    use_language("zh_Hans")
    try:
        write_page(tmp_path / "page.html", render_library(page_of()))
    finally:
        use_language("en")
    chromium.messages.clear()
    chromium.open(tmp_path / "page.html")
    assert chromium.run("document.documentElement.lang") == "zh-Hans"
    assert len(shown(chromium)) == 6
    for words in ("底模", "checkpoint"):
        search(chromium, words)
        assert shown(chromium) == ["base two", "cut"], words
    search(chromium, "")
    chromium.click("[name=type]")
    assert shown(chromium) == ["base two", "cut"]
    numbers = chromium.run("document.getElementById('shown').textContent.match(/\\d+/g).map(Number)")
    assert sorted(numbers) == [2, 6]  # languages differ in word order
    assert chromium.messages == []


@pytest.mark.parametrize("width", [340, 700, 1280, 2400])
def test_nothing_is_wider_than_the_window(chromium: Session, tmp_path: Path, width: int) -> None:
    """A telephone and a wide screen; on the telephone the filters are folded away."""
    write_page(tmp_path / "page.html", render_library(page_of()))
    chromium.open(tmp_path / "page.html", width=width)
    assert chromium.run("document.documentElement.scrollWidth") <= width
    assert chromium.run("document.getElementById('facets').open") is (width > 820)
