"""Judgements about secrets: where they lie, who could read them, where they must not turn up.

Each takes what was found out and gives one `Check`. What cannot be looked at from here is told as
skipped, with where it is looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from core.errors import ExitCode
from core.services.doctor.premises import Exposed, KeptKeys
from core.services.doctor.snapshot import Check, fail, ok, skipped, warn

_SHOWN: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """What an engine that runs forbade itself."""

    mode: str
    core_bytes: int
    """Most bytes of a core file."""
    umask: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A package that is another version than the lock says."""

    name: str
    locked: str
    installed: str


def secrets_in_files(found: Sequence[str], looked_at: int) -> Check:
    """Whether a secret stands in a file of configuration.

    Args:
        found: `path: key` of each.
        looked_at: How many files.
    """
    name = "security.configuration"
    if found:
        return fail(
            name,
            f"named like a secret, with a value: {_listed(found)}",
            "Take it out of the file, replace that key at the venue, and keep the new one with: "
            "ctos keys set VENUE",
            ExitCode.CONFIG,
        )
    return ok(name, f"{looked_at} files hold no secret")


def keyring(why_not: str | None, *, is_used: bool) -> Check:
    """Whether the system's store may be trusted with keys."""
    name = "security.keyring"
    if why_not is None:
        return ok(name, "this system's store encrypts")
    if is_used:
        return fail(name, why_not, "Move the keys: ctos keys set VENUE --store file")
    return skipped(name, f"not used: {why_not}")


def owner_only(exposed: Sequence[Exposed], looked_at: int) -> Check:
    """Whether keys, journals and what talks to engines are the owner's alone."""
    name = "security.owner_only"
    if exposed:
        first = exposed[0]
        shown = _listed([f"{item.path} ({item.mode:04o})" for item in exposed])
        remedy = (
            f"Run: chmod go= {first.path}"
            if first.is_ours
            else f"Take {first.path} into your hands."
        )
        return fail(name, f"others may open {shown}", remedy)
    if not looked_at:
        return skipped(name, "there are no keys and no journals yet")
    return ok(name, f"{looked_at} files and folders of keys, journals and engines")


def masking(leaks: Sequence[str]) -> Check:
    """Whether a secret made for this question is masked wherever it could be shown."""
    name = "security.masking"
    if leaks:
        return fail(
            name,
            f"a made-up secret was shown by: {_listed(leaks)}",
            "Install ctos again: this is no state that it can come into by use.",
        )
    return ok(name, "a made-up secret is masked in texts, errors, logs and encodings")


def leaks(found: Sequence[str], looked_at: int, secrets: int) -> Check:
    """Whether a key that is kept stands in a log or a journal.

    Args:
        found: Files that hold one.
        looked_at: How many files were read.
        secrets: How many were looked for.
    """
    name = "security.leaks"
    if found:
        return fail(
            name,
            f"a key that is kept here stands in {_listed(found)}",
            "Replace that key at the venue now, then delete the file.",
        )
    if not secrets:
        return skipped(name, "no keys are kept")
    return ok(name, f"none of {secrets} secrets stands in {looked_at} logs and journals")


def libraries(loud: Sequence[str]) -> Check:
    """Whether clients of venues, which log whole requests, are kept quiet."""
    name = "security.libraries"
    if loud:
        return fail(
            name, f"speak below warning: {_listed(loud)}", "Install ctos again: they are pinned."
        )
    return ok(name, "loggers that show requests are kept at warning")


def rights(kept: Sequence[KeptKeys]) -> Check:
    """Where it is asked what keys may do."""
    name = "security.rights"
    if not kept:
        return skipped(name, "no keys are kept")
    venues = ", ".join(sorted({item.venue for item in kept}))
    first = kept[0].venue
    return skipped(
        name, f"only the venue can tell what a key may do: {venues}", f"ctos doctor {first}"
    )


def pinned(kept: Sequence[KeptKeys], unpinned: Sequence[str]) -> Check:
    """Whether a key of another account would be refused."""
    name = "security.pinned"
    if not kept:
        return skipped(name, "no keys are kept")
    if unpinned:
        return warn(
            name,
            f"no account stands beside the keys of {', '.join(unpinned)}",
            f"ctos keys set {unpinned[0]}",
        )
    return ok(name, f"an account stands beside each of {len(kept)} sets of keys")


def at_rest(kept: Sequence[KeptKeys]) -> Check:
    """Whether keys are encrypted where they lie."""
    name = "security.at_rest"
    if not kept:
        return skipped(name, "no keys are kept")
    open_ones = [
        f"{item.venue} ({item.place})"
        for item in kept
        if item.place != "keyring" and not item.is_sealed
    ]
    if open_ones:
        return warn(
            name,
            f"not encrypted, read by you alone: {', '.join(open_ones)}",
            "Use the system's store, or a passphrase: ctos keys set VENUE --store keyring|sealed",
        )
    return ok(name, "all in the system's store or under a passphrase")


def sealed(engines: Sequence[Sealed]) -> Check:
    """Whether engines that run write no memory to a disk, and private files alone."""
    name = "security.memory"
    if not engines:
        return skipped(name, "no engine runs; each forbids itself core files when it starts")
    open_ones = [item for item in engines if item.core_bytes or item.umask & 0o077 != 0o077]
    if open_ones:
        first = open_ones[0]
        return fail(
            name,
            f"the {first.mode} engine may write {first.core_bytes} bytes of its memory to a file, "
            f"and makes files with umask {first.umask:04o}",
            "End it and start it with this version.",
        )
    return ok(name, f"{len(engines)} engines: no core files, private files alone")


def rotation() -> Check:
    """Where it stands how a key is replaced."""
    return skipped(
        "security.rotation",
        "replacing a key is a drill for people",
        "docs/runbook.md, and: ctos keys set VENUE",
    )


def lock(differences: Sequence[Difference] | None) -> Check:
    """Whether what is installed is what the lock says; None where there is no lock."""
    name = "security.lock"
    if differences is None:
        return skipped(name, "no lock lies beside this installation")
    if differences:
        shown = _listed([f"{d.name} {d.installed} (locked {d.locked})" for d in differences])
        return warn(name, f"other versions than locked: {shown}", "Run: make install")
    return ok(name, "every package is the locked version")


def known_weaknesses() -> Check:
    """Where packages are compared with published weaknesses."""
    return skipped(
        "security.weaknesses", "a public service knows them; nothing is asked here", "make check"
    )


def gateway() -> Check:
    """Whether anything listens on the network."""
    return skipped(
        "security.network",
        "there is no server to look at: engines talk over a private socket (security.owner_only)",
    )


def dead_man() -> Check:
    """Whether orders go when this machine does."""
    return skipped(
        "security.dead_man",
        "armed while bots trade, where exchanges/VENUE.yaml asks for it and all orders there are "
        "ours; else they rest until this machine is back",
        "Have the venue's own app at hand.",
    )


def _listed(items: Sequence[str]) -> str:
    more = f" and {len(items) - _SHOWN} more" if len(items) > _SHOWN else ""
    return ", ".join(items[:_SHOWN]) + more
