"""Detection of HTML, JSON and LFS pointers that servers send instead of a file, and the errors of error statuses."""

from __future__ import annotations

import html
import json
import re
import time
from typing import TYPE_CHECKING

from modelhub.errors import AccessError, ModelhubError, NetworkError, NotFoundError
from modelhub.fetch.http.bounded_body import read_start

if TYPE_CHECKING:
    import requests

SNIFF_BYTES = 1024  # enough of a file to tell a page from a model
_PAGE_BYTES = 8192  # the most of an error page that is read
_PAGE_SECONDS = 10.0
_MODEL_SUFFIXES = frozenset(
    {
        "safetensors", "ckpt", "pt", "pth", "bin", "gguf", "ggml", "onnx", "pkl",
        "pickle", "th", "vae", "npz", "zip", "sft", "safetensor", "msgpack", "h5"
    }
)  # fmt: skip
_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
_BOM = b"\xef\xbb\xbf"
_MARKUP = re.compile(rb"<(!doctype|html|head|body|\?xml|!--|error|script|title|svg)\b", re.IGNORECASE)
_PAGE_SUFFIXES = frozenset({"html", "htm", "xml", "svg", "xhtml", "md"})
_TAGS = re.compile(r"<(script|style)\b.*?</\1>|<[^>]*>", re.IGNORECASE | re.DOTALL)
_TITLE = re.compile(r"<(title|h1|message)[^>]*>(.*?)</\1", re.IGNORECASE | re.DOTALL)


def reject_error_page(start: bytes, name: str, url: str) -> None:
    """Raise NetworkError when the first bytes of the file `name` are an error page, JSON or an LFS pointer instead."""
    suffix = _suffix(name)
    text = start.removeprefix(_BOM).lstrip()
    if text.startswith(_LFS_POINTER):
        remedy = "Use the URL that contains /resolve/, or look for another source."
        raise NetworkError(f"{url} sent a git-lfs pointer instead of the file {name}.", remedy)
    if suffix not in _PAGE_SUFFIXES and _MARKUP.match(text):
        summary = f"{url} sent a web page instead of {name}."
        raise NetworkError(summary, _OPEN_IN_BROWSER, details=_quoted(page_message(start)))
    if is_model_suffix(suffix) and _is_json(text):
        summary = f"{url} sent JSON instead of {name}."
        raise NetworkError(summary, _OPEN_IN_BROWSER, details=_quoted(page_message(start)))


def can_be_empty(name: str) -> bool:
    """Return whether a file of this name may have no content; a model never is empty."""
    return not is_model_suffix(_suffix(name))


def is_model_suffix(suffix: str) -> bool:
    """Return whether files with this suffix are models; those without any are taken for models."""
    return not suffix or suffix in _MODEL_SUFFIXES


def _suffix(name: str) -> str:
    return name.rpartition(".")[2].lower() if "." in name else ""


_OPEN_IN_BROWSER = "Open the URL in a browser: a login, a token or an accepted license may be needed."


def _is_json(text: bytes) -> bool:
    # A safetensors file may start with the byte of `{` as part of its header's length: that is followed by zeros.
    return text[:1] in (b"{", b"[") and b"\0" not in text[:64]


def _quoted(message: str) -> tuple[str, ...]:
    """Return the detail of an error that quotes the server, none for a page without a message."""
    return (f"Its answer: {message}",) if message else ()


def page_message(body: bytes) -> str:
    """Return the message of an error page in one short line: that of its JSON, its title, or its text."""
    text = body.decode("utf-8", errors="replace")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, dict):
        message = next((found[key] for key in ("message", "error", "detail") if isinstance(found.get(key), str)), "")
    else:
        title = _TITLE.search(text)
        message = title.group(2) if title else text
    plain = " ".join(html.unescape(_TAGS.sub(" ", message)).split())
    plain = "".join(c for c in plain if c.isprintable() and c != "\ufffd")
    return re.sub(r"https?://\S+", lambda m: m.group(0).partition("?")[0], plain)[:120]


def error_for_response(response: requests.Response, name: str, url: str) -> ModelhubError:
    """Return the error for a response with a status of 400 or above. `url` must be free of secrets."""
    status = response.status_code
    message = page_message(read_start(response, _PAGE_BYTES, deadline=time.monotonic() + _PAGE_SECONDS))
    code = response.headers.get("X-Error-Code", "")
    answer = _quoted(message)
    if code == "GatedRepo" or status in (401, 402, 403, 407, 451):
        return AccessError(
            f"{url} refused {name} ({status}).",
            "Log in there, accept the license where there is one, and set the token (HF_TOKEN, CIVITAI_API_TOKEN).",
            details=answer,
        )
    if status in (404, 410):
        hint = "Check the URL; the file may have moved."
        return NotFoundError(f"{name} is not at {url} ({status}).", hint, details=answer)
    hint = "Try again later; the download will resume."
    return NetworkError(f"{url} answered {status} for {name}.", hint, details=answer)
