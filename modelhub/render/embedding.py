"""Textual inversion: vectors of a file that replace those of some tokens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from modelhub.errors import ModelhubError

PROMPT_TOKENS = 75
"""The tokens of a prompt: CLIP's 77 positions without the start and the end."""

# Names of SDXL's two encoders: kohya's and A1111's, and those of diffusers' first advanced trainer.
_PAIRS = (("clip_l", "clip_g"), ("text_encoders_0", "text_encoders_1"))
_A1111 = "string_to_param."
_SAFETENSORS = "emb_params"
_HINT = "An embedding holds one tensor of vectors, or one for each of SDXL's two text encoders."


@dataclass(frozen=True)
class Embedding:
    """One (n, width) float32 tensor for each text encoder that it is for; SDXL's pair begins with clip_l."""

    vectors: tuple[torch.Tensor, ...]

    @property
    def tokens(self) -> int:
        """The number of a prompt's tokens that the embedding takes."""
        return self.vectors[0].shape[0]

    @property
    def widths(self) -> tuple[int, ...]:
        """The widths of the token embeddings that it replaces."""
        return tuple(vector.shape[1] for vector in self.vectors)


def read_embedding(tensors: Mapping[str, torch.Tensor], entries: Mapping[str, object]) -> Embedding:
    """Read A1111's `.pt`, safetensors' `emb_params`, diffusers' `{token: vectors}` and SDXL's pairs.

    `tensors` by flattened name; `entries`: the file's other values. Raise ModelhubError.
    """
    parts = tuple(_as_vectors(name, tensor) for name, tensor in _select_tensors(tensors, entries))
    counts = {part.shape[0] for part in parts}
    if len(counts) > 1:
        first, second = (part.shape[0] for part in parts)
        raise ModelhubError(f"The embedding has {first} and {second} vectors for its two text encoders.", _HINT)
    return Embedding(parts)


def _select_tensors(
    tensors: Mapping[str, torch.Tensor], entries: Mapping[str, object]
) -> list[tuple[str, torch.Tensor]]:
    """Return the tensors that hold the vectors, in the order of the encoders. Raise ModelhubError."""
    for names in _PAIRS:
        if all(name in tensors for name in names):
            return [(name, tensors[name]) for name in names]
    if _SAFETENSORS in tensors:
        return [(_SAFETENSORS, tensors[_SAFETENSORS])]
    # The first trainer saved the tokens' numbers as tensors too; only parameters count where there are any.
    words = [name for name in tensors if name.startswith(_A1111)]
    words = words or [name for name, tensor in tensors.items() if tensor.is_floating_point()]
    if not words:
        known = ", ".join(sorted([*tensors, *entries])[:3]) or "nothing"
        raise ModelhubError(f"The embedding has no vectors; the file holds {known}.", _HINT)
    if len(words) > 1:
        shown = ", ".join(word.removeprefix(_A1111) for word in words[:3])
        raise ModelhubError(f"The file has several embeddings ({len(words)}: {shown} …).", _HINT)
    return [(words[0], tensors[words[0]])]


def _as_vectors(name: str, tensor: torch.Tensor) -> torch.Tensor:
    """Return the tensor as (n, width) in float32. Raise ModelhubError."""
    if tensor.ndim == 1:
        tensor = tensor[None]
    shape, named = list(tensor.shape), name or "tensor"
    if tensor.ndim != 2 or not tensor.is_floating_point() or 0 in shape:
        raise ModelhubError(f"The embedding's {named} is not a list of vectors: {shape}, {tensor.dtype}.", _HINT)
    if shape[0] > PROMPT_TOKENS:
        raise ModelhubError(
            f"The embedding's {named} has {shape[0]} vectors; a prompt has room for {PROMPT_TOKENS}.", _HINT
        )
    return tensor.detach().to(torch.float32)


def has_matching_widths(embedding: Embedding, widths: Sequence[int]) -> bool:
    """Return whether the embedding has one tensor of the right width for every text encoder of a base."""
    return sorted(embedding.widths) == sorted(widths)


def in_encoder_order(embedding: Embedding, widths: Sequence[int]) -> tuple[torch.Tensor, ...]:
    """Return the vectors in the order of a base's text encoders. Raise ModelhubError when they do not fit."""
    if not has_matching_widths(embedding, widths):
        have, want = ("+".join(map(str, numbers)) for numbers in (embedding.widths, widths))
        raise ModelhubError(f"The embedding's vectors are {have} wide; the base's text encoders need {want}.")
    left = list(embedding.vectors)
    return tuple(left.pop(next(i for i, part in enumerate(left) if part.shape[1] == width)) for width in widths)


@contextmanager
def replace_tokens(text_encoder: torch.nn.Module, positions: torch.Tensor, vectors: torch.Tensor) -> Iterator[None]:
    """Replace the tokens' vectors at the positions for as long as the context is open.

    `positions`: (batch, n) integers, -1 where a row of the batch has none; column i takes vector i. With several
    times as many columns as vectors, the embedding is in the prompt several times. `vectors`: (n, width).
    Raise ModelhubError for positions and vectors that do not fit each other or the encoder.
    """
    # `Any`: transformers' modules are untyped here.
    encoder: Any = text_encoder
    table: torch.nn.Module = encoder.get_input_embeddings()
    width = next(table.parameters()).shape[-1]
    if vectors.ndim != 2 or vectors.shape[1] != width:
        raise ModelhubError(f"Vectors of shape {list(vectors.shape)} do not fit a text encoder of width {width}.")
    if positions.ndim != 2 or not positions.numel() or not len(vectors) or positions.shape[1] % len(vectors):
        raise ModelhubError(f"Positions of shape {list(positions.shape)} do not fit {len(vectors)} vectors.")
    handle = table.register_forward_hook(lambda _module, _inputs, output: _replace(output, positions, vectors))
    try:
        yield
    finally:
        handle.remove()


def _replace(output: torch.Tensor, positions: torch.Tensor, vectors: torch.Tensor) -> torch.Tensor:
    """Return the tokens' vectors (batch, tokens, width) with some of them replaced. Raise ModelhubError."""
    batch, tokens = output.shape[:2]
    if len(positions) != batch or int(positions.max()) >= tokens:
        raise ModelhubError(f"Positions for {len(positions)} prompts do not fit {batch} prompts of {tokens} tokens.")
    rows, columns = (positions >= 0).nonzero(as_tuple=True)
    result = output.clone()
    where = positions[rows, columns].to(output.device)
    result[rows.to(output.device), where] = vectors.to(output)[columns.to(output.device) % len(vectors)]
    return result
