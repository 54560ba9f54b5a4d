"""`ctos` without a command, and `ctos status`: what runs and what it is worth."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal

from core.engine.client import EngineClient, NoEngine
from core.engine.protocol import ProfitShown, ReadProfit, Watch
from core.errors import ExitCode
from core.services.portfolio.snapshot import HomeSnapshot
from tui.cli.border import put, say
from tui.cli.bots import MODES, bot_json, find_engine, text
from tui.cli.terminal import no_screen_because
from tui.presentation.profit import profit_lines


def home(*, is_read_only: bool) -> int:
    """The home screen, or its facts as text where no screen can be drawn."""
    reason = no_screen_because()
    if reason is None:
        return asyncio.run(_show(is_read_only=is_read_only))
    return status(is_json=False)


def status(name: str | None = None, *, is_json: bool) -> int:
    """The facts of the home screen, or where one bot's result comes from."""
    if name is not None:
        return asyncio.run(_status_of(name, is_json=is_json))
    found = asyncio.run(_ask_all())
    if is_json:
        put(json.dumps({"engines": [_json(item) for item in found]}))
        return ExitCode.OK
    if not found:
        put("Nothing runs.")
        say("Try: ctos grid config/grid/lighter-long-btc.yaml")
    for item in found:
        for line in _lines(item):
            put(line)
    return ExitCode.OK


async def _status_of(name: str, *, is_json: bool) -> int:
    client, bot = await find_engine(name)
    async with client:
        shown = await client.demand(ReadProfit(bot=name))
    assert isinstance(shown, ProfitShown)  # noqa: S101 # the reply to ReadProfit
    if is_json:
        put(json.dumps({**bot_json(bot), "profit": shown.profit.as_json()}))
        return ExitCode.OK
    for line in profit_lines(name, shown.profit):
        put(line)
    return ExitCode.OK


async def _show(*, is_read_only: bool) -> int:
    from core.wiring import engines, places
    from tui.cli.screen import show

    places.check_environment()
    async with await engines.connect_or_start(places.home(), "paper") as client:
        return await show(client, None, is_read_only=is_read_only)


async def _ask_all() -> list[HomeSnapshot]:
    from core.wiring import places

    found = []
    for mode in MODES:
        try:
            async with await EngineClient.connect(places.home(), mode) as client:
                snapshot = await _picture(client)
        except NoEngine:
            continue
        if snapshot is not None:
            found.append(snapshot)
    return found


async def _picture(client: EngineClient) -> HomeSnapshot | None:
    async with asyncio.timeout(5):
        await client.demand(Watch())
        async for push in client.pictures():
            if isinstance(push, HomeSnapshot):
                return push
    return None


def _json(item: HomeSnapshot) -> dict[str, object]:
    return {
        "mode": item.mode,
        "equity": text(item.equity),
        "day_change": text(item.day_change),
        "quote": item.quote,
        "risk_state": item.risk_state,
        "risk_by": item.risk_by,
        "bots": [bot_json(bot) for bot in item.bots],
        "positions": [
            {
                "symbol": row.symbol,
                "venue": row.venue,
                "size": text(row.size),
                "entry_price": text(row.entry_price),
                "unrealized_pnl": text(row.unrealized_pnl),
            }
            for row in item.positions
        ],
        "venues": [
            {"name": row.name, "state": row.state, "feed": row.feed, "open_orders": row.open_orders}
            for row in item.venues
        ],
    }


def _lines(item: HomeSnapshot) -> list[str]:
    by = f" by {item.risk_by}" if item.risk_by else ""
    equity = _short(item.equity) or "unknown"
    lines = [f"{item.mode}  equity {equity} {item.quote}  risk {item.risk_state}{by}".rstrip()]
    lines += [
        f"  {bot.name}  {bot.app}  {bot.venue} {bot.symbol}  {bot.state}  "
        f"result {text(bot.pnl) or '-'}"
        for bot in item.bots
        if bot.is_running
    ]
    lines += [
        f"  position  {row.venue} {row.symbol}  {text(row.size)} @ {_short(row.entry_price) or '-'}"
        for row in item.positions
    ]
    return lines


def _short(value: Decimal | None) -> str | None:
    """A derived number for people: an average has endless decimals, JSON keeps them all."""
    return text(None if value is None else round(value, 8))
