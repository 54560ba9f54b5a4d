"""What holds for every edit of every grid on every walk of the price."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from core.adapters.exchanges.models import ExchangeType, FeeAsset, Instrument, OrderSide
from core.domain.commands import CancelOrder, PlaceOrder
from core.domain.events import Act
from core.errors import ConfigError
from core.services.grid.edit import plan_edit
from core.services.grid.settings import GridSettings, GridType, InitialFill
from core.services.grid.slots import Leg
from core.services.grid.snapshot import EditDiff, EditLine, GridPhase
from core.services.grid.view import grid_profit
from core.testing.grid_story import GridStory

PERP = Instrument(
    symbol="TEST-USDC-PERP",
    venue="paper",
    market_type=ExchangeType.PERPETUAL,
    base="TEST",
    quote="USDC",
    tick_size=Decimal("0.1"),
    lot_size=Decimal("0.001"),
    min_notional=Decimal(1),
    maker_fee=Decimal("0.0002"),
    taker_fee=Decimal("0.0005"),
)
SPOT = replace(PERP, market_type=ExchangeType.SPOT, fee_asset=FeeAsset.BASE)
MOVES = st.lists(st.integers(min_value=-60, max_value=60), min_size=1, max_size=12)
FAMILIES = {
    OrderSide.BUY: [GridType.LONG, GridType.FOLLOW_LONG, GridType.MARTINGALE_LONG],
    OrderSide.SELL: [GridType.SHORT, GridType.FOLLOW_SHORT, GridType.MARTINGALE_SHORT],
}


@st.composite
def settings(draw: st.DrawFn, side: OrderSide, instrument: Instrument) -> GridSettings:
    """A grid of one direction, with lines that often agree with those of another draw."""
    family = FAMILIES[side]
    if side is OrderSide.BUY and not instrument.is_spot:
        family = [*family, GridType.NEUTRAL, GridType.NEUTRAL]
    grid_type = draw(st.sampled_from(family))
    can_trail = not (grid_type.is_follow or grid_type.is_martingale)
    follows = grid_type.is_follow
    lower = draw(st.integers(80, 96))
    return GridSettings(
        instrument=instrument,
        grid_type=grid_type,
        grid_interval=Decimal(draw(st.sampled_from([1, 2, 3]))),
        order_amount=Decimal(draw(st.sampled_from(["0.5", "0.7"]))),
        lower_price=None if follows else Decimal(lower),
        upper_price=None if follows else Decimal(lower + draw(st.integers(8, 24))),
        follow_grid_count=draw(st.integers(3, 10)) if follows else None,
        follow_timeout_s=5 if follows else None,
        price_offset_grids=draw(st.integers(0, 3)) if follows else 0,
        martingale_increment=Decimal("0.013") if grid_type.is_martingale else Decimal(0),
        reverse_order_grid_distance=1 if grid_type.is_neutral else draw(st.integers(1, 3)),
        trailing_up=can_trail and draw(st.booleans()),
        trailing_down=can_trail and draw(st.booleans()),
        active_window=draw(st.sampled_from([0, 0, 3])),
        price_step=instrument.tick_size,
        amount_step=instrument.lot_size,
        maker_fee=Decimal("0.0002"),
        taker_fee=Decimal("0.0005"),
        initial_fill=draw(st.sampled_from(list(InitialFill))),
    )


@st.composite
def plans(draw: st.DrawFn) -> tuple[GridSettings, list[tuple[list[int], GridSettings, bool]]]:
    """A grid, and edits with a walk of the price before each and maybe a restart after it."""
    side = draw(st.sampled_from(list(FAMILIES)))
    instrument = draw(st.sampled_from([PERP, SPOT])) if side is OrderSide.BUY else PERP
    kind = settings(side, instrument)
    edits = st.lists(st.tuples(MOVES, kind, st.booleans()), min_size=1, max_size=5)
    return draw(kind), draw(edits)


def walk(story: GridStory, moves: list[int]) -> None:
    """Prices in steps of a tick, from where the last walk ended."""
    price = story.last or Decimal(100)
    for move in [0, *moves]:
        price = max(price + move * story.instrument.tick_size, Decimal(50))
        story.price(price)
        check(story)


def check(story: GridStory) -> None:
    """Books, journal and venue agree; each order serves one slot, each line is there once."""
    machine = story.machine
    assert story.residual() == 0
    assert machine.position == story.account.base
    assert machine.dump() == story.state
    check_profit(story)
    if machine.ladder is None:
        return
    placed = [slot.order.client_order_id for slot in machine.slots if slot.order is not None]
    assert sorted(placed) == sorted(story.orders)
    lines = [(slot.side, slot.entry_price) for slot in machine.slots if not slot.is_orphan]
    assert len(set(lines)) == len(lines) == machine.ladder.count
    for slot in machine.slots:
        if slot.order is None or slot.order.shares is not None:
            continue
        if slot.order.leg is Leg.EXIT:
            assert slot.order.amount - slot.order.filled == machine.ledger.lots(slot.level)
            assert slot.order.price == slot.exit_price
        else:
            assert not slot.is_orphan
            assert slot.order.price == slot.entry_price


def check_profit(story: GridStory) -> None:
    """What the slots and the rest have earned, paid and hold are the sums of the grid, exactly."""
    shown = grid_profit(story.machine, story.now_ns, story.last)
    result, rows = shown.result, shown.slots
    assert sum((row.realized for row in rows), Decimal(0)) == result.realized_pnl
    assert sum((row.fees for row in rows), Decimal(0)) == result.fees
    assert sum((row.holds for row in rows), Decimal(0)) == result.position
    assert sum((row.unrealized for row in rows), Decimal(0)) == result.unrealized_pnl
    assert sum(row.round_trips for row in rows) == result.round_trips


def lots(story: GridStory) -> int:
    """What can be traded of all that is held."""
    return sum(story.machine.ledger.lots(slot.level) for slot in story.machine.slots)


def edit(story: GridStory, wanted: GridSettings) -> EditDiff | None:
    """Previews an edit, then does it; None where it is refused."""
    try:
        diff = plan_edit(story.machine, wanted, at_ns=story.now_ns)
    except ConfigError:
        return None
    story.commands.clear()
    story.edit(wanted)
    return diff


def described(lines: tuple[EditLine, ...]) -> Counter[tuple[OrderSide, Decimal | None, Decimal]]:
    """Orders without their ids."""
    return Counter((line.side, line.price, line.amount) for line in lines)


def of_a_leg(lines: tuple[EditLine, ...]) -> set[tuple[str, OrderSide, Decimal | None, Decimal]]:
    """Orders without their ids, with what they are for."""
    return {(line.leg, line.side, line.price, line.amount) for line in lines}


@given(plans())
def test_what_an_edit_shows_is_what_it_does(
    plan: tuple[GridSettings, list[tuple[list[int], GridSettings, bool]]],
) -> None:
    """The orders cancelled, kept and placed are those of the diff, and nothing held is traded."""
    first, edits = plan
    story = GridStory(first)
    for moves, wanted, restarts in edits:
        walk(story, moves)
        before, held, fills = dict(story.orders), lots(story), len(story.fills())
        diff = edit(story, wanted)
        if diff is None:
            continue
        cancelled = {item.client_order_id for item in story.commands if type(item) is CancelOrder}
        sent = [
            item
            for item in story.commands
            if isinstance(item, PlaceOrder) and item.client_order_id not in cancelled
        ]

        shown_cancels = {line.client_order_id for line in diff.cancel}
        assert shown_cancels <= cancelled
        if not any(line.is_taker for line in diff.place):
            assert shown_cancels == cancelled & before.keys()
            assert {line.client_order_id for line in diff.keep} == before.keys() - cancelled
            unit = story.instrument
            shown = Counter((c.side, unit.price(c.price), unit.amount(c.amount)) for c in sent)
            assert described(diff.place) == shown
            assert lots(story) == held
            assert len(story.fills()) == fills
        check(story)
        if restarts:
            story = story.restart()
            check(story)


@given(plans())
def test_an_edit_cancels_no_order_that_it_places_again(
    plan: tuple[GridSettings, list[tuple[list[int], GridSettings, bool]]],
) -> None:
    """The set of cancels is minimal: nothing leaves only to come back as it was."""
    first, edits = plan
    story = GridStory(replace(first, active_window=0))
    for moves, wanted, _ in edits:
        walk(story, moves)
        diff = edit(story, replace(wanted, active_window=0))
        if diff is not None and not story.settings.active_window:
            assert not of_a_leg(diff.cancel) & of_a_leg(diff.place)
            assert not {line.client_order_id for line in diff.keep} - story.orders.keys()


@given(plans())
def test_an_edit_while_nothing_may_leave_is_finished_later(
    plan: tuple[GridSettings, list[tuple[list[int], GridSettings, bool]]],
) -> None:
    """Paused, an edit only cancels; what it would place comes with the resume."""
    first, edits = plan
    story = GridStory(first)
    for moves, wanted, restarts in edits:
        walk(story, moves)
        if story.machine.phase is not GridPhase.RUNNING:
            continue
        story.ask(Act.PAUSE)
        diff = edit(story, wanted)
        if diff is None:
            story.ask(Act.RESUME)
            continue
        assert not [item for item in story.commands if isinstance(item, PlaceOrder)]
        if restarts:
            story = story.restart()
        story.commands.clear()
        story.ask(Act.RESUME)

        if not any(line.is_taker for line in diff.place):
            cancelled = {c.client_order_id for c in story.commands if type(c) is CancelOrder}
            sent = [
                item
                for item in story.commands
                if isinstance(item, PlaceOrder) and item.client_order_id not in cancelled
            ]
            unit = story.instrument
            shown = Counter((c.side, unit.price(c.price), unit.amount(c.amount)) for c in sent)
            assert shown == described(diff.place)
        check(story)
