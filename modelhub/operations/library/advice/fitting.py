"""Find what of the library fits a model: bases for an adapter or a VAE; VAEs and adapters for a base."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from modelhub.base_models import named_architecture
from modelhub.catalog import Catalog, ModelQuery, ModelRow, Term
from modelhub.detect.known.models import find_mentioned_model
from modelhub.domain import Detection, ModelRecord, ModelType

NEEDS_BASE = frozenset(
    (
        ModelType.VAE,
        ModelType.LORA,
        ModelType.EMBEDDING,
        ModelType.HYPERNETWORK,
        ModelType.CONTROLNET,
        ModelType.T2I_ADAPTER,
        ModelType.IP_ADAPTER,
    )
)
BASES = (ModelType.BASE, ModelType.UNET)
ADDONS = (ModelType.VAE, ModelType.LORA, ModelType.EMBEDDING, ModelType.HYPERNETWORK, ModelType.CONTROLNET)
# Architectures whose VAEs fit each other's bases.
_SAME_LATENTS = (frozenset(("sd1", "sd2")), frozenset(("sdxl", "sdxl-refiner")))


@dataclass(frozen=True, slots=True, kw_only=True)
class FittingAddons:
    """The models of one type that fit a base, smallest first; `query` finds them.

    `is_certain`: their files show that they do. Else they may be for another base with the same tensors.
    """

    type: ModelType
    names: tuple[str, ...]
    query: str
    is_certain: bool = True


def families_of(detection: Detection) -> tuple[str, ...]:
    """Return the architectures that a model fits."""
    return (detection.architecture,) if detection.architecture else detection.architecture_candidates


def family_of(detection: Detection) -> str:
    """Return the one architecture that a model fits, "" where there are several or none is known."""
    families = families_of(detection)
    return families[0] if len(families) == 1 else ""


def fitting_bases(record: ModelRecord, *, catalog: Catalog) -> tuple[str, ...]:
    """Return the names of the bases that a model works with, smallest first; none for a model that needs no base."""
    detection = record.detection
    if detection.type not in NEEDS_BASE:
        return ()
    rows = (row for family in families_of(detection) for row in _usable(catalog, "base", family))
    return tuple(dict.fromkeys(row.name for row in rows))


def fitting_addons(record: ModelRecord, *, catalog: Catalog) -> tuple[FittingAddons, ...]:
    """Return what of the library fits a base, by type; nothing for other models and for an unknown architecture."""
    family = family_of(record.detection)
    if record.detection.type not in BASES or not family:
        return ()
    found = []
    for kind in ADDONS:
        rows = list(_usable(catalog, kind.value, family))
        if kind is ModelType.VAE:
            rows = [row for row in rows if _shares_latents(row, family) is not False]
        certain = [row for row in rows if kind is not ModelType.VAE or _shares_latents(row, family)]
        found.append(
            FittingAddons(
                type=kind,
                names=tuple(row.name for row in certain or rows),
                query=f"type:{kind.value} arch:{family}",
                is_certain=bool(certain),
            )
        )
    return tuple(addons for addons in found if addons.names)


def _shares_latents(row: ModelRow, family: str) -> bool | None:
    """Return whether a VAE is for the latents of this family, None where neither its tensors nor its name show it.

    VAEs of SD 1.x, SD 2.x and SDXL have the same tensors, but not the same values.
    """
    group = next((group for group in _SAME_LATENTS if family in group), {family})
    if {row.architecture} <= group or (row.architecture_candidates and set(row.architecture_candidates) <= group):
        return True
    known = find_mentioned_model(row.name)
    named = known.architecture if known is not None else named_architecture(row.name)
    return named in group if named else None


def _usable(catalog: Catalog, kind: str, family: str) -> Iterable[ModelRow]:
    query = ModelQuery(terms=(Term("type", kind), Term("arch", family)), sort="size")
    return (row for row in catalog.list(query) if row.is_usable)
