"""edgeX V2's requests: an HMAC over time, verb, path and parameters of every private one.

Answers come in an envelope `{code, data, …}` under HTTP 200, also refusals; pages have `dataList`,
newest first, and the place of the next in `nextPageOffsetData`. No rate limit is published; the
budget here is what the venue was seen to let pass. Sources: edgeX documentation, API V2,
"Authentication", "Order API", "Account API"; edgex-python-sdk 2.0.1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar
from urllib.parse import urlencode, urlsplit

import msgspec

from core.adapters.exchanges.connection.limiter import Limit, RateBudget
from core.adapters.exchanges.credentials import Credentials
from core.adapters.exchanges.decoding import Reading
from core.adapters.exchanges.edgex.errors import error_of
from core.adapters.exchanges.edgex.instruments import Metadata, parse_metadata
from core.adapters.exchanges.edgex.sign import Value, headers
from core.adapters.exchanges.native.exchange import Doors
from core.adapters.exchanges.native.listings import Listings
from core.adapters.exchanges.native.rest import Rest
from core.errors import AuthError, MalformedMessage, NotSent, VenueError

T = TypeVar("T")

LIMIT: Final = Limit(600, 60.0)
_API: Final = "/api/v2"
_PAGE: Final = 100
_PAGES: Final = 500
"""A walk that is longer than this does not move on, or asks for years."""
_MS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Key:
    """What signs private requests."""

    account: str
    name: str
    secret: str
    passphrase: str


def key_of(credentials: Credentials) -> Key:
    """The API key of an account.

    Raises:
        AuthError: If a part of it is missing.
    """
    found = Key(
        credentials.account,
        credentials.key,
        credentials.secret.reveal(),
        credentials.passphrase.reveal(),
    )
    for name in ("account", "name", "secret", "passphrase"):
        if not getattr(found, name):
            raise AuthError(f"edgex: the API key has no {name}.", venue="edgex")
    return found


class EdgexRest(Rest):
    """Requests.

    Args:
        doors: What the adapter stands on.
        listings: The venue's instruments.
    """

    def __init__(self, doors: Doors, listings: Listings) -> None:
        super().__init__("edgex", doors.seams.transport, doors.clock, error_of)
        self.key: Key | None = None
        self.meta: Metadata | None = None
        """What the venue says of its contracts, coins and chain; asked for with `load`."""
        self.offset_ms = 0
        """The venue's clock less ours."""
        self.budget: RateBudget = doors.budgets.of("edgex address", LIMIT)
        self._url = doors.settings.urls["rest"]
        self._listings = listings

    def reading(self) -> Reading:
        """What a parser may know of an answer that came now."""
        return self._listings.reading(self.clock.now())

    def bare(self) -> Reading:
        """The same for rows that are no news: they do not say when they came."""
        return self._listings.reading(None)

    def is_out_of_time(self, error: VenueError) -> bool:
        """No code is published; one that names the stamp costs a question, whatever it means."""
        return "TIMESTAMP" in (error.code or "").upper()

    async def load(self) -> Metadata:
        """Asks for the metadata and keeps them."""
        self.meta = parse_metadata(await self.public("meta/getMetaData"), self.reading())
        return self.meta

    async def public(self, path: str, params: Mapping[str, object] | None = None) -> object:
        """An answer that needs no key, in its envelope."""
        query = f"?{urlencode(params)}" if params else ""
        return await self.ask("GET", f"{self._url}{_API}/public/{path}{query}", budget=self.budget)

    async def private(
        self,
        method: str,
        path: str,
        params: Mapping[str, Value] | None = None,
        *,
        is_order: bool = False,
        is_urgent: bool = False,
    ) -> object:
        """An answer that needs a signature, in its envelope."""
        fields: dict[str, Value] = {"accountId": self.need_key().account, **(params or {})}
        url = f"{self._url}{_API}/private/{path}"
        signed = self.signed(method, urlsplit(url).path, fields)
        is_query = method == "GET"
        return await self.ask(
            method,
            f"{url}?{urlencode(fields)}" if is_query else url,
            headers=signed if is_query else {**signed, "Content-Type": "application/json"},
            body=b"" if is_query else msgspec.json.encode(fields),
            budget=self.budget,
            is_order=is_order,
            is_urgent=is_urgent,
        )

    def signed(self, method: str, path: str, fields: Mapping[str, Value]) -> dict[str, str]:
        """The headers of a private request, or of the private socket's handshake."""
        key = self.need_key()
        return headers(
            api_key=key.name,
            passphrase=key.passphrase,
            secret=key.secret,
            timestamp_ms=self.now_ms(),
            method=method,
            path=path,
            params=fields,
        )

    def need_key(self) -> Key:
        """The key.

        Raises:
            NotSent: If none was accepted.
        """
        if self.key is None:
            raise NotSent("edgex: no key was accepted.", venue=self.venue)
        return self.key

    def now_ms(self) -> int:
        """The venue's time as we know it."""
        return self.clock.now_ns() // _MS + self.offset_ms

    async def measure_time(self) -> int:
        """Asks for the venue's time, keeps the difference to ours, and gives it (UTC ns).

        Raises:
            MalformedMessage: If the answer holds none.
        """
        began_ns = self.clock.now_ns()
        answer = await self.public("meta/getServerTime")
        took_ns = self.clock.now_ns() - began_ns
        data = answer.get("data") if isinstance(answer, dict) else None
        text = str(data.get("timeMillis")) if isinstance(data, dict) else ""
        if not text.isdigit():
            raise MalformedMessage("edgex getServerTime: expected timeMillis", venue=self.venue)
        self.offset_ms = int(text) - (began_ns + took_ns // 2) // _MS
        return int(text) * _MS

    async def walk(
        self,
        path: str,
        params: Mapping[str, Value],
        read: Callable[[object], tuple[T, ...]],
        identity: Callable[[T], object],
    ) -> list[T]:
        """All rows of a private list, page by page to the end, each once."""
        found: dict[object, T] = {}
        offset = ""
        for _ in range(_PAGES):
            fields: dict[str, Value] = {**params, "size": str(_PAGE)}
            if offset:
                fields["offsetData"] = offset
            answer = await self.private("GET", path, fields, is_urgent=True)
            for row in read(answer):
                found.setdefault(identity(row), row)
            offset = next_offset(answer)
            if not offset:
                return list(found.values())
        raise MalformedMessage(f"edgex {path}: the pages do not end", venue=self.venue)


def next_offset(answer: object) -> str:
    """Where the next page begins; empty at the end."""
    data = answer.get("data") if isinstance(answer, dict) else None
    told = data.get("nextPageOffsetData") if isinstance(data, dict) else None
    return told if isinstance(told, str) else ""
