"""Choosing models on the command line: the documented examples, completion, and commands that only look."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import replace
from pathlib import Path

import pytest
import typer

from modelhub.catalog import Catalog, ModelQuery
from modelhub.catalog.query_fields import FIELDS
from modelhub.cli.app import run
from modelhub.cli.model_arguments import complete_models, split_terms
from modelhub.cli.quoting import quote_argument
from modelhub.cli.session import Session
from modelhub.domain import LocationState, ModelType
from modelhub.errors import Exit
from tests.catalog.entries import entry, word
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "queries.md").read_text(encoding="utf-8")
EXAMPLES = [line for block in re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A library whose catalog the examples of the documentation find something in."""
    for name in ("HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    library = tmp_path / "library"
    monkeypatch.setenv("MODELHUB_LIBRARY", str(library))
    folder = tmp_path / "models"
    (folder / "vae").mkdir(parents=True)
    library.mkdir()
    with Catalog.open(library / "catalog.sqlite3") as catalog:
        catalog.ensure_root(folder, "downloads")
        catalog.record(entry(folder, 1, name="Red Dress v1", trigger_words=(word("red dress"),), architecture="sdxl"))
        catalog.record(entry(folder / "vae", 2, name="模型", type=ModelType.VAE))
        big = entry(folder, 3, name="big")
        big = replace(big, files=(replace(big.files[0], location=replace(big.files[0].location, size=3_000_000_000)),))
        catalog.record(big)
        catalog.record(entry(folder, 4, name="gone"))
        gone = [p for p in catalog.known_locations(catalog.roots()[0]).values() if p.relative.startswith("gone")]
        catalog.mark([gone[0].id], LocationState.MISSING)
    return library


def names(library: Path) -> list[str]:
    """Return the names of all models."""
    with Catalog.open(library / "catalog.sqlite3") as catalog:
        return [row.name for row in catalog.list(ModelQuery())]


@pytest.mark.parametrize("line", EXAMPLES)
def test_every_documented_example_finds_models(library: Path, line: str) -> None:
    """Each command line of docs/queries.md is understood and chooses at least one model."""
    words = shlex.split(line)
    expected = (Exit.OK, Exit.FAILED) if "verify" in words else (Exit.OK,)  # the files of these models do not exist
    assert run([str(Path(word).expanduser()) if word.startswith("~") else word for word in words[1:]]) in expected
    if words[1] == "list":
        with Catalog.open(library / "catalog.sqlite3") as catalog:
            assert len(catalog.list(ModelQuery())) == 4


def test_the_documentation_names_every_field() -> None:
    """The table of docs/queries.md and the table of fields are the same, but for what nothing records."""
    assert set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)) == {*FIELDS} - {"used"}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["type:lora"], ["big", "gone", "Red Dress v1"]),
        (["type:lora", "-arch:sdxl"], ["big", "gone"]),
        (["--type", "lora", "--missing"], ["gone"]),
        (["dress", "--trigger", "Red Dress"], ["Red Dress v1"]),
        (["sort:name-", "--reverse", "type:vae"], ["模型"]),
        (["--sort", "size-", "--limit", "1"], ["big"]),
        (["-type:lora"], ["模型"]),
    ],
)
def test_flags_and_terms_add_up(
    library: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], expected: list[str]
) -> None:
    """A flag is one more term of the query."""
    assert run(["list", *arguments, "--json"]) == Exit.OK
    assert [model["name"] for model in json.loads(capsys.readouterr().out)] == expected


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["list", "tpye:lora"], Exit.USAGE, "Did you mean `modelhub list type:lora`?"),
        (["list", "arch:sdlx"], Exit.USAGE, "Did you mean `modelhub list arch:sdxl`?"),
        (["list", "root:download"], Exit.USAGE, "Did you mean `modelhub list root:downloads`?"),
        (
            ["list", "--duplicates", "--level", "wieghts"],
            Exit.USAGE,
            "`modelhub list --duplicates --level weights`?",
        ),
        (["show", "Red Dres v1"], Exit.NOT_FOUND, f"Did you mean `modelhub show {quote_argument('Red Dress v1')}`?"),
        (["show", "g"], Exit.USAGE, "could mean 2 models"),
        (
            ["set", "Red Dress v1", "archtecture=sdxl"],
            Exit.USAGE,
            "architecture=sdxl`?",
        ),
        (["import", "nosuch.json"], Exit.NOT_FOUND, "nosuch.json does not exist."),
        (["verify", "type:lora", "tag:none"], Exit.NOT_FOUND, "No model matches `type:lora tag:none`."),
    ],
)
def test_what_is_not_there_is_refused_with_the_nearest(
    library: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: Exit, text: str
) -> None:
    """Unknown fields, values and names come with the nearest that exist."""
    assert run(arguments) == code
    assert text in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [["g", "--yes"], ["-type:lora", "--yes"], ["-tag:yes"], ["sort:size", "--yes"], ["type:vae"]]
)
def test_rm_takes_only_what_was_named(library: Path, arguments: list[str]) -> None:
    """An ambiguous word, a query of what to keep, and a query without an answer remove nothing; no letter is `-y`."""
    before = names(library)
    assert run(["rm", "--keep-files", *arguments]) == Exit.USAGE
    assert names(library) == before


@pytest.mark.parametrize("arguments", [[""], [" "], ["big", ""], ["else/big.safetensors"], ["/no/gone.safetensors"]])
def test_an_empty_text_or_a_path_elsewhere_means_no_model(
    library: Path, arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unset variable of the shell is not the current folder, and a path not a model of that name somewhere else."""
    before = names(library)
    monkeypatch.chdir(library.parent / "models")
    assert run(["rm", "--yes", "--keep-files", *arguments]) in (Exit.USAGE, Exit.NOT_FOUND)
    assert run(["tag", arguments[-1], "x"]) in (Exit.USAGE, Exit.NOT_FOUND)
    assert names(library) == before


@pytest.mark.parametrize(
    "arguments",
    [["add", ""], ["scan", ""], ["sort", "", "--layout", "comfyui", "--into", "ui"], ["list", "--library", ""]],
)
def test_an_empty_path_is_not_the_current_folder(library: Path, arguments: list[str]) -> None:
    """An unset variable of the shell is wrong usage, wherever a path is expected."""
    assert run(arguments) == Exit.USAGE


@pytest.mark.parametrize("command", [["list"], ["search", "red"], ["history"]])
def test_any_limit_can_be_given(library: Path, command: list[str]) -> None:
    """A number that no database takes means all rows."""
    assert run([*command, "--limit", "9" * 30]) == Exit.OK


def test_a_file_that_is_not_in_the_catalog_means_no_other_model(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bare file name means a model of that name, unless another file of that name is right here."""
    folder = library.parent / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    assert run(["show", "big.safetensors"]) == Exit.OK
    (folder / "big.safetensors").touch()
    assert run(["show", "big.safetensors"]) == Exit.NOT_FOUND


def test_rm_takes_the_models_of_a_term(library: Path) -> None:
    """A positive term may choose many."""
    assert run(["rm", "--keep-files", "--yes", "type:lora", "-name:big"]) == Exit.OK
    assert names(library) == ["big", "模型"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["list"],
        ["list", "--duplicates"],
        ["search", "x"],
        ["show", "x"],
        ["verify"],
        ["export", "-"],
        ["outdated"],
        ["enrich"],
        ["set", "x", "style=anime"],
        ["tag", "x", "y"],
        ["rm", "x", "--yes"],
        ["undo"],
        ["scan"],
        ["convert", "x"],
    ],
)
def test_looking_creates_no_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    """On a missing library a command says so and leaves nothing behind."""
    monkeypatch.setenv("HOME", str(tmp_path))
    missing = tmp_path / "missing"
    assert run([*arguments, "--library", str(missing)]) == Exit.NOT_FOUND
    assert f"There is no library at {missing}." in capsys.readouterr().err
    assert not missing.exists()


@pytest.mark.parametrize(
    ("begun", "expected"),
    [
        ("ty", ["type:"]),
        ("-sty", ["-style:"]),
        ("style:a", ["style:anime"]),
        ("-rendered:n", ["-rendered:never", "-rendered:not-tested"]),
        ("root:d", ["root:downloads"]),
        ("arch:sdx", ["arch:sdxl"]),
        ("sort:si", ["sort:size", "sort:size-"]),
        ("foo:", []),
        ("用", []),
    ],
)
def test_the_shell_completes_fields_and_values(library: Path, begun: str, expected: list[str]) -> None:
    """Fields and fixed values come from the language, the others from the catalog."""
    context = typer.Context(typer.main.get_command(typer.Typer(callback=lambda: None)), obj=Session())
    assert complete_models(context, begun) == expected


@pytest.mark.parametrize(("words", "begun"), [(["type", ":"], "lo"), (["dress", "type", ":"], "lo")])
def test_a_shell_that_splits_at_colons_completes_the_value(library: Path, words: list[str], begun: str) -> None:
    """Bash takes the field, the colon and the value for three words, and replaces only the last."""
    context = typer.Context(typer.main.get_command(typer.Typer(callback=lambda: None)), obj=Session())
    context.params["query"] = words
    assert "lora" in complete_models(context, begun)


def test_terms_after_a_term_choose_models_too() -> None:
    """After a reference everything is a tag or a value; after a term the terms that follow belong to it."""
    assert split_terms("mylora", ["style:dark", "x"]) == (["mylora"], ["style:dark", "x"])
    assert split_terms("type:lora", ["arch:sdxl", "x"]) == (["type:lora", "arch:sdxl"], ["x"])
