"""`ctos venues`: what can be done where."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from core.adapters.exchanges.about import as_json, known_venues
from core.adapters.exchanges.facts import FACTS
from core.errors import ExitCode
from core.wiring import venues as wired
from tui.cli.venues import venues

ROOT = Path(__file__).resolve().parents[3]
BUDGET_S = 0.5
HEAVY = ("ccxt", "picows", "aiohttp", "hyperliquid", "ib_async", "textual", "msgspec", "numpy")
ASKED = f"""
import io, json, sys, contextlib
from tui.cli.venues import venues
with contextlib.redirect_stdout(io.StringIO()):
    venues(is_json=True)
print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))
"""


def table(capfd) -> dict[str, dict]:
    """Venue -> what the command says of it."""
    assert venues(is_json=True) == ExitCode.OK
    return {row["name"]: row for row in json.loads(capfd.readouterr().out)}


def test_no_client_library_is_loaded():
    """The table is written down: not one adapter, and so no library of one, is imported."""
    found = subprocess.run(
        [sys.executable, "-c", ASKED], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert json.loads(found.stdout) == []


def test_every_row_has_what_scripts_rely_on(capfd):
    """Name, markets, two answers, capabilities, and what was verified, how and when."""
    for name, row in table(capfd).items():
        assert row["name"] == name
        assert isinstance(row["market_types"], list)
        assert row["market_types"]
        assert isinstance(row["public"], bool)
        assert isinstance(row["private"], bool)
        assert isinstance(row["capabilities"]["has_post_only"], bool)
        assert set(row["verified"]) == {"what", "how", "on"}


def test_the_venues_that_ctos_speaks_of_are_all_there(capfd):
    """Those of the examples and of the keys, and the embedded one."""
    wanted = {"backpack", "binance", "bybit", "edgex", "hyperliquid", "ibkr", "lighter", "okx"}

    assert wanted | {"paper"} <= set(table(capfd))


def test_only_registered_adapters_are_promised(capfd):
    """A venue can be asked exactly where an adapter is registered, or where it is embedded."""
    registered = {*wired.factory().names, "paper"}
    told = table(capfd)

    assert {name for name, row in told.items() if row["public"]} <= registered
    assert {name for name in registered if name in told} == {
        name for name, row in told.items() if row["public"]
    }


@pytest.mark.parametrize("name", ["backpack", "binance", "edgex", "hyperliquid", "ibkr", "lighter"])
def test_capabilities_are_those_of_the_adapter(name):
    """What the table says of a venue is what its adapter says of itself."""
    try:
        adapter = importlib.import_module(f"core.adapters.exchanges.{name}.adapter")
    except ModuleNotFoundError:
        pytest.skip(f"{name} has no adapter of its own")
    row = next(row for row in FACTS if row.name == name)

    assert row.capabilities == adapter.CAPABILITIES


@pytest.mark.parametrize("name", ["bybit", "okx"])
def test_capabilities_behind_ccxt_are_those_of_its_row(name):
    """The same for a venue that ccxt speaks to."""
    found = importlib.import_module("core.adapters.exchanges.ccxt.table")
    row = next(row for row in FACTS if row.name == name)

    assert row.capabilities == found.row_of(name).capabilities


def test_a_venue_nobody_wrote_about_promises_nothing_verified():
    """One that is registered without a row works by ccxt's words, and the table says so."""
    rows = {row.name: as_json(row) for row in known_venues(FACTS, {"kraken", "ccxt-binance"})}

    assert rows["kraken"]["verified"] == {"what": "nothing", "how": None, "on": None}
    assert rows["kraken"]["public"] is True
    assert rows["binance"]["public"] is False
    assert "ccxt-binance" not in rows


def test_text_is_a_line_a_venue(capfd):
    """For people: a head and a line for each, with what was verified at its end."""
    assert venues(is_json=False) == ExitCode.OK
    lines = capfd.readouterr().out.splitlines()

    assert lines[0].split() == ["venue", "markets", "prices", "trading", "verified"]
    assert [line.split()[0] for line in lines[1:]] == sorted(line.split()[0] for line in lines[1:])
