"""Refusals of remote files: pickles, which can run code, and files that a source's malware scan reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from modelhub.errors import Remedy
from modelhub.fetch.choice.criteria import FileCriteria
from modelhub.fetch.choice.name_traits import Container, Traits
from modelhub.fetch.fetcher import RemoteFile

_UNSAFE_VERDICTS = frozenset({"unsafe", "infected", "danger", "dangerous", "malicious", "virus"})


class RefusalCause(StrEnum):
    """A kind of reason why a file must not be taken."""

    UNSAFE_SCAN = "unsafe scan"
    SAFETENSORS_AVAILABLE = "safetensors available"
    PICKLE = "pickle"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """The reason why one file must not be taken, as a clause, and what to do instead. `cause` is its kind."""

    cause: RefusalCause
    reason: str
    remedy: Remedy


def weights_key(traits: Traits) -> tuple[object, ...]:
    """Return what files that hold the same weights in different containers have in common."""
    return traits.folder, traits.model, traits.weight_set, traits.precision


def is_unsafe(file: RemoteFile) -> bool:
    """Return whether the source's own malware scan found something."""
    return bool(file.scan) and str(file.scan).lower() in _UNSAFE_VERDICTS


def find_refusal(
    file: RemoteFile,
    traits: Traits,
    criteria: FileCriteria,
    *,
    safetensors: Mapping[tuple[object, ...], RemoteFile],
    page: str | None,
) -> Refusal | None:
    """Return why `criteria` do not allow a file, None where they do.

    `safetensors` are the repository's safe files by `weights_key`; `page` is the source's page about the model.
    """
    if is_unsafe(file):
        return Refusal(
            cause=RefusalCause.UNSAFE_SCAN,
            reason=f"the source's malware scan reports it as {str(file.scan).lower()}",
            remedy=Remedy(f"Do not use it. See {page}." if page else "Do not use it."),
        )
    if traits.container is not Container.PICKLE:
        return None
    safe = safetensors.get(weights_key(traits))
    if safe is not None:
        return Refusal(
            cause=RefusalCause.SAFETENSORS_AVAILABLE,
            reason=f"a pickle; the same weights are in {safe.name}",
            remedy=Remedy(f"Take {safe.name} instead."),
        )
    if criteria.accepts_pickle:
        return None
    reason = f"a pickle can run code when it is loaded (its malware scan reports {file.scan})"
    if not file.scan:
        reason = "a pickle can run code when it is loaded (not scanned by its source)"
    return Refusal(
        cause=RefusalCause.PICKLE,
        reason=reason,
        remedy=ALLOW_PICKLE,
    )


ALLOW_PICKLE = Remedy(
    "Convert it into safetensors, which runs nothing, or allow pickles: each is scanned before it is kept.",
    "allow-pickle",
)
