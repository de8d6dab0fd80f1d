"""`modelhub pull`: bring models in from where they are published."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from modelhub.cli.session import Session
from modelhub.domain import Style
from modelhub.fetch.sources.registry import example_references

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def pull(
    ctx: typer.Context,
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SOURCE...", help=f"{example_references()}; `-` reads sources from standard input, one a line."
        ),
    ] = None,
    purpose: Annotated[
        str | None, typer.Option("--for", metavar="render|train", help="Small file for pictures, or full one to train.")
    ] = None,
    files: Annotated[
        list[str] | None, typer.Option("--file", metavar="GLOB", help="Take the files that match; may be repeated.")
    ] = None,
    diffusers: Annotated[bool, typer.Option("--diffusers", help="Take the diffusers folder.")] = False,
    all_: Annotated[bool, typer.Option("--all", help="Take every model file.")] = False,
    revision: Annotated[str | None, typer.Option("--revision", metavar="REV", help="Branch, tag or commit.")] = None,
    precision: Annotated[
        str | None,
        typer.Option("--precision", metavar="NAME", help="fp32, fp16, bf16 or fp8, where there is a choice."),
    ] = None,
    to: Annotated[Path | None, typer.Option("--to", metavar="DIR", help="Place it here, not in the library.")] = None,
    sha256: Annotated[str | None, typer.Option("--sha256", metavar="HEX", help="Accept only this content.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be taken, and why.")] = False,
    allow_pickle: Annotated[
        bool, typer.Option("--allow-pickle", help="Accept a pickle that passes the scan and has no safetensors twin.")
    ] = False,
    convert: Annotated[
        bool, typer.Option("--convert", help="Turn pickles into safetensors on the way, without running them.")
    ] = False,
    keep_pickle: Annotated[
        bool, typer.Option("--keep-pickle", help="With --convert: keep the pickle beside the safetensors file.")
    ] = False,
    name: Annotated[str | None, typer.Option("--name", metavar="NAME", help="Name for the model and its file.")] = None,
    style: Annotated[Style | None, typer.Option("--style", metavar="STYLE", help="Your word for its style.")] = None,
    update: Annotated[
        bool, typer.Option("--update", help="Fetch what is newer for models held: all, or those of SOURCE.")
    ] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="With --update: put the old one into the trash afterwards.")
    ] = False,
    sidecars: Annotated[
        bool, typer.Option("--sidecars", help="Also write .civitai.info and a preview picture beside the model.")
    ] = False,
    limit_rate: Annotated[
        str | None, typer.Option("--limit-rate", metavar="RATE", help="Most bytes per second, such as 5M; 0: no limit.")
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Use only what is already on this machine.")] = False,
    progress: Annotated[
        str | None, typer.Option("--progress", metavar="bars|none|json", help="json: events, one a line, on stderr.")
    ] = None,
) -> int:
    """Resolve, choose, download, verify, identify, place and catalogue.

    A repository is not downloaded whole: the file that fits the purpose is chosen. What broke off goes on where it
    stopped when the same command is run again. `modelhub pull -` reads sources from standard input, one a line.

    Example: modelhub pull runwayml/stable-diffusion-v1-5 --for render
    """
    from modelhub.cli.views.pull import adjust, given_sources, refuse_with, run_pulls
    from modelhub.cli.views.update import run_updates
    from modelhub.errors import UsageError
    from modelhub.fetch.choice.criteria import FileCriteria, parse_precision, parse_purpose
    from modelhub.operations.remote.pull import PullRequest

    session: Session = ctx.obj
    adjust(session, limit_rate=limit_rate, offline=offline, progress=progress)
    settings = session.settings
    if replace and not update:
        raise UsageError("--replace is about --update.", "Say pull --update --replace.")
    if update:
        chosen = {
            "--for": purpose, "--file": files, "--diffusers": diffusers, "--all": all_, "--revision": revision,
            "--precision": precision, "--to": to, "--sha256": sha256, "--convert": convert, "--name": name,
            "--style": style,
        }  # fmt: skip
        refuse_with("--update", chosen, "An update is of the file that was chosen when the model was pulled.")
        session.adjust({"pull.allow_pickle": allow_pickle or settings.pull.allow_pickle})
        return run_updates(session, given_sources(sources or ()), replace_old=replace, dry_run=dry_run)
    named = given_sources(sources or ())
    if not named:
        raise UsageError(
            "No model was named.", f"Write {example_references()}; `-` for a list on standard input, or `--update`."
        )
    if len(named) > 1 and (name or sha256):
        raise UsageError("--name and --sha256 are about one model.", "Pull the sources one by one.")
    criteria = FileCriteria(
        purpose=parse_purpose(purpose or settings.pull.purpose),
        files=tuple(files or ()),
        all=all_,
        diffusers=diffusers,
        precision=parse_precision(word) if (word := precision or settings.pull.precision) else None,
        allow_pickle=allow_pickle or settings.pull.allow_pickle,
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
        for source in named
    ]
    return run_pulls(session, requests, dry_run=dry_run)
