"""What an examination says."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from core.errors import ExitCode


class Health(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIPPED = "skipped"
    """Nobody looked, and the detail says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One judgement."""

    id: str
    """Dotted, the same in every version, such as `clock.skew`."""
    status: Health
    detail: str
    """What was found, in words and numbers."""
    remedy: str | None = None
    """What a person can do about it, as a sentence."""
    exit_code: ExitCode = ExitCode.FAILED
    """Of the command where this fails."""

    def as_json(self) -> dict[str, str | None]:
        """As JSON values."""
        return {
            "id": self.id,
            "status": self.status.value,
            "detail": self.detail,
            "remedy": self.remedy,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """All judgements, in the order in which they were asked for."""

    checks: tuple[Check, ...]

    @property
    def exit_code(self) -> ExitCode:
        """0 where nothing fails; else 4 before 2 before 1, so that the cause comes first."""
        codes = {check.exit_code for check in self.checks if check.status is Health.FAIL}
        for code in (ExitCode.UNREACHABLE, ExitCode.CONFIG):
            if code in codes:
                return code
        return ExitCode.FAILED if codes else ExitCode.OK

    def count(self, status: Health) -> int:
        """How many ended so."""
        return sum(check.status is status for check in self.checks)


def ok(check: str, detail: str) -> Check:
    """Nothing to do."""
    return Check(id=check, status=Health.OK, detail=detail)


def warn(check: str, detail: str, remedy: str | None = None) -> Check:
    """It works, and somebody should look."""
    return Check(id=check, status=Health.WARN, detail=detail, remedy=remedy)


def fail(
    check: str, detail: str, remedy: str | None = None, exit_code: ExitCode = ExitCode.FAILED
) -> Check:
    """It does not work, or should not be used so."""
    return Check(id=check, status=Health.FAIL, detail=detail, remedy=remedy, exit_code=exit_code)


def skipped(check: str, detail: str, remedy: str | None = None) -> Check:
    """Nobody looked."""
    return Check(id=check, status=Health.SKIPPED, detail=detail, remedy=remedy)
