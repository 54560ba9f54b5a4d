"""A grid whose position the paper venue has liquidated comes to its end all the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from core.errors import ExitCode
from tui.cli.main import app

GRID = """
grid_system:
  name: carried
  exchange: paper
  symbol: TEST-USDC-PERP
  grid_type: long
  grid_interval: 1
  order_amount: 10
  leverage: 20
  margin_mode: cross
  price_range: {lower_price: 90, upper_price: 101}
  on_exit: flatten
  paper: {initial_balance: 400, latency_ms: 0}
  instrument: {tick_size: 0.1, lot_size: 0.001, min_notional: 0, max_leverage: 50}
"""
FALL = [*(100 - step / 2 for step in range(100)), *[60] * 20]


def test_what_was_liquidated_is_not_closed_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    """Three orders are refused, it is said once, and the bot ends; with 3, a position was left."""
    monkeypatch.setenv("CTOS_HOME", str(tmp_path / "home"))
    file, tape = tmp_path / "carried.yaml", tmp_path / "tape.csv"
    file.write_text(GRID)
    rows = (f"{1_760_000_000_000 + n * 1000},{price},1000,sell\n" for n, price in enumerate(FALL))
    tape.write_text("ts_ms,price,amount,side\n" + "".join(rows))

    words = ["grid", str(file), "--feed", str(tape), "--speed", "max", "--json"]
    result = CliRunner().invoke(app, words)
    told = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    closes = [
        line for line in told if line["event"] == "order.rejected" and line["leg"] == "flatten"
    ]

    assert result.exit_code == ExitCode.UNCLEAN
    assert len(closes) == 3
    assert [line["event"] for line in told].count("grid.nothing_to_close") == 1
    assert "left: the venue takes no order for it" in told[-2]["text"]
