"""Public trades, each told once and in order, on venues that do not number their messages.

A trade that is missing is seen in two ways: the socket was gone, or, where a venue's trade ids
follow each other, an id is left out. Either way the newest trades are asked for over REST, and what
comes meanwhile waits behind them. Where REST does not reach back to the newest trade that was told,
or does not answer, the gap is counted and said (`Listings.lost`).

That ids follow each other is found out, not believed: where REST shows two neighbours with a jump
between them, jumps mean nothing on that market.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.connection.dialect import Link
from core.adapters.exchanges.decoding import Listing
from core.adapters.exchanges.models import OrderSide, TradeData, from_ns, to_ns
from core.adapters.exchanges.native.hub import Hub, checked_trade
from core.adapters.exchanges.native.listings import Listings
from core.errors import VenueError
from core.infrastructure.clock import Clock

log = logging.getLogger(__name__)

LOST: Final = "trade:lost"
_DAY_NS: Final = 86_400_000_000_000
_EARLIER_NS: Final = 10_000_000_000
"""The first message of a subscription also holds older ones; so much of the past is still news."""
_HELD: Final = 10_000
"""Trades that wait while missing ones are asked for."""
_TRIES: Final = 4
_LAG_S: Final = 0.25
"""How often, and how far apart, REST is asked until it knows what the stream said already."""
_ZERO: Final = Decimal(0)
_MOST: Final = Decimal("1e18")


@dataclass(slots=True)
class _Tail:
    """Where an instrument's trades stand."""

    listing: Listing
    at_ns: int
    """Of the newest that was told."""
    ids: set[str] = field(default_factory=set)
    """Those of that moment."""
    newest: int = -1
    """Id of the newest, where ids are numbers that follow each other; -1 for none."""
    owes: bool = False
    """Whether trades may have been missed that nobody has asked for yet."""
    is_asking: bool = False
    held: list[TradeData] = field(default_factory=list)


class Tails:
    """The trades of a public socket.

    Args:
        clock: When messages come.
        listings: The venue's instruments.
        hub: Who listens.
        ask: The newest public trades of an instrument, over REST.
        has_numbers: Whether ids are numbers that grow, so that a jump may be a loss.
    """

    def __init__(
        self,
        clock: Clock,
        listings: Listings,
        hub: Hub,
        ask: Callable[[Listing], Awaitable[Sequence[TradeData]]],
        *,
        has_numbers: bool,
    ) -> None:
        self._clock = clock
        self._listings = listings
        self._hub = hub
        self._ask = ask
        self._has_numbers = has_numbers
        self._jumps: set[str] = set()
        """Keys of markets whose ids do not follow each other."""
        self._tails: dict[str, _Tail] = {}
        """The venue's key -> its tail."""

    def lost(self) -> None:
        """The socket is gone: trades may be missed from now on."""
        for tail in self._tails.values():
            tail.owes = True
            tail.is_asking = False

    async def catch_up(self, link: Link) -> None:
        """Asks for what was missed, of every instrument that somebody listens to."""
        for tail in list(self._tails.values()):
            if not self._hub.of(tail.listing.symbol).trades:
                tail.held.clear()
                tail.owes = False
            elif tail.owes and not tail.is_asking:
                tail.is_asking = True
                await self._fill(tail)

    def take(  # a trade has as many parts
        self,
        key: str,
        trade_id: str,
        price: Decimal,
        amount: Decimal,
        side: OrderSide,
        at_ns: int,
        link: Link,
    ) -> None:
        """A trade of the stream; one that cannot be is counted and left out."""
        now_ns = self._clock.now_ns()
        tail = self._tails.get(key) or self._new(key, now_ns)
        if tail is None or not -_DAY_NS < at_ns - now_ns < _DAY_NS:
            self._listings.count("trade:refused")
            return
        try:
            is_sound = _ZERO < price < _MOST and _ZERO < amount < _MOST
        except ArithmeticError:  # NaN
            is_sound = False
        if not is_sound or (self._has_numbers and not trade_id.isdigit()):
            self._listings.count("trade:refused")
            return
        trade = checked_trade(
            self._listings.venue,
            tail.listing.symbol,
            trade_id,
            price,
            amount,
            side,
            from_ns(at_ns),
            self._clock.now(),
        )
        if tail.is_asking or tail.owes or self._is_jump(tail, trade_id):
            self._hold(tail, trade, link)
        else:
            self._tell(tail, trade, at_ns)

    # -- inside -------------------------------------------------------------------------------

    def _new(self, key: str, now_ns: int) -> _Tail | None:
        listing = self._listings.by_key.get(key)
        if listing is None:
            return None
        tail = self._tails[key] = _Tail(listing, now_ns - _EARLIER_NS)
        return tail

    def _is_jump(self, tail: _Tail, trade_id: str) -> bool:
        return (
            self._has_numbers
            and tail.newest >= 0
            and int(trade_id) > tail.newest + 1
            and tail.listing.key not in self._jumps
        )

    def _hold(self, tail: _Tail, trade: TradeData, link: Link) -> None:
        if not self._hub.of(tail.listing.symbol).trades:
            tail.owes = False
            self._tell(tail, trade, to_ns(trade.at))
            return
        tail.held.append(trade)
        if len(tail.held) > _HELD:
            self._count(tail, 1)
            self._release(tail)
        elif not tail.is_asking:
            tail.is_asking = True
            link.spawn(self._fill(tail))

    async def _fill(self, tail: _Tail) -> None:
        """Asks for missing trades and tells them, then those that waited."""
        try:
            rows = await self._asked(tail)
        finally:
            tail.is_asking = False
        if not tail.owes and not tail.held:
            return  # given up meanwhile
        self._count_missing(tail, rows)
        for row in rows or ():
            self._tell(tail, row, to_ns(row.at))
        self._release(tail)

    async def _asked(self, tail: _Tail) -> Sequence[TradeData] | None:
        """What REST tells, once it knows what the stream said already; None for no answer."""
        rows: Sequence[TradeData] | None = None
        for _ in range(_TRIES):
            try:
                rows = await self._ask(tail.listing)
            except VenueError as error:
                log.info("trades.no_answer symbol=%s error=%s", tail.listing.symbol, error)
                return rows
            newest = max((int(row.trade_id) for row in rows), default=0) if self._has_numbers else 0
            if not self._has_numbers or not tail.held or newest >= int(tail.held[0].trade_id):
                return rows
            await self._clock.sleep(_LAG_S)
        return rows

    def _count_missing(self, tail: _Tail, rows: Sequence[TradeData] | None) -> None:
        """Counts what REST does not have, and finds out whether ids follow each other."""
        reaches_back = any(not self._is_news(tail, row, to_ns(row.at)) for row in rows or ())
        if not self._has_numbers or tail.newest < 0:
            if not reaches_back and (rows is None or rows or tail.held):
                self._count(tail, 1)  # at least
            return
        told = {int(row.trade_id) for row in rows or ()}
        news = sorted(number for number in told if number > tail.newest)
        if reaches_back and any(number - 1 not in told | {tail.newest} for number in news):
            self._jumps.add(tail.listing.key)
        last = tail.newest
        if reaches_back and news:
            last = news[-1]
        found = [*(() if reaches_back else news), *(int(each.trade_id) for each in tail.held)]
        following = min((number for number in found if number > last), default=last + 1)
        if following > last + 1 and tail.listing.key not in self._jumps:
            self._count(tail, following - last - 1)

    def _release(self, tail: _Tail) -> None:
        """What waited goes on; a loss among it was either filled or counted."""
        tail.owes = False
        held, tail.held = tail.held, []
        for trade in held:
            self._tell(tail, trade, to_ns(trade.at))

    def _count(self, tail: _Tail, count: int) -> None:
        log.warning("trades.lost symbol=%s count=%d", tail.listing.symbol, count)
        self._listings.count(LOST, count)

    def _tell(self, tail: _Tail, trade: TradeData, at_ns: int) -> None:
        if not self._is_news(tail, trade, at_ns):
            return
        if self._has_numbers:
            tail.newest = int(trade.trade_id)
        if at_ns > tail.at_ns:
            tail.at_ns, tail.ids = at_ns, {trade.trade_id}
        else:
            tail.ids.add(trade.trade_id)
        room = self._hub.of(tail.listing.symbol)
        room.quote.last = trade.price
        if room.trades:
            room.trades.tell(trade)

    def _is_news(self, tail: _Tail, trade: TradeData, at_ns: int) -> bool:
        if self._has_numbers and tail.newest >= 0:
            return int(trade.trade_id) > tail.newest
        return at_ns >= tail.at_ns and trade.trade_id not in tail.ids
