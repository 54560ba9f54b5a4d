"""Starting an engine as a process of its own, and waiting until it answers.

The engine gets a session of its own, so that closing the terminal does not reach it, and the same
code and folders as whoever starts it. Its standard streams go to `engine.out` beside its journal:
what it says there before it can log is told to the person who waits.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import core
from core.engine.client import EngineClient, EngineSilent, NoEngine
from core.errors import CtosError, ExitCode
from core.infrastructure.files import PRIVATE_FILE
from core.infrastructure.home import Home

READY_S: Final = 10.0
POLL_S: Final = 0.02
OUT_NAME: Final = "engine.out"


class EngineFailed(CtosError):
    """The engine ended, or did not answer, while it was starting.

    Args:
        message: What it said.
        exit_code: With which it ended.
    """

    def __init__(self, message: str, *, exit_code: int = 1, remedy: str | None = None) -> None:
        super().__init__(message, remedy=remedy)
        known = {item.value for item in ExitCode} - {ExitCode.OK.value}
        code = ExitCode(exit_code) if exit_code in known else ExitCode.FAILED
        self.exit_code = code  # type: ignore[misc] # the engine's, not the class's


async def connect_or_start(
    home: Home, mode: str, *, is_debug: bool = False, ready_s: float = READY_S
) -> EngineClient:
    """The engine of a mode, started when none runs.

    Args:
        home: Whose engine.
        mode: `paper` or `live`.
        is_debug: Whether a started engine logs everything.
        ready_s: How long a started one may take to answer.

    Raises:
        EngineFailed: If it ended or did not answer in time.
        EngineRefused: If one of another version runs.
    """
    try:
        return await EngineClient.connect(home, mode)
    except NoEngine:
        pass
    child = start(home, mode, is_debug=is_debug)
    return await _wait_ready(home, mode, child, ready_s)


def start(home: Home, mode: str, *, is_debug: bool = False) -> subprocess.Popen[bytes]:
    """Starts an engine and does not wait for it."""
    folder = home.mode_folder(mode)
    root = str(Path(core.__file__).resolve().parent.parent)
    paths = [root, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    command = [sys.executable, "-P", "-m", "core.engine", "--mode", mode]
    if is_debug:
        command.append("--debug")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    out = os.open(folder / OUT_NAME, flags, PRIVATE_FILE)
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths))},
            start_new_session=True,
            close_fds=True,
        )
    finally:
        os.close(out)


async def _wait_ready(
    home: Home, mode: str, child: subprocess.Popen[bytes], ready_s: float
) -> EngineClient:
    folder = home.mode_folder(mode)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + ready_s
    while True:
        has_ended = child.poll() is not None
        try:
            return await EngineClient.connect(home, mode)
        except (NoEngine, EngineSilent):
            if has_ended:
                raise EngineFailed(_last_words(folder), exit_code=child.returncode) from None
        if loop.time() >= deadline:
            raise EngineFailed(
                f"The engine (process {child.pid}) did not answer within {ready_s:g} s.",
                remedy=f"See {folder / OUT_NAME} and the log.",
            )
        await asyncio.sleep(POLL_S)


def _last_words(folder: Path) -> str:
    try:
        lines = (folder / OUT_NAME).read_text(errors="replace").split("\n")
    except OSError:
        lines = []
    spoken = [line.strip() for line in lines if line.strip()]
    return spoken[-1] if spoken else f"The engine ended at once; see {folder / OUT_NAME}."
