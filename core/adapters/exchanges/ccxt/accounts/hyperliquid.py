"""Hyperliquid through ccxt, read by Hyperliquid's own parsers."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from core.adapters.exchanges.ccxt.accounts.base import Account, News
from core.adapters.exchanges.ccxt.values import Unified
from core.adapters.exchanges.decoding import Listing, OrderAck, Reading
from core.adapters.exchanges.ethereum import address_of, private_key
from core.adapters.exchanges.hyperliquid import parse as hyperliquid
from core.adapters.exchanges.hyperliquid.errors import refusal_of
from core.adapters.exchanges.hyperliquid.rest import check_role, role_of
from core.adapters.exchanges.models import (
    BalanceData,
    FillData,
    FundingPaymentData,
    MarginMode,
    OrderData,
    OrderStatus,
    PositionData,
)
from core.errors import AuthError


class Hyperliquid(Account):
    """Perpetuals and spot; USDC of both accounts as one."""

    def order(self, data: Unified, reading: Reading) -> OrderData:
        """Of the raw row: with its status, or among the open ones."""
        info = data["info"]
        if "statusTimestamp" in info:
            return hyperliquid.parse_order_updates([info], reading)[0]
        return hyperliquid.parse_open_orders([info], reading)[0]

    def fill(self, data: Unified, reading: Reading) -> FillData:
        """Of the raw row."""
        return hyperliquid.parse_fills([data["info"]], reading)[0]

    def heard(self, message: object, reading: Reading) -> News | None:
        """`orderUpdates` and `userFills`, without what the latter repeats at the beginning."""
        if not isinstance(message, dict):
            return ()
        channel, data = message.get("channel"), message.get("data")
        if channel == "orderUpdates":
            return tuple(hyperliquid.parse_order_updates(data, reading))
        is_news = isinstance(data, dict) and data.get("isSnapshot") is not True
        if channel == "userFills" and is_news:
            return tuple(hyperliquid.parse_fills_event(data, reading))
        return ()

    def ack(self, data: Unified, symbol: str, amount: Decimal, reading: Reading) -> OrderAck:
        """Of the raw status: one that filled in part and does not rest is cancelled."""
        del symbol
        statuses = {"type": "order", "data": {"statuses": [data.get("info")]}}
        (ack,) = hyperliquid.parse_order_acks({"status": "ok", "response": statuses}, reading)
        if isinstance(ack, str):
            raise refusal_of(ack)
        if ack.status is OrderStatus.FILLED and ack.filled is not None and ack.filled < amount:
            return replace(ack, status=OrderStatus.CANCELED)
        return ack

    async def find(
        self, unified: str, order_id: str | None, sent: str | None, reading: Reading
    ) -> OrderData:
        """Info `orderStatus`."""
        del unified
        oid: int | str = int(order_id) if order_id is not None else str(sent)
        return hyperliquid.parse_order_status(await self._info("orderStatus", oid=oid), reading)

    async def _info(self, kind: str, **asked: object) -> object:
        request = {"type": kind, "user": self.client.walletAddress, **asked}
        answer: object = await self.client.publicPostInfo(request)
        return answer

    async def positions(self, reading: Reading) -> list[PositionData]:
        """Info `clearinghouseState`."""
        found = hyperliquid.parse_account(await self._info("clearinghouseState"), reading)
        return [item for item in found if isinstance(item, PositionData)]

    async def balances(self, reading: Reading) -> list[BalanceData]:
        """Both accounts."""
        margin = hyperliquid.parse_account(await self._info("clearinghouseState"), reading)
        found = {item.asset: item for item in margin if isinstance(item, BalanceData)}
        spot = await self._info("spotClearinghouseState")
        for item in hyperliquid.parse_spot_account(spot, reading):
            same = found.get(item.asset)
            found[item.asset] = item if same is None else _together(same, item)
        return list(found.values())

    async def margin(self, listing: Listing, reading: Reading) -> tuple[Decimal, MarginMode]:
        """Info `activeAssetData`."""
        return hyperliquid.parse_active_asset(
            await self._info("activeAssetData", coin=listing.key), reading
        )

    async def set_mode(self, listing: Listing, leverage: Decimal, mode: MarginMode) -> None:
        """The same action as for the leverage."""
        await self.set_leverage(listing, leverage, mode)

    async def check_key(self) -> None:
        """Refuses the account's own key: an agent cannot withdraw."""
        account = str(self.client.walletAddress or "")
        agent = address_of(private_key(str(self.client.privateKey)))
        if not account:
            raise AuthError(
                f"{self.words.venue}: the account's address is missing beside the key.",
                venue=self.words.venue,
                remedy="Store the address of the account that approved the API wallet.",
            )
        if agent == account.lower():
            check_role("user", "", account)
        answer = await self.client.publicPostInfo({"type": "userRole", "user": agent})
        role, master = role_of(answer)
        check_role(role, master, account)

    async def payments(
        self, symbol: str | None, since_ms: int | None, reading: Reading
    ) -> list[FundingPaymentData]:
        """Info `userFunding`, which tells rate and position."""
        answer = await self._info("userFunding", startTime=since_ms or 0)
        found = hyperliquid.parse_user_funding(answer, reading)
        return [item for item in found if symbol in {None, item.symbol}]


def _together(first: BalanceData, second: BalanceData) -> BalanceData:
    """One asset in two accounts of the same owner."""
    equity = first.equity if first.equity is not None else first.total
    return replace(
        first,
        total=first.total + second.total,
        free=first.free + second.free,
        used=first.used + second.used,
        equity=equity + second.total,
    )
