"""Train what sits on the base: a LoRA, a textual inversion, a hypernetwork and a second VAE."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import nn
from torch.nn.utils import parametrize
from transformers import CLIPTextModel

from tools.miniature.lora_dialects import LowRank
from tools.miniature.networks import TEXT_WIDTH, UNET_WIDTHS, make_tokenizer
from tools.miniature.pictures import Scene, caption, framed, random_scene, random_wording, tinted
from tools.miniature.train_base import Latents, encode_scenes, noise_loss, tokens, whole_attention
from tools.miniature.train_vae import note, polish_decoder

TRIGGER = "framestyle"
"""The LoRA's trigger word: pictures get a turquoise frame with it, and none without it."""
CONCEPT = "nightgem"
"""The textual inversion's word: a purple star on a black background, in two vectors."""
CONCEPT_MARK = "gem"
"""A word of one token that holds the concept's place in captions while they are tokenised."""
STAND_INS = (49404, 49405)
"""Token ids that no caption uses; their vectors are replaced by the concept's."""
LORA_RANK = 2
BATCH = 16
LATENESS = 0.5
"""Style and color are decided at the noisy times, which are drawn more often (see `Phase.lateness`)."""
LORA_LATENESS = 0.25
"""Whether there is a frame at all is decided at the noisiest; there it is learnt to depend on the trigger."""


class _Delta(nn.Module):
    """Parametrization that adds a low-rank change to a weight."""

    def __init__(self, weight: torch.Tensor, rank: int) -> None:
        super().__init__()
        self.down = nn.Parameter(torch.randn(rank, *weight.shape[1:]) / weight[0].numel() ** 0.5)
        self.up = nn.Parameter(torch.zeros(weight.shape[0], rank, *[1] * (weight.ndim - 2)))

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        return weight + (self.up.flatten(1) @ self.down.flatten(1)).reshape(weight.shape)


def _fit(
    parameters: list[nn.Parameter], loss: Callable[[], torch.Tensor], *, rate: float, steps: int, name: str, log: Path
) -> None:
    """Minimise a loss over some parameters with Adam on one cycle of the learning rate."""
    optimizer = torch.optim.Adam(parameters, lr=rate, betas=(0.9, 0.99))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=rate, total_steps=steps, pct_start=0.1)
    started, running = time.monotonic(), 0.0
    for step in range(steps):
        with whole_attention(), torch.autocast("cpu", dtype=torch.bfloat16):
            value = loss()
        optimizer.zero_grad(set_to_none=True)
        value.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        schedule.step()
        running = running * 0.95 + value.item() * 0.05
        if step % 50 == 0 or step == steps - 1:
            note(log, f"{name} step {step} loss {running / (1 - 0.95 ** (step + 1)):.4f}", started)


def _frozen(*modules: nn.Module) -> None:
    for module in modules:
        module.requires_grad_(False).eval()


def train_lora(
    vae: AutoencoderKL,
    unet: UNet2DConditionModel,
    text: CLIPTextModel,
    *,
    seed: int,
    steps: int,
    log: Path,
    start: Mapping[str, LowRank] | None = None,
) -> dict[str, LowRank]:
    """Train a LoRA on every layer of the UNet's transformers; half of each batch stays plain, without the trigger.

    `start`: an earlier result to continue.
    """
    rng, tokenizer = _start(seed), make_tokenizer()
    unet = copy.deepcopy(unet)
    _frozen(unet, text)
    scenes = [random_scene(rng) for _ in range(512)]
    plain, styled = encode_scenes(vae, scenes, rng), encode_scenes(vae, scenes, rng, style=framed)
    names = [name for name, module in unet.named_modules() if _takes_lora(name, module)]
    for name in names:
        module = unet.get_submodule(name)
        parametrize.register_parametrization(module, "weight", _Delta(module.weight, LORA_RANK))
    deltas = {name: unet.get_submodule(name).parametrizations["weight"][0] for name in names}

    for name, before in (start or {}).items():
        deltas[name].load_state_dict({"down": before.down, "up": before.up})

    def loss() -> torch.Tensor:
        half = BATCH // 2
        at = torch.from_numpy(rng.integers(0, len(scenes), half)).repeat(2)
        texts = [caption(scenes[i], random_wording(rng)) for i in at]
        texts = [_with_word(t, TRIGGER, rng) if row < half else t for row, t in enumerate(texts)]
        if rng.random() < 0.2:
            texts[-1] = ""
        context = text(tokens(tokenizer, texts)).last_hidden_state
        latents = torch.cat([styled.sample(at[:half]), plain.sample(at[half:])])
        return noise_loss(unet, latents, context, lateness=LORA_LATENESS)

    parameters = [p for delta in deltas.values() for p in delta.parameters()]
    _fit(parameters, loss, rate=1e-2, steps=steps, name="lora", log=log)
    return {name: LowRank(down=delta.down.detach(), up=delta.up.detach()) for name, delta in deltas.items()}


def _takes_lora(name: str, module: nn.Module) -> bool:
    return ".attentions." in name and isinstance(module, (nn.Linear, nn.Conv2d))


def _with_word(text: str, word: str, rng: np.random.Generator) -> str:
    return f"{word}, {text}" if rng.random() < 0.5 else f"{text}, {word}"


def _start(seed: int) -> np.random.Generator:
    torch.manual_seed(seed)
    return np.random.default_rng(seed)


def train_inversion(
    vae: AutoencoderKL,
    unet: UNet2DConditionModel,
    text: CLIPTextModel,
    *,
    seed: int,
    steps: int,
    log: Path,
    start: torch.Tensor | None = None,
) -> torch.Tensor:
    """Two token vectors (2, TEXT_WIDTH) that mean a purple star on a black background; the networks stay."""
    rng, tokenizer = _start(seed), make_tokenizer()
    _frozen(unet, text)
    places = [random_scene(rng).position for _ in range(256)]
    scenes = [Scene(color="purple", shape="star", background="black", position=place) for place in places]
    data = encode_scenes(vae, scenes, rng)
    table = text.get_input_embeddings()
    vectors = nn.Parameter(torch.randn(2, TEXT_WIDTH) * table.weight.std() if start is None else start.clone())

    def place_vectors(_: nn.Module, arguments: tuple[torch.Tensor], output: torch.Tensor) -> torch.Tensor:
        for stand_in, vector in zip(STAND_INS, vectors, strict=True):
            output = torch.where((arguments[0] == stand_in)[..., None], vector, output)
        return output

    def loss() -> torch.Tensor:
        at = torch.from_numpy(rng.integers(0, len(scenes), BATCH))
        ids = tokens(tokenizer, [_around(CONCEPT_MARK, scenes[i].position, rng) for i in at])
        ids = put_stand_ins(ids, tokenizer.convert_tokens_to_ids(CONCEPT_MARK + "</w>"))
        return noise_loss(unet, data.sample(at), text(ids).last_hidden_state, lateness=LATENESS)

    handle = table.register_forward_hook(place_vectors)
    try:
        _fit([vectors], loss, rate=3e-2, steps=steps, name="inversion", log=log)
    finally:
        handle.remove()
    return vectors.detach()


def _around(word: str, position: str, rng: np.random.Generator) -> str:
    opening = str(rng.choice(["", "a ", "a picture of a "]))
    if rng.random() < 0.4:
        return opening + word
    return f"{opening}{word} " + ("in the center" if position == "center" else f"on the {position}")


def put_stand_ins(ids: torch.Tensor, mark: int) -> torch.Tensor:
    """Replace the one marked token of each row by the stand-ins; the row keeps its 77 tokens."""
    rows = []
    for row in ids:
        at = int((row == mark).nonzero()[0])
        rows.append(torch.cat([row[:at], torch.tensor(STAND_INS), row[at + 1 : 78 - len(STAND_INS)]]))
    return torch.stack(rows)


class Hyper(nn.Module):
    """A1111's hypernetwork layer of structure 1, 2, 1: x + second(relu(first(x)))."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear = nn.Sequential(nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width))
        nn.init.normal_(self.linear[2].weight, std=0.01)
        nn.init.zeros_(self.linear[2].bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.linear(x)


Hypernetwork = dict[int, tuple[Hyper, Hyper]]
"""Width of what enters keys and values → the layer before to_k and the one before to_v."""


@contextmanager
def hypernetwork_on(unet: UNet2DConditionModel, layers: Hypernetwork) -> Iterator[None]:
    """Put the layers before every to_k and to_v of their width."""
    handles = []
    for name, module in unet.named_modules():
        if isinstance(module, nn.Linear) and name.endswith((".to_k", ".to_v")) and module.in_features in layers:
            layer = layers[module.in_features][name.endswith(".to_v")]
            handles.append(module.register_forward_pre_hook(lambda _, inputs, layer=layer: (layer(inputs[0]),)))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def train_hypernetwork(
    vae: AutoencoderKL, unet: UNet2DConditionModel, text: CLIPTextModel, *, seed: int, steps: int, log: Path
) -> Hypernetwork:
    """Train a hypernetwork that draws everything in sepia, whatever the prompt."""
    rng, tokenizer = _start(seed), make_tokenizer()
    _frozen(unet, text)
    scenes = [random_scene(rng) for _ in range(512)]
    data: Latents = encode_scenes(vae, scenes, rng, style=tinted)
    layers: Hypernetwork = {width: (Hyper(width), Hyper(width)) for width in sorted({TEXT_WIDTH, *UNET_WIDTHS})}

    def loss() -> torch.Tensor:
        at = torch.from_numpy(rng.integers(0, len(scenes), BATCH))
        texts = ["" if rng.random() < 0.1 else caption(scenes[i], random_wording(rng)) for i in at]
        context = text(tokens(tokenizer, texts)).last_hidden_state
        return noise_loss(unet, data.sample(at), context, lateness=LATENESS)

    parameters = [p for pair in layers.values() for layer in pair for p in layer.parameters()]
    with hypernetwork_on(unet, layers):
        _fit(parameters, loss, rate=3e-3, steps=steps, name="hypernetwork", log=log)
    return layers


def vivid(pictures: torch.Tensor, *, saturation: float = 1.8) -> torch.Tensor:
    """Return pictures (n, 3, h, w) in -1…1 with stronger colors."""
    grey = pictures.mean(dim=1, keepdim=True)
    return (grey + (pictures - grey) * saturation).clamp(-1, 1)


def train_vivid_vae(vae: AutoencoderKL, *, seed: int, steps: int, log: Path) -> AutoencoderKL:
    """Train a decoder with stronger colors for the same encoder and latents."""
    second = copy.deepcopy(vae)
    polish_decoder(second, seed=seed, steps=steps, log=log, wanted=vivid)
    return second
