"""Names of model files."""

from __future__ import annotations

import pytest

from modelhub.domain import Format, ModelType
from modelhub.storage.model_names import is_model_name, loadable_name, model_stem, states_another_kind


@pytest.mark.parametrize(
    ("name", "stem", "loadable"),
    [
        ("130072", "130072", "130072.safetensors"),
        ("x.safetensors.1", "x", "x (1).safetensors"),
        ("y.safetensors (1)", "y", "y (1).safetensors"),
        ("z.safetensor", "z", "z.safetensors"),
        ("m.ckpt.txt", "m", "m.safetensors"),
        ("a.dat", "a", "a.safetensors"),
        ("style_v1.5", "style_v1.5", "style_v1.5.safetensors"),
        ("m.safetensors?type=Model", "m", "m.safetensors"),
        ("good.SafeTensors", "good", "good.SafeTensors"),
        ("old.ckpt", "old", "old.ckpt"),
    ],
)
def test_a_safetensors_file_gets_a_name_that_uis_load(name: str, stem: str, loadable: str) -> None:
    """A name with a model's suffix stays; others get the suffix of the content."""
    assert model_stem(name) == stem
    assert loadable_name(name, Format.SAFETENSORS) == loadable
    assert is_model_name(loadable)


def test_the_suffix_of_a_pickle_is_the_one_that_uis_expect_of_its_type() -> None:
    """A stated suffix is kept where it fits the content."""
    assert loadable_name("130072", Format.TORCH_ZIP, ModelType.BASE) == "130072.ckpt"
    assert loadable_name("130072", Format.TORCH_ZIP, ModelType.EMBEDDING) == "130072.pt"
    assert loadable_name("x4.pth.1", Format.TORCH_LEGACY) == "x4 (1).pth"
    assert loadable_name("q4", Format.GGUF) == "q4.gguf"


def test_what_is_not_a_model_keeps_its_name() -> None:
    """Nothing is known of it."""
    assert loadable_name("notes.txt", Format.UNKNOWN) == "notes.txt"
    assert states_another_kind("notes.txt")
    assert not states_another_kind("m.ckpt.txt")
    assert not states_another_kind("130072")
