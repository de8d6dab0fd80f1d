"""`modelhub explain`: the terms of the field in plain words, with the library's own models as examples."""

from __future__ import annotations

import difflib
import shutil
import textwrap
from dataclasses import dataclass
from typing import Annotated

import typer

from modelhub.cli.output import clean, color, print_json
from modelhub.cli.session import Session
from modelhub.errors import NotFoundError

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@dataclass(frozen=True, slots=True)
class Topic:
    """A term. `examples`: a field and its value; the first models that have it illustrate the term."""

    word: str
    text: str
    examples: tuple[str, str] | None = None
    also: tuple[str, ...] = ()


TOPICS: tuple[Topic, ...] = (
    Topic(
        "checkpoint",
        "A checkpoint (here: `base`) is a whole image generator in one file: the UNet that paints, the text"
        " encoder that reads your prompt, and usually the VAE that turns the result into pixels. Everything"
        " else is added on top of one. Typical size: 2 to 7 GB. Models of one architecture (sd1, sd2, sdxl …)"
        " only work with add-ons made for it.",
        ("type", "base"),
        ("base", "model"),
    ),
    Topic(
        "vae",
        "The VAE translates between pixels and the small latent picture that the UNet paints. Most"
        " checkpoints have one inside. If pictures come out gray, washed out or black, the checkpoint has"
        " none, or a broken one: use a separate VAE file of the same architecture.",
        ("type", "vae"),
    ),
    Topic(
        "lora",
        "A LoRA is a small add-on (tens to hundreds of MB) that teaches a base a character, a style or an"
        " object. It works only on bases of its own architecture, usually needs its trigger word in the prompt,"
        " and is used as <lora:name:0.8>. LoCon, LoHa, LoKr, DoRA are relatives that are used the same way.",
        ("type", "lora"),
        ("locon", "loha", "lokr", "dora", "lycoris"),
    ),
    Topic(
        "embedding",
        "An embedding (textual inversion) is one or a few new words for the text encoder, a few kB. Its file"
        " name is the word: write it into the prompt, or into the negative prompt if it was made for that"
        " (EasyNegative).",
        ("type", "embedding"),
        ("textual-inversion", "ti"),
    ),
    Topic(
        "hypernetwork",
        "A hypernetwork is a set of small networks that change the attention of a base. An older way to teach a"
        " style, mostly replaced by LoRA; used as <hypernet:name:1.0> in A1111.",
        ("type", "hypernetwork"),
    ),
    Topic(
        "pruned",
        "Training leaves things in a checkpoint that nobody needs to make pictures: optimizer states, a"
        " second copy of the weights. A pruned file has them removed. `pruned` here still holds both weight"
        " sets, `pruned-emaonly` one.",
        ("variant", "pruned-emaonly"),
    ),
    Topic(
        "ema",
        "While a model is trained, a moving average (EMA) of its weights is kept besides the latest ones. For"
        " pictures the EMA weights are the better ones; to train on, you want both. A file called -emaonly"
        " holds only the average; -nonema or -noema only the latest.",
        ("variant", "pruned"),
        ("emaonly", "noema"),
    ),
    Topic(
        "safetensors",
        "A file format that holds numbers and nothing else: opening one cannot run code. Prefer it to .ckpt and .pt.",
        ("format", "safetensors"),
    ),
    Topic(
        "pickle",
        "The format inside .ckpt, .pt and .bin files. A pickle is a small program; opening one can run"
        " anything its author wrote. modelhub never loads them: it reads their instructions and reports what"
        " they would do. `modelhub convert` rewrites the harmless ones as safetensors.",
        ("format", "torch-zip"),
        ("ckpt",),
    ),
    Topic(
        "style",
        "What a base is made to draw: `official` (the publishers' own releases), `anime`, `realistic`, `2.5d`"
        " (in between) or `unknown`. modelhub decides by known hashes, tags, names and training data, and"
        " states its confidence; your own value overrides it: modelhub set MODEL style=anime.",
        ("type", "base"),
    ),
    Topic(
        "trigger",
        "A trigger word activates what a LoRA was trained on. It comes from the file's training data, its"
        " publisher, or you: modelhub set MODEL triggers=word1,word2.",
        ("type", "lora"),
        ("trigger-word", "activation"),
    ),
)


def _find(word: str) -> Topic:
    names = {name: topic for topic in TOPICS for name in (topic.word, *topic.also)}
    wanted = word.lower().rstrip("s") if word.lower() not in names else word.lower()
    if wanted in names:
        return names[wanted]
    near = difflib.get_close_matches(wanted, names, n=1)
    hint = f"Did you mean `{near[0]}`?" if near else f"Choose one of: {', '.join(t.word for t in TOPICS)}."
    raise NotFoundError(f"There is no topic `{word}`.", hint)


@app.command()
def explain(
    ctx: typer.Context,
    topic: Annotated[str, typer.Argument(metavar="[TOPIC]", help="A term; without one, the list.")] = "",
) -> None:
    """Explain a term of the field on one screen, with your own models as examples.

    Example: modelhub explain lora
    """
    session: Session = ctx.obj
    chosen = [_find(topic)] if topic else list(TOPICS)
    if session.json:
        from modelhub.documents.library import TopicDocument

        print_json([TopicDocument(topic=t.word, text=t.text, examples=tuple(_examples(session, t))) for t in chosen])
        return
    columns = min(90, shutil.get_terminal_size((90, 24)).columns)
    for item in chosen:
        first = item.text if topic else item.text.split(". ")[0] + "."
        print(color(item.word, "1"))
        print(textwrap.fill(first, columns, initial_indent="  ", subsequent_indent="  "))
    names = _examples(session, chosen[0]) if topic else []
    if names:
        print(f"\n  In your library: {', '.join(map(clean, names))}")
    elif not topic:
        print("\nMore about one: modelhub explain lora")


def _examples(session: Session, topic: Topic) -> list[str]:
    """Return the names of up to three models of the library that illustrate the topic; none without a catalog."""
    if topic.examples is None or not session.has_catalog:
        return []
    from modelhub.catalog import ModelQuery, Term

    field, value = topic.examples
    rows = session.catalog.list(ModelQuery(terms=(Term(field, value),), limit=3))
    return [row.name for row in rows]
