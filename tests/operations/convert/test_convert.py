"""Conversions: values equal torch's, the source untouched, no incomplete file, and the result is in the catalog."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest

from modelhub.catalog import Catalog
from modelhub.domain import ModelType, Variant
from modelhub.errors import ModelhubError, UnsafeError, UsageError
from modelhub.formats import read_header
from modelhub.formats.precision import cast
from modelhub.operations.convert.convert_file import convert_file
from modelhub.operations.convert.convert_model import ConversionSource, convert_model, resolve_source
from modelhub.operations.convert.options import ConversionOptions, default_target
from modelhub.storage.errors import TargetExistsError
from modelhub.testing.files import hostile

torch = pytest.importorskip("torch", reason="torch is the oracle of these tests")
safe_open = pytest.importorskip("safetensors").safe_open

MAIN = "model.diffusion_model."


def checkpoint(*, both: bool = True) -> dict[str, Any]:
    """Return a small state dict in LDM's names with two weight sets, a VAE, a text encoder and training leftovers."""
    torch.manual_seed(7)
    state = {
        f"{MAIN}input_blocks.0.0.weight": torch.randn(8, 4, 3, 3),
        f"{MAIN}input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight": torch.randn(8, 768),
        f"{MAIN}out.2.weight": torch.randn(4, 8, 3, 3),
        "first_stage_model.decoder.conv_in.weight": torch.randn(8, 4, 3, 3),
        "first_stage_model.encoder.conv_in.weight": torch.randn(8, 3, 3, 3),
        "first_stage_model.decoder.mid.attn_1.q.weight": torch.randn(8, 8, 1, 1),
        "cond_stage_model.transformer.text_model.embeddings.position_ids": torch.arange(77)[None].float() + 0.4,
        "cond_stage_model.transformer.text_model.embeddings.token_embedding.weight": torch.randn(16, 768),
        "betas": torch.linspace(0.00085, 0.012, 10),
        "loss.logvar": torch.zeros(()),
    }
    if both:
        for name in [n for n in state if n.startswith("model.")]:
            state["model_ema." + name[len("model.") :].replace(".", "")] = state[name] + 1
        state["model_ema.num_updates"] = torch.tensor(5)
    return state


@pytest.fixture
def ckpt(tmp_path: Path) -> Path:
    """A .ckpt as trainers write it."""
    path = tmp_path / "模型 v1.ckpt"
    torch.save({"state_dict": checkpoint(), "global_step": 7, "optimizer_states": [{"state": {}}]}, path)
    return path


def loaded(path: Path) -> dict[str, Any]:
    """Return the tensors that the reference library reads."""
    with safe_open(path, framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def test_a_pickle_becomes_safetensors_bit_for_bit(ckpt: Path, tmp_path: Path) -> None:
    """Without a change of precision every value is the very one that torch reads."""
    before = ckpt.read_bytes()
    target = tmp_path / "out.safetensors"
    result = convert_file(ckpt, target, ConversionOptions())
    assert result.target == target
    assert ckpt.read_bytes() == before
    got, want = loaded(target), checkpoint()
    assert got.keys() == {name for name in want if not name.startswith("loss.")} - {"model_ema.num_updates"}
    for name, tensor in got.items():
        assert tensor.dtype == want[name].dtype
        assert torch.equal(tensor, want[name])
    assert read_header(target).problems == ()


@pytest.mark.parametrize("legacy", [False, True])
def test_every_container_and_view_of_torch_is_read(tmp_path: Path, legacy: bool) -> None:
    """Transposed, expanded, sliced and shared tensors, in both of torch's formats."""
    base = torch.randn(6, 5)
    state = {"t": base.t(), "s": base[1:4, 2:4], "e": torch.ones(1).expand(3, 2), "whole": base, "n": torch.arange(4)}
    path = tmp_path / "views.pt"
    torch.save(state, path, _use_new_zipfile_serialization=not legacy)
    convert_file(path, tmp_path / "views.safetensors", ConversionOptions())
    got = loaded(tmp_path / "views.safetensors")
    assert all(torch.equal(got[name], tensor) for name, tensor in state.items())


@pytest.mark.parametrize("source", ["float64", "float32", "float16", "bfloat16"])
@pytest.mark.parametrize("target", ["float32", "float16", "bfloat16"])
def test_precision_changes_as_torch_changes_it(source: str, target: str) -> None:
    """Every kind of value: normal, subnormal, ties, overflow, infinities and NaN, positive and negative."""
    words = {"float64": "F64", "float32": "F32", "float16": "F16", "bfloat16": "BF16"}
    special = [0.0, -0.0, 1.0, 65504.0, 65519.9, 65520.0, 1e-8, 5.96e-8, 6e-5, 1e38, 3e38, float("inf"), float("nan")]
    values = torch.cat([torch.tensor(special), -torch.tensor(special), torch.randn(4096) * 10 ** torch.randn(4096)])
    given = values.to(getattr(torch, source))
    want = given.to(getattr(torch, target))
    raw = cast(given.view(torch.uint8).numpy().tobytes(), words[source], words[target])
    got = torch.frombuffer(bytearray(raw), dtype=getattr(torch, target))
    same = (got == want) | (got.isnan() & want.isnan())
    assert bool(same.all())


def test_emaonly_puts_the_average_under_the_main_names(ckpt: Path, tmp_path: Path) -> None:
    """The result holds one set, the EMA's, where every loader looks for it."""
    target = tmp_path / "ema.safetensors"
    convert_file(ckpt, target, ConversionOptions(variant="emaonly", precision="fp16"))
    got, want = loaded(target), checkpoint()
    name = f"{MAIN}out.2.weight"
    assert torch.equal(got[name], (want[name] + 1).half())
    assert not any(key.startswith("model_ema.") for key in got)
    assert got["betas"].dtype == torch.float32


def test_noema_keeps_the_last_step(ckpt: Path, tmp_path: Path) -> None:
    """The main set stays as it is, the average goes."""
    target = tmp_path / "main.safetensors"
    convert_file(ckpt, target, ConversionOptions(variant="noema"))
    got = loaded(target)
    assert torch.equal(got[f"{MAIN}out.2.weight"], checkpoint()[f"{MAIN}out.2.weight"])
    assert not any(key.startswith("model_ema.") for key in got)


def test_a_file_with_one_set_has_nothing_to_choose(tmp_path: Path) -> None:
    """Asking for a set that is not there is said, not guessed."""
    path = tmp_path / "single.ckpt"
    torch.save(checkpoint(both=False), path)
    with pytest.raises(ModelhubError, match="only one weight set"):
        convert_file(path, tmp_path / "x.safetensors", ConversionOptions(variant="emaonly"))
    assert not (tmp_path / "x.safetensors").exists()


@pytest.mark.parametrize("dialect", ["prefixed", "bare", "diffusers"])
def test_a_vae_is_baked_in_from_any_dialect(ckpt: Path, tmp_path: Path, dialect: str) -> None:
    """LDM's names with and without prefix, and diffusers' names with linear attention."""
    weights = {
        "decoder.conv_in.weight": torch.randn(8, 4, 3, 3),
        "encoder.conv_in.weight": torch.randn(8, 3, 3, 3),
        "decoder.mid.attn_1.q.weight": torch.randn(8, 8, 1, 1),
    }
    named = dict(weights)
    if dialect == "prefixed":
        named = {f"first_stage_model.{name}": tensor for name, tensor in weights.items()}
    if dialect == "diffusers":
        named.pop("decoder.mid.attn_1.q.weight")
        named["decoder.mid_block.attentions.0.to_q.weight"] = weights["decoder.mid.attn_1.q.weight"][:, :, 0, 0]
    vae = tmp_path / "kl.vae.pt"
    torch.save({"state_dict": {**named, "loss.discriminator.weight": torch.zeros(3)}}, vae)
    target = tmp_path / "baked.safetensors"
    convert_file(ckpt, target, ConversionOptions(), vae=vae)
    got = loaded(target)
    for name, tensor in weights.items():
        assert torch.equal(got[f"first_stage_model.{name}"], tensor)
    assert sum(name.startswith("first_stage_model.") for name in got) == len(weights)


def test_repair_counts_position_ids_anew(ckpt: Path, tmp_path: Path) -> None:
    """Whole numbers from 0 to 76, whatever a merge made of them."""
    target = tmp_path / "repaired.safetensors"
    convert_file(ckpt, target, ConversionOptions(repair=True, precision="fp16"))
    ids = loaded(target)["cond_stage_model.transformer.text_model.embeddings.position_ids"]
    assert ids.dtype == torch.int64
    assert torch.equal(ids, torch.arange(77)[None])


def test_the_metadata_says_where_the_file_came_from(ckpt: Path, tmp_path: Path) -> None:
    """Source hash and what was done are kept; hashes of the old data are not."""
    first, second = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    convert_file(ckpt, first, ConversionOptions())
    convert_file(first, second, ConversionOptions(precision="bf16"))
    metadata = read_header(second).metadata
    assert json.loads(metadata["modelhub.converted"]) == {"precision": "bf16", "from_format": "safetensors"}
    assert metadata["modelhub.source_name"] == "a.safetensors"
    assert metadata["format"] == "pt"


def test_values_that_fp16_cannot_hold_are_reported(tmp_path: Path) -> None:
    """An overflow is a fact about the result that the user must know."""
    path = tmp_path / "big.ckpt"
    torch.save({"w": torch.tensor([1e6, 1.0])}, path)
    result = convert_file(path, tmp_path / "big.safetensors", ConversionOptions(precision="fp16"))
    assert result.notes == ("Values of w are too large for fp16 and became infinite.",)


def test_a_hostile_pickle_is_not_converted(tmp_path: Path) -> None:
    """Only harmless pickles are read; the refusal names what was found."""
    path = tmp_path / "bad.pt"
    hostile.checkpoint(path)
    with pytest.raises(UnsafeError, match="dangerous"):
        convert_file(path, tmp_path / "bad.safetensors", ConversionOptions())
    assert list(tmp_path.glob("*.safetensors")) == []


def test_an_existing_target_is_never_replaced(ckpt: Path, tmp_path: Path) -> None:
    """The name is taken: nothing is written."""
    target = tmp_path / "taken.safetensors"
    target.write_bytes(b"mine")
    with pytest.raises(TargetExistsError):
        convert_file(ckpt, target, ConversionOptions())
    assert target.read_bytes() == b"mine"
    assert list(tmp_path.glob(".modelhub-*")) == []


def test_wrong_words_are_wrong_usage(ckpt: Path, tmp_path: Path) -> None:
    """A precision or variant that does not exist names those that do."""
    with pytest.raises(UsageError, match="fp8"):
        convert_file(ckpt, tmp_path / "x.safetensors", ConversionOptions(precision="fp8"))
    with pytest.raises(UsageError, match="half"):
        convert_file(ckpt, tmp_path / "x.safetensors", ConversionOptions(variant="half"))


def test_a_truncated_source_gives_a_clear_error(ckpt: Path, tmp_path: Path) -> None:
    """A broken file is refused before anything is written."""
    convert_file(ckpt, tmp_path / "whole.safetensors", ConversionOptions())
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes((tmp_path / "whole.safetensors").read_bytes()[:-100])
    with pytest.raises(ModelhubError, match="truncated"):
        convert_file(cut, tmp_path / "x.safetensors", ConversionOptions())


def test_the_default_name_tells_what_was_done() -> None:
    """The source's stem, then the words of the recipe."""
    source = Path("folder") / "v1-5-pruned.ckpt"
    assert default_target(source, ConversionOptions()).name == "v1-5-pruned.safetensors"
    name = default_target(source, ConversionOptions(variant="emaonly", precision="fp16")).name
    assert name == "v1-5-pruned-emaonly-fp16.safetensors"
    assert (
        default_target(source.with_suffix(".safetensors"), ConversionOptions()).name
        == "v1-5-pruned-converted.safetensors"
    )


def test_the_result_is_catalogued_and_linked_to_its_source(ckpt: Path, tmp_path: Path) -> None:
    """The new model says what it is and where it came from."""
    with Catalog.open(tmp_path / "catalog.sqlite3") as catalog:
        converted = convert_model(ConversionSource(path=ckpt), ConversionOptions(variant="emaonly"), catalog=catalog)
        result, record = converted.result, converted.record
        assert record.detection.type is ModelType.BASE
        assert record.detection.variant is Variant.PRUNED_EMAONLY
        assert record.sources[0].reference == str(ckpt)
        assert resolve_source(str(record.id), catalog).path == result.target


def test_a_target_must_be_named_as_what_it_is(ckpt: Path, tmp_path: Path) -> None:
    """A safetensors file called .ckpt would be reported as a problem afterwards; nothing is written."""
    target = tmp_path / "small.ckpt"
    with Catalog.open(tmp_path / "catalog.sqlite3") as catalog, pytest.raises(UsageError) as caught:
        convert_model(ConversionSource(path=ckpt), target=target, catalog=catalog)
    assert "`small.safetensors`" in caught.value.remedy.text
    assert not target.exists()


def test_a_killed_conversion_leaves_no_result(tmp_path: Path) -> None:
    """SIGKILL in the middle: the source is whole, no file has the target's name, and the next run succeeds."""
    path, target = tmp_path / "large.ckpt", tmp_path / "large.safetensors"
    torch.save({f"w{i}": torch.randn(1 << 22) for i in range(8)}, path)
    before = path.read_bytes()
    code = (
        "import sys; from pathlib import Path; from modelhub.operations.convert.convert_file import convert_file;"
        "from modelhub.operations.convert.options import ConversionOptions;"
        "convert_file(Path(sys.argv[1]), Path(sys.argv[2]), ConversionOptions())"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(path), str(target)], cwd=Path(__file__).parents[3])
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob(".modelhub-*")) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.001)
    os.kill(process.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
    process.wait()
    assert path.read_bytes() == before
    if target.exists():  # the kill came too late on a very fast machine: then the result must be whole
        assert loaded(target)["w7"].numel() == 1 << 22
    else:
        convert_file(path, target, ConversionOptions())
        assert read_header(target).problems == ()


def test_a_truncated_file_is_refused_with_the_advice_to_get_it_again(tmp_path: Path) -> None:
    """Reading its tensors would fail too, so that is not offered."""
    source = hostile.lying_header(tmp_path / "half.safetensors")
    with pytest.raises(UnsafeError) as caught:
        convert_file(source, tmp_path / "out.safetensors")
    assert caught.value.remedy.text == "Get it again; a broken file cannot be converted."


def test_what_is_not_a_model_is_refused_with_the_advice_to_inspect_it(tmp_path: Path) -> None:
    """It may be an archive of sound models, so nothing is said against loading these."""
    source = tmp_path / "pack.zip"
    with zipfile.ZipFile(source, "w") as archive:
        archive.writestr("notes.txt", "nothing")
    with pytest.raises(UnsafeError) as caught:
        convert_file(source, tmp_path / "out.safetensors")
    assert caught.value.remedy.key == "show-findings"
