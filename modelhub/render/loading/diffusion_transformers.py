"""Diffusion transformers (SD3, FLUX and similar) in diffusers folders, through diffusers' own pipelines.

No code of a folder is run: classes come from the table below and from diffusers and transformers, weights are
safetensors only, and no hub is contacted.
"""

from __future__ import annotations

import inspect
import time
import warnings
from collections.abc import Callable, Mapping
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
from modelhub.render.loading.diffusers_folders import INDEX, list_shards, pipeline_of, read_json
from modelhub.render.problems import broken_file, load_failure, missing_files, missing_tensors, skip
from modelhub.render.recipes import Recipe


@dataclass(frozen=True, slots=True)
class PipelineCall:
    """The arguments of a pipeline. `multiple`: of which a side in pixels must be one; `guidance`: its parameter's name.

    `optional`: components that may be null; `options`: further arguments.
    """

    multiple: int = 16
    guidance: str = "guidance_scale"
    negative: bool = True
    optional: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)


_UNCHANGED = {"clean_caption": False, "use_resolution_binning": False}
# `_class_name` of a folder's index → the call of that pipeline of diffusers.
PIPELINES: dict[str, PipelineCall] = {
    "StableDiffusion3Pipeline": PipelineCall(optional=("text_encoder_3", "tokenizer_3")),
    "FluxPipeline": PipelineCall(negative=False),
    "Flux2Pipeline": PipelineCall(negative=False),
    "Flux2KleinPipeline": PipelineCall(negative=False),
    "ChromaPipeline": PipelineCall(),
    "PixArtAlphaPipeline": PipelineCall(options=_UNCHANGED),
    "PixArtSigmaPipeline": PipelineCall(options=_UNCHANGED),
    "SanaPipeline": PipelineCall(multiple=32, options={**_UNCHANGED, "complex_human_instruction": None}),
    "AuraFlowPipeline": PipelineCall(),
    "LuminaPipeline": PipelineCall(options={"clean_caption": False}),
    "Lumina2Pipeline": PipelineCall(),
    "HunyuanDiTPipeline": PipelineCall(options={"use_resolution_binning": False}),
    "CogView4Pipeline": PipelineCall(),
    "QwenImagePipeline": PipelineCall(guidance="true_cfg_scale"),
    "ZImagePipeline": PipelineCall(),
}
# Never needed to render from a prompt.
_LEFT_OUT = ("safety_checker", "feature_extractor", "image_encoder")
_LIBRARIES: dict[str, ModuleType] = {"diffusers": diffusers, "transformers": transformers}
# Kinds of components other than networks → the files of which each needs one. Without a vocabulary transformers
# silently makes a tokenizer that knows no words.
_PLAIN = {
    "Tokenizer": ("tokenizer.json", "vocab.json", "vocab.txt", "spiece.model", "tokenizer.model"),
    "Scheduler": ("scheduler_config.json",),
    "Processor": ("preprocessor_config.json", "processor_config.json"),
}
_LOAD_ERRORS = (OSError, ValueError, RuntimeError, TypeError, KeyError, IndexError, AttributeError, ImportError)


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A loaded pipeline, its call, and the seconds of loading."""

    pipe: Any
    call: PipelineCall
    load_seconds: float

    @property
    def parameters(self) -> int:
        """The number of the transformer's parameters."""
        return sum(weight.numel() for weight in self.pipe.transformer.parameters())

    @property
    def sampler(self) -> str:
        """The name of the model's own scheduler; others do not fit its training."""
        return type(self.pipe.scheduler).__name__


@dataclass(frozen=True, slots=True)
class PipelineOutput:
    """The latents (as the VAE receives them), its raw decode (height, width, 3), and the seconds of each."""

    latents: torch.Tensor
    raw: np.ndarray[Any, Any]
    render_seconds: float
    decode_seconds: float


def load_pipeline(folder: Path, *, dtype: torch.dtype, device: str = "cpu") -> Pipeline:
    """Load the pipeline of a folder. Raise RenderProblem when a weight of any component is missing."""
    started = time.monotonic()
    index, name = read_json(folder / INDEX), pipeline_of(folder)
    if name is None or name not in PIPELINES:
        raise skip(f"{name} models cannot be render-tested yet")
    kind, call = getattr(diffusers, name), PIPELINES[name]
    plan: dict[str, Any] = {}
    for part, parameter in list(inspect.signature(kind.__init__).parameters.items())[1:]:
        entry = index.get(part)
        needed = parameter.default is inspect.Parameter.empty
        if part in _LEFT_OUT:
            plan[part] = None
        elif isinstance(entry, (bool, int, float)) and not needed:
            plan[part] = entry
        elif isinstance(entry, list) and len(entry) == 2 and entry[1]:
            plan[part] = _check_component(folder / part, str(entry[0]), str(entry[1]), dtype)
        elif part in call.optional:
            plan[part] = None
        elif needed:
            raise missing_files([part])
    parts = {part: step.load() if isinstance(step, _Component) else step for part, step in plan.items()}
    pipe = _guard("the pipeline", lambda: kind(**parts))
    pipe.set_progress_bar_config(disable=True)
    return Pipeline(pipe.to(device), call, time.monotonic() - started)


@dataclass(frozen=True, slots=True)
class _Component:
    """A checked component of a pipeline: its class, and the options to load it with."""

    folder: Path
    kind: Any
    options: Mapping[str, Any]

    def load(self) -> Any:
        """Load the component. Raise RenderProblem, also for missing weights."""
        name = self.folder.name
        loaded = _guard(f"its {name}", lambda: self.kind.from_pretrained(str(self.folder), **self.options))
        if not isinstance(loaded, tuple):
            return loaded
        network, loading_info = loaded
        if loading_info["missing_keys"]:
            raise missing_tensors(name, [str(key) for key in loading_info["missing_keys"]])
        return network.eval()


def _check_component(folder: Path, library: str, name: str, dtype: torch.dtype) -> _Component:
    """Check a component before anything is loaded. Raise RenderProblem."""
    if library not in _LIBRARIES:
        raise skip(f"its {folder.name} is code of {library}, which is not run")
    kind = getattr(_LIBRARIES[library], name, None)
    if not isinstance(kind, type):
        raise load_failure(f"its {folder.name} is a {name}, which {library} does not have")
    if not folder.is_dir():
        raise missing_files([folder.name])
    options: dict[str, Any] = {"local_files_only": True}
    if issubclass(kind, torch.nn.Module):
        options |= {"torch_dtype": dtype, "use_safetensors": True, "output_loading_info": True}
        return _Component(folder, kind, options | _check_weights(folder))
    needed = next((files for word, files in _PLAIN.items() if word in name), None)
    if needed is None:
        raise skip(f"its {folder.name} is a {name}, a kind that is not supported")
    present = [file for file in needed if (folder / file).is_file()]
    if not present:
        raise missing_files([f"{folder.name}/{needed[0]}"])
    if present[0].endswith(".model") and find_spec("sentencepiece") is None:
        raise skip(f"{folder.name}/{present[0]} needs the library sentencepiece, which is not installed")
    return _Component(folder, kind, options)


def _check_weights(folder: Path) -> dict[str, str]:
    """Check that every file is whole, which libraries do less strictly; return the variant to load, if any."""
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        unsafe = sorted(file.name for pattern in ("*.bin", "*.pt", "*.ckpt") for file in folder.glob(pattern))
        if unsafe:
            raise skip(f"{folder.name}/{unsafe[0]} is not a safetensors file, the only kind that is loaded here")
        raise missing_files([f"{folder.name}/*.safetensors"])
    listed = [name for index in folder.glob("*.safetensors.index.json") for name in list_shards(index)]
    if missing := [name for name in listed if not (folder / name).is_file()]:
        raise missing_files([f"{folder.name}/{name}" for name in missing])
    if not (folder / "config.json").is_file():
        raise missing_files([f"{folder.name}/config.json"])
    for file in files:
        try:
            header = read_header(file)
        except ModelhubError as exc:
            raise load_failure(exc.message) from exc
        if header.broken:
            text = next((problem.text for problem in header.problems if problem.fatal), "It is not whole.")
            raise broken_file(f"{folder.name}/{file.name}", text)
    return {"variant": "fp16"} if all(".fp16" in file.name for file in files) else {}


def _guard(subject: str, load: Callable[[], Any]) -> Any:
    """Return what `load` returns; its errors become RenderProblem, except for those about memory."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return load()
    except torch.OutOfMemoryError:
        raise
    except _LOAD_ERRORS as exc:
        text = " ".join(str(exc).split())[:300]
        if devices.is_out_of_memory(text):
            raise
        reason = f"{subject} cannot be loaded ({text.removesuffix('.') or type(exc).__name__})"
        # A missing library proves nothing about the model.
        raise (skip(reason) if isinstance(exc, ImportError) else load_failure(reason)) from exc


@torch.no_grad()
def render(pipeline: Pipeline, recipe: Recipe) -> PipelineOutput:
    """Render one picture by the recipe, with the model's own sampler."""
    pipe, call = pipeline.pipe, pipeline.call
    decode, decodes = pipe.vae.decode, []

    def recording_decode(latents: torch.Tensor, *args: Any, **options: Any) -> Any:
        started = time.monotonic()
        out = decode(latents, *args, **options)
        decodes.append((latents, out[0], started, time.monotonic() - started))
        return out

    arguments = {call.guidance: recipe.guidance, **call.options}
    if call.negative:
        arguments["negative_prompt"] = recipe.negative_prompt
    started = time.monotonic()
    pipe.vae.decode = recording_decode
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
                **arguments,
            )
    finally:
        pipe.vae.decode = decode
    latents, picture, decode_started, decode_seconds = decodes[-1]
    if picture.ndim == 5:  # autoencoders for video: their only frame
        picture = picture[:, :, 0]
    raw = picture[0].float().cpu().permute(1, 2, 0).numpy()
    return PipelineOutput(latents.float().cpu(), np.asarray(raw), decode_started - started, decode_seconds)
