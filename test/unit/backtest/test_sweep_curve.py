"""The quick curve of a sweep against a backtest's own."""

from decimal import Decimal

import numpy as np
import pytest

from core.domain.worth import Worth
from core.services.backtest.curve import HOUR_NS, make_curve
from core.services.backtest.kernel_run import held_of
from core.services.backtest.metrics import measure
from core.services.backtest.sweep_curve import swing
from core.services.backtest.sweep_tape import SweepTape, TapeHead

FIRST_NS = 1_700_000_000_000_000_000
START = Decimal(1000)


def tape_of(times: np.ndarray, prices: np.ndarray) -> SweepTape:
    """Rows as a tape in tenths."""
    head = TapeHead(
        name="tape",
        kind="trades",
        digest="",
        rows=len(times),
        price_unit="0.1",
        amount_unit="1",
        has_funding=False,
    )
    ones = np.ones_like(times)
    columns = {"ts_ns": times, "last": prices, "amount": ones, "side": ones}
    return SweepTape(head, columns)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("span", ["days", "weeks"])
def test_quick_curve_is_the_slow_one(seed: int, span: str) -> None:
    """Drawdown, samples and measures are equal bit for bit, whatever blocks were passed over."""
    chance = np.random.default_rng(seed)
    rows = int(chance.integers(2, 3000))
    longest = 3 * HOUR_NS if span == "weeks" else HOUR_NS // 50
    times = FIRST_NS + np.cumsum(chance.integers(0, longest, rows)).astype(np.int64)
    prices = (1000 + np.rint(np.cumsum(chance.normal(0, 3, rows)))).astype(np.int64)
    prices = np.maximum(prices, 1)
    places = np.sort(chance.integers(0, rows, int(chance.integers(0, 60))))
    worths = [Worth(-1, -1, START, Decimal(0))]
    for row in places.tolist():
        following = int(times[row + 1]) if row + 1 < rows else int(times[row]) + 5
        at_ns = int(chance.choice([int(times[row]), following]))
        if worths[-1].row == row:
            at_ns = max(at_ns, worths[-1].at_ns)
        cash = START + Decimal(int(chance.integers(-500, 500))) / 7
        worths.append(Worth(at_ns, row, cash, Decimal(int(chance.integers(-4, 5)))))
    tape = tape_of(times, prices)
    slow = make_curve(
        tape.chunks(),
        worths,
        contract_size=Decimal(1),
        first_ns=int(times[0]),
        last_ns=int(times[-1]),
        start=START,
    )

    columns = tape.lows_and_highs()
    held = held_of(worths, columns, Decimal(1))
    quick = swing(
        columns, held, start=START, end=slow.end, unit=Decimal("0.1"), rate=Decimal("0.005")
    )

    assert quick.curve.max_drawdown == slow.max_drawdown
    assert quick.curve.samples == slow.samples
    assert quick.curve.period_ns == slow.period_ns
    fast, whole = measure(quick.curve, Decimal(0)), measure(slow, Decimal(0))
    for name in ("total_return", "cagr", "sharpe", "sortino", "calmar", "max_drawdown"):
        assert getattr(fast, name) == getattr(whole, name)


def test_lowest_points_are_those_of_every_row() -> None:
    """The least equity and the least room above maintenance margin are found by brute force."""
    chance = np.random.default_rng(1)
    times = FIRST_NS + np.arange(1000, dtype=np.int64) * 1_000_000
    prices = (500 + np.rint(np.cumsum(chance.normal(0, 2, 1000)))).astype(np.int64)
    tape = tape_of(times, prices)
    worths = [Worth(-1, -1, START, Decimal(0)), Worth(int(times[10]), 10, Decimal(800), Decimal(4))]
    columns = tape.lows_and_highs()

    found = swing(
        columns,
        held_of(worths, columns, Decimal(1)),
        start=START,
        end=START,
        unit=Decimal("0.1"),
        rate=Decimal("0.1"),
    )

    values = 4 * (2 * prices[10:] * 0.05)
    assert found.lowest == min(1000.0, float((800 + values).min()))
    assert found.least_room == min(1000.0, float((800 + values - abs(values) * 0.1).min()))
