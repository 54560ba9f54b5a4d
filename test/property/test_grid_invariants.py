"""What holds for every grid on every walk of the price."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.adapters.exchanges.models import ExchangeType, FeeAsset, Instrument, OrderSide
from core.domain.events import Act
from core.services.grid.settings import GridSettings, GridType, InitialFill
from core.services.grid.slots import Leg
from core.testing.grid_story import GridStory

TYPES = st.sampled_from([kind for kind in GridType if not kind.is_infinite])
MOVES = st.lists(st.integers(min_value=-60, max_value=60), min_size=1, max_size=60)


def grid(
    grid_type: GridType,
    *,
    distance: int = 1,
    initial_fill: InitialFill = InitialFill.TAKER_POSITION,
    market_type: ExchangeType = ExchangeType.PERPETUAL,
    fee_asset: FeeAsset = FeeAsset.QUOTE,
    offset: int = 0,
) -> GridSettings:
    """Ten levels, 2 apart, around 100; ticks of 0.1."""
    instrument = Instrument(
        symbol="TEST-USDC-PERP",
        venue="paper",
        market_type=market_type,
        base="TEST",
        quote="USDC",
        tick_size=Decimal("0.1"),
        lot_size=Decimal("0.001"),
        min_notional=Decimal(1),
        maker_fee=Decimal("0.0002"),
        taker_fee=Decimal("0.0005"),
        fee_asset=fee_asset,
    )
    follows = grid_type.is_follow
    return GridSettings(
        instrument=instrument,
        grid_type=grid_type,
        grid_interval=Decimal(2),
        order_amount=Decimal("0.5"),
        lower_price=None if follows else Decimal(90),
        upper_price=None if follows else Decimal(110),
        follow_grid_count=10 if follows else None,
        follow_timeout_s=5 if follows else None,
        follow_distance=1,
        price_offset_grids=offset if follows else 0,
        martingale_increment=Decimal("0.013") if grid_type.is_martingale else Decimal(0),
        reverse_order_grid_distance=1 if grid_type.is_neutral else distance,
        price_step=instrument.tick_size,
        amount_step=instrument.lot_size,
        maker_fee=Decimal("0.0002"),
        taker_fee=Decimal("0.0005"),
        initial_fill=initial_fill,
    )


def walk(story: GridStory, moves: list[int]) -> list[Decimal]:
    """Prices of a walk that begins at 100, in steps of a tick."""
    price = Decimal(100)
    prices = [price]
    for move in moves:
        price = max(price + move * story.instrument.tick_size, Decimal(50))
        prices.append(price)
    return prices


def check(story: GridStory) -> None:
    """The invariants of slots, position and money."""
    machine = story.machine
    assert story.residual() == 0
    assert machine.position == story.account.base
    assert machine.dump() == story.state
    if machine.ladder is None:
        return
    interval = machine.ladder.interval
    held = 0
    for slot in machine.slots:
        lots = machine.ledger.lots(slot.level)
        held += lots
        if slot.order is None or slot.order.shares is not None:
            continue
        assert slot.order.client_order_id in story.orders
        if slot.order.leg is Leg.EXIT:
            assert slot.order.price == slot.exit_price
            assert slot.order.amount - slot.order.filled == lots
            distance = story.settings.reverse_order_grid_distance
            assert slot.exit_price == slot.entry_price + slot.side.sign * distance * interval
        else:
            assert slot.order.price == slot.entry_price
    assert len({slot.entry_price for slot in machine.slots}) == machine.ladder.count
    placed = {slot.order.client_order_id for slot in machine.slots if slot.order is not None}
    assert set(story.orders) == placed


@given(grid_type=TYPES, distance=st.integers(1, 3), moves=MOVES)
def test_a_grid_is_n_slots_with_one_order_each(
    grid_type: GridType, distance: int, moves: list[int]
) -> None:
    """Every slot has its order, holdings are the exits, and money adds up, at every step."""
    story = GridStory(grid(grid_type, distance=distance))
    for price in walk(story, moves):
        story.price(price)

        check(story)
        assert len(story.orders) == story.machine.ladder.count
        exits = [slot for slot in story.machine.slots if slot.order.leg is Leg.EXIT]
        lots = sum(slot.side.sign * slot.amount for slot in exits)
        assert story.machine.position == lots * story.instrument.lot_size


@given(grid_type=TYPES, distance=st.integers(1, 3), moves=MOVES)
def test_at_most_distance_prices_are_empty_between_buys_and_sells(
    grid_type: GridType, distance: int, moves: list[int]
) -> None:
    """The profit gap: with distance D, exactly D level prices have no order around the price."""
    story = GridStory(grid(grid_type, distance=distance, initial_fill=InitialFill.ALL_LIMITS))
    for price in walk(story, moves):
        story.price(price)
        orders = [order.command for order in story.orders.values()]
        buys = [order.price for order in orders if order.side is OrderSide.BUY]
        sells = [order.price for order in orders if order.side is OrderSide.SELL]

        if buys and sells:
            steps = (min(sells) - max(buys)) / story.machine.ladder.interval
            assert 0 < steps <= story.settings.reverse_order_grid_distance + 1


@given(
    grid_type=TYPES,
    moves=MOVES,
    restarts=st.sets(st.integers(0, 60), max_size=5),
    initial_fill=st.sampled_from(list(InitialFill)),
    offset=st.integers(0, 4),
)
def test_a_restart_changes_nothing(
    grid_type: GridType,
    moves: list[int],
    restarts: set[int],
    initial_fill: InitialFill,
    offset: int,
) -> None:
    """A machine restored from its journal rests the same orders and keeps the same books."""
    story = GridStory(grid(grid_type, initial_fill=initial_fill, offset=offset))
    for index, price in enumerate(walk(story, moves)):
        story.price(price)
        if index in restarts:
            resting, position = story.resting(), story.machine.position
            story = story.restart()

            assert story.resting() == resting
            assert story.machine.position == position
        check(story)


@given(
    grid_type=TYPES,
    moves=MOVES,
    parts=st.lists(st.integers(1, 400), max_size=20),
    seed=st.randoms(use_true_random=False),
)
def test_partial_fills_and_strange_ends_lose_no_lot(
    grid_type: GridType, moves: list[int], parts: list[int], seed
) -> None:
    """Parts, cancels by others and a market that gives little: the books still agree to the lot."""
    story = GridStory(grid(grid_type))
    story.taker_lots = 700
    for price in walk(story, moves):
        story.price(price)
        if parts and story.orders:
            identity = seed.choice(sorted(story.orders))
            lots = parts.pop()
            order = story.orders[identity]
            story.fill(identity, min(lots, order.left))
            if identity in story.orders and seed.random() < 0.5:
                story.end(identity)

        check(story)


@given(
    grid_type=TYPES,
    moves=MOVES,
    acts=st.lists(st.tuples(st.integers(0, 59), st.sampled_from(list(Act)[:4])), max_size=8),
    last=st.sampled_from([Act.STOP_KEEP, Act.STOP_CANCEL, Act.STOP_FLATTEN]),
)
def test_whatever_is_asked_the_books_agree(
    grid_type: GridType, moves: list[int], acts: list[tuple[int, Act]], last: Act
) -> None:
    """Pause, resume, cancel and flatten at any time; and each end leaves what it promised."""
    story = GridStory(grid(grid_type))
    asked = dict(acts)
    for index, price in enumerate(walk(story, moves)):
        story.price(price)
        if index in asked:
            story.ask(asked[index])
        check(story)
    before = story.resting()
    story.ask(last)

    check(story)
    assert story.machine.is_stopped
    assert story.resting() == (before if last is Act.STOP_KEEP else [])
    if last is Act.STOP_FLATTEN:
        assert story.machine.position == 0


@given(moves=MOVES, seed=st.randoms(use_true_random=False))
def test_fees_in_base_are_accounted_to_the_last_digit(moves: list[int], seed) -> None:
    """On spot an exit sells net of the fee in whole lots, and the dust stays in the books."""
    settings = grid(GridType.LONG, market_type=ExchangeType.SPOT, fee_asset=FeeAsset.BASE)
    story = GridStory(settings)
    for price in walk(story, moves):
        story.price(price)

        assert story.residual() == 0
        assert story.machine.position == story.account.base
        assert story.account.base >= 0


@pytest.mark.parametrize("initial_fill", list(InitialFill))
@given(grid_type=TYPES, moves=MOVES, offset=st.integers(0, 4), distance=st.integers(1, 2))
def test_leaping_equals_stepping(
    initial_fill: InitialFill, grid_type: GridType, moves: list[int], offset: int, distance: int
) -> None:
    """Rows strictly inside the horizon may be skipped: the same orders, fills and resets follow."""
    settings = grid(grid_type, initial_fill=initial_fill, offset=offset, distance=distance)
    stepping, leaping = GridStory(settings), GridStory(settings)
    skipped: Decimal | None = None
    skipped_ns = 0
    for price in walk(stepping, moves):
        stepping.price(price)
        at_ns = stepping.now_ns
        timer_ns = leaping.machine.horizon().at_ns
        if timer_ns is not None and timer_ns <= at_ns and skipped is not None:
            hand_over(leaping, skipped, skipped_ns)
            skipped = None
        if timer_ns is not None and timer_ns <= at_ns:
            leaping.wait((at_ns - leaping.now_ns) / 1e9)
        if leaping.passes(price, leaping.machine.horizon()):
            skipped, skipped_ns = price, at_ns
            continue
        if skipped is not None:
            hand_over(leaping, skipped, skipped_ns)
            skipped = None
        hand_over(leaping, price, at_ns)

    assert leaping.commands == stepping.commands
    assert leaping.state == stepping.state


def hand_over(story: GridStory, price: Decimal, at_ns: int) -> None:
    """A row at its own time."""
    story.price(price, after_s=(at_ns - story.now_ns) / 1e9)
