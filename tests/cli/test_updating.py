"""outdated, pull --update, pull - and the options of a pull, each in a process of its own against local hubs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from modelhub.testing.files import hostile
from tests.cli.test_app import modelhub
from tests.documents.test_schemas import validate
from tests.operations.remote.hubs import User, civitai_file, civitai_item, civitai_version, user
from tests.operations.remote.test_outdated import DRESS, LORA, lora


@pytest.fixture
def place(tmp_path: Path) -> Iterator[User]:
    """A hub with a LoRA, another one and a trap; a Civitai with a LoRA."""
    lora(tmp_path / "hub" / DRESS / LORA, 1)
    lora(tmp_path / "hub" / "painter/hat" / "hat.safetensors", 4)
    (tmp_path / "hub/stranger/trap").mkdir(parents=True)
    hostile.checkpoint(tmp_path / "hub/stranger/trap" / "upgrade.ckpt")
    content = lora(tmp_path / "civitai" / "v20.safetensors", 20)
    item = civitai_item(civitai_version(20, civitai_file("v20.safetensors", version=20)))
    with user(tmp_path, items=[item], contents={"v20.safetensors": content}) as found:
        yield found


def run(place: User, *arguments: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command as this user."""
    home = place.repositories.parent
    if text is None:
        return modelhub(*arguments, home=home, **place.environ)
    return subprocess.run(
        [sys.executable, "-m", "modelhub", *arguments],
        input=text,
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, **place.environ, "PYTHONUTF8": "1"},
        check=False,
    )


def test_outdated_says_what_is_newer_and_update_fetches_it(place: User) -> None:
    """The whole round: current, changed, fetched, current."""
    assert run(place, "pull", DRESS).returncode == 0
    done = run(place, "outdated", "--json")
    assert done.returncode == 0
    (row,) = validate("outdated", done.stdout)
    assert row.keys() >= {"id", "model", "path", "kind", "source", "state", "have", "newest", "files", "message"}
    assert row["state"] == "current"
    lora(place.repositories / DRESS / LORA, 2)
    place.publish()
    done = run(place, "outdated")
    assert done.returncode == 0
    assert "outdated" in done.stdout
    assert DRESS in done.stdout
    planned = run(place, "pull", "--update", "--dry-run")
    assert "Nothing was downloaded" in planned.stdout
    (row,) = validate("updates", run(place, "pull", "--update", "--dry-run", "--json").stdout)
    assert row["plan"]["files"][0]["name"] == LORA
    assert row["obtained"] == []
    done = run(place, "pull", "--update", DRESS, "--json")
    assert done.returncode == 0, done.stderr
    (row,) = validate("updates", done.stdout)
    assert [item["how"] for item in row["obtained"]] == ["downloaded"]
    assert row["trashed"] is False
    assert len(json.loads(run(place, "list", "--json").stdout)) == 2
    rows = json.loads(run(place, "outdated", "--json").stdout)
    assert sorted(row["state"] for row in rows) == ["current", "held"]


def test_outdated_offline_says_so_of_each_source_and_ends_with_6(place: User) -> None:
    """No request is sent."""
    run(place, "pull", DRESS)
    run(place, "pull", "civitai:7")
    asked = place.asked()
    done = run(place, "outdated", "--offline")
    assert done.returncode == 6
    assert done.stdout.count("Offline") == 2
    assert place.asked() == asked


def test_outdated_goes_on_when_one_hub_is_down(place: User) -> None:
    """Its models have failed (exit 6); those of the other hub are compared."""
    run(place, "pull", DRESS)
    run(place, "pull", "civitai:7")
    place.environ["MODELHUB_HUGGINGFACE_ENDPOINTS"] = "http://127.0.0.1:9"
    done = run(place, "outdated", "--json")
    assert done.returncode == 6
    rows = {row["kind"]: row for row in json.loads(done.stdout)}
    assert rows["huggingface"]["state"] == "failed"
    assert "127.0.0.1:9" in rows["huggingface"]["message"]
    assert rows["civitai"]["state"] == "current"


def test_an_update_of_what_was_never_pulled_is_not_found(place: User) -> None:
    """Exit 3, by name."""
    run(place, "pull", DRESS)
    done = run(place, "pull", "--update", "painter/hat")
    assert done.returncode == 3
    assert "painter/hat" in done.stderr


def test_an_update_creates_no_library(place: User, tmp_path: Path) -> None:
    """A mistyped folder is reported, with exit code 3."""
    done = run(place, "pull", "--update", "--library", str(tmp_path / "mistyped"))
    assert done.returncode == 3
    assert "There is no library at" in done.stderr
    assert not (tmp_path / "mistyped").exists()


def test_a_list_of_sources_is_read_from_standard_input(place: User) -> None:
    """Comments and empty lines are skipped, each source is pulled once."""
    text = f"\ufeff# my models\n{DRESS}\n\n  painter/hat   # a hat\n{DRESS}\ncivitai:7\n"
    done = run(place, "pull", "-", "--json", text=text)
    assert done.returncode == 0, done.stderr
    assert [row["source"] for row in json.loads(done.stdout)] == [DRESS, "painter/hat", "civitai:7"]


def test_one_failing_source_of_a_list_does_not_stop_the_others(place: User) -> None:
    """The gravest failure gives the exit code; the sum names those that failed."""
    text = f"painter/nothing\n{DRESS}\nstranger/trap\npainter/hat\n"
    done = run(place, "pull", "-", text=text)
    assert done.returncode == 4  # the trap is graver than what is not there
    assert done.stdout.count("ready") == 2
    assert "2 of 4 sources are done; 2 failed" in done.stderr
    assert "painter/nothing" in done.stderr.split("2 failed")[1]
    done = run(place, "pull", "-", "--json", text=f"painter/nothing\n{DRESS}\n")
    assert done.returncode == 3
    first, second = validate("pull", done.stdout)
    assert (first["source"], first["exit_code"]) == ("painter/nothing", 3)
    assert second["models"]


@pytest.mark.parametrize("text", ["", "# nothing\n\n"])
def test_an_empty_list_is_wrong_usage(place: User, text: str) -> None:
    """Exit 2 with what a list looks like."""
    done = run(place, "pull", "-", text=text)
    assert done.returncode == 2
    assert "one per line" in done.stderr


def test_a_dry_run_prints_the_plan_alone(place: User) -> None:
    """The document has the chosen file and no model; nothing is downloaded and no file is placed."""
    sent = place.blobs_sent()
    (row,) = validate("pull", run(place, "pull", DRESS, "--dry-run", "--json").stdout)
    assert ([file["name"] for file in row["files"]], row["models"]) == ([LORA], [])
    assert row["candidates"][0]["chosen"] is True
    assert place.blobs_sent() == sent


def test_pull_without_a_source_is_wrong_usage(place: User) -> None:
    """So is --replace without --update."""
    assert run(place, "pull").returncode == 2
    assert run(place, "pull", DRESS, "--replace").returncode == 2


def test_progress_as_events_on_stderr(place: User) -> None:
    """One JSON object per line, from the plan to the end; stdout is the answer alone."""
    done = run(place, "pull", DRESS, "--json", "--progress", "json", "--limit-rate", "100M")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)
    events = [json.loads(line) for line in done.stderr.splitlines()]
    names = [event["event"] for event in events]
    assert names[0] == "plan"
    assert [name for name in names if name in ("start", "verify", "done")] == ["start", "verify", "done"]
    size = (place.repositories / DRESS / LORA).stat().st_size
    last = events[-1]
    assert (last["done"], last["total"], last["all_done"], last["all_total"], last["ok"]) == (
        size,
        size,
        size,
        size,
        True,
    )
    assert events[0]["total"] == size


def test_the_rate_limit_is_kept_below(place: User) -> None:
    """A rate that would take ten times as long as the whole test may is obeyed: the first seconds bring little."""
    size = (place.repositories / DRESS / LORA).stat().st_size
    rate = size // 2
    done = run(place, "pull", DRESS, "--progress", "json", "--json", "--limit-rate", str(rate))
    assert done.returncode == 0
    rates = [event["rate"] for event in map(json.loads, done.stderr.splitlines()) if event["event"] == "progress"]
    assert rates
    assert max(rates) <= 2 * rate


@pytest.mark.parametrize(("option", "value"), [("--limit-rate", "fast"), ("--progress", "dots")])
def test_a_wrong_value_of_an_option_is_wrong_usage(place: User, option: str, value: str) -> None:
    """Exit 2, with the value."""
    done = run(place, "pull", DRESS, option, value)
    assert done.returncode == 2
    assert value in done.stderr


def test_offline_only_what_is_held_is_used(place: User) -> None:
    """No request is sent; what is not on this machine is reported."""
    asked = place.asked()
    done = run(place, "pull", DRESS, "--offline")
    assert done.returncode == 3
    assert "ffline" in done.stderr
    assert place.asked() == asked


def test_the_hubs_scan_and_license_are_shown_and_recorded(place: User) -> None:
    """A scan that is not clean is a warning at the end of the pull; `show` has both, also as JSON."""
    known = place.hub.repositories[DRESS]
    place.hub.repositories[DRESS] = replace(known, scans={LORA: "suspicious"}, card={"license": "openrail++"})
    done = run(place, "pull", DRESS)
    assert done.returncode == 0, done.stderr
    assert "license: openrail++" in done.stdout
    assert f"warning: {LORA}: The scan of Hugging Face rates it suspicious" in done.stdout
    shown = run(place, "show", "dress").stdout
    assert "scan by the source: suspicious" in shown
    assert "openrail++" in shown
    (row,) = json.loads(run(place, "show", "dress", "--json").stdout)
    assert (row["sources"][0]["scan"], row["sources"][0]["license"]) == ("suspicious", "openrail++")


def test_a_clean_scan_makes_no_noise(place: User) -> None:
    """It is recorded; Civitai's permissions are the license."""
    done = run(place, "pull", "civitai:7")
    assert "warning" not in done.stdout
    assert "no credit needed" in done.stdout
    (row,) = json.loads(run(place, "list", "--json").stdout)
    assert row["sources"][0]["scan"] == "safe"
    assert row["sources"][0]["base_model"] == "SD 1.5"


def test_a_scan_that_has_not_ended_is_mentioned(place: User) -> None:
    """Civitai's pending scan."""
    for _, version in place.site.versions():
        version["files"][0]["virusScanResult"] = "Pending"
    done = run(place, "pull", "civitai:7")
    assert "Civitai has not finished its scan" in done.stdout


def test_a_failure_is_an_event_too(place: User) -> None:
    """Whoever reads stderr line by line as JSON can do so to the end."""
    done = run(place, "pull", "painter/nothing", "--progress", "json")
    assert done.returncode == 3
    events = [json.loads(line) for line in done.stderr.splitlines()]
    assert events[-1]["event"] == "error"
    assert events[-1]["exit_code"] == 3


def test_options_that_choose_a_file_cannot_be_combined_with_update(place: User) -> None:
    """They are refused, as they would be ignored."""
    done = run(place, "pull", "--update", "--name", "x", "--all")
    assert done.returncode == 2
    assert "`--all`, `--name` cannot be combined with `--update`." in done.stderr
