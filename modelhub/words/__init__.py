"""The words that people use for what modelhub stores: one table of synonyms, English and Chinese.

A row is a value and its other names; `rows_of` returns the table of a kind. Whatever takes a word from a user looks it
up here first, so that `底模`, "Checkpoint" and `base` are one type everywhere.
"""

from modelhub.words.kinds import WordKind
from modelhub.words.lookup import canonical, fold, nearest_word, rows_of, same_word, synonyms

__all__ = ["WordKind", "canonical", "fold", "nearest_word", "rows_of", "same_word", "synonyms"]
