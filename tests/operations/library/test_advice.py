"""The advice about a model: words, what to paste, bases and VAEs that fit; a warning for a dangerous file."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from modelhub.catalog import Catalog
from modelhub.detect import find_known_model
from modelhub.detect.negative_words import is_negative_word
from modelhub.domain import (
    Detection,
    Format,
    LocationState,
    ModelRecord,
    ModelType,
    SafetyReport,
    TriggerWord,
    Variant,
    Verdict,
)
from modelhub.operations.library.advice import AdviceTopic, how_to_use, prompt_texts, sentences
from modelhub.operations.library.advice.advice import KNOWN_BASES, KNOWN_VAES
from tests.catalog.entries import entry, word


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    """An empty catalog."""
    with Catalog.open(tmp_path / "catalog.sqlite3") as catalog:
        yield catalog


def _add(
    catalog: Catalog, path: Path, number: int = 1, *, verdict: Verdict = Verdict.SAFE, **detected: Any
) -> ModelRecord:
    """Record a model at a path."""
    new = entry(path.parent, number, name=path.stem, **detected)
    (file,) = new.files
    inspection = replace(file.inspection, safety=SafetyReport(verdict))
    return catalog.record(
        replace(new, files=(replace(file, inspection=inspection, location=replace(file.location, path=path)),))
    )


def _about(record: ModelRecord, catalog: Catalog, topic: AdviceTopic) -> list[str]:
    return [line.sentence for line in how_to_use(record, catalog=catalog) if line.topic is topic]


@pytest.mark.parametrize(
    ("kind", "texts"),
    [
        (ModelType.LORA, {"<lora:x:0.8> red dress": "A1111 / Forge"}),
        (ModelType.HYPERNETWORK, {"<hypernet:x:1.0> red dress": "A1111 / Forge"}),
        (ModelType.EMBEDDING, {"x": "A1111 / Forge", "embedding:x": "ComfyUI"}),
        (ModelType.VAE, {}),
    ],
)
def test_each_ui_has_its_own_prompt_syntax(kind: ModelType, texts: dict[str, str]) -> None:
    """UIs with the same text share a line; ComfyUI loads LoRAs with a node, so there is nothing to paste."""
    detection = Detection(type=kind, trigger_words=(TriggerWord("red dress", "metadata"),))
    assert prompt_texts(detection, "x") == texts


def test_a_lora_is_used_by_its_words_and_the_name_of_its_file(catalog: Catalog, tmp_path: Path) -> None:
    """The line to paste has the stem, ComfyUI's node the file in its sub-folder."""
    path = tmp_path / "ComfyUI" / "models" / "loras" / "people" / "Jelly v2.safetensors"
    record = _add(catalog, path, trigger_words=(word("jellyfishforest"),))
    assert _about(record, catalog, AdviceTopic.WORDS) == ["Trigger word: jellyfishforest"]
    assert _about(record, catalog, AdviceTopic.PROMPT) == [
        "Prompt in A1111 / Forge: <lora:Jelly v2:0.8> jellyfishforest"
    ]
    assert _about(record, catalog, AdviceTopic.LOADING) == [
        "In ComfyUI, choose `people/Jelly v2.safetensors` in the node `Load LoRA`."
    ]


def test_comfyui_calls_an_embedding_by_its_folder_and_a1111_by_its_name(catalog: Catalog, tmp_path: Path) -> None:
    """The folder counts from the UI's own, and from the library's."""
    for number, start in enumerate(
        (tmp_path / "ComfyUI" / "models" / "embeddings", tmp_path / "library" / "embedding")
    ):
        record = _add(catalog, start / "people" / f"naruto{number}.pt", number + 1, type=ModelType.EMBEDDING)
        assert _about(record, catalog, AdviceTopic.PROMPT) == [
            f"Prompt in A1111 / Forge: naruto{number}",
            f"Prompt in ComfyUI: embedding:people/naruto{number}",
        ]


def test_the_name_is_that_of_the_file_and_not_the_users_own(catalog: Catalog, tmp_path: Path) -> None:
    """A name that `set` gave is known to the library only."""
    record = _add(catalog, tmp_path / "lora" / "jelly.safetensors")
    catalog.set_override(record.id, "name", "My jelly")
    assert _about(catalog.get(record.id), catalog, AdviceTopic.PROMPT) == ["Prompt in A1111 / Forge: <lora:jelly:0.8>"]


@pytest.mark.parametrize(("name", "argument"), [("jelly", "jelly"), ("红裙", "红裙"), ("two words", "1"), ("12", "1")])
def test_a_lora_without_words_points_at_enrich(catalog: Catalog, tmp_path: Path, name: str, argument: str) -> None:
    """The command can be pasted into any shell: a name that needs quotes is given as a number."""
    record = _add(catalog, tmp_path / f"{name}.safetensors")
    assert _about(record, catalog, AdviceTopic.WORDS) == [
        f"No trigger words are known; `modelhub enrich {argument}` looks them up."
    ]


@pytest.mark.parametrize(
    ("name", "is_negative"),
    [
        ("EasyNegative", True),
        ("badhandv4", True),
        ("bad-hands-5", True),
        ("bad_prompt_version2", True),
        ("BadDream", True),
        ("verybadimagenegative_v1.3", True),
        ("ng_deepnegative_v1_75t", True),
        ("mystyle-neg", True),
        ("negative_hand-neg", True),
        ("unaestheticXLv31", True),
        ("boring_e621_v4", True),
        ("负面嵌入", True),
        ("charturnerv2", False),
        ("badger", False),
        ("Negan", False),
        ("negroni", False),
        ("senegal", False),
        ("鸣人", False),
        ("badge design", False),
        ("Nguyen", False),
    ],
)
def test_a_negative_embedding_is_known_by_its_name(
    catalog: Catalog, tmp_path: Path, name: str, is_negative: bool
) -> None:
    """It belongs in the negative prompt; every other one in the prompt."""
    assert is_negative_word([name]) is is_negative
    record = _add(catalog, tmp_path / f"{name}.pt", type=ModelType.EMBEDDING)
    (line, *_) = _about(record, catalog, AdviceTopic.WORDS)
    assert ("negative prompt" in line) is is_negative
    prompts = _about(record, catalog, AdviceTopic.PROMPT)
    assert (f"Prompt in ComfyUI: embedding:{name}" in prompts) is (" " not in name)


def test_the_tag_of_a_publisher_makes_an_embedding_negative() -> None:
    """A name need not show it."""
    assert is_negative_word(["x"], ["negative embedding"])
    assert not is_negative_word(["x"], ["style"])


def test_a_copy_is_called_by_its_originals_name(catalog: Catalog, tmp_path: Path) -> None:
    """Brackets have a meaning in A1111's prompts: the file must be renamed first, and the line has the right name."""
    record = _add(catalog, tmp_path / "EasyNegative (1).pt", type=ModelType.EMBEDDING)
    assert _about(record, catalog, AdviceTopic.WORDS)[1] == (
        "Its file is named as a copy: rename it to `EasyNegative.pt`, the name that prompts need."
    )
    assert "Prompt in A1111 / Forge: EasyNegative" in _about(record, catalog, AdviceTopic.PROMPT)


def test_a_place_without_the_mark_of_a_copy_gives_the_name(catalog: Catalog, tmp_path: Path) -> None:
    """Of two places of one file the original is the one to name."""
    _add(catalog, tmp_path / "a" / "jelly (1).safetensors")
    record = _add(catalog, tmp_path / "b" / "jelly.safetensors")
    assert len(record.main.locations) == 2
    assert _about(record, catalog, AdviceTopic.WORDS) == [
        "No trigger words are known; `modelhub enrich 1` looks them up."
    ]
    assert _about(record, catalog, AdviceTopic.PROMPT) == ["Prompt in A1111 / Forge: <lora:jelly:0.8>"]


def test_a_trap_has_nothing_but_a_warning(catalog: Catalog, tmp_path: Path) -> None:
    """No words, no line to paste, no place to put it."""
    trap = _add(catalog, tmp_path / "trap.pt", verdict=Verdict.DANGEROUS, trigger_words=(word("os.system"),))
    (line,) = how_to_use(trap, catalog=catalog)
    assert line.topic is AdviceTopic.WARNING
    assert "Do not load it" in line.text


BASE = {"type": ModelType.BASE, "variant": Variant.SINGLE, "components": ("unet", "vae", "text_encoder")}


def test_a_base_with_a_vae_leaves_it_at_automatic(catalog: Catalog, tmp_path: Path) -> None:
    """An external one could ruin the picture."""
    record = _add(catalog, tmp_path / "base.safetensors", **BASE)
    assert _about(record, catalog, AdviceTopic.VAE) == ["It has a VAE: leave SD VAE at Automatic."]


def test_a_missing_file_is_mentioned_first(catalog: Catalog, tmp_path: Path) -> None:
    """The line to paste does nothing until it is back."""
    record = _add(catalog, tmp_path / "lora.safetensors")
    for state, text in ((LocationState.MISSING, "is missing"), (LocationState.UNAVAILABLE, "is out of reach")):
        first, *others = how_to_use(replace(record, state=state), catalog=catalog)
        assert first.topic is AdviceTopic.WARNING
        assert text in first.text
        assert others


def test_a_damaged_file_is_not_advised(catalog: Catalog, tmp_path: Path) -> None:
    """No UI loads it, so that nothing else matters."""
    record = _add(catalog, tmp_path / "lora.safetensors")
    cut = replace(record, files=(replace(record.main, broken=True),))
    assert sentences(how_to_use(cut, catalog=catalog)) == ("It is damaged: no UI can load it as it is.",)


def test_a_ui_is_named_only_where_it_lists_the_file(catalog: Catalog, tmp_path: Path) -> None:
    """A1111 does not list GGUF files, nor does any of them a diffusers folder."""
    flux = {**BASE, "architecture": "flux"}
    record = _add(catalog, tmp_path / "flux.gguf", **flux)
    assert _about(record, catalog, AdviceTopic.LOADING) == ["In Forge, choose `flux.gguf` under `Checkpoint`."]
    folder = replace(record, format=Format.DIFFUSERS)
    assert _about(folder, catalog, AdviceTopic.LOADING) == [
        "It is a diffusers folder, which programs in Python load; most UIs want a model in one file."
    ]
    assert not _about(folder, catalog, AdviceTopic.VAE)


def test_a_base_without_a_vae_names_those_that_fit(catalog: Catalog, tmp_path: Path) -> None:
    """Of the library: those of its architecture that are whole and harmless; else a well-known one to pull."""
    bare = {**BASE, "components": ("unet", "text_encoder")}
    record = _add(catalog, tmp_path / "base.safetensors", **bare)
    assert _about(record, catalog, AdviceTopic.VAE) == [
        'It has no VAE, and the library has none that fits: `modelhub pull "SD VAE ft-MSE"` gets one.'
    ]
    _add(catalog, tmp_path / "trap.pt", 2, type=ModelType.VAE, verdict=Verdict.DANGEROUS)
    _add(catalog, tmp_path / "xl.safetensors", 3, type=ModelType.VAE, architecture="sdxl")
    assert "has none that fits" in _about(record, catalog, AdviceTopic.VAE)[0]
    _add(catalog, tmp_path / "mse.pt", 4, type=ModelType.VAE, architecture=None, architecture_candidates=("sd1", "sd2"))
    assert _about(record, catalog, AdviceTopic.VAE) == [
        "It has no VAE: without one, pictures come out dull. Choose one as SD VAE; the library has mse."
    ]


def test_a_vae_is_not_promised_to_fit_a_base_of_other_latents(catalog: Catalog, tmp_path: Path) -> None:
    """VAEs of SD 1.x and SDXL have the same tensors; a name may show which one it is, else it may only fit."""
    bare = {**BASE, "components": ("unet", "text_encoder")}
    record = _add(catalog, tmp_path / "base.safetensors", **bare)
    alike: dict[str, Any] = {
        "type": ModelType.VAE,
        "architecture": None,
        "architecture_candidates": ("sd1", "sd2", "sdxl"),
    }
    _add(catalog, tmp_path / "sdxl_vae.safetensors", 2, **alike)
    assert "has none that fits" in _about(record, catalog, AdviceTopic.VAE)[0]
    assert not _about(record, catalog, AdviceTopic.FITTING)
    _add(catalog, tmp_path / "mine.safetensors", 3, **alike)
    assert _about(record, catalog, AdviceTopic.VAE) == [
        'It has no VAE: without one, pictures come out dull. `modelhub pull "SD VAE ft-MSE"` gets one that fits.',
        "Of the library, these may fit: mine. A blue or ruined picture means that one does not.",
    ]
    assert _about(record, catalog, AdviceTopic.FITTING) == [
        "1 VAE of the library may fit it: mine. Its file does not show for which bases;"
        " `modelhub list type:vae arch:sd1` lists it."
    ]
    _add(catalog, tmp_path / "vae-ft-mse-840000-ema-pruned.safetensors", 4, **alike)
    assert "the library has vae-ft-mse-840000-ema-pruned." in _about(record, catalog, AdviceTopic.VAE)[0]


@pytest.mark.parametrize(
    ("kind", "name", "sentence"),
    [
        (
            ModelType.LORA,
            "a:b",
            "A prompt in A1111 / Forge cannot hold `:` in a name: rename its file to use it there.",
        ),
        (
            ModelType.LORA,
            "a>b",
            "A prompt in A1111 / Forge cannot hold `>` in a name: rename its file to use it there.",
        ),
        (
            ModelType.EMBEDDING,
            "bad hand",
            "A prompt in ComfyUI ends a name at a space: rename its file without spaces to use it there.",
        ),
        (
            ModelType.EMBEDDING,
            "rem(v2)",
            "A prompt in A1111 / Forge / ComfyUI cannot hold `(` in a name: rename its file to use it there.",
        ),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="file names cannot have these characters")
def test_no_line_to_paste_has_a_name_that_its_syntax_cannot_hold(
    catalog: Catalog, tmp_path: Path, kind: ModelType, name: str, sentence: str
) -> None:
    """`<lora:a:b:0.8>` would load the LoRA `a`: the file must be renamed first."""
    record = _add(catalog, tmp_path / f"{name}.safetensors", type=kind)
    assert sentence in _about(record, catalog, AdviceTopic.WORDS)
    titles = sentence.removeprefix("A prompt in ").partition(" ends")[0].partition(" cannot")[0].split(" / ")
    assert not [line for line in _about(record, catalog, AdviceTopic.PROMPT) if titles[0] in line]


def test_a_name_with_spaces_and_commas_is_pasted_as_it_is(catalog: Catalog, tmp_path: Path) -> None:
    """Tags hold both; a space at the end of a name is no mark of a copy, and A1111 needs it."""
    record = _add(catalog, tmp_path / "red dress, v2 .safetensors")
    assert _about(record, catalog, AdviceTopic.PROMPT) == ["Prompt in A1111 / Forge: <lora:red dress, v2 :0.8>"]
    assert not [line for line in _about(record, catalog, AdviceTopic.WORDS) if "copy" in line]


def test_the_tags_in_a_publishers_words_load_no_other_model(catalog: Catalog, tmp_path: Path) -> None:
    """What is left of such a word is shown and pasted; a word that is only a tag is none."""
    words = (word("<lora:other:1>"), word("<lora:dress:0.7> red dress"), word("red dress"), word("<s1>"))
    record = _add(catalog, tmp_path / "dress.safetensors", trigger_words=words)
    assert _about(record, catalog, AdviceTopic.WORDS) == ["Trigger words: red dress, <s1>"]
    assert _about(record, catalog, AdviceTopic.PROMPT) == ["Prompt in A1111 / Forge: <lora:dress:0.8> red dress, <s1>"]
    only_tags = _add(catalog, tmp_path / "tags.safetensors", 2, trigger_words=words[:1])
    assert "No trigger words are known" in _about(only_tags, catalog, AdviceTopic.WORDS)[0]


def test_a_base_lists_what_of_the_library_fits_it(catalog: Catalog, tmp_path: Path) -> None:
    """By type, with a few names and the command that lists all of them."""
    record = _add(catalog, tmp_path / "base.safetensors", **BASE)
    for number in range(2, 9):
        _add(catalog, tmp_path / f"lora-{number}.safetensors", number)
    _add(catalog, tmp_path / "xl.safetensors", 20, architecture="sdxl")
    _add(catalog, tmp_path / "hand.pt", 21, type=ModelType.EMBEDDING)
    assert _about(record, catalog, AdviceTopic.FITTING) == [
        "7 LoRAs of the library fit it: lora-2, lora-3, lora-4, lora-5, …."
        " `modelhub list type:lora arch:sd1` lists them.",
        "1 embedding of the library fits it: hand. `modelhub list type:embedding arch:sd1` lists it.",
    ]


def test_an_adapter_names_the_bases_that_it_works_with(catalog: Catalog, tmp_path: Path) -> None:
    """None in the library: a well-known one to pull."""
    record = _add(catalog, tmp_path / "lora.safetensors")
    assert _about(record, catalog, AdviceTopic.BASE) == [
        'Needs a base of architecture sd1; the library has none: `modelhub pull "Stable Diffusion 1.5"` gets one.'
    ]
    _add(catalog, tmp_path / "base.safetensors", 2, **BASE)
    _add(catalog, tmp_path / "xl.safetensors", 3, **{**BASE, "architecture": "sdxl"})
    assert _about(record, catalog, AdviceTopic.BASE) == ["Needs a base of architecture sd1; the library has base."]


@pytest.mark.parametrize(("architecture", "name"), sorted({*KNOWN_BASES.items(), *KNOWN_VAES.items()}))
def test_what_is_named_to_be_pulled_is_a_known_model(architecture: str, name: str) -> None:
    """The commands that advice prints are understood by `pull`."""
    known = find_known_model(name)
    assert known is not None
    assert known.source
    assert known.architecture == architecture or (known.architecture, architecture) in (
        ("sd1", "sd2"),
        ("sdxl", "sdxl-refiner"),
    )


def test_every_line_is_also_a_sentence_of_its_own(catalog: Catalog, tmp_path: Path) -> None:
    """The Python API has the advice as texts."""
    record = _add(catalog, tmp_path / "lora" / "jelly.safetensors", trigger_words=(word("red dress"), word("x")))
    assert sentences(how_to_use(record, catalog=catalog)) == (
        "Trigger words: red dress, x",
        "Prompt in A1111 / Forge: <lora:jelly:0.8> red dress, x",
        "In ComfyUI, choose `jelly.safetensors` in the node `Load LoRA`.",
        'Needs a base of architecture sd1; the library has none: `modelhub pull "Stable Diffusion 1.5"` gets one.',
        "Place in A1111 / Forge: models/Lora/",
        "Place in ComfyUI: models/loras/",
    )
