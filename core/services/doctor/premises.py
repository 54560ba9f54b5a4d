"""Judgements about this machine: folders, clock, journals, keys, disk, what is installed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from core.errors import ConfigError, CtosError, ExitCode
from core.services.doctor.snapshot import Check, fail, ok, skipped, warn

FIRST_SANE_S: Final = 1_704_067_200
"""2024 began: a clock before it was never set."""
AHEAD_S: Final = 2.0
"""Files that are younger than now by more than this say that the clock was put back."""
LITTLE_BYTES: Final = 1_000_000_000
NOTHING_BYTES: Final = 100_000_000
_SHOWN: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposed:
    """A file or folder that others may open."""

    path: str
    mode: int
    is_ours: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptKeys:
    """Keys that are kept, without them."""

    venue: str
    place: str
    is_sealed: bool = False
    """Under a passphrase."""
    fault: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Extra:
    """An optional part of ctos."""

    name: str
    is_installed: bool
    needed_for: str


def folder(root: str, *, exists: bool, mode: int, is_ours: bool, is_writable: bool) -> Check:
    """Whether the home can be used, and only by us."""
    if not exists:
        return skipped("home.folder", f"{root} is not there yet; the first start makes it")
    if not is_ours:
        return fail(
            "home.folder", f"{root} belongs to another user", "Set CTOS_HOME to a folder of yours."
        )
    if not is_writable:
        return fail(
            "home.folder",
            f"{root} cannot be written to",
            "Set CTOS_HOME to a folder that you can write to.",
        )
    if mode & 0o077:
        return fail(
            "home.folder",
            f"{root} is open to others (mode {mode:04o})",
            f"Run: chmod 700 {root}",
        )
    return ok("home.folder", f"{root} is private (mode {mode:04o})")


def file_modes(exposed: Sequence[Exposed], looked_at: int) -> Check:
    """Whether anybody else could read a journal, a key or a log."""
    if not looked_at:
        return skipped("home.file_modes", "there are no files yet")
    if not exposed:
        return ok("home.file_modes", f"{looked_at} files and folders, none open to others")
    shown = ", ".join(f"{item.path} ({item.mode:04o})" for item in exposed[:_SHOWN])
    more = f" and {len(exposed) - _SHOWN} more" if len(exposed) > _SHOWN else ""
    first = exposed[0]
    remedy = (
        f"Run: chmod go= {first.path}" if first.is_ours else f"Take {first.path} into your hands."
    )
    return fail("home.file_modes", f"others may open {shown}{more}", remedy)


def disk(free_bytes: int) -> Check:
    """Whether the journal has room: without any, nothing new is sent."""
    words = f"{free_bytes / 1e9:.1f} GB free"
    remedy = "Make room, or set CTOS_HOME to another disk."
    if free_bytes < NOTHING_BYTES:
        return fail("home.disk", words, remedy)
    if free_bytes < LITTLE_BYTES:
        return warn("home.disk", words, remedy)
    return ok("home.disk", words)


def clock(now_s: float, newest_s: float | None, newest: str) -> Check:
    """Whether the clock was ever set, and not put back since a file was written.

    Args:
        now_s: Of the wall clock, since 1970.
        newest_s: When the youngest of our files was written; None where there is none.
        newest: Its name.
    """
    remedy = "Let the system set the clock (chrony, systemd-timesyncd)."
    if now_s < FIRST_SANE_S:
        return fail("clock.set", "the clock stands before 2024", remedy)
    if newest_s is not None and newest_s - now_s > AHEAD_S:
        return fail(
            "clock.set",
            f"{newest} was written {newest_s - now_s:.0f} s in the future: the clock was put back",
            remedy,
        )
    return ok(
        "clock.set", "later than everything on record; ctos doctor VENUE compares it with a venue"
    )


def journal(mode: str, *, exists: bool, fault: CtosError | None, rows: int) -> Check:
    """Whether a mode's journal is sound, as SQLite's own check says of a copy."""
    check = f"journal.{mode}"
    if not exists:
        return skipped(check, f"nothing has run {_in(mode)} yet")
    if fault is not None:
        remedy = fault.remedy or "Keep the file, and look at docs/runbook.md before starting."
        return fail(check, fault.message, remedy)
    return ok(check, f"sound; {rows:,} orders on record")


def account_file(name: str, fault: CtosError | None) -> Check:
    """Whether a file of the embedded venue is sound."""
    if fault is not None:
        return fail(f"paper.{name}", fault.message, fault.remedy)
    return ok(f"paper.{name}", "sound")


def lease(mode: str, pid: int | None, *, is_held: bool, answers: bool | None) -> Check:
    """Whether an engine runs, and answers; None where it was not asked."""
    check = f"engine.{mode}"
    if not is_held:
        return ok(check, "none runs; its place is free")
    who = "an engine" if pid is None else f"an engine (pid {pid})"
    if answers is None:
        return skipped(check, f"{who} runs; it was not asked while others may open its folder")
    if answers:
        return ok(check, f"{who} runs and answers")
    return fail(
        check,
        f"{who} holds the place and does not answer",
        "Stop it with `ctos kill`, or end the process and start again.",
    )


def settings(name: str, fault: ConfigError | None) -> Check:
    """Whether the settings can be read."""
    if fault is None:
        return ok("settings", f"{name} is sound")
    return fail("settings", str(fault), fault.remedy, ExitCode.CONFIG)


def environment(fault: ConfigError | None) -> Check:
    """Whether every variable of ours is one that somebody reads."""
    if fault is None:
        return ok("environment", "every CTOS_ variable is known")
    return fail("environment", fault.message, fault.remedy, ExitCode.CONFIG)


def keys(kept: Sequence[KeptKeys]) -> Check:
    """Which venues could be traded live."""
    if not kept:
        return skipped("keys", "there are none; paper needs none", "ctos keys set VENUE")
    broken = [item for item in kept if item.fault is not None]
    if broken:
        first = broken[0]
        return fail(
            "keys",
            f"{first.venue} ({first.place}): {first.fault}",
            f"ctos keys set {first.venue}",
            ExitCode.CONFIG,
        )
    names = ", ".join(f"{item.venue} ({item.place})" for item in kept)
    return ok("keys", f"{names}; ctos doctor VENUE tries them")


def optional(found: Extra) -> Check:
    """Whether an optional part can be used."""
    check = f"extra.{found.name}"
    if found.is_installed:
        return ok(check, f"installed: {found.needed_for}")
    return skipped(
        check,
        f"not installed: {found.needed_for}",
        f"Install it with: pip install 'ctos[{found.name}]'",
    )


def _in(mode: str) -> str:
    return "live" if mode == "live" else f"on {mode}"
