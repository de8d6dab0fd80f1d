"""Settings: precedence, errors that name the key, and an example file that is true."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelhub import config
from modelhub.config_example import example_text
from modelhub.config_keys import Key, parse_bytes
from modelhub.errors import UsageError
from modelhub.fetch.sources import civitai, huggingface
from modelhub.fetch.sources.registry import source_keys

ROOT = Path(__file__).resolve().parent.parent


def write(folder: Path, text: str) -> Path:
    path = folder / "config.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_every_default_holds_without_a_file_and_environment(tmp_path: Path) -> None:
    """Nothing set means the defaults, and each says so."""
    settings = config.load(environ={"MODELHUB_CONFIG": str(tmp_path / "none.toml")})
    assert settings.library == Path("~/modelhub").expanduser()
    assert set(settings.origins.values()) == {"default"}
    assert settings.file is None


def test_command_line_wins_over_environment_over_file(tmp_path: Path) -> None:
    """The order of precedence is the documented one."""
    file = write(tmp_path, 'library = "from-file"\n[huggingface]\ntoken = "file"\n')
    environ = {"HF_TOKEN": "environment", "MODELHUB_LIBRARY": str(tmp_path / "environment")}
    settings = config.load(file=file, library=tmp_path / "line", environ=environ)
    assert settings.library == tmp_path / "line"
    section = settings.section(huggingface.ROW.keys)
    assert section.text("token") == "environment"
    assert section.origins["token"] == "HF_TOKEN"
    assert config.load(file=file, environ={}).section(huggingface.ROW.keys).text("token") == "file"


def test_our_own_variable_wins_over_the_common_one() -> None:
    """MODELHUB_… is more specific than HF_…."""
    environ = {"MODELHUB_HUGGINGFACE_TOKEN": "ours", "HF_TOKEN": "theirs"}
    assert config.load(environ=environ).section(huggingface.ROW.keys).text("token") == "ours"


@pytest.mark.parametrize(
    ("text", "says", "hint"),
    [
        ('librry = "x"', "`librry`", "`library`"),
        ('[huggingface]\ntokn = "x"', "`huggingface.tokn`", "`huggingface.token`"),
        ('endpoints = ["x"]', "`endpoints`", "`huggingface.endpoints`"),
        ("[transfer]\nconnections = -1", "transfer.connections", "connections"),
        ('[transfer]\nlimit_rate = "fast"', "transfer.limit_rate", "20MB"),
        ('[pull]\npurpose = "sell"', "'render', 'train'", "Which file"),
        ("offline = 3", "offline", "Use only"),
        ("library = 'a", "not valid TOML", "quotes"),
    ],
)
def test_a_mistake_in_the_file_names_file_key_and_remedy(tmp_path: Path, text: str, says: str, hint: str) -> None:
    """Whatever is wrong, the user reads where and what to write instead."""
    file = write(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        config.load(file=file, environ={}, source_keys=source_keys())
    assert says in caught.value.message
    assert str(file) in caught.value.message
    assert hint in caught.value.remedy.text


def test_a_named_file_that_is_missing_is_an_error(tmp_path: Path) -> None:
    """A typo in --config must not silently mean the defaults."""
    with pytest.raises(UsageError, match="no configuration file"):
        config.load(file=tmp_path / "absent.toml", environ={})


def test_a_file_that_is_not_text_is_an_error(tmp_path: Path) -> None:
    """Binary rubbish gets a sentence, not a traceback."""
    path = tmp_path / "config.toml"
    path.write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(UsageError, match="cannot be read") as caught:
        config.load(file=path, environ={})
    assert "UTF-8" in caught.value.remedy.text


@pytest.mark.parametrize(
    ("text", "count"), [("0", 0), ("300000", 300000), ("20MB", 20_000_000), ("1.5 GiB", 1610612736), ("8k", 8000)]
)
def test_sizes_are_read_as_people_write_them(text: str, count: int) -> None:
    """Decimal and binary units, with and without the B."""
    assert parse_bytes(text) == count


def test_secrets_do_not_show_in_a_repr() -> None:
    """A log line with the settings in it must not leak a token."""
    settings = config.load(environ={"HF_TOKEN": "hf_secret"})
    assert "hf_secret" not in repr(settings) + repr(settings.section(huggingface.ROW.keys))


def test_the_example_file_is_the_table_of_keys(tmp_path: Path) -> None:
    """config.example.toml is what the program itself would write, and means the defaults when uncommented."""
    text = (ROOT / "config.example.toml").read_text(encoding="utf-8")
    assert text == example_text(source_keys())
    keys, _, layouts = text.partition("# Layouts of your own")
    lines = [line[2:] if " = " in line else line for line in keys.splitlines() if not line.startswith("# Environment")]
    uncommented = "\n".join(line for line in lines if line.startswith("[") or (" = " in line and line[0] != "#"))
    tomllib.loads(uncommented)
    settings = config.load(file=write(tmp_path, uncommented), environ={}, source_keys=source_keys())
    default = config.load(environ={"MODELHUB_CONFIG": str(tmp_path / "none.toml")})
    for key in config.all_keys(source_keys()):
        value, origin = settings.lookup(key)
        assert origin != "default"
        assert value == default.lookup(key)[0]
    table = "\n".join(line[2:] for line in layouts.splitlines() if " = " in line or line.startswith("# ["))
    assert config.load(file=write(tmp_path, table), environ={}).layouts["mine"]["vae"] == "VAE"


def test_values_of_a_command_are_applied_by_the_name_of_their_key(tmp_path: Path) -> None:
    """Top level, sections and the sections of sources change alike; the settings before are unchanged."""
    before = config.load(environ={"MODELHUB_CONFIG": str(tmp_path / "none.toml")})
    after = before.with_values({"offline": True, "transfer.retries": 9, "civitai.endpoint": "http://site.example"})
    assert (after.offline, after.transfer.retries) == (True, 9)
    assert after.section(civitai.ROW.keys).text("endpoint") == "http://site.example"
    assert (before.offline, before.transfer.retries) == (False, 6)
    assert before.section(civitai.ROW.keys).text("endpoint") == "https://civitai.com"


def test_keys_of_sources_are_read_only_where_the_file_states_one(tmp_path: Path) -> None:
    """A file of modelhub's own keys does not make the sources load."""

    def keys() -> Iterator[Key]:
        pytest.fail("the keys of sources were read")
        yield

    config.load(file=write(tmp_path, "[transfer]\nretries = 2"), environ={}, source_keys=keys())
    with pytest.raises(UsageError, match=r"transfer\.retries"):
        config.load(file=write(tmp_path, '[transfer]\nretries = "x"'), environ={}, source_keys=keys())


def test_a_wrong_value_of_a_source_is_an_error_at_once(tmp_path: Path) -> None:
    """It is reported when the settings are loaded, not when the source is first used."""
    file = write(tmp_path, "[civitai]\nendpoint = 5")
    with pytest.raises(UsageError, match=r"civitai\.endpoint"):
        config.load(file=file, environ={}, source_keys=source_keys())
