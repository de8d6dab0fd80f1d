"""The words that people use, on the command line: in options, terms, fields and settings, in English and Chinese."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from modelhub.catalog import Catalog
from modelhub.cli.app import run
from modelhub.cli.quoting import quote_argument
from modelhub.domain import ModelType, Style, StyleAnswer, Variant
from modelhub.errors import Exit
from tests.catalog.entries import entry
from tests.cli.test_app import modelhub


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A library with one model of each of the five types, of which the base is an anime one."""
    for name in ("HOME", "XDG_CONFIG_HOME", "MODELHUB_CONFIG"):
        monkeypatch.setenv(name, str(tmp_path / "none.toml" if name == "MODELHUB_CONFIG" else tmp_path))
    library = tmp_path / "library"
    monkeypatch.setenv("MODELHUB_LIBRARY", str(library))
    library.mkdir()
    with Catalog.open(library / "catalog.sqlite3") as catalog:
        catalog.ensure_root(tmp_path, "models")
        anime = StyleAnswer(Style.ANIME, 0.9)
        catalog.record(entry(tmp_path, 1, name="one", type=ModelType.BASE, variant=Variant.PRUNED_EMAONLY, style=anime))
        catalog.record(entry(tmp_path, 2, name="two", type=ModelType.VAE, precision="fp32"))
        catalog.record(entry(tmp_path, 3, name="three", style=StyleAnswer(Style.TWO_POINT_FIVE_D, 0.8)))
        catalog.record(entry(tmp_path, 4, name="four", type=ModelType.EMBEDDING, architecture="sd2"))
        catalog.record(entry(tmp_path, 5, name="five", type=ModelType.HYPERNETWORK, architecture="sdxl"))
    return library


def listed(capsys: pytest.CaptureFixture[str], line: str) -> list[str]:
    """Return the names of the models that a command line finds."""
    capsys.readouterr()
    assert run([*shlex.split(line), "--json"]) == Exit.OK, capsys.readouterr().err
    return sorted(row["name"] for row in json.loads(capsys.readouterr().out))


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("list --type 底模", ["one"]),
        ("list --type 大模型", ["one"]),
        ("list --type checkpoint", ["one"]),
        ("list --type LORA", ["three"]),
        ("list --type 'textual inversion'", ["four"]),
        ("list --type Embedding", ["four"]),
        ("list --type 超网络", ["five"]),
        ("list --type VAE", ["two"]),
        ("list --style 2.5D", ["three"]),
        ("list --style 动漫", ["one"]),
        ("list --style 二次元", ["one"]),
        ("list --variant emaonly", ["one"]),
        ("list --variant EMA-only", ["one"]),
        ("list --architecture SD1.5", ["one", "three", "two"]),
        ("list --architecture 'Stable Diffusion 2.1'", ["four"]),
        ("list --architecture xl", ["five"]),
        ("list --precision full", ["two"]),
        ("list --precision 半精度", ["five", "four", "one", "three"]),
        ("list type:底模 style:二次元", ["one"]),
        ("list arch:sd1.5 variant:emaonly", ["one"]),
        ("list 类型:lora", ["three"]),
        ("list 类型：大模型", ["one"]),
        ("list 架构:'sd 2.1'", ["four"]),
        ("list -类型:底模 架构:sd1", ["three", "two"]),
        ("search 类型:超网络", ["five"]),
    ],
)
def test_models_are_chosen_by_the_words_that_people_use(
    library: Path, capsys: pytest.CaptureFixture[str], line: str, names: list[str]
) -> None:
    """Options and terms take every name of a type, style, architecture, variant and precision."""
    assert listed(capsys, line) == names


def test_sorting_takes_the_words_that_people_use(library: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--sort` and `sort:` name the order in Chinese, too."""
    for line in ("list --sort 大小", "list 排序:大小", "list sort:体积"):
        assert run([*shlex.split(line), "--json"]) == Exit.OK
        assert [row["name"] for row in json.loads(capsys.readouterr().out)] == ["one", "two", "three", "four", "five"]


def test_own_values_are_set_in_any_words(library: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The catalog gets the values that it stores, whatever they were called."""
    assert run(["set", "three", "风格=动漫", "type=底模", "架构=SD 2.1", "触发词=red dress", "备注=很好"]) == Exit.OK
    with Catalog.open(library / "catalog.sqlite3") as catalog:
        (record,) = catalog.find("three")
    assert dict(record.overrides) == {
        "style": "anime",
        "type": "base",
        "architecture": "sd2",
        "triggers": "red dress",
        "notes": "很好",
    }
    assert run(["set", "three", "style=", "类型="]) == Exit.OK
    assert listed(capsys, "list type:lora style:2.5D") == ["three"]


@pytest.mark.parametrize(
    ("line", "problem", "command"),
    [
        ("list --type LORRA", "`LORRA` is not a valid type.", "list --type lora"),
        ("list --type=底摸", "`底摸` is not a valid type.", "list --type=base"),
        ("list --style 国风", "`国风` is not a valid style.", "list --style 2.5d"),
        ("list --architecture pony", "There is no architecture `pony`.", "list --architecture sdxl"),
        ("list type:lroa", "`lroa` is not a value of the field `type`.", "list type:lora"),
        ("list 类型:大模形", "`大模形` is not a value of the field `type`.", "list 类型:base"),
        ("list tpye:lora", "There is no field `tpye`.", "list type:lora"),
        ("list --sort sizes", "Models cannot be sorted by `sizes`.", "list --sort size"),
        ("set one style=animee", "`animee` is not a valid style.", "set one style=anime"),
        ("set one stlye=anime", "There is no field `stlye` to set.", "set one style=anime"),
        ("sort --mode 复刻 --layout webui --into x", "`复刻` is not a valid mode.", ""),
        ("sort --mode hardlnk --into x", "`hardlnk` is not a valid mode.", "sort --mode hardlink --into x"),
        ("sort --by styles --into x", "`styles` is not a valid grouping.", "sort --by style --into x"),
        ("sort --layout comfiui --into x", "There is no layout called `comfiui`.", "sort --layout comfyui --into x"),
        ("pull --for picture x", "`picture` is not a valid purpose.", "pull --for render x"),
        ("pull --precision fp15 x", "`fp15` is not a valid precision.", ""),
        ("pull --style animé x", "`animé` is not a valid style.", "pull --style anime x"),
        ("pull anime", "`anime` is a style, not the name of a model.", "known anime"),
        ("pull 二次元", "`二次元` is a style, not the name of a model.", "known anime"),
        (
            "link --layout comfiui --into x",
            "There is no UI called `comfiui` to link.",
            "link --layout comfyui --into x",
        ),
        ("pull --progress bats x", "`bats` is not a valid form of progress.", ""),
        ("show thrae", "No model of the catalog matches `thrae`.", "show three"),
        ("show 底模", "No model of the catalog matches `底模`.", "show type:base"),
    ],
)
def test_a_wrong_word_is_answered_with_the_command_that_was_meant(
    library: Path, capsys: pytest.CaptureFixture[str], line: str, problem: str, command: str
) -> None:
    """The answer is in the words of modelhub, and can be typed."""
    assert run(shlex.split(line)) in (Exit.USAGE, Exit.NOT_FOUND)
    printed = capsys.readouterr().err
    assert f"modelhub: {problem}" in printed
    if command:
        quoted = " ".join(map(quote_argument, shlex.split(command)))
        assert f"`modelhub {quoted}`" in printed.rpartition("→")[2]


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("list 底模", "list type:base"),
        ("search 'textual inversion'", "search type:embedding"),
        ("search textual inversion", "search type:embedding"),
        ("list 二次元 底模", "list style:anime type:base"),
        ("list lora style:2.5d", "list type:lora style:2.5d"),
    ],
)
def test_a_search_for_a_word_that_is_in_no_text_names_the_term(
    library: Path, capsys: pytest.CaptureFixture[str], line: str, command: str
) -> None:
    """A plain word is looked for in texts; when none has it, the term that finds models is named."""
    run(shlex.split(line))
    assert f"Did you mean `modelhub {command}`?" in capsys.readouterr().err
    assert run(shlex.split(command)) == Exit.OK
    assert "Did you mean" not in capsys.readouterr().err


@pytest.mark.parametrize("line", ["list upscaler", "list 鱼", "list three", "list type:base two"])
def test_no_term_is_named_that_finds_nothing_better(
    library: Path, capsys: pytest.CaptureFixture[str], line: str
) -> None:
    """Neither for a type of which there is no model, nor for a word that means nothing, nor beside an answer."""
    run(shlex.split(line))
    assert "Did you mean" not in capsys.readouterr().err


@pytest.mark.parametrize("layout", ["webui", "SD-WebUI", "秋叶整合包", "A1111"])
def test_a_sort_takes_what_people_call_the_ui(
    library: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], layout: str
) -> None:
    """`--layout webui` and `--mode 复制` are understood."""
    downloads = tmp_path / "downloads"
    downloads.mkdir()
    rules = ("--layout", layout, "--into", str(tmp_path / "ui"), "--mode", "复制", "--by", "风格")
    assert run(["sort", str(downloads), *rules, "--dry-run", "--json"]) == Exit.OK
    assert json.loads(capsys.readouterr().out)["layout"] == "a1111"


def test_settings_take_the_words_that_people_use(tmp_path: Path) -> None:
    """In the configuration as in the environment; the value that counts is the stored one."""
    text = '[pull]\npurpose = "训练"\nprecision = "half"\n[sort]\nlayout = "webui"\n'
    (tmp_path / "config.toml").write_text(text, "utf-8")
    shown = json.loads(modelhub("config", "show", "--json", home=tmp_path, MODELHUB_OFFLINE="是").stdout)
    values = {row["name"]: row["value"] for row in shown}
    assert (values["pull.purpose"], values["pull.precision"], values["offline"]) == ("train", "fp16", True)
    (tmp_path / "d").mkdir()
    done = modelhub("sort", str(tmp_path / "d"), "--into", str(tmp_path / "ui"), "--dry-run", "--json", home=tmp_path)
    assert json.loads(done.stdout)["layout"] == "a1111"


def test_a_layout_of_ones_own_names_types_in_any_words(tmp_path: Path) -> None:
    """The types of a layout in the configuration are words, too."""
    (tmp_path / "config.toml").write_text('[layout.mine]\n"底模" = "checkpoints"\nLORA = "loras"\n', "utf-8")
    (tmp_path / "d").mkdir()
    words = ("sort", str(tmp_path / "d"), "--layout", "Mine", "--into", str(tmp_path / "ui"), "--dry-run")
    assert modelhub(*words, home=tmp_path).returncode == Exit.OK
    (tmp_path / "config.toml").write_text('[layout.mine]\n"底鱼" = "checkpoints"\n', "utf-8")
    assert "There is no model type `底鱼`" in modelhub(*words, home=tmp_path).stderr


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("known 2.5D", "2.5d"),
        ("known 动漫", "anime"),
        ("known 二次元", "anime"),
        ("known 官方", "official"),
        ("known 写实", "realistic"),
        ("known 真实系", "realistic"),
    ],
)
def test_known_models_are_found_by_their_style(capsys: pytest.CaptureFixture[str], line: str, names: str) -> None:
    """All of the style, and no others."""
    assert run([*shlex.split(line), "--json"]) == Exit.OK
    found = json.loads(capsys.readouterr().out)
    assert {row["style"] for row in found} == {names}
    assert run(["known", "--json"]) == Exit.OK
    assert len(found) == sum(row["style"] == names for row in json.loads(capsys.readouterr().out)) > 0


@pytest.mark.parametrize("words", ["底模", "lora", "checkpoint"])
def test_a_type_is_not_taken_for_a_mistyped_style(capsys: pytest.CaptureFixture[str], words: str) -> None:
    """The list has no types; the word is understood, and nothing else was meant."""
    assert run(["known", words]) == Exit.NOT_FOUND
    assert "Did you mean" not in capsys.readouterr().err


@pytest.mark.parametrize("words", ["official", "anime", "realistic", "2.5d", "anything", "sd2"])
def test_a_known_model_that_can_be_pulled_is_named_below_the_list(
    capsys: pytest.CaptureFixture[str], words: str
) -> None:
    """The command has the name in quotes, and the model has a source; one without a source says so in the list."""
    assert run(["known", words, "--json"]) == Exit.OK
    sources = {row["name"]: row["source"] for row in json.loads(capsys.readouterr().out)}
    assert run(["known", words]) == Exit.OK
    shown = capsys.readouterr().out
    match = re.search(r"Pull one by its name, such as `modelhub (pull .+)`\.$", shown, re.MULTILINE)
    assert match is not None
    assert sources[shlex.split(match[1])[1]]
    assert shown.count("no lasting address") == list(sources.values()).count(None)


@pytest.mark.parametrize(
    ("line", "name", "others"),
    [
        ("known anime sd1", "MeinaMix", r"Realistic|SDXL"),
        ("known SDXL", "SDXL 1.0 Base", r"Diffusion 1|MeinaMix"),
        ("known realistic vision", "Realistic Vision", r"ChilloutMix"),
        ("known 国风", "GuoFeng", r"DreamShaper"),
        ("known flux", "FLUX.1 dev", r"Diffusion|MeinaMix"),
        ("known official sd2", "Stable Diffusion 2.1", r"Diffusion 1|SDXL"),
    ],
)
def test_known_models_are_found_by_names_and_words_together(
    capsys: pytest.CaptureFixture[str], line: str, name: str, others: str
) -> None:
    """A style, an architecture and parts of a name, each alone or together."""
    assert run(shlex.split(line)) == Exit.OK
    shown = capsys.readouterr().out
    assert name in shown
    assert not re.search(others, shown)


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("known anythng v5", "known 'Anything V5'"),
        ("known relistic vision", "known 'Realistic Vision'"),
        ("known 卡通", "known anime"),
        ("known pony", "known sdxl"),
    ],
)
def test_a_name_that_is_nearly_known_is_answered_with_the_command(
    capsys: pytest.CaptureFixture[str], line: str, command: str
) -> None:
    """The nearest names, or the nearest style or architecture, each as a command that finds models."""
    assert run(shlex.split(line)) == Exit.NOT_FOUND
    quoted = " ".join(map(quote_argument, shlex.split(command)))
    assert f"Did you mean `modelhub {quoted}`?" in capsys.readouterr().err
    assert run(shlex.split(command)) == Exit.OK


def test_the_shell_completes_the_stored_values(tmp_path: Path) -> None:
    """Synonyms are understood, not proposed."""
    for line, word, expected in (
        ("modelhub list --type emb", 3, ["embedding"]),
        ("modelhub list --style 2", 3, ["2.5d"]),
        ("modelhub sort --mode s", 3, ["symlink"]),
        ("modelhub pull --for ", 3, ["render", "train"]),
    ):
        asked = {"_MODELHUB_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(word)}
        assert modelhub(home=tmp_path, **asked).stdout.split() == expected, line
