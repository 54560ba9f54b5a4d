"""What the kernel takes on, and what it leaves to the engine."""

from collections.abc import Callable
from decimal import Decimal
from typing import Final

import numpy as np
import pytest

from core.services.backtest import kernel
from core.services.backtest.kernel_run import run_case
from core.services.backtest.sweep_case import BelongsToEngine, Case, make_case
from core.services.backtest.sweep_tape import SweepTape, TapeHead
from core.services.grid.config import parse_grid
from core.services.ports import FundingRow
from core.wiring.configuration import find_instrument

GRID: Final = """grid_system:
  exchange: paper
  symbol: TEST-USDC-PERP
  grid_type: long
  grid_interval: "1"
  order_amount: "0.5"
  price_range: {lower_price: "90", upper_price: "110"}
  instrument: {tick_size: "0.1", lot_size: "0.001", min_notional: "0", maker_fee: "0.0002",
    taker_fee: "0.0005"}
  paper: {initial_balance: "10000", latency_ms: 50, fill: touch}
"""
FOLLOW: Final = """grid_system:
  exchange: paper
  symbol: TEST-USDC-PERP
  grid_type: follow_long
  follow_grid_count: 5
  follow_timeout: 1
  grid_interval: "1"
  order_amount: "0.5"
  instrument: {tick_size: "0.1", lot_size: "0.001", min_notional: "0", maker_fee: "0.0002",
    taker_fee: "0.0005"}
  paper: {initial_balance: "10000", latency_ms: 0, fill: touch}
"""


def tape(*prices: str, unit: str = "0.1", settlements: tuple[FundingRow, ...] = ()) -> SweepTape:
    """A trade a second."""
    last = np.array([int(Decimal(price) / Decimal(unit)) for price in prices], np.int64)
    head = TapeHead(
        name="tape",
        kind="trades",
        digest="",
        rows=len(last),
        price_unit=unit,
        amount_unit="0.001",
        has_funding=bool(settlements),
    )
    times = np.arange(1, len(last) + 1, dtype=np.int64) * 1_000_000_000
    ones = np.ones_like(last)
    return SweepTape(
        head, {"ts_ns": times, "last": last, "amount": ones, "side": ones}, settlements
    )


def case(text: str, rows: SweepTape, most: int | None = None) -> Case:
    """A file on a tape."""
    config = parse_grid(text, "grid.yaml", find_instrument)
    highest = int(rows.columns["last"].max())
    return make_case(config, config.risk.limits(), rows, highest=highest, most=most)


def replaced(old: str, new: str) -> Callable[[], str]:
    """The file with something else in it."""
    assert old in GRID
    return lambda: GRID.replace(old, new)


def test_plain_grid_is_the_kernels() -> None:
    """Levels are sides, prices in units of the tape, and lots."""
    found = case(GRID, tape("100", unit="0.05"))

    assert found.levels[:, 0].tolist() == [1, 1800, 1820, 500, 19]
    assert found.levels.shape[1] == 20
    assert found.unit == Decimal("0.00005")
    assert found.rules[kernel.PER_TICK] == 2


@pytest.mark.parametrize(
    "text, why",
    [
        (replaced("  paper:", "  risk: {daily_loss: 5}\n  paper:"), "risk limits are set"),
        (replaced('min_notional: "0"', 'min_notional: "0", fee_step: "0.01"'), "are rounded"),
        (replaced('min_notional: "0"', 'min_notional: "0", max_amount: "3"'), "one order cannot"),
        (replaced("latency_ms: 50", 'latency_ms: 50, funding_rate: "0.0001"'), "funding is paid"),
        (
            lambda: GRID.replace("-PERP", "-SPOT").replace(
                'min_notional: "0"', 'min_notional: "0", fee_asset: base'
            ),
            "fees are paid in what is bought",
        ),
        (replaced('tick_size: "0.1"', 'tick_size: "0.01"'), "the tick is finer"),
        (replaced('lot_size: "0.001"', 'lot_size: "0.0001"'), "the lot is finer"),
        (
            replaced(
                "  paper:",
                '  stop_loss_protection_enabled: true\n  stop_loss_trigger_percent: "50"\n  paper:',
            ),
            "is set",
        ),
    ],
)
def test_what_is_not_a_plain_grid_is_the_engines(text: Callable[[], str], why: str) -> None:
    """Each reason is a sentence; nothing is approximated."""
    with pytest.raises(BelongsToEngine, match=why):
        case(text(), tape("100"))


def test_funding_of_the_recording_is_the_engines() -> None:
    """A recording that settles funding moves money that the kernel does not know of."""
    row = FundingRow(ts_ns=1, rate=Decimal("0.0001"))

    with pytest.raises(BelongsToEngine, match="funding is paid"):
        case(GRID, tape("100", settlements=(row,)))


def test_account_that_might_not_carry_it_is_the_engines() -> None:
    """Where an order could be refused for want of margin the engine decides."""
    poor = case(GRID.replace('"10000"', '"40"'), tape("100", "95", "101"))

    with pytest.raises(BelongsToEngine, match="might not carry"):
        run_case(poor, tape("100", "95", "101").lows_and_highs(), Decimal("0.1"))


@pytest.mark.parametrize(
    "side, prices, is_carried",
    [
        ("long", ("100", "94", "91.5"), True),
        ("long", ("100", "94", "89"), False),
        ("short", ("100", "106", "108.5"), True),
        ("short", ("100", "106", "111"), False),
    ],
)
@pytest.mark.parametrize("mode", ["isolated", "cross"])
def test_a_position_of_its_own_may_fall_where_an_account_would_not(
    side: str, prices: tuple[str, ...], mode: str, *, is_carried: bool
) -> None:
    """Isolated at ten times, it ends a tenth away from its average entry, less maintenance."""
    rules = 'taker_fee: "0.0005", maintenance_margin_rate: "0.01"}'
    text = GRID.replace('taker_fee: "0.0005"}', rules)
    text = text.replace("grid_type: long", f"grid_type: {side}\n  margin_mode: {mode}")
    rows = tape(*prices)
    made = case(text, rows)

    if is_carried or mode == "cross":
        run_case(made, rows.lows_and_highs(), Decimal("0.1"))
        return
    with pytest.raises(BelongsToEngine, match="might not carry"):
        run_case(made, rows.lows_and_highs(), Decimal("0.1"))


def test_ladder_that_would_reach_zero_is_the_engines() -> None:
    """A grid that follows down to nothing is held there, which is the engine's to do."""
    short = FOLLOW.replace("follow_long", "follow_short\n  price_offset_grids: 2")
    rows = tape("20", "20.1", "2", "2", "2", "2")

    with pytest.raises(BelongsToEngine, match="smallest order"):
        run_case(case(short, rows), rows.lows_and_highs(), Decimal("0.1"))


def test_requests_that_would_wait_are_the_engines() -> None:
    """Waiting for a turn is the kernel's too, but not where every answer comes at once."""
    rows = tape("120", "100", "99")
    slow, quick = (
        case(GRID, rows, most=2_400),
        case(GRID.replace("latency_ms: 50", "latency_ms: 0"), rows, most=2_400),
    )

    with pytest.raises(BelongsToEngine, match="would have to wait"):
        run_case(quick, rows.lows_and_highs(), Decimal("0.1"))
    assert run_case(slow, rows.lows_and_highs(), Decimal("0.1")).fills > 0


def test_budget_of_a_minute_is_kept() -> None:
    """Too many requests within a minute are noticed, the same ones spread out are not."""
    prices = ["101.5", "99.5"] * 40
    rows = tape(*prices)
    file = GRID.replace('"90", upper_price: "110"', '"100", upper_price: "101"')

    with pytest.raises(BelongsToEngine, match="would have to wait"):
        run_case(case(file, rows, most=20), rows.lows_and_highs(), Decimal("0.1"))
    assert run_case(case(file, rows, most=600), rows.lows_and_highs(), Decimal("0.1")).fills > 30


def test_numbers_without_room_are_the_engines() -> None:
    """Products that 63 bits cannot hold are left to exact arithmetic."""
    with pytest.raises(BelongsToEngine, match="63 bits"):
        case(GRID.replace('"0.5"', '"90000000000000"'), tape("100"))
