"""Silence, judged by the venue's own time."""

from core.adapters.exchanges.connection.freshness import LEAST_S, MOST_S, Freshness

S = 1_000_000_000
T0 = 1_700_000_000 * S


def told_every(gap_s, count=40, skew_s=0.0):
    """A connection that heard an event every `gap_s`, and when the last one came."""
    fresh = Freshness()
    fresh.begin(T0)
    for i in range(count):
        now = T0 + round(i * gap_s * S)
        fresh.heard(now - round(skew_s * S), now)
    return fresh, T0 + round((count - 1) * gap_s * S)


def test_messages_whose_time_stands_still_do_not_make_it_fresh():
    """Messages come every second, the event time stays: it is silent all the same."""
    fresh, last = told_every(0.1)
    for i in range(1, 8):
        fresh.heard(last, last + i * S)

    assert fresh.is_silent(last + 7 * S)
    assert fresh.age_s(last + 7 * S) == 7.0


def test_a_venue_whose_clock_differs_is_not_stale():
    """Ten minutes behind or ahead, the age counts from what was normal."""
    for skew_s in (600.0, -600.0):
        fresh, last = told_every(0.1, skew_s=skew_s)

        assert fresh.age_s(last) == 0.0
        assert not fresh.is_silent(last + 2 * S)
        assert fresh.is_silent(last + 4 * S)


def test_the_limit_follows_how_often_it_spoke():
    """Three seconds for a busy one, five at most for a slow one, five before anything is known."""
    assert Freshness().limit_s == MOST_S
    assert told_every(0.01)[0].limit_s == LEAST_S
    assert told_every(2.0)[0].limit_s == MOST_S


def test_another_source_can_confirm_the_quiet():
    """Then the silence begins anew."""
    fresh, last = told_every(0.1)
    assert fresh.is_silent(last + 6 * S)
    fresh.confirmed(last + 6 * S)

    assert not fresh.is_silent(last + 7 * S)
    assert fresh.is_silent(last + 10 * S)


def test_a_new_socket_has_its_time():
    """Before the first event the age counts from the opening."""
    fresh = Freshness()
    fresh.begin(T0)

    assert not fresh.is_silent(T0 + 4 * S)
    assert fresh.is_silent(T0 + 6 * S)
