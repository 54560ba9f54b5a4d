"""Lighter's requests: questions, with an access token where they are private, and `sendTx`.

A token is signed for seven hours and made anew an hour before its end. Weights are the venue's; a
standard account has sixty requests a minute whatever they weigh, so the budget begins as that and
grows when the venue says that the account is a premium one.

Transactions carry an increasing nonce that may skip others. It is taken from the clock, and never
below what the venue says is next: that is asked for once, and again after it refused one, so that a
restart goes on also where the clock was set back (reliability CK4). One transaction is under way at
a time, since two on two connections may arrive in the other order, and the lower nonce is refused.

Sources: apidocs.lighter.xyz, "API keys", "Nonce management", "Rate limits" and the REST reference.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final, TypeVar
from urllib.parse import urlencode

from core.adapters.exchanges.connection.limiter import Limit, RateBudget
from core.adapters.exchanges.decoding import Reading
from core.adapters.exchanges.lighter import parse
from core.adapters.exchanges.lighter.errors import NONCE_CODES, error_of
from core.adapters.exchanges.lighter.sign import Signer
from core.adapters.exchanges.native.exchange import Doors
from core.adapters.exchanges.native.listings import Listings
from core.adapters.exchanges.native.rest import Rest
from core.errors import (
    AuthError,
    MalformedMessage,
    NotSent,
    OutcomeUnknown,
    TransportError,
    VenueError,
)
from core.infrastructure.clock import NS_PER_S
from core.infrastructure.departures import departures, note_departure

T = TypeVar("T")

STANDARD: Final = Limit(60, 60.0)
PREMIUM: Final = Limit(24_000, 60.0)
_API: Final = "/api/v1"
_WEIGHTS: Final = {
    "sendTx": 6,
    "nextNonce": 6,
    "accountInactiveOrders": 100,
    "trades": 600,
    "recentTrades": 600,
}
_OTHER: Final = 300
_TOKEN_S: Final = 7 * 3600
_RENEW_S: Final = 3600
_PAGE: Final = 100
_SHARED_NS: Final = 300_000_000
"""So old may the answer be that somebody else was given to the same question."""
_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}


def weight_of(path: str) -> int:
    """What a request costs a premium account, by the last part of its path."""
    return _WEIGHTS.get(path.rpartition("/")[2], _OTHER)


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
        credentials = doors.credentials
        self.key_index = "" if credentials is None else credentials.options.get("api_key_index", "")
        """Place of the API key."""
        self.signer: Signer | None = None
        self._budgets = doors.budgets
        self._budget: RateBudget = doors.budgets.of("lighter standard address", STANDARD)
        self._is_premium = False
        self._url = doors.settings.urls["rest"]
        self._listings = listings
        self._token = ""
        self._token_ends_s = 0
        self._nonce = 0
        self._is_nonce_known = False
        """Whether the venue was asked for the next one since it refused one."""
        self._turn = asyncio.Lock()
        self._shared: dict[str, tuple[int, object]] = {}
        """Question about the account -> when it left (monotonic), and the answer."""
        self._changed_ns = 0
        """When the account changed last, as far as we know."""

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

    def changed(self) -> None:
        """The account is another now: earlier answers about it are given to nobody any more."""
        self._changed_ns = self.clock.monotonic_ns()
        self._shared.clear()

    async def public(self, path: str, params: Mapping[str, object] | None = None) -> object:
        """An answer that needs no key."""
        return await self._get(path, params or {}, {}, is_urgent=False)

    async def measure_time(self) -> int:
        """The venue's time (UTC ns) as near as it is told: it says a second, and no more.

        Within that second it counts as ours, so that only a difference beyond it is told as one.

        Raises:
            MalformedMessage: If the answer holds none.
        """
        began_ns = self.clock.now_ns()
        answer = await self.ask(
            "GET", f"{self._url}/", budget=self._budget, weight=self._weight("status")
        )
        ours_ns = began_ns + (self.clock.now_ns() - began_ns) // 2
        told = answer.get("timestamp") if isinstance(answer, dict) else None
        if not isinstance(told, int) or isinstance(told, bool):
            raise MalformedMessage("lighter status: expected a timestamp", venue=self.venue)
        first_ns = told * NS_PER_S
        return min(max(ours_ns, first_ns), first_ns + NS_PER_S)

    async def private(
        self, path: str, params: Mapping[str, object] | None = None, *, is_urgent: bool = False
    ) -> object:
        """An answer that needs an access token; the account is filled in."""
        fields = {"account_index": self.account, **(params or {})}
        headers = {"Authorization": self.token()}
        return await self._about_account(path, fields, headers, is_urgent=is_urgent)

    async def state(self) -> object:
        """The account's collateral, assets and positions: a question that needs no token."""
        fields = {"by": "index", "value": self.account}
        return await self._about_account("account", fields, {}, is_urgent=True)

    async def _about_account(
        self,
        path: str,
        params: Mapping[str, object],
        headers: Mapping[str, str],
        *,
        is_urgent: bool,
    ) -> object:
        """An answer, or the one to the same question that left a moment ago, if nothing changed.

        The venue counts a question like fifty orders, and several orders in doubt ask for the same
        lists: without this they would use up the budget that they need to be settled.
        """
        question = f"{path}?{urlencode(params)}"
        known = self._shared.get(question)
        if known is not None and self.clock.monotonic_ns() - known[0] <= _SHARED_NS:
            note_departure(known[0])
            return known[1]
        try:
            with departures() as noted:
                answer = await self._get(path, params, headers, is_urgent=is_urgent)
        except AuthError:
            self.forget_token()
            raise
        (left_ns,) = noted
        note_departure(left_ns)
        if left_ns > self._changed_ns:
            self._shared[question] = (left_ns, answer)
        return answer

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
            NotSent: If the next nonce is not known and the venue does not tell it.
            OutcomeUnknown: Also if the answer has another form, which proves nothing.
        """
        async with self._turn:
            await self.know_nonce(is_urgent=is_urgent)
            self._nonce = max(self._nonce + 1, self.clock.now_ns() // 1_000_000)
            info = sign(self.need_signer(), self._nonce)
            self.changed()
            try:
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
            except VenueError as error:
                self._is_nonce_known = error.code not in NONCE_CODES
                raise
            finally:
                self.changed()
        try:
            parse.parse_sent(answer, self.reading())
        except MalformedMessage as error:
            raise OutcomeUnknown(str(error), venue=self.venue) from error

    async def know_nonce(self, *, is_urgent: bool = False) -> None:
        """Goes on from the venue's next nonce, where that is not known yet.

        Raises:
            NotSent: If the venue does not tell it.
        """
        if self._is_nonce_known:
            return
        params = {"account_index": self.account, "api_key_index": self.key_index}
        try:
            answer = await self._get("nextNonce", params, {}, is_urgent=is_urgent)
        except TransportError as error:
            raise NotSent(
                f"lighter did not tell the next nonce: {error.message}", venue=self.venue
            ) from error
        told = answer.get("nonce") if isinstance(answer, dict) else None
        if not isinstance(told, int) or isinstance(told, bool):
            raise NotSent("lighter told no nonce; nothing was sent.", venue=self.venue)
        self._nonce = max(self._nonce, told - 1)
        self._is_nonce_known = True

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

    def forget_token(self) -> None:
        """The venue refused it: the next question has another one (reliability T20)."""
        self._token_ends_s = 0

    def _weight(self, path: str) -> int:
        return weight_of(path) if self._is_premium else 1

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
