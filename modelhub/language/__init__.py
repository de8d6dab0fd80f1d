"""The language that people read: English sentences, translated by gettext catalogs.

A front end marks each of its sentences with `_` or `plural`. Everything below the front ends states English sentences,
because the catalog and the JSON documents hold them; a front end shows one with `translate`, which recognizes the
template that the sentence was made from.
"""

from modelhub.language.choice import ENGLISH, LANGUAGES, chosen_language, matching_language
from modelhub.language.translation import _, current_language, language_tag, plural, translate, use_language

__all__ = [
    "ENGLISH",
    "LANGUAGES",
    "_",
    "chosen_language",
    "current_language",
    "language_tag",
    "matching_language",
    "plural",
    "translate",
    "use_language",
]
