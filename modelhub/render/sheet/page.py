"""A contact sheet as one self-contained page: pictures inside, no network, readable without its script.

Every text is escaped, and the page's Content-Security-Policy allows only the style and the script below, by their
hashes, so that a model's name could not run code even if an escape were missing.
"""

from __future__ import annotations

import base64
import hashlib
import html
import io
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from modelhub.errors import ModelhubError
from modelhub.language import _, language_tag, plural, translate
from modelhub.printable import printable
from modelhub.render.pictures import SIGNATURE, thumbnail, write_beside
from modelhub.render.sheet.entries import LEVEL_LABELS, Entry, View, views_of

# Up to so many entries, so many pixels for the side of a thumbnail; the page of 200 models stays below 10 MB.
SIDES = ((60, 256), (300, 192), (1 << 62, 128))
QUALITY = 80
# A click shows the picture itself where it is small, as long as all of them together stay bounded (bytes).
LARGEST_PICTURE, ALL_PICTURES = 160_000, 8_000_000


def write_page(target: Path, entries: Sequence[Entry], *, title: str) -> None:
    """Write the page as UTF-8. Raise ModelhubError when it cannot be written."""
    text = "".join(_page(entries, printable(title))).encode("utf-8")
    write_beside(target, lambda stream: stream.write(text))


class EmbeddedPictures:
    """The pictures of one page: thumbnails in place, and each original once."""

    def __init__(self, side: int) -> None:
        self.side = side
        self.large: dict[str, str] = {}
        self._used = 0
        # Many adapters share their base's picture.
        self.small = lru_cache(maxsize=64)(self._embed)

    def _embed(self, path: Path) -> tuple[str, str]:
        """Return the thumbnail as a data URI, and the key of the original ("" where it is too large to embed)."""
        picture = thumbnail(path, self.side)
        stream = io.BytesIO()
        try:
            picture.save(stream, "WEBP", quality=QUALITY, method=4)
            kind = "webp"
        except (OSError, KeyError):  # a Pillow without WebP
            stream = io.BytesIO()
            picture.save(stream, "JPEG", quality=QUALITY)
            kind = "jpeg"
        return _data_uri(kind, stream.getvalue()), self._embed_original(path)

    def _embed_original(self, path: Path) -> str:
        try:
            if path.stat().st_size > min(LARGEST_PICTURE, ALL_PICTURES - self._used):
                return ""
            content = path.read_bytes()
        except OSError:
            return ""
        if not content.startswith(SIGNATURE):
            return ""
        key = hashlib.sha256(content).hexdigest()[:16]
        if key not in self.large:
            self.large[key] = _data_uri("png", content)
            self._used += len(content)
        return key


def _data_uri(kind: str, content: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"


def _page(entries: Sequence[Entry], title: str) -> Iterator[str]:
    style, script = _data("sheet.css"), _data("sheet.js")
    policy = (
        f"default-src 'none'; img-src data:; style-src {_source(style)}; script-src {_source(script)}; "
        "base-uri 'none'; form-action 'none'"
    )
    side = next(side for most, side in SIDES if len(entries) <= most)
    pictures = EmbeddedPictures(side)
    views = views_of(entries)
    yield (
        f'<!doctype html>\n<html lang="{language_tag()}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{_escaped(title)}</title>\n<style>{style}</style>\n</head>\n<body>\n<header>\n"
        f"<h1>{_escaped(title)}</h1>\n"
    )
    yield from _counts(entries)
    yield "</header>\n<main>\n"
    yield from _filters(entries)
    yield f'<ol class="s{side}">\n'
    for entry in entries:
        yield from _row(entry, views, pictures)
    nothing = _escaped(_("No model fits these filters."))
    yield f'</ol>\n<p class="nothing" id="nothing" hidden>{nothing}</p>\n</main>\n'
    yield (
        '<dialog id="viewer" aria-labelledby="caption"><img id="picture" alt="">'
        f'<div><p id="caption"></p><button type="button" id="close">{_escaped(_("Close"))}</button></div></dialog>\n'
    )
    yield f'<script type="application/json" id="large">{json.dumps(pictures.large)}</script>\n'
    yield f"<script>{script}</script>\n</body>\n</html>\n"


def _data(name: str) -> str:
    # No carriage returns, even from a checkout that has them: a browser hashes the parsed text, with plain line feeds.
    return files("modelhub.render").joinpath("data", name).read_text("utf-8").replace("\r\n", "\n")


def _source(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def _escaped(text: str) -> str:
    return html.escape(printable(text), quote=True)


def _counts(entries: Sequence[Entry]) -> Iterator[str]:
    levels = Counter(entry.level for entry in entries)
    total = plural(len(entries), "{count:,} model", "{count:,} models")
    yield f'<p class="counts"><span>{_escaped(total)}</span>'
    for level, word in LEVEL_LABELS.items():
        if levels[level]:
            yield f' <span class="chip {level}">{levels[level]:,} {_escaped(translate(word))}</span>'
    yield "</p>\n"


def _filters(entries: Sequence[Entry]) -> Iterator[str]:
    levels = Counter(entry.level for entry in entries)
    verdicts = Counter(entry.verdict for entry in entries)
    types = Counter(entry.type for entry in entries)
    hint, all_of_them = _escaped(_("name, words, base … (press /)")), _escaped(_("all"))
    yield (
        f'<form id="filters" role="search" aria-label="{_escaped(_("Filter the models"))}">'
        f'<label class="wide">{_escaped(_("Search"))} <input type="search" id="words" placeholder="{hint}" '
        'autocomplete="off" spellcheck="false"></label>'
        f'<label>{_escaped(_("Verdict"))} <select id="verdict"><option value="">{all_of_them}</option>'
    )
    yield from (_option(f"level:{level}", word, levels[level]) for level, word in LEVEL_LABELS.items() if levels[level])
    yield "<hr>"
    yield from (_option(f"verdict:{verdict}", verdict, count) for verdict, count in sorted(verdicts.items()))
    yield (f'</select></label><label>{_escaped(_("Type"))} <select id="type"><option value="">{all_of_them}</option>')
    yield from (_option(kind, kind, count) for kind, count in sorted(types.items()))
    shown = _escaped(_("{shown} of {total} shown", shown="{shown}", total="{total}"))
    yield (
        f'</select></label><button type="reset">{_escaped(_("Clear"))}</button>'
        f'<output id="shown" aria-live="polite" data-shown="{shown}"></output></form>\n'
    )


def _option(value: str, word: str, count: int) -> str:
    return f'<option value="{_escaped(value)}">{_escaped(translate(word))} ({count:,})</option>'


def _row(entry: Entry, views: Sequence[View], pictures: EmbeddedPictures) -> Iterator[str]:
    words = _escaped(translate(entry.words))
    yield (
        f'<li class="row" data-level="{entry.level}" data-verdict="{_escaped(entry.verdict)}" '
        f'data-type="{_escaped(entry.type)}">\n<div class="views v{len(views)}">'
    )
    if entry.picture is not None:
        yield from (_figure(entry, view, pictures) for view in views)
    else:
        yield _figure(entry, views[0], pictures) if entry.base is not None else ""
        place = " beside" if entry.base is not None else ""
        yield f'<p class="reason{place}">{words or _escaped(_("no picture"))}</p>'
    yield (
        f'</div>\n<div class="about"><h2><bdi>{_escaped(entry.name)}</bdi></h2>'
        f'<p class="verdict"><span class="chip {entry.level}">{_escaped(translate(entry.verdict))}</span> '
        f"{_escaped(entry.kind)}</p>"
    )
    if entry.picture is not None:
        yield f"<p>{words}</p>"
    if entry.warnings:
        items = (f"<li>{_escaped(translate(warning))}</li>" for warning in entry.warnings)
        yield f'<ul class="warnings">{"".join(items)}</ul>'
    if entry.details:
        pairs = (
            f"<div><dt>{_escaped(translate(label))}</dt><dd>{_escaped(value)}</dd></div>"
            for label, value in entry.details
        )
        yield f"<dl>{''.join(pairs)}</dl>"
    yield "</div>\n</li>\n"


def _figure(entry: Entry, view: View, pictures: EmbeddedPictures) -> str:
    path = entry.file(view)
    if path is None:
        return '<figure class="none"></figure>'
    heading = translate(view.heading)
    caption = f"<figcaption>{_escaped(heading)}</figcaption></figure>"
    try:
        small, large = pictures.small(path)
    except ModelhubError:
        reason = _("cannot be read") if path.exists() else _("file is missing")
        return f'<figure><span class="frame">{_escaped(reason)}</span>{caption}'
    description = translate(view.description)
    alt = _escaped(_("{name}, {heading}: {description}", name=entry.name, heading=heading, description=description))
    return (
        f'<figure><button type="button" class="frame" title="{_escaped(_("Enlarge"))}" data-large="{large}">'
        f'<img src="{small}" alt="{alt}" loading="lazy" decoding="async"></button>{caption}'
    )
