"""OKX through ccxt, read by OKX's own parsers.

ccxt asks for a hundred open orders and calls them all, and for closed ones of spot alone; here the
raw lists are read page by page, and both kinds of instruments.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.ccxt.accounts.base import Account, News, is_hedged, may_withdraw
from core.adapters.exchanges.ccxt.values import Unified
from core.adapters.exchanges.decoding import Listing, OrderAck, Reading
from core.adapters.exchanges.models import (
    BalanceData,
    FillData,
    FundingPaymentData,
    MarginMode,
    OrderData,
    PositionData,
)
from core.adapters.exchanges.okx import parse as okx
from core.adapters.exchanges.okx.triggers import KINDS, parse_triggers
from core.errors import (
    AuthError,
    MalformedMessage,
    NotSupported,
    OrderNotFound,
    OrderRejected,
)

Ask = Callable[[Mapping[str, str]], Awaitable[object]]
"""A raw endpoint of ccxt's."""

_KINDS: Final = ("SPOT", "SWAP")
_PAGE: Final = 100
_RECENT_MS: Final = 3 * 86_400_000 - 60_000
"""So far back `fills` reaches; `fills-history` reaches three months."""
_WAITING_MS: Final = 60_000
"""So long the orders that wait for a price are believed."""
_SWITCH: Final = "Switch it to net mode at the venue."


class Okx(Account):
    """One account in net mode, margined as a whole."""

    _asked_ms: int = 0
    """When the orders that wait for a price were asked for."""
    _triggers: Sequence[Unified] = ()
    """Those that were told then."""

    def order(self, data: Unified, reading: Reading) -> OrderData:
        """Of the raw row."""
        return okx.parse_orders(data["info"], reading)[0]

    def fill(self, data: Unified, reading: Reading) -> FillData:
        """Of the raw row."""
        return okx.parse_fills(data["info"], reading)[0]

    def ack(self, data: Unified, symbol: str, amount: Decimal, reading: Reading) -> OrderAck:
        """Of the raw row, whose `sCode` was looked at before."""
        del symbol, amount
        acks = okx.parse_order_acks(data.get("info"), reading)
        if not acks:
            raise MalformedMessage("okx: the answer to an order names none", venue="okx")
        return acks[0]

    async def find(
        self, unified: str, order_id: str | None, sent: str | None, reading: Reading
    ) -> OrderData:
        """REST `trade/order`."""
        key = self.words.of(unified).key
        name = {"ordId": order_id} if order_id is not None else {"clOrdId": sent}
        answer = await self.client.privateGetTradeOrder({"instId": key, **name})
        found = okx.parse_orders(answer, reading)
        if not found:
            raise OrderNotFound(f"okx tells of no order {order_id or sent}.", venue="okx")
        return found[0]

    def heard(self, message: object, reading: Reading) -> News | None:
        """Channel `orders`: each order, with its execution where it is one."""
        if not isinstance(message, dict) or "data" not in message:
            return ()
        arg = message.get("arg")
        if not isinstance(arg, dict) or arg.get("channel") != "orders":
            return ()
        return okx.parse_order_events(message, reading)

    async def open_orders(self, unified: str | None, reading: Reading) -> list[OrderData]:
        """REST `orders-pending`, to the last page, and what waits for a price."""
        asked = {} if unified is None else {"instId": self.words.of(unified).key}
        ask = self.client.privateGetTradeOrdersPending
        rows = await self._pages(ask, asked, "ordId")
        found = list(okx.parse_orders(self._known(rows), reading))
        key = asked.get("instId")
        waiting = await self._waiting()
        mine = [row for row in self._known(waiting) if key in {None, row.get("instId")}]
        return [*found, *parse_triggers(mine, reading)]

    async def _waiting(self) -> Sequence[Unified]:
        """REST `orders-algo-pending`, once a minute: three lists, and none of them is ours.

        Where the venue refuses one there is nothing of that kind to tell.
        """
        now_ms = int(self.client.milliseconds())
        if now_ms - self._asked_ms < _WAITING_MS:
            return self._triggers
        found: list[Unified] = []
        for kind in KINDS:
            ask = self.client.privateGetTradeOrdersAlgoPending
            with suppress(OrderRejected, AuthError, NotSupported):
                found += await self._pages(ask, {"ordType": kind}, "algoId")
        self._asked_ms, self._triggers = now_ms, found
        return found

    async def closed_orders(self, unified: str | None, reading: Reading) -> list[OrderData]:
        """REST `orders-history`: the newest page of each kind, filled and cancelled."""
        rows: list[Unified] = []
        for asked in self._asked(unified):
            answer = await self.client.privateGetTradeOrdersHistory({**asked, "limit": str(_PAGE)})
            rows += _rows(answer)
        return list(okx.parse_orders(self._known(rows), reading))

    async def fills(
        self, unified: str | None, since_ms: int | None, reading: Reading
    ) -> list[FillData]:
        """REST `fills`, for what is older `fills-history`; without `since_ms` one page."""
        asked = {} if unified is None else {"instId": self.words.of(unified).key}
        timeless = replace(reading, received_at=None)
        if since_ms is None:
            answer = await self.client.privateGetTradeFills({**asked, "limit": str(_PAGE)})
            return list(okx.parse_fills(self._known(_rows(answer)), timeless))
        asked["begin"] = str(since_ms)
        if self.client.milliseconds() - since_ms < _RECENT_MS:
            rows = await self._pages(self.client.privateGetTradeFills, asked, "billId")
            return list(okx.parse_fills(self._known(rows), timeless))
        rows = []
        for kind in self._asked(unified):
            ask = self.client.privateGetTradeFillsHistory
            rows += await self._pages(ask, {**asked, **kind}, "billId")
        return list(okx.parse_fills(self._known(rows), timeless))

    async def positions(self, reading: Reading) -> list[PositionData]:
        """REST `positions`; one with a side of its own proves another mode of the account."""
        rows = self._known(_rows(await self.client.privateGetAccountPositions()))
        if any(row.get("posSide") not in {"net", "", None} for row in rows):
            raise is_hedged(self.words.venue, "long/short", _SWITCH)
        return [item for item in okx.parse_positions(rows, reading) if item.size]

    async def balances(self, reading: Reading) -> list[BalanceData]:
        """REST `balance`."""
        return list(okx.parse_account(await self.client.privateGetAccountBalance(), reading))

    async def margin(self, listing: Listing, reading: Reading) -> tuple[Decimal, MarginMode]:
        """Leverage of cross margin, which is how this door sends orders."""
        del reading
        request = {"instId": listing.key, "mgnMode": "cross"}
        rows = _rows(await self.client.privateGetAccountLeverageInfo(request))
        if not rows or not rows[0].get("lever"):
            raise MalformedMessage("okx leverage-info: no lever", venue="okx")
        return Decimal(str(rows[0]["lever"])), MarginMode.CROSS

    async def set_leverage(self, listing: Listing, leverage: Decimal, mode: MarginMode) -> None:
        """Of cross margin."""
        request = {"instId": listing.key, "lever": str(int(leverage)), "mgnMode": mode.value}
        await self.client.privatePostAccountSetLeverage(request)

    async def set_mode(self, listing: Listing, leverage: Decimal, mode: MarginMode) -> None:
        """Cross alone: the venue takes the mode with each order, and this door sends cross."""
        del leverage
        if mode is not MarginMode.CROSS:
            raise OrderRejected(
                f"{self.words.venue}: {listing.symbol} is traded with cross margin here.",
                venue=self.words.venue,
                code="MARGIN_MODE",
            )

    async def check_key(self) -> None:
        """REST `account/config`: rights, whose the key is, and the mode of positions."""
        rows = _rows(await self.client.privateGetAccountConfig())
        rights = rows[0].get("perm") if rows else None
        mode = rows[0].get("posMode") if rows else None
        if not isinstance(rights, str) or not rights or not isinstance(mode, str):
            raise MalformedMessage(
                "okx account/config: it does not say what the key may do", venue="okx"
            )
        if "withdraw" in rights:
            raise may_withdraw(self.words.venue)
        self.check_owner(rows[0].get("uid"))
        if mode != "net_mode":
            raise is_hedged(self.words.venue, "long/short", _SWITCH)

    async def payments(
        self, symbol: str | None, since_ms: int | None, reading: Reading
    ) -> list[FundingPaymentData]:
        """REST `bills` of type 8, each with the rate that was settled then."""
        del reading
        asked = {"type": "8", "instType": "SWAP"}
        if since_ms is not None:
            asked["begin"] = str(since_ms)
        rows = await self._pages(self.client.privateGetAccountBills, asked, "billId")
        found = []
        for row in self._known(rows):
            listing = self._listing(row)
            if listing is not None and symbol in {None, listing.symbol}:
                found.append(await self._settlement(row, listing))
        return found

    async def _settlement(self, row: Unified, listing: Listing) -> FundingPaymentData:
        unified = self.words.unified[listing.symbol]
        at_ms = int(row["ts"])
        near = await self.client.fetch_funding_rate_history(unified, at_ms - 60_000, 10)
        rates = [item["fundingRate"] for item in near if abs(item["timestamp"] - at_ms) <= 60_000]
        rate = Decimal(str(rates[0])) if rates and rates[0] is not None else Decimal(0)
        mark = Decimal(str(row["px"])) if row.get("px") else None
        told = {
            "symbol": unified,
            "id": row["billId"],
            "amount": Decimal(str(row["pnl"])),
            "timestamp": at_ms,
        }
        return self.words.payment(told, rate, mark)

    # -- small parts --------------------------------------------------------------------------

    def _asked(self, unified: str | None) -> list[dict[str, str]]:
        """What lists that want a kind of instrument are asked for."""
        if unified is None:
            return [{"instType": kind} for kind in _KINDS]
        key = self.words.of(unified).key
        return [{"instType": "SWAP" if key.endswith("-SWAP") else "SPOT", "instId": key}]

    async def _pages(self, ask: Ask, asked: Mapping[str, str], name: str) -> list[Unified]:
        """From new to old, each page older than the last row of the one before."""
        found: list[Unified] = []
        older: dict[str, str] = {}
        while True:
            rows = _rows(await ask({**asked, **older, "limit": str(_PAGE)}))
            found += rows
            if len(rows) < _PAGE:
                return found
            older = {"after": str(rows[-1][name])}

    def _listing(self, row: Unified) -> Listing | None:
        return self.words.by_key(str(row.get("instId")))

    def _known(self, rows: Sequence[Unified]) -> list[Unified]:
        """Without what this door does not trade: futures, options, inverse contracts."""
        return [row for row in rows if self._listing(row) is not None]


def _rows(answer: object) -> list[Unified]:
    rows = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(rows, list):
        raise MalformedMessage("okx: an answer without data", venue="okx")
    return [row for row in rows if isinstance(row, dict)]
