"""torch's containers, read without torch: what torch wrote is what is seen, and nothing is executed."""

from __future__ import annotations

import io
import json
import pickle
import struct
import subprocess
import sys
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest

from modelhub.domain import Format, Verdict
from modelhub.errors import ModelhubError
from modelhub.formats import read_header
from modelhub.formats.tensors import TensorReader, tensor_spans
from modelhub.safety import assess
from modelhub.testing.files import folders

torch = pytest.importorskip("torch", reason="torch writes the files of these tests")


def weights() -> dict[str, Any]:
    """Return a few tensors of several types."""
    return OrderedDict(
        {
            "a.weight": torch.randn(2, 3),
            "a.bias": torch.zeros(2).half(),
            "n": torch.arange(4),
            "b": torch.ones(3).bfloat16(),
        }
    )


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("wrapper", [None, "state_dict", "params_ema", "model"])
def test_names_shapes_and_types_are_those_that_torch_wrote(tmp_path: Path, legacy: bool, wrapper: str | None) -> None:
    """Flat or wrapped, in either container."""
    content: Any = weights() if wrapper is None else {wrapper: weights(), "epoch": 3}
    path = tmp_path / "model.pth"
    torch.save(content, path, _use_new_zipfile_serialization=not legacy)
    header = read_header(path)
    assert header.format is (Format.TORCH_LEGACY if legacy else Format.TORCH_ZIP)
    assert {name: (info.dtype, info.shape) for name, info in header.tensors.items()} == {
        "a.weight": ("F32", (2, 3)),
        "a.bias": ("F16", (2,)),
        "n": ("I64", (4,)),
        "b": ("BF16", (3,)),
    }
    assert header.root == wrapper
    assert header.problems == ()
    assert assess(header).verdict is Verdict.SAFE
    if wrapper:
        assert header.entries["epoch"] == "3"


def test_what_training_leaves_raises_no_alarm(tmp_path: Path) -> None:
    """Lightning's bookkeeping, optimizer states and numpy scalars are harmless; numpy's are shown."""
    numpy = pytest.importorskip("numpy", reason="numpy makes the scalar")
    parameter = torch.nn.Parameter(torch.ones(2))
    optimizer = torch.optim.AdamW([parameter])
    parameter.sum().backward()
    optimizer.step()
    content = {
        "state_dict": weights(),
        "optimizer_states": [optimizer.state_dict()],
        "lr_schedulers": [],
        "callbacks": {"ModelCheckpoint": {"best_model_score": torch.tensor(0.5), "best_k": numpy.float64(0.25)}},
        "pytorch-lightning_version": "1.4.2",
    }
    path = tmp_path / "last.ckpt"
    torch.save(content, path)
    header = read_header(path)
    report = assess(header)
    assert report.verdict is Verdict.SAFE_LEGACY
    assert any("numpy" in finding for finding in report.findings)
    assert set(header.tensors) == set(weights())
    assert header.entries.keys() == content.keys() - {"state_dict"}


def test_parameter_dictionaries_and_whole_modules_are_named_as_such(tmp_path: Path) -> None:
    """Old embeddings keep a ParameterDict; a whole module is reported as one, and is not safe."""
    parts = torch.nn.ParameterDict({"*": torch.nn.Parameter(torch.randn(2, 768))})
    torch.save({"string_to_param": parts, "name": "style"}, tmp_path / "style.pt")
    header = read_header(tmp_path / "style.pt")
    assert header.tensors["string_to_param.*"].shape == (2, 768)
    assert header.entries["name"] == "style"
    assert assess(header).verdict is Verdict.SAFE_LEGACY
    torch.save(torch.nn.Sequential(torch.nn.Linear(2, 3)), tmp_path / "module.pt")
    header = read_header(tmp_path / "module.pt")
    assert any("an object made by torch.nn.modules.container.Sequential" in p.text for p in header.problems)
    assert header.tensors["0.weight"].shape == (3, 2)


def test_integer_keys_and_bare_tensors_are_read(tmp_path: Path) -> None:
    """Hypernetworks have widths as keys; some files are one tensor."""
    layers = OrderedDict({"linear.0.weight": torch.zeros(2, 2)})
    torch.save({768: [layers, layers], "activation_func": "relu", "layer_structure": [1, 2, 1]}, tmp_path / "h.pt")
    header = read_header(tmp_path / "h.pt")
    assert set(header.tensors) == {"768.0.linear.0.weight", "768.1.linear.0.weight"}
    assert header.entries == {"activation_func": "relu", "layer_structure": "[1, 2, 1]"}
    torch.save(torch.zeros(1, 768), tmp_path / "bare.pt")
    assert read_header(tmp_path / "bare.pt").tensors[""].shape == (1, 768)


@pytest.mark.parametrize("legacy", [False, True])
def test_a_truncated_file_is_reported_as_truncated(tmp_path: Path, legacy: bool) -> None:
    """At any length: an answer with a fatal problem, never an exception."""
    path = tmp_path / "whole.ckpt"
    torch.save({"state_dict": {"w": torch.randn(5000)}}, path, _use_new_zipfile_serialization=not legacy)
    content = path.read_bytes()
    for length in range(0, len(content), max(1, len(content) // 60)):
        cut = tmp_path / "cut.ckpt"
        cut.write_bytes(content[:length])
        assert read_header(cut).broken, length


def test_an_interrupted_download_is_unrecognised_not_suspicious(tmp_path: Path) -> None:
    """Members whose sizes only the missing directory states raise no alarm; the first problem is the missing end."""
    path = tmp_path / "whole.ckpt"
    torch.save({f"w{i}": torch.randn(1000) for i in range(6)}, path)
    content = path.read_bytes()
    for length in (len(content) // 3, len(content) // 2, len(content) - 10):
        (tmp_path / "cut.ckpt").write_bytes(content[:length])
        header = read_header(tmp_path / "cut.ckpt")
        assert assess(header).verdict is Verdict.UNRECOGNISED, length
        assert header.problems[0].text == "The end of the archive is missing: the file is truncated."


def test_a_compressed_archive_is_read_all_the_same(tmp_path: Path) -> None:
    """Somebody repacked it: the values are still those."""
    path, packed = tmp_path / "a.pt", tmp_path / "packed.pt"
    value = torch.randn(300)
    torch.save({"w": value}, path)
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as target:
        for item in source.infolist():
            target.writestr(item.filename, source.read(item))
    assert tensor_spans(packed) == ()
    with TensorReader(packed) as reader:
        assert b"".join(reader.read_chunks("w")) == value.numpy().tobytes()


def test_big_endian_files_give_little_endian_bytes(tmp_path: Path) -> None:
    """torch on a big-endian machine says so in the archive."""
    path, swapped = tmp_path / "a.pt", tmp_path / "swapped.pt"
    value = torch.randn(5)
    torch.save({"w": value}, path)
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(swapped, "w") as target:
        for item in source.infolist():
            data = source.read(item)
            if item.filename.endswith("byteorder"):
                data = b"big"
            elif "/data/" in item.filename:
                data = struct.pack(">5f", *struct.unpack("<5f", data))
            target.writestr(item.filename, data)
    with TensorReader(swapped) as reader:
        assert b"".join(reader.read_chunks("w")) == value.numpy().tobytes()


FOREIGN = {
    "pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 4\n", "LFS pointer"),
    "page": (b"<!DOCTYPE html><title>Sign in</title>", "web page"),
    "answer": (b'{"error": "not found"}', "JSON"),
    "gzip": (b"\x1f\x8b\x08" + b"\0" * 50, "gzip"),
    "7z": (b"7z\xbc\xaf\x27\x1c" + b"\0" * 50, "7z"),
    "tar": (b"a" * 257 + b"ustar" + b"\0" * 300, "tar"),
    "picture": (b"\x89PNG\r\n" + b"\0" * 50, "picture"),
    "program": (b"\x7fELF" + b"\0" * 50, "program"),
    "empty": (b"", "empty"),
    "noise": (b"\x07" * 400, "not a format"),
}


@pytest.mark.parametrize("suffix", [".safetensors", ".ckpt", ".bin"])
@pytest.mark.parametrize("name", FOREIGN)
def test_what_is_no_model_is_named_for_what_it_is(tmp_path: Path, name: str, suffix: str) -> None:
    """Under any name, and never called safe."""
    content, word = FOREIGN[name]
    path = tmp_path / f"model{suffix}"
    path.write_bytes(content)
    header = read_header(path)
    assert assess(header).verdict not in (Verdict.SAFE, Verdict.SAFE_LEGACY) or header.broken
    if (name, suffix) not in {("noise", ".safetensors"), ("empty", ".safetensors")}:
        assert word in "; ".join(problem.text for problem in header.problems)


def test_a_name_that_lies_is_reported(tmp_path: Path) -> None:
    """Content decides; the mismatch is a problem, not an error."""
    path = tmp_path / "model.safetensors"
    torch.save(weights(), path)
    header = read_header(path)
    assert header.format is Format.TORCH_ZIP
    assert any("The name ends in .safetensors" in problem.text for problem in header.problems)
    assert not header.broken


def test_bare_pickles_of_every_protocol_are_walked(tmp_path: Path) -> None:
    """Protocols 0 to 5, plain values: safe."""
    for protocol in range(6):
        path = tmp_path / "plain.pkl"
        path.write_bytes(pickle.dumps({"a": [1, 2.5, "x", b"y", None, True, (1,), {2}]}, protocol=protocol))
        header = read_header(path)
        assert header.format is Format.PICKLE
        assert assess(header).verdict in (Verdict.SAFE, Verdict.SAFE_LEGACY), (protocol, assess(header))


def test_nothing_of_torch_is_imported_for_reading(tmp_path: Path) -> None:
    """Neither torch nor numpy."""
    path = tmp_path / "a.ckpt"
    torch.save(weights(), path)
    code = (
        "import sys; from pathlib import Path\n"
        "from modelhub.formats import read_header; from modelhub.safety import assess\n"
        "assess(read_header(Path(sys.argv[1]))); print([m for m in ('torch', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_diffusers_folder_is_read_as_one_model(tmp_path: Path) -> None:
    """Prefixed names, configurations as metadata; what is missing is named."""
    folder = folders.write(tmp_path / "pipe")
    header = read_header(folder)
    assert header.format is Format.DIFFUSERS
    assert header.problems == ()
    assert any(name.startswith("unet/") for name in header.tensors)
    assert "unet/config.json" in header.metadata
    for path in (folder / "vae").glob("*.safetensors"):
        path.unlink()
    header = read_header(folder)
    assert any("vae" in problem.text and problem.fatal for problem in header.problems)
    (folder / "model_index.json").write_text(json.dumps({"../evil": ["diffusers", "X"], "unet": ["diffusers", "Y"]}))
    assert any("not a valid folder name" in problem.text for problem in read_header(folder).problems)


def test_a_plain_folder_is_a_clear_error(tmp_path: Path) -> None:
    """It says what to do instead."""
    with pytest.raises(ModelhubError, match=r"model_index\.json"):
        read_header(tmp_path)


def test_gguf_headers_are_read_and_bounded(tmp_path: Path) -> None:
    """Names, shapes in the usual order, types; claims beyond the file are a problem."""
    out = io.BytesIO()
    out.write(b"GGUF" + struct.pack("<IQQ", 3, 1, 1))
    for text in (b"general.architecture",):
        out.write(struct.pack("<Q", len(text)) + text + struct.pack("<I", 8) + struct.pack("<Q", 4) + b"flux")
    name = b"img_in.weight"
    out.write(struct.pack("<Q", len(name)) + name + struct.pack("<I", 2) + struct.pack("<2Q", 64, 3072))
    out.write(struct.pack("<IQ", 12, 0))
    path = tmp_path / "model.gguf"
    path.write_bytes(out.getvalue())
    header = read_header(path)
    assert header.format is Format.GGUF
    assert (header.tensors["img_in.weight"].dtype, header.tensors["img_in.weight"].shape) == ("Q4_K", (3072, 64))
    assert header.metadata["general.architecture"] == "flux"
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 1 << 60, 1))
    assert read_header(path).broken


def test_settings_that_refer_to_those_around_them_raise_no_alarm(tmp_path: Path) -> None:
    """An object that contains itself, as OmegaConf's settings do, is followed once and does not unfold without end."""
    settings: dict[str, Any] = {"content": {}}
    settings["content"]["parent"] = settings
    path = tmp_path / "a.pt"
    torch.save({"settings": settings, "w": torch.ones(2)}, path)
    header = read_header(path)
    assert assess(header).verdict is Verdict.SAFE
    assert header.tensors.keys() == {"w"}
