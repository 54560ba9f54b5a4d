"""The kinds of grids and what moves, grows and ends them: events in, commands out, as stories."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from core.adapters.exchanges.models import OrderSide
from core.domain.commands import CancelOrder, PlaceOrder
from core.domain.events import Act, MarketMoved
from core.services.grid.outcome import summary_fields
from core.services.grid.plan import make_plan
from core.services.grid.settings import (
    FollowShift,
    GridType,
    InitialFill,
    StopAction,
    TargetSettings,
)
from core.services.grid.snapshot import GridPhase
from core.services.grid.spacing import ratio_of
from core.services.grid.view import phase_words
from core.testing.grid_story import GridStory
from core.testing.grids import FREE, INSTRUMENT, told

NEUTRAL = replace(
    FREE, grid_type=GridType.NEUTRAL, lower_price=Decimal(97), upper_price=Decimal(101)
)
LONG = replace(NEUTRAL, grid_type=GridType.LONG, upper_price=Decimal(100))
SHORT = replace(LONG, grid_type=GridType.SHORT)
FOLLOW = replace(
    LONG,
    grid_type=GridType.FOLLOW_LONG,
    lower_price=None,
    upper_price=None,
    follow_grid_count=3,
    follow_timeout_s=60,
    follow_shift=FollowShift.ROLL,
)
INFINITY = replace(
    LONG,
    grid_type=GridType.INFINITY,
    upper_price=None,
    lower_price=Decimal(90),
    grid_interval=Decimal(0),
    grid_ratio=Decimal("1.02"),
    order_value=Decimal(90),
    active_window=3,
)


def summary(story: GridStory) -> tuple[tuple[str, str | int | bool | None], ...]:
    """The closing line of a run that ended now."""
    return summary_fields(
        result=story.machine.result(story.now_ns),
        equity_start=None,
        equity_end=None,
        open_orders=0,
        feed="",
        started_ns=None,
        ended_ns=None,
    )


def cancels(story: GridStory) -> int:
    """How many cancels have been asked for."""
    return sum(isinstance(command, CancelOrder) for command in story.commands)


# -- neutral ------------------------------------------------------------------------------------


def test_a_neutral_grid_buys_below_and_sells_above_the_empty_line():
    """Five lines and four orders: the line nearest to the price stays empty."""
    story = told(NEUTRAL, "99.2")

    assert story.resting() == ["buy 97", "buy 98", "sell 100", "sell 101"]
    assert story.machine.position == 0


def test_a_fill_rests_again_on_the_line_that_was_empty():
    """Down through two lines and up through four: one line is empty all the time."""
    story = told(NEUTRAL, "99")
    story.price("97.9")
    assert story.resting() == ["buy 97", "sell 99", "sell 100", "sell 101"]
    story.price("96.9")
    assert story.resting() == ["sell 98", "sell 99", "sell 100", "sell 101"]
    assert story.machine.position == 2
    story.price("99.1")
    assert story.resting() == ["buy 97", "buy 98", "sell 100", "sell 101"]
    assert story.machine.ledger.round_trips == 2
    story.price("101.1")

    assert story.resting() == ["buy 97", "buy 98", "buy 99", "buy 100"]
    assert story.machine.position == -2
    assert story.machine.ledger.average_entry == Decimal("100.5")
    assert story.residual() == 0


def test_round_trips_of_a_neutral_grid_belong_to_pairs_of_lines():
    """A sale above and its buy one line below are one trip, whichever came first."""
    story = told(NEUTRAL, "99", "100.1", "98.9", "97.9", "99.1")

    trips = [line.get("round_trip") for line in story.lines("order.filled")]
    assert trips == [None, "1", None, "1"]
    assert story.machine.ledger.realized == 2
    assert story.machine.position == 0


def test_a_neutral_grid_is_flattened_on_either_side():
    """Short above its start, it buys back; long below it, it sells."""
    above, below = told(NEUTRAL, "99", "101.5"), told(NEUTRAL, "99", "96.5")
    for story, side in ((above, OrderSide.BUY), (below, OrderSide.SELL)):
        story.ask(Act.FLATTEN)

        closing = [c for c in story.commands if isinstance(c, PlaceOrder)][-1]
        assert (closing.side, closing.amount) == (side, 2000)
        assert story.machine.position == 0
        assert story.residual() == 0


@pytest.mark.parametrize("price, side", [("120", "buy"), ("80", "sell")])
def test_a_neutral_grid_beside_its_range_has_all_orders_on_one_side(price: str, side: str):
    """The nearest line is the last one."""
    assert {order.split()[0] for order in told(NEUTRAL, price).resting()} == {side}


# -- geometric ----------------------------------------------------------------------------------


def test_geometric_lines_are_multiples_of_one_another():
    """From 20000 to 30000 in five steps: the ratio is 1.08447."""
    settings = replace(
        LONG,
        grid_interval=Decimal(0),
        grid_ratio=ratio_of(Decimal(20_000), Decimal(30_000), 5),
        grid_count=5,
        lower_price=Decimal(20_000),
        upper_price=Decimal(30_000),
        instrument=replace(INSTRUMENT, tick_size=Decimal("0.01")),
        price_step=Decimal("0.01"),
    )
    plan = make_plan(settings)

    assert [str(level.price) for level in plan.levels] == [
        "20000.00",
        "21689.44",
        "23521.58",
        "25508.49",
        "27663.24",
    ]
    assert f"{settings.grid_ratio:.5f}" == "1.08447"
    assert plan.levels[-1].exit_price == 30_000


def test_a_geometric_exit_is_the_line_so_many_lines_further():
    """With a distance of two the exits of the last levels lie on lines beyond the range."""
    settings = replace(
        LONG,
        grid_interval=Decimal(0),
        grid_ratio=Decimal("1.1"),
        grid_count=3,
        lower_price=Decimal(100),
        upper_price=Decimal("133.1"),
        reverse_order_grid_distance=2,
    )
    story = told(settings, "140", "99")

    # 100 · 1.1^n to the nearest tenth: 100, 110, 121, 133.1, 146.4.
    assert story.resting() == ["sell 121", "sell 133.1", "sell 146.4"]


def test_a_short_geometric_grid_counts_from_above():
    """Line n is the upper price divided by the ratio so many times."""
    settings = replace(
        SHORT,
        grid_interval=Decimal(0),
        grid_ratio=Decimal("1.1"),
        grid_count=2,
        lower_price=Decimal(100),
        upper_price=Decimal(121),
    )

    assert told(settings, "90").resting() == ["sell 110", "sell 121"]


# -- trailing -----------------------------------------------------------------------------------


def test_trailing_up_moves_one_line_when_the_price_is_a_line_above():
    """The lowest order is cancelled, one is placed at the top, nothing is bought or sold."""
    story = told(replace(LONG, trailing_up=True), "100.5")
    assert story.resting() == ["buy 97", "buy 98", "buy 99"]
    story.price("100.9")
    assert cancels(story) == 0
    story.price("101")

    assert story.resting() == ["buy 98", "buy 99", "buy 100"]
    assert cancels(story) == 1
    assert story.fills() == []
    [line] = story.lines("grid.trailed")
    assert (line["lower_price"], line["upper_price"]) == ("98", "101")
    assert (line["old_price"], line["new_price"], line["cost"]) == ("97", "100", "0")


def test_trailing_goes_as_far_as_its_limit():
    """A leap of ten lines moves the range to the limit and no further."""
    settings = replace(LONG, trailing_up=True, trailing_up_limit=Decimal("103.5"))
    story = told(settings, "100.5", "110")

    assert story.resting() == ["buy 100", "buy 101", "buy 102"]
    assert story.machine.trailed == 3
    assert story.machine.horizon().above is None


def test_trailing_down_takes_what_it_holds_along_and_books_the_loss():
    """The highest level's inventory goes to the new lowest line; its loss is realized and shown."""
    story = told(replace(LONG, trailing_down=True), "100", "96.5")
    assert story.resting() == ["sell 98", "sell 99", "sell 100"]
    fills = len(story.fills())
    story.price("96")

    # Bought at 99, taken over to 96: a loss of 3, and an exit at 97.
    assert story.resting() == ["sell 97", "sell 98", "sell 99"]
    assert story.machine.position == 3
    assert story.machine.trailing_cost == 3
    assert story.machine.ledger.realized == -3
    assert len(story.fills()) == fills
    assert story.residual() == 0
    story.price("97.5")
    assert story.lines("order.filled")[-1]["round_trip"] == "1"
    assert story.residual() == 0
    fields = dict(summary(story))
    assert fields["trailing_cost"] == "3"
    assert fields["realized_pnl"] == "-2"
    assert "trailing_cost" not in dict(summary(told(LONG, "100")))


def test_without_trailing_a_range_stays_where_it_is():
    """The same prices, the same three lines."""
    assert told(LONG, "100.5", "110").resting() == ["buy 97", "buy 98", "buy 99"]


def test_a_short_grid_trails_up_at_a_cost_and_down_for_nothing():
    """The mirror: what costs for a long grid is free for a short one."""
    both = replace(SHORT, trailing_up=True, trailing_down=True)
    down, up = told(both, "97", "96"), told(both, "97", "101")

    assert down.resting() == ["sell 97", "sell 98", "sell 99"]
    assert down.machine.trailing_cost == 0
    assert up.machine.trailing_cost == 3
    assert up.residual() == 0


def test_a_neutral_grid_trails_with_its_short_position():
    """Levels that had sold first are taken up with the range, and what that costs is booked."""
    story = told(replace(NEUTRAL, trailing_up=True), "99", "101.5")
    assert story.machine.position == -2
    story.price("104")

    # Two levels that bought first were flat; the third had sold at 100 and holds on at 104.
    assert story.machine.trailed == 3
    assert story.machine.position == -2
    assert story.machine.trailing_cost == 4
    assert story.residual() == 0


def test_a_follow_grid_rolls_by_whole_lines():
    """After the timeout only the far entries are cancelled; those inside keep their places."""
    story = told(FOLLOW, "100")
    assert story.resting() == ["buy 97", "buy 98", "buy 99"]
    kept = story.find("buy 99")
    story.price("102.5")
    story.wait(61)

    assert story.resting() == ["buy 99", "buy 100", "buy 101"]
    assert story.find("buy 99") == kept
    assert cancels(story) == 2
    assert story.fills() == []
    assert story.machine.resets == 1


def test_a_follow_grid_that_resets_cancels_everything():
    """The default: a new ladder around the price."""
    story = told(replace(FOLLOW, follow_shift=FollowShift.RESET), "100", "102.5")
    story.wait(61)

    assert story.resting() == ["buy 99.5", "buy 100.5", "buy 101.5"]
    assert cancels(story) == 3


# -- infinity -----------------------------------------------------------------------------------


def test_an_infinity_grid_buys_what_it_will_sell_and_holds_a_constant_value():
    """Every line is worth 90; what is held is worth 90 · 1.02 / 0.02 = 4590 at the line above."""
    story = told(INFINITY, "100")
    machine = story.machine

    # Lines 90 · 1.02^n: 99.4 is the highest below the price, 101.4 the first above.
    value = machine.position * Decimal("101.4")
    assert abs(value - 4590) < 1
    assert story.resting()[-3:] == ["sell 103.4", "sell 105.4", "sell 107.6"]
    assert machine.ledger.lots(0) > 0


def test_an_infinity_grid_adds_lines_as_the_price_rises():
    """It never runs out of levels or of what they sell; the value it holds stays the same."""
    story = told(replace(INFINITY, active_window=5), *(str(price) for price in range(100, 201)))
    machine = story.machine

    assert machine.ladder.count > 40
    assert {order.split()[0] for order in story.resting()[-5:]} == {"sell"}
    value = machine.position * Decimal(200)
    assert abs(value - 4590) < 100
    # 35 lines of 90 each sold, every unit bought at about 100.
    assert 880 < machine.ledger.realized < 920
    assert story.residual() == 0


def test_an_infinity_grid_below_its_lower_price_does_not_begin():
    """It says why, and holds."""
    story = told(INFINITY, "89")

    assert story.machine.phase is GridPhase.HOLDING
    assert "below the lower price 90" in story.machine.phase_reason
    assert story.orders == {}


# -- beginning ----------------------------------------------------------------------------------


@pytest.mark.parametrize("first, before, reached", [("90", "94", "95.2"), ("99", "96", "95")])
def test_the_start_waits_for_its_trigger_from_either_side(first: str, before: str, reached: str):
    """No order before the price has reached it, and the horizon names it."""
    settings = replace(LONG, lower_price=Decimal(93), trigger_price=Decimal(95))
    story = told(settings, first, before)
    machine = story.machine

    assert machine.phase is GridPhase.WAITING
    assert story.orders == {}
    assert 950 in (machine.horizon().above, machine.horizon().below)
    assert machine.trigger_distance == abs(Decimal(before) - 95)
    assert "starts at 95" in phase_words(machine)
    story.price(reached)
    assert machine.phase is GridPhase.RUNNING
    assert len(story.orders) == 7


def test_a_trigger_is_waited_for_only_once():
    """A restart after it was reached goes on at once; one before it goes on waiting."""
    settings = replace(LONG, trigger_price=Decimal(99))
    waiting = told(settings, "103", "101").restart()
    assert waiting.machine.phase is GridPhase.WAITING
    waiting.price("99")
    again = waiting.restart()
    again.price("104")

    assert again.machine.phase is GridPhase.RUNNING


def test_the_cap_of_the_first_order_is_reckoned_from_the_exact_price():
    """Trades between two ticks: the limit is the exact price plus the cap, not the next tick's."""
    settings = replace(LONG, initial_fill_cap=Decimal("0.001"))
    story = GridStory(settings)
    market = MarketMoved(at_ns=1, bid=979, ask=980, last=979, mark=Decimal("97.91"), has_book=False)
    story.tell(market)

    first = next(command for command in story.commands if isinstance(command, PlaceOrder))
    # 97.91 · 1.001 = 98.00791, cut down to 98.0; from 98.0 it would have been 98.098, cut to 98.0.
    assert first.price == 980
    wide = GridStory(replace(LONG, initial_fill_cap=Decimal("0.002")))
    wide.tell(market)
    first = next(command for command in wide.commands if isinstance(command, PlaceOrder))
    # 97.91 · 1.002 = 98.10582, cut down to 98.1; from 98.0 it would have been 98.196.
    assert first.price == 981


# -- window -------------------------------------------------------------------------------------


def test_only_the_nearest_orders_rest_and_the_window_rolls():
    """Ten levels, two on each side: what is further away waits, and nothing is lost."""
    settings = replace(LONG, lower_price=Decimal(90), active_window=2)
    story = told(settings, "100.5")
    assert story.resting() == ["buy 98", "buy 99"]
    story.price("98.5")
    assert story.resting() == ["buy 97", "buy 98", "sell 100"]
    story.price("96.5")
    assert story.resting() == ["buy 95", "buy 96", "sell 98", "sell 99", "sell 100"]
    story.price("95.5")
    # Four are held; the furthest exit has left the venue.
    assert story.resting() == ["buy 94", "buy 95", "sell 97", "sell 98", "sell 99"]
    story.price("101")

    assert story.machine.position == 0
    assert story.machine.ledger.round_trips == 4
    assert story.resting() == ["buy 97", "buy 98", "buy 99"]


# -- growth -------------------------------------------------------------------------------------


def test_booked_profit_makes_orders_larger_by_whole_lots():
    """Capital 294 and a profit of 3 put one percent more into every level."""
    settings = replace(LONG, is_compounding=True)
    story = told(settings, "100", "96.5", "100.5")

    # 3 round trips of 1: amounts grow by 3/294 = 1.02 %, cut down to lots of 0.001.
    amounts = {order.command.amount for order in story.orders.values()}
    assert story.machine.ledger.realized == 3
    assert max(amounts) == 1000 + 1000 * 3 // 294
    assert story.machine.capital > 294
    assert story.lines("grid.compounded")


def test_without_compounding_orders_stay_as_they_are():
    """The same path leaves one unit a level."""
    story = told(LONG, "100", "96.5", "100.5")

    assert {order.command.amount for order in story.orders.values()} == {1000}


def test_what_is_set_aside_is_shown_and_not_compounded():
    """Half of three round trips of one is 1.5; only the rest makes orders larger."""
    settings = replace(LONG, is_compounding=True, profit_reserve_percent=Decimal(50))
    story = told(settings, "100", "96.5", "100.5")

    assert story.machine.reserved == Decimal("1.5")
    assert dict(summary(story))["reserved"] == "1.5"
    assert max(order.command.amount for order in story.orders.values()) == 1005
    assert story.machine.ledger.realized == 3


def test_compounding_stops_at_the_largest_position():
    """`max_position` holds for grown orders too."""
    settings = replace(LONG, is_compounding=True, max_position=Decimal("3.01"))
    story = told(settings, "100", "96.5", "100.5")

    assert {order.command.amount for order in story.orders.values()} <= {1000, 1003}


# -- ends ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "action, orders, position",
    [(StopAction.KEEP, 3, 3), (StopAction.CANCEL, 0, 3), (StopAction.FLATTEN, 0, 0)],
)
def test_a_bot_stop_loss_does_what_was_chosen(action: StopAction, orders: int, position: int):
    """At its price the bot ends: orders and position kept, orders cancelled, or all closed."""
    target = TargetSettings(price=Decimal(95), action=action)
    story = told(replace(LONG, bot_stop_loss=target), "100", "96.5")
    assert story.machine.horizon().below == 950
    story.price("95")

    assert story.machine.phase is GridPhase.STOPPED
    assert (len(story.orders), story.machine.position) == (orders, position)
    [line] = story.lines("protection.triggered")
    assert (line["protection"], line["price"]) == ("bot_stop_loss", "95")
    assert story.residual() == 0


def test_a_bot_take_profit_by_percent_counts_everything_since_the_start():
    """Three units bought below and held: at a gain of 0.6 % of 1000 everything is closed."""
    target = TargetSettings(fraction=Decimal("0.006"))
    settings = replace(LONG, bot_take_profit=target, reverse_order_grid_distance=5)
    story = told(settings, "100", "96.5", "99.9")
    # Held: 97, 98 and 99. Worth 1000 + 3 · P - 294 = 1006 at 100.
    assert story.machine.phase is GridPhase.RUNNING
    story.price("100")

    assert story.machine.phase is GridPhase.STOPPED
    assert story.machine.ledger.realized == 6
    assert story.machine.position == 0


def test_a_target_may_begin_the_bot_anew():
    """After the profit a new ladder stands, and the next target counts from there."""
    target = TargetSettings(fraction=Decimal("0.002"), restarts=True)
    settings = replace(LONG, bot_take_profit=target)
    story = told(settings, "100", "96.5", "98.5", "99.5")

    [line] = story.lines("grid.reset")
    assert line["reason"] == "bot_take_profit"
    assert story.machine.phase is GridPhase.RUNNING
    assert story.machine.position == 0


def test_a_neutral_grid_has_a_stop_loss_on_either_side():
    """One price below and one above; between them it goes on."""
    target = TargetSettings(price=Decimal(95), price_above=Decimal(103))
    settings = replace(NEUTRAL, bot_stop_loss=target)
    below, above = told(settings, "99", "95"), told(settings, "99", "103")

    assert below.machine.is_stopped
    assert above.machine.is_stopped
    assert not told(settings, "99", "95.1", "102.9").machine.is_stopped


def test_targets_are_shown_with_the_protections():
    """Where they stand, and the price at which they would fire."""
    profit = TargetSettings(price=Decimal(105))
    loss = TargetSettings(fraction=Decimal("0.01"))
    settings = replace(LONG, bot_take_profit=profit, bot_stop_loss=loss)
    story = told(settings, "100", "96.5")
    shown = {view.name: view for view in story.machine.protections(story.now_ns)}

    assert shown["bot_take_profit"].price == 105
    assert shown["bot_take_profit"].distance == Decimal("8.5")
    # Worth 1000 + 3 · P - 294 = 990 at 94.666…, shown to the tick.
    assert shown["bot_stop_loss"].price == Decimal("94.7")
    assert shown["bot_stop_loss"].words == "at a worth of 990"


def test_a_target_survives_a_restart():
    """What the bot was worth at its start is remembered, whatever happened since."""
    settings = replace(LONG, bot_stop_loss=TargetSettings(fraction=Decimal("0.01")))
    story = told(settings, "100", "96.5").restart()
    # Worth 1000 + 3 · P - 294: a loss of 10 at 94.666.
    story.price("94.7")
    assert not story.machine.is_stopped
    story.price("94.6")

    assert story.machine.is_stopped


def test_the_first_order_follows_the_initial_fill():
    """The opening position is bought at once, or left to the price, as the file says."""
    taken = told(LONG, "97.5")
    waiting = told(replace(LONG, initial_fill=InitialFill.PASSIVE_ONLY), "97.5")

    assert taken.machine.position == 2
    assert waiting.machine.position == 0
    assert waiting.resting() == ["buy 97"]
