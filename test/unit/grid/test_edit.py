"""What an edit of a running grid changes, and what it leaves alone."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from core.adapters.exchanges.models import ExchangeType, FeeAsset, OrderSide
from core.domain.commands import CancelOrder, PlaceOrder
from core.domain.events import Act, OrderFilled
from core.errors import ConfigError
from core.services.grid.edit import changed_keys, plan_edit, with_left_over
from core.services.grid.editing import Edited
from core.services.grid.plan import plan_limits
from core.services.grid.settings import GridSettings, GridType, InitialFill
from core.services.grid.snapshot import EditDiff, EditLine, GridPhase
from core.testing.grid_story import GridStory
from core.testing.grids import INSTRUMENT, SEVEN, following

LONG = replace(SEVEN, upper_price=Decimal(100))
FOLLOW = following(LONG, levels=3, timeout_s=60)
SHIFTED = replace(LONG, lower_price=Decimal(97), upper_price=Decimal(102))
RAISED = replace(LONG, lower_price=Decimal(99), upper_price=Decimal(102))


def holding() -> GridStory:
    """Entries at 95 to 97; the lines 98 and 99 hold one each and sell at 99 and 100."""
    story = GridStory(LONG)
    for price in ("100.5", "98.9", "97.9"):
        story.price(price)
    assert story.resting() == ["buy 95", "buy 96", "buy 97", "sell 99", "sell 100"]
    return story


def diff_of(story: GridStory, settings: GridSettings) -> EditDiff:
    """What an edit would do."""
    return plan_edit(story.machine, settings, at_ns=story.now_ns)


def words(lines: tuple[EditLine, ...]) -> list[str]:
    """Orders as `buy 98`."""
    return [f"{line.side.value} {line.price:f}".removesuffix(".0") for line in lines]


def test_the_same_settings_touch_no_order():
    """An edit that changes nothing cancels and places nothing."""
    story = holding()
    diff = diff_of(story, replace(LONG, replace_limit=9))
    story.edit(replace(LONG, replace_limit=9))

    assert (diff.cancel, diff.place, len(diff.keep)) == ((), (), 5)
    assert not diff.touches_orders
    assert not [item for item in story.commands[-1:] if isinstance(item, CancelOrder | PlaceOrder)]
    assert story.machine.settings.replace_limit == 9


def test_a_preview_changes_nothing():
    """The diff is read off a copy: state, orders and settings are as before."""
    story = holding()
    before = story.machine.dump()
    diff_of(story, SHIFTED)

    assert story.machine.dump() == before
    assert story.machine.settings is LONG


def test_a_moved_range_cancels_and_places_only_its_ends():
    """Lines that both ladders have keep their orders; new ones above the price are bought."""
    story = holding()
    diff = diff_of(story, replace(SHIFTED, initial_fill=InitialFill.PASSIVE_ONLY))
    story.edit(replace(SHIFTED, initial_fill=InitialFill.PASSIVE_ONLY))

    assert words(diff.cancel) == ["buy 96", "buy 95"]
    assert words(diff.keep) == ["sell 100", "sell 99", "buy 97"]
    assert diff.place == ()
    assert story.resting() == ["buy 97", "sell 99", "sell 100"]
    story.price("101.5")
    assert story.resting() == ["buy 97", "buy 98", "buy 99", "buy 100", "buy 101"]


def test_new_lines_that_the_price_has_passed_are_bought_as_at_a_start():
    """With taker_position one order fills them; the diff says so."""
    story = holding()
    diff = diff_of(story, SHIFTED)
    story.edit(SHIFTED)

    assert [(line.amount, line.is_taker) for line in diff.place] == [(Decimal(2), True)]
    assert "2 TEST are bought at once" in diff.notices[0]
    assert story.machine.position == 4
    assert story.resting() == ["buy 97", "sell 99", "sell 100", "sell 101", "sell 102"]
    assert story.residual() == 0


def test_what_a_line_holds_that_is_gone_is_sold_at_its_old_exit():
    """Nothing held is sold by the edit; the left-over line ends with its round trip."""
    story = holding()
    diff = diff_of(story, replace(RAISED, initial_fill=InitialFill.PASSIVE_ONLY))
    story.edit(replace(RAISED, initial_fill=InitialFill.PASSIVE_ONLY))

    (kept,) = diff.kept_holdings
    assert (kept.entry_price, kept.exit_price, kept.amount) == (98, 99, 1)
    assert story.machine.position == 2
    assert story.resting() == ["sell 99", "sell 100"]
    story.price("99.1")
    assert story.resting() == ["sell 100"]
    assert story.machine.ledger.round_trips == 1
    assert [slot.is_orphan for slot in story.machine.slots] == [False, False, False]
    assert story.residual() == 0


def test_a_line_that_comes_back_takes_over_what_was_left_over():
    """Edited there and back, the grid is the grid that it was."""
    story = holding()
    story.edit(replace(RAISED, initial_fill=InitialFill.PASSIVE_ONLY))
    story.edit(LONG)

    assert story.resting() == ["buy 95", "buy 96", "buy 97", "sell 99", "sell 100"]
    assert [slot.level for slot in story.machine.slots] == [1, 2, 3, 4, 5]


def test_another_amount_changes_entries_and_leaves_exits():
    """What is held is sold as it is; the next entry of the slot has the new amount."""
    story = holding()
    wanted = replace(LONG, order_amount=Decimal(2))
    diff = diff_of(story, wanted)
    story.edit(wanted)

    assert words(diff.cancel) == words(diff.place) == ["buy 97", "buy 96", "buy 95"]
    assert words(diff.keep) == ["sell 100", "sell 99"]
    assert (diff.capital_before, diff.capital_after) == (485, 970)
    assert (diff.exposure_before, diff.exposure_after) == (5, 10)
    story.price("100.1")
    amounts = {order.command.amount for order in story.orders.values()}
    assert amounts == {2000}


def test_another_distance_moves_exits_and_lets_slots_exchange_them():
    """The exit that another slot needs is not cancelled: it changes its slot."""
    story = holding()
    wanted = replace(LONG, reverse_order_grid_distance=2)
    diff = diff_of(story, wanted)
    story.edit(wanted)

    assert words(diff.cancel) == ["sell 99"]
    assert words(diff.place) == ["sell 101"]
    assert story.resting() == ["buy 95", "buy 96", "buy 97", "sell 100", "sell 101"]
    story.price("100.1")
    assert story.machine.ledger.round_trips == 1
    assert story.residual() == 0


def test_new_lines_wait_until_the_cancels_are_over():
    """Margin and limits never carry the old and the new orders at once."""
    story = holding()
    story.is_silent = True
    story.commands.clear()
    story.edit(replace(LONG, lower_price=Decimal(93), grid_interval=Decimal("0.5")))
    placed = [item for item in story.commands if isinstance(item, PlaceOrder)]
    cancelled = [item.client_order_id for item in story.commands if isinstance(item, CancelOrder)]

    assert placed == []
    assert len(cancelled) == 2
    story.is_silent = False
    for identity in cancelled:
        story.end(identity, is_ours=True)
    assert "buy 93.5" in story.resting()


def test_another_edit_leaves_new_lines_waiting():
    """Lines that wait for cancels stay new, opened as at a start all the same (narrow seed 99)."""
    moved = replace(SHIFTED, initial_fill=InitialFill.PASSIVE_ONLY)
    story = holding()
    story.is_silent = True
    story.edit(moved)
    cancelled = [item.client_order_id for item in story.commands if isinstance(item, CancelOrder)]
    story.edit(replace(moved, replace_limit=9))
    assert story.machine.dump() == story.state
    story.edit(replace(moved, upper_price=Decimal(103)))
    assert story.machine.dump() == story.state
    story.is_silent = False
    for identity in cancelled:
        story.end(identity, is_ours=True)

    assert story.resting() == ["buy 97", "sell 99", "sell 100"]
    assert story.machine.ledger.position == 2
    story.price("103")
    assert story.resting()[-2:] == ["buy 101", "buy 102"]


def test_an_entry_that_fills_while_it_is_cancelled_is_not_lost():
    """Its line is gone, so the slot is left over and sells what it bought."""
    story = holding()
    story.is_silent = True
    story.edit(RAISED)
    identity = story.find("buy 97")
    story.is_silent = False
    story.fill(identity, 1000)

    assert "sell 98" in story.resting()
    assert story.residual() == 0


def test_a_late_execution_finds_its_slot_under_the_new_number():
    """An order that was thought to be over fills after an edit: its id names the old level."""
    story = holding()
    story.price("99.5")
    identity = story.find("buy 98")
    story.end(identity)
    story.edit(replace(LONG, lower_price=Decimal(96)))
    story.tell(
        OrderFilled(
            at_ns=story.now_ns,
            client_order_id=identity,
            trade_id="late",
            side=OrderSide.BUY,
            price=Decimal(98),
            amount=1000,
            fee=Decimal(0),
            is_maker=True,
        )
    )

    held = [
        slot.entry_price for slot in story.machine.slots if story.machine.ledger.lots(slot.level)
    ]
    assert held == [980, 990]


def test_a_follow_grid_keeps_its_range_unless_its_lines_change():
    """Another timeout or amount leaves the ladder where it stands; another interval moves it."""
    story = GridStory(FOLLOW)
    story.price("100")
    story.price("101.4")
    story.edit(replace(FOLLOW, follow_timeout_s=5))
    assert story.resting() == ["buy 97", "buy 98", "buy 99"]
    assert story.machine.watch is not None
    assert story.machine.watch.timeout_ns == 5_000_000_000

    story.edit(replace(FOLLOW, grid_interval=Decimal(2)))
    assert story.resting() == ["buy 95.4", "buy 97.4", "buy 99.4"]


def test_a_paused_grid_is_edited_and_places_on_resume():
    """Cancels leave at once, because they were asked for; nothing new does."""
    story = holding()
    story.ask(Act.PAUSE)
    diff = diff_of(story, replace(LONG, order_amount=Decimal(2)))
    story.edit(replace(LONG, order_amount=Decimal(2)))

    assert "when you resume" in diff.notices[0]
    assert story.resting() == ["sell 99", "sell 100"]
    assert len(diff.place) == 3
    story.ask(Act.RESUME)
    assert story.resting() == ["buy 95", "buy 96", "buy 97", "sell 99", "sell 100"]


def test_before_the_first_price_only_the_settings_change():
    """There is no ladder yet: the first price builds the new one."""
    story = GridStory(LONG)
    diff = diff_of(story, SHIFTED)
    story.edit(SHIFTED)
    story.price("102.5")

    assert "5 levels are built" in diff.notices[0]
    assert story.resting() == ["buy 97", "buy 98", "buy 99", "buy 100", "buy 101"]


def test_a_direction_turns_only_while_nothing_is_open():
    """With orders or a position it is refused with the way out; flattened, it is done."""
    short = replace(LONG, grid_type=GridType.SHORT)
    story = holding()
    with pytest.raises(ConfigError, match="long cannot become short") as refused:
        diff_of(story, short)
    assert "Flatten it first" in (refused.value.remedy or "")

    story.ask(Act.FLATTEN)
    assert story.machine.phase is GridPhase.HOLDING
    diff_of(story, short)
    story.edit(short)
    story.ask(Act.RESUME)
    assert {order.command.side for order in story.orders.values()} == {
        OrderSide.SELL,
        OrderSide.BUY,
    }
    assert story.machine.position < 0
    assert story.residual() == 0


@pytest.mark.parametrize(
    "change, key",
    [({"symbol": "OTHER-USDC-PERP"}, "symbol"), ({"tick_size": Decimal("0.5")}, "tick_size")],
)
def test_what_orders_are_counted_in_cannot_be_edited(change: dict[str, object], key: str):
    """Symbol and steps are refused with both values and the way out."""
    story = holding()
    other = replace(LONG, instrument=replace(INSTRUMENT, **change))

    with pytest.raises(ConfigError) as refused:
        diff_of(story, other)
    assert key in str(refused.value.key)
    assert "Stop the bot" in (refused.value.remedy or "")


def test_an_ending_grid_is_not_edited():
    """What ends goes on ending."""
    story = holding()
    story.is_silent = True
    story.ask(Act.STOP_CANCEL)

    with pytest.raises(ConfigError, match="it is ending"):
        diff_of(story, SHIFTED)


def test_dust_of_a_line_that_is_gone_stays_in_the_books():
    """Too small to be sold, it goes to nobody; the sums are as before."""
    spot = replace(INSTRUMENT, market_type=ExchangeType.SPOT, fee_asset=FeeAsset.BASE)
    settings = replace(
        LONG, instrument=replace(spot, min_notional=Decimal(10)), maker_fee=Decimal("0.00151")
    )
    story = GridStory(settings)
    for price in ("100.5", "98.9", "100.1"):
        story.price(price)
    story.edit(replace(settings, upper_price=Decimal(99)))

    assert story.resting() == ["buy 95", "buy 96", "buy 97", "buy 98"]
    assert story.machine.ledger.position == Decimal("0.00049")
    assert story.residual() == 0
    assert story.machine.dump() == story.state


def test_a_crash_after_the_edit_is_finished_by_the_next_start():
    """The state says new grid and marked orders; what was not cancelled is asked for again."""
    story = holding()
    story.is_silent = True
    story.edit(replace(LONG, order_amount=Decimal(2)))
    after = story.restart()

    assert after.resting() == ["buy 95", "buy 96", "buy 97", "sell 99", "sell 100"]
    entries = [order for order in after.orders.values() if order.command.side is OrderSide.BUY]
    assert {order.command.amount for order in entries} == {2000}


def test_a_crash_with_left_over_lines_brings_them_back():
    """Their prices are in the journal, because the ladder does not know them."""
    story = holding()
    story.edit(replace(RAISED, initial_fill=InitialFill.PASSIVE_ONLY))
    after = story.restart()

    assert after.machine.dump() == story.machine.dump()
    after.price("99.1")
    assert after.machine.ledger.round_trips == 1
    assert after.residual() == 0


def test_limits_of_the_plan_make_room_for_what_is_left_over():
    """Holdings beside the ladder and orders being cancelled never have an own order refused."""
    story = holding()
    story.is_silent = True
    story.edit(RAISED)
    needs = plan_limits(RAISED, story.machine.ladder)
    room = with_left_over(needs, story.machine)

    assert room.position == needs.position + 4
    assert room.open_orders == needs.open_orders + 4


def test_keys_that_differ_are_named_as_in_the_file():
    """Nested keys have dots; a key that is new or gone has no value on one side."""
    before = '{"grid_system": {"price_range": {"lower_price": "1"}, "leverage": 2}}'
    after = '{"grid_system": {"price_range": {"lower_price": "3"}, "fee_rate": "0"}}'

    found = [(item.key, item.before, item.after) for item in changed_keys(before, after)]
    assert found == [
        ("grid_system.fee_rate", None, "0"),
        ("grid_system.leverage", "2", None),
        ("grid_system.price_range.lower_price", "1", "3"),
    ]


def test_the_diff_prints_decimals_as_text():
    """What scripts read: lists of orders, and both changes as numbers in quotes."""
    story = holding()
    found = diff_of(story, replace(LONG, order_amount=Decimal(2))).as_json()

    assert found["capital_change"] == "485"
    assert found["exposure_change"] == "5"
    assert found["exposure"]["quote"] == {"before": "485", "after": "970"}
    assert found["place"][0] == {
        "level": 3,
        "leg": "entry",
        "side": "buy",
        "price": "97",
        "amount": "2",
        "taker": False,
    }
    assert found["cancel"][0]["client_order_id"] in story.orders


def test_an_edit_is_told_in_the_diary():
    """Who asked, and how many orders went and stayed."""
    story = holding()
    story.tell(
        Edited(at_ns=story.now_ns, settings=replace(LONG, order_amount=Decimal(2)), by="ann")
    )

    assert story.lines("grid.edited") == [
        {"by": "ann", "cancelled": 3, "kept": 2, "levels": 5, "lines_left_over": 0}
    ]
