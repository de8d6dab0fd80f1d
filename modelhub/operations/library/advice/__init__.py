"""Advice on how to use a model: its words and prompt texts, the base and the VAE, what fits it, where to place it."""

from modelhub.operations.library.advice.advice import (
    KNOWN_BASES,
    AdviceLine,
    AdviceTopic,
    how_to_use,
    prompt_advice,
    sentences,
)
from modelhub.operations.library.advice.fitting import fitting_bases
from modelhub.operations.library.advice.prompts import prompt_texts

__all__ = [
    "KNOWN_BASES",
    "AdviceLine",
    "AdviceTopic",
    "fitting_bases",
    "how_to_use",
    "prompt_advice",
    "prompt_texts",
    "sentences",
]
