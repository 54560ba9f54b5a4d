"""The table of an order's life."""

from __future__ import annotations

import pytest

from core.adapters.exchanges.models import OrderStatus
from core.domain.lifecycle import (
    FINAL,
    NEVER_EXISTED,
    TRANSITIONS,
    UNPROVED,
    WORKING,
    OrderState,
    Signal,
    advance,
    contradicts,
    fill_signal,
    final_status,
    is_overfilled,
    signal_of,
)


def test_the_table_names_every_state():
    """No state is without a row, so a lookup cannot fail."""
    assert set(TRANSITIONS) == set(OrderState)


def test_every_state_is_of_exactly_one_kind():
    """Unproved, working and final states share none and leave none out."""
    kinds = [UNPROVED, WORKING, FINAL]

    assert frozenset().union(*kinds) == set(OrderState)
    assert sum(len(kind) for kind in kinds) == len(OrderState)


@pytest.mark.parametrize(
    "state, signal, expected",
    [
        (OrderState.INTENT, Signal.SEND, OrderState.SENT),
        (OrderState.SENT, Signal.LOSE, OrderState.UNKNOWN),
        (OrderState.SENT, Signal.REFUSE, OrderState.REJECTED_DEFINITE),
        (OrderState.SENT, Signal.FILL, OrderState.PARTIAL),
        (OrderState.UNKNOWN, Signal.ACCEPT, OrderState.ACKED),
        (OrderState.UNKNOWN, Signal.DISPROVE, OrderState.NOT_PLACED),
        (OrderState.PARTIAL, Signal.CANCEL, OrderState.CANCELED),
        (OrderState.CANCELED, Signal.COMPLETE, OrderState.FILLED),
    ],
)
def test_a_signal_moves_the_state_as_drawn(state: OrderState, signal: Signal, expected: OrderState):
    """The arrows of the drawing at the top of the module."""
    assert advance(state, signal) is expected


@pytest.mark.parametrize(
    "state, signal",
    [
        (OrderState.FILLED, Signal.ACCEPT),
        (OrderState.FILLED, Signal.CANCEL),
        (OrderState.CANCELED, Signal.ACCEPT),
        (OrderState.PARTIAL, Signal.ACCEPT),
        (OrderState.ACKED, Signal.LOSE),
        (OrderState.ACKED, Signal.DISPROVE),
        (OrderState.SENT, Signal.DISPROVE),
    ],
)
def test_a_late_signal_changes_nothing(state: OrderState, signal: Signal):
    """P8: late and stale words never regress an order."""
    assert advance(state, signal) is state


def test_silence_alone_never_ends_an_order():
    """Only a proof leads from UNKNOWN to NOT_PLACED."""
    ways = {signal for signal, state in TRANSITIONS[OrderState.UNKNOWN].items() if state in FINAL}

    assert Signal.LOSE not in ways
    assert advance(OrderState.UNKNOWN, Signal.LOSE) is OrderState.UNKNOWN


@pytest.mark.parametrize("state", sorted(NEVER_EXISTED))
def test_a_sign_of_life_contradicts_a_proof_of_absence(state: OrderState):
    """Whoever hears of it believes the venue and calls a person."""
    assert contradicts(state, Signal.FILL)
    assert not contradicts(state, Signal.CANCEL)


def test_the_venues_words_become_signals():
    """A word that we do not understand signals nothing."""
    assert signal_of(OrderStatus.PENDING) is Signal.ACCEPT
    assert signal_of(OrderStatus.UNKNOWN) is None


def test_an_order_that_never_existed_is_rejected_for_apps():
    """Apps know four ends only."""
    assert final_status(OrderState.NOT_PLACED) is OrderStatus.REJECTED


def test_fills_complete_an_order_at_its_amount_and_overfill_it_above():
    """More than was ordered is still complete, and marked."""
    assert fill_signal(4, 5) is Signal.FILL
    assert fill_signal(5, 5) is Signal.COMPLETE
    assert fill_signal(6, 5) is Signal.COMPLETE
    assert [is_overfilled(filled, 5) for filled in (5, 6)] == [False, True]
