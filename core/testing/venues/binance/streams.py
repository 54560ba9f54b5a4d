"""Binance's sockets: market streams, the user stream, and the WebSocket API.

A market stream is named `<symbol>@<what>`. Combined streams (`/stream`) wrap what raw ones (`/ws`)
send in `{"stream", "data"}`; both may be in the `public`, `market` or `private` part of the path.
The user stream belongs to the listen key in the path or in the query.
"""

from __future__ import annotations

from functools import partial
from typing import Final

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
from core.testing.venues.binance.listen_keys import ListenKeys
from core.testing.venues.binance.numbering import TradeNumbers
from core.testing.venues.binance.orders import Orders
from core.testing.venues.binance.words import (
    INTERVALS,
    agg_trade_row,
    kline_event,
    levels,
    mini_ticker_event,
    ms,
    order_event,
    position_event,
    ticker_event,
)
from core.testing.venues.faults import Kind
from core.testing.venues.server import LoopbackVenue, decoded
from core.testing.venues.socket import Socket
from core.testing.venues.tape import BookChange

_ENDED: Final = {
    OrderStatus.CANCELED: "CANCELED",
    OrderStatus.EXPIRED: "EXPIRED",
}
_PARTIAL: Final = {"depth5": 5, "depth10": 10, "depth20": 20}


class Streams:
    """What sockets of one venue are sent.

    Args:
        venue: Whose.
        orders: Names of symbols.
        listen_keys: Good tokens.
        numbers: Ids of trades.
    """

    def __init__(
        self,
        venue: LoopbackVenue,
        orders: Orders,
        listen_keys: ListenKeys,
        numbers: TradeNumbers,
    ) -> None:
        self._venue = venue
        self._floor = venue.floor
        self._keys = orders.keys
        self._listen_keys = listen_keys
        self._numbers = numbers
        self._fills: list[FillData] = []
        """Executions whose order's new state has not been told yet."""
        self._positions: list[PositionData] = []
        """Positions that go out with the balance that the same execution moved."""

    # -- connections --------------------------------------------------------------------------

    def opened(self, socket: Socket) -> None:
        """Takes subscriptions and listen keys from the URL."""
        names = socket.query.get("streams", "").split("/")
        head, _, tail = socket.path.rpartition("/")
        if head.endswith(("/ws", "/stream")) and tail:
            names.append(tail)
        names.append(socket.query.get("listenKey", ""))
        self._listen(socket, [name for name in names if name])

    def heard(self, socket: Socket, text: str) -> None:
        """`SUBSCRIBE`, `UNSUBSCRIBE` and `LIST_SUBSCRIPTIONS`."""
        asked = decoded(text)
        if not isinstance(asked, dict):
            error = {"code": 2, "msg": "Invalid JSON: expected value at line 1 column 1"}
            socket.reply({"error": error, "id": None})
            return
        method, number = asked.get("method"), asked.get("id")
        names = [str(name) for name in asked.get("params") or []]
        if method == "SUBSCRIBE":
            socket.reply({"result": None, "id": number})
            self._listen(socket, names)
        elif method == "UNSUBSCRIBE":
            for name in names:
                socket.topics.pop(name, None)
            socket.reply({"result": None, "id": number})
        elif method == "LIST_SUBSCRIPTIONS":
            socket.reply({"result": list(socket.topics), "id": number})
        else:
            error = {"code": 2, "msg": f"Invalid request: unknown variant `{method}`"}
            socket.reply({"error": error, "id": number})

    def expire(self, listen_keys: list[str]) -> None:
        """Tells the user stream that its token is over, and sends it nothing more."""
        for socket in self._venue.sockets:
            for token in listen_keys:
                if socket.topics.pop(token, None) is not None:
                    body = {"e": "listenKeyExpired", "E": self._venue.now_ms(), "listenKey": token}
                    self._reply(socket, token, body)

    def _listen(self, socket: Socket, names: list[str]) -> None:
        for name in names:
            if "@" in name or name.startswith("!") or self._listen_keys.is_good(name):
                socket.topics[name] = {}

    # -- market streams -----------------------------------------------------------------------

    def book_changed(self, change: BookChange) -> None:
        """`depth`, its partial forms, and `bookTicker`."""
        key = self._keys[change.symbol]
        event: dict[str, object] = {
            "e": "depthUpdate",
            "E": self._venue.now_ms(),
            "T": ms(change.at),
            "s": key,
            "U": change.first,
            "u": change.last,
            "pu": change.previous,
            "b": levels(change.bids),
            "a": levels(change.asks),
        }

        def partial_depth(count: int) -> dict[str, object]:
            book = change.book
            return event | {"b": levels(book.bids[:count]), "a": levels(book.asks[:count])}

        for what, _, speed in self._wanted(key):
            if what == "depth":
                self._publish(key, what, speed, event, Kind.BOOK)
            elif what in _PARTIAL:
                self._publish(key, what, speed, partial_depth(_PARTIAL[what]), Kind.BOOK)
        self._tell_best(change, key)

    def traded(self, trade: TradeData) -> None:
        """`aggTrade`, `trade` and `kline`."""
        key, now_ms = self._keys[trade.symbol], self._venue.now_ms()
        trade = self._numbers.of(trade)
        aggregate: dict[str, object] = {"e": "aggTrade", "E": now_ms, "s": key}
        self._publish(key, "aggTrade", "", aggregate | agg_trade_row(trade), Kind.TRADE)
        row = agg_trade_row(trade)
        single = {"e": "trade", "E": now_ms, "T": row["T"], "s": key, "t": row["a"], "X": "MARKET"}
        single |= {"p": row["p"], "q": row["q"], "m": row["m"]}
        self._publish(key, "trade", "", single, Kind.TRADE)
        for interval in INTERVALS:
            what = f"kline_{interval}"
            if self._is_wanted(key, what):
                candles = self._floor.candles(trade.symbol, INTERVALS[interval], interval)
                event = kline_event(candles[-1], key, interval, now_ms)
                self._publish(key, what, "", event, Kind.CANDLE)

    def priced(self, ticker: TickerData) -> None:
        """`ticker`, `miniTicker` and `markPrice`."""
        key, now_ms = self._keys[ticker.symbol], self._venue.now_ms()
        for what, words in (("miniTicker", mini_ticker_event), ("ticker", ticker_event)):
            if self._is_wanted(key, what):
                event = words(self._floor.day(ticker.symbol), key, now_ms)
                self._publish(key, what, "", event, Kind.TICKER)
        if ticker.mark is None:
            return
        funding = self._floor.funding(ticker.symbol)
        mark: dict[str, object] = {
            "e": "markPriceUpdate",
            "E": now_ms,
            "s": key,
            "p": plain(ticker.mark),
            "i": plain(ticker.mark),
            "P": plain(ticker.mark),
            "r": plain(funding.rate),
            "T": ms(funding.next_at),
        }
        for what, _, speed in self._wanted(key):
            if what == "markPrice":
                self._publish(key, what, speed, mark, Kind.MARK)

    def _tell_best(self, change: BookChange, key: str) -> None:
        book = change.book
        if not book.bids or not book.asks:
            return
        event = {
            "e": "bookTicker",
            "u": change.last,
            "s": key,
            "b": plain(book.bids[0].price),
            "B": plain(book.bids[0].amount),
            "a": plain(book.asks[0].price),
            "A": plain(book.asks[0].amount),
            "T": ms(change.at),
            "E": self._venue.now_ms(),
        }
        self._publish(key, "bookTicker", "", event, Kind.QUOTE)

    def _wanted(self, key: str) -> set[tuple[str, str, str]]:
        """(what, symbol, speed) of every stream of a symbol that somebody listens to."""
        found = set()
        for socket in self._venue.sockets:
            for topic in socket.topics:
                symbol, _, what = topic.partition("@")
                if symbol == key.lower():
                    name, _, speed = what.partition("@")
                    found.add((name, symbol, speed))
        return found

    def _is_wanted(self, key: str, what: str) -> bool:
        return bool(self._venue.listening(f"{key.lower()}@{what}"))

    def _publish(self, key: str, what: str, speed: str, event: object, kind: Kind) -> None:
        topic = f"{key.lower()}@{what}" + (f"@{speed}" if speed else "")
        for socket in self._venue.listening(topic):
            socket.push(_wrapped(socket, topic, event), kind)

    # -- the user stream ----------------------------------------------------------------------

    def told(self, data: UserData) -> None:
        """Orders with their executions, then what they did to position and balances."""
        if isinstance(data, FillData):
            self._fills.append(data)
        elif isinstance(data, OrderData):
            self._tell_order(data)
        elif isinstance(data, PositionData):
            self._positions.append(data)
        elif isinstance(data, BalanceData):
            positions, self._positions = self._positions, []
            self._tell_account([data], positions, "ORDER")
        else:
            balances = [each for each in self._floor.balances() if each.total]
            self._tell_account(balances, [], "FUNDING_FEE")

    def _tell_order(self, order: OrderData) -> None:
        event = partial(order_event, order, self._keys[order.symbol])
        mine = [fill for fill in self._fills if fill.order_id == order.order_id]
        if mine:
            self._fills = [fill for fill in self._fills if fill.order_id != order.order_id]
            for fill in mine:
                body = event("TRADE", fill, self._venue.now_ms())
                self._tell(body, Kind.FILL)
            return
        execution = _ENDED.get(order.status, "NEW")
        self._tell(event(execution, None, self._venue.now_ms()), Kind.ORDER)

    def _tell_account(
        self, balances: list[BalanceData], positions: list[PositionData], reason: str
    ) -> None:
        now_ms = self._venue.now_ms()
        rows = {
            "m": reason,
            "B": [
                {
                    "a": balance.asset,
                    "wb": plain(balance.total),
                    "cw": plain(balance.total),
                    "bc": "0",
                }
                for balance in balances
            ],
            "P": [position_event(each, self._keys[each.symbol]) for each in positions],
        }
        self._tell({"e": "ACCOUNT_UPDATE", "E": now_ms, "T": now_ms, "a": rows}, Kind.ACCOUNT)

    def _tell(self, event: object, kind: Kind) -> None:
        for socket in tuple(self._venue.sockets):
            for topic in tuple(socket.topics):
                if self._listen_keys.is_good(topic):
                    socket.push(_wrapped(socket, topic, event), kind)

    def _reply(self, socket: Socket, topic: str, body: object) -> None:
        socket.reply(_wrapped(socket, topic, body))


def _wrapped(socket: Socket, topic: str, event: object) -> object:
    is_combined = "/stream" in socket.path
    return {"stream": topic, "data": event} if is_combined else event
