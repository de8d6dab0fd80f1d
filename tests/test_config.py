"""Settings: precedence, errors that name the key, and an example file that is true."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from modelhub import config
from modelhub.config_keys import parse_bytes
from modelhub.errors import UsageError

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
    assert settings.huggingface_token == "environment"
    assert settings.origins["huggingface.token"] == "HF_TOKEN"
    assert config.load(file=file, environ={}).huggingface_token == "file"


def test_our_own_variable_wins_over_the_common_one() -> None:
    """MODELHUB_… is more specific than HF_…."""
    environ = {"MODELHUB_HUGGINGFACE_TOKEN": "ours", "HF_TOKEN": "theirs"}
    assert config.load(environ=environ).huggingface_token == "ours"


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
        config.load(file=file, environ={})
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
    assert "hf_secret" not in repr(config.load(environ={"HF_TOKEN": "hf_secret"}))


def test_the_example_file_is_the_table_of_keys(tmp_path: Path) -> None:
    """config.example.toml is what the program itself would write, and means the defaults when uncommented."""
    text = (ROOT / "config.example.toml").read_text(encoding="utf-8")
    assert text == config.example()
    keys, _, layouts = text.partition("# Layouts of your own")
    lines = [line[2:] if " = " in line else line for line in keys.splitlines() if not line.startswith("# Environment")]
    uncommented = "\n".join(line for line in lines if line.startswith("[") or (" = " in line and line[0] != "#"))
    tomllib.loads(uncommented)
    settings = config.load(file=write(tmp_path, uncommented), environ={})
    for key in config.KEYS:
        assert settings.origins[key.name] != "default"
        default = config.load(environ={"MODELHUB_CONFIG": str(tmp_path / "none.toml")})
        assert getattr(settings, key.attribute) == getattr(default, key.attribute)
    table = "\n".join(line[2:] for line in layouts.splitlines() if " = " in line or line.startswith("# ["))
    assert config.load(file=write(tmp_path, table), environ={}).layouts["mine"]["vae"] == "VAE"
