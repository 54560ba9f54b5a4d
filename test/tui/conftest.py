"""A scripted engine, a fixed clock, and pictures that one Python version owns."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from pytest_textual_snapshot import SVGImageExtension

from core.engine.protocol import (
    BotEnded,
    Bots,
    Done,
    ListBots,
    ListOrders,
    ListRequests,
    Orders,
    Reply,
    Request,
    Requests,
)
from core.services.portfolio.snapshot import HomeSnapshot
from tui.app import CtosApp
from tui.presentation.look import Look
from tui.settings import Settings
from tui.source import Push

# The plugin names its pictures for an older syrupy, which would end them in `.raw`.
SVGImageExtension.file_extension = "svg"

PICTURE_PYTHON = (3, 11)
"""The version whose pictures are kept; other versions draw the same cells in other styles."""

LISTS = (ListOrders, ListRequests, ListBots)


def load_samples() -> ModuleType:
    """The module beside this one; test folders are no packages."""
    spec = spec_from_file_location("tui_samples", Path(__file__).with_name("samples.py"))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class ScriptedSource:
    """Plays an engine: gives the snapshots it was told to, keeps what was asked.

    Args:
        grid: The first snapshot of a watched bot, or None for silence.
        home: The first snapshot of home, or None for silence.
    """

    def __init__(self, grid: Push | None, home: Push | None) -> None:
        self._first = {True: home, False: grid}
        self._pushes: asyncio.Queue[Push | None] = asyncio.Queue()
        self.watched: list[str | None] = []
        self.asked: list[Request] = []
        self.replies: dict[type, Reply | Exception] = {}
        self.failures = 0
        """Watches that will fail before one succeeds."""
        self._running = home.bots if isinstance(home, HomeSnapshot) else ()

    @property
    def acts(self) -> list[Request]:
        """What was asked, without the lists that screens fetch by themselves."""
        return [request for request in self.asked if not isinstance(request, LISTS)]

    def push(self, push: Push | None) -> None:
        """Plays a push; None ends the connection."""
        if isinstance(push, BotEnded):
            self._running = tuple(row for row in self._running if row.name != push.bot)
        self._pushes.put_nowait(push)

    async def watch(self, bot: str | None) -> AsyncIterator[Push]:
        """The first snapshot, then whatever is pushed."""
        self.watched.append(bot)
        if self.failures:
            self.failures -= 1
            raise ConnectionResetError("scripted")
        first = self._first[bot is None]
        if first is not None:
            yield first
        while (push := await self._pushes.get()) is not None:
            yield push

    async def request(self, request: Request) -> Reply:
        """Keeps the request and gives the scripted reply."""
        self.asked.append(request)
        reply = self.replies.get(type(request))
        if isinstance(reply, Exception):
            raise reply
        if reply is not None:
            return reply
        empty: dict[type, Reply] = {
            ListOrders: Orders(orders=()),
            ListRequests: Requests(requests=()),
            ListBots: Bots(bots=self._running, risk_state="ACTIVE", engine_pid=1, mode="paper"),
        }
        return empty.get(type(request), Done())


class ManualSeconds:
    """Monotonic seconds that only move when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """The seconds."""
        return self.now


@pytest.fixture(scope="session")
def samples() -> ModuleType:
    """Snapshots like those of the drawings."""
    return load_samples()


@pytest.fixture
def seconds() -> ManualSeconds:
    """The app's monotonic clock."""
    return ManualSeconds()


@pytest.fixture
def source(samples: ModuleType) -> ScriptedSource:
    """An engine with the grid and the home of the drawings."""
    return ScriptedSource(samples.grid(), samples.home())


@pytest.fixture
def make_app(
    source: ScriptedSource,
    seconds: ManualSeconds,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    samples: ModuleType,
) -> Callable[..., CtosApp]:
    """Makes an app over the scripted engine, without animation or this terminal's locale."""
    monkeypatch.delenv("NO_COLOR", raising=False)

    def make(**changes: Any) -> CtosApp:
        display = {"animation": "none", "language": "en", "glyphs": "full"}
        display |= changes.pop("display", {})
        settings = Settings.model_validate(
            {"display": display, "keymap": changes.pop("keymap", {})}
        )
        bot = changes.pop("bot", samples.BOT)
        counter = iter(range(1, 1000))
        return CtosApp(
            changes.pop("source", source),
            bot=bot,
            settings=settings,
            monotonic=seconds,
            make_id=lambda: f"id{next(counter)}",
            folder=tmp_path,
            **changes,
        )

    return make


def screen_text(app: CtosApp) -> str:
    """What stands on the screen, row by row."""
    strips = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip) for strip in strips)


@pytest.fixture
def text() -> Callable[[CtosApp], str]:
    """What stands on the screen, row by row."""
    return screen_text


@pytest.fixture
def look() -> Look:
    """English, every sign, UTC."""
    return Look()


@pytest.fixture
def picture(request: pytest.FixtureRequest) -> Callable[..., bool]:
    """Compares the screen with its picture; skipped where another Python would draw it."""
    if sys.version_info[:2] != PICTURE_PYTHON:
        pytest.skip(f"pictures belong to Python {PICTURE_PYTHON[0]}.{PICTURE_PYTHON[1]}")
    compare: Callable[..., bool] = request.getfixturevalue("snap_compare")
    return compare
