"""What differs between the protocols of venues, as far as a simulation has to know it.

A tongue has the venue's server, makes the adapter that is to speak with it, and translates in both
directions: what a request says, read from its bytes as they leave, and what matching said, in the
words in which the program will know it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, ClassVar, Final

from core.adapters.exchanges.credentials import Credentials
from core.adapters.exchanges.models import (
    FillData,
    FundingPaymentData,
    Instrument,
    OrderData,
    UserData,
)
from core.adapters.exchanges.native.exchange import Doors, NativeExchange
from core.adapters.exchanges.paper.settings import PaperSettings
from core.adapters.exchanges.settings import VenueSettings
from core.infrastructure.clock import Clock
from core.services.ports import Feed
from core.testing.venues.faults import Answer, Call
from core.testing.venues.floor import Floor
from core.testing.venues.server import LoopbackVenue

MakeFloor = Callable[..., Floor]
CREATE: Final = "create_order"
CANCEL: Final = "cancel_order"
HTML: Final = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
PAGE: Final = {"Content-Type": "text/html"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What a venue's server is built on."""

    instrument: Instrument
    feed: Feed
    clock: Clock
    settings: PaperSettings
    make_floor: MakeFloor
    seed: int
    """Makes the account's keys."""

    def of_server(self) -> dict[str, Any]:
        """The same as a server takes it."""
        return {
            "instruments": (self.instrument,),
            "clock": self.clock,
            "settings": self.settings,
            "seed": self.seed,
            "feeds": {self.instrument.symbol: self.feed},
            "make_floor": self.make_floor,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Create:
    """The terms of an order, read from the request that asks for it."""

    identity: str
    """Our client order id."""
    side: str
    price: Decimal | None
    """None for one that takes whatever there is."""
    amount: Decimal
    time_in_force: str
    reduce_only: bool


class Tongue(ABC):
    """One venue's protocol.

    Args:
        ground: What its server is built on.
    """

    name: ClassVar[str]
    """Of the venue."""
    profile: ClassVar[str]
    """Of the paper venue that has its habits."""
    has_request_deadline: ClassVar[bool] = False
    """Whether it looks at the deadline of a request."""
    rules: ClassVar[dict[str, object]] = {}
    """What the venue prescribes for an instrument, as a bot's file states it."""
    private: ClassVar[frozenset[str]]
    """Addresses whose sockets tell of the account."""
    asking: ClassVar[frozenset[str]] = frozenset()
    """Addresses on whose sockets requests are made."""

    def __init__(self, ground: Ground) -> None:
        self.venue = self.make_venue(ground)

    @classmethod
    def listed(cls, instrument: Instrument) -> Instrument:
        """An instrument of a bot's file as the venue itself lists it."""
        return replace(instrument, venue=cls.name)

    # -- both ends ----------------------------------------------------------------------------

    @abstractmethod
    def make_venue(self, ground: Ground) -> LoopbackVenue:
        """The server, not yet open."""

    @abstractmethod
    def adapter(self) -> type[NativeExchange]:
        """The adapter's class."""

    @abstractmethod
    def make(self, kind: type[NativeExchange], doors: Doors) -> NativeExchange:
        """The adapter, of its class or of one that was made of it."""

    @abstractmethod
    def urls(self) -> dict[str, str]:
        """The server's addresses by the adapter's names of them."""

    @abstractmethod
    def credentials(self) -> Credentials:
        """Keys of the account."""

    def settings(self) -> VenueSettings:
        """Where the adapter finds the venue: a host of its own for each address."""
        return VenueSettings(
            urls={
                name: url.replace("127.0.0.1:0", f"{name.replace('_', '-')}.simulated")
                for name, url in self.urls().items()
            }
        )

    @staticmethod
    def address(host: str) -> str:
        """The name of the address that a host belongs to."""
        return host.partition(".")[0].replace("-", "_")

    # -- what the program says ----------------------------------------------------------------

    def spoken(self, text: str) -> Call | None:
        """The request that a frame is; None for one that asks for no change and no answer."""
        del text
        return None

    @abstractmethod
    def create_of(self, call: Call) -> Create:
        """The terms in a request that creates an order."""

    @abstractmethod
    def cancelled_by(self, call: Call) -> str:
        """The venue's id, as the program knows it, of the order that a request cancels."""

    # -- what matching says -------------------------------------------------------------------

    @abstractmethod
    def order_id(self, data: OrderData | FillData) -> str:
        """The id of an order as the program will know it."""

    @abstractmethod
    def trade_id(self, fill: FillData) -> str:
        """The id of an execution as the program will know it."""

    def identity(self, client_order_id: str | None) -> str | None:
        """A client order id as the program knows it, from the venue's spelling."""
        return client_order_id

    def listen(self, witness: Callable[[UserData], None]) -> None:  # noqa: B027 # matching says all
        """Calls back with what a venue tells of orders beside what matching says."""

    def learn(self, identity: str) -> None:  # noqa: B027 # most spellings can be read back
        """The program has decided on an order with this client order id."""

    def foreign(self, name: str) -> str:
        """A client order id of somebody else, as the venue spells it."""
        return name

    def told(self, data: UserData) -> UserData:
        """What matching said, in the program's words."""
        account = self.credentials().account
        if isinstance(data, OrderData):
            return replace(
                data,
                venue=self.name,
                order_id=self.order_id(data),
                client_order_id=self.identity(data.client_order_id),
            )
        if isinstance(data, FillData):
            return replace(
                data,
                venue=self.name,
                account=account,
                order_id=self.order_id(data),
                trade_id=self.trade_id(data),
                client_order_id=self.identity(data.client_order_id),
            )
        if isinstance(data, FundingPaymentData):
            return replace(data, venue=self.name, account=account)
        return data

    # -- what goes wrong, in the venue's words ------------------------------------------------

    @abstractmethod
    def too_many(self, call: Call, seconds: int) -> Answer:
        """Asked too often."""

    def banned(self, call: Call, seconds: int) -> Answer:
        """Banned for asking too often; where a venue has no bans, asked too often."""
        return self.too_many(call, seconds)

    @abstractmethod
    def failed(self, call: Call) -> Answer:
        """An error of the venue's own, after which nothing is known."""

    def down(self, call: Call) -> Answer:
        """Maintenance."""
        del call
        return Answer(HTML.replace(b"502 Bad Gateway", b"503 Service Unavailable"), 503, dict(PAGE))
