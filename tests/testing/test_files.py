"""The made files are what they say: against labelled real layouts, the safetensors library, torch's safe loader."""

from __future__ import annotations

import json
import pickletools
import zipfile
from pathlib import Path

import pytest

from modelhub.testing.files import adapters, diffusers_keys, folders, hostile, networks, safetensors_file, torch_file
from modelhub.testing.files.networks import SMALL
from modelhub.testing.files.tensors import Tensor, Tensors, cast

_LAYOUTS = {
    "sd1-full-both-ema-nonema-fp32-ckpt": networks.sd1(both=True),
    "sd1-inpainting-fp16-safetensors": cast(networks.sd1(inputs=9, schedule=False), "F16"),
    "sdxl-base-1.0-fp16-safetensors": cast(networks.sdxl(), "F16"),
    "vae-ldm-noprefix-safetensors": networks.vae(),
    "diffusers-unet-sd1-fp32": diffusers_keys.unet(),
    "vae-diffusers-sd1-fp32": diffusers_keys.vae(),
    "lora-kohya-sd1-te-unet-fp16": adapters.lora_sd1(32),
    "embedding-emb_params-sd1-safetensors": adapters.embedding(),
}


@pytest.mark.parametrize("slug", _LAYOUTS)
def test_made_tensors_are_exactly_those_of_the_published_file(shared: Path, slug: str) -> None:
    """Names, shapes and types of the full-sized layouts equal the labelled real ones."""
    real = json.loads((shared / "headers" / f"{slug}.json").read_text(encoding="utf-8"))["tensors"]
    shapes = {name: [tensor.dtype, list(tensor.shape)] for name, tensor in _LAYOUTS[slug].items()}
    assert shapes == real


def test_a_made_safetensors_file_opens_with_the_reference_library(tmp_path: Path) -> None:
    """The library reads the same names, shapes, metadata and finite, non-zero values."""
    numpy = pytest.importorskip("numpy")
    safetensors = pytest.importorskip("safetensors")
    tensors = cast(networks.vae(8), "F16")
    path = safetensors_file.write(tmp_path / "vae.safetensors", tensors, metadata={"modelspec.title": "画家"})
    with safetensors.safe_open(path, framework="numpy") as file:
        assert file.metadata() == {"modelspec.title": "画家"}
        found = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    assert {name: value.shape for name, value in found.items()} == {n: t.shape for n, t in tensors.items()}
    assert all(numpy.isfinite(value).all() and (value != 0).all() for value in found.values())


def test_the_same_seed_makes_the_same_file(tmp_path: Path) -> None:
    """Equal seeds give equal bytes, other seeds other bytes."""
    one, same, other = (
        safetensors_file.write(tmp_path / name, adapters.embedding(), seed=seed).read_bytes()
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    assert one == same != other


def test_made_torch_files_load_with_torchs_safe_loader(tmp_path: Path) -> None:
    """torch.load(weights_only=True) gives the same structure, shapes and values that are finite."""
    torch = pytest.importorskip("torch")
    base = networks.sd1(SMALL, both=True)
    files = {
        "base.ckpt": torch_file.checkpoint(base, global_step=470000),
        "词.pt": adapters.embedding_a1111("EasyNegative"),
        "hyper.pt": adapters.hypernetwork("anime"),
    }
    loaded = {
        name: torch.load(torch_file.write(tmp_path / name, content), weights_only=True)
        for name, content in files.items()
    }
    state = loaded["base.ckpt"]["state_dict"]
    assert {name: tuple(value.shape) for name, value in state.items()} == _shapes(base)
    assert all(torch.isfinite(value).all() for value in state.values())
    ids = state["cond_stage_model.transformer.text_model.embeddings.position_ids"]
    assert ids.tolist() == [list(range(77))]
    assert loaded["词.pt"]["string_to_param"]["*"].shape == (8, 768)
    assert loaded["hyper.pt"][768][1]["linear.0.weight"].shape == (48, 768)
    assert loaded["hyper.pt"]["layer_structure"] == [1.0, 0.0625, 1.0]


def test_a_sparse_torch_file_has_its_true_size_and_a_sound_archive(tmp_path: Path) -> None:
    """Holes count as zeroes: the archive's checksums hold and every member is aligned to 64 bytes."""
    path = torch_file.write(tmp_path / "big.ckpt", {"weight": Tensor("F32", (3000, 1000))}, sparse=True)
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert archive.read("big/data/0") == bytes(12_000_000)
        data = archive.getinfo("big/data/0").header_offset + 30 + len("big/data/0")
        data += len(archive.getinfo("big/data/0").extra)
    assert data % 64 == 0
    assert path.stat().st_size > 12_000_000


def test_a_diffusers_folder_names_every_file_that_its_index_asks_for(tmp_path: Path) -> None:
    """Each component of model_index.json has a folder with a configuration, each network both precisions."""
    folder = folders.write(tmp_path / "model")
    index = json.loads((folder / "model_index.json").read_text(encoding="utf-8"))
    parts = [name for name, value in index.items() if isinstance(value, list) and value[0]]
    assert all(any((folder / part).glob("*.json")) for part in parts)
    weights = sorted(path.name for path in (folder / "unet").glob("*.safetensors"))
    assert weights == ["diffusion_pytorch_model.fp16.safetensors", "diffusion_pytorch_model.safetensors"]


def test_hostile_files_hold_the_call_that_they_are_for(tmp_path: Path) -> None:
    """Without loading them: their pickles name os.system and call it."""
    with zipfile.ZipFile(hostile.checkpoint(tmp_path / "evil.pt")) as archive:
        inner = archive.read("evil/data.pkl")
    for data in (inner, hostile.bare_pickle(tmp_path / "evil.pkl").read_bytes()):
        seen = [(opcode.name, value) for opcode, value, _ in pickletools.genops(data)]
        assert ("GLOBAL", "os system") in seen
        assert any(opcode == "REDUCE" for opcode, _ in seen)


def _shapes(tensors: Tensors) -> dict[str, tuple[int, ...]]:
    return {name: tensor.shape for name, tensor in tensors.items()}
