"""How many connections a transfer keeps."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from modelhub.fetch.transfer.connection_scaling import ConnectionScaler


def run(
    scaler: ConnectionScaler,
    rate: Callable[[int, float], float],
    seconds: float,
    steady: Callable[[float], bool] = lambda _: True,
) -> list[int]:
    """Simulated time: `rate(connections, time)` bytes per second; how many connections there were, tick by tick."""
    fetched, now, targets = 1.0, 0.0, [scaler.target(1, 0.0)]
    while now < seconds:
        now += 0.05
        fetched += rate(targets[-1], now) * 0.05
        targets.append(scaler.target(int(fetched), now, steady=steady(now)))
    return targets


def test_a_limit_per_connection_is_answered_with_all_of_them() -> None:
    """Each more brings more."""
    assert run(ConnectionScaler(16), lambda count, now: count * 1e6, 1.0)[-1] == 16


def test_never_more_than_allowed() -> None:
    """Also where the allowed number is no power of the factor."""
    for most in (1, 2, 3, 5, 8, 16):
        assert max(run(ConnectionScaler(most), lambda count, now: count * 1e6, 3.0)) == most


def test_a_quick_start_does_not_settle_it_for_good() -> None:
    """A server that sends a burst first and limits then is tried again."""
    assert run(ConnectionScaler(16), lambda count, now: 5e8 if now < 0.2 else count * 1e6, 3.0)[-1] == 16


def test_a_start_that_was_too_quick_is_found_out_at_once() -> None:
    """The step looked vain only beside the burst: measured once more, it was worth it."""
    targets = run(ConnectionScaler(4), lambda count, now: 5e6 if now < 0.28 else count * 1e6, 1.0)
    assert targets[-1] == 4


def test_a_server_that_sends_in_lumps_is_understood_in_time() -> None:
    """Limited connections of a real server: 2 MB at once, then nothing for a while, all in step."""
    for period in (0.1, 0.15, 0.25, 0.4):
        for phase in (0.0, 0.05, 0.1):

            def lumps(count: int, now: float, period: float = period, phase: float = phase) -> float:
                due = int((now + phase) / period) - int((now + phase - 0.05) / period)
                return due * count * 1e6 * period / 0.05

            assert run(ConnectionScaler(16), lumps, 12.0)[-1] == 16, (period, phase)


def test_a_full_line_is_not_crowded() -> None:
    """Where more connections bring nothing, one is kept, and more are tried more and more rarely."""
    targets = run(ConnectionScaler(16), lambda count, now: 1e8, 40.0)
    assert targets[-1] == 1
    tries = [at for at, (one, next_one) in enumerate(itertools.pairwise(targets)) if next_one > one]
    assert 3 <= len(tries) <= 9
    gaps = [after - before for before, after in itertools.pairwise(tries)]
    assert gaps[0] < gaps[-1]


def test_a_machine_at_its_limit_is_not_disturbed() -> None:
    """From some rate on, more connections are not even tried."""
    assert set(run(ConnectionScaler(16), lambda count, now: 8e8 * count, 3.0)) == {1}


def test_nothing_is_decided_while_connections_come_or_go() -> None:
    """What is measured then says nothing."""
    targets = run(ConnectionScaler(16), lambda count, now: count * 1e6, 3.0, steady=lambda now: now > 1.5)
    assert set(targets[:30]) == {1}
    assert targets[-1] == 16
