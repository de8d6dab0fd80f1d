"""An independent hub: olah from PyPI, which serves local git repositories over the hub's protocol."""

from __future__ import annotations

import hashlib
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError

import platformdirs
import pytest

from modelhub.domain import TriggerWord
from modelhub.errors import NotFoundError
from modelhub.fetch.choose import Wish, choose
from modelhub.fetch.huggingface import HuggingFace
from modelhub.progress import SILENT

pytestmark = pytest.mark.slow

VERSION = "0.5.4"
WEIGHTS = bytes(range(256)) * 8000
CARD = "---\nlicense: mit\ninstance_prompt: a photo of sks dog\n---\n# A model\n"
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


@pytest.fixture(scope="session")
def olah_python() -> Path:
    """The interpreter of an environment with olah in it, kept between runs; skips where it cannot be made."""
    home = Path(platformdirs.user_cache_dir("modelhub-tests", appauthor=False)) / f"olah-{VERSION}"
    python = home / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if (home / "ready").exists():
        return python
    if shutil.which("git") is None:
        pytest.skip("olah serves git repositories, and there is no git here")
    try:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(home)], check=True, capture_output=True)
        install = [str(python), "-m", "pip", "install", "-q", f"olah=={VERSION}"]
        subprocess.run(install, check=True, capture_output=True, timeout=300)
    except (subprocess.SubprocessError, OSError) as exc:
        pytest.skip(f"olah {VERSION} cannot be installed here: {exc}")
    (home / "ready").touch()
    return python


def git_repository(folder: Path, files: dict[str, bytes]) -> None:
    """A git repository of one commit."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    identity = ("-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false")
    for arguments in (("init", "-q", "-b", "main"), ("add", "."), (*identity, "commit", "-q", "-m", "Upload")):
        subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def olah(olah_python: Path, tmp_path: Path) -> Iterator[str]:
    """The address of a running olah that serves org/name from a git repository."""
    files = {
        "README.md": CARD.encode(),
        "model-fp16.safetensors": WEIGHTS,
        "model.ckpt": b"pickle",
        "größe/config.json": b"{}",
    }
    git_repository(tmp_path / "mirror" / "models" / "org" / "name", files)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (tmp_path / "olah.toml").write_text(SETTINGS.format(port=port, folder=tmp_path.as_posix()))
    command = [str(olah_python), "-m", "olah.server", "-c", "olah.toml", "--log-path", str(tmp_path / "logs")]
    with (tmp_path / "output").open("wb") as output:
        server = subprocess.Popen(command, cwd=tmp_path, stdout=output, stderr=output)
        try:
            _wait_for(f"http://127.0.0.1:{port}/api/models/org/name/revision/main", server, tmp_path / "output")
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


def test_olah_answers_what_the_fetcher_asks(olah: str) -> None:
    """Listing, card, commit and choice work against a hub that somebody else has written."""
    model = HuggingFace(endpoints=(olah,)).resolve("org/name")
    files = {file.name: file for file in model.files}
    assert set(files) == {"README.md", "model-fp16.safetensors", "model.ckpt", "größe/config.json"}
    weights = files["model-fp16.safetensors"]
    assert weights.size == len(WEIGHTS)
    assert weights.git_sha1 == hashlib.sha1(b"blob %d\0" % len(WEIGHTS) + WEIGHTS).hexdigest()
    assert (model.license, model.trigger_words) == ("mit", (TriggerWord("a photo of sks dog", "model card"),))
    assert [file.name for file in choose(model, Wish()).files] == ["model-fp16.safetensors"]


def test_olahs_refusals_are_understood(olah: str) -> None:
    """A repository that it does not hold is not found."""
    with pytest.raises(NotFoundError, match="org/other"):
        HuggingFace(endpoints=(olah,)).resolve("org/other")


def test_the_address_of_a_file_leads_to_its_bytes(olah: str) -> None:
    """What the fetcher answers as address serves the file, whatever its name."""
    model = HuggingFace(endpoints=(olah,)).resolve("org/name/größe/config.json")
    named = next(file for file in model.files if file.name == model.wanted)
    with urllib.request.urlopen(named.url) as answer:
        assert answer.read() == b"{}"


def test_the_transfer_engine_takes_files_from_olah(olah: str, tmp_path: Path) -> None:
    """Bytes arrive whole and hashed from a server that ignores ranges and states no SHA-256."""
    transfer = pytest.importorskip("modelhub.fetch.transfer", reason="the transfer engine is not here yet")
    files = choose(HuggingFace(endpoints=(olah,)).resolve("org/name"), Wish()).files
    (done,) = transfer.download_many(
        files, tmp_path / "incoming", settings=transfer.TransferSettings(), progress=SILENT
    )
    assert done.path.read_bytes() == WEIGHTS
    assert done.hashes.sha256 == hashlib.sha256(WEIGHTS).hexdigest()
