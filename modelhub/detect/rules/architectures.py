"""The architecture of a denoising network. Rows have no order: one may fit, several are candidates."""

from __future__ import annotations

from dataclasses import dataclass

from modelhub.detect.rules.header_index import HeaderIndex
from modelhub.detect.rules.rows import FamilyRow
from modelhub.detect.rules.unets import UnetMatch, match_unet


def _hidden(*values: int) -> dict[str, frozenset[int]]:
    return {"hidden": frozenset(values)}


_NOT_FLUX = (
    "flux2:modulation",
    "flux2:fused",
    "chroma:guidance",
    "hunyuan-video:refiner",
    "hunyuan-video:names",
    "qwen:mod",
    "auraflow:joint",
    "sd3:joint",
    "anima:adapter",
)

FAMILIES = (
    # FLUX's single blocks are 7 widths out and 5 in; FLUX.2's, with gated layers, 9 and 4.
    FamilyRow(
        architecture="flux",
        one_of=("bfl:double", "bfl:single"),
        never=_NOT_FLUX,
        widths={**_hidden(3072), "bfl.linear1": frozenset({21504}), "bfl.linear2": frozenset({15360})},
    ),
    FamilyRow(
        architecture="flux",
        one_of=("mmdit:single",),
        never=(*_NOT_FLUX, "mmdit:double19", "mmdit:single38"),
        widths=_hidden(3072),
    ),
    FamilyRow(architecture="hunyuan-video", one_of=("mmdit:single38",), never=("auraflow:joint", "flux2:fused")),
    FamilyRow(architecture="flux2", one_of=("flux2:modulation", "flux2:fused")),
    FamilyRow(
        architecture="flux2",
        one_of=("bfl:double", "bfl:single"),
        never=(*_NOT_FLUX, "bfl:modulation"),
        widths=_hidden(4096, 6144),
        measured=("hidden",),
    ),
    FamilyRow(
        architecture="flux2",
        one_of=("bfl:single",),
        never=(*_NOT_FLUX, "bfl:modulation"),
        widths={**_hidden(3072), "bfl.linear1": frozenset({27648}), "bfl.linear2": frozenset({12288})},
        measured=("bfl.linear1", "bfl.linear2"),
    ),
    FamilyRow(architecture="chroma", one_of=("chroma:guidance",)),
    FamilyRow(architecture="hunyuan-video", one_of=("hunyuan-video:refiner", "hunyuan-video:names")),
    FamilyRow(architecture="qwen-image", one_of=("qwen:mod",), never=("hunyuan-video:names",)),
    # Deltas of attention alone fit FLUX's double blocks and Qwen-Image's: then both are candidates.
    FamilyRow(
        architecture="qwen-image",
        one_of=("mmdit:double",),
        never=("mmdit:single", "mmdit:ff", "mmdit:embedder", "auraflow:joint", "qwen:mod", "dit:cogvideo"),
        widths=_hidden(3072),
    ),
    FamilyRow(
        architecture="flux",
        one_of=("mmdit:double", "mmdit:ff"),
        never=(*_NOT_FLUX, "mmdit:single", "mmdit:double19", "bare-delta", "dit:cogvideo", "dit:attn1"),
        widths=_hidden(3072),
        measured=("hidden",),
    ),
    FamilyRow(architecture="sd3", one_of=("sd3:joint",)),
    FamilyRow(
        architecture="sd3",
        one_of=("mmdit:double", "mmdit:ff"),
        widths=_hidden(1536, 2432),
        never=("mmdit:single", "auraflow:joint", "qwen:mod", "dit:cogvideo"),
    ),
    FamilyRow(architecture="auraflow", one_of=("auraflow:joint", "auraflow:original")),
    FamilyRow(architecture="pixart", one_of=("pixart:original",)),
    FamilyRow(
        architecture="pixart",
        one_of=("dit:attn1",),
        never=("dit:linear-conv", "ltx:original", "dit:cogvideo"),
        widths=_hidden(1152),
    ),
    FamilyRow(
        architecture="ltx-video",
        one_of=("dit:attn1", "ltx:original"),
        never=("dit:linear-conv", "dit:cogvideo"),
        widths=_hidden(2048, 4096),
    ),
    FamilyRow(architecture="sana", one_of=("dit:linear-conv",)),
    FamilyRow(architecture="cogvideox", one_of=("dit:cogvideo",)),
    FamilyRow(architecture="hunyuan-dit", one_of=("hunyuan-dit:original", "hunyuan-dit:diffusers")),
    FamilyRow(architecture="lumina2", one_of=("lumina:blocks",), widths=_hidden(2304)),
    FamilyRow(architecture="z-image", one_of=("lumina:blocks",), widths=_hidden(3840)),
    FamilyRow(architecture="wan", one_of=("wan:blocks",), never=("cosmos:blocks",), widths=_hidden(1536, 3072, 5120)),
    # Anima is Cosmos-Predict2 with an adapter for its language model; deltas of the shared blocks are mostly Anima's.
    FamilyRow(architecture="anima", one_of=("anima:adapter",)),
    FamilyRow(architecture="anima", one_of=("cosmos:blocks",), never=("net:transformer",), widths=_hidden(2048)),
    FamilyRow(architecture="cosmos-predict2", one_of=("cosmos:blocks",), never=("anima:adapter", "delta")),
    FamilyRow(architecture="krea2", one_of=("krea2:blocks",)),
    FamilyRow(architecture="hidream", one_of=("hidream:blocks",)),
    FamilyRow(architecture="mochi", one_of=("mochi:blocks",)),
    FamilyRow(architecture="stable-cascade", one_of=("cascade:c", "cascade:b", "cascade:blocks")),
)

# Flow-matching families: what they predict follows from the architecture.
FLOW_FAMILIES = frozenset(
    {
        "sd3",
        "flux",
        "flux2",
        "chroma",
        "auraflow",
        "qwen-image",
        "lumina2",
        "z-image",
        "wan",
        "ltx-video",
        "hunyuan-video",
        "sana",
        "hidream",
        "mochi",
        "anima",
        "krea2",
    }
)


@dataclass(frozen=True, slots=True)
class ArchitectureAnswer:
    """One architecture, or candidates, or neither, with the reasons."""

    architecture: str | None = None
    candidates: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()


def _fits(row: FamilyRow, index: HeaderIndex) -> bool:
    return (
        index.any(*row.one_of)
        and not index.any(*row.never)
        and (not row.measured or any(index.width(subject) for subject in row.measured))
        and all(index.width(subject) <= allowed for subject, allowed in row.widths.items())
    )


def matching_families(index: HeaderIndex) -> tuple[str, ...]:
    """Return the architectures of all rows that fit."""
    if not index.groups & index.rules.network_groups:
        return ()
    return tuple(dict.fromkeys(row.architecture for row in index.rules.families if _fits(row, index)))


def network_architecture(index: HeaderIndex) -> ArchitectureAnswer:
    """Return the architecture that the denoising network's tensors, or the deltas for one, show."""
    transformers = matching_families(index)
    if len(transformers) == 1:
        return ArchitectureAnswer(transformers[0], (), (_reason(index, transformers[0]),))
    if transformers:
        return ArchitectureAnswer(None, transformers, ("block names and widths that these families share",))
    unet = match_unet(index)
    return _from_unet(unet) if unet else ArchitectureAnswer()


def _reason(index: HeaderIndex, architecture: str) -> str:
    signs = [
        s for row in index.rules.families if row.architecture == architecture for s in row.one_of if s in index.signs
    ]
    key = next((k for k in map(index.example, signs) if k), "its block names")
    hidden = index.width("hidden")
    return f"block names such as {key}, width {max(hidden)}" if hidden else f"block names such as {key}"


def _from_unet(unet: UnetMatch) -> ArchitectureAnswer:
    if len(unet.fits) == 1:
        return ArchitectureAnswer(unet.fits[0], (), unet.reasons)
    if unet.fits:
        return ArchitectureAnswer(None, unet.fits, unet.reasons or ("nothing in the file distinguishes these",))
    reasons = unet.reasons + (("these widths belong to no known model",) if unet.shape_like else ())
    return ArchitectureAnswer(None, unet.shape_like, reasons)
