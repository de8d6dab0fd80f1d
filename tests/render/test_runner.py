"""The worker process: a crash, a hang, a memory hog or nonsense on its pipe is a verdict, and the run goes on."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

import pytest

from modelhub.errors import ModelhubError
from modelhub.render import runner
from modelhub.render.messages import Job, Part, Result, Stage
from modelhub.render.recipes import Recipe
from modelhub.render.runner import Limits, Pool, Worker

# A worker that does what the name of the subject says.
FAKE = """
import json, os, sys, time
def say(**message):
    sys.stdout.write(json.dumps(message) + "\\n")
    sys.stdout.flush()
say(type="ready", device="cpu", device_name="fake", cuda_devices=0, versions={})
held = []
for line in sys.stdin:
    job = json.loads(line)
    name = job["subject"]["name"]
    say(type="stage", id=job["id"], text="doing " + name, about_base="base" in name)
    if "crash" in name:
        os.abort()
    if "exit" in name:
        sys.exit(7)
    if "hang" in name:
        time.sleep(600)
    if "hog" in name:
        while True:
            held.append(bytearray(20_000_000))
            time.sleep(0.01)
    if "noise" in name:
        print("a library prints this")
    verdict = "noise" if "bad" in name else "ok"
    say(type="result", id=job["id"], verdict=verdict, words=str(os.getpid()))
"""


@pytest.fixture
def command(tmp_path: Path) -> Sequence[str]:
    """The command line of the fake worker."""
    script = tmp_path / "fake_worker.py"
    script.write_text(textwrap.dedent(FAKE), encoding="utf-8")
    return (sys.executable, str(script))


def job(number: int, name: str, *, base: str = "a base", has_alternatives: bool = False) -> Job:
    """Return a job; the fake worker behaves as its name says."""
    subject = Part(path=f"/models/{name}", name=name, type="base" if name == base else "lora")
    base_part = Part(path=f"/models/{base}", name=base)
    return Job(
        id=number, subject=subject, base=base_part, recipe=Recipe(), pictures="", has_alternatives=has_alternatives
    )


def nothing(_: Job, __: Stage) -> None:
    """Ignore stages."""


def results(command: Sequence[str], *names: str, limits: Limits = Limits(seconds=60)) -> list[Result]:  # noqa: B008
    """Run jobs of these names in one worker and return their results."""
    worker = Worker("cpu", limits=limits, command=command)
    try:
        return [worker.test(job(number, name), nothing) for number, name in enumerate(names)]
    finally:
        worker.stop()


def test_one_process_serves_many_jobs_whatever_libraries_print(command: Sequence[str]) -> None:
    """Lines that are not messages are ignored."""
    answers = results(command, "one", "noise", "three")
    assert [answer.verdict for answer in answers] == ["ok", "ok", "ok"]
    assert len({answer.words for answer in answers}) == 1


@pytest.mark.parametrize(
    ("name", "words"), [("crash", "signal 6" if sys.platform != "win32" else "code"), ("exit", "code 7")]
)
def test_a_crash_is_a_verdict_and_the_next_job_gets_a_new_process(
    command: Sequence[str], name: str, words: str
) -> None:
    """The words say how it ended, and while doing what."""
    first, second, third = results(command, "one", name, "three")
    assert second.verdict == "crash"
    assert words in second.words
    assert f"doing {name}" in second.words
    assert third.verdict == "ok"
    assert third.words != first.words


def test_a_hang_ends_at_the_time_limit(command: Sequence[str]) -> None:
    """The process is ended; the run goes on."""
    first, second = results(command, "hang", "two", limits=Limits(seconds=0.5))
    assert first.verdict == "timeout"
    assert second.verdict == "ok"


def test_a_memory_hog_is_ended_before_the_machine_swaps(command: Sequence[str]) -> None:
    """The limit is that of the settings."""
    first, second = results(command, "hog", "two", limits=Limits(seconds=60, memory=200_000_000))
    assert first.verdict == "out-of-memory"
    assert second.verdict == "ok"


def test_death_while_the_base_loads_is_the_bases_fault(command: Sequence[str]) -> None:
    """So that the subject may be tried on another one."""
    (first,) = results(command, "crash loading the base")
    assert first.base_failed
    assert "Its base a base failed" in first.words


def test_a_worker_that_cannot_start_says_why(tmp_path: Path) -> None:
    """The last line that it wrote, not a traceback."""
    script = tmp_path / "broken.py"
    script.write_text("raise SystemExit('ImportError: the driver is too old')", encoding="utf-8")
    worker = Worker("cpu", limits=Limits(), command=(sys.executable, str(script)))
    with pytest.raises(ModelhubError, match="the driver is too old"):
        worker.start()


def run_all(command: Sequence[str], groups: list[list[Job]]) -> dict[str, Result]:
    """Return results by the subject's name, through a pool of one fake worker."""
    with Pool("cpu", limits=Limits(seconds=60), on_stage=nothing, command=command) as pool:
        pool.start()
        pool.submit(groups)
        return {done.subject.name: result for done, result in pool.results()}


def test_adapters_of_a_base_that_crashes_are_not_tried_on_it(command: Sequence[str]) -> None:
    """They are answered at once, and marked so that another base can be taken."""
    group = [job(1, "crash", base="crash"), job(2, "one", base="crash"), job(3, "two", base="crash")]
    answers = run_all(command, [group, [job(4, "four")]])
    assert answers["crash"].verdict == "crash"
    assert not answers["crash"].base_failed
    assert answers["one"].base_failed
    assert answers["two"].base_failed
    assert answers["four"].verdict == "ok"


def test_a_bad_base_is_used_only_where_no_other_fits(command: Sequence[str]) -> None:
    """An effect can still be measured on a base that draws noise, when there is nothing better."""
    group = [
        job(1, "bad", base="bad"),
        job(2, "lonely", base="bad"),
        job(3, "choosy", base="bad", has_alternatives=True),
    ]
    answers = run_all(command, [group])
    assert answers["lonely"].verdict == "ok"
    assert answers["choosy"].base_failed


def test_missing_libraries_are_named_with_the_extra_that_brings_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Instead of an ImportError from somewhere inside."""
    monkeypatch.setattr(runner, "NEEDED", ("json", "no_such_library"))
    with pytest.raises(ModelhubError) as caught:
        runner.require()
    assert "no_such_library" in caught.value.message
    assert "`render`" in caught.value.remedy.text


def test_groups_may_be_added_while_results_come_in(command: Sequence[str]) -> None:
    """So that adapters of a failed base go on to the next without a new process."""
    with Pool("cpu", limits=Limits(seconds=60), on_stage=nothing, command=command) as pool:
        pool.start()
        pool.submit([[job(1, "one")]])
        seen = []
        for done, result in pool.results():
            seen.append(result.words)
            if done.id == 1:
                pool.submit([[job(2, "two")], [job(3, "three")]])
    assert len(seen) == 3
    assert len(set(seen)) == 1


def test_leaving_early_ends_the_worker(command: Sequence[str]) -> None:
    """Ctrl-C in the middle of a job leaves no process behind."""
    import psutil

    with Pool("cpu", limits=Limits(seconds=60), on_stage=nothing, command=command) as pool:
        pool.start()
        pool.submit([[job(1, "one"), job(2, "hang")]])
        _, result = next(pool.results())
    assert not psutil.pid_exists(int(result.words))
