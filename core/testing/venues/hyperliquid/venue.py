"""Hyperliquid on 127.0.0.1."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any, ClassVar, Final

from core.adapters.exchanges.models import Instrument, TickerData, TradeData, UserData
from core.infrastructure.clock import NS_PER_S
from core.testing.venue import PERP, SPOT, instrument
from core.testing.venues.faults import Answer, Call
from core.testing.venues.hyperliquid import actions, info
from core.testing.venues.hyperliquid.actions import Actions
from core.testing.venues.hyperliquid.assets import Assets
from core.testing.venues.hyperliquid.info import Info, UnknownQuestion
from core.testing.venues.hyperliquid.streams import Streams
from core.testing.venues.hyperliquid.wallets import Wallet, Wallets
from core.testing.venues.server import LoopbackVenue, decoded
from core.testing.venues.socket import Socket
from core.testing.venues.tape import BookChange
from core.testing.venues.weights import Weights

_IDLE_S: Final = 60.0
"""A client that says nothing for so long is let go."""
_LOOK_EVERY_S: Final = 10.0
_GREETING: Final = "Websocket connection established."
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
_UNREADABLE: Final = "Failed to deserialize the JSON body into the target type"


class HyperliquidVenue(LoopbackVenue):
    """REST `/info` and `/exchange`, one socket `/ws` for everything.

    Args:
        is_mainnet: Which network's signatures are taken; None takes both.
        settings: Those of `LoopbackVenue`.
    """

    name: ClassVar[str] = "hyperliquid"
    profile: ClassVar[str] = "hyperliquid"

    def __init__(self, *, is_mainnet: bool | None = None, **settings: Any) -> None:  # noqa: ANN401 # those of LoopbackVenue
        super().__init__(**settings)
        self.floor.book_step = Decimal("0.1")
        self.assets = Assets(self.floor.instruments.values())
        self.wallets = Wallets(self.rng, is_mainnet=is_mainnet)
        self.actions = Actions(self, self.assets, self.wallets)
        self.info = Info(self, self.assets, self.wallets)
        self.streams = Streams(self, self.assets, self.info)
        self.weights = Weights(self.now_ms, limit=1200)
        self._is_watching = False

    @property
    def key(self) -> Wallet:
        """The account's own key."""
        return self.wallets.main

    @property
    def public_url(self) -> str:
        """The socket."""
        return f"{self.socket_url}/ws"

    @property
    def private_url(self) -> str:
        """The same socket."""
        return self.public_url

    @classmethod
    def test_markets(cls) -> list[Instrument]:
        """`TEST` and the pair `@1`, with the venue's ticks and minimum value."""
        rules: dict[str, object] = {"venue": cls.name, "min_notional": "10"}
        margin = {"maintenance_margin_rate": "0.05"}
        return [
            instrument(PERP, tick_size="0.001", venue_symbol="TEST", **rules, **margin),
            instrument(SPOT, tick_size="0.00001", venue_symbol="@1", **rules),
        ]

    # -- what the server asks -----------------------------------------------------------------

    def named(self, call: Call) -> Call:
        """By the body's type."""
        body = decoded(call.body)
        return replace(call, name=_name(call.path, body), params=_params(body))

    def respond(self, call: Call) -> Answer:
        """`/info` and `/exchange`."""
        body = decoded(call.body)
        if call.method != "POST" or call.path not in {"/info", "/exchange"}:
            return Answer(b"", 404)
        if not isinstance(body, dict):
            return Answer(_UNREADABLE.encode(), 422, {"Content-Type": "text/plain"})
        status = self.weights.take(_weight(call.path, body))
        if status != 200:
            return Answer(None, 429, {"Retry-After": str(self.weights.retry_after_s)})
        if call.path == "/exchange":
            return Answer(self.actions.act(body))
        try:
            return Answer(self.info.answer(call, body))
        except UnknownQuestion:
            return Answer(_UNREADABLE.encode(), 422, {"Content-Type": "text/plain"})

    def opened(self, socket: Socket) -> None:
        """A greeting that is no JSON; quiet clients are looked for from now on."""
        socket.reply(_GREETING)
        if not self._is_watching:
            self._is_watching = True
            self.every(_LOOK_EVERY_S, self._let_go)

    def heard(self, socket: Socket, text: str) -> None:
        """A subscription, a ping, or a request."""
        asked = decoded(text)
        if not isinstance(asked, dict):
            socket.reply(
                {
                    "channel": "error",
                    "data": f"Error parsing JSON into valid websocket request: {text}",
                }
            )
        elif asked.get("method") == "post":
            self._post(socket, asked)
        else:
            self.streams.heard(socket, asked)

    def told(self, data: UserData) -> None:
        """Private channels."""
        self.streams.told(data)

    def book_changed(self, change: BookChange) -> None:
        """`l2Book` and `bbo`."""
        self.streams.book_changed(change)

    def traded(self, trade: TradeData) -> None:
        """`trades` and `candle`."""
        self.streams.traded(trade)

    def priced(self, ticker: TickerData) -> None:
        """`activeAssetCtx`."""
        self.streams.priced(ticker)

    # -- inside -------------------------------------------------------------------------------

    def _post(self, socket: Socket, asked: dict[str, Any]) -> None:
        call = posted(asked)

        def act(call: Call) -> Answer:
            if call.path == "/exchange":
                payload = asked["request"].get("payload")
                return Answer({"type": "action", "payload": self.actions.act(payload)})
            try:
                found = self.info.answer(call, call.params)
            except UnknownQuestion:
                return Answer({"type": "error", "payload": _UNREADABLE})
            told = {"type": call.params["type"], "data": found}
            return Answer({"type": "info", "payload": told})

        def reply(answer: Answer) -> None:
            body = answer.body
            if answer.status != 200:
                body = {"type": "error", "payload": f"{answer.status}"}
            data = {"id": asked.get("id"), "response": body}
            socket.reply({"channel": "post", "data": data})

        self.carry(call, act, reply)

    def _let_go(self) -> None:
        limit_ns = round(_IDLE_S * NS_PER_S)
        for socket in tuple(self.sockets):
            if self.clock.monotonic_ns() - socket.heard_ns > limit_ns:
                socket.close(1000, "Inactive")


def posted(asked: dict[str, Any]) -> Call:
    """The request that a `post` on a socket is."""
    request = asked.get("request") or {}
    path = "/exchange" if request.get("type") == "action" else "/info"
    payload = request.get("payload")
    return Call(name=_name(path, payload), method="", path=path, params=_params(payload))


def _name(path: str, body: object) -> str:
    if not isinstance(body, dict):
        return path
    if path == "/exchange":
        action = body.get("action")
        kind = str(action.get("type")) if isinstance(action, dict) else path
        return actions.NAMES.get(kind, kind)
    kind = str(body.get("type"))
    return info.NAMES.get(kind, kind)


def _params(body: object) -> dict[str, object]:
    return {str(name): value for name, value in body.items()} if isinstance(body, dict) else {}


def _weight(path: str, body: dict[str, Any]) -> int:
    if path == "/exchange":
        action = body.get("action")
        orders = action.get("orders") or action.get("cancels") if isinstance(action, dict) else None
        return 1 + len(orders or ()) // 40
    if body.get("type") in _LIGHT:
        return 2
    return 60 if body.get("type") == "userRole" else 20
