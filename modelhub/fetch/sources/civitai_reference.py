"""Parse references to a model, a version and a file at Civitai; no network.

Understood: `civitai:MODEL[@VERSION]` with the number or the name of a version, `civitai:@VERSION`, the addresses of
model, version and download pages, and AIR names (`urn:air:sd1:checkpoint:civitai:4384@128713`), of which every part but
the ids may be missing.
AIR: https://developer.civitai.com/docs/getting-started/ai-resource-identifier
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qsl, unquote, urlsplit

from modelhub.base_models import source_architecture
from modelhub.errors import UsageError

_SITES = ("civitai.com", "civitai.green", "civitai.red")
# One site under three names; the API has a name of its own.
HOSTS = frozenset({*_SITES, *(f"{part}.{site}" for site in _SITES for part in ("www", "api"))})

_IDS = r"(?P<model>\d+)?(?:@(?P<version>\d+))?"
_SHORT = re.compile(rf"civitai:(?://)?{_IDS}", re.IGNORECASE)
_NAMED = re.compile(r"civitai:(?://)?(?P<model>\d+)@(?P<name>.*\S.*)", re.IGNORECASE)
_AIR = re.compile(
    rf"(?P<urn>urn:)?(?P<air>air:)?(?P<parts>(?:[\w./-]*:)*){_IDS}(?::(?P<layer>[\w-]*))?(?:\.\w+)?", re.IGNORECASE
)
_SOURCE_WORDS = re.compile(r"(?:^|:)(?:huggingface|openai|leonardo|tensorart|orchestrator|blob):", re.IGNORECASE)
_MODEL_PAGE = re.compile(
    r"(?:/[a-z]{2}(?:-[a-z]{2})?)?(?:/api/v1)?/models/(?P<model>\d+)(?:/(?P<slug>.*))?", re.IGNORECASE
)
_VERSION_PAGE = re.compile(r"/api/download/models/(?P<download>\d+)/?|(?:/api/v1)?/model-versions/(?P<version>\d+)/?")
_FILE_WORDS = ("type", "format", "size", "fp")


@dataclass(frozen=True, slots=True, kw_only=True)
class CivitaiReference:
    """The ids of a model and of one of its versions, at least one of which is known.

    `version_name`: the version by its name instead. `architecture`: the one that an AIR name states. `slug`: the words
    in the address of a page, which are the page's name when the address was copied.
    `file` holds the type, format, size and fp in a download address; `download`: the address is that of one file.
    """

    model: int | None = None
    version: int | None = None
    version_name: str | None = None
    architecture: str | None = None
    slug: str = ""
    file: Mapping[str, str] = field(default_factory=dict)
    download: bool = False


def parse(source: str, *, hosts: frozenset[str] = HOSTS) -> CivitaiReference | None:
    """Return the reference in `source`, None where it is not one to Civitai.

    Raise UsageError for an address or a name that is Civitai's but has no id.
    """
    words = source.strip()
    if words.split("/")[0].lower() in hosts:
        words = f"https://{words}"
    if words[:8].lower().startswith(("http://", "https://")):
        return _from_address(words, hosts)
    if words.lower().startswith("civitai:"):
        named = _NAMED.fullmatch(words)
        if named is not None and not named["name"].strip().isdigit():
            return CivitaiReference(model=int(named["model"]), version_name=named["name"].strip())
        return _ids(_SHORT.fullmatch(words), words)
    match = _AIR.fullmatch(words)
    is_air = match is not None and bool(match["urn"] or match["air"] or "civitai:" in match["parts"].lower())
    if match is not None and match["model"] and not is_air:
        is_air = bool(match["version"]) and not match["parts"]
    if not is_air and not words.lower().startswith("urn:air:"):
        return None
    if _SOURCE_WORDS.search(words):
        raise UsageError(f"`{words}` is not a Civitai resource.", "Only AIR names with `civitai` as source work.")
    reference = _ids(match, words)
    ecosystem = match["parts"].split(":")[0] if match is not None else ""
    return replace(reference, architecture=source_architecture(ecosystem))


def _ids(match: re.Match[str] | None, words: str) -> CivitaiReference:
    if match is None or not (match["model"] or match["version"]):
        hint = "Write civitai:MODEL or civitai:MODEL@VERSION, MODEL with the number in the page's address."
        raise UsageError(f"`{words}` does not name a Civitai model.", hint)
    return CivitaiReference(model=_number(match["model"]), version=_number(match["version"]))


def _number(text: str | None) -> int | None:
    return int(text) if text else None


def _from_address(words: str, hosts: frozenset[str]) -> CivitaiReference | None:
    parts = urlsplit(words)
    if parts.netloc.rpartition("@")[2].lower() not in hosts:
        return None
    query = dict(parse_qsl(parts.query))
    version = _VERSION_PAGE.fullmatch(parts.path)
    if version is not None:
        file = {name: query[name] for name in _FILE_WORDS if query.get(name)}
        number = int(version["download"] or version["version"])
        return CivitaiReference(version=number, file=file, download=bool(version["download"]))
    model = _MODEL_PAGE.fullmatch(parts.path)
    if model is None:
        raise UsageError(
            f"{words} is not the page of a Civitai model.", "The address of a model ends with /models/NUMBER."
        )
    chosen = query.get("modelVersionId", "")
    return CivitaiReference(
        model=int(model["model"]), version=int(chosen) if chosen.isdigit() else None, slug=unquote(model["slug"] or "")
    )
