"""The bases that an adapter fits, from headers alone: widths that must agree. Pure; nothing is loaded."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from modelhub.domain import Detection, ModelType
from modelhub.formats.header import Header

# Architectures that the loaders build; others are rendered only from diffusers folders, by their own pipeline.
BUILT_ARCHITECTURES = ("sd1", "sd2", "sdxl", "sdxl-refiner")
Shapes = Mapping[str, tuple[int, ...]]

_CONTEXT = re.compile(r"(?<!ema)\.?attn2\.to_k\.weight$")
_TOKENS = re.compile(r"(token_embedding|embed_tokens)\.weight$")
_DECODER = re.compile(r"(^|\.|/)decoder\.conv_in\.weight$")
# The last dimension of these is the width of the input.
_LORA_IN = re.compile(r"(lora_down|lora\.down|_lora\.down|lora_A|lora_A\.default|hada_w1_b|\.diff)(\.weight)?$")
_TEXT_MODULE = re.compile(r"lora_te|text_encoder|text_model")


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """The architecture and widths that an adapter and its base must share.

    `contexts`: widths of the cross-attention's input; `texts`: widths of the token embeddings; `latents`: channels.
    Empty or None: the header does not show it.
    """

    type: ModelType
    architectures: tuple[str, ...] = ()
    contexts: frozenset[int] = frozenset()
    texts: frozenset[int] = frozenset()
    latents: int | None = None


def read_interface(header: Header, detection: Detection) -> Interface:
    """Return the interface of a base or an adapter."""
    shapes = {name: info.shape for name, info in header.tensors.items() if not name.startswith("model_ema.")}
    architecture = detection.architecture
    return Interface(
        type=detection.type,
        architectures=(architecture,) if architecture else detection.architecture_candidates,
        **_WIDTHS[detection.type](shapes) if detection.type in _WIDTHS else {},
    )


def fits(adapter: Interface, base: Interface) -> bool:
    """Return whether the adapter fits the base; what a header does not show counts as fitting."""
    if adapter.contexts and base.contexts and not adapter.contexts & base.contexts:
        return False
    if adapter.texts and base.texts:
        return adapter.texts == base.texts if adapter.type is ModelType.EMBEDDING else adapter.texts <= base.texts
    if adapter.latents and base.latents and adapter.latents != base.latents:
        return False
    has_widths = adapter.contexts or adapter.texts
    if not has_widths and adapter.architectures and base.architectures:
        return bool(set(adapter.architectures) & set(base.architectures))
    return True


def _base(shapes: Shapes) -> dict[str, Any]:
    return {
        "contexts": frozenset(shape[1] for name, shape in shapes.items() if _CONTEXT.search(name) and len(shape) == 2),
        "texts": frozenset(shape[1] for name, shape in shapes.items() if _TOKENS.search(name) and len(shape) == 2),
        "latents": _latents(shapes),
    }


def _latents(shapes: Shapes) -> int | None:
    return next((shape[1] for name, shape in shapes.items() if _DECODER.search(name) and len(shape) == 4), None)


def _lora(shapes: Shapes) -> dict[str, Any]:
    contexts, texts = set(), set()
    for name, shape in shapes.items():
        if not shape or not _LORA_IN.search(name):
            continue
        width = shape[1] if len(shape) > 1 else shape[0]
        if _TEXT_MODULE.search(name):
            if re.search(r"[qkv]_proj", name):
                texts.add(width)
        elif re.search(r"attn2.to_k", name):
            contexts.add(width)
    # The text encoder's width is only used where the UNet's part does not show one.
    return {"contexts": frozenset(contexts), "texts": frozenset() if contexts else frozenset(texts)}


def _embedding(shapes: Shapes) -> dict[str, Any]:
    return {"texts": frozenset(shape[-1] for shape in shapes.values() if len(shape) in (1, 2))}


def _hypernetwork(shapes: Shapes) -> dict[str, Any]:
    widths = {int(head) for name in shapes if (head := name.partition(".")[0]).isdigit()}
    return {"contexts": frozenset(widths)}


_WIDTHS: dict[ModelType, Callable[[Shapes], dict[str, Any]]] = {
    ModelType.BASE: _base,
    ModelType.LORA: _lora,
    ModelType.EMBEDDING: _embedding,
    ModelType.HYPERNETWORK: _hypernetwork,
    ModelType.VAE: lambda shapes: {"latents": _latents(shapes)},
}
