"""What a grid does when things happen to it: events in, commands out, read as stories."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from core.adapters.exchanges.models import (
    ExchangeType,
    FeeAsset,
    OrderSide,
    OrderStatus,
    OrderType,
    TimeInForce,
)
from core.domain.commands import CancelOrder, PlaceOrder, Role
from core.domain.events import (
    Act,
    DataStale,
    FundingPaid,
    OrderAccepted,
    OrderDenied,
    OrderEnded,
    OrderFilled,
    OrderUnknown,
    Reconciled,
    RiskStateChanged,
)
from core.domain.policies import OnExit, OnStart
from core.services.grid.settings import GridSettings, GridType, InitialFill
from core.services.grid.snapshot import GridPhase, SlotState
from core.services.grid.view import Surroundings, grid_snapshot
from core.testing.grid_story import GridStory
from core.testing.grids import INSTRUMENT as PERP
from core.testing.grids import TWENTY, following

INSTRUMENT = replace(PERP, min_notional=Decimal(10))
LONG = replace(
    TWENTY,
    instrument=INSTRUMENT,
    lower_price=Decimal(97),
    upper_price=Decimal(100),
)
WIDE = replace(LONG, lower_price=Decimal(95), upper_price=Decimal(105))
SPOT = replace(
    INSTRUMENT,
    symbol="TEST-USDC-SPOT",
    market_type=ExchangeType.SPOT,
    fee_asset=FeeAsset.BASE,
)
FOLLOW = following(LONG, levels=3, timeout_s=60)


def started(settings: GridSettings = LONG, price: str = "99.5") -> GridStory:
    """A grid whose ladder stands."""
    story = GridStory(settings)
    story.price(price)
    return story


def states(story: GridStory) -> list[SlotState]:
    """State of each slot, level 1 first."""
    ledger = story.machine.ledger
    return [slot.state(ledger.lots(slot.level)) for slot in story.machine.slots]


def placed(story: GridStory) -> list[PlaceOrder]:
    """Every order the machine sent."""
    return [command for command in story.commands if isinstance(command, PlaceOrder)]


# -- the initial fill ---------------------------------------------------------------------------


def test_marketable_entries_become_one_capped_order():
    """Everything at or above the ask is bought by one immediate-or-cancel limit."""
    story = started(WIDE, "100")
    first = placed(story)[0]

    assert (first.role, first.level, first.time_in_force) == (Role.ENTRY, None, TimeInForce.IOC)
    assert (first.amount, first.price) == (5_000, 1_002)
    assert story.resting() == [
        *(f"buy {price}" for price in range(95, 100)),
        *(f"sell {price}" for price in range(101, 106)),
    ]


def test_its_execution_is_divided_nearest_to_the_price_first():
    """One line per slot share, with its level, the actual price, the same trade and its part."""
    story = GridStory(WIDE)
    story.taker_lots = 2_400
    story.price("100")

    lines = story.lines("order.filled")
    assert [(line["level"], line["amount"], line["share"]) for line in lines] == [
        (6, "1", "1/3"),
        (7, "1", "2/3"),
        (8, "0.4", "3/3"),
    ]
    assert {line["trade_id"] for line in lines} == {"t1"}
    assert {line["price"] for line in lines} == {"100"}
    assert story.residual() == 0


def test_what_did_not_fill_is_placed_once_it_is_passive():
    """Slots that the order did not reach stay empty until the ask is above them."""
    story = GridStory(WIDE)
    story.taker_lots = 1_000
    story.price("100")
    assert "buy 101" not in story.resting()
    assert story.machine.horizon().above == 1_010
    story.price("101")
    assert "buy 101" not in story.resting()
    story.price("101.1")

    assert "buy 101" in story.resting()
    assert "buy 102" not in story.resting()


def test_a_part_below_the_venue_minimum_is_dust_of_the_next_entry():
    """0.05 at 100 is worth 5, below 10: the slot buys only what is missing later."""
    story = GridStory(WIDE)
    story.taker_lots = 1_050
    story.price("100")
    story.price("101.1")
    identity = story.find("buy 101")

    assert story.orders[identity].command.amount == 950
    assert story.machine.ledger.lots(7) == 50


@pytest.mark.parametrize(
    "policy, fills, resting",
    [
        (InitialFill.PASSIVE_ONLY, 0, 5),
        (InitialFill.ALL_LIMITS, 5, 10),
    ],
)
def test_other_policies_for_marketable_entries(policy: InitialFill, fills: int, resting: int):
    """Passive only leaves them empty; all limits lets each take on its own."""
    story = started(replace(WIDE, initial_fill=policy), "100")

    assert len(story.fills()) == fills
    assert len(story.resting()) == resting


def test_a_short_grid_sells_what_is_at_or_below_the_bid():
    """Mirrored: the cap lies below the bid."""
    story = started(replace(WIDE, grid_type=GridType.SHORT), "100")
    first = placed(story)[0]

    assert (first.side, first.price, first.amount) == (OrderSide.SELL, 998, 5_000)


def test_one_order_goes_no_further_than_the_venue_allows():
    """With at most 2.5 an order, two levels are bought and the others wait."""
    capped = replace(INSTRUMENT, max_amount=Decimal("2.5"))
    story = started(replace(WIDE, instrument=capped), "100")

    assert placed(story)[0].amount == 2_000
    assert story.machine.position == 2


def test_a_refused_initial_order_leaves_its_slots_waiting():
    """A person is told; the entries come when they are passive."""
    story = GridStory(WIDE)
    story.is_silent = True
    story.price("100")
    story.is_silent = False
    story.tell(
        OrderDenied(
            at_ns=story.now_ns,
            client_order_id=placed(story)[0].client_order_id,
            code="PRICE_TOO_FAR",
            limit="0.001",
            value="0.002",
        )
    )
    assert len(story.lines("grid.initial_fill_refused")) == 1
    assert len(placed(story)) == 6
    story.price("106")

    assert [order.level for order in placed(story)[6:]] == [10, 9, 8, 7, 6]


# -- fills --------------------------------------------------------------------------------------


def test_a_part_of_an_entry_waits_for_the_rest():
    """Nothing is placed until the entry is complete; then the exit is for all of it."""
    story = started()
    identity = story.find("buy 99")
    story.fill(identity, 400)
    assert story.resting() == ["buy 97", "buy 98", "buy 99"]
    story.fill(identity, 600)

    assert story.resting() == ["buy 97", "buy 98", "sell 100"]
    assert story.residual() == 0


def test_a_part_that_the_venue_cancelled_is_sold_again():
    """Enough for an order: the exit is for that part, and the next entry is whole again."""
    story = started()
    identity = story.find("buy 99")
    story.fill(identity, 400)
    story.end(identity)
    assert story.orders[story.find("sell 100")].command.amount == 400
    story.price("100.1")

    assert story.orders[story.find("buy 99")].command.amount == 1_000
    assert story.residual() == 0


def test_the_order_price_sets_the_exit_and_the_execution_price_the_result():
    """A better execution moves the result, never the ladder."""
    story = started()
    story.fill(story.find("buy 99"), 1_000, "98.7")
    assert "sell 100" in story.resting()
    story.price("100.1")

    assert story.machine.ledger.realized == Decimal("1.3")


def test_a_closing_exit_says_what_the_round_trip_earned():
    """Gross less the fees of both legs, in the line of the exit."""
    story = started()
    story.price("98.9")
    story.price("100.1")
    entry, leaving = story.lines("order.filled")

    assert "round_trip" not in entry
    assert leaving["round_trip"] == "0.9602"
    assert (leaving["leg"], leaving["level"], leaving["maker"]) == ("exit", 3, True)


def test_spot_sells_net_of_the_fee_in_whole_lots():
    """1 bought, 0.0002 taken as fee: 0.999 is sold, the rest is dust that the books know."""
    story = started(replace(LONG, instrument=SPOT))
    story.price("98.9")
    order = story.orders[story.find("sell 100")]
    assert order.command.amount == 999
    story.price("100.1")

    assert story.machine.position == Decimal("0.0008")
    assert story.residual() == 0


def test_a_fill_that_comes_after_the_end_is_still_booked():
    """The venue is believed: the slot sells what it holds."""
    story = started()
    identity = story.find("buy 99")
    story.end(identity)
    again = story.find("buy 99")
    story.tell(
        OrderFilled(
            at_ns=story.now_ns,
            client_order_id=identity,
            trade_id="late",
            side=OrderSide.BUY,
            price=Decimal(99),
            amount=300,
            fee=Decimal(0),
            is_maker=True,
        )
    )

    assert story.machine.position == Decimal("0.3")
    assert again in story.orders
    assert len(story.lines("order.filled_late")) == 1


def test_funding_is_booked_apart():
    """It changes neither realised nor fees."""
    story = started()
    story.tell(FundingPaid(at_ns=story.now_ns, amount=Decimal("-0.25"), rate=Decimal("0.0001")))
    result = story.machine.result(story.now_ns)

    assert (result.funding, result.realized_pnl, result.fees) == (Decimal("-0.25"), 0, 0)


# -- ends by others -----------------------------------------------------------------------------


def test_an_order_that_somebody_cancelled_is_placed_again_three_times_an_hour():
    """Then the slot is parked, a person is told once, and the others go on."""
    story = started()
    for _ in range(3):
        story.end(story.find("buy 98"))
        assert "buy 98" in story.resting()
    story.end(story.find("buy 98"))

    assert story.resting() == ["buy 97", "buy 99"]
    assert states(story)[1] is SlotState.PARKED
    (alarm,) = story.lines("grid.slot_parked")
    assert (alarm["level"], alarm["code"]) == (2, "ENDED_BY_OTHERS")
    story.ask(Act.RESUME)
    assert story.resting() == ["buy 97", "buy 98", "buy 99"]


def test_an_hour_later_the_count_begins_anew():
    """Three in one hour and one after it are no reason to park."""
    story = started()
    for _ in range(3):
        story.end(story.find("buy 98"))
    story.wait(3_600)
    story.end(story.find("buy 98"))

    assert "buy 98" in story.resting()


def test_insufficient_funds_park_the_slot_and_alarm_once():
    """The same refusal on many slots is one alarm, and nothing is sent again by itself."""
    story = GridStory(LONG)
    story.refusal = "INSUFFICIENT_FUNDS"
    story.price("99.5")
    sent = len(placed(story))
    story.price("99.6", after_s=600)

    assert states(story) == [SlotState.PARKED] * 3
    assert len(story.lines("grid.slot_parked")) == 1
    assert len(placed(story)) == sent == 3


def test_a_refused_exit_is_tried_again_with_growing_pauses():
    """What is held must be sold: an exit is never parked; the third refusal alarms."""
    story = started()
    story.refusal = "VENUE_SAYS_NO"
    story.price("98.9")
    assert states(story)[2] is SlotState.EXIT_PENDING
    story.wait(3)
    assert len(story.lines("grid.slot_delayed")) == 1
    story.refusal = ""
    story.wait(4)

    assert story.resting() == ["buy 97", "buy 98", "sell 100"]


def test_what_risk_denied_is_asked_again_later():
    """A denial is no order: the slot says why and comes back after a second."""
    story = GridStory(LONG)
    story.is_silent = True
    story.price("99.5")
    (first, *_) = placed(story)
    story.is_silent = False
    story.tell(
        OrderDenied(
            at_ns=story.now_ns,
            client_order_id=first.client_order_id,
            code="ORDER_RATE_EXCEEDS_CAP",
            limit="60",
            value="61",
        )
    )
    assert story.machine.slots[2].note == "refused: ORDER_RATE_EXCEEDS_CAP"
    story.wait(1)

    assert story.resting() == ["buy 99"]


# -- no answer ----------------------------------------------------------------------------------


def unanswered() -> tuple[GridStory, str]:
    """A grid whose first order did not answer."""
    story = GridStory(LONG)
    story.is_silent = True
    story.price("99.5")
    identity = placed(story)[0].client_order_id
    story.tell(OrderUnknown(at_ns=story.now_ns, client_order_id=identity))
    story.is_silent = False
    return story, identity


def test_an_order_without_an_answer_locks_its_slot():
    """Nothing else is sent for it, whatever happens."""
    story, _ = unanswered()
    sent = len(placed(story))
    story.price("99.6")
    story.ask(Act.PAUSE)
    story.ask(Act.RESUME)

    assert states(story)[2] is SlotState.UNKNOWN
    assert len(placed(story)) == sent


def test_found_again_it_goes_on():
    """An acknowledgement that comes late unlocks the slot."""
    story, identity = unanswered()
    story.tell(OrderAccepted(at_ns=story.now_ns, client_order_id=identity, order_id="9"))

    assert states(story)[2] is SlotState.ENTRY_OPEN


def test_proved_never_placed_it_is_sent_again_under_a_new_id():
    """Only the proof frees the slot."""
    story, identity = unanswered()
    story.tell(
        OrderEnded(
            at_ns=story.now_ns,
            client_order_id=identity,
            status=OrderStatus.REJECTED,
            filled=0,
            code="NOT_PLACED",
            is_ours=False,
        )
    )
    again = story.find("buy 99")

    assert again != identity
    assert states(story)[2] is SlotState.ENTRY_OPEN


def test_an_end_that_counts_more_than_was_told_waits_for_those_fills():
    """The slot stays locked until the venue's executions have all arrived."""
    story = started()
    identity = story.find("buy 99")
    del story.orders[identity]
    story.tell(
        OrderEnded(
            at_ns=story.now_ns,
            client_order_id=identity,
            status=OrderStatus.FILLED,
            filled=1_000,
        )
    )
    assert states(story)[2] is SlotState.UNKNOWN
    story.tell(
        OrderFilled(
            at_ns=story.now_ns,
            client_order_id=identity,
            trade_id="t9",
            side=OrderSide.BUY,
            price=Decimal(99),
            amount=1_000,
            fee=Decimal(0),
            is_maker=True,
        )
    )

    assert "sell 100" in story.resting()


# -- people -------------------------------------------------------------------------------------


def test_a_pause_loses_no_fill():
    """Fills go into their slots; what they cause is sent on resume."""
    story = started()
    story.ask(Act.PAUSE)
    story.price("97.9")
    assert story.machine.phase is GridPhase.PAUSED
    assert story.resting() == ["buy 97"]
    assert states(story)[1:] == [SlotState.EXIT_PENDING, SlotState.EXIT_PENDING]
    story.ask(Act.RESUME)

    assert story.resting() == ["buy 97", "sell 99", "sell 100"]
    assert [line.event for line in story.diary if line.event.startswith("grid.")] == [
        "grid.built",
        "grid.paused",
        "grid.resumed",
    ]


def test_cancel_all_holds_what_it_has_until_resume():
    """Nothing rests; resume places the exits of what is held and the other entries."""
    story = started()
    story.price("98.9")
    story.ask(Act.CANCEL_ALL)
    assert story.machine.phase is GridPhase.HOLDING
    assert story.resting() == []
    story.price("98.5")
    assert story.resting() == []
    story.ask(Act.RESUME)

    assert story.resting() == ["buy 97", "buy 98", "sell 100"]


def test_flatten_closes_only_what_is_ours_and_holds():
    """One reduce-only market order for the sum of the slots."""
    story = started()
    story.price("97.9")
    story.ask(Act.FLATTEN)
    order = placed(story)[-1]

    assert (order.order_type, order.reduce_only, order.amount) == (OrderType.MARKET, True, 2_000)
    assert story.machine.position == 0
    assert story.machine.phase is GridPhase.HOLDING
    assert [line["share"] for line in story.lines("order.filled") if line["leg"] == "flatten"] == [
        "1/2",
        "2/2",
    ]
    assert story.residual() == 0


def test_a_stop_shows_its_steps():
    """Orders cancelled, position kept, in the words of the closing list."""
    story = started()
    story.price("98.9")
    story.ask(Act.STOP_CANCEL)
    steps = grid_snapshot(story.machine, story.now_ns, Surroundings(bot="b", mode="paper")).closing

    assert story.machine.is_stopped
    assert [(step.text, step.is_done) for step in steps] == [
        ("3 orders cancelled", True),
        ("position 1 TEST kept", True),
    ]


def test_a_close_that_fails_is_tried_until_flat():
    """Three failures call the grid degraded; it goes on, and places nothing before it is flat."""
    story = started()
    story.price("97.9")
    story.taker_lots = 0
    story.ask(Act.FLATTEN)
    story.wait(3)
    assert story.machine.phase is GridPhase.DEGRADED
    assert len(story.lines("grid.degraded")) == 1
    story.taker_lots = None
    story.wait(60)

    assert story.machine.position == 0
    assert story.machine.phase is GridPhase.HOLDING


@pytest.mark.parametrize(
    "policy, resting, position",
    [
        (OnExit.KEEP, 3, 1),
        (OnExit.CANCEL_ORDERS, 0, 1),
        (OnExit.FLATTEN, 0, 0),
    ],
)
def test_the_end_of_the_feed_ends_by_policy(policy: OnExit, resting: int, position: int):
    """Keep leaves all, cancel leaves the position, flatten leaves nothing."""
    story = started(replace(LONG, on_exit=policy))
    story.price("98.9")
    story.end_feed()

    assert story.machine.is_stopped
    assert len(story.resting()) == resting
    assert story.machine.position == position
    assert story.residual() == 0


# -- risk and data ------------------------------------------------------------------------------


def test_a_halt_sends_nothing_until_it_is_released():
    """Fills are taken in, their exits wait."""
    story = started()
    story.tell(RiskStateChanged(at_ns=story.now_ns, state="HALTED", by="you"))
    story.price("98.9")
    assert story.resting() == ["buy 97", "buy 98"]
    assert story.machine.phase is GridPhase.HALTED
    story.tell(RiskStateChanged(at_ns=story.now_ns, state="ACTIVE", by="you"))

    assert story.resting() == ["buy 97", "buy 98", "sell 100"]


def test_reducing_sends_exits_only():
    """What opens waits, what closes goes."""
    story = started()
    story.tell(RiskStateChanged(at_ns=story.now_ns, state="REDUCING", by="daily loss"))
    story.price("98.9")
    assert "sell 100" in story.resting()
    story.price("100.1")

    assert story.resting() == ["buy 97", "buy 98"]


def test_stale_prices_build_no_ladder():
    """The first order waits for a price that can be trusted."""
    story = GridStory(LONG, is_reconciled=False)
    story.price("99.5")
    story.tell(DataStale(at_ns=story.now_ns, what="prices", since_ns=story.now_ns))
    story.reconcile()
    assert story.resting() == []
    story.price("99.4")

    assert len(story.resting()) == 3


def test_an_escape_does_not_count_while_prices_are_stale():
    """The timer stands still during a short gap and starts anew after a long one."""
    story = started(FOLLOW, "100")
    story.price("102")
    story.wait(30)
    story.tell(DataStale(at_ns=story.now_ns, what="prices", since_ns=story.now_ns))
    story.wait(40)
    assert story.lines("grid.reset") == []
    story.price("102", after_s=0)
    story.wait(29)
    assert story.lines("grid.reset") == []
    story.wait(1)

    assert len(story.lines("grid.reset")) == 1


# -- following ----------------------------------------------------------------------------------


def test_coming_back_clears_the_timer():
    """Only an uninterrupted escape counts."""
    story = started(FOLLOW, "100")
    story.price("101.1")
    story.price("101", after_s=59)
    story.price("101.1")
    story.wait(59)

    assert story.lines("grid.reset") == []


def test_exits_further_out_than_the_distance_widen_the_escape():
    """With exits two intervals away the edge is two intervals away as well."""
    story = started(replace(FOLLOW, reverse_order_grid_distance=2), "100")
    story.price("101.9")
    story.wait(120)
    assert story.lines("grid.reset") == []
    story.price("102.1")
    story.wait(60)

    assert len(story.lines("grid.reset")) == 1


def test_a_re_centre_closes_what_is_left_before_it_builds():
    """Orders first, then the position with one order, then the new ladder."""
    story = started(FOLLOW, "100")
    story.price("98.9")
    for _ in range(4):
        story.end(story.find("sell 100"))
    assert states(story)[2] is SlotState.PARKED
    story.price("101.1")
    before = len(story.commands)
    story.wait(60)
    kinds = [
        type(command).__name__ if not isinstance(command, PlaceOrder) else command.role.value
        for command in story.commands[before:]
        if isinstance(command, PlaceOrder | CancelOrder)
    ]
    cancels = kinds.count("CancelOrder")

    assert kinds == [*["CancelOrder"] * cancels, "reduce", "entry", "entry", "entry"]
    assert story.machine.position == 0
    assert story.resting() == ["buy 98.1", "buy 99.1", "buy 100.1"]
    assert story.residual() == 0


def test_a_fill_during_the_re_centre_is_taken_in_and_closed():
    """A cancel that lost the race leaves no position behind."""
    story = started(FOLLOW, "100")
    story.price("101.1")
    story.is_silent = True
    story.wait(60)
    assert story.machine.phase is GridPhase.RESETTING
    story.is_silent = False
    identity = story.find("buy 99")
    story.fill(identity, 1_000)
    for other in list(story.orders):
        story.end(other, is_ours=True)

    assert story.machine.position == 0
    assert len(story.lines("grid.reset")) == 1
    assert story.residual() == 0


def test_never_means_never():
    """Without a timeout there is no timer and no horizon."""
    story = started(replace(FOLLOW, follow_timeout_s=None), "100")
    story.price("200")
    story.wait(1_000_000)

    assert story.lines("grid.reset") == []
    assert story.machine.horizon().above is None


# -- starting -----------------------------------------------------------------------------------


def test_a_restart_gives_the_slot_of_a_lost_order_its_order_again():
    """What is over was reported; what is not there any more is placed."""
    story = started()
    del story.orders[story.find("buy 98")]
    after = story.restart()

    assert after.resting() == ["buy 97", "buy 98", "buy 99"]


def test_a_crash_between_a_fill_and_its_exit_places_the_exit_once():
    """The fill is handed over again, the state is what it was before it."""
    story = started()
    state = dict(story.state)
    identity = story.find("buy 99")
    story.is_silent = True
    story.fill(identity, 1_000)
    story.state = state
    after = GridStory(LONG, state=state, is_reconciled=False)
    after.orders, after.last, after.now_ns = story.orders, story.last, story.now_ns
    after.tell(
        OrderFilled(
            at_ns=story.now_ns,
            client_order_id=identity,
            trade_id="t1",
            side=OrderSide.BUY,
            price=Decimal(99),
            amount=1_000,
            fee=Decimal(0),
            is_maker=True,
        )
    )
    after.reconcile()

    assert after.resting() == ["buy 97", "buy 98", "sell 100"]
    assert len([order for order in placed(after) if order.level == 3]) == 1


def test_a_stopped_grid_starts_again_where_it_stood():
    """The position that an end kept gets its exits, and the other slots their entries."""
    story = started()
    story.price("98.9")
    story.ask(Act.STOP_CANCEL)
    after = story.restart()

    assert after.machine.phase is GridPhase.RUNNING
    assert after.resting() == ["buy 97", "buy 98", "sell 100"]


def test_an_end_that_a_crash_interrupted_is_finished_before_the_start():
    """Orders that were to go are gone before new ones come."""
    story = started()
    story.price("98.9")
    story.price("99.5")
    story.is_silent = True
    story.ask(Act.STOP_FLATTEN)
    after = story.restart()

    assert after.fills() == ["flatten sell 1 @ 99.5"]
    assert after.resting() == ["buy 97", "buy 98", "buy 99"]
    assert after.machine.phase is GridPhase.RUNNING


def test_on_start_flatten_begins_with_nothing():
    """What the last run left is cancelled and closed, then the ladder is built anew."""
    story = started()
    story.price("98.9")
    story.price("99.5")
    story.settings = replace(LONG, on_start=OnStart.FLATTEN)
    after = story.restart()

    assert after.fills() == ["flatten sell 1 @ 99.5"]
    assert after.resting() == ["buy 97", "buy 98", "buy 99"]
    assert after.machine.position == 0


def test_an_order_of_ours_that_belongs_to_no_slot_is_cancelled():
    """One with another prefix is not ours and is left alone."""
    story = GridStory(LONG, is_reconciled=False)
    resting = frozenset({"ctest00001E5", "cother0001E5"})
    story.tell(
        Reconciled(at_ns=story.now_ns, open_orders=resting, foreign_orders=1, venue_position=0)
    )
    cancels = [item for item in story.commands if isinstance(item, CancelOrder)]

    assert [item.client_order_id for item in cancels] == ["ctest00001E5"]


def test_a_grid_that_was_held_stays_held_after_a_restart():
    """Until a person resumes; flat, it builds a new ladder then."""
    story = started()
    story.ask(Act.CANCEL_ALL)
    after = story.restart()
    assert after.resting() == []
    after.ask(Act.RESUME)

    assert after.resting() == ["buy 97", "buy 98", "buy 99"]


def test_ids_are_never_used_twice():
    """The number goes on after a restart, and after what an earlier run gave out."""
    story = started()
    after = story.restart()
    after.machine.go_on_after("ctest00001Ezz")
    after.price("98.9")
    ids = [order.client_order_id for order in [*placed(story), *placed(after)]]

    assert len(ids) == len(set(ids))
    assert ids[-1] == "ctest00003X100"
    assert all(identity.isalnum() and len(identity) <= 32 for identity in ids)


def test_a_follow_grid_that_would_lose_at_this_price_is_not_built():
    """The fees of a price that the file could not know: it holds and says why."""
    settings = replace(FOLLOW, maker_fee=Decimal("0.01"))
    story = started(settings, "100")

    assert story.resting() == []
    assert story.machine.phase is GridPhase.HOLDING
    (line,) = story.lines("grid.refused")
    assert "lose" in str(line["reason"])
