"""Enrich against a Civitai on this machine: batches, resumption, politeness, and the user's words above all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from modelhub.domain import ModelRecord
from modelhub.errors import NetworkError
from modelhub.fetch.sources.civitai_fetcher import Civitai
from modelhub.operations.library.add import add
from modelhub.operations.remote import enrich as module
from modelhub.operations.remote.enrich import EnrichResult, EnrichStatus, enrich
from modelhub.operations.remote.source_sidecars import fetch_preview
from modelhub.testing.files import adapters, safetensors_file
from modelhub.testing.hubs.civitai import Refusals
from tests.documents.test_schemas import validate
from tests.operations.remote.hubs import User, civitai_file, civitai_item, civitai_version, user
from tests.operations.remote.test_outdated import lora

PICTURE = b"\x89PNG\r\n\x1a\n" + b"\0" * 4000


@pytest.fixture
def place(tmp_path: Path) -> Iterator[User]:
    """A catalog with three LoRAs of two models that Civitai knows, and an embedding that it does not."""
    contents: dict[str, bytes | Path] = {"picture.png": PICTURE}
    items: list[dict[str, Any]] = []
    for number, model in ((20, 7), (30, 8), (31, 8)):
        contents[f"v{number}.safetensors"] = lora(tmp_path / "models" / f"mine {number}.safetensors", number)
        version = civitai_version(number, civitai_file(f"v{number}.safetensors", version=number), model=model)
        if items and items[-1]["id"] == model:
            items[-1]["modelVersions"].insert(0, version)
        else:
            items.append(civitai_item(version, number=model, tags=["clothing", "red"]))
    safetensors_file.write(tmp_path / "models" / "easy.safetensors", adapters.embedding(), seed=9)
    with user(tmp_path, items=items, contents=contents) as found:
        list(add([tmp_path / "models"], catalog=found.catalog))
        yield found


def asked(place: User, **options: Any) -> dict[str, EnrichResult]:
    """Enrich all models, by name."""
    site = options.pop("civitai", None) or Civitai(endpoint=place.site.url, sleep=lambda _: None)
    answers = enrich(place.models, lookups=[site], catalog=place.catalog, sleep=lambda _: None, **options)
    return {item.record.name: item for item in answers}


def named(place: User, name: str) -> ModelRecord:
    """Return the model of this name."""
    return next(model for model in place.models if model.name == name)


def test_what_civitai_knows_is_recorded(place: User) -> None:
    """Trigger words, base model, tags, page, license and scan verdict; unknown files are reported."""
    found = asked(place)
    assert {name: item.answer for name, item in found.items()} == {
        "mine 20": EnrichStatus.FOUND,
        "mine 30": EnrichStatus.FOUND,
        "mine 31": EnrichStatus.FOUND,
        "easy": EnrichStatus.UNKNOWN,
    }
    model = named(place, "mine 20")
    assert "word20" in [word.word for word in model.detection.trigger_words]
    assert {"clothing", "red"} <= set(model.tags)
    (source,) = [source for source in model.sources if source.kind == "civitai"]
    assert (source.reference, source.commit, source.path) == ("civitai:7", "20", "v20.safetensors")
    assert source.base_model == "SD 1.5"
    assert source.scan == "safe"
    assert source.url and source.url.endswith("/models/7?modelVersionId=20")
    assert source.license and "no credit needed" in source.license


def test_hashes_are_asked_in_one_question(place: User) -> None:
    """One for all files, one for each model; no file is downloaded."""
    asked(place)
    paths = [question.path for question in place.site.requests]
    assert [path for path in paths if "by-hash" in path] == ["/api/v1/model-versions/by-hash"]
    assert len(paths) == 3
    assert all(question.origin == "site" for question in place.site.requests)


def test_what_was_asked_is_not_asked_again(place: User) -> None:
    """Neither found nor unknown files are looked up again without --refresh."""
    asked(place)
    before = place.asked()
    assert {item.answer for item in asked(place).values()} == {EnrichStatus.REMEMBERED}
    assert place.asked() == before
    assert asked(place, refresh=True)["easy"].answer is EnrichStatus.UNKNOWN
    assert place.asked() > before


def test_what_was_not_known_is_asked_again_after_a_while(place: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file may be published later."""
    asked(place)
    monkeypatch.setattr(module, "_REMEMBERED", timedelta(days=-1))
    found = asked(place)
    assert found["easy"].answer is EnrichStatus.UNKNOWN
    assert found["mine 20"].answer is EnrichStatus.REMEMBERED


def test_the_users_words_are_never_overwritten(place: User) -> None:
    """Triggers, notes and tags stay as they were set, also at --refresh; tags taken away stay away."""
    model = named(place, "mine 20")
    place.catalog.set_override(model.id, "triggers", "my word")
    place.catalog.set_override(model.id, "notes", "at 0.7")
    place.catalog.tag(model.id, add=["favourite"])
    asked(place)
    place.catalog.tag(model.id, remove=["red"])
    asked(place, refresh=True)
    model = named(place, "mine 20")
    assert [word.word for word in model.detection.trigger_words] == ["my word"]
    assert model.notes == "at 0.7"
    assert set(model.tags) == {"favourite", "clothing"}


def test_an_interrupted_run_is_resumed(place: User) -> None:
    """What was found before the site failed is kept; the next run looks up only the rest."""
    real = Civitai(endpoint=place.site.url, sleep=lambda _: None)
    seen = []
    with pytest.raises(NetworkError):
        for item in enrich(place.models, lookups=[real], catalog=place.catalog, sleep=lambda _: None):
            seen.append(item.record.name)
            if item.answer is EnrichStatus.FOUND:
                place.site.fail(503, times=9)
    place.site._failures.clear()
    found = asked(place)
    again = {name for name, item in found.items() if item.answer is not EnrichStatus.REMEMBERED}
    assert again == {"mine 20", "mine 30", "mine 31"} - set(seen)
    assert again


def test_a_busy_site_is_waited_for_as_long_as_it_asks(place: User) -> None:
    """429 with Retry-After."""
    waits: list[float] = []
    place.site.fail(429, times=2, **{"Retry-After": "7"})
    found = asked(place, civitai=Civitai(endpoint=place.site.url, sleep=waits.append))
    assert found["mine 20"].answer is EnrichStatus.FOUND
    assert waits == [7.0, 7.0]


def test_a_mirror_without_batches_is_asked_one_by_one(place: User) -> None:
    """With the same answers."""
    place.site.refusals = Refusals(batches=False)
    found = asked(place)
    assert found["mine 30"].answer is EnrichStatus.FOUND
    assert found["easy"].answer is EnrichStatus.UNKNOWN


def test_there_is_a_pause_between_questions(place: User) -> None:
    """The site is not hurried."""
    pauses: list[float] = []
    real = Civitai(endpoint=place.site.url, sleep=lambda _: None)
    list(enrich(place.models, lookups=[real], catalog=place.catalog, sleep=pauses.append))
    assert len(pauses) == len(place.site.requests) - 1
    assert all(pause > 0 for pause in pauses)


def test_a_model_that_was_pulled_from_civitai_keeps_one_source(place: User) -> None:
    """--refresh brings it up to date; when it was pulled stays known."""
    (pulled,) = place.pull("civitai:7").models
    before = [source for source in pulled.sources if source.kind == "civitai"]
    assert len(before) == 1
    asked(place, refresh=True)
    after = [source for source in place.catalog.get(pulled.id).sources if source.kind == "civitai"]
    assert [replace(source, url=None) for source in after] == [replace(source, url=None) for source in before]


def test_a_preview_is_written_beside_the_model_once(place: User, tmp_path: Path) -> None:
    """Named as UIs look for it; one that is there stays."""
    url = f"{place.site.storage_url}/files/{place.site.blobs['picture.png'].sha256}"
    for _, version in place.site.versions():
        version["images"] = [{"url": url, "type": "image"}]
    own = tmp_path / "models" / "mine 30.png"
    own.write_bytes(b"my own picture")

    def preview(remote: Any, model: Path) -> Path | None:
        return fetch_preview(remote, model, staging=tmp_path / "staging")

    found = asked(place, fetch_preview=preview)
    target = tmp_path / "models" / "mine 20.preview.png"
    assert found["mine 20"].preview == target
    assert target.read_bytes() == PICTURE
    assert found["mine 30"].preview is None
    assert own.read_bytes() == b"my own picture"
    assert not list((tmp_path / "models").glob("mine 30.preview*"))


def test_a_preview_that_is_no_picture_is_not_kept(place: User, tmp_path: Path) -> None:
    """The rest of the answer is recorded all the same."""
    url = f"{place.site.storage_url}/files/{place.site.blobs['v20.safetensors'].sha256}"
    for _, version in place.site.versions():
        version["images"] = [{"url": url, "type": "image"}]
    found = asked(place, fetch_preview=lambda r, m: fetch_preview(r, m, staging=tmp_path / "staging"))
    assert found["mine 20"].preview is None
    assert "not a picture" in found["mine 20"].message
    assert not list((tmp_path / "models").glob("*.preview*"))


def test_pull_writes_what_the_site_says_beside_the_model_when_asked(place: User) -> None:
    """The version as Civitai Helper keeps it, which `inspect` reads, and the picture."""
    url = f"{place.site.storage_url}/files/{place.site.blobs['picture.png'].sha256}"
    for _, version in place.site.versions():
        version["images"] = [{"url": url, "type": "image"}]
    done = run(place, "pull", "civitai:7", "--sidecars")
    assert done.returncode == 0, done.stderr
    (model,) = [model for model in place.models if any(source.kind == "civitai" for source in model.sources)]
    assert model.path is not None
    said = json.loads(model.path.with_name(f"{model.path.stem}.civitai.info").read_text(encoding="utf-8"))
    assert said["modelId"] == 7
    assert said["model"]["name"]
    assert said["files"]
    assert model.path.with_name(f"{model.path.stem}.preview.png").read_bytes() == PICTURE
    own = model.path.with_name(f"{model.path.stem}.civitai.info")
    own.write_text("mine", encoding="utf-8")
    run(place, "pull", "civitai:7", "--sidecars")
    assert own.read_text(encoding="utf-8") == "mine"


def run(place: User, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command as this user."""
    environ = {**os.environ, **place.environ, "PYTHONUTF8": "1"}
    command = [sys.executable, "-m", "modelhub", *arguments]
    return subprocess.run(command, capture_output=True, encoding="utf-8", env=environ, check=False)


def test_the_command_says_what_was_found(place: User) -> None:
    """In words and as JSON; then `show` has the page."""
    done = run(place, "enrich", "mine 20")
    assert done.returncode == 0, done.stderr
    assert "word20" in done.stdout
    rows = validate("enrich", run(place, "enrich", "--json").stdout)
    assert {row["model"]: row["answer"] for row in rows} == {
        "mine 20": "asked before",
        "mine 30": "found",
        "mine 31": "found",
        "easy": "unknown",
    }
    assert "civitai:7" in run(place, "show", "mine 20").stdout


def test_offline_nothing_is_asked_and_the_command_ends_with_6(place: User) -> None:
    """It says so; what is remembered needs no network."""
    done = run(place, "enrich", "--offline")
    assert done.returncode == 6
    assert "Offline" in done.stderr
    assert place.site.requests == []
    run(place, "enrich")
    assert run(place, "enrich", "--offline").returncode == 0
