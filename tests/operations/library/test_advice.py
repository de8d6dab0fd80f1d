"""The prompt text that `show` offers is that of the rows of the UIs."""

from __future__ import annotations

import pytest

from modelhub.domain import Detection, ModelType, TriggerWord
from modelhub.operations.library.advice import prompt_texts


@pytest.mark.parametrize(
    ("kind", "texts"),
    [
        (ModelType.LORA, {"<lora:x:0.8> red dress": "A1111 / Forge"}),
        (ModelType.HYPERNETWORK, {"<hypernet:x:1.0> red dress": "A1111 / Forge"}),
        (ModelType.EMBEDDING, {"x": "A1111 / Forge", "embedding:x": "ComfyUI"}),
        (ModelType.VAE, {}),
    ],
)
def test_each_ui_has_its_own_prompt_syntax(kind: ModelType, texts: dict[str, str]) -> None:
    """UIs with the same text share a line; ComfyUI loads LoRAs with a node, so there is nothing to paste."""
    detection = Detection(type=kind, trigger_words=(TriggerWord("red dress", "metadata"),))
    assert prompt_texts(detection, "x") == texts
