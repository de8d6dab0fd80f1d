"""Reasons to leave a model in place, whatever the rules of a sort."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from modelhub.catalog import Catalog, ModelRow
from modelhub.domain import HARMLESS, ModelType, SafetyReport, Verdict
from modelhub.errors import Remedy


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyProblem:
    """A reason to leave a model in place. `reason`: a few words, the same for all of a kind; `message`: a sentence."""

    reason: str
    message: str
    remedy: Remedy = field(default_factory=Remedy)


_NOT_A_MODEL = "not a model"
CHANGING = SurveyProblem(reason="still changing", message="It is still being written.", remedy=Remedy("Sort it later."))
LINK = SurveyProblem(reason="a link", message="It is a link.", remedy=Remedy("Sort the folder that it leads to."))
_UNIDENTIFIED = SurveyProblem(
    reason="not sure",
    message="Could not be identified.",
    remedy=Remedy("The evidence of its detection shows why.", "show-evidence"),
)


def problem_of(
    type_: ModelType, safety: SafetyReport, *, broken: bool, problems: Sequence[str], is_model: bool = True
) -> SurveyProblem | None:
    """Return why a model is left in place whatever the rules: unsafe, broken, or not identified; None to sort it."""
    verdict = safety.verdict
    if not is_model:
        return SurveyProblem(reason=_NOT_A_MODEL, message=problems[0])
    if broken and verdict is not Verdict.DANGEROUS:
        return SurveyProblem(reason="broken", message=problems[0] if problems else "The file is damaged or incomplete.")
    if verdict in (Verdict.DANGEROUS, Verdict.SUSPICIOUS):
        found = safety.findings[0] if safety.findings else f"Its safety verdict is `{verdict.value}`."
        remedy = Remedy("Its safety scan lists the findings.", "show-findings")
        return SurveyProblem(reason=verdict.value, message=found, remedy=remedy)
    if type_ in (ModelType.UNKNOWN, ModelType.OTHER) or verdict is Verdict.UNRECOGNISED:
        return _UNIDENTIFIED
    return None


def known_problem(row: ModelRow, catalog: Catalog | None) -> SurveyProblem | None:
    """Return why a model of the catalog is left in place; only then its findings and problems are read."""
    safety, problems = SafetyReport(Verdict(row.verdict)), tuple[str, ...]()
    if catalog is not None and (row.broken or row.verdict not in HARMLESS):
        record = catalog.get(row.id)
        safety, problems = record.safety, record.problems
    return problem_of(ModelType(row.type), safety, broken=row.broken, problems=problems)
