"""The lines of advice about one model, in the order in which a newcomer needs them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath

from modelhub.catalog import Catalog
from modelhub.detect.negative_words import is_negative_word
from modelhub.domain import Format, LocationState, ModelRecord, ModelType, Variant, Verdict
from modelhub.operations.library.advice.fitting import (
    BASES,
    NEEDS_BASE,
    families_of,
    family_of,
    fitting_addons,
    fitting_bases,
)
from modelhub.operations.library.advice.prompts import (
    SHOWN_WORDS,
    featured_uis,
    is_listed,
    is_named_as_copy,
    name_in_list,
    plain_file_name,
    prompt_words,
    record_prompt_texts,
    unwritable_names,
)

SHOWN_NAMES = 4
_WITH_WORDS = (ModelType.LORA, ModelType.HYPERNETWORK)
_IN_PROMPTS = (*_WITH_WORDS, ModelType.EMBEDDING)
_WITH_OWN_VAE = ("sd1", "sd2", "sdxl", "sdxl-refiner")  # architectures whose bases usually hold one
# Architecture → the well-known model to pull where the library has none that fits; a test holds them known.
KNOWN_BASES = {"sd1": "Stable Diffusion 1.5", "sd2": "Stable Diffusion 2.1", "sdxl": "SDXL 1.0 Base"}
KNOWN_VAES = {"sd1": "SD VAE ft-MSE", "sd2": "SD VAE ft-MSE", "sdxl": "SDXL VAE", "sdxl-refiner": "SDXL VAE"}
_PLAIN = re.compile(r"[\w.+@=][\w.+@=-]*")

VARIANT_ADVICE = {
    Variant.FULL: "Holds training state besides both weight sets: good for training on, wasteful for pictures.",
    Variant.PRUNED: "Holds both weight sets: right for fine-tuning; for pictures the EMA-only file does the same.",
    Variant.PRUNED_EMAONLY: "Holds the EMA weights only: right for pictures; to fine-tune take the file with both.",
    Variant.PRUNED_NOEMA: "Holds the last-step weights only: right to train on; for pictures EMA weights are smoother.",
    Variant.SINGLE: "Holds one weight set: right for pictures.",
    Variant.EMA_ORPHAN: "Holds EMA weights without a main set: no UI loads it as it is.",
}
# Type → what fits a base: the sentence for one, and for several.
_FITTING = {
    ModelType.VAE: (
        "{count} VAE of the library fits it: {names}. `{command}` lists it.",
        "{count} VAEs of the library fit it: {names}. `{command}` lists them.",
    ),
    ModelType.LORA: (
        "{count} LoRA of the library fits it: {names}. `{command}` lists it.",
        "{count} LoRAs of the library fit it: {names}. `{command}` lists them.",
    ),
    ModelType.EMBEDDING: (
        "{count} embedding of the library fits it: {names}. `{command}` lists it.",
        "{count} embeddings of the library fit it: {names}. `{command}` lists them.",
    ),
    ModelType.HYPERNETWORK: (
        "{count} hypernetwork of the library fits it: {names}. `{command}` lists it.",
        "{count} hypernetworks of the library fit it: {names}. `{command}` lists them.",
    ),
    ModelType.CONTROLNET: (
        "{count} ControlNet of the library fits it: {names}. `{command}` lists it.",
        "{count} ControlNets of the library fit it: {names}. `{command}` lists them.",
    ),
}
# VAEs of SD 1.x, SD 2.x and SDXL have the same tensors, but not the same values.
_UNCERTAIN = (
    "{count} VAE of the library may fit it: {names}. Its file does not show for which bases; `{command}` lists it.",
    "{count} VAEs of the library may fit it: {names}. Their files do not show for which bases; `{command}` lists them.",
)


class AdviceTopic(StrEnum):
    """The subject of a line of advice."""

    WARNING = "warning"
    WORDS = "words"
    PROMPT = "prompt"
    LOADING = "loading"
    BASE = "base"
    VAE = "vae"
    FITTING = "fitting"
    VARIANT = "variant"
    PLACE = "place"


@dataclass(frozen=True, slots=True, kw_only=True)
class AdviceLine:
    """A line of advice. `text`: a sentence, or with `ui` what to paste there or where to place the model."""

    topic: AdviceTopic
    text: str
    ui: str = ""

    @property
    def sentence(self) -> str:
        """The line as one sentence, which names the UI."""
        if not self.ui:
            return self.text
        return (
            f"Prompt in {self.ui}: {self.text}"
            if self.topic is AdviceTopic.PROMPT
            else f"Place in {self.ui}: {self.text}"
        )


def how_to_use(record: ModelRecord, *, catalog: Catalog) -> tuple[AdviceLine, ...]:
    """Return how to use a model, most needed first; about a dangerous one nothing but the warning."""
    if record.safety.verdict is Verdict.DANGEROUS:
        text = "Do not load it in any UI: it can run code. Delete it, and report it to the place that it came from."
        return (AdviceLine(topic=AdviceTopic.WARNING, text=text),)
    if record.files and record.main.broken:
        return (AdviceLine(topic=AdviceTopic.WARNING, text="It is damaged: no UI can load it as it is."),)
    return (
        *_lines(AdviceTopic.WARNING, _absence(record)),
        *_lines(AdviceTopic.WORDS, _words(record)),
        *_prompts(record),
        *_lines(AdviceTopic.LOADING, _loading(record)),
        *_lines(AdviceTopic.BASE, _bases(record, catalog)),
        *_lines(AdviceTopic.VAE, _vae(record, catalog)),
        *_lines(AdviceTopic.FITTING, _fitting(record, catalog)),
        *_lines(AdviceTopic.VARIANT, _variant(record)),
        *_places(record),
    )


def prompt_advice(record: ModelRecord) -> tuple[AdviceLine, ...]:
    """Return the lines about prompts, which need no catalog, without the trigger words themselves.

    None about a model that must not or cannot be loaded.
    """
    if record.safety.verdict is Verdict.DANGEROUS or not record.files or record.main.broken:
        return ()
    words = list(_words(record))
    if prompt_words(record.detection) and record.detection.type is not ModelType.EMBEDDING:
        words = words[1:]
    prompts = tuple(_prompts(record))
    loading = _loading(record) if prompts else iter(())
    return (*_lines(AdviceTopic.WORDS, iter(words)), *prompts, *_lines(AdviceTopic.LOADING, loading))


def _lines(topic: AdviceTopic, texts: Iterator[str]) -> Iterator[AdviceLine]:
    return (AdviceLine(topic=topic, text=text) for text in texts)


def _absence(record: ModelRecord) -> Iterator[str]:
    if record.state is LocationState.MISSING:
        yield "Its file is missing: `modelhub scan` finds it if it was moved."
    elif record.state is LocationState.UNAVAILABLE:
        yield "Its folder is out of reach: connect the drive that it is on."


def _words(record: ModelRecord) -> Iterator[str]:
    detection = record.detection
    words = prompt_words(detection)
    if detection.type is ModelType.EMBEDDING:
        if is_negative_word([record.name, *words], record.tags):
            yield "It is a negative embedding: write its word into the negative prompt."
        else:
            yield "Write its word into the prompt; it stands for what it was trained on."
    elif words:
        shown = ", ".join(words[:SHOWN_WORDS])
        yield f"Trigger words: {shown}" if len(words) > 1 else f"Trigger word: {shown}"
    elif detection.type in _WITH_WORDS:
        yield f"No trigger words are known; `modelhub enrich {argument(record)}` looks them up."
    if detection.type in _IN_PROMPTS and is_named_as_copy(record):
        yield f"Its file is named as a copy: rename it to `{plain_file_name(record)}`, the name that prompts need."
    for character, uis in unwritable_names(record).items():
        if character == " ":
            yield f"A prompt in {uis} ends a name at a space: rename its file without spaces to use it there."
        else:
            yield f"A prompt in {uis} cannot hold `{character}` in a name: rename its file to use it there."


def _prompts(record: ModelRecord) -> Iterator[AdviceLine]:
    for text, uis in record_prompt_texts(record).items():
        yield AdviceLine(topic=AdviceTopic.PROMPT, text=text, ui=uis)


def _loading(record: ModelRecord) -> Iterator[str]:
    """Yield how each UI loads a model that prompts do not name there, by the name in its list."""
    kind = record.detection.type
    if record.format is Format.DIFFUSERS:
        yield "It is a diffusers folder, which programs in Python load; most UIs want a model in one file."
        return
    for ui in featured_uis():
        if not is_listed(record, ui):
            continue
        node, menu = ui.nodes.get(kind), ui.menus.get(kind)
        if menu:
            yield f"In {ui.title}, choose `{name_in_list(record, ui)}` under `{menu}`."
        elif node and kind not in ui.prompts:
            yield f"In {ui.title}, choose `{name_in_list(record, ui)}` in the node `{node}`."


def _bases(record: ModelRecord, catalog: Catalog) -> Iterator[str]:
    if record.detection.type not in NEEDS_BASE:
        return
    families = families_of(record.detection)
    names = fitting_bases(record, catalog=catalog)
    wanted = " / ".join(families)
    if not families:
        yield "Needs a base of the same architecture, which its file does not show."
    elif names:
        yield f"Needs a base of architecture {wanted}; the library has {_listed(names)}."
    elif families[0] in KNOWN_BASES:
        known = KNOWN_BASES[families[0]]
        yield f'Needs a base of architecture {wanted}; the library has none: `modelhub pull "{known}"` gets one.'
    else:
        yield f"Needs a base of architecture {wanted}; the library has none."


def _vae(record: ModelRecord, catalog: Catalog) -> Iterator[str]:
    detection = record.detection
    family = family_of(detection)
    if record.format is Format.DIFFUSERS:
        return
    if detection.type is ModelType.VAE:
        yield "A base with its own VAE needs no other: choose this one as SD VAE only for a base without."
        yield "A blue or ruined picture at the last step means that it does not fit: set SD VAE to Automatic."
    elif detection.type in BASES and "vae" in detection.components:
        yield "It has a VAE: leave SD VAE at Automatic."
    elif detection.type is ModelType.BASE and family in _WITH_OWN_VAE:
        vaes = [addons for addons in fitting_addons(record, catalog=catalog) if addons.type is ModelType.VAE]
        known = KNOWN_VAES[family]
        names = _listed(vaes[0].names) if vaes else ""
        if vaes and vaes[0].is_certain:
            yield f"It has no VAE: without one, pictures come out dull. Choose one as SD VAE; the library has {names}."
        elif vaes:
            yield f'It has no VAE: without one, pictures come out dull. `modelhub pull "{known}"` gets one that fits.'
            yield f"Of the library, these may fit: {names}. A blue or ruined picture means that one does not."
        else:
            yield f'It has no VAE, and the library has none that fits: `modelhub pull "{known}"` gets one.'


def _fitting(record: ModelRecord, catalog: Catalog) -> Iterator[str]:
    for addons in fitting_addons(record, catalog=catalog):
        count = len(addons.names)
        template = (_FITTING[addons.type] if addons.is_certain else _UNCERTAIN)[count != 1]
        yield template.format(count=count, names=_listed(addons.names), command=f"modelhub list {addons.query}")


def _listed(names: Sequence[str]) -> str:
    """Return the first names of a list; an ellipsis stands for the others."""
    return ", ".join([*names[:SHOWN_NAMES], "…"] if len(names) > SHOWN_NAMES else names)


def _variant(record: ModelRecord) -> Iterator[str]:
    if text := VARIANT_ADVICE.get(record.detection.variant) if record.detection.variant else None:
        yield text


def _places(record: ModelRecord) -> Iterator[AdviceLine]:
    folders: dict[PurePosixPath, list[str]] = {}
    for ui in featured_uis():
        detection = record.detection
        folder = ui.folder_for(detection.type, algorithm=detection.algorithm, format=record.format)
        if folder:
            folders.setdefault(ui.inner / folder, []).append(ui.title)
    for folder, titles in folders.items():
        yield AdviceLine(topic=AdviceTopic.PLACE, text=f"{folder}/", ui=" / ".join(titles))


def argument(record: ModelRecord) -> str:
    """Return what a command calls a model by: its name where a shell takes it as it is, else its number."""
    is_plain = _PLAIN.fullmatch(record.name) and not record.name.isdigit() and ":" not in record.name
    return record.name if is_plain else str(record.id)


def sentences(lines: Sequence[AdviceLine]) -> tuple[str, ...]:
    """Return the advice as sentences."""
    return tuple(line.sentence for line in lines)
