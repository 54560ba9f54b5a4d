"""Bybit's sockets: public ones by category, and a private one after `auth`.

Every topic of a book counts its messages by itself (`u`), so that one which never arrives leaves a
hole. Executions and orders are told by two topics.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from core.adapters.exchanges.models import (
    BalanceData,
    FillData,
    OrderData,
    PositionData,
    TickerData,
    TradeData,
    UserData,
)
from core.testing.venues.bybit.keys import KeyRing, Refused
from core.testing.venues.bybit.orders import Orders
from core.testing.venues.bybit.rest import Rest
from core.testing.venues.bybit.words import (
    INTERVALS,
    category_of,
    execution_row,
    key_of,
    kline_event,
    levels,
    position_row,
    trade_event,
    wallet_row,
)
from core.testing.venues.faults import Kind
from core.testing.venues.server import LoopbackVenue, decoded
from core.testing.venues.socket import Socket
from core.testing.venues.tape import BookChange

_DEPTHS: Final = (1, 50, 200, 1000)
_PRIVATE: Final = frozenset({"order", "execution", "position", "wallet"})
_CONNECTION: Final = "cfcb4ocsvfriu23r3er0-1b"


class Streams:
    """What sockets of one venue are sent.

    Args:
        venue: Whose.
        rest: Rows that both speak of.
        orders: Rows of orders.
        keys: Whose signatures open private sockets.
    """

    def __init__(self, venue: LoopbackVenue, rest: Rest, orders: Orders, keys: KeyRing) -> None:
        self._venue = venue
        self._floor = venue.floor
        self._rest = rest
        self._orders = orders
        self._keys = keys
        self._names = {
            f"{category_of(each)}:{key_of(each)}": symbol
            for symbol, each in self._floor.instruments.items()
        }
        self._numbers: Counter[str] = Counter()
        """Topic with category -> messages of its book so far."""

    # -- what clients say ---------------------------------------------------------------------

    def heard(self, socket: Socket, text: str) -> None:
        """A ping, an `auth`, or a list of topics."""
        asked = decoded(text)
        operation = asked.get("op") if isinstance(asked, dict) else None
        if operation == "ping":
            self._pong(socket, asked)
        elif operation == "auth":
            self._let_in(socket, asked)
        elif operation in {"subscribe", "unsubscribe"}:
            self._subscribe(socket, asked, is_on=operation == "subscribe")
        else:
            self._reply(socket, asked, operation or "", "error:unknown op", is_success=False)

    def _pong(self, socket: Socket, asked: dict[str, Any]) -> None:
        if socket.path.endswith("/private"):
            answer = {"op": "pong", "args": [str(self._venue.now_ms())], "conn_id": _CONNECTION}
            socket.reply(answer | {"req_id": asked.get("req_id", "")})
        else:
            self._reply(socket, asked, "ping", "pong", is_success=True)

    def _let_in(self, socket: Socket, asked: dict[str, Any]) -> None:
        try:
            self._keys.check_socket(asked.get("args") or [], self._venue.now_ms())
        except Refused as no:
            self._reply(socket, asked, "auth", str(no), is_success=False)
            return
        socket.user = "loopback"
        self._reply(socket, asked, "auth", "", is_success=True)

    def _subscribe(self, socket: Socket, asked: dict[str, Any], *, is_on: bool) -> None:
        operation = str(asked["op"])
        topics = [str(each) for each in asked.get("args") or []]
        for topic in topics:
            if not self._is_carried(socket, topic):
                text = f"error:handler not found,topic:{topic}"
                self._reply(socket, asked, operation, text, is_success=False)
                return
        if any(topic in _PRIVATE for topic in topics) and not socket.user:
            self._reply(socket, asked, operation, "Request not authorized", is_success=False)
            return
        self._reply(socket, asked, operation, "", is_success=True)
        for topic in topics:
            if not is_on:
                socket.topics.pop(topic, None)
                continue
            socket.topics[topic] = {}
            self._begin(socket, topic)

    def _is_carried(self, socket: Socket, topic: str) -> bool:
        if socket.path.endswith("/private"):
            return topic in _PRIVATE
        kind, _, rest = topic.partition(".")
        key = rest.rpartition(".")[2]
        is_kind = kind in {"orderbook", "publicTrade", "tickers", "kline"}
        return is_kind and f"{_category(socket)}:{key}" in self._names

    @staticmethod
    def _reply(
        socket: Socket, asked: dict[str, Any] | None, operation: str, text: str, *, is_success: bool
    ) -> None:
        req_id = asked.get("req_id", "") if isinstance(asked, dict) else ""
        socket.reply(
            {
                "success": is_success,
                "ret_msg": text,
                "conn_id": _CONNECTION,
                "req_id": req_id,
                "op": operation,
            }
        )

    def _begin(self, socket: Socket, topic: str) -> None:
        """What a subscription is told first: the state of now."""
        symbol = self._names.get(f"{_category(socket)}:{topic.rpartition('.')[2]}")
        book = None if symbol is None else self._venue.tapes[symbol].snapshot()
        if symbol is None or book is None:
            return
        if topic.startswith("orderbook."):
            depth = int(topic.split(".")[1])
            rows = levels(book.bids[:depth]), levels(book.asks[:depth])
            number = self._numbers[f"{_category(socket)}:{topic}"] + _FIRST
            self._push_book(socket, topic, rows, number, book.sequence or 0, "snapshot")
        elif topic.startswith("tickers."):
            self._push(socket, topic, self._rest.ticker_row(symbol), Kind.TICKER)

    # -- prices -------------------------------------------------------------------------------

    def book_changed(self, change: BookChange) -> None:
        """`orderbook` in its depths: changes, and the whole of one level."""
        instrument = self._floor.instruments[change.symbol]
        category, key = category_of(instrument), key_of(instrument)
        for depth in _DEPTHS:
            topic = f"orderbook.{depth}.{key}"
            self._numbers[f"{category}:{topic}"] += 1
            number = self._numbers[f"{category}:{topic}"] + _FIRST
            kind = "snapshot" if depth == 1 else "delta"
            rows = levels(change.bids), levels(change.asks)
            if depth == 1:
                rows = levels(change.book.bids[:1]), levels(change.book.asks[:1])
            for socket in self._listening(topic, category):
                self._push_book(socket, topic, rows, number, change.last, kind)

    def _push_book(
        self,
        socket: Socket,
        topic: str,
        rows: tuple[list[list[str]], list[list[str]]],
        number: int,
        sequence: int,
        kind: str,
    ) -> None:
        now_ms = self._venue.now_ms()
        data = {"s": topic.rpartition(".")[2], "b": rows[0], "a": rows[1]}
        message = {
            "topic": topic,
            "type": kind,
            "ts": now_ms,
            "data": data | {"u": number, "seq": sequence},
            "cts": now_ms,
        }
        socket.push(message, Kind.QUOTE if ".1." in topic else Kind.BOOK)

    def traded(self, trade: TradeData) -> None:
        """`publicTrade` and `kline`."""
        instrument = self._floor.instruments[trade.symbol]
        category, key = category_of(instrument), key_of(instrument)
        rows = [trade_event(trade, instrument, self._venue.tapes[trade.symbol].last)]
        for socket in self._listening(f"publicTrade.{key}", category):
            self._push(socket, f"publicTrade.{key}", rows, Kind.TRADE)
        for interval, length_s in INTERVALS.items():
            topic = f"kline.{interval}.{key}"
            for socket in self._listening(topic, category):
                candle = self._floor.candles(trade.symbol, length_s, interval)[-1]
                event = kline_event(candle, interval, self._venue.now_ms())
                self._push(socket, topic, [event], Kind.CANDLE)

    def priced(self, ticker: TickerData) -> None:
        """`tickers`: changes of a perpetual (here all fields), the whole of spot."""
        instrument = self._floor.instruments[ticker.symbol]
        category, topic = category_of(instrument), f"tickers.{key_of(instrument)}"
        for socket in self._listening(topic, category):
            kind = "snapshot" if instrument.is_spot else "delta"
            row = self._rest.ticker_row(ticker.symbol)
            self._push(socket, topic, row, Kind.TICKER, kind=kind)

    def _listening(self, topic: str, category: str) -> list[Socket]:
        return [each for each in self._venue.listening(topic) if _category(each) == category]

    def _push(
        self, socket: Socket, topic: str, data: object, about: Kind, *, kind: str = "snapshot"
    ) -> None:
        now_ms = self._venue.now_ms()
        message = {"topic": topic, "type": kind, "ts": now_ms, "data": data, "cs": now_ms}
        socket.push(message, about)

    # -- the account --------------------------------------------------------------------------

    def told(self, data: UserData) -> None:
        """`execution`, `order`, `position` and `wallet`."""
        if isinstance(data, FillData):
            instrument = self._floor.instruments[data.symbol]
            row = execution_row(data, instrument) | {"category": category_of(instrument)}
            if not instrument.is_spot:
                del row["feeCurrency"]
            self._tell("execution", row, Kind.FILL)
        elif isinstance(data, OrderData):
            category = category_of(self._floor.instruments[data.symbol])
            self._tell("order", self._orders.row(data) | {"category": category}, Kind.ORDER)
        elif isinstance(data, PositionData):
            instrument = self._floor.instruments[data.symbol]
            leverage = self._floor.holding(data.symbol).leverage
            row = position_row(data, instrument, leverage) | {"category": "linear"}
            row["entryPrice"] = row.pop("avgPrice")
            self._tell("position", row, Kind.ACCOUNT)
        elif isinstance(data, BalanceData):
            self._tell("wallet", wallet_row([data]), Kind.ACCOUNT)

    def _tell(self, topic: str, row: dict[str, Any], kind: Kind) -> None:
        now_ms = self._venue.now_ms()
        for socket in self._venue.listening(topic):
            message = {"id": f"loopback_{now_ms}", "topic": topic, "creationTime": now_ms}
            socket.push(message | {"data": [row]}, kind)


_FIRST: Final = 18_521_000
"""Numbers of books begin above it; 1 would mean that the service was restarted."""


def _category(socket: Socket) -> str:
    return socket.path.rpartition("/")[2]
