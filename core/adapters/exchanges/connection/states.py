"""The life of a connection as a table.

    DISCONNECTED ─dial─► CONNECTING ─opened─► AUTHENTICATING ─accepted─► RESUBSCRIBING
                              ▲                                               │ asked
                              │ dial                                          ▼
                         RECONNECTING ◄─lost─ (any of them)               SNAPSHOT
                                                                              │ complete
                                                        STALE ◄─silent── LIVE ◄
                                                          └────heard──────►

Data may be traded on in LIVE alone. A connection is silent when the newest event that it told of
is too old by the venue's own time: a socket that answers pings and says nothing is as dead as a
closed one, and so is one whose messages stand still in time. `closed` is asked for by us and ends
everything. Whatever the table does not hold is a mistake of ours and raises.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from core.adapters.exchanges.models import ConnectionState


class Moment(Enum):
    """What can happen to a connection."""

    DIAL = "dial"
    OPENED = "opened"
    ACCEPTED = "accepted"
    """Proved who we are, or had nothing to prove."""
    ASKED = "asked"
    """Every topic was asked for."""
    COMPLETE = "complete"
    """Every topic is confirmed, and what was missed meanwhile is caught up."""
    SILENT = "silent"
    HEARD = "heard"
    LOST = "lost"
    CLOSED = "closed"


_S = ConnectionState
_M = Moment

TABLE: Final[dict[ConnectionState, dict[Moment, ConnectionState]]] = {
    _S.DISCONNECTED: {_M.DIAL: _S.CONNECTING},
    _S.CONNECTING: {_M.OPENED: _S.AUTHENTICATING, _M.LOST: _S.RECONNECTING},
    _S.AUTHENTICATING: {_M.ACCEPTED: _S.RESUBSCRIBING, _M.LOST: _S.RECONNECTING},
    _S.RESUBSCRIBING: {_M.ASKED: _S.SNAPSHOT, _M.LOST: _S.RECONNECTING},
    _S.SNAPSHOT: {_M.COMPLETE: _S.LIVE, _M.LOST: _S.RECONNECTING},
    _S.LIVE: {_M.SILENT: _S.STALE, _M.LOST: _S.RECONNECTING},
    _S.STALE: {_M.HEARD: _S.LIVE, _M.LOST: _S.RECONNECTING},
    _S.RECONNECTING: {_M.DIAL: _S.CONNECTING},
}
"""State -> moment -> next state; CLOSED leads from everywhere to DISCONNECTED."""


def after(state: ConnectionState, moment: Moment) -> ConnectionState:
    """The state that follows.

    Raises:
        ValueError: If that cannot happen in this state.
    """
    if moment is Moment.CLOSED:
        return ConnectionState.DISCONNECTED
    following = TABLE[state].get(moment)
    if following is None:
        raise ValueError(f"a connection that is {state.value} cannot be {moment.value}")
    return following
