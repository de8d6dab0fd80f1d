"""`explain` has an answer for every word that modelhub prints and every word of a newcomer's guide."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from modelhub.catalog import Catalog
from modelhub.catalog.query_fields import COMPONENTS, FIELDS
from modelhub.catalog.query_parser import parse_query
from modelhub.cli.app import run
from modelhub.cli.output import width
from modelhub.cli.registry import COMMANDS
from modelhub.cli.topics.registry import GROUPS, TOPICS, find_topic, nearest_topic
from modelhub.detect.rules.delta_algorithms import ALGORITHMS
from modelhub.domain import Format, LocationState, ModelType, SafetyReport, Style, StyleAnswer, Variant, Verdict
from modelhub.errors import Exit
from modelhub.operations.library.path_results import PathStatus
from modelhub.operations.library.selection import _known_values
from modelhub.operations.library.verify import Health
from modelhub.render.verdicts import RenderVerdict
from modelhub.storage.model_names import ARCHIVE_SUFFIXES, MODEL_SUFFIXES
from modelhub.uis.registry import BUILT_IN
from modelhub.words import WordKind, fold, rows_of, synonyms
from tests.catalog.entries import entry, word
from tests.conftest import ROOT
from tools.sentences import sentences_of

TABLES = ROOT / "modelhub" / "cli" / "topics"

PRINTED: dict[str, Iterable[str]] = {
    "type": ModelType,
    "variant": Variant,
    "style": Style,
    "verdict": Verdict,
    "format": Format,
    "state": LocationState,
    "render verdict": RenderVerdict,
    "health": Health,
    "status": PathStatus,
    "component": COMPONENTS,
    "architecture": sorted(_known_values("arch")),
    "precision": sorted(_known_values("precision")),
    "source": sorted(_known_values("source")),
    "algorithm": [row.algorithm for row in ALGORITHMS],
    "prediction": ("epsilon", "v", "flow", "edm", "edm-v"),
    "UI": [ui.name for ui in BUILT_IN],
    "hash": ("sha256", "autov1", "autov2", "autov3", "blake3", "crc32"),
    "heading": ("type", "architecture", "variant", "precision", "style", "state", "triggers", "format", "rank"),
}
SUFFIXES = sorted({*MODEL_SUFFIXES, ".onnx", ".yaml", ".yml", ".vae.pt", ".vae.safetensors", ".zip", ".7z", ".rar"})


@pytest.mark.parametrize(
    ("kind", "value"), [(kind, str(value)) for kind, values in PRINTED.items() for value in values]
)
def test_every_word_that_modelhub_prints_is_explained(kind: str, value: str) -> None:
    """The values of every column have a topic that names them."""
    topic = find_topic(value)
    assert topic is not None, f"no topic explains the {kind} `{value}`"


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_suffix_is_explained_with_and_without_its_dot(suffix: str) -> None:
    """In any case, and with "file" behind it."""
    topic = find_topic(suffix)
    assert topic is not None
    for spelled in (suffix[1:], suffix.upper(), f"{suffix} file", f"{suffix}文件"):
        assert find_topic(spelled) is topic, spelled
    assert set(ARCHIVE_SUFFIXES) > {".7z", ".rar"}


@pytest.mark.parametrize(
    ("words", "topic", "essence"),
    [
        ("checkpoint", "checkpoint", "as in a game"),
        ("ckpt", "ckpt", "PyTorch"),
        (".ckpt", "ckpt", "TensorFlow"),
        (".safetensors", "safetensors", "cannot run code"),
        (".pt", "pt", "PyTorch's"),
        (".pth", "pt", ".pth"),
        (".pkl", "pickle", ".pkl"),
        ("大模型", "checkpoint", "whole image generator"),
        ("底模", "checkpoint", "2 to 7 GB"),
        ("VAE", "vae", "SD VAE at Automatic"),
        ("blue picture", "vae", "last step"),
        ("Lora", "lora", "trigger word"),
        ("LORA", "lora", "10 to 400 MB"),
        ("embedding", "embedding", "`embedding:NAME`"),
        ("textual inversion", "embedding", "one word"),
        ("Textual-Inversion", "embedding", "4 to 200 kB"),
        ("EasyNegative", "negative", "negative prompt"),
        ("negative", "negative", "ComfyUI"),
        ("超网络", "hypernetwork", "rarely used"),
        ("hypernetwork", "hypernetwork", "20 to 200 MB"),
        ("pruned", "pruned", "one set of weights either way"),
        ("pruned-emaonly", "pruned-emaonly", "VRAM"),
        ("emaonly", "pruned-emaonly", "for pictures"),
        ("single", "single", "one weight set"),
        ("unet", "unet", "paints"),
        ("sd1", "sd1", "1.5"),
        ("sd 1.5", "sd1", "1.5"),
        ("fp16", "fp16", "half precision"),
        ("半精度", "fp16", "half precision"),
        ("ComfyUI", "comfyui", "Load LoRA"),
        ("官方", "official", "publishers"),
        ("二次元", "anime", "Japanese"),
        ("真实系", "realistic", "photographs"),
        ("2.5D", "2.5d", "GuoFeng"),
        ("style", "style", "2.5d"),
        ("trigger word", "trigger", "activates"),
        ("触发词", "trigger", "activates"),
        ("Stable Diffusion", "stable-diffusion", "fit each other"),
        ("training", "training", "full"),
        ("what is a LoRA?", "lora", "add-on"),
        ("国风", "2.5d", "GuoFeng"),
        ("显存", "vram", "no difference"),
        ("负面提示词", "negative", "EasyNegative"),
        ("蓝色废图", "vae", "last step"),
        ("提示词", "prompt", "<lora:name:0.8>"),
        (".ckpt文件", "ckpt", "can hold code"),
        ("采样器", "steps", "sampler"),
    ],
)
def test_the_words_of_a_guide_are_answered(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: str,
    topic: str,
    essence: str,
) -> None:
    """The command as one types it, with or without quotes, leads to the topic that has the answer."""
    monkeypatch.setenv("MODELHUB_LIBRARY", str(tmp_path / "none"))
    for arguments in ([words], words.split()):
        assert run(["explain", *arguments]) == Exit.OK
        printed = capsys.readouterr().out
        assert printed.startswith(f"{topic}\n")
        assert essence in " ".join(printed.split())


def test_every_synonym_of_the_table_of_words_is_explained() -> None:
    """What options and queries understand, `explain` understands, too."""
    kinds = (WordKind.TYPE, WordKind.STYLE, WordKind.VARIANT, WordKind.ARCHITECTURE, WordKind.PRECISION, WordKind.TOPIC)
    missing = [
        other
        for kind in (*kinds, WordKind.FORMAT, WordKind.VERDICT, WordKind.STATE, WordKind.UI, WordKind.SOURCE)
        for row in rows_of(kind)
        for other in (row.value, *synonyms(kind, row.value))
        if find_topic(other) is None
    ]
    assert not missing


def test_no_word_leads_to_two_topics() -> None:
    """Each spelling is in one row."""
    counts = Counter(
        fold(text) for topic in TOPICS for text in {fold(text): text for text in (topic.word, *topic.also)}.values()
    )
    assert not [text for text, count in counts.items() if count > 1]


def test_topics_name_commands_fields_and_topics_that_exist() -> None:
    """Every command that a text names works."""
    for topic in TOPICS:
        for command in re.findall(r"`modelhub ([^`]+)`", topic.text):
            name, *rest = command.split()
            assert name in COMMANDS, command
            if name == "explain":
                assert find_topic(" ".join(rest)), command
            for term in rest if name == "list" else ():
                if ":" in term:
                    assert term.lstrip("-").partition(":")[0] in FIELDS, command
        for query in topic.examples.queries if topic.examples else ():
            assert parse_query(query).terms


def test_every_text_of_a_topic_can_be_translated() -> None:
    """Each paragraph is one sentence of the catalogs."""
    extracted = {sentence.text for path in TABLES.glob("*.py") for sentence in sentences_of(path)}
    texts = {text for topic in TOPICS for text in (topic.summary, *topic.more)}
    assert not {*texts, *(group.title for group in GROUPS)} - extracted


def test_a_mistyped_word_is_answered_with_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 3, the nearest topic and what to type."""
    assert run(["explain", "lroa"]) == Exit.NOT_FOUND
    assert "Did you mean `lora`? Show it with `modelhub explain lora`." in capsys.readouterr().err
    assert nearest_topic("大模形") == "checkpoint"
    assert run(["explain", "zzzzzz"]) == Exit.NOT_FOUND
    assert "`modelhub explain` lists the topics" in capsys.readouterr().err


def test_the_name_of_a_model_is_no_topic_but_leads_on(library: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One of the library is shown, a well-known one listed."""
    for name, hint in (("jelly", "`modelhub show jelly`"), ("anything v5", "`modelhub known 'anything v5'`")):
        assert run(["explain", name]) == Exit.NOT_FOUND
        assert hint.replace("'", '"') in capsys.readouterr().err.replace("'", '"')


def test_several_topics_are_explained_one_after_the_other(capsys: pytest.CaptureFixture[str]) -> None:
    """Words that together are not a term are terms of their own."""
    assert run(["explain", "vae", "lora"]) == Exit.OK
    printed = capsys.readouterr().out
    assert printed.startswith("vae\n")
    assert "\nlora\n" in printed


@pytest.mark.parametrize("columns", [60, 80, 100, 140])
def test_the_list_and_every_topic_fit_the_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    """No line is wider than the terminal, and none than what is easy to read."""
    monkeypatch.setenv("COLUMNS", str(columns))
    assert run(["explain"]) == Exit.OK
    listed = capsys.readouterr().out
    assert all(group.title in listed for group in GROUPS)
    for topic in TOPICS:
        assert topic.word in " ".join(listed.split())
        assert run(["explain", topic.word]) == Exit.OK
    for line in (listed + capsys.readouterr().out).splitlines():
        assert width(line) <= min(columns, 90), line


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A library in which each kind of model has a real example and several that must not be one."""
    library = tmp_path / "library"
    library.mkdir()
    monkeypatch.setenv("MODELHUB_LIBRARY", str(library))
    base = {"type": ModelType.BASE, "components": ("unet", "vae")}
    rows: list[tuple[str, dict[str, Any]]] = [
        ("jelly", {"trigger_words": (word("jellyfishforest"),)}),
        ("a trap", {"verdict": Verdict.DANGEROUS}),
        ("b cut", {"broken": True}),
        ("c gone", {"state": LocationState.MISSING}),
        ("d copy (1)", {}),
        ("EasyNegative", {"type": ModelType.EMBEDDING}),
        ("鸣人", {"type": ModelType.EMBEDDING}),
        ("anything", {**base, "style": StyleAnswer(Style.ANIME, 0.9)}),
        ("guofeng", {**base, "style": StyleAnswer(Style.TWO_POINT_FIVE_D, 0.9), "variant": Variant.PRUNED}),
        ("animestyle lora", {"style": StyleAnswer(Style.ANIME, 0.9)}),
        ("open", {**base, "architecture": None, "architecture_candidates": ("sd1", "sd2")}),
    ]
    with Catalog.open(library / "catalog.sqlite3") as catalog:
        for number, (name, facts) in enumerate(rows, start=1):
            verdict, broken = facts.pop("verdict", Verdict.SAFE), facts.pop("broken", False)
            state = facts.pop("state", LocationState.PRESENT)
            new = entry(library / "models", number, name=name, **facts)
            (file,) = new.files
            look = replace(file.inspection, safety=SafetyReport(verdict), broken=broken)
            record = catalog.record(replace(new, files=(replace(file, inspection=look),)))
            if state is not LocationState.PRESENT:
                places = catalog.known_locations(catalog.roots()[0]).values()
                catalog.mark([place.id for place in places if place.model_id == record.id], state)
    return library


@pytest.mark.parametrize(
    ("topic", "names"),
    [
        ("lora", ["animestyle lora", "jelly"]),
        ("negative", ["EasyNegative"]),
        ("embedding", ["EasyNegative", "鸣人"]),
        ("style", ["anything", "guofeng"]),
        ("anime", ["anything"]),
        ("realistic", []),
        ("sd1", ["anything", "guofeng"]),
        ("pruned", ["guofeng"]),
        ("pruned-emaonly", []),
        ("hypernetwork", []),
        ("ckpt", []),
        ("dangerous", ["a trap"]),
        ("broken", ["b cut"]),
        ("state", ["c gone"]),
        ("onnx", []),
    ],
)
def test_examples_really_are_examples(
    library: Path, capsys: pytest.CaptureFixture[str], topic: str, names: list[str]
) -> None:
    """Present, whole, harmless and of the right kind, no copies; none where the library has none."""
    assert run(["explain", topic, "--json"]) == Exit.OK
    (document,) = json.loads(capsys.readouterr().out)
    assert document["examples"] == names
    assert run(["explain", topic]) == Exit.OK
    assert ("In your library" in capsys.readouterr().out) is bool(names)


def test_styles_have_one_example_each(library: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the style that it is an example of."""
    assert run(["explain", "style"]) == Exit.OK
    assert "In your library: anime: anything, 2.5d: guofeng" in capsys.readouterr().out
