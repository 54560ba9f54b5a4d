"""Neutral grids against a second opinion that knows lines and no slots."""

from __future__ import annotations

import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.testing.oracle.lines import NeutralLines, bent_lines, even_lines
from core.testing.oracle.trial import run_bot

TICK = Decimal("0.1")
FEE = Decimal("0.00023")

few = settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def document(*, fill: str, **keys: object) -> dict[str, Any]:
    """A neutral grid of half a unit a line."""
    return {
        "grid_system": {
            "exchange": "paper",
            "symbol": "TEST-USDC-PERP",
            "margin_mode": "cross",
            "leverage": 20,
            "grid_type": "neutral",
            "order_amount": "0.5",
            "on_exit": "keep",
            "acknowledge": ["losing_grid"],
            "price_range": {"lower_price": "90", "upper_price": "110"},
            "instrument": {
                "tick_size": str(TICK),
                "lot_size": "0.001",
                "min_notional": "0",
                "maker_fee": str(FEE),
                "taker_fee": "0.0005",
            },
            "paper": {"initial_balance": "100000", "latency_ms": 0, "fill": fill},
            **keys,
        }
    }


@few
@given(
    fill=st.sampled_from(["through", "touch"]),
    cut=st.sampled_from(["2", "1.3", "0.7", 6, 13]),
    trails=st.sets(st.sampled_from(["trailing_up", "trailing_down"])),
    moves=st.lists(st.integers(-60, 60), min_size=1, max_size=80),
)
def test_a_neutral_grid_does_what_the_second_opinion_foretells(
    fill: str, cut: str | int, trails: set[str], moves: list[int]
) -> None:
    """Fill for fill, order for order and to the last digit, however far the price leaps."""
    lower, upper, price = Decimal(90), Decimal(110), Decimal(100)
    prices = [price]
    for move in moves:
        price = min(max(price + move * TICK, Decimal(60)), Decimal(150))
        prices.append(price)
    if isinstance(cut, int):
        keys: dict[str, object] = {"grid_spacing": "geometric", "grid_count": cut}
        lines, interval = bent_lines(lower, upper, cut, TICK), None
        trails = set()
    else:
        interval = Decimal(cut)
        keys = {"grid_interval": cut, **dict.fromkeys(trails, True)}
        lines = even_lines(lower, upper, interval)
    opinion = NeutralLines(
        lines=lines,
        amount=Decimal("0.5"),
        is_touch=fill == "touch",
        interval=interval,
        trails_up="trailing_up" in trails,
        trails_down="trailing_down" in trails,
    )
    opinion.run(prices)
    tape = [(1000 * number, each, Decimal(1), "buy") for number, each in enumerate(prices)]
    with tempfile.TemporaryDirectory() as folder:
        trial = run_bot(document(fill=fill, **keys), tape, Path(folder))

    assert [(each.side, each.price) for each in trial.fills] == opinion.fills
    assert sorted((side, price) for side, price, _ in trial.resting) == sorted(opinion.resting())
    assert trial.money("position") == opinion.position
    assert trial.money("fees") == opinion.turnover * FEE
    gross = opinion.cash + opinion.position * prices[-1]
    assert trial.money("equity_change") == gross - opinion.turnover * FEE
    assert trial.summary["residual"] == "0"
    moved = [fields for event, fields in trial.lines if event == "grid.trailed"]
    assert len(moved) == opinion.moves
