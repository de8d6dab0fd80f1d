"""Rules are refused where they are made, for every front end."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from modelhub.config import Settings, load
from modelhub.errors import UsageError
from modelhub.operations.sort.enums import SortDuplicates, SortGrouping, SortMode
from modelhub.operations.sort.rules import chosen_rules, chosen_ui, rules_for, server_for
from modelhub.uis.invokeai import INVOKEAI


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings without a configuration file."""
    return load(environ={"MODELHUB_CONFIG": str(tmp_path / "none.toml"), "MODELHUB_LIBRARY": str(tmp_path / "library")})


@pytest.mark.parametrize(
    ("words", "valid"),
    [
        ({"mode": "teleport"}, "move, copy, hardlink, symlink, reflink"),
        ({"duplicates": "shred"}, "`leave` or `trash`"),
        ({"by": ("architecture", "color")}, "`architecture` or `style`"),
    ],
)
def test_words_that_are_not_valid_are_answered_with_the_valid_ones(
    tmp_path: Path, words: dict[str, str], valid: str
) -> None:
    """The same refusal for a mode, the duplicates and the sub-folders."""
    with pytest.raises(UsageError, match="is not a valid value") as caught:
        rules_for("a1111", tmp_path, **words)  # type: ignore[arg-type]
    assert valid in caught.value.remedy.text


def test_words_become_enums(tmp_path: Path) -> None:
    """A group that is named twice counts once."""
    rules = rules_for("A1111", str(tmp_path), mode="copy", by=("style", "style"), duplicates="trash")
    assert (rules.mode, rules.by, rules.duplicates) == (SortMode.COPY, (SortGrouping.STYLE,), SortDuplicates.TRASH)


def test_missing_words_come_from_the_configuration(settings: Settings, tmp_path: Path) -> None:
    """Without a UI or a folder anywhere, the error names what is missing."""
    with pytest.raises(UsageError, match="No UI"):
        chosen_ui(settings, None)
    with pytest.raises(UsageError, match="No folder"):
        chosen_rules(settings, layout="comfyui")
    stated = replace(settings, sort=replace(settings.sort, layout="forge", into=str(tmp_path)))
    rules = chosen_rules(stated)
    assert (rules.ui.name, rules.into) == ("forge", tmp_path)


def test_a_ui_that_registers_models_has_no_folder_to_sort_into(tmp_path: Path) -> None:
    """Watch and shortcuts make rules for folders, so they refuse it with the reason."""
    with pytest.raises(UsageError, match="InvokeAI has no model folders") as caught:
        rules_for("invokeai", tmp_path)
    assert caught.value.remedy.key == "register-models"


def test_an_address_is_not_read_as_a_path() -> None:
    """Both slashes stay, as they do on Windows."""
    assert server_for(INVOKEAI, "http://127.0.0.1:9090/").address == "http://127.0.0.1:9090"
    with pytest.raises(UsageError, match="No address"):
        server_for(INVOKEAI, "")


@pytest.mark.parametrize("words", [{"mode": "copy"}, {"by": ("style",)}, {"duplicates": "trash"}, {"rename": True}])
def test_rules_about_files_are_refused_by_a_ui_that_registers_models(words: dict[str, str]) -> None:
    """Ignoring them would be an answer to another request."""
    with pytest.raises(UsageError, match="cannot follow the rule"):
        server_for(INVOKEAI, "http://127.0.0.1:9090", **words)  # type: ignore[arg-type]
