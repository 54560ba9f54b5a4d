"""Looks at this machine for `ctos doctor`: reads, and changes nothing, not even a time stamp."""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from core.engine.client import EngineClient
from core.errors import CtosError
from core.infrastructure.clock import WallClock
from core.infrastructure.files import is_locked, read_holder
from core.infrastructure.home import MODES, Home
from core.services.doctor import premises as judge
from core.services.doctor.snapshot import Check

MOST_FILES: Final = 50_000
"""Of a home that are looked at."""
Extras = tuple[tuple[str, tuple[str, ...], str], ...]
"""Extra, packages of which one is enough, what it is needed for."""
_ENGINE_S: Final = 3.0


def look(home: Home, optional: Extras) -> list[Check]:
    """The home, the files in it, the disk, the clock, the engines and the extras."""
    found = list(_files(home.root))
    return [
        _folder(home.root),
        _modes(found),
        judge.disk(shutil.disk_usage(_existing(home.root)).free),
        _clock(found),
        *(_lease(home, mode) for mode in MODES),
        *(judge.optional(item) for item in extras(optional)),
    ]


def extras(optional: Extras) -> Iterator[judge.Extra]:
    """Which optional parts are installed."""
    for name, packages, needed_for in optional:
        yield judge.Extra(
            name=name,
            is_installed=any(find_spec(package) is not None for package in packages),
            needed_for=needed_for,
        )


def _folder(root: Path) -> Check:
    try:
        about = root.stat()
    except OSError:
        return judge.folder(str(root), exists=False, mode=0, is_ours=True, is_writable=True)
    return judge.folder(
        str(root),
        exists=True,
        mode=_mode(about),
        is_ours=_is_ours(about),
        is_writable=os.access(root, os.W_OK | os.X_OK),
    )


def _files(root: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Everything below the home, links as themselves."""
    count = 0
    for folder, folders, names in os.walk(root):
        for name in (*folders, *names):
            path = Path(folder, name)
            try:
                yield path, path.lstat()
            except OSError:  # it went away meanwhile
                continue
            count += 1
            if count >= MOST_FILES:
                return


def _modes(found: list[tuple[Path, os.stat_result]]) -> Check:
    exposed = [
        judge.Exposed(path=str(path), mode=_mode(about), is_ours=_is_ours(about))
        for path, about in found
        if not stat.S_ISLNK(about.st_mode) and (_mode(about) & 0o077 or not _is_ours(about))
    ]
    return judge.file_modes(exposed, len(found))


def _clock(found: list[tuple[Path, os.stat_result]]) -> Check:
    newest = max(found, key=lambda item: item[1].st_mtime_ns, default=None)
    now_s = WallClock().now_ns() / 1e9
    if newest is None:
        return judge.clock(now_s, None, "")
    return judge.clock(now_s, newest[1].st_mtime_ns / 1e9, str(newest[0]))


def _lease(home: Home, mode: str) -> Check:
    path = home.root / mode / "engine.lock"
    if not path.is_file() or not is_locked(path):
        return judge.lease(mode, None, is_held=False, answers=False)
    holder = read_holder(path)
    pid = None if holder is None else holder.pid
    is_private = not any(_mode(item.stat()) & 0o077 for item in (home.root, path.parent))
    answers = asyncio.run(_answers(home, mode)) if is_private else None
    return judge.lease(mode, pid, is_held=True, answers=answers)


async def _answers(home: Home, mode: str) -> bool:
    try:
        async with asyncio.timeout(_ENGINE_S), await EngineClient.connect(home, mode):
            return True
    except (CtosError, OSError, TimeoutError):
        return False


def _existing(path: Path) -> Path:
    while not path.exists() and path != path.parent:
        path = path.parent
    return path


def _mode(about: os.stat_result) -> int:
    return 0 if sys.platform == "win32" else stat.S_IMODE(about.st_mode)


def _is_ours(about: os.stat_result) -> bool:
    return sys.platform == "win32" or about.st_uid == os.geteuid()
