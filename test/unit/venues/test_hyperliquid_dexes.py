"""Hyperliquid's perpetuals of builders (HIP-3): numbers, prices, streams, orders, accounts."""

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from core.adapters.exchanges.credentials import Credentials, Secret
from core.adapters.exchanges.hyperliquid.adapter import HyperliquidExchange
from core.adapters.exchanges.models import (
    FillData,
    Margin,
    MarginMode,
    OrderOptions,
    OrderSide,
    OrderType,
    PositionData,
)
from core.errors import OrderRejected
from core.testing.venue import PERP, instrument
from core.testing.venues.harness import LoopbackHarness, started
from core.testing.venues.hyperliquid.venue import HyperliquidVenue

D = Decimal
NVDA, GOLD, TSLA = "xyz:NVDA-USDC-PERP", "xyz:GOLD-USDC-PERP", "flx:TSLA-USDC-PERP"
CROSS = Margin(leverage=D(5), mode=MarginMode.CROSS)


def builders_perpetual(symbol, **changes):
    """A perpetual of a builder's dex."""
    rules = {"venue": "hyperliquid", "min_notional": "10", "maintenance_margin_rate": "0.05"}
    return instrument(symbol, base=symbol.partition("-")[0], tick_size="0.001", **rules | changes)


@pytest.fixture
def harness():
    """An adapter on a venue with its own perpetual and three of two builders."""
    markets = [
        *HyperliquidVenue.test_markets(),
        *(builders_perpetual(symbol) for symbol in (NVDA, TSLA, GOLD)),
    ]
    venue = HyperliquidVenue(instruments=markets)
    return LoopbackHarness(
        venue,
        lambda doors: HyperliquidExchange(replace(doors, margins=dict.fromkeys([NVDA], CROSS))),
        lambda: {
            "rest": venue.rest_url,
            "public": venue.public_url,
            "private": venue.private_url,
        },
        lambda: Credentials(
            venue="hyperliquid",
            account=venue.wallets.main.address,
            secret=Secret(venue.wallets.agent.secret),
        ),
    )


async def create(harness, symbol, price, amount="1", name=None, side=OrderSide.BUY):
    """A limit order, or one at market."""
    order_type = OrderType.MARKET if price is None else OrderType.LIMIT
    limit = None if price is None else D(price)
    options = OrderOptions(client_order_id=name)
    return await harness.exchange.create_order(symbol, side, order_type, D(amount), limit, options)


def asked(harness, name, field):
    """What the questions of one kind carried."""
    return [call.params.get(field) for call in harness.venue.calls_of(name)]


async def test_numbers_begin_at_the_dex_and_follow_its_universe(harness):
    """100000 and ten thousand for each dex; within one, the place in its list."""
    async with started(harness):
        numbers = {item.symbol: item.number for item in harness.exchange.listings}

    assert numbers[PERP] == 0
    assert (numbers[NVDA], numbers[GOLD], numbers[TSLA]) == (110_000, 110_001, 120_000)


async def test_prices_keep_to_five_digits(harness):
    """The step that is told holds about the price of now; any other is refused unsent."""
    async with started(harness):
        nvda = next(i for i in await harness.exchange.get_instruments() if i.symbol == NVDA)
        with pytest.raises(OrderRejected):
            await create(harness, NVDA, "180.123")
        order = await create(harness, NVDA, "180.12")
        (wire,) = harness.venue.calls_of("create_order")

        assert nvda.tick_size == D("0.01")
        assert order.price == D("180.12")
        assert [each["a"] for each in wire.params["action"]["orders"]] == [110_000]


async def test_streams_and_reads_name_the_coin_with_its_dex(harness):
    """Ticker, book and trades of the stream and of REST are those of the builder's market."""
    async with started(harness):
        books, trades = [], []
        await harness.exchange.subscribe_orderbook(NVDA, books.append)
        await harness.exchange.subscribe_trades(NVDA, trades.append)
        await harness.trade("184.5")
        ticker = await harness.exchange.get_ticker(NVDA)
        rate = await harness.exchange.get_funding_rate(NVDA)

        assert harness.venue.listening("bbo:xyz:NVDA")
        assert trades[-1].price == D("184.5")
        assert books[-1].symbol == NVDA
        assert (ticker.last, ticker.mark) == (D("184.5"), D("184.5"))
        assert rate.symbol == NVDA
        assert asked(harness, "get_tickers", "dex")[-1] == "xyz"


async def test_orders_executions_and_positions_of_a_dex_are_told(harness):
    """A fill arrives once with our id; position and open orders are those of the dex."""
    async with started(harness):
        await create(harness, NVDA, "190", name="hip1")
        await create(harness, NVDA, None, name="hip2")
        await create(harness, PERP, "150", name="own1")
        await harness.trade("189")
        await asyncio.sleep(0.05)
        fills = [item for item in harness.private if isinstance(item, FillData)]
        told = [item for item in harness.private if isinstance(item, PositionData)]
        positions = await harness.exchange.get_positions([NVDA])
        opened = await harness.exchange.get_open_orders(PERP)

        assert {fill.client_order_id for fill in fills} == {"hip1", "hip2"}
        assert (told[-1].symbol, told[-1].size) == (NVDA, D(2))
        assert [(item.symbol, item.size) for item in positions] == [(NVDA, D(2))]
        assert [item.client_order_id for item in opened] == ["own1"]


async def test_only_dexes_in_use_are_asked_about(harness):
    """The planned dex and the venue's own; another one is asked about by its name alone."""
    async with started(harness):
        harness.venue.calls.clear()
        await harness.exchange.get_positions()
        await harness.exchange.get_open_orders()
        before = set(
            asked(harness, "get_positions", "dex") + asked(harness, "get_open_orders", "dex")
        )
        await harness.exchange.get_open_orders(TSLA)

        assert before == {None, "xyz"}
        assert asked(harness, "get_open_orders", "dex")[-1] == "flx"


async def test_collateral_of_all_dexes_is_told_once(harness):
    """USDC is one asset however many margin accounts hold it."""
    async with started(harness):
        await create(harness, NVDA, None)
        balances = await harness.exchange.get_balances()
        (usdc,) = [item for item in balances if item.asset == "USDC"]
        truth = next(b for b in harness.venue.floor.balances() if b.asset == "USDC")

        assert (usdc.total, usdc.equity) == (truth.total, truth.equity)
