"""The files that a diffusers folder needs, in one precision: `model_index.json`, and of each component its
configuration and one set of weights.

Names: https://huggingface.co/docs/diffusers/using-diffusers/other-formats#safetensors, variants
(`diffusion_pytorch_model.fp16.safetensors`) and shards (`…-00001-of-00003…` with an index) as the library writes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from modelhub.errors import NotFoundError, UsageError
from modelhub.fetch.choice.choice import FileChoice, Refusals, identity, readable_size
from modelhub.fetch.choice.criteria import FileCriteria
from modelhub.fetch.choice.name_traits import Container, WeightSet, is_index, traits
from modelhub.fetch.choice.refusals import refused_error
from modelhub.fetch.choice.single_files import Bundle, bundle_files
from modelhub.fetch.fetcher import RemoteFile, RemoteModel

_INDEX = "model_index.json"
_SETTINGS = (".json", ".txt", ".model", ".vocab", ".jinja", ".spm")
_PRECISION_FOR = {"render": "fp16", "train": None}


def roots(files: Iterable[RemoteFile]) -> list[str]:
    """The folders that hold a `model_index.json`, the top ("") first."""
    found = [file.name.rpartition("/")[0] for file in files if file.name.rpartition("/")[2] == _INDEX]
    return sorted(found, key=lambda folder: (folder.count("/") + bool(folder), folder))


def components(model: RemoteModel, files: Sequence[RemoteFile], root: str) -> set[str]:
    """The component folders (full paths) of the pipeline at `root`.

    What `model_index.json` names where that is known, else the folders with a configuration of their own.
    """
    prefix = f"{root}/" if root else ""
    if model.components and not root:
        return set(model.components)
    found = set()
    for file in files:
        folder, _, base = file.name.removeprefix(prefix).rpartition("/")
        if file.name.startswith(prefix) and folder and "/" not in folder and base.endswith(".json"):
            found.add(prefix + folder)
    return found


def inside_components(model: RemoteModel, files: Sequence[RemoteFile]) -> set[tuple[str, str]]:
    """Identities of all files that lie in component-like folders of any pipeline of the repository."""
    inside: set[tuple[str, str]] = set()
    for root in roots(files):
        prefix = f"{root}/" if root else ""
        named = components(model, files, root) | components(_without_index(model), files, root)
        for file in files:
            folder = file.name.rpartition("/")[0]
            first = prefix + folder.removeprefix(prefix).split("/")[0]
            if folder and file.name.startswith(prefix) and first in named:
                inside.add(identity(file))
    return inside


def _without_index(model: RemoteModel) -> RemoteModel:
    return RemoteModel(kind=model.kind, reference=model.reference, title=model.title, files=())


def choose_pipeline(
    model: RemoteModel, files: Sequence[RemoteFile], criteria: FileCriteria, refused: Refusals
) -> FileChoice:
    """Exactly the files that the diffusers folder of `files` needs.

    Raises NotFoundError where there is none, UsageError where there are several, UnsafeError where a component's
    weights are to be had only as refused files.
    """
    found = roots(files)
    if not found:
        raise NotFoundError(f"{model.reference} holds no diffusers folder.", "Leave out --diffusers, or see --dry-run.")
    if found[0] and len(found) > 1:
        hint = f"Name one: `modelhub pull {model.reference}/{found[0]} --diffusers`."
        raise UsageError(f"{model.reference} holds several diffusers folders: {', '.join(found)}.", hint)
    root = found[0]
    preferred = criteria.precision if criteria.precision else _PRECISION_FOR.get(criteria.purpose)
    taken = [file for file in files if file.name == (f"{root}/{_INDEX}" if root else _INDEX)]
    used: set[str] = set()
    for component in sorted(components(model, files, root)):
        inside = [file for file in files if file.name.startswith(f"{component}/")]
        taken += _settings(inside)
        unit = _weights(model, component, inside, preferred, refused)
        if unit is not None:
            taken += [file for file in unit.files if file not in taken]
            used.add(unit.traits.precision or "default precision")
    size = readable_size(sum(file.size or 0 for file in taken))
    reason = f"the diffusers folder, {' and '.join(sorted(used)) or 'without weights'}: {len(taken)} files, {size}"
    return FileChoice(files=tuple(taken), layout="diffusers", reason=reason, root=root)


def _settings(inside: Iterable[RemoteFile]) -> list[RemoteFile]:
    return [file for file in inside if file.name.lower().endswith(_SETTINGS) and not is_index(file.name)]


def _weights(
    model: RemoteModel, component: str, inside: Sequence[RemoteFile], preferred: str | None, refused: Refusals
) -> Bundle | None:
    """The one set of weights to take of a component; None for those that have none (a tokenizer, a scheduler)."""
    units = [unit for unit in bundle_files(inside) if unit.traits.folder == component and _is_main(unit)]
    if not units and any(traits(file).container is not Container.NOT_WEIGHTS for file in inside):
        message = f"{model.reference}: `{component}` holds only incomplete weights or ones for other frameworks."
        raise NotFoundError(message, "Choose a single file with --file, or look for another repository.")
    allowed = [unit for unit in units if not any(identity(file) in refused for file in unit.files)]
    if units and not allowed:
        raise refused_error(model, [file for unit in units for file in unit.files], refused)
    return min(allowed, key=lambda unit: _rank(unit, preferred), default=None)


def _is_main(unit: Bundle) -> bool:
    name = unit.files[0].name.rpartition("/")[2].lower()
    return name.startswith(("diffusion_pytorch_model", "pytorch_model", "model", "diffusion_model"))


def _rank(unit: Bundle, preferred: str | None) -> tuple[int, ...]:
    about = unit.traits
    fits = about.precision == preferred or (preferred == "fp32" and about.precision is None)
    return (
        int(about.container is not Container.SAFETENSORS),
        int(about.weight_set is not WeightSet.PLAIN),
        0 if fits else 1 if about.precision is None else 2,
        int(unit.sharded),
        unit.size,
    )
