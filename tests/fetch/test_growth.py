"""How many connections a transfer keeps."""

from __future__ import annotations

from modelhub.fetch.growth import Growth


def run(growth: Growth, rate: object, seconds: float) -> int:
    """Simulated time: `rate(connections, time)` bytes per second; the connections at the end."""
    assert callable(rate)
    fetched, now, target = 1.0, 0.0, growth.target(1, 0.0)
    while now < seconds:
        now += 0.05
        fetched += rate(target, now) * 0.05
        target = growth.target(int(fetched), now)
    return target


def test_a_limit_per_connection_is_answered_with_all_of_them() -> None:
    """Each more brings more."""
    assert run(Growth(16), lambda count, now: count * 1e6, 1.0) == 16


def test_a_quick_start_does_not_settle_it_for_good() -> None:
    """A server that sends a burst first and limits then is tried again."""
    assert run(Growth(16), lambda count, now: 5e8 if now < 0.2 else count * 1e6, 3.0) == 16


def test_a_full_line_is_not_crowded() -> None:
    """Where more connections bring nothing, few are kept."""
    assert run(Growth(16), lambda count, now: 1e8, 1.0) <= 2
