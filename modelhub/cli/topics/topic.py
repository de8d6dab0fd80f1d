"""A topic of `explain`, and the group that it belongs to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Examples:
    """The models of the library that illustrate a topic.

    `queries`: with several, one model of each is shown, with the value of its first term. `suffix`: only files that end
    so. `negative`: only embeddings for the negative prompt. `usable`: only models that are present, whole and harmless.
    """

    queries: tuple[str, ...]
    suffix: str = ""
    negative: bool = False
    usable: bool = True

    @property
    def is_labeled(self) -> bool:
        """Whether each example is shown with the value that its query looks for."""
        return len(self.queries) > 1 and not self.suffix


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """A term and its explanation. `also`: other words that lead to it; `main`: the list of topics has its summary."""

    word: str
    summary: str
    more: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    examples: Examples | None = None
    main: bool = False

    @property
    def text(self) -> str:
        """The whole explanation, a paragraph for each idea."""
        return "\n\n".join((self.summary, *self.more))


@dataclass(frozen=True, slots=True)
class TopicGroup:
    """Topics that belong together, with a title."""

    title: str
    topics: tuple[Topic, ...]


def models(*queries: str, suffix: str = "", negative: bool = False, usable: bool = True) -> Examples:
    """Return the examples that queries find."""
    return Examples(queries=queries, suffix=suffix, negative=negative, usable=usable)
