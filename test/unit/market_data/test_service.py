"""Prices go from one subscription to everyone who listens."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from core.adapters.exchanges.interface import Subscription
from core.adapters.exchanges.models import (
    ConnectionState,
    EventType,
    ExchangeEvent,
    ExchangeStatus,
    ExchangeType,
    Instrument,
    TickerData,
    from_ns,
)
from core.domain.events import DataStale, Event, FeedEnded, Horizon, MarketMoved
from core.services.market_data.service import MarketData
from core.testing.clock import ManualClock

INSTRUMENT = Instrument(
    symbol="TEST-USDC-PERP",
    venue="paper",
    market_type=ExchangeType.PERPETUAL,
    base="TEST",
    quote="USDC",
    tick_size=Decimal("0.5"),
    lot_size=Decimal("0.001"),
)


class Inbox:
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def post(self, event: Event) -> None:
        """Keeps the event."""
        self.events.append(event)


class Door:
    """The three methods of a venue that market data needs."""

    def __init__(self) -> None:
        self.subscribed = 0
        self.say: Callable[[TickerData], None] = lambda _: None
        self.tell: Callable[[ExchangeEvent], None] = lambda _: None

    async def subscribe_ticker(self, symbol: str, callback: Any) -> Subscription:
        """Remembers who listens."""
        self.subscribed += 1
        self.say = callback
        return Subscription(lambda: None)

    def add_event_callback(self, event_type: EventType, callback: Any) -> Subscription:
        """Remembers who listens."""
        self.tell = callback
        return Subscription(lambda: None)

    def get_status(self) -> ExchangeStatus:
        """Always live."""
        return ExchangeStatus(
            venue="paper",
            state=ConnectionState.LIVE,
            is_authenticated=True,
            latency_ms=42.0,
            feed="sim:7",
        )


def ticker(at: datetime, **prices: str) -> TickerData:
    """A ticker of the test symbol."""
    exact = {name: Decimal(price) for name, price in prices.items()}
    return TickerData(venue="paper", symbol=INSTRUMENT.symbol, at=at, **exact)


@pytest.fixture
def clock() -> ManualClock:
    """Moved by hand."""
    return ManualClock()


@pytest.fixture
def door() -> Door:
    """A venue that says what it is told."""
    return Door()


@pytest.fixture
def market(door: Door, clock: ManualClock) -> MarketData:
    """What is tested."""
    return MarketData(door, clock)  # type: ignore[arg-type]


async def test_prices_between_ticks_are_rounded_away_from_being_better(
    market: MarketData, door: Door, clock: ManualClock
) -> None:
    """A bid rounds down, an ask up, the last trade to the nearest tick; the mark stays exact."""
    inbox = Inbox()
    await market.listen(INSTRUMENT, inbox)

    door.say(ticker(clock.now(), bid="100.3", ask="100.6", last="100.3"))

    moved = inbox.events[0]
    assert isinstance(moved, MarketMoved)
    assert (moved.bid, moved.ask, moved.last) == (200, 202, 201)
    assert moved.mark == Decimal("100.45")


async def test_without_a_book_the_last_trade_is_bid_and_ask(
    market: MarketData, door: Door, clock: ManualClock
) -> None:
    """The last trade stands for both sides, and is the mark."""
    inbox = Inbox()
    await market.listen(INSTRUMENT, inbox)

    door.say(ticker(clock.now(), last="99.5"))

    moved = inbox.events[0]
    assert isinstance(moved, MarketMoved)
    assert (moved.bid, moved.ask, moved.mark) == (199, 199, Decimal("99.5"))


async def test_all_listeners_share_one_subscription(
    market: MarketData, door: Door, clock: ManualClock
) -> None:
    """The second listener gets the newest price at once and costs the venue nothing."""
    first, second = Inbox(), Inbox()
    await market.listen(INSTRUMENT, first)
    door.say(ticker(clock.now(), last="100"))

    await market.listen(INSTRUMENT, second)

    assert door.subscribed == 1
    assert second.events == first.events


async def test_a_listener_that_left_hears_nothing_more(
    market: MarketData, door: Door, clock: ManualClock
) -> None:
    """Leaving the handle ends the delivery."""
    inbox = Inbox()
    with await market.listen(INSTRUMENT, inbox):
        pass

    door.say(ticker(clock.now(), last="100"))

    assert inbox.events == []


async def test_the_horizon_is_the_tightest_of_all_listeners(market: MarketData) -> None:
    """What one listener must see, all must let through."""
    await market.listen(INSTRUMENT, Inbox(), lambda: Horizon(above=210, below=190))
    await market.listen(INSTRUMENT, Inbox(), lambda: Horizon(above=205, at_ns=7))

    assert market.horizon() == Horizon(above=205, below=190, at_ns=7)


async def test_old_prices_are_told_once_and_stop_being_a_reference(
    market: MarketData, door: Door, clock: ManualClock
) -> None:
    """After five seconds without a price listeners hear DataStale; a new price ends it."""
    inbox = Inbox()
    await market.listen(INSTRUMENT, inbox)
    door.say(ticker(clock.now(), last="100"))
    seen_ns = clock.now_ns()
    clock.advance(5.5)

    market.tell_stale()
    market.tell_stale()

    stale = inbox.events[1:]
    assert stale == [DataStale(at_ns=clock.now_ns(), what="prices", since_ns=seen_ns)]
    assert market.reference_price(INSTRUMENT.symbol) is None
    assert market.mark(INSTRUMENT.symbol) == 100
    assert market.light(INSTRUMENT.symbol).state == "stale"

    door.say(ticker(clock.now(), last="101"))
    assert market.reference_price(INSTRUMENT.symbol) == 101
    assert market.light(INSTRUMENT.symbol).state == "live"


async def test_the_end_of_a_feed_reaches_every_listener(
    market: MarketData, door: Door, clock: ManualClock
) -> None:
    """FeedEnded carries the time of the end."""
    inbox = Inbox()
    await market.listen(INSTRUMENT, inbox)

    door.tell(ExchangeEvent(venue="paper", event_type=EventType.FEED_ENDED, at=clock.now()))

    assert inbox.events == [FeedEnded(at_ns=clock.now_ns())]
    assert market.light(INSTRUMENT.symbol).state == "off" or market.newest("X") is None


async def test_the_price_line_keeps_last_high_and_low_of_each_bucket(
    door: Door, clock: ManualClock
) -> None:
    """A young line has buckets of five seconds."""
    market = MarketData(door, clock, stale_after_s=None)  # type: ignore[arg-type]
    await market.listen(INSTRUMENT, Inbox())
    start_ns = 1_700_000_000 * 10**9
    for offset_s, price in ((1, "100"), (2, "104"), (4, "99"), (5, "101")):
        door.say(ticker(from_ns(start_ns + offset_s * 10**9), last=price))

    line = market.price_line(INSTRUMENT.symbol)

    assert [(point.last, point.high, point.low) for point in line] == [
        (Decimal(99), Decimal(104), Decimal(99)),
        (Decimal(101), Decimal(101), Decimal(101)),
    ]
    assert line[1].at == from_ns(start_ns + 5 * 10**9)


async def test_an_old_price_line_has_buckets_of_a_minute(door: Door, clock: ManualClock) -> None:
    """After half an hour the line reaches six hours back at most."""
    market = MarketData(door, clock, stale_after_s=None)  # type: ignore[arg-type]
    await market.listen(INSTRUMENT, Inbox())
    start_ns = 1_700_000_040 * 10**9
    for minute in range(31):
        for second in range(0, 60, 5):
            at = from_ns(start_ns + (minute * 60 + second) * 10**9)
            door.say(ticker(at, last=str(100 + minute)))

    line = market.price_line(INSTRUMENT.symbol)

    assert [point.last for point in line] == [Decimal(100 + minute) for minute in range(31)]


async def test_a_time_that_stands_still_is_stale_however_often_it_is_told(
    market: MarketData, door: Door, clock: ManualClock
) -> None:
    """T15: age counts by the venue's time; one DataStale, and no reference until time goes on."""
    inbox = Inbox()
    await market.listen(INSTRUMENT, inbox)
    frozen = clock.now()
    for _ in range(20):
        door.say(ticker(frozen, last="100"))
        market.tell_stale()
        clock.advance(1)

    assert sum(type(event) is DataStale for event in inbox.events) == 1
    assert market.reference_price(INSTRUMENT.symbol) is None

    door.say(ticker(clock.now(), last="101"))
    assert market.reference_price(INSTRUMENT.symbol) == 101


async def test_who_joins_while_prices_are_old_hears_just_that(
    market: MarketData, door: Door, clock: ManualClock
) -> None:
    """No ladder is built on a price that may not be traded on; the next fresh one is told."""
    await market.listen(INSTRUMENT, Inbox())
    door.say(ticker(clock.now(), last="100"))
    seen_ns = clock.now_ns()
    clock.advance(5.5)
    market.tell_stale()
    late = Inbox()

    await market.listen(INSTRUMENT, late)

    assert late.events == [DataStale(at_ns=clock.now_ns(), what="prices", since_ns=seen_ns)]
    door.say(ticker(clock.now(), last="101"))
    assert isinstance(late.events[-1], MarketMoved)
