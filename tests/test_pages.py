"""Pages in a real browser: whatever names and metadata say, no script of theirs runs and nothing is loaded."""

from __future__ import annotations

import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from modelhub.cli.app import run
from modelhub.desktop.report import MovedFile, SkippedFile, SortReport, write_report
from modelhub.pages.library import LibraryPage, ModelCard, PromptLine, render_library
from modelhub.pages.write import write_page
from modelhub.render.sheet.entries import Entry
from modelhub.render.sheet.sheet import write_sheet
from modelhub.testing.files import adapters, hostile, safetensors_file
from tests.browser import listening, rendered

# `{url}` is a server on loopback; a script that runs changes the title to "ran" or requests something there.
PAYLOADS = (
    '<img src=x onerror="document.title=`ran`;fetch(`{url}/img`)">',
    "</script><script>document.title='ran'</script>",
    "</title><script src={url}/script.js></script>",
    "</style><style>body{{background:url({url}/css)}}</style>",
    "--></textarea></option></select><svg onload=document.title='ran'>",
    "<svg><script href={url}/svg></script><animate onbegin=document.title='ran'>",
    '" autofocus onfocus="document.title=`ran`" style="background:url({url}/style)" x="',
    "' onmouseover='document.title=1' src='{url}/quote",
    "javascript:document.title='ran'",
    "data:text/html,<script>document.title='ran'</script>",
    "<iframe src={url}/frame></iframe><object data={url}/object></object><embed src={url}/embed>",
    "<link rel=stylesheet href={url}/link><link rel=prefetch href={url}/prefetch><base href={url}/>",
    '<meta http-equiv=refresh content="0;url={url}/refresh">',
    "<form action={url}/form><button autofocus>x</button></form><script>document.forms[0].submit()</script>",
    "&#x3c;script&#x3e;document.title='ran'&#x3c;/script&#x3e;",
    "&lt;img src={url}/entity&gt;",
    "{{{{constructor.constructor('document.title=1')()}}}} ${{document.title=1}} <%= 1 %> #{{1}}",
    "\u202e<img src={url}/bidi>\u2066\u2028\u2029",
    "<!--<script>",
    "<x" + "A" * 5000 + ">",
    "`<img src={url}/backtick>`",
)


class Document(HTMLParser):
    """The document as the browser has it: the title, and what could run or load something."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.title = ""
        self.suspicious: list[str] = []
        self.scripts = self.policies = 0
        self.is_scripted = False
        self._in_title = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self._in_title = tag == "title"
        self.scripts += tag == "script"
        self.is_scripted |= tag == "html" and "scripted" in values.get("class", "")
        self.policies += values.get("http-equiv") == "Content-Security-Policy"
        if tag in ("iframe", "object", "embed", "svg", "base", "link", "x") or values.get("http-equiv") == "refresh":
            self.suspicious.append(tag)
        for name, value in values.items():
            if name.startswith("on") or name in ("style", "srcset", "action", "formaction"):
                self.suspicious.append(f"{tag} {name}")
            if name == "src" and not value.startswith("data:image/"):
                self.suspicious.append(f"{tag} src={value[:60]}")
            if name == "href" and not value.startswith("file:///"):
                self.suspicious.append(f"{tag} href={value[:60]}")

    def handle_endtag(self, tag: str) -> None:
        self._in_title = False

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title += data


def assert_harmless(page: Path, requested: list[str], *, title: str | None = None) -> None:
    """Open the page; fail where a foreign script has run or anything was requested, or the page's own did not run."""
    shown = Document(rendered(page))
    assert requested == []
    assert shown.suspicious == []
    assert shown.title != "ran"
    assert title is None or shown.title == title
    assert shown.policies == 1
    assert shown.is_scripted, "the page's own script has not run"


def test_the_browser_runs_and_loads_what_a_page_does_not_stop(tmp_path: Path) -> None:
    """The means of these tests: without escapes and policy, each kind of payload is noticed."""
    with listening() as (url, requested):
        for number, payload in enumerate((PAYLOADS[0], PAYLOADS[4])):
            page = tmp_path / f"{number}.html"
            page.write_text(f"<!doctype html><title>page</title><body>{payload.format(url=url)}")
            assert Document(rendered(page)).title == "ran"
        assert "/img" in requested


def _as_name(text: str) -> str:
    return text.replace("/", "∕")[:80]


def test_a_report_with_hostile_texts_does_nothing(tmp_path: Path) -> None:
    """Every field of the report holds every payload."""
    with listening() as (url, requested):
        texts = [payload.format(url=url) for payload in PAYLOADS]
        folder = tmp_path / _as_name(texts[0])
        report = SortReport(
            title=" ".join(texts[:7]),
            folder=folder,
            into=tmp_path / _as_name(texts[2]),
            layout=texts[1],
            started_at=texts[2],
            operation=1,
            dry_run=False,
            moved=tuple(
                MovedFile(
                    source=folder / _as_name(text), target=folder / "x" / _as_name(text), what=text, size=1, how=how
                )
                for text in texts
                for how in ("moved", "trashed", text)
            ),
            skipped=tuple(
                SkippedFile(path=folder / _as_name(text), reason=text, text=text, needs_attention=bool(number % 2))
                for number, text in enumerate(texts)
            ),
            undo_command=" ".join(texts),
            recovered=" ".join(texts),
        )
        write_report(tmp_path / "report.html", report)
        assert_harmless(tmp_path / "report.html", requested)


def test_a_contact_sheet_with_hostile_texts_does_nothing(tmp_path: Path) -> None:
    """Every field of the sheet holds every payload, with a picture and without."""
    image = pytest.importorskip("PIL.Image")
    image.new("RGB", (64, 64), (200, 20, 20)).save(tmp_path / "red.png")
    with listening() as (url, requested):
        texts = [payload.format(url=url) for payload in PAYLOADS]
        rows = [
            Entry(
                name=text,
                type=text,
                architecture=text,
                verdict=text,
                good=False,
                words=text,
                warnings=(text,),
                details=((text, text),),
                picture=picture,
            )
            for text in texts
            for picture in (None, tmp_path / "red.png")
        ]
        write_sheet(tmp_path / "sheet.html", rows, title=" ".join(texts[:7]))
        assert_harmless(tmp_path / "sheet.html", requested)


def test_a_library_page_with_hostile_texts_does_nothing(tmp_path: Path) -> None:
    """Every field of a card holds every payload."""
    with listening() as (url, requested):
        texts = [payload.format(url=url) for payload in PAYLOADS]
        cards = [
            ModelCard(
                name=text,
                type=text,
                size=1,
                architectures=(text, text),
                style=text,
                variant=text,
                precision=text,
                trigger_words=(text,),
                tags=(text,),
                safety=text,
                state=text,
                test=text,
                test_level="bad",
                test_words=text,
                prompts=(PromptLine(text=text, uis=text),),
                path=tmp_path / _as_name(text) / "x",
                shown_path=text,
                added_at=text,
            )
            for text in texts
        ]
        page = LibraryPage(models=tuple(cards), written_at=texts[0], query=" ".join(texts), pictures_left_out=1)
        write_page(tmp_path / "page.html", render_library(page))
        assert_harmless(tmp_path / "page.html", requested, title="Models")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such file names")
def test_the_report_of_a_real_sort_does_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files whose names, metadata and previews are payloads, from the folder of downloads to the page."""
    monkeypatch.setenv("MODELHUB_CONFIG", str(tmp_path / "none"))
    monkeypatch.setenv("MODELHUB_LIBRARY", str(tmp_path / "library"))
    with listening() as (url, requested):
        downloads = tmp_path / _as_name(PAYLOADS[0].format(url=url))
        for number, payload in enumerate(PAYLOADS):
            text = payload.format(url=url)
            metadata = adapters.lora_metadata(text[:200], text[:200], rank=4) | {"modelspec.title": text[:200]}
            path = downloads / f"{number} {_as_name(text)}.safetensors"
            safetensors_file.write(path, adapters.embedding(), metadata=metadata, seed=number)
            path.with_suffix(".png").write_text(f"\x89PNG\r\n\x1a\n{text}")
        hostile.checkpoint(downloads / "trap.ckpt").rename(downloads / f"{_as_name(PAYLOADS[1])}.ckpt")
        for name, extra in (("plan.html", ["--dry-run"]), ("done.html", [])):
            page = tmp_path / name
            arguments = ["sort", str(downloads), "--layout", "comfyui", "--into", str(tmp_path / "ui"), *extra]
            run([*arguments, "--report", str(page)])
            assert re.search("embedding", page.read_text("utf-8"))
            assert_harmless(page, requested)
        run(["add", str(downloads), str(tmp_path / "ui")])
        run(["list", "--report", str(tmp_path / "library.html")])
        assert re.search("embedding", (tmp_path / "library.html").read_text("utf-8"))
        assert_harmless(tmp_path / "library.html", requested, title="Models")
