"""When a key works, and why not when it does not: a dim key answers with its reason."""

from __future__ import annotations

from dataclasses import dataclass

from core.services.grid.snapshot import GridPhase, GridSnapshot
from core.services.portfolio.snapshot import BotRow, HomeSnapshot, PositionRow
from tui.keymap import Action
from tui.presentation.questions import open_orders
from tui.strings import Words

OVER = frozenset({GridPhase.STOPPING, GridPhase.STOPPED})
ON_A_GRID = frozenset(
    {"grid.pause", "grid.stop", "grid.flatten", "grid.cancel", "grid.health", "grid.edit"}
)
NOT_YET = frozenset({GridPhase.CONNECTING, GridPhase.RECONCILING})


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What stands on the screen when a key is pressed."""

    screen: str
    is_read_only: bool = False
    grid: GridSnapshot | None = None
    home: HomeSnapshot | None = None
    bot: BotRow | None = None
    """The bot under the cursor, on the home screen."""
    position: PositionRow | None = None
    """The position under the cursor, when its panel has the focus."""
    holder: str = ""
    """The bot that holds that position, if one of this engine does."""
    can_filter: bool = False
    can_sort: bool = False
    has_rows: bool = False
    has_log: bool = False


def why_not(action: Action, at: Situation, words: Words) -> str:
    """Why an action does not work now, in words; empty when it does."""
    if action.is_act and at.is_read_only:
        return words("said.read_only")
    if action.id in {"grid.pause", "grid.stop", "grid.flatten"} and at.screen == "home":
        return _home_bot(action, at, words)
    if action.id in ON_A_GRID:
        return _grid(action, at, words)
    checks = {
        "grid.orders": (at.grid is not None, "said.no_bot"),
        "grid.profit": (at.grid is not None, "said.no_bot"),
        "grid.fills": (at.grid is not None, "said.no_bot"),
        "grid.centre": (at.grid is not None, "said.no_bot"),
        "view.filter": (at.can_filter, "why.no_filter"),
        "view.sort": (at.can_sort, "why.no_sort"),
        "view.reverse": (at.can_sort or at.can_filter, "why.no_sort"),
        "view.open": (at.has_rows, "why.no_rows"),
        "view.shorter": (at.screen == "grid", "why.no_chart"),
        "view.longer": (at.screen == "grid", "why.no_chart"),
        "log.errors": (at.has_log, "why.no_log"),
        "venue.reconnect": (_has_venue(at), "why.no_venue"),
    }
    if action.id == "bot.run":
        return _run(at, words)
    is_fine, reason = checks.get(action.id, (True, ""))
    return "" if is_fine else words(reason)


def _has_venue(at: Situation) -> bool:
    return at.grid is not None or bool(at.home and at.home.venues)


def _home_bot(action: Action, at: Situation, words: Words) -> str:
    if action.id == "grid.flatten":
        if at.position is None:
            return words("why.no_position")
        return "" if at.holder else words("why.no_holder")
    if at.bot is None:
        return words("said.no_bot")
    return "" if at.bot.is_running else words("why.not_running", bot=at.bot.name)


def _grid(action: Action, at: Situation, words: Words) -> str:
    grid = at.grid
    if grid is None:
        return words("said.no_bot")
    if grid.phase in OVER or (grid.phase in NOT_YET and action.id != "grid.stop"):
        return words("why.not_active", phase=words(f"phase.{grid.phase.value}"))
    if action.id == "grid.cancel" and not open_orders(grid):
        return words("why.no_orders")
    if action.id == "grid.flatten" and not grid.result.position and not open_orders(grid):
        return words("why.no_position")
    return ""


def _run(at: Situation, words: Words) -> str:
    if at.bot is None:
        return words("said.no_bot")
    if at.bot.is_running:
        return words("why.running", bot=at.bot.name)
    return "" if at.bot.config_path else words("why.no_config", bot=at.bot.name)
