"""The types that type checkers see for users of the API; mypy checks this file, nothing runs it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import assert_type

import modelhub


def check_inspect() -> None:
    """`inspect` has typed answers."""
    found = modelhub.inspect("a.safetensors")
    assert_type(found, modelhub.Inspection)
    assert_type(found.detection.type, modelhub.ModelType)
    assert_type(found.safety.verdict, modelhub.Verdict)


def check_library() -> None:
    """Methods return lists of frozen records, and their iterators the same records."""
    with modelhub.Library.open("library") as library:
        assert_type(library, modelhub.Library)
        assert_type(library.path, Path)
        assert_type(library.add(["a", Path("b")]), list[modelhub.PathResult])
        assert_type(library.iter_add("a", mode="copy"), Iterator[modelhub.PathResult])
        assert_type(library.models("type:lora"), list[modelhub.ModelRecord])
        assert_type(library.find(1), modelhub.ModelRecord)
        assert_type(library.show("a").render_run, modelhub.RenderRun | None)
        assert_type(library.verify(), list[modelhub.VerifiedFile])
        assert_type(library.convert("a"), modelhub.ConvertedModel)
        assert_type(library.pull(library.plan_pull("a/b")), modelhub.PullResult)
        assert_type(library.render_test(), list[modelhub.RenderTestResult])
        assert_type(library.sort("a", "comfyui", "b"), modelhub.SortResult)
        assert_type(library.undo(), modelhub.UndoResult)
        assert_type(library.remove(["a", 2]), list[Path])
        assert_type(library.import_manifest("a"), list[modelhub.ImportResult])


def check_errors(error: modelhub.ModelhubError) -> None:
    """Errors carry a remedy as data."""
    assert_type(error.remedy, modelhub.Remedy)
    assert_type(error.code, modelhub.Exit)
