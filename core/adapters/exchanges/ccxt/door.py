"""What every part of the ccxt door stands on."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from core.adapters.exchanges.ccxt.accounts.base import Account
from core.adapters.exchanges.ccxt.client_ids import IdBook
from core.adapters.exchanges.ccxt.convert import Words
from core.adapters.exchanges.ccxt.rest import CcxtRest
from core.adapters.exchanges.ccxt.table import Row
from core.adapters.exchanges.decoding import Reading
from core.adapters.exchanges.models import FillData, OrderData, to_ns
from core.adapters.exchanges.native.exchange import Doors
from core.adapters.exchanges.native.hub import Hub
from core.adapters.exchanges.native.listings import Listings
from core.adapters.exchanges.refusals import Meaning, refusal
from core.errors import AuthError, VenueError
from core.infrastructure.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """One venue behind ccxt."""

    row: Row
    doors: Doors
    rest: CcxtRest
    client: Any
    """ccxt's exchange object."""
    words: Words
    account: Account
    ids: IdBook
    listings: Listings
    hub: Hub
    touched: set[str] = field(default_factory=set)
    """Symbols that were traded or listened to."""

    @property
    def venue(self) -> str:
        """Its name."""
        return self.row.venue

    @property
    def clock(self) -> Clock:
        """The engine's."""
        return self.doors.clock

    def unified(self, symbol: str) -> str:
        """The symbol of ccxt.

        Raises:
            NotSupported: If the venue has no such symbol.
        """
        self.listings.of(symbol)
        return self.words.unified[symbol]

    def reading(self) -> Reading:
        """What a parser may know of a message that came now."""
        return self.listings.reading(self.clock.now())

    def has(self, method: str) -> bool:
        """Whether ccxt can do something, by the method's name."""
        first, *others = method.split("_")
        name = first + "".join(word.capitalize() for word in others)
        return bool(self.client.has.get(name)) and hasattr(self.client, method)

    def need_account(self) -> None:
        """Checks that the account may be asked about.

        Raises:
            AuthError: If there are no keys.
            TransportError: If we are not connected.
        """
        self.rest.need_open()
        if self.doors.credentials is None:
            raise AuthError(f"{self.venue}: there are no keys.", venue=self.venue)

    def nobody(self, name: str) -> VenueError:
        """The error of an order that does not exist."""
        return refusal(
            self.venue,
            Meaning.NOT_FOUND,
            code="NOT_FOUND",
            words=f"there is no order {name[:40]}",
            is_order=True,
        )

    def our_order(self, data: OrderData) -> OrderData:
        """The same under our client order id."""
        return replace(data, client_order_id=self.ids.ours(data.client_order_id))

    def our_fill(self, data: FillData) -> FillData:
        """The same under our client order id."""
        return replace(data, client_order_id=self.ids.ours(data.client_order_id))


def ms_of(at: datetime | None) -> int | None:
    """Milliseconds since 1970, as ccxt counts; None for none."""
    return None if at is None else to_ns(at) // 1_000_000


def number_of(name: str) -> int:
    """The number that an id is, to sort by; 0 for another text."""
    return int(name) if name.isdigit() else 0
