"""Shared weights: found across containers, names and precision; named components; the deep look; known names."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelhub.catalog import Catalog
from modelhub.detect.weights.named_components import name_components
from modelhub.errors import ModelhubError, NotFoundError
from modelhub.fetch.choice.criteria import FileCriteria
from modelhub.operations.convert.convert_file import convert_file
from modelhub.operations.convert.options import ConversionOptions
from modelhub.operations.library.add import add
from modelhub.operations.library.fingerprint import fingerprint_file
from modelhub.operations.library.shared_weights import (
    component_table_path,
    describe_shared_weights,
    models_sharing_weights,
)
from modelhub.operations.library.value_check import inspect_values
from modelhub.operations.remote.pull import PullRequest, plan_pull
from modelhub.testing.files import networks, safetensors_file, torch_file
from modelhub.testing.files.networks import SMALL


@pytest.fixture
def family(tmp_path: Path) -> Path:
    """One model in three containers, a VAE, and the model with that VAE baked in."""
    folder = tmp_path / "models"
    main = networks.sd1(SMALL)
    safetensors_file.write(folder / "a.safetensors", main, seed=3)
    torch_file.write(folder / "b.ckpt", torch_file.checkpoint(main), seed=3)
    safetensors_file.write(folder / "own.vae.safetensors", networks.vae(16), seed=9)
    convert_file(folder / "a.safetensors", folder / "half.safetensors", ConversionOptions(precision="fp16"))
    convert_file(
        folder / "a.safetensors",
        folder / "baked.safetensors",
        ConversionOptions(),
        vae=folder / "own.vae.safetensors",
    )
    return folder


def test_equal_weights_are_found_in_any_container(family: Path, tmp_path: Path) -> None:
    """A pickle is bit for bit the same; a half-precision copy is the same after rounding."""
    with Catalog.open(tmp_path / "catalog.sqlite3") as catalog:
        assert len(list(add([family], catalog=catalog))) == 5
        (model,) = catalog.find("a")
        whole = {
            kin.name: kin.level for kin in models_sharing_weights(model, catalog=catalog) if kin.component == "weights"
        }
        assert whole == {"b": "exact", "half": "rounded"}
        groups = catalog.duplicates("weights")
        assert [sorted(path.name for path in group.paths) for group in groups] == [
            ["a.safetensors", "b.ckpt", "half.safetensors"]
        ]


def test_a_baked_vae_is_recognised_and_named(family: Path, tmp_path: Path) -> None:
    """`show` says whose VAE it is, also by a name that the user taught."""
    library = tmp_path / "library"
    with Catalog.open(library / "catalog.sqlite3") as catalog:
        list(add([family], catalog=catalog))
        name_components(component_table_path(library), "kl-f8", fingerprint_file(family / "own.vae.safetensors"))
        (model,) = catalog.find("baked")
        lines = describe_shared_weights(model, catalog=catalog, library=library)
        assert "VAE: the same as in own.vae (bit for bit)" in lines
        assert "VAE: known as kl-f8 (bit for bit)" in lines
        assert not any(line.startswith("weights:") for line in lines)


def test_a_file_without_tensors_has_no_fingerprint(tmp_path: Path) -> None:
    """The error says so and names the file."""
    path = tmp_path / "note.txt"
    path.write_text("hello")
    with pytest.raises(ModelhubError, match="has no tensors"):
        fingerprint_file(path)
    with pytest.raises(NotFoundError):
        fingerprint_file(tmp_path / "absent")


def test_a_deep_look_names_tensors_with_nan_and_missing_parts(tmp_path: Path) -> None:
    """NaN by tensor; a checkpoint without a VAE is reported as such."""
    torch = pytest.importorskip("torch", reason="torch writes the NaN")
    state = {"model.diffusion_model.out.2.weight": torch.tensor([[1.0, float("nan")]])}
    path = tmp_path / "broken.ckpt"
    torch.save({"state_dict": state}, path)
    look = inspect_values(path)
    assert any("model.diffusion_model.out.2.weight" in problem for problem in look.problems)
    assert look.hashes is not None


def test_the_name_of_a_known_model_stands_for_its_place() -> None:
    """`pull "realistic vision"` asks the place where it is published; one without a place has none."""

    class Recorder:
        kind = "civitai"
        asked: list[str]

        def __init__(self) -> None:
            self.asked = []

        def claims(self, source: str) -> bool:
            return source.startswith("civitai:")

        def resolve(self, source: str, *, revision: str | None = None) -> object:
            self.asked.append(source)
            raise NotFoundError("Requested.")

    recorder = Recorder()
    with pytest.raises(NotFoundError, match="Requested"):
        plan_pull(PullRequest(source="realistic vision", criteria=FileCriteria()), fetchers=(recorder,))  # type: ignore[arg-type]
    assert recorder.asked == ["civitai:4201@130072"]
    with pytest.raises(NotFoundError, match="not published any more"):
        plan_pull(PullRequest(source="Anything V1", criteria=FileCriteria()), fetchers=(recorder,))  # type: ignore[arg-type]
