"""Opening a screen on an engine, and saying what became of it when it has left."""

from __future__ import annotations

import os
import signal

from core.engine.client import EngineClient
from core.errors import ExitCode
from tui.app import run_async
from tui.cli.border import put, say
from tui.engine_source import EngineSource
from tui.settings import load


async def show(
    client: EngineClient, bot: str | None, *, is_read_only: bool, is_owner: bool = False
) -> int:
    """Shows a bot, or home, until the screen is left; gives the exit code.

    Args:
        client: Of the engine.
        bot: Name, or None for home.
        is_read_only: Whether nothing may be asked of the engine.
        is_owner: Whether quitting ends the bot.
    """
    from core.wiring import places
    from core.wiring.passphrase import PASSPHRASE

    PASSPHRASE.ask_with(None)  # the terminal is the screen's from here on
    if hasattr(signal, "SIGHUP"):
        # Whoever started it may ignore hang-ups, as nohup does. A screen without its terminal is
        # seen by nobody, and while it is there its bot counts as watched.
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
    for name in ("COLUMNS", "LINES"):
        # A shell may have exported the size it once had; the terminal knows the one it has.
        os.environ.pop(name, None)
    home, mode = places.home(), client.welcome.mode
    owned = frozenset({bot}) if is_owner and bot is not None else frozenset()
    source = EngineSource(client, lambda: EngineClient.connect(home, mode), looks_after=owned)
    try:
        result = await run_async(
            source,
            bot=bot,
            read_only=is_read_only,
            started_here=is_owner,
            mode=mode,
            settings=load(places.config_file(), theme=os.environ.get("CTOS_THEME")),
        )
    finally:
        await source.close()
    for line in result.lines:
        put(line)
    if result.reason == "lost":
        say("The engine is gone. Starting again resumes where it stopped; see `ctos ps`.")
        return ExitCode.FAILED
    return int(result.exit_code)
