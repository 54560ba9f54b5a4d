"""Asked before every order, by every door. Sync, fast, and it fails closed.

    ACTIVE ──► REDUCING ──► HALTED      latched in the journal; only `release` leads back

A bot whose day's loss is reached goes to reducing by itself, and stays there across a restart until
a person releases it or its UTC day is over.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.models import Instrument, plain
from core.domain.commands import PlaceOrder
from core.domain.events import Horizon
from core.errors import JournalError, RiskDenied
from core.infrastructure.clock import Clock
from core.services.ports import Journal, RiskRow, Transaction
from core.services.risk.limits import Limits
from core.services.risk.rules import (
    Denial,
    DenialCode,
    Exposure,
    Reference,
    RiskState,
    RuleBook,
    Situation,
)
from core.services.risk.snapshot import LimitGauge

log = logging.getLogger(__name__)

ENGINE: Final = "engine"
"""Scope of the state that holds for everything."""
_MINUTE_NS: Final = 60_000_000_000
_DAY_NS: Final = 86_400_000_000_000
_NO_HORIZON: Final = Horizon()
_EVERY_ROW: Final = Horizon(above=0, below=1 << 62)

StateListener = Callable[[RiskState, str], None]
"""Called with the new engine-wide state and who asked for it."""


@dataclass(slots=True)
class _Watched:
    """What risk keeps of one bot."""

    book: RuleBook
    max_price_age_ms: int | None
    sent_ns: deque[int] = field(default_factory=deque)
    day: int = -1
    day_start: Decimal | None = None
    loss: Decimal | None = None
    is_loss_reached: bool = False


class RiskService:
    """Limits and state of one engine.

    Args:
        journal: Where states are latched.
        clock: The engine's clock.
    """

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock
        self._watched: dict[str, _Watched] = {}
        """Bot id -> what is kept of it."""
        self._listeners: list[StateListener] = []
        rows = {row.scope: row for row in journal.risk()}
        self._rows = rows
        latched = rows.get(ENGINE)
        self.state = RiskState.ACTIVE if latched is None else RiskState(latched.state)
        self.by = "" if latched is None else latched.by
        self.since_ns: int | None = None if latched is None else latched.at_ns

    # -- bots ---------------------------------------------------------------------------------

    def register(
        self,
        bot_id: str,
        instrument: Instrument,
        limits: Limits,
        *,
        max_price_age_ms: int | None = None,
    ) -> None:
        """Sets the limits of a bot; a later call replaces them and keeps the counts.

        Args:
            bot_id: Whose.
            instrument: What it trades.
            limits: Already the tighter of both files, with the plan in place of what is unset.
            max_price_age_ms: Oldest price against which an order may execute at once; None for
                any, as on a recording, where the newest row is as fresh as it gets.
        """
        book = RuleBook(instrument, limits)
        known = self._watched.get(bot_id)
        if known is not None:
            known.book, known.max_price_age_ms = book, max_price_age_ms
            return
        watched = _Watched(book=book, max_price_age_ms=max_price_age_ms)
        self._recall_day(bot_id, watched)
        self._watched[bot_id] = watched

    def unregister(self, bot_id: str) -> None:
        """Forgets a bot; whatever it still asks is denied."""
        self._watched.pop(bot_id, None)

    def check(
        self, bot_id: str, order: PlaceOrder, exposure: Exposure, reference: Reference | None
    ) -> RiskDenied | None:
        """Whether an order may be sent; an order that may is counted against the rate.

        Returns:
            None for yes, otherwise the refusal with code, limit and value.
        """
        watched = self._watched.get(bot_id)
        if watched is None or order.symbol != watched.book.instrument.symbol:
            return denied(Denial(code=DenialCode.NOT_REGISTERED, detail=bot_id))
        limits = watched.book.limits
        has_rate = limits.orders_per_minute is not None
        denial = watched.book.judge(
            order,
            Situation(
                state=self.state,
                exposure=exposure,
                reference=reference,
                sent_last_minute=self._sent(watched) if has_rate else 0,
                is_loss_reached=watched.is_loss_reached,
                loss=watched.loss,
                max_price_age_ms=watched.max_price_age_ms,
            ),
        )
        if denial is not None:
            return denied(denial)
        if has_rate:
            watched.sent_ns.append(self._clock.monotonic_ns())
        return None

    def limits(self, bot_id: str) -> Limits:
        """The limits in force.

        Raises:
            KeyError: For a bot that is not registered.
        """
        return self._watched[bot_id].book.limits

    def gauges(self, bot_id: str, exposure: Exposure) -> tuple[LimitGauge, ...]:
        """Each limit of a bot and how much of it is used, for screens."""
        watched = self._watched.get(bot_id)
        if watched is None:
            return ()
        instrument, limits = watched.book.instrument, watched.book.limits
        worst = max(exposure.position + exposure.buys, exposure.sells - exposure.position, 0)
        readings: tuple[tuple[str, Decimal | int | None, Decimal | int | None, str], ...] = (
            ("position", instrument.amount(worst), limits.position, instrument.base),
            ("open orders", exposure.open_orders, limits.open_orders, "orders"),
            ("order rate", self._sent(watched), limits.orders_per_minute, "orders/min"),
            ("daily loss", watched.loss, limits.daily_loss, instrument.quote),
        )
        return tuple(
            LimitGauge(
                name=name,
                used=Decimal(used or 0),
                limit=Decimal(limit),
                unit=unit,
                is_plan=name.replace(" ", "_") in limits.planned,
            )
            for name, used, limit, unit in readings
            if limit is not None
        )

    # -- loss ---------------------------------------------------------------------------------

    def on_equity(self, bot_id: str, equity: Decimal, at_ns: int) -> bool:
        """Takes in what a bot's account is worth.

        Returns:
            Whether this reading reached the day's loss limit (said once a day).
        """
        watched = self._watched.get(bot_id)
        if watched is None or watched.book.limits.daily_loss is None:
            return False
        day = at_ns // _DAY_NS
        if watched.day != day or watched.day_start is None:
            watched.day, watched.day_start, watched.is_loss_reached = day, equity, False
            self._keep_day(bot_id, watched, at_ns)
        watched.loss = max(watched.day_start - equity, Decimal(0))
        if watched.is_loss_reached or watched.loss < watched.book.limits.daily_loss:
            return False
        watched.is_loss_reached = True
        self._keep_day(bot_id, watched, at_ns)
        log.error("risk.daily_loss_reached bot=%s loss=%s", bot_id, plain(watched.loss))
        return True

    def horizon(self) -> Horizon:
        """Which rows risk must see: every one while a loss limit watches equity, else none."""
        if any(item.book.limits.daily_loss is not None for item in self._watched.values()):
            return _EVERY_ROW
        return _NO_HORIZON

    # -- state --------------------------------------------------------------------------------

    def listen(self, listener: StateListener) -> Callable[[], None]:
        """Calls back after each change of the engine's state; the result ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def halt(self, by: str, detail: str = "") -> None:
        """Nothing but cancels from now on. In force before this returns, durable when it does."""
        await self._go(RiskState.HALTED, by, detail)

    async def reduce(self, by: str, detail: str = "") -> None:
        """Only orders that reduce from now on, as for a kill that flattens."""
        await self._go(RiskState.REDUCING, by, detail)

    async def release(self, by: str) -> None:
        """Back to ACTIVE; reached loss limits count from here. Only a person may ask for it."""
        for bot_id, watched in self._watched.items():
            if watched.is_loss_reached:
                watched.day_start, watched.is_loss_reached = None, False
                log.warning("risk.loss_released bot=%s by=%s", bot_id, by)
        await self._go(RiskState.ACTIVE, by, "")

    async def _go(self, state: RiskState, by: str, detail: str) -> None:
        self.state, self.by, self.since_ns = state, by, self._clock.now_ns()
        log.warning("risk.state_changed state=%s by=%s detail=%s", state.value, by, detail)
        for listener in tuple(self._listeners):
            listener(state, by)
        row = RiskRow(ENGINE, state.value, by, self.since_ns, detail)
        try:
            await self._journal.commit(Transaction(risk=[row]))
        except JournalError:
            # In force in memory all the same; the journal takes it in as soon as it can.
            self._journal.write(Transaction(risk=[row]))
            raise

    def _sent(self, watched: _Watched) -> int:
        since = self._clock.monotonic_ns() - _MINUTE_NS
        while watched.sent_ns and watched.sent_ns[0] <= since:
            watched.sent_ns.popleft()
        return len(watched.sent_ns)

    def _keep_day(self, bot_id: str, watched: _Watched, at_ns: int) -> None:
        state = "REACHED" if watched.is_loss_reached else "OPEN"
        start = plain(watched.day_start or Decimal(0))
        row = RiskRow(f"day:{bot_id}", state, "risk", at_ns, start)
        self._rows[row.scope] = row
        self._journal.write(Transaction(risk=[row]))

    def _recall_day(self, bot_id: str, watched: _Watched) -> None:
        row = self._rows.get(f"day:{bot_id}")
        if row is not None:
            watched.day = row.at_ns // _DAY_NS
            watched.day_start = Decimal(row.detail)
            watched.is_loss_reached = row.state == "REACHED"


def denied(denial: Denial) -> RiskDenied:
    """The error of our tree for a denial."""
    return RiskDenied(
        denial.code.value,
        limit=denial.limit,
        value=denial.value,
        unit=denial.unit,
        detail=denial.detail,
    )
