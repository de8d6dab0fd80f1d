"""Where each interface wants its models."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from modelhub.domain import Format, ModelType
from modelhub.errors import UsageError
from modelhub.storage.safe_names import is_safe_name
from modelhub.uis.layouts import LAYOUTS, LIBRARY, folder_for, layout_named


@pytest.mark.parametrize(
    ("layout", "kind", "folder"),
    [
        ("a1111", ModelType.BASE, "models/Stable-diffusion"),
        ("a1111", ModelType.EMBEDDING, "embeddings"),
        ("a1111", ModelType.TEXT_ENCODER, None),
        ("forge", ModelType.TEXT_ENCODER, "models/text_encoder"),
        ("forge", ModelType.LORA, "models/Lora"),
        ("comfyui", ModelType.BASE, "checkpoints"),
        ("comfyui", ModelType.UNET, "diffusion_models"),
        ("comfyui", ModelType.T2I_ADAPTER, "controlnet"),
        ("sdnext", ModelType.CONTROLNET, "control/controlnet"),
        ("sdnext", ModelType.IP_ADAPTER, None),
        ("fooocus", ModelType.HYPERNETWORK, None),
        ("fooocus", ModelType.UPSCALER, "upscale_models"),
        ("stability-matrix", ModelType.VAE_APPROX, "ApproxVAE"),
        ("Stability-Matrix", ModelType.LORA, "Lora"),
        ("library", ModelType.EMBEDDING, "embedding"),
    ],
)
def test_the_tables_say_what_the_interfaces_documents_say(layout: str, kind: ModelType, folder: str | None) -> None:
    """Samples of every column."""
    assert folder_for(layout, kind) == (PurePosixPath(folder) if folder else None)


def test_the_five_types_have_a_place_nearly_everywhere() -> None:
    """Only Fooocus has no hypernetworks."""
    five = ("base", "vae", "lora", "embedding", "hypernetwork")
    homeless = [(row.name, name) for row in LAYOUTS for name in five if folder_for(row.name, ModelType(name)) is None]
    assert homeless == [("fooocus", "hypernetwork")]


def test_the_library_has_a_folder_for_every_type() -> None:
    """Also for what is not known."""
    assert {str(folder_for(LIBRARY, kind)) for kind in ModelType} == {kind.value for kind in ModelType}


def test_lycoris_has_a_folder_of_its_own_in_stability_matrix_only() -> None:
    """Everywhere else all algorithms live among the LoRAs."""
    assert folder_for("stability-matrix", ModelType.LORA, algorithm="loha") == PurePosixPath("LyCORIS")
    assert folder_for("forge", ModelType.LORA, algorithm="loha") == PurePosixPath("models/Lora")


def test_a_diffusers_folder_goes_only_where_it_can_be_loaded() -> None:
    """A1111 reads single files only."""
    assert folder_for("a1111", ModelType.BASE, format=Format.DIFFUSERS) is None
    assert folder_for("sdnext", ModelType.BASE, format=Format.DIFFUSERS) == PurePosixPath("Diffusers")
    assert folder_for("a1111", ModelType.BASE, format=Format.SAFETENSORS) == PurePosixPath("models/Stable-diffusion")


def test_no_folder_leaves_its_root() -> None:
    """Every part of every folder is a plain name."""
    folders = [folder for row in LAYOUTS for folder in row.folders.values()]
    assert all(is_safe_name(part) for folder in folders for part in folder.split("/"))


def test_an_unknown_layout_names_the_known_ones() -> None:
    """A typo is answered with the list."""
    with pytest.raises(UsageError) as caught:
        layout_named("a111")
    assert "a1111" in caught.value.remedy.text
    assert "comfyui" in caught.value.remedy.text
