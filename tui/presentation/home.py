"""The panels of the home screen: worth, doors, bots, exposure, what just happened."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation

from core.engine.protocol import OrderRow, RequestRow
from core.services.market_data.snapshot import FeedLight
from core.services.portfolio.snapshot import BotRow, HomeSnapshot, LogRow, PositionRow, VenueRow
from tui.presentation import gauge, table
from tui.presentation.cells import Line, Span, line_width, spread
from tui.presentation.chart import Chart, Sample
from tui.presentation.lights import light
from tui.presentation.look import Look
from tui.presentation.numbers import (
    UNKNOWN,
    exact,
    milliseconds,
    number,
    percent,
    signed,
    tone_of,
)
from tui.presentation.table import Column
from tui.presentation.times import age, since

VENUES = (
    Column("", 1),
    Column("venues.venue", 11, most=16, gap=1),
    Column("venues.feed", 5, most=12, gap=1),
    Column("venues.ping", 5, is_right=True, gap=1),
    Column("venues.age", 5, is_right=True, gap=1),
    Column("venues.orders", 6, is_right=True, gap=1),
    Column("venues.weight", 6, is_right=True, gap=1),
)
BOTS = (
    Column("", 1),
    Column("bots.app", 5, gap=1),
    Column("bots.venue", 8, most=16, gap=1),
    Column("bots.symbol", 10, most=24, gap=1),
    Column("bots.state_column", 9, gap=1),
    Column("bots.up", 5, is_right=True, gap=1),
    Column("bots.pnl", 8, is_right=True, gap=1),
    Column("bots.risk", 5, is_right=True, gap=1),
)
POSITIONS = (
    Column("positions.symbol", 6, most=20),
    Column("positions.venue", 7, most=16, gap=1),
    Column("positions.size", 8, is_right=True, gap=1),
    Column("positions.entry", 9, is_right=True, gap=1),
    Column("positions.upnl", 6, is_right=True, gap=1),
    Column("positions.liquidation", 4, is_right=True, most=6, gap=1),
)
ORDERS = (
    Column("ladder.state", 9),
    Column("ladder.level", 3, is_right=True),
    Column("ladder.side", 4),
    Column("ladder.price", 10, is_right=True, most=14),
    Column("ladder.amount", 7, is_right=True),
    Column("orders.filled", 7, is_right=True),
    Column("orders.updated", 8),
    Column("orders.role", 6),
    Column("orders.why", 16, most=400),
)
REQUESTS = (
    Column("fills.time", 8),
    Column("venues.venue", 8, most=11),
    Column("requests.method", 16, most=20),
    Column("requests.took", 6, is_right=True),
    Column("requests.weight", 6, is_right=True),
    Column("requests.answer", 10, most=400),
    Column("requests.detail", 20, most=400),
)
LOG = (
    Column("fills.time", 8),
    Column("", 1, gap=1),
    Column("", 16, gap=1),
    Column("", 16, most=400),
)
LOG_SIGNS = {"debug": " ", "info": " ", "warning": "!", "error": "x"}
LOG_TONES = {"debug": "dim", "info": "", "warning": "warn", "error": "error"}


def venue_line(venue: VenueRow, cells: int, look: Look, turn: int = 0) -> Line:
    """One venue."""
    values = (
        light(venue.state, look, turn),
        Span(venue.name),
        Span(venue.feed or venue.state, "dim" if venue.feed == "live" else "replay"),
        Span(milliseconds(venue.latency_ms), "dim"),
        Span(age(venue.age_s), "dim" if venue.state == "live" else "warn"),
        Span(str(venue.open_orders), "dim"),
        Span(percent(venue.budget_used), "dim"),
    )
    return table.row(VENUES, values, cells)


def venue_lights(snapshot: HomeSnapshot) -> tuple[FeedLight, ...]:
    """The doors as lights of the top bar; those that are off stay out of it."""
    return tuple(
        FeedLight(
            name=venue.name,
            state=venue.state,
            age_s=venue.age_s,
            latency_ms=venue.latency_ms,
            detail=venue.detail,
        )
        for venue in snapshot.venues
        if venue.state != "off"
    )


def venues_up(venues: Sequence[VenueRow], look: Look) -> str:
    """`5 of 6 up`."""
    up = sum(venue.state == "live" for venue in venues)
    return look.words("venues.state", up=up, all=len(venues)) if venues else ""


def venue_details(venues: Sequence[VenueRow]) -> list[Line]:
    """What the doors have to say, one line each."""
    return [
        (Span(f" {venue.name}: {venue.detail}", "dim" if venue.state == "live" else "warn"),)
        for venue in venues
        if venue.detail
    ]


def bot_line(bot: BotRow, now: datetime, cells: int, look: Look) -> Line:
    """One bot."""
    glyphs = look.glyphs
    tone = "" if bot.is_running else "dim"
    state_tone = {"halted": "error", "degraded": "warn", "paused": "calm", "holding": "calm"}
    values = (
        Span(
            glyphs.running if bot.is_running else glyphs.stopped, "ok" if bot.is_running else "dim"
        ),
        Span(bot.app, tone),
        Span(bot.venue, tone),
        Span(bot.symbol, tone),
        Span(look.words.get(f"phase.{bot.state}", bot.state), state_tone.get(bot.state, tone)),
        Span(age(since(now, bot.started_at) if bot.is_running else None, is_fine=False), "dim"),
        Span(signed(bot.pnl), tone_of(bot.pnl)),
        Span(
            percent(bot.risk_used),
            "dim" if bot.risk_used is None else gauge.gauge_tone(bot.risk_used),
        ),
    )
    return table.row(BOTS, values, cells)


def bots_running(bots: Sequence[BotRow], look: Look) -> str:
    """`4 of 7`."""
    running = sum(bot.is_running for bot in bots)
    return look.words("bots.state", running=running, all=len(bots))


def position_line(position: PositionRow, cells: int) -> Line:
    """One position."""
    size = position.size
    shown = exact(size, 0)
    room = table.widths(POSITIONS, cells)[0]
    values = (
        Span(position.symbol if len(position.symbol) <= room else short_symbol(position.symbol)),
        Span(position.venue, "dim"),
        Span(("+" if size > 0 else "") + shown, tone_of(size)),
        Span(fitted(position.entry_price)),
        Span(signed(position.unrealized_pnl), tone_of(position.unrealized_pnl)),
        Span(percent(position.liquidation_distance, is_signed=True), "dim"),
    )
    return table.row(POSITIONS, values, cells)


def short_symbol(symbol: str) -> str:
    """A perpetual by its base alone, where there is no room for more; others in full."""
    base, _, rest = symbol.partition("-")
    return base if rest.endswith("PERP") else symbol


def fitted(price: Decimal | None) -> str:
    """A price whose instrument the screen does not know: precision follows magnitude."""
    if price is None:
        return UNKNOWN
    magnitude = abs(price)
    for least, decimals in ((1000, 1), (10, 2), (1, 4)):
        if magnitude >= least:
            return number(price, decimals)
    return number(price, 6)


def notional(positions: Sequence[PositionRow]) -> Decimal | None:
    """What the positions are worth at their entries, where all of them are known."""
    total = Decimal(0)
    for position in positions:
        if position.entry_price is None:
            return None
        try:
            total += abs(position.size) * position.entry_price
        except InvalidOperation:
            return None
    return total


def margin_line(snapshot: HomeSnapshot, cells: int, look: Look) -> Line:
    """Free margin, and how much is used."""
    text = look.words("positions.margin", free=number(snapshot.free_margin, 2))
    fraction = snapshot.used_margin_fraction
    start: Line = (Span(f" {text} ", "dim"),)
    end = Span(f" {percent(fraction)}")
    length = max(0, min(10, cells - line_width((*start, end)) - 1))
    return spread((*start, *gauge.bar(fraction, length, look.glyphs), end), (), cells)


def equity_chart(snapshot: HomeSnapshot, look: Look) -> Chart:
    """Worth over the last day."""
    return Chart(
        samples=[
            Sample(point.at, float(point.equity), float(point.equity), float(point.equity))
            for point in snapshot.equity_line
        ],
        decimals=2,
        zone=look.zone,
    )


def log_line(row: LogRow, cells: int, look: Look) -> Line:
    """One line of the diary; the sign says its weight without colour."""
    tone = LOG_TONES.get(row.level, "")
    values = (
        Span(look.time(row.at), "dim"),
        Span(LOG_SIGNS.get(row.level, " "), tone),
        Span(row.source, "dim"),
        Span(row.text, tone),
    )
    return table.row(LOG, values, cells)


def order_line(
    order: OrderRow, price_decimals: int, amount_decimals: int, cells: int, look: Look
) -> Line:
    """One order as the journal knows it."""
    side = order.side.lower()
    values = (
        Span(look.words.get(f"order.{order.state}", order.state), "dim"),
        Span("" if order.level is None else str(order.level), "dim"),
        Span(look.words.get(f"side.{side}", side), "buy" if side == "buy" else "sell"),
        Span(number(order.price, price_decimals)),
        Span(number(order.amount, amount_decimals)),
        Span(number(order.filled, amount_decimals), "dim"),
        Span(look.time(order.updated_at), "dim"),
        Span(order.role, "dim"),
        Span(order.reason, "dim"),
    )
    return table.row(ORDERS, values, cells)


def request_line(request: RequestRow, cells: int, look: Look) -> Line:
    """One call to a venue."""
    values = (
        Span(look.time(request.at), "dim"),
        Span(request.venue),
        Span(request.method),
        Span(milliseconds(request.took_ms), "dim"),
        Span(str(request.weight), "dim"),
        Span(request.answer),
        Span(request.detail, "dim"),
    )
    return table.row(REQUESTS, values, cells)


def facts_line(snapshot: HomeSnapshot, cells: int, look: Look) -> Line:
    """The narrow screen's one line above its tabs."""
    words = look.words
    running = sum(bot.is_running for bot in snapshot.bots)
    line: Line = (
        Span(" "),
        Span(number(snapshot.equity, 2), "bold"),
        Span(f" {snapshot.quote}   {words('facts.day')} ", "dim"),
        Span(signed(snapshot.day_change), tone_of(snapshot.day_change)),
        Span("   "),
        Span(words("facts.running", running=running, all=len(snapshot.bots)), "dim"),
    )
    return spread(line, (), cells)
