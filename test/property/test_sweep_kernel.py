"""The sweep's kernel against the whole bot, and against the oracle that foretells it.

Every example is a file and a tape. The kernel must give the engine's fills and figures, or say that
the set belongs to the engine; it never gives something in between.
"""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import numpy as np
import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from core.adapters.exchanges.models import plain
from core.engine.sweeping import run_set
from core.errors import ConfigError
from core.services.backtest import kernel
from core.services.backtest.kernel_run import run_case, run_fills
from core.services.backtest.sweep_case import BelongsToEngine, Case, make_case
from core.services.backtest.sweep_job import SweepJob
from core.services.backtest.sweep_result import ENGINE, KERNEL, Figures
from core.services.backtest.sweep_tape import WHOLE, SweepTape, TapeHead
from core.services.grid.config import GridBotConfig, parse_grid
from core.services.ports import FeedKind
from core.testing.oracle.foresight import foretell
from core.testing.oracle.result import Foresight
from core.wiring.configuration import find_instrument
from core.wiring.sweeps import SweepWorkshop

START_MS: Final = 1_700_000_000_000
LOWEST, HIGHEST = Decimal(60), Decimal(160)
LEGS: Final = {
    kernel.ENTRY: "entry",
    kernel.SHARE: "entry",
    kernel.EXIT: "exit",
    kernel.FLATTEN: "flatten",
}

Document = dict[str, Any]
Trade = tuple[int, Decimal, Decimal, str]
Key = tuple[int, str, Decimal, Decimal, int, str, bool]

many = settings(
    max_examples=200,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.filter_too_much,
    ],
)
few = settings(many, max_examples=25)


@st.composite
def grids(
    draw: st.DrawFn, *kinds: str, fills: tuple[str, ...], counts: tuple[int, int], profile: str
) -> Document:
    """A grid around 100."""
    kind = draw(st.sampled_from(kinds))
    count = draw(st.integers(*counts))
    interval = draw(st.sampled_from([1, 2, 5] if count <= 8 else [1]))
    grid: Document = {
        "exchange": "paper",
        "symbol": "TEST-USDC-PERP",
        "margin_mode": "cross",
        "leverage": 20,
        "grid_type": kind,
        "order_amount": draw(st.sampled_from(["1", "0.5", "0.037"])),
        "on_exit": draw(st.sampled_from(["cancel_orders", "flatten", "keep"])),
        "acknowledge": ["losing_grid"],
        "instrument": {
            "tick_size": draw(st.sampled_from(["0.01", "0.1", "0.5", "1"])),
            "lot_size": "0.001",
            "min_notional": draw(st.sampled_from(["0", "3"])),
            "maker_fee": draw(st.sampled_from(["0", "0.00237", "-0.0001"])),
            "taker_fee": draw(st.sampled_from(["0", "0.0005", "0.00411"])),
        },
        "paper": {
            "profile": profile,
            "initial_balance": draw(st.sampled_from(["1000000", "1000", "50"])),
            "latency_ms": draw(st.sampled_from([0, 50])),
            "fill": draw(st.sampled_from(fills)),
        },
    }
    if kind == "neutral":
        lower = draw(st.integers(70, 100))
        grid["price_range"] = {
            "lower_price": str(lower),
            "upper_price": str(lower + count * interval),
        }
    elif kind.startswith("follow"):
        grid["follow_grid_count"] = count
        grid["follow_timeout"] = draw(st.integers(1, 3))
        grid["follow_distance"] = draw(st.integers(0, 2))
        grid["price_offset_grids"] = draw(st.integers(0, count - 1))
    else:
        upper = 100 + count * interval + draw(st.integers(0, interval - 1))
        grid["price_range"] = {"lower_price": "100", "upper_price": str(upper)}
    if kind == "neutral" and draw(st.booleans()):
        grid |= {"grid_spacing": "geometric", "grid_count": count}
    else:
        grid["grid_interval"] = str(interval)
    if kind != "neutral":
        first = ["taker_position", "passive_only", "all_limits"]
        grid["initial_fill"] = draw(st.sampled_from(first))
        grid["initial_fill_cap"] = draw(st.sampled_from(["0.002", "0", "0.05"]))
        grid["reverse_order_grid_distance"] = draw(st.integers(1, 3))
        if kind.startswith("martingale") or draw(st.booleans()):
            grid["martingale_increment"] = draw(st.sampled_from(["0.1", "0.0125", "0.0004"]))
    return {"grid_system": grid}


@st.composite
def runs(
    draw: st.DrawFn,
    *kinds: str,
    fills: tuple[str, ...] = ("through", "touch"),
    counts: tuple[int, int] = (1, 8),
    profile: str = "paper",
) -> tuple[Document, list[Trade]]:
    """A grid and up to sixty trades on its tick: equal times, single steps, gaps, round prices."""
    document = draw(grids(*kinds, fills=fills, counts=counts, profile=profile))
    grid = document["grid_system"]
    tick = Decimal(grid["instrument"]["tick_size"])
    half = max(tick, Decimal(grid.get("grid_interval", "2")) / 2 // tick * tick)
    price = Decimal(100) + half * draw(st.integers(-4, 20))
    at_ms, rows = START_MS, []
    pauses = st.sampled_from([0, 1, 20, 49, 50, 51, 400, 1000, 1000, 2000, 5_000_000])
    steps = st.sampled_from([-1, 1, -2, 2, -3, 3, -7, 7, 0])
    amounts = st.sampled_from([Decimal(text) for text in ("0.001", "0.02", "0.5", "3")])
    moves = st.lists(st.tuples(pauses, steps, st.booleans(), amounts), min_size=1, max_size=60)
    for pause, step, is_small, amount in draw(moves):
        rows.append((at_ms, price, amount, "buy" if step > 0 else "sell"))
        at_ms += pause
        price += step * (tick if is_small else half)
        price = min(max(price, LOWEST), HIGHEST)
    return document, rows


def tape_of(document: Mapping[str, Any], rows: list[Trade]) -> SweepTape:
    """The rows as a tape in ticks and lots."""
    instrument = document["grid_system"]["instrument"]
    tick, lot = Decimal(instrument["tick_size"]), Decimal(instrument["lot_size"])
    columns = {
        "ts_ns": [row[0] * 1_000_000 for row in rows],
        "last": [int(row[1] / tick) for row in rows],
        "amount": [int(row[2] / lot) for row in rows],
        "side": [1 if row[3] == "buy" else -1 for row in rows],
    }
    head = TapeHead(
        name="tape",
        kind=FeedKind.TRADES.value,
        digest="",
        rows=len(rows),
        price_unit=plain(tick),
        amount_unit=plain(lot),
        has_funding=False,
    )
    return SweepTape(head, {name: np.array(values, np.int64) for name, values in columns.items()})


def case_of(document: Document, tape: SweepTape) -> tuple[GridBotConfig, Case]:
    """A document as the kernel's integers."""
    config = parse_grid(json.dumps(document), "grid.yaml", find_instrument)
    highest = int(tape.columns["last"].max())
    limits = config.risk.limits()
    return config, make_case(config, limits, tape, highest=highest, most=None)


def keys_of(case: Case, tape: SweepTape) -> list[Key]:
    """The kernel's fills, those of one close as one."""
    fills, _ = run_fills(case, tape.lows_and_highs())
    unit, lot = tape.price_unit, case.instrument.lot_size
    return as_one(
        (
            int(fill[kernel.AT_NS]) // 1_000_000,
            "buy" if fill[kernel.AMOUNT] > 0 else "sell",
            int(fill[kernel.PRICE]) * unit,
            abs(int(fill[kernel.AMOUNT])) * lot,
            0 if fill[kernel.LEG] == kernel.FLATTEN else int(fill[kernel.LEVEL]),
            LEGS[fill[kernel.LEG]],
            bool(fill[kernel.IS_MAKER]),
        )
        for fill in fills.tolist()
    )


def foretold_keys(foresight: Foresight) -> list[Key]:
    """The oracle's fills in the same words."""
    return as_one(
        (fill.at_ms, fill.side, fill.price, fill.amount, fill.level or 0, fill.leg, fill.is_maker)
        for fill in foresight.fills
    )


def as_one(keys: Any) -> list[Key]:
    """Fills in order of time and level; the parts of a close added up."""
    whole: list[Key] = []
    for key in sorted(keys):
        last = whole[-1] if whole else None
        if last is not None and key[5] == "flatten" == last[5] and key[0] == last[0]:
            whole[-1] = (*last[:3], last[3] + key[3], *last[4:])
        else:
            whole.append(key)
    return whole


def check_foretold(document: Document, rows: list[Trade]) -> None:
    """The kernel's fills and money are what the oracle says, unless the set is the engine's."""
    tape = tape_of(document, rows)
    try:
        _, case = case_of(document, tape)
        found = run_case(case, tape.lows_and_highs(), tape.price_unit)
    except BelongsToEngine:
        return
    foresight = foretell(document, rows)

    assert foretold_keys(foresight) == keys_of(case, tape)
    assert found.round_trips == foresight.round_trips
    assert found.realized_pnl == foresight.realized
    assert found.fees == foresight.fees
    assert found.equity_change == foresight.equity_change
    assert found.position == foresight.position
    assert found.by == KERNEL


def by_both(document: Document, rows: list[Trade]) -> tuple[Figures, Figures]:
    """A set by the kernel (or whoever it is handed to) and by the engine."""
    tape = tape_of(document, rows)
    job = SweepJob(
        source="grid.yaml",
        block=document["grid_system"],
        tapes={1: tape},
        windows=(WHOLE,),
        is_engine=False,
    )
    engine = SweepJob(
        source=job.source, block=job.block, tapes=job.tapes, windows=(WHOLE,), is_engine=True
    )
    workshop = SweepWorkshop()
    return run_set(job, (), WHOLE, workshop), run_set(engine, (), WHOLE, workshop)


def check_both(document: Document, rows: list[Trade]) -> None:
    """Kernel and engine agree; what is no grid is no example."""
    try:
        parse_grid(json.dumps(document), "grid.yaml", find_instrument)
    except ConfigError:
        reject()
    same(*by_both(document, rows))


def same(first: Figures, second: Figures) -> None:
    """Both runs agree in every figure, to the last digit."""
    assert second.by == ENGINE
    for name in Figures.__slots__:
        if name not in {"by", "why"}:
            assert getattr(first, name) == getattr(second, name), name


@pytest.fixture(autouse=True, scope="module")
def _compiled() -> None:
    pytest.importorskip("numba")


@many
@given(runs("long", "short", "martingale_long", "martingale_short"))
def test_fixed_grid_does_what_was_foretold(run: tuple[Document, list[Trade]]) -> None:
    """Long, short and martingale grids by the kernel fill and earn as foretold, fill for fill."""
    check_foretold(*run)


@many
@given(runs("follow_long", "follow_short"))
def test_following_grid_does_what_was_foretold(run: tuple[Document, list[Trade]]) -> None:
    """Escapes, cancels, closes and new ladders of the kernel are those foretold, fill for fill."""
    check_foretold(*run)


@few
@given(runs("long", "short", "martingale_long", "martingale_short", "follow_long", "follow_short"))
def test_kernel_gives_what_the_engine_gives(run: tuple[Document, list[Trade]]) -> None:
    """Figures, drawdown and samples of kernel and engine are equal to the last digit."""
    check_both(*run)


@few
@given(runs("long", "short", "follow_long", fills=("queue",)))
def test_queue_gives_what_the_engine_gives(run: tuple[Document, list[Trade]]) -> None:
    """Fills by queue are parts of orders, and equal to the engine's."""
    check_both(*run)


@few
@given(runs("neutral", fills=("through", "touch", "queue")))
def test_neutral_gives_what_the_engine_gives(run: tuple[Document, list[Trade]]) -> None:
    """Neutral grids, with equal steps or equal ratios, are the engine's too."""
    check_both(*run)


@few
@given(
    runs(
        "long",
        "short",
        "follow_long",
        "follow_short",
        "neutral",
        fills=("touch", "queue"),
        counts=(15, 40),
        profile="lighter",
    )
)
def test_turns_at_a_limited_venue_are_the_engines(run: tuple[Document, list[Trade]]) -> None:
    """Where a venue limits what is under way, orders leave in the engine's order and time."""
    check_both(*run)


def test_most_examples_are_the_kernels() -> None:
    """The properties above are about the kernel: few examples are handed to the engine."""
    counts = {KERNEL: 0, ENGINE: 0}

    @settings(many, max_examples=60)
    @given(runs("long", "short", "follow_long", "follow_short", "martingale_short"))
    def count(run: tuple[Document, list[Trade]]) -> None:
        tape = tape_of(*run)
        try:
            _, case = case_of(run[0], tape)
            run_case(case, tape.lows_and_highs(), tape.price_unit)
        except BelongsToEngine:
            counts[ENGINE] += 1
        else:
            counts[KERNEL] += 1

    count()

    assert counts[KERNEL] > 4 * counts[ENGINE]


def test_long_tape_is_the_engines_too() -> None:
    """Blocks that the kernel passes over change nothing: 3,000 rows, equal to the last digit."""
    chance = np.random.default_rng(3)
    ticks = 1050 + np.rint(np.cumsum(chance.normal(0, 3.5, 3000))).astype(int)
    times = START_MS + np.cumsum(chance.integers(0, 4000, 3000))
    rows: list[Trade] = [
        (int(at), Decimal(int(tick)) / 10, Decimal("0.4"), "buy" if tick % 2 else "sell")
        for at, tick in zip(times, ticks, strict=True)
    ]
    document: Document = {
        "grid_system": {
            "exchange": "paper",
            "symbol": "TEST-USDC-PERP",
            "margin_mode": "cross",
            "leverage": 20,
            "grid_type": "follow_long",
            "grid_interval": "0.5",
            "follow_grid_count": 12,
            "follow_timeout": 60,
            "order_amount": "1",
            "on_exit": "flatten",
            "instrument": {
                "tick_size": "0.1",
                "lot_size": "0.001",
                "min_notional": "0",
                "maker_fee": "0.0001",
                "taker_fee": "0.0005",
            },
            "paper": {"initial_balance": "100000", "latency_ms": 50, "fill": "touch"},
        }
    }

    first, second = by_both(document, rows)

    assert first.by == KERNEL
    assert first.fills > 100
    same(first, second)
