"""Bybit through ccxt, read by Bybit's own parsers.

Spot and contracts may share a name (`BTCUSDT`), so every list is asked for and read by category.
ccxt asks for the first page of open orders alone; here lists are read to their end.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.bybit import parse as bybit
from core.adapters.exchanges.ccxt.accounts.base import Account, News, is_hedged, may_withdraw
from core.adapters.exchanges.ccxt.values import Unified
from core.adapters.exchanges.decoding import Listing, OrderAck, Reading
from core.adapters.exchanges.models import (
    BalanceData,
    ExchangeType,
    FillData,
    FundingPaymentData,
    MarginMode,
    OrderData,
    PositionData,
    UserData,
)
from core.errors import MalformedMessage, OrderNotFound, OrderRejected

Ask = Callable[[Mapping[str, str]], Awaitable[object]]
"""A raw endpoint of ccxt's."""

_CATEGORIES: Final = {"spot": ExchangeType.SPOT, "linear": ExchangeType.PERPETUAL}
_SETTLED_IN: Final = ("USDT", "USDC")
_PAGE: Final = 50
_FILLS_PAGE: Final = 100
_WEEK_MS: Final = 7 * 86_400_000 - 1
"""So long the time of one question may be."""
_SWITCH: Final = "Switch it to one-way mode at the venue."
_MODES: Final = {"REGULAR_MARGIN": MarginMode.CROSS, "ISOLATED_MARGIN": MarginMode.ISOLATED}


class Bybit(Account):
    """The unified account, in one-way mode."""

    def ack(self, data: Unified, symbol: str, amount: Decimal, reading: Reading) -> OrderAck:
        """Of the raw result: ids."""
        del symbol, amount
        return bybit.parse_created({"result": data.get("info")}, reading)

    async def find(
        self, unified: str, order_id: str | None, sent: str | None, reading: Reading
    ) -> OrderData:
        """REST `order/realtime`, which knows what ended lately, then `order/history`."""
        category, asked = self._asked_of(unified)
        name = {"orderId": str(order_id)} if order_id is not None else {"orderLinkId": str(sent)}
        for ask in (self.client.privateGetV5OrderRealtime, self.client.privateGetV5OrderHistory):
            rows, _ = _page_of(await ask({**asked, **name}))
            if rows:
                return bybit.parse_orders(rows[:1], self._of(category, reading))[0]
        raise OrderNotFound(f"bybit tells of no order {order_id or sent}.", venue="bybit")

    def heard(self, message: object, reading: Reading) -> News | None:
        """Topics `execution` and `order`, each row by its category."""
        topic = message.get("topic") if isinstance(message, dict) else None
        if not isinstance(message, dict) or topic not in {"execution", "order"}:
            return ()
        rows = message.get("data")
        if not isinstance(rows, list):
            raise MalformedMessage(f"bybit {topic}: expected a list", venue="bybit")
        found: list[UserData] = []
        for row in rows:
            category = row.get("category") if isinstance(row, dict) else None
            if category not in _CATEGORIES:
                continue  # options and inverse contracts are not traded through this door
            mine = self._of(category, reading)
            if topic == "order":
                found += bybit.parse_orders([row], mine)
            else:
                found += bybit.parse_executions([row], mine)
        return tuple(found)

    async def open_orders(self, unified: str | None, reading: Reading) -> list[OrderData]:
        """REST `order/realtime`, to the last page of every category."""
        found: list[OrderData] = []
        for category, asked in self._asked(unified):
            rows = await self._pages(self.client.privateGetV5OrderRealtime, asked)
            found += bybit.parse_orders(self._known(rows, category), self._of(category, reading))
        return found

    async def closed_orders(self, unified: str | None, reading: Reading) -> list[OrderData]:
        """REST `order/history`: the newest page of each category."""
        found: list[OrderData] = []
        for category, asked in self._categories(unified):
            request = {**asked, "limit": str(_PAGE)}
            rows, _ = _page_of(await self.client.privateGetV5OrderHistory(request))
            found += bybit.parse_orders(self._known(rows, category), self._of(category, reading))
        return found

    async def fills(
        self, unified: str | None, since_ms: int | None, reading: Reading
    ) -> list[FillData]:
        """REST `execution/list`, week by week; without `since_ms` the newest page.

        Executions of one millisecond come in the order in which they happened: their ids are no
        numbers that could be compared.
        """
        timeless = replace(reading, received_at=None)
        found: list[FillData] = []
        for category, asked in self._categories(unified):
            rows = await self._executions({**asked, "execType": "Trade"}, since_ms)
            known = self._known(rows[::-1], category)
            found += bybit.parse_executions(known, self._of(category, timeless))
        return found

    async def _executions(self, asked: Mapping[str, str], since_ms: int | None) -> list[Unified]:
        ask, page = self.client.privateGetV5ExecutionList, {"limit": str(_FILLS_PAGE)}
        if since_ms is None:
            rows, _ = _page_of(await ask({**asked, **page}))
            return rows
        found: list[Unified] = []
        # A venue whose clock is ahead of ours has executions of what is still to come here.
        until_ms = self.client.milliseconds() + 60_000
        while since_ms < until_ms:
            last_ms = since_ms + _WEEK_MS
            window = {"startTime": str(since_ms), "endTime": str(last_ms)}
            found += await self._pages(ask, {**asked, **window}, _FILLS_PAGE)
            since_ms = last_ms + 1
        return found

    async def positions(self, reading: Reading) -> list[PositionData]:
        """REST `position/list` of every coin that settles."""
        found: list[PositionData] = []
        for coin in _SETTLED_IN:
            asked = {"category": "linear", "settleCoin": coin}
            rows = self._known(
                await self._pages(self.client.privateGetV5PositionList, asked), "linear"
            )
            self._check_sides(rows)
            found += bybit.parse_positions(rows, self._of("linear", reading))
        return [item for item in found if item.size]

    async def balances(self, reading: Reading) -> list[BalanceData]:
        """REST `wallet-balance`."""
        answer = await self.client.privateGetV5AccountWalletBalance({"accountType": "UNIFIED"})
        return list(bybit.parse_wallet(answer, reading))

    async def margin(self, listing: Listing, reading: Reading) -> tuple[Decimal, MarginMode]:
        """Leverage of the position, also of a flat one; the mode is of the whole account."""
        del reading
        asked = {"category": "linear", "symbol": listing.key}
        rows, _ = _page_of(await self.client.privateGetV5PositionList(asked))
        self._check_sides(rows)
        if not rows or not rows[0].get("leverage"):
            raise MalformedMessage("bybit position/list: no leverage", venue="bybit")
        answer = await self.client.privateGetV5AccountInfo()
        result = answer.get("result") if isinstance(answer, dict) else None
        mode = _MODES.get(str(result.get("marginMode"))) if isinstance(result, dict) else None
        if mode is None:
            raise MalformedMessage("bybit account/info: an unknown margin mode", venue="bybit")
        return Decimal(str(rows[0]["leverage"])), mode

    async def set_leverage(self, listing: Listing, leverage: Decimal, mode: MarginMode) -> None:
        """Of both sides; one that is in force already is no change to ask for."""
        now, _ = await self.margin(listing, Reading(venue=self.words.venue))
        if now == leverage:
            return
        text = str(int(leverage))
        request = {"category": "linear", "symbol": listing.key}
        await self.client.privatePostV5PositionSetLeverage(
            {**request, "buyLeverage": text, "sellLeverage": text}
        )

    async def set_mode(self, listing: Listing, leverage: Decimal, mode: MarginMode) -> None:
        """Refused: it would change every symbol of the account."""
        del leverage
        raise OrderRejected(
            f"{self.words.venue}: the margin mode is one for the whole account, so it is not set"
            f" to {mode.value} for {listing.symbol}. Set it at the venue.",
            venue=self.words.venue,
            code="MARGIN_MODE",
        )

    async def check_key(self) -> None:
        """REST `user/query-api`: rights, whose the key is; and the sides of what is held."""
        answer = await self.client.privateGetV5UserQueryApi()
        result = answer.get("result") if isinstance(answer, dict) else None
        rights = result.get("permissions") if isinstance(result, dict) else None
        wallet = rights.get("Wallet") if isinstance(rights, dict) else None
        if not isinstance(result, dict) or not isinstance(wallet, list):
            raise MalformedMessage(
                "bybit user/query-api: it does not say what the key may do", venue="bybit"
            )
        if "Withdraw" in wallet:
            raise may_withdraw(self.words.venue)
        self.check_owner(result.get("userID"))
        await self.positions(Reading(venue=self.words.venue))

    async def payments(
        self, symbol: str | None, since_ms: int | None, reading: Reading
    ) -> list[FundingPaymentData]:
        """REST `execution/list` of type Funding: a fee that was paid is positive."""
        del reading
        unified = None if symbol is None else self.words.unified[symbol]
        found = []
        for category, asked in self._categories(unified):
            if category == "spot":
                continue
            for row in await self._executions({**asked, "execType": "Funding"}, since_ms):
                listing = self._listing(row, category)
                if listing is not None:
                    found.append(self._payment_of(row, listing))
        return found

    def _payment_of(self, row: Unified, listing: Listing) -> FundingPaymentData:
        told = {
            "symbol": self.words.unified[listing.symbol],
            "id": row["execId"],
            "amount": -Decimal(str(row["execFee"])),
            "timestamp": int(row["execTime"]),
        }
        mark = Decimal(str(row["execPrice"]))
        return self.words.payment(told, Decimal(str(row["feeRate"])), mark or None)

    # -- small parts --------------------------------------------------------------------------

    def _of(self, category: str, reading: Reading) -> Reading:
        """What is known of the instruments of one category."""
        return replace(reading, listings=self.words.by_kind[_CATEGORIES[category]])

    def _listing(self, row: Unified, category: str) -> Listing | None:
        return self.words.by_kind[_CATEGORIES[category]].get(str(row.get("symbol")))

    def _known(self, rows: list[Unified], category: str) -> list[Unified]:
        """Without what this door does not trade: dated futures."""
        return [row for row in rows if self._listing(row, category) is not None]

    def _check_sides(self, rows: list[Unified]) -> None:
        if any(str(row.get("positionIdx", 0)) != "0" for row in rows):
            raise is_hedged(self.words.venue, "hedge", _SWITCH)

    def _asked_of(self, unified: str) -> tuple[str, dict[str, str]]:
        listing = self.words.of(unified)
        category = "spot" if listing.market_type is ExchangeType.SPOT else "linear"
        return category, {"category": category, "symbol": listing.key}

    def _categories(self, unified: str | None) -> list[tuple[str, dict[str, str]]]:
        """Category and request of lists that take one without a symbol."""
        if unified is not None:
            return [self._asked_of(unified)]
        return [(category, {"category": category}) for category in _CATEGORIES]

    def _asked(self, unified: str | None) -> list[tuple[str, dict[str, str]]]:
        """The same for lists of contracts that want a coin beside the category."""
        if unified is not None:
            return [self._asked_of(unified)]
        coins = [("linear", {"category": "linear", "settleCoin": coin}) for coin in _SETTLED_IN]
        return [("spot", {"category": "spot"}), *coins]

    @staticmethod
    async def _pages(ask: Ask, asked: Mapping[str, str], page: int = _PAGE) -> list[Unified]:
        """From new to old, by the venue's cursor."""
        found: list[Unified] = []
        cursor: dict[str, str] = {}
        while True:
            rows, following = _page_of(await ask({**asked, **cursor, "limit": str(page)}))
            found += rows
            if not following or not rows:
                return found
            cursor = {"cursor": following}


def _page_of(answer: object) -> tuple[list[Unified], str]:
    """The rows of an answer, and where the next ones begin."""
    result = answer.get("result") if isinstance(answer, dict) else None
    rows = result.get("list") if isinstance(result, dict) else None
    if not isinstance(result, dict) or not isinstance(rows, list):
        raise MalformedMessage("bybit: an answer without a list", venue="bybit")
    return [row for row in rows if isinstance(row, dict)], str(result.get("nextPageCursor") or "")
