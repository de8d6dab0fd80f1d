"""Cards of models for the tests of pages."""

from __future__ import annotations

from pathlib import Path

from modelhub.pages.library import LibraryPage, ModelCard, PromptLine

CARDS = (
    ModelCard(
        name="红裙 v1",
        type="lora",
        size=151_108_832,
        architectures=("sd1",),
        style="anime",
        precision="fp16",
        trigger_words=("reddress",),
        tags=("收藏",),
        test="ok",
        test_level="good",
        prompts=(PromptLine(text="<lora:红裙 v1:0.8> reddress", uis="A1111 / Forge"),),
        path=Path("/models/loras/红裙 v1.safetensors"),
        shown_path="loras/红裙 v1.safetensors",
        added_at="2026-01-02T00:00:00+00:00",
    ),
    ModelCard(
        name="base two",
        type="base",
        size=6_900_000_000,
        architectures=("sdxl",),
        style="realistic",
        variant="pruned",
        added_at="2026-03-02T00:00:00+00:00",
    ),
    ModelCard(name="trap", type="unknown", size=1_000, safety="dangerous"),
    ModelCard(
        name="noisy",
        type="lora",
        size=2_000_000,
        architectures=("sdxl",),
        test="noise",
        test_level="bad",
        test_words="The UNet does not predict noise.",
    ),
    ModelCard(name="which", type="vae", size=300_000_000, architectures=("sd1", "sd2", "sdxl")),
    ModelCard(name="cut", type="base", size=5, safety="unrecognised", state="broken"),
)


def page_of(*cards: ModelCard, query: str = "") -> LibraryPage:
    """Return a page of these cards, of all of the above without any."""
    return LibraryPage(models=cards or CARDS, written_at="2026-11-28T12:00:00+00:00", query=query)
