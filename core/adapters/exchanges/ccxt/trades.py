"""Public trades, each of them: where ids count one by one, a missing one is seen and asked for.

Between two calls ccxt keeps the newest thousand and says nothing of the others, so trades are taken
where it puts them. What came after a gap waits until the gap was asked for; what cannot be had is
counted (`Listings.lost`) and said.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Final

from core.adapters.exchanges.ccxt.door import Door
from core.adapters.exchanges.ccxt.market import Market
from core.adapters.exchanges.ccxt.stream import Kept, Telling, Watches, told_class
from core.adapters.exchanges.ccxt.values import Unified
from core.adapters.exchanges.connection.dedup import Seen
from core.adapters.exchanges.models import TradeData
from core.errors import MalformedMessage, VenueError

log = logging.getLogger(__name__)

_HELD: Final = 10_000
"""Trades that wait while missing ones are asked for."""
_PAGES: Final = 20
"""Answers that one gap is filled from, at most."""


@dataclass(slots=True)
class _Tail:
    """Where the trades of a symbol stand."""

    seen: Seen = field(default_factory=Seen)
    newest: int | None = None
    """Number of the newest trade that was told, where they are numbered."""
    newest_at: datetime | None = None
    lost_at: datetime | None = None
    """`newest_at` when the socket was lost: trades are asked for from there on."""
    held: list[tuple[int, int, TradeData]] = field(default_factory=list)
    """First and last number, and the trade, behind a gap that is being asked for."""
    is_asking: bool = False


class Trades:
    """The trades that somebody listens to.

    Args:
        door: The venue.
        watches: Runs what is asked beside the sockets.
        market: Answers it.
    """

    def __init__(self, door: Door, watches: Watches, market: Market) -> None:
        self._door = door
        self._watches = watches
        self._market = market
        self._tails: dict[str, _Tail] = {}

    def clear(self) -> None:
        """Forgets what belongs to a connection."""
        self._tails.clear()

    def listen(self, unified: str, symbol: str) -> None:
        """Puts a cache that tells in the place of ccxt's, which forgets in silence."""
        from ccxt.async_support.base.ws import cache

        client = self._door.client
        if not isinstance(client.trades, Kept):
            client.trades = Kept(client.trades)
        if not isinstance(client.trades.get(unified), Telling):
            told = told_class(cache.ArrayCache, partial(self._take, symbol))
            client.trades[unified] = told(1000)

    def _take(self, symbol: str, data: Unified) -> None:
        if not self._door.hub.of(symbol).trades:
            # ccxt goes on without listeners; who comes later begins with what happens then.
            self._tails.pop(symbol, None)
            return
        try:
            trade = self._door.words.trade(data, self._door.clock.now())
        except MalformedMessage:
            self._door.listings.count("trades:refused")
            return
        tail = self._tails.setdefault(symbol, _Tail())
        self._arrive(symbol, tail, trade, joined=_joined(data))

    def _arrive(self, symbol: str, tail: _Tail, trade: TradeData, *, joined: int = 1) -> None:
        """Tells a trade that is the next one, or has it wait for those before it."""
        if self._door.row.trades_between is None or not trade.trade_id.isdigit():
            self._tell(symbol, tail, trade)
            return
        last = int(trade.trade_id)
        first = last - joined + 1
        if tail.is_asking:
            tail.held.append((first, last, trade))
            if len(tail.held) > _HELD:
                self._give_up(symbol, tail)
        elif tail.newest is not None and first > tail.newest + 1:
            tail.held.append((first, last, trade))
            tail.is_asking = True
            self._watches.spawn(partial(self._fill_gap, symbol, tail), "trades")
        else:
            self._tell_numbered(symbol, tail, last, trade)

    def _tell_numbered(self, symbol: str, tail: _Tail, last: int, trade: TradeData) -> None:
        if tail.newest is not None and last <= tail.newest:
            return  # told before
        tail.newest = last
        self._tell(symbol, tail, trade)

    def _tell(self, symbol: str, tail: _Tail, trade: TradeData) -> None:
        if trade.trade_id and not tail.seen.add(trade.trade_id):
            return
        if tail.newest_at is None or trade.at > tail.newest_at:
            tail.newest_at = trade.at
        room = self._door.hub.of(symbol)
        room.quote.last = trade.price
        self._door.hub.tell_trades(symbol, (trade,))

    # -- gaps ---------------------------------------------------------------------------------

    async def _fill_gap(self, symbol: str, tail: _Tail) -> None:
        if not tail.held:
            return  # too many came before anybody asked: they were told, the gap was counted
        until = tail.held[0][0]
        try:
            await self._ask_between(symbol, tail, until - 1)
        except VenueError as error:
            log.info("trades.no_answer symbol=%s error=%s", symbol, error)
        self._give_up(symbol, tail)

    async def _ask_between(self, symbol: str, tail: _Tail, last: int) -> None:
        """Asks for trades up to a number, page by page, from new to old or from old to new."""
        first = (tail.newest or 0) + 1
        found: dict[int, TradeData] = {}
        low, high = first, last
        for _ in range(_PAGES):
            page = await self._market.trades_between(symbol, low, high)
            fresh = {int(trade.trade_id): trade for trade in page if trade.trade_id.isdigit()}
            fresh = {at: trade for at, trade in fresh.items() if low <= at <= high}
            if not fresh:
                break
            found |= fresh
            while low in found:
                low += 1
            while high in found:
                high -= 1
            if low > high:
                break
        for at in sorted(found):
            self._count_lost(symbol, tail, at)
            self._tell_numbered(symbol, tail, at, found[at])

    def _give_up(self, symbol: str, tail: _Tail) -> None:
        """Tells what waited; what is missing before it was asked for and is counted."""
        tail.is_asking = False
        held, tail.held = tail.held, []
        for first, last, trade in held:
            self._count_lost(symbol, tail, first)
            self._tell_numbered(symbol, tail, last, trade)

    def _count_lost(self, symbol: str, tail: _Tail, until: int) -> None:
        missing = until - tail.newest - 1 if tail.newest is not None else 0
        if missing > 0:
            log.warning(
                "trades.lost venue=%s symbol=%s count=%d", self._door.venue, symbol, missing
            )
            self._door.listings.count(f"trades {symbol}:lost", missing)

    # -- after a socket was lost --------------------------------------------------------------

    def lose(self, symbol: str) -> None:
        """The socket is gone."""
        tail = self._tails.get(symbol)
        if tail is not None and tail.lost_at is None:
            tail.lost_at = tail.newest_at

    async def catch_up(self, symbol: str) -> None:
        """The trades since the last one; where they have no numbers, a gap may be all to say."""
        tail = self._tails.get(symbol)
        if tail is None or tail.lost_at is None:
            return
        since, tail.lost_at = tail.lost_at, None
        try:
            found = await self._market.trades(symbol, since=since)
        except VenueError:
            self._door.listings.count("trades:gap")
            return
        is_numbered = self._door.row.trades_between is not None
        if not is_numbered and (not found or found[0].at > since):
            # The venue's page does not reach back to the last trade that was told.
            self._door.listings.count("trades:gap")
            log.warning("trades.gap venue=%s symbol=%s", self._door.venue, symbol)
        for trade in found:
            self._arrive(symbol, tail, trade)


def _joined(data: Unified) -> int:
    """Matches in one message, of which the last one's number is told (OKX's `count`)."""
    info = data.get("info")
    count = str(info.get("count") or "1") if isinstance(info, dict) else "1"
    return int(count) if count.isdigit() and int(count) > 0 else 1
