"""One subscription per venue and symbol, shared by all bots; events out, horizons in.

    venue ticker ─► PriceFilter ─► MarketMoved ─► inboxes of the listeners
                                └► reference price (risk), price line (chart), age (lights)

Market data conflates: an inbox keeps only the newest `MarketMoved` (latest wins). On virtual time
the listeners' horizons tell the paper market which rows nobody could act on.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from typing import Final

from core.adapters.exchanges.interface import ExchangeInterface, Subscription
from core.adapters.exchanges.models import (
    EventType,
    ExchangeEvent,
    Instrument,
    TickerData,
    from_ns,
    to_ns,
)
from core.domain.events import DataStale, FeedEnded, Horizon, MarketMoved
from core.infrastructure.clock import Clock
from core.services.gateway import Inbox
from core.services.market_data.quality import PriceFilter, Verdict
from core.services.market_data.snapshot import FeedLight, PricePoint

log = logging.getLogger(__name__)

STALE_AFTER_S: Final = 5.0
"""No protective act is taken on a price older than this."""
FINE_NS: Final = 5 * 1_000_000_000
COARSE_NS: Final = 60 * 1_000_000_000
LINE_POINTS: Final = 360
"""Points of the price line: half an hour of fine buckets, then six hours of coarse ones."""
NO_HORIZON: Final = Horizon()


@dataclass(slots=True)
class _Bucket:
    start_ns: int
    last: Decimal
    high: Decimal
    low: Decimal
    shown: PricePoint | None = None
    """As it was shown, while that holds."""

    def take(self, price: Decimal) -> None:
        """Takes in a newer price."""
        self.last = price
        self.high = max(self.high, price)
        self.low = min(self.low, price)
        self.shown = None

    def point(self) -> PricePoint:
        """As it is shown."""
        if self.shown is None:
            self.shown = PricePoint(
                at=from_ns(self.start_ns), last=self.last, high=self.high, low=self.low
            )
        return self.shown


@dataclass(slots=True)
class _Listener:
    inbox: Inbox
    horizon: Callable[[], Horizon]


@dataclass(slots=True)
class _Stream:
    """What is known of one symbol."""

    instrument: Instrument
    prices: PriceFilter
    listeners: list[_Listener] = field(default_factory=list)
    newest: MarketMoved | None = None
    ticker: TickerData | None = None
    is_stale: bool = False
    has_ended: bool = False
    fine: deque[_Bucket] = field(default_factory=lambda: deque(maxlen=LINE_POINTS))
    coarse: deque[_Bucket] = field(default_factory=lambda: deque(maxlen=LINE_POINTS))


class MarketData:
    """Prices of one venue.

    Args:
        exchange: A connected venue.
        clock: The engine's clock.
        stale_after_s: Age at which listeners are told `DataStale`; None never (virtual time, where
            the next row is always the newest there is).
        jump: Fraction beyond which a price waits for a second one; None accepts all.
    """

    def __init__(
        self,
        exchange: ExchangeInterface,
        clock: Clock,
        *,
        stale_after_s: float | None = STALE_AFTER_S,
        jump: Decimal | None = None,
    ) -> None:
        self._exchange = exchange
        self._clock = clock
        self._stale_after_s = stale_after_s
        self._jump = jump
        self._streams: dict[str, _Stream] = {}
        """Symbol -> its stream."""
        self._subscriptions: list[Subscription] = [
            exchange.add_event_callback(EventType.FEED_ENDED, self._on_feed_ended)
        ]

    async def listen(
        self,
        instrument: Instrument,
        inbox: Inbox,
        horizon: Callable[[], Horizon] = lambda: NO_HORIZON,
    ) -> Subscription:
        """Posts `MarketMoved`, `DataStale` and `FeedEnded` of a symbol to `inbox`.

        The newest price, where there is one, is posted at once; where it has grown old, that is
        what is posted, so that nothing begins on a price that may not be traded on.
        """
        stream = self._streams.get(instrument.symbol)
        if stream is None:
            stream = _Stream(instrument=instrument, prices=PriceFilter(jump=self._jump))
            self._streams[instrument.symbol] = stream
            self._subscriptions.append(
                await self._exchange.subscribe_ticker(instrument.symbol, self._on_ticker)
            )
        listener = _Listener(inbox=inbox, horizon=horizon)
        stream.listeners.append(listener)
        if stream.newest is not None:
            inbox.post(self._staleness(stream) if stream.is_stale else stream.newest)
        return Subscription(lambda: stream.listeners.remove(listener))

    @property
    def feed(self) -> str:
        """Where the prices come from: `live`, `sim:7`, or a recording's name."""
        return self._exchange.get_status().feed

    def horizon(self) -> Horizon:
        """The tightest horizon of all listeners; what lies strictly inside it concerns nobody."""
        result = NO_HORIZON
        for stream in self._streams.values():
            for listener in stream.listeners:
                result |= listener.horizon()
        return result

    def newest(self, symbol: str) -> MarketMoved | None:
        """The newest accepted prices of a symbol."""
        stream = self._streams.get(symbol)
        return None if stream is None else stream.newest

    def reference_price(self, symbol: str) -> Decimal | None:
        """The price that risk measures distance from; None while there is none or it is stale."""
        stream = self._streams.get(symbol)
        if stream is None or stream.newest is None or stream.is_stale:
            return None
        return stream.newest.mark

    def mark(self, symbol: str) -> Decimal | None:
        """The price open results are valued at, however old."""
        newest = self.newest(symbol)
        return None if newest is None else newest.mark

    def age_s(self, symbol: str) -> float | None:
        """Age of the newest price by event time."""
        newest = self.newest(symbol)
        return None if newest is None else max(0.0, (self._clock.now_ns() - newest.at_ns) / 1e9)

    def light(self, symbol: str) -> FeedLight:
        """The state of this symbol's prices, for screens."""
        status = self._exchange.get_status()
        stream = self._streams.get(symbol)
        if stream is None or stream.newest is None:
            return FeedLight(name="prices", state="connecting", detail=status.detail)
        if stream.has_ended:
            return FeedLight(name="prices", state="off", detail="the feed has ended")
        state = "stale" if stream.is_stale else "live"
        return FeedLight(
            name="prices",
            state=state,
            age_s=self.age_s(symbol),
            latency_ms=status.latency_ms,
            detail=status.detail,
        )

    def price_line(self, symbol: str) -> tuple[PricePoint, ...]:
        """The newest prices in buckets, from old to new.

        Five seconds a bucket until there is more than half an hour, then a minute a bucket.
        """
        stream = self._streams.get(symbol)
        if stream is None:
            return ()
        is_young = len(stream.fine) < LINE_POINTS
        return tuple(item.point() for item in (stream.fine if is_young else stream.coarse))

    async def watch_age(self) -> None:
        """Tells listeners when prices grow stale; runs until cancelled."""
        if self._stale_after_s is None:
            return
        while True:
            await self._clock.sleep(1.0)
            self.tell_stale()

    def distrust(self) -> None:
        """Tells every listener that prices are stale: this process stood still, or time jumped.

        The next price ends it.
        """
        for symbol, stream in self._streams.items():
            if stream.newest is not None and not stream.is_stale and not stream.has_ended:
                self._say_stale(symbol, stream)

    def close(self) -> None:
        """Ends every subscription."""
        for subscription in self._subscriptions:
            subscription.cancel()
        self._subscriptions.clear()

    def tell_stale(self) -> None:
        """Tells listeners of prices that have grown too old, once for each silence."""
        for symbol, stream in self._streams.items():
            if stream.newest is None or stream.is_stale or stream.has_ended:
                continue
            if self._is_old(stream.newest):
                self._say_stale(symbol, stream)

    def _is_old(self, moved: MarketMoved) -> bool:
        limit_s = self._stale_after_s
        return limit_s is not None and (self._clock.now_ns() - moved.at_ns) / 1e9 > limit_s

    def _staleness(self, stream: _Stream) -> DataStale:
        since_ns = 0 if stream.newest is None else stream.newest.at_ns
        return DataStale(at_ns=self._clock.now_ns(), what="prices", since_ns=since_ns)

    def _say_stale(self, symbol: str, stream: _Stream) -> None:
        stream.is_stale = True
        stale = self._staleness(stream)
        log.warning("prices.stale symbol=%s since_ns=%d", symbol, stale.since_ns)
        for listener in stream.listeners:
            listener.inbox.post(stale)

    def _on_ticker(self, ticker: TickerData) -> None:
        stream = self._streams[ticker.symbol]
        verdict = stream.prices.judge(ticker)
        if verdict is not Verdict.ACCEPTED:
            log.debug("prices.refused symbol=%s verdict=%s", ticker.symbol, verdict.value)
            return
        moved = self._moved(stream, ticker)
        stream.newest = moved
        stream.ticker = ticker
        was_stale, stream.is_stale = stream.is_stale, self._is_old(moved)
        if stream.is_stale:
            # Time stands still at the venue: what it says now is no newer than before.
            if not was_stale:
                self._say_stale(symbol=ticker.symbol, stream=stream)
            return
        if moved.mark is not None:
            _add_to_line(stream.fine, FINE_NS, moved.at_ns, moved.mark)
            _add_to_line(stream.coarse, COARSE_NS, moved.at_ns, moved.mark)
        for listener in stream.listeners:
            listener.inbox.post(moved)

    def _moved(self, stream: _Stream, ticker: TickerData) -> MarketMoved:
        tick = stream.instrument.tick_size
        last = ticker.last
        has_book = ticker.bid is not None or ticker.ask is not None
        bid = ticker.bid if has_book else last
        ask = ticker.ask if has_book else last
        at_ns = to_ns(ticker.at)
        mark = ticker.mark
        if mark is None:
            mark = ticker.mid if ticker.mid is not None else last
        return MarketMoved(
            at_ns=at_ns,
            bid=None if bid is None else _ticks(bid, tick, ROUND_FLOOR),
            ask=None if ask is None else _ticks(ask, tick, ROUND_CEILING),
            last=None if last is None else _ticks(last, tick, ROUND_HALF_UP),
            mark=mark,
            age_ms=max(0, (self._clock.now_ns() - at_ns) // 1_000_000),
            has_book=has_book,
            previous=None if stream.newest is None else stream.newest.mark,
        )

    def _on_feed_ended(self, event: ExchangeEvent) -> None:
        ended = FeedEnded(at_ns=to_ns(event.at))
        for stream in self._streams.values():
            stream.has_ended = True
            for listener in stream.listeners:
                listener.inbox.post(ended)


def _ticks(price: Decimal, tick: Decimal, rounding: str) -> int:
    """A price as whole ticks; nearly always it is on one."""
    ratio = price / tick
    whole = int(ratio)
    return whole if whole == ratio else int(ratio.to_integral_value(rounding))


def _add_to_line(buckets: deque[_Bucket], width_ns: int, at_ns: int, price: Decimal) -> None:
    start_ns = at_ns - at_ns % width_ns
    if not buckets or buckets[-1].start_ns != start_ns:
        buckets.append(_Bucket(start_ns=start_ns, last=price, high=price, low=price))
        return
    buckets[-1].take(price)
