"""Hyperliquid's requests: `POST /info` for questions, `POST /exchange` for signed actions.

Sources: hyperliquid.gitbook.io, "Info endpoint", "Exchange endpoint", "Nonces and API wallets",
"Rate limits and user limits". Weights are those of the address: 1,200 a minute; an exchange request
weighs 1 and one more for every forty orders in it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final, TypeVar

import msgspec
from coincurve import PrivateKey

from core.adapters.exchanges.connection.limiter import Limit, RateBudget
from core.adapters.exchanges.decoding import Listing, Reading
from core.adapters.exchanges.hyperliquid import parse
from core.adapters.exchanges.hyperliquid.dexes import dex_of
from core.adapters.exchanges.hyperliquid.errors import error_of
from core.adapters.exchanges.hyperliquid.instruments import (
    at_price,
    parse_all_metas,
    parse_mids,
    parse_spot_meta,
    parse_tokens,
)
from core.adapters.exchanges.hyperliquid.sign import Action, request_body, sign_action
from core.adapters.exchanges.models import (
    FillData,
    FundingPaymentData,
    OHLCVData,
    to_ns,
)
from core.adapters.exchanges.native.exchange import Doors
from core.adapters.exchanges.native.listings import Listings
from core.adapters.exchanges.native.rest import Rest
from core.errors import AuthError, MalformedMessage, OutcomeUnknown

T = TypeVar("T")

LIMIT: Final = Limit(1200, 60.0)
_LIGHT: Final = frozenset(
    {
        "l2Book",
        "allMids",
        "clearinghouseState",
        "orderStatus",
        "spotClearinghouseState",
        "exchangeStatus",
    }
)
_WEIGHTS: Final = {"userRole": 60, **dict.fromkeys(_LIGHT, 2)}
_OTHER: Final = 20
_JSON: Final = {"Content-Type": "application/json"}
_FILLS_PAGE: Final = 2000
_FUNDING_PAGE: Final = 500
_PAGES: Final = 60
"""A walk that is longer than this does not move on, or asks for years."""
_INTERVALS_MS: Final = {
    "1m": 60_000,
    "3m": 180_000,
    "5m": 300_000,
    "15m": 900_000,
    "30m": 1_800_000,
    "1h": 3_600_000,
    "2h": 7_200_000,
    "4h": 14_400_000,
    "8h": 28_800_000,
    "12h": 43_200_000,
    "1d": 86_400_000,
    "3d": 259_200_000,
    "1w": 604_800_000,
    "1M": 2_592_000_000,
}


class Signer:
    """Signs actions for one account with an agent's key; nonces never repeat or fall back.

    Args:
        key: The agent's.
        is_mainnet: False signs for the test network.
        now_ms: The clock.
        vault: Address of the sub-account or vault that is traded for; None for the agent's own
            account.
    """

    def __init__(
        self,
        key: PrivateKey,
        *,
        is_mainnet: bool,
        now_ms: Callable[[], int],
        vault: str | None = None,
    ) -> None:
        self._key = key
        self._is_mainnet = is_mainnet
        self._now_ms = now_ms
        self._vault = vault
        self._nonce = 0

    def body(self, action: Action, expires_after_ms: int | None = None) -> Action:
        """The signed request; every call uses up a nonce."""
        self._nonce = max(self._nonce + 1, self._now_ms())
        signature = sign_action(
            action,
            self._nonce,
            self._key,
            is_mainnet=self._is_mainnet,
            vault=self._vault,
            expires_after_ms=expires_after_ms,
        )
        return request_body(
            action,
            self._nonce,
            signature,
            vault=self._vault,
            expires_after_ms=expires_after_ms,
        )


class HyperliquidRest(Rest):
    """Questions and actions over HTTP.

    Args:
        doors: What the adapter stands on.
        listings: The venue's instruments.
        user: Address of the account that is asked about.
    """

    def __init__(self, doors: Doors, listings: Listings, user: str) -> None:
        super().__init__("hyperliquid", doors.seams.transport, doors.clock, error_of)
        self.user = user
        self.budget: RateBudget = doors.budgets.of("hyperliquid address", LIMIT)
        self._url = doors.settings.urls["rest"]
        self._listings = listings

    def reading(self, *, asked_for: str = "") -> Reading:
        """What a parser may know of an answer that came now."""
        return self._listings.reading(self.clock.now(), asked_for=asked_for)

    async def info(
        self, kind: str, *, dex: str = "", is_urgent: bool = False, **fields: object
    ) -> object:
        """An answer of the info endpoint; about the venue's own dex where none is named."""
        asked = {"type": kind, **fields, **({"dex": dex} if dex else {})}
        body = msgspec.json.encode(asked)
        return await self.ask(
            "POST",
            f"{self._url}/info",
            headers=_JSON,
            body=body,
            budget=self.budget,
            weight=_WEIGHTS.get(kind, _OTHER),
            is_urgent=is_urgent,
        )

    async def act(self, body: Action, *, is_urgent: bool) -> object:
        """The answer to a signed action; what goes wrong is `OutcomeUnknown`."""
        return await self.ask(
            "POST",
            f"{self._url}/exchange",
            headers=_JSON,
            body=msgspec.json.encode(body),
            budget=self.budget,
            weight=1,
            is_order=True,
            is_urgent=is_urgent,
        )

    # -- instruments and account --------------------------------------------------------------

    async def load(self) -> Sequence[Listing]:
        """The venue's own perpetuals, those of builders, and the spot pairs.

        Their price steps are those that hold about the prices of now.
        """
        spots = await self.info("spotMeta")
        perps = await self.info("allPerpMetas")
        reading = self.reading()
        tokens = parse_tokens(spots, reading)
        listings = (*parse_all_metas(perps, reading, tokens), *parse_spot_meta(spots, reading))
        mids: dict[str, Decimal] = {}
        for dex in dict.fromkeys(dex_of(listing.key) for listing in listings):
            mids |= parse_mids(await self.info("allMids", dex=dex), self.reading())
        return tuple(at_price(listing, mids.get(listing.key)) for listing in listings)

    async def role(self, address: str) -> tuple[str, str]:
        """(role, master) of an address: `user`, `agent`, `vault`, `subAccount` or `missing`.

        Raises:
            MalformedMessage: If the answer is none.
        """
        return role_of(await self.info("userRole", user=address))

    # -- pages --------------------------------------------------------------------------------

    async def candles(
        self, key: str, timeframe: str, since: datetime | None, limit: int | None
    ) -> list[OHLCVData]:
        """Candles from old to new.

        Raises:
            KeyError: For a length that the venue does not have.
        """
        length_ms = _INTERVALS_MS[timeframe]
        now_ms = self.clock.now_ns() // 1_000_000
        start = now_ms - length_ms * (limit or 500) if since is None else to_ns(since) // 1_000_000
        asked = {"coin": key, "interval": timeframe, "startTime": start, "endTime": now_ms}
        found = parse.parse_candles(await self.info("candleSnapshot", req=asked), self.reading())
        rows = [row for row in found if since is None or row.at >= since]
        return rows if limit is None else (rows[-limit:] if since is None else rows[:limit])

    async def fills(self, since: datetime | None) -> list[FillData]:
        """Our executions from old to new, page by page to the end."""
        found = await self._walk(
            "userFillsByTime", since, _FILLS_PAGE, parse.parse_fills, lambda row: row.at
        )
        return [row for row in found if since is None or row.at >= since]

    async def funding(self, since: datetime | None) -> list[FundingPaymentData]:
        """Our settlements from old to new, page by page to the end."""
        found = await self._walk(
            "userFunding", since, _FUNDING_PAGE, parse.parse_user_funding, lambda row: row.at
        )
        return [row for row in found if since is None or row.at >= since]

    async def _walk(
        self,
        kind: str,
        since: datetime | None,
        size: int,
        read: Callable[[object, Reading], tuple[T, ...]],
        at_of: Callable[[T], datetime],
    ) -> list[T]:
        """Rows since a moment; each page begins at the last row of the one before, counted once."""
        start_ms = 0 if since is None else to_ns(since) // 1_000_000
        found: dict[T, None] = {}
        for _ in range(_PAGES):
            answer = await self.info(kind, is_urgent=True, user=self.user, startTime=start_ms)
            rows = read(answer, self._listings.reading(None))
            before = len(found)
            found.update(dict.fromkeys(rows))
            newest_ms = max((to_ns(at_of(row)) // 1_000_000 for row in rows), default=start_ms)
            if len(rows) < size or (len(found) == before and newest_ms <= start_ms):
                return sorted(found, key=at_of)
            start_ms = newest_ms
        raise MalformedMessage(f"{self.venue} {kind}: the pages do not end", venue=self.venue)


def statuses_of(answer: object, reading: Reading) -> tuple[object, ...]:
    """The single outcomes of an action.

    Raises:
        OutcomeUnknown: If the answer has another form, which proves nothing.
    """
    try:
        return parse.parse_order_acks(answer, reading)
    except MalformedMessage as error:
        raise OutcomeUnknown(str(error), venue="hyperliquid") from error


def role_of(answer: object) -> tuple[str, str]:
    """(role, master) of the answer to `userRole`.

    Raises:
        MalformedMessage: If the answer is none, or an agent's names no master.
    """
    role = answer.get("role") if isinstance(answer, dict) else None
    data = answer.get("data") if isinstance(answer, dict) else None
    master = data.get("user") or data.get("master") if isinstance(data, dict) else None
    if not isinstance(role, str) or (role == "agent" and not isinstance(master, str)):
        raise MalformedMessage("hyperliquid userRole: expected a role", venue="hyperliquid")
    return role, str(master or "").lower()


def check_role(role: str, master: str, account: str) -> None:
    """Whether an agent's key may trade for the account.

    Raises:
        AuthError: If it is none, or another account's.
    """
    if role == "user":
        raise AuthError(
            "hyperliquid: this is the account's own key, which may also withdraw.",
            venue="hyperliquid",
            code="WITHDRAW",
            remedy="Make an API wallet (agent) and use its key.",
        )
    if role != "agent":
        raise AuthError(
            f"hyperliquid: the key is of no approved agent ({role}).",
            venue="hyperliquid",
            remedy="Approve the API wallet at the venue, or make a new one.",
        )
    if master and master != account.lower():
        raise AuthError(
            "hyperliquid: the key belongs to another account.",
            venue="hyperliquid",
            code="ACCOUNT",
            remedy="Set the account's address to that of the API wallet's owner.",
        )
