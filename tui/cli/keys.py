"""`ctos keys`: give, list and remove the keys of live accounts. No value is ever shown."""

from __future__ import annotations

import getpass
import json
import os
import sys
from dataclasses import asdict
from typing import Final

from core.errors import ConfigError, ExitCode
from tui.cli.border import put, say
from tui.cli.terminal import is_confirmed, is_terminal

SEALED: Final = "sealed"
"""The word of `--store` for a file under a passphrase."""


def set_keys(venue: str, *, store: str) -> int:
    """Asks for what the venue wants and keeps it."""
    from core.wiring import keys

    asked = keys.key_fields(venue)
    values = (
        {name: _ask(words, is_secret=is_secret) for name, words, is_secret in asked}
        if is_terminal(sys.stdin)
        else _read_lines([name for name, _, _ in asked])
    )
    if store == SEALED:
        place = keys.keep_sealed(venue, values, new_passphrase())
    else:
        place = keys.keep_keys(venue, values, store=store)
    put(f"{venue}: kept in the {place}. ctos doctor {venue} tries them.")
    return ExitCode.OK


def new_passphrase() -> str:
    """Asks for a passphrase twice; without a terminal it is the environment's.

    Raises:
        ConfigError: If it is too short, or not the same twice, or there is none.
    """
    from core.infrastructure.environment import PASSPHRASE
    from core.wiring.keys import check_passphrase

    if not is_terminal(sys.stdin):
        found = os.environ.get(PASSPHRASE, "")
        if not found:
            raise ConfigError(
                "there is no passphrase and nobody to ask.",
                source="environment",
                key=PASSPHRASE,
                remedy="Set it, or run this in a terminal.",
            )
        return check_passphrase(found)
    first = check_passphrase(getpass.getpass("New passphrase (not shown): ", stream=sys.stderr))
    if getpass.getpass("The same again: ", stream=sys.stderr) != first:
        raise ConfigError("the two are not the same; nothing was kept.", source="passphrase")
    return first


def ask_passphrase(venue: str) -> str:
    """Asks for the passphrase of a venue's sealed keys; empty where nobody is at a terminal."""
    if not (is_terminal(sys.stdin) and is_terminal(sys.stderr)):
        return ""
    return getpass.getpass(f"Passphrase of the keys of {venue} (not shown): ", stream=sys.stderr)


def _ask(words: str, *, is_secret: bool) -> str:
    if is_secret:
        return getpass.getpass(f"{words} (not shown): ", stream=sys.stderr)
    print(f"{words}: ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip()


def _read_lines(names: list[str]) -> dict[str, str]:
    """`name=value` lines, for machines without a person."""
    values: dict[str, str] = {}
    for number, line in enumerate(sys.stdin.read().splitlines(), start=1):
        if not line.strip():
            continue
        name, sign, text = line.partition("=")
        if not sign or name.strip() not in names:
            raise ConfigError(
                "is no `name=value` of what this venue wants.",
                source="stdin",
                line=number,
                remedy=f"It wants: {', '.join(names)}.",
            )
        values[name.strip()] = text.strip()
    return values


def list_keys(*, is_json: bool) -> int:
    """Which venues have keys, where, and which fields; never a value."""
    from core.wiring import keys

    entries = keys.key_entries()
    if is_json:
        put(json.dumps([asdict(entry) for entry in entries]))
        return ExitCode.OK
    if not entries:
        say("There are no keys. Give some with: ctos keys set VENUE")
    for entry in entries:
        open_words = "under a passphrase" if entry.is_sealed else ", ".join(entry.fields)
        words = entry.fault or open_words
        account = f" for {entry.account}" if entry.account else ""
        hidden = " (another place comes first)" if entry.is_hidden else ""
        put(f"{entry.venue:<14}{entry.place:<12}{words}{account}{hidden}")
    return ExitCode.OK


def remove_keys(venue: str, *, is_sure: bool) -> int:
    """Removes a venue's keys from keyring and file."""
    from core.wiring import keys

    kept = keys.removable_keys(venue)
    if not kept:
        say(f"There are no keys of {venue} in the keyring or in a file.")
        return ExitCode.OK
    warning = f"The keys of {venue} in the {' and the '.join(kept)} will be gone."
    if not is_sure and not is_confirmed(warning, "remove"):
        raise ConfigError("Not removed: it needs the typed word, or --yes.", source="arguments")
    places = keys.remove_keys(venue)
    put(f"{venue}: removed from {' and '.join(places)}. Delete the key at the venue too.")
    return ExitCode.OK
