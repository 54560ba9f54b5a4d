"""Every reason for a no, with its limit and value."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from core.adapters.exchanges.models import OrderSide
from core.domain.commands import PlaceOrder, Role
from core.services.risk.limits import Limits
from core.services.risk.rules import (
    Denial,
    DenialCode,
    Exposure,
    Reference,
    RiskState,
    RuleBook,
    Situation,
)
from core.testing.execution import instrument, order

MARKET = Reference(bid=Decimal(100), ask=Decimal("100.1"), mark=Decimal("100.05"))


def situation(**changes: object) -> Situation:
    """All is well, but for the changes."""
    base = Situation(state=RiskState.ACTIVE, exposure=Exposure(), reference=MARKET)
    return replace(base, **changes)  # type: ignore[arg-type]


def judge(command: PlaceOrder, limits: Limits | None = None, **changes: object) -> Denial | None:
    """What the rules say."""
    return RuleBook(instrument(), limits or Limits()).judge(command, situation(**changes))


def code(denial: Denial | None) -> DenialCode | None:
    """The reason alone."""
    return None if denial is None else denial.code


def test_an_order_within_all_limits_may_be_sent():
    """No rule, no denial."""
    limits = Limits(
        order_notional=Decimal(50),
        position=Decimal("0.5"),
        open_orders=1,
        orders_per_minute=1,
        price_distance=Decimal("0.01"),
        daily_loss=Decimal(1),
    )

    assert judge(order("a"), limits) is None


def test_a_halt_stops_everything_but_cancels():
    """Also an order that would reduce."""
    way_out = order("a", OrderSide.SELL, role=Role.REDUCE)

    denial = judge(way_out, state=RiskState.HALTED, exposure=Exposure(position=500))

    assert code(denial) is DenialCode.HALTED


def test_reducing_lets_only_ways_out_pass():
    """An exit of what is held goes, an entry and an exit of more than is held do not."""
    held = Exposure(position=500)
    way_out = order("a", OrderSide.SELL, role=Role.EXIT)

    assert judge(way_out, state=RiskState.REDUCING, exposure=held) is None
    for other in (order("b"), order("c", OrderSide.SELL, amount=501)):
        denial = judge(other, state=RiskState.REDUCING, exposure=held)
        assert code(denial) is DenialCode.REDUCING_ONLY


def test_the_notional_cap_names_limit_and_value():
    """100 times 0.5 = 50 is above 49.9."""
    denial = judge(order("a"), Limits(order_notional=Decimal("49.9")))

    assert denial == Denial(
        code=DenialCode.NOTIONAL_EXCEEDS_CAP,
        limit=Decimal("49.9"),
        value=Decimal(50),
        unit="USDC",
    )


def test_a_market_order_is_valued_at_the_price_it_would_take():
    """A buy at the ask; without any price it cannot be valued and is refused."""
    limits = Limits(order_notional=Decimal(50))
    market = order("a", price=None)

    assert code(judge(market, limits)) is DenialCode.NOTIONAL_EXCEEDS_CAP
    assert code(judge(market, limits, reference=None)) is DenialCode.NO_REFERENCE_PRICE
    assert judge(replace(market, side=OrderSide.SELL), limits) is None


def test_the_position_cap_counts_everything_that_may_still_fill():
    """I5: held 0.2, resting or unknown 0.4, new 0.5 makes 1.1."""
    exposure = Exposure(position=200, buys=400, sells=900)

    denial = judge(order("a"), Limits(position=Decimal(1)), exposure=exposure)

    assert denial is not None
    assert (denial.code, denial.value) == (DenialCode.POSITION_EXCEEDS_CAP, Decimal("1.1"))
    assert judge(order("a"), Limits(position=Decimal("1.1")), exposure=exposure) is None


def test_an_unknown_exit_does_not_make_room_for_an_entry():
    """Worst case both ways: a sell that may have filled counts as not filled."""
    exposure = Exposure(position=500, sells=500)

    denial = judge(order("a"), Limits(position=Decimal("0.9")), exposure=exposure)

    assert code(denial) is DenialCode.POSITION_EXCEEDS_CAP


def test_a_short_position_has_the_same_cap():
    """Mirrored: sells make it larger."""
    sell = order("a", OrderSide.SELL)
    limits = Limits(position=Decimal("0.9"))

    assert judge(sell, limits) is None
    denial = judge(sell, limits, exposure=Exposure(position=-401))
    assert code(denial) is DenialCode.POSITION_EXCEEDS_CAP


def test_a_foreign_holding_counts_against_a_configured_limit_only():
    """P10: what nobody wrote follows the plan, which does not know of it."""
    foreign = Exposure(foreign=600)
    limits = Limits(position=Decimal(1))

    assert judge(order("a"), limits, exposure=foreign) is None
    denial = judge(order("a"), replace(limits, is_position_configured=True), exposure=foreign)
    assert code(denial) is DenialCode.POSITION_EXCEEDS_CAP


def test_open_orders_are_counted_with_the_new_one():
    """The third is one too many."""
    denial = judge(order("a"), Limits(open_orders=2), exposure=Exposure(open_orders=2))

    assert denial == Denial(code=DenialCode.OPEN_ORDERS_EXCEED_CAP, limit=2, value=3, unit="orders")


def test_the_rate_cap_lets_a_flatten_pass():
    """A way out is never too often."""
    limits = Limits(orders_per_minute=10)
    denial = judge(order("a"), limits, sent_last_minute=10)
    flatten = order("b", OrderSide.SELL, role=Role.REDUCE)

    assert denial is not None
    assert (denial.code, denial.value) == (DenialCode.ORDER_RATE_EXCEEDS_CAP, 11)
    assert judge(flatten, limits, sent_last_minute=10, exposure=Exposure(position=500)) is None


@pytest.mark.parametrize(
    "price, expected",
    [(1000, None), (1001, None), (1011, None), (1012, DenialCode.PRICE_TOO_FAR), (500, None)],
)
def test_distance_is_checked_for_marketable_orders_only(price: int, expected: DenialCode | None):
    """A buy below the ask rests and may be anywhere; one percent above it is the end."""
    limits = Limits(price_distance=Decimal("0.01"))

    assert code(judge(order("a", price=price), limits)) is expected


def test_distance_without_a_price_to_compare_is_refused():
    """Fails closed."""
    limits = Limits(price_distance=Decimal("0.01"))

    assert code(judge(order("a"), limits, reference=None)) is DenialCode.NO_REFERENCE_PRICE


def test_an_order_that_would_take_against_an_old_price_is_refused():
    """I7: 2 s is older than 1 s; a resting order is not concerned."""
    old = replace(MARKET, age_ms=2000)

    taking = judge(order("a", price=1005), reference=old, max_price_age_ms=1000)
    resting = judge(order("a", price=900), reference=old, max_price_age_ms=1000)

    assert taking == Denial(code=DenialCode.STALE_PRICE, limit=1000, value=2000, unit="ms")
    assert resting is None


def test_a_reached_daily_loss_stops_what_does_not_reduce():
    """The loss and its limit are told."""
    limits = Limits(daily_loss=Decimal(10))
    denial = judge(order("a"), limits, is_loss_reached=True, loss=Decimal("10.5"))

    assert denial == Denial(
        code=DenialCode.DAILY_LOSS_REACHED,
        limit=Decimal(10),
        value=Decimal("10.5"),
        unit="USDC",
    )


@pytest.mark.parametrize(
    "command, expected",
    [
        (order("a", amount=0), DenialCode.AMOUNT_BELOW_LOT),
        (order("a", amount=4), DenialCode.AMOUNT_BELOW_MINIMUM),
        (order("a", amount=5001), DenialCode.AMOUNT_ABOVE_MAXIMUM),
        (order("a", price=0), DenialCode.PRICE_NOT_POSITIVE),
        (order("a", price=-1), DenialCode.PRICE_NOT_POSITIVE),
        (order("a", amount=99), DenialCode.NOTIONAL_BELOW_MINIMUM),
        (replace(order("a"), price=None), DenialCode.PRICE_MISSING),
        (order("a", amount=100), None),
    ],
)
def test_what_the_venue_would_refuse_is_refused_here(
    command: PlaceOrder, expected: DenialCode | None
):
    """V20: before an intent exists, and nothing is rounded up to fit."""
    traded = instrument(
        min_amount=Decimal("0.005"), max_amount=Decimal(5), min_notional=Decimal(10)
    )

    denial = RuleBook(traded, Limits()).judge(command, situation())

    assert code(denial) is expected


def test_no_cap_keeps_back_a_way_out():
    """Neither value, count nor loss stop an order that can only reduce."""
    limits = Limits(order_notional=Decimal(1), open_orders=1, price_distance=Decimal("0.01"))
    way_out = order("a", OrderSide.SELL, price=900, role=Role.REDUCE)

    denial = judge(
        way_out,
        limits,
        exposure=Exposure(position=500, open_orders=5),
        is_loss_reached=True,
    )

    assert denial is None
