"""Snapshots like those of the drawings: figures that agree with one another, at 14:03:27Z."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from core.adapters.exchanges.models import OrderSide
from core.services.execution.snapshot import HealthResult
from core.services.grid.snapshot import (
    FillRow,
    GridPhase,
    GridResult,
    GridSnapshot,
    ProtectionView,
    SlotRow,
    SlotState,
)
from core.services.market_data.snapshot import FeedLight, PricePoint
from core.services.portfolio.snapshot import (
    BotRow,
    EquityPoint,
    HomeSnapshot,
    LogRow,
    PositionRow,
    VenueRow,
)
from core.services.risk.snapshot import LimitGauge

NOW = datetime(2026, 3, 14, 14, 3, 27, tzinfo=UTC)
BUY, SELL = OrderSide.BUY, OrderSide.SELL
BOT = "lighter-long-btc"


def slot(level: int, *, levels: int = 99) -> SlotRow:
    """A slot of the ladder 115,980 + 60 k, level 1 the lowest; the market is at 118,402.4."""
    entry = Decimal(115_920) + 60 * level
    has_position = entry >= 118_380
    is_waiting = level > levels - 2 or level < 3
    state = SlotState.EXIT_OPEN if has_position else SlotState.ENTRY_OPEN
    return SlotRow(
        level=level,
        state=SlotState.EMPTY if is_waiting else state,
        side=SELL if has_position else BUY,
        price=entry + 60 if has_position else entry,
        entry_price=entry,
        exit_price=entry + 60,
        amount=Decimal("0.0020"),
        filled=Decimal("0.0008") if level == 38 else Decimal(0),
        last_fill_at=NOW - timedelta(seconds=6) if level == 41 else None,
    )


def slots(levels: int = 99) -> tuple[SlotRow, ...]:
    """From the highest price to the lowest."""
    return tuple(
        sorted(
            (slot(level, levels=levels) for level in range(1, levels + 1)),
            key=lambda row: -row.price,
        )
    )


def fill(seconds_ago: int, level: int, side: OrderSide, price: str, trip: str | None) -> FillRow:
    """One fill of 0.0020."""
    return FillRow(
        at=NOW - timedelta(seconds=seconds_ago),
        level=level,
        leg="entry" if side is BUY else "exit",
        side=side,
        amount=Decimal("0.0020"),
        price=Decimal(price),
        fee=Decimal("0.0237"),
        round_trip=None if trip is None else Decimal(trip),
        client_order_id=f"c7k2m9p{level}{'E' if side is BUY else 'X'}{seconds_ago}",
        trade_id=f"t{seconds_ago}",
        is_maker=True,
    )


FILLS = (
    fill(6, 41, BUY, "118380.0", None),
    fill(145, 42, SELL, "118440.0", "0.0726"),
    fill(280, 41, BUY, "118380.0", None),
    fill(497, 43, SELL, "118500.0", "0.0726"),
    fill(714, 42, BUY, "118440.0", None),
    fill(859, 44, SELL, "118560.0", "0.0726"),
    fill(1290, 43, BUY, "118500.0", None),
)


def prices() -> tuple[PricePoint, ...]:
    """Six hours of minutes, ending at the market."""
    points = []
    for minute in range(361):
        wave = (
            160 * math.sin(minute / 57) + 42 * math.sin(minute / 11) + 11 * math.sin(minute * 1.7)
        )
        last = Decimal(round((118_330 + wave) * 10)) / 10
        points.append(
            PricePoint(
                at=NOW - timedelta(minutes=360 - minute),
                last=last,
                high=last + 6,
                low=last - 6,
            )
        )
    return tuple(points)


RESULT = GridResult(
    position=Decimal("0.0120"),
    average_entry=Decimal("118071.8"),
    realized_pnl=Decimal("11.52"),
    unrealized_pnl=Decimal("3.97"),
    fees=Decimal("4.55"),
    funding=Decimal("-0.38"),
    round_trips=96,
    round_trips_today=21,
    fills=198,
    apr_24h=Decimal("0.222"),
    apr_7d=Decimal("0.189"),
    sample_24h_s=86_400,
    sample_7d_s=274_320,
    trips_net=Decimal("6.97"),
    cycle_apr=Decimal("0.194"),
    net_apr=Decimal("0.294"),
    run_s=274_320,
)
LIGHTS = (
    FeedLight(name="lighter", state="live", age_s=0.1, latency_ms=42),
    FeedLight(name="book", state="live", age_s=0.1),
    FeedLight(name="orders", state="live", age_s=0.3),
    FeedLight(name="account", state="live", age_s=0.8),
)
LIMITS = (
    LimitGauge(name="position", used=Decimal("0.0480"), limit=Decimal("0.2000"), unit="BTC"),
    LimitGauge(name="order notional", used=Decimal(237), limit=Decimal(1000), unit="USDC"),
    LimitGauge(name="open orders", used=Decimal(95), limit=Decimal(103), unit="orders"),
)


PROTECTIONS = (
    ProtectionView(
        name="stop_loss",
        state="armed",
        words="at 116,250 for 300 s",
        price=Decimal("116250.0"),
        distance=Decimal("-2152.4"),
        progress=0.2,
    ),
    ProtectionView(name="take_profit", state="off"),
    ProtectionView(name="capital_protection", state="off"),
    ProtectionView(
        name="scalping",
        state="armed",
        words="begins at level 24",
        price=Decimal("117360.0"),
        level=24,
        distance=Decimal("-1042.4"),
        progress=0.44,
    ),
    ProtectionView(name="smart_scalping", state="armed", words="0 of 1 drops used"),
    ProtectionView(
        name="price_lock",
        state="idle",
        words="at 120,000",
        price=Decimal("120000.0"),
        distance=Decimal("1597.6"),
    ),
)


def grid(**changes: object) -> GridSnapshot:
    """The grid of drawing 15.2."""
    base = GridSnapshot(
        bot=BOT,
        mode="paper",
        venue="lighter",
        symbol="BTC-USDC-PERP",
        base="BTC",
        quote="USDC",
        grid_type="long",
        price_decimals=1,
        amount_decimals=4,
        at=NOW,
        started_at=NOW - timedelta(days=3, hours=4, minutes=12),
        phase=GridPhase.RUNNING,
        feed="sim:7",
        feed_notice="no adapter for lighter yet: prices are simulated",
        levels=99,
        interval=Decimal("60.0"),
        lower_price=Decimal("115980.0"),
        upper_price=Decimal("121920.0"),
        bid=Decimal("118402.0"),
        ask=Decimal("118402.8"),
        last=Decimal("118402.0"),
        mark=Decimal("118402.4"),
        slots=slots(),
        entries_resting=38,
        exits_resting=57,
        waiting=4,
        fills=FILLS,
        result=RESULT,
        equity=Decimal("12480.33"),
        day_change=Decimal("38.12"),
        liquidation_price=Decimal("73410.0"),
        health=HealthResult(
            checked_at=NOW - timedelta(seconds=41),
            next_at=NOW + timedelta(seconds=559),
            matched=95,
        ),
        lights=LIGHTS,
        limits=LIMITS,
        protections=PROTECTIONS,
        prices=prices(),
        message="buy filled 0.0020 @ 118,380.0   level 41 → sell placed at 118,440.0",
        message_at=NOW - timedelta(seconds=6),
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def equity_line() -> tuple[EquityPoint, ...]:
    """A day in steps of five minutes."""
    return tuple(
        EquityPoint(
            at=NOW - timedelta(minutes=5 * (288 - step)),
            equity=Decimal(
                round((12_442 + step * 0.133 + 9 * math.sin(step / 17) + 3 * math.sin(step)) * 100)
            )
            / 100,
        )
        for step in range(289)
    )


VENUES = (
    VenueRow(
        name="lighter",
        state="live",
        feed="sim:7",
        latency_ms=42,
        age_s=0.1,
        open_orders=96,
        budget_used=0.31,
    ),
    VenueRow(
        name="edgex",
        state="reconnecting",
        feed="live",
        latency_ms=None,
        age_s=7.4,
        open_orders=0,
        budget_used=None,
        detail="closed by venue 1006, 3rd try in 4 s",
    ),
    VenueRow(
        name="binance",
        state="off",
        feed="off",
        latency_ms=None,
        age_s=None,
        open_orders=0,
        budget_used=None,
    ),
)
BOTS = (
    BotRow(
        name=BOT,
        app="grid",
        venue="lighter",
        symbol="BTC-USDC-PERP",
        state="running",
        is_running=True,
        started_at=NOW - timedelta(days=3, hours=4),
        pnl=Decimal("6.59"),
        risk_used=Decimal("0.24"),
        config_path="config/grid/lighter-long-btc.yaml",
    ),
    BotRow(
        name="eth",
        app="grid",
        venue="lighter",
        symbol="ETH-USDC-PERP",
        state="paused",
        is_running=True,
        started_at=NOW - timedelta(days=1, hours=11),
        pnl=Decimal("-6.04"),
        risk_used=Decimal("0.18"),
        config_path="config/grid/eth.yaml",
    ),
    BotRow(
        name="sol",
        app="grid",
        venue="lighter",
        symbol="SOL-USDC-PERP",
        state="stopped",
        is_running=False,
        started_at=None,
        pnl=Decimal(0),
        risk_used=None,
        config_path="config/grid/sol.yaml",
    ),
)
POSITIONS = (
    PositionRow(
        symbol="BTC-USDC-PERP",
        venue="lighter",
        size=Decimal("0.0120"),
        entry_price=Decimal("118071.8"),
        unrealized_pnl=Decimal("3.97"),
        liquidation_distance=Decimal("-0.38"),
    ),
    PositionRow(
        symbol="ETH-USDC-PERP",
        venue="lighter",
        size=Decimal("0.310"),
        entry_price=Decimal("3924.0"),
        unrealized_pnl=Decimal("-2.76"),
        liquidation_distance=Decimal("-0.44"),
    ),
)


def log_row(seconds_ago: int, level: str, source: str, text: str) -> LogRow:
    """One line of the diary."""
    return LogRow(at=NOW - timedelta(seconds=seconds_ago), level=level, source=source, text=text)


LOG = (
    log_row(6, "info", BOT, "order.filled level=41 side=buy amount=0.0020 price=118380.0"),
    log_row(7, "warning", "lighter", "venue.reconnecting try=3 in_s=4"),
    log_row(29, "warning", "eth", "risk.denied code=NOTIONAL_EXCEEDS_CAP value=1240 limit=1000"),
    log_row(56, "info", BOT, "reconciled open=95 unknown=0"),
    log_row(90, "error", "eth", "order.unknown client_order_id=c7k2m9p12E4"),
)


def home(**changes: object) -> HomeSnapshot:
    """A home like drawing 15.1, with what exists."""
    base = HomeSnapshot(
        mode="paper",
        at=NOW,
        equity=Decimal("12480.33"),
        day_change=Decimal("38.12"),
        quote="USDC",
        equity_line=equity_line(),
        max_drawdown=Decimal("0.0041"),
        venues=VENUES,
        bots=BOTS,
        positions=POSITIONS,
        free_margin=Decimal("9402.10"),
        used_margin_fraction=Decimal("0.25"),
        log=LOG,
        risk_state="ACTIVE",
    )
    return replace(base, **changes)  # type: ignore[arg-type]


EMPTY_HOME = {
    "equity": None,
    "day_change": None,
    "equity_line": (),
    "max_drawdown": None,
    "venues": (),
    "bots": (),
    "positions": (),
    "free_margin": None,
    "used_margin_fraction": None,
    "log": (),
}
