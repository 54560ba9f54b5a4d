"""Lighter's requests: questions, with an access token where they are private, and `sendTx`.

A token is signed for seven hours and made anew an hour before its end. Weights are the venue's; a
standard account has sixty requests a minute whatever they weigh, so the budget begins as that and
grows when the venue says that the account is a premium one. Transactions carry an increasing nonce
that may skip others, taken from the clock: nothing has to be asked for, and a restart goes on.

Sources: apidocs.lighter.xyz, "API keys", "Nonce management", "Rate limits" and the REST reference.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeVar
from urllib.parse import urlencode

from core.adapters.exchanges.connection.limiter import Limit, RateBudget
from core.adapters.exchanges.decoding import Reading
from core.adapters.exchanges.lighter import parse
from core.adapters.exchanges.lighter.errors import error_of
from core.adapters.exchanges.lighter.sign import Signer
from core.adapters.exchanges.native.exchange import Doors
from core.adapters.exchanges.native.listings import Listings
from core.adapters.exchanges.native.rest import Rest
from core.errors import MalformedMessage, NotSent, OutcomeUnknown

T = TypeVar("T")

STANDARD: Final = Limit(60, 60.0)
PREMIUM: Final = Limit(24_000, 60.0)
_API: Final = "/api/v1"
_WEIGHTS: Final = {
    "sendTx": 6,
    "accountInactiveOrders": 100,
    "trades": 600,
    "recentTrades": 600,
}
_OTHER: Final = 300
_TOKEN_S: Final = 7 * 3600
_RENEW_S: Final = 3600
_PAGE: Final = 100
_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}


class LighterRest(Rest):
    """Requests.

    Args:
        doors: What the adapter stands on.
        listings: The venue's instruments.
        account: Account index as text.
    """

    def __init__(self, doors: Doors, listings: Listings, account: str) -> None:
        super().__init__("lighter", doors.seams.transport, doors.clock, error_of)
        self.account = account
        self.signer: Signer | None = None
        self._budgets = doors.budgets
        self._budget: RateBudget = doors.budgets.of("lighter standard address", STANDARD)
        self._is_premium = False
        self._url = doors.settings.urls["rest"]
        self._listings = listings
        self._token = ""
        self._token_ends_s = 0
        self._nonce = 0

    def reading(self, asked_for: str = "") -> Reading:
        """What a parser may know of an answer that came now."""
        return self._listings.reading(self.clock.now(), asked_for=asked_for)

    def bare(self) -> Reading:
        """The same for rows that are no news: they do not say when they came."""
        return self._listings.reading(None)

    def be_premium(self) -> None:
        """The venue said that the account has the large budget, by weight."""
        self._is_premium = True
        self._budget = self._budgets.of(f"lighter premium {self.account}", PREMIUM)

    async def public(self, path: str, params: Mapping[str, object] | None = None) -> object:
        """An answer that needs no key."""
        return await self._get(path, params or {}, {}, is_urgent=False)

    async def private(
        self, path: str, params: Mapping[str, object] | None = None, *, is_urgent: bool = False
    ) -> object:
        """An answer that needs an access token; the account is filled in."""
        fields = {"account_index": self.account, **(params or {})}
        token = self.token()
        return await self._get(path, fields, {"Authorization": token}, is_urgent=is_urgent)

    async def _get(
        self,
        path: str,
        params: Mapping[str, object],
        headers: Mapping[str, str],
        *,
        is_urgent: bool,
    ) -> object:
        query = f"?{urlencode(params)}" if params else ""
        return await self.ask(
            "GET",
            f"{self._url}{_API}/{path}{query}",
            headers=headers,
            budget=self._budget,
            weight=self._weight(path),
            is_urgent=is_urgent,
        )

    async def send(
        self, kind: int, sign: Callable[[Signer, int], str], *, is_urgent: bool = False
    ) -> None:
        """Signs and sends a transaction, once; the venue says no more than that it took it.

        Raises:
            OutcomeUnknown: Also if the answer has another form, which proves nothing.
        """
        self._nonce = max(self._nonce + 1, self.clock.now_ns() // 1_000_000)
        info = sign(self.need_signer(), self._nonce)
        answer = await self.ask(
            "POST",
            f"{self._url}{_API}/sendTx",
            headers=_FORM,
            body=urlencode({"tx_type": kind, "tx_info": info}).encode(),
            budget=self._budget,
            weight=self._weight("sendTx"),
            is_order=True,
            is_urgent=is_urgent,
        )
        try:
            parse.parse_sent(answer, self.reading())
        except MalformedMessage as error:
            raise OutcomeUnknown(str(error), venue=self.venue) from error

    def need_signer(self) -> Signer:
        """What signs.

        Raises:
            NotSent: If no key was accepted.
        """
        if self.signer is None:
            raise NotSent("lighter: no key was accepted.", venue=self.venue)
        return self.signer

    def token(self) -> str:
        """An access token that is good for an hour at least."""
        now_s = self.clock.now_ns() // 1_000_000_000
        if self._token_ends_s - now_s < _RENEW_S:
            self._token_ends_s = now_s + _TOKEN_S
            self._token = self.need_signer().token(self._token_ends_s)
        return self._token

    def _weight(self, path: str) -> int:
        return _WEIGHTS.get(path, _OTHER) if self._is_premium else 1

    async def walk(
        self,
        path: str,
        params: Mapping[str, object],
        read: Callable[[object], tuple[T, ...]],
        is_enough: Callable[[tuple[T, ...]], bool],
        pages: int = 100,
    ) -> list[T]:
        """Rows of a private list, newest first, until a page is enough or there is no other.

        Raises:
            MalformedMessage: If there are more pages than `pages`.
        """
        found: dict[T, None] = {}
        cursor = ""
        for _ in range(pages):
            fields: dict[str, object] = {**params, "limit": _PAGE}
            if cursor:
                fields["cursor"] = cursor
            answer = await self.private(path, fields, is_urgent=True)
            rows = read(answer)
            found.update(dict.fromkeys(rows))
            told = answer.get("next_cursor") if isinstance(answer, dict) else None
            cursor = told if isinstance(told, str) else ""
            if not cursor or not rows or is_enough(rows):
                return list(found)
        raise MalformedMessage(f"{self.venue} {path}: the pages do not end", venue=self.venue)
