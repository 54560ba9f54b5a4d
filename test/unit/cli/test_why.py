"""`ctos why`: an order of a run that is over, explained from its journal."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from core.errors import CtosError, ExitCode
from core.services.execution.snapshot import (
    ExplainedFill,
    Explanation,
    Learned,
    Refusal,
    SlotOrder,
)
from tui.cli.grid import GridOptions, grid
from tui.cli.why import why
from tui.presentation.why import why_lines

ROOT = Path(__file__).resolve().parents[3]
EXAMPLE = ROOT / "config" / "grid" / "lighter-long-btc.yaml"
TAPE = ROOT / "docs" / "examples" / "trades.csv"
AT = datetime(2026, 3, 14, 14, 3, 27, 120_000, tzinfo=UTC)


def test_every_order_of_a_run_can_be_asked_why(ctos_home: Path, capfd: pytest.CaptureFixture[str]):
    """Rule, inputs with the age of the price, executions and outcome, for each that was placed."""
    options = GridOptions(file=EXAMPLE, is_json=True, is_headless=True, speed="max", feed=str(TAPE))
    assert grid(options) == 0
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    placed = [line for line in lines if line["event"] == "order.placed"]
    filled = [line for line in lines if line["event"] == "order.filled"]
    assert placed
    for line in placed[:3] + placed[-3:]:
        code = why(line["client_order_id"], bot=None, run="lighter-long-btc", is_json=True)
        found = json.loads(capfd.readouterr().out)

        assert code == ExitCode.OK
        assert found["rule"] == line["reason"]
        assert {"price_age_ms"} <= found["inputs"].keys()
        own = [fill for fill in filled if fill["client_order_id"] == line["client_order_id"]]
        assert {fill["trade_id"] for fill in own} == {fill["trade_id"] for fill in found["fills"]}
        assert found["outcome"]


def test_an_order_that_nobody_placed_is_refused(ctos_home: Path):
    """The sentence says how orders are named."""
    with pytest.raises(CtosError, match="no order 'nothing' is on record"):
        why("nothing", bot=None, run=None, is_json=False)


def explanation(**changes: object) -> Explanation:
    """An exit that closed a round trip."""
    values: dict[str, object] = {
        "bot": "btc",
        "venue": "lighter",
        "symbol": "BTC-USDC-PERP",
        "client_order_id": "c1X7",
        "order_id": "v9",
        "at": AT,
        "rule": "exit.of_fill",
        "inputs": (("fill_price", "117970"), ("price_age_ms", "28")),
        "leg": "exit",
        "side": "sell",
        "price": Decimal(118000),
        "amount": Decimal("0.002"),
        "filled": Decimal("0.002"),
        "level": 20,
        "state": "FILLED",
        "fills": (
            ExplainedFill(
                at=AT,
                price=Decimal(118000),
                amount=Decimal("0.002"),
                fee=Decimal("0.02"),
                trade_id="t1",
                is_maker=True,
                round_trip=Decimal("0.04"),
            ),
        ),
        "learned": (Learned(at=AT, kind="RESOLVED", detail="ACKED"),),
        "history": (
            SlotOrder(
                client_order_id="c1X7",
                at=AT,
                leg="exit",
                side="sell",
                price=Decimal(118000),
                amount=Decimal("0.002"),
                filled=Decimal("0.002"),
                state="FILLED",
                rule="exit.of_fill",
            ),
        ),
        "outcome": "0.002 of 0.002 filled.",
    }
    return Explanation(**{**values, **changes})  # type: ignore[arg-type]


def test_the_text_has_everything_in_the_order_of_asking():
    """What it is, why, what filled, what was learned, the slot, and what came of it."""
    lines = why_lines(explanation())

    assert lines[0] == "exit sell 0.002 @ 118000  level 20  filled"
    assert "  decided       2026-03-14 14:03:27.120Z" in lines
    assert any(line.startswith("  exit.of_fill: the entry was filled") for line in lines)
    assert "  age of price  28 ms" in lines
    assert "  14:03:27  0.002 @ 118000  fee 0.02  maker  round trip +0.04" in lines
    assert "  14:03:27  resolved  ACKED" in lines
    assert any(line.strip().startswith("> 03-14 14:03:27  c1X7") for line in lines)
    assert lines[-1] == "  0.002 of 0.002 filled."


def test_a_refusal_names_code_limit_and_value():
    """There are no executions and no slot: it never existed."""
    refused = explanation(
        rule="entry.built",
        inputs=(),
        state="DENIED",
        refusal=Refusal(code="NOTIONAL_EXCEEDS_CAP", limit="900", value="1180"),
        fills=(),
        learned=(),
        history=(),
        outcome="Refused by risk.",
    )
    lines = why_lines(refused)

    assert "  refused by    NOTIONAL_EXCEEDS_CAP" in lines
    assert "  limit         900" in lines
    assert "  value         1180" in lines
    assert refused.as_json()["refusal"] == {
        "code": "NOTIONAL_EXCEEDS_CAP",
        "limit": "900",
        "value": "1180",
    }
