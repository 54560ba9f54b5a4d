"""Public trades that carry no consecutive numbers: what was told, what was missed, what is lost.

Where ids tell nothing of what stands between them, a message that never came leaves no mark. But a
venue tells its newest trades anew with every subscription, and some do over REST. Such a history is
held against what was told: what stands in it after a trade that we know, and was not told, was
missed and is told now, late. A history that reaches back to no trade that we know leaves a gap
between the two, which is counted (`trade:lost`, one for each gap: how many trades it held nobody
can say) and written to the log. Dialects ask for a history after every reconnection, and now and
then while the socket lives.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from core.adapters.exchanges.connection.dialect import Link
from core.adapters.exchanges.connection.subscriptions import Topic
from core.adapters.exchanges.models import TradeData, to_ns
from core.adapters.exchanges.native.hub import Hub
from core.adapters.exchanges.native.listings import Listings
from core.infrastructure.clock import Clock

log = logging.getLogger(__name__)

AUDIT_S: Final = 30.0
"""How often a socket that lives is held against a history."""
_KEPT: Final = 2_000
_EARLIER: Final = timedelta(seconds=10)
"""First messages also hold older trades; so much of the past still counts as news."""


class Trail:
    """The newest trades of one instrument that were told.

    Args:
        since: Trades before it are known, and not told.
    """

    def __init__(self, since: datetime) -> None:
        self.newest: deque[TradeData] = deque(maxlen=_KEPT)
        """In the order of arrival."""
        self._since = since
        self._ids: set[str] = set()
        self.last: TradeData | None = None
        """The newest by the venue's time."""

    def take(self, trades: Sequence[TradeData]) -> list[TradeData]:
        """Remembers trades; those to be told, in the venue's order."""
        news: list[TradeData] = []
        for trade in sorted(trades, key=_place) if len(trades) > 1 else trades:
            if trade.trade_id in self._ids:
                continue
            if len(self.newest) == _KEPT:
                self._ids.discard(self.newest[0].trade_id)
            self.newest.append(trade)
            self._ids.add(trade.trade_id)
            if self.last is None or _place(trade) > _place(self.last):
                self.last = trade
            if trade.at >= self._since:
                news.append(trade)
        return news

    def missing(self, history: Sequence[TradeData]) -> list[TradeData] | None:
        """Those of a venue's newest trades that were missed; None where it joins nothing we know.

        They are not remembered before `take`.
        """
        rows = sorted(history, key=_place)
        if self.last is None:
            return rows
        for place, trade in enumerate(rows):
            if trade.trade_id in self._ids:
                return [row for row in rows[place:] if row.trade_id not in self._ids]
        last = _place(self.last)
        return None if any(_place(row) > last for row in rows) else []


class Trails:
    """The trades of all instruments of one socket.

    Args:
        clock: When messages come.
        listings: The venue's instruments; they count what is lost.
        hub: Who listens.
    """

    def __init__(self, clock: Clock, listings: Listings, hub: Hub) -> None:
        self._clock = clock
        self._listings = listings
        self._hub = hub
        self._trails: dict[str, Trail] = {}
        """The venue's key of an instrument -> what was told of it."""

    def take(self, topic: Topic, key: str, trades: Sequence[TradeData], link: Link) -> None:
        """Trades of the stream: those that are new are told."""
        for trade in trades:
            link.heard(topic, to_ns(trade.at))
        trail = self._of(key)
        self._tell(trail, trail.take(trades))

    def join(self, key: str, history: Sequence[TradeData]) -> bool:
        """A venue's newest trades: what was missed is told; False where there is a gap before."""
        trail = self._of(key)
        missing = trail.missing(history)
        if missing:
            self._tell(trail, trail.take(missing))
        return missing is not None

    def is_news(self, key: str, history: Sequence[TradeData]) -> bool:
        """Whether a venue's newest trades hold any that was not told."""
        return self._of(key).missing(history) != []

    def give_up(self, key: str, history: Sequence[TradeData]) -> None:
        """What lies before this history cannot be had: counted, and the rest is told."""
        listing = self._listings.by_key.get(key)
        name = key if listing is None else listing.symbol
        log.warning("trades.lost venue=%s symbol=%s count=unknown", self._listings.venue, name)
        self._listings.count("trade:lost")
        trail = self._of(key)
        self._tell(trail, trail.take(history))

    def forget(self, key: str) -> None:
        """Nobody listens any more."""
        self._trails.pop(key, None)

    def newest(self, key: str) -> list[TradeData] | None:
        """What is known of an instrument, from old to new; None before its first message."""
        trail = self._trails.get(key)
        return None if trail is None else sorted(trail.newest, key=_place)

    def _of(self, key: str) -> Trail:
        trail = self._trails.get(key)
        if trail is None:
            trail = self._trails[key] = Trail(self._clock.now() - _EARLIER)
        return trail

    def _tell(self, trail: Trail, trades: Sequence[TradeData]) -> None:
        if not trades or trail.last is None:
            return
        symbol = trail.last.symbol
        self._hub.of(symbol).quote.last = trail.last.price
        self._hub.tell_trades(symbol, trades)


def _place(trade: TradeData) -> tuple[datetime, int, str]:
    """Where a trade stands among others."""
    text = trade.trade_id
    return (trade.at, int(text) if text.isdigit() else 0, text)
