"""Risk limits that follow the ladder: set before the first order of each ladder is asked for."""

from __future__ import annotations

from collections.abc import Callable

from core.services.execution.service import ExecutionService
from core.services.execution.snapshot import HealthResult
from core.services.gateway import Attached, BotSpec, Inbox, Step
from core.services.grid.ladder import Ladder
from core.services.grid.machine import GridMachine
from core.services.risk.snapshot import LimitGauge


class LadderLimits:
    """The `OrderGateway` of one grid: execution, told of each new ladder first.

    Args:
        execution: Of the account.
        machine: Whose ladder.
        set_limits: Puts a ladder's limits in force.
    """

    def __init__(
        self,
        execution: ExecutionService,
        machine: GridMachine,
        set_limits: Callable[[Ladder], None],
    ) -> None:
        self._execution = execution
        self._set_limits = set_limits
        self._machine = machine
        self._ladder: Ladder | None = None
        self._is_attached = False

    def renew(self, set_limits: Callable[[Ladder], None]) -> None:
        """Other limits from the next step on."""
        self._set_limits = set_limits
        self._ladder = None

    def order_prefix(self, bot_id: str) -> str:
        """As execution gives it."""
        return self._execution.order_prefix(bot_id)

    async def attach(self, spec: BotSpec, inbox: Inbox) -> Attached:
        """As execution does it."""
        attached = await self._execution.attach(spec, inbox)
        self._is_attached = True
        return attached

    async def step(self, step: Step) -> None:
        """As execution does it, under the limits of the newest ladder."""
        ladder = self._machine.ladder
        if ladder is not None and ladder is not self._ladder:
            self._set_limits(ladder)
            self._ladder = ladder
        await self._execution.step(step)

    async def reconcile(self, bot_id: str) -> None:
        """As execution does it."""
        await self._execution.reconcile(bot_id)

    async def detach(self, bot_id: str, *, is_closed: bool) -> None:
        """As execution does it."""
        self._is_attached = False
        await self._execution.detach(bot_id, is_closed=is_closed)

    def health(self, bot_id: str) -> HealthResult | None:
        """The last comparison of the bot with its venue."""
        return self._execution.health(bot_id)

    def gauges(self, bot_id: str) -> tuple[LimitGauge, ...]:
        """The bot's limits and how much of each is used; none before and after its life."""
        if not self._is_attached:
            return ()
        return self._execution.gauges(bot_id)
