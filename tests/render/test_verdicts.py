"""Every verdict has one remedy or none, as data that names no flag."""

from __future__ import annotations

import pytest

from modelhub.cli.remedies import WORDS, sentence
from modelhub.render.verdicts import RenderVerdict, is_good, is_proven, remedy_for

METRICS = {"wrong_position_ids": 36}


@pytest.mark.parametrize("verdict", list(RenderVerdict))
def test_a_remedy_names_no_flag_and_no_command(verdict: RenderVerdict) -> None:
    """What the command line words with a flag or a command has a key with words of its own."""
    remedy = remedy_for(verdict, metrics=METRICS, architecture="sdxl", base="a base")
    assert "--" not in remedy.text
    assert "modelhub" not in remedy.text
    assert not remedy.key or remedy.key in WORDS


@pytest.mark.parametrize(
    ("verdict", "text"),
    [
        ("ok", ""),
        ("noise", ""),
        ("incomplete", ""),
        ("negligible", "Check that it was trained for sdxl; tested on a base."),
        ("no-effect", "Check that it was trained for sdxl; tested on a base."),
        ("incompatible", "Needs sdxl."),
        ("a verdict of a later version", ""),
    ],
)
def test_a_remedy_says_no_more_than_is_known(verdict: str, text: str) -> None:
    """Downloading a model again is never advised, as no render test compares hashes."""
    assert remedy_for(verdict, architecture="sdxl", base="a base").text == text


def test_only_wrong_position_ids_can_be_repaired() -> None:
    """A damaged VAE has no remedy; wrong position ids have the command that rewrites them."""
    assert not remedy_for("damaged")
    assert sentence(remedy_for("damaged", metrics=METRICS)) == (
        "`modelhub convert --repair` rewrites them as integers 0–76."
    )


def test_verdicts_about_the_machine_prove_nothing_about_the_model() -> None:
    """Models with such verdicts are tested again; an unknown word counts as a verdict about the model."""
    unproven = {verdict for verdict in RenderVerdict if not is_proven(verdict)}
    assert unproven == {"out-of-memory", "timeout", "crash", "not-tested"}
    assert is_proven("a verdict of a later version")
    assert {verdict for verdict in RenderVerdict if is_good(verdict)} == {"ok", "needs-fp32-vae"}
