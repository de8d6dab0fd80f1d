"""Outdated and update against a hub and a Civitai on this machine: what changed, and only that."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from modelhub.domain import Format
from modelhub.errors import Exit
from modelhub.operations.library import remove as remove_module
from modelhub.operations.remote.outdated import UpdateState, UpdateStatus, outdated
from modelhub.operations.remote.update import UpdateResult, plan_update, records_from_source, update
from modelhub.testing.files import adapters, folders, networks, safetensors_file, torch_file
from modelhub.testing.files.networks import SMALL
from tests.operations.remote.hubs import User, civitai_file, civitai_item, civitai_version, user

DRESS = "painter/dress"
LORA = "dress.safetensors"


def lora(path: Path, seed: int) -> Path:
    """Write a small LoRA file; another seed gives other content of the same shape."""
    metadata = adapters.lora_metadata("reddress", "reddress", rank=4)
    safetensors_file.write(path, adapters.lora_sd1(4), metadata=metadata, seed=seed)
    return path


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[User]:
    """A hub with a LoRA and a pipeline; a Civitai with a LoRA in two versions, of which one is shown at first."""
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    lora(tmp_path / "hub" / DRESS / LORA, 1)
    folders.write(tmp_path / "hub/painter/pipeline")
    contents = {f"v{n}.safetensors": lora(tmp_path / "civitai" / f"v{n}.safetensors", n) for n in (20, 30)}
    item = civitai_item(civitai_version(20, civitai_file("v20.safetensors", version=20)))
    with user(tmp_path, items=[item], contents=contents) as found:
        yield found


def statuses(place: User) -> list[UpdateStatus]:
    """Compare all models with their sources."""
    return outdated(place.models, fetchers=place.fetchers, offline=place.settings.offline)


def updated(place: User, item: UpdateStatus, *, replace_old: bool = False) -> UpdateResult:
    """Update an outdated model."""
    plan = plan_update(item, fetchers=place.fetchers, settings=place.settings)
    return update(plan, catalog=place.catalog, settings=place.settings, replace_old=replace_old)


def show_version(place: User, number: int, **more: Any) -> None:
    """Civitai shows another version of its model, on top."""
    file = civitai_file(f"v{number}.safetensors", version=number)
    place.site.set_true_values(file)
    place.site.items[0]["modelVersions"].insert(0, civitai_version(number, file, **more))


def test_a_model_whose_hub_file_is_the_same_is_current(place: User) -> None:
    """Also after a new commit that changed something else."""
    place.pull(DRESS)
    assert [item.state for item in statuses(place)] == [UpdateState.CURRENT]
    (place.repositories / DRESS / "README.md").write_text("A new card.")
    place.publish()
    (item,) = statuses(place)
    assert (item.state, item.files) == (UpdateState.CURRENT, ())
    assert item.newest != item.have


def test_a_changed_file_at_the_hub_makes_its_model_outdated(place: User) -> None:
    """The file is named; comparing downloads nothing."""
    place.pull(DRESS)
    lora(place.repositories / DRESS / LORA, 2)
    place.publish()
    sent = place.blobs_sent()
    (item,) = statuses(place)
    assert item.state is UpdateState.OUTDATED
    assert [file.name for file in item.files] == [LORA]
    assert place.blobs_sent() == sent


def test_an_update_keeps_the_old_file_and_hands_on_the_users_words(place: User) -> None:
    """Both are in the catalog, the new one with the tags, notes and style; then nothing is outdated."""
    (old,) = place.pull(DRESS).models
    place.catalog.tag(old.id, add=["favourite"])
    place.catalog.set_override(old.id, "notes", "at 0.7")
    new_content = lora(place.repositories / DRESS / LORA, 2).read_bytes()
    place.publish()
    (item,) = statuses(place)
    (new,) = updated(place, item).pulled.models
    assert old.path is not None and old.path.is_file()
    assert new.path is not None and new.path.parent == old.path.parent
    assert new.path.read_bytes() == new_content
    assert new.id != old.id
    assert "favourite" in new.tags
    assert new.notes == "at 0.7"
    assert sorted(item.state for item in statuses(place)) == [UpdateState.CURRENT, UpdateState.HELD]


def test_a_second_update_follows_the_first(place: User) -> None:
    """The third content gets a name of its own, and both older ones are then held."""
    place.pull(DRESS)
    for seed in (2, 3):
        lora(place.repositories / DRESS / LORA, seed)
        place.publish()
        updated(place, next(item for item in statuses(place) if item.state is UpdateState.OUTDATED))
    states = [item.state for item in statuses(place)]
    assert sorted(states) == [UpdateState.CURRENT, UpdateState.HELD, UpdateState.HELD]


def test_the_old_one_is_trashed_when_asked(place: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only after the new one is in its place."""
    trash = tmp_path / "trash"
    trash.mkdir()

    def move_to_trash(paths: tuple[Path, ...], *, send: object = None) -> tuple[Path, ...]:
        return tuple(path.rename(trash / path.name) and path for path in paths)

    monkeypatch.setattr(remove_module, "move_to_trash", move_to_trash)
    (old,) = place.pull(DRESS).models
    lora(place.repositories / DRESS / LORA, 2)
    place.publish()
    (item,) = statuses(place)
    assert updated(place, item, replace_old=True).trashed
    assert (trash / LORA).is_file()
    assert [model.id for model in place.models] != [old.id]
    assert len(place.models) == 1


def test_of_a_diffusers_folder_only_the_changed_file_is_fetched(place: User) -> None:
    """The other weights are taken from the old folder; the new folder is whole."""
    (old,) = place.pull("painter/pipeline", diffusers=True).models
    changed = place.repositories / "painter/pipeline/vae/diffusion_pytorch_model.fp16.safetensors"
    data = bytearray(changed.read_bytes())
    data[-1] ^= 1
    changed.write_bytes(data)
    place.publish()
    before = place.blobs_sent()
    (item,) = statuses(place)
    assert item.state is UpdateState.OUTDATED
    done = updated(place, item)
    assert place.blobs_sent() - before == 1
    assert {got.remote.name for got in done.pulled.obtained if got.origin == "downloaded"} == {
        "vae/diffusion_pytorch_model.fp16.safetensors"
    }
    (new,) = done.pulled.models
    assert new.format is Format.DIFFUSERS
    assert len(new.files) == len(old.files)
    assert new.path is not None and old.path is not None
    assert (new.path / "vae/diffusion_pytorch_model.fp16.safetensors").read_bytes() == bytes(data)
    assert (old.path / "model_index.json").is_file()


def test_a_file_that_the_hub_has_removed_is_gone(place: User) -> None:
    """And so is a whole repository."""
    place.pull(DRESS)
    (place.repositories / DRESS / LORA).rename(place.repositories / DRESS / "other.safetensors")
    place.publish()
    (item,) = statuses(place)
    assert item.state is UpdateState.GONE
    assert LORA in item.message
    del place.hub.repositories[DRESS]
    (item,) = statuses(place)
    assert (item.state, item.code) == (UpdateState.GONE, Exit.OK)


def test_a_commit_never_changes(place: User) -> None:
    """A model that was pulled at a commit is pinned, and no request is sent."""
    commit = place.hub.repositories[DRESS].commits["main"]
    place.pull(f"{DRESS}@{commit}")
    lora(place.repositories / DRESS / LORA, 2)
    place.publish()
    asked = place.asked()
    assert [item.state for item in statuses(place)] == [UpdateState.PINNED]
    assert place.asked() == asked


def test_a_newer_version_at_civitai_is_found_and_fetched(place: User) -> None:
    """By its number and name; the old version stays."""
    (old,) = place.pull("civitai:7").models
    assert [item.state for item in statuses(place)] == [UpdateState.CURRENT]
    show_version(place, 30)
    (item,) = statuses(place)
    assert (item.state, item.have, item.newest, item.name) == (UpdateState.OUTDATED, "20", "30", "v30")
    (new,) = updated(place, item).pulled.models
    assert new.sources[0].commit == "30"
    assert new.sources[0].reference == "civitai:7"
    assert old.path is not None and old.path.is_file()
    assert new.path is not None and new.path.name == "v30.safetensors"
    assert sorted(item.state for item in statuses(place)) == [UpdateState.CURRENT, UpdateState.HELD]


def test_planning_an_update_sends_no_request(place: User) -> None:
    """The comparison has resolved the newest version already."""
    place.pull("civitai:7")
    show_version(place, 30)
    (item,) = statuses(place)
    asked = place.asked()
    plan = plan_update(item, fetchers=place.fetchers, settings=place.settings)
    assert [file.name for file in plan.pull.choice.files] == ["v30.safetensors"]
    assert place.asked() == asked


def test_a_newer_version_for_another_base_is_no_successor(place: User) -> None:
    """It is mentioned, not fetched."""
    place.pull("civitai:7")
    show_version(place, 30, baseModel="SDXL 1.0")
    (item,) = statuses(place)
    assert item.state is UpdateState.CURRENT
    assert "SDXL 1.0" in item.message


def test_a_later_variant_below_the_recommended_version_is_no_successor(place: User) -> None:
    """Authors list inpainting and LCM versions below, though they were made later."""
    place.pull("civitai:7")
    show_version(place, 30)
    versions = place.site.items[0]["modelVersions"]
    versions.append(versions.pop(0))
    assert [item.state for item in statuses(place)] == [UpdateState.CURRENT]


def test_a_newer_version_in_early_access_is_mentioned(place: User) -> None:
    """A version that is not public yet does not make a model outdated."""
    place.pull("civitai:7")
    show_version(place, 30, earlyAccessEndsAt="2030-01-02")
    (item,) = statuses(place)
    assert item.state is UpdateState.CURRENT
    assert "2030-01-02" in item.message


def test_a_hub_that_is_down_does_not_stop_the_others(place: User) -> None:
    """Its models fail with the network's code; the others are answered."""
    place.pull(DRESS)
    place.pull("civitai:7")
    from modelhub.fetch.sources.civitai_fetcher import Civitai

    others = [fetcher for fetcher in place.fetchers if fetcher.kind != "civitai"]
    down = Civitai(endpoint="http://127.0.0.1:9", sleep=lambda _: None)
    found = {item.source.kind: item for item in outdated(place.models, fetchers=[*others, down])}
    assert found["huggingface"].state is UpdateState.CURRENT
    assert (found["civitai"].state, found["civitai"].code) == (UpdateState.FAILED, Exit.NETWORK)


def test_offline_nobody_is_asked(place: User) -> None:
    """Every source is reported as offline."""
    place.pull(DRESS)
    asked = place.asked()
    (item,) = outdated(place.models, fetchers=place.fetchers, offline=True)
    assert (item.state, item.code) == (UpdateState.FAILED, Exit.NETWORK)
    assert "Offline" in item.message
    assert place.asked() == asked


def test_models_of_one_repository_are_asked_about_once(place: User) -> None:
    """However many there are."""
    lora(place.repositories / DRESS / "second.safetensors", 5)
    place.publish()
    place.pull(DRESS, all=True)
    before = place.asked()
    one = len([r for r in place.hub.requests if r.path.startswith(f"/api/models/{DRESS}")])
    assert [item.state for item in statuses(place)] == [UpdateState.CURRENT] * 2
    again = [r for r in place.hub.requests[before - len(place.site.requests) :] if f"/api/models/{DRESS}" in r.path]
    assert 0 < len(again) <= one


@pytest.mark.parametrize("words", [DRESS, f"{DRESS}/{LORA}", "civitai:7", "civitai:7@20"])
def test_models_are_named_by_where_they_came_from(place: User, words: str) -> None:
    """With or without the file or the version."""
    place.pull(DRESS)
    place.pull("civitai:7")
    (found,) = records_from_source(place.models, words)
    kind = "civitai" if words.startswith("civitai") else "huggingface"
    assert found.sources[0].kind == kind


def checkpoint(place: User, step: int) -> None:
    """Publish a pickle with other content of the same shape for each `step`."""
    content = torch_file.checkpoint(networks.sd1(SMALL), global_step=step)
    torch_file.write(place.repositories / "CompVis/old" / "sd-v1-4.ckpt", content)
    place.publish()


def test_a_converted_pickle_is_compared_by_the_pickle_that_it_was_made_from(place: User) -> None:
    """The hub never had the safetensors file; a new pickle makes it outdated, another card does not."""
    checkpoint(place, 1)
    (old,) = place.pull("CompVis/old", convert=True).models
    known = place.hub.repositories["CompVis/old"]
    (place.repositories / "CompVis/old" / "README.md").write_text("A new card.")
    place.publish()
    now = place.hub.repositories["CompVis/old"]
    place.hub.repositories["CompVis/old"] = replace(now, revisions={known.commits["main"]: known.files})
    assert [item.state for item in statuses(place)] == [UpdateState.CURRENT]
    checkpoint(place, 2)
    (item,) = statuses(place)
    assert item.state is UpdateState.OUTDATED
    (new,) = updated(place, item).pulled.models
    assert new.format is Format.SAFETENSORS
    assert new.id != old.id
    assert not list(place.settings.library.rglob("*.ckpt"))


def test_a_version_that_is_another_model_is_not_an_update(tmp_path: Path) -> None:
    """Of Anything's page, neither Ink nor a few-step version replaces V5; a new ordinary version does."""
    files = {name: lora(tmp_path / "files" / name, seed) for seed, name in enumerate(("v5.safetensors",), start=1)}
    held = civitai_version(30163, civitai_file("v5.safetensors", version=30163), model=9409, name="V5")
    ink = civitai_version(90854, civitai_file("ink.safetensors", version=90854), model=9409, name="Ink")
    turbo = civitai_version(500000, civitai_file("t.safetensors", version=500000), model=9409, name="V5 Turbo")
    item = civitai_item(turbo, ink, held, number=9409)
    with user(tmp_path, items=[item], contents=files) as place:
        place.pull("civitai:9409@30163")
        (status,) = outdated(place.models, fetchers=place.fetchers)
        assert (status.state, status.message) == (UpdateState.CURRENT, "")
        newer = civitai_version(600000, civitai_file("v6.safetensors", version=600000), model=9409, name="V6")
        place.site.items[0]["modelVersions"].insert(0, newer)
        (status,) = outdated(place.models, fetchers=place.fetchers)
        assert (status.state, status.name) == (UpdateState.OUTDATED, "V6")
