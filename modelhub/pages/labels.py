"""The words that pages show for the values of the catalog; a value without a row is shown as it is."""

from __future__ import annotations

from collections.abc import Mapping

from modelhub.language import _


def type_labels() -> Mapping[str, str]:
    """Return each type → its words."""
    return {
        "base": _("base model"),
        "vae": _("VAE"),
        "lora": _("LoRA"),
        "embedding": _("embedding"),
        "hypernetwork": _("hypernetwork"),
        "controlnet": _("ControlNet"),
        "t2i-adapter": _("T2I-Adapter"),
        "ip-adapter": _("IP-Adapter"),
        "upscaler": _("upscaler"),
        "text-encoder": _("text encoder"),
        "clip-vision": _("CLIP vision encoder"),
        "motion-module": _("motion module"),
        "vae-approx": _("preview decoder"),
        "unet": _("UNet alone"),
        "other": _("other"),
        "unknown": _("unknown"),
    }


def style_labels() -> Mapping[str, str]:
    """Return each style → its words."""
    return {
        "official": _("official"),
        "anime": _("anime"),
        "realistic": _("realistic"),
        "2.5d": _("2.5D"),
        "unknown": _("unknown style"),
    }


def architecture_labels() -> Mapping[str, str]:
    """Return the words for a model whose architecture is not known; all others have names."""
    return {"": _("unknown architecture")}


def safety_labels() -> Mapping[str, str]:
    """Return each safety verdict → its words."""
    return {
        "safe": _("safe"),
        "safe-legacy": _("safe, old format"),
        "suspicious": _("suspicious"),
        "dangerous": _("dangerous"),
        "unrecognised": _("not readable"),
    }


def safety_notes() -> Mapping[str, str]:
    """Return the safety verdict → what a reader must know before such a model is loaded."""
    return {
        "dangerous": _("Can run code when loaded. Do not load it."),
        "suspicious": _("Contains something that is not on the safe list. Load it only if you trust its source."),
    }


def test_labels() -> Mapping[str, str]:
    """Return each verdict of a render test → its words."""
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
        "damaged": _("damaged"),
        "incomplete": _("incomplete"),
        "incompatible": _("does not fit its base"),
        "load-error": _("cannot be loaded"),
        "out-of-memory": _("out of memory"),
        "timeout": _("took too long"),
        "crash": _("crashed"),
        "not-tested": _("not tested"),
    }


def state_labels() -> Mapping[str, str]:
    """Return each state of a model's file → its words."""
    return {
        "present": _("present"),
        "missing": _("file is missing"),
        "unavailable": _("folder out of reach"),
        "broken": _("file is broken"),
    }


def reason_labels() -> Mapping[str, str]:
    """Return each reason to leave a file where it is → its words."""
    return {
        "a link": _("a link"),
        "broken": _("broken"),
        "collision": _("name is taken"),
        "dangerous": _("dangerous"),
        "duplicate": _("duplicate"),
        "error": _("error"),
        "failed": _("failed"),
        "in place": _("in place"),
        "in use": _("in use"),
        "no place": _("no place"),
        "not sure": _("not sure"),
        "passed over": _("passed over"),
        "refused": _("refused"),
        "still changing": _("still changing"),
        "suspicious": _("suspicious"),
        "unreadable": _("unreadable"),
        "unrecognised": _("not readable"),
        "with its model": _("with its model"),
    }
