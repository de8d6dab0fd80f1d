"""Contact sheets are readable, bounded and harmless for every name and picture."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from modelhub.cli.remedies import sentence
from modelhub.errors import ModelhubError, UsageError
from modelhub.printable import printable
from modelhub.render import pictures
from modelhub.render.sheet import fonts
from modelhub.render.sheet import page as html_page
from modelhub.render.sheet import picture as sheet_picture
from modelhub.render.sheet.difference import difference_picture
from modelhub.render.sheet.entries import Entry, views_of
from modelhub.render.sheet.sheet import write_sheet

np = pytest.importorskip("numpy")
Image = pytest.importorskip("PIL.Image")

HOSTILE = (
    "<script>alert(1)</script>",
    '" onerror="alert(1)',
    "'><img src=x onerror=alert(1)>",
    "</style></title></script><b>",
    "&lt;b&gt; {{7*7}} ${x}",
    "\u202egnp.exe",
    "two\nlines\x1b[31m",
    "half \ud83d",
)


def entry(name: str = "m.safetensors", **given: Any) -> Entry:
    """Return a row that went well, without pictures."""
    plainly = {"type": "lora", "architecture": "sd1", "verdict": "ok", "good": True, "words": "It works."}
    return Entry(name=name, **(plainly | given))


@pytest.fixture
def red(tmp_path: Path) -> Path:
    """A red picture."""
    pictures.write_png(tmp_path / "red.png", np.full((64, 64, 3), (220, 20, 30), np.uint8), recipe={"seed": 1})
    return tmp_path / "red.png"


@pytest.fixture
def green(tmp_path: Path) -> Path:
    """A green picture, twice as wide as high."""
    pictures.write_png(tmp_path / "green.png", np.full((64, 128, 3), (20, 200, 30), np.uint8), recipe={"seed": 2})
    return tmp_path / "green.png"


class Page(HTMLParser):
    """A parsed page: elements with their attributes, texts, scripts and styles."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.raw: dict[str, list[str]] = {"script": [], "style": []}
        self.text = ""
        self._inside = ""
        self.feed(path.read_text("utf-8"))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag in self.raw:
            self._inside = tag
            self.raw[tag].append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.raw[self._inside][-1] += data
        else:
            self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def page(tmp_path: Path, *entries: Entry, title: str = "Sheet") -> Page:
    write_sheet(tmp_path / "sheet.html", entries, title=title)
    return Page(tmp_path / "sheet.html")


def test_other_names_are_refused_with_the_ones_that_work(tmp_path: Path) -> None:
    """The suffix decides; nothing is written for another."""
    with pytest.raises(UsageError, match=r"sheet\.pdf") as caught:
        write_sheet(tmp_path / "sheet.pdf", [entry()], title="t")
    assert ".html" in caught.value.remedy.text
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("name", "form"), [("s.png", "PNG"), ("S.PNG", "PNG"), ("s.jpg", "JPEG"), ("s.jpeg", "JPEG")])
def test_the_suffix_decides_the_format(tmp_path: Path, red: Path, name: str, form: str) -> None:
    """Capital letters make no difference."""
    write_sheet(tmp_path / "out" / name, [entry(picture=red)], title="水墨")
    with Image.open(tmp_path / "out" / name) as picture:
        assert picture.format == form


def test_a_sheet_that_cannot_be_written_is_an_error_with_its_name(tmp_path: Path) -> None:
    """A folder has the name."""
    (tmp_path / "sheet.html").mkdir()
    (tmp_path / "sheet.png").mkdir()
    for name in ("sheet.html", "sheet.png"):
        with pytest.raises(ModelhubError, match=name):
            write_sheet(tmp_path / name, [entry()], title="t")


@pytest.mark.parametrize(
    ("given", "level"),
    [
        ({"good": True, "verdict": "ok"}, "good"),
        ({"good": True, "verdict": "ok", "warnings": ("w",)}, "mind"),
        ({"good": False, "verdict": "uniform"}, "bad"),
        ({"good": False, "verdict": "timeout"}, "mind"),
        ({"good": False, "verdict": "not-tested"}, "mind"),
        ({"good": False, "verdict": "a new word"}, "bad"),
    ],
)
def test_red_is_only_what_is_proven_bad(given: dict[str, Any], level: str) -> None:
    """A time limit or a missing base says nothing against the model."""
    assert entry(**given).level == level


def test_a_difference_is_amplified_and_black_where_pictures_agree() -> None:
    """Four times the distance in both directions, without wrapping around."""
    one = np.array([[[10, 100, 0]]], np.uint8)
    other = np.array([[[10, 90, 255]]], np.uint8)
    assert difference_picture(one, other).tolist() == [[[0, 40, 255]]]
    assert difference_picture(other, one).tolist() == [[[0, 40, 255]]]
    with pytest.raises(ValueError, match="one size"):
        difference_picture(one, np.zeros((2, 2, 3), np.uint8))


def _colors(path: Path) -> set[tuple[int, ...]]:
    with Image.open(path) as picture:
        return {color for _, color in picture.convert("RGB").getcolors(1 << 24)}


def test_a_drawn_sheet_shows_its_pictures_and_the_verdicts_color(tmp_path: Path, red: Path, green: Path) -> None:
    """The pictures are in the order without, with, and the chip has its color."""
    write_sheet(tmp_path / "s.png", [entry(base=red, picture=green)], title="t")
    with Image.open(tmp_path / "s.png") as picture:
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    reds = np.argwhere((pixels == (220, 20, 30)).all(axis=-1))
    greens = np.argwhere((pixels == (20, 200, 30)).all(axis=-1))
    assert reds[:, 1].max() < greens[:, 1].min()
    side = sheet_picture.SIDES[0][1]
    assert len(reds) == side * side
    assert len(greens) == side * side // 2
    assert (0x1A, 0x7F, 0x37) in _colors(tmp_path / "s.png")


def test_broken_and_missing_pictures_leave_the_others(tmp_path: Path, red: Path) -> None:
    """A file cut short and one that is gone get a note in their place, in both kinds of sheet."""
    (tmp_path / "broken.png").write_bytes(red.read_bytes()[:60])
    row = entry(base=red, picture=tmp_path / "broken.png", half=tmp_path / "gone.png")
    write_sheet(tmp_path / "s.png", [row], title="t")
    assert (220, 20, 30) in _colors(tmp_path / "s.png")
    shown = page(tmp_path, row)
    assert "cannot be read" in shown.text
    assert "file is missing" in shown.text
    assert sum("src" in image for image in shown.all("img")) == 1


@pytest.mark.parametrize("count", [0, 1, 2, 9, 60, 200, 1000])
def test_a_drawn_sheet_keeps_a_screens_proportion(tmp_path: Path, red: Path, count: int) -> None:
    """However many rows, it is neither a tower nor a ribbon, and far from what viewers refuse."""
    layout = sheet_picture.choose_layout([entry(base=red, picture=red, half=red, difference=red)] * count)
    width, height = layout.size
    assert layout.columns * layout.rows >= count
    assert max(width, height) < 20_000
    if count > 8:
        assert 0.5 < width / height < 2.5


def test_too_many_for_one_picture_are_bounded_and_reported(tmp_path: Path) -> None:
    """Above the bound the first are drawn; the size is that of the bound."""
    layout = sheet_picture.choose_layout([entry()] * sheet_picture.MOST)
    drawn = sheet_picture.Drawing(layout).draw([entry()] * (sheet_picture.MOST + 500), "t")
    assert drawn.size[1] < 20_000


def test_views_that_no_row_has_take_no_place(red: Path) -> None:
    """A run over checkpoints alone has one column of pictures."""
    assert [v.heading for v in views_of([entry(picture=red)])] == ["with"]
    assert [v.heading for v in views_of([entry(picture=red), entry(base=red)])] == ["without", "with"]


@pytest.mark.parametrize("suffix", ["png", "html"])
def test_any_text_can_be_shown(tmp_path: Path, red: Path, suffix: str) -> None:
    """Empty, endless, hostile, in any script: it is written."""
    texts = ["", " ", "x" * 5000, "w " * 3000, "水墨画" * 500, "العربية עברית हिन्दी 🦊", *HOSTILE]
    rows = [
        entry(text, words=text, type=text, architecture=text, verdict=text, warnings=(text,), details=((text, text),))
        for text in texts
    ]
    write_sheet(tmp_path / f"s.{suffix}", [*rows, entry(texts[2], picture=red)], title="\n".join(HOSTILE))
    assert (tmp_path / f"s.{suffix}").stat().st_size > 1000


def test_a_page_holds_every_text_as_text(tmp_path: Path, red: Path) -> None:
    """Hostile names come out as they are, in no place as an element or attribute."""
    rows = [
        entry(text, words=text, type=text, verdict=text, warnings=(text,), details=((text, text),), picture=red)
        for text in HOSTILE
    ]
    shown = page(tmp_path, *rows, title=HOSTILE[3])
    for text in HOSTILE:
        assert shown.text.count(printable(text)) >= 6
    assert not [a for _, attributes in shown.elements for a in attributes if a.startswith("on")]
    assert {tag for tag, _ in shown.elements}.isdisjoint({"b", "x", "a", "iframe", "svg", "object"})
    assert len(shown.all("script")) == 2
    assert len(shown.all("style")) == 1
    assert all(image.get("src") is None or image["src"].startswith("data:image/") for image in shown.all("img"))


def test_a_pages_policy_allows_its_own_script_and_style_only(tmp_path: Path, red: Path) -> None:
    """The hashes in the policy are those of the one script and the one style; nothing is loaded from anywhere."""
    shown = page(tmp_path, entry("<script>alert(1)</script>", picture=red))
    policy = next(m["content"] for m in shown.all("meta") if m.get("http-equiv") == "Content-Security-Policy") or ""
    script, style = shown.raw["script"][-1], shown.raw["style"][0]
    for text, where in ((script, "script-src"), (style, "style-src")):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{where} 'sha256-{digest}';" in policy
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert "unsafe" not in policy
    assert [s.get("type") for s in shown.all("script")] == ["application/json", None]
    everything = (tmp_path / "sheet.html").read_text("utf-8")
    assert not re.search(r"https?://|@import|url\(", everything)
    assert not [a for _, attributes in shown.elements for a in attributes if a in ("style", "href", "srcset")]


def test_a_page_counts_and_offers_what_there_is_to_filter(tmp_path: Path) -> None:
    """The counts at the top and the choices are those of the rows."""
    shown = page(
        tmp_path,
        entry(),
        entry(type="vae", good=False, verdict="uniform"),
        entry(good=False, verdict="not-tested"),
    )
    assert "3 models 1 good 1 to look at 1 bad" in " ".join(shown.text.split())
    options = [option["value"] for option in shown.all("option")]
    assert options == [
        *("", "level:good", "level:mind", "level:bad", "verdict:not-tested", "verdict:ok", "verdict:uniform"),
        *("", "lora", "vae"),
    ]
    rows = [row for row in shown.all("li") if row.get("class") == "row"]
    assert [(r["data-level"], r["data-verdict"], r["data-type"]) for r in rows] == [
        ("good", "ok", "lora"),
        ("bad", "uniform", "vae"),
        ("mind", "not-tested", "lora"),
    ]


def test_pictures_in_a_page_have_words_and_can_be_reached_by_keyboard(tmp_path: Path, red: Path, green: Path) -> None:
    """Each is a button with an alternative text that says what is to be seen."""
    shown = page(tmp_path, entry("墨.safetensors", base=red, picture=green))
    alts = [image["alt"] for image in shown.all("img") if "src" in image]
    assert alts == [
        "墨.safetensors, without: The same prompt and seed without the model",
        "墨.safetensors, with: Rendered with the model",
    ]
    assert len([b for b in shown.all("button") if b.get("class") == "frame"]) == 2


def test_a_row_without_a_picture_gives_the_reason_in_its_place_once(tmp_path: Path, red: Path) -> None:
    """With the base's picture beside it where there is one."""
    words = "There is no compatible base in the library."
    for given in ({}, {"base": red}):
        shown = page(tmp_path, entry(words=words, **given))
        assert shown.text.count(words) == 1
        assert [p["class"] for p in shown.all("p") if "reason" in (p.get("class") or "")]


def test_a_click_shows_the_original_where_it_is_small(tmp_path: Path, red: Path) -> None:
    """Shared originals are carried once, large ones not at all."""
    noise = np.random.default_rng(1).integers(0, 255, (300, 300, 3), np.uint8)
    pictures.write_png(tmp_path / "large.png", noise, recipe={})
    assert (tmp_path / "large.png").stat().st_size > html_page.LARGEST_PICTURE
    rows = [entry(str(i), base=red, picture=tmp_path / "large.png") for i in range(3)]
    shown = page(tmp_path, *rows)
    large = json.loads(shown.raw["script"][0])
    assert [base64.b64decode(uri.partition(",")[2]) for uri in large.values()] == [red.read_bytes()]
    keys = [b["data-large"] for b in shown.all("button") if b.get("class") == "frame"]
    assert keys == [next(iter(large)), ""] * 3


def test_pages_of_many_models_stay_small(tmp_path: Path) -> None:
    """Two hundred models with four busy pictures each make a page that a browser opens at once."""
    rng = random.Random(1)
    files = []
    for i in range(8):
        steps = np.random.default_rng(i).integers(0, 255, (16, 16, 3), np.uint8)
        picture = Image.fromarray(steps).resize((512, 512), Image.Resampling.BICUBIC)
        pictures.write_png(tmp_path / f"{i}.png", np.asarray(picture), recipe={"seed": i})
        files.append(tmp_path / f"{i}.png")
    rows = [
        entry(str(i), **dict(zip(("base", "picture", "half", "difference"), rng.sample(files, 4), strict=True)))
        for i in range(200)
    ]
    write_sheet(tmp_path / "s.html", rows, title="t")
    assert (tmp_path / "s.html").stat().st_size < 12_000_000


def test_wrapped_text_fits_and_keeps_its_words() -> None:
    """Lines are never wider than asked, break at spaces or between Chinese characters, and end in an ellipsis."""
    face = fonts.Face(14)
    text = "It changes the picture clearly, half of it at half strength"
    lines = face.wrap(text, 160, 9)
    assert " ".join(lines) == text
    assert all(face.width(line) <= 160 for line in lines)
    assert "".join(face.wrap("水墨山水画风格" * 9, 100, 99)) == "水墨山水画风格" * 9
    short = face.wrap(text, 160, 2)
    assert len(short) == 2
    assert short[1].endswith("…")
    assert face.wrap(text, 160, 0) == []
    assert face.wrap("", 160, 3) == []
    assert all(face.width(line) <= 60 for line in face.wrap("x" * 500, 60, 5))


@pytest.mark.parametrize("name", ["style_" * 20 + "v3", "水墨" * 40 + "v3", "short v3"])
def test_a_long_name_keeps_its_end(name: str) -> None:
    """Two versions of one model can be told apart on a drawn sheet."""
    face = fonts.Face(14, bold=True)
    shown = face.shorten_middle(name, 150)
    assert face.width(shown) <= 150
    assert shown.endswith("v3")
    assert shown[:4] == name[:4]
    assert face.width(face.shorten_middle(name, 8)) <= face.width("…")


def test_without_pillow_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation without the extra gets the command to run, not a traceback."""
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(ModelhubError) as caught:
        write_sheet(tmp_path / "s.html", [entry()], title="t")
    assert "[render]" in sentence(caught.value.remedy)


def test_without_any_system_font_a_sheet_is_still_drawn(
    tmp_path: Path, red: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pillow's own font serves; no character is dropped or escaped."""
    for table in ("TEXT", "BOLD", "WIDE"):
        monkeypatch.setattr(fonts, table, ("no such font.ttf",))
    face = fonts.Face(14)
    assert face.latin is face.wide
    assert face.wrap("水墨 name", 500, 1) == ["水墨 name"]
    write_sheet(tmp_path / "s.png", [entry("水墨.safetensors", picture=red)], title="水墨")
    assert (220, 20, 30) in _colors(tmp_path / "s.png")
