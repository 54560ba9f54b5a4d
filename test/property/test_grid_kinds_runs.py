"""The whole bot of every kind: skipping rows changes nothing, and the books agree to the digit.

Engine, execution, journal, risk, matching with latency and machine on virtual time, once with every
row handed over and once with only those that somebody could act on.
"""

from __future__ import annotations

import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.adapters.exchanges.paper.adapter import PaperExchange
from core.testing.oracle.foresight import Row
from core.testing.oracle.trial import Trial, run_bot

START_MS = 1_700_000_000_000

few = settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
RANGED = ("long", "short", "neutral")
COURSE: dict[str, st.SearchStrategy[Any]] = {
    "trigger_price": st.sampled_from(["99", "101.5"]),
    "active_window_grids": st.integers(1, 3),
    "compounding": st.just(True),
    "profit_reserve_percent": st.sampled_from(["10", "33.3"]),
    "bot_take_profit_percent": st.sampled_from(["0.05", "0.4"]),
    "bot_stop_loss_percent": st.sampled_from(["0.3", "1"]),
}
TRAILING: dict[str, st.SearchStrategy[Any]] = {
    "trailing_up": st.just(True),
    "trailing_down": st.just(True),
}


@st.composite
def grids(draw: st.DrawFn) -> dict[str, Any]:
    """A file of one kind, with a few of the keys that move, grow and end it."""
    kind = draw(st.sampled_from([*RANGED, "follow_long", "follow_short", "infinity"]))
    grid: dict[str, Any] = {
        "exchange": "paper",
        "symbol": "TEST-USDC-PERP",
        "margin_mode": "cross",
        "leverage": 20,
        "grid_type": kind,
        "order_amount": "0.5",
        "acknowledge": ["losing_grid"],
        "instrument": {
            "tick_size": "0.1",
            "lot_size": "0.001",
            "min_notional": "0",
            "maker_fee": draw(st.sampled_from(["0", "0.0002"])),
            "taker_fee": draw(st.sampled_from(["0", "0.0005"])),
        },
        "paper": {
            "initial_balance": "5000",
            "latency_ms": draw(st.sampled_from([0, 50])),
            "fill": draw(st.sampled_from(["through", "touch"])),
        },
    }
    for key in draw(st.sets(st.sampled_from(sorted(COURSE)), max_size=3)):
        grid[key] = draw(COURSE[key])
    is_geometric = kind == "infinity" or draw(st.booleans())
    if is_geometric:
        grid |= {"grid_spacing": "geometric", "grid_ratio": "1.01"}
    else:
        grid["grid_interval"] = "1"
    if kind in RANGED:
        grid["price_range"] = {"lower_price": "96", "upper_price": "104"}
        for key in draw(st.sets(st.sampled_from(sorted(TRAILING)))):
            grid[key] = draw(TRAILING[key])
    elif kind == "infinity":
        grid["lower_price"] = "90"
    else:
        grid |= {"follow_grid_count": 8, "follow_timeout": draw(st.integers(1, 4))}
        grid["follow_shift_mode"] = draw(st.sampled_from(["roll", "reset"]))
    return {"grid_system": grid}


@st.composite
def tapes(draw: st.DrawFn) -> list[Row]:
    """Trades a fraction of a second to a few seconds apart, in steps of a few ticks."""
    price, at_ms = Decimal(100), START_MS
    rows: list[Row] = []
    pauses = st.sampled_from([50, 200, 400, 1000, 2500])
    steps = st.integers(-14, 14)
    for pause, step in draw(st.lists(st.tuples(pauses, steps), min_size=5, max_size=60)):
        price = min(max(price + step * Decimal("0.1"), Decimal(91)), Decimal(120))
        rows.append((at_ms, price, Decimal("0.5"), "buy" if step > 0 else "sell"))
        at_ms += pause
    return rows


def trial(document: dict[str, Any], tape: list[Row], *, steps: bool) -> Trial:
    """One run; stepping hands every row over."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        if steps:
            patch.setattr(PaperExchange, "set_horizon", lambda *_: None)
        return run_bot(document, tape, Path(folder))


@few
@given(document=grids(), tape=tapes())
def test_every_kind_decides_the_same_when_rows_are_skipped(
    document: dict[str, Any], tape: list[Row]
) -> None:
    """Line for line the same diary, no refusal by risk, and a residual of exactly zero."""
    leaping, stepping = (trial(document, tape, steps=steps) for steps in (False, True))

    assert leaping.lines == stepping.lines
    assert leaping.summary["residual"] == "0"
    assert [fields for event, fields in leaping.lines if event.startswith("risk.")] == []
