"""Venues under test, and a way to move their market: what the contract suite asks of each."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from decimal import Decimal
from functools import wraps
from pathlib import Path
from typing import Protocol

from core.adapters.exchanges.interface import ExchangeInterface
from core.adapters.exchanges.models import (
    ExchangeType,
    FeeAsset,
    Instrument,
    TickerData,
    UserData,
)
from core.adapters.exchanges.paper.adapter import PaperExchange
from core.adapters.exchanges.paper.faults import Switchboard
from core.adapters.exchanges.paper.settings import PaperSettings
from core.infrastructure import virtual_time
from core.infrastructure.clock import Clock, VirtualClock
from core.infrastructure.virtual_time import running_loop
from core.testing.feeds import START_NS, FeedRow, PushedFeed

PERP = "TEST-USDC-PERP"
SPOT = "TEST-USDC-SPOT"


class VenueHarness(Protocol):
    """One venue with a perpetual `TEST-USDC-PERP` and a spot market `TEST-USDC-SPOT`.

    Tick 0.1, lot 0.001, minimum value 5, maker 0.02 %, taker 0.05 %, maximum leverage 10. The
    account has 10,000 USDC. The market starts at 200 with 3 units each at 199.9 and 200.1 and 5 at
    199.8 and 200.2.
    """

    private: list[UserData]
    """Everything the private stream delivered, in order."""
    tickers: list[TickerData]

    @property
    def exchange(self) -> ExchangeInterface:
        """The connected adapter."""

    @property
    def clock(self) -> Clock:
        """The venue's time."""

    async def start(self) -> None:
        """Connects, authenticates, listens, and waits for the first price."""

    async def trade(self, price: str, amount: str = "10") -> None:
        """A public trade on both markets; the book follows it, and everything settles."""

    async def restart(self) -> None:
        """The client dies without a word and comes back on the same account, market included."""

    async def stop(self) -> None:
        """Disconnects."""


def venue_story(story: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Makes a plain test of a coroutine: start `venue`, tell the story, stop.

    On virtual time, unless the harness has real sockets (`is_real_time`).
    """

    @wraps(story)
    def told(venue: VenueHarness, **fixtures: object) -> None:
        async def between_start_and_stop() -> None:
            await venue.start()
            try:
                await story(venue, **fixtures)
            finally:
                await venue.stop()

        if getattr(venue, "is_real_time", False):
            asyncio.run(between_start_and_stop())
        else:
            virtual_time.run(between_start_and_stop(), start_ns=START_NS)

    return told


def instrument(symbol: str = PERP, **changes: object) -> Instrument:
    """The instrument of the contract suite, with changes."""
    is_spot = symbol.endswith("SPOT")
    values: dict[str, object] = {
        "symbol": symbol,
        "venue": "paper",
        "market_type": ExchangeType.SPOT if is_spot else ExchangeType.PERPETUAL,
        "base": "TEST",
        "quote": "USDC",
        "tick_size": "0.1",
        "lot_size": "0.001",
        "min_notional": "5",
        "maker_fee": "0.0002",
        "taker_fee": "0.0005",
        "fee_asset": FeeAsset.QUOTE,
        "max_leverage": "10",
        "maintenance_margin_rate": "0.01",
        "funding_interval_s": None if is_spot else 3600,
        **changes,
    }
    return Instrument(**values)  # type: ignore[arg-type] # one value per field name


def book_row(price: str, amount: str) -> FeedRow:
    """A trade with a book around it: 3 units one tick away, 5 units two ticks away."""
    middle, tick = Decimal(price), Decimal("0.1")
    return FeedRow(
        ms=0,
        last=price,
        amount=amount,
        bids=((str(middle - tick), "3"), (str(middle - 2 * tick), "5")),
        asks=((str(middle + tick), "3"), (str(middle + 2 * tick), "5")),
    )


class PaperHarness:
    """The paper venue on virtual time, with feeds that a test pushes.

    Args:
        path: The venue's file.
        settings: Of the account.
        perp: Changes to the perpetual's rules.
        spot: Changes to the spot market's rules.
    """

    def __init__(
        self,
        path: Path,
        *,
        settings: PaperSettings | None = None,
        perp: dict[str, object] | None = None,
        spot: dict[str, object] | None = None,
        venue: str = "paper",
    ) -> None:
        self.private: list[UserData] = []
        self.tickers: list[TickerData] = []
        self.faults = Switchboard()
        self.settings = PaperSettings() if settings is None else settings
        self.venue = venue
        self.feeds = {PERP: PushedFeed(), SPOT: PushedFeed()}
        self._path = path
        self._instruments = [instrument(PERP, **(perp or {})), instrument(SPOT, **(spot or {}))]
        self._exchange: PaperExchange | None = None
        self._price = "200"

    @property
    def exchange(self) -> PaperExchange:
        """The connected adapter."""
        if self._exchange is None:
            raise RuntimeError("the harness has not started")
        return self._exchange

    @property
    def clock(self) -> VirtualClock:
        """The loop's time."""
        return VirtualClock(running_loop())

    async def start(self) -> None:
        """Connects on the file and moves the market to its last price."""
        self._exchange = PaperExchange(
            venue=self.venue,
            instruments=self._instruments,
            feeds=self.feeds,
            clock=self.clock,
            settings=self.settings,
            path=self._path,
            is_durable=False,
            rng=random.Random(7),
            faults=self.faults,
        )
        await self._exchange.connect()
        await self._exchange.authenticate()
        await self._exchange.subscribe_user_data(self.private.append)
        for symbol in self.feeds:
            await self._exchange.subscribe_ticker(symbol, self.tickers.append)
        await self.trade(self._price)

    async def trade(self, price: str, amount: str = "10") -> None:
        """Pushes one row to both markets."""
        self._price = price
        await self.clock.sleep(0.001)
        for feed in self.feeds.values():
            feed.push(book_row(price, amount), self.clock.now_ns())
        await self.clock.sleep(0.001)

    async def restart(self) -> None:
        """Forgets everything but the file, as `kill -9` would."""
        self.exchange.abandon()
        await self.start()

    async def stop(self) -> None:
        """Disconnects."""
        if self._exchange is not None:
            await self._exchange.disconnect()
