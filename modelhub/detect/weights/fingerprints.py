"""Digests of the networks in a file, equal for equal weights whatever the container, names, order and precision.

Three digests per component, from strict to lenient:

- `exact`: the stored bytes and data types. Equal: bit for bit the same weights.
- `rounded`: values rounded to fp16 (to nearest even, as torch and numpy do). Equal: an fp32 original and its fp16
  copy, or either of them saved again as fp32. Not equal for bf16 copies: bf16 keeps 8 of fp16's 11 significant bits,
  and no rounding afterwards brings the original's fp16 values back.
- `signs`: only each value's sign bit. No rounding changes it, also none to bf16 or fp8 (what becomes zero keeps its
  sign), while any training step or merge flips some of many millions. Equal: the same weights, in whatever precision,
  or a copy of which parts were scaled, even by zero.

Each tensor's digest is BLAKE3 of its canonical name, shape and bytes; a component's is that of its tensors' sorted
digests. `rounded` needs numpy for tensors that are not fp16 and is None without it; the others never do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from blake3 import blake3

from modelhub.detect.weights.canonical_names import TensorNaming
from modelhub.detect.weights.spans import RangeSplitter, Span, overlaps_too_much
from modelhub.detect.weights.tensor_digests import TensorDigest

VERSION = 1  # part of every digest: digests of different rules never compare as equal
WHOLE = "weights"  # the component that stands for all tensors together


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentDigest:
    """The fingerprint of one component: "unet", "unet_ema", "vae", "text_encoder", "text_encoder_2" …, or `WHOLE`.

    Digests are 64 hex digits; `size` is in bytes. `rounded` is None where it could not be computed.
    """

    component: str
    exact: str
    rounded: str | None
    signs: str
    tensors: int
    size: int


class FingerprintSink:
    """A sink for a file's bytes in order that computes the digests of the tensors at `spans`.

    `model`: the spans of all files of the model where it has several (shards, a diffusers folder with names such as
    `unet/conv_in.weight`), since a name's meaning depends on the others.
    """

    def __init__(self, spans: Sequence[Span], *, model: Iterable[Span] | None = None) -> None:
        naming = TensorNaming({span.name: span.shape for span in (spans if model is None else model)})
        sound = () if overlaps_too_much(spans) else spans
        self._stream = RangeSplitter(part for span in sound for part in _tensors_of(span, naming))
        self._done: list[TensorDigest] = []

    def feed(self, data: memoryview, offset: int) -> None:
        for tensor, piece, ends in self._stream.pieces(data, offset):
            tensor.feed(piece)
            if ends:
                self._finish(tensor)

    def _finish(self, tensor: TensorDigest) -> None:
        tensor.finish()
        self._done.append(tensor)

    def finished(self) -> list[TensorDigest]:
        """Return the tensors of which all bytes were fed."""
        for tensor in self._stream.empty_at_end():
            self._finish(tensor)
        return self._done

    @property
    def unfinished(self) -> frozenset[str]:
        """Components with a tensor that ends beyond the bytes that were fed."""
        return frozenset(tensor.component for tensor in self._stream.unfinished)


def component_digests(*sinks: FingerprintSink) -> tuple[ComponentDigest, ...]:
    """Return the components of a model by name, then `WHOLE`, from the sinks of all its files once they have been fed.

    A component that is not complete in the files is left out, and so is then `WHOLE`.
    """
    groups: dict[str, list[TensorDigest]] = {}
    for tensor in (tensor for sink in sinks for tensor in sink.finished()):
        groups.setdefault(tensor.component, []).append(tensor)
    cut = frozenset(name for sink in sinks for name in sink.unfinished)
    found = [_combine(name, groups[name]) for name in sorted(groups) if name not in cut]
    if not found:
        return ()
    whole = () if cut else (_whole(found),)
    return tuple(digest for digest in found if digest.component != "rest") + whole


def _combine(component: str, tensors: list[TensorDigest]) -> ComponentDigest:
    rounded = [tensor.rounded() for tensor in tensors]
    return ComponentDigest(
        component=component,
        exact=_joined(tensor.exact() for tensor in tensors),
        rounded=None if None in rounded else _joined(digest for digest in rounded if digest is not None),
        signs=_joined(tensor.signs() for tensor in tensors),
        tensors=len(tensors),
        size=sum(tensor.end - tensor.start for tensor in tensors),
    )


def _whole(parts: Sequence[ComponentDigest]) -> ComponentDigest:
    def over(kind: str) -> str | None:
        digests = [(_role(part.component), getattr(part, kind)) for part in parts]
        if any(digest is None for _, digest in digests):
            return None
        return _joined(f"{role}\0{digest}".encode() for role, digest in digests)

    return ComponentDigest(
        component=WHOLE,
        exact=over("exact") or "",
        rounded=over("rounded"),
        signs=over("signs") or "",
        tensors=sum(part.tensors for part in parts),
        size=sum(part.size for part in parts),
    )


def _role(component: str) -> str:
    """Return one role for all text encoders: their numbers differ between layouts (SDXL's refiner)."""
    return "text_encoder" if component.startswith("text_encoder") else component


def _joined(digests: Iterable[bytes]) -> str:
    return str(blake3(f"{VERSION}\0".encode() + b"".join(sorted(digests))).hexdigest())


def _tensors_of(span: Span, naming: TensorNaming) -> list[TensorDigest]:
    place = naming.canonical_name(span.name)
    if place is None:
        return []
    parts = place.parts
    if not parts or not span.shape or span.shape[0] % len(parts) or span.length % len(parts):
        return [TensorDigest(span.dtype, place, place.name or span.name, span.shape, span.offset, span.length)]
    shape, length = (span.shape[0] // len(parts), *span.shape[1:]), span.length // len(parts)
    return [
        TensorDigest(span.dtype, place, name, shape, span.offset + index * length, length)
        for index, name in enumerate(parts)
    ]
