"""The tables of all kinds of words."""

from __future__ import annotations

from collections.abc import Mapping

from modelhub.words import architectures, library, models, topics
from modelhub.words.kinds import WordKind
from modelhub.words.row import Rows

ROWS: Mapping[WordKind, Rows] = {
    WordKind.TYPE: models.TYPES,
    WordKind.STYLE: models.STYLES,
    WordKind.ARCHITECTURE: architectures.ARCHITECTURES,
    WordKind.VARIANT: models.VARIANTS,
    WordKind.WEIGHT_SET: models.WEIGHT_SETS,
    WordKind.PRECISION: models.PRECISIONS,
    WordKind.FORMAT: models.FORMATS,
    WordKind.COMPONENT: models.COMPONENTS,
    WordKind.PREDICTION: models.PREDICTIONS,
    WordKind.VERDICT: library.VERDICTS,
    WordKind.STATE: library.STATES,
    WordKind.RENDERED: library.RENDERED,
    WordKind.YES_NO: library.YES_NO,
    WordKind.SOURCE: library.SOURCES,
    WordKind.FIELD: library.FIELDS,
    WordKind.USER_FIELD: library.USER_FIELDS,
    WordKind.SORT: library.SORTS,
    WordKind.UI: library.UIS,
    WordKind.PURPOSE: library.PURPOSES,
    WordKind.MODE: library.MODES,
    WordKind.DUPLICATES: library.DUPLICATES,
    WordKind.GROUPING: library.GROUPINGS,
    WordKind.DEVICE: library.DEVICES,
    WordKind.TOPIC: topics.TOPICS,
}
