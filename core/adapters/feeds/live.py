"""Another venue's public prices for the paper venue, through the port every venue stands behind.

Rows come when they happen: `stream` subscribes to trades and best prices and hands over a chunk of
one row for each. Times never fall, whatever order the two channels arrive in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal

from core.adapters.exchanges.interface import ExchangeInterface, Subscription
from core.adapters.exchanges.models import Instrument, OrderSide, TickerData, TradeData, to_ns
from core.adapters.feeds.row_readers import NO_VALUE
from core.adapters.feeds.tape import Scale
from core.adapters.feeds.units import common_unit, decimals_of
from core.errors import FeedError
from core.services.ports import Chunk, FeedKind, FundingRow


class LiveFeed:
    """A `PushFeed` that relays one symbol of a connected venue."""

    name = "live"
    kind = FeedKind.LIVE
    has_book = True
    first_ns: int | None = None
    last_ns: int | None = None

    def __init__(
        self, exchange: ExchangeInterface, instrument: Instrument, *, symbol: str | None = None
    ) -> None:
        """Relays `symbol`, by default the instrument's own, from `exchange`."""
        self._exchange = exchange
        self._ending: asyncio.Future[None] | None = None
        self._instrument = instrument
        self._symbol = symbol or instrument.symbol
        self.price_unit = instrument.tick_size
        self.amount_unit = instrument.lot_size

    def chunks(self, from_row: int = 0) -> Iterator[Chunk]:
        """Refuses: live prices cannot be read ahead, and none before now are known.

        Raises:
            FeedError: Always.
        """
        raise FeedError("live prices come as they happen and cannot be read ahead of time")

    def funding(self) -> Sequence[FundingRow]:
        """None is known beforehand."""
        return ()

    async def stream(self, deliver: Callable[[Chunk], None]) -> Callable[[], None]:
        """See `PushFeed.stream`. Connects the venue if it is not connected.

        Raises:
            VenueError: If the venue cannot be reached or refuses the subscription.
            FeedError: If the venue refused the connection.
        """
        if not self._exchange.is_connected() and not await self._exchange.connect():
            detail = self._exchange.get_status().detail
            raise FeedError(
                f"{self._exchange.venue} refused the connection: {detail or 'no reason'}"
            )
        relay = _Relay(self, deliver)
        self._ending = None
        trades = await self._exchange.subscribe_trades(self._symbol, relay.on_trade)
        try:
            ticker = await self._exchange.subscribe_ticker(self._symbol, relay.on_ticker)
        except BaseException:
            trades.cancel()
            raise
        return self._end_of(relay.until_ended(trades, ticker))

    def _end_of(self, stop: Callable[[], None]) -> Callable[[], None]:
        """What ends the relay, and the connection that nobody else uses."""

        def end() -> None:
            stop()
            if self._ending is None:
                self._ending = asyncio.ensure_future(self._exchange.disconnect())

        return end

    def refine(self, prices: Sequence[Decimal], amounts: Sequence[Decimal]) -> None:
        """Makes the units fine enough for these numbers."""
        self.price_unit = _finer(self.price_unit, prices)
        self.amount_unit = _finer(self.amount_unit, amounts)


def _finer(unit: Decimal, numbers: Sequence[Decimal]) -> Decimal:
    """`unit`, or the largest part of it that divides all `numbers`."""
    for number in numbers:
        if number % unit:
            decimals = decimals_of(number)
            scale = Scale(decimals, step=abs(int(number.scaleb(decimals))))
            unit = common_unit(unit, [scale])
    return unit


class _Relay:
    """Turns a venue's messages into rows."""

    def __init__(self, feed: LiveFeed, deliver: Callable[[Chunk], None]) -> None:
        self._feed = feed
        self._deliver = deliver
        self._row = 0
        self._newest_ns = 0
        self._best: tuple[Decimal | None, ...] = (None, None, None, None)
        """Bid, its amount, ask, its amount."""
        self._is_over = False

    def on_trade(self, trade: TradeData) -> None:
        """One public trade."""
        side = 0 if trade.side is None else 1 if trade.side is OrderSide.BUY else -1
        self._hand_over(to_ns(trade.at), trade.price, trade.amount, side)

    def on_ticker(self, ticker: TickerData) -> None:
        """New best prices; a ticker that changes none of them is no row."""
        best = (ticker.bid, ticker.bid_amount, ticker.ask, ticker.ask_amount)
        if best != self._best:
            self._best = best
            self._hand_over(to_ns(ticker.at), None, None, 0)

    def until_ended(self, *subscriptions: Subscription) -> Callable[[], None]:
        """What ends the relay."""

        def end() -> None:
            self._is_over = True
            for subscription in subscriptions:
                subscription.cancel()

        return end

    def _hand_over(
        self, at_ns: int, last: Decimal | None, amount: Decimal | None, side: int
    ) -> None:
        if self._is_over:
            return
        bid, bid_amount, ask, ask_amount = self._best
        self._feed.refine(
            [price for price in (last, bid, ask) if price],
            [value for value in (amount, bid_amount, ask_amount) if value],
        )
        price_unit, amount_unit = self._feed.price_unit, self._feed.amount_unit
        self._newest_ns = max(self._newest_ns, at_ns)
        chunk = Chunk(
            first_row=self._row,
            price_unit=price_unit,
            amount_unit=amount_unit,
            ts_ns=(self._newest_ns,),
            last=(_units(last, price_unit),),
            amount=(_units(amount, amount_unit),),
            side=(side,),
            bid=(_units(bid, price_unit),),
            bid_amount=(_units(bid_amount, amount_unit),),
            ask=(_units(ask, price_unit),),
            ask_amount=(_units(ask_amount, amount_unit),),
        )
        self._row += 1
        self._deliver(chunk)


def _units(value: Decimal | None, unit: Decimal) -> int:
    return NO_VALUE if value is None else int(value / unit)
