"""The report of a sort: one page that is complete, harmless and small, whatever the files are called."""

from __future__ import annotations

import base64
import builtins
import hashlib
import os
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from modelhub.desktop.report import MovedFile, SkippedFile, SortReport, write_report
from modelhub.errors import ModelhubError

VOID = {"meta", "img", "input", "br", "hr", "link"}


class Page(HTMLParser):
    """A page as a browser sees it: elements with attributes, the text of each, and whether all are closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.setdefault(self.open[-1] if self.open else "", []).append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def text(self) -> str:
        return " ".join(" ".join(found) for tag, found in self.texts.items() if tag not in ("script", "style"))


@pytest.fixture
def report(tmp_path: Path) -> SortReport:
    """Two models moved, one copy trashed, a trap and a file already in place left."""
    downloads, models = tmp_path / "Down loads", tmp_path / "ComfyUI" / "models"
    return SortReport(
        title="Sorted",
        folder=downloads,
        into=models,
        layout="comfyui",
        started_at="2026-11-23T14:43:31+00:00",
        operation=7,
        dry_run=False,
        moved=(
            MovedFile(
                source=downloads / "new" / "红裙 v1.safetensors",
                target=models / "loras" / "红裙 v1.safetensors",
                what="lora · sd1 · rank 32",
                size=151_108_832,
                how="moved",
            ),
            MovedFile(
                source=downloads / "base.ckpt",
                target=models / "checkpoints" / "base (2).ckpt",
                what="base · sd1",
                size=2_132_625_894,
                how="moved",
            ),
            MovedFile(
                source=downloads / "base (1).ckpt",
                target=models / "checkpoints" / "base (2).ckpt",
                what="base · sd1",
                size=2_132_625_894,
                how="trashed",
            ),
        ),
        skipped=(
            SkippedFile(
                path=downloads / "there.safetensors", reason="in place", text="It is there.", needs_attention=False
            ),
            SkippedFile(
                path=downloads / "odd.pt",
                reason="not sure",
                text="Run `modelhub inspect odd.pt`.",
                needs_attention=True,
            ),
            SkippedFile(
                path=downloads / "trap.pt", reason="dangerous", text="It would run code.", needs_attention=True
            ),
        ),
        undo_command="modelhub undo 7",
    )


def written(target: Path, report: SortReport) -> tuple[Page, str]:
    """Return the page as parsed and as text."""
    write_report(target, report)
    text = target.read_text("utf-8")
    page = Page(text)
    assert page.open == []
    return page, text


def test_the_page_says_what_went_where_and_how_to_take_it_back(tmp_path: Path, report: SortReport) -> None:
    """Names, kinds, sizes, groups by folder, the old name and folder, the number of the run and the undo command."""
    page, text = written(tmp_path / "out" / "report.html", report)
    for words in (
        "2 moved, 2.28 GB", "1 put into the trash, 2.13 GB", "2 need your attention", "1 left in place", "run 7",
        "红裙 v1.safetensors", "lora · sd1 · rank 32 · 151 MB", "modelhub undo 7",
    ):  # fmt: skip
        assert words in page.text
    assert "was <bdi>base.ckpt</bdi>" in text
    assert {"loras", "checkpoints", "new"} <= set(page.texts["bdi"])
    links = {attributes["href"] for attributes in page.all("a")}
    assert (report.into / "loras").as_uri() in links
    assert report.folder.as_uri() in links
    assert "%20" in report.folder.as_uri()


def test_what_needs_the_person_comes_first_and_harm_before_doubt(tmp_path: Path, report: SortReport) -> None:
    """Dangerous, then not sure, then what moved, then what may stay."""
    _, text = written(tmp_path / "report.html", report)
    order = [text.index(words) for words in ("trap.pt", ">odd.pt<", "<h2>Moved</h2>", "there.safetensors")]
    assert order == sorted(order)
    assert "Run <code>modelhub inspect odd.pt</code>." in text


def test_a_dry_run_speaks_of_what_would_happen(tmp_path: Path, report: SortReport) -> None:
    """No undo command, and no word of anything done."""
    page, _ = written(tmp_path / "report.html", replace(report, dry_run=True, operation=None, undo_command=""))
    assert "Nothing was changed" in page.text
    assert "2 to move" in page.text
    assert "Would move" in page.text
    assert "moved" not in page.text
    assert not [element for element in page.all("code") if element.get("id") == "undo"]


def test_a_run_that_found_nothing_says_so(tmp_path: Path, report: SortReport) -> None:
    """An empty page would leave the person wondering."""
    page, _ = written(
        tmp_path / "report.html", replace(report, moved=(), skipped=(), recovered="Finished run 6 first.")
    )
    assert "no model files found" in page.text
    assert "Finished run 6 first." in page.text


@pytest.mark.parametrize(
    "name",
    [
        "<script>alert(1)<x>.pt",
        '"><img src=x onerror=alert(1)>.pt',
        "'-alert(1)-'.pt",
        "&lt;b&gt;.pt",
        "a\u202etxt.pt",
        "two\nlines\x1b[31m.pt",
        "half \udcff.pt",
        "</title></style></script><svg onload=1>.pt",
        "`rm -rf`.pt",
    ],
)
def test_hostile_names_are_shown_and_do_nothing(tmp_path: Path, report: SortReport, name: str) -> None:
    """In each place where a text of the outside stands: only the page's own elements and attributes are in it."""
    plain, _ = written(tmp_path / "plain.html", report)
    sources = [replace(row, source=row.source.with_name(_safe(name)), what=name, how="moved") for row in report.moved]
    stays = [replace(row, path=row.path.with_name(_safe(name)), text=name, reason=name) for row in report.skipped]
    hostile = replace(
        report, title=name, layout=name, moved=tuple(sources), skipped=tuple(stays), undo_command=name, recovered=name,
        started_at=name, folder=Path(report.folder, _safe(name)), into=Path(report.into, _safe(name)),
    )  # fmt: skip
    page, text = written(tmp_path / "report.html", hostile)
    assert {tag for tag, _ in page.elements} <= {tag for tag, _ in plain.elements}
    assert {key for _, attributes in page.elements for key in attributes} <= {
        key for _, attributes in plain.elements for key in attributes
    }
    assert page.texts["script"] == plain.texts["script"]
    assert not {"\u202e", "\x1b", "\udcff"} & set(text)
    for attributes in page.all("a"):
        assert (attributes["href"] or "").startswith("file:///")


def _safe(name: str) -> str:
    """Replace what paths of Windows and POSIX would take for separators."""
    return name.replace("/", "∕")


def test_the_policy_allows_only_the_pages_own_style_and_script(tmp_path: Path, report: SortReport) -> None:
    """Nothing is loaded: the hashes are those of what stands in the page, and no attribute holds a handler."""
    page, text = written(tmp_path / "report.html", report)
    (policy,) = [a["content"] or "" for a in page.all("meta") if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; img-src data:;")
    for tag in ("style", "script"):
        (content,) = page.texts[tag]
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert "http://" not in text and "https://" not in text
    assert not [key for _, attributes in page.elements for key in attributes if key.startswith("on") or key == "style"]
    assert "@import" not in text and "url(" not in text


def _picture(path: Path, format: str, size: tuple[int, int] = (300, 400), mode: str = "RGB") -> Path:
    image = pytest.importorskip("PIL.Image")
    image.new(mode, size, 0 if mode in ("L", "P") else (200, 30, 60, 90)[: len(mode)]).save(path, format)
    return path


def _with_previews(report: SortReport, *previews: Path) -> SortReport:
    row = report.moved[0]
    return replace(report, moved=tuple(replace(row, preview=preview) for preview in previews))


def test_previews_are_carried_as_small_jpegs(tmp_path: Path, report: SortReport) -> None:
    """PNG, WebP, GIF with transparency and palettes alike; never a path to the picture."""
    image = pytest.importorskip("PIL.Image")
    files = [
        _picture(tmp_path / "a.png", "PNG", mode="RGBA"),
        _picture(tmp_path / "b.webp", "WEBP"),
        _picture(tmp_path / "c.gif", "GIF", mode="P"),
        _picture(tmp_path / "d.jpg", "JPEG", (2000, 100)),
    ]
    page, text = written(tmp_path / "report.html", _with_previews(report, *files))
    sources = [attributes["src"] or "" for attributes in page.all("img")]
    assert len(sources) == 4
    for number, source in enumerate(sources):
        kind, _, content = source.partition(",")
        assert kind == "data:image/jpeg;base64"
        (tmp_path / f"{number}.jpg").write_bytes(base64.b64decode(content))
        assert max(image.open(tmp_path / f"{number}.jpg").size) == 128
    assert not [file for file in files if file.name in text]


def test_a_preview_that_is_no_picture_gives_way_to_a_letter(tmp_path: Path, report: SortReport) -> None:
    """Damaged, cut off, missing, a folder, a text: the row is there all the same."""
    broken = tmp_path / "broken.png"
    broken.write_bytes(_picture(tmp_path / "whole.png", "PNG").read_bytes()[:60])
    text = tmp_path / "text.png"
    text.write_text("<svg onload=alert(1)>")
    page, _ = written(tmp_path / "report.html", _with_previews(report, broken, text, tmp_path / "none.png", tmp_path))
    assert page.all("img") == []
    assert page.texts["span"].count("L") == 4


def test_without_pillow_small_pictures_are_carried_as_they_are(
    tmp_path: Path, report: SortReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Large files and other content are not."""
    small = _picture(tmp_path / "a.png", "PNG")
    large, text = tmp_path / "large.png", tmp_path / "text.jpg"
    large.write_bytes(small.read_bytes() + bytes(200_000))
    text.write_text("no picture")
    real = builtins.__import__

    def without(name: str, *rest: object) -> object:
        if name.split(".")[0] == "PIL":
            raise ImportError(name)
        return real(name, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", without)
    page, _ = written(tmp_path / "report.html", _with_previews(report, small, large, text))
    (picture,) = page.all("img")
    assert picture["src"] == f"data:image/png;base64,{base64.b64encode(small.read_bytes()).decode()}"


def test_ten_thousand_rows_make_a_page_of_a_few_megabytes_with_closed_groups(
    tmp_path: Path, report: SortReport
) -> None:
    """Every file is named, thumbnails are carried for the first few hundred only."""
    preview = _picture(tmp_path / "a.png", "PNG", (64, 64))
    row = report.moved[0]
    rows = tuple(
        replace(row, target=report.into / f"f{i % 7}" / f"model {i}.safetensors", preview=preview)
        for i in range(10_000)
    )
    page, text = written(tmp_path / "report.html", replace(report, moved=rows))
    assert (tmp_path / "report.html").stat().st_size < 8_000_000
    assert len(page.all("li")) == 10_000 + len(report.skipped)
    assert len(page.all("img")) == 400
    assert "10,000 moved, 1.51 TB" in text
    assert sum("open" not in attributes for attributes in page.all("details")) == 7


def test_the_old_report_stays_when_the_new_one_cannot_be_written(tmp_path: Path, report: SortReport) -> None:
    """A folder in the way and a place that cannot be made are told; no half page, no temporary file is left."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(ModelhubError):
        write_report(tmp_path / "file" / "report.html", report)
    (tmp_path / "taken").mkdir()
    with pytest.raises(ModelhubError):
        write_report(tmp_path / "taken", report)
    assert sorted(os.listdir(tmp_path)) == ["file", "taken"]


def test_a_report_replaces_the_one_before(tmp_path: Path, report: SortReport) -> None:
    """`--report FILE` may name the same file every time."""
    target = tmp_path / "报告.html"
    write_report(target, report)
    write_report(target, replace(report, title="Second"))
    assert "<h1>Second</h1>" in target.read_text("utf-8")
    assert os.listdir(tmp_path) == ["报告.html"]


@pytest.mark.skipif(sys.platform == "win32", reason="paths of another system")
def test_a_folder_that_is_not_absolute_is_no_link(tmp_path: Path, report: SortReport) -> None:
    """A reference relative to the page would lead astray."""
    page, _ = written(tmp_path / "report.html", replace(report, folder=Path("here")))
    assert "here" in page.texts["bdi"]
    assert all((attributes["href"] or "").startswith("file:///") for attributes in page.all("a"))
