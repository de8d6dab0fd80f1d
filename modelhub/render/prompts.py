"""Encode prompts: CLIP's tokenizer from packaged data, the text encoders, and an embedding's vectors."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import torch
from transformers import CLIPTokenizer

from modelhub.render.embedding import replace_tokens
from modelhub.render.loading.bases import Base

LENGTH = 77  # tokens of a prompt, start and end among them
EMBEDDING_MARK = "<|embedding|>"  # the place of an embedding's vectors in a prompt
_MERGES = 49152 - 256 - 2
_START, _END = 49406, 49407


@dataclass(frozen=True)
class Context:
    """An encoded prompt: `hidden` (1, 77, width), and SDXL's `pooled` (1, width)."""

    hidden: torch.Tensor
    pooled: torch.Tensor | None = None


@cache
def make_tokenizer() -> CLIPTokenizer:
    """Build CLIP's tokenizer from the vocabulary in the package (`bpe_simple_vocab_16e6`, MIT)."""
    data = files("modelhub.render").joinpath("data", "bpe_simple_vocab_16e6.txt.gz").read_bytes()
    lines = gzip.decompress(data).decode("utf-8").split("\n")
    merges = [(first, second) for first, second in (line.split() for line in lines[1 : _MERGES + 1])]
    symbols = _byte_symbols()
    tokens = [*symbols, *(symbol + "</w>" for symbol in symbols), *("".join(pair) for pair in merges)]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(vocab={token: at for at, token in enumerate(tokens)}, merges=merges, model_max_length=LENGTH)


def _byte_symbols() -> list[str]:
    """Return GPT-2's printable symbols for the 256 bytes, in its order."""
    shown = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    hidden = [byte for byte in range(256) if byte not in shown]
    return [chr(byte) for byte in shown] + [chr(256 + at) for at in range(len(hidden))]


def tokenize(prompt: str, *, vectors: int = 0, padding: int = _END) -> tuple[torch.Tensor, torch.Tensor]:
    """Return token ids (1, 77) and the positions (1, `vectors`) of `EMBEDDING_MARK`; a long prompt is cut off."""
    before, mark, after = prompt.partition(EMBEDDING_MARK)
    tokens = _tokens(before)
    start = 1 + len(tokens)
    if mark:
        tokens += [0] * vectors + _tokens(after)
    row = [_START, *tokens[: LENGTH - 2], _END]
    places = [at if mark and at < LENGTH - 1 else -1 for at in range(start, start + vectors)]
    row += [padding] * (LENGTH - len(row))
    return torch.tensor([row]), torch.tensor([places], dtype=torch.long)


def _tokens(text: str) -> list[int]:
    return list(make_tokenizer()(text)["input_ids"][1:-1]) if text.strip() else []


@torch.no_grad()
def encode_prompt(base: Base, prompt: str, *, vectors: Sequence[torch.Tensor] = ()) -> Context:
    """Encode a prompt; `vectors` (n, width), one for each text encoder, replace `EMBEDDING_MARK`."""
    hidden, pooled = [], None
    for number, encoder in enumerate(base.text_encoders):
        device = encoder.device
        padding = 0 if encoder.config.hidden_act == "gelu" else _END
        own = vectors[number] if vectors else None
        tokens, places = tokenize(prompt, vectors=0 if own is None else len(own), padding=padding)
        with ExitStack() as stack:
            if own is not None:
                stack.enter_context(replace_tokens(encoder, places.to(device), own))
            out = encoder(tokens.to(device), output_hidden_states=True)
        hidden.append(_hidden(base, encoder, out))
        if getattr(out, "text_embeds", None) is not None:
            pooled = out.text_embeds
    return Context(torch.cat(hidden, dim=-1), pooled if base.penultimate == "sdxl" else None)


def _hidden(base: Base, encoder: Any, out: Any) -> torch.Tensor:
    if not base.penultimate:
        return torch.as_tensor(out.last_hidden_state)
    last_but_one = torch.as_tensor(out.hidden_states[-2])
    if base.penultimate == "sdxl":
        return last_but_one
    inner = getattr(encoder, "text_model", encoder)
    return torch.as_tensor(inner.final_layer_norm(last_but_one))
