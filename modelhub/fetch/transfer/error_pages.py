"""What a body or an error answer really is: error pages, pointers and refusals, told from their first bytes."""

from __future__ import annotations

import html
import json
import re
from typing import TYPE_CHECKING

from modelhub.errors import AccessError, ModelhubError, NetworkError, NotFoundError

if TYPE_CHECKING:
    import requests

SNIFF_BYTES = 1024  # bytes that are enough to tell a page from a model
_TEXT_LOOK = 8192
_MODELS = frozenset(
    {
        "safetensors", "ckpt", "pt", "pth", "bin", "gguf", "ggml", "onnx", "pkl",
        "pickle", "th", "vae", "npz", "zip", "sft", "safetensor", "msgpack", "h5"
    }
)  # fmt: skip
_LFS = b"version https://git-lfs.github.com/spec/"
_BOM = b"\xef\xbb\xbf"
_MARKUP = re.compile(rb"<(!doctype|html|head|body|\?xml|!--|error|script|title|svg)\b", re.IGNORECASE)
_PAGES = frozenset({"html", "htm", "xml", "svg", "xhtml", "md"})
_TAGS = re.compile(r"<(script|style)\b.*?</\1>|<[^>]*>", re.IGNORECASE | re.DOTALL)
_TITLE = re.compile(r"<(title|h1|message)[^>]*>(.*?)</\1", re.IGNORECASE | re.DOTALL)


def reject_error_page(start: bytes, name: str, url: str) -> None:
    """Raise NetworkError when the first bytes of the file `name` are an error page, JSON or an LFS pointer instead."""
    suffix = name.rpartition(".")[2].lower() if "." in name else ""
    text = start.removeprefix(_BOM).lstrip()
    if text.startswith(_LFS):
        hint = "Use the address that ends in /resolve/…, or look for another source."
        raise NetworkError(f"{url} sends a git-lfs pointer, not the file {name} itself.", hint)
    if suffix not in _PAGES and _MARKUP.match(text):
        raise NetworkError(f"{url} sends a web page instead of {name}{_quoted(start)}.", _PAGE_HINT)
    if (suffix in _MODELS or not suffix) and _is_json(text):
        raise NetworkError(f"{url} sends JSON instead of {name}{_quoted(start)}.", _PAGE_HINT)


_PAGE_HINT = "Open the address in a browser: a login, a token or an accepted licence may be needed."


def _is_json(text: bytes) -> bool:
    # A safetensors file may start with the byte of `{` as part of its header's length: that is followed by zeros.
    return text[:1] in (b"{", b"[") and b"\0" not in text[:64]


def _quoted(start: bytes) -> str:
    words = message_in_page(start)
    return f" (it says: {words})" if words else ""


def message_in_page(body: bytes) -> str:
    """What an error page says, in one short line: a JSON's message, a page's title, or its text."""
    text = body.decode("utf-8", errors="replace")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, dict):
        said = next((found[key] for key in ("message", "error", "detail") if isinstance(found.get(key), str)), "")
    else:
        title = _TITLE.search(text)
        said = title.group(2) if title else text
    plain = " ".join(html.unescape(_TAGS.sub(" ", said)).split())
    plain = "".join(c for c in plain if c.isprintable() and c != "\ufffd")
    return re.sub(r"https?://\S+", lambda m: m.group(0).partition("?")[0], plain)[:120]


def error_for_response(response: requests.Response, name: str, url: str) -> ModelhubError:
    """The error for an answer of 400 and above. `url` is already fit to be shown."""
    status = response.status_code
    said = message_in_page(_start_of(response))
    code = response.headers.get("X-Error-Code", "")
    because = f": {said}" if said else ""
    if code == "GatedRepo" or status in (401, 402, 403, 407, 451):
        return AccessError(
            f"{url} refuses {name} ({status}){because}.",
            "Log in there, accept the licence where there is one, and set the token (HF_TOKEN, CIVITAI_API_TOKEN).",
        )
    if status in (404, 410):
        return NotFoundError(f"{name} is not at {url} ({status}){because}.", "Check the address; it may have moved.")
    if status == 429:
        return NetworkError(f"{url} answers: too many requests{because}.", "Wait a while; the next run goes on there.")
    return NetworkError(f"{url} answered {status} for {name}{because}.", "Try again later; the next run goes on there.")


def _start_of(response: requests.Response) -> bytes:
    try:
        return response.raw.read(_TEXT_LOOK, decode_content=True) or b""
    except Exception:  # noqa: BLE001 - the words of an error page are a courtesy, whatever goes wrong with them
        return b""
