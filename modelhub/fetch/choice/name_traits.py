"""Traits of a remote file, read from its name and its source's statements before anything is downloaded.

Names can be wrong; they only decide what to download. What a file is, is decided afterwards from its content.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from modelhub.fetch.fetcher import RemoteFile


class Container(StrEnum):
    """The kind of file that a suffix stands for."""

    SAFETENSORS = "safetensors"
    GGUF = "gguf"
    PICKLE = "pickle"
    OTHER_WEIGHTS = "weights for another framework"
    ARCHIVE = "archive"
    NOT_WEIGHTS = "not weights"


class WeightSet(StrEnum):
    """The set of weights that a checkpoint's name states. PLAIN: the name states none."""

    EMA_ONLY = "emaonly"
    PLAIN = "plain"
    PRUNED = "pruned"
    NON_EMA = "nonema"
    FULL = "full"


_CONTAINERS = {
    ".safetensors": Container.SAFETENSORS,
    ".sft": Container.SAFETENSORS,
    ".gguf": Container.GGUF,
    **dict.fromkeys((".ckpt", ".pt", ".pth", ".bin", ".pkl", ".pickle"), Container.PICKLE),
    **dict.fromkeys((".msgpack", ".h5", ".onnx", ".onnx_data", ".pb", ".tflite", ".ot"), Container.OTHER_WEIGHTS),
    **dict.fromkeys((".mlmodel", ".mlpackage", ".engine", ".trt", ".npz"), Container.OTHER_WEIGHTS),
}
_CONTAINERS[".zip"] = Container.ARCHIVE
# Files with a suffix of weights that are something else.
_FOREIGN = re.compile(r"(^|/)(openvino_[^/]*\.bin|[^/]*\.onnx\.data|weights\.pb|weight\.bin)$|\.(mlpackage|mlmodelc)/")
_TRAINING_STATE = re.compile(
    r"(^|/)(optimizer|scheduler|scaler|training_args|rng_state|random_states|trainer_state)([._-][^/]*)?\.\w+$"
)
_SHARD = re.compile(r"-(\d{5})-of-(\d{5})")
_INDEX = re.compile(r"\.(safetensors|bin)\.index(\.[\w-]+)?\.json$")

# Words are between separators; the first row that matches counts.
_W = r"(?:^|[-_. +(\[]|(?<=pruned))"
_E = r"(?=$|[-_. +)\]]|fix|fp(?:16|32))"
_PRECISIONS = (
    ("fp8", re.compile(rf"{_W}(?:fp8|float8|e4m3fn?|e5m2)(?:[-_]?e\dm\d\w*)?{_E}")),
    ("bf16", re.compile(rf"{_W}(?:bf16|bfloat16){_E}")),
    ("fp16", re.compile(rf"{_W}(?:fp16|f16|float16|half|16bit){_E}")),
    ("fp32", re.compile(rf"{_W}(?:fp32|f32|float32|32bit){_E}")),
)
_SETS = (
    (WeightSet.NON_EMA, re.compile(rf"{_W}(?:non?[-_]?ema(?:[-_]?only)?){_E}")),
    (WeightSet.EMA_ONLY, re.compile(rf"{_W}(?:ema[-_]?only){_E}")),
    (WeightSet.FULL, re.compile(rf"{_W}full(?:[-_]ema)?{_E}")),
    (WeightSet.EMA_ONLY, re.compile(rf"{_W}ema{_E}")),
    (WeightSet.PRUNED, re.compile(rf"{_W}pruned{_E}")),
)
_VARIANT_WORDS = re.compile(
    rf"{_W}(?:fp8|float8|e4m3fn?|e5m2|bf16|bfloat16|fp16|f16|float16|half|16bit|fp32|f32|float32|32bit"
    rf"|non?[-_]?ema(?:[-_]?only)?|ema[-_]?only|ema|full|pruned|safetensors|ckpt){_E}"
)

# Side files: models that accompany the one that a repository is about.
# Each row: the kind, words of a name, words of a folder.
_SIDE_WORDS = (
    ("vae", r"vae|ae|kl-f8|autoencoder", r"vaes?"),
    ("lora", r"(?:lora|locon|loha|lokr|lycoris|dora)s?", r"(?:lora|lycoris)s?"),
    ("embedding", r"emb(?:edding)?|learned_embeds", r"embeddings?|textual[-_]inversions?"),
    ("hypernetwork", r"hypernetwork", r"hypernetworks?"),
    ("controlnet", r"control|controlnet|t2iadapter", r"controlnets?"),
    ("text encoder", r"t5xxl|clip_[lg]|text_encoders?", r"text_encoders?|clip|t5"),
    ("refiner", r"refiner", r"refiner"),
)
# "with_vae", "baked_vae" and "no_vae" describe a checkpoint, not a VAE.
_SIDE_ROLES = tuple(
    (
        role,
        re.compile(
            rf"(?<!with)(?<!baked)(?<!no)(?:^|[-_. /])(?:{words})(?=$|[-_. ])(?![-_. ]baked)|(?:^|/)(?:{folders})/"
        ),
    )
    for role, words, folders in _SIDE_WORDS
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """The traits of one file. `model` is its name without the words for container, variant and shard: files with the
    same folder and `model` are variants of one model.
    """

    container: Container
    folder: str
    model: str
    weight_set: WeightSet
    precision: str | None
    shard: tuple[int, int] | None
    side_role: str | None
    training_state: bool

    @property
    def is_weights(self) -> bool:
        """Whether this may be a model file that an image generation program loads."""
        loads = self.container in (Container.SAFETENSORS, Container.GGUF, Container.PICKLE)
        return loads and not self.training_state

    @property
    def summary(self) -> str:
        """The traits in a few words, for a table: "fp16 emaonly safetensors"."""
        named = "" if self.weight_set is WeightSet.PLAIN else self.weight_set.value
        return " ".join(word for word in (self.side_role, self.precision, named, self.container.value) if word)


def find_side_role(words: str) -> str | None:
    """Return the kind of side file that a name or path states, None where it states none."""
    return next((role for role, pattern in _SIDE_ROLES if pattern.search(words.lower())), None)


def is_index(name: str) -> bool:
    """Return whether a file is the index of a sharded model."""
    return _INDEX.search(name) is not None


@lru_cache(maxsize=8192)
def _from_name(name: str) -> Traits:
    folder, _, base = name.rpartition("/")
    stem, dot, suffix = base.rpartition(".")
    if not dot:
        stem, suffix = base, ""
    lower = name.lower()
    container = _CONTAINERS.get(f".{suffix.lower()}", Container.NOT_WEIGHTS)
    if container is not Container.NOT_WEIGHTS and _FOREIGN.search(lower):
        container = Container.OTHER_WEIGHTS
    shard = _SHARD.search(stem)
    words = _SHARD.sub("", stem.lower())
    path_words = f"{folder.lower()}/{words}" if folder else words
    return Traits(
        container=container,
        folder=folder,
        model=_model_name(words),
        weight_set=next((kind for kind, pattern in _SETS if pattern.search(words)), WeightSet.PLAIN),
        precision=next((kind for kind, pattern in _PRECISIONS if pattern.search(words)), None),
        shard=(int(shard[1]), int(shard[2])) if shard else None,
        side_role=find_side_role(words) or find_side_role(path_words),
        training_state=bool(_TRAINING_STATE.search(lower)),
    )


def _model_name(words: str) -> str:
    words = words.removeprefix("pytorch_") if words.startswith("pytorch_model") else words
    previous = ""
    while previous != words:
        previous, words = words, _VARIANT_WORDS.sub("", words, count=1)
    return words.strip("-_. +") or previous


def is_set_named(file: RemoteFile) -> bool:
    """Return whether the file's own name states its weight set, and not its source alone."""
    return _from_name(file.name).weight_set is not WeightSet.PLAIN


_SOURCE_SETS = {"full": WeightSet.FULL, "pruned": WeightSet.PRUNED}
# Civitai's kinds for the file that a version is about; the others (VAE, Config, Training Data …) accompany it.
_MAIN_KINDS = frozenset({"", "Model", "Pruned Model"})
_ARCHIVE_KIND = "Archive"
_WEIGHT_KINDS = {"VAE": "vae", "Negative": "embedding", "Text Encoder": "text encoder", "UNet": None}


def read_traits(file: RemoteFile) -> Traits:
    """Return a file's traits by its name and its source's statements; a statement overrides the name."""
    found = _from_name(file.name)
    if not (file.kind or file.facts):
        return found
    container, role = found.container, found.side_role
    if file.kind not in _MAIN_KINDS:
        role = _WEIGHT_KINDS.get(file.kind)
        if file.kind not in _WEIGHT_KINDS and not (file.kind == _ARCHIVE_KIND and container is Container.ARCHIVE):
            container = Container.NOT_WEIGHTS
    elif file.kind:
        role = None
    weight_set = found.weight_set
    if weight_set is WeightSet.PLAIN:
        weight_set = _SOURCE_SETS.get(file.facts.get("size", ""), weight_set)
    return Traits(
        container=container,
        folder=found.folder,
        model="" if file.kind in _MAIN_KINDS and file.kind else found.model,
        weight_set=weight_set,
        precision=found.precision or file.facts.get("fp") or None,
        shard=found.shard,
        side_role=role,
        training_state=found.training_state,
    )
