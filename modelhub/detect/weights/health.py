"""Checks of a model's content: bad values, missing parts, and hashes in its metadata that are not true."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from modelhub.detect.weights.canonical_names import REST, TensorNaming, is_delta
from modelhub.detect.weights.finite import FLOATS, all_finite
from modelhub.detect.weights.key_sets import expected_names
from modelhub.detect.weights.position_ids import position_ids_problem
from modelhub.detect.weights.spans import RangeSplitter, Span, overlaps_too_much
from modelhub.domain import Architecture, ModelType

_NAMES_SHOWN = 3
_SMALL = 1 << 16  # bytes; real position_ids have 616
_HASH_FIELDS = ("sshs_model_hash", "modelspec.hash_sha256")
_WORDS = {
    "unet": "UNet",
    "unet_ema": "EMA copy of the UNet",
    "vae": "VAE",
    "text_encoder": "text encoder",
    "text_encoder_2": "second text encoder",
}
# Weights that only belong to some variants of an architecture, and stand beside its own.
_ALSO_FINE = ("depth_model.", "embedding_manager.")


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthReport:
    """The findings on one model. `problems` are sentences, worst first; the other fields hold what they are about.

    `nan_tensors`: with NaN or infinite values. `zero_tensors`: nothing but zeros (normal for biases).
    `truncated_tensors`: end beyond the file. `missing_keys` and `extra_keys` are canonical names by component
    ("unet: out.2.weight"); `missing_components` the parts that a whole checkpoint has and this one lacks.
    """

    problems: tuple[str, ...] = ()
    nan_tensors: tuple[str, ...] = ()
    zero_tensors: tuple[str, ...] = ()
    truncated_tensors: tuple[str, ...] = ()
    missing_components: tuple[str, ...] = ()
    missing_keys: tuple[str, ...] = ()
    extra_keys: tuple[str, ...] = ()
    hash_mismatches: tuple[str, ...] = ()

    @property
    def healthy(self) -> bool:
        """Whether nothing was found."""
        return not self.problems


class HealthSink:
    """A sink for a file's bytes in order that checks the values of the tensors at `spans`."""

    def __init__(self, spans: Sequence[Span]) -> None:
        self.spans = tuple(spans)
        self.overlapping = overlaps_too_much(spans)
        self.tensors = () if self.overlapping else tuple(_TensorValues(span) for span in spans)
        self._stream = RangeSplitter(self.tensors)

    def feed(self, data: memoryview, offset: int) -> None:
        for tensor, piece, _ in self._stream.pieces(data, offset):
            tensor.feed(piece)

    @property
    def cut(self) -> tuple[str, ...]:
        """Tensors of which bytes are missing at the file's end."""
        return tuple(sorted(tensor.span.name for tensor in self._stream.unfinished))

    def report(
        self,
        *,
        architecture: Architecture | None = None,
        type: ModelType = ModelType.UNKNOWN,
        metadata: Mapping[str, str] | None = None,
        data_part_sha256: str | None = None,
    ) -> HealthReport:
        """Return the report on a model of this one file, once it has been fed; see `examine`."""
        return examine(self, architecture=architecture, type=type, metadata=metadata, data_part_sha256=data_part_sha256)


class _TensorValues:
    """The results of the checks of one tensor's values so far."""

    __slots__ = ("_carry", "_kept", "_width", "end", "finite", "span", "start", "zero")

    def __init__(self, span: Span) -> None:
        self.span = span
        self.start, self.end = span.offset, span.offset + span.length
        self.finite = True
        self.zero = span.length > 0
        self._width = FLOATS[span.dtype].width if span.dtype in FLOATS else 0
        self._carry = b""
        ids = span.name.endswith("position_ids") and span.length <= _SMALL
        self._kept: bytearray | None = bytearray() if ids else None

    @property
    def content(self) -> bytes | None:
        """All bytes of a small tensor whose values matter one by one."""
        return None if self._kept is None else bytes(self._kept)

    def feed(self, data: memoryview) -> None:
        if self._kept is not None:
            self._kept += data
        if self.zero:
            # Nearly always decided by the first few bytes.
            self.zero = not any(data[:64]) and bytes(data).count(0) == len(data)
        if self._width and self.finite:
            self._look(data)

    def _look(self, data: memoryview) -> None:
        # A block of the stream may end within a value.
        if self._carry:
            data = memoryview(self._carry + bytes(data))
        whole = len(data) - len(data) % self._width
        self._carry = bytes(data[whole:])
        if whole:
            self.finite = all_finite(data[:whole], self.span.dtype)


def examine(
    *sinks: HealthSink,
    architecture: Architecture | None = None,
    type: ModelType = ModelType.UNKNOWN,
    metadata: Mapping[str, str] | None = None,
    data_part_sha256: str | None = None,
) -> HealthReport:
    """Return the report on a model, from the sinks of all its files once they have been fed.

    `architecture` and `type` are detection's answers; the set of tensors is only judged for architectures whose full
    set is known. `data_part_sha256`: all 64 digits, as computed; compared with those in `metadata`.
    """
    spans = [span for sink in sinks for span in sink.spans]
    naming = TensorNaming({span.name: span.shape for span in spans})
    values = [tensor for sink in sinks for tensor in sink.tensors]
    # Buffers are not weights: a causal mask is made of minus infinities, a schedule may end in one.
    weights = [tensor for tensor in values if naming.canonical_name(tensor.span.name) is not None]
    bad = tuple(sorted(tensor.span.name for tensor in weights if not tensor.finite))
    zero = tuple(sorted(tensor.span.name for tensor in weights if tensor.zero))
    cut = tuple(name for sink in sinks for name in sink.cut)
    keys = _compare_keys(spans, naming, architecture, type)
    lies = hash_mismatches(metadata or {}, data_part_sha256)
    problems = [
        *_tensor_problem(cut, _CUT),
        *_tensor_problem(bad, _NOT_FINITE),
        *(["Many tensors claim the same bytes: no model is stored like this."] * any(s.overlapping for s in sinks)),
        *keys.problems,
        *_zero_problems(weights),
        *_position_problems(values),
        *lies,
    ]
    return HealthReport(
        problems=tuple(problems),
        nan_tensors=bad,
        zero_tensors=zero,
        truncated_tensors=cut,
        missing_components=keys.missing_components,
        missing_keys=keys.missing,
        extra_keys=keys.extra,
        hash_mismatches=lies,
    )


# What is wrong with tensors: for one of them, for some that are all named, and for more.
_CUT = (
    "{names} is cut off: the file ends before it does.",
    "{count} tensors are cut off: the file ends before they do: {names}.",
    "{count} tensors are cut off: the file ends before they do, such as {names}.",
)
_NOT_FINITE = (
    "{names} holds NaN or infinite values.",
    "{count} tensors hold NaN or infinite values: {names}.",
    "{count} tensors hold NaN or infinite values, such as {names}.",
)
_ZEROS = (
    "{names} holds nothing but zeros.",
    "{count} tensors hold nothing but zeros: {names}.",
    "{count} tensors hold nothing but zeros, such as {names}.",
)
_STRAYS = (
    "{count} tensor belongs to no part of the model: {names}.",
    "{count} tensors belong to no part of the model: {names}.",
    "{count} tensors belong to no part of the model, such as {names}.",
)
_LACKS = (
    "The {part} lacks {count} of {total} tensors: {names}.",
    "The {part} lacks {count} of {total} tensors: {names}.",
    "The {part} lacks {count} of {total} tensors, such as {names}.",
)
_TOO_MANY = (
    "The {part} has {count} tensor too many: {names}.",
    "The {part} has {count} tensors too many: {names}.",
    "The {part} has {count} tensors too many, such as {names}.",
)


def _tensor_problem(names: Sequence[str], sentences: tuple[str, str, str], **values: object) -> list[str]:
    """Return the sentence for this number of tensors, none for none."""
    if not names:
        return []
    form = 0 if len(names) == 1 else 1 if len(names) <= _NAMES_SHOWN else 2
    return [sentences[form].format(names=", ".join(names[:_NAMES_SHOWN]), count=len(names), **values)]


def _zero_problems(weights: Iterable[_TensorValues]) -> list[str]:
    """List matrices of zeros: a defect in a network, but in a delta only blocks that were not trained."""
    matrices = [tensor for tensor in weights if sum(size > 1 for size in tensor.span.shape) >= 2]
    plain = sorted(tensor.span.name for tensor in matrices if tensor.zero and not is_delta(tensor.span.name))
    found = _tensor_problem(plain, _ZEROS)
    ups = [tensor for tensor in matrices if any(word in tensor.span.name for word in ("lora_up", "lora_B", "lora.up"))]
    if ups and all(tensor.zero for tensor in ups):
        found.append("Every up matrix is zero: this LoRA changes nothing.")
    return found


def _position_problems(values: Iterable[_TensorValues]) -> list[str]:
    kept = ((tensor.span, tensor.content) for tensor in values)
    found = (position_ids_problem(span.name, span.dtype, data) for span, data in kept if data is not None)
    return [problem for problem in found if problem]


@dataclass(frozen=True, slots=True, kw_only=True)
class _KeyComparison:
    problems: tuple[str, ...] = ()
    missing_components: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()


def _compare_keys(
    spans: Iterable[Span], naming: TensorNaming, architecture: Architecture | None, kind: ModelType
) -> _KeyComparison:
    sets = dict(expected_names(architecture or ""))
    if not sets:
        return _KeyComparison()
    found: dict[str, set[str]] = {}
    for span in spans:
        place = naming.canonical_name(span.name)
        if place is not None:
            found.setdefault(place.component, set()).update(place.parts or (place.name,))
    absent = tuple(name for name in sets if name not in found) if kind is ModelType.BASE else ()
    problems = [f"It has no {_WORDS[name]}: one must be given when it is loaded." for name in absent]
    missing: list[str] = []
    extra: list[str] = []
    for component in sorted(set(found) & set(_WORDS)):
        whole = sets.get("unet" if component == "unet_ema" else component, frozenset())
        lacks, more = sorted(whole - found[component]), sorted(found[component] - whole)
        part = _WORDS[component]
        missing += (f"{component}: {name}" for name in lacks)
        extra += (f"{component}: {name}" for name in more)
        problems += _tensor_problem(lacks, _LACKS, part=part, total=len(whole))
        problems += _tensor_problem(more, _TOO_MANY, part=part)
    strays = sorted(name for name in found.get(REST, ()) if not name.startswith(_ALSO_FINE))
    extra += (f"{REST}: {name}" for name in strays)
    if kind is ModelType.BASE:
        problems += _tensor_problem(strays, _STRAYS)
    return _KeyComparison(
        problems=tuple(problems), missing_components=absent, missing=tuple(missing), extra=tuple(extra)
    )


def hash_mismatches(metadata: Mapping[str, str], data_part_sha256: str | None) -> tuple[str, ...]:
    """Return a sentence for each hash in a safetensors file's metadata that is not that of its data part."""
    if data_part_sha256 is None:
        return ()
    stated = ((field, str(metadata[field])) for field in _HASH_FIELDS if metadata.get(field))
    return tuple(
        f"{field} is {value[:24]!r}, but the data's hash is {data_part_sha256[:12]}…: "
        "the file was changed after that was written."
        for field, value in stated
        if value.strip().lower().removeprefix("0x") != data_part_sha256.lower()
    )
