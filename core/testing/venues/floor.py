"""The paper venue without its port: what a loopback server's requests act on, at once.

A server answers from here. Matching, fees, margin, positions, funding and liquidation are the paper
venue's own; nothing awaits, so that a request is judged in the moment in which it is read. Prices
come from rows that a test pushes, or from any feed, whose rows come when the clock reaches them.

Client order ids travel in each venue's own spelling. Where that is not plain letters and digits the
floor keeps an alias of it inside and gives the venue's spelling back.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.models import (
    BalanceData,
    ExchangeType,
    FillData,
    FundingPaymentData,
    FundingRateData,
    Instrument,
    MarginMode,
    OHLCVData,
    OrderBookData,
    OrderData,
    OrderOptions,
    OrderSide,
    OrderType,
    PositionData,
    TickerData,
    TradeData,
    UserData,
    from_ns,
    plain,
    to_ns,
)
from core.adapters.exchanges.paper.account import Holding
from core.adapters.exchanges.paper.checks import NewOrder, refusal
from core.adapters.exchanges.paper.engine import Identity
from core.adapters.exchanges.paper.faults import Switchboard
from core.adapters.exchanges.paper.floor import FloorPlan, TradingFloor
from core.adapters.exchanges.paper.market import Market
from core.adapters.exchanges.paper.profiles import profile_of
from core.adapters.exchanges.paper.settings import PaperSettings
from core.adapters.exchanges.paper.storage import Storage
from core.adapters.exchanges.paper.stream import PrivateStream, PublicStreams
from core.errors import JournalError, OrderNotFound, VenueUnavailable
from core.infrastructure.clock import NS_PER_S, Clock
from core.services.ports import Feed
from core.testing.feeds import FeedRow, Levels, PushedFeed

_SERIES: Final = "loop"
_DAY_NS: Final = 86_400 * NS_PER_S
_LETTERS: Final = 31
"""Of an alias, after its `w`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What a market did in the last 24 hours, from its candles of a minute."""

    open: Decimal
    high: Decimal
    low: Decimal
    last: Decimal
    volume: Decimal
    """Base units."""
    value: Decimal
    """Quote, each minute at its close."""
    trades: int
    """Among the newest thousand."""

    @property
    def change(self) -> Decimal:
        """From the first price to the last."""
        return self.last - self.open

    @property
    def change_ratio(self) -> Decimal:
        """The same as a fraction, to six digits."""
        return (self.change / self.open).quantize(Decimal("0.000001")) if self.open else self.open


class Floor:
    """One account at the paper venue, for a server.

    Args:
        venue: Name in messages of the floor.
        instruments: The rules of everything tradable.
        clock: The venue's time.
        profile: Whose habits it has.
        settings: Balance, fill rule, funding.
        feeds: Symbol -> where prices come from; a test pushes those of the others.
    """

    def __init__(  # what a venue is made of, each by its name
        self,
        venue: str,
        instruments: Sequence[Instrument],
        clock: Clock,
        *,
        profile: str,
        settings: PaperSettings | None = None,
        feeds: Mapping[str, Feed] | None = None,
    ) -> None:
        self.venue = venue
        self.instruments = {instrument.symbol: instrument for instrument in instruments}
        self.clock = clock
        self.faults = Switchboard()
        """The matching engine's own faults: `cut` and `fill_first`."""
        given = {} if feeds is None else feeds
        self._pushed = {symbol: PushedFeed() for symbol in self.instruments if symbol not in given}
        self._feeds: dict[str, Feed] = {**self._pushed, **given}
        self.book_step: Decimal | None = None
        """Between the levels of the book around a trade; the tick when None."""
        self.public = PublicStreams()
        self.private = PrivateStream(
            self.faults, lambda seconds, call: clock.call_after_ns(round(seconds * NS_PER_S), call)
        )
        self._settings = PaperSettings(latency_ms=0) if settings is None else settings
        self._profile = profile_of(profile)
        self._spellings: dict[str, str] = {}
        """Alias of a client order id -> the venue's spelling."""
        self._twins: dict[str, str] = {}
        """Id of an execution -> the id that it shares with the other side."""
        self._trading: TradingFloor | None = None

    # -- life ---------------------------------------------------------------------------------

    async def open(self) -> None:
        """Opens every market; there is no price before the first row."""
        storage = Storage(None, is_durable=False, is_logged=False, series=_SERIES)
        self._trading = TradingFloor(
            FloorPlan(
                identity=Identity(venue=self.venue, account="loopback"),
                profile=self._profile,
                settings=self._settings,
                clock=self.clock,
                faults=self.faults,
                is_durable=False,
                private=self.private,
                public=self.public,
                horizon=lambda: None,
                tell=lambda _kind, _detail: None,
                on_failure=_fail,
            ),
            storage,
        )
        for symbol, instrument in self.instruments.items():
            self._trading.add(instrument, self._feeds[symbol])
            await self._trading.open(self._trading.engine.markets[symbol])
        self._trading.outbox.flush()

    async def close(self) -> None:
        """Stops the markets. Idempotent."""
        trading, self._trading = self._trading, None
        if trading is not None:
            await trading.close()

    def serving(self, name: str) -> AbstractContextManager[None]:
        """Around the serving of a request, by its name: what is shown of the account may be old."""
        del name
        return nullcontext()

    # -- what everyone may know ---------------------------------------------------------------

    def now_ms(self) -> int:
        """UTC milliseconds since 1970 by the venue's clock."""
        return self.clock.now_ns() // 1_000_000

    def ticker(self, symbol: str) -> TickerData:
        """Newest prices.

        Raises:
            VenueUnavailable: Before the first row.
        """
        found = self.market(symbol).ticker(self.venue)
        if found is None:
            raise VenueUnavailable(f"{symbol} has no price yet.", venue=self.venue)
        return found

    def book(self, symbol: str) -> OrderBookData | None:
        """The whole depth; None before the first row."""
        return self.market(symbol).book(self.venue, None)

    def trades(self, symbol: str) -> list[TradeData]:
        """The newest public trades from old to new."""
        return [self._floor.trade(symbol, trade) for trade in self.market(symbol).trades()]

    def candles(self, symbol: str, interval_s: int, timeframe: str) -> list[OHLCVData]:
        """Candles from old to new; the last one is mostly open."""
        now_ns = self.clock.now_ns()
        interval_ns = interval_s * NS_PER_S
        return [
            OHLCVData(
                venue=self.venue,
                symbol=symbol,
                timeframe=timeframe,
                at=from_ns(candle.start_ns),
                open=candle.open,
                high=candle.high,
                low=candle.low,
                close=candle.close,
                volume=candle.volume,
                is_closed=candle.start_ns + interval_ns <= now_ns,
            )
            for candle in self.market(symbol).candles(interval_ns)
        ]

    def day(self, symbol: str) -> Day:
        """The last 24 hours; everything 0 where nothing was traded."""
        first_ns = self.clock.now_ns() - _DAY_NS
        first = from_ns(first_ns)
        candles = [each for each in self.candles(symbol, 60, "1m") if each.at >= first]
        zero = Decimal(0)
        return Day(
            open=candles[0].open if candles else zero,
            high=max((each.high for each in candles), default=zero),
            low=min((each.low for each in candles), default=zero),
            last=candles[-1].close if candles else zero,
            volume=sum((each.volume for each in candles), zero),
            value=sum((each.volume * each.close for each in candles), zero),
            trades=sum(each.at_ns >= first_ns for each in self.market(symbol).trades()),
        )

    def funding(self, symbol: str) -> FundingRateData:
        """The rate of the next settlement, and when that is."""
        schedule = self._floor.schedules[symbol]
        now_ns = self.clock.now_ns()
        coming = schedule.after(now_ns, self.market(symbol).shift_ns)
        interval_ns = schedule.interval_s * NS_PER_S
        next_ns = (now_ns // interval_ns + 1) * interval_ns if coming is None else coming.at_ns
        return FundingRateData(
            venue=self.venue,
            symbol=symbol,
            rate=Decimal(0) if coming is None else coming.rate,
            interval_s=schedule.interval_s,
            next_at=from_ns(next_ns),
            at=from_ns(now_ns),
        )

    # -- the account --------------------------------------------------------------------------

    def open_orders(self, symbol: str | None = None) -> list[OrderData]:
        """From old to new."""
        return [
            self._spelled(order.data(self.venue, self.instruments[order.symbol]))
            for order in self._floor.engine.orders.of(symbol)
        ]

    def order(
        self, order_id: str | None = None, client_order_id: str | None = None
    ) -> OrderData | None:
        """An order in any state; the newest where a client id was used again."""
        alias = None if client_order_id is None else self._alias(client_order_id)
        found = self._floor.engine.orders.find(order_id, alias)
        if found is None:
            found = self._floor.storage.order(
                self.instruments, order_id=order_id, client_order_id=alias
            )
        if found is None:
            return None
        return self._spelled(found.data(self.venue, self.instruments[found.symbol]))

    def closed_orders(
        self, symbol: str | None = None, since: datetime | None = None
    ) -> list[OrderData]:
        """From old to new by their last update."""
        orders = self._floor.storage.closed_orders(
            self.instruments,
            symbol=symbol,
            since_ns=None if since is None else to_ns(since),
            limit=None,
        )
        return [
            self._spelled(order.data(self.venue, self.instruments[order.symbol]))
            for order in orders
        ]

    def fills(self, symbol: str | None = None, since: datetime | None = None) -> list[FillData]:
        """From old to new."""
        since_ns = None if since is None else to_ns(since)
        found = self._floor.storage.fills(self.venue, "", symbol=symbol, since_ns=since_ns)
        return [self._spelled_fill(fill) for fill in found]

    def funding_payments(self, symbol: str | None = None) -> list[FundingPaymentData]:
        """From old to new."""
        return self._floor.storage.funding(self.venue, "", symbol=symbol, since_ns=None)

    def balances(self) -> list[BalanceData]:
        """Assets other than zero, by name."""
        return self._floor.engine.account.balances(self.venue, self.clock.now_ns())

    def position(self, symbol: str) -> PositionData:
        """A margined position, also a flat one."""
        return self._floor.engine.position_data(symbol, self.clock.now_ns())

    def positions(self) -> list[PositionData]:
        """Margined positions of every symbol, flat ones too."""
        return [
            self.position(symbol)
            for symbol, instrument in self.instruments.items()
            if not instrument.is_spot
        ]

    def holding(self, symbol: str) -> Holding:
        """What the account holds of a symbol, with leverage and margin mode."""
        return self._floor.engine.account.holdings[symbol]

    def listen(self, callback: Callable[[UserData], None]) -> None:
        """Calls back with every private message, in order, in the venue's spelling of ids."""

        def tell(data: UserData) -> None:
            if isinstance(data, OrderData):
                callback(self._spelled(data))
            elif isinstance(data, FillData):
                callback(self._spelled_fill(data))
            else:
                callback(data)

        self.private.add(tell)

    # -- acts ---------------------------------------------------------------------------------

    def create(
        self,
        symbol: str,
        side: OrderSide,
        order_type: OrderType,
        amount: Decimal,
        price: Decimal | None = None,
        options: OrderOptions | None = None,
    ) -> OrderData:
        """Takes an order in, or raises `OrderRejected`."""
        options = OrderOptions() if options is None else options
        if options.client_order_id is not None:
            options = replace(options, client_order_id=self._alias(options.client_order_id))
        new = NewOrder(
            symbol=symbol,
            side=side,
            order_type=order_type,
            amount=amount,
            price=price,
            options=options,
        )
        try:
            return self._spelled(self._floor.engine.create(new, self.clock.now_ns()))
        finally:
            self._floor.outbox.flush()

    def cancel(self, order_id: str, symbol: str) -> OrderData:
        """Takes an open order out, or raises `OrderNotFound`."""
        try:
            now_ns = self.clock.now_ns()
            return self._spelled(self._floor.engine.cancel(order_id, symbol, now_ns))
        finally:
            self._floor.outbox.flush()

    def cancel_all(self, symbol: str | None = None) -> list[OrderData]:
        """Takes every open order out, of a symbol or of all."""
        found = self._floor.engine.cancel_all(symbol, self.clock.now_ns())
        self._floor.outbox.flush()
        return [self._spelled(order) for order in found]

    def set_leverage(self, symbol: str, leverage: Decimal) -> Decimal:
        """Sets it, or raises `OrderRejected` with `LEVERAGE` or `INSUFFICIENT_MARGIN`."""
        engine, instrument = self._floor.engine, self.instruments[symbol]
        if not 1 <= leverage <= instrument.max_leverage:
            raise refusal(self.venue, "LEVERAGE", f"leverage {leverage} is not allowed")
        holding = engine.account.holdings[symbol]
        before, holding.leverage = holding.leverage, leverage
        if leverage < before and engine.account.free(instrument.settle) < 0:
            holding.leverage = before
            raise refusal(self.venue, "INSUFFICIENT_MARGIN", "what is open needs more collateral")
        engine.changed(symbol)
        return leverage

    def set_margin_mode(self, symbol: str, mode: MarginMode) -> bool:
        """Sets it; whether it was another before.

        Raises:
            OrderRejected: With `POSITION_OPEN`.
        """
        holding = self.holding(symbol)
        if holding.margin_mode is mode:
            return False
        if not holding.position.is_flat:
            raise refusal(self.venue, "POSITION_OPEN", "a position is open")
        holding.margin_mode = mode
        self._floor.engine.changed(symbol)
        return True

    # -- stories ------------------------------------------------------------------------------

    def trade(
        self,
        price: Decimal | str,
        amount: Decimal | str = "10",
        *,
        symbol: str | None = None,
        side: OrderSide = OrderSide.BUY,
    ) -> None:
        """A public trade on one market, or on all, with a book around it.

        The book has 3 units one step away and 5 units two steps away, on both sides.
        """
        for name in self._named(symbol):
            step = self.book_step or self.instruments[name].tick_size
            middle = Decimal(price)
            self._push(
                name,
                FeedRow(
                    ms=0,
                    last=plain(middle),
                    amount=str(amount),
                    side=side.value,
                    bids=((plain(middle - step), "3"), (plain(middle - 2 * step), "5")),
                    asks=((plain(middle + step), "3"), (plain(middle + 2 * step), "5")),
                ),
            )

    def quote(self, bids: Levels, asks: Levels, *, symbol: str | None = None) -> None:
        """Another book, without a trade."""
        for name in self._named(symbol):
            self._push(name, FeedRow(ms=0, bids=bids, asks=asks))

    def fill(self, order: OrderData, amount: Decimal | None = None) -> None:
        """An open order fills at its own price, whole or in part; the market stands still.

        Raises:
            OrderNotFound: If it is not open.
        """
        resting = self._floor.engine.orders.find(order.order_id, None)
        if resting is None:
            raise OrderNotFound(f"{order.order_id} is not open.", venue=self.venue)
        lots = resting.remaining
        resting.parts = (
            (lots,) if amount is None else (self.instruments[order.symbol].lots(amount),)
        )
        rule = self.faults.fill_first(when=lambda asked: asked.order_id == order.order_id)
        try:
            self.cancel(order.order_id, order.symbol)
        except OrderNotFound:
            return
        finally:
            rule.cancel()

    def cross(self, first: OrderData, second: OrderData, amount: Decimal) -> None:
        """Two open orders of the account fill each other, under one trade id.

        Raises:
            ValueError: If they do not stand against each other at one price.
        """
        if first.side is second.side or first.price != second.price:
            raise ValueError("orders cross at one price, from two sides")
        self.fill(first, amount)
        newest = self._floor.storage.fills(self.venue, "", symbol=first.symbol, since_ns=None)[-1]
        twin = identity_of(number_of(newest.trade_id) + 1)
        self._twins[twin] = newest.trade_id
        self.fill(second, amount)

    def settle_funding(self, symbol: str, rate: Decimal | str) -> None:
        """Funding is settled now."""
        market = self.market(symbol)
        self._floor.engine.settle_funding(market, Decimal(rate), self.clock.now_ns())
        self._floor.outbox.flush()

    # -- inside -------------------------------------------------------------------------------

    @property
    def _floor(self) -> TradingFloor:
        if self._trading is None:
            raise RuntimeError("the floor is closed")
        return self._trading

    def market(self, symbol: str) -> Market:
        """The paper venue's market of a symbol."""
        return self._floor.engine.markets[symbol]

    def _named(self, symbol: str | None) -> Iterable[str]:
        """A market that a test moves, or all of them."""
        return self._pushed if symbol is None else (symbol,)

    def _push(self, symbol: str, row: FeedRow) -> None:
        self._pushed[symbol].push(row, self.clock.now_ns())
        self._floor.outbox.flush()

    def _alias(self, client_order_id: str) -> str:
        limit = self._profile.max_id_length
        is_plain = client_order_id.isascii() and client_order_id.isalnum()
        if is_plain and len(client_order_id) <= limit:
            return client_order_id
        alias = "w" + hashlib.sha256(client_order_id.encode()).hexdigest()[:_LETTERS]
        self._spellings[alias] = client_order_id
        return alias

    def _spelled(self, order: OrderData) -> OrderData:
        known = self._spellings.get(order.client_order_id or "")
        return order if known is None else replace(order, client_order_id=known)

    def _spelled_fill(self, fill: FillData) -> FillData:
        known = self._spellings.get(fill.client_order_id or "")
        twin = self._twins.get(fill.trade_id)
        if known is not None:
            fill = replace(fill, client_order_id=known)
        return fill if twin is None else replace(fill, trade_id=twin)


def number_of(identity: str) -> int:
    """The number in an id of the floor: `loop-12` is 12."""
    return int(identity.rpartition("-")[2])


def identity_of(number: int) -> str:
    """The floor's id of a number."""
    return f"{_SERIES}-{number}"


def seeded(seed: int) -> random.Random:
    """Makes keys and tokens that are the same in every run."""
    return random.Random(seed)


def perpetuals(instruments: Iterable[Instrument]) -> list[Instrument]:
    """Those with margin."""
    return [each for each in instruments if each.market_type is not ExchangeType.SPOT]


def _fail(error: JournalError) -> None:
    raise error
