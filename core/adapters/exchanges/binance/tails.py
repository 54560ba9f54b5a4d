"""The trades of one market, each told once: their ids are consecutive, so a missing one is seen.

A missing trade is asked for over REST, and what came after it waits; what cannot be had is counted
and said.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from core.adapters.exchanges.binance.messages import Trade
from core.adapters.exchanges.connection.dialect import Link
from core.adapters.exchanges.connection.subscriptions import Topic
from core.adapters.exchanges.decoding import Listing
from core.adapters.exchanges.models import OrderSide, TradeData, from_ns
from core.adapters.exchanges.native.batch import DAY_MS
from core.adapters.exchanges.native.hub import Hub, Room
from core.adapters.exchanges.native.listings import Listings
from core.adapters.exchanges.native.molds import TradeMold
from core.adapters.exchanges.native.numbers import Numbers
from core.errors import VenueError
from core.infrastructure.clock import Clock

log = logging.getLogger(__name__)

TRADES: Final = "aggTrade"
_MS: Final = 1_000_000
_HELD: Final = 10_000
"""Trades that wait while missing ones are asked for."""
_PAGES: Final = 20
"""Answers that one gap is filled from, at most, a thousand trades each."""
_BUY: Final = OrderSide.BUY
_SELL: Final = OrderSide.SELL


@dataclass(slots=True)
class _Tail:
    """Where an instrument's trades stand."""

    listing: Listing
    topic: Topic
    room: Room
    newest: int = -1
    held: list[Trade] = field(default_factory=list)
    """What came after a gap and waits for the missing ones."""
    is_asking: bool = False


class Tails:
    """The trades that somebody listens to.

    Args:
        clock: The engine's.
        listings: The market's instruments by the venue's key.
        hub: Who listens.
        ask: Public trades from an id on, over REST.
    """

    def __init__(
        self,
        clock: Clock,
        listings: Listings,
        hub: Hub,
        ask: Callable[[Listing, int], Awaitable[Sequence[TradeData]]],
    ) -> None:
        self._clock = clock
        self._listings = listings
        self._hub = hub
        self._ask = ask
        self._tails: dict[str, _Tail] = {}
        """The venue's key -> its tail."""
        self._numbers = Numbers()

    def lost(self) -> None:
        """The socket is gone, and who asked with it; trades go on by their ids."""
        for tail in self._tails.values():
            tail.is_asking = False
            tail.held.clear()

    def take(self, found: Sequence[Trade], now_ms: int, link: Link) -> None:
        """The trades of one read, in order."""
        tails = self._tails
        touched: dict[str, int] = {}
        start = 0
        key, tail = "", None
        for place, item in enumerate(found):
            if item.s != key:
                if tail is not None:
                    self._pass(tail, found[start:place], link)
                start, key = place, item.s
                tail = tails.get(key) or self._new(key)
            touched[key] = item.T
        if tail is not None:
            self._pass(tail, found[start:] if start else found, link)
        for name, at_ms in touched.items():
            heard = tails.get(name)
            if heard is not None and -DAY_MS < at_ms - now_ms < DAY_MS:
                link.heard(heard.topic, at_ms * _MS)

    def _new(self, key: str) -> _Tail | None:
        listing = self._listings.by_key.get(key)
        if listing is None:
            self._listings.count("aggTrade:refused")
            return None
        topic, room = f"{key.lower()}@{TRADES}", self._hub.of(listing.symbol)
        tail = self._tails[key] = _Tail(listing, topic, room)
        return tail

    def _pass(self, tail: _Tail, found: Sequence[Trade], link: Link) -> None:
        """Trades of one instrument that followed each other in a read."""
        if tail.is_asking:
            tail.held += found
            if len(tail.held) > _HELD:
                self._give_up(tail, tail.held[0].a)
            return
        rest = self._tell(tail, found)
        if rest:
            tail.held += rest
            tail.is_asking = True
            link.spawn(self._fill_gap(tail))

    async def _fill_gap(self, tail: _Tail) -> None:
        """Asks for missing trades; what cannot be had is counted and said.

        If the socket ends meanwhile, nothing is given up: the next one begins with a gap that
        reaches back to the newest trade that was told.
        """
        until = tail.held[0].a
        try:
            for _ in range(_PAGES):
                found = await self._ask(tail.listing, tail.newest + 1)
                fresh = [each for each in found if tail.newest < int(each.trade_id) < until]
                for trade in fresh:
                    self._count_lost(tail, int(trade.trade_id))
                    tail.newest = int(trade.trade_id)
                    self._hub.tell_trades(tail.listing.symbol, (trade,))
                if not fresh or tail.newest + 1 == until:
                    break
        except VenueError as error:
            log.info("trades.no_answer symbol=%s error=%s", tail.listing.symbol, error)
        self._give_up(tail, until)

    def _give_up(self, tail: _Tail, until: int) -> None:
        self._count_lost(tail, until)
        tail.newest = max(tail.newest, until - 1)
        tail.is_asking = False
        held, tail.held = tail.held, []
        while held:  # a second gap behind the first is only counted: it was waited for already
            held = list(self._tell(tail, held))
            if held:
                self._count_lost(tail, held[0].a)
                tail.newest = held[0].a - 1

    def _count_lost(self, tail: _Tail, until: int) -> None:
        missing = until - tail.newest - 1
        if missing > 0:
            log.warning("trades.lost symbol=%s count=%d", tail.listing.symbol, missing)
            self._listings.count("aggTrade:lost", missing)

    def _tell(self, tail: _Tail, found: Sequence[Trade]) -> Sequence[Trade]:
        """Tells trades up to the first gap; those behind it are given back."""
        room, newest, numbers = tail.room, tail.newest, self._numbers
        venue, symbol = self._listings.venue, tail.listing.symbol
        now, now_ms = self._clock.now(), self._clock.now_ns() // _MS
        price, at, at_ms = room.quote.last, now, 0
        told: list[TradeData] = []
        rest: Sequence[Trade] = ()
        expected = newest + 1
        for place, item in enumerate(found):
            number = item.a
            if number != expected:
                if number < expected:
                    continue
                if newest >= 0:
                    rest = found[place:]
                    break
            newest, expected = number, number + 1
            if at_ms != item.T:
                if not -DAY_MS < item.T - now_ms < DAY_MS:
                    self._listings.count("aggTrade:refused")
                    continue
                at_ms = item.T
                at = from_ns(at_ms * _MS)
            try:
                price, amount = numbers[item.p], numbers[item.q]
            except ValueError:
                self._listings.count("aggTrade:refused")
                continue
            made = TradeMold()
            made.venue = venue
            made.symbol = symbol
            made.trade_id = str(number)
            made.price = price
            made.amount = amount
            made.side = _SELL if item.m else _BUY
            made.at = at
            made.received_at = now
            made.__class__ = TradeData
            told.append(made)
        tail.newest, room.quote.last = newest, price
        room.trades.tell_all(told)
        return rest
