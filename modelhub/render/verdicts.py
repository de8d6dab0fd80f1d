"""The words that a render test ends with, what each means and what to do next."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class RenderVerdict(StrEnum):
    """How one model's render test ended."""

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


@dataclass(frozen=True, slots=True)
class Meaning:
    """`good`: the model does what it is for. `proven`: said of the model, not of this machine or library."""

    text: str
    good: bool = False
    proven: bool = True
    hint: str = ""


MEANINGS: dict[RenderVerdict, Meaning] = {
    RenderVerdict.OK: Meaning("it works", good=True),
    RenderVerdict.NEEDS_FP32_VAE: Meaning(
        "it works, but its VAE overflows at half precision",
        good=True,
        hint="Start the UI with its full-precision VAE option (A1111: --no-half-vae).",
    ),
    RenderVerdict.NEGLIGIBLE: Meaning(
        "it changes next to nothing", hint="Raise its strength or look for a better copy."
    ),
    RenderVerdict.NO_EFFECT: Meaning("it changes nothing at all", hint="Is it for this base? Are its weights zero?"),
    RenderVerdict.NOISE: Meaning(
        "its network does not remove noise: zeroed, shuffled or untrained weights", hint="Pull it again."
    ),
    RenderVerdict.UNIFORM: Meaning("the picture is one flat colour"),
    RenderVerdict.CLIPPED: Meaning("most of the picture is out of range"),
    RenderVerdict.NAN_UNET: Meaning(
        "its UNet or text encoder computes NaN", hint="`modelhub verify --deep` says where."
    ),
    RenderVerdict.NAN_VAE: Meaning("its VAE computes NaN", hint="Use another VAE."),
    RenderVerdict.DAMAGED: Meaning(
        "some of its values are wrong", hint="`modelhub convert --repair` mends what can be."
    ),
    RenderVerdict.INCOMPLETE: Meaning("weights are missing from the file", hint="Pull it again."),
    RenderVerdict.INCOMPATIBLE: Meaning("it does not fit the base", hint="Test it with --base another one."),
    RenderVerdict.LOAD_ERROR: Meaning("it cannot be loaded"),
    RenderVerdict.OUT_OF_MEMORY: Meaning(
        "there is not enough memory", proven=False, hint="Try a smaller --size, or close other programs."
    ),
    RenderVerdict.TIMEOUT: Meaning(
        "it took too long", proven=False, hint="Raise --timeout, or lower --steps and --size."
    ),
    RenderVerdict.CRASH: Meaning(
        "the render process died", proven=False, hint="Run it again alone to see whether it repeats."
    ),
    RenderVerdict.NOT_TESTED: Meaning("not tested", proven=False),
}


def is_good(verdict: str) -> bool:
    """Whether the model does what it is for; unknown words are not good."""
    return verdict in MEANINGS and MEANINGS[RenderVerdict(verdict)].good
