"""Tokens and passwords are used, and never shown or kept; the file that holds them is private."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from modelhub.config import load
from modelhub.config_keys import Key, convert
from modelhub.errors import UsageError
from modelhub.operations.library.doctor import Grade, run_checks
from modelhub.redaction import redact_text, reference_of_url
from modelhub.testing.files import adapters, hostile, safetensors_file
from modelhub.testing.hubs.faulty import serving
from modelhub.testing.hubs.hub import Hub
from tests.cli.test_app import modelhub

SECRET = "s3cretPassword"
TOKEN = "hf_abcdefghijklmnopqrstuvwxyz012345"
posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://me:pa@ss@host/x failed", "https://host/x failed"),
        ("postgresql://me:pass@host:5/db?sslmode=require", "postgresql://host:5/db?sslmode=require"),
        ('"GET /x?a=1&token=abc&b=2 HTTP/1.1" 200', '"GET /x?a=1&token=…&b=2 HTTP/1.1" 200'),
        ("url: /x?X-Amz-Signature=abc&X-Amz-Date=1 (Caused by)", "url: /x?X-Amz-Signature=…&X-Amz-Date=… (Caused by)"),
        (f"Authorization: Bearer {TOKEN}", "Authorization: Bearer …"),
        (f"the token {TOKEN} is wrong", "the token … is wrong"),
        ("a=b, tokens set: none, 1girl & token=1", "a=b, tokens set: none, 1girl & token=1"),
        ("https://host/plain?file=a.bin", "https://host/plain?file=a.bin"),
    ],
)
def test_secrets_of_a_text_are_hidden(text: str, shown: str) -> None:
    """Of any address in it, and tokens in their usual forms; everything else stays."""
    assert redact_text(text) == shown
    assert redact_text(shown) == shown


def test_a_reference_has_neither_user_nor_token() -> None:
    """It is kept in the catalog."""
    assert reference_of_url("https://me:pass@host/x.bin?v=2&token=abc#part") == "https://host/x.bin?v=2"


def test_a_secret_of_the_wrong_kind_is_not_shown() -> None:
    """As when the quotes around a token are forgotten."""
    with pytest.raises(UsageError) as raised:
        convert(Key("hub.token", "text", "", "A token.", secret=True), 1234567, "config.toml: hub.token")
    assert "1234567" not in str(raised.value)
    assert raised.value.__cause__ is None


def _assert_nowhere(folder: Path, *printed: str) -> None:
    """Fail where a file of the folder, except the configuration, or a printed text holds a secret."""
    for text in printed:
        assert SECRET not in text
        assert TOKEN not in text
    for path in folder.rglob("*"):
        if path.is_file() and path.name != "config.toml":
            content = path.read_bytes()
            assert SECRET.encode() not in content, path
            assert TOKEN.encode() not in content, path


@pytest.mark.parametrize("form", ["text", "json", "events"])
def test_a_pull_leaves_no_secret_anywhere(tmp_path: Path, form: str) -> None:
    """Not in messages, JSON, events, the log for bug reports, the catalog, records of downloads and quarantine."""
    hub_folder = tmp_path / "hub"
    safetensors_file.write(hub_folder / "someone" / "lora" / "red.safetensors", adapters.lora_sd1(4), seed=1)
    content = (hub_folder / "someone" / "lora" / "red.safetensors").read_bytes()
    trap = hostile.checkpoint(tmp_path / "trap" / "x.ckpt").read_bytes()
    options = {"text": [], "json": ["--json"], "events": ["--progress", "json"]}[form]
    home = tmp_path / "home"
    home.mkdir()
    (home / "config.toml").write_text(f'[huggingface]\ntoken = "{TOKEN}"\n[civitai]\ntoken = "{SECRET}"\n')
    printed = []
    with Hub(hub_folder) as hub, serving(content) as good, serving(trap) as bad:
        environment = {"MODELHUB_HUGGINGFACE_ENDPOINTS": hub.url, "MODELHUB_DEBUG": "1", "HF_HOME": str(home / "hf")}
        for source in (
            "someone/lora",
            "someone/missing",
            f"{good.url.replace('://', f'://me:{SECRET}@')}/a.safetensors?token={SECRET}&v=2",
            f"{bad.url.replace('://', f'://me:{SECRET}@')}/x.ckpt?X-Amz-Signature={SECRET}",
            f"http://me:{SECRET}@127.0.0.1:9/x.safetensors?key={SECRET}",
        ):
            done = modelhub("pull", source, "--allow-pickle", *options, home=home, **environment)
            printed += [done.stdout, done.stderr]
        for command in (["list", "--json"], ["show", "1", "--json"], ["history"], ["export", "-"], ["config", "show"]):
            done = modelhub(*command, home=home, **environment)
            printed += [done.stdout, done.stderr]
    assert "HTTP" in "".join(printed), "the log for bug reports is on"
    _assert_nowhere(home, *printed)


def test_the_settings_are_shown_without_passwords(tmp_path: Path) -> None:
    """Of the catalog's database, and of a mirror."""
    (tmp_path / "config.toml").write_text(
        f'catalog = "postgresql://me:{SECRET}@127.0.0.1:9/db"\n[huggingface]\nendpoints = ["https://me:{SECRET}@hub"]\n'
    )
    for command in (["config", "show"], ["config", "show", "--json"], ["doctor"], ["doctor", "--json"], ["list"]):
        done = modelhub(*command, home=tmp_path)
        assert SECRET not in done.stdout + done.stderr


@posix
def test_a_new_configuration_is_private_and_stays_so(tmp_path: Path) -> None:
    """Also when an older one, which others may read, is replaced."""
    file = tmp_path / "config.toml"
    assert modelhub("config", "init", home=tmp_path).returncode == 0
    assert file.stat().st_mode & 0o777 == 0o600
    file.chmod(0o644)
    assert modelhub("config", "init", "--force", home=tmp_path).returncode == 0
    assert file.stat().st_mode & 0o777 == 0o600


@posix
@pytest.mark.parametrize(
    ("text", "mode", "is_noted"),
    [
        ('[huggingface]\ntoken = "x"\n', 0o644, True),
        ('[civitai]\ntoken = "x"\n', 0o640, True),
        ('catalog = "postgresql://me:pass@host/db"\n', 0o604, True),
        ('[huggingface]\ntoken = "x"\n', 0o600, False),
        ('[huggingface]\ntoken = ""\n', 0o644, False),
        ("offline = true\n", 0o644, False),
    ],
)
def test_doctor_notes_a_token_that_others_may_read(text: str, mode: int, is_noted: bool, tmp_path: Path) -> None:
    """With the command that makes the file private; without a secret anyone may read the settings."""
    file = tmp_path / "config file.toml"
    file.write_text(text)
    file.chmod(mode)
    settings = load(file=file, environ={"MODELHUB_LIBRARY": str(tmp_path / "library")})
    found = [one for one in run_checks(settings) if "other users" in one.text]
    assert bool(found) is is_noted
    assert all(one.grade is Grade.NOTE and str(file) in one.text for one in found)
    if is_noted:
        done = modelhub("doctor", "--config", str(file), "--json", home=tmp_path)
        (advice,) = [one["advice"] for one in json.loads(done.stdout) if "other users" in one["text"]]
        assert advice == f"Make it private with `chmod 600 '{file}'`."


@posix
def test_replacing_a_private_file_never_opens_it_to_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file beside it, which becomes the new one, has its permissions from the start."""
    from modelhub.storage import atomic_write

    file = tmp_path / "config.toml"
    file.write_text("token")
    file.chmod(0o600)
    seen: list[int] = []
    real = atomic_write.sync_descriptor

    def watch(descriptor: int) -> None:
        seen.append(os.fstat(descriptor).st_mode & 0o777)
        real(descriptor)

    monkeypatch.setattr(atomic_write, "sync_descriptor", watch)
    atomic_write.replace_file(file, b"new token")
    assert seen == [0o600]
    assert file.stat().st_mode & 0o777 == 0o600
