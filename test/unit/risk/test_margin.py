"""Whether an account can carry a new bot beside everything else on it."""

from decimal import Decimal

import pytest

from core.adapters.exchanges.models import (
    BalanceData,
    ExchangeType,
    Instrument,
    OrderData,
    OrderSide,
    OrderStatus,
    OrderType,
    PositionData,
)
from core.services.risk.margin import PlanNeed, headroom

D = Decimal
BTC, ETH = "BTC-USDC-PERP", "ETH-USDC-PERP"


def instrument(symbol=ETH, kind=ExchangeType.PERPETUAL):
    """What the new bot trades."""
    base, quote, _ = symbol.split("-")
    return Instrument(
        symbol=symbol, venue="v", market_type=kind, base=base, quote=quote,
        tick_size="0.1", lot_size="0.001",
    )  # fmt: skip


def plan(bot, symbol, margin, leverage="10"):
    """A bot by its plan."""
    return PlanNeed(bot=bot, symbol=symbol, margin=D(margin), leverage=D(leverage))


def cash(total, equity=None, asset="USDC"):
    """Money on the account."""
    worth = None if equity is None else D(equity)
    return BalanceData(venue="v", asset=asset, total=D(total), free=D(total), equity=worth)


def held(symbol, size, mark, leverage=None):
    """A position."""
    return PositionData(
        venue="v",
        symbol=symbol,
        size=D(size),
        mark_price=D(mark),
        leverage=None if leverage is None else D(leverage),
    )


def order(symbol, side, amount, price, **more):
    """One that rests."""
    return OrderData(
        venue="v", symbol=symbol, order_id="1", side=side, order_type=OrderType.LIMIT,
        status=OrderStatus.OPEN, amount=D(amount), price=D(price), **more,
    )  # fmt: skip


def needs(found):
    """The amounts, by what they are for."""
    return {need.what: need.amount for need in found.needs}


def test_plans_of_all_bots_count_whole():
    """Also what none of their orders asks for yet."""
    found = headroom(instrument(), plan("b", ETH, 600), [plan("a", BTC, 500)], [cash(1000)], [], [])

    assert (found.needed, found.worth, found.is_enough) == (1100, 1000, False)
    assert found.left_for_plan == 500
    assert "1100 would be needed: 500 for a (BTC-USDC-PERP), 600 for the plan of b" in found.words


def test_exactly_enough_is_enough():
    """To the last cent."""
    found = headroom(instrument(), plan("b", ETH, 500), [plan("a", BTC, 500)], [cash(1000)], [], [])

    assert found.is_enough


def test_what_is_held_and_rests_without_a_bot_counts_at_its_leverage():
    """By hand or by others: the worst that it could come to; an unknown leverage is none."""
    found = headroom(
        instrument(),
        plan("b", ETH, 100),
        [],
        [cash(1000)],
        [held(BTC, 1, 1000, 5), held("SOL-USDC-PERP", -2, 50)],
        [order(BTC, OrderSide.BUY, 1, 900), order(BTC, OrderSide.SELL, 1, 1100)],
    )

    assert needs(found) == {
        f"what is held and rests in {BTC}": (1000 + 900) / D(5),
        "what is held and rests in SOL-USDC-PERP": 100,
        f"the plan of b ({ETH})": 100,
    }


def test_a_bot_that_holds_more_than_its_plan_needs_what_it_holds():
    """The larger of both, never their sum."""
    found = headroom(
        instrument(),
        plan("b", ETH, 1),
        [plan("a", BTC, 50)],
        [cash(1000)],
        [held(BTC, 1, 1000, 10)],
        [],
    )

    assert needs(found)[f"a ({BTC})"] == 100


def test_exits_need_nothing():
    """What makes a position smaller, and what may only reduce."""
    found = headroom(
        instrument(),
        plan("b", ETH, 1),
        [],
        [cash(1000)],
        [held(BTC, 1, 1000, 10)],
        [
            order(BTC, OrderSide.SELL, 1, 1100),
            order(BTC, OrderSide.BUY, 5, 900, reduce_only=True),
        ],
    )

    assert needs(found)[f"what is held and rests in {BTC}"] == 100


def test_orders_that_turn_a_position_count_on_the_other_side():
    """Three sold over one held are two short."""
    found = headroom(
        instrument(),
        plan("b", ETH, 1),
        [],
        [cash(9000)],
        [held(BTC, 1, 1000, 1)],
        [order(BTC, OrderSide.SELL, 3, 1000)],
    )

    assert needs(found)[f"what is held and rests in {BTC}"] == 2000


def test_an_open_loss_makes_the_account_smaller():
    """Worth is the equity that the venue tells, not the money that was paid in."""
    found = headroom(instrument(), plan("b", ETH, 900), [], [cash(1000, equity=800)], [], [])

    assert (found.worth, found.is_enough) == (800, False)


@pytest.mark.parametrize("asset", ["USDT", "BTC"])
def test_other_money_does_not_count(asset):
    """USDT does not carry what settles in USDC."""
    found = headroom(instrument(), plan("b", ETH, 1), [], [cash(1000, asset=asset)], [], [])

    assert (found.worth, found.is_enough) == (0, False)


def test_on_spot_money_is_what_counts():
    """Resting buys and the plan against the money; coins that are held need none, nor do sells."""
    found = headroom(
        instrument("BTC-USDC-SPOT", ExchangeType.SPOT),
        plan("b", "BTC-USDC-SPOT", 700, 1),
        [],
        [cash(1000, equity=5000)],
        [held(BTC, 1, 1000)],
        [
            order("ETH-USDC-SPOT", OrderSide.BUY, 1, 200),
            order("ETH-USDC-SPOT", OrderSide.SELL, 9, 200),
        ],
    )

    assert (found.worth, found.needed) == (1000, 900)
