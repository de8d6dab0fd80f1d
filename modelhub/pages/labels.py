"""The words that pages show for the values of the catalog.

A value without a row is its own word, as in the command line: `show_value` translates it.
"""

from __future__ import annotations

from collections.abc import Mapping

from modelhub.language import _, translate


def show_value(value: str, labels: Mapping[str, str]) -> str:
    """Return the words for a value in the language in use."""
    return labels.get(value) or translate(value)


def type_labels() -> Mapping[str, str]:
    """Return the types that have words of their own on a page → these words."""
    return {
        "base": _("base model"),
        "vae": _("VAE"),
        "lora": _("LoRA"),
        "controlnet": _("ControlNet"),
        "t2i-adapter": _("T2I-Adapter"),
        "ip-adapter": _("IP-Adapter"),
        "text-encoder": _("text encoder"),
        "clip-vision": _("CLIP vision encoder"),
        "motion-module": _("motion module"),
        "vae-approx": _("preview decoder"),
        "unet": _("UNet alone"),
    }


def style_labels() -> Mapping[str, str]:
    """Return the styles that have words of their own on a page → these words."""
    return {
        "2.5d": _("2.5D"),
        "unknown": _("unknown style"),
    }


def architecture_labels() -> Mapping[str, str]:
    """Return the words for a model whose architecture is not known; all others have names."""
    return {"": _("unknown architecture")}


def safety_labels() -> Mapping[str, str]:
    """Return the safety verdicts that have words of their own on a page → these words."""
    return {
        "safe-legacy": _("safe, old format"),
        "unrecognised": _("not readable"),
    }


def safety_notes() -> Mapping[str, str]:
    """Return the safety verdict → what a reader must know before such a model is loaded."""
    return {
        "dangerous": _("Can run code when loaded. Do not load it."),
        "suspicious": _("Contains something that is not on the safe list. Load it only if you trust its source."),
    }


def test_labels() -> Mapping[str, str]:
    """Return the verdicts of render tests that have words of their own on a page → these words."""
    return {
        "": _("never tested"),
        "ok": _("works"),
        "needs-fp32-vae": _("works with an fp32 VAE"),
        "negligible": _("hardly any effect"),
        "no-effect": _("no effect"),
        "noise": _("only noise"),
        "uniform": _("one color"),
        "clipped": _("out of range"),
        "nan-unet": _("NaN from the UNet"),
        "nan-vae": _("NaN from the VAE"),
        "incompatible": _("does not fit its base"),
        "load-error": _("cannot be loaded"),
        "out-of-memory": _("out of memory"),
        "timeout": _("took too long"),
        "crash": _("crashed"),
        "not-tested": _("not tested"),
    }


def state_labels() -> Mapping[str, str]:
    """Return the states of a model's file that have words of their own on a page → these words."""
    return {
        "missing": _("file is missing"),
        "unavailable": _("folder out of reach"),
        "broken": _("file is broken"),
    }


def reason_labels() -> Mapping[str, str]:
    """Return the reasons to leave a file in place that have words of their own on a page → these words."""
    return {
        "collision": _("name is taken"),
        "unrecognised": _("not readable"),
    }
