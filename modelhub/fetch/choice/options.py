"""The options that a choice has: the files of a remote model, each examined once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from modelhub.errors import UnsafeError
from modelhub.fetch.choice.criteria import FileCriteria
from modelhub.fetch.choice.name_traits import Container, Traits, read_traits
from modelhub.fetch.choice.refusals import Refusal, find_refusal, is_unsafe, weights_key
from modelhub.fetch.fetcher import RemoteFile, RemoteModel


@dataclass(frozen=True, slots=True, eq=False)
class Option:
    """One file, what its name and its source state about it, and why it must not be taken (None where it may be)."""

    file: RemoteFile
    traits: Traits
    refusal: Refusal | None = None

    @property
    def name(self) -> str:
        """The file's path in the repository."""
        return self.file.name


def make_options(model: RemoteModel, criteria: FileCriteria) -> tuple[Option, ...]:
    """Return the files that the reference is about as options; those elsewhere only count as safe alternatives."""
    examined = [(file, read_traits(file)) for file in model.files]
    safetensors = {
        weights_key(traits): file
        for file, traits in examined
        if traits.container is Container.SAFETENSORS and not is_unsafe(file)
    }
    return tuple(
        Option(file, traits, find_refusal(file, traits, criteria, safetensors=safetensors, page=model.page))
        for file, traits in examined
        if _is_referenced(file, model)
    )


def _is_referenced(file: RemoteFile, model: RemoteModel) -> bool:
    return model.wanted is None or file.name == model.wanted or file.name.startswith(f"{model.wanted}/")


def allowed(options: Iterable[Option]) -> tuple[Option, ...]:
    """Return the options that may be taken."""
    return tuple(option for option in options if option.refusal is None)


def refused_error(model: RemoteModel, options: Sequence[Option]) -> UnsafeError:
    """Return the error for options of which none may be taken."""
    refused = [(option.name, option.refusal) for option in options if option.refusal is not None]
    name, refusal = refused[0]
    if len(refused) > 1:
        return UnsafeError(
            f"{model.reference}: {len(refused)} files are refused, the first of which is {name}: {refusal.reason}.",
            refusal.remedy,
        )
    return UnsafeError(f"{model.reference}: {name} is refused: {refusal.reason}.", refusal.remedy)
