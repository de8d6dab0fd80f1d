"""Every kind of base, from a file and from a folder: the weights, the text and the picture are what diffusers makes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("diffusers", reason="diffusers is not installed: pip install 'sd-modelhub[render]'")
pytest.importorskip("transformers", reason="transformers is not installed: pip install 'sd-modelhub[render]'")
torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'sd-modelhub[render]'")

from modelhub.render import rendering  # noqa: E402 - they need what may be skipped for
from modelhub.render.loaders import Base, load_base  # noqa: E402
from modelhub.render.messages import Part  # noqa: E402
from modelhub.render.recipes import Recipe  # noqa: E402
from modelhub.render.text import Context, context  # noqa: E402
from tests.render.tiny_models import KINDS, Kind, Model, model  # noqa: E402

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


def bare(state: Mapping[str, Any]) -> dict[str, Any]:
    """Weights without the prefix that some versions of transformers have, and without buffers that count up."""
    return {name.removeprefix("text_model."): value for name, value in state.items() if "position_ids" not in name}


def close(one: Any, other: Any) -> bool:
    """Whether two tensors are equal to 1e-4."""
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


def encoded(tiny: Model, prompt: str) -> Context:
    """What diffusers' pipeline makes of a prompt."""
    out = tiny.pipeline().encode_prompt(
        prompt=prompt, device="cpu", num_images_per_prompt=1, do_classifier_free_guidance=False
    )
    return Context(out[0], out[2] if len(out) == 4 else None)


@pytest.mark.parametrize("prompt", [PROMPT, "", "word " * 100])
def test_prompts_are_encoded_as_diffusers_does(tiny: Model, loaded: Base, prompt: str) -> None:
    """Layers, padding, cutting off, and SDXL's pooled vector."""
    if tiny.kind.kind == "instruct-pix2pix" and tiny.kind.family == "sd1":
        pytest.skip("this pipeline of diffusers has no method for it; the picture tells")
    ours, theirs = context(loaded, prompt), encoded(tiny, prompt)
    assert close(ours.hidden, theirs.hidden)
    if theirs.pooled is not None:
        assert ours.pooled is not None
        assert close(ours.pooled, theirs.pooled)


def test_the_picture_is_the_one_that_diffusers_makes(tiny: Model, loaded: Base) -> None:
    """Same prompt, seed, steps, guidance and scheduler: latents and pixels agree to 1e-4."""
    ours = rendering.render(loaded, RECIPE, context(loaded, PROMPT), context(loaded, NEGATIVE))
    given = {
        "prompt": PROMPT,
        "negative_prompt": NEGATIVE,
        "guidance_scale": RECIPE.guidance,
        **rendering._inputs(loaded, RECIPE),
    }

    def theirs(output: str) -> Any:
        noise = torch.Generator().manual_seed(RECIPE.seed)
        return tiny.pipeline()(**given, generator=noise, output_type=output).images

    assert close(ours, theirs("latent"))
    pixels = (torch.from_numpy(rendering.decode(loaded.vae, ours)) / 2 + 0.5).clamp(0, 1)
    assert close(pixels, theirs("pt")[0].permute(1, 2, 0))
