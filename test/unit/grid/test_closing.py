"""A winding down: what its list ticks off, how long it pauses, and how it is kept."""

from __future__ import annotations

import pytest

from core.services.grid.closing import SECOND_NS, Closing, Purpose, pause_ns


def closing(
    purpose: Purpose = Purpose.STOP, *, cancels: bool = True, flattens: bool = True, orders: int = 2
) -> Closing:
    """One that has just begun."""
    made = Closing(purpose=purpose, cancels=cancels, flattens=flattens, reason="stopped by you")
    made.orders = orders
    return made


def told(made: Closing, live: int, position: str, *, is_flat: bool) -> list[str]:
    """Its list, with `x` before what is done and `!` before what failed."""
    return [
        ("!" if step.is_failed else "x" if step.is_done else "-") + f" {step.text}"
        for step in made.steps(live, position, is_flat)
    ]


def test_a_stop_that_closes_ticks_off_its_orders_and_its_position():
    """First the orders that still live, then the position."""
    made = closing()

    assert told(made, 2, "3", is_flat=False) == ["- cancelling 2 orders", "- closing 3"]
    assert told(made, 1, "3", is_flat=False) == ["- cancelling 1 order", "- closing 3"]
    assert told(made, 0, "3", is_flat=False) == ["x 2 orders cancelled", "- closing 3"]
    assert told(made, 0, "0", is_flat=True) == ["x 2 orders cancelled", "x position closed"]


def test_one_order_is_told_as_one():
    """Not as `1 orders`."""
    assert told(closing(orders=1), 0, "0", is_flat=True)[0] == "x 1 order cancelled"


def test_a_stop_that_keeps_says_what_it_keeps():
    """Orders and position that stay by policy are done, and no failure."""
    made = closing(cancels=False, flattens=False)

    assert told(made, 3, "2", is_flat=False) == ["x 3 orders kept", "x position 2 kept"]
    assert told(made, 0, "0", is_flat=True) == ["x 0 orders kept"]


def test_a_hold_says_nothing_of_what_it_keeps():
    """Only an end has to say what it leaves behind."""
    made = closing(Purpose.HOLD, flattens=False)
    kept = closing(Purpose.HOLD, cancels=False, flattens=False)

    assert told(made, 0, "2", is_flat=False) == ["x 2 orders cancelled"]
    assert told(kept, 1, "2", is_flat=False) == []


def test_three_failures_or_a_rest_that_cannot_be_closed_are_shown_as_failed():
    """Until the position is gone after all."""
    made = closing()
    for _ in range(3):
        made.fail(0)
    assert told(made, 0, "3", is_flat=False)[1] == "! closing 3"
    assert told(made, 0, "0", is_flat=True)[1] == "x position closed"

    given_up = closing()
    given_up.gave_up = True
    (_, line) = told(given_up, 0, "0.0001", is_flat=False)
    assert line.startswith("! 0.0001 left: ")


def test_it_is_degraded_from_the_third_failure_until_it_is_done():
    """Two are bad luck."""
    made = closing()
    seen = []
    for _ in range(3):
        made.fail(7 * SECOND_NS)
        seen.append((made.is_degraded, made.retry_ns))
    made.is_done = True

    assert seen == [
        (False, 8 * SECOND_NS),
        (False, 9 * SECOND_NS),
        (True, 11 * SECOND_NS),
    ]
    assert not made.is_degraded


@pytest.mark.parametrize(
    "failures, seconds", [(0, 1), (1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (8, 60), (10**6, 60)]
)
def test_pauses_double_up_to_a_minute(failures: int, seconds: int):
    """Whatever the number of failures."""
    assert pause_ns(failures) == seconds * SECOND_NS


def test_what_was_written_is_read_back():
    """Every field of it, so that a crash in the middle changes nothing."""
    made = closing(Purpose.RESET, cancels=True, flattens=False, orders=7)
    made.fail(5)
    made.gave_up = made.is_done = made.is_entries_first = made.waits_for_price = True
    made.rank, made.source = 4, "capital_protection"
    found = Closing.load(made.dump())

    assert found.dump() == made.dump()
    assert found.dump() == [
        *("reset", True, False, "stopped by you", 7, 1, 5 + SECOND_NS, True, True, 4),
        *("capital_protection", True, True),
    ]


def test_one_that_was_written_before_protections_is_a_persons():
    """An older journal has nine values; the others are as when a person asks."""
    found = Closing.load(closing().dump()[:9])

    assert found.dump() == closing().dump()
    assert found.rank == 1
    assert found.source == ""
