"""Trigger words, each with the place where it was found, most reliable source first.

Order: ModelSpec's trigger phrase, the source's own list, the model card or a sidecar (both come with the hints), folder
names of the training set, tags of nearly every caption. An embedding's word is its file's name, then its inner name.
The name of a function or a class in a pickle never counts, whatever place it has there.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping

from modelhub.detect.hints import Hints
from modelhub.detect.metadata import parse_object
from modelhub.detect.rules.header_index import HeaderIndex
from modelhub.domain import ModelType, TriggerWord
from modelhub.formats.header import OBJECT
from modelhub.storage.copy_marks import without_copy_mark
from modelhub.storage.model_names import model_stem

_TYPES_WITH_WORDS = frozenset(
    {ModelType.BASE, ModelType.UNET, ModelType.LORA, ModelType.EMBEDDING, ModelType.HYPERNETWORK}
)
_FOLDER = re.compile(r"^\d+_(?P<word>.+)$", re.S)
_TEXT_LIMIT = 2_000_000
_WORD_LIMIT = 200
_WORDS_LIMIT = 40
_NEARLY_ALL = 0.9
_FEWEST_CAPTIONS = 4
# Tags that describe any picture are not trigger words.
_COMMON = frozenset(
    {
        "1girl",
        "1boy",
        "solo",
        "looking at viewer",
        "simple background",
        "white background",
        "smile",
        "long hair",
        "short hair",
        "bangs",
        "breasts",
        "masterpiece",
        "best quality",
        "highres",
        "realistic",
        "female",
        "male",
        "woman",
        "man",
        "girl",
        "boy",
        "photo",
        "upper body",
        "blush",
        "open mouth",
    }
)
_NO_WORDS = frozenset({"", "none", "null", "true", "false", "*"})
_UNTYPED = ("Cc", "Cs", "Co", "Cn")  # controls and characters without a meaning
_JOINERS = "\u200c\u200d"  # letters of Persian, Indic scripts and emoji need them


def trigger_words(index: HeaderIndex, kind: ModelType, hints: Hints) -> tuple[TriggerWord, ...]:
    """Return trigger words without repeats; empty for types that have none."""
    if kind not in _TYPES_WITH_WORDS:
        return ()
    if kind is ModelType.EMBEDDING:
        found = _embedding_words(index, hints)
    else:
        found = _model_words(index.header.metadata, hints)
    unique: dict[str, TriggerWord] = {}
    for word in found:
        text = _clean_word(word.word)
        if text.lower() not in _NO_WORDS:
            unique.setdefault(text.lower(), TriggerWord(text, word.source))
        if len(unique) >= _WORDS_LIMIT:
            break
    return tuple(unique.values())


def _clean_word(text: str) -> str:
    """Return a word as one can type it: on one line, without invisible characters; "" for one that cannot be typed.

    A long one ends behind its last whole part: a cut word would activate nothing.
    """
    line = " ".join(text[: 10 * _WORD_LIMIT].split())
    if any(unicodedata.category(c) in _UNTYPED for c in line):
        return ""
    word = "".join(c for c in line if unicodedata.category(c) != "Cf" or c in _JOINERS).strip()
    if len(word) <= _WORD_LIMIT:
        return word
    end = max(word.rfind(separator, 0, _WORD_LIMIT) for separator in (",", " "))
    return word[:end].rstrip(", ") if end > 0 else ""


def _embedding_words(index: HeaderIndex, hints: Hints) -> Iterator[TriggerWord]:
    for name in hints.names[:1]:
        yield TriggerWord(without_copy_mark(model_stem(name.rpartition("/")[2])), "file name")
    inner = index.header.entries.get("name", "")
    # Code, and the text of a list or a dictionary, are not names.
    if inner and not inner.startswith((OBJECT, "[", "{")):
        yield TriggerWord(inner, "name inside the file")
    for key in index.header.tensors:
        if key.startswith("<") and key.endswith(">"):
            yield TriggerWord(key, "token inside the file")
    yield from hints.trigger_words


def _model_words(metadata: Mapping[str, str], hints: Hints) -> Iterator[TriggerWord]:
    for word in _split(metadata.get("modelspec.trigger_phrase", "")[:4000]):
        yield TriggerWord(word, "modelspec.trigger_phrase")
    yield from hints.trigger_words
    captions = _captions(metadata)
    for folder in _folders(metadata, captions):
        matched = _FOLDER.match(folder)
        if matched:
            yield TriggerWord(matched["word"], "dataset folder")
    for word in _constant_tags(captions, metadata):
        yield TriggerWord(word, "in nearly every caption")


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _captions(metadata: Mapping[str, str]) -> dict[str, Mapping[str, int]]:
    text = metadata.get("ss_tag_frequency", "")
    if not text or len(text) > _TEXT_LIMIT:
        return {}
    found: dict[str, Mapping[str, int]] = {}
    for folder, tags in parse_object(text).items():
        if isinstance(tags, dict):
            found[folder] = {str(t): c for t, c in tags.items() if isinstance(c, int) and not isinstance(c, bool)}
    return found


def _folders(metadata: Mapping[str, str], captions: Mapping[str, object]) -> list[str]:
    text = metadata.get("ss_dataset_dirs", "")
    listed = list(parse_object(text)) if text and len(text) <= _TEXT_LIMIT else []
    return [name.replace("\\", "/").rstrip("/").rpartition("/")[2] for name in (*listed, *captions)][:_WORDS_LIMIT]


def _constant_tags(captions: Mapping[str, Mapping[str, int]], metadata: Mapping[str, str]) -> Iterator[str]:
    counts = _image_counts(metadata)
    for folder, tags in captions.items():
        images = counts.get(folder) or max(tags.values(), default=0)
        if images < _FEWEST_CAPTIONS:
            continue
        constant = [t for t, c in tags.items() if c >= _NEARLY_ALL * images and t.strip().lower() not in _COMMON]
        yield from sorted(constant, key=lambda tag: -tags[tag])[:5]


def _image_counts(metadata: Mapping[str, str]) -> dict[str, int]:
    """Count images by folder: ss_dataset_dirs is {folder: {"n_repeats": …, "img_count": …}}."""
    text = metadata.get("ss_dataset_dirs", "")
    if not text or len(text) > _TEXT_LIMIT:
        return {}
    counts = {}
    for folder, index in parse_object(text).items():
        count = index.get("img_count") if isinstance(index, dict) else None
        if isinstance(count, int) and not isinstance(count, bool) and count > 0:
            counts[folder] = count
    return counts
