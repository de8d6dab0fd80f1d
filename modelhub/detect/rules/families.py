"""The architecture of files without a denoising network: VAEs, text encoders, embeddings, hypernetworks, adapters."""

from __future__ import annotations

from collections.abc import Callable

from modelhub.detect.rules.architectures import ArchitectureAnswer, network_architecture
from modelhub.detect.rules.header_index import HeaderIndex
from modelhub.domain import ModelType

_SD = ("sd1", "sd2", "sdxl")
# Channels of the latent → families whose VAE has them; the first is the answer for a tiny decoder.
LATENTS = {4: _SD, 16: ("flux", "sd3"), 32: ("flux2",)}


def _among(candidates: tuple[str, ...], reason: str) -> ArchitectureAnswer:
    if len(candidates) == 1:
        return ArchitectureAnswer(candidates[0], (), (reason,))
    return ArchitectureAnswer(None, candidates, (reason,))


def vae_architecture(index: HeaderIndex) -> ArchitectureAnswer:
    """Return candidates for SD 1, SD 2 and SDXL, whose VAEs are equal; latent channels and layers show the others."""
    if index.has("vae:temporal"):
        return _among(("svd",), "a decoder with layers over time")
    if index.has("vae:wan"):
        return _among(("wan", "qwen-image"), "Wan's causal 3-D layers, which Qwen-Image shares")
    if index.has("vae:ltx"):
        return _among(("ltx-video",), "LTX-Video's layer names")
    if index.has("vae:dc"):
        return _among(("sana",), "deep-compression autoencoder stages")
    if index.has("vae:vq") and not index.has("vae:quant"):
        return _among(("stable-cascade",), "a vector quantizer")
    latent = index.width("latent") | index.width("approx.latent")
    families = next((LATENTS[n] for n in sorted(latent) if n in LATENTS), ())
    reason = f"latent with {', '.join(map(str, sorted(latent)))} channels"
    if index.has("vae:tiny") and families:
        # TAESD is made for SD 1 and 2, TAEF1 for FLUX; TAESDXL and TAESD3 look the same, hence the candidates.
        return ArchitectureAnswer(families[0], families, (f"tiny autoencoder, {reason}",))
    return _among(families, reason) if families else ArchitectureAnswer()


_VECTORS: dict[frozenset[int], tuple[str, ...]] = {
    frozenset({768}): ("sd1",),
    frozenset({1024}): ("sd2",),
    frozenset({1280}): ("sdxl",),
    frozenset({768, 1280}): ("sdxl",),
    frozenset({768, 4096}): ("flux",),
    frozenset({4096}): ("flux", "sd3"),
    frozenset({768, 1280, 4096}): ("sd3",),
}


def embedding_architecture(index: HeaderIndex) -> ArchitectureAnswer:
    """Return the architecture by the width of the vectors: CLIP-L 768, OpenCLIP-H 1024, CLIP-G 1280, T5 4096."""
    widths = index.width("vector")
    shown = " + ".join(map(str, sorted(widths)))
    if widths == {768} and index.any("embedding:clip_l", "embedding:text_encoders_0"):
        return _among(("sdxl", "flux", "sd3"), "a vector for CLIP-L alone, of a model with several encoders")
    return _among(_VECTORS.get(widths, ()), f"vector width {shown}")


def hypernetwork_architecture(index: HeaderIndex) -> ArchitectureAnswer:
    """Return the architecture by the layer widths, of which the context's width is one."""
    sizes = {int(s.partition(":")[2]) for s in index.signs if s.startswith("hyper:")}
    contexts = {768: "sd1", 1024: "sd2", 2048: "sdxl"}
    found = tuple(name for size, name in contexts.items() if size in sizes)
    reason = f"layers for widths {', '.join(map(str, sorted(sizes)))}"
    if found:
        return _among(found, reason)
    known = sizes and sizes <= {320, 640, 1280}
    return _among(("sd1", "sd2") if 320 in sizes else _SD, reason) if known else ArchitectureAnswer(None, (), (reason,))


_CLIP_WIDTHS = {768: ("sd1", "sdxl", "sd3", "flux"), 1024: ("sd2",), 1280: ("sdxl", "sd3")}
_LLM_WIDTHS = {2304: ("lumina2",), 2560: ("z-image",), 3584: ("qwen-image",)}


def text_encoder_architecture(index: HeaderIndex) -> ArchitectureAnswer:
    """Return the families that use this text encoder."""
    widths = index.width("te.width") | index.width("te2.width") | index.width("te3.width")
    if index.has("te:t5"):
        return _among(("flux", "sd3", "pixart"), "T5, which several families share")
    table = _LLM_WIDTHS if index.has("te:llm") else _CLIP_WIDTHS
    found = next((table[w] for w in sorted(widths) if w in table), ())
    return _among(found, f"text encoder width {', '.join(map(str, sorted(widths)))}") if found else ArchitectureAnswer()


def lora_architecture(index: HeaderIndex) -> ArchitectureAnswer:
    """Return a delta's base by the network's part; for text encoders alone by prefixes and widths."""
    if index.has("motion:modules"):
        return motion_architecture(index)
    network = _measured(index, network_architecture(index))
    texts = _text_delta(index)
    if not (network.architecture or network.candidates):
        return texts or network
    if network.architecture or texts is None:
        return network
    both = tuple(a for a in network.candidates if a in (texts.candidates or (texts.architecture,)))
    if not both:
        return network
    return _among(both, "; ".join((*network.reasons, *texts.reasons)))


def _measured(index: HeaderIndex, answer: ArchitectureAnswer) -> ArchitectureAnswer:
    """Choose SD 1 where deltas of cross-attention hide the context's width, in which alone SD 1 and SD 2 differ.

    IA3 and orthogonal deltas do. Nearly all such files are made for SD 1; the candidates stay visible."""
    if answer.candidates == ("sd1", "sd2") and index.has("cross") and not index.width("context"):
        reason = "deltas that do not show the context's width: SD 1 is by far more common; SD 2 would look the same"
        return ArchitectureAnswer("sd1", answer.candidates, (*answer.reasons, reason))
    return answer


def _text_delta(index: HeaderIndex) -> ArchitectureAnswer | None:
    first, second, third = (index.width(f"{s}.width") for s in ("te", "te2", "te3"))
    if second == {1280}:
        return _among(("sdxl",), "deltas for a second text encoder of width 1280")
    if 4096 in second or 4096 in third:
        return _among(("flux", "sd3"), "deltas for T5")
    if first == {1024}:
        return _among(("sd2",), "deltas for a text encoder of width 1024")
    if first == {1280}:
        return _among(("sdxl",), "deltas for a text encoder of width 1280")
    if first != {768}:
        return None
    if index.has("kohya") and not index.has("te-numbered"):
        return _among(("sd1",), "deltas for the only text encoder (lora_te_), width 768")
    numbered = ("sdxl", "sd3", "flux") if index.has("te-numbered") else ("sd1", "sdxl", "sd3", "flux")
    return _among(numbered, "deltas for CLIP-L, width 768")


def t2i_architecture(index: HeaderIndex) -> ArchitectureAnswer:
    """Return the base of a T2I adapter by its pixel-unshuffled inputs: 64·c or 192 (SD 1), 256·c or 768 (SDXL)."""
    channels = index.width("in_channels")
    if index.has("t2i:style") or channels & {64, 192}:
        return _among(("sd1",), "T2I adapter input for SD 1")
    return _among(("sdxl",), "T2I adapter input for SDXL") if channels & {256, 768} else ArchitectureAnswer()


def motion_architecture(index: HeaderIndex) -> ArchitectureAnswer:
    """Return the base of AnimateDiff modules: SD 1 has four levels, SDXL three, of which a few modules fit both."""
    levels = {s.partition(":")[2] for s in index.signs if s.startswith("motion-at:")}
    reason = "levels with motion modules"
    if levels & {"down.3", "up.3"}:
        return _among(("sd1",), reason)
    whole = levels >= {"down.0", "down.1", "down.2", "up.0", "up.1", "up.2"}
    return _among(("sdxl",) if whole else ("sd1", "sdxl"), reason)


def _redux(index: HeaderIndex) -> ArchitectureAnswer:
    return _among(("flux",), "FLUX Redux") if index.has("other:redux") else ArchitectureAnswer()


def _none(_facts: HeaderIndex) -> ArchitectureAnswer:
    return ArchitectureAnswer()


BY_TYPE: dict[ModelType, Callable[[HeaderIndex], ArchitectureAnswer]] = {
    ModelType.BASE: network_architecture,
    ModelType.UNET: network_architecture,
    ModelType.CONTROLNET: network_architecture,
    ModelType.IP_ADAPTER: network_architecture,
    ModelType.LORA: lora_architecture,
    ModelType.VAE: vae_architecture,
    ModelType.VAE_APPROX: vae_architecture,
    ModelType.EMBEDDING: embedding_architecture,
    ModelType.HYPERNETWORK: hypernetwork_architecture,
    ModelType.TEXT_ENCODER: text_encoder_architecture,
    ModelType.T2I_ADAPTER: t2i_architecture,
    ModelType.MOTION_MODULE: motion_architecture,
    ModelType.OTHER: _redux,
    ModelType.CLIP_VISION: _none,
    ModelType.UPSCALER: _none,
    ModelType.UNKNOWN: _none,
}
