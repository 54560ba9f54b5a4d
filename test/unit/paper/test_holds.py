"""What rests and what is held keep of the money at the paper venue, and what its stream says."""

from __future__ import annotations

from decimal import Decimal

import pytest

from core.adapters.exchanges.models import (
    BalanceData,
    OrderOptions,
    OrderSide,
    OrderType,
    PositionData,
)
from core.testing.venue import PERP, SPOT, venue_story

D = Decimal
BUY, SELL = OrderSide.BUY, OrderSide.SELL


async def send(venue, side, amount, price, symbol=PERP, **options):
    """A limit order."""
    return await venue.exchange.create_order(
        symbol, side, OrderType.LIMIT, D(amount), D(price), OrderOptions(**options)
    )


async def money(venue, asset="USDC"):
    """A balance."""
    found = {item.asset: item for item in await venue.exchange.get_balances()}
    return found[asset]


@pytest.mark.parametrize(
    "orders, kept",
    [
        ([(BUY, "10", "150")], "150"),
        ([(BUY, "10", "150"), (BUY, "5", "140")], "220"),
        ([(BUY, "10", "150"), (SELL, "4", "250")], "150"),
        ([(BUY, "2", "150"), (SELL, "4", "250")], "100"),
    ],
)
@venue_story
async def test_resting_orders_keep_the_margin_of_their_larger_side(venue, orders, kept):
    """Amount times price over ten, the leverage; a cancel gives it back."""
    sent = [await send(venue, *order) for order in orders]
    assert (await money(venue)).free == D(10_000) - D(kept)
    for order in sent:
        await venue.exchange.cancel_order(order.order_id, PERP)

    assert (await money(venue)).free == 10_000


@venue_story
async def test_a_resting_purchase_on_spot_keeps_its_value_and_fee_of_the_quote_alone(venue):
    """Nothing of the asset that it buys, and on its way out nothing at all."""
    order = await send(venue, BUY, "2", "120", SPOT)
    balance = await money(venue)
    assert balance.free == D(10_000) - D(240) - D(240) * D("0.0005")
    assert balance.equity == balance.total == 10_000
    await venue.exchange.cancel_order(order.order_id, SPOT)

    assert (await money(venue)).free == 10_000


@venue_story
async def test_spot_is_no_position_and_adds_nothing_to_the_quote(venue):
    """What was paid is gone from the quote; what was bought is a balance of its own."""
    await send(venue, BUY, "2", "120", SPOT)
    venue.private.clear()
    await venue.trade("119")
    balance, bought = await money(venue), await money(venue, "TEST")
    paid = D(240) * (1 + D("0.0002"))

    assert (bought.total, bought.free) == (2, 2)
    assert balance.total == balance.equity == D(10_000) - paid
    assert not [item for item in venue.private if isinstance(item, PositionData)]
    told = [item.asset for item in venue.private if isinstance(item, BalanceData)]
    assert told == ["TEST", "USDC"]


@pytest.mark.parametrize("side, price, through", [(BUY, "150", "149"), (SELL, "250", "251")])
@venue_story
async def test_a_fill_while_resting_tells_position_and_balance(venue, side, price, through):
    """On the stream, with the fill: nobody has to ask for them."""
    await send(venue, side, "10", price)
    venue.private.clear()
    await venue.trade(through)
    (position,) = [item for item in venue.private if isinstance(item, PositionData)]
    (balance,) = [item for item in venue.private if isinstance(item, BalanceData)]

    assert position.size == 10 * side.sign
    assert position.entry_price == D(price)
    result = (D(through) - D(price)) * 10 * side.sign
    assert balance.equity == D(10_000) - D(price) * 10 * D("0.0002") + result
    assert balance.free < balance.equity
