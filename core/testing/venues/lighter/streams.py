"""Lighter's socket: channels with a full first message, and transactions on the socket."""

from __future__ import annotations

from typing import Any, Final

from core.adapters.exchanges.models import (
    BalanceData,
    FillData,
    OrderData,
    PositionData,
    TickerData,
    TradeData,
    UserData,
    plain,
)
from core.testing.venues.faults import Kind
from core.testing.venues.lighter.keys import KeyRing, Refused
from core.testing.venues.lighter.markets import MarketName, Markets
from core.testing.venues.lighter.rest import Rest
from core.testing.venues.lighter.words import (
    INTERVALS,
    best,
    candle_row,
    fill_row,
    levels,
    stats,
    trade_row,
    us,
)
from core.testing.venues.server import LoopbackVenue
from core.testing.venues.socket import Socket
from core.testing.venues.tape import BookChange

_SIGNED: Final = frozenset(
    {
        "account_orders",
        "account_all_orders",
        "account_all_trades",
        "account_all_positions",
        "account_all_assets",
    }
)
"""Channels that want a token."""
_OF_ACCOUNT: Final = _SIGNED | {"user_stats"}


class Streams:
    """What sockets of one venue are sent.

    Args:
        venue: Whose.
        markets: Names.
        keys: Whose tokens open private channels.
    """

    def __init__(self, venue: LoopbackVenue, markets: Markets, keys: KeyRing) -> None:
        self.rest: Rest
        self._venue = venue
        self._floor = venue.floor
        self._markets = markets
        self._keys = keys
        self._account = keys.main.account_index

    # -- subscriptions ------------------------------------------------------------------------

    def subscribe(self, socket: Socket, asked: dict[str, Any]) -> None:
        """`subscribe` and `unsubscribe`; channels are asked for with `/` and told with `:`."""
        channel = str(asked.get("channel", "")).replace("/", ":")
        if asked.get("type") == "unsubscribe":
            if socket.topics.pop(channel, None) is None:
                self._refuse(socket, 30002, f"Not Subscribed: {channel}")
            else:
                socket.reply({"type": "unsubscribed", "channel": channel})
            return
        if channel in socket.topics:
            self._refuse(socket, 30003, f"Already Subscribed: {channel}")
            return
        name, _, rest = channel.partition(":")
        try:
            if name in _SIGNED:
                token = asked.get("auth")
                self._keys.check_token(None if token is None else str(token), self._venue.now_ms())
            first = self._first(name, rest)
        except Refused as no:
            self._refuse(socket, no.code, str(no))
            return
        if first is None:
            self._refuse(socket, 30005, f"Invalid Channel: {channel}")
            return
        socket.topics[channel] = {}
        body, kind = first
        socket.push({"type": f"subscribed/{name}", "channel": channel, **body}, kind)

    def _refuse(self, socket: Socket, code: int, text: str) -> None:
        socket.reply({"error": {"code": code, "message": text}})

    def _first(self, name: str, rest: str) -> tuple[dict[str, object], Kind] | None:
        if name in _OF_ACCOUNT:
            is_ours = rest.rpartition(":")[2] == str(self._account)
            return self._of_account(name, rest) if is_ours else None
        if name in {"market_stats", "spot_market_stats"}:
            return self._stats(name, rest), Kind.MARK
        number, _, interval = rest.partition(":")
        market = self._markets.by_number.get(int(number)) if number.isdigit() else None
        return None if market is None else self._of_market(name, market, interval)

    def _of_market(
        self, name: str, market: MarketName, interval: str
    ) -> tuple[dict[str, object], Kind] | None:
        symbol = market.instrument.symbol
        if name == "order_book":
            return self._book(market), Kind.BOOK
        if name == "ticker":
            return self._best(market), Kind.QUOTE
        if name == "trade":
            rows = [trade_row(trade, market) for trade in self._floor.trades(symbol)[::-1][:50]]
            return self._trades(rows), Kind.TRADE
        if name == "candle" and interval in INTERVALS:
            candles = self._floor.candles(symbol, INTERVALS[interval], interval)[-1:]
            rows = [candle_row(candle) for candle in candles]
            return {"candles": rows, "timestamp": self._venue.now_ms()}, Kind.CANDLE
        return None

    def _of_account(self, name: str, rest: str) -> tuple[dict[str, object], Kind]:
        orders = [self.rest.row(order) for order in self._floor.open_orders()]
        if name == "account_orders":
            orders = [row for row in orders if str(row["market_index"]) == rest.partition(":")[0]]
        words: dict[str, tuple[dict[str, object], Kind]] = {
            "account_all_orders": ({"orders": _by_market(orders, "market_index")}, Kind.ORDER),
            "account_orders": (
                {"account": self._account, "orders": _by_market(orders, "market_index")},
                Kind.ORDER,
            ),
            "account_all_positions": (self._positions(), Kind.ACCOUNT),
            "account_all_assets": (self._assets(), Kind.ACCOUNT),
            "user_stats": (self._user(), Kind.ACCOUNT),
        }
        if name in words:
            return words[name]
        rows = [
            fill_row(fill, self._markets.by_symbol[fill.symbol], self._account)
            for fill in self._floor.fills()
        ]
        return {"trades": _by_market(rows, "market_id")}, Kind.FILL

    # -- prices -------------------------------------------------------------------------------

    def book_changed(self, change: BookChange) -> None:
        """`order_book`, which begins at the nonce before, and `ticker`."""
        market = self._markets.by_symbol[change.symbol]
        at_us, now_ms = us(change.at), self._venue.now_ms()
        body = {
            "last_updated_at": at_us,
            "offset": change.last,
            "timestamp": now_ms,
            "order_book": {
                "code": 0,
                "asks": levels(change.asks, market),
                "bids": levels(change.bids, market),
                "offset": change.last,
                "nonce": change.last,
                "last_updated_at": at_us,
                "begin_nonce": change.previous,
            },
        }
        self._update("order_book", str(market.number), body, Kind.BOOK)
        self._update("ticker", str(market.number), self._best(market), Kind.QUOTE)

    def traded(self, trade: TradeData) -> None:
        """`trade` and `candle`."""
        market = self._markets.by_symbol[trade.symbol]
        body = self._trades([trade_row(trade, market)])
        self._update("trade", str(market.number), body, Kind.TRADE)
        for interval, length_s in INTERVALS.items():
            rest = f"{market.number}:{interval}"
            if self._venue.listening(f"candle:{rest}"):
                candle = self._floor.candles(trade.symbol, length_s, interval)[-1]
                rows = {"candles": [candle_row(candle)], "timestamp": self._venue.now_ms()}
                self._update("candle", rest, rows, Kind.CANDLE)

    def priced(self, ticker: TickerData) -> None:
        """`market_stats` and `spot_market_stats`."""
        market = self._markets.by_symbol[ticker.symbol]
        name = "spot_market_stats" if market.instrument.is_spot else "market_stats"
        for rest in (str(market.number), "all"):
            if self._venue.listening(f"{name}:{rest}"):
                self._update(name, rest, self._stats(name, rest), Kind.MARK)

    def _book(self, market: MarketName) -> dict[str, object]:
        tape = self._venue.tapes[market.instrument.symbol]
        book = tape.snapshot()
        at_us = 0 if book is None else us(book.at)
        nonce = tape.last if book is None else book.sequence
        return {
            "last_updated_at": at_us,
            "offset": nonce,
            "timestamp": self._venue.now_ms(),
            "order_book": {
                "code": 0,
                "asks": [] if book is None else levels(book.asks, market),
                "bids": [] if book is None else levels(book.bids, market),
                "offset": nonce,
                "nonce": nonce,
                "last_updated_at": at_us,
                "begin_nonce": 0,
            },
        }

    def _best(self, market: MarketName) -> dict[str, object]:
        tape = self._venue.tapes[market.instrument.symbol]
        book = tape.snapshot()
        nothing = {"price": "", "size": ""}
        empty = {"s": market.symbol, "a": nothing, "b": nothing, "last_updated_at": 0}
        return {
            "nonce": tape.last,
            "timestamp": self._venue.now_ms(),
            "ticker": empty if book is None else best(book, market),
        }

    def _trades(self, rows: list[dict[str, object]]) -> dict[str, object]:
        nonce, now_ms = len(self._venue.calls), self._venue.now_ms()
        return {"liquidation_trades": [], "nonce": nonce, "trades": rows, "timestamp": now_ms}

    def _stats(self, name: str, rest: str) -> dict[str, object]:
        chosen = self._markets.spots if name.startswith("spot") else self._markets.perps
        rows = {
            str(each.number): self._stats_of(each)
            for each in chosen
            if rest in {"all", str(each.number)} and self._is_priced(each)
        }
        body: object = rows if rest == "all" else rows.get(rest, {})
        return {name: body, "timestamp": self._venue.now_ms()}

    def _is_priced(self, market: MarketName) -> bool:
        return self._floor.book(market.instrument.symbol) is not None

    def _stats_of(self, market: MarketName) -> dict[str, object]:
        symbol = market.instrument.symbol
        funding = None if market.instrument.is_spot else self._floor.funding(symbol)
        return stats(self._floor.ticker(symbol), self._floor.day(symbol), funding, market)

    # -- the account --------------------------------------------------------------------------

    def told(self, data: UserData) -> None:
        """`account_*` and `user_stats`."""
        if isinstance(data, OrderData):
            self.order(data)
        elif isinstance(data, FillData):
            row = fill_row(data, self._markets.by_symbol[data.symbol], self._account)
            body: dict[str, object] = {"trades": {str(row["market_id"]): [row]}}
            self._tell("account_all_trades", body, Kind.FILL)
        elif isinstance(data, PositionData):
            self._tell("account_all_positions", self._positions(), Kind.ACCOUNT)
        elif isinstance(data, BalanceData):
            self._tell("user_stats", self._user(), Kind.ACCOUNT)
            self._tell("account_all_assets", self._assets(), Kind.ACCOUNT)

    def order(self, order: OrderData) -> None:
        """An order is new or has changed, or was refused by matching."""
        row = self.rest.row(order)
        number = str(row["market_index"])
        body: dict[str, object] = {"orders": {number: [row]}}
        self._tell("account_all_orders", body, Kind.ORDER)
        full = {"account": self._account, **body}
        self._update("account_orders", f"{number}:{self._account}", full, Kind.ORDER)

    def _positions(self) -> dict[str, object]:
        return {
            "positions": self.rest.positions(),
            "shares": [],
            "last_funding_round": None,
            "last_funding_discount": None,
        }

    def _assets(self) -> dict[str, object]:
        rows = {str(row["asset_id"]): row for row in self.rest.assets()}
        return {"assets": rows, "timestamp": self._venue.now_ms()}

    def _user(self) -> dict[str, object]:
        usdc = next((each for each in self._floor.balances() if each.asset == "USDC"), None)
        row: dict[str, object] = {
            "account_trading_mode": 0,
            "available_balance": "0" if usdc is None else plain(usdc.free),
            "buying_power": "0",
            "collateral": "0" if usdc is None else plain(usdc.total),
            "leverage": "0.00",
            "margin_usage": "0.00",
            "portfolio_value": "0" if usdc is None else plain(usdc.equity or usdc.total),
        }
        return {
            "stats": {**row, "cross_stats": row, "total_stats": row},
            "timestamp": self._venue.now_ms(),
        }

    # -- small --------------------------------------------------------------------------------

    def _tell(self, name: str, body: dict[str, object], kind: Kind) -> None:
        self._update(name, str(self._account), body, kind)

    def _update(self, name: str, rest: str, body: dict[str, object], kind: Kind) -> None:
        channel = f"{name}:{rest}"
        for socket in self._venue.listening(channel):
            socket.push({"type": f"update/{name}", "channel": channel, **body}, kind)


def _by_market(rows: list[dict[str, object]], name: str) -> dict[str, list[dict[str, object]]]:
    found: dict[str, list[dict[str, object]]] = {}
    for row in rows:
        found.setdefault(str(row[name]), []).append(row)
    return found
