"""A UI with a folder for each type that it knows."""

from __future__ import annotations

from modelhub.domain import ModelType
from modelhub.uis.ui import UI

EXAMPLE = UI(
    name="example-ui",
    title="Example UI",
    marks=("example_ui.py",),
    folders={ModelType.UNET: "networks", ModelType.LORA: "adapters"},
    inner="models",
)
