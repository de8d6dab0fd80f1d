"""Textual inversion: vectors of a file, put in the place of some tokens' vectors for as long as they are needed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from modelhub.errors import ModelhubError

PROMPT_TOKENS = 75
"""What a prompt has room for: CLIP's 77 positions without the start and the end."""

# What SDXL's two encoders are called: kohya's and A1111's names, and those of diffusers' first advanced trainer.
_PAIRS = (("clip_l", "clip_g"), ("text_encoders_0", "text_encoders_1"))
_A1111 = "string_to_param."
_SAFETENSORS = "emb_params"
_HINT = "An embedding holds one tensor of vectors, or one for each of SDXL's two text encoders; pull it again."


@dataclass(frozen=True)
class Embedding:
    """One (n, width) float32 tensor for each text encoder that it is for; SDXL's pair begins with clip_l."""

    vectors: tuple[torch.Tensor, ...]

    @property
    def tokens(self) -> int:
        """How many tokens of a prompt the word takes."""
        return self.vectors[0].shape[0]

    @property
    def widths(self) -> tuple[int, ...]:
        """The widths of the token embeddings it is for."""
        return tuple(vector.shape[1] for vector in self.vectors)


def read_embedding(tensors: Mapping[str, torch.Tensor], entries: Mapping[str, object]) -> Embedding:
    """The vectors of A1111's `.pt`, of safetensors' `emb_params`, of diffusers' `{token: vectors}` and of SDXL's pairs.

    `tensors` by flattened name; `entries` what else the file says. Raises ModelhubError naming what is wrong.
    """
    parts = tuple(_vectors(name, tensor) for name, tensor in _chosen(tensors, entries))
    counts = {part.shape[0] for part in parts}
    if len(counts) > 1:
        found = " and ".join(str(part.shape[0]) for part in parts)
        raise ModelhubError(f"The embedding has {found} vectors for its two text encoders.", _HINT)
    return Embedding(parts)


def _chosen(tensors: Mapping[str, torch.Tensor], entries: Mapping[str, object]) -> list[tuple[str, torch.Tensor]]:
    """The tensors that hold the vectors, in the order of the encoders."""
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
        raise ModelhubError(f"The embedding holds no vectors (but {known}).", _HINT)
    if len(words) > 1:
        shown = ", ".join(word.removeprefix(_A1111) for word in words[:3])
        raise ModelhubError(f"The embedding holds several words ({len(words)}: {shown} …).", _HINT)
    return [(words[0], tensors[words[0]])]


def _vectors(name: str, tensor: torch.Tensor) -> torch.Tensor:
    """(n, width) in float32."""
    if tensor.ndim == 1:
        tensor = tensor[None]
    shape = list(tensor.shape)
    if tensor.ndim != 2 or not tensor.is_floating_point() or 0 in shape:
        raise ModelhubError(
            f"The embedding's {name or 'tensor'} is no list of vectors: {shape}, {tensor.dtype}.", _HINT
        )
    if shape[0] > PROMPT_TOKENS:
        raise ModelhubError(
            f"The embedding's {name or 'tensor'} has {shape[0]} vectors; a prompt has room for {PROMPT_TOKENS}.", _HINT
        )
    return tensor.detach().to(torch.float32)


def fits(embedding: Embedding, widths: Sequence[int]) -> bool:
    """Whether there is a tensor of the right width for every text encoder of a base, and none too many."""
    return sorted(embedding.widths) == sorted(widths)


def in_order(embedding: Embedding, widths: Sequence[int]) -> tuple[torch.Tensor, ...]:
    """The vectors in the order of a base's text encoders. Raises ModelhubError when they do not fit."""
    if not fits(embedding, widths):
        have, want = ("+".join(map(str, numbers)) for numbers in (embedding.widths, widths))
        raise ModelhubError(f"The embedding's vectors are {have} wide; the base's text encoders take {want}.")
    left = list(embedding.vectors)
    return tuple(left.pop(next(i for i, part in enumerate(left) if part.shape[1] == width)) for width in widths)


@contextmanager
def placed(text_encoder: torch.nn.Module, positions: torch.Tensor, vectors: torch.Tensor) -> Iterator[None]:
    """While open, the vectors stand in the place of the tokens' own at the positions; nothing is left behind.

    `positions`: (batch, n) of integers, -1 where a row of the batch has none; column i takes vector i. With several
    times as many columns as vectors, the word stands in the prompt several times. `vectors`: (n, width).
    Raises ModelhubError for positions and vectors that do not fit each other or the encoder.
    """
    # `Any`: transformers' modules are untyped here.
    encoder: Any = text_encoder
    table: torch.nn.Module = encoder.get_input_embeddings()
    width = next(table.parameters()).shape[-1]
    if vectors.ndim != 2 or vectors.shape[1] != width:
        raise ModelhubError(f"Vectors of shape {list(vectors.shape)} do not fit a text encoder of width {width}.")
    if positions.ndim != 2 or not positions.numel() or not len(vectors) or positions.shape[1] % len(vectors):
        raise ModelhubError(f"Positions of shape {list(positions.shape)} do not fit {len(vectors)} vectors.")
    handle = table.register_forward_hook(lambda _module, _inputs, output: _replaced(output, positions, vectors))
    try:
        yield
    finally:
        handle.remove()


def _replaced(output: torch.Tensor, positions: torch.Tensor, vectors: torch.Tensor) -> torch.Tensor:
    """The tokens' vectors (batch, tokens, width) with some of them replaced."""
    batch, tokens = output.shape[:2]
    if len(positions) != batch or int(positions.max()) >= tokens:
        raise ModelhubError(f"Positions for {len(positions)} prompts do not fit {batch} prompts of {tokens} tokens.")
    rows, columns = (positions >= 0).nonzero(as_tuple=True)
    result = output.clone()
    where = positions[rows, columns].to(output.device)
    result[rows.to(output.device), where] = vectors.to(output)[columns.to(output.device) % len(vectors)]
    return result
