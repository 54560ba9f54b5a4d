"""`ctos grid FILE`: with a screen, headless, detached, or on virtual time."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path

from core.engine.protocol import BotEnded, BotStarted, StartBot
from core.errors import ConfigError, ExitCode
from tui.cli.border import say
from tui.cli.diary import BufferedOutput, Diary, ThreadedOutput, iso_of
from tui.cli.durations import seconds_of
from tui.cli.terminal import is_confirmed, no_screen_because


@dataclass(frozen=True, slots=True, kw_only=True)
class GridOptions:
    """What was typed."""

    file: Path
    is_live: bool = False
    is_headless: bool = False
    is_detached: bool = False
    feed: str = "auto"
    speed: str = "1"
    seed: int | None = None
    duration: str | None = None
    is_json: bool = False
    is_debug: bool = False
    is_read_only: bool = False
    on_start: str | None = None
    is_resumed: bool = False
    is_recorded: bool = False
    symbol: str | None = None
    market: str | None = None
    interval: str | None = None


def grid(options: GridOptions) -> int:
    """Runs the bot and gives the exit code."""
    request = start_request(options)
    from core.wiring import configuration, places

    places.check_environment()
    described = configuration.describe(request)
    if options.is_live and not _is_sure_of_live(described.venue, described.account):
        raise ConfigError("Not started: real money needs the typed confirmation.")
    for warning in described.warnings:
        say(f"warning: {warning}")
    if request.speed == "max":
        return _run_virtually(options, request)
    if options.is_detached:
        return asyncio.run(_start_detached(options, request))
    reason = "" if options.is_headless or options.is_json else no_screen_because()
    if reason is not None:
        if reason:
            say(reason)
        return _run_in_foreground(options, request)
    return asyncio.run(_run_with_screen(options, request))


def start_request(options: GridOptions) -> StartBot:
    """What was typed, as the engine wants to hear it.

    Raises:
        ConfigError: For arguments that do not go together, or a file that cannot be read.
    """
    if options.is_detached and (options.is_headless or options.is_json):
        raise _argument("--detach leaves nothing to read: take --headless or --json away.")
    speed = _speed(options.speed)
    if options.is_resumed and speed != "max":
        raise _argument("--resume belongs to --speed max; other bots resume by themselves.")
    if speed == "max" and (options.is_live or options.is_detached):
        raise _argument("--speed max is a run of its own on paper: no --live, no --detach.")
    if options.is_recorded and speed == "max":
        raise _argument("--record is for live prices: a run of --speed max can be replayed anyway.")
    path = options.file.expanduser()
    return StartBot(
        app="grid",
        path=str(path.absolute()),
        text=_read(path),
        is_live=options.is_live,
        feed=_feed(options.feed),
        speed=speed,
        seed=options.seed,
        duration_s=None if options.duration is None else seconds_of(options.duration),
        on_start=options.on_start,
        is_detached=options.is_detached,
        is_resumed=options.is_resumed,
        is_recorded=options.is_recorded,
        symbol=options.symbol,
        market=options.market,
        interval=options.interval,
    )


def _run_virtually(options: GridOptions, request: StartBot) -> int:
    from core.wiring import engines

    teller = DiaryTeller(Diary(BufferedOutput(1), is_json=options.is_json), options)
    try:
        return engines.run_virtual(request, teller, is_debug=options.is_debug)
    finally:
        teller.close()


def _run_in_foreground(options: GridOptions, request: StartBot) -> int:
    from core.wiring import engines

    teller = DiaryTeller(Diary(ThreadedOutput(1), is_json=options.is_json), options)
    try:
        return engines.run_foreground(request, teller, is_debug=options.is_debug)
    finally:
        teller.close()


async def _start_detached(options: GridOptions, request: StartBot) -> int:
    from core.wiring import engines, places

    home = places.home()
    async with await engines.connect_or_start(
        home, _mode(options), is_debug=options.is_debug
    ) as client:
        started = await client.demand(request)
        if isinstance(started, BotStarted):
            _say_notices(started)
            say(
                f"{started.name} runs detached in process {client.welcome.pid}: "
                f"ctos attach {started.name}, ctos stop {started.name}"
            )
    return ExitCode.OK


async def _run_with_screen(options: GridOptions, request: StartBot) -> int:
    from core.wiring import engines, places

    home = places.home()
    engine = asyncio.ensure_future(
        engines.connect_or_start(home, _mode(options), is_debug=options.is_debug)
    )
    await asyncio.sleep(0.01)  # so that the engine loads while the screen does
    try:
        from tui.cli.screen import show
    except BaseException:
        engine.cancel()
        raise
    async with await engine as client:
        started = await client.demand(request)
        name = started.name if isinstance(started, BotStarted) else ""
        if isinstance(started, BotStarted):
            _say_notices(started)
        return await show(client, name, is_read_only=options.is_read_only, is_owner=True)


class DiaryTeller:
    """Writes what a run in this process tells: its diary to stdout, the rest to stderr.

    Args:
        diary: On stdout.
        options: What was typed.
    """

    def __init__(self, diary: Diary, options: GridOptions) -> None:
        self._diary = diary
        self._is_quiet = options.is_json

    def event(
        self,
        bot: str,
        at_ns: int,
        event: str,
        fields: tuple[tuple[str, str | int | bool | None], ...],
    ) -> None:
        """One line of the diary."""
        self._diary.event(bot, iso_of(at_ns), event, fields)

    def notice(self, text: str) -> None:
        """Something a person should know."""
        say(text)

    def ended(self, ended: BotEnded) -> None:
        """The closing line."""
        say(f"{ended.bot}: {ended.text}")

    def close(self) -> None:
        """Writes what waits."""
        self._diary.close()


def _mode(options: GridOptions) -> str:
    return "live" if options.is_live else "paper"


def _is_sure_of_live(venue: str, account: str) -> bool:
    name = account or venue
    return is_confirmed(f"LIVE: real orders on {venue}.", name)


def _say_notices(started: BotStarted) -> None:
    for notice in started.notices:
        say(notice)


def _read(path: Path) -> str:
    from core.infrastructure.yaml_document import nearest_file

    try:
        if not path.is_file() and path.exists():
            raise ConfigError("is no regular file.", source=str(path))
        return path.read_bytes()[:2_000_000].decode("utf-8")
    except FileNotFoundError:
        raise ConfigError(
            "there is no such file.", source=str(path), remedy=nearest_file(path)
        ) from None
    except UnicodeDecodeError:
        raise ConfigError("is not UTF-8 text.", source=str(path)) from None
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}.", source=str(path)) from None


def _feed(text: str) -> str:
    """A feed's spec with the path of a recording made absolute."""
    if text in {"auto", "live", "sim"} or text.startswith("sim:"):
        return text
    path = Path(text).expanduser()
    return str(path.absolute()) if path.exists() or os.sep in text else text


def _speed(text: str) -> str:
    if text == "max":
        return text
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal(0)
    if not value.is_finite() or not Decimal("0.01") <= value <= Decimal(100_000):
        raise _argument(f"--speed {text[:20]}: a number from 0.01 to 100000, or max.")
    return f"{value.normalize():f}"


def _argument(message: str) -> ConfigError:
    return ConfigError(message, source="arguments")
