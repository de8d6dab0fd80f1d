"""Every kind of base, from a file and from a folder: the weights, the text and the picture are what diffusers makes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("diffusers", reason="diffusers is not installed: pip install 'sd-modelhub[render]'")
pytest.importorskip("transformers", reason="transformers is not installed: pip install 'sd-modelhub[render]'")
torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'sd-modelhub[render]'")

from modelhub.render import sampling  # noqa: E402 - they need what may be skipped for
from modelhub.render.loading.bases import Base, load_base  # noqa: E402
from modelhub.render.messages import Part  # noqa: E402
from modelhub.render.problems import RenderProblem  # noqa: E402
from modelhub.render.prompts import Context, encode_prompt  # noqa: E402
from modelhub.render.recipes import Recipe  # noqa: E402
from tests.render.tiny_models import KINDS, Model, model  # noqa: E402

PROMPT = "a red apple on a wooden table, soft daylight – café №5"
NEGATIVE = "blurry"
RECIPE = Recipe(prompt=PROMPT, negative_prompt=NEGATIVE, steps=2, size=64, guidance=3.0, seed=7)


@pytest.fixture(scope="module", params=list(KINDS))
def tiny(request: pytest.FixtureRequest) -> Model:
    """One model of each kind."""
    return model(KINDS[request.param])


@pytest.fixture(scope="module", params=["file", "folder"])
def loaded(request: pytest.FixtureRequest, tiny: Model, tmp_path_factory: pytest.TempPathFactory) -> Base:
    """The same model, through modelhub's loaders."""
    place = tmp_path_factory.mktemp(tiny.kind.name) / "modèle"
    path = tiny.folder(place) if request.param == "folder" else tiny.file(place.with_suffix(".safetensors"))
    prediction = {"v_prediction": "v"}.get(tiny.kind.prediction, "epsilon")
    return load_base(Part(path=str(path), name="tiny", prediction=prediction), dtype=torch.float32)


@pytest.fixture(scope="module")
def original(tiny: Model) -> Any:
    """The same model in diffusers' own pipeline."""
    return tiny.pipeline()


def bare(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return weights without the prefix that some versions of transformers have, and without buffers that count up."""
    return {name.removeprefix("text_model."): value for name, value in state.items() if "position_ids" not in name}


def close(one: Any, other: Any) -> bool:
    """Return whether two tensors are equal to 1e-4."""
    return bool(one.shape == other.shape and torch.allclose(one, other, atol=1e-4, rtol=0))


def test_every_weight_arrives(tiny: Model, loaded: Base) -> None:
    """Bit by bit, under whatever names; of SD2's text encoder a folder holds one layer less."""
    pairs = [(tiny.unet, loaded.unet), (tiny.vae, loaded.vae), *zip(tiny.texts, loaded.text_encoders, strict=True)]
    for given, found in pairs:
        wanted, held = bare(given.state_dict()), bare(found.state_dict())
        assert all(torch.equal(wanted[name], value) for name, value in held.items())
        lost = wanted.keys() - held.keys()
        assert not lost or tiny.kind.family == "sd2"
        assert all(name.startswith(("encoder.layers.3.", "text_projection")) for name in lost)


def test_it_is_known_what_kind_it_is(tiny: Model, loaded: Base) -> None:
    """Family, kind, and the scale of the latents."""
    assert (loaded.architecture, loaded.kind) == (tiny.kind.family, tiny.kind.kind)
    assert loaded.vae.config.scaling_factor == tiny.vae.config.scaling_factor
    assert loaded.unet.config.attention_head_dim == tiny.unet.config.attention_head_dim


def encode_with_diffusers(pipe: Any, prompt: str) -> Context:
    """Encode a prompt with diffusers' pipeline."""
    out = pipe.encode_prompt(prompt=prompt, device="cpu", num_images_per_prompt=1, do_classifier_free_guidance=False)
    return Context(out[0], out[2] if len(out) == 4 else None)


@pytest.mark.parametrize("prompt", [PROMPT, "", "word " * 100])
def test_prompts_are_encoded_as_diffusers_does(tiny: Model, original: Any, loaded: Base, prompt: str) -> None:
    """Layers, padding, cutting off, and SDXL's pooled vector."""
    if tiny.kind.kind == "instruct-pix2pix" and tiny.kind.family == "sd1":
        pytest.skip("this pipeline of diffusers has no method for it; the picture tells")
    ours, theirs = encode_prompt(loaded, prompt), encode_with_diffusers(original, prompt)
    assert close(ours.hidden, theirs.hidden)
    if theirs.pooled is not None:
        assert ours.pooled is not None
        assert close(ours.pooled, theirs.pooled)


def test_the_picture_is_the_one_that_diffusers_makes(original: Any, loaded: Base) -> None:
    """Same prompt, seed, steps, guidance and scheduler: latents and pixels agree to 1e-4."""
    ours = sampling.render(loaded, RECIPE, encode_prompt(loaded, PROMPT), encode_prompt(loaded, NEGATIVE))
    given = {
        "prompt": PROMPT,
        "negative_prompt": NEGATIVE,
        "guidance_scale": RECIPE.guidance,
        **sampling._inputs(loaded, RECIPE),
    }

    def theirs(output: str) -> Any:
        noise = torch.Generator().manual_seed(RECIPE.seed)
        return original(**given, generator=noise, output_type=output).images

    assert close(ours, theirs("latent"))
    pixels = (torch.from_numpy(sampling.decode(loaded.vae, ours)) / 2 + 0.5).clamp(0, 1)
    assert close(pixels, theirs("pt")[0].permute(1, 2, 0))


def test_the_whole_test_runs_on_every_kind(tiny: Model, tmp_path: Path) -> None:
    """Random weights find no noise: that is said, and nothing falls over on the way."""
    from tests.render.job_runner import JobRunner

    path = tiny.file(tmp_path / "tiny.safetensors")
    result = JobRunner(tmp_path / "pictures").run(path, "base", RECIPE)
    assert result.verdict == "noise"
    assert result.metrics["parameters"] == sum(weight.numel() for weight in tiny.unet.parameters())
    assert Path(result.pictures["full"]).is_file()


def load(path: Path) -> Base:
    """Load a base in fp32."""
    return load_base(Part(path=str(path), name="tiny"), dtype=torch.float32)


def test_an_sd2_file_of_23_layers_ends_with_the_one_that_counts(tmp_path: Path) -> None:
    """As diffusers' converter writes them: the 24th layer is not there, the last one is the last but one."""
    from modelhub.render.loading import bases

    made = model(KINDS["sd2-epsilon"])
    whole = load(made.file(tmp_path / "whole.safetensors"))
    short = load(made.file(tmp_path / "short.safetensors"))
    layers = short.text_encoders[0].text_model.encoder.layers
    assert (whole.penultimate, len(layers)) == ("sd2", 4)
    wanted = encode_prompt(whole, PROMPT).hidden
    # the tiny encoder has 3 layers that count where ViT-H has 23
    short.text_encoders[0].text_model.encoder.layers = layers[:3]
    short.text_encoders[0].config.num_hidden_layers = bases._SD2_LAYERS
    short.penultimate = bases._penultimate(short.unet, short.text_encoders)
    assert torch.equal(encode_prompt(short, PROMPT).hidden, wanted)


def test_flags_in_a_file_set_its_prediction_and_schedule(tmp_path: Path) -> None:
    """`v_pred` and `ztsnr` are empty tensors whose presence sets prediction and schedule."""
    flags = {"v_pred": torch.zeros(0), "ztsnr": torch.zeros(0)}
    base = load(model(KINDS["sdxl"]).file(tmp_path / "v.safetensors", extra=flags))
    assert (base.prediction, base.zero_snr) == ("v", True)
    plain = load(model(KINDS["sdxl"]).file(tmp_path / "plain.safetensors"))
    assert (plain.prediction, plain.zero_snr) == (None, False)


def test_a_depth_model_in_the_file_is_not_needed(tmp_path: Path) -> None:
    """The picture is made with a drawn depth map: what estimates depth is left alone."""
    extra = {"depth_model.model.pretrained.x": torch.zeros(2)}
    assert load(model(KINDS["sd2-depth"]).file(tmp_path / "d.safetensors", extra=extra)).kind == "depth"


def problem(path: Path) -> tuple[str, str]:
    """Return the verdict and the words with which loading ends."""
    with pytest.raises(RenderProblem) as caught:
        load(path)
    return caught.value.verdict.value, caught.value.words


@pytest.mark.parametrize(
    ("lost", "words"),
    [
        ("unet/config.json", "unet/config.json"),
        ("unet/diffusion_pytorch_model.safetensors", "unet/diffusion_pytorch_model"),
        ("text_encoder/model.safetensors", "text_encoder/"),
        ("text_encoder/config.json", "text_encoder/config.json"),
        ("text_encoder_2/config.json", "text_encoder_2/config.json"),
        ("vae/config.json", "vae/config.json"),
        ("scheduler/scheduler_config.json", "scheduler/scheduler_config.json"),
    ],
)
def test_a_folder_that_lacks_a_file_is_incomplete(tmp_path: Path, lost: str, words: str) -> None:
    """The verdict names what is missing."""
    folder = model(KINDS["sdxl"]).folder(tmp_path / "tiny")
    (folder / lost).unlink()
    verdict, said = problem(folder)
    assert verdict == "incomplete"
    assert words in said


@pytest.mark.parametrize("text", ["", "[]", "{", '{"_class_name": 3, "block_out_channels": "x"}'])
@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder", "scheduler"])
def test_a_broken_configuration_is_a_verdict_with_words(tmp_path: Path, part: str, text: str) -> None:
    """Never a traceback, whatever the JSON says; a schedule of nonsense may be the usual one."""
    folder = model(KINDS["sd1"]).folder(tmp_path / "tiny")
    target = folder / part / ("scheduler_config.json" if part == "scheduler" else "config.json")
    target.write_text(text, encoding="utf-8")
    if part == "scheduler" and text.startswith('{"'):
        assert load(folder).prediction == "epsilon"
        return
    verdict, said = problem(folder)
    assert verdict in ("load-error", "incompatible", "incomplete", "not-tested")
    assert part.replace("_", " ") in said.replace("_", " ").lower()


def test_shards_and_variants_of_a_folder_are_found(tmp_path: Path) -> None:
    """Weights in several files behind an index, and files named `.fp16`."""
    made = model(KINDS["sd1"])
    folder = made.folder(tmp_path / "tiny")
    (folder / "unet" / "diffusion_pytorch_model.safetensors").unlink()
    made.unet.save_pretrained(folder / "unet", max_shard_size="400KB")
    assert len(list((folder / "unet").glob("*.safetensors"))) > 1
    for part, name in (("vae", "diffusion_pytorch_model"), ("text_encoder", "model")):
        (folder / part / f"{name}.safetensors").rename(folder / part / f"{name}.fp16.safetensors")
    base = load(folder)
    lost = sorted((folder / "unet").glob("*.safetensors"))[1]
    assert all(torch.equal(value, made.unet.state_dict()[name]) for name, value in base.unet.state_dict().items())
    lost.unlink()
    assert problem(folder) == ("incomplete", f"A file of the folder is missing: unet/{lost.name}.")


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        ({"_class_name": "EDMDPMSolverMultistepScheduler", "prediction_type": "epsilon"}, "EDM"),
        ({"_class_name": "FlowMatchEulerDiscreteScheduler"}, "FlowMatchEulerDiscreteScheduler"),
        ({"_class_name": "DDIMScheduler", "prediction_type": "sample"}, "neither epsilon nor v"),
    ],
)
def test_a_folder_that_was_trained_another_way_is_not_tested(
    tmp_path: Path, schedule: dict[str, str], words: str
) -> None:
    """Its pictures would be noise, and that would be our fault."""
    folder = model(KINDS["sdxl"]).folder(tmp_path / "tiny")
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(schedule), encoding="utf-8")
    verdict, said = problem(folder)
    assert verdict == "not-tested"
    assert words in said


def test_an_edm_file_is_not_tested(tmp_path: Path) -> None:
    """CosXL and Playground say so by tensors of this name."""
    path = model(KINDS["sdxl-pix2pix"]).file(tmp_path / "edm.safetensors", extra={"edm_vpred.sigma_max": torch.ones(1)})
    assert problem(path)[0] == "not-tested"


def test_a_folder_of_another_pipeline_is_not_tested(tmp_path: Path) -> None:
    """Whose UNet wants something that this one is not told."""
    folder = model(KINDS["sdxl"]).folder(tmp_path / "tiny")
    index = json.loads((folder / "model_index.json").read_text(encoding="utf-8"))
    (folder / "model_index.json").write_text(json.dumps(index | {"_class_name": "KolorsPipeline"}), encoding="utf-8")
    verdict, said = problem(folder)
    assert verdict == "not-tested"
    assert "KolorsPipeline" in said


def test_a_folder_without_index_is_rendered_all_the_same(tmp_path: Path) -> None:
    """Its components say enough."""
    folder = model(KINDS["sd1"]).folder(tmp_path / "tiny")
    (folder / "model_index.json").unlink()
    assert load(folder).kind == "text"
