"""The library's own layout: one folder per type, named as the type. `sort` accepts its name, and no list offers it."""

from __future__ import annotations

from modelhub.domain import ModelType
from modelhub.uis.ui import UI

LIBRARY = UI(
    name="library",
    title="the library",
    folders={kind: kind.value for kind in ModelType},
    diffusers=ModelType.BASE.value,
)
