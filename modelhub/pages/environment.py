"""The templates of pages, and the one way to make a page of them.

Every text is escaped, and the page's Content-Security-Policy allows only its own style and script, by their hashes, so
that a file's name can do nothing even if an escape were missing. Nothing is loaded from anywhere.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from modelhub.language import _, language_tag, plural
from modelhub.printable import printable
from modelhub.quantities import format_size
from modelhub.version import __version__

if TYPE_CHECKING:
    from jinja2 import Environment

# The beginning of the mark by which modelhub knows its own pages.
GENERATOR = "modelhub"


def render_page(template: str, *, assets: Sequence[str], **values: Any) -> str:
    """Return the page of a template. `assets`: names of its styles and scripts, which come after those of all pages."""
    names = ("base", *assets)
    style, script = ("\n".join(_read_static(f"{name}.{kind}") for name in names) for kind in ("css", "js"))
    return (
        _environment()
        .get_template(template)
        .render(
            style=_trusted(style),
            script=_trusted(script),
            style_hash=_policy_source(style),
            script_hash=_policy_source(script),
            generator=f"{GENERATOR} {__version__}",
            language=language_tag(),
            **values,
        )
    )


def _read_static(name: str) -> str:
    file = files("modelhub.pages").joinpath("static", name)
    # No carriage return, whatever the checkout did: a browser hashes what it has parsed, with plain line feeds.
    return file.read_text("utf-8").replace("\r\n", "\n") if file.is_file() else ""


def _policy_source(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def _trusted(text: str) -> str:
    from markupsafe import Markup

    return Markup(text)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    from modelhub.pages import markup

    environment = Environment(
        loader=PackageLoader("modelhub.pages"),
        autoescape=True,
        finalize=_finalize,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        {
            "_": _,
            "plural": plural,
            "fill": markup.fill,
            "code": markup.code,
            "isolate": markup.isolate,
            "link": markup.link,
        }
    )
    environment.filters.update({"size": format_size, "commands": markup.mark_up_commands, "time": markup.format_time})
    return environment


def _finalize(value: object) -> object:
    """Return text in which no character hides or reorders others; what is HTML already passes."""
    return printable(value) if isinstance(value, str) and not hasattr(value, "__html__") else value
