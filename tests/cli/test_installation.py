"""The install line of an extra is right for how modelhub was installed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from modelhub.cli.installation import Installation, current_installation, install_command

CHECKOUT = Path("D:/src/modelhub" if os.name == "nt" else "/src/modelhub")
EDITABLE = {"url": CHECKOUT.as_uri(), "dir_info": {"editable": True}}
WHEEL = {"url": "https://example.org/sd_modelhub-1.0-py3-none-any.whl", "archive_info": {}}
GIT = {"url": "https://example.org/modelhub.git", "vcs_info": {"vcs": "git", "commit_id": "abc123"}}
FROM_INDEX: dict[str, object] = {}


def environment(tmp_path: Path, *files: str) -> Path:
    """Make an environment's folder with these files in it."""
    for name in files:
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize(
    ("files", "origin", "command"),
    [
        ((), FROM_INDEX, 'pip install "sd-modelhub[render]"'),
        ((), WHEEL, 'pip install "sd-modelhub[render]"'),
        ((), EDITABLE, f'pip install -e "{CHECKOUT}[render]"'),
        (("pipx_metadata.json",), FROM_INDEX, 'pipx inject sd-modelhub "sd-modelhub[render]"'),
        (("pipx_metadata.json",), EDITABLE, 'pipx inject sd-modelhub "sd-modelhub[render]"'),
        (("uv-receipt.toml",), FROM_INDEX, 'uv tool install "sd-modelhub[render]"'),
        (("uv-receipt.toml",), EDITABLE, f'uv tool install -e "{CHECKOUT}[render]"'),
        (("uv-receipt.toml",), WHEEL, f'uv tool install "sd-modelhub[render] @ {WHEEL["url"]}"'),
        (
            ("uv-receipt.toml",),
            GIT,
            'uv tool install "sd-modelhub[render] @ git+https://example.org/modelhub.git@abc123"',
        ),
    ],
)
def test_each_installer_gets_its_own_command(
    files: tuple[str, ...], origin: dict[str, object], command: str, tmp_path: Path
) -> None:
    """pip, pipx and uv tool, each from an index, a checkout, a wheel or a repository."""
    installation = Installation(prefix=environment(tmp_path, *files), origin=origin)
    assert install_command("render", installation) == command


def test_an_environment_without_pip_is_served_by_uv(tmp_path: Path) -> None:
    """uv's environments have no pip of their own."""
    command = install_command("convert", Installation(prefix=tmp_path, pip=""))
    assert command == f'uv pip install --python "{tmp_path}" "sd-modelhub[convert]"'


def test_a_checkout_that_is_not_installed_is_named(tmp_path: Path) -> None:
    """PYTHONPATH is enough to run modelhub, but not to install an extra of it."""
    installation = Installation(prefix=tmp_path, checkout=CHECKOUT)
    assert install_command("render", installation) == f'pip install -e "{CHECKOUT}[render]"'


@pytest.mark.skipif(os.name == "nt", reason="cmd expands neither `$` nor `!`")
def test_a_folder_that_a_shell_would_expand_is_quoted_for_it(tmp_path: Path) -> None:
    """Double quotes would not keep `$HOME` as it is."""
    installation = Installation(prefix=tmp_path, checkout=Path("/src/$HOME"))
    assert install_command("render", installation) == "pip install -e '/src/$HOME[render]'"


def test_a_real_distribution_is_read(tmp_path: Path) -> None:
    """What pip writes beside an editable installation is found by importlib.metadata."""
    info = tmp_path / "site" / "sd_modelhub-9.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: sd-modelhub\nVersion: 9\n", encoding="utf-8")
    (info / "direct_url.json").write_text('{"url": "file:///src/a%20b", "dir_info": {"editable": true}}', "utf-8")
    code = (
        f"import sys; sys.path.insert(0, {str(info.parent)!r});"
        "from modelhub.cli.installation import install_command; print(install_command('render'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    folder = "\\src\\a b" if os.name == "nt" else "/src/a b"
    assert f'install -e "{folder}[render]"' in done.stdout


@pytest.mark.parametrize("text", ["", "not json", "[]"])
def test_a_damaged_record_of_the_origin_means_the_index(text: str, tmp_path: Path) -> None:
    """The line of the index is the one that is right most often."""
    info = tmp_path / "sd_modelhub-9.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: sd-modelhub\nVersion: 9\n", encoding="utf-8")
    (info / "direct_url.json").write_text(text, "utf-8")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r});"
        "from modelhub.cli.installation import install_command; print(install_command('render'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 'install "sd-modelhub[render]"' in done.stdout


def test_the_installation_that_runs_is_known() -> None:
    """Its prefix is this interpreter's."""
    assert current_installation().prefix == Path(sys.prefix)
