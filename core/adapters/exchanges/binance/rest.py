"""Binance's requests, spot and USDⓈ-M.

Every signed request carries the venue's time as we know it (our clock and the measured difference)
and a window after which the venue refuses it; an order's window ends at its deadline, so a negative
answer after that is final. Sources: developers.binance.com, "Request Security", "Timing Security",
"General Info: LIMITS".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar
from urllib.parse import urlencode

from core.adapters.exchanges.binance.errors import OUT_OF_TIME, error_of
from core.adapters.exchanges.binance.markets import Market
from core.adapters.exchanges.binance.sign import (
    HmacKey,
    SigningKey,
    signed_params,
    signed_query,
)
from core.adapters.exchanges.connection.limiter import Budgets, RateBudget
from core.adapters.exchanges.connection.transport import Response
from core.adapters.exchanges.credentials import Credentials
from core.adapters.exchanges.ed25519 import key_from_pem
from core.adapters.exchanges.models import to_ns
from core.adapters.exchanges.native.exchange import Doors
from core.adapters.exchanges.native.rest import Rest
from core.errors import AuthError, MalformedMessage, NotSent, VenueError

T = TypeVar("T")

Params = dict[str, str]

WINDOW_MS: Final = 5_000
_LONGEST_WINDOW_MS: Final = 60_000
_USED: Final = "x-mbx-used-weight-1m"
_PAGE: Final = 1_000
_PAGES: Final = 200


@dataclass(frozen=True, slots=True)
class Key:
    """An API key ready to sign."""

    name: str
    signs: SigningKey
    headers: Mapping[str, str]
    """Of a request."""
    form_headers: Mapping[str, str]
    """Of one whose parameters are its body."""


def key_of(credentials: Credentials) -> Key:
    """The API key of an account: HMAC, or Ed25519 where the secret is a PEM.

    Raises:
        AuthError: If the secret is neither.
    """
    secret = credentials.secret.reveal()
    if not credentials.key or not secret:
        raise AuthError("binance: the API key or its secret is missing.", venue="binance")
    if "PRIVATE KEY" not in secret:
        return _key(credentials.key, HmacKey(secret))
    try:
        return _key(credentials.key, key_from_pem(secret))
    except AuthError as error:
        raise AuthError(f"binance: {error.message}.", venue="binance") from None


def _key(name: str, signs: SigningKey) -> Key:
    headers = {"X-MBX-APIKEY": name}
    form = {**headers, "Content-Type": "application/x-www-form-urlencoded"}
    return Key(name, signs, headers, form)


class BinanceRest(Rest):
    """Requests to both markets.

    Args:
        doors: What the adapter stands on.
    """

    def __init__(self, doors: Doors) -> None:
        super().__init__("binance", doors.seams.transport, doors.clock, error_of)
        self.key: Key | None = None
        self.offset_ms = 0
        """The venue's clock less ours."""
        self._urls = doors.settings.urls
        self._budgets: Budgets = doors.budgets
        self._weights: dict[str, RateBudget] = {}
        """Market -> what its requests are counted against; and its orders, below."""
        self._order_counts: dict[str, RateBudget] = {}
        self._account = doors.credentials.account if doors.credentials is not None else ""

    def budget(self, market: Market) -> RateBudget:
        """What requests from this address are counted against."""
        found = self._weights.get(market.name)
        if found is None:
            found = self._budgets.of(f"binance {market.name} address", market.weight)
            self._weights[market.name] = found
        return found

    def order_budget(self, market: Market) -> RateBudget:
        """What orders of this account are counted against."""
        found = self._order_counts.get(market.name)
        if found is None:
            name = f"binance {market.name} orders {self._account}"
            found = self._order_counts[market.name] = self._budgets.of(name, *market.order_limits)
        return found

    def on_response(self, response: Response, budget: RateBudget | None) -> None:
        """The venue counts for the whole address, also what others asked for."""
        used = response.headers.get(_USED)
        if budget is not None and used is not None and used.isdigit():
            budget.told(int(used), 60.0)

    def is_out_of_time(self, error: VenueError) -> bool:
        """-1021: the stamp lies outside of the window, or ahead of the venue's time."""
        return error.code == OUT_OF_TIME

    # -- asking -------------------------------------------------------------------------------

    async def public(
        self, market: Market, path: str, params: Mapping[str, object] | None = None, weight: int = 1
    ) -> object:
        """An answer that needs no key."""
        query = f"?{urlencode(params)}" if params else ""
        return await self.ask(
            "GET",
            f"{self._urls[market.rest]}{_path(market, path)}{query}",
            budget=self.budget(market),
            weight=weight,
        )

    async def signed(  # noqa: PLR0913 # a request has as many parts
        self,
        method: str,
        market: Market,
        path: str,
        params: Mapping[str, object] | None = None,
        *,
        weight: int = 1,
        is_order: bool = False,
        is_urgent: bool = False,
        counted: RateBudget | None = None,
        expires_at: datetime | None = None,
        usual: Callable[[bytes], object | None] | None = None,
        address: str = "",
    ) -> object:
        """An answer that needs a signature."""
        key = self.key or self._need_key()
        fields = {name: str(value) for name, value in (params or {}).items()}
        query = signed_query(self.timed(fields, expires_at), key.signs)
        url = f"{self._urls[address or market.rest]}{_path(market, path)}"
        is_body = method == "POST"
        return await self.ask(
            method,
            url if is_body else f"{url}?{query}",
            headers=key.form_headers if is_body else key.headers,
            body=query.encode() if is_body else b"",
            budget=self.budget(market),
            counted=counted,
            usual=usual,
            weight=weight,
            is_order=is_order,
            is_urgent=is_urgent,
        )

    async def keyed(self, method: str, market: Market, path: str) -> object:
        """An answer that needs a key and no signature."""
        key = self._need_key()
        return await self.ask(
            method,
            f"{self._urls[market.rest]}{_path(market, path)}",
            headers=key.headers,
            budget=self.budget(market),
            is_urgent=True,
        )

    def timed(self, fields: Params, expires_at: datetime | None = None) -> Params:
        """The same with the venue's time, and the window that ends at the deadline."""
        now_ns = self.clock.now_ns()
        window_ms = WINDOW_MS
        if expires_at is not None:
            left_ms = (to_ns(expires_at) - now_ns) // 1_000_000
            window_ms = max(1, min(left_ms, _LONGEST_WINDOW_MS))
        fields["recvWindow"] = str(window_ms)
        fields["timestamp"] = str(now_ns // 1_000_000 + self.offset_ms)
        return fields

    def socket_params(self, fields: Params, expires_at: datetime | None = None) -> dict[str, str]:
        """Parameters of a request over the WebSocket API, signed."""
        key = self.key or self._need_key()
        fields["apiKey"] = key.name
        return signed_params(self.timed(fields, expires_at), key.signs)

    def now_ms(self) -> int:
        """The venue's time as we know it."""
        return self.clock.now_ns() // 1_000_000 + self.offset_ms

    async def measure_time(self, market: Market) -> int:
        """Asks for the venue's time, keeps the difference to ours, and gives it (UTC ns).

        Raises:
            MalformedMessage: If the answer holds none.
        """
        began_ns = self.clock.now_ns()
        answer = await self.public(market, "time")
        took_ns = self.clock.now_ns() - began_ns
        told = answer.get("serverTime") if isinstance(answer, dict) else None
        if not isinstance(told, int):
            raise MalformedMessage("binance time: expected serverTime", venue=self.venue)
        self.offset_ms = told - (began_ns + took_ns // 2) // 1_000_000
        return told * 1_000_000

    def _need_key(self) -> Key:
        if self.key is None:
            raise NotSent("binance: no key was accepted.", venue=self.venue)
        return self.key

    # -- pages --------------------------------------------------------------------------------

    async def walk(
        self,
        market: Market,
        path: str,
        key: str,
        since: datetime | None,
        read: Callable[[object], Sequence[T]],
        id_of: Callable[[T], int],
        *,
        first: str = "fromId",
        weight: int = 5,
    ) -> list[T]:
        """Rows of one instrument since a moment, page by page to the end.

        Time windows are asked one after the other until one holds rows; from there on ids lead.
        """
        window_ms = market.fill_window_ms
        now_ms = self.now_ms()
        start_ms = 0 if since is None else to_ns(since) // 1_000_000
        next_id = 0 if since is None else None
        found: dict[int, T] = {}
        for _ in range(_PAGES):
            params: dict[str, object] = {"symbol": key, "limit": _PAGE}
            if next_id is None:
                params |= {"startTime": start_ms, "endTime": start_ms + window_ms - 1}
            else:
                params[first] = next_id
            answer = await self.signed("GET", market, path, params, weight=weight, is_urgent=True)
            rows = read(answer)
            found.update((id_of(row), row) for row in rows)
            is_last = len(rows) < _PAGE
            if next_id is None and is_last:
                start_ms += window_ms
                is_last = start_ms > now_ms
            if is_last:
                return [found[number] for number in sorted(found)]
            if rows:
                next_id = max(found) + 1
        raise MalformedMessage(f"binance {path}: the pages do not end", venue=self.venue)


def _path(market: Market, path: str) -> str:
    return path if path.startswith("/") else f"{market.version}/{path}"
