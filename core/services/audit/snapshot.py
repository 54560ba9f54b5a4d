"""What an audit says."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How a check ended."""

    OK = "ok"
    FAIL = "fail"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Two accounts of one thing that do not agree."""

    subject: str
    """What it is about: a client order id, a trade id, a slot, a symbol."""
    detail: str
    """What differs, in words."""
    expected: str | None = None
    """What follows from the evidence."""
    found: str | None = None
    """What was written down instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One check of one bot, or of one symbol where `bot` is empty."""

    check: str
    """Its name, such as `fills.venue`."""
    bot: str
    says: str
    """What holds where the check is fine, or why it was skipped."""
    verdict: Verdict
    looked_at: int = 0
    """How many things were compared."""
    differences: tuple[Difference, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """All findings of an audit."""

    findings: tuple[Finding, ...]

    @property
    def is_clean(self) -> bool:
        """Whether nothing differs."""
        return all(finding.verdict is not Verdict.FAIL for finding in self.findings)

    @property
    def differences(self) -> int:
        """How many differences there are."""
        return sum(len(finding.differences) for finding in self.findings)
