"""Binance's account: what is asked of it over REST, and what its sockets tell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, TypeVar

from core.adapters.exchanges.binance import parse
from core.adapters.exchanges.binance.account_stream import read_event
from core.adapters.exchanges.binance.boards import Board, Boards
from core.adapters.exchanges.binance.markets import SPOT, USDM
from core.adapters.exchanges.binance.messages import AccountUpdate, FuturesReport
from core.adapters.exchanges.binance.rest import BinanceRest, Params
from core.adapters.exchanges.connection.dialect import Link
from core.adapters.exchanges.decoding import Listing, Reading
from core.adapters.exchanges.models import (
    BalanceData,
    FillData,
    FundingPaymentData,
    MarginMode,
    OrderData,
    PositionData,
    from_ns,
    to_ns,
)
from core.adapters.exchanges.native.hub import Hub
from core.errors import MalformedMessage, OrderNotFound, VenueError

T = TypeVar("T")

_MARGIN_MODES: Final = {
    "ISOLATED": MarginMode.ISOLATED,
    "CROSSED": MarginMode.CROSS,
    "CROSS": MarginMode.CROSS,
}
_OVERLAP: Final = timedelta(seconds=5)
_SETTLED_LAG: Final = timedelta(minutes=2)
_NEVER: Final = from_ns(0)


class Account:
    """Questions about the account, and its news.

    Args:
        rest: Asks them.
        boards: The markets in use.
        hub: Who listens to the account.
        account: Its identity.
    """

    def __init__(self, rest: BinanceRest, boards: Boards, hub: Hub, account: str) -> None:
        self._rest = rest
        self._boards = boards
        self._hub = hub
        self._account = account
        self._venue = rest.venue
        self._clock = rest.clock

    async def balances(self) -> list[BalanceData]:
        """Both markets' wallets; an asset that is in both is one."""
        found: dict[str, BalanceData] = {}
        for board in self._boards:
            for item in await self._balances(board):
                known = found.get(item.asset)
                found[item.asset] = item if known is None else _together(known, item)
        return [found[asset] for asset in sorted(found)]

    async def _balances(self, board: Board) -> Sequence[BalanceData]:
        if board.market.is_spot:
            answer = await self._rest.signed("GET", SPOT, "account", weight=20)
            return parse.parse_account(answer, self._boards.reading(board))
        answer = await self._rest.signed("GET", USDM, "/fapi/v3/balance", weight=5)
        return parse.parse_balances(answer, self._boards.reading(board))

    async def positions(self, symbols: Sequence[str] | None = None) -> list[PositionData]:
        """Positions of USDⓈ-M, with the leverage and margin mode that the venue tells apart."""
        board = self._boards.named("usdm")
        if board is None:
            return []
        answer = await self._rest.signed("GET", USDM, "/fapi/v3/positionRisk", weight=5)
        found = [
            item
            for item in parse.parse_positions(answer, self._boards.reading(board))
            if symbols is None or item.symbol in symbols
        ]
        told: list[PositionData] = []
        for item in sorted(found, key=lambda item: item.symbol):
            self._boards.used[item.symbol] = None
            leverage, mode = await self.margin(item.symbol)
            told.append(replace(item, leverage=leverage, margin_mode=mode))
        return told

    async def order(
        self, order_id: str | None, symbol: str, client_order_id: str | None = None
    ) -> OrderData:
        """One order in any state."""
        board, listing = self._boards.of(symbol)
        params = _named(listing, order_id, client_order_id)
        answer = await self._rest.signed(
            "GET", board.market, "order", params, weight=4, is_urgent=True
        )
        return parse.parse_order(answer, self._boards.reading(board))

    async def open_orders(self, symbol: str | None = None) -> list[OrderData]:
        """All open orders, foreign ones included."""
        found: list[OrderData] = []
        boards: list[tuple[Board, Listing | None]] = [(board, None) for board in self._boards]
        if symbol is not None:
            boards = [self._boards.of(symbol)]
        for board, listing in boards:
            params = {} if listing is None else {"symbol": listing.key}
            weight = board.market.open_orders_weight if listing is None else 1
            answer = await self._rest.signed(
                "GET", board.market, "openOrders", params, weight=weight, is_urgent=True
            )
            found += parse.parse_orders(answer, self._boards.reading(board))
        self._boards.used.update(dict.fromkeys(order.symbol for order in found))
        return sorted(found, key=lambda item: (item.created_at or _NEVER, int(item.order_id)))

    async def history(
        self, symbol: str | None = None, since: datetime | None = None, limit: int | None = None
    ) -> list[OrderData]:
        """Closed orders of a symbol, or of all that we had to do with."""
        rows: list[OrderData] = []
        for name in await self._symbols(symbol):
            board, listing = self._boards.of(name)
            # The venue filters by creation; what ended after `since` may have begun before.
            window = timedelta(milliseconds=board.market.fill_window_ms)
            rows += await self._rest.walk(
                board.market,
                "allOrders",
                listing.key,
                None if since is None else since - window,
                _reader(parse.parse_orders, board, self._boards.reading),
                lambda row: int(row.order_id),
                first="orderId",
            )
        found = [
            row
            for row in rows
            if row.status.is_final and (since is None or (row.updated_at or _NEVER) >= since)
        ]
        found.sort(key=lambda row: (row.updated_at or _NEVER, int(row.order_id)))
        return found if limit is None else found[-limit:]

    async def fills(
        self, symbol: str | None = None, since: datetime | None = None
    ) -> list[FillData]:
        """Our executions of a symbol, or of all that we had to do with."""
        rows: list[FillData] = []
        for name in await self._symbols(symbol):
            board, listing = self._boards.of(name)
            found = await self._rest.walk(
                board.market,
                board.market.fills,
                listing.key,
                since,
                _reader(parse.parse_fills, board, self._boards.reading),
                lambda row: int(row.trade_id),
            )
            rows += [row for row in found if since is None or row.at >= since]
        return sorted(
            (replace(row, received_at=None) for row in rows),
            key=lambda row: (row.at, int(row.trade_id)),
        )

    async def funding_payments(
        self, symbol: str | None = None, since: datetime | None = None
    ) -> list[FundingPaymentData]:
        """Settlements of USDⓈ-M; the venue tells rate and mark of each apart."""
        board = self._boards.named("usdm")
        if board is None:
            return []
        start_ms = 0 if since is None else to_ns(since) // 1_000_000
        params: dict[str, object] = {"incomeType": "FUNDING_FEE", "limit": 1000}
        if symbol is not None:
            params["symbol"] = self._boards.of(symbol)[1].key
        rows: dict[tuple[str, str], parse.Income] = {}
        while True:
            answer = await self._rest.signed(
                "GET", USDM, "income", {**params, "startTime": start_ms}, weight=30
            )
            page = parse.parse_income(answer, self._boards.reading(board))
            fresh = {(row.symbol, row.payment_id): row for row in page}
            is_over = len(page) < 1000 or fresh.keys() <= rows.keys()
            rows.update(fresh)
            if is_over:
                break
            start_ms = max(to_ns(row.at) // 1_000_000 for row in page)
        return [
            await self._payment(board, row)
            for row in sorted(rows.values(), key=lambda row: row.at)
            if since is None or row.at >= since
        ]

    async def _payment(self, board: Board, row: parse.Income) -> FundingPaymentData:
        """A settlement with its rate, and the position that it was computed on."""
        listing = board.listings.of(row.symbol)
        at_ms = to_ns(row.at) // 1_000_000
        answer = await self._rest.public(
            USDM,
            "fundingRate",
            {"symbol": listing.key, "startTime": at_ms - 60_000, "endTime": at_ms + 60_000},
        )
        rates = parse.parse_funding_marks(answer, self._boards.reading(board))
        rate, mark = rates[-1] if rates else (Decimal(0), None)
        position = Decimal(0)
        if rate and mark and listing.instrument is not None:
            position = listing.instrument.floor_amount(abs(row.amount / (rate * mark)))
            position = position.copy_sign(-row.amount * rate)
        return FundingPaymentData(
            venue=self._venue,
            account=self._account,
            symbol=row.symbol,
            payment_id=row.payment_id,
            amount=row.amount,
            rate=rate,
            position=position,
            at=row.at,
        )

    async def _symbols(self, symbol: str | None) -> list[str]:
        """The symbols that a question about all of them is asked of."""
        if symbol is not None:
            self._boards.used[symbol] = None
            return [symbol]
        await self.open_orders()
        await self.positions()
        return sorted(self._boards.used)

    async def margin(self, symbol: str) -> tuple[Decimal, MarginMode]:
        """Leverage and margin mode that are in force."""
        listing = self._boards.perpetual(symbol)
        answer = await self._rest.signed(
            "GET", USDM, "symbolConfig", {"symbol": listing.key}, weight=5
        )
        row = answer[0] if isinstance(answer, list) and answer else None
        mode = _MARGIN_MODES.get(str(row.get("marginType"))) if isinstance(row, dict) else None
        leverage = row.get("leverage") if isinstance(row, dict) else None
        if mode is None or not isinstance(leverage, int):
            raise MalformedMessage("binance symbolConfig: expected leverage", venue=self._venue)
        return Decimal(leverage), mode

    # -- news ---------------------------------------------------------------------------------

    def take(self, board: Board, raw: object, link: Link) -> None:
        """Takes an event of the account on a market."""
        if not isinstance(raw, (dict, FuturesReport, AccountUpdate)):
            return
        kind, cause = _what(raw)
        if kind == "listenKeyExpired":
            link.drop("the listen key has expired")
            return
        try:
            found = read_event(raw, board.listings, self._clock)
        except MalformedMessage as error:
            board.listings.count(f"event:{str(kind)[:40]}:refused")
            link.drop(f"a private message makes no sense: {error}")
            return
        for item in found:
            if isinstance(item, OrderData):
                self._boards.used[item.symbol] = None
            self._hub.tell_user(item)
        if cause == "FUNDING_FEE":
            link.spawn(self._tell_settlements())

    async def _tell_settlements(self) -> None:
        try:
            since = self._clock.now() - _SETTLED_LAG
            for payment in await self.funding_payments(None, since):
                self._hub.tell_user(payment)
        except VenueError:
            return  # reconciliation asks for them

    async def catch_up(self, board: Board) -> None:
        """Executions that were missed while there was no socket."""
        since = self._hub.newest_fill_at
        since = self._clock.now() - timedelta(minutes=10) if since is None else since - _OVERLAP
        for symbol in list(self._boards.used):
            if symbol in board.listings.by_symbol:
                for fill in await self.fills(symbol, since):
                    self._hub.tell_user(fill)


def _what(news: dict[str, object] | FuturesReport | AccountUpdate) -> tuple[object, object]:
    """What kind of news this is, and the cause that news of balances and positions name."""
    if isinstance(news, FuturesReport):
        return "ORDER_TRADE_UPDATE", None
    if isinstance(news, AccountUpdate):
        return "ACCOUNT_UPDATE", news.a.m
    part = news.get("a")
    return news.get("e"), part.get("m") if isinstance(part, dict) else None


def _named(listing: Listing, order_id: str | None, client_order_id: str | None) -> Params:
    """Which order a question is about; without a good id, one that no order has."""
    if order_id is not None and order_id.isdigit():
        return {"symbol": listing.key, "orderId": order_id}
    if client_order_id:
        return {"symbol": listing.key, "origClientOrderId": client_order_id}
    raise OrderNotFound(f"binance has no order {order_id!r}."[:120], venue="binance")


def _reader(
    read: Callable[[object, Reading], Sequence[T]],
    board: Board,
    reading: Callable[[Board], Reading],
) -> Callable[[object], Sequence[T]]:
    return lambda answer: read(answer, reading(board))


def _together(first: BalanceData, second: BalanceData) -> BalanceData:
    """One asset in two wallets of the same owner."""
    equity = first.equity if first.equity is not None else first.total
    more = second.equity if second.equity is not None else second.total
    return replace(
        first,
        total=first.total + second.total,
        free=first.free + second.free,
        used=first.used + second.used,
        equity=equity + more,
    )
