"""`modelhub render-test`: render with models to test whether they work."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from modelhub.cli.arguments.word_options import word_option
from modelhub.cli.model_arguments import MODELS_HELP, ModelsCommand, complete_models
from modelhub.cli.session import Session
from modelhub.operations.render.options import GUIDANCE, SIZES, STEPS, RenderTestType
from modelhub.render.recipes import Sampler
from modelhub.words import WordKind

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(cls=ModelsCommand)
def render_test(
    ctx: typer.Context,
    models: Annotated[
        list[str] | None,
        typer.Argument(metavar="[MODEL...]", help=MODELS_HELP, autocompletion=complete_models),
    ] = None,
    base: Annotated[str | None, typer.Option("--base", metavar="MODEL", help="Test adapters on this base.")] = None,
    prompt: Annotated[str | None, typer.Option("--prompt", metavar="TEXT", help="The prompt.")] = None,
    negative: Annotated[str, typer.Option("--negative", metavar="TEXT", help="The negative prompt.")] = "",
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Seed of the noise.")] = 1,
    steps: Annotated[
        int | None, typer.Option("--steps", metavar="N", min=STEPS[0], max=STEPS[-1], help="Sampling steps.")
    ] = None,
    size: Annotated[
        int | None, typer.Option("--size", metavar="N", min=SIZES[0], max=SIZES[-1], help="Width and height in pixels.")
    ] = None,
    guidance: Annotated[
        float | None, typer.Option("--guidance", metavar="X", min=GUIDANCE[0], max=GUIDANCE[1], help="CFG scale.")
    ] = None,
    sampler: Annotated[
        Sampler,
        word_option(
            "--sampler",
            Sampler,
            name="sampler",
            metavar="NAME",
            help="Sampler for bases with a UNet: ddim, euler, euler-a or dpm++-2m.",
        ),
    ] = Sampler.DDIM,
    device: Annotated[
        str | None, typer.Option("--device", metavar="NAME", help="auto, cpu, cuda, cuda:1 or mps.")
    ] = None,
    type_: Annotated[
        RenderTestType | None,
        word_option(
            "--type",
            RenderTestType,
            WordKind.TYPE,
            name="type to render-test",
            metavar="TYPE",
            help="Test only one of base, vae, lora, embedding and hypernetwork.",
        ),
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="Test every model again.")] = False,
    failed: Annotated[bool, typer.Option("--failed", help="Retest models that did not work.")] = False,
    stale: Annotated[bool, typer.Option("--stale", help="Retest models whose file or recipe has changed.")] = False,
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="N", min=1, help="Test at most this many models.")
    ] = None,
    timeout: Annotated[
        int | None, typer.Option("--timeout", metavar="SECONDS", min=1, help="Most seconds for one model.")
    ] = None,
    sheet: Annotated[
        Path | None, typer.Option("--sheet", metavar="FILE", help="Write a contact sheet: FILE.html, .png or .jpg.")
    ] = None,
    as_preview: Annotated[
        bool, typer.Option("--as-preview", help="Write NAME.preview.png beside each model that works.")
    ] = False,
) -> int:
    """Render with models to test whether they work: bases, VAEs, LoRAs, embeddings and hypernetworks.

    Without MODEL, test models that have not been tested or have changed since; this also resumes an interrupted run.

    Example: modelhub render-test --type lora --sheet loras.html
    """
    from modelhub.cli.views.render_test import ResultPrinter, nothing_to_test, selection_from_flags
    from modelhub.operations.library.selection import chosen_models, one_model
    from modelhub.operations.render.options import RenderOptions, preferred_bases
    from modelhub.operations.render.run import iter_render_test
    from modelhub.render.recipes import PROMPT, Recipe
    from modelhub.render.runner import Limits
    from modelhub.render.sheet.sheet import check_sheet_name

    session: Session = ctx.obj
    settings = session.settings.render
    selection = selection_from_flags(all_=all_, failed=failed, stale=stale)
    if sheet is not None:
        check_sheet_name(sheet)
    recipe = Recipe(
        prompt=prompt or settings.prompt or PROMPT,
        negative_prompt=negative,
        seed=seed,
        sampler=sampler.value,
        steps=steps,
        size=size,
        guidance=guidance,
    )
    options = RenderOptions(
        recipe=recipe,
        device=device or settings.device,
        base=one_model(base, catalog=session.catalog) if base else None,
        bases=preferred_bases(settings.bases, lambda reference: one_model(reference, catalog=session.catalog)),
        limits=Limits(seconds=float(timeout or settings.timeout), memory=settings.memory),
        limit=limit,
        as_preview=as_preview,
    )
    results = iter_render_test(
        chosen_models(models, catalog=session.catalog) if models else None,
        catalog=session.catalog,
        library=session.settings.library,
        selection=selection,
        type_=type_,
        options=options,
        progress=session.progress,
    )
    printer = ResultPrinter(session, sheet=sheet)
    try:
        for result in results:
            printer.add(result)
    finally:
        printer.finish(nothing=nothing_to_test(session, is_named=bool(models), selection=selection, type_=type_))
    return printer.exit_code
