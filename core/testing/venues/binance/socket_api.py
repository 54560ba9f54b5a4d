"""Binance's WebSocket API for futures: orders, account and logon on one socket."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from core.adapters.exchanges.models import plain
from core.testing.venues.binance.keys import Key, KeyRing, check_time
from core.testing.venues.binance.listen_keys import ListenKeys
from core.testing.venues.binance.orders import Orders
from core.testing.venues.binance.refusals import (
    BAD_KEY,
    BAD_SIGNATURE,
    UNKNOWN_METHOD,
    Refused,
    missing,
)
from core.testing.venues.binance.rest import Rest
from core.testing.venues.binance.words import position_row
from core.testing.venues.faults import Answer, Call
from core.testing.venues.server import LoopbackVenue, decoded
from core.testing.venues.socket import Socket

PATH: Final = "/ws-fapi/v1"
_NAMES: Final = {
    "order.place": "create_order",
    "order.cancel": "cancel_order",
    "order.status": "get_order",
    "session.logon": "authenticate",
    "account.balance": "get_balances",
    "v2/account.balance": "get_balances",
    "account.position": "get_positions",
    "v2/account.position": "get_positions",
    "ping": "ping",
    "time": "health_check",
    "userDataStream.start": "open_private_stream",
    "userDataStream.ping": "keep_private_stream",
    "userDataStream.stop": "close_private_stream",
}
_OPEN: Final = frozenset({"ping", "time"})
_KEYED: Final = frozenset({"userDataStream.start", "userDataStream.ping", "userDataStream.stop"})
_TRADES: Final = frozenset({"order.place", "order.cancel"})


class SocketApi:
    """Requests on sockets.

    Args:
        venue: Whose.
        orders: What may be done with them.
        keys: The account's keys.
        rest: Its weights.
        listen_keys: Tokens of the user stream.
    """

    def __init__(
        self,
        venue: LoopbackVenue,
        orders: Orders,
        keys: KeyRing,
        rest: Rest,
        listen_keys: ListenKeys,
    ) -> None:
        self._venue = venue
        self._orders = orders
        self._keys = keys
        self._rest = rest
        self._listen_keys = listen_keys
        self._sessions: dict[int, Key] = {}
        """id of a socket -> the key that it is logged on with."""

    def heard(self, socket: Socket, text: str) -> None:
        """A request; its answer carries the same `id`."""
        call = call_of(text)
        if call is None:
            socket.reply(_reply(None, Refused((-1000, "Malformed request.")), []))
            return
        method, number = call.path, decoded(text).get("id")

        def act(call: Call) -> Answer:
            try:
                return Answer(self._result(socket, method, call))
            except Refused as no:
                return Answer(no, no.status)

        def reply(answer: Answer) -> None:
            socket.reply(_reply(number, answer.body, self._limits(), answer.status))

        self._venue.carry(call, act, reply)

    def closed(self, socket: Socket) -> None:
        """Its session is over."""
        self._sessions.pop(id(socket), None)

    # -- inside -------------------------------------------------------------------------------

    def _result(self, socket: Socket, method: str, call: Call) -> object:
        params = {name: str(value) for name, value in call.params.items()}
        if method == "session.logon":
            return self._logon(socket, params)
        if method == "session.status":
            return self._session(socket)
        if method == "session.logout":
            self.closed(socket)
            return self._session(socket)
        acts = self._acts()
        if method not in acts:
            raise Refused(UNKNOWN_METHOD)
        key = self._key(socket, method, params)
        return acts[method](key, params)

    def _acts(self) -> dict[str, Callable[[Key, Mapping[str, str]], object]]:
        return {
            "ping": lambda _key, _params: {},
            "time": lambda _key, _params: {"serverTime": self._venue.now_ms()},
            "order.place": lambda _key, params: self._place(params),
            "order.cancel": lambda _key, params: self._orders.cancel(params),
            "order.status": lambda _key, params: self._orders.row(self._orders.find(params)),
            "account.balance": lambda _key, _params: self._balances(),
            "v2/account.balance": lambda _key, _params: self._balances(),
            "account.position": lambda _key, _params: self._positions(),
            "v2/account.position": lambda _key, _params: self._positions(),
            "userDataStream.start": self._start,
            "userDataStream.ping": lambda key, _params: {
                "listenKey": self._listen_keys.keep(key.api_key)
            },
            "userDataStream.stop": self._stop,
        }

    def _start(self, key: Key, _params: Mapping[str, str]) -> object:
        return {"listenKey": self._listen_keys.make(key.api_key)}

    def _stop(self, key: Key, _params: Mapping[str, str]) -> object:
        self._listen_keys.end(key.api_key)
        return {}

    def _place(self, params: Mapping[str, str]) -> object:
        self._rest.weights.take(0, is_order=True)
        return self._orders.place(params)

    def _balances(self) -> object:
        return [
            {
                "accountAlias": "SgsR",
                "asset": balance.asset,
                "balance": plain(balance.total),
                "crossWalletBalance": plain(balance.total),
                "crossUnPnl": plain((balance.equity or balance.total) - balance.total),
                "availableBalance": plain(balance.free),
                "maxWithdrawAmount": plain(balance.free),
                "marginAvailable": True,
                "updateTime": self._venue.now_ms(),
            }
            for balance in self._venue.floor.balances()
        ]

    def _positions(self) -> object:
        return [
            position_row(
                position, self._venue.floor.instruments[position.symbol], has_leverage=True
            )
            for position in self._venue.floor.positions()
        ]

    def _key(self, socket: Socket, method: str, params: Mapping[str, str]) -> Key:
        if method in _OPEN:
            return self._keys.hmac
        if method in _KEYED:
            return self._keys.find(params.get("apiKey"))
        session = self._sessions.get(id(socket))
        if session is not None and "signature" not in params:
            check_time(params, self._venue.now_ms())
            if method in _TRADES and not session.can_trade:
                raise Refused(BAD_KEY, status=401)
            return session
        key = self._keys.find(params.get("apiKey"))
        self._keys.check(
            key,
            _sorted_text(params),
            params,
            now_ms=self._venue.now_ms(),
            needs_trade=method in _TRADES,
        )
        return key

    def _logon(self, socket: Socket, params: Mapping[str, str]) -> object:
        """Only Ed25519 keys may log on."""
        key = self._keys.find(params.get("apiKey"))
        if key.ed25519 is None:
            raise Refused((-4056, "HMAC_SHA256 API key is not supported."))
        if "signature" not in params:
            raise missing("signature")
        check_time(params, self._venue.now_ms())
        if not key.accepts(_sorted_text(params), params["signature"]):
            raise Refused(BAD_SIGNATURE, status=401)
        self._sessions[id(socket)] = key
        return self._session(socket)

    def _session(self, socket: Socket) -> object:
        key = self._sessions.get(id(socket))
        now_ms = self._venue.now_ms()
        return {
            "apiKey": None if key is None else key.api_key,
            "authorizedSince": None if key is None else now_ms,
            "connectedSince": now_ms,
            "returnRateLimits": True,
            "serverTime": now_ms,
        }

    def _limits(self) -> list[dict[str, object]]:
        return [
            {
                "rateLimitType": "REQUEST_WEIGHT",
                "interval": "MINUTE",
                "intervalNum": 1,
                "limit": self._rest.weights.limit,
                "count": self._rest.weights.used,
            },
            {
                "rateLimitType": "ORDERS",
                "interval": "MINUTE",
                "intervalNum": 1,
                "limit": 1200,
                "count": self._rest.weights.orders,
            },
        ]


def call_of(text: str) -> Call | None:
    """The request that a message is; None for one that is none."""
    asked = decoded(text)
    if not isinstance(asked, dict) or not isinstance(asked.get("method"), str):
        return None
    method, raw = str(asked["method"]), asked.get("params") or {}
    return Call(
        name=_NAMES.get(method, method),
        method="",
        path=method,
        params={str(name): _text(raw[name]) for name in raw},
    )


def _reply(
    number: object, body: object, limits: list[dict[str, object]], status: int = 200
) -> dict[str, object]:
    if isinstance(body, Refused):
        return {"id": number, "status": body.status, "error": body.body, "rateLimits": limits}
    if status != 200:
        error = body if isinstance(body, dict) else {"code": -1000, "msg": "Service unavailable."}
        return {"id": number, "status": status, "error": error, "rateLimits": limits}
    return {"id": number, "status": 200, "result": body, "rateLimits": limits}


def _sorted_text(params: Mapping[str, str]) -> str:
    return "&".join(f"{name}={params[name]}" for name in sorted(params) if name != "signature")


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)
