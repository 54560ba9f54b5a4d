"""The bots of one engine: who they are, how they are, and whose they are."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from core.adapters.exchanges.models import from_ns
from core.domain.events import Act
from core.domain.policies import OnExit
from core.engine.doors import BotPlan
from core.engine.limited import LadderLimits
from core.engine.protocol import BotEnded, StartBot
from core.errors import CtosError, ExitCode
from core.infrastructure.clock import Cancellable
from core.services.grid.outcome import BotOutcome
from core.services.grid.service import GridService
from core.services.grid.snapshot import GridPhase, GridSnapshot
from core.services.portfolio.snapshot import BotResult, BotRow, RunOptions

STOP_ACTS: Final = {
    OnExit.KEEP: Act.STOP_KEEP,
    OnExit.CANCEL_ORDERS: Act.STOP_CANCEL,
    OnExit.FLATTEN: Act.STOP_FLATTEN,
}
"""`on_exit` as something to ask of a bot."""
_STARTING: Final = frozenset({GridPhase.CONNECTING, GridPhase.RECONCILING})


@dataclass(slots=True, kw_only=True)
class Bot:
    """One bot that runs, or ran, in this engine."""

    plan: BotPlan
    request: StartBot
    service: GridService
    gateway: LadderLimits
    started_ns: int
    owner: int | None = None
    """Number of the session that looks after it; None for a detached bot."""
    task: asyncio.Task[None] | None = None
    outcome: BotOutcome | None = None
    failure: Exception | None = None
    """Why it ended by itself, where an error ended it."""
    last_snapshot: GridSnapshot | None = None
    """The last picture of a bot that has ended."""
    stop_asked: int = 0
    """How often its end was asked for."""
    deadline: asyncio.TimerHandle | None = None
    end_timer: Cancellable | None = None
    """Runs with `--for`."""
    grace: asyncio.TimerHandle | None = None
    """Runs while its screen is gone and nobody has attached."""

    @property
    def name(self) -> str:
        """As people call it."""
        return self.plan.name

    @property
    def bot_id(self) -> str:
        """As the journal calls it."""
        return self.service.spec.bot_id

    @property
    def is_running(self) -> bool:
        """Whether it has not come to its end."""
        return self.outcome is None

    @property
    def is_starting(self) -> bool:
        """Whether journal and venue have not agreed yet."""
        return self.is_running and self.service.machine.phase in _STARTING

    @property
    def stop_act(self) -> Act:
        """Its own `on_exit`."""
        return STOP_ACTS[self.plan.settings.on_exit]

    def snapshot(self) -> GridSnapshot:
        """Everything its screen shows."""
        if self.last_snapshot is not None:
            return self.last_snapshot
        return self.service.snapshot()

    def row(self) -> BotRow:
        """One line of a list of bots."""
        snapshot = self.snapshot()
        result = snapshot.result
        limits = (item for item in snapshot.limits if item.limit and not item.is_plan)
        used = [item.used / item.limit for item in limits]
        return BotRow(
            name=self.name,
            app=self.plan.app,
            venue=self.plan.venue,
            symbol=self.plan.symbol,
            state=snapshot.phase.value,
            is_running=self.is_running,
            started_at=self.started_at,
            pnl=result.net,
            risk_used=max(used, default=None),
            config_path=self.request.path,
            options=run_options(self.request),
            result=BotResult(
                position=result.position,
                realized_pnl=result.realized_pnl,
                unrealized_pnl=result.unrealized_pnl,
                fees=result.fees,
                funding=result.funding,
                round_trips=result.round_trips,
                round_trip_pnl=result.trips_net,
                cycle_apr=result.cycle_apr,
                net_apr=result.net_apr,
                sample_s=result.run_s,
            ),
        )

    @property
    def started_at(self) -> datetime:
        """When this engine started it, by the engine's clock."""
        return from_ns(self.started_ns)

    def ended(self) -> BotEnded:
        """Its end as it is told; only once there is an outcome."""
        outcome = self.outcome
        assert outcome is not None  # noqa: S101 # asked for after the end only
        return BotEnded(
            bot=self.name,
            exit_code=int(outcome.exit_code),
            text=outcome.text,
            summary=outcome.summary,
        )

    def fail(self, error: Exception, exit_code: ExitCode) -> None:
        """An error ended it."""
        self.failure = error
        said = str(error) if isinstance(error, CtosError) else f"{type(error).__name__}: {error}"
        self.outcome = BotOutcome(exit_code=exit_code, text=f"failed: {said}", summary=())

    def disarm(self) -> None:
        """Calls off what was to happen to it later."""
        for handle in (self.deadline, self.grace, self.end_timer):
            if handle is not None:
                handle.cancel()
        self.deadline = self.grace = None
        self.end_timer = None


def run_options(request: StartBot) -> RunOptions:
    """What was said beside the file, for whoever starts it again."""
    return RunOptions(
        feed=request.feed,
        speed=request.speed,
        seed=request.seed,
        is_recorded=request.is_recorded,
        symbol=request.symbol,
        market=request.market,
        interval=request.interval,
    )
