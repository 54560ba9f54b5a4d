"""An account in ccxt's own words, which a venue's class puts its own messages in the place of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from core.adapters.exchanges.ccxt.convert import Words
from core.adapters.exchanges.ccxt.values import Unified
from core.adapters.exchanges.decoding import Listing, OrderAck, Reading
from core.adapters.exchanges.models import (
    BalanceData,
    FillData,
    FundingPaymentData,
    FundingRateData,
    MarginMode,
    OrderData,
    OrderSide,
    OrderStatus,
    PositionData,
    UserData,
)
from core.errors import AuthError, MalformedMessage, NotSupported, OrderRejected

News = tuple[UserData, ...]
_WITHDRAWS: Final = "Take that right away at the venue, or make a key without it."


def may_withdraw(venue: str) -> AuthError:
    """The error of a key that nobody should trade with."""
    sentence = f"{venue}: this key may withdraw."
    return AuthError(sentence, venue=venue, code="WITHDRAW", remedy=_WITHDRAWS)


def is_hedged(venue: str, mode: str, remedy: str) -> AuthError:
    """The error of an account whose positions have two sides."""
    return AuthError(
        f"{venue}: the account is in {mode} mode.", venue=venue, code="POSITION_MODE", remedy=remedy
    )


def is_another(venue: str, ours: str, theirs: str) -> AuthError:
    """The error of a key that belongs to another account than the one that was pinned."""
    return AuthError(
        f"{venue}: the key belongs to the account {theirs[:40]}, not to {ours[:40]}.",
        venue=venue,
        code="ACCOUNT",
        remedy="Store the key of the right account, or the right account id beside it.",
    )


class Account:
    """An account in ccxt's own words.

    Args:
        words: Reads them.
        client: ccxt's exchange object.
    """

    def __init__(self, words: Words, client: Any) -> None:  # noqa: ANN401 # ccxt has no types
        self.words = words
        self.client = client
        self.is_premium = False
        """Whether the venue said that the account has the larger budget (`Row.premium`)."""

    def order(self, data: Unified, reading: Reading) -> OrderData:
        """An order of a question or a list."""
        del reading
        return self.words.order(data)

    def fill(self, data: Unified, reading: Reading) -> FillData:
        """An execution of a list."""
        return self.words.fill(data, reading.received_at)

    def ack(self, data: Unified, symbol: str, amount: Decimal, reading: Reading) -> OrderAck:
        """What the answer to a new order says.

        Raises:
            MalformedMessage: If it names no order.
        """
        del reading
        return self.words.ack(data, symbol, amount)

    def refusal(self, order: OrderData) -> OrderRejected | None:
        """What an order that was taken in and ended at once stands for; None for an order."""
        if order.status is not OrderStatus.REJECTED:
            return None
        return OrderRejected(
            f"{self.words.venue} refused: {order.reason or 'no reason given'}",
            venue=self.words.venue,
            code=order.reason,
        )

    async def check(
        self, listing: Listing, side: OrderSide, reading: Reading, *, is_reduce_only: bool
    ) -> None:
        """Looks at a new order before it is sent.

        Raises:
            OrderRejected: If the venue would drop it without a word.
        """

    async def find(
        self, unified: str, order_id: str | None, sent: str | None, reading: Reading
    ) -> OrderData:
        """One order by the venue's id, or by the id that it was sent with."""
        params = {} if order_id is not None else {"clientOrderId": sent}
        data = await self.client.fetch_order(order_id, unified, params)
        return self.order(data, reading)

    async def open_orders(self, unified: str | None, reading: Reading) -> list[OrderData]:
        """All open orders, of one symbol of ccxt's or of all, foreign ones included."""
        return self._orders(await self.client.fetch_open_orders(unified), reading)

    async def closed_orders(self, unified: str | None, reading: Reading) -> list[OrderData]:
        """The newest page of orders that may have ended."""
        rows: list[Unified] = []
        for method in self._history_methods():
            rows += await getattr(self.client, method)(unified, None, self.words.row.page)
        return self._orders(rows, reading)

    def _history_methods(self) -> tuple[str, ...]:
        has = self.client.has
        if has.get("fetchOrders") is True:
            return ("fetch_orders",)
        if has.get("fetchCanceledAndClosedOrders"):
            return ("fetch_canceled_and_closed_orders",)
        names = {"fetchClosedOrders": "fetch_closed_orders"}
        names |= {"fetchCanceledOrders": "fetch_canceled_orders"}
        return tuple(method for name, method in names.items() if has.get(name))

    def _orders(self, rows: Sequence[Unified], reading: Reading) -> list[OrderData]:
        return [
            self.order(row, reading) for row in rows if row.get("symbol") in self.words.listings
        ]

    async def fills(
        self, unified: str | None, since_ms: int | None, reading: Reading
    ) -> list[FillData]:
        """Executions, in pages to the end by time or by offset; without `since_ms` one page."""
        row = self.words.row
        found: dict[tuple[object, object, object], Unified] = {}
        offset = 0
        while True:
            params = {"offset": offset} if row.has_page_numbers else {}
            rows = await self.client.fetch_my_trades(unified, since_ms, row.page, params)
            fresh = {(item["symbol"], item["id"], item["order"]): item for item in rows}
            is_over = len(rows) < row.page or fresh.keys() <= found.keys()
            found |= fresh
            if is_over or (since_ms is None and not row.has_page_numbers):
                break
            offset += row.page
            if not row.has_page_numbers:
                since_ms = max(int(item["timestamp"]) for item in rows)
        # Old executions are no news: their times are not compared with now.
        timeless = replace(reading, received_at=None)
        return [
            self.fill(item, timeless)
            for item in found.values()
            if item.get("symbol") in self.words.listings
        ]

    def heard(self, message: object, reading: Reading) -> News | None:
        """Orders and executions of a socket's message; None where ccxt's caches tell them."""
        del message, reading
        return None

    async def positions(self, reading: Reading) -> list[PositionData]:
        """Positions other than flat."""
        del reading
        rows = await self.client.fetch_positions()
        found = [
            self.words.position(row) for row in rows if row.get("symbol") in self.words.listings
        ]
        return [item for item in found if item.size]

    async def balances(self, reading: Reading) -> list[BalanceData]:
        """Assets other than zero."""
        del reading
        return self.words.balances(await self.client.fetch_balance())

    async def margin(self, listing: Listing, reading: Reading) -> tuple[Decimal, MarginMode]:
        """Leverage and margin mode in force.

        Raises:
            NotSupported: If ccxt cannot ask for them.
        """
        unified = self.words.unified[listing.symbol]
        if self.client.has.get("fetchLeverage"):
            found = await self.client.fetch_leverage(unified)
            leverage = Decimal(str(found["longLeverage"]))
            return leverage, MarginMode(found.get("marginMode") or "cross")
        for item in await self.positions(reading):
            if item.symbol == listing.symbol and item.leverage and item.margin_mode:
                return item.leverage, item.margin_mode
        raise NotSupported(
            f"{self.words.venue} does not tell the leverage of {listing.symbol} through ccxt.",
            venue=self.words.venue,
        )

    async def funding(self, listing: Listing, reading: Reading) -> FundingRateData:
        """The rate of the next settlement.

        Raises:
            NotSupported: If ccxt cannot ask for it.
        """
        venue = self.words.venue
        if not self.client.has.get("fetchFundingRate"):
            raise NotSupported(f"{venue} tells no funding rate.", venue=venue)
        data = await self.client.fetch_funding_rate(self.words.unified[listing.symbol])
        return self.words.funding(data, reading.arrival())

    async def set_leverage(self, listing: Listing, leverage: Decimal, mode: MarginMode) -> None:
        """Puts a leverage into force."""
        unified = self.words.unified[listing.symbol]
        await self.client.set_leverage(int(leverage), unified, {"marginMode": mode.value})

    async def set_mode(self, listing: Listing, leverage: Decimal, mode: MarginMode) -> None:
        """Puts a margin mode into force."""
        unified = self.words.unified[listing.symbol]
        params = {"leverage": int(leverage)}
        await self.client.set_margin_mode(mode.value, unified, params)

    async def check_key(self) -> None:
        """Refuses a key that may withdraw, where the venue tells; else proves that it works.

        Raises:
            AuthError: If it may.
        """
        await self.client.fetch_balance()

    def check_owner(self, told: object) -> None:
        """Compares the account's identity with the one that was pinned, where one was.

        Raises:
            AuthError: If they differ.
            MalformedMessage: If the venue told none.
        """
        ours = self.words.account
        if ours and (isinstance(told, bool) or not isinstance(told, str | int)):
            venue = self.words.venue
            raise MalformedMessage(f"{venue}: it does not say whose the key is", venue=venue)
        if ours and str(told) != ours:
            raise is_another(self.words.venue, ours, str(told))

    async def payments(
        self, symbol: str | None, since_ms: int | None, reading: Reading
    ) -> list[FundingPaymentData]:
        """Settlements with the rate of each."""
        del reading
        if not self.client.has.get("fetchFundingHistory"):
            return []
        unified = None if symbol is None else self.words.unified[symbol]
        rows = await self.client.fetch_funding_history(unified, since_ms)
        return [await self._payment(row) for row in rows if row["symbol"] in self.words.listings]

    async def _payment(self, row: Unified) -> FundingPaymentData:
        rate, mark = Decimal(0), None
        at_ms = row.get("timestamp")
        if self.client.has.get("fetchFundingRateHistory") and isinstance(at_ms, int):
            near = await self.client.fetch_funding_rate_history(row["symbol"], at_ms - 60_000, 10)
            for item in near:
                if abs(item["timestamp"] - at_ms) <= 60_000 and item.get("fundingRate") is not None:
                    rate = Decimal(str(item["fundingRate"]))
                    info = item.get("info")
                    price = info.get("markPrice") if isinstance(info, Mapping) else None
                    mark = Decimal(str(price)) if price else None
        return self.words.payment(row, rate, mark)
