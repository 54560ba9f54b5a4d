"""Everything a key can do, once: id, keys, danger, where it works.

Footer, help, palette and the key table of the docs are drawn from this list, and `keymap:` in
`config/ctos.yaml` changes its keys. Labels and sentences stand in the catalogue under `key.<id>`.
Capitals send, cancel or close orders; small letters never do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from core.errors import ConfigError


class Danger(IntEnum):
    """What an act may touch, and so what it asks."""

    LOOK = 0
    """Nothing is asked."""
    UNDOABLE = 1
    """Nothing is asked; undo is offered where there is one."""
    ORDERS = 2
    """Asks: exactly which, how many, worth what."""
    POSITIONS = 3
    """A word must be typed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One thing a key can do."""

    id: str
    keys: tuple[str, ...]
    group: str
    """Prefix in the palette: go, grid, risk, venue, view, help."""
    danger: Danger = Danger.LOOK
    is_act: bool = False
    """Whether it asks something of the engine; hidden where a terminal only reads."""
    screens: frozenset[str] = frozenset({"home", "grid", "log"})
    in_footer: bool = False
    rank: int = 5
    """Keys of a higher rank leave a narrow footer first."""
    in_palette: bool = True


ANY = frozenset({"home", "grid", "log"})
HOME = frozenset({"home"})
GRID = frozenset({"grid"})


def _act(
    id_: str, keys: str, danger: Danger, screens: frozenset[str], group: str, rank: int = 1
) -> Action:
    return Action(
        id=id_,
        keys=tuple(keys.split(",")),
        group=group,
        danger=danger,
        is_act=True,
        screens=screens,
        in_footer=True,
        rank=rank,
    )


def _look(
    id_: str,
    keys: str,
    group: str = "view",
    screens: frozenset[str] = ANY,
    *,
    in_footer: bool = False,
    in_palette: bool = True,
    rank: int = 6,
) -> Action:
    return Action(
        id=id_,
        keys=tuple(keys.split(",")),
        group=group,
        screens=screens,
        in_footer=in_footer,
        in_palette=in_palette,
        rank=rank,
    )


REGISTRY: Final = (
    _look("go.home", "1", "go"),
    _look("go.grid", "2", "go"),
    _look("view.next", "tab", in_palette=False),
    _look("view.previous", "shift+tab", in_palette=False),
    _act("grid.pause", "space,p", Danger.UNDOABLE, HOME | GRID, "grid"),
    _look("view.freeze", "space", screens=frozenset({"log"}), in_footer=True),
    _look("view.open", "enter", in_footer=False),
    _act("bot.run", "R", Danger.UNDOABLE, HOME, "grid"),
    _look("grid.orders", "o", "grid", GRID, in_footer=True),
    _look("grid.fills", "f", "grid", GRID, in_footer=True),
    _look("grid.profit", "m", "grid", GRID),
    _act("grid.edit", "e", Danger.LOOK, GRID, "grid", rank=5),
    _act("grid.health", "h", Danger.LOOK, GRID, "grid", rank=6),
    _act("grid.cancel", "C", Danger.ORDERS, GRID, "grid"),
    _act("grid.flatten", "F", Danger.POSITIONS, HOME | GRID, "grid"),
    _act("grid.stop", "S", Danger.ORDERS, HOME | GRID, "grid"),
    _look("grid.centre", "c", "grid", GRID),
    _act("venue.reconnect", "r", Danger.LOOK, ANY, "venue", rank=8),
    _look("go.log", "l", "go", HOME | GRID),
    _look("log.errors", "e", screens=HOME | {"log"}),
    _look("view.shorter", "left_square_bracket", screens=HOME | GRID),
    _look("view.longer", "right_square_bracket", screens=HOME | GRID),
    _look("view.zoom", "z", in_footer=True, rank=7),
    _look("view.sort", "s"),
    _look("view.reverse", "ctrl+s"),
    _look("view.filter", "slash", in_footer=True, rank=8),
    _look("view.copy", "y"),
    _look("view.write", "w"),
    _look("view.undo", "u", in_palette=False),
    _look("view.requests", "ctrl+r"),
    _look("view.jump", "ctrl+o"),
    _look("view.back", "escape", in_palette=False),
    _look("help.commands", "colon,ctrl+p", "help", in_footer=True, in_palette=False, rank=2),
    _look("help.keys", "question_mark", "help", in_footer=True, rank=1),
    _act("risk.halt", "K,ctrl+k", Danger.POSITIONS, ANY, "risk", rank=3),
    _look("app.detach", "d", "go"),
    _look("app.quit", "q,Q,ctrl+c", "go", in_footer=True, rank=4),
)
ACTIONS: Final[Mapping[str, Action]] = {action.id: action for action in REGISTRY}

NAMES: Final[Mapping[str, str]] = {
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "slash": "/",
    "colon": ":",
    "question_mark": "?",
    "escape": "esc",
}
"""Textual's name of a key -> what stands on it."""
SIGNS: Final[Mapping[str, str]] = {sign: name for name, sign in NAMES.items()}

FIXED: Final = frozenset({"ctrl+c", "ctrl+k"})
"""Keys that work in a text field too; they keep their meaning whatever a keymap says."""


def shown(key: str) -> str:
    """A key as a person reads it."""
    return NAMES.get(key, key)


class Keymap:
    """Which key does what, with a person's changes.

    Args:
        changes: Action id to keys, several separated by commas, as in `keymap:`.

    Raises:
        ConfigError: If two actions of one screen share a key, or a small letter would act like a
            capital.
    """

    def __init__(self, changes: Mapping[str, str] | None = None) -> None:
        self._keys: dict[str, tuple[str, ...]] = {action.id: action.keys for action in REGISTRY}
        for id_, keys in (changes or {}).items():
            wanted = [SIGNS.get(key.strip(), key.strip()) for key in keys.split(",")]
            kept = [key for key in ACTIONS[id_].keys if key in FIXED]
            self._keys[id_] = tuple(dict.fromkeys([*filter(None, wanted), *kept]))
        self._check()
        self._found = {
            (screen, key): ACTIONS[id_]
            for id_, keys in self._keys.items()
            for key in keys
            for screen in ACTIONS[id_].screens
        }

    def _check(self) -> None:
        owners: dict[tuple[str, str], str] = {}
        for id_, keys in self._keys.items():
            action = ACTIONS[id_]
            for key in keys:
                if action.danger >= Danger.ORDERS and len(key) == 1 and key.islower():
                    message = (
                        f"{id_} sends, cancels or closes orders: it needs a capital, not {key}"
                    )
                    raise ConfigError(message, key=f"keymap.{id_}")
                for screen in action.screens:
                    other = owners.setdefault((screen, key), id_)
                    if other != id_:
                        message = f"{shown(key)} would mean both {other} and {id_} on {screen}"
                        raise ConfigError(message, key=f"keymap.{id_}")

    def find(self, screen: str, key: str) -> Action | None:
        """What a key does on a screen."""
        return self._found.get((screen, key))

    def keys(self, id_: str) -> tuple[str, ...]:
        """The keys of an action."""
        return self._keys[id_]

    def key(self, id_: str) -> str:
        """The first key of an action as a person reads it; empty when it has none."""
        keys = self._keys[id_]
        return shown(keys[0]) if keys else ""

    def on(self, screen: str) -> list[Action]:
        """Every action that works on a screen."""
        return [action for action in REGISTRY if screen in action.screens]


def effective(action: Action, mode: str) -> Danger:
    """How dangerous an act is here: paper is one level milder, live one level graver."""
    if not action.is_act or action.danger is Danger.LOOK:
        return action.danger
    step = 1 if mode == "live" else -1
    return Danger(min(Danger.POSITIONS, max(Danger.LOOK, action.danger + step)))
