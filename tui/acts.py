"""From a wish to a request, and from a snapshot to the knowledge that it came true.

An act is *asked* until a snapshot shows it *done*: the screen never pretends. The same wish twice
within a second counts once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from core.engine.protocol import (
    Act,
    AskBot,
    Kill,
    KillStage,
    Reconcile,
    Reconnect,
    Request,
    StopBot,
)
from core.services.grid.snapshot import GridPhase, GridSnapshot
from core.services.portfolio.snapshot import HomeSnapshot

TWICE_S = 1.0
PATIENCE_S = 30.0
"""After this an act that no snapshot confirmed is no longer shown as asked."""

HELD = frozenset({GridPhase.PAUSED, GridPhase.HOLDING})
ENDING = frozenset({GridPhase.STOPPING, GridPhase.STOPPED})


@dataclass(frozen=True, slots=True)
class Asked:
    """An act on its way."""

    act: str
    """Id of its words in the catalogue, without `act.`."""
    bot: str
    request: Request
    at_s: float
    before: GridSnapshot | None


class Desk:
    """Makes requests and remembers what was asked.

    Args:
        monotonic: Seconds that never go back.
        make_id: Gives a new request id.
    """

    def __init__(self, monotonic: Callable[[], float], make_id: Callable[[], str]) -> None:
        self._monotonic = monotonic
        self._make_id = make_id
        self._last: dict[tuple[str, str], float] = {}
        self.asked: Asked | None = None
        """The newest act that no snapshot has confirmed."""

    def is_repeat(self, act: str, bot: str) -> bool:
        """Whether the same was asked less than a second ago; remembers this one."""
        now = self._monotonic()
        before = self._last.get((act, bot))
        if before is not None and now - before < TWICE_S:
            return True
        self._last[act, bot] = now
        return False

    def request(self, act: str, target: str) -> Request:
        """The request of an act on a bot or, for `reconnect`, a venue."""
        if act == "reconcile":
            return Reconcile(bot=target)
        if act == "reconnect":
            return Reconnect(venue=target)
        if act == "stop":
            return StopBot(bot=target)
        if act in KILLS:
            return Kill(stage=KILLS[act])
        return AskBot(bot=target, act=Act(act), request_id=self._make_id())

    def put(self, act: str, target: str, request: Request, before: GridSnapshot | None) -> None:
        """Remembers that an act was sent."""
        self.asked = Asked(act, target, request, self._monotonic(), before)

    def settle(self, grid: GridSnapshot | None, home: HomeSnapshot | None) -> Asked | None:
        """The act that these snapshots show as done, if there is one."""
        asked = self.asked
        if asked is None:
            return None
        if self._monotonic() - asked.at_s > PATIENCE_S:
            self.asked = None
            return None
        if is_done(asked, grid, home):
            self.asked = None
            return asked
        return None

    def forget(self) -> None:
        """The act was refused."""
        self.asked = None


KILLS = {
    "halt": KillStage.HALT,
    "halt_cancel": KillStage.CANCEL,
    "halt_flatten": KillStage.FLATTEN,
    "release": KillStage.RELEASE,
}


def is_done(asked: Asked, grid: GridSnapshot | None, home: HomeSnapshot | None) -> bool:
    """Whether snapshots show what was asked for."""
    if asked.act in KILLS:
        return _is_risk_done(asked.act, grid, home)
    if asked.act == "reconnect":
        return True
    is_newest = grid is not None and (home is None or home.at <= grid.at)
    if grid is not None and grid.bot == asked.bot and (is_newest or asked.act == "reconcile"):
        return _is_grid_done(asked, grid)
    if home is None:
        return False
    row = next((bot for bot in home.bots if bot.name == asked.bot), None)
    if row is None:
        return asked.act == "stop"
    return {
        "pause": row.state in HELD,
        "resume": row.is_running and row.state not in HELD,
        "cancel_all": row.state == GridPhase.HOLDING,
        "flatten": row.state in HELD,
        "stop": not row.is_running or row.state == GridPhase.STOPPING,
        "run": row.is_running,
    }.get(asked.act, False)


def _is_grid_done(asked: Asked, grid: GridSnapshot) -> bool:
    resting = grid.entries_resting + grid.exits_resting
    checked = None if asked.before is None else asked.before.health.checked_at
    return {
        "pause": grid.phase in HELD,
        "resume": grid.phase not in HELD,
        "cancel_all": not resting and grid.phase is GridPhase.HOLDING,
        "flatten": not grid.result.position and not resting,
        "stop": grid.phase in ENDING,
        "reconcile": grid.health.checked_at is not None and grid.health.checked_at != checked,
        "run": True,
    }.get(asked.act, False)


def _is_risk_done(act: str, grid: GridSnapshot | None, home: HomeSnapshot | None) -> bool:
    is_halted = False
    orders = position = False
    if grid is not None:
        is_halted = grid.phase is GridPhase.HALTED
        orders = bool(grid.entries_resting + grid.exits_resting)
        position = bool(grid.result.position)
    elif home is not None:
        is_halted = home.risk_state == "HALTED"
        orders = any(venue.open_orders for venue in home.venues)
        position = any(row.size for row in home.positions)
    return {
        "halt": is_halted,
        "release": not is_halted,
        "halt_cancel": is_halted and not orders,
        "halt_flatten": is_halted and not orders and not position,
    }[act]
