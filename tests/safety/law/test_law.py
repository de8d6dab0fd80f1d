"""The law: what modelhub calls safe or safe-legacy does nothing but build values, whichever loader reads it."""

from __future__ import annotations

import pickle
import struct
import time
from pathlib import Path

import pytest

from modelhub.domain import Verdict
from modelhub.errors import ModelhubError
from tests.safety.law import genuine
from tests.safety.law.__main__ import Figures, run
from tests.safety.law.generators import GENERATORS, candidates, streams, zips
from tests.safety.law.generators.payload import attack
from tests.safety.law.harness import MAX_JUDGE_SECONDS, Candidate, Law, LoadingProcess, Outcome

_COUNT = 1200  # candidates of a seed
_FEWEST = 25  # made candidates of a kind for its share to mean something
_CALLBACK = b"\x80\x02cpytorch_lightning.callbacks.model_checkpoint\nModelCheckpoint\n)R."
_SHARED = b"".join(b"0h%ch%c\x86q%c" % (level - 1, level - 1, level) for level in range(1, 40))
# What each kind of event is for: a file that causes it.
_ACTS = {
    "name": Candidate("x.pkl", attack()),
    "call": Candidate("x.pkl", _CALLBACK),
    "act": Candidate("x.pt", streams.tar_header(b"x", streams.TAR_MEMBERS)),
    "memory": Candidate("x.pkl", b"\x80\x04\x95" + struct.pack("<Q", 1 << 40) + b"}."),
    "time": Candidate("x.pkl", b"\x80\x04)q\x00" + _SHARED + b"0}h%cNs." % 39),
    "crash": Candidate("x.pkl", b"\x80\x02})" + b"\x85" * 300_000 + b"Ns."),
}


def _judge_safe(path: Path) -> Verdict:
    return Verdict.SAFE


def _check(process: LoadingProcess, folder: Path, candidate: Candidate) -> Outcome:
    (outcome,) = Law(process, folder, judge=_judge_safe).check([candidate])
    return outcome


@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_acts_that_is_called_harmless(seed: int, process: LoadingProcess, tmp_path: Path) -> None:
    """No loader looks up a strange name, calls, writes or crashes on any accepted candidate of a seed."""
    figures = Figures()
    run(Law(process, tmp_path), candidates(_COUNT, seed), figures)
    print("\n".join(figures.lines()))
    assert not figures.violations, "\n".join(figures.lines())
    shares = {kind: figures.accepted[kind] / made for kind, made in figures.made.items() if made >= _FEWEST}
    assert not {kind: share for kind, share in shares.items() if share < GENERATORS[kind].accepted}


def test_files_of_the_real_writers_are_called_harmless(process: LoadingProcess, tmp_path: Path) -> None:
    """Models as torch, safetensors and pickle write them are accepted and load without an event."""
    files = {name: content for name, content in genuine.all_files().items() if not name.endswith((".npy", ".npz"))}
    outcomes = Law(process, tmp_path).check([Candidate(name, content) for name, content in files.items()])
    assert not [outcome.candidate.name for outcome in outcomes if not outcome.accepted or outcome.violations]
    loaded = {outcome.candidate.name for outcome in outcomes if "loaded" in outcome.loads.done.values()}
    assert loaded == files.keys() - {"a.gguf"}  # which no Python library here loads


@pytest.mark.parametrize("kind", _ACTS)
def test_a_wrong_verdict_is_noticed(kind: str, process: LoadingProcess, tmp_path: Path) -> None:
    """A judge that calls everything safe breaks the law with each kind of event."""
    outcome = _check(process, tmp_path, _ACTS[kind])
    assert kind in {event.kind for event in outcome.violations}


def test_a_tensor_beyond_its_data_is_noticed(process: LoadingProcess, tmp_path: Path) -> None:
    """Torch reads beyond the record of a storage that the pickle calls longer, and the law sees it."""
    content = genuine.torch_zip().replace(b"K\x06", b"K\xff")
    assert "overread" in {event.kind for event in _check(process, tmp_path, Candidate("x.pt", content)).violations}


def test_an_error_and_the_time_of_the_judge_are_noticed(process: LoadingProcess, tmp_path: Path) -> None:
    """A judge that raises an error, or takes too long, breaks the law whatever the file does."""

    def fail(path: Path) -> Verdict:
        raise ModelhubError("The file cannot be read.")

    def dawdle(path: Path) -> Verdict:
        until = time.process_time() + MAX_JUDGE_SECONDS + 3
        while time.process_time() < until:
            pass
        return Verdict.SAFE

    found = {
        judge.__name__: Law(process, tmp_path, judge=judge).check([Candidate("x.pkl", pickle.dumps(1))])[0]
        for judge in (fail, dawdle)
    }
    assert {name: outcome.violations[0].kind for name, outcome in found.items()} == {"fail": "error", "dawdle": "time"}


def test_the_attack_does_not_run(process: LoadingProcess, tmp_path: Path) -> None:
    """What a candidate would do is prevented even where the verdict is wrong: the attack leaves no file behind."""
    entries = [zips.Entry(b"a/data.pkl", attack()), zips.Entry(b"a/version", b"3\n")]
    outcome = _check(process, tmp_path, Candidate("x.ckpt", zips.write(entries)))
    assert {event.detail for event in outcome.violations} == {"os.system"}
    assert not list(tmp_path.iterdir())
