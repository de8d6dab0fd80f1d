"""The fields of the query language: their names, the values that they take, and the words to sort by."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from modelhub.domain import Format, LocationState, ModelType, Style, Variant, Verdict
from modelhub.words import WordKind, canonical


class Kind(StrEnum):
    """The way in which the value of a field is read."""

    CHOICE = "choice"  # one of `values`
    OPEN = "open"  # a word; the catalog and the detection rules know which there are
    TEXT = "text"  # any text, which may hold spaces
    SIZE = "size"  # a size in bytes, with a comparison
    DATE = "date"  # a day or an age, with a comparison
    UNRECORDED = "unrecorded"  # nothing that the catalog records could answer it


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the query language. `words`: the kind of words that its values are."""

    name: str
    kind: Kind
    about: str
    values: tuple[str, ...] = ()
    words: WordKind | None = None


UNKNOWN = "unknown"
_YES_NO = ("yes", "no")

# The networks that a file can hold; a test holds them equal to those of `detect.rules.components`.
COMPONENTS = (
    "unet",
    "ema_unet",
    "vae",
    "text_encoder",
    "text_encoder_2",
    "text_encoder_3",
    "controlnet",
    "depth_model",
    "image_encoder",
    "safety_checker",
    "motion_modules",
    "lora",
    "embedding",
)

_ROWS = (
    Field("added", Kind.DATE, "when the model was added, such as `added:>2026-11-01` or `added:<30d`"),
    Field(
        "arch", Kind.OPEN, "the architecture; a model that fits several counts for each", words=WordKind.ARCHITECTURE
    ),
    Field("broken", Kind.CHOICE, "whether a file is damaged", _YES_NO, WordKind.YES_NO),
    Field("duplicate", Kind.CHOICE, "whether the same file is in several places", _YES_NO, WordKind.YES_NO),
    Field("format", Kind.CHOICE, "the file format", tuple(Format), WordKind.FORMAT),
    Field(
        "has",
        Kind.CHOICE,
        "a network that is inside; `type:base -has:vae` finds bases without a VAE",
        COMPONENTS,
        WordKind.COMPONENT,
    ),
    Field("name", Kind.TEXT, "a part of the name"),
    Field("path", Kind.TEXT, "a file, or a folder with everything in it"),
    Field("precision", Kind.OPEN, "the number format of the weights", words=WordKind.PRECISION),
    Field(
        "rendered",
        Kind.CHOICE,
        "the result of the latest render test",
        ("ok", "bad", "never", "not-tested"),
        WordKind.RENDERED,
    ),
    Field("root", Kind.OPEN, "the name of a folder that the catalog knows"),
    Field("size", Kind.SIZE, "the size of all files, such as `size:>2G` or `size:<=500M`"),
    Field("source", Kind.OPEN, "where the model came from", words=WordKind.SOURCE),
    Field("state", Kind.CHOICE, "whether the file is where it was", tuple(LocationState), WordKind.STATE),
    Field("style", Kind.CHOICE, "the style family", tuple(Style), WordKind.STYLE),
    Field("tag", Kind.TEXT, "a tag"),
    Field("trigger", Kind.TEXT, "a trigger word"),
    Field("type", Kind.CHOICE, "the type of model", tuple(ModelType), WordKind.TYPE),
    Field("used", Kind.UNRECORDED, "not available yet: the catalog does not record when models are used"),
    Field("variant", Kind.CHOICE, "which weight sets a checkpoint holds", (*Variant, UNKNOWN), WordKind.VARIANT),
    Field("verdict", Kind.CHOICE, "the result of the safety scan", tuple(Verdict), WordKind.VERDICT),
)
FIELDS = {row.name: row for row in _ROWS}
SORT = "sort"  # written like a field, but not one

# Words to sort by; "relevance" puts models whose name matches the words first.
SORTS = ("name", "type", "architecture", "size", "added", "relevance")

# Verdicts of render tests that mean "it works"; a test holds them equal to those of `render.verdicts`.
WORKING_VERDICTS = ("ok", "needs-fp32-vae")
NOT_TESTED = "not-tested"

# The fields whose values the catalog itself knows best.
OPEN_FIELDS = tuple(row.name for row in _ROWS if row.kind is Kind.OPEN)


def field_name(text: str) -> str:
    """Return the name of the field that a word means, such as `arch` for "architecture"; the word itself for others."""
    return canonical(WordKind.FIELD, text) or text.lower()
