"""The number of connections that a transfer opens."""

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
    """Return the number of connections tick by tick, in simulated time; `rate(connections, time)`: bytes a second."""
    fetched, now, targets = 1.0, 0.0, [scaler.target(1, 0.0)]
    while now < seconds:
        now += 0.05
        fetched += rate(targets[-1], now) * 0.05
        targets.append(scaler.target(int(fetched), now, steady=steady(now)))
    return targets


def test_a_limit_per_connection_opens_all_of_them() -> None:
    """Each further connection raises the rate."""
    assert run(ConnectionScaler(16), lambda count, now: count * 1e6, 1.0)[-1] == 16


def test_never_more_than_allowed() -> None:
    """The limit holds where it is not a power of the factor."""
    for most in (1, 2, 3, 5, 8, 16):
        assert max(run(ConnectionScaler(most), lambda count, now: count * 1e6, 3.0)) == most


def test_a_fast_start_does_not_decide_for_good() -> None:
    """A server that sends a burst first and limits afterwards gets more connections later."""
    assert run(ConnectionScaler(16), lambda count, now: 5e8 if now < 0.2 else count * 1e6, 3.0)[-1] == 16


def test_a_step_after_a_fast_start_is_measured_again() -> None:
    """The step seemed to gain nothing only compared with the burst."""
    targets = run(ConnectionScaler(4), lambda count, now: 5e6 if now < 0.28 else count * 1e6, 1.0)
    assert targets[-1] == 4


def test_a_server_that_sends_in_bursts_gets_all_connections_in_the_end() -> None:
    """A server that limits a connection sends 2 MB at once, then nothing for a while, on all of them in step."""
    for period in (0.1, 0.15, 0.25, 0.4):
        for phase in (0.0, 0.05, 0.1):

            def bursts(count: int, now: float, period: float = period, phase: float = phase) -> float:
                due = int((now + phase) / period) - int((now + phase - 0.05) / period)
                return due * count * 1e6 * period / 0.05

            assert run(ConnectionScaler(16), bursts, 12.0)[-1] == 16, (period, phase)


def test_a_full_line_is_not_crowded() -> None:
    """Where more connections gain nothing, one stays, and more are tried less and less often."""
    targets = run(ConnectionScaler(16), lambda count, now: 1e8, 40.0)
    assert targets[-1] == 1
    tries = [at for at, (one, next_one) in enumerate(itertools.pairwise(targets)) if next_one > one]
    assert 3 <= len(tries) <= 9
    gaps = [after - before for before, after in itertools.pairwise(tries)]
    assert gaps[0] < gaps[-1]


def test_a_computer_at_its_limit_gets_no_further_connections() -> None:
    """Above some rate, more connections are not tried."""
    assert set(run(ConnectionScaler(16), lambda count, now: 8e8 * count, 3.0)) == {1}


def test_nothing_is_decided_while_connections_open_or_close() -> None:
    """Rates of that time are not comparable."""
    targets = run(ConnectionScaler(16), lambda count, now: count * 1e6, 3.0, steady=lambda now: now > 1.5)
    assert set(targets[:30]) == {1}
    assert targets[-1] == 16
