"""A pull writes nothing through links that somebody planted in the library's own folders."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelhub.errors import ModelhubError, UnsafeError
from modelhub.fetch.choice.criteria import FileCriteria
from modelhub.fetch.fetcher import RemoteModel
from modelhub.fetch.transfer.staging_cleanup import clean_staging
from modelhub.operations.remote.pull import PullRequest, plan_pull, pull
from modelhub.operations.remote.source_sidecars import preview_fetcher, staging_folder
from modelhub.storage import held_folder
from modelhub.testing.files import adapters, hostile, safetensors_file
from tests.operations.remote.hubs import User, user

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege on Windows")


@pytest.fixture(params=["descriptors", "portable"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[User]:
    """A user of a hub with a LoRA and a trap; with and without descriptors of folders."""
    if request.param == "portable":
        monkeypatch.setattr(held_folder, "has_descriptor_paths", lambda: False)
    safetensors_file.write(tmp_path / "hub" / "someone" / "lora" / "red.safetensors", adapters.lora_sd1(4), seed=1)
    (tmp_path / "hub" / "stranger" / "trap").mkdir(parents=True)
    hostile.checkpoint(tmp_path / "hub" / "stranger" / "trap" / "upgrade.ckpt")
    with user(tmp_path) as found:
        yield found


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder of the user's with a file of his own."""
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "own.txt").write_text("own")
    return folder


def assert_untouched(outside: Path) -> None:
    """Fail unless the folder holds just the user's file."""
    assert {path.name: path.read_bytes() for path in outside.rglob("*")} == {"own.txt": b"own"}


@pytest.mark.parametrize("name", [".modelhub", ".modelhub/incoming", ".modelhub/quarantine", ".modelhub/lock", "lora"])
def test_a_link_in_the_place_of_a_folder_of_the_library_is_refused(name: str, place: User, outside: Path) -> None:
    """Of its state, its downloads, its quarantine, its lock and its models; the message names it."""
    link = place.settings.library / name
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(outside / "own.txt" if name.endswith("lock") else outside)
    source = "stranger/trap" if name.endswith("quarantine") else "someone/lora"
    with pytest.raises(ModelhubError) as raised:
        place.pull(source, allow_pickle=True)
    assert link.name in raised.value.message
    assert_untouched(outside)


@pytest.mark.parametrize("planted", [".lock", ".journal", "red.safetensors.part", ".done"])
def test_links_at_part_file_record_and_lock_are_not_followed(
    planted: str, place: User, outside: Path, tmp_path: Path
) -> None:
    """Each name that a download writes to is planted in its folder; the link is removed, and the file arrives."""
    folder = place.settings.library / ".modelhub" / "incoming" / _staging_name(tmp_path)
    folder.mkdir(parents=True)
    (folder / planted).symlink_to(outside / "own.txt")
    assert place.pull("someone/lora")
    assert_untouched(outside)
    assert not (folder / planted).is_symlink()


def _staging_name(tmp_path: Path) -> str:
    content = (tmp_path / "hub" / "someone" / "lora" / "red.safetensors").read_bytes()
    return hashlib.sha256(f"{hashlib.sha256(content).hexdigest()}\nred.safetensors".encode()).hexdigest()[:20]


def test_the_folder_of_a_download_is_not_a_link(place: User, outside: Path, tmp_path: Path) -> None:
    """Its name is known beforehand, because it is made of hash and name."""
    name = _staging_name(tmp_path)
    link = place.settings.library / ".modelhub" / "incoming" / name
    link.parent.mkdir(parents=True)
    link.symlink_to(outside)
    with pytest.raises(ModelhubError, match=name):
        place.pull("someone/lora")
    assert_untouched(outside)


@pytest.mark.parametrize("is_dangling", [False, True])
def test_a_link_in_quarantine_is_passed_over(is_dangling: bool, place: User, outside: Path, tmp_path: Path) -> None:
    """A link with the name that the dangerous file would get; the file is kept under another one."""
    content = (tmp_path / "hub" / "stranger" / "trap" / "upgrade.ckpt").read_bytes()
    quarantine = place.settings.library / ".modelhub" / "quarantine"
    quarantine.mkdir(parents=True)
    planted = quarantine / f"{hashlib.sha256(content).hexdigest()[:10]}-upgrade.ckpt.quarantined"
    planted.symlink_to(outside / ("new.txt" if is_dangling else "own.txt"))
    with pytest.raises(UnsafeError):
        place.pull("stranger/trap", allow_pickle=True)
    assert_untouched(outside)
    assert planted.is_symlink()
    (kept,) = [path for path in quarantine.iterdir() if not path.is_symlink()]
    assert kept.read_bytes() == content
    with pytest.raises(UnsafeError, match="upgrade"):
        place.pull("stranger/trap", allow_pickle=True)
    assert len([path for path in quarantine.iterdir() if not path.is_symlink()]) == 1


def test_cleaning_up_downloads_deletes_nothing_behind_a_link(tmp_path: Path, outside: Path) -> None:
    """Neither in a folder of staging that is a link, nor in one inside of it."""
    os.utime(outside, (0, 0))
    staging = tmp_path / "incoming"
    (staging / "one").mkdir(parents=True)
    (staging / "one" / ".done").write_text('{"name": "moved.safetensors"}')
    (staging / "one" / "12345").symlink_to(outside)
    (staging / "two").symlink_to(staging / "one")
    clean_staging(staging)
    assert_untouched(outside)


def test_a_manifest_places_nothing_through_a_link(place: User, outside: Path) -> None:
    """A recorded folder that is a link out of the library by now."""
    link = place.settings.library / "mine"
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(outside)
    plan = plan_pull(PullRequest(source="someone/lora", criteria=FileCriteria(), to=link), fetchers=place.fetchers)
    with pytest.raises(ModelhubError, match="mine"):
        pull(plan, catalog=place.catalog, settings=place.settings)
    assert_untouched(outside)


def test_a_preview_is_not_downloaded_through_a_link(place: User, outside: Path) -> None:
    """The folder of previews that are being downloaded is a link out of the library."""
    link = staging_folder(place.settings.library)
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(outside)
    remote = RemoteModel(kind="url", reference="x", title="x", files=(), previews=("http://127.0.0.1:9/x.png",))
    with pytest.raises(ModelhubError, match="previews"):
        preview_fetcher(place.settings.library)(remote, place.settings.library / "m.safetensors")
    assert_untouched(outside)
