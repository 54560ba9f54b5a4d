"""Judgements about a venue: can it be reached, may this key be used, is there room to trade.

Each takes what was found out and gives one `Check`. Nothing here asks anybody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.models import BalanceData, OrderData, PositionData, plain
from core.errors import AuthError, ConfigError, CtosError, ExitCode
from core.services.doctor.snapshot import Check, fail, ok, skipped, warn

SKEW_WARN_MS: Final = 500.0
SKEW_FAIL_MS: Final = 2_000.0
"""From here on venues refuse what is signed."""
SLOW_MS: Final = 500.0
FULL: Final = 0.5
SPENT: Final = 0.8
"""Above it only cancels leave."""
NEAR: Final = Decimal("0.1")
"""A mark price as near to the price of liquidation as this fraction of it."""

AFTER_CONNECTION: Final = (
    "venue.markets",
    "venue.latency",
    "clock.skew",
    "keys.accepted",
    "keys.rights",
    "keys.account",
    "account.position_mode",
    "account.margin",
    "account.orders",
    "account.funds",
    "limits.left",
)
"""What needs a connection, in the order in which it is asked."""
AFTER_KEYS: Final = AFTER_CONNECTION[4:10]
WITHDRAW: Final = "WITHDRAW"
ACCOUNT: Final = "ACCOUNT"
POSITION_MODE: Final = "POSITION_MODE"
_CHECK_OF: Final = {
    WITHDRAW: "keys.rights",
    "RIGHTS": "keys.rights",
    ACCOUNT: "keys.account",
    POSITION_MODE: "account.position_mode",
}
"""Why an adapter refuses a key (`AuthError.code`) -> the check that fails."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One question for the venue's time."""

    latency_ms: float
    skew_ms: float | None
    """The venue's time minus ours, half the way taken off; None where it tells none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """A rate budget after the questions."""

    name: str
    used_fraction: float
    paused_for_s: float


def reached(address: str) -> Check:
    """It answered."""
    return ok("venue.reachable", f"{address} answers")


def not_reached(address: str, error: CtosError) -> Check:
    """It did not, or refused."""
    remedy = error.remedy or (
        "Look at the network, the proxy and the addresses in exchanges/<venue>.yaml, and at the "
        "venue's page of its state."
    )
    return fail("venue.reachable", f"{address}: {error.message}", remedy, ExitCode.UNREACHABLE)


def markets(count: int, untraded: int) -> Check:
    """Whether its instruments could be read."""
    if not count:
        return fail(
            "venue.markets",
            "no instrument can be traded",
            "Look whether the venue is in maintenance.",
        )
    rest = f"; {untraded} more do not trade now" if untraded else ""
    return ok("venue.markets", f"{count} instruments{rest}")


def latency(rounds: Sequence[Round]) -> Check:
    """How long answers take."""
    if not rounds:
        return fail(
            "venue.latency",
            "the question for its time was not answered",
            "Try again; look at the venue's page of its state.",
        )
    times = sorted(one.latency_ms for one in rounds)
    words = f"median {times[len(times) // 2]:.0f} ms, slowest {times[-1]:.0f} ms of {len(times)}"
    if times[len(times) // 2] > SLOW_MS:
        return warn("venue.latency", words, "Run ctos nearer to the venue, or expect late cancels.")
    return ok("venue.latency", words)


def skew(rounds: Sequence[Round]) -> Check:
    """Whether our clock is the venue's: the round with the shortest way tells it best."""
    told = [one for one in rounds if one.skew_ms is not None]
    if not told:
        return skipped("clock.skew", "the venue told no time")
    best = min(told, key=lambda one: one.latency_ms)
    found_ms = best.skew_ms or 0.0
    words = (
        f"our clock is {abs(found_ms):.0f} ms {'behind' if found_ms > 0 else 'ahead'} "
        f"(± {best.latency_ms / 2:.0f} ms)"
    )
    remedy = "Let the system set the clock (chrony, systemd-timesyncd)."
    if abs(found_ms) > SKEW_FAIL_MS:
        return fail("clock.skew", words, remedy)
    if abs(found_ms) > SKEW_WARN_MS:
        return warn("clock.skew", words, remedy)
    return ok("clock.skew", words)


def no_keys(venue: str) -> list[Check]:
    """Public data alone."""
    keys = skipped(
        "keys.accepted", f"there are no keys for {venue}", f"Give them with: ctos keys set {venue}"
    )
    return [keys, *(skipped(check, "there are no keys") for check in AFTER_KEYS)]


def unreadable_keys(error: ConfigError) -> list[Check]:
    """What is kept cannot be keys of this venue."""
    keys = fail("keys.accepted", _told(error), error.remedy, ExitCode.CONFIG)
    return [keys, *(skipped(check, "the keys cannot be read") for check in AFTER_KEYS)]


def refused_login(error: AuthError) -> list[Check]:
    """A connection that is a login, and is not with the account that is kept."""
    check = _CHECK_OF.get(error.code or "", "keys.accepted")
    return [fail(check, error.message, error.remedy, ExitCode.CONFIG)]


def refused_keys(error: AuthError) -> list[Check]:
    """What follows from the venue's, or the adapter's, no."""
    check = _CHECK_OF.get(error.code or "", "keys.accepted")
    code = ExitCode.FAILED if error.code == POSITION_MODE else ExitCode.CONFIG
    no = fail(check, error.message, error.remedy, code)
    found = [] if check == "keys.accepted" else [ok("keys.accepted", "the venue knows the key")]
    rest = [name for name in AFTER_KEYS if name != check]
    return [*found, no, *(skipped(name, "the key was refused") for name in rest)]


def unanswered_keys(error: CtosError) -> list[Check]:
    """The network failed in the middle."""
    keys = fail("keys.accepted", error.message, error.remedy, ExitCode.UNREACHABLE)
    return [keys, *(skipped(check, "the venue did not answer") for check in AFTER_KEYS)]


def accepted() -> Check:
    """The venue answered what only this key may ask."""
    return ok("keys.accepted", "the venue accepts the key")


def rights(*, is_told: bool) -> Check:
    """Whether it is known that the key cannot take money out; one that can was refused before."""
    if is_told:
        return ok("keys.rights", "the key may trade and may not withdraw")
    return warn(
        "keys.rights",
        "the venue does not tell whether the key may withdraw",
        "Look at the venue's page of keys, and take that right away there.",
    )


def account(pinned: str, venue: str) -> Check:
    """Whether a key of another account would be refused."""
    if pinned:
        return ok("keys.account", f"pinned to {pinned}")
    return warn(
        "keys.account",
        "no account is pinned: a key of another account would be used",
        f"Store it beside the key with: ctos keys set {venue}",
    )


def position_mode(mode: str) -> Check:
    """Whether one symbol has one position.

    Args:
        mode: `netted` (the venue knows nothing else), `checked` (the account is set so), `none`
            (nothing there has positions) or `untold`.
    """
    if mode == "none":
        return skipped("account.position_mode", "nothing is traded with leverage there")
    if mode == "untold":
        return warn(
            "account.position_mode",
            "the venue was not asked",
            "Set the account to one-way mode at the venue.",
        )
    words = "the venue nets positions" if mode == "netted" else "one-way mode"
    return ok("account.position_mode", words)


def margin(positions: Sequence[PositionData]) -> Check:
    """How positions are margined, and whether one is near its end."""
    if not positions:
        return ok("account.margin", "no open position")
    words = "; ".join(_position(item) for item in positions)
    near = [item.symbol for item in positions if _is_near(item)]
    if near:
        return warn(
            "account.margin",
            f"{words}. Near liquidation: {', '.join(near)}",
            "Add collateral or make the position smaller.",
        )
    return ok("account.margin", words)


def orders(found: Sequence[OrderData], ours: Sequence[str]) -> Check:
    """Whether all that rests there was placed by us.

    Args:
        found: Open orders of the account.
        ours: Prefixes of our client order ids.
    """
    foreign = [
        item
        for item in found
        if not (item.client_order_id or "").startswith(tuple(ours)) or not ours
    ]
    if not foreign:
        return ok("account.orders", f"{len(found)} open, all ours" if found else "none open")
    return warn(
        "account.orders",
        f"{len(found)} open, {len(foreign)} of them not made by this installation",
        "They are left alone and count as exposure; cancel them at the venue if they should not be "
        "there.",
    )


def funds(balances: Sequence[BalanceData]) -> Check:
    """Whether there is anything to trade with."""
    held = [item for item in balances if item.total > 0]
    if not held:
        return warn("account.funds", "the account is empty", "Pay something in before trading.")
    words = ", ".join(f"{plain(item.total)} {item.asset}" for item in held[:5])
    more = f" and {len(held) - 5} more" if len(held) > 5 else ""  # as shown above
    return ok("account.funds", f"{words}{more}")


def limits(budgets: Sequence[Budget]) -> Check:
    """Whether there is room to ask: others may use the same address or account."""
    if not budgets:
        return skipped("limits.left", "no budget was used")
    fullest = max(budgets, key=lambda item: item.used_fraction)
    words = f"{fullest.name}: {fullest.used_fraction:.0%} used"
    paused = [item for item in budgets if item.paused_for_s > 0]
    if paused:
        worst = max(paused, key=lambda item: item.paused_for_s)
        return fail(
            "limits.left",
            f"{worst.name}: the venue asked for {worst.paused_for_s:.0f} s of patience",
            "Wait, and look what else asks from this address or account.",
        )
    remedy = "Look what else asks from this address or account."
    if fullest.used_fraction >= SPENT:
        return fail("limits.left", words, remedy)
    if fullest.used_fraction >= FULL:
        return warn("limits.left", words, remedy)
    return ok("limits.left", words)


def not_asked(check: str, error: CtosError) -> Check:
    """A question about the account that got no answer."""
    return fail(check, error.message, error.remedy, error.exit_code)


def _told(error: ConfigError) -> str:
    return ": ".join(part for part in (error.source, error.key, error.message) if part)


def _position(item: PositionData) -> str:
    leverage = "" if item.leverage is None else f" {plain(item.leverage)}x"
    mode = "" if item.margin_mode is None else f" {item.margin_mode.value}"
    return f"{item.symbol} {plain(item.size)}{leverage}{mode}"


def _is_near(item: PositionData) -> bool:
    end, mark = item.liquidation_price, item.mark_price
    if not end or not mark:
        return False
    return abs(mark - end) <= NEAR * mark
