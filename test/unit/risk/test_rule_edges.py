"""Each rule exactly at its limit, and the numbers that a denial tells."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from core.adapters.exchanges.models import OrderSide
from core.domain.commands import PlaceOrder, Role
from core.services.risk.limits import Limits, PlanLimits, tighter, with_plan
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
LIMITED = instrument(min_amount=Decimal("0.005"), max_amount=Decimal(5), min_notional=Decimal(10))


def situation(**changes: object) -> Situation:
    """All is well, but for the changes."""
    base = Situation(state=RiskState.ACTIVE, exposure=Exposure(), reference=MARKET)
    return replace(base, **changes)  # type: ignore[arg-type]


def judge(command: PlaceOrder, limits: Limits, **changes: object) -> Denial | None:
    """What the rules say of an instrument without minimums."""
    return RuleBook(instrument(), limits).judge(command, situation(**changes))


def judge_limited(command: PlaceOrder, **changes: object) -> Denial | None:
    """What the rules say of an instrument with minimums, without any limit of ours."""
    return RuleBook(LIMITED, Limits()).judge(command, situation(**changes))


@pytest.mark.parametrize(
    "command, expected",
    [
        (
            order("a", amount=0),
            Denial(code=DenialCode.AMOUNT_BELOW_LOT, limit=1, value=0, unit="lots"),
        ),
        (
            order("a", amount=4),
            Denial(
                code=DenialCode.AMOUNT_BELOW_MINIMUM,
                limit=Decimal("0.005"),
                value=Decimal("0.004"),
                unit="TEST",
            ),
        ),
        (
            order("a", amount=5001),
            Denial(
                code=DenialCode.AMOUNT_ABOVE_MAXIMUM,
                limit=Decimal(5),
                value=Decimal("5.001"),
                unit="TEST",
            ),
        ),
        (
            order("a", price=0),
            Denial(code=DenialCode.PRICE_NOT_POSITIVE, limit=1, value=0, unit="ticks"),
        ),
        (
            order("a", amount=99),
            Denial(
                code=DenialCode.NOTIONAL_BELOW_MINIMUM,
                limit=Decimal(10),
                value=Decimal("9.9"),
                unit="USDC",
            ),
        ),
    ],
)
def test_a_denial_of_form_tells_what_was_asked_and_what_is_least(
    command: PlaceOrder, expected: Denial
):
    """Limit, value and unit are those of the venue's rule."""
    assert judge_limited(command) == expected


def test_a_least_value_between_two_lots_is_kept():
    """10.00005 at least: 10.0 is too little, although it is the next whole number of lots below."""
    traded = instrument(min_amount=Decimal("0.0015"), min_notional=Decimal("10.00005"))
    book = RuleBook(traded, Limits())

    too_little = book.judge(order("a", amount=100), situation())
    assert too_little is not None
    assert too_little.code is DenialCode.NOTIONAL_BELOW_MINIMUM
    assert book.judge(order("a", amount=101), situation()) is None
    less = book.judge(order("a", amount=1, price=200_000), situation())
    assert less is not None
    assert less.code is DenialCode.AMOUNT_BELOW_MINIMUM
    assert book.judge(order("a", amount=2, price=200_000), situation()) is None


@pytest.mark.parametrize("amount, price", [(5, 20_000), (5000, 1000)])
def test_amounts_at_the_edge_may_be_sent(amount: int, price: int):
    """The least and the most that the venue takes."""
    assert judge_limited(order("a", amount=amount, price=price)) is None


def test_the_least_price_is_one_tick():
    """Above nothing is enough, where no least value is asked."""
    assert judge(order("a", price=1), Limits()) is None


def test_a_reduce_only_order_may_be_worth_less_than_the_least():
    """What is left of a position can always be closed."""
    rest = replace(order("a", OrderSide.SELL, amount=99, role=Role.EXIT), reduce_only=True)

    assert judge_limited(rest) is None
    assert judge_limited(replace(rest, reduce_only=False)) is not None


def test_a_market_order_without_a_price_cannot_be_valued():
    """Neither against the least value nor against the cap."""
    market = order("a", price=None)

    assert judge_limited(market, reference=None) == Denial(code=DenialCode.NO_REFERENCE_PRICE)
    capped = judge(market, Limits(order_notional=Decimal(50)), reference=None)
    assert capped == Denial(code=DenialCode.NO_REFERENCE_PRICE)


def test_a_market_order_between_ticks_is_valued_upwards():
    """0.001 at 100.05 is 0.10005: more than one lot at 1000 ticks, so it counts as 1001."""
    book = RuleBook(instrument(), Limits())
    only_mark = Reference(mark=Decimal("100.05"))

    assert book.notional(order("a", amount=1, price=None), only_mark) == 1001
    assert book.notional(order("a", amount=3, price=None), only_mark) == 3002


def test_what_the_plan_orders_at_once_passes_whatever_its_price():
    """The plan's own amount is never refused by the value that stands in for a limit."""
    limits = Limits(order_notional=Decimal(1), plan_amount=Decimal("0.5"))

    assert judge(order("a", amount=500), limits) is None
    denial = judge(order("a", amount=501), limits)
    assert denial is not None
    assert denial.code is DenialCode.NOTIONAL_EXCEEDS_CAP


def test_a_foreign_holding_counts_with_its_sign():
    """Bought elsewhere it leaves less room for a buy, and more for a sell."""
    limits = Limits(position=Decimal(1), is_position_configured=True)
    foreign = Exposure(foreign=501)

    denial = judge(order("a", amount=500), limits, exposure=foreign)
    assert denial == Denial(
        code=DenialCode.POSITION_EXCEEDS_CAP,
        limit=Decimal(1),
        value=Decimal("1.001"),
        unit="TEST",
    )
    sell = order("b", OrderSide.SELL, amount=1501)
    assert judge(sell, limits, exposure=foreign) is None
    assert judge(replace(sell, amount=1502), limits, exposure=foreign) is not None


def test_a_price_as_old_as_its_limit_is_fresh():
    """Older is stale; and the age is asked of orders that take, at the market or beyond."""
    limits = Limits()
    at_limit = replace(MARKET, age_ms=1000)
    older = replace(MARKET, age_ms=1001)
    stale = Denial(code=DenialCode.STALE_PRICE, limit=1000, value=1001, unit="ms")

    assert judge(order("a", price=1001), limits, reference=at_limit, max_price_age_ms=1000) is None
    for price in (1001, None):
        denial = judge(order("a", price=price), limits, reference=older, max_price_age_ms=1000)
        assert denial == stale
    assert judge(order("a", price=1000), limits, reference=older, max_price_age_ms=1000) is None
    sell = order("b", OrderSide.SELL, price=1000)
    assert judge(sell, limits, reference=older, max_price_age_ms=1000) == stale


def test_the_distance_is_told_as_a_part_of_the_market():
    """A buy of 103 at an ask of 100 is 3 % away, a sell of 97 at a bid of 100 as well."""
    limits = Limits(price_distance=Decimal("0.02"))
    market = Reference(bid=Decimal(100), ask=Decimal(100))
    far = Denial(code=DenialCode.PRICE_TOO_FAR, limit=Decimal("0.02"), value=Decimal("0.03"))

    assert judge(order("a", price=1030), limits, reference=market) == far
    assert judge(order("b", OrderSide.SELL, price=970), limits, reference=market) == far
    for side, price in ((OrderSide.BUY, 1020), (OrderSide.SELL, 980)):
        assert judge(order("c", side, price=price), limits, reference=market) is None


def test_a_market_order_has_no_distance():
    """It takes what there is; its value has a cap of its own."""
    assert judge(order("a", price=None), Limits(price_distance=Decimal("0.01"))) is None


def test_only_reduce_only_orders_may_close_what_is_not_ours():
    """The venue lets them reduce whatever there is; others count against our own holding."""
    exposure = Exposure(position=100, foreign=400)
    sell = order("a", OrderSide.SELL, amount=500, role=Role.EXIT)
    reducing = replace(sell, reduce_only=True)

    for command, is_let in (
        (sell, False),
        (reducing, True),
        (replace(reducing, amount=501), False),
    ):
        denial = judge(command, Limits(), state=RiskState.REDUCING, exposure=exposure)
        assert (denial is None) is is_let


def test_a_sell_counts_the_resting_sells_and_what_is_held():
    """Held 0.2, resting sells 0.4, a new one of 0.5: short 0.7 at worst."""
    exposure = Exposure(position=200, sells=400)
    sell = order("a", OrderSide.SELL, amount=500)

    assert judge(sell, Limits(position=Decimal("0.7")), exposure=exposure) is None
    denial = judge(sell, Limits(position=Decimal("0.699")), exposure=exposure)
    assert denial is not None
    assert denial.value == Decimal("0.7")


def test_each_limit_takes_the_tighter_one():
    """Whichever file it stands in, and whichever is missing."""
    first = Limits(
        order_notional=Decimal(10),
        position=Decimal(1),
        open_orders=5,
        orders_per_minute=60,
        price_distance=Decimal("0.1"),
        daily_loss=Decimal(7),
        is_position_configured=True,
    )
    second = Limits(
        order_notional=Decimal(9),
        position=Decimal(2),
        open_orders=6,
        orders_per_minute=30,
        price_distance=Decimal("0.2"),
        daily_loss=Decimal(8),
    )
    expected = replace(first, order_notional=Decimal(9), orders_per_minute=30)

    assert tighter(first, second) == tighter(second, first) == expected
    assert tighter(first, Limits()) == tighter(Limits(), first) == first


def test_the_plan_stands_in_for_exactly_what_nobody_wrote():
    """Its names are told, and its amount only where no value was written."""
    plan = PlanLimits(
        order_notional=Decimal(900), position=Decimal(5), open_orders=12, orders_per_minute=100
    )
    written = Limits(
        order_notional=Decimal(50), position=Decimal(1), open_orders=3, orders_per_minute=7
    )

    assert with_plan(written, plan) == written
    assert with_plan(Limits(), plan) == Limits(
        order_notional=Decimal(900),
        position=Decimal(5),
        open_orders=12,
        orders_per_minute=100,
        plan_amount=Decimal(5),
        planned=frozenset({"order_notional", "position", "open_orders", "orders_per_minute"}),
    )
    assert with_plan(replace(written, open_orders=None), plan).planned == {"open_orders"}
