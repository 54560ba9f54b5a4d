"""`ctos edit`: other settings under a running bot. It shows what changes, then asks."""

from __future__ import annotations

import asyncio
import json
import sys
from decimal import Decimal
from pathlib import Path

from core.adapters.exchanges.models import plain
from core.engine.client import EngineClient, NoEngine
from core.engine.protocol import ConfigText, EditBot, EditShown, ReadConfig
from core.errors import ConfigError, ExitCode
from core.services.grid.snapshot import EditDiff, EditLine
from tui.cli.border import put, say
from tui.cli.bots import MODES, find_engine
from tui.cli.terminal import is_confirmed, is_terminal

SHOWN_LINES = 12
"""Orders of a kind that the text lists one by one; `--json` has them all."""


def edit(name: str, file: Path | None, *, is_json: bool, is_sure: bool) -> int:
    """Shows what a file would change of a running bot and, once confirmed, changes it."""
    return asyncio.run(_edit(name, file, is_json=is_json, is_sure=is_sure))


async def _edit(name: str, file: Path | None, *, is_json: bool, is_sure: bool) -> int:
    client = await _reach(name)
    async with client:
        path = await _path_of(client, name) if file is None else file
        wanted = EditBot(bot=name, path=str(path), text=read_text(path))
        if is_sure:
            show(await _ask(client, _applied(wanted)), is_json=is_json)
            return ExitCode.OK
        shown = await _ask(client, wanted)
        show(shown, is_json=is_json)
        if not shown.diff.changes:
            return ExitCode.OK
        if not is_terminal(sys.stdin):
            say("Nothing was changed: it needs your yes, or --yes.")
            # A program that asked for JSON reads `applied`; a person may have meant it to happen.
            return ExitCode.OK if is_json else ExitCode.CONFIG
        word = name if client.welcome.mode == "live" else "yes"
        if not is_confirmed(f"{name}: {in_short(shown.diff, is_done=False)}.", word):
            say("Nothing was changed.")
            return ExitCode.OK
        done = await _ask(client, _applied(wanted))
        say(f"{name} is edited: {in_short(done.diff)}.")
        return ExitCode.OK


async def _reach(name: str) -> EngineClient:
    """The engine that knows a bot: where it runs, or where it left something behind.

    Raises:
        ConfigError: If nobody knows it.
    """
    from core.wiring import engines, places

    try:
        return (await find_engine(name))[0]
    except ConfigError as error:
        missing = error
    for mode in MODES:
        try:
            client = await EngineClient.connect(places.home(), mode)
        except NoEngine:
            continue
        if isinstance(await client.ask(ReadConfig(bot=name)), ConfigText):
            return client
        await client.close()
    left = engines.left_behind(places.home(), name)
    if left is None:
        raise missing
    return await engines.connect_or_start(places.home(), left.mode)


async def _path_of(client: EngineClient, name: str) -> Path:
    """The file that a bot runs with."""
    known = await client.demand(ReadConfig(bot=name))
    assert isinstance(known, ConfigText)  # noqa: S101 # the reply to ReadConfig
    return Path(known.path)


def _applied(wanted: EditBot) -> EditBot:
    return EditBot(bot=wanted.bot, path=wanted.path, text=wanted.text, is_applied=True)


async def _ask(client: EngineClient, request: EditBot) -> EditShown:
    reply = await client.demand(request)
    assert isinstance(reply, EditShown)  # noqa: S101 # the reply to EditBot
    return reply


def read_text(path: Path) -> str:
    """A configuration file's content.

    Raises:
        ConfigError: If it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(
            f"cannot be read: {reason}.", source=str(path), remedy="Name the new file."
        ) from error


def show(shown: EditShown, *, is_json: bool) -> None:
    """The difference on stdout; warnings on stderr."""
    if is_json:
        found = shown.diff.as_json()
        put(json.dumps({"bot": shown.bot, "applied": shown.is_applied, **found}))
        return
    for line in diff_lines(shown.bot, shown.diff, is_done=shown.is_applied):
        put(line)
    for notice in shown.diff.notices:
        say(notice)
    if shown.is_applied:
        say(f"{shown.bot} is edited: {in_short(shown.diff)}.")


def diff_lines(bot: str, diff: EditDiff, *, is_done: bool = False) -> list[str]:
    """A difference as text, as a wish or as done."""
    lines = [f"{bot}: {in_short(diff, is_done=is_done)}"]
    for change in diff.changes:
        before = "not set" if change.before is None else change.before
        after = "not set" if change.after is None else change.after
        lines.append(f"  {change.key.removeprefix('grid_system.')}: {before} -> {after}")
    for word, orders in (("cancel", diff.cancel), ("place", diff.place)):
        if orders:
            lines += ["", f"{word} {_orders(len(orders))}"]
            lines += [f"  {order_text(line, diff.base)}" for line in orders[:SHOWN_LINES]]
            if len(orders) > SHOWN_LINES:
                lines.append(f"  … {len(orders) - SHOWN_LINES} more")
    lines += ["", f"keep   {_orders(len(diff.keep))}"]
    lines += [
        f"left over: {plain(item.amount)} {diff.base} from {plain(item.entry_price)} is sold "
        f"at {plain(item.exit_price)}"
        for item in diff.kept_holdings
    ]
    return [*lines, *money_lines(diff)]


def money_lines(diff: EditDiff) -> list[str]:
    """Capital and exposure, before and after."""
    quote, base = diff.quote, diff.base
    rows = (
        ("capital", diff.capital_before, diff.capital_after, quote),
        ("all filled", diff.exposure_before, diff.exposure_after, base),
        ("", diff.exposure_quote_before, diff.exposure_quote_after, quote),
    )
    return [
        f"{name:<10} {plain(before)} -> {plain(after)} {unit}{_change(after - before)}"
        for name, before, after, unit in rows
    ]


def _change(value: Decimal) -> str:
    return f" ({'+' if value > 0 else ''}{plain(value)})" if value else ""


def order_text(line: EditLine, base: str) -> str:
    """One order in words."""
    price = "at market" if line.price is None else f"@ {plain(line.price)}"
    level = "" if line.level is None else f"  level {line.level}"
    taker = "  executes at once" if line.is_taker else ""
    return f"{line.side.value:<4} {plain(line.amount)} {base} {price}{level}{taker}"


def in_short(diff: EditDiff, *, is_done: bool = True) -> str:
    """One line: how many orders go, stay and come, or would."""
    if not diff.changes:
        return "nothing changes"
    if not diff.touches_orders:
        stay = "stays" if len(diff.keep) == 1 else "stay"
        return f"no order is touched, {_orders(len(diff.keep))} {stay}"
    cancel, keep, place = len(diff.cancel), len(diff.keep), len(diff.place)
    if not is_done:
        return f"{_orders(cancel)} to cancel, {keep} to keep, {place} to place"
    return f"{_orders(cancel)} cancelled, {keep} kept, {place} placed"


def _orders(count: int) -> str:
    return "1 order" if count == 1 else f"{count} orders"
