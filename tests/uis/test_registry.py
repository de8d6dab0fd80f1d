"""The rows of the UIs: where each keeps its models, how it is linked, and what it lists."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath

import pytest

from modelhub.domain import Format, ModelType
from modelhub.errors import UsageError
from modelhub.storage.safe_names import is_safe_name
from modelhub.uis.comfyui import COMFYUI
from modelhub.uis.invokeai import INVOKEAI
from modelhub.uis.library import LIBRARY
from modelhub.uis.registry import BUILT_IN, linkable, ui_named
from modelhub.uis.ui import Flags, SettingsFile


@pytest.mark.parametrize(
    ("name", "kind", "folder"),
    [
        ("a1111", ModelType.BASE, "models/Stable-diffusion"),
        ("a1111", ModelType.EMBEDDING, "embeddings"),
        ("a1111", ModelType.TEXT_ENCODER, None),
        ("forge", ModelType.TEXT_ENCODER, "models/text_encoder"),
        ("forge", ModelType.LORA, "models/Lora"),
        ("forge-neo", ModelType.EMBEDDING, "models/embeddings"),
        ("forge-neo", ModelType.HYPERNETWORK, None),
        ("comfyui", ModelType.BASE, "checkpoints"),
        ("comfyui", ModelType.UNET, "diffusion_models"),
        ("comfyui", ModelType.T2I_ADAPTER, "controlnet"),
        ("sdnext", ModelType.CONTROLNET, "control/controlnet"),
        ("sdnext", ModelType.IP_ADAPTER, None),
        ("fooocus", ModelType.HYPERNETWORK, None),
        ("fooocus", ModelType.UPSCALER, "upscale_models"),
        ("swarmui", ModelType.BASE, "Stable-Diffusion"),
        ("swarmui", ModelType.MOTION_MODULE, None),
        ("stability-matrix", ModelType.VAE_APPROX, "ApproxVAE"),
        ("Stability-Matrix", ModelType.LORA, "Lora"),
        ("library", ModelType.EMBEDDING, "embedding"),
    ],
)
def test_each_row_has_the_folders_of_the_uis_own_code(name: str, kind: ModelType, folder: str | None) -> None:
    """Samples of every UI."""
    assert ui_named(name).folder_for(kind) == (PurePosixPath(folder) if folder else None)


def test_the_five_types_have_a_folder_nearly_everywhere() -> None:
    """Only Fooocus and Forge Neo have no hypernetworks."""
    five = (ModelType.BASE, ModelType.VAE, ModelType.LORA, ModelType.EMBEDDING, ModelType.HYPERNETWORK)
    without = {(ui.name, kind.value) for ui in BUILT_IN if ui.folders for kind in five if ui.folder_for(kind) is None}
    assert without == {("fooocus", "hypernetwork"), ("forge-neo", "hypernetwork")}


def test_the_library_has_a_folder_for_every_type() -> None:
    """Unknown files have one as well."""
    assert {str(LIBRARY.folder_for(kind)) for kind in ModelType} == {kind.value for kind in ModelType}


def test_only_stability_matrix_has_a_separate_folder_for_lycoris() -> None:
    """Everywhere else all algorithms are among the LoRAs."""
    assert ui_named("stability-matrix").folder_for(ModelType.LORA, algorithm="loha") == PurePosixPath("LyCORIS")
    assert ui_named("forge").folder_for(ModelType.LORA, algorithm="loha") == PurePosixPath("models/Lora")


def test_a_diffusers_folder_has_a_place_only_where_it_can_be_loaded() -> None:
    """A1111 reads single files only."""
    a1111, sdnext = ui_named("a1111"), ui_named("sdnext")
    assert a1111.folder_for(ModelType.BASE, format=Format.DIFFUSERS) is None
    assert sdnext.folder_for(ModelType.BASE, format=Format.DIFFUSERS) == PurePosixPath("Diffusers")
    assert a1111.folder_for(ModelType.BASE, format=Format.SAFETENSORS) == PurePosixPath("models/Stable-diffusion")


def test_no_folder_leaves_its_root() -> None:
    """Every part of every folder is a plain name."""
    folders = [folder for ui in (*BUILT_IN, LIBRARY) for folder in ui.folders.values()]
    assert all(is_safe_name(part) for folder in folders for part in folder.split("/"))


def test_a_mistyped_name_is_answered_with_the_nearest() -> None:
    """`comfiui` is taken for `comfyui`."""
    with pytest.raises(UsageError) as caught:
        ui_named("comfiui")
    assert caught.value.remedy.text == "Did you mean `comfyui`?"


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("webui", "a1111"),
        ("SD-WebUI", "a1111"),
        ("秋叶整合包", "a1111"),
        ("Comfy", "comfyui"),
        ("SD.Next", "sdnext"),
        ("stable-diffusion-webui-forge", "forge"),
    ],
)
def test_a_ui_is_found_by_what_people_call_it(word: str, name: str) -> None:
    """Packages and repositories of a UI mean the UI."""
    assert ui_named(word).name == name


def test_the_launcher_of_several_uis_is_not_taken_for_one() -> None:
    """绘世 starts A1111, ComfyUI and Forge: the likeliest is named, none is chosen."""
    with pytest.raises(UsageError) as caught:
        ui_named("绘世启动器")
    assert caught.value.remedy.text == "Did you mean `a1111`?"


def test_a_layout_of_the_user_comes_before_the_words_for_a_ui() -> None:
    """Whoever calls a layout `webui` means it."""
    mine = replace(COMFYUI, name="WebUI")
    assert ui_named("webui", (mine,)) is mine


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    """InvokeAI, which registers models, is among them; the library's own layout is offered to nobody."""
    with pytest.raises(UsageError) as caught:
        ui_named("webui-of-mine")
    known = caught.value.remedy.text.removeprefix("Choose one of: ").rstrip(".").split(", ")
    assert known == [ui.name for ui in BUILT_IN]
    assert "invokeai" in known
    assert "library" not in known


def test_rows_are_consistent() -> None:
    """Names are unique and lower case; suffixes are stated only for types with a folder; each row says how to link."""
    assert len({ui.name for ui in BUILT_IN}) == len(BUILT_IN)
    for ui in BUILT_IN:
        assert ui.name == ui.name.lower()
        assert ui.marks
        assert set(ui.suffixes) <= set(ui.folders)
        assert all(suffix.startswith(".") for suffixes in ui.suffixes.values() for suffix in suffixes)
        assert bool(ui.folders) != bool(ui.registration)
        assert ui.link is not None


def test_keys_of_linked_settings_are_of_types_with_a_folder() -> None:
    """A key for a type that the UI has no folder for would be a slip."""
    for ui in linkable():
        assert isinstance(ui.link, SettingsFile | Flags)
        assert set(ui.link.keys) <= set(ui.folders)


def test_invokeai_takes_models_by_address_only() -> None:
    """A folder is not an address."""
    assert INVOKEAI.registration is not None
    assert INVOKEAI.registration.connect("http://127.0.0.1:9090/").address == "http://127.0.0.1:9090"
    with pytest.raises(UsageError, match="not an address"):
        INVOKEAI.registration.connect("/home/me/invokeai")
