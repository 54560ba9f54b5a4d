"""Lighter's REST endpoints under `/api/v1`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from email import message_from_bytes
from typing import Any, Final
from urllib.parse import parse_qsl

from core.adapters.exchanges.models import OrderData, plain, to_ns
from core.testing.venues.faults import Answer, Call
from core.testing.venues.floor import number_of
from core.testing.venues.lighter.keys import KeyRing, Refused
from core.testing.venues.lighter.markets import MarketName, Markets
from core.testing.venues.lighter.transactions import NAMES, Transactions
from core.testing.venues.lighter.words import (
    INTERVALS,
    candle_row,
    fill_row,
    ms,
    order_index,
    order_row,
    position_row,
    trade_row,
)
from core.testing.venues.server import LoopbackVenue, decoded
from core.testing.venues.weights import Weights

Params = Mapping[str, Any]
_SEND: Final = frozenset({"/api/v1/sendTx", "/api/v1/sendTxBatch"})
_STANDARD: Final = 60
_EVERY_MARKET: Final = 255
_BUDGET: Final = 1_000_000
"""Weight in a minute; a premium account has 24,000, which is what a test of limits sets."""


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint."""

    name: str
    weight: int
    is_private: bool
    respond: Callable[[Call, Params], object]


class Rest:
    """The endpoints of one venue.

    Args:
        venue: Whose.
        markets: Names and numbers.
        keys: Who may.
        transactions: What is done.
    """

    def __init__(
        self, venue: LoopbackVenue, markets: Markets, keys: KeyRing, transactions: Transactions
    ) -> None:
        self.weights = Weights(venue.now_ms, limit=_BUDGET)
        self.is_premium = True
        """Whether the account is a premium one; see `be_standard`."""
        self._venue = venue
        self._floor = venue.floor
        self._markets = markets
        self._keys = keys
        self._transactions = transactions
        self._account = keys.main.account_index
        self._routes = self._table()

    def be_standard(self) -> None:
        """Sixty requests a minute for everything, whatever they weigh."""
        self.is_premium = False
        self.weights.limit = _STANDARD

    def named(self, call: Call) -> str:
        """The name of an endpoint; of a transaction, what it does."""
        route = self._routes.get((call.method, call.path))
        if route is None:
            return call.path
        kind = str(call.params.get("tx_type", ""))
        return NAMES.get(int(kind), route.name) if kind.isdigit() else route.name

    def respond(self, call: Call) -> Answer:
        """Answers a request."""
        route = self._routes.get((call.method, call.path))
        if route is None:
            return Answer({"code": 404, "message": "not found"}, 404)
        if self.weights.take(route.weight if self.is_premium else 1) != 200:
            headers = {"Retry-After": str(self.weights.retry_after_s)}
            return Answer({"code": 23000, "message": "Too Many Requests!"}, 429, headers)
        try:
            if route.is_private:
                token = call.params.get("auth") or call.headers.get("authorization")
                self._keys.check_token(None if token is None else str(token), self._venue.now_ms())
            return Answer(route.respond(call, call.params))
        except Refused as no:
            return Answer({"code": no.code, "message": str(no)}, no.status)
        except (KeyError, ValueError) as error:
            return Answer({"code": 20001, "message": f"invalid param: {error}"}, 400)

    def _table(self) -> dict[tuple[str, str], Route]:
        rows: tuple[tuple[str, str, int, bool, Callable[[Call, Params], object]], ...] = (
            ("GET orderBookDetails", "get_instruments", 300, False, self._details),
            ("GET orderBooks", "get_instruments", 300, False, self._names),
            ("GET orderBookOrders", "get_orderbook", 300, False, self._book),
            ("GET recentTrades", "get_trades", 600, False, self._recent),
            ("GET candles", "get_ohlcv", 300, False, self._candles),
            ("GET fundings", "get_funding_history", 300, False, self._fundings),
            ("GET funding-rates", "get_funding_rate", 300, False, self._rates),
            ("GET assetDetails", "get_assets", 300, False, self._assets),
            ("GET account", "get_positions", 300, False, self._accounts),
            ("GET accountLimits", "get_limits", 300, True, self._limits),
            ("GET apikeys", "get_key_rights", 300, False, self._api_keys),
            ("GET nextNonce", "get_nonce", 6, False, self._nonce),
            ("GET accountActiveOrders", "get_open_orders", 300, True, self._active),
            ("GET accountInactiveOrders", "get_order_history", 100, True, self._inactive),
            ("GET trades", "get_fills", 600, True, self._trades),
            ("GET positionFunding", "get_funding_payments", 300, True, self._payments),
            ("POST sendTx", "send", 6, False, self._send),
            ("POST sendTxBatch", "send_all", 6, False, self._send_all),
        )
        table = {("GET", "/"): Route("health_check", 300, is_private=False, respond=self._status)}
        for place, name, weight, is_private, respond in rows:
            method, _, path = place.partition(" ")
            table[method, f"/api/v1/{path}"] = Route(name, weight, is_private, respond)
        return table

    # -- market data --------------------------------------------------------------------------

    def _market(self, params: Params) -> MarketName:
        found = self._markets.by_number.get(int(params["market_id"]))
        if found is None:
            raise Refused(20001, "invalid param: market_id")
        return found

    def _status(self, _call: Call, _params: Params) -> object:
        return {"status": 1, "network_id": 304, "timestamp": self._venue.now_ms() // 1000}

    def _details(self, _call: Call, params: Params) -> object:
        """Of every market, or of the one that is asked for."""
        names = self._markets.by_symbol.items()
        only = int(params.get("market_id", _EVERY_MARKET))
        days = {name.number: self._floor.day(each) for each, name in names}
        return self._markets.details(days, None if only == _EVERY_MARKET else only)

    def _names(self, _call: Call, _params: Params) -> object:
        return self._markets.names()

    def _book(self, call: Call, params: Params) -> object:
        """Every level as one order of somebody."""
        market, limit = self._market(params), int(params.get("limit", 250))
        book = self._venue.snapshot(call, market.instrument.symbol)
        sides = ((), ()) if book is None else (book.asks[:limit], book.bids[:limit])
        rows = [
            [
                {
                    "order_index": first + place,
                    "order_id": str(first + place),
                    "owner_account_index": 57_890,
                    "initial_base_amount": plain(level.amount),
                    "remaining_base_amount": plain(level.amount),
                    "price": plain(level.price),
                    "order_expiry": self._venue.now_ms() + 2_419_200_000,
                    "transaction_time": 0,
                }
                for place, level in enumerate(side)
            ]
            for first, side in zip((281_476_000_000_000, 562_947_000_000_000), sides, strict=True)
        ]
        asks, bids = rows
        return {
            "code": 200,
            "total_asks": len(asks),
            "asks": asks,
            "total_bids": len(bids),
            "bids": bids,
        }

    def _recent(self, _call: Call, params: Params) -> object:
        """Newest first."""
        market = self._market(params)
        found = self._floor.trades(market.instrument.symbol)[::-1]
        rows = [trade_row(trade, market) for trade in found]
        return {"code": 200, "trades": rows[: int(params.get("limit", 100))]}

    def _candles(self, _call: Call, params: Params) -> object:
        market, resolution = self._market(params), str(params["resolution"])
        first, last = int(params["start_timestamp"]), int(params["end_timestamp"])
        length_s = INTERVALS[resolution]
        rows = [
            candle_row(candle)
            for candle in self._floor.candles(market.instrument.symbol, length_s, resolution)
            if first - length_s * 1000 < ms(candle.at) <= last
        ]
        return {"code": 200, "r": resolution, "c": rows[-int(params.get("count_back", 500)) :]}

    def _fundings(self, _call: Call, params: Params) -> object:
        """Settled rates in percent per hour, the sign in `direction`."""
        market = self._market(params)
        rows = [
            {
                "timestamp": ms(payment.at) // 1000,
                "value": "0",
                "rate": plain(abs(payment.rate) * 100),
                "direction": "long" if payment.rate >= 0 else "short",
            }
            for payment in self._floor.funding_payments(market.instrument.symbol)
        ]
        return {"code": 200, "resolution": "1h", "fundings": rows}

    def _rates(self, _call: Call, _params: Params) -> object:
        """Fractions per eight hours; another venue's stand among them."""
        rows: list[dict[str, object]] = []
        for market in self._markets.perps:
            name = {"market_id": market.number, "symbol": market.symbol}
            rate = self._floor.funding(market.instrument.symbol).rate * 8
            rows.append({**name, "exchange": "binance", "rate": Decimal("0.0001")})
            rows.append({**name, "exchange": "lighter", "rate": rate})
        return {"code": 200, "funding_rates": rows}

    def _assets(self, _call: Call, _params: Params) -> object:
        row = {"asset_id": 3, "symbol": "USDC", "l1_decimals": 6, "decimals": 6}
        return {"code": 200, "asset_details": [row]}

    # -- the account --------------------------------------------------------------------------

    def _accounts(self, _call: Call, params: Params) -> object:
        if params.get("by") == "index" and str(params.get("value")) != str(self._account):
            raise Refused(21100, "account not found")
        usdc = next((each for each in self._floor.balances() if each.asset == "USDC"), None)
        total = Decimal(0) if usdc is None else usdc.total
        equity = total if usdc is None or usdc.equity is None else usdc.equity
        free = Decimal(0) if usdc is None else usdc.free
        row = {
            "code": 0,
            "account_type": 0,
            "index": self._account,
            "l1_address": "0x" + "0" * 40,
            "cancel_all_time": 0,
            "total_order_count": len(self._floor.open_orders()),
            "pending_order_count": 0,
            "available_balance": plain(free),
            "status": 1,
            "collateral": plain(total),
            "account_index": self._account,
            "name": "",
            "account_trading_mode": 0,
            "positions": list(self.positions(is_full=True).values()),
            "assets": self.assets(),
            "total_asset_value": plain(equity),
            "cross_asset_value": plain(equity),
            "shares": [],
        }
        return {"code": 200, "total": 1, "accounts": [row]}

    def positions(self, *, is_full: bool = False) -> dict[str, dict[str, object]]:
        """By market; flat ones only where asked for."""
        return {
            str(market.number): position_row(
                position, market, len(self._floor.open_orders(position.symbol))
            )
            for position in self._floor.positions()
            if (market := self._markets.by_symbol[position.symbol]) and (position.size or is_full)
        }

    def assets(self) -> list[dict[str, object]]:
        """Holdings other than the collateral."""
        return [
            {
                "symbol": balance.asset,
                "asset_id": place,
                "balance": plain(balance.total),
                "locked_balance": plain(balance.used),
            }
            for place, balance in enumerate(self._floor.balances(), 3)
            if balance.asset != "USDC"
        ]

    def _limits(self, _call: Call, _params: Params) -> object:
        tier = "premium" if self.is_premium else "standard"
        return {"code": 200, "max_llp_percentage": 25, "user_tier": tier}

    def _api_keys(self, _call: Call, _params: Params) -> object:
        key = self._keys.main
        row = {
            "account_index": key.account_index,
            "api_key_index": key.api_key_index,
            "nonce": self._keys.next_nonce,
            "public_key": "0" * 80,
        }
        return {"code": 200, "api_keys": [row]}

    def _nonce(self, _call: Call, _params: Params) -> object:
        return {"code": 200, "nonce": self._keys.next_nonce}

    def _active(self, call: Call, params: Params) -> object:
        number = int(params.get("market_id", 255))
        market = self._markets.by_number.get(number)
        found = self._floor.open_orders(None if market is None else market.instrument.symbol)
        return {"code": 200, "orders": self._rows(call, found[::-1])}

    def _inactive(self, call: Call, params: Params) -> object:
        """Newest first, pages by cursor."""
        market = self._markets.by_number.get(int(params.get("market_id", 255)))
        symbol = None if market is None else market.instrument.symbol
        refused = [each for each in self._transactions.refused if symbol in {None, each.symbol}]
        found = [*self._floor.closed_orders(symbol), *refused]
        found.sort(key=lambda order: (ms(order.updated_at), number_of(order.order_id)))
        rows, cursor = _page(self._rows(call, found[::-1]), params)
        return {"code": 200, "next_cursor": cursor, "orders": rows}

    def _rows(self, call: Call, orders: list[OrderData]) -> list[dict[str, object]]:
        is_hidden = self._venue.hidden(call)
        return [self.row(order) for order in orders if not is_hidden(_created_ns(order))]

    def row(self, order: OrderData) -> dict[str, object]:
        """An order as the venue words it."""
        return order_row(order, self._markets.by_symbol[order.symbol], self._account)

    def _trades(self, call: Call, params: Params) -> object:
        """The account's, newest first; or from a time on."""
        is_hidden = self._venue.hidden(call)
        market = self._markets.by_number.get(int(params.get("market_id", 255)))
        symbol = None if market is None else market.instrument.symbol
        first = int(params.get("from", -1))
        wanted = params.get("order_index")
        rows = [
            fill_row(fill, self._markets.by_symbol[fill.symbol], self._account)
            for fill in reversed(self._floor.fills(symbol))
            if not is_hidden(to_ns(fill.at))
            and ms(fill.at) >= first
            and (wanted is None or order_index(number_of(fill.order_id), fill.side) == int(wanted))
        ]
        if params.get("sort_dir") == "asc":
            rows.reverse()
        page, cursor = _page(rows, params)
        return {"code": 200, "next_cursor": cursor, "trades": page}

    def _payments(self, _call: Call, params: Params) -> object:
        rows: list[dict[str, object]] = [
            {
                "timestamp": ms(payment.at) // 1000,
                "market_id": self._markets.by_symbol[payment.symbol].number,
                "funding_id": number_of(payment.payment_id),
                "change": plain(payment.amount),
                "rate": plain(payment.rate),
                "position_size": plain(abs(payment.position)),
                "position_side": "long" if payment.position > 0 else "short",
            }
            for payment in reversed(self._floor.funding_payments())
        ]
        page, cursor = _page(rows, params)
        return {"code": 200, "next_cursor": cursor, "position_fundings": page}

    # -- transactions -------------------------------------------------------------------------

    def _send(self, _call: Call, params: Params) -> object:
        return self._transactions.send(int(params["tx_type"]), str(params["tx_info"]))

    def _send_all(self, _call: Call, params: Params) -> object:
        """In order; the first that is refused ends it."""
        types, infos = decoded(str(params["tx_types"])), decoded(str(params["tx_infos"]))
        sent = [
            self._transactions.send(int(kind), str(info))
            for kind, info in zip(types, infos, strict=True)
        ]
        return {**sent[-1], "tx_hash": [each["tx_hash"] for each in sent]} if sent else sent


def parameters(call: Call) -> dict[str, object]:
    """Query and form; a form may come in parts."""
    found: dict[str, object] = dict(parse_qsl(call.query, keep_blank_values=True))
    if call.path not in _SEND:
        return found
    kind = call.headers.get("content-type", "")
    if kind.startswith("multipart/"):
        message = message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + call.body)
        for part in message.walk():
            name = part.get_param("name", header="content-disposition")
            if isinstance(name, str):
                payload = part.get_payload(decode=True)
                found[name] = payload.decode() if isinstance(payload, bytes) else ""
        return found
    body = decoded(call.body) if "json" in kind else None
    if isinstance(body, dict):
        return found | {str(name): value for name, value in body.items()}
    return found | dict(parse_qsl(call.body.decode("utf-8", "replace"), keep_blank_values=True))


def _created_ns(order: OrderData) -> int:
    return 0 if order.created_at is None else to_ns(order.created_at)


def _page(
    rows: list[dict[str, object]], params: Params
) -> tuple[list[dict[str, object]], str | None]:
    """`limit` rows from the cursor on, and where the next page begins."""
    first, size = int(params.get("cursor") or 0), int(params.get("limit", 100))
    last = first + size
    return rows[first:last], str(last) if last < len(rows) else None
