"""The panels of the grid screen beside its ladder, and the words for the state it is in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from core.adapters.exchanges.models import OrderSide
from core.services.grid.snapshot import (
    FillRow,
    GridPhase,
    GridResult,
    GridSnapshot,
    ProtectionView,
)
from core.services.risk.snapshot import LimitGauge
from tui.presentation import gauge, table
from tui.presentation.cells import Line, Span, left, line_width, right, spread, width
from tui.presentation.chart import Chart, Mark, Rule, Sample
from tui.presentation.ladder import OPEN, mid, unproved
from tui.presentation.lights import describe, light, worst
from tui.presentation.look import Look
from tui.presentation.numbers import number, percent, signed, tone_of
from tui.presentation.table import Column
from tui.presentation.times import age, countdown, since

LABEL = 15
VALUE = 9
FEE_DECIMALS = 4
WHOLE_DAY_S = 23 * 3600
PROTECTION = 12
STAGE = 8
BAR = 8
STAGE_TONES = {
    "off": "dim",
    "idle": "dim",
    "active": "warn",
    "triggered": "error",
    "cooling": "calm",
}
RANGES = (
    ("15 m", timedelta(minutes=15)),
    ("1 h", timedelta(hours=1)),
    ("6 h", timedelta(hours=6)),
    ("24 h", timedelta(hours=24)),
)


def net(snapshot: GridSnapshot) -> Decimal:
    """Realized + unrealized - fees + funding."""
    result = snapshot.result
    return result.realized_pnl + result.unrealized_pnl - result.fees + result.funding


def _fact(cells: int, label: str, value: Span, rest: str = "") -> Line:
    """A label and its value; what explains it leaves when there is no room for all of it."""
    value = value._replace(text=right(value.text, max(VALUE, width(value.text))))
    line: Line = (Span(" " + left(label, LABEL)), value)
    if not rest or line_width(line) + 1 + width(rest) > cells:
        return line
    return (*line, Span(f" {rest}", "dim"))


def _moved(result: GridResult, money: int, cells: int, look: Look) -> Iterator[Line]:
    """What trailing has cost and what was set aside, where there is such a thing."""
    words = look.words
    if result.trailed:
        count = words("result.trailed", count=result.trailed)
        yield _fact(cells, words("result.trailing"), _change(-result.trailing_cost, money), count)
    if result.reserved:
        yield _fact(cells, words("result.reserved"), Span(number(result.reserved, money)))


def _change(value: Decimal | None, decimals: int, key: str = "") -> Span:
    return Span(signed(value, decimals), tone_of(value), key)


def result_lines(snapshot: GridSnapshot, cells: int, look: Look) -> list[Line]:
    """Position and result, most important first, because rows leave from below."""
    words, result = look.words, snapshot.result
    money, price = snapshot.quote_decimals, snapshot.price_decimals
    trips = words("result.today", count=result.round_trips_today)
    position = Span(signed(result.position, snapshot.amount_decimals), tone_of(result.position))
    return [
        _fact(cells, words("result.position"), position, snapshot.base),
        _fact(
            cells,
            words("result.average_entry"),
            Span(number(result.average_entry, price)),
        ),
        _fact(
            cells,
            words("result.liquidation"),
            Span(number(snapshot.liquidation_price, price)),
            liquidation_distance(snapshot),
        ),
        _fact(cells, words("result.unrealized"), _change(result.unrealized_pnl, money, "upnl")),
        _fact(cells, words("result.realized"), _change(result.realized_pnl, money, "realized")),
        _fact(cells, words("result.fees"), _change(-result.fees, money)),
        _fact(cells, words("result.funding"), _change(result.funding, money)),
        *_moved(result, money, cells, look),
        _fact(cells, words("result.round_trips"), Span(f"{result.round_trips:,}"), trips),
        _fact(
            cells,
            words("result.apr"),
            Span(percent(result.apr_24h, 1)),
            _sample(result.apr_24h, result.sample_24h_s, look)
            or words("result.apr_week", value=percent(result.apr_7d, 1)),
        ),
        _fact(
            cells,
            words("result.net_apr"),
            Span(percent(result.net_apr, 1), tone_of(result.net_apr)),
            _sample(result.net_apr, result.run_s, look),
        ),
    ]


def _sample(rate: Decimal | None, seconds: int, look: Look) -> str:
    """How much of life a yearly rate was measured on; nothing where a day is behind it."""
    if rate is None or not 0 < seconds < WHOLE_DAY_S:
        return ""
    return look.words("result.over", age=age(seconds, is_fine=False))


def liquidation_distance(snapshot: GridSnapshot) -> str:
    """How far the mark is from liquidation, or nothing where there is none."""
    if snapshot.liquidation_price is None or not snapshot.mark:
        return ""
    return percent(snapshot.liquidation_price / snapshot.mark - 1, 1, is_signed=True)


def result_state(snapshot: GridSnapshot, look: Look) -> str:
    """The one number behind the title: the net result."""
    return look.words("result.net", value=signed(net(snapshot), snapshot.quote_decimals))


def guard_lines(
    snapshot: GridSnapshot, cells: int, look: Look, *, rows: int | None = None, zoom: str = ""
) -> list[Line]:
    """Protections with how near each is to firing, then the books, then the limits.

    Args:
        snapshot: Of the grid.
        cells: In a line.
        look: Words and glyphs.
        rows: Lines that there is room for; None for as many as it takes. What is calm is said
            shorter first, and what still has no room is counted.
        zoom: The key that shows everything.
    """
    on = [view for view in snapshot.protections if view.state != "off"]
    acting = [protection_line(view, snapshot, cells, look) for view in on]
    lines = [
        *acting,
        *health_lines(snapshot, cells, look),
        *_off_line(snapshot.protections, look),
    ]
    for brevity in (1, 2):
        if rows is not None and len(lines) > rows:
            lines = [*acting, *health_lines(snapshot, cells, look, brevity=brevity)]
    if rows and len(lines) > rows:
        more = look.words("health.more", count=len(lines) - rows + 1, zoom=zoom)
        lines = [*lines[: rows - 1], (Span(f" {more}", "dim"),)]
    return lines


def _off_line(views: Sequence[ProtectionView], look: Look) -> list[Line]:
    off = [_protection_name(view, look) for view in views if view.state == "off"]
    if not off:
        return []
    start = Span(" " + left(look.words("guard.off"), PROTECTION), "dim")
    return [(start, Span(", ".join(off), "dim"))]


def protection_line(view: ProtectionView, snapshot: GridSnapshot, cells: int, look: Look) -> Line:
    """One protection: where it stands, and what is between it and firing, as far as fits."""
    stage = look.words.get(f"guard.stage.{view.state}", view.state)
    start: Line = (
        Span(" " + left(_protection_name(view, look), PROTECTION)),
        Span(left(stage, STAGE), STAGE_TONES.get(view.state, "")),
    )
    room = cells - line_width(start)
    for rest in _protection_rests(view, snapshot, look):
        if line_width(rest) <= room:
            return (*start, *rest)
    return start


def _protection_rests(view: ProtectionView, snapshot: GridSnapshot, look: Look) -> Iterator[Line]:
    """What can stand behind a protection's state, the fullest first."""
    bar: Line = ()
    if view.progress is not None:
        tone = STAGE_TONES.get(view.state) or None
        fraction = Decimal(str(round(view.progress, 3)))
        bar = (*gauge.bar(fraction, BAR, look.glyphs, tone), Span(" "))
    price = ""
    if view.price is not None:
        price = look.words("guard.at", price=number(view.price, snapshot.price_decimals))
    distance = ""
    mark = mid(snapshot)
    if view.distance is not None and mark:
        distance = percent(view.distance / mark, 1, is_signed=True)
    heard = look.words.heard.sentence(view.words)
    said = Span(heard, "dim") if price else Span(heard)
    facts: Line = tuple(span for text in (price, distance) if text for span in (Span(f"{text} "),))
    if view.words.startswith("at ") and distance:
        yield (*bar, Span(f"{distance} "), said)
    else:
        yield (*bar, *facts, said)
    yield (*bar, *facts)
    if distance:
        yield (*bar, Span(distance))
    yield facts
    yield (*bar, said)
    yield (said,)
    yield (Span(price or distance),)
    yield bar


def _protection_name(view: ProtectionView, look: Look) -> str:
    return look.words.get(f"guard.{view.name}", view.name.replace("_", " "))


def health_lines(snapshot: GridSnapshot, cells: int, look: Look, *, brevity: int = 0) -> list[Line]:
    """Health of the books, and how much of each limit is used.

    Args:
        snapshot: Of the grid.
        cells: In a line.
        look: Words and glyphs.
        brevity: From 1 on trouble stands before what is calm, and what is not there is not
            mentioned; at 2 the limits share a line.
    """
    words, health = look.words, snapshot.health
    lines: list[Line] = [
        _said(
            cells, words("health.health"), _health_word(snapshot, look), _next_check(snapshot, look)
        ),
        _said(
            cells,
            words("health.orders"),
            _compared(snapshot, look),
        ),
    ]
    if health.unknown:
        count = words("health.unknown_count", count=health.unknown)
        lines.append(_said(cells, words("health.unknown"), Span(count, "error")))
    limits = [_limit(limit, cells, look) for limit in snapshot.limits]
    if brevity > 1:
        limits = [_limits(snapshot.limits, cells, look)] if limits else []
    escape = []
    if snapshot.follow_state:
        state = words.heard.sentence(snapshot.follow_state)
        escape = [_said(cells, words("health.escape"), Span(state))]
    has_foreign = bool(snapshot.foreign_orders or snapshot.foreign_position)
    foreign = _said(cells, words("health.foreign"), _foreign(snapshot, look))
    trouble = _trouble(snapshot, cells, look)
    if brevity:
        return [*lines, *trouble, *([foreign] if has_foreign else []), *limits, *escape]
    return [*lines, *limits, *escape, foreign, *trouble]


def _trouble(snapshot: GridSnapshot, cells: int, look: Look) -> list[Line]:
    """What is wrong with the connection, if anything is."""
    trouble = worst(snapshot.lights)
    if trouble is None:
        return []
    text = describe(trouble, look)
    if width(text) + 3 > cells:
        text = describe(replace(trouble, detail=""), look)
    return [(Span(" "), light(trouble.state, look), Span(f" {text}", "warn"))]


def _compared(snapshot: GridSnapshot, look: Look) -> Span:
    """How many orders agreed, or that none was there to compare."""
    words, health = look.words, snapshot.health
    resting = unproved(snapshot)
    if resting is not None:
        return Span(words("health.newer" if resting else "health.none_then"), "dim")
    return Span(words("health.matched", matched=health.matched, missing=health.missing))


def _said(cells: int, label: str, value: Span, rest: str = "") -> Line:
    line: Line = (Span(" " + left(label, LABEL - 2)), value)
    if not rest or line_width(line) + 2 + width(rest) > cells:
        return line
    return (*line, Span(f"  {rest}", "dim"))


def _health_word(snapshot: GridSnapshot, look: Look) -> Span:
    words, health = look.words, snapshot.health
    if health.checked_at is None:
        return Span(words("health.never"), "dim")
    if health.is_ok:
        return Span(words("health.ok"), "ok")
    return Span(words("health.bad"), "error")


def _next_check(snapshot: GridSnapshot, look: Look) -> str:
    if snapshot.health.next_at is None:
        return ""
    seconds = (snapshot.health.next_at - snapshot.at).total_seconds()
    return look.words("health.next", time=countdown(seconds))


def _foreign(snapshot: GridSnapshot, look: Look) -> Span:
    if not snapshot.foreign_orders and not snapshot.foreign_position:
        return Span(look.words("health.foreign_none"), "dim")
    position = signed(snapshot.foreign_position, snapshot.amount_decimals)
    text = look.words("health.foreign_some", orders=snapshot.foreign_orders, position=position)
    return Span(text, "warn")


def _limit(limit: LimitGauge, cells: int, look: Look) -> Line:
    share = gauge.used(limit.used, limit.limit)
    is_calm = limit.is_plan and share <= 1
    tone = "dim" if is_calm else gauge.gauge_tone(share)
    start: Line = (
        Span(" " + left(_limit_name(limit, look), LABEL)),
        Span(right(percent(share), 5) + "  ", tone),
    )
    length = min(12, cells - line_width(start) - 1)
    return start if length < 3 else (*start, *gauge.bar(share, length, look.glyphs, tone))


def _limits(limits: Sequence[LimitGauge], cells: int, look: Look) -> Line:
    """All limits in one line, the fullest first; those without room leave."""
    line: Line = ()
    for limit in sorted(limits, key=lambda item: gauge.used(item.used, item.limit), reverse=True):
        share = gauge.used(limit.used, limit.limit)
        tone = "dim" if limit.is_plan and share <= 1 else gauge.gauge_tone(share)
        joint = f" {look.glyphs.dot} " if line else " "
        part = (Span(f"{joint}{_limit_name(limit, look)} "), Span(percent(share), tone))
        if line_width((*line, *part)) <= cells:
            line = (*line, *part)
    return line


def _limit_name(limit: LimitGauge, look: Look) -> str:
    return look.words.get(f"limit.{limit.name.replace(' ', '_')}", limit.name.replace("_", " "))


def fullest(limits: tuple[LimitGauge, ...]) -> Decimal | None:
    """The largest used fraction of the limits that somebody, or the venue, set."""
    return max(
        (gauge.used(limit.used, limit.limit) for limit in limits if not limit.is_plan),
        default=None,
    )


FILL_COLUMNS = (
    Column("fills.time", 8),
    Column("fills.level", 6, is_right=True),
    Column("fills.side", 4),
    Column("fills.amount", 9, is_right=True),
    Column("fills.price", 11, is_right=True),
    Column("fills.fee", 9, is_right=True),
    Column("fills.round_trip", 10, is_right=True),
    Column("fills.leg", 7),
    Column("fills.maker", 5),
    Column("fills.id", 20, most=32),
)


def fills_header(cells: int, look: Look) -> Line:
    """Names of the columns of the fills."""
    return table.header(FILL_COLUMNS, cells, look)


def fill_line(fill: FillRow, snapshot: GridSnapshot, cells: int, look: Look) -> Line:
    """One fill. A paid fee is negative, like everything that costs."""
    words = look.words
    side_tone = "buy" if fill.side is OrderSide.BUY else "sell"
    trip = "" if fill.round_trip is None else signed(fill.round_trip, FEE_DECIMALS)
    role = {True: words("fills.is_maker"), False: words("fills.is_taker"), None: ""}[fill.is_maker]
    values = (
        Span(look.time(fill.at), "dim"),
        Span("" if fill.level is None else str(fill.level), "dim"),
        Span(words(f"side.{fill.side.value.lower()}"), side_tone),
        Span(number(fill.amount, snapshot.amount_decimals)),
        Span(number(fill.price, snapshot.price_decimals), side_tone),
        Span(signed(-fill.fee, FEE_DECIMALS), "dim"),
        Span(trip, tone_of(fill.round_trip)),
        Span(fill.leg, "dim"),
        Span(role, "dim"),
        Span(fill.client_order_id, "dim"),
    )
    return table.row(FILL_COLUMNS, values, cells)


def price_chart(snapshot: GridSnapshot, reach: timedelta, look: Look) -> Chart:
    """The price line of the last `reach`, our fills on it, resting levels at its edge."""
    points = snapshot.prices
    if points:
        first = points[-1].at - reach
        points = tuple(point for point in points if point.at >= first)
    start = points[0].at if points else snapshot.at
    arrows = ("▴", "▾") if look.glyphs.has_braille else ("^", "v")
    return Chart(
        samples=[
            Sample(point.at, float(point.last), float(point.high), float(point.low))
            for point in points
        ],
        marks=[
            Mark(
                fill.at,
                float(fill.price),
                arrows[fill.side is OrderSide.SELL],
                "buy" if fill.side is OrderSide.BUY else "sell",
            )
            for fill in snapshot.fills
            if fill.at >= start
        ],
        rules=[
            Rule(float(slot.price), "buy" if slot.side is OrderSide.BUY else "sell")
            for slot in snapshot.slots
            if slot.state in OPEN
        ],
        decimals=snapshot.price_decimals,
        zone=look.zone,
    )


def chart_state(snapshot: GridSnapshot, name: str, look: Look) -> str:
    """`1 m · 6 h`: how long a point is and how far the line reaches."""
    if len(snapshot.prices) < 2:
        return name
    bucket = (snapshot.prices[-1].at - snapshot.prices[-2].at).total_seconds()
    step = age(bucket, is_fine=False)
    return f"{step[:-1]} {step[-1]} {look.glyphs.dot} {name}"


def price_footing(snapshot: GridSnapshot, look: Look) -> str:
    """The range of the grid."""
    if snapshot.lower_price is None or snapshot.upper_price is None:
        return ""
    decimals = snapshot.price_decimals
    return look.words(
        "price.footing",
        lower=number(snapshot.lower_price, decimals),
        upper=number(snapshot.upper_price, decimals),
    )


def facts_line(snapshot: GridSnapshot, cells: int, look: Look) -> Line:
    """The narrow screen's one line above its tabs."""
    words, result = look.words, snapshot.result
    risk = fullest(snapshot.limits)
    facts: list[tuple[str, Span]] = [
        (
            words("facts.position"),
            Span(signed(result.position, snapshot.amount_decimals), tone_of(result.position)),
        ),
        (words("facts.unrealized"), _change(result.unrealized_pnl, snapshot.quote_decimals)),
        (words("facts.realized"), _change(result.realized_pnl, snapshot.quote_decimals)),
        (words("facts.risk"), Span(percent(risk), gauge.gauge_tone(risk or Decimal(0)))),
        (words("facts.health"), _health_word(snapshot, look)),
    ]
    price = mid(snapshot)
    line: list[Span] = [Span(" " + number(price, snapshot.price_decimals), "bold", "mid")]
    for label, value in facts:
        line += [Span(f"   {label} ", "dim"), value]
    return spread(tuple(line), (), cells)


def phase_state(snapshot: GridSnapshot, look: Look) -> str:
    """`running 3d04h`."""
    word = look.words(f"phase.{snapshot.phase.value}")
    if snapshot.phase is GridPhase.RUNNING:
        return f"{word} {age(since(snapshot.at, snapshot.started_at), is_fine=False)}"
    if snapshot.phase_since is not None:
        return f"{word} {age(since(snapshot.at, snapshot.phase_since), is_fine=False)}"
    return word


FACE_TONES = {
    GridPhase.HALTED: "error",
    GridPhase.DEGRADED: "warn",
    GridPhase.PAUSED: "calm",
    GridPhase.HOLDING: "calm",
}


def face(snapshot: GridSnapshot, look: Look, *, pause_key: str, halt_key: str) -> Span | None:
    """The words for a state that is not simply running, or None."""
    unknown = [slot.unknown_since for slot in snapshot.slots if slot.unknown_since is not None]
    if snapshot.phase is GridPhase.RUNNING:
        if not unknown:
            return None
        asked = age(since(snapshot.at, min(unknown)), is_fine=False)
        return Span(look.words("face.unknown", age=asked), "error")
    text = look.words.heard.sentence(snapshot.phase_reason)
    if not text:
        text = look.words(
            f"face.{snapshot.phase.value}",
            venue=snapshot.venue,
            age=age(since(snapshot.at, snapshot.phase_since), is_fine=False),
            pause=pause_key,
            halt=halt_key,
        )
    return Span(text, FACE_TONES.get(snapshot.phase, "dim"))
