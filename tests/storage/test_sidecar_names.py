"""Sidecars."""

from __future__ import annotations

from pathlib import Path

from modelhub.storage.sidecar_names import SIDECAR_SUFFIXES, models_sharing_sidecars, renamed_sidecar, sidecars_of


def test_every_suffix_of_the_list_is_a_sidecar(tmp_path: Path) -> None:
    """The model's name may have dots, brackets and other scripts."""
    model = tmp_path / "麦橘 [v1.2] majicMIX.safetensors"
    expected = {tmp_path / f"麦橘 [v1.2] majicMIX{suffix}" for suffix in SIDECAR_SUFFIXES}
    for path in (model, *expected):
        path.touch()
    assert set(sidecars_of(model)) == expected


def test_a_name_with_the_same_beginning_is_not_a_sidecar(tmp_path: Path) -> None:
    """`m2.json` belongs to m2, `m.safetensors.bak` to no model."""
    for name in ("m.safetensors", "m2.json", "m-v2.preview.png", "m.safetensors.bak", "m.ckpt", "m", "mm.txt"):
        (tmp_path / name).touch()
    (tmp_path / "m.json").mkdir()
    assert sidecars_of(tmp_path / "m.safetensors") == ()


def test_a_vae_is_not_its_own_sidecar(tmp_path: Path) -> None:
    """`m.vae.pt` belongs to `m.ckpt`, and has sidecars of its own."""
    for name in ("m.ckpt", "m.vae.pt", "m.vae.json"):
        (tmp_path / name).touch()
    assert sidecars_of(tmp_path / "m.ckpt") == (tmp_path / "m.vae.pt",)
    assert sidecars_of(tmp_path / "m.vae.pt") == (tmp_path / "m.vae.json",)


def test_a_folder_has_no_sidecars(tmp_path: Path) -> None:
    """A diffusers folder keeps everything inside."""
    (tmp_path / "pipe").mkdir()
    (tmp_path / "pipe.json").touch()
    assert sidecars_of(tmp_path / "pipe") == ()


def test_a_sidecar_is_renamed_with_its_model() -> None:
    """It gets the new stem and keeps its suffix."""
    sidecar = Path("a/old.v1.preview.png")
    assert renamed_sidecar(sidecar, Path("a/old.v1.pt"), Path("b/new.safetensors")) == Path("b/new.preview.png")


def test_models_of_one_stem_share_their_sidecars(tmp_path: Path) -> None:
    """The sidecars must stay when one of the models goes."""
    for name in ("m.ckpt", "m.safetensors", "n.ckpt", "m.png"):
        (tmp_path / name).touch()
    assert models_sharing_sidecars(tmp_path / "m.ckpt") == (tmp_path / "m.safetensors",)
    assert models_sharing_sidecars(tmp_path / "n.ckpt") == ()
