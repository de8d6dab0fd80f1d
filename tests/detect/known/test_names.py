"""Names that people type for well-known models, and the pages that guides link to."""

from __future__ import annotations

import pytest

from modelhub.detect import KNOWN_MODELS, find_known_model, find_named_models, find_near_models, find_page
from modelhub.detect.known.models import find_mentioned_model


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        *((word, "Stable Diffusion 1.5") for word in ("v1-5", "v1.5", "1.5", "sd 1.5", "sd1.5", "SD15", "sd-v1-5")),
        ("Stable Diffusion v1.5", "Stable Diffusion 1.5"),
        ("v1-5-pruned.ckpt", "Stable Diffusion 1.5"),
        ("v1-4", "Stable Diffusion 1.4"),
        ("SD 1.1", "Stable Diffusion 1.1"),
        ("2-0", "Stable Diffusion 2.0"),
        ("2-1", "Stable Diffusion 2.1"),
        ("sd 2.1", "Stable Diffusion 2.1"),
        ("sd2.1 base", "Stable Diffusion 2.1 Base"),
        ("SDXL", "SDXL 1.0 Base"),
        ("Anything V1", "Anything V1"),
        ("anything v2.1", "Anything V2.1"),
        ("Anything V3", "Anything V3"),
        ("anything v5", "Anything V5"),
        ("Anything Prt", "Anything V5"),
        ("anything-v5-PrtRE.safetensors", "Anything V5"),
        ("万象熔炉 V5", "Anything V5"),
        ("anything ink", "Anything Ink"),
        ("Anything XL", "Anything XL"),
        ("realistic vision", "Realistic Vision"),
        ("Realistic Vision V6.0", "Realistic Vision V6.0 B1"),
        ("GuoFeng3.4", "GuoFeng3.4"),
        ("国风3.2", "GuoFeng3.2"),
        ("麦橘写实", "majicMIX realistic"),
    ],
)
def test_a_typed_name_means_one_model(typed: str, name: str) -> None:
    """Each version means itself, however it is spelled."""
    assert [model.name for model in find_named_models(typed)] == [name]


@pytest.mark.parametrize(
    ("typed", "first", "count"),
    [
        ("万象熔炉", "Anything V5", 4),
        ("anything", "Anything V5", 4),
        ("sd1", "Stable Diffusion 1.5", 5),
        ("sd 2", "Stable Diffusion 2.1", 4),
        ("flux", "FLUX.1 schnell", 2),
        ("国风", "GuoFeng3.4", 3),
    ],
)
def test_a_name_that_several_models_share_means_all_of_them(typed: str, first: str, count: int) -> None:
    """The likeliest one is the first."""
    found = find_named_models(typed)
    assert (found[0].name, len(found)) == (first, count)


def test_a_bare_number_is_not_a_version() -> None:
    """`1.5` is Stable Diffusion 1.5, 15 is a number."""
    assert find_named_models("15") == () and find_near_models("15") == ()


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        ("anythng v5", ["Anything V5"]),
        ("reallistic vision", ["Realistic Vision"]),
        ("chilloutmx", ["ChilloutMix"]),
        ("meina", ["MeinaMix"]),
        ("anything sd1", ["Anything V5", "Anything V3", "Anything Ink"]),
        ("dreamshaper xl", []),
        ("my own mix", []),
    ],
)
def test_a_name_that_is_nearly_known_has_suggestions(typed: str, names: list[str]) -> None:
    """Nothing is suggested for a name without a similar one, or of another architecture."""
    assert [model.name for model in find_near_models(typed)] == names


@pytest.mark.parametrize(
    ("address", "first", "count"),
    [
        ("CompVis/stable-diffusion", "Stable Diffusion 1.4", 4),
        ("https://huggingface.co/CompVis/stable-diffusion/tree/main", "Stable Diffusion 1.4", 4),
        ("https://huggingface.co/CompVis", "Stable Diffusion 1.4", 4),
        ("https://huggingface.co/spaces/runwayml/stable-diffusion-v1-5", "Stable Diffusion 1.5", 1),
        ("hf-mirror.com/spaces/RunwayML/stable-diffusion-v1-5/", "Stable Diffusion 1.5", 1),
        ("https://github.com/CompVis/stable-diffusion.git", "Stable Diffusion 1.4", 4),
        ("https://www.github.com/Stability-AI/stablediffusion?tab=readme", "Stable Diffusion 2.1", 4),
    ],
)
def test_a_page_of_a_guide_leads_to_its_models(address: str, first: str, count: int) -> None:
    """Repositories of code, demos and publishers' pages hold no weights."""
    page = find_page(address)
    assert page is not None
    assert (page.models[0].name, len(page.models)) == (first, count)


@pytest.mark.parametrize(
    "address", ["runwayml/stable-diffusion-v1-5", "https://huggingface.co/CompVis/stable-diffusion-v1-4", "anything v5"]
)
def test_other_references_are_no_such_pages(address: str) -> None:
    """Repositories with weights and names are left to their sources."""
    assert find_page(address) is None


def test_every_source_at_civitai_names_a_version() -> None:
    """The page of a model may get versions that are other models."""
    at_civitai = [model for model in KNOWN_MODELS if (model.source or "").startswith("civitai:")]
    assert len(at_civitai) > 10 and all(model.is_pinned for model in at_civitai)


def test_a_model_without_a_source_names_one_with_a_source() -> None:
    """The nearest known model can be pulled."""
    gone = [model for model in KNOWN_MODELS if model.source is None]
    assert gone
    for model in gone:
        instead = find_known_model(model.instead)
        assert instead is not None and instead.source is not None


def test_no_word_names_two_models() -> None:
    """A name that several models share is in the table of those only."""
    words = [(word, model.name) for model in KNOWN_MODELS for word in (model.name, *model.aliases, *model.words)]
    assert [(word, name) for word, name in words if [m.name for m in find_named_models(word)] != [name]] == []


@pytest.mark.parametrize("file", ["anything-v3 (1)", "anything-v3 - 副本", "Copy of anything-v3"])
def test_a_copy_is_recognized_by_the_name_before_its_mark(file: str) -> None:
    """The mark of a copy is not a part of a model's name."""
    found = find_mentioned_model(file)
    assert found is not None and found.name == "Anything V3"


@pytest.mark.parametrize("mark", [" (1)", " - 副本", " copy 2"])
def test_a_copy_of_an_official_release_is_one(mark: str) -> None:
    """Only the whole name makes an official release, and the mark does not count."""
    found = find_mentioned_model(f"v1-5-pruned-emaonly{mark}")
    assert found is not None and found.name == "Stable Diffusion 1.5"
