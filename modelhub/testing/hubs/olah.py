"""olah from PyPI: an independent implementation of the hub's protocol, which serves local git repositories."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from urllib.error import URLError

import platformdirs
import pytest

VERSION = "0.5.4"
SETTINGS = """
[basic]
host = "127.0.0.1"
port = {port}
repos-path = '{folder}/cache'
mirrors-path = ['{folder}/mirror']
mirror-netloc = "127.0.0.1:{port}"
mirror-lfs-netloc = "127.0.0.1:{port}"
[accessibility]
offline = true
"""


@cache
def interpreter() -> Path:
    """Return the Python of an environment with olah, which is kept; skip the test where it cannot be made."""
    home = Path(platformdirs.user_cache_dir("modelhub-tests", appauthor=False)) / f"olah-{VERSION}"
    python = home / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if shutil.which("git") is None:
        pytest.skip("olah serves git repositories, and there is no git here")
    if (home / "ready").exists():
        return python
    try:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(home)], check=True, capture_output=True)
        install = [str(python), "-m", "pip", "install", "-q", f"olah=={VERSION}"]
        subprocess.run(install, check=True, capture_output=True, timeout=300)
    except (subprocess.SubprocessError, OSError) as exc:
        pytest.skip(f"olah {VERSION} cannot be installed here: {exc}")
    (home / "ready").touch()
    return python


@contextmanager
def serving(repositories: Path, work: Path) -> Iterator[str]:
    """Yield the address of an olah that serves OWNER/NAME folders, each as a git repository with one commit."""
    python = interpreter()
    for folder in sorted(path for path in repositories.glob("*/*") if path.is_dir()):
        copy = work / "mirror" / "models" / folder.parent.name / folder.name
        shutil.copytree(folder, copy)
        identity = ("-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false")
        for words in (("init", "-q", "-b", "main"), ("add", "."), (*identity, "commit", "-q", "-m", "Upload")):
            subprocess.run(["git", *words], cwd=copy, check=True, capture_output=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (work / "olah.toml").write_text(SETTINGS.format(port=port, folder=work.as_posix()))
    command = [str(python), "-m", "olah.server", "-c", "olah.toml", "--log-path", str(work / "logs")]
    with (work / "output").open("wb") as output:
        server = subprocess.Popen(command, cwd=work, stdout=output, stderr=output)
        try:
            first = next(repositories.glob("*/*")).relative_to(repositories).as_posix()
            _wait_for(f"http://127.0.0.1:{port}/api/models/{first}/revision/main", server, work / "output")
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(timeout=20)


def _wait_for(address: str, server: subprocess.Popen[bytes], output: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except (URLError, OSError):
            time.sleep(0.2)
    pytest.fail(f"olah does not answer: {output.read_text(errors='replace')[-2000:]}")
