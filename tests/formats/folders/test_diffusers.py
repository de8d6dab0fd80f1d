"""Diffusers folders: every file counts for the verdict, and folders as they are published have no unfair alarm."""

from __future__ import annotations

import json
import os
import pickle
import struct
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from modelhub.domain import SafetyReport, Verdict
from modelhub.formats import read_header
from modelhub.formats.folders import listing
from modelhub.safety import assess
from modelhub.testing.files import folders, safetensors_file, torch_file
from modelhub.testing.files.tensors import Tensor

CALL = b"\x80\x02cposix\nsystem\nX\x04\x00\x00\x00echo\x85R."
OLD_CALL = b"cposix\nsystem\n(S'echo'\ntR."
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(40)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a sound folder with safetensors of two precisions."""
    return folders.write(tmp_path / "model")


def put(folder: Path, name: str, content: bytes | str) -> Path:
    """Write a file into the folder."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def report(folder: Path) -> SafetyReport:
    """Return the report on the folder."""
    return assess(read_header(folder))


def index(folder: Path, **values: object) -> None:
    """Change values of the folder's index."""
    path = folder / "model_index.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_a_sound_folder_is_safe(folder: Path) -> None:
    """Nothing is found in it."""
    assert report(folder) == SafetyReport(Verdict.SAFE)


@pytest.mark.parametrize(
    "name",
    [
        "unet/diffusion_pytorch_model.bin", "unet/diffusion_pytorch_model.fp16.bin", "text_encoder/pytorch_model.bin",
        "unet/diffusion_pytorch_model.non_ema.bin", "unet_ema/diffusion_pytorch_model.bin", "tokenizer_x/a.bin",
        "tokenizer/vocab.bin", "scheduler/scheduler.pkl", "feature_extractor/x.pt", "top.bin", "optimizer.pt",
        "top.CKPT",
        "unet/sub/deeper/x.bin", ".hidden.bin", ".cache/x.bin", "unet/.hidden", "unet/weights", "unet/130072",
        "unet/X.BIN", "safety_checker/pytorch_model.bin", "unet/weights.dat", "unet/config.txt", "README.md",
        "unet/config.json.bak", "unet/diffusion_pytorch_model.bin.1", "__pycache__/x", "unet/x.png",
        "flax_model.msgpack", "tf_model.h5", "model.onnx", "spiece.model",
    ],
)  # fmt: skip
@pytest.mark.parametrize("content", [CALL, OLD_CALL], ids=["protocol-2", "protocol-0"])
def test_a_hostile_pickle_counts_wherever_it_is(name: str, content: bytes, folder: Path) -> None:
    """Component, suffix, case and depth make no difference; the finding names file and byte."""
    put(folder, name, content)
    found = report(folder)
    assert found.verdict is Verdict.DANGEROUS
    assert any("posix.system" in text and name in text and "byte" in text for text in found.findings)


def test_a_hostile_torch_file_without_a_suffix_counts(folder: Path) -> None:
    """A zip is looked into, whatever its name."""
    with zipfile.ZipFile(folder / "unet" / "weights", "w") as archive:
        archive.writestr("archive/data.pkl", CALL)
        archive.writestr("archive/version", "3")
    assert report(folder).verdict is Verdict.DANGEROUS


def test_a_text_that_ends_as_an_archive_is_suspicious(folder: Path) -> None:
    """Some programs look for the directory of a zip file at the end."""
    with zipfile.ZipFile(put(folder, "notes.txt", "text\n" * 2000), "a") as archive:
        archive.writestr("archive/data.pkl", CALL)
    assert report(folder).verdict in (Verdict.SUSPICIOUS, Verdict.DANGEROUS)


def test_texts_in_a_folder_named_archive_are_safe(folder: Path) -> None:
    """Only what a text holds counts, not the words in its path."""
    put(folder, "archive/notes.txt", "Trained on 2,000 pictures.\n")
    put(folder, "archive/log.json", '{"steps": 2000}')
    assert report(folder) == SafetyReport(Verdict.SAFE)


def test_pickles_of_the_same_weights_are_safe(folder: Path) -> None:
    """Published folders hold both kinds of files."""
    tensors = read_header(folder / "unet" / "diffusion_pytorch_model.safetensors").tensors
    same = {name: Tensor(info.dtype, info.shape) for name, info in tensors.items()}
    torch_file.write(folder / "unet" / "diffusion_pytorch_model.bin", same)
    torch_file.write(folder / "unet" / "diffusion_pytorch_model.fp16.bin", same)
    assert report(folder).verdict in (Verdict.SAFE, Verdict.SAFE_LEGACY)


@pytest.mark.parametrize(
    "name",
    [
        "my_pipeline.py", "unet/my_unet.py", "unet/deep/er/x.PY", ".hidden.py", "handler.py", "x.pyc", "unet/lib.so",
        "unet/libx.so.1", "x.dll", "x.pyd", "custom_generate/generate.py",
    ],
)  # fmt: skip
def test_code_in_the_folder_is_suspicious(name: str, folder: Path) -> None:
    """Whether a loader imports it is for the user to decide; the finding names the file."""
    put(folder, name, "print('hello')\n")
    found = report(folder)
    assert found.verdict is Verdict.SUSPICIOUS
    assert any(name in text for text in found.findings)


def test_a_native_program_is_found_without_its_suffix(folder: Path) -> None:
    """Its first bytes tell."""
    put(folder, "unet/runner", b"\x7fELF\x02\x01\x01" + bytes(99))
    assert report(folder).verdict in (Verdict.SUSPICIOUS, Verdict.DANGEROUS)


@pytest.mark.parametrize(
    "values",
    [
        {"_class_name": ["my_pipeline", "MyPipeline"]},
        {"unet": ["my_unet", "MyUNet"]},
        {"unet": ["os", "system"]},
        {"unet": ["transformers_modules.x", "Model"]},
        {"unet": ["unet", "Model"]},
        {"unet": ["my_unet", "MyUNet", {"repo": "x/y"}]},
        {"unet": ["diffusers", "loaders.x"]},
        {"../unet": ["diffusers", "UNet2DModel"]},
        {"/etc": ["diffusers", "UNet2DModel"]},
        {"a\\..\\b": ["diffusers", "UNet2DModel"]},
        {"C:x": ["diffusers", "UNet2DModel"]},
        {"..": ["diffusers", "UNet2DModel"]},
        {"_x": ["os", "system"]},
        {"custom_pipeline": "lpw_stable_diffusion"},
        {"trust_remote_code": True},
        {"auto_map": {"AutoModel": "a.B"}},
    ],
)
def test_an_index_that_names_foreign_code_or_places_is_suspicious(values: dict[str, object], folder: Path) -> None:
    """Classes of the folder's own code and of other libraries are named."""
    index(folder, **values)
    found = report(folder)
    assert found.verdict is Verdict.SUSPICIOUS
    assert any("model_index.json" in text for text in found.findings)


def test_an_index_of_an_inner_pipeline_counts(folder: Path) -> None:
    """Pipelines may hold pipelines; modular ones name repositories, which are not looked into."""
    inner = {"_class_name": "X", "unet": ["diffusers", "UNet2DModel", {"repo": "someone/else"}]}
    put(folder, "prior/modular_model_index.json", json.dumps(inner))
    found = report(folder)
    assert found.verdict is Verdict.SAFE
    assert "someone/else" in found.findings[0]
    put(folder, "prior/model_index.json", json.dumps({"unet": ["my_unet", "MyUNet"]}))
    assert report(folder).verdict is Verdict.SUSPICIOUS


@pytest.mark.parametrize(
    "value",
    [
        ["stable_diffusion", "StableDiffusionSafetyChecker"], ["paint_by_example", "PaintByExampleImageEncoder"],
        ["wuerstchen", "WuerstchenPrior"], ["deepfloyd_if", "IFSafetyChecker"], ["kandinsky", "MultilingualCLIP"],
        ["alt_diffusion", "RobertaSeriesModelWithTransformation"], ["kolors", "ChatGLMModel"],
        ["optimum", "OVModelUnet"],
        ["optimum.onnxruntime.modeling_diffusion", "ORTModelUnet"], ["onnxruntime.training", "ORTModule"],
        ["transformers", "CLIPTextModel"], ["diffusers", "FlaxUNet2DConditionModel"], [None, None],
        ["ltx", "LTXLatentUpsamplerModel"], ["shap_e", "ShapERenderer"], ["hunyuan_video", "X"],
    ],
)  # fmt: skip
def test_the_libraries_of_published_pipelines_are_known(value: list[str | None], folder: Path) -> None:
    """Safety checkers and encoders are classes of diffusers' own pipelines."""
    index(
        folder, unet=value, requires_safety_checker=False, force_zeros=True, ratios=[1, 2], names=["a", "b", "c", "d"]
    )
    assert report(folder).verdict is Verdict.SAFE


def test_every_pipeline_of_the_installed_diffusers_is_known() -> None:
    """The table has every sub-module whose classes an index can name."""
    pipelines = pytest.importorskip("diffusers.pipelines")
    from modelhub.formats.folders.libraries import is_known_library

    names = [path.name for path in Path(pipelines.__file__).parent.iterdir() if (path / "__init__.py").is_file()]
    assert [name for name in names if not is_known_library(name)] == []


@pytest.mark.parametrize(
    "place",
    [
        "unet/config.json", "text_encoder/config.json", "tokenizer/tokenizer_config.json", "tokenizer_2/x.json",
        "feature_extractor/preprocessor_config.json", "scheduler/scheduler_config.json", "top.json", "a/b/c/.x.JSON",
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "config",
    [
        {"auto_map": {"AutoModel": "my_unet.MyUNet"}},
        {"auto_map": {"AutoTokenizer": ["tokenization_x.X", None]}},
        {"text_config": {"inner": [{"auto_map": {"AutoConfig": "evil/repo--configuration.X"}}]}},
        {"_class_name": ["my_unet", "MyUNet"]},
        {"custom_pipelines": {"task": {"impl": "x.Y"}}},
        {"trust_remote_code": True},
        {"attn_implementation": "evil/kernel"},
        {"_attn_implementation": {"text_config": "evil/kernel"}},
        {"auto_mapping": {"base_model_class": "X", "parent_library": "os"}},
        {"_target_": "os.system"},
        {"chat_template": "{{ ''.__class__.__mro__ }}"},
        {"chat_template": [{"name": "default", "template": "{{ x|attr('a') }}"}]},
        {"py/object": "os.system"},
    ],
    ids=lambda config: next(iter(config)),
)
def test_a_configuration_that_names_code_is_suspicious(place: str, config: dict[str, object], folder: Path) -> None:
    """Any JSON file of any component counts, at any depth; the finding names file and key."""
    put(folder, place, json.dumps(config))
    found = report(folder)
    assert found.verdict is Verdict.SUSPICIOUS
    assert any(place in text for text in found.findings)


@pytest.mark.parametrize("key", ['"auto_map"', '"auto\\u005fmap"', '"\\u0061uto_map"', '"auto_m\\u0061p"'])
@pytest.mark.parametrize("padding", [0, 5 << 20])
def test_a_key_is_found_however_it_is_spelled(key: str, padding: int, folder: Path) -> None:
    """Texts too long to be parsed are searched."""
    put(folder, "tokenizer/tokenizer_config.json", '{"x": "' + "y" * padding + '", ' + key + ': {"AutoModel": "a.B"}}')
    assert report(folder).verdict is Verdict.SUSPICIOUS


@pytest.mark.parametrize(
    "config",
    [
        {"auto_map": 7, "_class_name": 12, "trust_remote_code": 13},
        {"auto_map": {}, "custom_pipelines": None, "trust_remote_code": False},
        {"attn_implementation": "sdpa", "_attn_implementation": "flash_attention_2"},
        {"auto_mapping": {"parent_library": "diffusers.models.unets.unet_2d_condition"}},
        {"auto_mapping": None, "_class_name": "UNet2DConditionModel", "_name_or_path": "/home/me/x"},
        {"chat_template": "{% for m in messages %}{{ m['content'] }}{% endfor %}"},
        [], "text", 5, None, [[[]]],
    ],
)  # fmt: skip
def test_an_ordinary_configuration_has_no_finding(config: object, folder: Path) -> None:
    """Words of a vocabulary and empty settings do not name code."""
    put(folder, "tokenizer/vocab.json", json.dumps(config))
    put(folder, "tokenizer/long.json", json.dumps([config, "x" * (5 << 20)]))
    assert report(folder) == SafetyReport(Verdict.SAFE)


@pytest.mark.parametrize("text", ["[" * 200_000, "{", "", "\ufeff{}", '{"a": ' + "9" * 6000 + "}", '"\\ud800"', "NaN"])
def test_a_configuration_that_cannot_be_read_is_an_answer(text: str, folder: Path) -> None:
    """Bad JSON never raises."""
    put(folder, "tokenizer/x.json", text.encode())
    assert report(folder).verdict in (Verdict.SAFE, Verdict.SUSPICIOUS)


@pytest.mark.parametrize("name", ["../x.bin", "/abs/x.bin", "a/../../x", "..\\x", "C:x", "..", "other/x.safetensors"])
@pytest.mark.parametrize("place", ["unet/diffusion_pytorch_model.safetensors.index.json", "x.bin.index.fp16.json"])
def test_a_shard_outside_its_own_folder_is_suspicious(name: str, place: str, folder: Path) -> None:
    """An index of shards may name plain files beside it only."""
    put(folder, place, json.dumps({"metadata": {}, "weight_map": {"a": "x.safetensors", "b": name}}))
    found = report(folder)
    assert found.verdict is Verdict.SUSPICIOUS
    assert any(place in text for text in found.findings)


def test_a_file_that_an_index_names_is_weights(folder: Path) -> None:
    """A shard may have any name; diffusers opens it with torch."""
    put(folder, "unet/notes.txt", "nothing but text")
    assert report(folder).verdict is Verdict.SAFE
    put(folder, "unet/x.bin.index.json", json.dumps({"weight_map": {"a": "notes.txt"}}))
    assert report(folder).verdict is Verdict.UNRECOGNISED


def test_a_link_that_leads_out_is_suspicious_and_followed(folder: Path, tmp_path: Path) -> None:
    """Its target is judged as well; a folder behind a link is not entered."""
    outside = put(tmp_path, "elsewhere/x.bin", b"\x80\x02}.")
    (folder / "unet" / "x.bin").symlink_to(outside)
    found = report(folder)
    assert found.verdict is Verdict.SUSPICIOUS
    assert any("unet/x.bin" in text and "leads out" in text for text in found.findings)
    outside.write_bytes(CALL)
    assert report(folder).verdict is Verdict.DANGEROUS


@pytest.mark.parametrize("target", ["/etc/hostname", "/", "/dev/zero", "..", "../..", "/proc/self/mem"])
def test_a_link_to_the_system_is_suspicious(target: str, folder: Path) -> None:
    """Devices and folders behind it are not read."""
    (folder / "unet" / "link").symlink_to(target)
    assert report(folder).verdict is Verdict.SUSPICIOUS


def test_a_link_inside_the_folder_is_followed(folder: Path) -> None:
    """Loops end, and a hostile file behind a link is found once."""
    (folder / "unet" / "loop").symlink_to("..")
    (folder / "unet" / "config2.json").symlink_to("config.json")
    assert report(folder).verdict in (Verdict.SAFE, Verdict.SUSPICIOUS)
    (folder / "unet" / "loop").unlink()
    assert report(folder) == SafetyReport(Verdict.SAFE)


def test_a_pipe_is_not_read(folder: Path) -> None:
    """Opening it would wait for ever."""
    os.mkfifo(folder / "unet" / "x.bin")
    assert report(folder).verdict is Verdict.SUSPICIOUS


def test_a_folder_of_the_cache_of_hugging_face_is_safe(folder: Path, tmp_path: Path) -> None:
    """There every file is a link to its content."""
    snapshot = tmp_path / "models--a--b" / "snapshots" / "0123"
    blobs = tmp_path / "models--a--b" / "blobs"
    blobs.mkdir(parents=True)
    for number, path in enumerate(sorted(path for path in folder.rglob("*") if path.is_file())):
        link = snapshot / path.relative_to(folder)
        link.parent.mkdir(parents=True, exist_ok=True)
        (blobs / str(number)).write_bytes(path.read_bytes())
        link.symlink_to(os.path.relpath(blobs / str(number), link.parent))
    assert report(snapshot) == SafetyReport(Verdict.SAFE)
    (blobs / "0").write_bytes(CALL)
    assert report(snapshot).verdict is not Verdict.SAFE


def test_hard_links_are_read_once(folder: Path) -> None:
    """The same content under a second name has the same findings."""
    source = put(folder, "unet/a.bin", CALL)
    os.link(source, folder / "unet" / "b.bin")
    assert [text.count("unet/") for text in report(folder).findings] == [1]


def test_a_folder_as_it_is_published_is_safe(folder: Path) -> None:
    """What diffusers does not load is named, and changes nothing."""
    for name, content in {
        "README.md": "---\nlicense: mit\n---\n# Model\n", ".gitattributes": "*.bin filter=lfs\n",
        "LICENSE": "copyright (c) 2022\nAll rights reserved\n", "LICENSE.md": "(copyright)\n", "x.png": PICTURE,
        "images/a.jpg": b"\xff\xd8\xff\xe0" + bytes(50), "paper.pdf": b"%PDF-1.5\n\xbf\xf7\xa2",
        ".DS_Store": b"\0\0\0\1Bud1",
        "tokenizer/merges.txt": "#version: 0.2\ni n\nt h\n", "tokenizer/vocab.txt": "cat\ndog\nemu\n(i\nx\ny\n",
        "tokenizer/spiece.model": b"\n\x0e\n\x05<unk>\x15\0\0\0\0\x18\2" * 40,
        "tokenizer/special_tokens_map.json": "{}",
        "setup.sh": "#!/bin/sh\necho\n", "v1-inference.yaml": "model:\n  target: ldm.models.diffusion.ddpm.X\n",
        ".cache/huggingface/download/x.metadata": "abc\n\"etag\"\n1700000000.1\n",
        ".cache/huggingface/CACHEDIR.TAG": "x",
        "tokenizer/chat_template.jinja": "{% for m in messages %}{{ m.content }}{% endfor %}",
        "text_encoder/generation_config.json": '{"_from_model_config": true}', "empty.txt": "", "empty": "",
    }.items():  # fmt: skip
        put(folder, name, content)
    named = {
        "text_encoder/flax_model.msgpack": b"\x81\xa6params\x81\xa1a\xc7\x04\x01abcd",
        "vae/diffusion_flax_model.msgpack": b"\x84\xa7decoder\x81\xa1a\xc7\x04\x01abcd",
        "unet/tf_model.h5": b"\x89HDF\r\n\x1a\n" + bytes(99),
        "onnx/unet/model.onnx_data": bytes(range(256)) * 4,
        "openvino/unet/openvino_model.xml": '<?xml version="1.0"?>\n<net name="M" version="11"></net>',
        "openvino/unet/openvino_model.bin": bytes(range(1, 256)) * 9,
        "pack.7z": b"7z\xbc\xaf\x27\x1c" + bytes(60),
        ".git/hooks/pre-commit": "#!/bin/sh\n",
    }
    for name, content in named.items():
        put(folder, name, content)
    found = report(folder)
    assert found.verdict is Verdict.SAFE, found.findings
    for name in named:
        wanted = ".git" if name.startswith(".git") else name
        assert any(text.startswith(f"{wanted} was not looked into.") for text in found.findings) == (
            not name.endswith(".xml")
        ), name
    assert not any("README" in text or "x.png" in text or "vocab" in text for text in found.findings)


def test_a_component_of_other_weights_only_is_not_called_safe(folder: Path) -> None:
    """An ONNX folder is not looked into: its verdict is not safe, and its weights are not called missing."""
    for path in (folder / "unet").glob("*.safetensors"):
        path.unlink()
    put(folder, "unet/model.onnx", b"\x08\x08\x12\x01x\x3a\x02\x12\x00")
    header = read_header(folder)
    assert assess(header).verdict is Verdict.UNRECOGNISED
    assert not header.broken


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-1],
        lambda data: data[:100],
        lambda data: struct.pack("<Q", 1 << 60) + data[8:],
        lambda data: b"",
        lambda data: b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
        lambda data: b"<!doctype html><html></html>",
    ],
    ids=["short", "header only", "length", "empty", "pointer", "page"],
)
@pytest.mark.parametrize(
    "name", ["unet/diffusion_pytorch_model.safetensors", "unet/diffusion_pytorch_model.fp16.safetensors"]
)
def test_broken_weights_make_the_folder_unrecognised(damage: Callable[[bytes], bytes], name: str, folder: Path) -> None:
    """Neither the file that is loaded nor another precision may be something else."""
    put(folder, name, damage((folder / name).read_bytes()))
    found = report(folder)
    assert found.verdict is Verdict.UNRECOGNISED
    assert any(name in text for text in found.findings)


def test_a_missing_component_is_a_problem_and_no_verdict(folder: Path) -> None:
    """What is there is safe."""
    for path in (folder / "vae").iterdir():
        path.unlink()
    (folder / "vae").rmdir()
    header = read_header(folder)
    assert header.broken
    assert assess(header).verdict is Verdict.SAFE


@pytest.mark.parametrize("text", ["[]", "{", "5", "[" * 100_000])
def test_an_index_that_cannot_be_read_is_not_called_safe(text: str, folder: Path) -> None:
    """It does not parse, so nothing is known of the components."""
    put(folder, "model_index.json", text)
    header = read_header(folder)
    assert header.broken
    assert assess(header).verdict is not Verdict.SAFE


def test_a_yaml_file_with_python_objects_is_suspicious(folder: Path) -> None:
    """An unsafe loader of YAML would make them."""
    put(folder, "x.yaml", "a: !!python/object/apply:os.system ['echo']\n")
    assert report(folder).verdict is Verdict.SUSPICIOUS


def test_a_template_file_is_searched(folder: Path) -> None:
    """Tokenizers load it beside their configuration."""
    put(folder, "tokenizer/additional_chat_templates/x.jinja", "{{ x.__class__ }}")
    assert report(folder).verdict is Verdict.SUSPICIOUS


def test_a_folder_of_many_files_is_answered(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With more files than any model has, the walk ends."""
    monkeypatch.setattr(listing, "MAX_FILES", 200)
    for number in range(300):
        put(folder, f"many/{number}", "x")
    start = time.process_time()
    found = report(folder)
    assert time.process_time() - start < 5
    assert found.verdict is Verdict.SUSPICIOUS
    assert "200 files" in found.findings[0]


def test_the_worst_finding_comes_first_and_is_never_cut_off(folder: Path) -> None:
    """Many lesser findings do not hide it."""
    for number in range(500):
        put(folder, f"many/{number:03}.py", "x")
    put(folder, "zzz.bin", CALL)
    found = report(folder)
    assert found.verdict is Verdict.DANGEROUS
    assert "posix.system" in found.findings[0]


def test_tensors_are_those_that_diffusers_would_load(folder: Path) -> None:
    """Other files are judged, but not counted as weights."""
    before = read_header(folder).tensors
    safetensors_file.write(folder / "unet" / "extra.safetensors", {"x": Tensor("F32", (1,))})
    put(folder, "unet/y.bin", pickle.dumps({}, 2))
    assert read_header(folder).tensors == before
