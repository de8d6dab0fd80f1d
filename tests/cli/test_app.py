"""The command line as a whole: names, help, exit codes, start-up."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from modelhub.cli.registry import COMMANDS
from modelhub.testing.files import adapters, safetensors_file

HEAVY = ("torch", "diffusers", "transformers", "numpy", "sqlalchemy", "alembic", "requests", "huggingface_hub", "rich")


def modelhub(*arguments: str, home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the real command in a process of its own with an empty home."""
    environ = {**os.environ, "MODELHUB_CONFIG": str(home / "config.toml"), "MODELHUB_LIBRARY": str(home / "library")}
    environ.pop("COLUMNS", None)  # a test runner may set it, and tables would be cut to it
    return subprocess.run(
        [sys.executable, "-m", "modelhub", *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**environ, "PYTHONUTF8": "1", **environment},
        check=False,
    )


def test_importing_the_command_line_brings_no_heavy_library() -> None:
    """`modelhub list` must feel instant: nothing big comes along at start."""
    code = f"import sys, modelhub.cli.app as a; a.build(); print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# What only some runs need: each of these costs a list of models a noticeable part of its time.
UNNEEDED = (
    "modelhub.words.tables",
    "modelhub.language.recognition",
    "modelhub.cli.usage_errors",
    "modelhub.cli.remedies",
    "modelhub.redaction",
    "modelhub.cli.views.nothing_found",
    "modelhub.operations.library.term_suggestions",
    "modelhub.cli.topics.registry",
)


def test_a_list_loads_only_what_it_prints(tmp_path: Path) -> None:
    """No table of words, no translations and no words for errors: a plain list in English needs none of them."""
    model = tmp_path / "model.safetensors"
    safetensors_file.write(model, adapters.embedding())
    assert modelhub("add", str(model), home=tmp_path).returncode == 0
    code = (
        "import sys; from modelhub.cli.app import run; run(['list'])\n"
        f"print([m for m in {UNNEEDED!r} if m in sys.modules])"
    )
    environ = {**os.environ, "MODELHUB_CONFIG": str(tmp_path / "none"), "MODELHUB_LIBRARY": str(tmp_path / "library")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environ)
    assert "model" in done.stdout and done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("command", list(COMMANDS))
def test_every_command_has_help_with_an_example_and_the_common_options(command: str, tmp_path: Path) -> None:
    """--help is the manual: one example each, and --json, --config, --library everywhere."""
    done = modelhub(command, "--help", home=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"Example: modelhub {command}" in done.stdout
    if "COMMAND" not in done.stdout:
        assert all(option in done.stdout for option in ("--json", "--config", "--library"))


def test_help_lines_fit_a_terminal_of_80_columns(tmp_path: Path) -> None:
    """No command's line is cut off."""
    done = modelhub("--help", home=tmp_path)
    assert done.returncode == 0
    assert "..." not in done.stdout.split("Commands:")[1]
    assert [c for c in COMMANDS if f"\n  {c} " not in done.stdout] == []


def test_wrong_usage_ends_with_2_and_says_what_is_known(tmp_path: Path) -> None:
    """An unknown command or option is wrong usage."""
    done = modelhub("lst", home=tmp_path)
    assert done.returncode == 2
    assert "Did you mean" in done.stderr
    assert modelhub("list", "--nope", home=tmp_path).returncode == 2


def test_a_typo_in_the_configuration_ends_with_2_and_names_the_nearest_key(tmp_path: Path) -> None:
    """The configuration is read before anything is done."""
    (tmp_path / "config.toml").write_text('librray = "x"', encoding="utf-8")
    done = modelhub("config", "show", home=tmp_path)
    assert done.returncode == 2
    assert "`librray`" in done.stderr
    assert "`library`" in done.stderr
    assert "Traceback" not in done.stderr


def test_config_show_hides_secrets_and_says_where_values_come_from(tmp_path: Path) -> None:
    """A token is only ever shown as set."""
    done = modelhub("config", "show", "--json", home=tmp_path, HF_TOKEN="hf_secret")
    rows = {row["name"]: row for row in json.loads(done.stdout)}
    assert rows["huggingface.token"]["value"] == "(set)"
    assert rows["huggingface.token"]["from"] == "HF_TOKEN"
    assert "hf_secret" not in done.stdout + done.stderr


def test_config_init_writes_a_file_that_is_then_used(tmp_path: Path) -> None:
    """The file is where `config path` says, and is not overwritten unasked."""
    place = modelhub("config", "path", home=tmp_path).stdout.strip()
    assert modelhub("config", "init", home=tmp_path).returncode == 0
    assert Path(place).is_file()
    again = modelhub("config", "init", home=tmp_path)
    assert again.returncode == 1
    assert "--force" in again.stderr


def test_options_may_stand_before_or_after_the_command(tmp_path: Path) -> None:
    """`modelhub --library X list` and `modelhub list --library X` mean the same."""
    for words in (("--library", "elsewhere", "config", "show"), ("config", "show", "--library", "elsewhere")):
        rows = json.loads(modelhub(*words, "--json", home=tmp_path).stdout)
        library = next(row for row in rows if row["name"] == "library")
        assert library["value"].endswith("elsewhere")
        assert library["from"] == "--library"


@pytest.mark.skipif(sys.platform == "win32", reason="the shell of Windows closes no streams")
@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_is_not_an_error(closed: str, tmp_path: Path) -> None:
    """Services and shells may close them."""
    command = f'"{sys.executable}" -m modelhub known {closed}'
    environ = {**os.environ, "MODELHUB_CONFIG": str(tmp_path / "none"), "MODELHUB_LIBRARY": str(tmp_path / "library")}
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, env=environ, check=False)
    assert done.returncode == 0
    assert "unexpected" not in done.stderr
