"""The command that installs an extra, right for how modelhub was installed."""

from __future__ import annotations

import json
import re
import shutil
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from modelhub.cli.quoting import quote_argument

NAME = "sd-modelhub"
# What double quotes hold in every shell; all else is quoted as this system's shell needs it.
_PLAIN = re.compile(r"[^\"$`!%“”„]*[^\"$`!%“”„\\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """An installed modelhub.

    `origin` is the content of direct_url.json (PEP 610), empty for a package of an index; `checkout` is the folder of
    the source that runs without being installed. `pip` is how a shell calls this environment's pip, "" without one.
    """

    prefix: Path
    origin: Mapping[str, Any] = field(default_factory=dict)
    checkout: Path | None = None
    pip: str = "pip"


def install_command(extra: str, installation: Installation | None = None) -> str:
    """Return the command that adds an extra to this installation, such as `pip install "sd-modelhub[render]"`."""
    installation = installation or current_installation()
    named = f"{NAME}[{extra}]"
    if (installation.prefix / "pipx_metadata.json").is_file():
        return f"pipx inject {NAME} {_quoted(named)}"
    folder = _editable_folder(installation)
    wanted = f"-e {_quoted(f'{folder}[{extra}]')}" if folder else _quoted(named)
    if (installation.prefix / "uv-receipt.toml").is_file():
        # uv installs its tools afresh, so it needs to be given the origin again.
        return f"uv tool install {wanted if folder else _quoted(_requirement(installation.origin, extra))}"
    if installation.pip:
        return f"{installation.pip} install {wanted}"
    return f"uv pip install --python {_quoted(str(installation.prefix))} {wanted}"


def current_installation() -> Installation:
    """Return how the modelhub that runs was installed."""
    origin: Mapping[str, Any] = {}
    checkout: Path | None = None
    try:
        origin = _read_origin(distribution(NAME).read_text("direct_url.json"))
    except PackageNotFoundError:
        source = Path(__file__).resolve().parents[2]
        checkout = source if (source / "pyproject.toml").is_file() else None
    return Installation(prefix=Path(sys.prefix), origin=origin, checkout=checkout, pip=_pip())


def _read_origin(text: str | None) -> Mapping[str, Any]:
    try:
        origin = json.loads(text or "{}")
    except ValueError:
        return {}
    return origin if isinstance(origin, dict) else {}


def _pip() -> str:
    """Return how to call the pip of this environment: by its name only where a shell would find this one."""
    if find_spec("pip") is None:
        return ""
    found = shutil.which("pip")
    if found and Path(found).parent == Path(sysconfig.get_path("scripts")):
        return "pip"
    return f"{quote_argument(sys.executable)} -m pip"


def _editable_folder(installation: Installation) -> Path | None:
    info = installation.origin.get("dir_info")
    if isinstance(info, dict) and info.get("editable"):
        return Path(url2pathname(urlsplit(str(installation.origin.get("url", ""))).path))
    return installation.checkout


def _requirement(origin: Mapping[str, Any], extra: str) -> str:
    """Return the requirement that names the same origin again: an archive, a folder or a revision."""
    named, url = f"{NAME}[{extra}]", str(origin.get("url", ""))
    if not url:
        return named
    vcs = origin.get("vcs_info")
    if isinstance(vcs, dict):
        return f"{named} @ {vcs.get('vcs', 'git')}+{url}@{vcs.get('commit_id', 'HEAD')}"
    return f"{named} @ {url}"


def _quoted(text: str) -> str:
    return f'"{text}"' if _PLAIN.fullmatch(text) else quote_argument(text)
