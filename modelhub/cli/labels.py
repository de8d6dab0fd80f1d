"""The words for values that JSON and the catalog hold in English: types, styles, states, verdicts, results."""

from __future__ import annotations

from modelhub.language import _, translate

# A value without a row is shown as it is: a proper name such as sd1 or pruned-emaonly, or one that a plug-in has added.
# `modelhub.words` must understand each translated label as the same value.
VALUE_LABELS = (
    # types
    "base",
    "vae",
    "lora",
    "embedding",
    "hypernetwork",
    "controlnet",
    "t2i-adapter",
    "ip-adapter",
    "upscaler",
    "text-encoder",
    "clip-vision",
    "motion-module",
    "vae-approx",
    "unet",
    "other",
    "unknown",
    # styles
    "official",
    "anime",
    "realistic",
    "2.5d",
    # subtypes that are words
    "inpainting",
    "depth",
    "tiny",
    "combined with base",
    "face-restorer",
    # networks that have no name of their own, and what else is in a repository
    "weights",
    "text encoder",
    "refiner",
    # files that were not chosen
    "larger",
    "smaller",
    # variants and precisions that are words
    "full",
    "single",
    "mixed",
    # states of files
    "present",
    "missing",
    "unavailable",
    "broken",
    # verdicts on safety
    "safe",
    "safe-legacy",
    "suspicious",
    "dangerous",
    "unrecognised",
    # verdicts of render tests
    "ok",
    "needs-fp32-vae",
    "negligible",
    "no-effect",
    "noise",
    "uniform",
    "clipped",
    "nan-unet",
    "nan-vae",
    "damaged",
    "incomplete",
    "incompatible",
    "load-error",
    "out-of-memory",
    "timeout",
    "crash",
    "not-tested",
    # results of add, scan and verify
    "added",
    "unchanged",
    "updated",
    "moved",
    "another copy",
    "back again",
    "unpacked",
    "passed over",
    "not found",
    "failed",
    "noted",
    # results of pull, update, enrich and import
    "ready",
    "outdated",
    "gone",
    "found",
    "asked before",
    "held",
    "pulled",
    "no source",
    # results of sort and undo
    "registered",
    "known",
    "deleted",
    "refused",
    "trashed",
    "to the trash",
    # reasons to leave a file in place
    "not a model",
    "unreadable",
    "with its model",
    "no place",
    "in place",
    "duplicate",
    "collision",
    "in use",
    "still changing",
    "a link",
    "not sure",
    # what an answer of detection is about
    "type",
    "architecture",
    "subtype",
    "algorithm",
    "rank",
    "variant",
    "precision",
    "prediction",
    "style",
    # grades and subjects of doctor
    "note",
    "problem",
    "configuration",
    "library",
    "catalog",
    "folder",
    "models",
    "plug-in",
    "access",
    # where trigger words and models are from
    "metadata",
    "you",
    "local",
    "commit",
    "version",
    # verdicts of the sources' malware scans
    "unscanned",
    "queued",
    "error",
    "caution",
    "infected",
    "unsafe",
    # where a setting was set
    "default",
    # runs of the history
    "sort",
    "undo",
    "running",
    "done",
    "partly undone",
    "undone",
)


def label(value: str) -> str:
    """Return a value as it is shown in the language in use."""
    return translate(value)


def counted(count: int, value: str) -> str:
    """Return how many results have a value, such as "12 added"."""
    return _("{count} {word}", count=count, word=label(value))
