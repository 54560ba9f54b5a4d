"""The life of one order of ours, as a table.

We are never told the state of an order: we are told things about it, late, twice, out of order, or
not at all. So what a venue says is first turned into a `Signal`, and the table says what a signal
means in each state. Reading the table is reading the whole protocol:

    INTENT ──► SENT ──► ACKED ──► PARTIAL ──► FILLED | CANCELED | EXPIRED | REJECTED
                 ├────► REJECTED_DEFINITE          proof that the order does not and will not exist
                 └────► UNKNOWN ──► ACKED …        it was found
                                └─► NOT_PLACED     it was proved never to have existed

Three rules keep it honest.

1. States only move forward. A signal that would move one back (an old "open" after "cancelled")
   leaves it where it is: the pair stands in the table with the state itself as its answer, or is
   missing from it, which means the same. Nothing late can hurt.
2. A fill proves existence. It may arrive before the acknowledgement, so every state from INTENT on
   takes one. What has filled is a sum that never falls; when it passes the ordered amount the
   venue is believed and the order is marked (`is_overfilled`), never clamped.
3. Silence proves nothing. Only `DISPROVE`, which needs the evidence of reliability P6, ends an
   order that did not answer.

Wanting to cancel is no state: an order whose cancel is on its way can still fill, so it is a flag
beside the state. Some signals contradict what was proved (a fill of an order that was refused).
`contradicts` names them; whoever hears one believes the venue and calls a person.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from core.adapters.exchanges.models import OrderStatus


class OrderState(StrEnum):
    """Where an order of ours stands."""

    INTENT = "INTENT"
    """Durable in the journal; not one byte has left."""
    SENT = "SENT"
    """On its way, no answer yet."""
    UNKNOWN = "UNKNOWN"
    """It did not answer: it may or may not exist."""
    ACKED = "ACKED"
    """The venue has it; nothing has filled."""
    PARTIAL = "PARTIAL"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"
    REJECTED = "REJECTED"
    """Refused by the venue after it had been taken in."""
    REJECTED_DEFINITE = "REJECTED_DEFINITE"
    """Refused with proof that it does not and will not exist."""
    NOT_PLACED = "NOT_PLACED"
    """It did not answer, and the evidence of P6 says that it never existed."""

    @property
    def is_final(self) -> bool:
        """Whether nothing can change any more."""
        return self in FINAL

    @property
    def is_working(self) -> bool:
        """Whether the venue is known to have it open."""
        return self in WORKING

    @property
    def is_unproved(self) -> bool:
        """Whether it is not known that the venue has it."""
        return self in UNPROVED


class Signal(StrEnum):
    """What can be learned about an order."""

    SEND = "send"
    """The first byte is about to leave."""
    LOSE = "lose"
    """No answer, or none that proves anything."""
    ACCEPT = "accept"
    """The venue has it open."""
    FILL = "fill"
    """Some of it has executed."""
    COMPLETE = "complete"
    """All of it has executed."""
    CANCEL = "cancel"
    EXPIRE = "expire"
    REJECT = "reject"
    """The venue's own record of it says refused."""
    REFUSE = "refuse"
    """The answer to the create is a definite no."""
    DISPROVE = "disprove"
    """The evidence of P6 is complete."""


UNPROVED: Final = frozenset({OrderState.INTENT, OrderState.SENT, OrderState.UNKNOWN})
WORKING: Final = frozenset({OrderState.ACKED, OrderState.PARTIAL})
FINAL: Final = frozenset(
    {
        OrderState.FILLED,
        OrderState.CANCELED,
        OrderState.EXPIRED,
        OrderState.REJECTED,
        OrderState.REJECTED_DEFINITE,
        OrderState.NOT_PLACED,
    }
)
NEVER_EXISTED: Final = frozenset({OrderState.REJECTED_DEFINITE, OrderState.NOT_PLACED})

_VENUE_ENDS: Final = {
    Signal.COMPLETE: OrderState.FILLED,
    Signal.CANCEL: OrderState.CANCELED,
    Signal.EXPIRE: OrderState.EXPIRED,
    Signal.REJECT: OrderState.REJECTED,
}
_EXISTS: Final = {
    Signal.ACCEPT: OrderState.ACKED,
    Signal.FILL: OrderState.PARTIAL,
    **_VENUE_ENDS,
}

TRANSITIONS: Final[dict[OrderState, dict[Signal, OrderState]]] = {
    OrderState.INTENT: {
        Signal.SEND: OrderState.SENT,
        Signal.LOSE: OrderState.UNKNOWN,  # found in the journal by a start that did not send it
        Signal.REFUSE: OrderState.REJECTED_DEFINITE,  # stopped before it was sent
        **_EXISTS,  # CANCEL also where nobody wanted it any more before it was sent
    },
    OrderState.SENT: {
        Signal.LOSE: OrderState.UNKNOWN,
        Signal.REFUSE: OrderState.REJECTED_DEFINITE,
        **_EXISTS,
    },
    OrderState.UNKNOWN: {
        Signal.LOSE: OrderState.UNKNOWN,
        Signal.REFUSE: OrderState.REJECTED_DEFINITE,  # the answer came after all
        Signal.DISPROVE: OrderState.NOT_PLACED,
        **_EXISTS,
    },
    OrderState.ACKED: {
        Signal.ACCEPT: OrderState.ACKED,
        Signal.FILL: OrderState.PARTIAL,
        **_VENUE_ENDS,
    },
    OrderState.PARTIAL: {
        Signal.ACCEPT: OrderState.PARTIAL,
        Signal.FILL: OrderState.PARTIAL,
        **_VENUE_ENDS,
    },
    # A cancel that lost the race: the venue says cancelled first and tells of the last fill later.
    OrderState.CANCELED: {
        Signal.FILL: OrderState.CANCELED,
        Signal.COMPLETE: OrderState.FILLED,
        Signal.CANCEL: OrderState.CANCELED,
    },
    OrderState.EXPIRED: {
        Signal.FILL: OrderState.EXPIRED,
        Signal.COMPLETE: OrderState.FILLED,
        Signal.EXPIRE: OrderState.EXPIRED,
    },
    OrderState.REJECTED: {Signal.REJECT: OrderState.REJECTED},
    OrderState.FILLED: {
        Signal.FILL: OrderState.FILLED,
        Signal.COMPLETE: OrderState.FILLED,
    },
    OrderState.REJECTED_DEFINITE: {Signal.REFUSE: OrderState.REJECTED_DEFINITE},
    OrderState.NOT_PLACED: {Signal.DISPROVE: OrderState.NOT_PLACED},
}

_OF_STATUS: Final = {
    OrderStatus.PENDING: Signal.ACCEPT,
    OrderStatus.OPEN: Signal.ACCEPT,
    OrderStatus.PARTIALLY_FILLED: Signal.FILL,
    OrderStatus.FILLED: Signal.COMPLETE,
    OrderStatus.CANCELED: Signal.CANCEL,
    OrderStatus.EXPIRED: Signal.EXPIRE,
    OrderStatus.REJECTED: Signal.REJECT,
}

_STATUS_OF: Final = {
    OrderState.FILLED: OrderStatus.FILLED,
    OrderState.CANCELED: OrderStatus.CANCELED,
    OrderState.EXPIRED: OrderStatus.EXPIRED,
    OrderState.REJECTED: OrderStatus.REJECTED,
    OrderState.REJECTED_DEFINITE: OrderStatus.REJECTED,
    OrderState.NOT_PLACED: OrderStatus.REJECTED,
}


def advance(state: OrderState, signal: Signal) -> OrderState:
    """The state after a signal; the same state where the signal is late or means nothing there."""
    return TRANSITIONS[state].get(signal, state)


def signal_of(status: OrderStatus) -> Signal | None:
    """What a venue's word on an order signals; None for a word that we do not understand."""
    return _OF_STATUS.get(status)


def fill_signal(filled: int, amount: int) -> Signal:
    """FILL or COMPLETE for a cumulative sum of lots."""
    return Signal.COMPLETE if filled >= amount else Signal.FILL


def is_overfilled(filled: int, amount: int) -> bool:
    """Whether more has executed than was ordered (reliability V7)."""
    return filled > amount


def final_status(state: OrderState) -> OrderStatus:
    """The word for apps of a final state; an order that never existed is REJECTED.

    Raises:
        KeyError: For a state that is not final.
    """
    return _STATUS_OF[state]


def contradicts(state: OrderState, signal: Signal) -> bool:
    """Whether a signal says that an order lives which was proved not to: believe it, and alarm."""
    return (state in NEVER_EXISTED or state is OrderState.REJECTED) and signal in (
        Signal.ACCEPT,
        Signal.FILL,
        Signal.COMPLETE,
    )
