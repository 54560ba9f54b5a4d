"""What holds for every kind of grid, every spacing and every way of moving, on every walk."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from core.adapters.exchanges.models import OrderSide
from core.domain.events import Act
from core.services.grid.protections.settings import (
    CapitalSettings,
    LockMode,
    LockSettings,
    ProtectionSettings,
    ScalpingSettings,
    StopLossSettings,
    TakeProfitSettings,
)
from core.services.grid.settings import (
    FollowShift,
    GridSettings,
    GridType,
    InitialFill,
    StopAction,
    TargetSettings,
)
from core.services.grid.slots import Leg
from core.services.grid.snapshot import GridPhase
from core.services.grid.spacing import ratio_of
from core.testing.grid_story import GridStory
from core.testing.grids import INSTRUMENT as PERP

INSTRUMENT = replace(PERP, min_notional=Decimal(1))
FIXED = (GridType.LONG, GridType.SHORT, GridType.NEUTRAL)
FOLLOWING = (GridType.FOLLOW_LONG, GridType.FOLLOW_SHORT)
PROFITS = (
    TargetSettings(fraction=Decimal("0.002"), restarts=True),
    TargetSettings(fraction=Decimal("0.01"), action=StopAction.CANCEL),
)
LOSSES = (
    TargetSettings(fraction=Decimal("0.03"), restarts=True),
    TargetSettings(fraction=Decimal("0.05"), action=StopAction.KEEP),
    TargetSettings(price=Decimal(80)),
)
LIMITS = st.sampled_from([None, Decimal(4), Decimal(9)])


@st.composite
def kinds(draw: st.DrawFn, *types: GridType) -> GridSettings:
    """Ten levels around 100 of any kind but martingale, with whatever else acts on it."""
    grid_type = draw(st.sampled_from(types or (*FIXED, *FOLLOWING)))
    is_geometric = draw(st.booleans())
    distance = 1 if grid_type.is_neutral else draw(st.integers(1, 3))
    settings = GridSettings(
        instrument=INSTRUMENT,
        grid_type=grid_type,
        grid_interval=Decimal(0) if is_geometric else Decimal(2),
        grid_ratio=ratio_of(Decimal(90), Decimal(110), 10) if is_geometric else None,
        order_amount=Decimal("0.5"),
        reverse_order_grid_distance=distance,
        price_step=draw(st.sampled_from([Decimal("0.1"), Decimal("0.2")])),
        amount_step=Decimal("0.001"),
        maker_fee=Decimal("0.0002"),
        taker_fee=Decimal("0.0005"),
        initial_fill=draw(st.sampled_from(list(InitialFill))),
        active_window=draw(st.sampled_from([0, 0, 1, 3])),
        is_compounding=draw(st.booleans()),
        profit_reserve_percent=draw(st.sampled_from([Decimal(0), Decimal("12.5")])),
        trigger_price=draw(st.sampled_from([None, None, Decimal(97), Decimal("103.35")])),
        bot_take_profit=draw(st.sampled_from([None, None, *PROFITS])),
        bot_stop_loss=draw(st.sampled_from([None, None, *LOSSES])),
        collateral=Decimal(1000),
    )
    loss = settings.bot_stop_loss
    if loss is not None and loss.price is not None and grid_type is not GridType.LONG:
        is_short = grid_type is GridType.SHORT
        above = None if is_short else Decimal(125)
        price = Decimal(125) if is_short else loss.price
        settings = replace(settings, bot_stop_loss=replace(loss, price=price, price_above=above))
    if grid_type.is_follow:
        settings = replace(settings, bot_stop_loss=None if loss is LOSSES[-1] else loss)
        return replace(
            settings,
            follow_grid_count=10,
            follow_timeout_s=5,
            price_offset_grids=draw(st.integers(0, 3)),
            follow_shift=draw(st.sampled_from(list(FollowShift))),
        )
    up, down = draw(LIMITS), draw(LIMITS)
    return replace(
        settings,
        lower_price=Decimal(90),
        upper_price=Decimal(110),
        grid_count=10 if is_geometric else None,
        trailing_up=draw(st.booleans()),
        trailing_up_limit=None if up is None else Decimal(110) + up,
        trailing_down=draw(st.booleans()),
        trailing_down_limit=None if down is None else Decimal(90) - down,
    )


@st.composite
def infinities(draw: st.DrawFn) -> GridSettings:
    """A grid from 90 upwards, two percent from line to line."""
    return GridSettings(
        instrument=INSTRUMENT,
        grid_type=GridType.INFINITY,
        grid_interval=Decimal(0),
        grid_ratio=Decimal("1.02"),
        order_value=draw(st.sampled_from([Decimal(20), Decimal("33.3")])),
        order_amount=Decimal("0.2"),
        lower_price=Decimal(90),
        price_step=Decimal("0.1"),
        amount_step=Decimal("0.001"),
        maker_fee=Decimal("0.0002"),
        taker_fee=Decimal("0.0005"),
        initial_fill=draw(st.sampled_from(list(InitialFill))),
        active_window=draw(st.sampled_from([2, 5])),
        is_compounding=draw(st.booleans()),
        trigger_price=draw(st.sampled_from([None, Decimal(101)])),
    )


GRIDS = st.one_of(kinds(), infinities())
MOVES = st.lists(st.integers(min_value=-90, max_value=90), min_size=1, max_size=60)


def walk(moves: list[int]) -> list[Decimal]:
    """Prices of a walk that begins at 100, in steps of a tick, from 30 to 300."""
    price = Decimal(100)
    prices = [price]
    for move in moves:
        price = min(max(price + move * INSTRUMENT.tick_size, Decimal(30)), Decimal(300))
        prices.append(price)
    return prices


def check(story: GridStory) -> None:
    """The invariants of slots, lines, position and money."""
    machine, ladder = story.machine, story.machine.ladder
    assert story.residual() == 0
    assert machine.position == story.account.base
    assert machine.dump() == story.state
    if ladder is None:
        return
    lines = {ladder.line(ladder.shift + place) for place in range(ladder.count + 1)}
    assert len(lines) == ladder.count + 1
    entries = {(slot.side, slot.entry_price) for slot in machine.slots}
    assert len(entries) == ladder.count
    assert {price for _, price in entries} <= lines
    assert sorted(ladder.rank(slot.level) for slot in machine.slots) == [
        *range(1, ladder.count + 1)
    ]
    for slot in machine.slots:
        assert slot.entry_price == ladder.entry_price(slot.level)
        assert slot.exit_price == ladder.exit_price(slot.level)
        order = slot.order
        if order is None or order.shares is not None:
            continue
        assert order.price == (slot.exit_price if order.leg is Leg.EXIT else slot.entry_price)
        if order.leg is Leg.EXIT:
            assert order.amount - order.filled == machine.ledger.lots(slot.level)


def check_window(story: GridStory) -> None:
    """At most the window and one more rest on each side, and they are the nearest."""
    most = story.settings.active_window
    if not most or story.machine.ladder is None:
        return
    for side in OrderSide:
        resting = [o.command for o in story.orders.values() if o.command.side is side]
        assert len(resting) <= most + 1


@given(settings=GRIDS, moves=MOVES)
def test_every_kind_keeps_its_lines_and_its_books(settings: GridSettings, moves: list[int]) -> None:
    """One slot a line, orders where the lines are, and money that adds up, at every step."""
    story = GridStory(settings)
    for price in walk(moves):
        story.price(price)

        check(story)
        check_window(story)


@given(settings=GRIDS, moves=MOVES)
def test_without_a_window_every_slot_works(settings: GridSettings, moves: list[int]) -> None:
    """Only a slot whose entry the market has passed is without an order."""
    story = GridStory(replace(settings, active_window=0))
    for price in walk(moves):
        story.price(price)

        if story.machine.phase is not GridPhase.RUNNING:
            continue
        for slot in story.machine.slots:
            assert slot.order is not None or slot.is_waiting


@given(settings=kinds(GridType.NEUTRAL), moves=MOVES)
def test_a_neutral_grid_leaves_exactly_one_line_empty(
    settings: GridSettings, moves: list[int]
) -> None:
    """Buys below, sells above, wherever the price went and however the range trailed after it."""
    story = GridStory(replace(settings, active_window=0, initial_fill=InitialFill.ALL_LIMITS))
    for price in walk(moves):
        story.price(price)
        ladder = story.machine.ladder
        if ladder is None or story.machine.phase is not GridPhase.RUNNING:
            continue

        lines = {ladder.line(ladder.shift + place) for place in range(ladder.count + 1)}
        prices = {side: set[int]() for side in OrderSide}
        for order in story.orders.values():
            prices[order.command.side].add(order.command.price or 0)
        empty = lines - prices[OrderSide.BUY] - prices[OrderSide.SELL]
        assert len(story.orders) == ladder.count
        assert len(empty) == 1
        assert max(prices[OrderSide.BUY], default=0) < min(empty)
        assert min(prices[OrderSide.SELL], default=10**9) > max(empty)


@given(settings=GRIDS, moves=MOVES, restarts=st.sets(st.integers(0, 60), max_size=6))
def test_a_restored_machine_gives_the_same_commands(
    settings: GridSettings, moves: list[int], restarts: set[int]
) -> None:
    """Killed anywhere and restored from its journal, the grid goes on as if nothing had been."""
    story = GridStory(settings)
    for index, price in enumerate(walk(moves)):
        story.price(price)
        if index in restarts and not story.machine.is_stopped:
            resting, machine = story.resting(), story.machine
            story = story.restart()

            assert story.resting() == resting
            assert story.machine.position == machine.position
            assert story.machine.dump() == machine.dump()
            assert story.machine.trailing_cost == machine.trailing_cost
            has_rules = settings.bot_take_profit is not None or settings.bot_stop_loss is not None
            if not settings.grid_type.is_follow and not has_rules:
                # An escape is timed anew after a restart, and a leap is believed.
                assert story.machine.horizon() == machine.horizon()
        check(story)


@given(settings=GRIDS, moves=MOVES)
def test_leaping_equals_stepping(settings: GridSettings, moves: list[int]) -> None:
    """Rows strictly inside the horizon may be skipped: the same orders, fills and moves follow."""
    leap_and_step(settings, moves)


@st.composite
def protected(draw: st.DrawFn) -> GridSettings:
    """A grid that buys or sells first, and whatever protects it."""
    settings = draw(kinds(GridType.LONG, GridType.SHORT, *FOLLOWING))
    lock = None
    if settings.grid_type.is_follow:
        mode = draw(st.sampled_from(list(LockMode)))
        lock = draw(st.sampled_from([None, LockSettings(threshold=Decimal(101), mode=mode)]))
    return replace(
        settings,
        protections=ProtectionSettings(
            stop_loss=draw(st.sampled_from([None, StopLossSettings(timeout_s=2)])),
            take_profit=draw(
                st.sampled_from([None, TakeProfitSettings(fraction=Decimal("0.004"))])
            ),
            capital=draw(st.sampled_from([None, CapitalSettings(freezes_entries=True)])),
            scalping=draw(
                st.sampled_from([None, ScalpingSettings(trigger_percent=40, rebound_grids=1)])
            ),
            price_lock=lock,
        ),
    )


@given(settings=protected(), moves=MOVES)
def test_a_protected_grid_may_trail_roll_and_grow(settings: GridSettings, moves: list[int]) -> None:
    """Every mix leaps as it steps, and its books agree to the digit."""
    story = leap_and_step(settings, moves)

    assert story.residual() == 0
    assert story.machine.position == story.account.base
    assert story.machine.dump() == story.state


def leap_and_step(settings: GridSettings, moves: list[int]) -> GridStory:
    """A walk taken twice, once without the rows that nobody needs; the one that saw all of it."""
    stepping, leaping = GridStory(settings), GridStory(settings)
    skipped: tuple[Decimal, int] | None = None
    for price in walk(moves):
        stepping.price(price)
        at_ns = stepping.now_ns
        timer_ns = leaping.machine.horizon().at_ns
        is_due = timer_ns is not None and timer_ns <= at_ns
        if is_due and skipped is not None:
            hand_over(leaping, *skipped)
            skipped = None
        if is_due:
            leaping.wait((at_ns - leaping.now_ns) / 1e9)
        if leaping.passes(price, leaping.machine.horizon()):
            skipped = (price, at_ns)
            continue
        if skipped is not None:
            hand_over(leaping, *skipped)
            skipped = None
        hand_over(leaping, price, at_ns)

    assert leaping.commands == stepping.commands
    assert leaping.state == stepping.state
    return stepping


def hand_over(story: GridStory, price: Decimal, at_ns: int) -> None:
    """A row at its own time."""
    story.price(price, after_s=(at_ns - story.now_ns) / 1e9)


@given(
    settings=GRIDS,
    moves=MOVES,
    acts=st.lists(st.tuples(st.integers(0, 59), st.sampled_from(list(Act)[:4])), max_size=6),
    last=st.sampled_from([Act.STOP_KEEP, Act.STOP_CANCEL, Act.STOP_FLATTEN]),
)
def test_whatever_is_asked_the_books_agree(
    settings: GridSettings, moves: list[int], acts: list[tuple[int, Act]], last: Act
) -> None:
    """Pause, resume, cancel and flatten at any time; and each end leaves what it promised."""
    story, asked = GridStory(settings), dict(acts)
    for index, price in enumerate(walk(moves)):
        story.price(price)
        if index in asked:
            story.ask(asked[index])
        assert story.residual() == 0
        assert story.machine.dump() == story.state
    if story.machine.is_stopped:
        return
    before = story.resting()
    story.ask(last)

    assert story.residual() == 0
    assert story.machine.is_stopped
    assert story.resting() == (before if last is Act.STOP_KEEP else [])
    if last is Act.STOP_FLATTEN:
        assert story.machine.position == 0


@given(
    settings=GRIDS,
    moves=MOVES,
    parts=st.lists(st.integers(1, 400), max_size=20),
    seed=st.randoms(use_true_random=False),
)
def test_partial_fills_and_strange_ends_lose_no_lot(
    settings: GridSettings, moves: list[int], parts: list[int], seed
) -> None:
    """Parts, cancels by others and a market that gives little: the books still agree to the lot."""
    story = GridStory(settings)
    story.taker_lots = 700
    for price in walk(moves):
        story.price(price)
        if parts and story.orders:
            identity = seed.choice(sorted(story.orders))
            order = story.orders[identity]
            story.fill(identity, min(parts.pop(), order.left))
            if identity in story.orders and seed.random() < 0.5:
                story.end(identity)

        assert story.residual() == 0
        assert story.machine.position == story.account.base
        assert story.machine.dump() == story.state
