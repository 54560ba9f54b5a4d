"""The engine's front desk: each request of a screen or command, and who may carry it out."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections import OrderedDict
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.models import from_ns
from core.domain.events import Act
from core.engine.editing import edit_bot, read_config
from core.engine.engine import Engine
from core.engine.protocol import (
    PROTOCOL_VERSION,
    AskBot,
    Attach,
    Bots,
    BotStarted,
    Detach,
    Done,
    EditBot,
    Explained,
    ExplainOrder,
    Kill,
    KillStage,
    ListBots,
    ListOrders,
    ListRequests,
    OrderRow,
    Orders,
    ProfitShown,
    ReadConfig,
    ReadProfit,
    Reconcile,
    Reconnect,
    Refused,
    Reply,
    Request,
    RequestRow,
    Requests,
    StartBot,
    StopBot,
    Unlock,
    Watch,
    Welcome,
)
from core.engine.server import Picture, Session
from core.engine.starts import StartRecord
from core.engine.supervisor import Supervisor
from core.engine.version import version
from core.errors import ConfigError
from core.services.execution.explanation import explain
from core.services.ports import StoredIntent

log = logging.getLogger(__name__)

SAME_ACT_S: Final = 1.0
REMEMBERED: Final = 512
_STOPS: Final = frozenset({Act.STOP_KEEP, Act.STOP_CANCEL, Act.STOP_FLATTEN})


class FrontDesk:
    """Answers for an engine.

    Args:
        engine: Whose bots.
        supervisor: Knows whose they are.
        starts: Told when a person releases a halt.
        notices: What everyone who connects should know.
    """

    def __init__(
        self,
        engine: Engine,
        supervisor: Supervisor,
        starts: StartRecord | None = None,
        notices: tuple[str, ...] = (),
    ) -> None:
        self._engine = engine
        self._supervisor = supervisor
        self._starts = starts
        self._notices = notices
        self._seen: OrderedDict[str, None] = OrderedDict()
        """Request ids of acts that were carried out."""
        self._last_act: tuple[str, Act, float] | None = None
        self._beginning: set[asyncio.Task[BotStarted]] = set()

    def welcome(self) -> Welcome:
        """Who this engine is."""
        return Welcome(
            protocol=PROTOCOL_VERSION,
            version=version(),
            mode=self._engine.mode,
            pid=os.getpid(),
            notices=self._notices,
        )

    def came(self, session: Session) -> None:
        """A client was greeted."""
        self._supervisor.came()

    def left(self, session: Session) -> None:
        """A client is gone."""
        self._supervisor.left(session)

    def picture(self, bot: str) -> Picture | None:
        """The newest picture of a bot, or of home."""
        if not bot:
            return self._engine.home()
        known = self._engine.bots.get(bot)
        return None if known is None else known.snapshot()

    async def answer(self, request: Request, session: Session) -> Reply:  # noqa: C901, PLR0911, PLR0912 # one line for each word
        """Carries out a request."""
        match request:
            case Unlock(passphrase=passphrase):
                self._engine.unlock(passphrase)
                return Done()
            case StartBot():
                return await self._start(request, session)
            case AskBot():
                return self._ask(request)
            case StopBot():
                return await self._stop(request, session)
            case Attach(bot=name):
                self._supervisor.adopt(self._engine.bot(name), session)
                return Done()
            case EditBot():
                return await edit_bot(self._engine, request)
            case ReadConfig(bot=name):
                return read_config(self._engine, name)
            case ReadProfit(bot=name):
                profit = self._engine.bot(name).service.profit()
                return ProfitShown(bot=name, profit=profit)
            case Detach():
                self._supervisor.detach(session)
                return Done()
            case Kill():
                return await self._kill(request)
            case Reconcile(bot=name):
                checked = self._engine.bot(name)
                await self._engine.account_of(checked).execution.reconcile(checked.bot_id)
                return Done()
            case Reconnect(venue=venue):
                return await self._reconnect(venue)
            case ListBots():
                return self._bots()
            case ListRequests():
                return self._requests()
            case ListOrders():
                return self._orders(request)
            case ExplainOrder(order=order, bot=bot):
                return Explained(explanation=explain(self._engine.journal, order, bot or None))
            case Watch():
                return Done()

    async def _start(self, request: StartBot, session: Session) -> Reply:
        owner = None if request.is_detached else session.number
        # A task of its own: a client that leaves meanwhile must not cut a start in half.
        task = asyncio.ensure_future(self._engine.start_bot(request, owner=owner))
        self._beginning.add(task)
        task.add_done_callback(self._begun)
        return await asyncio.shield(task)

    def _begun(self, task: asyncio.Task[BotStarted]) -> None:
        self._beginning.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.warning("start.refused error=%s", task.exception())

    def _ask(self, request: AskBot) -> Reply:
        bot = self._engine.bot(request.bot)
        if self._is_repeated(request):
            return Done(detail="asked already")
        if request.act in _STOPS:
            self._engine.stop_bot(bot, request.act)
        else:
            bot.service.ask(request.act)
        return Done()

    def _is_repeated(self, request: AskBot) -> bool:
        """Whether this act was asked for already: the same id, or the same act within a second."""
        now_s = asyncio.get_running_loop().time()
        last = self._last_act
        is_known = bool(request.request_id) and request.request_id in self._seen
        is_same = (
            last is not None
            and last[:2] == (request.bot, request.act)
            and now_s - last[2] < SAME_ACT_S
        )
        self._seen[request.request_id] = None
        while len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        if not is_known and not is_same:
            self._last_act = (request.bot, request.act, now_s)
        return is_known or is_same

    async def _stop(self, request: StopBot, session: Session) -> Reply:
        if request.policy is not None and request.policy not in _STOPS:
            raise ConfigError(f"{request.policy.value} is no way to end a bot.")
        bots = [bot for bot in self._engine.running if bot.owner == session.number]
        if request.bot:
            known = self._engine.bots.get(request.bot)
            is_running = known is not None and known.is_running
            bots = [
                known
                if known is not None and is_running
                else await self._engine.revive(request.bot)
            ]
        for bot in bots:
            self._engine.stop_bot(bot, request.policy, by=request.by)
        return Done(detail=", ".join(bot.name for bot in bots))

    async def _kill(self, request: Kill) -> Reply:
        done = await self._engine.kill(request)
        if request.stage is KillStage.RELEASE and self._starts is not None:
            self._starts.released()
        return Done(detail=done)

    async def _reconnect(self, venue: str) -> Reply:
        for account in self._engine.accounts:
            if account.exchange.venue == venue:
                await account.exchange.connect()
                return Done()
        return Refused(message=f"{venue[:60]} is not connected.", code="NO_VENUE")

    def _bots(self) -> Bots:
        return Bots(
            bots=tuple(self._engine.rows()),
            risk_state=self._engine.risk.state.value,
            engine_pid=os.getpid(),
            mode=self._engine.mode,
        )

    def _requests(self) -> Requests:
        rows = [
            RequestRow(
                at=call.at,
                venue=call.venue,
                method=call.method,
                detail=call.detail,
                weight=call.weight,
                took_ms=call.took_ms,
                answer=call.answer,
            )
            for account in self._engine.accounts
            for call in account.execution.calls()
        ]
        return Requests(requests=tuple(sorted(rows, key=lambda row: row.at, reverse=True)[:100]))

    def _orders(self, request: ListOrders) -> Orders:
        bot = self._engine.bots.get(request.bot)
        if bot is None:
            raise ConfigError(f"no bot named {request.bot[:60]} is known.")
        stored = self._engine.account_of(bot).execution.orders(
            bot.bot_id, min(max(request.limit, 1), 1000)
        )
        return Orders(orders=tuple(_order_row(item) for item in stored))


def _order_row(item: StoredIntent) -> OrderRow:
    intent = item.intent
    inputs = ", ".join(f"{name} {value}" for name, value in json.loads(intent.inputs))
    return OrderRow(
        client_order_id=intent.client_order_id,
        order_id=item.order_id,
        level=intent.level,
        role=intent.role,
        side=intent.side,
        price=None if intent.price is None else Decimal(intent.price),
        amount=Decimal(intent.amount),
        filled=Decimal(item.applied),
        state=item.state,
        reason=f"{intent.rule}: {inputs}" if inputs else intent.rule,
        created_at=from_ns(intent.created_ns),
        updated_at=from_ns(item.updated_ns),
    )
