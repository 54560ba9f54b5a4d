"""Live prices through the port, from a small venue that says what it is told to."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from core.adapters.exchanges.interface import Subscription
from core.adapters.exchanges.models import (
    ConnectionState,
    ExchangeStatus,
    OrderSide,
    TickerData,
    TradeData,
)
from core.adapters.feeds.live import LiveFeed
from core.errors import FeedError, VenueUnavailable
from core.services.ports import FeedKind

T0 = datetime(2025, 1, 1, tzinfo=UTC)
T0_NS = 1_735_689_600 * 10**9


class Venue:
    """The methods of the port that a live feed calls."""

    venue = "lighter"

    def __init__(self, *, lets_in=True, has_ticker=True):
        self.callbacks = {}
        self._lets_in, self._has_ticker = lets_in, has_ticker
        self._is_connected = False

    def is_connected(self):
        """Whether `connect` was called and let in."""
        return self._is_connected

    async def connect(self):
        """Lets in or not."""
        self._is_connected = self._lets_in
        return self._lets_in

    async def disconnect(self):
        """Once the relay has ended."""
        self._is_connected = False

    def get_status(self):
        """Why it does not let in."""
        return ExchangeStatus(
            venue=self.venue,
            state=ConnectionState.DISCONNECTED,
            is_authenticated=False,
            detail="maintenance until noon",
        )

    async def subscribe_trades(self, symbol, callback):
        """Remembers the callback."""
        return self._subscribe("trades", symbol, callback)

    async def subscribe_ticker(self, symbol, callback):
        """Remembers the callback, or refuses."""
        if not self._has_ticker:
            raise VenueUnavailable("lighter: the symbol is halted")
        return self._subscribe("ticker", symbol, callback)

    def _subscribe(self, channel, symbol, callback):
        self.callbacks[channel, symbol] = callback
        return Subscription(lambda: self.callbacks.pop((channel, symbol)))

    def trade(self, seconds, price, amount, side=OrderSide.BUY, symbol="BTC-USDC-PERP"):
        """Tells of a trade, so many seconds after T0."""
        self.callbacks["trades", symbol](
            TradeData(
                venue=self.venue,
                symbol=symbol,
                price=Decimal(price),
                amount=Decimal(amount),
                side=side,
                at=T0 + timedelta(seconds=seconds),
            )
        )

    def quote(self, seconds, bid, ask, symbol="BTC-USDC-PERP"):
        """Tells of new best prices, so many seconds after T0."""
        self.callbacks["ticker", symbol](
            TickerData(
                venue=self.venue,
                symbol=symbol,
                bid=None if bid is None else Decimal(bid),
                bid_amount=None if bid is None else Decimal(1),
                ask=Decimal(ask),
                ask_amount=Decimal(2),
                at=T0 + timedelta(seconds=seconds),
            )
        )


def row(chunk):
    """A chunk of one row: seconds from T0, then its columns in units."""
    assert len(chunk) == 1
    names = ("last", "amount", "side", "bid", "bid_amount", "ask", "ask_amount")
    return (chunk.ts_ns[0] - T0_NS) / 1e9, *(getattr(chunk, name)[0] for name in names)


async def test_trades_and_quotes_come_as_rows(bitcoin):
    """Each message is a row in units; a trade repeats the newest quote."""
    venue, chunks = Venue(), []
    feed = LiveFeed(venue, bitcoin)
    await feed.stream(chunks.append)

    venue.trade(0, "118000.5", "0.01")
    venue.quote(1, "118000.1", "118000.4")
    venue.trade(2, "118000.1", "0.002", OrderSide.SELL)
    venue.trade(3, "118000.2", "1", None)

    assert (feed.name, feed.kind, feed.has_book) == ("live", FeedKind.LIVE, True)
    assert (feed.first_ns, feed.last_ns, list(feed.funding())) == (None, None, [])
    assert [row(chunk) for chunk in chunks] == [
        (0, 1_180_005, 10, 1, -1, -1, -1, -1),
        (1, -1, -1, 0, 1_180_001, 1_000, 1_180_004, 2_000),
        (2, 1_180_001, 2, -1, 1_180_001, 1_000, 1_180_004, 2_000),
        (3, 1_180_002, 1_000, 0, 1_180_001, 1_000, 1_180_004, 2_000),
    ]
    assert [chunk.first_row for chunk in chunks] == [0, 1, 2, 3]


async def test_a_ticker_that_changes_nothing_is_no_row(bitcoin):
    """Only new best prices are told; a side that went away is."""
    venue, chunks = Venue(), []
    await LiveFeed(venue, bitcoin).stream(chunks.append)

    venue.quote(0, "100", "101")
    venue.quote(1, "100", "101")
    venue.quote(2, None, "101")

    assert [row(chunk)[0] for chunk in chunks] == [0, 2]
    assert row(chunks[-1])[4:6] == (-1, -1)


async def test_times_never_fall(bitcoin):
    """Two channels need not agree on the time; the feed's rows stay in order."""
    venue, chunks = Venue(), []
    await LiveFeed(venue, bitcoin).stream(chunks.append)

    venue.trade(5, "100", "1")
    venue.quote(4, "100", "101")

    assert [row(chunk)[0] for chunk in chunks] == [5, 5]


async def test_a_finer_price_makes_the_unit_finer(bitcoin):
    """Another venue may quote finer than the paper instrument's tick; nothing is rounded."""
    venue, chunks = Venue(), []
    feed = LiveFeed(venue, bitcoin)
    await feed.stream(chunks.append)

    venue.trade(0, "100.1", "1")
    venue.trade(1, "100.125", "0.0004")

    assert [chunk.price_unit for chunk in chunks] == [Decimal("0.1"), Decimal("0.025")]
    assert chunks[1].last[0] * chunks[1].price_unit == Decimal("100.125")
    assert chunks[1].amount[0] * chunks[1].amount_unit == Decimal("0.0004")
    assert bitcoin.tick_size % feed.price_unit == 0


async def test_the_end_unsubscribes(bitcoin):
    """After the end no row comes, and ending twice does nothing."""
    venue, chunks = Venue(), []
    end = await LiveFeed(venue, bitcoin).stream(chunks.append)
    late = venue.callbacks["trades", "BTC-USDC-PERP"]

    end()
    end()

    await asyncio.sleep(0)
    assert not venue.is_connected()
    assert venue.callbacks == {}
    late(TradeData(venue="x", symbol="y", price=Decimal(1), amount=Decimal(1), at=T0))
    assert chunks == []


async def test_another_symbol_can_be_relayed(bitcoin):
    """The prices of one symbol can stand in for another."""
    venue, chunks = Venue(), []
    await LiveFeed(venue, bitcoin, symbol="BTC-USDT-PERP").stream(chunks.append)

    venue.trade(0, "100", "1", symbol="BTC-USDT-PERP")

    assert len(chunks) == 1


async def test_a_refused_connection_is_an_error(bitcoin):
    """The venue's reason is told."""
    with pytest.raises(FeedError, match="lighter refused the connection: maintenance until noon"):
        await LiveFeed(Venue(lets_in=False), bitcoin).stream(print)


async def test_a_half_made_subscription_is_undone(bitcoin):
    """When the second channel is refused the first one ends too."""
    venue = Venue(has_ticker=False)

    with pytest.raises(VenueUnavailable):
        await LiveFeed(venue, bitcoin).stream(print)

    assert venue.callbacks == {}


def test_live_prices_cannot_be_read_ahead(bitcoin):
    """`chunks` is for feeds that know their rows."""
    with pytest.raises(FeedError, match="as they happen"):
        LiveFeed(Venue(), bitcoin).chunks()
