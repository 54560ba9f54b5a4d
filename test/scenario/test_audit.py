"""`ctos audit` on what a whole run left behind, true and doctored."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tui.cli.main import app

GRID = """
grid_system:
  name: audited
  exchange: paper
  symbol: TEST-USDC-PERP
  grid_type: long
  grid_interval: 1
  order_amount: 1
  price_range: {lower_price: 97, upper_price: 101}
  instrument: {tick_size: 0.1, lot_size: 0.001, min_notional: 0}
  paper: {latency_ms: 0}
"""
TAPE = "ts_ms,price,amount,side\n" + "".join(
    f"{1_760_000_000_000 + index * 1000},{price},5,buy\n"
    for index, price in enumerate([100.5, 98.9, 97.8, 99.4, 100.6, 98.8, 101.5, 97.5])
)


@pytest.fixture
def left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home of one run that traded and ended."""
    home = tmp_path / "home"
    monkeypatch.setenv("CTOS_HOME", str(home))
    file, tape = tmp_path / "audited.yaml", tmp_path / "tape.csv"
    file.write_text(GRID)
    tape.write_text(TAPE)
    words = ["grid", str(file), "--headless", "--feed", str(tape), "--speed", "max"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    return home


def audit(*words: str) -> tuple[int, dict[str, object]]:
    """Exit code and report of `ctos audit --json`."""
    result = CliRunner().invoke(app, ["audit", "--run", "audited", "--json", *words])
    return result.exit_code, json.loads(result.stdout) if result.stdout else {}


def change(path: Path, statement: str) -> None:
    """Falsifies a file."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)
        connection.commit()


def test_an_honest_run_has_no_difference(left_behind: Path):
    """What the grid, the journal and the venue say of a whole run agrees to the last digit."""
    code, report = audit()

    assert (code, report["clean"], report["differences"]) == (0, True, 0)
    assert {check["status"] for check in report["checks"]} == {"ok"}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "file, statement, check",
    [
        ("venue.db", "UPDATE fills SET price = '98.2' WHERE number = 1", "fills.venue"),
        ("venue.db", "UPDATE feeds SET size = '9'", "position.venue"),
        ("journal.db", "UPDATE ledger SET fees = '0'", "fees.ledger"),
    ],
)
def test_a_falsified_file_is_found_out(left_behind: Path, file: str, statement: str, check: str):
    """One value changed by hand is named by its check, and the command ends with code 1."""
    change(left_behind / "runs" / "audited" / file, statement)
    code, report = audit()
    failed = {item["check"] for item in report["checks"] if item["status"] == "fail"}  # type: ignore[attr-defined]

    assert (code, failed) == (1, {check})


def test_an_audit_changes_nothing(left_behind: Path):
    """It reads copies: every byte of the run is what it was before."""
    folder = left_behind / "runs" / "audited"
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    audit()
    after = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}

    assert before == after


def test_a_bot_that_never_traded_is_refused_by_name(left_behind: Path):
    """The error names the bots that did."""
    result = CliRunner().invoke(app, ["audit", "--run", "audited", "--bot", "other"])

    assert result.exit_code == 1
    assert "audited" in result.stderr
