"""A paper run replayed through the backtest gives the same orders, or names those that differ."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from core.engine.protocol import BotEnded, StartBot
from core.errors import ConfigError, FeedError
from core.infrastructure.home import Home
from core.wiring import comparison, engines, places
from tui.cli.parity import parity_lines

CONFIG = {
    "grid_system": {
        "exchange": "paper",
        "name": "past",
        "symbol": "TEST-USDC-PERP",
        "grid_type": "long",
        "grid_interval": "1",
        "order_amount": "1",
        "price_range": {"lower_price": "97", "upper_price": "100"},
        "instrument": {"tick_size": "0.1", "lot_size": "0.001", "min_notional": "0"},
        "paper": {"initial_balance": "10000", "latency_ms": 300},
    }
}
PRICES = ("98.5", "97.4", "96.8", "98.2", "99.3", "100.4", "98.9", "97.9", "99.1", "100.2")


class Quiet:
    """Listens to nothing."""

    def event(self, bot: str, at_ns: int, event: str, fields: object) -> None:
        """A line of the diary."""

    def notice(self, text: str) -> None:
        """Something a person should know."""

    def ended(self, ended: BotEnded) -> None:
        """The closing line."""


@pytest.fixture
def home(ctos_home: Path, tmp_path: Path) -> Home:
    """A home with one run on virtual time over a tape of sixty trades."""
    tape = tmp_path / "tape.csv"
    rows = (f"{number * 1000},{price},1,buy" for number, price in enumerate(PRICES * 6))
    tape.write_text("\n".join(["ts_ms,price,amount,side", *rows]) + "\n")
    request = StartBot(
        app="grid", path="past.yaml", text=json.dumps(CONFIG), feed=str(tape), speed="max"
    )
    assert engines.run_virtual(request, Quiet()) == 0
    return places.home()


def change(home: Home, statement: str) -> None:
    """Alters what the run left."""
    with closing(sqlite3.connect(home.root / "runs" / "past" / "journal.db")) as journal:
        journal.execute(statement)
        journal.commit()


def test_a_paper_run_is_replayed_without_a_difference(home: Home) -> None:
    """Zero for paper: every order filled as it had, at the same price, with the same profit."""
    report = comparison.parity(home, "past")

    assert report.different == ()
    assert report.profit == 0
    assert report.as_json()["fills"] == {"recorded": 60, "replayed": 60}
    assert parity_lines(report)[-1].startswith("replayed without a difference")


def test_a_fill_that_was_changed_is_named(home: Home) -> None:
    """One price that is not what the replay gives: one order, with the difference."""
    change(
        home,
        "UPDATE fills SET price = '98.7' WHERE trade_id ="
        " (SELECT trade_id FROM fills WHERE client_order_id GLOB '*3X*' ORDER BY at_ns LIMIT 1)",
    )

    report = comparison.parity(home, "past")

    assert [(order.order, str(order.price)) for order in report.different] == [("3 exit 1", "1.3")]
    assert "3 exit 1" in "\n".join(parity_lines(report))


def test_a_fill_that_is_missing_is_named(home: Home) -> None:
    """An execution that nobody recorded shows as one that only the replay has."""
    change(home, "DELETE FROM fills WHERE client_order_id GLOB '*1E*'")

    different = comparison.parity(home, "past").different

    assert {order.order for order in different} >= {"1 entry 1"}
    assert all(order.recorded is None for order in different)
    assert different[0].amount == 1


def test_a_profit_that_was_changed_is_named(home: Home) -> None:
    """The result of a round trip is compared too."""
    change(
        home,
        "UPDATE diary SET fields = json_set(fields, '$.round_trip', '9') WHERE number ="
        " (SELECT number FROM diary WHERE event = 'order.filled'"
        " AND json_extract(fields, '$.round_trip') IS NOT NULL LIMIT 1)",
    )

    different = comparison.parity(home, "past").different

    assert len(different) == 1
    assert different[0].profit < -7
    assert different[0].amount == 0


def test_a_recording_that_has_changed_is_refused(home: Home, tmp_path: Path) -> None:
    """Other prices would be no replay."""
    with (tmp_path / "tape.csv").open("a") as tape:
        tape.write("61000,99,1,buy\n")

    with pytest.raises(FeedError, match="has changed since the run"):
        comparison.parity(home, "past")


def test_nobody_of_that_name_is_refused_with_those_who_are(home: Home) -> None:
    """The message lists the runs."""
    with pytest.raises(ConfigError, match="Runs: past"):
        comparison.parity(home, "future")


def test_a_replay_leaves_the_run_as_it_was(home: Home) -> None:
    """The meter reads copies."""
    folder = home.root / "runs" / "past"
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}

    comparison.parity(home, "past")

    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before
