"""Resolve what a user names: a reference of a source, a well-known model, or a page that guides link to."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

from modelhub.base_models import architecture_title
from modelhub.detect import KnownModel, find_named_models, find_near_models, find_page
from modelhub.domain import Style
from modelhub.errors import NotFoundError, Remedy, UsageError
from modelhub.fetch.fetcher import Fetcher, RemoteModel
from modelhub.fetch.sources.registry import example_references
from modelhub.operations.remote.agreement import stated_otherwise
from modelhub.words import WordKind, canonical


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedSource:
    """A remote model. `known`: the well-known model whose name stood for it."""

    remote: RemoteModel
    known: KnownModel | None = None


def resolve_source(source: str, *, revision: str | None, fetchers: Sequence[Fetcher]) -> ResolvedSource:
    """Return what the source has; the name of a well-known model stands for the place where it is published.

    Raise UsageError for a name that nothing has or that several models share, NotFoundError for a known model without
    a lasting source, and what the fetcher raises.
    """
    page = find_page(source)
    if page is not None and not page.may_hold_weights:
        if len(page.models) > 1:
            raise _page_error(source, page.models)
        notice = f"{source} is a page without weights; {page.models[0].name} is pulled instead."
        return _resolve_known(page.models[0], revision=revision, fetchers=fetchers, notices=(notice,))
    named = () if any(mark in source for mark in "/:") else find_named_models(source)
    if len(named) > 1:
        raise _several(f"`{source}` may be one of several models:", named)
    if named:
        return _resolve_known(named[0], revision=revision, fetchers=fetchers)
    return ResolvedSource(remote=find_fetcher(source, fetchers).resolve(source, revision=revision))


def find_fetcher(source: str, fetchers: Sequence[Fetcher]) -> Fetcher:
    """Return the first fetcher that claims `source`. Raise UsageError, which shows what may be meant instead."""
    for fetcher in fetchers:
        if fetcher.claims(source):
            return fetcher
    style = canonical(WordKind.STYLE, source)
    if style not in (None, Style.UNKNOWN):
        raise UsageError(
            f"`{source}` is a style, not the name of a model.",
            Remedy("Name a known model of this style.", "known-style", {"style": str(style)}),
        )
    if os.path.lexists(source):
        remedy = Remedy("Add it to the library instead.", "add-local", {"path": source})
        raise UsageError(f"{source} is on this machine already.", remedy)
    near = find_near_models(source)
    if len(near) == 1:
        name = near[0].name
        raise UsageError(
            f"`{source}` is not the name of a known model, and not a reference of any source.",
            Remedy(f"Did you mean {name}?", "pull-near-name", {"name": name}),
        )
    if near:
        raise _several(f"`{source}` is not the name of a known model. Similar names are:", near)
    examples = example_references()
    raise UsageError(
        f"`{source}` is not the name of a known model, and not a reference of any source.",
        Remedy(f"Write {examples}, or the address of a model's page.", "no-source", {"examples": examples}),
    )


def point_from_page(source: str, error: NotFoundError) -> NotFoundError:
    """Return the error for a repository without weights: with the models that people look for there, if it is known."""
    page = find_page(source)
    return error if page is None else _page_error(source, page.models)


def _resolve_known(
    known: KnownModel, *, revision: str | None, fetchers: Sequence[Fetcher], notices: tuple[str, ...] = ()
) -> ResolvedSource:
    if known.source is None:
        raise _no_lasting_source(known)
    source = known.source
    if known.source.startswith("civitai:") and (revision or not known.is_pinned):
        # A version that the user names is one of the same page; without one, the page is queried for the architecture.
        page = known.source.partition("@")[0]
        source = f"urn:air:{known.architecture}:checkpoint:{page}"
    remote = find_fetcher(source, fetchers).resolve(source, revision=revision)
    stated = stated_otherwise(known.architecture, remote)
    if stated and not revision:
        if known.is_pinned:
            raise UsageError(
                f"{known.name} is a model for {architecture_title(known.architecture)},"
                f" but {remote.reference} is listed for {remote.base_model}.",
                Remedy(
                    f"Name the version itself if you want it: {remote.reference}.",
                    "name-version",
                    {"reference": remote.reference},
                ),
            )
        notices = (*notices, stated)
    if known.is_pinned and remote.reference != known.source:
        pulled = f"{remote.reference} is pulled, as requested; {known.name} itself is {known.source}."
    else:
        pulled = f"{known.name} is pulled from {remote.reference}."
    notices = (*notices, pulled, *remote.notices)
    remote = replace(remote, notices=notices)
    if revision:
        return ResolvedSource(remote=remote)
    if known.is_pinned:
        remote = replace(remote, version_reason=f"the version that is {known.name}")
    return ResolvedSource(remote=remote, known=known)


def _no_lasting_source(known: KnownModel) -> NotFoundError:
    summary = f"{known.name} is not published any more at a lasting address."
    if not known.instead:
        return NotFoundError(summary, "Search for it at a hub and pull the address of its page.")
    return NotFoundError(
        summary,
        Remedy(
            f"The nearest known model is {known.instead}. Or pull the address of a page that you trust.",
            "pull-instead",
            {"name": known.instead},
        ),
    )


def _page_error(source: str, models: Sequence[KnownModel]) -> NotFoundError:
    if len(models) == 1:
        name = models[0].name
        remedy = Remedy(f'The model is "{name}".', "pull-from-page", {"name": name})
        return NotFoundError(f"{source} is a page without weights.", remedy)
    error = _several(f"{source} is a page without weights. Its models are:", models)
    return NotFoundError(error.summary, error.remedy, details=error.details)


def _several(summary: str, models: Sequence[KnownModel]) -> UsageError:
    details = [f"{model.name} ({architecture_title(model.architecture)})" for model in models]
    remedy = Remedy("Name one of them.", "name-known-model", {"name": models[0].name})
    return UsageError(summary, remedy, details=details)
