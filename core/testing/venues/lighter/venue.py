"""Lighter on 127.0.0.1."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar, Final

from core.adapters.exchanges.models import Instrument, TickerData, TradeData, UserData
from core.infrastructure.clock import NS_PER_S
from core.testing.venue import PERP, SPOT, instrument
from core.testing.venues.faults import Answer, Call
from core.testing.venues.lighter.keys import Key, KeyRing, Refused, StandInSigner
from core.testing.venues.lighter.markets import Markets
from core.testing.venues.lighter.rest import Rest, parameters
from core.testing.venues.lighter.streams import Streams
from core.testing.venues.lighter.transactions import NAMES, Transactions
from core.testing.venues.server import LoopbackVenue, decoded
from core.testing.venues.socket import ENCODER, Socket
from core.testing.venues.tape import BookChange

_PING_EVERY_S: Final = 60.0
_IDLE_S: Final = 120.0
"""A client that says nothing for so long is let go."""


class LighterVenue(LoopbackVenue):
    """REST under `/api/v1`, one socket at `/stream`.

    Args:
        accepts_native: Whether any 80 bytes pass for a signature of the native signer.
        settings: Those of `LoopbackVenue`.
    """

    name: ClassVar[str] = "lighter"
    profile: ClassVar[str] = "lighter"

    def __init__(self, *, accepts_native: bool = False, **settings: Any) -> None:  # noqa: ANN401 # those of LoopbackVenue
        super().__init__(**settings)
        self.keys = KeyRing(self.rng, accepts_native=accepts_native)
        self.markets = Markets(self.floor.instruments.values())
        self.streams = Streams(self, self.markets, self.keys)
        self.transactions = Transactions(self, self.markets, self.keys, self.streams.order)
        self.rest = Rest(self, self.markets, self.keys, self.transactions)
        self.streams.rest = self.rest
        self._is_pinging = False
        self._greeted = 0

    @property
    def key(self) -> Key:
        """The account's key."""
        return self.keys.main

    @property
    def signer(self) -> StandInSigner:
        """Signs as the account's key would."""
        return StandInSigner(self.keys.main)

    @property
    def public_url(self) -> str:
        """The socket."""
        return f"{self.socket_url}/stream"

    @property
    def private_url(self) -> str:
        """The same socket."""
        return self.public_url

    @classmethod
    def test_markets(cls) -> list[Instrument]:
        """`TEST`, market 0, and `TEST/USDC`, market 2048."""
        return [
            instrument(PERP, venue=cls.name, venue_symbol="0"),
            instrument(SPOT, venue=cls.name, venue_symbol="2048"),
        ]

    # -- stories ------------------------------------------------------------------------------

    def announce_shutdown(self, close_in_s: float) -> None:
        """Tells every socket that it will be closed, and does so when the time has come."""
        for socket in self.sockets:
            socket.reply({"type": "shutdown", "close_in_ms": round(close_in_s * 1000)})
        leaving = tuple(self.sockets)

        def leave() -> None:
            for socket in leaving:
                socket.close(1001, "shutdown")

        self.clock.call_after_ns(round(close_in_s * NS_PER_S), leave)

    # -- what the server asks -----------------------------------------------------------------

    def named(self, call: Call) -> Call:
        """By method and path, transactions by their type."""
        found = replace(call, params=parameters(call))
        return replace(found, name=self.rest.named(found))

    def respond(self, call: Call) -> Answer:
        """REST."""
        return self.rest.respond(call)

    def opened(self, socket: Socket) -> None:
        """A greeting; pings begin with the first socket."""
        self._greeted += 1
        socket.reply({"type": "connected", "session_id": f"{self._greeted:x}"})
        if not self._is_pinging:
            self._is_pinging = True
            self.every(_PING_EVERY_S, self._ping)

    def heard(self, socket: Socket, text: str) -> None:
        """A subscription, a heartbeat or a transaction."""
        asked = decoded(text)
        kind = asked.get("type") if isinstance(asked, dict) else None
        if kind in {"subscribe", "unsubscribe"}:
            self.streams.subscribe(socket, asked)
        elif kind == "ping":
            socket.reply({"type": "pong"})
        elif kind == "pong":
            socket.pongs += 1
        elif kind == "jsonapi/sendtx":
            self._send(socket, asked)
        else:
            error = {"code": 30001, "message": f"Invalid Type: {kind}"}
            socket.reply({"error": error})

    def told(self, data: UserData) -> None:
        """Private channels."""
        self.streams.told(data)

    def book_changed(self, change: BookChange) -> None:
        """`order_book` and `ticker`."""
        self.streams.book_changed(change)

    def traded(self, trade: TradeData) -> None:
        """`trade` and `candle`."""
        self.streams.traded(trade)

    def priced(self, ticker: TickerData) -> None:
        """`market_stats`."""
        self.streams.priced(ticker)

    # -- inside -------------------------------------------------------------------------------

    def _send(self, socket: Socket, asked: dict[str, Any]) -> None:
        """A transaction; its answer carries the request's id where it had one."""
        data = asked.get("data") or {}
        kind, info = int(data.get("tx_type", 0)), data.get("tx_info")
        text = info if isinstance(info, str) else ENCODER.encode(info).decode()
        call = Call(
            name=NAMES.get(kind, "send"),
            method="",
            path="jsonapi/sendtx",
            params={"tx_type": kind, "tx_info": text},
        )

        def act(_call: Call) -> Answer:
            try:
                return Answer(self.transactions.send(kind, text))
            except Refused as no:
                return Answer({"error": {"code": no.code, "message": str(no)}}, no.status)

        def reply(answer: Answer) -> None:
            body = answer.body if isinstance(answer.body, dict) else {"error": {"code": 29500}}
            socket.reply({"type": "jsonapi/sendtx", "id": data.get("id"), **body})

        self.carry(call, act, reply)

    def _ping(self) -> None:
        limit_ns = round(_IDLE_S * NS_PER_S)
        for socket in tuple(self.sockets):
            if self.clock.monotonic_ns() - socket.heard_ns > limit_ns:
                socket.close(1000, "no messages")
            else:
                socket.reply({"type": "ping"})
