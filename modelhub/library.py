"""The library for scripts and notebooks: one object with the verbs of the command line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from modelhub.open_library import Model, Models, OpenLibrary, Paths, absolute, absolute_paths

if TYPE_CHECKING:
    from modelhub.catalog import Operation
    from modelhub.domain import ModelRecord
    from modelhub.operations.convert.convert_model import ConvertedModel
    from modelhub.operations.convert.options import ConversionOptions
    from modelhub.operations.library.add import AddMode
    from modelhub.operations.library.advice.details import ModelDetails
    from modelhub.operations.library.path_results import PathResult
    from modelhub.operations.library.verify import VerifiedFile
    from modelhub.operations.remote.import_manifest import ImportResult
    from modelhub.operations.remote.outdated import UpdateStatus
    from modelhub.operations.remote.pull import PullPlan, PullRequest, PullResult
    from modelhub.operations.render.options import RenderOptions, RenderSelection
    from modelhub.operations.render.run import RenderTestResult
    from modelhub.operations.sort.plan import SortPlan
    from modelhub.operations.sort.run import SortResult
    from modelhub.operations.sort.undo import UndoResult


class Library(OpenLibrary):
    """A library of models and its catalog. Open it with `Library.open`, and use it in a `with` block or close it.

    A method returns when all is done. Those whose name begins with `iter_` check their arguments at once and do the
    work step by step while their results are read. Failures are ModelhubErrors.

    A Library belongs to the thread that opened it: in another thread its methods raise UsageError. Open one in each
    thread; several libraries, and several processes, can work on one folder at the same time.
    """

    def add(self, paths: Paths, *, mode: AddMode | str = "in-place") -> list[PathResult]:
        """Catalog files, model folders and folders of models; `mode` "copy" or "move" brings them into the library.

        Raise NotFoundError when a path does not exist, and UsageError for another mode.
        """
        return list(self.iter_add(paths, mode=mode))

    def iter_add(self, paths: Paths, *, mode: AddMode | str = "in-place") -> Iterator[PathResult]:
        """Do what `add` does, and yield each result as soon as it is in the catalog."""
        from modelhub.operations.library.add import add

        results = add(
            absolute_paths(paths),
            mode=mode,
            library=self.path,
            catalog=self._catalog,
            progress=self._progress,
            workers=self._settings.hash.workers,
        )
        return self._guarded(results)

    def scan(self, folder: str | Path | None = None) -> list[PathResult]:
        """Find changed, moved, missing and new files in the known folders, or in the one of that name or path.

        Raise NotFoundError when the catalog does not know the folder.
        """
        return list(self.iter_scan(folder))

    def iter_scan(self, folder: str | Path | None = None) -> Iterator[PathResult]:
        """Do what `scan` does, and yield each result as soon as it is in the catalog."""
        from modelhub.operations.library.scan import scan

        workers = self._settings.hash.workers
        results = scan(folder, library=self.path, catalog=self._catalog, progress=self._progress, workers=workers)
        return self._guarded(results)

    def show(self, model: Model) -> ModelDetails:
        """Return everything known about a model, and how to use it. Raise as `find` does."""
        from modelhub.operations.library.advice.details import model_details

        return model_details(self.find(model), catalog=self._catalog, library=self.path)

    def verify(self, models: Models = "", *, deep: bool = False) -> list[VerifiedFile]:
        """Read every file of the models, or of all models, and compare hash and structure with the catalog.

        `deep`: also check every value for NaN, infinity and all-zero tensors. Raise as `find` does.
        """
        return list(self.iter_verify(models, deep=deep))

    def iter_verify(self, models: Models = "", *, deep: bool = False) -> Iterator[VerifiedFile]:
        """Do what `verify` does, and yield the result of each file when it has been read."""
        from modelhub.operations.library.verify import verify

        return self._guarded(verify(self._records(models), deep=deep, progress=self._progress))

    def set(self, model: Model, **fields: str) -> ModelRecord:
        """Set fields of a model, such as `style="anime"`; they override detection. "" restores the detected value.

        Raise UsageError for an unknown field or a value that it does not take.
        """
        from modelhub.operations.library.user_fields import set_fields

        return set_fields(self.find(model), fields, catalog=self._catalog)

    def tag(self, model: Model, *, add: Iterable[str] = (), remove: Iterable[str] = ()) -> ModelRecord:
        """Add and remove tags of a model."""
        added, removed = ([tags] if isinstance(tags, str) else tags for tags in (add, remove))
        self._catalog.tag((record := self.find(model)).id, add=added, remove=removed)
        return self._catalog.get(record.id)

    def remove(self, models: Models, *, keep_files: bool = False) -> list[Path]:
        """Move models with their sidecars to the trash and delete them from the catalog; return the trashed files.

        `keep_files`: only delete them from the catalog. A query must say which models to take: a negated term alone is
        refused. Raise UsageError, NotFoundError, or TrashError: models before that one are removed, the rest are not.
        """
        from modelhub.operations.library.remove import remove

        records = self._records(models, explicitly=True)
        return list(remove(records, catalog=self._catalog, keep_files=keep_files))

    def plan_pull(self, source: str | PullRequest) -> PullPlan:
        """Resolve a source and choose its files; nothing is downloaded.

        For a text the settings decide which files are chosen; a `PullRequest` states its own criteria. Raise UsageError
        for what is not a reference of any source, and NotFoundError, AccessError or NetworkError.
        """
        from modelhub.fetch.sources.registry import fetchers
        from modelhub.operations.remote.pull import PullRequest, criteria_from, plan_pull

        request = source
        if isinstance(request, str):
            request = PullRequest(source=request, criteria=criteria_from(self._settings))
        return plan_pull(request, fetchers=fetchers(self._settings))

    def pull(self, source: str | PullRequest | PullPlan) -> PullResult:
        """Download a model, verify and identify it, place it in the library and catalog it.

        Raise UnsafeError when it could run code (it is in quarantine then), and as `plan_pull` does. Call it again to
        resume an interrupted download.
        """
        from modelhub.operations.remote.pull import PullPlan, pull

        plan = source if isinstance(source, PullPlan) else self.plan_pull(source)
        return pull(plan, catalog=self._catalog, settings=self._settings, progress=self._progress)

    def outdated(self, models: Models = "") -> list[UpdateStatus]:
        """Compare models, or all models, with the sources they came from. A source that fails gives a status."""
        from modelhub.fetch.sources.registry import fetchers
        from modelhub.operations.remote.outdated import outdated

        return outdated(
            self._records(models),
            fetchers=fetchers(self._settings),
            offline=self._settings.offline,
            progress=self._progress,
        )

    def convert(
        self,
        model: Model,
        options: ConversionOptions | None = None,
        *,
        to: str | Path | None = None,
        bake_vae: Model | None = None,
        read_suspicious: bool = False,
    ) -> ConvertedModel:
        """Write a model, or any file, as a new safetensors file and catalog that; the source is not changed.

        `options`: precision, weight set and repairs; None changes the container only. `to`: a file or folder, by
        default beside the source. `bake_vae`: the VAE to put in place of a base's own. `read_suspicious`: read the
        tensors of a suspicious pickle; nothing is executed. Raise UnsafeError, UsageError or another ModelhubError.
        """
        from modelhub.operations.convert.convert_model import convert_model, resolve_source

        return convert_model(
            resolve_source(self._file_or_id(model), self._catalog),
            options,
            target=absolute(to) if to is not None else None,
            vae=resolve_source(self._file_or_id(bake_vae), self._catalog).path if bake_vae is not None else None,
            read_suspicious=read_suspicious,
            catalog=self._catalog,
            progress=self._progress,
        )

    def render_test(
        self,
        models: Models | None = None,
        *,
        selection: RenderSelection | None = None,
        options: RenderOptions | None = None,
    ) -> list[RenderTestResult]:
        """Render with models to find out whether they work; the results are in the catalog too.

        Without `models`, those of `selection` are tested: by default what was never tested or has changed since.
        Without `options` the settings decide. Raise ModelhubError when torch is not installed or no render process can
        start; other failures are verdicts.
        """
        return list(self.iter_render_test(models, selection=selection, options=options))

    def iter_render_test(
        self,
        models: Models | None = None,
        *,
        selection: RenderSelection | None = None,
        options: RenderOptions | None = None,
    ) -> Iterator[RenderTestResult]:
        """Do what `render_test` does, and yield each result as soon as it is in the catalog."""
        from modelhub.operations.render.options import RenderSelection, options_from
        from modelhub.operations.render.run import iter_render_test

        results = iter_render_test(
            self._records(models) if models is not None else None,
            catalog=self._catalog,
            library=self.path,
            selection=selection or RenderSelection.PENDING,
            options=options or options_from(self._settings.render, self.find),
            progress=self._progress,
        )
        return self._guarded(results)

    def plan_sort(
        self, paths: Paths, layout: str, into: str | Path, *, by: Sequence[str] = (), rename: bool = False
    ) -> SortPlan:
        """Return what `sort` would do now; nothing is changed. Arguments and errors as for `sort`."""
        from modelhub.operations.sort.rules import chosen_rules
        from modelhub.operations.sort.run import plan

        rules = chosen_rules(self._settings, layout=layout, into=into, by=by, rename=rename)
        return plan(absolute_paths(paths), rules, catalog=self._catalog, progress=self._progress)

    def sort(
        self,
        paths: Paths,
        layout: str,
        into: str | Path,
        *,
        mode: str = "move",
        by: Sequence[str] = (),
        duplicates: str = "leave",
        rename: bool = False,
    ) -> SortResult:
        """Put the models of folders where a UI looks for them; what cannot be identified stays where it is.

        `layout`: the UI, such as "comfyui"; `into`: its folder. `mode`: "move", "copy", "hardlink", "symlink" or
        "reflink". `by`: sub-folders by "architecture" or "style". `duplicates`: "leave" or "trash". `rename`: give a
        number to a model whose name is taken. Raise UsageError, NotFoundError, or BusyError when another sort runs.
        """
        from modelhub.operations.sort.rules import chosen_rules
        from modelhub.operations.sort.run import sort

        rules = chosen_rules(
            self._settings, layout=layout, into=into, mode=mode, by=by, duplicates=duplicates, rename=rename
        )
        return sort(absolute_paths(paths), rules, catalog=self._catalog, library=self.path, progress=self._progress)

    def undo(self, run: int | None = None) -> UndoResult:
        """Undo the sort of that number, or the newest. Raise UsageError when there is none, BusyError as `sort`."""
        from modelhub.operations.sort.run import undo

        return undo(run, catalog=self._catalog, library=self.path, progress=self._progress)

    def history(self) -> list[Operation]:
        """Return the sorts and undos, newest first."""
        return self._catalog.operations()

    def export_manifest(self, file: str | Path, models: Models = "") -> None:
        """Write to a file where models, or all of them, came from, with their hashes and the user's fields.

        Raise TargetExistsError when the file exists and is not a manifest.
        """
        from modelhub.documents.manifest import make_manifest
        from modelhub.operations.remote.manifest_file import save_manifest

        now = datetime.now(UTC).isoformat(timespec="seconds")
        save_manifest(make_manifest(self._records(models), made_at=now), absolute(file))

    def import_manifest(
        self, file: str | Path, *, allow_pickle: bool = False, dry_run: bool = False
    ) -> list[ImportResult]:
        """Pull the models of a manifest that the library lacks. Raise UsageError for a file that is not a manifest."""
        from modelhub.fetch.sources.registry import fetchers
        from modelhub.operations.remote.import_manifest import compare_library, rebuild_library
        from modelhub.operations.remote.manifest_file import load_manifest

        manifest = load_manifest(absolute(file))
        if dry_run:
            return list(compare_library(manifest, catalog=self._catalog))
        rebuilt = rebuild_library(
            manifest,
            catalog=self._catalog,
            fetchers=fetchers(self._settings),
            settings=self._settings,
            allow_pickle=allow_pickle,
            progress=self._progress,
        )
        return list(rebuilt)
