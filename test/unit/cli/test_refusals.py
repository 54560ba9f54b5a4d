"""What the command line refuses before anything else is looked at."""

import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from core.adapters.exchanges.credentials import Credentials
from core.errors import AuthError, ConfigError
from tui.cli.grid import GridOptions, start_request
from tui.cli.main import app

KEY = "0x" + "ab" * 32
GRID = """
grid_system:
  name: real
  exchange: hyperliquid
  symbol: BTC-USDC-PERP
  grid_type: long
  grid_interval: 100
  order_amount: 0.001
  price_range: {{lower_price: 90000, upper_price: 91000}}
  {risk}
"""


@pytest.mark.parametrize("words", [["why", KEY], ["stop", f"--name={KEY}"], ["ps", KEY[2:]]])
def test_a_private_key_on_the_command_line_is_refused(
    words: list[str], monkeypatch: pytest.MonkeyPatch
):
    """Every user of the machine can read arguments: it ends with 2, and our words lack the key."""
    monkeypatch.setattr(sys, "argv", ["ctos", *words])
    result = CliRunner().invoke(app, words if words[0] == "why" else ["ps"])

    assert result.exit_code == 2
    assert "private key" in result.stderr
    assert "abab" not in result.output


def test_real_money_needs_a_limit_for_the_loss_of_a_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Without one a live start is refused by its key; with one the next question is for keys."""
    from core.wiring import configuration, doors

    monkeypatch.setenv("CTOS_HOME", str(tmp_path / "home"))
    file = tmp_path / "real.yaml"
    for risk, error, words in (
        ("", ConfigError, "daily_loss"),
        ('risk: {daily_loss: "100"}', AuthError, "no keys"),
    ):
        file.write_text(GRID.format(risk=risk))
        request = start_request(GridOptions(file=file, is_live=True))
        for start in (configuration.describe, doors.Doors().read):
            with pytest.raises(error, match=words):
                start(request)


def test_credentials_alone_do_not_replace_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Keys are there, the limit is not: refused all the same."""
    from core.wiring import configuration, doors

    class Store:
        """Has keys for everything."""

        def credentials(self, venue: str) -> Credentials:
            """Of any venue."""
            return Credentials(venue=venue)

    monkeypatch.setattr(configuration, "key_store", Store)
    file = tmp_path / "real.yaml"
    file.write_text(GRID.format(risk=""))

    with pytest.raises(ConfigError, match="daily_loss"):
        doors.Doors().read(start_request(GridOptions(file=file, is_live=True)))
