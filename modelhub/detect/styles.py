"""The style family of a model, with a confidence and the evidence.

Evidence by strength: known hash or repository > the source's tags > names > the trainer's metadata. When evidence of
one strength disagrees, or is weak, the answer is unknown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from modelhub.detect.hints import Hints
from modelhub.detect.known.models import find_known_file, find_known_repository, find_mentioned_model
from modelhub.detect.metadata import parse_object
from modelhub.detect.rules.header_index import HeaderIndex
from modelhub.domain import ModelType, Style, StyleAnswer
from modelhub.storage.model_names import model_stem

_STYLED = frozenset({ModelType.BASE, ModelType.UNET, ModelType.LORA, ModelType.EMBEDDING, ModelType.HYPERNETWORK})
# Only whole models are a publisher's base releases.
_RELEASED = frozenset({ModelType.BASE, ModelType.UNET})
_UNKNOWN = StyleAnswer()

# Tags as publishers write them (facts: real answers of civitai.com) → style.
TAGS = {
    "anime": Style.ANIME,
    "manga": Style.ANIME,
    "hentai": Style.ANIME,
    "动漫": Style.ANIME,
    "二次元": Style.ANIME,
    "realistic": Style.REALISTIC,
    "photorealistic": Style.REALISTIC,
    "photorealism": Style.REALISTIC,
    "photoralistic": Style.REALISTIC,
    "photography": Style.REALISTIC,
    "photo": Style.REALISTIC,
    "写实": Style.REALISTIC,
    "真人": Style.REALISTIC,
    "2.5d": Style.TWO_POINT_FIVE_D,
    "semi-realistic": Style.TWO_POINT_FIVE_D,
    "semirealistic": Style.TWO_POINT_FIVE_D,
    "国风": Style.TWO_POINT_FIVE_D,
}
# Words in file and repository names → style; whole words, or Chinese anywhere.
NAME_WORDS = (
    (re.compile(r"(?<![a-z])(?:anime|manga|waifu|hentai)(?![a-z])|二次元|动漫", re.I), Style.ANIME),
    (re.compile(r"(?<![a-z])(?:photo)?real(?:istic|ism)(?![a-z])|写实|真人", re.I), Style.REALISTIC),
    (re.compile(r"(?<![0-9])2[._]5d|国风", re.I), Style.TWO_POINT_FIVE_D),
)
# Tags that booru captions are full of and photograph captions are not.
_BOORU = frozenset(
    {
        "1girl",
        "1boy",
        "2girls",
        "solo",
        "looking at viewer",
        "long hair",
        "short hair",
        "bangs",
        "smile",
        "blush",
        "open mouth",
        "breasts",
        "simple background",
        "white background",
        "multiple girls",
        "hair ornament",
        "thighhighs",
        "looking_at_viewer",
        "long_hair",
        "short_hair",
        "open_mouth",
        "simple_background",
        "white_background",
        "hair_ornament",
        "ahoge",
        "hair between eyes",
        "blue eyes",
        "red eyes",
        "cowboy shot",
        "upper body",
    }
)
_BOORU_LEAST = 6
_TAG_TEXT_LIMIT = 2_000_000


@dataclass(frozen=True, slots=True)
class _StyleEvidence:
    style: Style
    confidence: float
    because: str


def style_of(index: HeaderIndex, kind: ModelType, hints: Hints) -> tuple[StyleAnswer, tuple[str, ...]]:
    """Return the style family and the reasons; unknown, with the reasons, when evidence is weak or conflicts."""
    if kind not in _STYLED:
        return _UNKNOWN, ()
    for source in (_from_identity, _from_tags, _from_names):
        votes = tuple(v for v in source(hints) if v.style is not Style.OFFICIAL or kind in _RELEASED)
        if votes:
            return _decide(votes)
    if kind is ModelType.EMBEDDING:
        return _UNKNOWN, ()
    return _decide(tuple(_from_metadata(index.header.metadata)))


def _decide(votes: tuple[_StyleEvidence, ...]) -> tuple[StyleAnswer, tuple[str, ...]]:
    if not votes:
        return _UNKNOWN, ()
    reasons = tuple(dict.fromkeys(v.because for v in votes))
    if len({v.style for v in votes}) > 1:
        return _UNKNOWN, (*reasons, "these disagree")
    best = max(v.confidence for v in votes)
    return StyleAnswer(votes[0].style, best), reasons


def _from_identity(hints: Hints) -> Iterator[_StyleEvidence]:
    file = find_known_file(hints.sha256)
    if file:
        yield _StyleEvidence(file.style, 1.0, f"known file {file.file} of {file.model}")
        return
    model = find_known_repository(hints.repository)
    if model:
        yield _StyleEvidence(model.style, 0.95, f"known repository {hints.repository}")


def _from_tags(hints: Hints) -> Iterator[_StyleEvidence]:
    styles: dict[Style, list[str]] = {}
    for tag in hints.tags:
        style = TAGS.get(tag.strip().lower())
        if style:
            styles.setdefault(style, []).append(tag)
    named = _first_mentioned_model(hints.names) if len(styles) > 1 else None
    if named:
        # Publishers tag widely; a well-known name decides what its tags leave open.
        yield named
        return
    for style, tags in styles.items():
        yield _StyleEvidence(style, 0.85 if len(tags) > 1 else 0.75, f"tags {', '.join(tags[:4])}")


def _first_mentioned_model(names: Iterable[str]) -> _StyleEvidence | None:
    for name in names:
        model = find_mentioned_model(model_stem(name))
        if model:
            return _StyleEvidence(model.style, 0.8, f"the name {name} (known model {model.name})")
    return None


def _from_names(hints: Hints) -> Iterator[_StyleEvidence]:
    names = (*hints.names, *((hints.repository,) if hints.repository else ()))
    named = _first_mentioned_model(names)
    if named:
        yield named
        return
    for name in names:
        for pattern, style in NAME_WORDS:
            if pattern.search(name):
                yield _StyleEvidence(style, 0.6, f"the name {name}")


def _from_metadata(metadata: Mapping[str, str]) -> Iterator[_StyleEvidence]:
    base = metadata.get("ss_sd_model_name", "")
    model = find_mentioned_model(model_stem(base[:300])) if base else None
    if model and model.style is not Style.OFFICIAL:
        yield _StyleEvidence(model.style, 0.6, f"trained on {base} (ss_sd_model_name)")
    text = metadata.get("ss_tag_frequency", "")
    if text and len(text) <= _TAG_TEXT_LIMIT:
        found = _booru_tags(text)
        if len(found) >= _BOORU_LEAST:
            yield _StyleEvidence(Style.ANIME, 0.55, f"captions of booru tags ({', '.join(sorted(found)[:4])} …)")


def _booru_tags(text: str) -> set[str]:
    # Cheap test first: parsing a megabyte of captions is only worth it when such tags are there at all.
    if '"1girl' not in text and '"1boy' not in text and " 1girl" not in text and " 1boy" not in text:
        return set()
    found: set[str] = set()
    for tags in parse_object(text).values():
        if isinstance(tags, dict):
            found.update(_BOORU & {str(tag).strip().lower() for tag in tags})
    return found
