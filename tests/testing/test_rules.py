"""Checks of detection rules that plug-in authors use."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelhub.detect import BUILT_IN, FamilyRow, Rules, Sign, TypeRow
from modelhub.domain import ModelType
from modelhub.testing import assert_fits_at_most_one_family, assert_fits_exactly_one_type
from modelhub.testing.files import adapters, networks, safetensors_file
from modelhub.testing.files.networks import SMALL

_LORA = {name: tensor.shape for name, tensor in adapters.lora_sd1(4).items()}


def test_a_layout_of_one_type_has_that_type(tmp_path: Path) -> None:
    """Shapes and files both do."""
    assert assert_fits_exactly_one_type(_LORA) is ModelType.LORA
    path = safetensors_file.write(tmp_path / "base.safetensors", networks.sd1(SMALL))
    assert assert_fits_exactly_one_type(path) is ModelType.BASE


def test_a_layout_without_a_type_fails() -> None:
    """Names that no sign knows fit no row."""
    with pytest.raises(AssertionError, match="No type fits"):
        assert_fits_exactly_one_type({"audio.blocks.0.weight": (8, 8)})


def test_a_layout_of_two_types_fails_and_names_both() -> None:
    """A row that does not exclude an older one is caught."""
    row = TypeRow(type=ModelType.OTHER, one_of=frozenset({"delta"}), why="a careless row")
    with pytest.raises(AssertionError, match=r"2 types fit instead of one: lora .*, other \(a careless row\)"):
        assert_fits_exactly_one_type(_LORA, rules=BUILT_IN + Rules(types=(row,)))


def test_two_families_of_one_layout_fail() -> None:
    """Families exclude each other, too."""
    layout = {"joint_blocks.0.x_block.attn.qkv.weight": (4608, 1536)}
    assert assert_fits_at_most_one_family(layout) == "sd3"
    row = FamilyRow(architecture="mine", one_of=("sd3:joint",))
    with pytest.raises(AssertionError, match="2 families fit instead of one: sd3, mine"):
        assert_fits_at_most_one_family(layout, rules=BUILT_IN + Rules(families=(row,)))


def test_rows_of_a_plugin_add_to_the_built_in_ones() -> None:
    """A sign, a type and a family of a plug-in make a layout known that was unknown."""
    rules = BUILT_IN + Rules(
        signs=(Sign("audio:blocks", ("^audio_blocks_#_",)),),
        types=(TypeRow(type=ModelType.OTHER, one_of=frozenset({"audio"}), why="an audio network"),),
        families=(FamilyRow(architecture="audio-1", one_of=("audio:blocks",)),),
    )
    layout = {"audio_blocks.0.mixer": (8, 8)}
    assert assert_fits_exactly_one_type(layout, rules=rules) is ModelType.OTHER
    assert assert_fits_at_most_one_family(layout, rules=rules) == "audio-1"
    assert assert_fits_exactly_one_type(_LORA, rules=rules) is ModelType.LORA
