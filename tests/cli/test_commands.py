"""Commands as a user runs them, each in a process of its own: JSON contract, exit codes, terminals of all kinds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from modelhub.testing.files import adapters, hostile, safetensors_file
from tests.cli.test_app import modelhub

INSPECT_KEYS = {
    "path", "size", "format", "type", "architecture", "architecture_candidates", "subtype", "algorithm", "rank",
    "variant", "precision", "prediction", "components", "has_ema", "trigger_words", "style", "safety", "hashes",
    "problems", "evidence",
}  # fmt: skip


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A user with a small folder of models: a LoRA with a Chinese name, an embedding, a trap."""
    models = tmp_path / "models"
    metadata = adapters.lora_metadata("reddress", "reddress", rank=4)
    safetensors_file.write(models / "红裙 v1.safetensors", adapters.lora_sd1(4), metadata=metadata, seed=1)
    safetensors_file.write(models / "easy.safetensors", adapters.embedding(), seed=2)
    hostile.checkpoint(models / "trap.pt")
    return tmp_path


def test_add_says_what_each_file_is_and_warns_of_the_dangerous_one(home: Path) -> None:
    """Exit 4 because one file would run code; the others are added all the same."""
    done = modelhub("add", str(home / "models"), home=home)
    assert done.returncode == 4
    assert "dangerous     trap.pt" in done.stdout
    assert "os.system" in done.stdout
    assert "红裙 v1.safetensors  (lora · sd1 · rank 4 · fp16)" in done.stdout
    rows = json.loads(modelhub("list", "--json", home=home).stdout)
    assert {row["name"] for row in rows} == {"红裙 v1", "easy", "trap"}
    again = json.loads(modelhub("add", str(home / "models"), "--json", home=home).stdout)
    assert {row["status"] for row in again} == {"unchanged"}


def test_inspect_answers_with_the_keys_of_the_contract(home: Path) -> None:
    """Keys that do not apply are null or empty, never missing; a dangerous file is an object too."""
    paths = sorted(str(path) for path in (home / "models").iterdir())
    done = modelhub("inspect", "--json", "--hash", *paths, home=home)
    assert done.returncode == 0
    rows = json.loads(done.stdout)
    assert [row["path"] for row in rows] == paths
    for row in rows:
        assert row.keys() >= INSPECT_KEYS
        assert set(row["hashes"]) == {"sha256", "autov1", "autov2", "autov3", "blake3", "crc32"}
        assert set(row["style"]) == {"value", "confidence"}
        assert row["safety"].keys() >= {"verdict", "findings"}
    words = {Path(row["path"]).name: [word["word"] for word in row["trigger_words"]] for row in rows}
    assert words == {"trap.pt": [], "easy.safetensors": ["easy"], "红裙 v1.safetensors": ["reddress"]}
    verdicts = {Path(row["path"]).name: row["safety"]["verdict"] for row in rows}
    assert verdicts["trap.pt"] == "dangerous"
    assert verdicts["easy.safetensors"] == "safe"
    assert not (home / "library").exists()


def test_list_and_show_have_the_same_keys_and_more(home: Path) -> None:
    """A program that reads `inspect` reads them too."""
    modelhub("add", str(home / "models"), home=home)
    (row,) = json.loads(modelhub("list", "--type", "lora", "--json", home=home).stdout)
    assert row.keys() >= INSPECT_KEYS | {"id", "name", "state", "tags", "notes", "sources", "files"}
    assert [word["word"] for word in row["trigger_words"]] == ["reddress"]
    (shown,) = json.loads(modelhub("show", "红裙", "--json", home=home).stdout)
    assert shown["id"] == row["id"]


def test_a_word_for_a_model_that_means_none_or_several(home: Path) -> None:
    """Exit 3 with the nearest names, exit 2 with the list of those that are meant."""
    modelhub("add", str(home / "models"), home=home)
    done = modelhub("show", "easi", home=home)
    assert done.returncode == 3
    assert "`modelhub show easy`" in done.stderr
    done = modelhub("show", "a", home=home)
    assert done.returncode == 2
    assert "easy" in done.stderr
    assert "trap" in done.stderr


def test_the_users_words_by_the_command_line(home: Path) -> None:
    """set, tag, search and list agree; a wrong field names the right one."""
    modelhub("add", str(home / "models"), home=home)
    assert modelhub("set", "easy", "style=anime", "triggers=soft, 柔光", "notes=at 0.7", home=home).returncode == 0
    assert modelhub("tag", "easy", "favourite", home=home).returncode == 0
    for words in ("柔光", "favourite", "0.7"):
        (row,) = json.loads(modelhub("search", words, "--json", home=home).stdout)
        assert row["name"] == "easy"
    wrong = modelhub("set", "easy", "stile=anime", home=home)
    assert wrong.returncode == 2
    assert "`modelhub set easy style=anime`" in wrong.stderr
    assert modelhub("set", "easy", "style=pretty", home=home).returncode == 2


def test_verify_ends_with_1_when_a_file_is_not_sound(home: Path) -> None:
    """All sound first, then one flipped bit."""
    modelhub("add", str(home / "models" / "easy.safetensors"), home=home)
    assert modelhub("verify", "--deep", home=home).returncode == 0
    path = home / "models" / "easy.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    done = modelhub("verify", "--json", home=home)
    assert done.returncode == 1
    (row,) = json.loads(done.stdout)
    assert row["health"] == "damaged"
    assert str(path) == row["path"]


def test_rm_asks_and_needs_somebody_to_ask(home: Path) -> None:
    """Without a terminal and without --yes nothing happens; --keep-files only forgets."""
    modelhub("add", str(home / "models"), home=home)
    done = modelhub("rm", "easy", home=home)
    assert done.returncode == 2
    assert "--yes" in done.stderr
    assert modelhub("rm", "easy", "--yes", "--keep-files", home=home).returncode == 0
    assert (home / "models" / "easy.safetensors").exists()
    assert modelhub("show", "easy", home=home).returncode == 3


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8"])
def test_every_name_can_be_printed_on_every_terminal(home: Path, encoding: str) -> None:
    """Characters that the encoding lacks become escapes."""
    modelhub("add", str(home / "models"), home=home)
    environ = {
        **os.environ,
        "MODELHUB_CONFIG": str(home / "config.toml"),
        "MODELHUB_LIBRARY": str(home / "library"),
        "PYTHONIOENCODING": encoding,
        "PYTHONUTF8": "0",
    }
    done = subprocess.run([sys.executable, "-m", "modelhub", "list"], capture_output=True, env=environ, check=False)
    assert done.returncode == 0, done.stderr
    assert ("红裙" if encoding == "utf-8" else "\\u7ea2\\u88d9") in done.stdout.decode(encoding)


def test_a_reader_that_leaves_early_is_no_error(home: Path) -> None:
    """`modelhub list | head -1`."""
    modelhub("add", str(home / "models"), home=home)
    environ = {**os.environ, "MODELHUB_CONFIG": str(home / "none"), "MODELHUB_LIBRARY": str(home / "library")}
    with subprocess.Popen(
        [sys.executable, "-m", "modelhub", "explain"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environ
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert b"Traceback" not in process.stderr.read()


def test_the_table_fits_the_width_that_is_asked_for(home: Path) -> None:
    """COLUMNS is respected, wide characters counted as wide."""
    from modelhub.cli.output import width

    modelhub("add", str(home / "models"), home=home)
    done = modelhub("list", home=home, COLUMNS="80")
    assert max(width(line) for line in done.stdout.splitlines()) <= 80


def test_a_broken_file_is_counted_as_broken(home: Path) -> None:
    """The sum says what the lines above it say."""
    whole = (home / "models" / "easy.safetensors").read_bytes()
    (home / "models" / "half.safetensors").write_bytes(whole[:-100])
    done = modelhub("add", str(home / "models"), home=home)
    assert "broken        half.safetensors" in done.stdout
    assert "1 broken" in done.stderr
    assert "2 added" in done.stderr


def test_a_narrow_terminal_leaves_columns_out(home: Path) -> None:
    """Style, precision and triggers give way before a name or a state is cut to nothing."""
    modelhub("add", str(home / "models"), home=home)
    wide = modelhub("list", home=home, COLUMNS="200").stdout.splitlines()
    narrow = modelhub("list", home=home, COLUMNS="50").stdout.splitlines()
    assert {"precision", "triggers"} <= set(wide[0].split())
    assert not {"precision", "triggers"} & set(narrow[0].split())
    assert narrow[0].split()[-1] == "state"
    assert any(line.endswith("dangerous") for line in narrow)


def test_no_match_is_answered_with_what_helps(home: Path) -> None:
    """A library with models needs no advice to add some."""
    modelhub("add", str(home / "models"), home=home)
    assert "`modelhub list` shows all of them." in modelhub("list", "nothing", home=home).stderr
    modelhub("rm", "--keep-files", "--yes", "state:present", home=home)
    assert "modelhub add FOLDER" in modelhub("list", home=home).stderr


@pytest.mark.parametrize(
    ("words", "news"),
    [
        (("--missing",), "No model is missing."),
        (("state:missing",), "No model is missing."),
        (("state:unavailable",), "No model is on a drive that is out of reach."),
        (("broken:yes",), "No model is broken."),
        (("verdict:suspicious",), "No model is suspicious."),
        (("verdict:unrecognised",), "No model is in a format that modelhub cannot read."),
        (("duplicate:yes",), "No file is in more than one place."),
        (("--duplicates",), "No duplicates were found."),
        (("rendered:bad",), "No model has failed its last render test."),
        (("state:missing", "type:lora"), "No models match. `modelhub list` shows all of them."),
    ],
)
def test_good_news_is_reported_as_good_news(home: Path, words: tuple[str, ...], news: str) -> None:
    """Nothing found is what the user hoped for where the query looks for something wrong."""
    modelhub("add", str(home / "models"), home=home)
    done = modelhub("list", *words, home=home)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", f"{news}\n")


def test_no_dangerous_model_is_good_news(home: Path) -> None:
    """The trap is gone."""
    modelhub("add", str(home / "models" / "easy.safetensors"), home=home)
    assert modelhub("list", "verdict:dangerous", home=home).stderr == "No model is dangerous.\n"


def test_known_models_are_found_by_several_words(home: Path) -> None:
    """All words must match; where none does, a sentence says so instead of an empty table."""
    assert "Realistic Vision" in modelhub("known", "realistic", "vision", home=home).stdout
    none = modelhub("known", "realistic", "nothing", home=home)
    assert not none.stdout
    assert "No well-known model matches." in none.stderr


def test_an_own_style_is_marked_as_such(home: Path) -> None:
    """A value of the user has no confidence."""
    modelhub("add", str(home / "models"), home=home)
    modelhub("set", "easy", "style=anime", home=home)
    shown = modelhub("show", "easy", home=home).stdout
    assert "anime (yours)" in shown
    assert "sure" not in shown


def test_the_start_page_counts_and_warns(home: Path) -> None:
    """Before there is a catalog it says how to begin, and makes none."""
    first = modelhub(home=home)
    assert "modelhub add FOLDER" in first.stdout
    assert not (home / "library").exists()
    modelhub("add", str(home / "models"), home=home)
    page = modelhub(home=home).stdout
    assert "3 models" in page
    assert "dangerous" in page


def test_doctor_finds_what_is_wrong(home: Path) -> None:
    """A sound installation is exit 0; a damaged catalog is named, with what to do."""
    modelhub("add", str(home / "models"), home=home)
    assert modelhub("doctor", home=home).returncode == 0
    for extra in home.joinpath("library").glob("catalog.sqlite3-*"):
        extra.unlink()
    (home / "library" / "catalog.sqlite3").write_bytes(b"not a database" * 500)
    done = modelhub("doctor", "--json", home=home)
    assert done.returncode == 1
    (bad,) = [row for row in json.loads(done.stdout) if row["grade"] == "problem"]
    assert "catalog.sqlite3" in bad["text"]
    assert bad["advice"]


def test_the_shell_completes_commands_and_options(home: Path) -> None:
    """What bash asks of the installed completion."""
    asked = {"_MODELHUB_COMPLETE": "complete_bash"}
    done = modelhub(home=home, **asked, COMP_WORDS="modelhub show", COMP_CWORD="1")
    assert done.stdout.split() == ["show"]
    done = modelhub(home=home, **asked, COMP_WORDS="modelhub list --arch", COMP_CWORD="2")
    assert "--architecture" in done.stdout.split()


def test_explain_uses_the_librarys_own_models(home: Path) -> None:
    """Plain words, with examples from the user's own library."""
    modelhub("add", str(home / "models"), home=home)
    assert "红裙 v1" in modelhub("explain", "lora", home=home).stdout
    assert modelhub("explain", "lroa", home=home).returncode == 3
