"""Rows of UIs from plug-ins: what is refused before anything uses them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from modelhub.domain import ModelType
from modelhub.uis.check import problem_of
from modelhub.uis.registry import BUILT_IN
from modelhub.uis.ui import UI

GOOD = UI(name="sonic-ui", title="Sonic UI", marks=("sonic.py",), folders={ModelType.LORA: "models/lora"})


@pytest.mark.parametrize("ui", [GOOD, *BUILT_IN], ids=lambda ui: ui.name)
def test_good_rows_have_no_problem(ui: UI) -> None:
    """The check accepts what modelhub itself brings."""
    assert problem_of(ui) == ""


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        *(
            ({"folders": {ModelType.LORA: folder}}, "not a path inside")
            for folder in (
                "/models",
                "../models",
                "models/../../x",
                "C:/models",
                "\\\\server\\x",
                "a\0b",
                "{name}",
                3,
                None,
            )
        ),
        ({"inner": "../other"}, "not a path inside"),
        ({"diffusers": "/models"}, "not a path inside"),
        ({"lycoris": ".."}, "not a path inside"),
        ({"marks": ("/etc/passwd",)}, "not a path inside"),
        ({"marks": "main.py"}, "not a sequence"),
        ({"folders": 7}, "do not map types"),
        ({"folders": {"lora": "x"}}, "do not map types"),
        ({"prompts": {ModelType.LORA: 7}}, "not texts"),
        ({"nodes": {ModelType.LORA: 7}}, "not texts"),
        ({"menus": {"lora": "LoRA"}}, "do not map types"),
        ({"link": 7}, "wrong type"),
        ({"name": None}, "name None"),
        ({"name": "Two Words"}, "not a word"),
        ({"title": "a\x1b[31m"}, "not a text in one line"),
    ],
)
def test_what_cannot_be_used_or_leaves_the_folder_is_refused(changes: dict[str, Any], reason: str) -> None:
    """The reason is a sentence for `doctor`."""
    assert reason in problem_of(replace(GOOD, **changes))
