"""Style families: strong evidence wins, conflicts are unknown."""

from __future__ import annotations

import json

import pytest

from modelhub.detect import KNOWN_FILES, KNOWN_MODELS, detect, find_known_file, find_known_model
from modelhub.detect.hints import Hints
from modelhub.domain import Style
from tests.detect.layouts import SD1, header, kohya_lora, ldm_checkpoint, ldm_vae

_BASE = header(ldm_checkpoint())


@pytest.mark.parametrize(
    ("name", "style"),
    [
        ("anything-v3-fp16-pruned.safetensors", Style.ANIME),
        ("万象熔炉.safetensors", Style.ANIME),
        ("国风3 GuoFeng3_v3.4.safetensors", Style.TWO_POINT_FIVE_D),
        ("majicMIX realistic 麦橘写实_v7.safetensors", Style.REALISTIC),
        ("realisticVisionV60B1_v51VAE.safetensors", Style.REALISTIC),
        ("v1-5-pruned-emaonly.safetensors", Style.OFFICIAL),
        ("my-v1-5-pruned-merge.safetensors", Style.UNKNOWN),
        ("file.safetensors", Style.UNKNOWN),
    ],
)
def test_a_name_tells_the_style_of_a_well_known_base(name: str, style: Style) -> None:
    """English and Chinese names; an official name inside another name is not a release."""
    assert detect(_BASE, Hints(names=(name,))).style.value is style


def test_tags_that_disagree_leave_the_style_unknown() -> None:
    """Both words at once say nothing; the reasons are shown all the same."""
    found = detect(_BASE, Hints(tags=("anime", "realistic")))
    assert found.style.value is Style.UNKNOWN
    assert any(e.about == "style" for e in found.evidence)


def test_a_known_hash_beats_a_misleading_name() -> None:
    """The strongest evidence decides."""
    known = next(f for f in KNOWN_FILES if f.style is Style.REALISTIC)
    found = detect(_BASE, Hints(names=("anime mix.safetensors",), sha256=known.sha256.upper()))
    assert (found.style.value, found.style.confidence) == (Style.REALISTIC, 1.0)


def test_captions_of_booru_tags_make_a_lora_anime() -> None:
    """The trainer's own record, with modest confidence."""
    tags = dict.fromkeys(("1girl", "solo", "long hair", "looking at viewer", "smile", "blush", "bangs"), 9)
    found = detect(header(kohya_lora(SD1), metadata={"ss_tag_frequency": json.dumps({"1_x": tags})}))
    assert found.style.value is Style.ANIME
    assert found.style.confidence < 0.7


def test_a_vae_has_no_style() -> None:
    """Only models that draw have one."""
    assert detect(header(ldm_vae()), Hints(names=("anime.vae.pt",))).style.value is Style.UNKNOWN


@pytest.mark.parametrize("name", ["GuoFeng3", "guo feng 3", "国风3", "anything v3", "runwayml/stable-diffusion-v1-5"])
def test_known_models_are_found_however_they_are_spelled(name: str) -> None:
    """Case, separators, aliases and repositories."""
    assert find_known_model(name) is not None


def test_an_unknown_name_and_hash_are_not_known() -> None:
    """No near misses."""
    assert find_known_model("some mix") is None
    assert find_known_file("0" * 64) is None


def test_the_known_table_is_consistent() -> None:
    """Hashes are unique and well formed, and each file's model has a row of the same style."""
    models = {m.name: m for m in KNOWN_MODELS}
    assert len({f.sha256 for f in KNOWN_FILES}) == len(KNOWN_FILES)
    for file in KNOWN_FILES:
        assert len(file.sha256) == 64 and file.sha256 == file.sha256.lower()
        assert (models[file.model].style, models[file.model].architecture) == (file.style, file.architecture)
