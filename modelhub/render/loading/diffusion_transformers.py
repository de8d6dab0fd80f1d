"""Diffusion transformers (SD3, FLUX and their kin) out of diffusers folders, through diffusers' own pipelines.

Nothing that a folder says is run: classes are named by the table below and by diffusers and transformers themselves,
weights are safetensors only, no hub is asked.
"""

from __future__ import annotations

import inspect
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import diffusers
import numpy as np
import torch
import transformers

from modelhub.errors import ModelhubError
from modelhub.formats import read_header
from modelhub.render import devices
from modelhub.render.loading.diffusers_folders import INDEX, pipeline_of, read_json, shards
from modelhub.render.problems import RenderProblem, incomplete
from modelhub.render.recipes import Recipe
from modelhub.render.verdicts import RenderVerdict


@dataclass(frozen=True, slots=True)
class Row:
    """How a pipeline is called. `multiple`: what a side in pixels must be a multiple of; `guidance`: its parameter.

    `spare`: components that may be null; `options`: further arguments.
    """

    multiple: int = 16
    guidance: str = "guidance_scale"
    negative: bool = True
    spare: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)


_AS_ASKED = {"clean_caption": False, "use_resolution_binning": False}
# `_class_name` of a folder's index → how that pipeline of diffusers is called.
ROWS: dict[str, Row] = {
    "StableDiffusion3Pipeline": Row(spare=("text_encoder_3", "tokenizer_3")),
    "FluxPipeline": Row(negative=False),
    "Flux2Pipeline": Row(negative=False),
    "Flux2KleinPipeline": Row(negative=False),
    "ChromaPipeline": Row(),
    "PixArtAlphaPipeline": Row(options=_AS_ASKED),
    "PixArtSigmaPipeline": Row(options=_AS_ASKED),
    "SanaPipeline": Row(multiple=32, options={**_AS_ASKED, "complex_human_instruction": None}),
    "AuraFlowPipeline": Row(),
    "LuminaPipeline": Row(options={"clean_caption": False}),
    "Lumina2Pipeline": Row(),
    "HunyuanDiTPipeline": Row(options={"use_resolution_binning": False}),
    "CogView4Pipeline": Row(),
    "QwenImagePipeline": Row(guidance="true_cfg_scale"),
    "ZImagePipeline": Row(),
}
# Never needed to draw from a prompt.
_LEFT_OUT = ("safety_checker", "feature_extractor", "image_encoder")
_LIBRARIES: dict[str, ModuleType] = {"diffusers": diffusers, "transformers": transformers}
# What a component other than a network may be → the files of which it needs one. Without a vocabulary transformers
# makes a tokenizer that knows no words, and says nothing.
_PLAIN = {
    "Tokenizer": ("tokenizer.json", "vocab.json", "vocab.txt", "spiece.model", "tokenizer.model"),
    "Scheduler": ("scheduler_config.json",),
    "Processor": ("preprocessor_config.json", "processor_config.json"),
}
_TROUBLES = (OSError, ValueError, RuntimeError, TypeError, KeyError, IndexError, AttributeError, ImportError)


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A pipeline that is ready, how it is called, and how long loading took."""

    pipe: Any
    row: Row
    seconds: float

    @property
    def parameters(self) -> int:
        """How many numbers the transformer has."""
        return sum(weight.numel() for weight in self.pipe.transformer.parameters())

    @property
    def sampler(self) -> str:
        """The model's own scheduler, which draws: others do not fit its training."""
        return type(self.pipe.scheduler).__name__


@dataclass(frozen=True, slots=True)
class Drawn:
    """What came out: latents as the VAE was given them, its raw decode (height, width, 3), and seconds for each."""

    latents: torch.Tensor
    raw: np.ndarray[Any, Any]
    draw_seconds: float
    decode_seconds: float


def load(folder: Path, *, dtype: torch.dtype, device: str = "cpu") -> Pipeline:
    """The pipeline of a folder. Every weight of every component must be there. Raises RenderProblem."""
    started = time.monotonic()
    index, name = read_json(folder / INDEX), pipeline_of(folder)
    if name is None or name not in ROWS:
        raise RenderProblem(RenderVerdict.NOT_TESTED, f"folders of a {name} are not rendered with")
    kind, row = getattr(diffusers, name), ROWS[name]
    plan: dict[str, Any] = {}
    for part, parameter in list(inspect.signature(kind.__init__).parameters.items())[1:]:
        entry = index.get(part)
        needed = parameter.default is inspect.Parameter.empty
        if part in _LEFT_OUT:
            plan[part] = None
        elif isinstance(entry, (bool, int, float)) and not needed:
            plan[part] = entry
        elif isinstance(entry, list) and len(entry) == 2 and entry[1]:
            plan[part] = _checked(folder / part, str(entry[0]), str(entry[1]), dtype)
        elif part in row.spare:
            plan[part] = None
        elif needed:
            raise incomplete("folder", [part])
    parts = {part: step.made() if isinstance(step, _Component) else step for part, step in plan.items()}
    pipe = _tried("the pipeline", lambda: kind(**parts))
    pipe.set_progress_bar_config(disable=True)
    return Pipeline(pipe.to(device), row, time.monotonic() - started)


@dataclass(frozen=True, slots=True)
class _Component:
    """A part of a pipeline that is there and allowed: its class, and the options to load it with."""

    folder: Path
    kind: Any
    options: Mapping[str, Any]

    def made(self) -> Any:
        what = self.folder.name
        made = _tried(f"its {what}", lambda: self.kind.from_pretrained(str(self.folder), **self.options))
        if not isinstance(made, tuple):
            return made
        network, told = made
        if told["missing_keys"]:
            raise incomplete(what, [str(key) for key in told["missing_keys"]])
        return network.eval()


def _checked(folder: Path, library: str, name: str, dtype: torch.dtype) -> _Component:
    """What can be known of a component before anything is loaded."""
    if library not in _LIBRARIES:
        raise RenderProblem(RenderVerdict.NOT_TESTED, f"its {folder.name} is code of {library}, which is not run")
    kind = getattr(_LIBRARIES[library], name, None)
    if not isinstance(kind, type):
        raise RenderProblem(RenderVerdict.LOAD_ERROR, f"its {folder.name} is a {name}, which {library} does not have")
    if not folder.is_dir():
        raise incomplete("folder", [folder.name])
    options: dict[str, Any] = {"local_files_only": True}
    if issubclass(kind, torch.nn.Module):
        options |= {"torch_dtype": dtype, "use_safetensors": True, "output_loading_info": True}
        return _Component(folder, kind, options | _checked_weights(folder))
    needed = next((files for word, files in _PLAIN.items() if word in name), None)
    if needed is None:
        raise RenderProblem(RenderVerdict.NOT_TESTED, f"its {folder.name} is a {name}, which is not loaded")
    held = [file for file in needed if (folder / file).is_file()]
    if not held:
        raise incomplete("folder", [f"{folder.name}/{needed[0]}"])
    if held[0].endswith(".model") and find_spec("sentencepiece") is None:
        words = f"{folder.name}/{held[0]} is read by the library sentencepiece: pip install sentencepiece"
        raise RenderProblem(RenderVerdict.NOT_TESTED, words)
    return _Component(folder, kind, options)


def _checked_weights(folder: Path) -> dict[str, str]:
    """The variant to load where there is no plain one. Every file must be whole; libraries notice less of that."""
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        unsafe = sorted(file.name for pattern in ("*.bin", "*.pt", "*.ckpt") for file in folder.glob(pattern))
        if unsafe:
            words = f"{folder.name}/{unsafe[0]} is no safetensors file, and others are not loaded by libraries"
            raise RenderProblem(RenderVerdict.NOT_TESTED, words)
        raise incomplete("folder", [f"{folder.name}/*.safetensors"])
    listed = [name for index in folder.glob("*.safetensors.index.json") for name in shards(index)]
    if lost := [name for name in listed if not (folder / name).is_file()]:
        raise incomplete("folder", [f"{folder.name}/{name}" for name in lost])
    if not (folder / "config.json").is_file():
        raise incomplete("folder", [f"{folder.name}/config.json"])
    for file in files:
        try:
            header = read_header(file)
        except ModelhubError as exc:
            raise RenderProblem(RenderVerdict.LOAD_ERROR, exc.message) from exc
        if header.broken:
            text = next((problem.text for problem in header.problems if problem.fatal), "The file is broken.")
            raise RenderProblem(RenderVerdict.INCOMPLETE, f"{folder.name}/{file.name}: {text}")
    return {"variant": "fp16"} if all(".fp16" in file.name for file in files) else {}


def _tried(what: str, make: Any) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return make()
    except torch.OutOfMemoryError:
        raise
    except _TROUBLES as exc:
        text = " ".join(str(exc).split())[:300]
        if devices.wants_memory(text):
            raise
        # A library that is not installed is not the model's fault.
        verdict = RenderVerdict.NOT_TESTED if isinstance(exc, ImportError) else RenderVerdict.LOAD_ERROR
        raise RenderProblem(verdict, f"{what} cannot be loaded: {text or type(exc).__name__}") from exc


@torch.no_grad()
def draw(ready: Pipeline, recipe: Recipe) -> Drawn:
    """One picture by the recipe, whose sampler is left to the model."""
    pipe, row = ready.pipe, ready.row
    decode, seen = pipe.vae.decode, []

    def watched(latents: torch.Tensor, *args: Any, **options: Any) -> Any:
        started = time.monotonic()
        out = decode(latents, *args, **options)
        seen.append((latents, out[0], started, time.monotonic() - started))
        return out

    given = {row.guidance: recipe.guidance, **row.options}
    if row.negative:
        given["negative_prompt"] = recipe.negative_prompt
    started = time.monotonic()
    pipe.vae.decode = watched
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pipe(
                prompt=recipe.prompt,
                height=recipe.size,
                width=recipe.size,
                num_inference_steps=recipe.steps,
                generator=torch.Generator().manual_seed(recipe.seed),
                output_type="np",
                **given,
            )
    finally:
        pipe.vae.decode = decode
    latents, picture, began, took = seen[-1]
    if picture.ndim == 5:  # autoencoders made for video: their only frame
        picture = picture[:, :, 0]
    raw = picture[0].float().cpu().permute(1, 2, 0).numpy()
    return Drawn(latents.float().cpu(), np.asarray(raw), began - started, took)
