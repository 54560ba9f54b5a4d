"""The equity curve against one that marks every row by itself."""

from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.worth import Worth
from core.services.backtest.curve import DAY_NS, HOUR_NS, Curve, make_curve
from core.services.ports import Chunk

START = Decimal(1000)
FIRST_NS = 10**18


class Moment(NamedTuple):
    """The account at one moment, as a slow reader sees it."""

    at_ns: int
    equity: Decimal
    size: Decimal


class Case(NamedTuple):
    """A feed and what was held."""

    times: list[int]
    prices: list[int]
    worths: list[Worth]
    chunk: int


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Rows with equal and unequal times, and changes at their time or between them."""
    gaps = draw(st.lists(st.sampled_from([0, 1, 7, HOUR_NS]), min_size=1, max_size=30))
    times = [FIRST_NS]
    for gap in gaps:
        times.append(times[-1] + gap)
    prices = draw(st.lists(st.integers(90, 110), min_size=len(times), max_size=len(times)))
    worths = [Worth(-1, -1, START, Decimal(0))]
    for row in sorted(draw(st.lists(st.integers(0, len(times) - 1), max_size=8))):
        until = times[row + 1] if row + 1 < len(times) else times[row]
        at_ns = draw(st.sampled_from([times[row], until]))
        if worths[-1].row == row:
            at_ns = max(at_ns, worths[-1].at_ns)
        cash, size = draw(st.integers(900, 1100)), draw(st.integers(-3, 3))
        worths.append(Worth(at_ns, row, Decimal(cash), Decimal(size)))
    return Case(times, prices, worths, draw(st.integers(1, len(times))))


def curve_of(case: Case) -> Curve:
    """The curve, the feed read in pieces."""
    chunks = [
        Chunk(
            first_row=first,
            price_unit=Decimal(1),
            amount_unit=Decimal(1),
            ts_ns=case.times[first : first + case.chunk],
            last=case.prices[first : first + case.chunk],
            amount=[1] * len(case.times[first : first + case.chunk]),
            side=[0] * len(case.times[first : first + case.chunk]),
        )
        for first in range(0, len(case.times), case.chunk)
    ]
    return make_curve(
        chunks,
        case.worths,
        contract_size=Decimal(1),
        first_ns=case.times[0],
        last_ns=case.times[-1],
        start=START,
    )


def moments_of(case: Case) -> list[Moment]:
    """Every row and every change between rows, one by one."""
    found = []
    for row, (at_ns, price) in enumerate(zip(case.times, case.prices, strict=True)):
        before = [w for w in case.worths if w.row < row or (w.row == row and w.at_ns <= at_ns)]
        held = [before[-1], *(w for w in case.worths if w.row == row and w.at_ns > at_ns)]
        found += [
            Moment(
                max(at_ns, w.at_ns) if w is not held[0] else at_ns, w.cash + w.size * price, w.size
            )
            for w in held
        ]
    return found


@given(cases())
def test_the_largest_fall_is_that_of_a_reader_of_every_row(case: Case) -> None:
    """No extreme between two changes is lost, whatever the size of the pieces."""
    peak, worst = START, Decimal(0)
    for moment in moments_of(case):
        peak = max(peak, moment.equity)
        worst = max(worst, (peak - moment.equity) / peak)

    assert curve_of(case).max_drawdown == pytest.approx(float(worst), abs=1e-12)


@given(cases())
def test_points_hold_the_ends_and_the_extremes_exactly(case: Case) -> None:
    """Thinning out keeps the first, the last, the lowest and the highest moment."""
    moments, curve = moments_of(case), curve_of(case)
    shown = [point.equity for point in curve.points]

    assert shown[0] == moments[0].equity
    assert shown[-1] == curve.end == moments[-1].equity
    assert min(shown) == min(moment.equity for moment in moments)
    assert max(shown) == max(moment.equity for moment in moments)


@given(cases())
def test_time_weighted_measures_are_those_of_a_reader_of_every_row(case: Case) -> None:
    """Mean equity and the share of time with a position, weighted by time."""
    moments, curve = moments_of(case), curve_of(case)
    span = case.times[-1] - case.times[0]
    if not span:
        return
    pairs = list(pairwise(moments))
    held = sum(after.at_ns - before.at_ns for before, after in pairs if before.size)
    area = sum((after.at_ns - before.at_ns) * before.equity for before, after in pairs)

    assert curve.exposure == pytest.approx(held / span, abs=1e-9)
    assert curve.mean_equity == pytest.approx(float(area / span), rel=1e-9)


def test_samples_are_taken_at_every_hour_of_utc() -> None:
    """One sample for the start, one for the last moment of each hour that has any."""
    hour = FIRST_NS // HOUR_NS * HOUR_NS
    times = [hour + minute * 60 * 10**9 for minute in (0, 30, 59, 60, 200)]
    worths = [Worth(-1, -1, START, Decimal(0)), Worth(times[0], 0, Decimal(900), Decimal(1))]

    curve = curve_of(Case(times, [100, 101, 102, 103, 104], worths, 5))

    assert curve.period_ns == HOUR_NS
    assert curve.samples == (1000.0, 1002.0, 1003.0, 1004.0)


def test_a_fortnight_is_sampled_by_the_day() -> None:
    """Long runs are measured on daily returns."""
    times = [FIRST_NS + day * DAY_NS for day in range(16)]

    curve = curve_of(Case(times, [100] * 16, [Worth(-1, -1, START, Decimal(0))], 16))

    assert curve.period_ns == DAY_NS
    assert len(curve.samples) == 17


def test_a_long_curve_has_a_bounded_number_of_points() -> None:
    """Fifty thousand rows give less than two thousand points."""
    rows = 50_000
    times = [FIRST_NS + row * 10**9 for row in range(rows)]
    prices = [100 + row * 7919 % 13 for row in range(rows)]
    worths = [Worth(-1, -1, START, Decimal(0)), Worth(times[0], 0, Decimal(0), Decimal(10))]

    curve = curve_of(Case(times, prices, worths, 8192))

    assert 1000 < len(curve.points) <= 2000


def test_marks_are_those_of_the_newest_row_before() -> None:
    """A settlement at a row's own time is paid on the price before it."""
    times = [FIRST_NS, FIRST_NS + 10, FIRST_NS + 20]
    chunk = Chunk(
        first_row=0,
        price_unit=Decimal("0.5"),
        amount_unit=Decimal(1),
        ts_ns=times,
        last=[200, 202, 204],
        amount=[1, 1, 1],
        side=[0, 0, 0],
    )

    curve = make_curve(
        [chunk],
        [Worth(-1, -1, START, Decimal(0))],
        contract_size=Decimal(1),
        first_ns=times[0],
        last_ns=times[-1],
        start=START,
        marks_at=(FIRST_NS, FIRST_NS + 10, FIRST_NS + 15),
    )

    assert curve.marks[0] is None
    assert [(mark.price, mark.row) for mark in curve.marks[1:] if mark is not None] == [
        (Decimal(100), 0),
        (Decimal(101), 1),
    ]


def test_a_whole_quote_is_marked_at_its_middle() -> None:
    """Bid and ask count before the last trade; a side that is missing leaves the trade."""
    chunk = Chunk(
        first_row=0,
        price_unit=Decimal(1),
        amount_unit=Decimal(1),
        ts_ns=[1, 2, 3],
        last=[-1, 120, -1],
        amount=[-1, 1, -1],
        side=[0, 0, 0],
        bid=[100, 100, -1],
        bid_amount=[1, 1, -1],
        ask=[103, 103, 104],
        ask_amount=[1, 1, 1],
    )

    curve = make_curve(
        [chunk],
        [Worth(-1, -1, START, Decimal(0))],
        contract_size=Decimal(1),
        first_ns=1,
        last_ns=3,
        start=START,
    )

    assert [point.price for point in curve.points] == [Decimal("101.5"), Decimal("101.5"), 120]
