"""The palette: everything by name, grouped by prefix, changing with what runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider

from tui.keymap import Danger, effective
from tui.presentation.grid import RANGES

if TYPE_CHECKING:
    from tui.app import CtosApp


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the palette."""

    text: str
    help: str
    run: Callable[[], None]


class SuiteCommands(Provider):
    """Entries from the key registry, the bots that run, ranges and themes."""

    @property
    def suite(self) -> CtosApp:
        """The app, by its own name."""
        return cast("CtosApp", self.app)

    def entries(self) -> Iterator[Entry]:
        """Everything that can be done from here."""
        yield from self._actions()
        yield from self._bots()
        words = self.suite.look.words
        for index, (name, _) in enumerate(RANGES):
            run = partial(self.suite.looking.set_range, index)
            yield Entry(f"view: {name}", words("palette.range", range=name), run)
        for theme in sorted(self.suite.available_themes):
            run = partial(self.suite.set_theme, theme)
            yield Entry(f"theme: {theme}", words("palette.theme", theme=theme), run)

    def _actions(self) -> Iterator[Entry]:
        suite, words = self.suite, self.suite.look.words
        for action in suite.keys.on(suite.screen_name):
            if not action.in_palette or (action.is_act and suite.is_read_only):
                continue
            label = words(f"key.{action.id}")
            key = suite.keys.key(action.id)
            danger = effective(action, suite.mode)
            mark = f"  ({words('palette.danger')})" if danger >= Danger.ORDERS else ""
            text = f"{action.group}: {label}  {key}{mark}"
            yield Entry(text, words(f"key.{action.id}.help"), partial(suite.do, action.id))

    def _bots(self) -> Iterator[Entry]:
        suite, words = self.suite, self.suite.look.words
        if suite.home is None:
            return
        for bot in suite.home.bots:
            name = f"{bot.venue} {bot.symbol}"
            if not bot.is_running:
                continue
            yield Entry(
                f"go: {name}",
                words("palette.open", bot=bot.name),
                partial(suite.looking.open_bot, bot.name),
            )
            if suite.is_read_only:
                continue
            is_held = bot.state in {"paused", "holding"}
            act = "resume" if is_held else "pause"
            yield Entry(
                f"grid: {words(f'act.{act}')} {name}",
                words("key.grid.pause.help"),
                partial(suite.acting.ask_bot, act, bot.name),
            )

    async def discover(self) -> Hits:
        """All entries, before anything is typed."""
        for entry in self.entries():
            yield DiscoveryHit(entry.text, entry.run, help=entry.help)

    async def search(self, query: str) -> Hits:
        """Entries that match, best first."""
        matcher = self.matcher(query)
        for entry in self.entries():
            score = matcher.match(entry.text)
            if score > 0:
                yield Hit(score, matcher.highlight(entry.text), entry.run, help=entry.help)
