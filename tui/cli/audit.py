"""`ctos audit`: positions, profit and orders derived again, and every difference by its name."""

from __future__ import annotations

import json
from dataclasses import asdict

from core.errors import ExitCode
from core.services.audit.snapshot import AuditReport, Finding, Verdict
from tui.cli.border import put, say

_SHOWN = 20
"""Differences of one check that are told in text; `--json` has them all."""
_SIGNS = {Verdict.OK: "ok", Verdict.FAIL: "FAIL", Verdict.SKIPPED: "skipped"}


def audit(*, name: str | None, run: str | None, is_live: bool, is_json: bool) -> int:
    """Audits the bots of a mode or of a run; exit code 1 where something differs."""
    from core.wiring import journals, places

    mode = "live" if is_live else "paper"
    report = journals.audit(places.home(), mode, name=name, run=run)
    if is_json:
        put(json.dumps(_as_json(report)))
    else:
        for line in _lines(report):
            put(line)
    return ExitCode.OK if report.is_clean else ExitCode.FAILED


def _as_json(report: AuditReport) -> dict[str, object]:
    return {
        "clean": report.is_clean,
        "differences": report.differences,
        "checks": [
            {
                "check": item.check,
                "bot": item.bot or None,
                "status": item.verdict.value,
                "detail": item.says,
                "compared": item.looked_at,
                "differences": [asdict(one) for one in item.differences],
            }
            for item in report.findings
        ],
    }


def _lines(report: AuditReport) -> list[str]:
    if not report.findings:
        say("Nothing has traded here yet.")
        return []
    lines: list[str] = []
    names = dict.fromkeys(item.bot for item in report.findings)
    for name in names:
        lines.append(name or "all bots together")
        for item in report.findings:
            if item.bot == name:
                lines += _told(item)
    words = "nothing differs" if report.is_clean else f"{report.differences} differences"
    return [*lines, "", words]


def _told(item: Finding) -> list[str]:
    count = f"{item.looked_at:,}" if item.looked_at else "–"
    lines = [f"  {_SIGNS[item.verdict]:<8}{item.check:<16}{count:>8}  {item.says}"]
    for one in item.differences[:_SHOWN]:
        sides = "" if one.expected is None else f": expected {one.expected}, found {one.found}"
        lines.append(f"            {one.subject}: {one.detail}{sides}")
    if len(item.differences) > _SHOWN:
        lines.append(
            f"            … and {len(item.differences) - _SHOWN} more; --json has them all"
        )
    return lines
