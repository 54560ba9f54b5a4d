"""`ctos doctor`: this machine, and venues on loopback with each thing that can be wrong there."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.adapters.exchanges.models import OrderSide
from core.errors import ConfigError, ExitCode
from core.testing.venues.binance.venue import BinanceVenue
from core.testing.venues.hyperliquid.venue import HyperliquidVenue
from core.wiring import doors, places, venues
from tui.cli.doctor import doctor


@pytest.fixture
async def binance(ctos_home: Path) -> AsyncIterator[BinanceVenue]:
    """USDⓈ-M on loopback, where the settings of this home lead."""
    venues.budgets.cache_clear()  # another test's venue counted there
    async with BinanceVenue() as venue:
        addresses(
            ctos_home,
            "binance",
            {
                "rest": venue.rest_url,
                "public": f"{venue.socket_url}/public/ws",
                "market": f"{venue.socket_url}/market/ws",
                "private": venue.private_url,
                "orders": venue.api_url,
                "account": venue.rest_url,
            },
        )
        yield venue


@pytest.fixture
async def hyperliquid(ctos_home: Path) -> AsyncIterator[HyperliquidVenue]:
    """Hyperliquid on loopback, where the settings of this home lead."""
    async with HyperliquidVenue() as venue:
        addresses(
            ctos_home,
            "hyperliquid",
            {"rest": venue.rest_url, "public": venue.public_url, "private": venue.private_url},
        )
        yield venue


def addresses(home: Path, venue: str, urls: dict[str, str]) -> None:
    """Puts loopback in the place of a venue's addresses."""
    folder = home / "exchanges"
    folder.mkdir(parents=True, mode=0o700)
    home.chmod(0o700)
    lines = "\n".join(f"    {name}: {url}" for name, url in urls.items())
    path = folder / f"{venue}.yaml"
    path.write_text(f"exchange:\n  urls:\n{lines}\n")
    path.chmod(0o600)


def keys(monkeypatch: pytest.MonkeyPatch, venue: str, **values: str) -> None:
    """Keys in the environment."""
    for name, text in values.items():
        monkeypatch.setenv(f"CTOS_{venue}_{name}".upper(), text)


async def examined(capfd, venue: str) -> tuple[int, dict[str, dict]]:
    """The exit code, and check -> what was said of it."""
    code = await asyncio.to_thread(doctor, venue, market="perpetual", is_json=True)
    checks = json.loads(capfd.readouterr().out)["checks"]
    for check in checks:
        assert set(check) == {"id", "status", "detail", "remedy"}
    return code, {check["id"]: check for check in checks}


def machine(capfd) -> tuple[int, dict[str, dict]]:
    """The same of this machine."""
    code = doctor(None, market=None, is_json=True)
    return code, {check["id"]: check for check in json.loads(capfd.readouterr().out)["checks"]}


def trusted(monkeypatch: pytest.MonkeyPatch, venue: BinanceVenue) -> None:
    """The key that may trade, of the account that is pinned."""
    keys(monkeypatch, "binance", key=venue.key.api_key, secret=venue.key.secret, account="SgsR")


# -- venues ---------------------------------------------------------------------------------------


async def test_a_venue_without_keys_is_examined_by_its_public_data(capfd, binance):
    """Reachable, its markets, latency and clock; what needs keys is skipped, and nothing fails."""
    code, checks = await examined(capfd, "binance")

    assert code == ExitCode.OK
    for name in ("venue.reachable", "venue.markets", "venue.latency", "clock.skew", "limits.left"):
        assert checks[name]["status"] == "ok", checks[name]
    assert checks["keys.accepted"]["status"] == "skipped"
    assert checks["keys.accepted"]["remedy"] == "Give them with: ctos keys set binance"


async def test_a_good_key_passes_every_check(capfd, binance, monkeypatch):
    """Rights, pinned account, one-way mode, positions, orders, funds, limits: all ok."""
    trusted(monkeypatch, binance)

    code, checks = await examined(capfd, "binance")

    assert code == ExitCode.OK
    assert {check["status"] for check in checks.values()} == {"ok"}, checks
    assert checks["keys.account"]["detail"] == "pinned to SgsR"


async def test_an_agent_of_the_right_account_passes(capfd, hyperliquid, monkeypatch):
    """The same at Hyperliquid, whose keys are agents."""
    wallets = hyperliquid.wallets
    keys(monkeypatch, "hyperliquid", account=wallets.main.address, secret=wallets.agent.secret)

    code, checks = await examined(capfd, "hyperliquid")

    assert code == ExitCode.OK
    assert {check["status"] for check in checks.values()} == {"ok"}, checks


async def test_a_wrong_secret_is_told_and_ends_with_2(capfd, binance, monkeypatch):
    """The venue refuses the signature; the account is not asked about."""
    keys(monkeypatch, "binance", key=binance.key.api_key, secret="x" * 64)

    code, checks = await examined(capfd, "binance")

    assert code == ExitCode.CONFIG
    assert checks["keys.accepted"]["status"] == "fail"
    assert checks["account.funds"]["status"] == "skipped"
    assert checks["venue.reachable"]["status"] == "ok"


async def test_a_key_of_another_account_is_told(capfd, binance, monkeypatch):
    """The pinned account is not the key's."""
    keys(
        monkeypatch, "binance", key=binance.key.api_key, secret=binance.key.secret, account="other"
    )

    code, checks = await examined(capfd, "binance")

    assert code == ExitCode.CONFIG
    assert checks["keys.account"]["status"] == "fail"
    assert "another account" in checks["keys.account"]["detail"]


async def test_keys_that_cannot_be_right_are_told_without_asking(capfd, binance, monkeypatch):
    """A field is missing: exit code 2, and the field is named."""
    keys(monkeypatch, "binance", key=binance.key.api_key)

    code, checks = await examined(capfd, "binance")

    assert code == ExitCode.CONFIG
    assert "secret" in checks["keys.accepted"]["detail"]


async def test_an_account_that_is_not_pinned_is_a_warning(capfd, binance, monkeypatch):
    """It works, and a key of another account would be used."""
    keys(monkeypatch, "binance", key=binance.key.api_key, secret=binance.key.secret)

    code, checks = await examined(capfd, "binance")

    assert code == ExitCode.OK
    assert checks["keys.account"]["status"] == "warn"


async def test_orders_of_others_are_seen_and_left_alone(capfd, binance, monkeypatch):
    """A foreign order is a warning; the examination asked for nothing that changes anything."""
    trusted(monkeypatch, binance)
    order = binance.place_foreign("TEST-USDC-PERP", OrderSide.BUY, "90", "1", "somebody1")

    code, checks = await examined(capfd, "binance")

    assert code == ExitCode.OK
    assert checks["account.orders"]["status"] == "warn"
    assert "1 of them not made by this installation" in checks["account.orders"]["detail"]
    assert [item.order_id for item in binance.floor.open_orders()] == [order.order_id]
    assert {call.method for call in binance.calls} == {"GET"}


async def test_a_key_that_may_withdraw_is_refused(capfd, binance, monkeypatch):
    """The right to take money out ends with 2, and says where to take it away."""
    key = binance.keys.withdrawer
    keys(monkeypatch, "binance", key=key.api_key, secret=key.secret, account="SgsR")

    code, checks = await examined(capfd, "binance")

    assert code == ExitCode.CONFIG
    assert checks["keys.accepted"]["status"] == "ok"
    assert checks["keys.rights"]["status"] == "fail"
    assert "may withdraw" in checks["keys.rights"]["detail"]
    assert "Take that right away" in checks["keys.rights"]["remedy"]


async def test_hedge_mode_fails_as_a_setting_of_the_account(capfd, binance, monkeypatch):
    """The key is good, the account's mode is not: exit code 1."""
    trusted(monkeypatch, binance)
    binance.rest.is_hedge_mode = True

    code, checks = await examined(capfd, "binance")

    assert code == ExitCode.FAILED
    assert checks["account.position_mode"]["status"] == "fail"
    assert "one-way mode" in checks["account.position_mode"]["remedy"]


async def test_a_clock_that_differs_is_found(capfd, binance):
    """The venue is ten seconds ahead of us: that fails, with what sets a clock."""
    binance.faults.alter_answer(
        "health_check", lambda body: {"serverTime": body["serverTime"] + 10_000}, times=20
    )

    code, checks = await examined(capfd, "binance")

    assert code == ExitCode.FAILED
    assert checks["clock.skew"]["status"] == "fail"
    assert "behind" in checks["clock.skew"]["detail"]


def test_a_venue_that_cannot_be_reached_ends_with_4(capfd, ctos_home):
    """Nobody listens there: one failure, and every later check says why it was not asked."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    addresses(ctos_home, "hyperliquid", {"rest": url})

    code = doctor("hyperliquid", market="perpetual", is_json=True)
    checks = {item["id"]: item for item in json.loads(capfd.readouterr().out)["checks"]}

    assert code == ExitCode.UNREACHABLE
    assert checks["venue.reachable"]["status"] == "fail"
    assert checks["venue.reachable"]["remedy"]
    others = [item for name, item in checks.items() if name != "venue.reachable"]
    assert {item["status"] for item in others} == {"skipped"}
    assert {item["detail"] for item in others} == {"not asked: see venue.reachable"}


def test_a_venue_that_nobody_knows_is_refused(ctos_home):
    """A slip is answered with the nearest name."""
    with pytest.raises(ConfigError, match="Did you mean 'binance'"):
        doctor("binanc", market=None, is_json=True)


def test_an_address_that_a_venue_does_not_have_is_refused(ctos_home):
    """The settings of the venue are read first, and their file is named."""
    addresses(ctos_home, "hyperliquid", {"rset": "http://127.0.0.1:1"})

    with pytest.raises(ConfigError, match=r"hyperliquid\.yaml"):
        doctor("hyperliquid", market=None, is_json=True)


# -- this machine ---------------------------------------------------------------------------------


def test_a_fresh_machine_has_nothing_to_mend(capfd, ctos_home):
    """Nothing fails before the first start, and looking made nothing."""
    code, checks = machine(capfd)

    assert code == ExitCode.OK
    assert checks["home.folder"]["status"] == "skipped"
    assert checks["journal.paper"]["status"] == "skipped"
    assert checks["engine.paper"]["status"] == "ok"
    assert not ctos_home.exists()


def test_a_machine_that_traded_is_sound(capfd, ctos_home):
    """A journal is read whole and its orders counted; no file changes by that."""
    journal(ctos_home)
    before = snapshot(ctos_home)

    code, checks = machine(capfd)

    assert code == ExitCode.OK
    assert checks["journal.paper"]["status"] == "ok"
    assert checks["home.file_modes"]["status"] == "ok"
    assert snapshot(ctos_home) == before


def test_a_file_that_others_may_read_fails_with_its_remedy(capfd, ctos_home):
    """The file is named with its mode, and the command that mends it."""
    path = journal(ctos_home)
    path.chmod(0o644)

    code, checks = machine(capfd)

    assert code == ExitCode.FAILED
    assert checks["home.file_modes"]["status"] == "fail"
    assert f"{path} (0644)" in checks["home.file_modes"]["detail"]
    assert checks["home.file_modes"]["remedy"] == f"Run: chmod go= {path}"


def test_a_damaged_journal_fails(capfd, ctos_home):
    """Bytes that are no database are found, and the file stays as it is."""
    path = journal(ctos_home)
    path.write_bytes(b"no database" * 1000)

    code, checks = machine(capfd)

    assert code == ExitCode.FAILED
    assert checks["journal.paper"]["status"] == "fail"
    assert path.read_bytes().startswith(b"no database")


def test_keys_that_cannot_be_right_end_with_2(capfd, ctos_home, monkeypatch):
    """Keys of any venue are looked at, without asking it."""
    keys(monkeypatch, "okx", key="a")

    code, checks = machine(capfd)

    assert code == ExitCode.CONFIG
    assert checks["keys"]["status"] == "fail"
    assert "okx (environment)" in checks["keys"]["detail"]


def test_a_clock_that_was_put_back_fails(capfd, ctos_home):
    """A file from the future says so."""
    path = journal(ctos_home)
    ahead = path.stat().st_mtime + 3600
    os.utime(path, (ahead, ahead))

    code, checks = machine(capfd)

    assert code == ExitCode.FAILED
    assert "put back" in checks["clock.set"]["detail"]


def test_the_engine_that_holds_the_place_is_asked(capfd, ctos_home):
    """A lease that is held by a process that does not answer is a fault with a way out."""
    from core.infrastructure.files import FileLock

    home = places.home()
    with FileLock(home.lease_path("paper")) as lease:
        lease.acquire(1)
        code, checks = machine(capfd)

    assert code == ExitCode.FAILED
    assert checks["engine.paper"]["status"] == "fail"
    assert f"pid {os.getpid()}" in checks["engine.paper"]["detail"]


def test_text_names_the_remedy_below_the_fault(capfd, ctos_home):
    """For people: sign, check and detail, and what to do on the next line."""
    journal(ctos_home).chmod(0o644)

    doctor(None, market=None, is_json=False)
    out = capfd.readouterr().out

    assert "FAIL  home.file_modes" in out
    assert "Run: chmod go=" in out
    assert out.splitlines()[-1] == "1 failed, 0 to look at"


def journal(home: Path) -> Path:
    """The journal of a paper engine that has ended."""
    folder = places.home().mode_folder("paper")
    doors.Doors().journal(folder).close()
    return folder / "journal.db"


def snapshot(home: Path) -> dict[str, tuple[int, int, int]]:
    """File -> mode, size and time."""
    return {
        str(path): (path.stat().st_mode, path.stat().st_size, path.stat().st_mtime_ns)
        for path in sorted(home.rglob("*"))
    }
