"""The whole bot under protection: skipping rows changes nothing, and the books agree to the digit.

Engine, execution, journal, risk, matching and machine on virtual time, once with every row handed
over and once with only those that somebody could act on.
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
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

KEYS = {
    "stop_loss_protection_enabled": st.just(True),
    "stop_loss_trigger_percent": st.sampled_from(["30", "62.5", "100"]),
    "stop_loss_escape_timeout": st.integers(1, 4),
    "stop_loss_apr_threshold": st.sampled_from(["0", "50"]),
    "stop_loss_on_insufficient_data": st.sampled_from(["stop", "reset"]),
    "take_profit_enabled": st.just(True),
    "take_profit_percentage": st.sampled_from(["0.0005", "0.002", "0.01"]),
    "capital_protection_enabled": st.just(True),
    "capital_protection_trigger_percent": st.sampled_from([20, 60]),
    "capital_protection_freeze_entries": st.booleans(),
    "scalping_enabled": st.just(True),
    "scalping_trigger_percent": st.sampled_from([30, 60]),
    "scalping_after_tp": st.sampled_from(["auto", "restart"]),
    "scalping_exit_on_rebound_grids": st.sampled_from([0, 2]),
    "price_lock_enabled": st.just(True),
}


@st.composite
def runs(draw: st.DrawFn, *, quotes: bool) -> tuple[dict[str, Any], list[Row]]:
    """A protected grid of eight levels around 100, and up to sixty rows for it."""
    kind = draw(
        st.sampled_from(["long", "short", "follow_long", "follow_short", "martingale_long"])
    )
    grid: dict[str, Any] = {
        "exchange": "paper",
        "symbol": "TEST-USDC-PERP",
        "margin_mode": "cross",
        "leverage": 20,
        "grid_type": kind,
        "grid_interval": "1",
        "order_amount": "0.5",
        "acknowledge": ["losing_grid"],
        "price_lock_threshold": draw(st.sampled_from(["99", "101"])),
        "instrument": {
            "tick_size": "0.1",
            "lot_size": "0.001",
            "min_notional": "0",
            "maker_fee": draw(st.sampled_from(["0", "0.0002"])),
            "taker_fee": draw(st.sampled_from(["0", "0.0005"])),
        },
        "paper": {
            "initial_balance": "1000",
            "latency_ms": draw(st.sampled_from([0, 50])),
            "fill": draw(st.sampled_from(["through", "touch"])),
        },
    }
    for key in draw(st.sets(st.sampled_from(sorted(KEYS)), min_size=3)):
        grid[key] = draw(KEYS[key])
    if kind.startswith("follow"):
        grid |= {"follow_grid_count": 8, "follow_timeout": draw(st.integers(1, 4))}
    else:
        grid["price_range"] = {"lower_price": "96", "upper_price": "104"}
    if kind.startswith("martingale"):
        grid["martingale_increment"] = "0.1"
    return {"grid_system": grid}, draw(tapes(quotes=quotes))


@st.composite
def tapes(draw: st.DrawFn, *, quotes: bool) -> list[Row]:
    """Rows a fraction of a second to a few seconds apart, in steps of a few ticks."""
    price, at_ms = Decimal(100), START_MS
    rows: list[Row] = []
    pauses = st.sampled_from([50, 200, 400, 1000, 2500])
    steps = st.integers(-14, 14)
    for pause, step in draw(st.lists(st.tuples(pauses, steps), min_size=5, max_size=60)):
        price = min(max(price + step * Decimal("0.1"), Decimal(80)), Decimal(120))
        if quotes:
            width = draw(st.integers(1, 3)) * Decimal("0.1")
            rows.append((at_ms, price, Decimal(9), price + width, Decimal(9)))
        else:
            rows.append((at_ms, price, Decimal("0.5"), "buy" if step > 0 else "sell"))
        at_ms += pause
    return rows


def trial(document: dict[str, Any], tape: list[Row], *, steps: bool) -> Trial:
    """One run; stepping hands every row over."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        if steps:
            patch.setattr(PaperExchange, "set_horizon", lambda *_: None)
        return run_bot(document, tape, Path(folder))


@pytest.mark.parametrize("quotes", [False, True], ids=["trades", "quotes"])
@few
@given(data=st.data())
def test_a_protected_bot_decides_the_same_when_rows_are_skipped(quotes: bool, data) -> None:
    """Line for line the same diary, and a residual of exactly zero."""
    document, tape = data.draw(runs(quotes=quotes))
    leaping, stepping = (trial(document, tape, steps=steps) for steps in (False, True))

    assert leaping.lines == stepping.lines
    assert leaping.summary["residual"] == "0"
