"""OKX's sockets: what each path carries, logins, subscriptions and pushes.

`public` carries prices, `business` candles and every single trade, `private` the account after a
login. Keeping alive is text: `ping` is answered with `pong`.
"""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import Any, Final

from core.adapters.exchanges.models import (
    BalanceData,
    FillData,
    OrderBookData,
    OrderData,
    OrderSide,
    PositionData,
    TickerData,
    TradeData,
    UserData,
)
from core.testing.venues.faults import Kind
from core.testing.venues.okx.keys import KeyRing, Refused
from core.testing.venues.okx.orders import Orders
from core.testing.venues.okx.rest import Rest
from core.testing.venues.okx.words import (
    BARS,
    account_row,
    candle_row,
    filled_row,
    funding_row,
    key_of,
    kind_of,
    levels,
    mark_row,
    ms,
    position_row,
    trade_row,
)
from core.testing.venues.server import LoopbackVenue, decoded
from core.testing.venues.socket import Socket
from core.testing.venues.tape import BookChange

_PUBLIC: Final = frozenset(
    {"books", "books5", "bbo-tbt", "tickers", "trades", "mark-price", "funding-rate"}
)
_PRIVATE: Final = frozenset({"orders", "positions", "account"})
_DEPTH5: Final = 5


class Streams:
    """What sockets of one venue are sent.

    Args:
        venue: Whose.
        rest: Rows that both speak of.
        orders: Names of symbols, rows of orders.
        keys: Whose signatures open private sockets.
    """

    def __init__(self, venue: LoopbackVenue, rest: Rest, orders: Orders, keys: KeyRing) -> None:
        self._venue = venue
        self._floor = venue.floor
        self._rest = rest
        self._orders = orders
        self._keys = keys
        self._names = {symbol: key_of(each) for symbol, each in self._floor.instruments.items()}
        self._fills: list[FillData] = []
        """Executions whose order's new state has not been told yet."""

    # -- what clients say ---------------------------------------------------------------------

    def heard(self, socket: Socket, text: str) -> None:
        """A ping, a login, or a list of subscriptions."""
        if text == "ping":
            socket.reply("pong")
            return
        asked = decoded(text)
        operation = asked.get("op") if isinstance(asked, dict) else None
        args = asked.get("args") if isinstance(asked, dict) else None
        if not isinstance(args, list):
            self._refuse(socket, 60012, f"Illegal request: {text[:200]}")
        elif operation == "login":
            self._login(socket, args)
        elif operation in {"subscribe", "unsubscribe"}:
            for arg in args:
                self._subscribe(socket, arg, is_on=operation == "subscribe")
        else:
            self._refuse(socket, 60012, f"Illegal request: {text[:200]}")

    def _login(self, socket: Socket, args: list[Any]) -> None:
        try:
            self._keys.check_login(args[0], self._venue.now_ms())
        except Refused as no:
            self._refuse(socket, no.code, str(no))
            return
        socket.user = "loopback"
        socket.reply({"event": "login", "code": "0", "msg": "", "connId": "a4d3ae55"})

    def _subscribe(self, socket: Socket, arg: dict[str, Any], *, is_on: bool) -> None:
        channel = str(arg.get("channel"))
        if not self._is_carried(socket.path, channel):
            words = ",".join(f"{name}:{value}" for name, value in arg.items())
            self._refuse(socket, 60018, f"Wrong URL or {words} doesn't exist.")
            return
        if channel in _PRIVATE and not socket.user:
            self._refuse(socket, 60011, "Please log in")
            return
        key = str(arg.get("instId") or "")
        if channel not in _PRIVATE and key not in self._names.values():
            self._refuse(
                socket, 60018, f"Wrong URL or channel:{channel},instId:{key} doesn't exist."
            )
            return
        topic = channel if channel in _PRIVATE else f"{channel}:{key}"
        event = "subscribe" if is_on else "unsubscribe"
        if not is_on:
            socket.topics.pop(topic, None)
        socket.reply({"event": event, "arg": arg, "connId": "a4d3ae55"})
        if is_on:
            socket.topics[topic] = dict(arg)
            self._begin(socket, channel, key)

    @staticmethod
    def _is_carried(path: str, channel: str) -> bool:
        if path.endswith("/business"):
            return channel.startswith("candle") or channel == "trades-all"
        return channel in (_PRIVATE if path.endswith("/private") else _PUBLIC)

    def _refuse(self, socket: Socket, code: int, text: str) -> None:
        socket.reply({"event": "error", "code": str(code), "msg": text, "connId": "a4d3ae55"})

    def _begin(self, socket: Socket, channel: str, key: str) -> None:
        """What a subscription is told first: the state of now."""
        symbol = next((name for name, known in self._names.items() if known == key), None)
        if symbol is None:
            return
        push = partial(self._push, socket, f"{channel}:{key}")
        book = self._venue.tapes[symbol].snapshot()
        if channel == "books" and book is not None:
            push([self._whole(book)], Kind.BOOK, action="snapshot")
        elif channel in {"bbo-tbt", "books5"} and book is not None:
            push([self._top(book, channel)], Kind.QUOTE)
        elif channel == "tickers" and book is not None:
            push([self._rest.ticker_row(symbol)], Kind.TICKER)
        elif channel == "mark-price" and book is not None:
            push([mark_row(self._floor.ticker(symbol), self._floor.instruments[symbol])], Kind.MARK)
        elif channel == "funding-rate":
            row = funding_row(self._floor.funding(symbol), self._floor.instruments[symbol])
            push([row], Kind.FUNDING)

    # -- prices -------------------------------------------------------------------------------

    def book_changed(self, change: BookChange) -> None:
        """`books` as a change, `books5` and `bbo-tbt` as they stand."""
        key = self._names[change.symbol]
        instrument = self._floor.instruments[change.symbol]
        update = {
            "asks": levels(change.asks, instrument),
            "bids": levels(change.bids, instrument),
            "ts": ms(change.at),
            "checksum": 0,
            "prevSeqId": change.previous,
            "seqId": change.last,
        }
        self._publish(f"books:{key}", [update], Kind.BOOK, action="update")
        for channel in ("bbo-tbt", "books5"):
            self._publish(f"{channel}:{key}", [self._top(change.book, channel)], Kind.QUOTE)

    def _whole(self, book: OrderBookData) -> dict[str, object]:
        instrument = self._floor.instruments[book.symbol]
        return {
            "asks": levels(book.asks, instrument),
            "bids": levels(book.bids, instrument),
            "ts": ms(book.at),
            "checksum": 0,
            "prevSeqId": -1,
            "seqId": book.sequence,
        }

    def _top(self, book: OrderBookData, channel: str) -> dict[str, object]:
        count = _DEPTH5 if channel == "books5" else 1
        instrument = self._floor.instruments[book.symbol]
        row: dict[str, object] = {
            "asks": levels(book.asks[:count], instrument),
            "bids": levels(book.bids[:count], instrument),
            "ts": ms(book.at),
            "seqId": book.sequence,
        }
        return row | {"instId": self._names[book.symbol]} if count > 1 else row

    def traded(self, trade: TradeData) -> None:
        """`trades`, `trades-all` and candles."""
        key, instrument = self._names[trade.symbol], self._floor.instruments[trade.symbol]
        row = trade_row(trade, instrument) | {"source": "0"}
        self._publish(f"trades-all:{key}", [row], Kind.TRADE)
        seq = self._venue.tapes[trade.symbol].last
        self._publish(f"trades:{key}", [row | {"count": "1", "seqId": seq}], Kind.TRADE)
        for bar, length_s in BARS.items():
            topic = f"candle{bar}:{key}"
            if self._venue.listening(topic):
                candle = self._floor.candles(trade.symbol, length_s, bar)[-1]
                self._publish(topic, [candle_row(candle, instrument)], Kind.CANDLE)

    def traded_together(self, trades: list[TradeData]) -> None:
        """One message of `trades` for several matches of one taker at one price."""
        last = trades[-1]
        key, instrument = self._names[last.symbol], self._floor.instruments[last.symbol]
        whole = sum((trade.amount for trade in trades), Decimal(0))
        one = TradeData(
            venue=last.venue,
            symbol=last.symbol,
            trade_id=last.trade_id,
            price=last.price,
            amount=whole,
            side=last.side or OrderSide.BUY,
            at=last.at,
        )
        row = trade_row(one, instrument) | {"count": str(len(trades)), "source": "0"}
        self._publish(f"trades:{key}", [row], Kind.TRADE)

    def priced(self, ticker: TickerData) -> None:
        """`tickers` and `mark-price`."""
        key = self._names[ticker.symbol]
        if self._venue.listening(f"tickers:{key}"):
            self._publish(f"tickers:{key}", [self._rest.ticker_row(ticker.symbol)], Kind.TICKER)
        instrument = self._floor.instruments[ticker.symbol]
        if ticker.mark is not None and not instrument.is_spot:
            self._publish(f"mark-price:{key}", [mark_row(ticker, instrument)], Kind.MARK)

    # -- the account --------------------------------------------------------------------------

    def told(self, data: UserData) -> None:
        """`orders` (each execution with its order), `positions` and `account`."""
        if isinstance(data, FillData):
            self._fills.append(data)
        elif isinstance(data, OrderData):
            self._tell_order(data)
        elif isinstance(data, PositionData):
            instrument = self._floor.instruments[data.symbol]
            leverage = self._floor.holding(data.symbol).leverage
            self._tell("positions", [position_row(data, instrument, leverage)], Kind.ACCOUNT)
        elif isinstance(data, BalanceData):
            self._tell("account", [account_row([data], self._venue.now_ms())], Kind.ACCOUNT)

    def _tell_order(self, order: OrderData) -> None:
        row = self._orders.row(order)
        instrument = self._floor.instruments[order.symbol]
        mine = [fill for fill in self._fills if fill.order_id == order.order_id]
        self._fills = [fill for fill in self._fills if fill.order_id != order.order_id]
        done = order.filled - sum((fill.amount for fill in mine), Decimal(0))
        for fill in mine:
            done += fill.amount
            event = filled_row(row, fill, instrument, done, order.amount)
            if fill is not mine[-1] and event["state"] == "canceled":
                event["state"] = "partially_filled"
            self._tell("orders", [event], Kind.FILL, kind_of(instrument))
        if not mine:
            self._tell("orders", [row], Kind.ORDER, kind_of(instrument))

    def _tell(self, channel: str, rows: list[Any], kind: Kind, wanted: str = "ANY") -> None:
        for socket in self._venue.listening(channel):
            asked = socket.topics[channel].get("instType", "ANY")
            if "ANY" in {asked, wanted} or asked == wanted:
                self._push(socket, channel, rows, kind)

    def _publish(self, topic: str, rows: list[Any], kind: Kind, *, action: str = "") -> None:
        for socket in self._venue.listening(topic):
            self._push(socket, topic, rows, kind, action=action)

    @staticmethod
    def _push(socket: Socket, topic: str, rows: list[Any], kind: Kind, *, action: str = "") -> None:
        message: dict[str, object] = {"arg": socket.topics[topic]}
        if action:
            message["action"] = action
        socket.push(message | {"data": rows}, kind)
