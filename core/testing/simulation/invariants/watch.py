"""Every invariant on one run: asked about each record, and again when the run is at rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from core.adapters.exchanges.models import FillData
from core.domain.lifecycle import OrderState
from core.services.grid.slots import Leg, Progress
from core.services.grid.snapshot import GridPhase
from core.testing.simulation.history import (
    Accepted,
    Called,
    Ended,
    FaultFired,
    FillDurable,
    Filled,
    IntentDurable,
    QueueSeen,
    Reborn,
    Record,
    Settled,
    Started,
)
from core.testing.simulation.invariants import acts, limits, liveness, money, orders, words
from core.testing.simulation.invariants.base import Invariant, Rest, Terms, Violation
from core.testing.simulation.marks import Marks

if TYPE_CHECKING:
    from core.services.execution.service import ExecutionService
    from core.services.grid.machine import GridMachine
    from core.services.grid.settings import GridSettings
    from core.testing.simulation.faults import Episode
    from core.testing.simulation.host import Life
    from core.testing.simulation.world import World

INVARIANTS: Final[Sequence[type[Invariant]]] = (
    orders.OneOrderPerIntent,
    money.EveryFillOnce,
    orders.DurableFirst,
    orders.OneOrderPerSlot,
    money.NeverTooMuch,
    acts.NothingOnStalePrices,
    orders.WithinFilters,
    money.ProfitIsExact,
    acts.NothingInAWrongTime,
    acts.HaltedMeansHalted,
    orders.StrangersAreLeftAlone,
    orders.AbsenceIsProved,
    liveness.NothingUnknown,
    liveness.StreamsAreLive,
    liveness.EverythingAgrees,
    liveness.BotsRun,
    liveness.NothingPilesUp,
    liveness.NoDeadlock,
    limits.WithinTheRate,
    limits.RoomForCancels,
    limits.BoundedQueues,
    limits.OneHolder,
    limits.RisingNumbers,
    acts.TheDeadDoNothing,
    acts.NothingUnexpected,
    words.NoSecrets,
    orders.EndsAgree,
    words.OneAlarmEach,
    liveness.ReplayGivesTheSame,
)
MOST_VIOLATIONS: Final = 50
_COUNTED: Final[dict[type, str]] = {
    FaultFired: "faults",
    Started: "lives",
    IntentDurable: "intents",
    Accepted: "orders",
    Filled: "fills",
}


NO_LADDER = "no ladder"
COMPOUNDED: Final = Decimal("0.1")
"""Fraction by which orders that grow with what they earn may have grown within a run."""


def is_out_of_range(machine: GridMachine) -> bool:
    """Whether a grid has no ladder because the price has left its file, and has said so.

    It waits for a person then, or for the price to come back.
    """
    if machine.phase is GridPhase.HOLDING:
        return machine.phase_reason.startswith(NO_LADDER)
    waits = machine._awaits_price and not machine._is_price_back()  # noqa: SLF001 # a witness looks inside
    return machine.phase is GridPhase.BUILDING and waits


class Watch:
    """The invariants of one run.

    Args:
        world: The run.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self.terms = terms_of(world)
        self.invariants = [kind(self.terms) for kind in INVARIANTS]
        self.violations: list[Violation] = []
        self.counts: Counter[str] = Counter()
        self._folder = str(world.machine.folder)
        self._marks = Marks(world)
        self._reborn_fills: set[tuple[str, str]] | None = None
        self._funding = Decimal(0)

    @property
    def marks(self) -> Counter[str]:
        """Which rare things happened, and how often."""
        return self._marks.seen

    @property
    def cells(self) -> Counter[tuple[str, str, str]]:
        """(fault, order state, phase) -> how often they met."""
        return self._marks.cells

    def on(self, record: Record) -> None:
        """Asks every invariant about a record."""
        self._world.loop.note_text(repr(record).replace(self._folder, "~"))
        self._count(record)
        self._marks.on(record)
        for invariant in self.invariants:
            for text in invariant.on(record):
                self.violate(invariant.name, text)

    def violate(self, name: str, text: str) -> None:
        """Notes a violation; a flood of them is cut."""
        if len(self.violations) < MOST_VIOLATIONS:
            at_ns = self._world.loop.now_ns()
            self.violations.append(Violation(name=name, at_ns=at_ns, text=text))

    def met(self, episode: Episode) -> None:
        """An episode begins."""
        self._marks.met(episode)

    def judge(self) -> None:
        """Asks every invariant about the run at rest."""
        rest = self.rest()
        for invariant in self.invariants:
            for text in invariant.at_rest(rest):
                self.violate(invariant.name, text)

    def sample(self) -> None:
        """Looks at the lengths of queues."""
        life = self._world.machine.life
        if life is None or life.process.is_dead or life.bot is None:
            return
        for what, length in (
            ("inbox", len(life.bot.service.inbox)),
            ("tasks", len(life.process.tasks)),
        ):
            if length > 200:
                self._world.history.add(
                    QueueSeen(
                        at_ns=self._world.loop.now_ns(),
                        life=life.process.number,
                        what=what,
                        length=length,
                    )
                )

    # -- at rest ------------------------------------------------------------------------------

    def unrest(self) -> str:
        """Why the run is not at rest; empty where it is."""
        life = self._world.machine.life
        if life is None or life.is_over or life.bot is None or life.journal is None:
            return "no bot runs"
        machine = life.bot.service.machine
        if is_out_of_range(machine):
            return self._unrest_of_streams(life)
        if machine.phase is not GridPhase.RUNNING:
            return f"the bot is {machine.phase.value}: {machine.phase_reason}"
        return (
            self._unrest_of_execution(life)
            or self._unrest_of_orders(machine)
            or self._unrest_of_books(life)
            or self._unrest_of_streams(life)
        )

    def _unrest_of_streams(self, life: Life) -> str:
        """A market without news is doubted for a moment, until another source confirms it."""
        stale = self._stale_streams(life)
        return f"{stale} streams are not live" if stale else ""

    def _stale_streams(self, life: Life) -> int:
        market = None if life.engine is None else next(iter(life.engine.accounts)).market
        symbol = self.terms.instrument.symbol
        is_live = market is not None and market.light(symbol).state == "live"
        return (not is_live) + (life.door is None or not life.door.is_connected())

    def _unrest_of_execution(self, life: Life) -> str:
        assert life.bot is not None  # noqa: S101 # `unrest` looked
        assert life.journal is not None  # noqa: S101 # the same
        execution = execution_of(self._world)
        if execution._desk.sender._waiting:  # noqa: SLF001 # a witness looks inside
            return "requests wait for their turn"
        doubtful = [
            order.client_order_id
            for order in execution._manager  # noqa: SLF001 # a witness looks inside
            if order.state.is_unproved or order.is_vanished or order.unapplied
        ]
        if doubtful:
            return f"in doubt: {', '.join(doubtful)}"
        if len(life.bot.service.inbox) or life.journal.is_busy:
            return "events wait"
        market = None if life.engine is None else next(iter(life.engine.accounts)).market
        if market is None or market.mark(self.terms.instrument.symbol) is None:
            return "there is no price yet"
        return ""

    def _unrest_of_orders(self, machine: GridMachine) -> str:
        venue = self._world.venue
        resting = {
            order.client_order_id for order in venue.truth.open.values() if venue.is_ours(order)
        }
        believed = {order.client_order_id for order in machine.orders}
        if resting != believed:
            return f"rest {sorted(map(str, resting))}, believed {sorted(believed)}"
        if any(order.progress is not Progress.OPEN for order in machine.orders):
            return "orders have not been accepted"
        idle = [
            slot.level
            for slot in machine.slots
            if slot.order is None and not is_excused(machine, slot.level)
        ]
        return f"levels {idle} have no order" if idle else ""

    def _unrest_of_books(self, life: Life) -> str:
        assert life.bot is not None  # noqa: S101 # `unrest` looked
        assert life.journal is not None  # noqa: S101 # the same
        row = life.journal.ledger(life.bot.bot_id)
        if row is not None and Decimal(row.funding) != self._funding:
            return f"funding is {row.funding}, at the venue {self._funding}"
        missing = self._missing_fills()
        return f"fills {missing} are not in the books" if missing else ""

    def _missing_fills(self) -> list[str]:
        life = self._world.machine.life
        assert life is not None  # noqa: S101 # asked by `unrest` after it looked
        assert life.journal is not None  # noqa: S101 # open while it lives
        reader = life.journal
        return [
            fill.trade_id
            for fill in ours(self._world)
            if not reader.has_fill(
                fill.venue, fill.account, fill.symbol, fill.trade_id, fill.order_id
            )
        ]

    def rest(self) -> Rest:
        """The run as it is now."""
        world = self._world
        life = world.machine.life
        truth = world.venue.truth
        last_words = {}
        for identity, order_ids in truth.by_identity.items():
            order = truth.versions[order_ids[-1]][-1][1]
            if world.venue.is_ours(order):
                last_words[identity] = order
        open_orders = tuple(order for order in truth.open.values() if world.venue.is_ours(order))
        if life is None or life.is_over or life.bot is None or life.journal is None:
            return Rest(
                terms=self.terms,
                is_running=False,
                unrest=self.unrest(),
                open_orders=open_orders,
                last_words=last_words,
                fills=tuple(ours(world)),
            )
        bot, journal = life.bot, life.journal
        machine = bot.service.machine
        bot_id = bot.bot_id
        market = next(iter(life.engine.accounts)).market if life.engine is not None else None
        symbol = self.terms.instrument.symbol
        mark = None if market is None else market.mark(symbol)
        result = machine.result(world.machine.clock.now_ns(), mark)
        execution = execution_of(world)
        rows = journal.orders(bot_id, 1_000_000)
        return Rest(
            terms=self.terms,
            is_running=True,
            phase=machine.phase.value,
            is_out_of_range=is_out_of_range(machine),
            unrest=self.unrest(),
            open_orders=open_orders,
            last_words=last_words,
            fills=tuple(ours(world)),
            funding=self._funding,
            intents={row.intent.client_order_id: row for row in rows},
            ledger=journal.ledger(bot_id),
            book_fills=frozenset(journal.fill_keys()),
            since_birth=None if self._reborn_fills is None else frozenset(self._reborn_fills),
            slot_orders=frozenset(order.client_order_id for order in machine.orders),
            result={
                "realized": result.realized_pnl,
                "unrealized": result.unrealized_pnl,
                "fees": result.fees,
                "funding": result.funding,
                "mark": mark or Decimal(0),
            },
            slots=tuple(
                (
                    slot.level,
                    slot.state(machine.ledger.lots(slot.level)).value,
                    is_excused(machine, slot.level),
                )
                for slot in machine.slots
            ),
            unknown=sum(
                order.state in {OrderState.UNKNOWN, OrderState.SENT, OrderState.INTENT}
                for order in execution._manager  # noqa: SLF001 # as above
            ),
            stale_streams=self._stale_streams(life),
            inbox=len(bot.service.inbox),
            waiting=len(execution._desk.sender._waiting),  # noqa: SLF001 # as above
            tasks=len(life.process.tasks),
            stored_state={
                key: value
                for key, value in journal.state(bot_id).items()
                if key not in {"service", "life"}
            },
            live_state={key: value for key, value in machine.dump().items() if value is not None},
        )

    # -- inside -------------------------------------------------------------------------------

    def _count(self, record: Record) -> None:
        self.counts["records"] += 1
        name = _COUNTED.get(type(record))
        if isinstance(record, Ended):
            self.counts[record.how] += 1
        elif name is not None and getattr(record, "is_ours", True):
            self.counts[name] += 1
        elif isinstance(record, Called):
            self.counts["requests"] += 1
        self._keep_books(record)

    def _keep_books(self, record: Record) -> None:
        """What belongs to the present life of the bot's books."""
        if isinstance(record, Reborn):
            self._reborn_fills = set()
            self._funding = Decimal(0)
        elif isinstance(record, FillDurable):
            if self._reborn_fills is not None and record.is_new:
                self._reborn_fills.add((record.trade_id, record.order_id))
        elif isinstance(record, Settled):
            self._funding += record.amount


def terms_of(world: World) -> Terms:
    """What the bot's file allows, worked out from its words.

    Where the file is edited, what the old ladder holds stays beside what the new one may buy.
    """
    from core.testing.simulation.host import read_plan

    plans = [read_plan(text).settings for text in world.texts]
    settings = plans[0]
    is_open_ended = str(settings.grid_type) == "infinity"
    rules = settings.instrument
    most = sum((_most(plan) for plan in plans), Decimal(0))
    return Terms(
        instrument=rules,
        entry_side=settings.entry_side.value,
        most_lots=None if is_open_ended else int(most / rules.lot_size),
        levels=sum(plan.level_count for plan in plans),
        is_two_sided=str(settings.grid_type) == "neutral",
        closes_beside_exits=settings.protections.stop_loss is not None,
        orders_per_minute=world.venue.profile.orders_per_minute,
    )


def _most(settings: GridSettings) -> Decimal:
    """The entries of a whole ladder together, and what is kept beside them."""
    levels, step = settings.level_count, settings.amount_step
    most = Decimal(0)
    for level in range(1, levels + 1):
        amount = settings.order_amount + (levels - level) * settings.martingale_increment
        most += amount // step * step
    if settings.is_compounding:
        most += most * COMPOUNDED
    reserve = settings.protections.reserve
    return most if reserve is None else most + reserve.amount * 2


def execution_of(world: World) -> ExecutionService:
    """The execution of the life that runs."""
    life = world.machine.life
    assert life is not None  # noqa: S101 # asked for a life that runs
    assert life.engine is not None  # noqa: S101 # there while it lives
    return next(iter(life.engine.accounts)).execution


def ours(world: World) -> list[FillData]:
    """Executions of ours at the venue."""
    return [fill for _, fill in world.venue.truth.fills if world.venue.is_ours(fill)]


def is_excused(machine: GridMachine, level: int) -> bool:
    """Whether a level without an order is meant to have none.

    The price is too near, or far; one exit stands for all; a protection lets no entry rest; or
    an edit took its line off.
    """
    if machine.is_scalping:
        return True
    slot = machine.slots[level - 1]
    is_entry = slot.leg(machine.ledger.lots(level)) is Leg.ENTRY
    if is_entry and (slot.is_orphan or machine._is_frozen):  # noqa: SLF001 # a witness looks inside
        return True
    if machine.settings.active_window and level not in machine._window:  # noqa: SLF001 # a witness looks inside
        return True
    return slot.is_waiting
