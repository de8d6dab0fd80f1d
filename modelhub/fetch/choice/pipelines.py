"""Diffusers folders: `model_index.json`, and of each component its configuration and one set of weights.

Names: https://huggingface.co/docs/diffusers/using-diffusers/other-formats#safetensors, variants
(`diffusion_pytorch_model.fp16.safetensors`) and shards (`…-00001-of-00003…` with an index) as the library writes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from modelhub.errors import NotFoundError, Remedy, UsageError
from modelhub.fetch.choice.bundles import Bundle, make_bundles
from modelhub.fetch.choice.criteria import FileCriteria, Purpose
from modelhub.fetch.choice.name_traits import Container, WeightSet, is_index
from modelhub.fetch.choice.options import Option, refused_error
from modelhub.fetch.fetcher import RemoteModel

_INDEX = "model_index.json"
_SETTINGS = (".json", ".txt", ".model", ".vocab", ".jinja", ".spm")
_MAIN_NAMES = ("diffusion_pytorch_model", "pytorch_model", "model", "diffusion_model")
_PRECISION_FOR = {Purpose.RENDER: "fp16", Purpose.TRAIN: None}


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineFiles:
    """The files of one diffusers folder at `root` ("" for the top), in the given precisions."""

    root: str
    options: tuple[Option, ...]
    precisions: tuple[str, ...]


def find_roots(options: Iterable[Option]) -> list[str]:
    """Return the folders that hold a `model_index.json`, the top ("") first."""
    found = [option.name.rpartition("/")[0] for option in options if option.name.rpartition("/")[2] == _INDEX]
    return sorted(found, key=lambda folder: (folder.count("/") + bool(folder), folder))


def find_inside(model: RemoteModel, options: Sequence[Option]) -> set[Option]:
    """Return the options that are in a component's folder of any pipeline of the repository."""
    inside: set[Option] = set()
    for root in find_roots(options):
        prefix = f"{root}/" if root else ""
        components = _components(model, options, root) | _configured_folders(options, root)
        for option in options:
            folder = option.name.rpartition("/")[0]
            first = prefix + folder.removeprefix(prefix).split("/")[0]
            if folder and option.name.startswith(prefix) and first in components:
                inside.add(option)
    return inside


def _components(model: RemoteModel, options: Iterable[Option], root: str) -> set[str]:
    """Return the component folders (full paths): those in `model_index.json` where that is known."""
    if model.components and not root:
        return set(model.components)
    return _configured_folders(options, root)


def _configured_folders(options: Iterable[Option], root: str) -> set[str]:
    """Return the folders in `root` that have a configuration of their own."""
    prefix = f"{root}/" if root else ""
    found = set()
    for option in options:
        folder, _, base = option.name.removeprefix(prefix).rpartition("/")
        if option.name.startswith(prefix) and folder and "/" not in folder and base.endswith(".json"):
            found.add(prefix + folder)
    return found


def pick_pipeline(model: RemoteModel, options: Sequence[Option], criteria: FileCriteria) -> PipelineFiles:
    """Return exactly the files that the diffusers folder of `options` needs.

    Raise NotFoundError where there is none, UsageError where there are several, UnsafeError where a component's
    weights are available only as refused files.
    """
    root = _only_root(model, options)
    preferred = criteria.precision or _PRECISION_FOR[criteria.purpose]
    taken = [option for option in options if option.name == (f"{root}/{_INDEX}" if root else _INDEX)]
    precisions: set[str] = set()
    for component in sorted(_components(model, options, root)):
        inside = [option for option in options if option.name.startswith(f"{component}/")]
        taken += _settings(inside)
        bundle = _pick_weights(model, component, inside, preferred)
        if bundle is not None:
            taken += [option for option in bundle.options if option not in taken]
            precisions.add(bundle.traits.precision or "default precision")
    return PipelineFiles(root=root, options=tuple(taken), precisions=tuple(sorted(precisions)))


def _only_root(model: RemoteModel, options: Sequence[Option]) -> str:
    found = find_roots(options)
    if not found:
        raise NotFoundError(
            f"{model.reference} has no diffusers folder.", Remedy("Choose a single file instead.", "no-diffusers")
        )
    if found[0] and len(found) > 1:
        raise UsageError(
            f"{model.reference} has several diffusers folders: {', '.join(found)}.",
            Remedy(
                f"Name one of them: {model.reference}/{found[0]}.",
                "name-diffusers-folder",
                {"reference": f"{model.reference}/{found[0]}"},
            ),
        )
    return found[0]


def _settings(inside: Iterable[Option]) -> list[Option]:
    return [option for option in inside if option.name.lower().endswith(_SETTINGS) and not is_index(option.name)]


def _pick_weights(model: RemoteModel, component: str, inside: Sequence[Option], preferred: str | None) -> Bundle | None:
    """Return the one set of weights to take of a component, None for one without any (a tokenizer, a scheduler)."""
    bundles = [
        bundle
        for bundle in make_bundles(inside)
        if bundle.traits.folder == component and bundle.name.rpartition("/")[2].lower().startswith(_MAIN_NAMES)
    ]
    if not bundles and any(option.traits.container is not Container.NOT_WEIGHTS for option in inside):
        raise NotFoundError(
            f"{model.reference}: `{component}` has only incomplete weights or weights for other frameworks.",
            Remedy("Choose a single file, or look for another repository.", "component-without-weights"),
        )
    allowed = [bundle for bundle in bundles if bundle.is_allowed]
    if bundles and not allowed:
        raise refused_error(model, [option for bundle in bundles for option in bundle.options])
    return min(allowed, key=lambda bundle: _rank(bundle, preferred), default=None)


def _rank(bundle: Bundle, preferred: str | None) -> tuple[int, ...]:
    traits = bundle.traits
    fits = traits.precision == preferred or (preferred == "fp32" and traits.precision is None)
    return (
        int(traits.container is not Container.SAFETENSORS),
        int(traits.weight_set is not WeightSet.PLAIN),
        0 if fits else 1 if traits.precision is None else 2,
        int(bundle.is_sharded),
        bundle.size,
    )
