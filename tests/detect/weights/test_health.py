"""What is wrong with a model's content."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from modelhub.detect.weights import arrays
from modelhub.detect.weights.finite import all_finite
from modelhub.detect.weights.health import HealthReport, HealthSink, examine, hash_mismatches
from modelhub.detect.weights.ldm_names import clip_names, ldm_unet_names, vae_names
from modelhub.domain import ModelType
from modelhub.storage.hashing import hash_file, hash_file_fully

DTYPES = {
    torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.int64: "I64",
    torch.float8_e4m3fn: "F8_E4M3", torch.float8_e5m2: "F8_E5M2",
}  # fmt: skip
FLOATS = [dtype for dtype in DTYPES if dtype.is_floating_point]
IDS = "cond_stage_model.transformer.text_model.embeddings.position_ids"
VAE = "first_stage_model.decoder.conv_in.weight"


@dataclass(frozen=True)
class Span:
    """The place of a tensor."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    offset: int
    length: int


def raw(tensor: torch.Tensor) -> bytes:
    """Return a tensor's bytes."""
    return tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes() if tensor.numel() else b""


@pytest.fixture(params=["numpy", "no numpy"])
def arithmetic(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """With numpy, and as in the base install."""
    if request.param == "no numpy":
        monkeypatch.setattr(arrays, "numpy_or_none", lambda: None)
    return str(request.param)


@pytest.fixture
def look(tmp_path: Path) -> Callable[..., HealthReport]:
    """The report on some weights, from one read together with the hashes."""

    def look(weights: Mapping[str, torch.Tensor], **facts: object) -> HealthReport:
        spans, data = [], bytearray(b"odd")
        for name, tensor in weights.items():
            content = raw(tensor)
            spans.append(Span(name, DTYPES[tensor.dtype], tuple(tensor.shape), len(data), len(content)))
            data += content + b"?"
        path = tmp_path / "model"
        path.write_bytes(data)
        sink = HealthSink(spans)
        hash_file(path, sinks=[sink], threads=False)
        return sink.report(**facts)  # type: ignore[arg-type]

    return look


@pytest.mark.usefixtures("arithmetic")
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("value", ["nan", "-nan", "inf", "-inf"])
def test_one_bad_value_is_found_in_every_type(
    look: Callable[..., HealthReport], dtype: torch.dtype, value: str
) -> None:
    """Of either sign, as NaN or infinity, among good values; the tensor is named."""
    tensor = torch.randn(1000).to(dtype)
    bad = tensor.clone()
    bad[777] = -torch.tensor(float("nan")) if value == "-nan" else float(value)
    if dtype is torch.float8_e4m3fn and "inf" in value:
        assert bad[777].float().isfinite()  # this type has no infinity: torch takes its largest value
        assert look({VAE: bad}).healthy
        return
    report = look({VAE: bad, "first_stage_model.decoder.conv_out.weight": tensor})
    assert report.nan_tensors == (VAE,)
    assert report.problems == (f"{VAE} holds NaN or infinite values.",)


@pytest.mark.usefixtures("arithmetic")
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2])
def test_every_value_of_the_small_types_is_judged_as_torch_does(dtype: torch.dtype) -> None:
    """All bit patterns, one by one."""
    width = torch.empty(0, dtype=dtype).element_size()
    whole = torch.arange(256 if width == 1 else 65536, dtype=torch.int32)
    patterns = whole.to(torch.uint8) if width == 1 else whole.to(torch.uint16)
    truth = patterns.view(dtype).float().isfinite().tolist()
    data = memoryview(raw(patterns))
    mine = [all_finite(data[i * width : (i + 1) * width], DTYPES[dtype]) for i in range(len(truth))]
    assert mine == truth
    assert 0 < sum(truth) < len(truth)


@pytest.mark.usefixtures("arithmetic")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_largest_finite_values_are_fine(dtype: torch.dtype) -> None:
    """Their top byte is that of infinity; only together with the next one does it tell."""
    limits = torch.finfo(dtype)
    fine = torch.tensor([limits.max, limits.min, limits.tiny, 0.0, -0.0, limits.smallest_normal / 4], dtype=dtype)
    assert all_finite(memoryview(raw(fine)), DTYPES[dtype])
    # The two bytes in two different values must not add up to one bad value.
    assert all_finite(memoryview(raw(torch.tensor([limits.max, 1.0] * 100, dtype=dtype))), DTYPES[dtype])


@pytest.mark.usefixtures("arithmetic")
def test_a_bad_value_across_a_blocks_end_is_found(
    look: Callable[..., HealthReport], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Blocks of the stream end anywhere, also within a value."""
    monkeypatch.setattr("modelhub.storage.fan_out.BLOCK", 4 * 37)
    for place in range(0, 200, 7):
        tensor = torch.randn(200)
        tensor[place] = float("nan")
        assert look({VAE: tensor}).nan_tensors == (VAE,)
    assert look({VAE: torch.randn(200)}).healthy


def test_a_mask_of_minus_infinities_is_no_defect(look: Callable[..., HealthReport]) -> None:
    """open_clip's causal mask and some schedules are buffers, not weights."""
    mask = torch.full((77, 77), float("-inf")).triu(1)
    assert look({"cond_stage_model.model.attn_mask": mask, "log_one_minus_alphas_cumprod": mask}).healthy


def test_zeros_are_reported_where_they_are_a_defect(look: Callable[..., HealthReport]) -> None:
    """A matrix of zeros is said; a bias of zeros is only listed; one value other than zero is enough."""
    nearly = torch.zeros(2000, 300)
    nearly[1999, 299] = 1e-8
    report = look({VAE: torch.zeros(8, 8), "first_stage_model.a.bias": torch.zeros(8), "first_stage_model.b": nearly})
    assert report.zero_tensors == ("first_stage_model.a.bias", VAE)
    assert report.problems == (f"{VAE} holds nothing but zeros.",)
    assert look({VAE: torch.empty(0, 4)}).zero_tensors == ()


def test_an_untrained_lora_is_reported(look: Callable[..., HealthReport]) -> None:
    """Zeros in some blocks are usual, in all of them it does nothing."""
    down = torch.randn(4, 8)
    some = {"a.lora_up.weight": torch.zeros(8, 4), "a.lora_down.weight": down, "b.lora_up.weight": torch.ones(8, 4)}
    assert look(some).healthy
    none = some | {"b.lora_up.weight": torch.zeros(8, 4)}
    assert look(none).problems == ("Every up matrix is zero: this LoRA changes nothing.",)


@pytest.mark.parametrize("dtype", [torch.int64, torch.float32, torch.float16, torch.bfloat16, torch.float64])
def test_position_ids_must_count_in_whole_numbers(look: Callable[..., HealthReport], dtype: torch.dtype) -> None:
    """Right ones are fine, floats are reported, wrong numbers are reported as worse."""
    right = torch.arange(77).reshape(1, 77).to(dtype)
    wrong = right.clone()
    wrong[0, 40] = 39
    problems = look({IDS: right}).problems
    if dtype is torch.int64:
        assert problems == ()
    else:
        assert "instead of whole numbers" in problems[0]
    (problem,) = look({IDS: wrong}).problems
    assert "1 wrong values of 77" in problem
    assert IDS in problem


def test_unreadable_position_ids_are_reported(look: Callable[..., HealthReport]) -> None:
    """Also NaN among them, which no comparison finds equal to anything."""
    assert "holds no readable numbers" in look({IDS: torch.zeros(77).to(torch.float8_e5m2)}).problems[0]
    broken = torch.arange(77.0)
    broken[3] = float("nan")
    assert "1 wrong values" in look({IDS: broken}).problems[0]


def sd1(*parts: str) -> dict[str, torch.Tensor]:
    """Return a checkpoint of tiny tensors with all names of the parts."""
    names = {
        "unet": [f"model.diffusion_model.{name}" for name in ldm_unet_names("sd1")],
        "vae": [f"first_stage_model.{name}" for name in vae_names()],
        "text_encoder": [f"cond_stage_model.transformer.text_model.{name}" for name in clip_names(12)],
    }
    return {name: torch.ones(2) for part in parts for name in names[part]}


def test_a_whole_checkpoint_is_healthy(look: Callable[..., HealthReport]) -> None:
    """Nothing missing, nothing extra; buffers and a depth model beside it are not strays."""
    weights = sd1("unet", "vae", "text_encoder") | {"betas": torch.ones(2), "depth_model.x": torch.ones(2)}
    assert look(weights, architecture="sd1", type=ModelType.BASE).healthy


def test_a_checkpoint_without_a_part_says_so(look: Callable[..., HealthReport]) -> None:
    """In words a newcomer understands; a file that is only a UNet is not a checkpoint without parts."""
    report = look(sd1("unet"), architecture="sd1", type=ModelType.BASE)
    assert report.missing_components == ("vae", "text_encoder")
    assert [problem.split(":")[0] for problem in report.problems] == [
        "It has no VAE", "It has no text encoder",
    ]  # fmt: skip
    assert look(sd1("unet"), architecture="sd1", type=ModelType.UNET).healthy
    assert look(sd1("unet"), architecture="flux", type=ModelType.BASE).healthy


def test_missing_and_extra_keys_are_named(look: Callable[..., HealthReport]) -> None:
    """By component, in canonical names, with the count."""
    weights = sd1("unet", "vae", "text_encoder")
    del weights["model.diffusion_model.out.2.bias"]
    weights["first_stage_model.decoder.conv_extra.weight"] = torch.ones(2)
    weights["lora_unet_forgotten.lora_up.weight"] = torch.ones(2)
    report = look(weights, architecture="sd1", type=ModelType.BASE)
    assert report.missing_keys == ("unet: out.2.bias",)
    assert report.extra_keys == ("vae: decoder.conv_extra.weight", "rest: lora_unet_forgotten.lora_up.weight")
    assert report.problems == (
        "The UNet lacks 1 of 686 tensors: out.2.bias.",
        "The VAE has 1 tensor too many: decoder.conv_extra.weight.",
        "1 tensor belongs to no part of the model: lora_unet_forgotten.lora_up.weight.",
    )


def test_long_lists_are_cut_in_sentences_and_whole_in_the_fields(look: Callable[..., HealthReport]) -> None:
    """A sentence stays readable."""
    weights = {f"first_stage_model.{number}": torch.full((2, 2), float("nan")) for number in range(9)}
    report = look(weights)
    assert len(report.nan_tensors) == 9
    assert report.problems[0] == (
        "9 tensors hold NaN or infinite values, such as first_stage_model.0, first_stage_model.1, first_stage_model.2."
    )


def test_a_truncated_file_names_the_tensor_that_is_cut(tmp_path: Path) -> None:
    """Half a tensor, and one that is not there at all."""
    path = tmp_path / "x"
    path.write_bytes(bytes([1]) * 150)
    sink = HealthSink(
        [Span("a", "F16", (50,), 0, 100), Span("b", "F16", (50,), 100, 100), Span("c", "F16", (5,), 200, 10)]
    )
    hash_file(path, sinks=[sink])
    assert examine(sink).truncated_tensors == ("b", "c")
    assert "2 tensors are cut off" in examine(sink).problems[0]


def test_tensors_over_the_same_bytes_are_reported_and_not_read(tmp_path: Path) -> None:
    """A header made to keep its reader busy."""
    path = tmp_path / "x"
    path.write_bytes(bytes(100))
    sink = HealthSink([Span(str(number), "F16", (50,), 0, 100) for number in range(100)])
    hash_file(path, sinks=[sink])
    assert examine(sink).problems == ("Many tensors claim the same bytes: no model is stored like this.",)


def test_embedded_hashes_are_compared_with_the_computed_one(tmp_path: Path) -> None:
    """Any case, with or without 0x; only the wrong ones are reported, files without a data part are not judged."""
    data = b"data" * 100
    header = json.dumps({"__metadata__": {}, "x": {"dtype": "U8", "shape": [400], "data_offsets": [0, 400]}}).encode()
    path = tmp_path / "x.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + data)
    true = hash_file_fully(path).data_part_sha256
    assert true is not None
    assert hash_mismatches({"sshs_model_hash": true.upper(), "modelspec.hash_sha256": f"0x{true}"}, true) == ()
    assert hash_mismatches({"ss_network_dim": "8", "sshs_model_hash": ""}, true) == ()
    assert hash_mismatches({"sshs_model_hash": "a" * 64}, None) == ()
    (problem,) = hash_mismatches({"sshs_model_hash": "a" * 64, "modelspec.hash_sha256": f"0x{true}"}, true)
    assert "sshs_model_hash" in problem
    assert true[:12] in problem
    assert len(hash_mismatches({"modelspec.hash_sha256": "😀" * 100_000}, true)[0]) < 300


@pytest.mark.parametrize(
    ("layout", "architecture", "kind", "missing"),
    [
        ("sd1-fp16-pruned-noema-safetensors", "sd1", ModelType.BASE, ()),
        ("sd1-novae-fp16-safetensors", "sd1", ModelType.BASE, ("vae",)),
        ("sd1-noclip-fp16-safetensors", "sd1", ModelType.BASE, ("text_encoder",)),
        ("sdxl-novae-fp16-safetensors", "sdxl", ModelType.BASE, ("vae",)),
        ("sd2-depth-512-ckpt", "sd2", ModelType.BASE, ()),
        ("sdxl-pix2pix-cosxl-edit-safetensors", "sdxl", ModelType.BASE, ()),
        ("vae-diffusers-sd1-fp32", "sd1", ModelType.VAE, ()),
    ],
)
def test_real_layouts_are_whole_but_for_what_they_lack(
    shared: Path, layout: str, architecture: str, kind: ModelType, missing: tuple[str, ...]
) -> None:
    """No false alarm on published files, in LDM's and diffusers' names."""
    tensors = json.loads((shared / "headers" / f"{layout}.json").read_text())["tensors"]
    sink = HealthSink([Span(name, dtype, tuple(shape), 0, 0) for name, (dtype, shape) in tensors.items()])
    report = examine(sink, architecture=architecture, type=kind)
    assert (report.missing_components, report.missing_keys, report.extra_keys) == (missing, (), ())
