"""Pauses between two attempts."""

from core.adapters.exchanges.connection.backoff import Backoff
from core.infrastructure.rng import SeededRng


def test_the_first_attempt_comes_at_once_and_later_ones_spread():
    """No wait after the first failure, then up to a bound that doubles and ends at the longest."""
    backoff = Backoff(SeededRng(1), first_s=0.5, longest_s=4.0)
    waits = [backoff.next_s() for _ in range(9)]

    assert waits[0] == 0.0
    bounds = [0.5, 1.0, 2.0, 4.0, 4.0, 4.0, 4.0, 4.0]
    assert all(0.0 <= wait <= bound for wait, bound in zip(waits[1:], bounds, strict=True))
    assert len(set(waits[1:])) == 8


def test_the_same_seed_waits_the_same():
    """A run repeats itself."""
    one, two = (Backoff(SeededRng(7)) for _ in range(2))

    assert [one.next_s() for _ in range(6)] == [two.next_s() for _ in range(6)]


def test_a_good_life_begins_anew():
    """After a reset the next failure is the first."""
    backoff = Backoff(SeededRng(1))
    backoff.next_s()
    backoff.next_s()
    backoff.reset()

    assert backoff.next_s() == 0.0
