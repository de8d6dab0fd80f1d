"""What `render-test` prints: one line for each model, a sum, and a contact sheet."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelhub.cli.output import clean, colour, print_json, shorten, width
from modelhub.cli.session import Session
from modelhub.domain import ModelRecord, ModelType
from modelhub.errors import Exit, UsageError
from modelhub.operations.render.plan import TESTED
from modelhub.operations.render.run import Rendered, Which
from modelhub.quantities import format_duration, format_size
from modelhub.render.recipes import SAMPLERS
from modelhub.render.verdicts import MEANINGS, RenderVerdict, is_good

if TYPE_CHECKING:
    from modelhub.catalog import RenderRun
    from modelhub.render.sheet.sheet import Entry

_VERDICT_WIDTH = 14


def one_way(*, all_: bool, failed: bool, stale: bool, models: Sequence[str] | None) -> Which:
    """Which models are meant by the flags. Raises UsageError when they contradict each other."""
    chosen = [which for flag, which in ((all_, Which.ALL), (failed, Which.FAILED), (stale, Which.STALE)) if flag]
    if len(chosen) > 1 or (chosen and models):
        raise UsageError("Say one of --all, --failed, --stale, or the models by name.")
    return chosen[0] if chosen else Which.PENDING


def checked_device(device: str) -> str:
    """A device that torch may have. Raises UsageError for a word that is none."""
    if re.fullmatch(r"auto|cpu|mps|cuda(:\d{1,3})?", device):
        return device
    raise UsageError(f"There is no device `{device}`.", "One of: auto, cpu, cuda, cuda:1, mps.")


def named_base(session: Session, reference: str | None) -> ModelRecord | None:
    """The base that --base names. Raises UsageError when it is something else."""
    from modelhub.operations.library.selection import one_model

    if reference is None:
        return None
    record = one_model(reference, catalog=session.catalog)
    if record.detection.type != ModelType.BASE:
        raise UsageError(
            f"--base: {record.name} is a model of type {record.detection.type.value}.",
            "`modelhub list --type base` shows the bases.",
        )
    return record


def checked_sampler(name: str) -> str:
    """The sampler. Raises UsageError for one that is not known."""
    if name.lower() not in SAMPLERS:
        raise UsageError(f"There is no sampler `{name}`.", f"One of: {', '.join(SAMPLERS)}.")
    return name.lower()


def configured_bases(session: Session) -> dict[str, ModelRecord]:
    """The setting `render.bases`. Raises UsageError for a row that is no ARCHITECTURE=MODEL."""
    from modelhub.operations.library.selection import one_model

    found = {}
    for row in session.settings.render.bases:
        architecture, _, name = row.partition("=")
        if not name:
            raise UsageError(f"render.bases: `{row}` is no ARCHITECTURE=MODEL.", 'Such as ["sd1=v1-5-pruned-emaonly"].')
        found[architecture.strip()] = one_model(name.strip(), catalog=session.catalog)
    return found


class Shown:
    """Prints results as they come; at the end the sum, the JSON document and the sheet."""

    def __init__(self, session: Session, *, sheet: Path | None) -> None:
        self.session = session
        self.sheet = sheet
        self.tested: list[Rendered] = []

    @property
    def code(self) -> int:
        """1 when a model was found not to work."""
        bad = [t for t in self.tested if not t.good and t.run.verdict != RenderVerdict.NOT_TESTED]
        return Exit.FAILED if bad else Exit.OK

    def add(self, tested: Rendered) -> None:
        """One result."""
        self.tested.append(tested)
        if not self.session.json:
            print("\n".join(_lines(tested)), flush=True)

    def end(self, *, everything: bool) -> None:
        """The sum, also of a run that is broken off."""
        if self.session.json:
            print_json([run_to_json(t.record, t.run, self.session.settings.library) for t in self.tested])
        elif not self.tested:
            text = "Nothing to test: every model has been, and has not changed. --all tests again."
            self.session.progress.note(text if everything else "nothing tested")
        else:
            counts = Counter(t.run.verdict for t in self.tested)
            models = "1 model" if len(self.tested) == 1 else f"{len(self.tested)} models"
            self.session.progress.note(f"{models}: {', '.join(f'{count} {name}' for name, count in counts.items())}")
        if self.sheet is not None:
            self._write_sheet(self.sheet)

    def _write_sheet(self, target: Path) -> None:
        """Every model's last result: what does not work first, then by type and name."""
        from modelhub.render.sheet.sheet import write_sheet

        library = self.session.settings.library
        rows = [(t.record, t.run) for t in self.tested]
        mine = {record.id for record, _ in rows}
        for model_id, run in self.session.catalog.last_render_runs().items():
            if model_id not in mine:
                rows.append((self.session.catalog.get(model_id), run))
        if not rows:
            return
        rows.sort(key=_order)
        write_sheet(target, [entry_of(record, run, library) for record, run in rows], title="modelhub render-test")
        self.session.progress.note(f"contact sheet: {target}")


def _order(row: tuple[ModelRecord, RenderRun]) -> tuple[bool, int, str]:
    record, run = row
    kind = record.detection.type
    return is_good(run.verdict), TESTED.index(kind) if kind in TESTED else len(TESTED), record.name.casefold()


def _lines(tested: Rendered) -> list[str]:
    run, record = tested.run, tested.record
    verdict = RenderVerdict(run.verdict)
    shade = "32" if tested.good else "33" if verdict is RenderVerdict.NOT_TESTED else "31"
    if tested.good and run.warnings:
        shade = "33"
    name = shorten(clean(record.name), 32)
    head = f"{colour(f'{run.verdict:<{_VERDICT_WIDTH}}', shade)}  {record.detection.type.value:<12}  "
    base = f" on {clean(run.base_name)}" if run.base_name else ""
    took = f"  ({format_duration(run.seconds)}{_memory(run)})" if run.seconds else ""
    lines = [f"{head}{name}{' ' * max(0, 32 - width(name))}  {clean(run.words)}{base}{took}"]
    hints = [MEANINGS[verdict].hint] if MEANINGS[verdict].hint else []
    indent = " " * (_VERDICT_WIDTH + 2)
    lines += [f"{indent}{clean(warning)}" for warning in run.warnings]
    lines += [f"{indent}{hint}" for hint in hints]
    if tested.preview:
        lines.append(f"{indent}preview: {clean(str(tested.preview))}")
    return lines


def _memory(run: RenderRun) -> str:
    device = str(run.metrics.get("device", ""))
    if not device.startswith("cuda"):
        return ""
    return f", needs {format_size(int(run.metrics['peak_memory']))} of VRAM at {run.recipe.get('width')}"


def proof_lines(run: RenderRun, library: Path) -> list[str]:
    """What the last render test found, for `show`."""
    base = f" on {run.base_name}" if run.base_name else ""
    lines = [f"{run.verdict}: {run.words}{base} ({run.started_at[:10]})", *run.warnings]
    if "full" in run.pictures:
        lines.append(str(library / run.pictures["full"]))
    return lines


def run_to_json(record: ModelRecord, run: RenderRun, library: Path) -> dict[str, Any]:
    """One result as others may read it."""
    return {
        "id": record.id,
        "name": record.name,
        "path": str(record.path) if record.path else None,
        "type": record.detection.type.value,
        "verdict": run.verdict,
        "good": run.verdict in MEANINGS and MEANINGS[RenderVerdict(run.verdict)].good,
        "words": run.words,
        "warnings": list(run.warnings),
        "base": run.base_name or None,
        "recipe": dict(run.recipe),
        "metrics": dict(run.metrics),
        "pictures": {kind: str(library / path) for kind, path in run.pictures.items()},
        "seconds": run.seconds,
        "started_at": run.started_at,
    }


def entry_of(record: ModelRecord, run: RenderRun, library: Path) -> Entry:
    """A row of the contact sheet."""
    from modelhub.render.sheet.sheet import Entry

    places = {kind: library / path for kind, path in run.pictures.items()}
    details = [("prompt", str(run.recipe.get("prompt", ""))), ("base", run.base_name)]
    details += [("chosen as", str(run.recipe.get("base_why") or "")), ("time", format_duration(run.seconds))]
    detection = record.detection
    return Entry(
        name=record.name,
        type=detection.type.value,
        architecture=detection.architecture or " or ".join(detection.architecture_candidates),
        verdict=run.verdict,
        good=MEANINGS[RenderVerdict(run.verdict)].good,
        words=run.words,
        warnings=run.warnings,
        base=places.get("base"),
        picture=places.get("full"),
        half=places.get("half"),
        difference=places.get("difference"),
        details=tuple((name, value) for name, value in details if value),
    )
