"""The account at each venue: what its own messages say, read by our own parsers where we have them.

ccxt's unified words lose things that matter here (Backpack's filled amount is the last fill's,
Binance's total is equity, Hyperliquid's cancelled orders do not say what filled), so venues with
parsers are asked through ccxt's raw endpoints, and the raw rows (`info`) are read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from core.adapters.exchanges.backpack import parse as backpack
from core.adapters.exchanges.binance import parse as binance
from core.adapters.exchanges.ccxt.convert import Unified, Words
from core.adapters.exchanges.decoding import Listing, OrderAck, Reading
from core.adapters.exchanges.ethereum import address_of, private_key
from core.adapters.exchanges.hyperliquid import parse as hyperliquid
from core.adapters.exchanges.hyperliquid.errors import refusal_of
from core.adapters.exchanges.hyperliquid.rest import check_role
from core.adapters.exchanges.models import (
    BalanceData,
    FillData,
    FundingPaymentData,
    MarginMode,
    OrderData,
    OrderStatus,
    PositionData,
    UserData,
    from_ns,
    to_ns,
)
from core.errors import AuthError, MalformedMessage, NotSupported, OrderRejected

News = tuple[UserData, ...]
_WITHDRAWS: Final = "Take that right away at the venue, or make a key without it."


class Account:
    """An account in ccxt's own words.

    Args:
        words: Reads them.
        client: ccxt's exchange object.
    """

    def __init__(self, words: Words, client: Any) -> None:  # noqa: ANN401 # ccxt has no types
        self.words = words
        self.client = client

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

    async def find(
        self, unified: str, order_id: str | None, sent: str | None, reading: Reading
    ) -> OrderData:
        """One order by the venue's id, or by the id that it was sent with."""
        params = {} if order_id is not None else {"clientOrderId": sent}
        data = await self.client.fetch_order(order_id, unified, params)
        return self.order(data, reading)

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


class Binance(Account):
    """Spot."""

    def order(self, data: Unified, reading: Reading) -> OrderData:
        """Of the raw row."""
        return binance.parse_order(data["info"], reading)

    def fill(self, data: Unified, reading: Reading) -> FillData:
        """Of the raw row."""
        return binance.parse_fills([data["info"]], reading)[0]

    def heard(self, message: object, reading: Reading) -> News | None:
        """`executionReport` and `ORDER_TRADE_UPDATE`."""
        if not isinstance(message, dict):
            return ()
        event = message.get("event")
        payload = event if isinstance(event, dict) else binance.unwrap(message)
        kind = payload.get("e") if isinstance(payload, dict) else None
        if kind == "executionReport":
            return binance.parse_execution_report(payload, reading)
        if kind == "ORDER_TRADE_UPDATE":
            return binance.parse_order_trade_update(payload, reading)
        return ()

    async def positions(self, reading: Reading) -> list[PositionData]:
        """None on spot."""
        del reading
        return []

    async def balances(self, reading: Reading) -> list[BalanceData]:
        """REST `account`."""
        return list(binance.parse_account(await self.client.privateGetAccount(), reading))

    async def check_key(self) -> None:
        """REST `apiRestrictions`; the test network does not tell."""
        rights = await self.client.sapiGetAccountApiRestrictions()
        if not isinstance(rights, dict):
            raise MalformedMessage("binance apiRestrictions: expected an object")
        if rights.get("enableWithdrawals") is not False:
            raise AuthError(
                f"{self.words.venue}: this key may withdraw.",
                venue=self.words.venue,
                code="WITHDRAW",
                remedy=_WITHDRAWS,
            )


class BinanceFutures(Binance):
    """USDⓈ-M."""

    async def positions(self, reading: Reading) -> list[PositionData]:
        """REST `positionRisk`, whose second version tells leverage and mode."""
        rows = await self.client.fapiPrivateV2GetPositionRisk()
        return list(binance.parse_positions(rows, reading))

    async def balances(self, reading: Reading) -> list[BalanceData]:
        """REST `balance`."""
        return list(binance.parse_balances(await self.client.fapiPrivateV3GetBalance(), reading))

    async def margin(self, listing: Listing, reading: Reading) -> tuple[Decimal, MarginMode]:
        """REST `positionRisk` tells them for flat positions too."""
        del reading
        rows = await self.client.fapiPrivateV2GetPositionRisk({"symbol": listing.key})
        row = rows[0]
        return Decimal(row["leverage"]), MarginMode(str(row["marginType"]).lower())

    async def set_leverage(self, listing: Listing, leverage: Decimal, mode: MarginMode) -> None:
        """Raw, since ccxt refuses numbers that the venue might take."""
        del mode
        request = {"symbol": listing.key, "leverage": int(leverage)}
        await self.client.fapiPrivatePostLeverage(request)

    async def set_mode(self, listing: Listing, leverage: Decimal, mode: MarginMode) -> None:
        """A mode that is in force already is no change to ask for: the venue refuses it."""
        del leverage
        words = {MarginMode.CROSS: "CROSSED", MarginMode.ISOLATED: "ISOLATED"}
        request = {"symbol": listing.key, "marginType": words[mode]}
        await self.client.fapiPrivatePostMarginType(request)

    async def check_key(self) -> None:
        """Also refuses an account in hedge mode."""
        await super().check_key()
        mode = await self.client.fapiPrivateGetPositionSideDual()
        if not isinstance(mode, dict) or mode.get("dualSidePosition") is not False:
            raise AuthError(
                f"{self.words.venue}: the account is in hedge mode.",
                venue=self.words.venue,
                code="POSITION_MODE",
                remedy="Switch it to one-way mode at the venue.",
            )


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
        role, master = "", ""
        if isinstance(answer, dict):
            data = answer.get("data")
            role = str(answer.get("role") or "")
            master = str(data.get("user") or "") if isinstance(data, dict) else ""
        check_role(role, master, account)

    async def payments(
        self, symbol: str | None, since_ms: int | None, reading: Reading
    ) -> list[FundingPaymentData]:
        """Info `userFunding`, which tells rate and position."""
        answer = await self._info("userFunding", startTime=since_ms or 0)
        found = hyperliquid.parse_user_funding(answer, reading)
        return [item for item in found if symbol in {None, item.symbol}]


class Backpack(Account):
    """One account whose assets all margin its positions."""

    def order(self, data: Unified, reading: Reading) -> OrderData:
        """Of the raw row."""
        return backpack.parse_order(data["info"], reading)

    def fill(self, data: Unified, reading: Reading) -> FillData:
        """Of the raw row."""
        return backpack.parse_fills([data["info"]], reading)[0]

    def heard(self, message: object, reading: Reading) -> News | None:
        """`account.orderUpdate`: the order with its fill."""
        stream = message.get("stream") if isinstance(message, dict) else None
        if not isinstance(stream, str) or not stream.startswith("account.orderUpdate"):
            return ()
        told = backpack.parse_order_event(backpack.unwrap(message), reading)
        return tuple(
            # as precise as REST tells, so that both tell the same execution
            replace(item, at=from_ns(to_ns(item.at) // 1_000_000 * 1_000_000))
            if isinstance(item, FillData)
            else item
            for item in told
        )

    async def positions(self, reading: Reading) -> list[PositionData]:
        """REST `position`, with the leverage limit of the account."""
        rows = await self.client.privateGetApiV1Position()
        found = backpack.parse_positions(rows, reading)
        if not found:
            return []
        leverage = await self._leverage()
        return [replace(item, leverage=leverage, margin_mode=MarginMode.CROSS) for item in found]

    async def balances(self, reading: Reading) -> list[BalanceData]:
        """REST `capital/collateral`."""
        answer = await self.client.privateGetApiV1CapitalCollateral()
        return list(backpack.parse_collateral(answer, reading))

    async def margin(self, listing: Listing, reading: Reading) -> tuple[Decimal, MarginMode]:
        """The leverage limit of the whole account; positions share its collateral."""
        del listing, reading
        return await self._leverage(), MarginMode.CROSS

    async def set_leverage(self, listing: Listing, leverage: Decimal, mode: MarginMode) -> None:
        """Of the whole account: there is no other."""
        del listing, mode
        await self.client.privatePatchApiV1Account({"leverageLimit": str(int(leverage))})

    async def set_mode(self, listing: Listing, leverage: Decimal, mode: MarginMode) -> None:
        """Cross is all there is."""
        del leverage
        if mode is not MarginMode.CROSS:
            raise OrderRejected(
                f"{self.words.venue} has no isolated margin for {listing.symbol}.",
                venue=self.words.venue,
                code="MARGIN_MODE",
            )

    async def _leverage(self) -> Decimal:
        answer = await self.client.privateGetApiV1Account()
        if not isinstance(answer, dict) or "leverageLimit" not in answer:
            raise MalformedMessage("backpack account: no leverageLimit")
        return Decimal(str(answer["leverageLimit"]))

    async def check_key(self) -> None:
        """The venue does not tell a key's rights; it must work."""
        await self.client.privateGetApiV1Account()


class Okx(Account):
    """Refuses a key that may withdraw; else ccxt's words."""

    async def check_key(self) -> None:
        """REST `account/config`."""
        answer = await self.client.privateGetAccountConfig()
        rows = answer.get("data") if isinstance(answer, dict) else None
        row = rows[0] if isinstance(rows, list) and rows else {}
        if "withdraw" in str(row.get("perm")):
            raise AuthError(
                f"{self.words.venue}: this key may withdraw.",
                venue=self.words.venue,
                code="WITHDRAW",
                remedy=_WITHDRAWS,
            )
        if row.get("posMode") == "long_short_mode":
            raise AuthError(
                f"{self.words.venue}: the account is in long/short mode.",
                venue=self.words.venue,
                code="POSITION_MODE",
                remedy="Switch it to net mode at the venue.",
            )


class Bybit(Account):
    """Refuses a key that may withdraw; else ccxt's words."""

    async def check_key(self) -> None:
        """REST `user/query-api`."""
        answer = await self.client.privateGetV5UserQueryApi()
        result = answer.get("result") if isinstance(answer, dict) else None
        rights = result.get("permissions") if isinstance(result, dict) else None
        if not isinstance(rights, dict) or "Withdraw" in (rights.get("Wallet") or ()):
            raise AuthError(
                f"{self.words.venue}: this key may withdraw, or does not tell its rights.",
                venue=self.words.venue,
                code="WITHDRAW",
                remedy=_WITHDRAWS,
            )


KINDS: Final[Mapping[str, type[Account]]] = {
    "backpack": Backpack,
    "binance": Binance,
    "binance-usdm": BinanceFutures,
    "bybit": Bybit,
    "hyperliquid": Hyperliquid,
    "okx": Okx,
}
"""Venue -> its account; the others speak ccxt's words alone."""


def account_of(venue: str, words: Words, client: Any) -> Account:  # noqa: ANN401 # ccxt has no types
    """The account of a venue, by the name of its row."""
    return KINDS.get(venue, Account)(words, client)


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
