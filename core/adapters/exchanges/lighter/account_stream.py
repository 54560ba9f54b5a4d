"""Lighter's account socket: our orders, executions, positions and collateral.

Each channel wants an access token. Every socket signs one of its own and ends an hour before it
does; one that the venue refuses is not used again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import msgspec

from core.adapters.exchanges.connection.dialect import Link
from core.adapters.exchanges.connection.subscriptions import Topic
from core.adapters.exchanges.lighter import parse
from core.adapters.exchanges.lighter.stream import LighterDialect
from core.adapters.exchanges.models import UserData
from core.adapters.exchanges.native.listings import Listings
from core.errors import AuthError, MalformedMessage, VenueError
from core.infrastructure.clock import Clock

_TOKEN_S: Final = 6 * 3600.0


class PrivateDialect(LighterDialect):
    """Our orders, executions, positions and collateral.

    Args:
        url: Where the socket is.
        clock: When messages come.
        listings: The venue's instruments.
        token: Gives an access token.
        forget_token: Has the next one made anew.
        news: Takes what was told: (whether it is the state at the beginning, what).
        catch_up: Asks for the executions that were missed.
        reload: Asks for the venue's instruments anew.
    """

    name = "private"
    watches_silence = False

    def __init__(
        self,
        url: str,
        clock: Clock,
        listings: Listings,
        token: Callable[[], str],
        forget_token: Callable[[], None],
        news: Callable[[str, Sequence[UserData]], None],
        catch_up: Callable[[], Awaitable[None]],
        reload: Callable[[], Awaitable[None]],
    ) -> None:
        super().__init__(url, clock, listings)
        self._token = token
        self._forget_token = forget_token
        self._tell = news
        self._catch_up = catch_up
        self._reload = reload
        self._is_puzzled = False
        """Whether the last socket ended over a message that made no sense."""
        self._has_lived = False

    async def address(self) -> str:
        """Always the same."""
        if self._is_puzzled:
            self._is_puzzled = False
            await self._reload()
        return self._url

    async def login(self, link: Link) -> None:
        """Each subscription carries a token of this socket, which ends before the token does."""
        self._forget_token()
        link.spawn(self._renew(link))

    async def _renew(self, link: Link) -> None:
        await self._clock.sleep(_TOKEN_S)
        link.drop("the access token is to be renewed")

    async def catch_up(self, link: Link) -> None:
        """See `Dialect.catch_up`."""
        if self._has_lived:
            await self._catch_up()
        self._has_lived = True

    def hear(self, messages: list[bytes], link: Link) -> None:
        """See `Dialect.hear`."""
        for message in messages:
            news = self.news(message, link)
            if news is None:
                continue
            what, topic, raw = news
            try:
                self._take(topic, raw)
            except MalformedMessage as error:
                # What is wrong with a private message must not be overlooked: ask instead. It may
                # be about a market that is newer than our list.
                self._is_puzzled = True
                self._listings.count(f"{topic.partition('/')[0][:40]}:refused")
                link.drop(f"a private message makes no sense ({what}): {error}")

    def _take(self, topic: Topic, raw: dict[str, object]) -> None:
        reading = self._listings.reading(self._clock.now())
        kind = topic.partition("/")[0]
        if kind == "account_all_orders":
            self._tell(kind, parse.parse_account_orders(raw, reading))
        elif kind == "account_all_trades":
            fills = list(parse.parse_account_trades(raw, reading))
            fills.sort(key=lambda fill: (fill.at, fill.trade_id))
            self._tell(kind, fills)
        elif kind == "account_all_positions":
            self._tell(kind, parse.parse_account_positions(raw, reading))
        elif kind == "user_stats":
            self._tell(kind, (parse.parse_user_stats(raw, reading),))
        else:
            self._listings.count(f"channel:{kind[:40]}")

    def _subscription(self, topic: Topic) -> bytes:
        message = {"type": "subscribe", "channel": topic, "auth": self._token()}
        return msgspec.json.encode(message)

    def _refusal(self, words: str) -> VenueError:
        return AuthError(words, venue="lighter")

    def _failed_at_large(self, words: str, link: Link) -> None:
        link.drop(f"the venue refused a private channel: {words[:200]}")


def private_topics(account: str) -> tuple[Topic, ...]:
    """What the private socket always has."""
    kinds = ("account_all_orders", "account_all_trades", "account_all_positions", "user_stats")
    return tuple(f"{kind}/{account}" for kind in kinds)
