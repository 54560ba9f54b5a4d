"""`ctos doctor`: what is well, what is not, and what to do about it."""

from __future__ import annotations

import json
from typing import Final

from core.services.doctor.snapshot import Check, Examination, Health
from tui.cli.border import put

_SIGNS: Final = {
    Health.OK: "ok",
    Health.WARN: "warn",
    Health.FAIL: "FAIL",
    Health.SKIPPED: "-",
}


def doctor(venue: str | None, *, market: str | None, is_json: bool, security: bool = False) -> int:
    """Examines this machine, or a venue with the keys that are kept for it.

    Args:
        venue: Its name; None for this machine.
        market: Which market, where the venue has both apart.
        is_json: One object in place of lines.
        security: Whether secrets are looked after too.

    Returns:
        0 when nothing fails, 1 when something does, 2 for keys or settings that cannot be right,
        4 when the venue cannot be reached.
    """
    from core.wiring import examination

    if venue is None:
        found = examination.examine_machine()
    else:
        found = examination.examine_venue(venue, market=market)
    if security:
        from core.wiring.security import examine_security

        found = Examination(checks=(*found.checks, *examine_security().checks))
    if is_json:
        put(json.dumps({"checks": [check.as_json() for check in found.checks]}, ensure_ascii=False))
        return found.exit_code
    for check in found.checks:
        for line in _lines(check):
            put(line)
    put("")
    put(_closing(found))
    return found.exit_code


def _lines(check: Check) -> list[str]:
    lines = [f"{_SIGNS[check.status]:<6}{check.id:<23}{check.detail}"]
    if check.remedy is not None and check.status is not Health.OK:
        lines.append(f"{'':<29}{check.remedy}")
    return lines


def _closing(found: Examination) -> str:
    failed, warned = found.count(Health.FAIL), found.count(Health.WARN)
    if not failed and not warned:
        return "nothing to do"
    return f"{failed} failed, {warned} to look at"
