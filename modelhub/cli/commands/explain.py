"""`modelhub explain`: the terms of the field in plain words, with the library's own models as examples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from modelhub.cli.session import Session

if TYPE_CHECKING:
    from modelhub.cli.topics.topic import Topic

app = typer.Typer(rich_markup_mode=None, add_completion=False)


def _complete(incomplete: str) -> list[str]:
    from modelhub.cli.topics.registry import TOPICS

    return [topic.word for topic in TOPICS if " " not in topic.word and topic.word.startswith(incomplete.lower())]


@app.command()
def explain(
    ctx: typer.Context,
    topics: Annotated[
        list[str] | None,
        typer.Argument(metavar="[TOPIC]", help="A term; without one, the list.", autocompletion=_complete),
    ] = None,
) -> None:
    """Explain a term of the field on one screen, with your own models as examples.

    Any word that modelhub prints is a term, and so are file suffixes and the words of guides.

    Example: modelhub explain lora
    """
    from modelhub.cli.output import print_json, print_lines
    from modelhub.cli.topics.registry import TOPICS
    from modelhub.cli.views.explain import example_names, print_topic, print_topics

    session: Session = ctx.obj
    chosen = _chosen(topics or [], session)
    if session.json:
        from modelhub.documents.library import TopicDocument

        print_json(
            [
                TopicDocument(topic=topic.word, text=topic.text, examples=tuple(example_names(session, topic).values()))
                for topic in chosen or TOPICS
            ]
        )
    elif not chosen:
        print_topics()
    else:
        for number, topic in enumerate(chosen):
            if number:
                print_lines("")
            print_topic(session, topic)


def _chosen(words: list[str], session: Session) -> list[Topic]:
    """Return the topics that arguments name: one of several words, or several. Raise NotFoundError for another word."""
    from modelhub.cli.topics.registry import find_topic
    from modelhub.errors import NotFoundError

    together = " ".join(words)
    if not together.strip():
        return []
    if topic := find_topic(together):
        return [topic]
    found = {word: find_topic(word) for word in words}
    unknown = next((word for word, topic in found.items() if topic is None), None)
    if unknown is None:
        return list({topic.word: topic for topic in found.values() if topic}.values())
    raise NotFoundError(f"There is no topic `{together}`.", _hint(together, unknown, session))


def _hint(together: str, unknown: str, session: Session) -> str:
    """Return what to type instead: about a model of the library, a well-known model, the nearest topic, or the list."""
    from modelhub.cli.quoting import quote_argument
    from modelhub.cli.topics.registry import nearest_topic
    from modelhub.detect import find_known_model

    name = quote_argument(together)
    if session.has_catalog and session.catalog.find(together, exact=True):
        return f"It is a model of the library: `modelhub show {name}`."
    if find_known_model(together):
        return f"It is a well-known model: `modelhub known {name}`."
    near = nearest_topic(together) or nearest_topic(unknown)
    if near:
        return f"Did you mean `{near}`? Show it with `modelhub explain {near}`."
    return "`modelhub explain` lists the topics; `modelhub search` looks for models."
