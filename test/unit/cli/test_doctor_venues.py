"""`ctos doctor VENUE` for every venue that has a loopback server, well and ill."""

import asyncio
import json
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from core.adapters.exchanges.models import OrderSide
from core.errors import ExitCode
from core.testing.venues import ccxt_harness, harness
from core.testing.venues.faults import Answer
from core.testing.venues.tws.contracts import EUR, NVDA, pair, stock
from core.testing.venues.tws.harness import ibkr_harness
from core.testing.venues.tws.venue import TwsVenue
from core.wiring import venues
from tui.cli.doctor import doctor


def ibkr_shipped(path):
    """TWS with the contracts that are shipped."""
    found = ibkr_harness(path)
    found.venue = TwsVenue([stock(NVDA), pair(EUR)])
    found._addresses = lambda: {"tws": found.venue.url}
    return found


HARNESSES = {
    "backpack": harness.backpack_harness,
    "binance": harness.binance_harness,
    "bybit": ccxt_harness.bybit_harness,
    "ccxt-backpack": ccxt_harness.ccxt_backpack_harness,
    "ccxt-binance-usdm": ccxt_harness.ccxt_binance_harness,
    "ccxt-hyperliquid": ccxt_harness.ccxt_hyperliquid_harness,
    "edgex": harness.edgex_harness,
    "hyperliquid": harness.hyperliquid_harness,
    "ibkr": ibkr_shipped,
    "okx": ccxt_harness.okx_harness,
}
CANNOT_BE_ASKED = {
    "keys.rights": "take that right away there",
    "account.position_mode": "one-way mode",
    "keys.account": "ctos keys set",
}
"""Check that may warn where a venue does not tell -> what its remedy says then."""


@asynccontextmanager
async def opened(name, home, monkeypatch, **changed):
    """A venue on loopback, where this home and its keys lead; some keys may be others."""
    venues.budgets.cache_clear()  # another test's venue counted there
    found = HARNESSES[name](Path())
    async with found.venue as venue:
        folder = home / "exchanges"
        folder.mkdir(parents=True, mode=0o700)
        home.chmod(0o700)
        lines = "".join(f"    {key}: {url}\n" for key, url in found._addresses().items())
        (folder / f"{name}.yaml").write_text(f"exchange:\n  urls:\n{lines}")
        for field, text in {**fields_of(found._credentials()), **changed}.items():
            monkeypatch.setenv(f"CTOS_{name}_{field}".upper().replace("-", "_"), text)
        yield venue


def fields_of(credentials):
    """Keys as they are given."""
    secrets = {"secret": credentials.secret, "passphrase": credentials.passphrase}
    told = {name: secret.reveal() for name, secret in secrets.items() if secret}
    plain = {"account": credentials.account, "key": credentials.key, **credentials.options}
    return {**{name: text for name, text in plain.items() if text}, **told}


async def examined(capfd, name):
    """The exit code, and check -> what was said of it."""
    code = await asyncio.to_thread(doctor, name, market="perpetual", is_json=True)
    checks = json.loads(capfd.readouterr().out)["checks"]
    assert all(set(check) == {"id", "status", "detail", "remedy"} for check in checks)
    return code, {check["id"]: check for check in checks}


@pytest.mark.parametrize("name", sorted(HARNESSES))
async def test_a_venue_with_the_right_keys_is_well(name, capfd, ctos_home, monkeypatch):
    """Everything is asked and fine; what a venue does not tell is a warning with its remedy."""
    async with opened(name, ctos_home, monkeypatch):
        code, checks = await examined(capfd, name)

    assert code == ExitCode.OK, [c for c in checks.values() if c["status"] == "fail"]
    for check in checks.values():
        if check["status"] == "warn":
            assert CANNOT_BE_ASKED[check["id"]] in check["remedy"], check
        elif check["id"] == "clock.skew" and check["status"] == "skipped":
            assert check["detail"] == "the venue told no time"
        else:
            assert check["status"] == "ok", check


@pytest.mark.parametrize("name", sorted(HARNESSES))
async def test_an_order_of_others_is_seen(name, capfd, ctos_home, monkeypatch):
    """It rests where it was; the check says how many there are and what that means."""
    async with opened(name, ctos_home, monkeypatch) as venue:
        (symbol, *_) = sorted(venue.floor.instruments)
        venue.place_foreign(symbol, OrderSide.BUY, "150", "1")
        code, checks = await examined(capfd, name)
        left = len(venue.floor.open_orders())

    assert code == ExitCode.OK
    assert checks["account.orders"]["status"] == "warn", checks
    assert "left alone" in checks["account.orders"]["remedy"]
    assert left == 1


@pytest.mark.parametrize("name", sorted(HARNESSES))
async def test_a_venue_that_is_down_ends_with_4(name, capfd, ctos_home, monkeypatch):
    """With where it was looked for and what to look at."""
    async with opened(name, ctos_home, monkeypatch) as venue:
        await venue.go_down()
        code, checks = await examined(capfd, name)

    assert code == ExitCode.UNREACHABLE
    assert checks["venue.reachable"]["status"] == "fail"
    assert checks["venue.reachable"]["remedy"]
    assert checks["account.funds"]["status"] == "skipped"


@pytest.mark.parametrize("name, account", [("ibkr", "DU7654321"), ("ibkr", "U1234567")])
async def test_a_login_of_another_account_is_named(name, account, capfd, ctos_home, monkeypatch):
    """TWS is logged in with somebody else's account, or with paper where money was meant."""
    async with opened(name, ctos_home, monkeypatch, account=account) as venue:
        code, checks = await examined(capfd, name)
        asked = len(venue.calls_of("get_balances"))

    assert code == ExitCode.CONFIG
    assert checks["keys.account"]["status"] == "fail"
    assert account in checks["keys.account"]["detail"]
    assert asked == 0


async def test_a_paper_account_at_a_live_port_is_refused_before_dialling(
    capfd, ctos_home, monkeypatch
):
    """The port alone says that money is real there."""
    monkeypatch.setenv("CTOS_IBKR_ACCOUNT", "DU1234567")
    folder = ctos_home / "exchanges"
    folder.mkdir(parents=True, mode=0o700)
    (folder / "ibkr.yaml").write_text("exchange:\n  urls:\n    tws: tcp://127.0.0.1:7496\n")

    code, checks = await examined(capfd, "ibkr")

    assert code == ExitCode.CONFIG
    assert "live one" in checks["keys.account"]["detail"]


async def test_tws_without_ibkr_behind_it_is_not_well(capfd, ctos_home, monkeypatch):
    """It greets and says 2110: the answer would be what it knew before."""
    async with opened("ibkr", ctos_home, monkeypatch) as venue:
        venue.lose_connectivity()
        code, checks = await examined(capfd, "ibkr")

    assert code == ExitCode.UNREACHABLE
    assert "IBKR" in checks["venue.reachable"]["detail"]


async def test_a_library_that_is_not_installed_names_its_install_line(
    capfd, ctos_home, monkeypatch
):
    """One check, one line."""
    for name in ("ib_async", "ib_insync"):
        monkeypatch.setitem(sys.modules, name, None)

    code, checks = await examined(capfd, "ibkr")

    assert code != ExitCode.OK
    assert "pip install 'ctos[ibkr]'" in checks["venue.adapter"]["remedy"]


@pytest.mark.parametrize("name", ["backpack", "edgex", "hyperliquid"])
async def test_a_venue_that_asks_for_patience_is_told(name, capfd, ctos_home, monkeypatch):
    """429 to a question of the account: that check fails, with what the venue said."""
    async with opened(name, ctos_home, monkeypatch) as venue:
        venue.faults.answer(
            "get_balances", Answer(429, {"msg": "slow down"}, {"Retry-After": "30"}), times=9
        )
        code, checks = await examined(capfd, name)

    failed = {key for key, check in checks.items() if check["status"] == "fail"}
    assert code != ExitCode.OK
    assert failed & {"account.funds", "account.margin", "keys.accepted", "limits.left"}, checks


async def test_a_signer_that_is_not_there_is_said_before_any_key_is_tried(
    capfd, ctos_home, monkeypatch
):
    """Lighter's public data are well; its own signer is needed for the rest."""
    monkeypatch.setitem(HARNESSES, "lighter", harness.lighter_harness)
    async with opened("lighter", ctos_home, monkeypatch):
        code, checks = await examined(capfd, "lighter")

    assert code != ExitCode.OK
    assert checks["venue.reachable"]["status"] == "ok"
    failed = next(check for check in checks.values() if check["status"] == "fail")
    assert "lighter" in f"{failed['detail']} {failed['remedy']}"
