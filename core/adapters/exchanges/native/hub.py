"""Who listens to what at a venue, and what is told them.

Prices of one symbol come in parts (best bid and ask, mark, last trade) over several topics; the hub
keeps the newest of each and tells the whole, once for all messages of one read: latest wins. Trades
and private messages are never left out and keep their order.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from core.adapters.exchanges.connection.dedup import Seen, fill_key
from core.adapters.exchanges.listeners import Listeners
from core.adapters.exchanges.models import (
    FillData,
    OrderBookData,
    OrderSide,
    TickerData,
    TradeData,
    UserData,
)
from core.adapters.exchanges.native.molds import TickerMold, TradeMold


@dataclass(slots=True)
class Quote:
    """The newest parts of a symbol's prices."""

    bid: Decimal | None = None
    bid_amount: Decimal | None = None
    ask: Decimal | None = None
    ask_amount: Decimal | None = None
    last: Decimal | None = None
    mark: Decimal | None = None
    index: Decimal | None = None
    at: datetime | None = None
    """Of the newest part."""
    is_doubted: bool = False
    """Bid and ask crossed; the next sane pair is waited for (reliability D5)."""


@dataclass(slots=True)
class Room:
    """The listeners of one symbol."""

    symbol: str
    tickers: Listeners[TickerData] = field(default_factory=Listeners)
    books: Listeners[OrderBookData] = field(default_factory=Listeners)
    trades: Listeners[TradeData] = field(default_factory=Listeners)
    quote: Quote = field(default_factory=Quote)

    def clear(self) -> None:
        """Ends all subscriptions."""
        self.tickers.clear()
        self.books.clear()
        self.trades.clear()


class Hub:
    """The listeners of a venue.

    Args:
        venue: Its name, in what is told.
    """

    def __init__(self, venue: str) -> None:
        self.venue = venue
        self.rooms: dict[str, Room] = {}
        """Symbol -> its listeners."""
        self.user: Listeners[UserData] = Listeners()
        self.newest_fill_at: datetime | None = None
        """Where catching up begins after a reconnection."""
        self._seen = Seen()

    def of(self, symbol: str) -> Room:
        """The listeners of a symbol."""
        room = self.rooms.get(symbol)
        if room is None:
            room = self.rooms[symbol] = Room(symbol)
        return room

    def take_part(self, symbol: str, part: TickerData) -> None:
        """Some prices of a symbol, with the rest unknown: what they say replaces what was known."""
        quote = self.of(symbol).quote
        for name in ("last", "mark", "index"):
            value = getattr(part, name)
            if value is not None:
                setattr(quote, name, value)
        if part.bid is not None or part.ask is not None:
            self.set_best(quote, part.bid, part.bid_amount, part.ask, part.ask_amount)
        if quote.at is None or part.at > quote.at:
            quote.at = part.at

    @staticmethod
    def set_best(
        quote: Quote,
        bid: Decimal | None,
        bid_amount: Decimal | None,
        ask: Decimal | None,
        ask_amount: Decimal | None,
    ) -> None:
        """A new best bid and ask; a side that is None is empty."""
        quote.bid, quote.bid_amount, quote.ask, quote.ask_amount = bid, bid_amount, ask, ask_amount

    def tell_quote(self, symbol: str, received_at: datetime) -> None:
        """Tells the whole of a symbol's prices."""
        room = self.rooms.get(symbol)
        if room is None or not room.tickers:
            return
        quote, at = room.quote, room.quote.at
        if at is None:
            return
        made = TickerMold()
        made.venue = self.venue
        made.symbol = symbol
        made.bid = quote.bid
        made.bid_amount = quote.bid_amount
        made.ask = quote.ask
        made.ask_amount = quote.ask_amount
        made.last = quote.last
        made.mark = quote.mark
        made.index = quote.index
        made.open_24h = made.high_24h = made.low_24h = made.volume_24h = None
        made.at = at
        made.received_at = received_at
        made.__class__ = TickerData
        room.tickers.tell(made)

    def tell_trades(self, symbol: str, trades: Iterable[TradeData]) -> None:
        """Public trades in order."""
        room = self.rooms.get(symbol)
        if room is not None:
            room.trades.tell_all(trades)

    def tell_user(self, data: UserData) -> None:
        """A private message; an execution that was told before is left out."""
        if isinstance(data, FillData) and self.user:
            if not self._seen.add(fill_key(data)):
                return
            if self.newest_fill_at is None or data.at > self.newest_fill_at:
                self.newest_fill_at = data.at
        self.user.tell(data)

    def forget_prices(self) -> None:
        """Nothing that was known may be believed: the connection is gone."""
        for room in self.rooms.values():
            room.quote = Quote()

    def clear(self, symbol: str | None = None) -> None:
        """Ends the subscriptions of a symbol, or all, private ones included."""
        for name, room in self.rooms.items():
            if symbol in {None, name}:
                room.clear()
        if symbol is None:
            self.user.clear()


def checked_trade(
    venue: str,
    symbol: str,
    trade_id: str,
    price: Decimal,
    amount: Decimal,
    side: OrderSide,
    at: datetime,
    received_at: datetime,
) -> TradeData:
    """A trade whose numbers and times were checked: trades come by the hundred thousand."""
    made = TradeMold()
    made.venue = venue
    made.symbol = symbol
    made.trade_id = trade_id
    made.price = price
    made.amount = amount
    made.side = side
    made.at = at
    made.received_at = received_at
    made.__class__ = TradeData
    trade: TradeData = made
    return trade
