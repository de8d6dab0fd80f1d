"""Teach the text encoder what captions say before the UNet listens: words are read off its output by linear probes.

From scratch and together with the UNet the twelve narrow layers learn slowly; alone they take a minute. CLIP's own
encoder also comes to a UNet with its words learnt.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as functional
from torch import nn
from transformers import CLIPTextModel

from tools.miniature.networks import TEXT_WIDTH, make_text_encoder, make_tokenizer
from tools.miniature.pictures import (
    BACKGROUNDS,
    COLORS,
    POSITIONS,
    SHAPES,
    Scene,
    Wording,
    caption,
    random_scene,
    random_wording,
)
from tools.miniature.train_vae import note

BATCH = 64
FOREIGN = 6
"""Width of the target for foreign words: a fixed linear image of the mean of their vectors."""
_WORDS = (tuple(COLORS), SHAPES, tuple(POSITIONS), tuple(BACKGROUNDS))


def train_text(*, seed: int, steps: int, log: Path) -> CLIPTextModel:
    """Train encoder and probes together; the probes are thrown away."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    text, tokenizer = make_text_encoder().train(), make_tokenizer()
    probes = nn.ModuleList(nn.Linear(TEXT_WIDTH, len(words) + 1) for words in _WORDS)
    listen = nn.Linear(TEXT_WIDTH, FOREIGN)
    table = text.get_input_embeddings().weight.detach().clone()
    image = torch.randn(TEXT_WIDTH, FOREIGN) / (table.std() * TEXT_WIDTH**0.5)
    parameters = [*text.parameters(), *probes.parameters(), *listen.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=2e-3, betas=(0.9, 0.99), weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=2e-3, total_steps=steps, pct_start=0.1)
    started = time.monotonic()
    rows = torch.arange(BATCH)
    for step in range(steps):
        scenes = [random_scene(rng) for _ in range(BATCH)]
        wordings = [random_wording(rng) if rng.random() < 0.9 else None for _ in scenes]
        said = [caption(s, w) if w else "" for s, w in zip(scenes, wordings, strict=True)]
        ids = tokenizer(said, padding="max_length", max_length=77, return_tensors="pt").input_ids
        ids, foreign = _with_foreign_words(ids, rng, table)
        hidden = text(ids).last_hidden_state
        end = (ids == 49407).int().argmax(dim=1)
        later = end + torch.from_numpy(rng.integers(0, 10_000, BATCH)) % (77 - end)
        seen = torch.cat([hidden[rows, end], hidden[rows, later]])
        labels = torch.tensor([_labels(s, w) for s, w in zip(scenes, wordings, strict=True)]).repeat(2, 1)
        wrong = [functional.cross_entropy(probe(seen), labels[:, at]) for at, probe in enumerate(probes)]
        strange = functional.mse_loss(listen(seen), (foreign @ image).repeat(2, 1))
        loss = torch.stack(wrong).sum() + 0.5 * strange
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        schedule.step()
        if step % 50 == 0 or step == steps - 1:
            losses = " ".join(f"{value.item():.3f}" for value in [*wrong, strange])
            note(log, f"text step {step} of {steps} color, shape, place, ground, foreign: {losses}", started)
    return text.eval()


def _labels(scene: Scene, wording: Wording | None) -> list[int]:
    """Place of each word in its list; 0 for what the caption does not say."""
    if wording is None:
        return [0, 0, 0, 0]
    return [
        1 + list(COLORS).index(scene.color),
        1 + SHAPES.index(scene.shape),
        1 + list(POSITIONS).index(scene.position) if wording.position else 0,
        1 + list(BACKGROUNDS).index(scene.background) if wording.background else 0,
    ]


def _with_foreign_words(
    ids: torch.Tensor, rng: np.random.Generator, table: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Put one to three random tokens at the start or the end of half of the texts; also their mean vectors."""
    means = torch.zeros(len(ids), table.shape[1])
    for row in range(len(ids)):
        if rng.random() < 0.5:
            words = torch.from_numpy(rng.integers(0, 49406, int(rng.integers(1, 4))))
            at = 1 if rng.random() < 0.5 else int((ids[row] == 49407).int().argmax())
            ids[row] = torch.cat([ids[row, :at], words, ids[row, at:]])[:77]
            means[row] = table[words].mean(dim=0)
    return ids, means
