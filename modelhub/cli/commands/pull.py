"""`modelhub pull`: download models from where they are published."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from modelhub.cli.arguments.word_options import word_option
from modelhub.cli.session import Session
from modelhub.cli.transfer_options import LimitRate, Offline, ProgressOption, apply_transfer_options
from modelhub.domain import Style
from modelhub.fetch.choice.criteria import Precision, Purpose
from modelhub.fetch.sources.registry import example_references
from modelhub.words import WordKind

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def pull(
    ctx: typer.Context,
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SOURCE...", help=f"{example_references()}; `-` reads sources from standard input, one per line."
        ),
    ] = None,
    purpose: Annotated[
        Purpose | None,
        word_option(
            "--for",
            Purpose,
            WordKind.PURPOSE,
            name="purpose",
            metavar="render|train",
            help="Small file for pictures, or full one to train.",
        ),
    ] = None,
    files: Annotated[
        list[str] | None, typer.Option("--file", metavar="GLOB", help="Take the files that match; may be repeated.")
    ] = None,
    diffusers: Annotated[bool, typer.Option("--diffusers", help="Take the diffusers folder.")] = False,
    all_: Annotated[bool, typer.Option("--all", help="Take every model file.")] = False,
    revision: Annotated[str | None, typer.Option("--revision", metavar="REV", help="Branch, tag or commit.")] = None,
    precision: Annotated[
        Precision | None,
        word_option(
            "--precision",
            Precision,
            WordKind.PRECISION,
            name="precision",
            metavar="NAME",
            help="fp32, fp16, bf16 or fp8, where there is a choice.",
        ),
    ] = None,
    to: Annotated[
        Path | None, typer.Option("--to", metavar="DIR", help="Place it in this folder instead of the library.")
    ] = None,
    sha256: Annotated[str | None, typer.Option("--sha256", metavar="HEX", help="Accept only this content.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be taken, and why.")] = False,
    allow_pickle: Annotated[
        bool,
        typer.Option("--allow-pickle", help="Accept a pickle that passes the scan and has no safetensors version."),
    ] = False,
    convert: Annotated[
        bool, typer.Option("--convert", help="Convert pickles into safetensors files, without running them.")
    ] = False,
    keep_pickle: Annotated[
        bool, typer.Option("--keep-pickle", help="With --convert: keep the pickle beside the safetensors file.")
    ] = False,
    name: Annotated[str | None, typer.Option("--name", metavar="NAME", help="Name for the model and its file.")] = None,
    style: Annotated[
        Style | None,
        word_option(
            "--style",
            Style,
            WordKind.STYLE,
            name="style",
            metavar="STYLE",
            help="Set its style yourself; it overrides detection.",
        ),
    ] = None,
    update: Annotated[
        bool, typer.Option("--update", help="Update the models of the catalog: all, or those from SOURCE.")
    ] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="With --update: move the old model to the trash afterwards.")
    ] = False,
    sidecars: Annotated[
        bool, typer.Option("--sidecars", help="Also write .civitai.info and a preview picture beside the model.")
    ] = False,
    limit_rate: LimitRate = None,
    offline: Offline = False,
    progress: ProgressOption = None,
) -> int:
    """Download models: choose, verify and identify them, place them, add them to the catalog.

    A repository is not downloaded whole: the file that fits the purpose is chosen. Run the same command again to
    resume an interrupted download.

    Example: modelhub pull runwayml/stable-diffusion-v1-5 --for render
    """
    from modelhub.cli.source_list import given_sources
    from modelhub.cli.views.pull import run_pulls
    from modelhub.errors import UsageError
    from modelhub.fetch.choice.criteria import FileCriteria, parse_precision, parse_purpose
    from modelhub.operations.remote.pull import PullRequest

    session: Session = ctx.obj
    apply_transfer_options(session, limit_rate=limit_rate, offline=offline, progress=progress)
    settings = session.settings.pull
    if update:
        from modelhub.cli.views.update import run_updates

        _refuse_with_update(
            {
                "--for": purpose,
                "--file": files,
                "--diffusers": diffusers,
                "--all": all_,
                "--revision": revision,
                "--precision": precision,
                "--to": to,
                "--sha256": sha256,
                "--convert": convert,
                "--keep-pickle": keep_pickle,
                "--name": name,
                "--style": style,
                "--sidecars": sidecars,
            }
        )
        session.may_create = False  # an update needs models, so a library must exist
        session.adjust({"pull.allow_pickle": allow_pickle or settings.allow_pickle})
        return run_updates(session, given_sources(sources or ()), replace_old=replace, dry_run=dry_run)
    if replace:
        raise UsageError("`--replace` is only valid together with `--update`.", "Use `pull --update --replace`.")
    criteria = FileCriteria(
        purpose=purpose or parse_purpose(settings.purpose),
        files=tuple(files or ()),
        all=all_,
        diffusers=diffusers,
        precision=precision or (parse_precision(settings.precision) if settings.precision else None),
        allow_pickle=allow_pickle or settings.allow_pickle,
        convert=convert,
    )
    requests = [
        PullRequest(
            source=source,
            criteria=criteria,
            revision=revision,
            to=to,
            name=name,
            style=style,
            sha256=sha256,
            keep_pickle=keep_pickle,
            sidecars=sidecars,
        )
        for source in given_sources(sources or ())
    ]
    return run_pulls(session, requests, dry_run=dry_run)


def _refuse_with_update(options: dict[str, object]) -> None:
    """Raise UsageError when one of the options is given: an update would ignore it."""
    from modelhub.cli.output import listed
    from modelhub.errors import UsageError
    from modelhub.language import _

    given = [f"`{name}`" for name, value in options.items() if value]
    if given:
        raise UsageError(
            _("{options} cannot be combined with `--update`.", options=listed(given)),
            "Use `pull --update --replace`: an update takes the file that was chosen when the model was pulled.",
        )
