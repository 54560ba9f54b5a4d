"""`ctos keys remove`: what can be removed, and what is no venue."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import ConfigError, ExitCode
from core.wiring import keys as kept
from tui.cli.keys import remove_keys

BINANCE = {"key": "public-name-of-key", "secret": "canary-of-the-secret"}


@pytest.fixture(autouse=True)
def home(ctos_home: Path) -> Path:
    """A home without keys."""
    return ctos_home


def test_a_name_that_is_no_venue_is_refused_before_anything_is_asked():
    """Nothing is kept under it and no venue has it: the nearest that one has is named."""
    with pytest.raises(ConfigError, match="there is no venue 'nobody'"):
        remove_keys("nobody", is_sure=False)
    with pytest.raises(ConfigError, match="Did you mean 'lighter'"):
        remove_keys("lightr", is_sure=True)


def test_a_venue_without_keys_is_no_fault(capfd: pytest.CaptureFixture[str]):
    """There is nothing to confirm; it says so and is well."""
    assert remove_keys("lighter", is_sure=False) == ExitCode.OK
    assert "There are no keys of lighter" in capfd.readouterr().err


def test_keys_are_removed_from_where_they_are(capfd: pytest.CaptureFixture[str]):
    """Without the typed word they stay; with --yes they are gone, and once more there are none."""
    kept.keep_keys("binance", BINANCE, store="file")
    with pytest.raises(ConfigError, match="Not removed"):
        remove_keys("binance", is_sure=False)
    assert [entry.venue for entry in kept.key_entries()] == ["binance"]

    assert remove_keys("binance", is_sure=True) == ExitCode.OK
    assert "removed from file" in capfd.readouterr().out
    assert kept.key_entries() == []


def test_keys_of_a_venue_that_is_known_no_more_can_be_removed(home: Path):
    """What is kept is removable whatever its name, also a file that cannot be read as keys."""
    folder = home / "keys"
    folder.mkdir(parents=True, mode=0o700)
    (folder / "closed.json").write_text("no keys")

    assert remove_keys("closed", is_sure=True) == ExitCode.OK
    assert list(folder.iterdir()) == []
