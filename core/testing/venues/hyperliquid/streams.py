"""`/ws`: subscriptions, what they are sent, and requests on the socket."""

from __future__ import annotations

from typing import Any, Final

from core.adapters.exchanges.models import (
    FillData,
    FundingPaymentData,
    OrderData,
    TickerData,
    TradeData,
    UserData,
)
from core.testing.venues.faults import Kind
from core.testing.venues.floor import number_of
from core.testing.venues.hyperliquid.assets import Assets
from core.testing.venues.hyperliquid.info import Info
from core.testing.venues.hyperliquid.words import (
    INTERVALS,
    TRADE_IDS,
    best,
    book,
    candle_row,
    funding_delta,
    ms,
    order_row,
    status,
    trade_row,
)
from core.testing.venues.server import LoopbackVenue
from core.testing.venues.socket import ENCODER, Socket
from core.testing.venues.tape import BookChange

_OF_COIN: Final = frozenset({"l2Book", "bbo", "trades", "candle", "activeAssetCtx"})
_OF_USER: Final = frozenset({"userFills", "orderUpdates", "userFundings", "userEvents"})


class Streams:
    """What sockets of one venue are sent.

    Args:
        venue: Whose.
        assets: Names.
        info: Words of accounts and prices.
    """

    def __init__(self, venue: LoopbackVenue, assets: Assets, info: Info) -> None:
        self._venue = venue
        self._floor = venue.floor
        self._assets = assets
        self._info = info

    # -- subscriptions ------------------------------------------------------------------------

    def heard(self, socket: Socket, asked: dict[str, Any]) -> None:
        """`subscribe`, `unsubscribe` and `ping`."""
        method = asked.get("method")
        if method == "ping":
            socket.reply({"channel": "pong"})
            return
        wanted = asked.get("subscription")
        topic = self._topic(wanted) if isinstance(wanted, dict) else None
        if topic is None or not isinstance(wanted, dict):
            socket.reply({"channel": "error", "data": f"Invalid subscription {_json(wanted)}"})
        elif method == "subscribe":
            self._subscribe(socket, topic, wanted)
        elif method == "unsubscribe":
            if socket.topics.pop(topic, None) is None:
                text = f"Already unsubscribed: {_json(wanted)}"
                socket.reply({"channel": "error", "data": text})
            else:
                self._confirm(socket, "unsubscribe", wanted)

    def _topic(self, wanted: dict[str, Any]) -> str | None:
        kind, coin, user = wanted.get("type"), wanted.get("coin"), wanted.get("user")
        if kind == "candle" and wanted.get("interval") not in INTERVALS:
            return None
        if kind in _OF_COIN and coin in self._assets.by_coin:
            return f"{kind}:{coin}" + (f":{wanted['interval']}" if kind == "candle" else "")
        if kind in _OF_USER and isinstance(user, str):
            return f"{kind}:{user.lower()}"
        return "allMids" if kind == "allMids" else None

    def _subscribe(self, socket: Socket, topic: str, wanted: dict[str, Any]) -> None:
        if topic in socket.topics:
            socket.reply({"channel": "error", "data": f"Already subscribed: {wanted}"})
            return
        socket.topics[topic] = wanted
        self._confirm(socket, "subscribe", wanted)
        self._greet(socket, wanted)

    def _confirm(self, socket: Socket, method: str, wanted: dict[str, Any]) -> None:
        body = {"method": method, "subscription": wanted}
        socket.reply({"channel": "subscriptionResponse", "data": body})

    def _greet(self, socket: Socket, wanted: dict[str, Any]) -> None:
        """What is there already."""
        kind = wanted["type"]
        if kind in {"l2Book", "bbo", "activeAssetCtx"}:
            asset = self._assets.by_coin[wanted["coin"]]
            data = self._venue.tapes[asset.instrument.symbol].snapshot()
            if data is None:
                return
            if kind == "activeAssetCtx":
                self._push(socket, *self._context(asset.instrument.symbol), Kind.MARK)
            elif kind == "bbo":
                self._push(socket, kind, best(data, asset), Kind.QUOTE)
            else:
                self._push(socket, kind, book(data, asset), Kind.BOOK)
        elif kind == "userFills":
            is_ours = self._info.is_ours(wanted["user"])
            rows = self._info.fills(lambda _at_ns: False)[::-1] if is_ours else []
            body = {"isSnapshot": True, "user": wanted["user"], "fills": rows[:2000]}
            self._push(socket, kind, body, Kind.FILL)
        elif kind == "userFundings":
            body = {"isSnapshot": True, "user": wanted["user"], "fundings": []}
            self._push(socket, kind, body, Kind.FUNDING)
        elif kind == "allMids":
            self._push(socket, kind, {"mids": self._info.mids()}, Kind.TICKER)

    # -- prices -------------------------------------------------------------------------------

    def book_changed(self, change: BookChange) -> None:
        """`l2Book` and `bbo`."""
        asset = self._assets.by_symbol[change.symbol]
        self._publish("l2Book", asset.coin, book(change.book, asset), Kind.BOOK)
        self._publish("bbo", asset.coin, best(change.book, asset), Kind.QUOTE)

    def traded(self, trade: TradeData) -> None:
        """`trades` and `candle`."""
        asset = self._assets.by_symbol[trade.symbol]
        self._publish("trades", asset.coin, [trade_row(trade, asset)], Kind.TRADE)
        for interval, length_s in INTERVALS.items():
            topic = f"candle:{asset.coin}:{interval}"
            sockets = self._venue.listening(topic)
            if sockets:
                candle = self._floor.candles(trade.symbol, length_s, interval)[-1]
                for socket in sockets:
                    self._push(socket, "candle", candle_row(candle, asset), Kind.CANDLE)

    def priced(self, ticker: TickerData) -> None:
        """`activeAssetCtx` and `allMids`."""
        asset = self._assets.by_symbol[ticker.symbol]
        sockets = self._venue.listening(f"activeAssetCtx:{asset.coin}")
        if sockets:
            channel, body = self._context(ticker.symbol)
            for socket in sockets:
                self._push(socket, channel, body, Kind.MARK)
        for socket in self._venue.listening("allMids"):
            self._push(socket, "allMids", {"mids": self._info.mids()}, Kind.TICKER)

    def _context(self, symbol: str) -> tuple[str, dict[str, object]]:
        asset = self._assets.by_symbol[symbol]
        channel = "activeSpotAssetCtx" if asset.instrument.is_spot else "activeAssetCtx"
        return channel, {"coin": asset.coin, "ctx": self._info.context(asset)}

    # -- the account --------------------------------------------------------------------------

    def told(self, data: UserData) -> None:
        """`orderUpdates`, `userFills`, `userEvents` and `userFundings`."""
        if isinstance(data, OrderData):
            row = {
                "order": order_row(data, self._assets.by_symbol[data.symbol]),
                "status": status(data),
                "statusTimestamp": ms(data.updated_at),
            }
            self._tell("orderUpdates", lambda _user: [row], Kind.ORDER)
        elif isinstance(data, FillData):
            row = self._fill_row(data)
            self._tell("userFills", lambda user: {"user": user, "fills": [row]}, Kind.FILL)
            self._tell("userEvents", lambda _user: {"fills": [row]}, Kind.FILL, channel="user")
        elif isinstance(data, FundingPaymentData):
            asset = self._assets.by_symbol[data.symbol]
            paid = {"time": ms(data.at), **funding_delta(data, asset)}
            self._tell(
                "userFundings", lambda user: {"user": user, "fundings": [paid]}, Kind.FUNDING
            )

    def _fill_row(self, fill: FillData) -> dict[str, object]:
        wanted = TRADE_IDS + number_of(fill.trade_id)
        rows = self._info.fills(lambda _at_ns: False)
        return next(row for row in reversed(rows) if row["tid"] == wanted)

    def _tell(self, kind: str, body: Any, about: Kind, channel: str = "") -> None:  # noqa: ANN401 # a function of the user
        for socket in tuple(self._venue.sockets):
            for topic, wanted in tuple(socket.topics.items()):
                user = str(wanted.get("user", ""))
                if topic.startswith(f"{kind}:") and self._info.is_ours(user):
                    self._push(socket, channel or kind, body(user), about)

    # -- small --------------------------------------------------------------------------------

    def _publish(self, kind: str, coin: str, body: object, about: Kind) -> None:
        for socket in self._venue.listening(f"{kind}:{coin}"):
            self._push(socket, kind, body, about)

    def _push(self, socket: Socket, channel: str, body: object, about: Kind) -> None:
        socket.push({"channel": channel, "data": body}, about)


def _json(value: object) -> str:
    return ENCODER.encode(value).decode()
