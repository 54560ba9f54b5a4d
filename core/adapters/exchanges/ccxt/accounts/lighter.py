"""Lighter through ccxt, read by Lighter's own parsers.

An order is answered with a hash alone: its id, and what became of it, come on the private socket
under our number, or are asked for. What matching refuses is an order that was cancelled at once,
with a word why.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Final, TypeVar

from core.adapters.exchanges.ccxt.accounts.base import Account, News
from core.adapters.exchanges.ccxt.values import Unified
from core.adapters.exchanges.decoding import Listing, OrderAck, Reading
from core.adapters.exchanges.lighter import parse as lighter
from core.adapters.exchanges.lighter.news import refusal_in
from core.adapters.exchanges.models import (
    BalanceData,
    FillData,
    FundingPaymentData,
    FundingRateData,
    MarginMode,
    OrderData,
    OrderSide,
    PositionData,
    from_ns,
)
from core.errors import (
    AuthError,
    ConfigError,
    MalformedMessage,
    OrderNotFound,
    OrderRejected,
)

T = TypeVar("T")

_EVERY_MARKET: Final = 255
_PAGE: Final = 100
_PAGES: Final = 100
_SENT: Final = ("code", "tx_hash")
"""What the answer to a transaction says; ccxt mixes it with what was asked for."""
_MS: Final = 1_000_000
_SHARED_MS: Final = 300
"""A question about the account counts like fifty orders."""


class Lighter(Account):
    """One account: collateral in USDC with positions, and assets for spot."""

    _shared: tuple[int, object] | None = None
    """When the account was asked for its positions, and the answer, which has its balances too."""

    # -- what the private socket tells --------------------------------------------------------

    def heard(self, message: object, reading: Reading) -> News | None:
        """`account_all_orders` and `account_all_trades`."""
        channel = message.get("channel") if isinstance(message, dict) else None
        kind = str(channel).partition(":")[0]
        if kind == "account_all_orders":
            return lighter.parse_account_orders(message, reading)
        if kind == "account_all_trades":
            fills = lighter.parse_account_trades(message, reading)
            return tuple(sorted(fills, key=lambda fill: (fill.at, fill.trade_id)))
        return ()

    def ack(self, data: Unified, symbol: str, amount: Decimal, reading: Reading) -> OrderAck:
        """A hash: taken for sequencing, and nothing about the order."""
        del symbol, amount
        told = data.get("info")
        answer = {name: told.get(name) for name in _SENT} if isinstance(told, Mapping) else told
        return lighter.parse_sent(answer, reading)

    def refusal(self, order: OrderData) -> OrderRejected | None:
        """Also of an order that matching cancelled at once."""
        return refusal_in(order) or super().refusal(order)

    async def check(
        self, listing: Listing, side: OrderSide, reading: Reading, *, is_reduce_only: bool
    ) -> None:
        """Refuses a reduce-only order that the venue would drop without a word."""
        if not is_reduce_only:
            return
        held = [item for item in await self.positions(reading) if item.symbol == listing.symbol]
        if not held or held[0].size * side.sign >= 0:
            raise OrderRejected(
                f"{self.words.venue} {listing.symbol}: there is nothing to reduce; nothing was "
                "sent.",
                venue=self.words.venue,
                code="REDUCE_ONLY",
            )

    # -- orders -------------------------------------------------------------------------------

    async def find(
        self, unified: str, order_id: str | None, sent: str | None, reading: Reading
    ) -> OrderData:
        """Among the open orders, then among those that are over, to the end."""

        def is_meant(row: OrderData) -> bool:
            return row.client_order_id == sent if order_id is None else row.order_id == order_id

        found = [row for row in await self.open_orders(unified, reading) if is_meant(row)]
        if not found:
            closed = await self._walk(
                "AccountInactiveOrders",
                {"market_id": self._market(unified)},
                lambda answer: lighter.parse_orders(answer, reading),
                lambda page: any(map(is_meant, page)),
            )
            found = [row for row in closed if is_meant(row)]
        if not found:
            raise OrderNotFound(
                f"{self.words.venue} does not know the order.", venue=self.words.venue
            )
        return found[0]

    async def open_orders(self, unified: str | None, reading: Reading) -> list[OrderData]:
        """REST `accountActiveOrders`."""
        answer = await self._private("AccountActiveOrders", {"market_id": self._market(unified)})
        return [row for row in lighter.parse_orders(answer, reading) if row.status.is_open]

    async def closed_orders(self, unified: str | None, reading: Reading) -> list[OrderData]:
        """REST `accountInactiveOrders`, the newest page."""
        return await self._walk(
            "AccountInactiveOrders",
            {"market_id": self._market(unified)},
            lambda answer: lighter.parse_orders(answer, reading),
            bool,
        )

    async def fills(
        self, unified: str | None, since_ms: int | None, reading: Reading
    ) -> list[FillData]:
        """REST `trades`, newest first, back to `since_ms`; without it one page."""
        bare = replace(reading, received_at=None)  # old executions are no news
        since = None if since_ms is None else from_ns(since_ms * _MS)
        return await self._walk(
            "Trades",
            {"market_id": self._market(unified), "sort_by": "timestamp", "sort_dir": "desc"},
            lambda answer: lighter.parse_fills(answer, bare),
            lambda page: since is None or all(fill.at < since for fill in page),
        )

    # -- money --------------------------------------------------------------------------------

    async def positions(self, reading: Reading) -> list[PositionData]:
        """REST `account`; who asks for balances next is given the same answer."""
        answer = await self._state()
        self._shared = int(self.client.milliseconds()), answer
        found = lighter.parse_account(answer, reading)
        return [item for item in found if isinstance(item, PositionData)]

    async def balances(self, reading: Reading) -> list[BalanceData]:
        """REST `account`: the collateral with what the account is worth, and other assets."""
        shared, self._shared = self._shared, None
        if shared is not None and int(self.client.milliseconds()) - shared[0] <= _SHARED_MS:
            answer = shared[1]
        else:
            answer = await self._state()
        found = lighter.parse_account(answer, reading)
        collateral = [item for item in found if isinstance(item, BalanceData)]
        return [*collateral, *lighter.parse_account_assets(answer, reading)]

    async def margin(self, listing: Listing, reading: Reading) -> tuple[Decimal, MarginMode]:
        """Of the market's row; one that was never traded has the largest leverage."""
        for row in lighter.parse_account_margins(await self._state(), reading):
            if row.symbol == listing.symbol and row.leverage is not None:
                return row.leverage, row.margin_mode or MarginMode.CROSS
        most = Decimal(1) if listing.instrument is None else listing.instrument.max_leverage
        return most, MarginMode.CROSS

    async def funding(self, listing: Listing, reading: Reading) -> FundingRateData:
        """REST `funding-rates`, per eight hours; other venues' rows stand among them."""
        answer = await self.client.publicGetFundingRates()
        for rate in lighter.parse_funding_rates(answer, reading):
            if rate.symbol == listing.symbol:
                return rate
        raise MalformedMessage(f"{self.words.venue} told no funding of {listing.symbol}")

    async def payments(
        self, symbol: str | None, since_ms: int | None, reading: Reading
    ) -> list[FundingPaymentData]:
        """REST `positionFunding`."""
        unified = None if symbol is None else self.words.unified[symbol]
        since = None if since_ms is None else from_ns(since_ms * _MS)
        found = await self._walk(
            "PositionFunding",
            {"market_id": self._market(unified)},
            lambda answer: lighter.parse_funding_payments(answer, reading),
            lambda page: since is not None and all(item.at < since for item in page),
        )
        return [item for item in found if symbol in {None, item.symbol}]

    async def check_key(self) -> None:
        """The signer must be there, the key accepted; tells nonce and budget.

        Raises:
            AuthError: If the signer or the key is missing or refused, with the way out.
        """
        answer = await self._private("AccountLimits", {})
        await self.client.fetch_nonce(self.words.account, self.client.options["apiKeyIndex"])
        self.is_premium = isinstance(answer, dict) and answer.get("user_tier") == "premium"

    # -- questions ----------------------------------------------------------------------------

    def _market(self, unified: str | None) -> str:
        return str(_EVERY_MARKET) if unified is None else self.words.of(unified).key

    async def _state(self) -> object:
        asked = {"by": "index", "value": self.words.account}
        answer: object = await self.client.publicGetAccount(asked)
        return answer

    async def _private(self, name: str, asked: Mapping[str, object]) -> object:
        """An answer that needs an access token."""
        try:
            await self.client.pre_load_lighter_library()
            ask = getattr(self.client, f"privateGet{name}")
            answer: object = await ask({"account_index": self.words.account, **asked})
        except ConfigError as error:
            venue = self.words.venue
            raise AuthError(error.message, venue=venue, remedy=error.remedy) from error
        except AuthError:
            self._forget_token()
            raise
        return answer

    def _forget_token(self) -> None:
        """The venue refused it: the next question has another one."""
        for keys in self.client.options["auths"].values():
            for kept in keys.values():
                kept["deadline"] = None

    async def _walk(
        self,
        name: str,
        asked: Mapping[str, object],
        read: Callable[[object], tuple[T, ...]],
        is_enough: Callable[[tuple[T, ...]], bool],
    ) -> list[T]:
        """Rows, newest first, until a page is enough or there is no other.

        Raises:
            MalformedMessage: If the pages do not end.
        """
        found: dict[T, None] = {}
        cursor = ""
        for _ in range(_PAGES):
            more = {"cursor": cursor} if cursor else {}
            answer = await self._private(name, {**asked, "limit": _PAGE, **more})
            rows = read(answer)
            found.update(dict.fromkeys(rows))
            told = answer.get("next_cursor") if isinstance(answer, dict) else None
            cursor = told if isinstance(told, str) else ""
            if not cursor or not rows or is_enough(rows):
                return list(found)
        raise MalformedMessage(f"{self.words.venue} {name}: the pages do not end")
