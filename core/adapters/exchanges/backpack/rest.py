"""Backpack's requests: Ed25519 over the instruction and the sorted parameters.

Every signed request carries the venue's time as we know it and a window after which the venue
refuses it; an order's window ends at its deadline, so a negative answer after that is final.
Histories come newest first and are paged by `offset`; what is new meanwhile only makes rows come
twice. Sources: docs.backpack.exchange, "Authentication" and the REST reference. The limit of two
thousand requests a minute is that of other clients, the venue publishes none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final, TypeVar
from urllib.parse import urlencode

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from core.adapters.exchanges.backpack import parse
from core.adapters.exchanges.backpack.errors import error_of
from core.adapters.exchanges.backpack.sign import DEFAULT_WINDOW_MS, MAX_WINDOW_MS, Value, headers
from core.adapters.exchanges.connection.limiter import Limit, RateBudget
from core.adapters.exchanges.credentials import Credentials
from core.adapters.exchanges.decoding import Reading
from core.adapters.exchanges.ed25519 import key_from_seed
from core.adapters.exchanges.models import FillData, FundingPaymentData, OrderData, to_ns
from core.adapters.exchanges.native.exchange import Doors
from core.adapters.exchanges.native.listings import Listings
from core.adapters.exchanges.native.rest import Rest
from core.errors import AuthError, MalformedMessage, NotSent, VenueError

T = TypeVar("T")

LIMIT: Final = Limit(2000, 60.0)
_PAGE: Final = 1000
_PAGES: Final = 200
"""A walk that is longer than this does not move on, or asks for years."""
_MS: Final = 1_000_000


class Key:
    """An API key ready to sign.

    Args:
        credentials: `key` is the public key, `secret` the seed, both in base64.

    Raises:
        AuthError: If one of them is missing or none.
    """

    def __init__(self, credentials: Credentials) -> None:
        secret = credentials.secret.reveal()
        if not credentials.key or not secret:
            raise AuthError("backpack: the API key or its secret is missing.", venue="backpack")
        self.name = credentials.key
        self.pair: Ed25519PrivateKey = key_from_seed(secret)


class BackpackRest(Rest):
    """Requests.

    Args:
        doors: What the adapter stands on.
        listings: The venue's instruments.
    """

    def __init__(self, doors: Doors, listings: Listings) -> None:
        super().__init__("backpack", doors.seams.transport, doors.clock, error_of)
        self.key: Key | None = None
        self.offset_ms = 0
        """The venue's clock less ours."""
        self.budget: RateBudget = doors.budgets.of("backpack address", LIMIT)
        self._url = doors.settings.urls["rest"]
        self._listings = listings

    def reading(self, asked_for: str = "") -> Reading:
        """What a parser may know of an answer that came now."""
        return self._listings.reading(self.clock.now(), asked_for=asked_for)

    def is_out_of_time(self, error: VenueError) -> bool:
        """`INVALID_CLIENT_REQUEST` "Request has expired": one code for several mistakes."""
        return error.code == "INVALID_CLIENT_REQUEST" and "expired" in error.message.lower()

    # -- asking -------------------------------------------------------------------------------

    async def public(self, path: str, params: Mapping[str, object] | None = None) -> object:
        """An answer that needs no key."""
        query = f"?{urlencode(params)}" if params else ""
        return await self.ask("GET", f"{self._url}{path}{query}", budget=self.budget)

    async def signed(
        self,
        method: str,
        path: str,
        instruction: str,
        params: Mapping[str, Value] | None = None,
        *,
        is_order: bool = False,
        is_urgent: bool = False,
        window_ms: int = DEFAULT_WINDOW_MS,
    ) -> object:
        """An answer that needs a signature; a GET's parameters are its query, else its body."""
        key, fields = self.need_key(), dict(params or {})
        signed = headers(
            instruction,
            [fields],
            api_key=key.name,
            key=key.pair,
            timestamp_ms=self.now_ms(),
            window_ms=max(1, min(window_ms, MAX_WINDOW_MS)),
        )
        is_query = method == "GET"
        query = f"?{urlencode(fields)}" if is_query and fields else ""
        return await self.ask(
            method,
            f"{self._url}{path}{query}",
            headers=signed if is_query else {**signed, "Content-Type": "application/json"},
            body=b"" if is_query else msgspec.json.encode(fields),
            budget=self.budget,
            is_order=is_order,
            is_urgent=is_urgent,
        )

    def need_key(self) -> Key:
        """The key.

        Raises:
            NotSent: If none was accepted.
        """
        if self.key is None:
            raise NotSent("backpack: no key was accepted.", venue=self.venue)
        return self.key

    def now_ms(self) -> int:
        """The venue's time as we know it."""
        return self.clock.now_ns() // _MS + self.offset_ms

    def window_ms(self, expires_at: datetime | None) -> int:
        """How long from now a request with that deadline may be on its way."""
        if expires_at is None:
            return DEFAULT_WINDOW_MS
        return (to_ns(expires_at) - self.clock.now_ns()) // _MS

    async def measure_time(self) -> int:
        """Asks for the venue's time, keeps the difference to ours, and gives it (UTC ns).

        Raises:
            MalformedMessage: If the answer holds none.
        """
        began_ns = self.clock.now_ns()
        told = await self.public("/api/v1/time")
        took_ns = self.clock.now_ns() - began_ns
        if isinstance(told, str) and told.isdigit():
            told = int(told)
        if not isinstance(told, int):
            raise MalformedMessage("backpack time: expected milliseconds", venue=self.venue)
        self.offset_ms = told - (began_ns + took_ns // 2) // _MS
        return told * _MS

    # -- pages --------------------------------------------------------------------------------

    async def orders(
        self,
        params: Mapping[str, Value],
        is_enough: Callable[[list[OrderData]], bool],
    ) -> list[OrderData]:
        """The history, newest creation first, until a page is enough or there is no other."""
        return await self._walk(
            "/wapi/v1/history/orders",
            "orderHistoryQueryAll",
            params,
            lambda answer: parse.parse_orders(answer, self.reading()),
            lambda row: row.order_id,
            is_enough,
        )

    async def fills(self, key: str | None, since: datetime | None) -> list[FillData]:
        """Our executions from old to new."""
        params: dict[str, Value] = {} if key is None else {"symbol": key}
        if since is not None:
            params["from"] = to_ns(since) // _MS
        rows = await self._walk(
            "/wapi/v1/history/fills",
            "fillHistoryQueryAll",
            params,
            lambda answer: parse.parse_fills(answer, self._listings.reading(None)),
            lambda row: (row.symbol, row.trade_id, row.order_id),
        )
        found = [row for row in rows if since is None or row.at >= since]
        return sorted(found, key=lambda row: (row.at, int(row.trade_id)))

    async def funding(self, key: str | None, since: datetime | None) -> list[FundingPaymentData]:
        """Our settlements from old to new."""
        rows = await self._walk(
            "/wapi/v1/history/funding",
            "fundingHistoryQueryAll",
            {} if key is None else {"symbol": key},
            lambda answer: parse.parse_funding_payments(answer, self.reading()),
            lambda row: (row.symbol, row.payment_id),
            lambda page: since is not None and all(row.at < since for row in page),
        )
        found = [replace(row) for row in rows if since is None or row.at >= since]
        return sorted(found, key=lambda row: (row.at, row.symbol))

    async def _walk(  # a walk has as many parts
        self,
        path: str,
        instruction: str,
        params: Mapping[str, Value],
        read: Callable[[object], tuple[T, ...]],
        identity: Callable[[T], object],
        is_enough: Callable[[list[T]], bool] = lambda _page: False,
    ) -> list[T]:
        found: dict[object, T] = {}
        for page in range(_PAGES):
            fields = {**params, "limit": _PAGE, "offset": page * _PAGE}
            answer = await self.signed("GET", path, instruction, fields, is_urgent=True)
            rows = list(read(answer))
            for row in rows:
                found.setdefault(identity(row), row)
            if len(rows) < _PAGE or is_enough(rows):
                return list(found.values())
        raise MalformedMessage(f"backpack {path}: the pages do not end", venue=self.venue)
