"""`ctos kill`: the panic button. It reads no configuration and works while an engine hangs."""

from __future__ import annotations

import asyncio

from core.engine.client import EngineClient, EngineLost, EngineSilent, NoEngine
from core.engine.protocol import Done, Kill, KillStage
from core.errors import ConfigError, CtosError, ExitCode
from tui.cli.border import put, say
from tui.cli.bots import MODES
from tui.cli.terminal import is_confirmed

ANSWER_S = 2.0
DONE_S = 15.0


def kill(*, is_cancelling: bool, is_flattening: bool, is_release: bool, is_sure: bool) -> int:
    """Halts every engine and, where asked, cancels and closes; gives the exit code."""
    if is_release and (is_cancelling or is_flattening):
        raise ConfigError("--release stands alone.", source="arguments")
    stage = KillStage.HALT
    if is_release:
        stage = KillStage.RELEASE
    elif is_flattening:
        stage = KillStage.FLATTEN
    elif is_cancelling:
        stage = KillStage.CANCEL
    if is_release and not is_sure and not is_confirmed("Bots will trade again.", "release"):
        raise ConfigError("Not released: it needs the typed word, or --yes.", source="arguments")
    return asyncio.run(_kill(stage, is_sure=is_sure))


async def _kill(stage: KillStage, *, is_sure: bool) -> int:
    codes = [await _kill_mode(mode, stage, is_sure=is_sure) for mode in MODES]
    known = [code for code in codes if code is not None]
    if not known:
        say("Nothing runs, and nothing ever ran.")
    return max(known, default=int(ExitCode.OK))


async def _kill_mode(mode: str, stage: KillStage, *, is_sure: bool) -> int | None:
    """The exit code of one mode; None where nothing ever ran."""
    from core.wiring import places

    home = places.home()
    try:
        async with await EngineClient.connect(home, mode, timeout_s=ANSWER_S) as client:
            await client.demand(
                Kill(stage=KillStage.RELEASE if stage is KillStage.RELEASE else KillStage.HALT),
                timeout_s=ANSWER_S,
            )
            if stage is not KillStage.RELEASE:
                put(f"{mode}: halted; nothing new is sent until `ctos kill --release`.")
            if stage in {KillStage.CANCEL, KillStage.FLATTEN}:
                reply = await client.demand(Kill(stage=stage), timeout_s=DONE_S)
                if isinstance(reply, Done) and reply.detail:
                    put(f"{mode}: {reply.detail}")
            if stage is KillStage.RELEASE:
                put(f"{mode}: released; bots trade again.")
            return ExitCode.OK
    except NoEngine:
        pass
    except (EngineSilent, EngineLost) as error:
        say(f"{mode}: {error}")
        if not await _end_process(mode, is_sure=is_sure):
            return ExitCode.UNCLEAN
    except CtosError as error:
        say(f"{mode}: {error}")
        return int(error.exit_code)
    return await _kill_offline(mode, stage)


async def _end_process(mode: str, *, is_sure: bool) -> bool:
    """The next stage for an engine that hangs: ends its process."""
    from core.wiring import engines, places

    pid = engines.engine_pid(places.home(), mode)
    if pid is None:
        return True
    question = f"{mode}: the engine (process {pid}) hangs; the next stage ends it with SIGKILL."
    if not is_sure and not is_confirmed(question, "kill"):
        say(f"{mode}: nothing was done. The next stage: ctos kill --cancel --yes")
        return False
    await engines.end_process(places.home(), mode, pid)
    say(f"{mode}: process {pid} has ended.")
    return True


async def _kill_offline(mode: str, stage: KillStage) -> int | None:
    """No engine runs: the halt is latched in the journal, and orders are cancelled at the venue."""
    from core.wiring import engines, places

    outcome = await engines.kill_offline(places.home(), mode, stage)
    for line in outcome.lines:
        put(f"{mode}: {line}")
    return int(outcome.exit_code) if outcome.lines else None
