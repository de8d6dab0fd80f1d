"""The labelled layouts of real files: every question, as they are, renamed, shuffled and without metadata."""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from modelhub.detect import detect
from modelhub.detect.hints import Hints
from modelhub.detect.rules.architectures import matching_families
from modelhub.detect.rules.delta_algorithms import matching_algorithms
from modelhub.detect.rules.header_index import index_header
from modelhub.detect.rules.registry import rules
from modelhub.detect.rules.types import matching_types
from modelhub.domain import Detection, Format, ModelType
from modelhub.formats.header import Header, TensorInfo

_FORMATS = {"safetensors": Format.SAFETENSORS, "ckpt-zip": Format.TORCH_ZIP, "pt-legacy": Format.TORCH_LEGACY}
_WITH_ARCHITECTURE = {"base", "vae", "lora", "embedding", "hypernetwork", "controlnet", "unet"}
_NETWORKS = {"base", "unet"}


@dataclass(frozen=True, slots=True)
class Layout:
    """One labelled layout."""

    slug: str
    filename: str
    truth: dict[str, Any]
    header: Header


def _layout(path: Path) -> Layout:
    found = json.loads(path.read_text())
    tensors = {name: TensorInfo(dtype, tuple(shape)) for name, (dtype, shape) in found["tensors"].items()}
    header = Header(
        format=_FORMATS[found["container"]],
        size=0,
        tensors=tensors,
        metadata=found.get("metadata") or {},
        root=found.get("nested"),
        entries={key: str(value)[:80] for key, value in (found.get("extras") or {}).items()},
    )
    return Layout(found["slug"], Path(found["filename"]).name, found["truth"], header)


@pytest.fixture(scope="module")
def layouts(shared: Path) -> list[Layout]:
    """All labelled layouts."""
    return [_layout(path) for path in sorted((shared / "headers").glob("*.json"))]


def _answers(layout: Layout, found: Detection, *, named: bool) -> dict[str, bool]:
    """Return whether the answer to each question is right; `named`: name and metadata were there."""
    truth, kind = layout.truth, layout.truth["type"]
    right = {"type": found.type in {kind, *truth.get("type_also", [])}}
    candidates = set(truth.get("architecture_candidates") or [])
    if kind in _WITH_ARCHITECTURE and candidates:
        open_answer = found.architecture is None and set(found.architecture_candidates) >= candidates
        right["architecture"] = open_answer or (named and found.architecture == truth["architecture"])
    elif kind in _WITH_ARCHITECTURE and truth.get("architecture"):
        right["architecture"] = found.architecture == truth["architecture"]
    if kind == "lora":
        for name in ("algorithm", "rank"):
            stated_only = name == "rank" and truth.get("algorithm") == "full" and not named
            if truth.get(name) and not stated_only:
                right[name] = getattr(found, name) == truth[name]
    if kind in _NETWORKS and truth.get("subtype") in ("inpainting", "instruct-pix2pix", "depth"):
        right["subtype"] = found.subtype == truth["subtype"]
    if kind in {*_NETWORKS, "vae", "lora"} and truth.get("precision"):
        right["precision"] = found.precision == truth["precision"]
    if kind == "base":
        right["has_ema"] = found.has_ema == bool(truth["has_ema"])
        right["vae inside"] = ("vae" in found.components) == bool(truth["has_vae"])
        right["text encoder inside"] = ("text_encoder" in found.components) == bool(truth["has_text_encoder"])
        if truth.get("variant") and named:
            right["variant"] = found.variant in {truth["variant"], *truth.get("variant_also", [])}
    if kind in _NETWORKS and truth.get("prediction"):
        wanted = None if truth.get("prediction_evidence") == "not-in-header" else truth["prediction"]
        right["prediction"] = found.prediction == wanted
    if truth.get("vectors"):
        right["vectors"] = found.vectors == truth["vectors"]
    return right


def _stripped(header: Header) -> Header:
    tensors = list(header.tensors.items())
    random.Random(11).shuffle(tensors)
    return Header(format=header.format, size=0, tensors=dict(tensors), root=header.root, entries=header.entries)


@pytest.mark.parametrize("named", [True, False], ids=["as it is", "renamed, shuffled, stripped"])
def test_every_question_about_every_layout_is_answered_right(
    layouts: list[Layout], named: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """The walk over all labelled layouts prints its counts and finds nothing wrong."""
    good, asked, wrong = Counter[str](), Counter[str](), []
    for layout in layouts:
        if named:
            found = detect(layout.header, Hints(names=(layout.filename,)))
        else:
            found = detect(_stripped(layout.header), Hints(names=("file",)))
        for question, right in _answers(layout, found, named=named).items():
            asked[question] += 1
            good[question] += right
            if not right:
                wrong.append((layout.slug, question, found))
    with capsys.disabled():
        print("\n" + ", ".join(f"{question} {good[question]}/{asked[question]}" for question in asked))
    assert asked["type"] >= 171
    assert not wrong


def test_every_layout_fits_at_most_one_row_of_each_table(layouts: list[Layout]) -> None:
    """Rules have no order: two rows that fit one real file would be a fault of the table."""
    for layout in layouts:
        index = index_header(layout.header, rules())
        assert len(matching_types(index)) <= 1, layout.slug
        assert len(matching_families(index)) <= 1, layout.slug
        if layout.truth["type"] == "lora":
            assert len(matching_algorithms(index)) == 1, layout.slug


def test_every_answer_about_a_known_type_has_its_evidence(layouts: list[Layout]) -> None:
    """Type, architecture and precision say why."""
    for layout in layouts:
        found = detect(layout.header)
        if found.type is ModelType.UNKNOWN:
            continue
        about = {e.about for e in found.evidence}
        assert "type" in about, layout.slug
        assert not found.architecture or "architecture" in about, layout.slug
        assert not found.precision or "precision" in about, layout.slug


def test_layers_left_out_of_a_lora_never_make_its_base_wrong(layouts: list[Layout]) -> None:
    """Any share of a LoRA's tensors answers right, with candidates that hold the right one, or with nothing."""
    chance = random.Random(23)
    for layout in (lay for lay in layouts if lay.truth["type"] == "lora"):
        names = list(layout.header.tensors)
        for share in (2, 4, 20):
            kept = chance.sample(names, max(1, len(names) // share))
            found = detect(
                Header(format=layout.header.format, size=0, tensors={n: layout.header.tensors[n] for n in kept})
            )
            assert found.architecture in (None, layout.truth["architecture"]), (layout.slug, share)
            assert not found.architecture_candidates or layout.truth["architecture"] in found.architecture_candidates
