"""The words that people use for what modelhub stores: one table of synonyms, English and Chinese.

A row is a value and its other names; `ROWS` holds the tables of all kinds. Whatever takes a word from a user looks it
up here first, so that `底模`, "Checkpoint" and `base` are one type everywhere.
"""

from modelhub.words.lookup import ROWS, canonical, fold, nearest_word, same_word, synonyms
from modelhub.words.row import Row, WordKind

__all__ = ["ROWS", "Row", "WordKind", "canonical", "fold", "nearest_word", "same_word", "synonyms"]
