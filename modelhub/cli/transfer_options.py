"""The options that every command that downloads has."""

from __future__ import annotations

from typing import Annotated

import typer

from modelhub.cli.arguments.word_options import word_option
from modelhub.cli.progress import ProgressForm
from modelhub.cli.session import Session

LimitRate = Annotated[
    str | None,
    typer.Option("--limit-rate", metavar="RATE", help="Most bytes per second, such as 5M; 0 sets no limit."),
]
Offline = Annotated[bool, typer.Option("--offline", help="Use only what is on this machine already.")]
ProgressOption = Annotated[
    ProgressForm | None,
    word_option(
        "--progress",
        ProgressForm,
        name="form of progress",
        metavar="bars|none|json",
        help="Form of the progress on stderr; json: one event per line.",
    ),
]


def apply_transfer_options(
    session: Session, *, limit_rate: str | None, offline: bool, progress: ProgressForm | None
) -> None:
    """Apply the options of one run to the settings. Raise UsageError for a rate that is not a size."""
    from modelhub.config_keys import KEYS, convert

    if limit_rate is not None:
        key = next(key for key in KEYS if key.name == "transfer.limit_rate")
        session.adjust({key.name: convert(key, limit_rate, "--limit-rate")})
    if offline:
        session.adjust({"offline": True})
    if progress is not None:
        session.progress_form = progress.value
