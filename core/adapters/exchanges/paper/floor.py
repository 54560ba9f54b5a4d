"""The venue while it is open: its file, its engine, and what drives each market's rows."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from typing import Final, TypeVar

from core.adapters.exchanges.models import (
    EventType,
    ExchangeType,
    Instrument,
    Margin,
    MarginMode,
    OrderSide,
    TradeData,
)
from core.adapters.exchanges.paper.account import Account, Holding
from core.adapters.exchanges.paper.columns import Bounds
from core.adapters.exchanges.paper.engine import Engine, Identity
from core.adapters.exchanges.paper.faults import Request, Switchboard
from core.adapters.exchanges.paper.history import ShownTrade
from core.adapters.exchanges.paper.latency import Courier, broken
from core.adapters.exchanges.paper.market import NEW_FEED, FeedPosition, Market
from core.adapters.exchanges.paper.moments import moment
from core.adapters.exchanges.paper.outbox import Outbox
from core.adapters.exchanges.paper.profiles import VenueProfile
from core.adapters.exchanges.paper.rows import VirtualRows, receiver, rows_of, run_on_clock
from core.adapters.exchanges.paper.schedule import FundingSchedule, Settlement
from core.adapters.exchanges.paper.settings import PaperSettings
from core.adapters.exchanges.paper.storage import Storage, StoredMarket
from core.adapters.exchanges.paper.stream import PrivateStream, PublicStreams
from core.domain.events import Horizon
from core.domain.position import FLAT
from core.errors import JournalError
from core.infrastructure.clock import Cancellable, Clock
from core.infrastructure.virtual_time import VirtualLoop
from core.services.ports import Feed, FeedKind, PushFeed

log = logging.getLogger(__name__)

T = TypeVar("T")

_SAVE_EVERY_NS: Final = 1_000_000_000
"""In real time, how often a feed's position is written when nothing else is."""
_SIDES: Final = {1: OrderSide.BUY, -1: OrderSide.SELL}


@dataclass(frozen=True, slots=True, kw_only=True)
class FloorPlan:
    """What a floor is built from."""

    identity: Identity
    profile: VenueProfile
    settings: PaperSettings
    clock: Clock
    faults: Switchboard
    is_durable: bool
    private: PrivateStream
    public: PublicStreams
    horizon: Callable[[], Callable[[], Horizon] | None]
    """What machines and risk answer now; None for stepping."""
    tell: Callable[[EventType, str], None]
    on_failure: Callable[[JournalError], None]


class TradingFloor:
    """Markets, account and orders on an open file.

    Args:
        plan: What it is built from.
        storage: The file; closed with the floor.
    """

    def __init__(self, plan: FloorPlan, storage: Storage) -> None:
        self.plan = plan
        self.storage = storage
        self.engine = Engine(
            plan.identity,
            plan.profile,
            storage,
            Account(plan.settings.initial_balance),
            plan.faults,
            plan.private,
        )
        self.engine.account.cash.update(storage.cash())
        self.engine.outbox = self.outbox = Outbox(
            storage, self.engine.rows, is_durable=plan.is_durable, on_failure=plan.on_failure
        )
        self.courier = Courier(plan.clock, plan.settings.latency_ns, plan.faults, self._answer)
        self.schedules: dict[str, FundingSchedule] = {}
        """Symbol -> when funding is settled."""
        self.detail = ""
        """What happened to the feeds, in words."""
        self._venue = plan.identity.venue
        self._clock = plan.clock
        self._is_closed = False
        self._tasks: dict[str, asyncio.Task[None]] = {}
        """Symbol -> what drives its rows in real time."""
        self._live: dict[str, Callable[[], None]] = {}
        """Symbol -> what ends its live feed."""
        self._timers: dict[str, Cancellable] = {}
        """Symbol -> its next funding settlement."""
        self._saved_ns = 0
        loop = asyncio.get_running_loop()
        self._rows: VirtualRows | None = rows_of(loop) if isinstance(loop, VirtualLoop) else None
        if self._rows is not None:
            self._rows.add(self)

    # -- life ---------------------------------------------------------------------------------

    def add(self, instrument: Instrument, feed: Feed, margin: Margin | None = None) -> None:
        """Takes a market up where the file left it, under the margin that is wanted now."""
        engine, symbol = self.engine, instrument.symbol
        stored = self.storage.market(symbol)
        settings = self.plan.settings
        rule = settings.fill_rule(has_book=feed.has_book)
        market = Market(instrument, feed, rule, _feed_position(stored, feed))
        holding = Holding(
            instrument=instrument,
            position=FLAT if stored is None else stored.position,
            leverage=_leverage(instrument, margin, stored),
            margin_mode=_margin_mode(margin, stored),
            mark=lambda: market.mark,
            interest=engine.orders.interest(symbol),
        )
        engine.markets[symbol] = market
        if engine.account.add(holding):
            asset = instrument.quote if instrument.is_spot else instrument.settle
            self.outbox.notes.cash.add(asset)
        engine.restore(market)
        rows = () if settings.funding_rate is not None else feed.funding()
        self.schedules[symbol] = FundingSchedule(instrument, settings.funding_rate, rows)

    async def open(self, market: Market) -> None:
        """Begins to take a market's rows in. Idempotent."""
        if market.is_open:
            return
        market.open()
        if market.feed.kind is FeedKind.LIVE:
            feed: PushFeed = market.feed  # type: ignore[assignment] # what LIVE means
            self._live[market.symbol] = await feed.stream(receiver(self, market))
        elif self._rows is None:
            self._tasks[market.symbol] = asyncio.get_running_loop().create_task(
                run_on_clock(self, market, self._clock), name=f"paper market {market.symbol}"
            )
            await asyncio.sleep(0)
        self._await_funding(market, self._clock.now_ns())

    async def close(self) -> None:
        """Stops the markets, writes what is left, and closes the file."""
        tasks = self._stop()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.courier.fail_all(partial(broken, self._venue))
        for market in self.engine.markets.values():
            self.engine.touch(market)
        await self.outbox.close()
        self.storage.close()

    def abandon(self) -> None:
        """Lets go of everything without a word, as a killed process does."""
        self._stop()
        self.storage.close()

    # -- requests -----------------------------------------------------------------------------

    async def carry(self, request: Request, act: Callable[[int], T]) -> T:
        """Has something done at the venue when the request has arrived there.

        Args:
            request: What the switchboard sees.
            act: Given the time of arrival in nanoseconds.
        """

        def arrive() -> T:
            if self._is_closed:
                raise broken(self._venue)
            return act(self._clock.now_ns())

        return await self.courier.carry(request, arrive)

    def _answer(self, word: Callable[[], None]) -> None:
        if self._is_closed:
            word()
            return
        self.outbox.say(word)
        self.outbox.flush_soon()

    # -- what drives rows calls these ---------------------------------------------------------

    def open_markets(self) -> Iterable[Market]:
        """Markets whose rows are wanted."""
        return [
            market
            for market in self.engine.markets.values()
            if market.is_open and not market.has_announced_end
        ]

    def horizon(self, market: Market) -> Horizon | None:
        """Where machines and risk could act; None hands over every row.

        The first price of a feed is news to everyone, and who wants every trade gets every row.
        """
        declared = self.plan.horizon()
        if declared is None or not market.has_price or self.plan.public.wants_trades(market.symbol):
            return None
        return declared()

    def bounds(self, market: Market, horizon: Horizon) -> Bounds:
        """With matching and liquidation."""
        low, high = self.engine.liquidation_prices(market.symbol)
        return market.bounds(horizon, low, high)

    def meet(self, market: Market) -> None:
        """Moves on to the next row and lets resting orders meet it."""
        had_price = market.has_price
        row = market.step()
        if row is None or market.at_ns is None:
            return
        if had_price:
            self.engine.meet(market, row, market.at_ns)
        self._flush(market)
        if self.plan.public.wants_trades(market.symbol):
            for trade in market.newest_trade():
                self.plan.public.of(market.symbol).trades.tell(self.trade(market.symbol, trade))

    def show(self, market: Market) -> None:
        """Tells everyone the newest prices."""
        stream = self.plan.public.known(market.symbol)
        if stream is None or self.plan.private.is_cut:
            return
        if stream.tickers:
            ticker = market.ticker(self._venue)
            if ticker is not None:
                stream.tickers.tell(ticker)
        if stream.books:
            book = market.book(self._venue, None)
            if book is not None:
                stream.books.tell(book)

    def end(self, market: Market) -> None:
        """The feed has no more rows; the last price stays."""
        market.has_announced_end = True
        timer = self._timers.pop(market.symbol, None)
        if timer is not None:
            timer.cancel()
        self.engine.touch(market)
        self.outbox.flush_soon()
        if market.error is None:
            self.detail = f"the feed {market.feed.name} has ended"
        else:
            self.detail = str(market.error)
            log.error("feed.failed symbol=%s reason=%s", market.symbol, market.error)
            self.plan.tell(EventType.ERROR, self.detail)
        self.plan.tell(EventType.FEED_ENDED, self.detail)

    def trade(self, symbol: str, trade: ShownTrade) -> TradeData:
        """A public trade as the venue tells it."""
        return TradeData(
            venue=self._venue,
            symbol=symbol,
            trade_id=str(trade.row),
            price=trade.price,
            amount=trade.amount,
            side=_SIDES.get(trade.side),
            at=moment(trade.at_ns),
        )

    # -- inside -------------------------------------------------------------------------------

    def _await_funding(self, market: Market, after_ns: int) -> None:
        if market.instrument.market_type is not ExchangeType.PERPETUAL:
            return
        coming = self.schedules[market.symbol].after(after_ns, market.shift_ns)
        if coming is not None:
            self._timers[market.symbol] = self._clock.call_at_ns(
                coming.at_ns, partial(self._settle, market, coming)
            )

    def _settle(self, market: Market, due: Settlement) -> None:
        self.engine.settle_funding(market, due.rate, due.at_ns)
        self.outbox.flush_soon()
        self._await_funding(market, due.at_ns)

    def _flush(self, market: Market) -> None:
        """Writes and says what a row caused; in real time also where the feed stands."""
        if not self.outbox.is_idle:
            if self.plan.is_durable:
                self.outbox.flush_soon()
            else:
                self.outbox.flush()
        elif self._rows is None and self._clock.now_ns() - self._saved_ns > _SAVE_EVERY_NS:
            self._saved_ns = self._clock.now_ns()
            self.engine.touch(market)
            self.outbox.flush_soon()

    def _stop(self) -> list[asyncio.Task[None]]:
        """Ends whatever drives rows and settlements."""
        self._is_closed = True
        if self._rows is not None:
            self._rows.remove(self)
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        for end in self._live.values():
            end()
        self._live.clear()
        tasks = list(self._tasks.values())
        self._tasks.clear()
        for task in tasks:
            task.cancel()
        return tasks


def _feed_position(stored: StoredMarket | None, feed: Feed) -> FeedPosition:
    """Where a feed goes on; another feed than last time begins at its beginning."""
    if stored is None:
        return NEW_FEED
    if stored.feed != feed.name or feed.kind is FeedKind.LIVE:
        return replace(stored.feed_position, row=0)
    return stored.feed_position


def _leverage(
    instrument: Instrument, margin: Margin | None, stored: StoredMarket | None
) -> Decimal:
    if margin is not None:
        return margin.leverage
    return instrument.max_leverage if stored is None else stored.leverage


def _margin_mode(margin: Margin | None, stored: StoredMarket | None) -> MarginMode:
    """What is wanted, but of an open position what it was opened with, as at a venue."""
    if stored is not None and (margin is None or not stored.position.is_flat):
        return stored.margin_mode
    return MarginMode.CROSS if margin is None else margin.mode
