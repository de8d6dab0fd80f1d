"""The verdicts of a render test: the words that are stored, their sentences, and what to do about them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from modelhub.errors import Remedy


class RenderVerdict(StrEnum):
    """The judgement of one model's render test, in a word for programs."""

    OK = "ok"
    NEEDS_FP32_VAE = "needs-fp32-vae"
    NEGLIGIBLE = "negligible"
    NO_EFFECT = "no-effect"
    NOISE = "noise"
    UNIFORM = "uniform"
    CLIPPED = "clipped"
    NAN_UNET = "nan-unet"
    NAN_VAE = "nan-vae"
    DAMAGED = "damaged"
    INCOMPLETE = "incomplete"
    INCOMPATIBLE = "incompatible"
    LOAD_ERROR = "load-error"
    OUT_OF_MEMORY = "out-of-memory"
    TIMEOUT = "timeout"
    CRASH = "crash"
    NOT_TESTED = "not-tested"


_GOOD = frozenset({RenderVerdict.OK, RenderVerdict.NEEDS_FP32_VAE})
# Verdicts about this machine or library: the model itself was not judged, and is tested again by the next run.
_UNPROVEN = frozenset(
    {RenderVerdict.OUT_OF_MEMORY, RenderVerdict.TIMEOUT, RenderVerdict.CRASH, RenderVerdict.NOT_TESTED}
)
_REMEDIES: dict[RenderVerdict, Remedy] = {
    RenderVerdict.NEEDS_FP32_VAE: Remedy("Run the VAE in fp32, or use sdxl-vae-fp16-fix.", "fp32-vae"),
    RenderVerdict.NAN_UNET: Remedy("Check the values of the file; the check names the tensors.", "check-values"),
    RenderVerdict.NAN_VAE: Remedy("Use another VAE."),
    RenderVerdict.OUT_OF_MEMORY: Remedy("Render a smaller picture, or close other programs.", "render-smaller"),
    RenderVerdict.TIMEOUT: Remedy("Allow more time, or render a smaller picture in fewer steps.", "render-longer"),
    RenderVerdict.CRASH: Remedy("Test it again alone to see whether it repeats."),
}


def is_good(verdict: str) -> bool:
    """Return whether the model does what it is for; an unknown word is not good."""
    return verdict in _GOOD


def is_proven(verdict: str) -> bool:
    """Return whether the verdict is about the model, not about this machine or library."""
    return verdict not in _UNPROVEN


def remedy_for(
    verdict: str, *, metrics: Mapping[str, Any] | None = None, architecture: str = "", base: str = ""
) -> Remedy:
    """Return what to do about a verdict, an empty remedy where nothing is known to help.

    `architecture`: what the model was detected as; `base`: the name of the base it was tested on.
    """
    if verdict in (RenderVerdict.NEGLIGIBLE, RenderVerdict.NO_EFFECT) and architecture and base:
        return Remedy(f"Check that it was trained for {architecture}; tested on {base}.")
    if verdict == RenderVerdict.DAMAGED and metrics and metrics.get("wrong_position_ids"):
        return Remedy("A repair rewrites them as integers 0–76.", "repair-position-ids")
    if verdict == RenderVerdict.INCOMPATIBLE and architecture:
        return Remedy(f"Needs {architecture}.")
    return _REMEDIES.get(RenderVerdict(verdict), Remedy()) if verdict in tuple(RenderVerdict) else Remedy()


def not_tested(reason: str) -> str:
    """Return the sentence of a model that is not tested; `reason` is a clause without a full stop."""
    return f"Not tested: {reason}."


def not_testable(reason: str) -> str:
    """Return the sentences of a test that failed for a reason outside the model's weights."""
    return f"Could not be tested: {reason.removesuffix('.')}. Nothing is proven about the model."


def does_not_fit(base: str, reason: str) -> str:
    """Return the sentence of an adapter that does not fit its base."""
    return f"Does not fit {base}: {reason}."
