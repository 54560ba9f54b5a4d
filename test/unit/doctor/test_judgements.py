"""What each judgement makes of what was found, at its borders."""

from __future__ import annotations

from decimal import Decimal

import pytest

from core.adapters.exchanges.models import BalanceData, MarginMode, PositionData
from core.errors import AuthError, ConfigError, ExitCode, RateLimited, TransportError
from core.services.doctor import premises, venue
from core.services.doctor.snapshot import Examination, Health, fail, ok, skipped, warn

HEALTH = {"ok": Health.OK, "warn": Health.WARN, "fail": Health.FAIL, "skipped": Health.SKIPPED}


def rounds(*skews: float | None, latency_ms: float = 20.0) -> list[venue.Round]:
    """As many questions."""
    return [venue.Round(latency_ms=latency_ms, skew_ms=skew) for skew in skews]


@pytest.mark.parametrize(
    "skew,status",
    [(0.0, "ok"), (500.0, "ok"), (-501.0, "warn"), (2000.0, "warn"), (2001.0, "fail")],
)
def test_a_clock_may_differ_by_half_a_second(skew, status):
    """Up to 500 ms is well, up to 2 s a warning, more fails, in both directions."""
    assert venue.skew(rounds(skew)).status is HEALTH[status]
    assert venue.skew(rounds(-skew)).status is HEALTH[status]


def test_the_shortest_way_tells_the_time_best():
    """A slow answer says nothing about the clock."""
    slow = venue.Round(latency_ms=9_000.0, skew_ms=4_400.0)
    quick = venue.Round(latency_ms=12.0, skew_ms=-3.0)

    found = venue.skew([slow, quick])

    assert found.status is Health.OK
    assert "3 ms ahead" in found.detail


def test_a_venue_that_tells_no_time_is_not_judged():
    """No answer is no difference."""
    assert venue.skew(rounds(None)).status is Health.SKIPPED
    assert venue.skew([]).status is Health.SKIPPED


def test_latency_is_the_median():
    """One slow answer of five is told and no warning; three are."""
    quick = rounds(0.0, 0.0, 0.0)
    slow = rounds(0.0, 0.0, latency_ms=900.0)

    assert venue.latency([*quick, *slow]).status is Health.OK
    assert "slowest 900 ms" in venue.latency([*quick, *slow]).detail
    assert venue.latency(slow).status is Health.WARN
    assert venue.latency([]).status is Health.FAIL


@pytest.mark.parametrize(
    "code,check,exit_code",
    [
        ("WITHDRAW", "keys.rights", ExitCode.CONFIG),
        ("RIGHTS", "keys.rights", ExitCode.CONFIG),
        ("ACCOUNT", "keys.account", ExitCode.CONFIG),
        ("POSITION_MODE", "account.position_mode", ExitCode.FAILED),
        ("-2015", "keys.accepted", ExitCode.CONFIG),
        (None, "keys.accepted", ExitCode.CONFIG),
    ],
)
def test_a_refused_key_fails_the_check_that_it_is_about(code, check, exit_code):
    """One failure, its remedy kept; every other check of the key is told and none is missing."""
    found = venue.refused_keys(AuthError("no", venue="x", code=code, remedy="Do this."))
    failed = [item for item in found if item.status is Health.FAIL]

    assert [item.id for item in failed] == [check]
    assert failed[0].remedy == "Do this."
    assert Examination(checks=tuple(found)).exit_code is exit_code
    assert {item.id for item in found} >= set(venue.AFTER_KEYS)


@pytest.mark.parametrize(
    "used,status", [(0.0, "ok"), (0.49, "ok"), (0.5, "warn"), (0.8, "fail"), (1.0, "fail")]
)
def test_limits_warn_before_only_cancels_leave(used, status):
    """Half of a budget warns; from 80 % on a grid could not place anything."""
    budget = venue.Budget(name="x address", used_fraction=used, paused_for_s=0)

    assert venue.limits([budget]).status is HEALTH[status]


def test_a_venue_that_asked_for_patience_fails():
    """Whatever is left, nothing but cancels leaves now."""
    budget = venue.Budget(name="x address", used_fraction=0.0, paused_for_s=42)

    assert "42 s of patience" in venue.limits([budget]).detail
    assert venue.limits([budget]).status is Health.FAIL
    assert venue.limits([]).status is Health.SKIPPED


def position(liquidation: str | None) -> PositionData:
    """A long position, marked at 100."""
    return PositionData(
        venue="x",
        symbol="BTC-USDC-PERP",
        size=Decimal(1),
        entry_price=Decimal(100),
        mark_price=Decimal(100),
        liquidation_price=None if liquidation is None else Decimal(liquidation),
        leverage=Decimal(5),
        margin_mode=MarginMode.ISOLATED,
    )


@pytest.mark.parametrize(
    "liquidation,status", [(None, "ok"), ("89.9", "ok"), ("90", "warn"), ("105", "warn")]
)
def test_a_position_near_its_end_is_a_warning(liquidation, status):
    """Within a tenth of the mark price, on either side; leverage and mode are told."""
    found = venue.margin([position(liquidation)])

    assert found.status is HEALTH[status]
    assert "BTC-USDC-PERP 1 5x isolated" in found.detail


def test_an_empty_account_is_a_warning():
    """There is nothing to trade with; a debt is nothing either."""
    held = BalanceData(venue="x", asset="USDC", total=Decimal("12.50"), free=Decimal("12.50"))

    assert venue.funds([]).status is Health.WARN
    assert venue.funds([held]).detail == "12.5 USDC"


@pytest.mark.parametrize("mode,status", [("netted", "ok"), ("checked", "ok"), ("untold", "warn")])
def test_a_position_mode_that_nobody_asked_is_a_warning(mode, status):
    """Netting venues have one mode, checked ones were asked."""
    assert venue.position_mode(mode).status is HEALTH[status]
    assert venue.position_mode("none").status is Health.SKIPPED


def test_no_network_ends_with_4_whatever_else_fails():
    """The cause comes first: 4 before 2 before 1; warnings and skipped checks are no failures."""
    lost = venue.not_reached("https://x", TransportError("gone"))
    wrong = premises.settings("ctos.yaml", ConfigError("is no number.", key="risk.a"))
    other = fail("home.disk", "full")

    assert Examination(checks=(other, wrong, lost)).exit_code is ExitCode.UNREACHABLE
    assert Examination(checks=(other, wrong)).exit_code is ExitCode.CONFIG
    assert Examination(checks=(other,)).exit_code is ExitCode.FAILED
    assert Examination(checks=(ok("a", ""), warn("b", ""), skipped("c", ""))).exit_code == 0


def test_a_question_that_was_refused_fails_alone():
    """A rate limit in the middle fails its own check, and says so in the venue's words."""
    error = RateLimited("x: asked too often.", retry_after_s=3)

    assert venue.not_asked("account.funds", error).status is Health.FAIL


@pytest.mark.parametrize("free,status", [(99e6, "fail"), (999e6, "warn"), (2e9, "ok")])
def test_the_journal_needs_room(free, status):
    """Under 0.1 GB fails, under 1 GB warns."""
    assert premises.disk(int(free)).status is HEALTH[status]


@pytest.mark.parametrize("ahead,status", [(0.0, "ok"), (2.0, "ok"), (2.1, "fail")])
def test_a_file_from_the_future_says_that_the_clock_was_put_back(ahead, status):
    """Two seconds are forgiven."""
    now = 1_790_000_000.0

    assert premises.clock(now, now + ahead, "journal.db").status is HEALTH[status]


def test_a_clock_that_was_never_set_fails():
    """A machine that woke up in 1970 signs nothing that a venue takes."""
    assert premises.clock(10.0, None, "").status is Health.FAIL


@pytest.mark.parametrize(
    "facts,status",
    [
        ({}, "ok"),
        ({"exists": False}, "skipped"),
        ({"mode": 0o755}, "fail"),
        ({"is_ours": False}, "fail"),
        ({"is_writable": False}, "fail"),
    ],
)
def test_the_home_is_ours_alone(facts, status):
    """Another user's, open to others or read-only fails; one that is not there yet is no fault."""
    known = {"exists": True, "mode": 0o700, "is_ours": True, "is_writable": True, **facts}

    assert premises.folder("/home", **known).status is HEALTH[status]


def test_a_key_that_cannot_be_right_names_where_it_is_kept():
    """Venue, place and fault; the others are not told."""
    good = premises.KeptKeys(venue="a", place="file")
    bad = premises.KeptKeys(venue="b", place="environment", fault="secret: is missing.")

    assert premises.keys([good, bad]).detail == "b (environment): secret: is missing."
    assert premises.keys([good]).status is Health.OK
