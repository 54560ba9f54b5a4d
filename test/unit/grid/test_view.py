"""What the grid screen is given."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from core.adapters.exchanges.models import OrderSide, from_ns
from core.domain.events import Act, OrderUnknown
from core.services.grid.history import History
from core.services.grid.settings import GridType, InitialFill
from core.services.grid.snapshot import GridPhase, GridSnapshot, SlotState
from core.services.grid.view import SlotRows, Surroundings, grid_profit, grid_snapshot
from core.testing.grid_story import GridStory
from core.testing.grids import TWENTY

LONG = replace(TWENTY, lower_price=Decimal(97), upper_price=Decimal("100.5"))
AROUND = Surroundings(bot="grid-1", mode="paper", feed="sim:7", equity=Decimal(123))


def shown(story: GridStory, around: Surroundings = AROUND) -> GridSnapshot:
    """The picture now."""
    return grid_snapshot(story.machine, story.now_ns, around)


def test_a_running_grid_shows_its_orders_from_high_to_low():
    """Each slot with the order it has now, and the sums below."""
    story = GridStory(LONG)
    story.price("99.5")
    story.price("98.9")
    picture = shown(story)

    assert [(row.level, row.side, row.price, row.state) for row in picture.slots] == [
        (3, OrderSide.SELL, 100, SlotState.EXIT_OPEN),
        (2, OrderSide.BUY, 98, SlotState.ENTRY_OPEN),
        (1, OrderSide.BUY, 97, SlotState.ENTRY_OPEN),
    ]
    assert (picture.entries_resting, picture.exits_resting, picture.waiting) == (2, 1, 0)
    assert (picture.phase, picture.levels, picture.unused_range) == (
        GridPhase.RUNNING,
        3,
        Decimal("0.5"),
    )
    assert picture.mark == Decimal("98.9")
    assert picture.result.unrealized_pnl == Decimal("-0.1")
    assert (picture.equity, picture.feed, picture.bot) == (123, "sim:7", "grid-1")


def test_fills_come_newest_first_with_what_a_round_trip_earned():
    """As the diary tells them."""
    story = GridStory(LONG)
    for price in ("99.5", "98.9", "100.1"):
        story.price(price)
    newest, oldest = shown(story).fills

    assert (newest.leg, newest.side, newest.price, newest.round_trip) == (
        "exit",
        OrderSide.SELL,
        100,
        Decimal("0.9602"),
    )
    assert (oldest.leg, oldest.level, oldest.round_trip) == ("entry", 3, None)
    assert newest.at == from_ns(story.now_ns)


def test_a_partly_filled_order_shows_how_far_it_is():
    """The amount is the order's, the filled part is beside it."""
    story = GridStory(LONG)
    story.price("99.5")
    story.fill(story.find("buy 99"), 400)
    row = shown(story).slots[0]

    assert (row.amount, row.filled) == (1, Decimal("0.4"))


def test_a_waiting_entry_says_what_it_waits_for():
    """In words, with the price."""
    story = GridStory(replace(LONG, initial_fill=InitialFill.PASSIVE_ONLY))
    story.price("98.5")
    row = shown(story).slots[0]

    assert (row.state, row.note) == (SlotState.EMPTY, "waits until the price is above 99")


def test_an_unanswered_order_shows_since_when():
    """Until the venue tells."""
    story = GridStory(LONG)
    story.price("99.5")
    identity = story.find("buy 98")
    story.tell(OrderUnknown(at_ns=story.now_ns, client_order_id=identity))
    row = next(row for row in shown(story).slots if row.level == 2)

    assert (row.state, row.unknown_since) == (SlotState.UNKNOWN, from_ns(story.now_ns))


def test_a_pause_says_who_and_what_it_means():
    """And since when."""
    story = GridStory(LONG)
    story.price("99.5")
    story.ask(Act.PAUSE)
    story.price("98.9")
    picture = shown(story)

    assert picture.phase_reason == "paused by you. Orders stay; nothing new is sent."
    assert picture.phase_since == from_ns(story.now_ns - 1_000_000_000)
    assert picture.slots[0].note == "sent on resume"


def test_a_follow_grid_counts_its_escape():
    """Fixed types say nothing there."""
    follow = replace(
        LONG,
        grid_type=GridType.FOLLOW_LONG,
        lower_price=None,
        upper_price=None,
        follow_grid_count=3,
        follow_timeout_s=60,
    )
    story = GridStory(follow)
    assert (shown(story).follow_state, shown(story).lower_price) == ("not escaped", None)
    story.price("100")
    story.price("101.1")
    story.wait(12)

    assert shown(story).follow_state == "escaped 12 s of 60 s"
    assert shown(GridStory(LONG)).follow_state == ""
    assert (shown(story).lower_price, shown(story).upper_price) == (97, 100)


def test_a_yearly_rate_needs_ten_minutes():
    """One round trip of 0.9602 net on a capital of 294, in a quarter of an hour."""
    story = GridStory(LONG)
    for price in ("99.5", "98.9", "100.1"):
        story.price(price)
    story.wait(500)
    assert shown(story).result.apr_24h is None
    story.wait(397)
    result = shown(story).result

    assert result.apr_24h == Decimal("0.9602") / Decimal("0.25") * 8766 / 294
    assert result.apr_24h == result.apr_7d
    assert result.round_trips == 1


def test_rows_kept_from_one_picture_to_the_next_are_those_of_a_fresh_one():
    """Whatever a slot goes through, a row that was kept says what a new one would."""
    story, kept, pictures = GridStory(LONG), SlotRows(), set()
    for price in ("99.5", "98.9", "97.5", "96.9", "98.2", "99.4", "100.6"):
        story.price(price)
        for act in (Act.PAUSE, Act.RESUME):
            story.ask(act)
            picture = grid_snapshot(story.machine, story.now_ns, AROUND, kept)
            pictures.add(picture.slots)

            assert picture.slots == shown(story).slots

    assert len(pictures) > 5


def test_rows_are_kept_until_something_in_them_changes():
    """A picture passes on the rows that still hold, and the same tuple when all of them do."""
    story, rows = GridStory(LONG), SlotRows()
    story.price("99.5")
    first = grid_snapshot(story.machine, story.now_ns, AROUND, rows).slots
    again = grid_snapshot(story.machine, story.now_ns, AROUND, rows).slots
    story.price("98.9", after_s=0.1)
    after = grid_snapshot(story.machine, story.now_ns, AROUND, rows).slots

    assert again is first
    kept = [row for row in after if any(row is other for other in first)]
    assert [row.level for row in kept] == [2, 1]
    assert after[0].state is SlotState.EXIT_OPEN


def test_a_row_that_nobody_announced_is_found_within_a_second():
    """Every slot is looked at once a second, whatever the machine says of it."""
    story, rows = GridStory(LONG), SlotRows()
    story.price("99.5")
    grid_snapshot(story.machine, story.now_ns, AROUND, rows)
    story.machine.slots[0].note = "changed behind its back"
    later = grid_snapshot(story.machine, story.now_ns + 1_100_000_000, AROUND, rows).slots

    assert later[-1].note == "changed behind its back"


def test_a_line_that_was_taken_off_leaves_the_picture_once_it_is_sold():
    """Until then it stands there and says why."""
    story, rows = GridStory(replace(LONG, initial_fill=InitialFill.PASSIVE_ONLY)), SlotRows()
    for price in ("100.5", "98.9", "97.9"):
        story.price(price)
    story.edit(replace(story.settings, lower_price=Decimal(99), upper_price=Decimal(102)))
    shown = grid_snapshot(story.machine, story.now_ns, AROUND, rows).slots
    assert [row.note for row in shown if row.level > 3] == [
        "its line was taken off: it sells what it holds"
    ]
    story.price("99.1", after_s=0.1)

    sold = grid_snapshot(story.machine, story.now_ns, AROUND, rows).slots
    assert [row.level for row in sold if row.level > 3] == []


def test_profit_adds_up_slot_by_slot():
    """What slots and the rest have earned, paid and hold is what the grid has, exactly."""
    story = GridStory(LONG)
    for price in ("99.5", "98.9", "97.9", "99.1", "100.2", "98.5"):
        story.price(price)
    shown = grid_profit(story.machine, story.now_ns, Decimal("98.37"))
    rows, result = shown.slots, shown.result

    assert result.round_trips == 2
    assert sum(row.round_trips for row in rows) == 2
    assert sum((row.realized for row in rows), Decimal(0)) == result.realized_pnl
    assert sum((row.fees for row in rows), Decimal(0)) == result.fees
    assert sum((row.holds for row in rows), Decimal(0)) == result.position
    assert sum((row.unrealized for row in rows), Decimal(0)) == result.unrealized_pnl
    assert rows[-1].level is None
    assert sum((trip.net for trip in shown.trips), Decimal(0)) == result.trips_net
    newest = shown.trips[0]
    assert newest.opened_at is not None
    assert newest.opened_at < newest.closed_at
    assert (newest.entry_price, newest.exit_price, newest.gross) == (99, 100, 1)


def test_a_rate_counts_only_what_lies_inside_its_window():
    """Round trips of a bucket that began before the window are left out, and so is its time."""
    minute = 60 * 1_000_000_000
    history = History()
    history.since_ns = 0
    for at_minutes in (5, 25, 35, 55):
        history.add(
            (at_minutes * minute, 1, "exit", OrderSide.SELL, Decimal(1), Decimal(100), Decimal(0),
             Decimal(1), "c", "t", True)
        )  # fmt: skip
    capital = Decimal(8766)
    hour = history.rate(60 * minute, 60 * minute, capital)
    cut = history.rate(62 * minute, 40 * minute, capital)

    assert (hour.apr, hour.sample_s) == (Decimal(4), 3600)
    assert cut.sample_s == 32 * 60
    assert cut.apr is not None
    assert round(cut.apr, 9) == round(Decimal(2) * 60 / 32, 9)
    assert history.rate(9 * minute, 60 * minute, capital).apr is None


def test_books_survive_a_restart_slot_by_slot():
    """What each slot has earned, and the round trip that is under way, are in the journal."""
    story = GridStory(LONG)
    for price in ("99.5", "98.9", "97.9", "99.1"):
        story.price(price)
    before = grid_profit(story.machine, story.now_ns, Decimal(99)).slots
    after = story.restart()

    assert grid_profit(after.machine, after.now_ns, Decimal(99)).slots == before
    after.price("100.2")
    (trip, *_) = grid_profit(after.machine, after.now_ns, Decimal(99)).trips
    assert trip.opened_at is not None
