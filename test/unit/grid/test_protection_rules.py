"""The parts of the protections, each alone: timers, lines, levels, rates, gates and precedence."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.adapters.exchanges.models import ExchangeType, Instrument, OrderSide
from core.domain.events import Horizon, MarketMoved
from core.services.grid.ladder import Ladder
from core.services.grid.ledger import Ledger
from core.services.grid.protections.arbiter import Arbiter
from core.services.grid.protections.capital_protection import break_even
from core.services.grid.protections.cycles import HOUR_NS, Cycles, cycle_apr
from core.services.grid.protections.directive import Act, Rank
from core.services.grid.protections.equity import CALM, EVERY_ROW, EquityLine
from core.services.grid.protections.gates import is_leap, is_too_old, is_trusted
from core.services.grid.protections.price_lock import start_base
from core.services.grid.protections.reading import Ground, Reading
from core.services.grid.protections.rule import Stage
from core.services.grid.protections.scalping import break_even_level, exit_price
from core.services.grid.protections.settings import (
    CapitalSettings,
    LockSettings,
    ProtectionSettings,
    ScalpingSettings,
    StopLossSettings,
    TakeProfitSettings,
)
from core.services.grid.protections.spot_reserve import ReserveSettings, SpotReserve
from core.services.grid.protections.timer import SECOND_NS, Timer

TICK = Decimal("0.1")
LONG = Ladder(
    entry_side=OrderSide.BUY,
    lower=900,
    upper=1100,
    interval=10,
    distance=1,
    amounts=(1000,) * 20,
)
SHORT = replace(LONG, entry_side=OrderSide.SELL)
INSTRUMENT = Instrument(
    symbol="TEST-USDC-PERP",
    venue="paper",
    market_type=ExchangeType.PERPETUAL,
    base="TEST",
    quote="USDC",
    tick_size=TICK,
    lot_size=Decimal("0.001"),
)


def line(base: str = "1000", slope: str = "0", fee: str = "0") -> EquityLine:
    """A worth."""
    return EquityLine(base=Decimal(base), slope=Decimal(slope), taker_fee=Decimal(fee))


def ground(ladder: Ladder = LONG, worth: EquityLine | None = None) -> Ground:
    """A ladder on a capital of 1000, with something held."""
    return Ground(
        ladder=ladder,
        tick=TICK,
        line=worth or line(),
        capital=Decimal(1000),
        position=Decimal(ladder.entry_side.sign),
        is_holding=True,
    )


def reading(
    price: str, at_s: float = 0, *, on: Ground | None = None, trusted: bool = True
) -> Reading:
    """A price on a ground."""
    here = on or ground()
    at = Decimal(price)
    return Reading(
        ground=here,
        at_ns=round(at_s * SECOND_NS),
        price=at,
        level=here.ladder.index_of(at / TICK),
        equity=here.line.at(at),
        ladder_value=lambda: Decimal(20_000),
        closed_equity=here.line.closed(at, Decimal(0)),
        age_ms=0,
        is_new=True,
        is_trusted=trusted,
    )


# -- timer -------------------------------------------------------------------------------------


def test_a_timer_holds_from_the_first_true_to_the_first_false():
    """A break clears it; what has held for long enough counts, whatever comes with it."""
    timer = Timer(10)
    assert not timer.has_held(0, holds=True)
    assert not timer.has_held(9, holds=True)
    assert timer.has_held(10, holds=False)
    timer.clear()
    timer.see(0, holds=True)
    timer.see(5, holds=False)
    assert not timer.has_held(11, holds=True)
    assert timer.expires_ns == 21


def test_a_timer_concludes_nothing_on_a_price_that_is_not_believed():
    """It goes on counting, and ends with the next price that is."""
    timer = Timer(10)
    timer.see(0, holds=True)
    assert not timer.has_held(12, holds=True, is_trusted=False)
    assert timer.has_held(13, holds=True)


@pytest.mark.parametrize("gap_s, left_s", [(60, 5), (61, 10)])
def test_a_timer_stands_still_in_a_gap(gap_s: int, left_s: int):
    """Up to a minute it stands still; after more it begins anew."""
    timer = Timer(10 * SECOND_NS)
    timer.see(0, holds=True)
    timer.distrust(5 * SECOND_NS)
    assert timer.expires_ns is None
    end_ns = (5 + gap_s) * SECOND_NS
    timer.see(end_ns, holds=True)

    assert timer.expires_ns == end_ns + left_s * SECOND_NS


def test_a_timer_remembers_through_the_journal():
    """What it dumps it takes back, gaps included."""
    timer, other = Timer(10), Timer(10)
    timer.see(3, holds=True)
    timer.distrust(4)
    other.load(timer.dump())

    assert (other.since_ns, other.stale_ns) == (3, 4)
    assert other.progress(13) == 0.1


# -- worth -------------------------------------------------------------------------------------


def test_a_worth_is_a_straight_line_in_the_price():
    """Allocation + realized + unrealized - fees + funding, from the ledger alone."""
    ledger = Ledger(INSTRUMENT, OrderSide.SELL)
    ledger.open(1, Decimal(2), Decimal(100), Decimal("0.5"))
    ledger.book_funding(Decimal("0.25"))
    worth = EquityLine.of(
        ledger, allocation=Decimal(1000), contract=Decimal(1), fee=Decimal("0.001")
    )

    assert worth.at(Decimal(95)) == Decimal("1009.75")
    assert worth.closed(Decimal(95), Decimal("0.05")) == Decimal("1009.75") - Decimal("0.29")
    assert worth.price_of(Decimal("1009.75")) == 95


@given(
    base=st.decimals("-5000", "5000", places=3),
    slope=st.decimals("-40", "40", places=3),
    fee=st.sampled_from([Decimal(0), Decimal("0.0005"), Decimal("0.01")]),
    target=st.decimals("1", "3000", places=2),
    ticks=st.integers(1, 3000),
)
def test_no_price_inside_a_horizon_could_change_a_worth(base, slope, fee, target, ticks):
    """What lies strictly inside is on the same side of the target, to the last digit."""
    worth, price = EquityLine(base=base, slope=slope, taker_fee=fee), ticks * TICK
    is_reached = worth.closed(price, Decimal(0)) >= target

    if is_inside(worth.reaching(target, TICK), ticks):
        assert not is_reached
    if is_inside(worth.falling_below(target, TICK), ticks):
        assert is_reached


def is_inside(horizon: Horizon, ticks: int) -> bool:
    """Whether a price is strictly inside."""
    is_low = horizon.below is None or ticks > horizon.below
    return is_low and (horizon.above is None or ticks < horizon.above)


# -- levels ------------------------------------------------------------------------------------


@pytest.mark.parametrize("ladder", [LONG, SHORT])
@given(level=st.integers(1, 25), ticks=st.integers(800, 1200))
def test_a_level_is_reached_where_the_ladder_says_so(ladder: Ladder, level: int, ticks: int):
    """The edge and the index agree at every tick, in both directions, and so do the horizons."""
    here = ground(ladder)
    reached = here.is_at_or_below(level, ticks * TICK)

    assert reached is (ladder.index_of(ticks) <= min(level, ladder.count))
    if is_inside(here.at_or_below(level), ticks):
        assert not reached
    if is_inside(here.above(level), ticks):
        assert reached


def test_break_even_has_the_level_that_it_has_reached():
    """The last line reached, at least 1; beyond the last line it is more than the ladder has."""
    levels = [
        break_even_level(LONG, Decimal(ticks)) for ticks in (850, 900, 1019, 1020, 1090, 1091)
    ]

    assert levels == [1, 1, 12, 13, 20, 21]
    assert break_even_level(SHORT, Decimal(980)) == 13


@pytest.mark.parametrize(
    "break_even_ticks, grids, clamped, expected",
    [(1020, 2, False, 1040), (1085, 5, False, 1090), (1120, 2, False, 1140), (1120, 2, True, 1090)],
)
def test_the_exit_of_scalping(break_even_ticks, grids, clamped, expected):
    """So many lines further, at most the last, beyond it only where break-even is."""
    for ladder, sign in ((LONG, 1), (SHORT, -1)):
        ticks = Decimal(1000 + sign * (break_even_ticks - 1000))
        found = exit_price(ladder, ticks, grids, is_clamped=clamped)
        assert found == 1000 + sign * (expected - 1000)


def test_the_exit_of_a_short_is_never_at_or_below_zero():
    """Seed 723: a loss that no price can make good, so the last line is as far as it goes."""
    assert exit_price(SHORT, Decimal(-50), 2, is_clamped=False) == 910
    assert exit_price(SHORT, Decimal(20), 2, is_clamped=False) == 910
    assert exit_price(SHORT, Decimal(21), 2, is_clamped=False) == 1


def test_break_even_tolerates_a_cent_or_a_hundred_thousandth():
    """Whichever is more."""
    assert break_even(Decimal(1000)) == Decimal("999.99")
    assert break_even(Decimal(10_000_000)) == Decimal(9_999_900)


# -- rates -------------------------------------------------------------------------------------


def test_a_rate_needs_capital_and_time():
    """Without either it is zero, not an error."""
    assert cycle_apr(Decimal(1), 0, Decimal(1)) == 0
    assert cycle_apr(Decimal(1), HOUR_NS, Decimal(0)) == 0


def test_round_trips_survive_the_journal():
    """Sums of half a minute, with their first and last moment."""
    cycles, other = Cycles(), Cycles()
    cycles.begin(0)
    for second in (100, 110, 140, 290):
        cycles.add(second * SECOND_NS, Decimal("0.5"))
    other.load(cycles.dump())

    assert other.dump() == cycles.dump()
    assert len(cycles.dump()[1]) == 3
    assert other.apr(650 * SECOND_NS, Decimal(1)) == cycles.apr(650 * SECOND_NS, Decimal(1))


# -- gates -------------------------------------------------------------------------------------


def moved(price: str, before: str | None, age_ms: int = 0) -> MarketMoved:
    """A price and the one before it."""
    previous = None if before is None else Decimal(before)
    return MarketMoved(
        at_ns=0,
        bid=None,
        ask=None,
        last=None,
        mark=Decimal(price),
        age_ms=age_ms,
        previous=previous,
    )


@pytest.mark.parametrize(
    "price, before, leaps",
    [("105", "100", False), ("105.1", "100", True), ("94.9", "100", True), ("1", None, False)],
)
def test_a_price_far_from_the_one_before_is_a_leap(price: str, before: str | None, leaps: bool):
    """More than five percent, in either direction; the first price is none."""
    assert is_leap(moved(price, before), Decimal(price)) is leaps
    assert is_trusted(moved(price, before), Decimal(price)) is not leaps


def test_an_old_price_closes_nothing():
    """Older than thirty seconds."""
    assert not is_too_old(moved("1", None, 30_000))
    assert is_too_old(moved("1", None, 30_001))


# -- precedence --------------------------------------------------------------------------------

ALL = ProtectionSettings(
    stop_loss=StopLossSettings(timeout_s=1, trigger_percent=Decimal(50)),
    take_profit=TakeProfitSettings(fraction=Decimal("0.005")),
    capital=CapitalSettings(trigger_percent=20, closes_now=True),
    scalping=ScalpingSettings(trigger_percent=20),
)


def test_the_lowest_rank_is_heard():
    """All four want something at once; each in turn is heard when those before it are off."""
    here = ground(worth=line(base="1006"))
    told, heard = ALL, []
    for name in ("stop_loss", "take_profit", "capital", "scalping"):
        arbiter = Arbiter(told, follows=True)
        for rule in arbiter.rules:
            rule.judge(reading("95", 0, on=here))
        found = arbiter.judge(reading("95", 3, on=here), limit=Rank.NONE)
        assert found.directive is not None
        heard.append(found.directive.rank)
        waiting = [change.after for change in found.changes[1:]]
        assert set(waiting) <= {Stage.ARMED}
        told = replace(told, **{name: None})

    assert heard == [Rank.STOP_LOSS, Rank.TAKE_PROFIT, Rank.CAPITAL_PROTECTION, Rank.SCALPING]


def test_only_ranks_below_the_limit_are_asked():
    """While a take profit is under way only the stop loss is asked."""
    arbiter = Arbiter(ALL, follows=True)
    found = arbiter.judge(reading("95"), limit=Rank.TAKE_PROFIT)

    assert found.directive is None
    assert [change.name for change in found.changes] == ["stop_loss"]
    assert arbiter.horizon(ground(), limit=Rank.STOP_LOSS) == CALM


def test_nothing_is_closed_on_a_price_that_is_not_believed():
    """Armed and timed it may be; the directive comes with the next price."""
    arbiter = Arbiter(replace(ALL, scalping=None, take_profit=None), follows=True)
    arbiter.judge(reading("95", 0, trusted=False), limit=Rank.NONE)
    assert arbiter.judge(reading("95", 2, trusted=False), limit=Rank.NONE).directive is None
    found = arbiter.judge(reading("95", 2), limit=Rank.NONE)

    assert found.directive is not None
    assert found.directive.act is Act.STOP


def test_what_every_rule_knows_survives_the_journal():
    """A new arbiter that reads the old one's memory answers and looks the same."""
    arbiter, other = Arbiter(ALL, follows=False), Arbiter(ALL, follows=False)
    for at_s, price in enumerate(("99", "100", "95")):
        arbiter.judge(reading(price, at_s), limit=Rank.NONE)
    other.load(arbiter.dump())

    assert other.dump() == arbiter.dump()
    assert other.horizon(ground(), limit=Rank.NONE) == arbiter.horizon(ground(), limit=Rank.NONE)
    for mine, theirs in zip(arbiter.rules, other.rules, strict=True):
        assert mine.sight(ground(), Decimal(95), 0) == theirs.sight(ground(), Decimal(95), 0)


def test_a_rule_that_was_off_begins_anew():
    """Memory of others is taken, what is missing stays as it was made."""
    arbiter = Arbiter(ALL, follows=False)
    arbiter.load({})

    assert all(rule.stage is Stage.IDLE for rule in arbiter.rules)


# -- lock and reserve --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "side, price, base",
    [
        (OrderSide.BUY, "103", "100"),
        (OrderSide.BUY, "99", "99"),
        (OrderSide.SELL, "97", "100"),
        (OrderSide.SELL, "101", "101"),
    ],
)
def test_a_range_begins_at_the_threshold_only_beyond_it(side: OrderSide, price: str, base: str):
    """On the favourable side the threshold, else the price."""
    lock = LockSettings(threshold=Decimal(100), starts_at_threshold=True)

    assert start_base(lock, Decimal(price), side) == Decimal(base)
    assert start_base(replace(lock, starts_at_threshold=False), Decimal(price), side) == Decimal(
        price
    )


def test_a_reserve_is_filled_up_so_often_a_day_and_not_too_soon():
    """The next moment is after the interval, or when the oldest of a full day has left it."""
    reserve = SpotReserve(
        ReserveSettings(amount=Decimal(1), replenishes=True, max_per_day=2, min_interval_s=300)
    )
    assert reserve.next_ns(0) == 0
    reserve.note_purchase(0)
    assert reserve.next_ns(SECOND_NS) == 300 * SECOND_NS
    reserve.note_purchase(300 * SECOND_NS)
    assert reserve.next_ns(700 * SECOND_NS) == 86_400 * SECOND_NS
    assert reserve.is_wanted(Decimal("0.5"))
    assert not reserve.is_wanted(Decimal("0.51"))


def test_what_a_reserve_buys_is_rounded_up_and_worth_enough():
    """To the lot, to the least value, and to the venue's minimum."""
    reserve = SpotReserve(ReserveSettings(amount=Decimal(1), min_order_value=Decimal(12)))
    lot = Decimal("0.001")

    assert reserve.lots(Decimal("0.5001"), lot, Decimal(100), 1) == 501
    assert reserve.lots(Decimal("0.01"), lot, Decimal(100), 1) == 120
    assert reserve.lots(Decimal("0.01"), lot, Decimal(10_000), 50) == 50
    assert reserve.missing(Decimal("0.4"), is_start=True) == Decimal("0.6")
    assert [reserve.word_of(Decimal(left)) for left in ("0.5", "0.4", "0.2")] == [
        "",
        "low",
        "critical",
    ]


def test_every_row_is_no_row_skipped():
    """The horizon of a rule that counts prices lies around every price."""
    assert not any(is_inside(EVERY_ROW, ticks) for ticks in (1, 10**6))
