"""Risk of an engine: latched, journaled, fail-closed."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from core.adapters.exchanges.models import OrderSide
from core.adapters.storage.journal import SqliteJournal
from core.domain.commands import Role
from core.errors import JournalFull
from core.services.ports import RiskRow, Transaction
from core.services.risk.limits import Limits
from core.services.risk.rules import Exposure, Reference, RiskState
from core.services.risk.service import RiskService
from core.testing.clock import ManualClock
from core.testing.execution import BOT, instrument, order

MARKET = Reference(bid=Decimal(100), ask=Decimal("100.1"), mark=Decimal("100.05"))
DAY_NS = 86_400_000_000_000


@pytest.fixture
def clock() -> ManualClock:
    """A clock that stands still."""
    return ManualClock(20_000 * DAY_NS)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[SqliteJournal]:
    """An empty journal."""
    made = SqliteJournal(tmp_path / "journal.db", is_inline=True, busy_wait_s=0)
    yield made
    made.close()


@pytest.fixture
def risk(journal: SqliteJournal, clock: ManualClock) -> RiskService:
    """Risk with one bot."""
    made = RiskService(journal, clock)
    made.register(BOT, instrument(), Limits(daily_loss=Decimal(10), orders_per_minute=2))
    return made


def code(risk: RiskService, **changes: object) -> str:
    """The reason alone."""
    denial = risk.check(BOT, order("a"), Exposure(**changes), MARKET)  # type: ignore[arg-type]
    return "" if denial is None else denial.code


def test_an_unregistered_bot_is_denied(risk: RiskService):
    """Fails closed: no limits are no permission, also after it was unregistered."""
    denial = risk.check("other", order("a"), Exposure(), MARKET)
    risk.unregister(BOT)

    assert denial is not None
    assert denial.code == "NOT_REGISTERED"
    assert code(risk) == "NOT_REGISTERED"


async def test_a_halt_survives_a_restart(
    risk: RiskService, journal: SqliteJournal, clock: ManualClock
):
    """Latched and journaled; only a release leads back, and that survives too."""
    await risk.halt("you", "panic")
    again = RiskService(journal, clock)
    assert (again.state, again.by) == (RiskState.HALTED, "you")

    await again.release("you")
    assert RiskService(journal, clock).state is RiskState.ACTIVE


async def test_listeners_hear_each_change(risk: RiskService):
    """With the new state and who asked, until they stop listening."""
    heard: list[tuple[RiskState, str]] = []
    end = risk.listen(lambda state, by: heard.append((state, by)))
    await risk.reduce("kill")
    end()
    await risk.release("you")

    assert heard == [(RiskState.REDUCING, "kill")]


async def test_a_halt_is_in_force_even_when_it_cannot_be_written(
    risk: RiskService, journal: SqliteJournal
):
    """ST1: a full disk is no reason to go on."""

    async def full(transaction: Transaction) -> None:
        raise JournalFull("no room")

    journal.commit = full  # type: ignore[method-assign]
    with pytest.raises(JournalFull):
        await risk.halt("you")
    del journal.commit  # type: ignore[attr-defined]

    assert risk.state is RiskState.HALTED
    assert [row.state for row in journal.risk()] == ["HALTED"]


def test_the_rate_is_counted_over_the_last_minute(risk: RiskService, clock: ManualClock):
    """Two go, the third waits until the first is a minute old; denied ones do not count."""
    answers = [code(risk) for _ in range(4)]
    clock.advance(60)

    assert answers == ["", "", "ORDER_RATE_EXCEEDS_CAP", "ORDER_RATE_EXCEEDS_CAP"]
    assert code(risk) == ""


def test_a_days_loss_stops_entries_until_the_next_day(risk: RiskService, clock: ManualClock):
    """From the first reading of the UTC day; exits still go."""
    risk.on_equity(BOT, Decimal(1000), clock.now_ns())
    assert not risk.on_equity(BOT, Decimal("990.1"), clock.now_ns())
    assert risk.on_equity(BOT, Decimal(990), clock.now_ns())
    assert not risk.on_equity(BOT, Decimal(989), clock.now_ns())
    way_out = order("b", OrderSide.SELL, role=Role.EXIT)

    assert code(risk) == "DAILY_LOSS_REACHED"
    assert risk.check(BOT, way_out, Exposure(position=500), MARKET) is None
    clock.advance(86_400)
    risk.on_equity(BOT, Decimal(989), clock.now_ns())
    assert code(risk) == ""


def test_a_reached_loss_survives_a_restart(
    risk: RiskService, journal: SqliteJournal, clock: ManualClock
):
    """Also the worth at the beginning of the day."""
    risk.on_equity(BOT, Decimal(1000), clock.now_ns())
    risk.on_equity(BOT, Decimal(980), clock.now_ns())
    again = RiskService(journal, clock)
    again.register(BOT, instrument(), Limits(daily_loss=Decimal(10)))

    assert code(again) == "DAILY_LOSS_REACHED"
    assert RiskRow(f"day:{BOT}", "REACHED", "risk", clock.now_ns(), "1000") in journal.risk()


async def test_a_release_counts_the_loss_from_there(risk: RiskService, clock: ManualClock):
    """Only a person releases; the next reading is the new beginning."""
    risk.on_equity(BOT, Decimal(1000), clock.now_ns())
    risk.on_equity(BOT, Decimal(980), clock.now_ns())
    await risk.release("you")
    risk.on_equity(BOT, Decimal(980), clock.now_ns())

    assert code(risk) == ""


def test_gauges_show_each_limit_and_its_use(risk: RiskService):
    """Limits that are not set are not shown."""
    risk.check(BOT, order("a"), Exposure(), MARKET)

    gauges = {gauge.name: (gauge.used, gauge.limit) for gauge in risk.gauges(BOT, Exposure())}

    assert gauges == {
        "order rate": (Decimal(1), Decimal(2)),
        "daily loss": (Decimal(0), Decimal(10)),
    }


def test_a_denial_tells_code_limit_and_value(risk: RiskService):
    """The sentence that the screen shows."""
    risk.register(BOT, instrument(), Limits(order_notional=Decimal(40)))

    denial = risk.check(BOT, order("a"), Exposure(), MARKET)

    assert str(denial) == "not sent: NOTIONAL_EXCEEDS_CAP, 50.0000 > 40 USDC"


def test_a_day_that_began_before_a_restart_goes_on(
    risk: RiskService, journal: SqliteJournal, clock: ManualClock
):
    """The loss of the whole day counts, not that since the restart; the next day begins anew."""
    risk.on_equity(BOT, Decimal(1000), clock.now_ns())
    again = RiskService(journal, clock)
    again.register(BOT, instrument(), Limits(daily_loss=Decimal(10)))
    clock.advance(3600)

    assert again.on_equity(BOT, Decimal(990), clock.now_ns())
    clock.advance(86_400 - 3600)
    assert again.on_equity(BOT, Decimal(985), clock.now_ns()) is False
    assert code(again) == ""


def test_a_gain_is_no_loss(risk: RiskService, clock: ManualClock):
    """Worth more than at the beginning of the day, nothing is used of the limit."""
    risk.on_equity(BOT, Decimal(1000), clock.now_ns())
    risk.on_equity(BOT, Decimal(1500), clock.now_ns())

    used = {gauge.name: gauge.used for gauge in risk.gauges(BOT, Exposure())}
    assert used["daily loss"] == 0


def test_without_a_loss_limit_worth_is_not_watched(risk: RiskService, clock: ManualClock):
    """Nothing is reached, and rows may be skipped; with one every row counts."""
    assert (risk.horizon().above, risk.horizon().below) == (0, 1 << 62)
    risk.register(BOT, instrument(), Limits())

    assert risk.on_equity(BOT, Decimal(1000), clock.now_ns()) is False
    assert risk.on_equity("other", Decimal(1000), clock.now_ns()) is False
    assert (risk.horizon().above, risk.horizon().below) == (None, None)


def test_the_position_gauge_shows_the_worst_that_may_come(risk: RiskService):
    """Whichever side is larger once everything on it has filled; what the plan set is marked."""
    limits = Limits(position=Decimal(2), planned=frozenset({"position"}))
    risk.register(BOT, instrument(), limits)
    found = []
    for exposure in (
        Exposure(position=300, buys=400, sells=200),
        Exposure(position=-300, buys=100, sells=400),
        Exposure(),
    ):
        (gauge,) = risk.gauges(BOT, exposure)
        found.append((gauge.used, gauge.limit, gauge.unit, gauge.is_plan))

    assert found == [
        (Decimal("0.7"), Decimal(2), "TEST", True),
        (Decimal("0.7"), Decimal(2), "TEST", True),
        (Decimal(0), Decimal(2), "TEST", True),
    ]
    assert risk.limits(BOT) == limits
    assert risk.gauges("other", Exposure()) == ()
