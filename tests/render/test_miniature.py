"""The miniature family renders what its prompts say, and each of its adapters does what it was trained for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
FAMILY = ROOT / "tests" / "data" / "miniature"
VOCABULARY = ROOT / "modelhub" / "render" / "data" / "bpe_simple_vocab_16e6.txt.gz"
LORAS = [
    *(f"miniature-frame-{form}.safetensors" for form in ("kohya", "diffusers", "loha", "lokr", "dora")),
    "miniature-frame-peft/adapter_model.safetensors",
]
SCENES = [
    ("red", "circle", "left", "white"),
    ("blue", "square", "right", "grey"),
    ("yellow", "star", "top", "black"),
    ("green", "triangle", "bottom", "black"),
    ("purple", "circle", "center", "grey"),
    ("red", "square", "right", "black"),
    ("blue", "circle", "bottom", "grey"),
    ("green", "star", "left", "black"),
]


@pytest.fixture(scope="module")
def libraries() -> None:
    """Skip, with the missing name, where the extra `render` is not installed."""
    for name in ("torch", "diffusers", "transformers", "PIL", "numpy"):
        pytest.importorskip(name, reason=f"{name} is not installed: pip install 'sd-modelhub[render]'")


@pytest.fixture(scope="module")
def pipe(libraries: None) -> Any:
    """The base from its single file, loaded once."""
    from tools.miniature.render import load_base

    return load_base(FAMILY)


@pytest.fixture(scope="module")
def prompts(libraries: None) -> list[str]:
    """One caption a scene."""
    from tools.miniature.pictures import Scene, caption

    return [caption(Scene(color=c, shape=s, position=p, background=b)) for c, s, p, b in SCENES]


@pytest.fixture(scope="module")
def plain(pipe: Any, prompts: list[str]) -> Any:
    """The base's own pictures of the scenes."""
    from tools.miniature.render import render

    return render(pipe, prompts)


def test_the_base_has_exactly_the_keys_of_a_published_sd1_checkpoint(shared: Path) -> None:
    """Names and dimensions agree with a real SD1 file, position ids included; only widths differ."""
    import json

    pytest.importorskip("torch", reason="torch is not installed: pip install 'sd-modelhub[render]'")
    from safetensors import safe_open

    layout = json.loads((shared / "headers" / "sd1-fp16-pruned-noema-safetensors.json").read_text(encoding="utf-8"))
    with safe_open(FAMILY / "miniature.safetensors", "pt") as file:
        ours = {name: len(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    assert ours == {name: len(tensor[1]) for name, tensor in layout["tensors"].items()}


def test_no_weight_is_left_on_the_meta_device(pipe: Any) -> None:
    """Every parameter came out of the file."""
    parts = (pipe.unet, pipe.vae, pipe.text_encoder)
    assert not [name for part in parts for name, weight in part.named_parameters() if weight.is_meta]


def test_the_base_draws_the_color_place_and_background_of_the_prompt(plain: Any) -> None:
    """A red circle on the left is red, and on the left: measured on the colored pixels."""
    from tools.miniature.measure import find_figure, nearest, nearest_ground, nearest_place
    from tools.miniature.pictures import BACKGROUNDS, COLORS, POSITIONS

    figures = [find_figure(picture) for picture in plain]
    seen = [
        (nearest(f.color, COLORS), nearest_place(f.centre, POSITIONS), nearest_ground(f.ground, BACKGROUNDS))
        for f in figures
    ]
    assert seen == [(color, position, background) for color, _, position, background in SCENES]
    assert all(0.03 < figure.share < 0.3 for figure in figures)


def test_shapes_differ_as_their_names_say(pipe: Any) -> None:
    """A square fills its bounding box more than a circle, and a circle more than a star or a triangle."""
    from tools.miniature.measure import bounding_box_share
    from tools.miniature.render import render

    shapes = ("square", "circle", "triangle", "star")
    pictures = render(pipe, [f"a red {shape} in the center, white background" for shape in shapes for _ in range(2)])
    means = {
        shape: sum(bounding_box_share(p) for p in pictures[2 * at : 2 * at + 2]) / 2 for at, shape in enumerate(shapes)
    }
    assert means["square"] > means["circle"] > max(means["triangle"], means["star"])


def test_the_lora_frames_pictures_only_with_its_trigger(pipe: Any, plain: Any) -> None:
    """Turquoise on the border with the trigger word; neither without the word nor without the LoRA."""
    from tools.miniature.measure import frame_share
    from tools.miniature.render import lora_on, render
    from tools.miniature.sheet import PROMPTS
    from tools.miniature.train_adapters import TRIGGER

    triggered = [f"{TRIGGER}, {prompt}" for prompt in PROMPTS]
    with lora_on(pipe, FAMILY / LORAS[0]):
        framed, quiet = render(pipe, triggered), render(pipe, PROMPTS)
    alone = render(pipe, triggered)
    # It frames five of these eight; its README says why not all.
    assert sum(frame_share(picture) > 0.5 for picture in framed) >= 4
    assert max(frame_share(picture) for picture in [*quiet, *alone, *plain]) < 0.1


def test_a_lora_is_undone_bit_for_bit(pipe: Any, prompts: list[str], plain: Any) -> None:
    """The base's pictures are the same after the LoRA as before."""
    from tools.miniature.render import lora_on, render

    with lora_on(pipe, FAMILY / LORAS[0]):
        pass
    assert (render(pipe, prompts) == plain).all()


@pytest.mark.parametrize("file", LORAS[1:])
def test_every_dialect_holds_the_same_lora(pipe: Any, file: str) -> None:
    """Each file adds to the weights what the kohya file adds, within the rounding of fp16."""
    from tools.miniature.render import lora_deltas

    reference, other = lora_deltas(FAMILY / LORAS[0], pipe), lora_deltas(FAMILY / file, pipe)
    assert reference.keys() == other.keys()
    assert max(float((reference[m] - other[m]).detach().abs().max()) for m in reference) < 2e-3


def test_the_textual_inversion_means_a_purple_star_on_black(pipe: Any) -> None:
    """Its two vectors change color and background; the word that they replace does not."""
    import torch

    from tools.miniature.measure import find_figure, nearest, nearest_ground, nearest_place
    from tools.miniature.pictures import BACKGROUNDS, COLORS, POSITIONS
    from tools.miniature.render import render
    from tools.miniature.train_adapters import CONCEPT

    held = torch.load(FAMILY / f"{CONCEPT}.pt", weights_only=True)
    vectors = held["string_to_param"]["*"]
    places = ("left", "right", "top", "bottom")
    prompts = [f"a gem on the {place}" for place in places]
    figures = [find_figure(picture) for picture in render(pipe, prompts, concept=vectors)]
    assert [nearest(f.color, COLORS) for f in figures] == ["purple"] * 4
    assert [nearest_ground(f.ground, BACKGROUNDS) for f in figures] == ["black"] * 4
    assert [nearest_place(f.centre, POSITIONS) for f in figures] == list(places)
    without = [find_figure(picture) for picture in render(pipe, prompts)]
    assert [nearest(f.color, COLORS) for f in without] != ["purple"] * 4


def test_the_hypernetwork_draws_in_sepia(pipe: Any, prompts: list[str], plain: Any) -> None:
    """Red outweighs blue by far more than in the base's pictures, and it is off again afterwards."""
    from tools.miniature.measure import warmth
    from tools.miniature.render import render, sepia_on

    before = render(pipe, prompts[:2])
    with sepia_on(pipe, FAMILY / "miniature-sepia.pt"):
        sepia = render(pipe, prompts)
    gains = [warmth(after) - warmth(alone) for after, alone in zip(sepia, plain, strict=True)]
    assert sum(gains) / len(gains) > 0.04
    assert (render(pipe, prompts[:2]) == before).all()


def test_the_second_vae_shows_the_same_picture_in_stronger_colors(pipe: Any, prompts: list[str], plain: Any) -> None:
    """Saturation rises; the figure keeps its color and place."""
    from tools.miniature.measure import find_figure, nearest_place, saturation
    from tools.miniature.pictures import POSITIONS
    from tools.miniature.render import render, vae_on

    with vae_on(pipe, FAMILY, FAMILY / "miniature-vivid.vae.ckpt"):
        vivid = render(pipe, prompts)
    assert all(saturation(after) > 1.1 * saturation(before) for after, before in zip(vivid, plain, strict=True))
    places = [nearest_place(find_figure(picture).centre, POSITIONS) for picture in vivid]
    assert places == [position for _, _, position, _ in SCENES]


def test_a_ckpt_made_of_the_base_renders_the_same_bits(tmp_path: Path, prompts: list[str], plain: Any) -> None:
    """The container does not matter."""
    from tools.miniature.pack import write_ckpt
    from tools.miniature.render import load_base, render

    write_ckpt(FAMILY / "miniature.safetensors", tmp_path / "miniature.ckpt")
    assert (render(load_base(FAMILY, checkpoint=tmp_path / "miniature.ckpt"), prompts) == plain).all()


@pytest.fixture
def files() -> Iterator[Path]:
    """Every file of the family."""
    return (path for path in FAMILY.rglob("*") if path.is_file())


def test_the_family_stays_within_sixteen_megabytes(files: Iterator[Path]) -> None:
    """The repository carries it, so it has to stay small."""
    assert sum(path.stat().st_size for path in files) <= 16_000_000


def test_the_carried_vocabulary_is_the_published_one() -> None:
    """Its digest is the one its README names."""
    digest = hashlib.sha256(VOCABULARY.read_bytes()).hexdigest()
    assert digest == "924691ac288e54409236115652ad4aa250f48203de50a9e4722a6ecd48d6804a"
    assert digest in (VOCABULARY.parent / "README.md").read_text(encoding="utf-8")
