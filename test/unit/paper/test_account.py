"""Margin, liquidation, funding and spot at the paper venue."""

import asyncio
import random
from decimal import Decimal
from pathlib import Path

import pytest

from core.adapters.exchanges.models import (
    FeeAsset,
    FillData,
    FundingPaymentData,
    Margin,
    MarginMode,
    OrderData,
    OrderOptions,
    OrderSide,
    OrderStatus,
    OrderType,
    PositionData,
)
from core.adapters.exchanges.paper.adapter import PaperExchange
from core.adapters.exchanges.paper.settings import PaperSettings
from core.errors import DuplicateClientOrderId, InsufficientFunds, OrderRejected
from core.infrastructure import virtual_time
from core.infrastructure.clock import VirtualClock
from core.testing.feeds import START_NS, ScriptedFeed, trades
from core.testing.venue import PERP, SPOT, PaperHarness, instrument, venue_story

D = Decimal
BUY, SELL = OrderSide.BUY, OrderSide.SELL
HOUR_MS = 3_600_000


async def send(exchange, side, amount, price=None, *, symbol=PERP, **options):
    """Send an order."""
    kind = OrderType.MARKET if price is None else OrderType.LIMIT
    limit = None if price is None else D(price)
    return await exchange.create_order(
        symbol, side, kind, D(amount), limit, OrderOptions(**options)
    )


async def equity(exchange):
    """What the account is worth."""
    (balance,) = await exchange.get_balances()
    return balance.equity


@pytest.mark.parametrize("mode", list(MarginMode))
@pytest.mark.parametrize("side", list(OrderSide))
@venue_story
async def test_a_position_that_cannot_be_carried_is_closed(venue, side, mode):
    """At the reported price and not before; orders go first, and the reason is told."""
    await venue.exchange.set_margin_mode(PERP, mode)
    await send(venue.exchange, side, "480" if mode is MarginMode.CROSS else "3", "200")
    await venue.trade("199.5" if side is BUY else "200.5")
    resting = "50" if side is BUY else "400"
    await send(venue.exchange, side, "0.1", resting, client_order_id="rests")
    (position,) = await venue.exchange.get_positions()
    limit = round(position.liquidation_price, 1)
    assert abs(limit - 200) > 5
    await venue.trade(str(limit + side.sign * D("0.1")))
    assert len(await venue.exchange.get_positions()) == 1
    await venue.trade(str(limit - side.sign * D("0.1")))

    assert await venue.exchange.get_positions() == []
    assert await venue.exchange.get_open_orders() == []
    told = [data for data in venue.private if isinstance(data, OrderData)]
    ended = {data.client_order_id for data in told if data.reason == "LIQUIDATION"}
    assert ended == {None, "rests"}
    fills = [data for data in venue.private if isinstance(data, FillData)]
    assert fills[-1].side is side.opposite
    assert fills == await venue.exchange.get_fills()


@venue_story
async def test_the_loss_of_an_isolated_position_stops_at_its_margin(venue):
    """What is beside it stays: the account loses the margin and a little slippage, not more."""
    await venue.exchange.set_margin_mode(PERP, MarginMode.ISOLATED)
    before = await equity(venue.exchange)
    await send(venue.exchange, BUY, "3")
    (position,) = await venue.exchange.get_positions()
    await venue.trade(str(round(position.liquidation_price, 1) - 1))

    lost = before - await equity(venue.exchange)
    assert D("50") < lost < D("70")


@venue_story
async def test_leverage_bounds_what_can_be_opened(venue):
    """At leverage two, 20,000 of notional is the end; more leverage gives more room."""
    await venue.exchange.set_leverage(PERP, D(2))
    with pytest.raises(InsufficientFunds) as caught:
        await send(venue.exchange, BUY, "101", "199")
    assert caught.value.code == "INSUFFICIENT_MARGIN"

    await venue.exchange.set_leverage(PERP, D(5))
    await send(venue.exchange, BUY, "101", "199")
    with pytest.raises(OrderRejected):
        await venue.exchange.set_leverage(PERP, D(1))


@pytest.mark.parametrize("amount, is_taken", [("149", True), ("151", False)])
def test_a_market_is_margined_as_was_wanted(amount: str, is_taken: bool):
    """At leverage three, 30,000 of notional is the end of an account of 10,000."""

    async def story():
        exchange = margined(Margin(leverage=D(3), mode=MarginMode.ISOLATED))
        await exchange.connect()
        await exchange.subscribe_ticker(PERP, lambda _: None)
        await asyncio.sleep(1)
        if not is_taken:
            with pytest.raises(InsufficientFunds):
                await send(exchange, BUY, amount, "200")
            return
        order = await send(exchange, BUY, amount, "200")
        assert order.filled == D(149)

    virtual_time.run(story(), start_ns=START_NS)


def test_an_open_position_keeps_its_margin_mode_and_takes_new_leverage(tmp_path: Path):
    """As at a venue: the mode changes once it is flat, the leverage at the next start."""

    async def life(margin: Margin) -> PositionData:
        exchange = margined(margin, path=tmp_path / "venue.db")
        await exchange.connect()
        await exchange.subscribe_ticker(PERP, lambda _: None)
        await asyncio.sleep(1)
        await send(exchange, BUY, "1")
        (position,) = await exchange.get_positions([PERP])
        await exchange.disconnect()
        return position

    async def story() -> list[PositionData]:
        return [
            await life(Margin(leverage=D(3), mode=MarginMode.ISOLATED)),
            await life(Margin(leverage=D(5), mode=MarginMode.CROSS)),
        ]

    found = virtual_time.run(story(), start_ns=START_NS)
    assert [(item.size, item.leverage, item.margin_mode) for item in found] == [
        (D(1), D(3), MarginMode.ISOLATED),
        (D(2), D(5), MarginMode.ISOLATED),
    ]


def margined(margin: Margin, path: Path | None = None) -> PaperExchange:
    """A venue on a market at 200, margined as is wanted."""
    return PaperExchange(
        venue="paper",
        instruments=[instrument()],
        feeds={PERP: ScriptedFeed(trades(*["200"] * 400, every_ms=60_000))},
        clock=VirtualClock(virtual_time.running_loop()),
        settings=PaperSettings(latency_ms=0),
        margins={PERP: margin},
        path=path,
        is_durable=False,
        rng=random.Random(7),
    )


@venue_story
async def test_what_closes_needs_no_margin(venue):
    """With everything in use the position can still be reduced, and the ladder be replaced."""
    await send(venue.exchange, BUY, "480", "199.9")
    await venue.trade("199.7")
    order = await send(venue.exchange, SELL, "480", "250")

    assert order.status is OrderStatus.OPEN
    with pytest.raises(InsufficientFunds):
        await send(venue.exchange, BUY, "300", "150")


def funded(rows, *, funding=(), rate=None, **rules):
    """A venue on an hourly perpetual whose feed may carry settlements."""
    return PaperExchange(
        venue="paper",
        instruments=[instrument(**rules)],
        feeds={PERP: ScriptedFeed(rows, funding=funding)},
        clock=VirtualClock(virtual_time.running_loop()),
        settings=PaperSettings(latency_ms=0, funding_rate=rate),
        is_durable=False,
    )


async def held(make, side, hours):
    """Hold two units for so many hours; the settlements heard, in order."""
    exchange = make()
    heard = []
    await exchange.connect()
    await exchange.subscribe_user_data(heard.append)
    await exchange.subscribe_ticker(PERP, lambda _: None)
    await asyncio.sleep(1)
    await send(exchange, side, "2")
    before = await equity(exchange)
    await asyncio.sleep(hours * 3600)
    payments = [data for data in heard if isinstance(data, FundingPaymentData)]
    assert payments == await exchange.get_funding_payments()
    assert await equity(exchange) - before == sum((item.amount for item in payments), D(0))
    return payments


@pytest.mark.parametrize("side, sign", [(BUY, -1), (SELL, 1)])
def test_a_fixed_rate_is_settled_at_every_interval_in_utc(side, sign):
    """Longs pay size times mark times rate on the hour, shorts receive it."""
    tape = trades(*["200"] * 400, every_ms=60_000)

    payments = virtual_time.run(
        held(lambda: funded(tape, rate=D("0.0001")), side, 3), start_ns=START_NS
    )
    assert [item.at.hour for item in payments] == [1, 2, 3]
    assert [item.amount for item in payments] == [sign * D("0.04")] * 3
    assert len({item.payment_id for item in payments}) == 3


def test_a_feed_s_own_settlements_are_paid_at_their_times():
    """Where the feed carries rates they are used, and only after the position was there."""
    tape = trades(*["200"] * 400, every_ms=60_000)
    funding = [(0, "0.01"), (HOUR_MS // 2, "0.0002"), (HOUR_MS, "-0.0001")]

    payments = virtual_time.run(
        held(lambda: funded(tape, funding=funding), BUY, 2), start_ns=START_NS
    )
    assert [item.amount for item in payments] == [D("-0.08"), D("0.04")]


def test_nothing_is_settled_after_the_feed_has_ended():
    """A market that stands still pays nothing, and does not keep virtual time alive."""
    payments = virtual_time.run(
        held(lambda: funded(trades("200", "200"), rate=D("0.0001")), BUY, 5), start_ns=START_NS
    )

    assert payments == []


def test_a_spot_buy_that_pays_in_base_holds_less(tmp_path):
    """The fee is taken out of what was bought; what is left can be sold, not more."""
    venue = PaperHarness(tmp_path / "venue.db", spot={"fee_asset": FeeAsset.BASE})

    @venue_story
    async def story(venue):
        await send(venue.exchange, BUY, "2", symbol=SPOT)
        balances = {item.asset: item.total for item in await venue.exchange.get_balances()}
        assert balances == {"TEST": D("1.999"), "USDC": D("10000") - 2 * D("200.1")}
        with pytest.raises(OrderRejected):
            await send(venue.exchange, SELL, "2", symbol=SPOT)
        await send(venue.exchange, SELL, "1.999", symbol=SPOT)

    story(venue)


@pytest.mark.parametrize("profile, is_refused", [("paper", True), ("binance_um", False)])
def test_ids_are_as_unique_as_the_profile_says(tmp_path, profile, is_refused):
    """Some venues take an id again once its order is closed."""
    venue = PaperHarness(tmp_path / "venue.db", settings=PaperSettings(profile=profile))

    @venue_story
    async def story(venue):
        order = await send(venue.exchange, BUY, "1", "190", client_order_id="a1")
        await venue.exchange.cancel_order(order.order_id, PERP)
        if is_refused:
            with pytest.raises(DuplicateClientOrderId):
                await send(venue.exchange, BUY, "1", "190", client_order_id="a1")
        else:
            again = await send(venue.exchange, BUY, "1", "190", client_order_id="a1")
            found = await venue.exchange.get_order(None, PERP, client_order_id="a1")
            assert found.order_id == again.order_id

    story(venue)


@pytest.mark.parametrize("profile, is_refused", [("paper", False), ("binance_um", True)])
def test_a_reduce_only_order_that_is_too_large_is_cut_or_refused(tmp_path, profile, is_refused):
    """The profile decides; it never opens the other side."""
    venue = PaperHarness(tmp_path / "venue.db", settings=PaperSettings(profile=profile))

    @venue_story
    async def story(venue):
        await send(venue.exchange, BUY, "1")
        if is_refused:
            with pytest.raises(OrderRejected):
                await send(venue.exchange, SELL, "2", "210", reduce_only=True)
            return
        order = await send(venue.exchange, SELL, "2", "210", reduce_only=True)
        await venue.trade("211")
        order = await venue.exchange.get_order(order.order_id, PERP)
        assert (order.filled, order.status) == (D(1), OrderStatus.CANCELED)
        assert order.reason == "REDUCE_ONLY"

    story(venue)
