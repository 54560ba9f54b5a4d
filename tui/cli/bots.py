"""`ctos ps`, `attach` and `stop`: bots that run, from any terminal."""

from __future__ import annotations

import asyncio
import difflib
import json
from decimal import Decimal

from core.adapters.exchanges.models import plain
from core.engine.client import EngineClient, EngineLost, NoEngine
from core.engine.protocol import Act, Attach, BotEnded, Bots, DiaryLine, ListBots, StopBot
from core.errors import ConfigError, CtosError, ExitCode
from core.services.grid.snapshot import rate_text
from core.services.portfolio.snapshot import BotResult, BotRow
from tui.cli.border import put, say
from tui.cli.terminal import is_confirmed, no_screen_because

MODES = ("paper", "live")
STOP_WAIT_S = 45.0
ACTS = {"keep": Act.STOP_KEEP, "cancel_orders": Act.STOP_CANCEL, "flatten": Act.STOP_FLATTEN}


def ps(*, is_json: bool) -> int:
    """Lists what runs."""
    found = asyncio.run(_list_all())
    if is_json:
        put(json.dumps({"engines": [_engine_json(item) for item in found]}))
        return ExitCode.OK
    rows = [(item, bot) for item in found for bot in item.bots if bot.is_running]
    if not rows:
        say("Nothing runs." if not found else "No bot runs.")
        return ExitCode.OK
    table = [("NAME", "APP", "MODE", "VENUE", "SYMBOL", "STATE", "RESULT", "SINCE", "PROCESS")]
    table += [
        (
            bot.name,
            bot.app,
            item.mode,
            bot.venue,
            bot.symbol,
            bot.state,
            "-" if bot.pnl is None else plain(bot.pnl),
            "-" if bot.started_at is None else f"{bot.started_at:%Y-%m-%d %H:%M}Z",
            str(item.engine_pid),
        )
        for item, bot in rows
    ]
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    for row in table:
        put("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    return ExitCode.OK


def attach(name: str, *, is_read_only: bool) -> int:
    """Opens the screen of a bot that runs, or tells its diary where there is no screen."""
    return asyncio.run(_attach(name, is_read_only=is_read_only))


def stop(name: str, *, policy: str | None, is_sure: bool) -> int:
    """Ends a bot and says how it ended."""
    return asyncio.run(_stop(name, policy=policy, is_sure=is_sure))


async def find_engine(name: str) -> tuple[EngineClient, BotRow]:
    """The engine in which a bot of this name runs.

    Raises:
        ConfigError: If none does, with the nearest name that does.
    """
    from core.wiring import places

    home = places.home()
    running: list[str] = []
    for mode in MODES:
        try:
            client = await EngineClient.connect(home, mode)
        except NoEngine:
            continue
        reply = await client.demand(ListBots())
        assert isinstance(reply, Bots)  # noqa: S101 # the reply to ListBots
        for bot in reply.bots:
            if bot.is_running and bot.name == name:
                return client, bot
        running += [bot.name for bot in reply.bots if bot.is_running]
        await client.close()
    near = difflib.get_close_matches(name, running, n=1)
    if near:
        remedy = f"Did you mean {near[0]}?"
    elif running:
        remedy = f"What runs: {', '.join(running)}."
    else:
        remedy = "Nothing runs."
    raise ConfigError(f"no bot named {name[:60]} runs.", source="arguments", remedy=remedy)


async def _list_all() -> list[Bots]:
    from core.wiring import places

    home = places.home()
    found = []
    for mode in MODES:
        try:
            async with await EngineClient.connect(home, mode) as client:
                reply = await client.demand(ListBots())
        except NoEngine:
            continue
        except CtosError as error:
            say(f"{mode}: {error}")
            continue
        if isinstance(reply, Bots):
            found.append(reply)
    return found


async def _attach(name: str, *, is_read_only: bool) -> int:
    client, _ = await find_engine(name)
    async with client:
        reason = no_screen_because()
        if reason is None:
            from tui.cli.screen import show

            if not is_read_only:
                await client.demand(Attach(bot=name))
            return await show(client, name, is_read_only=is_read_only)
        say(reason or f"The diary of {name}; it runs on when you leave.")
        return await follow(client, name)


async def follow(client: EngineClient, name: str) -> int:
    """Tells a bot's diary until it ends; gives its exit code."""
    from tui.cli.diary import Diary, ThreadedOutput, iso

    diary = Diary(ThreadedOutput(1), is_json=False)
    try:
        async for line in client.pushes():
            if isinstance(line, BotEnded) and line.bot == name:
                say(f"{name}: {line.text}")
                return line.exit_code
            if isinstance(line, DiaryLine) and line.bot == name:
                diary.event(name, iso(line.at), line.event, line.fields)
    finally:
        diary.close()
    say("The engine is gone.")
    return ExitCode.FAILED


async def _stop(name: str, *, policy: str | None, is_sure: bool) -> int:
    try:
        client, _bot = await find_engine(name)
    except ConfigError:
        from core.wiring import engines, places

        left = engines.left_behind(places.home(), name)
        if left is None:
            raise
        client = await engines.connect_or_start(places.home(), left.mode)
        mode = left.mode
    else:
        mode = client.welcome.mode
    async with client:
        if mode == "live" and not is_sure and not is_confirmed(f"{name} trades real money.", name):
            raise ConfigError("Not stopped: it needs the typed confirmation, or --yes.")
        act = None if policy is None else ACTS[policy]
        await client.demand(StopBot(bot=name, policy=act))
        return await wait_for_end(client, name)


async def wait_for_end(client: EngineClient, name: str, timeout_s: float = STOP_WAIT_S) -> int:
    """Waits until a bot has ended, tells its closing line, and gives its exit code.

    Raises:
        EngineLost: If the engine went away first.
    """
    try:
        async with asyncio.timeout(timeout_s):
            async for line in client.pushes():
                if isinstance(line, BotEnded) and line.bot == name:
                    put(f"{name}: {line.text}")
                    return line.exit_code
    except TimeoutError:
        say(f"{name} has not ended within {timeout_s:g} s; `ctos attach {name}` shows why.")
        return ExitCode.UNCLEAN
    raise EngineLost(f"The engine went away before {name} had ended.")


def _engine_json(item: Bots) -> dict[str, object]:
    return {
        "mode": item.mode,
        "pid": item.engine_pid,
        "risk_state": item.risk_state,
        "bots": [bot_json(bot) for bot in item.bots],
    }


def bot_json(bot: BotRow) -> dict[str, object]:
    """One bot for programs."""
    from tui.cli.diary import iso

    return {
        "name": bot.name,
        "app": bot.app,
        "venue": bot.venue,
        "symbol": bot.symbol,
        "state": bot.state,
        "is_running": bot.is_running,
        "started_at": None if bot.started_at is None else iso(bot.started_at),
        "pnl": text(bot.pnl),
        "risk_used": text(bot.risk_used),
        "config": bot.config_path,
        "result": None if bot.result is None else _result_json(bot.result),
    }


def _result_json(result: BotResult) -> dict[str, object]:
    return {
        "position": plain(result.position),
        "realized_pnl": plain(result.realized_pnl),
        "unrealized_pnl": plain(result.unrealized_pnl),
        "fees": plain(result.fees),
        "funding": plain(result.funding),
        "round_trips": result.round_trips,
        "round_trip_pnl": plain(result.round_trip_pnl),
        "cycle_apr": rate_text(result.cycle_apr),
        "net_apr": rate_text(result.net_apr),
        "sample_s": result.sample_s,
    }


def text(value: Decimal | None) -> str | None:
    """A number in plain notation; None for unknown."""
    return None if value is None else plain(value)
