"""Binance spot's market streams, and the account's news on its WebSocket API."""

from __future__ import annotations

from core.adapters.exchanges.models import (
    BalanceData,
    FillData,
    OrderData,
    OrderStatus,
    TickerData,
    TradeData,
    UserData,
    plain,
)
from core.testing.venues.binance.streams import Streams
from core.testing.venues.binance.words import agg_trade_row, levels
from core.testing.venues.binance_spot.words import position_event, report
from core.testing.venues.faults import Kind
from core.testing.venues.tape import BookChange

ACCOUNT = "account news"
"""Topic of a socket that subscribed to the account's news; its `id` is the subscription's."""
_ENDED = {OrderStatus.CANCELED: "CANCELED", OrderStatus.EXPIRED: "EXPIRED"}


class SpotStreams(Streams):
    """What sockets of one venue are sent."""

    # -- market streams -----------------------------------------------------------------------

    def book_changed(self, change: BookChange) -> None:
        """`depth`, and `bookTicker`, which has neither a kind nor a time."""
        key = self._keys[change.symbol]
        event: dict[str, object] = {
            "e": "depthUpdate",
            "E": self._venue.now_ms(),
            "s": key,
            "U": change.first,
            "u": change.last,
            "b": levels(change.bids),
            "a": levels(change.asks),
        }
        for what, _, speed in self._wanted(key):
            if what == "depth":
                self._publish(key, what, speed, event, Kind.BOOK)
        bids, asks = change.book.bids, change.book.asks
        if bids and asks:
            best = {
                "u": change.last,
                "s": key,
                "b": plain(bids[0].price),
                "B": plain(bids[0].amount),
                "a": plain(asks[0].price),
                "A": plain(asks[0].amount),
            }
            self._publish(key, "bookTicker", "", best, Kind.QUOTE)

    def traded(self, trade: TradeData) -> None:
        """`aggTrade`."""
        key, now_ms = self._keys[trade.symbol], self._venue.now_ms()
        row = agg_trade_row(self._numbers.of(trade))
        event = {"e": "aggTrade", "E": now_ms, "s": key, **row, "M": True}
        self._publish(key, "aggTrade", "", event, Kind.TRADE)

    def priced(self, ticker: TickerData) -> None:
        """Spot has no marks."""

    # -- the account's news -------------------------------------------------------------------

    def told(self, data: UserData) -> None:
        """Orders with their executions, then balances."""
        if isinstance(data, FillData):
            self._fills.append(data)
        elif isinstance(data, OrderData):
            self._report(data)
        elif isinstance(data, BalanceData):
            self._say(position_event([data], self._venue.now_ms()), Kind.ACCOUNT)

    def _report(self, order: OrderData) -> None:
        key, now_ms = self._keys[order.symbol], self._venue.now_ms()
        mine = [fill for fill in self._fills if fill.order_id == order.order_id]
        self._fills = [fill for fill in self._fills if fill.order_id != order.order_id]
        for fill in mine:
            self._say(report(order, key, "TRADE", fill, now_ms), Kind.FILL)
        if not mine:
            execution = _ENDED.get(order.status, "NEW")
            self._say(report(order, key, execution, None, now_ms), Kind.ORDER)

    def _say(self, event: object, kind: Kind) -> None:
        for socket in self._venue.listening(ACCOUNT):
            number = socket.topics[ACCOUNT]["id"]
            socket.push({"subscriptionId": number, "event": event}, kind)
