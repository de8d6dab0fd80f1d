"""What a person sees in a terminal of 80, 100 and 140 columns, with English and Chinese names."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("pty", reason="Windows has no pseudo-terminals that Python can open")

from modelhub.cli.screen.text_layout import width
from modelhub.testing.files import adapters, safetensors_file
from tests.cli.many_models import EMAONLY, PRUNED, REALISTIC, write_models
from tests.cli.test_app import modelhub
from tests.operations.remote.hubs import User, civitai_file, civitai_item, civitai_version, user
from tests.screen import ESCAPES, Shown, run_in_terminal

WIDTHS = (80, 100, 140)
CHINESE_FILE = "国风汉服少女LoRA-水墨丹青笔触增强-正式版-v3.0-final-fp16.safetensors"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user whose catalog has all models."""
    folder = tmp_path_factory.mktemp("home")
    write_models(folder / "models")
    assert run_in_terminal("add", str(folder / "models"), home=folder).code == 4  # there is a trap
    return folder


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[User]:
    """A hub with a LoRA whose file has a long Chinese name."""
    content = safetensors_file.write(tmp_path / CHINESE_FILE, adapters.lora_sd1(8), seed=1)
    version = civitai_version(20, civitai_file(CHINESE_FILE, version=20))
    with user(tmp_path, items=[civitai_item(version)], contents={CHINESE_FILE: content}) as found:
        yield found


def assert_fits(shown: Shown) -> None:
    """Nothing is wider than the terminal, except what a person copies whole: a path, an address or a command."""
    for line in shown.written.replace("\r", "\n").split("\n"):
        text = ESCAPES.sub("", line).rstrip()
        is_whole = " " not in text.strip() or text.strip().startswith(("`", "~", "/"))
        assert width(text) <= shown.screen.columns or is_whole, text
    assert "Traceback" not in shown.written


@pytest.mark.parametrize("columns", WIDTHS)
@pytest.mark.parametrize(
    "command",
    [
        ("list",),
        ("list", "sort:size-"),
        ("list", "--duplicates"),
        ("search", "v1"),
        ("show", "trap"),
        ("show", "麦橘写实"),
        ("verify",),
        ("known",),
        ("config", "show"),
        ("doctor",),
        ("scan",),
        ("history",),
        ("render-test", "红裙"),
        ("explain", "pruned"),
        ("outdated", "--offline"),
        ("shortcut", "list"),
        ("sort", "{home}/models", "--layout", "comfyui", "--into", "{home}/ComfyUI", "--dry-run"),
        ("inspect", "{home}/models", "--why"),
        ("show", "no-such-model-with-a-name-that-is-much-too-long-for-one-line-of-a-terminal"),
    ],
    ids=" ".join,
)
def test_every_command_fits_the_terminal(home: Path, columns: int, command: tuple[str, ...]) -> None:
    """Tables, findings, evidence, advice and errors, at each of the three widths."""
    shown = run_in_terminal(*(word.format(home=home) for word in command), home=home, columns=columns)
    assert shown.text
    assert_fits(shown)


@pytest.mark.parametrize("columns", (40, 60, *WIDTHS))
def test_pruned_and_emaonly_never_look_alike(home: Path, columns: int) -> None:
    """Each row of a table differs from every other by its name alone."""
    shown = run_in_terminal("list", home=home, columns=columns)
    rows = [line.split("  ")[0] for line in shown.lines[1:-1]]
    assert len(rows) == len(set(rows)) == 14
    pruned = next(row for row in shown.lines if row.startswith("v1") and "emaonly" not in row)
    assert PRUNED in pruned
    if columns >= 80:
        assert EMAONLY in shown.text


def test_a_table_says_only_of_what_is_wrong_what_its_state_is(home: Path) -> None:
    """The state is left out when all is well, and red when it is not."""
    shown = run_in_terminal("list", home=home)
    assert shown.color_of("dangerous") == "red"
    assert shown.color_of("broken") == "red"
    assert "present" not in shown.text
    assert "state" not in run_in_terminal("list", "type:lora", home=home).lines[0]


def test_results_are_lines_of_their_own_above_the_bar(tmp_path: Path) -> None:
    """Each result of `add` begins in the first column, and the bar leaves nothing behind."""
    write_models(tmp_path / "models")
    shown = run_in_terminal("add", str(tmp_path / "models"), home=tmp_path)
    results = [line for line in shown.lines if line and not line.startswith(" ")]
    words = {line.split("  ")[0] for line in results[:14]}
    assert words == {"added", "dangerous", "broken"}
    assert "reading" not in shown.text
    assert "reading" in shown.written
    assert "12 added, 1 dangerous, 1 broken." in results
    assert_fits(shown)


@pytest.mark.parametrize("columns", WIDTHS)
def test_the_lines_of_verify_stand_above_its_bar(home: Path, columns: int) -> None:
    """The bar shows the file that is read, the line the one that was."""
    shown = run_in_terminal("verify", home=home, columns=columns)
    assert sum(line.split()[0] in ("ok", "dangerous", "broken") for line in shown.lines if line[:1].strip()) == 14
    assert not [line for line in shown.lines if "█" in line]


@pytest.mark.parametrize("columns", WIDTHS)
def test_a_pull_shows_rate_and_time_beside_a_long_chinese_name(hub: User, tmp_path: Path, columns: int) -> None:
    """The name is cut by its width on the terminal, the numbers are not; the results are lines of their own."""
    environ = {**hub.environ, "MODELHUB_TRANSFER_LIMIT_RATE": "4000000"}
    shown = run_in_terminal("pull", "civitai:7", home=tmp_path, columns=columns, **environ)
    assert shown.code == 0, shown.text
    assert_fits(shown)
    bars = [part for part in shown.written.split("\r") if "/s, " in part and "国风" in part]
    assert bars
    assert all("left" in bar for bar in bars)
    assert [line for line in shown.lines if line.startswith("ready  国风汉服少女")]
    assert not [line for line in shown.lines if "█" in line or "▏" in line]


@pytest.mark.parametrize("columns", WIDTHS)
def test_the_plan_of_a_pull_gives_its_reasons_in_whole_words(hub: User, tmp_path: Path, columns: int) -> None:
    """No reason is cut in the middle: it continues in the next line."""
    shown = run_in_terminal("pull", "civitai:7", "--dry-run", home=tmp_path, columns=columns, **hub.environ)
    assert shown.code == 0, shown.text
    assert_fits(shown)
    row = next(line for line in shown.lines if line.startswith("  →"))
    assert "…" not in row.split("MB")[1]


def test_the_home_folder_is_written_as_a_tilde_on_the_screen_only(home: Path) -> None:
    """A pipe and JSON have the whole path, for programs."""
    shown = run_in_terminal("show", PRUNED, home=home)
    assert "~/models/" in shown.text
    assert str(home) not in shown.text
    assert str(home) in run_in_terminal("show", PRUNED, "--json", home=home, columns=2000).text


def test_nothing_is_wrapped_or_cut_on_a_pipe(home: Path) -> None:
    """Each fact is one line there, however long, with the whole path and without colors."""
    inspected = modelhub("inspect", str(home / "models" / "trap.pt"), home=home).stdout.splitlines()
    assert inspected[0] == str(home / "models" / "trap.pt")
    assert any("Runs os.system" in line and "at byte" in line for line in inspected)
    listed = modelhub("list", home=home).stdout
    assert REALISTIC in listed
    assert not {"…", "\x1b"} & set(listed)


def test_skipped_files_are_counted_with_the_reason(tmp_path: Path) -> None:
    """Unfinished downloads, archives, web pages and empty files are not models, and not in the catalog."""
    models = tmp_path / "models"
    good = safetensors_file.write(models / "good.safetensors", adapters.embedding(), seed=1)
    for name in ("anime.safetensors.part", "未确认.ckpt.crdownload"):
        shutil.copy(good, models / name)
    (models / "pack.7z").write_bytes(b"7z\xbc\xaf\x27\x1c" + bytes(2000))
    (models / "page.safetensors").write_text("<!DOCTYPE html><html>Log in</html>")
    (models / "empty.ckpt").touch()
    shown = run_in_terminal("add", str(models), home=tmp_path)
    assert shown.code == 0
    assert "1 added." in shown.lines
    assert "2 files skipped: unfinished downloads." in shown.lines
    assert "2 files skipped: not models." in shown.lines
    assert "1 file skipped: an archive, whose models must be unpacked first." in shown.lines
    named = run_in_terminal("add", str(models / "page.safetensors"), str(models / "absent.pt"), home=tmp_path)
    assert named.code == 3
    assert "It is a web page, not a model" in named.text
    assert "not found     ~/models/absent.pt" in named.text
    assert len(run_in_terminal("list", home=tmp_path).lines) == 3  # head, the good one, the sum


@pytest.mark.parametrize("columns", WIDTHS)
def test_sort_undo_and_history_fit_the_terminal(tmp_path: Path, columns: int) -> None:
    """What was moved, what was left and why, and the list of runs."""
    models = write_models(tmp_path / "models")
    into = tmp_path / "画图 软件" / "ComfyUI"
    into.mkdir(parents=True)
    words = ("sort", str(models), "--layout", "comfyui", "--into", str(into))
    for command in (words, ("history",), ("undo",), ("history",)):
        shown = run_in_terminal(*command, home=tmp_path, columns=columns, MODELHUB_STATE=str(tmp_path / "state"))
        assert_fits(shown)
    assert [line.split()[1] for line in shown.lines[1:]] == ["undo", "sort"]
    assert REALISTIC in "".join(path.name for path in models.iterdir())
