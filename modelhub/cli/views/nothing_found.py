"""The answer to a query that no model matches: good news where the query looks for something wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelhub.language import _, translate

if TYPE_CHECKING:
    from modelhub.catalog import Catalog, ModelQuery, Term

# A condition that looks for something wrong, as (field, value, negated) → what is true when no model meets it.
_GOOD_NEWS = {
    ("state", "missing", False): "No model is missing.",
    ("state", "present", True): "No model is missing.",
    ("state", "unavailable", False): "No model is on a drive that is out of reach.",
    ("broken", "yes", False): "No model is broken.",
    ("broken", "no", True): "No model is broken.",
    ("verdict", "dangerous", False): "No model is dangerous.",
    ("verdict", "suspicious", False): "No model is suspicious.",
    ("verdict", "unrecognised", False): "No model is in a format that modelhub cannot read.",
    ("duplicate", "yes", False): "No file is in more than one place.",
    ("duplicate", "no", True): "No file is in more than one place.",
    ("rendered", "bad", False): "No model has failed its last render test.",
}


def nothing_found(query: ModelQuery, catalog: Catalog) -> str:
    """Return the sentence for a query that no model matches, in the language in use."""
    if not catalog.counts().models:
        return _("No models yet. Add some with `modelhub add FOLDER` or `modelhub pull SOURCE`.")
    if len(query.terms) == 1 and (news := _GOOD_NEWS.get(_condition(query.terms[0]))):
        return translate(news)
    return _("No models match. `modelhub list` shows all of them.")


def _condition(term: Term) -> tuple[str, str, bool]:
    return term.field, str(term.value), term.negated
