"""Whatever a venue says, in whatever order: lifecycle and order manager keep their promises."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from core.adapters.exchanges.models import FillData, OrderData, OrderSide, OrderStatus, OrderType
from core.domain.events import OrderAccepted, OrderEnded, OrderFilled
from core.domain.lifecycle import FINAL, TRANSITIONS, OrderState, Signal, advance
from core.infrastructure.clock import datetime_of
from core.services.execution.order_manager import OrderManager, place_order
from core.services.execution.tracked import BotBook, Ledger
from core.services.gateway import BotSpec
from core.testing.execution import BOT, START_NS, SYMBOL, Inbox, instrument, order

signals = st.lists(st.sampled_from(list(Signal)), max_size=30)


def precedes(earlier: OrderState, later: OrderState) -> bool:
    """Whether `later` can be reached from `earlier` (or is the same)."""
    reached, frontier = {earlier}, [earlier]
    while frontier:
        found = set(TRANSITIONS[frontier.pop()].values()) - reached
        reached |= found
        frontier += found
    return later in reached


def test_the_order_of_states_is_partial():
    """A cancelled order never becomes expired, and nothing goes back to the intent."""
    assert precedes(OrderState.INTENT, OrderState.FILLED)
    assert not precedes(OrderState.CANCELED, OrderState.EXPIRED)
    assert not precedes(OrderState.ACKED, OrderState.SENT)


@given(signals)
def test_states_only_move_forward(heard: list[Signal]):
    """P8: every state reached can be reached from every one before it."""
    state = OrderState.INTENT
    passed = [state]
    for signal in heard:
        state = advance(state, signal)
        passed.append(state)

    assert all(precedes(earlier, later) for earlier, later in pairwise(passed))


@given(signals, signals)
def test_a_final_state_is_left_only_for_a_whole_fill(before: list[Signal], after: list[Signal]):
    """A cancelled or expired order can turn out to be filled; nothing else changes."""
    state = OrderState.INTENT
    for signal in before:
        state = advance(state, signal)
    end = state
    for signal in after:
        state = advance(state, signal)

    if end in FINAL:
        assert state in (end, OrderState.FILLED)


def bot() -> tuple[BotBook, Inbox]:
    """A bot and its inbox."""
    inbox = Inbox()
    spec = BotSpec(
        bot_id=BOT,
        name="bench",
        app="grid",
        mode="paper",
        venue="scripted",
        symbol=SYMBOL,
        instrument=instrument(),
        order_prefix="cbench",
        fingerprint={},
        config="{}",
    )
    return BotBook(spec, "test", inbox, Ledger()), inbox


words = st.one_of(
    st.tuples(st.just("fill"), st.integers(0, 4)),
    st.tuples(
        st.sampled_from([OrderStatus.OPEN, OrderStatus.PARTIALLY_FILLED, OrderStatus.CANCELED]),
        st.integers(0, 5),
    ),
    st.tuples(st.just("lose"), st.just(0)),
)


@given(st.lists(words, max_size=25))
def test_a_bot_hears_each_thing_once_and_the_end_last(told: list[tuple[object, int]]):
    """Accepted before fills, each trade once, one end after all that the venue counted."""
    book, inbox = bot()
    manager = OrderManager()
    tracked = place_order(order("a1"), book, START_NS, 10**9)
    manager.add(tracked)
    fills = [
        FillData(
            venue="scripted",
            symbol=SYMBOL,
            trade_id=f"t{number}",
            order_id="v1",
            client_order_id="a1",
            side=OrderSide.BUY,
            price=Decimal(100),
            amount=Decimal("0.1"),
            at=datetime_of(START_NS),
        )
        for number in range(5)
    ]
    data = OrderData(
        venue="scripted",
        symbol=SYMBOL,
        order_id="v1",
        client_order_id="a1",
        side=OrderSide.BUY,
        order_type=OrderType.LIMIT,
        status=OrderStatus.OPEN,
        amount=Decimal("0.5"),
        price=Decimal(100),
    )
    for word, number in told:
        if word == "fill":
            manager.on_fill(tracked, fills[number], START_NS)
        elif word == "lose":
            manager.lose(tracked, "NO_ANSWER", START_NS)
        elif isinstance(word, OrderStatus):
            filled = Decimal(number) / 10
            manager.on_order(tracked, replace(data, status=word, filled=filled), START_NS)

    kinds = [type(event) for event in inbox.events]
    trades = [event.trade_id for event in inbox.of(OrderFilled)]
    assert len(trades) == len(set(trades))
    assert len(inbox.of(OrderAccepted)) <= 1
    assert len(inbox.of(OrderEnded)) <= 1
    if OrderFilled in kinds:
        assert kinds.index(OrderAccepted) < kinds.index(OrderFilled)
    for end in inbox.of(OrderEnded):
        before = inbox.events[: inbox.events.index(end)]
        heard = sum(event.amount for event in before if isinstance(event, OrderFilled))
        assert end.filled == heard
    lots = sum(event.amount for event in inbox.of(OrderFilled))
    exposure = book.exposure
    assert exposure.position == lots
    assert exposure.buys == (0 if inbox.of(OrderEnded) else max(500 - lots, 0))
    assert exposure.open_orders == (0 if inbox.of(OrderEnded) else 1)
