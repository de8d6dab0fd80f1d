"""`modelhub render-test`: prove that models work, by rendering with each."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from modelhub.cli.model_arguments import MODELS_HELP, ModelsCommand, complete_models
from modelhub.cli.session import Session

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(cls=ModelsCommand)
def render_test(
    ctx: typer.Context,
    models: Annotated[
        list[str] | None,
        typer.Argument(metavar="[MODEL...]", help=MODELS_HELP, autocompletion=complete_models),
    ] = None,
    base: Annotated[str | None, typer.Option("--base", metavar="MODEL", help="Test adapters on this base.")] = None,
    prompt: Annotated[str | None, typer.Option("--prompt", help="What to draw.")] = None,
    negative: Annotated[str, typer.Option("--negative", help="What not to draw.")] = "",
    seed: Annotated[int, typer.Option("--seed", help="Seed of the noise.")] = 1,
    steps: Annotated[int | None, typer.Option("--steps", min=1, max=500, help="Sampling steps.")] = None,
    size: Annotated[int | None, typer.Option("--size", min=64, max=4096, help="Width and height in pixels.")] = None,
    guidance: Annotated[float | None, typer.Option("--guidance", min=1.0, max=50.0, help="CFG scale.")] = None,
    sampler: Annotated[str, typer.Option("--sampler", help="ddim, euler, euler-a or dpm++-2m.")] = "ddim",
    device: Annotated[str | None, typer.Option("--device", help="auto, cpu, cuda, cuda:1 or mps.")] = None,
    type_: Annotated[str | None, typer.Option("--type", help="Only models of this type.")] = None,
    all_: Annotated[bool, typer.Option("--all", help="Test every model again.")] = False,
    failed: Annotated[bool, typer.Option("--failed", help="Test those again that did not work.")] = False,
    stale: Annotated[bool, typer.Option("--stale", help="Test those again whose file or recipe has changed.")] = False,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Test at most so many models.")] = None,
    timeout: Annotated[int | None, typer.Option("--timeout", min=1, help="Seconds for one model.")] = None,
    sheet: Annotated[
        Path | None, typer.Option("--sheet", metavar="FILE", help="Contact sheet: FILE.html, .png or .jpg.")
    ] = None,
    as_preview: Annotated[
        bool, typer.Option("--as-preview", help="Write NAME.preview.png beside each model that works.")
    ] = False,
) -> int:
    """Render with models and say whether they work: bases, VAEs, LoRAs, embeddings and hypernetworks.

    Without MODEL it tests what was never tested, or has changed since; a run that was broken off goes on there.

    Example: modelhub render-test --type lora --sheet loras.html
    """
    from modelhub.cli.views.render_test import (
        Shown,
        checked_device,
        checked_sampler,
        configured_bases,
        named_base,
        one_way,
    )
    from modelhub.operations.library.selection import chosen_models
    from modelhub.operations.render.run import Options, render_test, select
    from modelhub.render.recipes import PROMPT, Recipe
    from modelhub.render.runner import Limits, require

    session: Session = ctx.obj
    settings = session.settings
    which = one_way(all_=all_, failed=failed, stale=stale, models=models)
    recipe = Recipe(
        prompt=prompt or settings.render.prompt or PROMPT,
        negative_prompt=negative,
        seed=seed,
        sampler=checked_sampler(sampler),
        steps=steps,
        size=size,
        guidance=guidance,
    )
    options = Options(
        recipe=recipe,
        device=checked_device(device or settings.render.device),
        base=named_base(session, base),
        bases=configured_bases(session),
        limits=Limits(seconds=float(timeout or settings.render.timeout), memory=settings.render.memory),
        limit=limit,
        as_preview=as_preview,
    )
    records = (
        chosen_models(models, catalog=session.catalog)
        if models
        else select(session.catalog, which=which, options=options, type_=type_)
    )
    if sheet is not None and sheet.suffix.lower() not in (".html", ".htm", ".png", ".jpg", ".jpeg"):
        raise typer.BadParameter("a contact sheet is FILE.html, FILE.png or FILE.jpg", param_hint="--sheet")
    if records:
        require()
    shown = Shown(session, sheet=sheet)
    try:
        for tested in render_test(
            records, catalog=session.catalog, library=settings.library, options=options, progress=session.progress
        ):
            shown.add(tested)
    finally:
        shown.end(everything=not models)
    return shown.code
