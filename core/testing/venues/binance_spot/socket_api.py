"""Binance spot's WebSocket API: orders, and the subscription to the account's news.

The listen keys of old are gone: `userDataStream.subscribe.signature` is signed like any request.
"""

from __future__ import annotations

from collections.abc import Mapping

from core.testing.venues.binance.refusals import Refused
from core.testing.venues.binance.socket_api import SocketApi
from core.testing.venues.binance_spot.streams import ACCOUNT
from core.testing.venues.faults import Call
from core.testing.venues.socket import Socket

PATH = "/ws-api/v3"
_SUBSCRIBE = frozenset({"userDataStream.subscribe", "userDataStream.subscribe.signature"})
_GONE = frozenset({"userDataStream.start", "userDataStream.ping", "userDataStream.stop"})


class SpotSocketApi(SocketApi):
    """Requests on sockets."""

    def _result(self, socket: Socket, method: str, call: Call) -> object:
        if method in _GONE:
            raise Refused((-1000, "Retired: use userDataStream.subscribe.signature."))
        if method not in _SUBSCRIBE:
            return super()._result(socket, method, call)
        params = {name: str(value) for name, value in call.params.items()}
        if method == "userDataStream.subscribe" and id(socket) not in self._sessions:
            raise Refused((-2015, "Invalid API-key, IP, or permissions for action."), status=401)
        self._key(socket, method, params)
        if ACCOUNT in socket.topics:
            raise Refused((-2035, "Subscription already active in this session."))
        socket.topics[ACCOUNT] = {"id": 0}
        return {"subscriptionId": 0}

    def _place(self, params: Mapping[str, str]) -> object:
        self._rest.weights.take(1, is_order=True)
        return self._orders.place(params)
