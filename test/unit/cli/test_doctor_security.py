"""`ctos doctor --security`: where secrets lie, who could read them, where they must not be."""

import json
import os

import pytest

from core.errors import ConfigError, ExitCode
from core.infrastructure.files import FileLock
from core.infrastructure.process import seal
from core.wiring.security import require_safe
from tui.cli.doctor import doctor

SECRET = "Zx9kQ2v7LmPq4TtR8sWn3YbC6dEfGhJ0Zx9kQ2v7LmPq4TtR8sWn3YbC6dEfGhJ0"
NAMES = {
    "security.configuration",
    "security.keyring",
    "security.owner_only",
    "security.masking",
    "security.leaks",
    "security.libraries",
    "security.rights",
    "security.pinned",
    "security.at_rest",
    "security.memory",
    "security.rotation",
    "security.lock",
    "security.weaknesses",
    "security.network",
    "security.dead_man",
}


@pytest.fixture
def home(ctos_home):
    """Private, as a start makes it."""
    ctos_home.mkdir(mode=0o700)
    return ctos_home


def examined(capfd):
    """The exit code, and check -> what was said of it."""
    code = doctor(None, market=None, is_json=True, security=True)
    checks = json.loads(capfd.readouterr().out)["checks"]
    assert all(set(check) == {"id", "status", "detail", "remedy"} for check in checks)
    return code, {check["id"]: check for check in checks}


def keep(home, **fields):
    """Keys of Binance in a private file."""
    folder = home / "keys"
    folder.mkdir(mode=0o700)
    path = folder / "binance.json"
    path.touch(mode=0o600)
    path.write_text(json.dumps({"key": "k" * 40, "secret": SECRET, **fields}))
    return path


def test_every_requirement_has_its_check(capfd, home):
    """On a fresh machine nothing fails; what cannot be looked at here says where it is."""
    code, checks = examined(capfd)

    assert code == ExitCode.OK
    assert {name for name in checks if name.startswith("security.")} == NAMES
    assert checks["security.masking"]["status"] == "ok"
    assert checks["security.libraries"]["status"] == "ok"
    assert checks["security.lock"]["status"] in {"ok", "warn", "skipped"}


def test_without_the_option_secrets_are_not_asked_about(capfd, home):
    """`ctos doctor` stays as short as it was."""
    doctor(None, market=None, is_json=True)

    found = json.loads(capfd.readouterr().out)["checks"]
    assert not [check for check in found if check["id"].startswith("security.")]


def test_kept_keys_are_judged_by_place_and_account(capfd, home):
    """A file is not encrypted, and no account stands beside them: two warnings."""
    keep(home)

    code, checks = examined(capfd)

    assert code == ExitCode.OK
    assert checks["security.at_rest"]["status"] == "warn"
    assert "--store keyring" in checks["security.at_rest"]["remedy"]
    assert checks["security.pinned"]["status"] == "warn"
    assert checks["security.pinned"]["remedy"] == "ctos keys set binance"
    assert checks["security.leaks"]["status"] == "ok"
    assert checks["security.rights"]["remedy"] == "ctos doctor binance"


@pytest.mark.parametrize("place", ["logs/ctos.log", "live/journal.db-wal", "runs/x/journal.db"])
def test_a_key_in_a_log_or_a_journal_is_found(capfd, home, place):
    """Also across the borders of what is read at once; the key itself is not repeated."""
    keep(home, account="A1")
    path = home / place
    path.parent.mkdir(parents=True, mode=0o700)
    path.touch(mode=0o600)
    path.write_bytes(b"\0" * ((1 << 20) - 20) + SECRET.encode() + b"\n")

    code, checks = examined(capfd)

    assert code == ExitCode.FAILED
    found = checks["security.leaks"]
    assert found["status"] == "fail"
    assert str(path) in found["detail"]
    assert SECRET not in json.dumps(checks)
    assert "Replace that key" in found["remedy"]


def test_a_secret_in_a_file_of_configuration_fails(capfd, home):
    """It is named with its key, not with its value, and real money is refused."""
    path = home / "exchanges" / "binance.yaml"
    path.parent.mkdir(mode=0o700)
    path.write_text(f"exchange:\n  api_secret: {SECRET}\n")

    code, checks = examined(capfd)

    assert code == ExitCode.CONFIG
    assert checks["security.configuration"]["status"] == "fail"
    assert "api_secret" in checks["security.configuration"]["detail"]
    assert SECRET not in json.dumps(checks)
    with pytest.raises(ConfigError, match=r"security\.configuration"):
        require_safe()


@pytest.mark.parametrize("name", ["", "keys", "keys/binance.json", "live", "live/journal.db"])
def test_what_others_may_open_fails_and_refuses_real_money(capfd, home, name):
    """The home, keys, journals: each with the command that mends it."""
    keep(home, account="A1")
    (home / "live").mkdir(mode=0o700)
    (home / "live" / "journal.db").touch(mode=0o600)
    require_safe()
    path = home / name
    path.chmod(path.stat().st_mode | 0o044)

    _, checks = examined(capfd)

    assert checks["security.owner_only"]["status"] == "fail"
    assert checks["security.owner_only"]["remedy"] == f"Run: chmod go= {path}"
    with pytest.raises(ConfigError, match=r"security\.owner_only") as caught:
        require_safe()
    assert caught.value.remedy == f"Run: chmod go= {path}"


def test_an_engine_that_runs_is_looked_at(capfd, home):
    """What it forbade itself is read of the system, not of what it says."""
    folder = home / "live"
    folder.mkdir(mode=0o700)
    before = os.umask(0o022)
    try:
        with FileLock(folder / "engine.lock") as lease:
            lease.acquire(1)
            _, open_ones = examined(capfd)
            seal()
            _, sealed_ones = examined(capfd)
    finally:
        os.umask(before)

    assert open_ones["security.memory"]["status"] == "fail"
    assert "umask 0022" in open_ones["security.memory"]["detail"]
    assert sealed_ones["security.memory"]["status"] == "ok"
