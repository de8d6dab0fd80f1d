"""Every topic of `explain`, and how a word leads to one."""

from __future__ import annotations

import difflib
import re
from functools import cache

from modelhub.cli.topics.formats import FORMATS
from modelhub.cli.topics.networks import NETWORKS
from modelhub.cli.topics.topic import Topic, TopicGroup
from modelhub.cli.topics.types import TYPES
from modelhub.cli.topics.using import USING
from modelhub.cli.topics.verdicts import VERDICTS
from modelhub.cli.topics.weights import WEIGHTS
from modelhub.words import WordKind, canonical, fold, rows_of, synonyms

GROUPS: tuple[TopicGroup, ...] = (TYPES, USING, WEIGHTS, FORMATS, NETWORKS, VERDICTS)
TOPICS: tuple[Topic, ...] = tuple(topic for group in GROUPS for topic in group.topics)
# A word of several kinds is explained as the first: "full" is a variant before it is a precision.
_KINDS = (
    WordKind.TOPIC,
    WordKind.TYPE,
    WordKind.STYLE,
    WordKind.VARIANT,
    WordKind.ARCHITECTURE,
    WordKind.PRECISION,
    WordKind.FORMAT,
    WordKind.VERDICT,
    WordKind.STATE,
    WordKind.RENDERED,
    WordKind.UI,
    WordKind.SOURCE,
    WordKind.PURPOSE,
    WordKind.WEIGHT_SET,
    WordKind.FIELD,
)
# Words that people write around a term: ".pt file", "后缀 .ckpt", "fp16 是什么".
_AROUND = re.compile(
    r"^(?:(?:what is|what are|an?|the)\s+|(?:什么是|后缀)\s*)"
    r"|\s*(?:files?|suffix|format|models?|文件|后缀|格式|模型|是什么|[?？])$",
    re.IGNORECASE,
)
_CUTOFF = 0.6
_CHINESE_CUTOFF = 0.5


def find_topic(word: str) -> Topic | None:
    """Return the topic that a word means, in any case, with or without a dot in front; None for an unknown word."""
    text = word.strip()
    for _ in range(4):
        if found := _exact(text):
            return found
        shorter = _AROUND.sub("", text).strip()
        if shorter == text:
            return None
        text = shorter
    return None


def nearest_topic(word: str) -> str | None:
    """Return the word of a topic that was probably meant, None where nothing is near."""
    plain = fold(word)
    spellings = {**_synonyms(), **_names()}
    longer = {topic.word for spelled, topic in spellings.items() if len(plain) > 2 and spelled.startswith(plain)}
    if len(longer) == 1:
        return longer.pop()
    near = difflib.get_close_matches(plain, spellings, n=1, cutoff=_CUTOFF if plain.isascii() else _CHINESE_CUTOFF)
    return spellings[near[0]].word if near else None


def _exact(word: str) -> Topic | None:
    plain = fold(word)
    return _names().get(plain) or (_synonyms().get(plain) if plain else None) or _by_canonical(word)


def _by_canonical(word: str) -> Topic | None:
    """Return the topic of the value that a word of the program's choices means."""
    values = (canonical(kind, word) for kind in _KINDS)
    return next((topic for value in values if value and (topic := _names().get(fold(value)))), None)


@cache
def _names() -> dict[str, Topic]:
    names = {fold(topic.word): topic for topic in TOPICS}
    for topic in TOPICS:
        for other in topic.also:
            names.setdefault(fold(other), topic)
    return names


@cache
def _synonyms() -> dict[str, Topic]:
    """Return the topics by every word that the program understands for a value, the first kind first."""
    found: dict[str, Topic] = {}
    for kind in _KINDS:
        for row in rows_of(kind):
            if topic := _names().get(fold(row.value)):
                for word in synonyms(kind, row.value):
                    found.setdefault(fold(word), topic)
    return found
