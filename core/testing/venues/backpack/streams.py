"""Backpack's socket: public streams, and private ones whose subscription is signed."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from core.adapters.exchanges.models import (
    BalanceData,
    FillData,
    OrderData,
    OrderStatus,
    PositionData,
    TickerData,
    TradeData,
    UserData,
    plain,
)
from core.testing.venues.backpack.keys import KeyRing, Refused
from core.testing.venues.backpack.rest import Rest
from core.testing.venues.backpack.words import (
    INTERVALS,
    kline_event,
    levels,
    ms,
    order_event,
    position_event,
    ticker_event,
    trade_event,
    us,
)
from core.testing.venues.faults import Kind
from core.testing.venues.server import LoopbackVenue, decoded
from core.testing.venues.socket import Socket
from core.testing.venues.tape import BookChange

_EVENTS: Final = {
    OrderStatus.OPEN: "orderAccepted",
    OrderStatus.CANCELED: "orderCancelled",
    OrderStatus.EXPIRED: "orderExpired",
}
_SPEEDS: Final = ("", "200ms.", "600ms.", "1000ms.")


class Streams:
    """What sockets of one venue are sent.

    Args:
        venue: Whose.
        rest: Names of symbols.
        keys: Whose signatures open private streams.
    """

    def __init__(self, venue: LoopbackVenue, rest: Rest, keys: KeyRing) -> None:
        self._venue = venue
        self._floor = venue.floor
        self._names = rest.keys
        self._keys = keys
        self._fills: list[FillData] = []
        """Executions whose order's new state has not been told yet."""

    def heard(self, socket: Socket, text: str) -> None:
        """`SUBSCRIBE` and `UNSUBSCRIBE`; what succeeds is not answered."""
        asked = decoded(text)
        if not isinstance(asked, dict) or asked.get("method") not in {"SUBSCRIBE", "UNSUBSCRIBE"}:
            error = {"code": 4000, "message": "Parse error"}
            socket.reply({"id": None, "error": error})
            return
        topics = [str(each) for each in asked.get("params") or []]
        if asked["method"] == "UNSUBSCRIBE":
            for topic in topics:
                socket.topics.pop(topic, None)
            return
        if any(topic.startswith("account.") for topic in topics):
            try:
                self._let_in(asked.get("signature"))
            except Refused as no:
                error = {"code": 4002, "message": str(no)}
                socket.reply({"id": asked.get("id"), "error": error})
                return
        socket.topics |= {topic: {} for topic in topics}

    def _let_in(self, signature: Any) -> None:  # noqa: ANN401 # what a client sent
        if not isinstance(signature, list) or len(signature) != 4:
            raise Refused("UNAUTHORIZED", "Missing signature")
        api_key, signed, stamp, window = (str(part) for part in signature)
        now_ms = self._venue.now_ms()
        self._keys.check("subscribe", [{}], (api_key, signed, stamp, window), now_ms)

    # -- prices -------------------------------------------------------------------------------

    def book_changed(self, change: BookChange) -> None:
        """`depth` in its speeds, and `bookTicker`."""
        key, now_us = self._names[change.symbol], self._venue.now_ms() * 1000
        event = {
            "e": "depth",
            "E": now_us,
            "T": us(change.at),
            "s": key,
            "U": change.first,
            "u": change.last,
            "b": levels(change.bids),
            "a": levels(change.asks),
        }
        for speed in _SPEEDS:
            self._publish(f"depth.{speed}{key}", event, Kind.BOOK)
        book = change.book
        if book.bids and book.asks:
            best = {
                "e": "bookTicker",
                "E": now_us,
                "T": us(change.at),
                "s": key,
                "a": plain(book.asks[0].price),
                "A": plain(book.asks[0].amount),
                "b": plain(book.bids[0].price),
                "B": plain(book.bids[0].amount),
                "u": str(change.last),
            }
            self._publish(f"bookTicker.{key}", best, Kind.QUOTE)

    def traded(self, trade: TradeData) -> None:
        """`trade` and `kline`."""
        key, now_us = self._names[trade.symbol], self._venue.now_ms() * 1000
        self._publish(f"trade.{key}", trade_event(trade, key, now_us), Kind.TRADE)
        for interval, length_s in INTERVALS.items():
            topic = f"kline.{interval}.{key}"
            if self._venue.listening(topic):
                candle = self._floor.candles(trade.symbol, length_s, interval)[-1]
                self._publish(topic, kline_event(candle, key, length_s, now_us), Kind.CANDLE)

    def priced(self, ticker: TickerData) -> None:
        """`ticker` and `markPrice`."""
        key, now_us = self._names[ticker.symbol], self._venue.now_ms() * 1000
        if self._venue.listening(f"ticker.{key}"):
            event = ticker_event(self._floor.day(ticker.symbol), key, now_us)
            self._publish(f"ticker.{key}", event, Kind.TICKER)
        if ticker.mark is None or self._floor.instruments[ticker.symbol].is_spot:
            return
        funding = self._floor.funding(ticker.symbol)
        mark = {
            "e": "markPrice",
            "E": now_us,
            "s": key,
            "p": plain(ticker.mark),
            "f": plain(funding.rate),
            "i": plain(ticker.mark),
            "n": ms(funding.next_at) * 1000,
        }
        self._publish(f"markPrice.{key}", mark, Kind.MARK)

    # -- the account --------------------------------------------------------------------------

    def told(self, data: UserData) -> None:
        """`account.orderUpdate`, `account.positionUpdate` and `account.balanceUpdate`."""
        now_us = self._venue.now_ms() * 1000
        if isinstance(data, FillData):
            self._fills.append(data)
        elif isinstance(data, OrderData):
            self._tell_order(data, now_us)
        elif isinstance(data, PositionData):
            instrument = self._floor.instruments[data.symbol]
            event = position_event(data, instrument, now_us)
            self._tell("account.positionUpdate", self._names[data.symbol], event, Kind.ACCOUNT)
        elif isinstance(data, BalanceData):
            locked = plain(max(data.total - data.free, Decimal(0)))
            row = {"available": plain(data.free), "locked": locked, "staked": "0"}
            body = {"e": "balanceUpdate", "E": now_us, "balances": {data.asset: row}}
            self._publish("account.balanceUpdate", body, Kind.ACCOUNT)

    def _tell_order(self, order: OrderData, now_us: int) -> None:
        key = self._names[order.symbol]
        mine = [fill for fill in self._fills if fill.order_id == order.order_id]
        self._fills = [fill for fill in self._fills if fill.order_id != order.order_id]
        for fill in mine:
            event = order_event(order, key, "orderFill", fill, now_us)
            self._tell("account.orderUpdate", key, event, Kind.FILL)
        if not mine:
            name = _EVENTS.get(order.status, "orderAccepted")
            event = order_event(order, key, name, None, now_us)
            self._tell("account.orderUpdate", key, event, Kind.ORDER)

    def _tell(self, stream: str, key: str, event: object, kind: Kind) -> None:
        for topic in (stream, f"{stream}.{key}"):
            self._publish(topic, event, kind)

    def _publish(self, topic: str, event: object, kind: Kind) -> None:
        for socket in self._venue.listening(topic):
            socket.push({"stream": topic, "data": event}, kind)
