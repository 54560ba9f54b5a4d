"""From what a run told and held to its report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from core.adapters.exchanges.models import Instrument
from core.domain.matching import FillRule
from core.domain.position import MONEY, ZERO
from core.domain.worth import Worth
from core.errors import FeedError
from core.services.backtest.assumptions import assumptions
from core.services.backtest.buy_and_hold import hold
from core.services.backtest.curve import Curve, make_curve
from core.services.backtest.metrics import measure
from core.services.backtest.record import RunRecord
from core.services.backtest.snapshot import BacktestReport
from core.services.ports import Feed, FundingRow


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSetting:
    """What a run stood on."""

    bot: str
    grid_type: str
    instrument: Instrument
    feed: Feed
    rule: FillRule
    latency_ms: Decimal | int
    initial_balance: Decimal
    fixed_funding: Decimal | None
    settlements: Sequence[FundingRow]
    """All of the data's time, whatever was held."""


def make_report(setting: RunSetting, record: RunRecord, exit_code: int) -> BacktestReport:
    """Measures a run, and buying and holding beside it.

    Raises:
        FeedError: If the data hold no price.
    """
    instrument, feed = setting.instrument, setting.feed
    times = tuple(row.ts_ns for row in setting.settlements)
    begin = Worth(-1, -1, setting.initial_balance, ZERO)
    curve = _curve(setting, [begin, *record.worths], times)
    if not curve.points:
        raise FeedError(f"{feed.name} holds no price.")
    first = curve.points[0]
    held, bought = hold(
        instrument,
        setting.initial_balance,
        first.price,
        first.at_ns,
        setting.settlements,
        curve.marks,
    )
    holding = _curve(setting, held, ())
    traded = ZERO
    for fill in record.fills:
        traded = MONEY.fma(fill.price, fill.amount, traded)
    return BacktestReport(
        bot=setting.bot,
        symbol=instrument.symbol,
        base=instrument.base,
        quote=instrument.quote if instrument.is_spot else instrument.settle,
        grid_type=setting.grid_type,
        summary=record.summary,
        metrics=measure(curve, MONEY.multiply(traded, instrument.contract_size)),
        buy_and_hold=measure(holding, bought),
        curve=curve,
        held=holding,
        assumptions=assumptions(
            instrument,
            kind=feed.kind,
            rule=setting.rule,
            latency_ms=setting.latency_ms,
            fixed_funding=setting.fixed_funding,
            settlements=len(setting.settlements),
            initial_balance=setting.initial_balance,
            period_ns=curve.period_ns,
        ),
        fills=tuple(record.fills),
        notices=tuple(record.notices),
        closing=record.closing,
        exit_code=exit_code,
    )


def _curve(setting: RunSetting, worths: Sequence[Worth], marks_at: Sequence[int]) -> Curve:
    feed = setting.feed
    return make_curve(
        feed.chunks(),
        worths,
        contract_size=setting.instrument.contract_size,
        first_ns=feed.first_ns or 0,
        last_ns=feed.last_ns or 0,
        start=setting.initial_balance,
        marks_at=marks_at,
    )
