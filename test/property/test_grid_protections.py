"""What holds for every protection, on every walk of the price, in both directions."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.adapters.exchanges.models import ExchangeType, Instrument
from core.domain.events import Act
from core.services.grid.protections.settings import (
    After,
    CapitalSettings,
    LockMode,
    LockSettings,
    ProtectionSettings,
    ScalpingSettings,
    SmartSettings,
    StopLossSettings,
    TakeProfitSettings,
)
from core.services.grid.settings import GridSettings, GridType
from core.testing.grid_story import GridStory

TYPES = st.sampled_from([kind for kind in GridType if not kind.is_neutral and not kind.is_infinite])
MOVES = st.lists(st.integers(min_value=-70, max_value=70), min_size=1, max_size=60)

STOP_LOSS = st.builds(
    StopLossSettings,
    trigger_percent=st.sampled_from([Decimal(10), Decimal("62.5"), Decimal(100)]),
    timeout_s=st.sampled_from([1, 3, 7]),
    apr_threshold=st.sampled_from([Decimal(0), Decimal(50)]),
    is_reset_without_data=st.booleans(),
    has_reentry=st.booleans(),
    max_resets=st.integers(0, 2),
)
TAKE_PROFIT = st.builds(
    TakeProfitSettings,
    fraction=st.sampled_from([Decimal("0.001"), Decimal("0.004"), Decimal("0.02")]),
    after=st.sampled_from([After.RESTART, After.STOP]),
)
CAPITAL = st.builds(
    CapitalSettings,
    trigger_percent=st.sampled_from([1, 30, 80, 100]),
    freezes_entries=st.booleans(),
    closes_now=st.booleans(),
)
SMART = st.builds(
    SmartSettings,
    allowed_drops=st.integers(1, 2),
    min_drop_percent=st.sampled_from([0, 10, 30]),
    crash_level=st.integers(0, 2),
    ready_timeout_s=st.sampled_from([None, 4]),
)
SCALPING = st.builds(
    ScalpingSettings,
    trigger_percent=st.sampled_from([20, 50, 80]),
    take_profit_grids=st.integers(0, 3),
    is_clamped=st.booleans(),
    after=st.sampled_from(list(After)),
    rebound_grids=st.sampled_from([None, 0, 2]),
    smart=st.one_of(st.none(), SMART),
)
PRICE_LOCK = st.builds(
    LockSettings,
    threshold=st.sampled_from([Decimal(95), Decimal(100), Decimal(104)]),
    starts_at_threshold=st.booleans(),
    mode=st.sampled_from(list(LockMode)),
)
EACH = {
    "stop_loss": STOP_LOSS,
    "take_profit": TAKE_PROFIT,
    "capital": CAPITAL,
    "scalping": SCALPING,
    "price_lock": PRICE_LOCK,
}
ALL = st.builds(
    ProtectionSettings, **{name: st.one_of(st.none(), rule) for name, rule in EACH.items()}
)


def grid(grid_type: GridType, protections: ProtectionSettings) -> GridSettings:
    """Ten levels, 2 apart, around 100, on a capital of 1000; ticks of 0.1."""
    instrument = Instrument(
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
        martingale_increment=Decimal("0.013") if grid_type.is_martingale else Decimal(0),
        price_step=instrument.tick_size,
        amount_step=instrument.lot_size,
        maker_fee=Decimal("0.0002"),
        taker_fee=Decimal("0.0005"),
        collateral=Decimal(1000),
        protections=protections,
    )


def walk(moves: list[int]) -> list[Decimal]:
    """Prices of a walk that begins at 100, each within the leap that is believed."""
    price = Decimal(100)
    prices = [price]
    for move in moves:
        price = min(max(price + move * Decimal("0.05"), Decimal(60)), Decimal(160))
        prices.append(price)
    return prices


def check(story: GridStory) -> None:
    """Money adds up, the position is the account's, and the journal holds what the machine is."""
    machine = story.machine
    assert story.residual() == 0
    assert machine.position == story.account.base
    assert machine.dump() == story.state
    placed = {order.client_order_id for order in machine.orders}
    assert set(story.orders) == placed


@pytest.mark.parametrize("name", list(EACH))
@given(data=st.data(), grid_type=TYPES, moves=MOVES)
def test_every_protection_keeps_the_books(name: str, data, grid_type: GridType, moves) -> None:
    """Whatever a protection does, money adds up to the last digit at every step."""
    protections = ProtectionSettings(**{name: data.draw(EACH[name])})
    story = GridStory(grid(grid_type, protections))
    for price in walk(moves):
        story.price(price)

        check(story)
    if story.machine.is_stopped:
        assert story.machine.position == 0
        assert story.resting() == []


@given(
    grid_type=TYPES, protections=ALL, moves=MOVES, restarts=st.sets(st.integers(0, 60), max_size=4)
)
def test_a_restart_changes_nothing(grid_type, protections, moves, restarts) -> None:
    """Killed at any price, a protected grid goes on as one that was never killed."""
    settings = grid(grid_type, protections)
    killed, spared = GridStory(settings), GridStory(settings)
    for index, price in enumerate(walk(moves)):
        killed.price(price)
        spared.price(price)
        if index in restarts and not killed.machine.is_stopped:
            killed = killed.restart()
            spared.tell(replace(spared.market(price), previous=None))
        check(killed)
        if spared.machine.watch is None:
            assert killed.resting() == spared.resting()
            assert killed.machine.position == spared.machine.position


@given(
    grid_type=TYPES,
    protections=ALL,
    moves=MOVES,
    acts=st.lists(st.tuples(st.integers(0, 59), st.sampled_from(list(Act)[:4])), max_size=6),
    last=st.sampled_from([Act.STOP_CANCEL, Act.STOP_FLATTEN]),
)
def test_whatever_is_asked_the_books_agree(grid_type, protections, moves, acts, last) -> None:
    """A person comes before every protection, and the end leaves what was asked for."""
    story = GridStory(grid(grid_type, protections))
    asked = dict(acts)
    for index, price in enumerate(walk(moves)):
        story.price(price)
        if index in asked:
            story.ask(asked[index])
        check(story)
    story.ask(last)

    check(story)
    assert story.machine.is_stopped
    assert story.resting() == []
    if last is Act.STOP_FLATTEN:
        assert story.machine.position == 0


@given(
    grid_type=TYPES,
    protections=ALL,
    moves=MOVES,
    parts=st.lists(st.integers(1, 400), max_size=20),
    seed=st.randoms(use_true_random=False),
)
def test_partial_fills_and_strange_ends_lose_no_lot(
    grid_type, protections, moves, parts, seed
) -> None:
    """Parts, cancels by others and a market that gives little: the books still agree to the lot."""
    story = GridStory(grid(grid_type, protections))
    story.taker_lots = 700
    for price in walk(moves):
        story.price(price)
        if parts and story.orders:
            identity = seed.choice(sorted(story.orders))
            order = story.orders[identity]
            story.fill(identity, min(parts.pop(), order.left))
            if identity in story.orders and seed.random() < 0.5:
                story.end(identity)

        check(story)


@pytest.mark.parametrize("seconds", [1.0, 0.4])
@given(grid_type=TYPES, protections=ALL, moves=MOVES)
def test_leaping_equals_stepping(seconds: float, grid_type, protections, moves) -> None:
    """Rows strictly inside the horizon may be skipped: every decision is the same."""
    settings = grid(grid_type, protections)
    stepping, leaping = GridStory(settings), GridStory(settings)
    prices = walk(moves)
    skipped: tuple[Decimal, Decimal | None, int] | None = None
    before: Decimal | None = None
    for price in prices:
        stepping.price(price, after_s=seconds)
        at_ns = stepping.now_ns
        timer_ns = leaping.machine.horizon().at_ns
        if timer_ns is not None and timer_ns <= at_ns and skipped is not None:
            hand_over(leaping, *skipped)
            skipped = None
        if timer_ns is not None and timer_ns <= at_ns:
            leaping.wait((at_ns - leaping.now_ns) / 1e9)
        if leaping.passes(price, leaping.machine.horizon()):
            skipped = (price, before, at_ns)
        else:
            if skipped is not None:
                hand_over(leaping, *skipped)
                skipped = None
            hand_over(leaping, price, before, at_ns)
        before = price

    assert leaping.commands == stepping.commands
    if skipped is None:
        assert leaping.state == stepping.state


def hand_over(story: GridStory, price: Decimal, before: Decimal | None, at_ns: int) -> None:
    """A row at its own time, with the price of the row before it."""
    story.last = before
    story.price(price, after_s=(at_ns - story.now_ns) / 1e9)


def test_the_walks_reach_every_protection() -> None:
    """The strategies above are no idle talk: each rule fires on some fixed walk."""
    fired = set()
    told = ProtectionSettings(
        stop_loss=StopLossSettings(trigger_percent=Decimal(60), timeout_s=2),
        take_profit=TakeProfitSettings(fraction=Decimal("0.004")),
        capital=CapitalSettings(trigger_percent=20),
        scalping=ScalpingSettings(trigger_percent=50),
    )
    down = [-20] * 14
    up = [20] * 30
    for moves in (down + up, up + down + up):
        for name in ("stop_loss", "take_profit", "capital", "scalping"):
            alone = replace(ProtectionSettings(), **{name: getattr(told, name)})
            story = GridStory(grid(GridType.LONG, alone))
            for price in walk(moves):
                story.price(price)
            fired |= {str(line["protection"]) for line in story.lines("protection.triggered")}

    assert fired == {"stop_loss", "take_profit", "capital_protection", "scalping"}
