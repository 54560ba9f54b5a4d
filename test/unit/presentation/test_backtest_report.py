"""The report of a backtest as text, page and pictures."""

import struct
import xml.etree.ElementTree as ET
import zlib
from decimal import Decimal
from html.parser import HTMLParser

import pytest

from core.services.backtest.curve import DAY_NS, Curve, Point
from core.services.backtest.metrics import measure
from core.services.backtest.snapshot import BacktestReport, TradedFill, decimal_text
from tui.presentation.backtest import equity_chart, measure_text, report_lines
from tui.presentation.backtest_page import equity_plot, page, plots
from tui.presentation.glyphs import ASCII, FULL
from tui.presentation.plot import Dot, Frame, Plot, Series
from tui.presentation.png import HEIGHT, WIDTH, png
from tui.presentation.svg import svg

FIRST_NS = 1_748_217_600_000_000_000


def curve(*equities: int) -> Curve:
    """One point a day."""
    points = tuple(
        Point(
            at_ns=FIRST_NS + day * DAY_NS,
            equity=Decimal(equity),
            price=Decimal(100 + day),
            position=Decimal(day) / 10,
        )
        for day, equity in enumerate(equities)
    )
    return Curve(
        start=points[0].equity,
        end=points[-1].equity,
        first_ns=points[0].at_ns,
        last_ns=points[-1].at_ns,
        period_ns=DAY_NS,
        samples=tuple(float(point.equity) for point in points),
        max_drawdown=0.1,
        mean_equity=1000.0,
        exposure=0.5,
        points=points,
        marks=(),
    )


@pytest.fixture
def report() -> BacktestReport:
    """Six days; a name that would be markup if it were not escaped."""
    mine, held = curve(1000, 1010, 990, 1050, 1040, 1100), curve(1000, 990, 980, 970, 960, 950)
    summary = (
        ("fills", 1),
        ("round_trips", 0),
        ("position", "0.5"),
        ("realized_pnl", "100"),
        ("unrealized_pnl", "-1.5"),
        ("fees", "0.25"),
        ("funding", "0"),
        ("equity_change", "100"),
        ("residual", "0"),
        ("open_orders_left", 0),
        ("feed", "a<b.csv"),
        ("from", None),
        ("to", None),
    )
    return BacktestReport(
        bot="one",
        symbol="BTC-USDT-PERP",
        base="BTC",
        quote="USDT",
        grid_type="long",
        summary=summary,
        metrics=measure(mine, Decimal(500)),
        buy_and_hold=measure(held, Decimal(1000)),
        curve=mine,
        held=held,
        assumptions=(("fill", "through: whole, " * 12), ("latency", "none")),
        fills=(
            TradedFill(
                at_ns=FIRST_NS,
                side="buy",
                price=Decimal(100),
                amount=Decimal(5),
                level=1,
                leg="entry",
                fee=Decimal("0.25"),
                round_trip=None,
                is_maker=True,
                client_order_id="x1E1",
                trade_id="t1",
            ),
        ),
        notices=("3 candles are missing",),
        closing="2 orders cancelled",
        exit_code=0,
    )


def test_the_text_fits_and_says_both_results(report: BacktestReport) -> None:
    """No line is wider than the page; the grid stands beside buying and holding."""
    lines = report_lines(report, FULL)

    assert max(map(len, lines)) <= 78
    text = "\n".join(lines)
    assert "total return" in text
    assert "10.00 %" in text
    assert "−5.00 %" in text
    assert "2 orders cancelled" in text


def test_the_chart_is_braille_where_the_terminal_has_it(report: BacktestReport) -> None:
    """And letters of ASCII where it has not."""
    braille = "".join(equity_chart(report, FULL))
    plain = "".join(equity_chart(report, ASCII))

    assert any(0x2800 < ord(char) < 0x2900 for char in braille)
    assert plain.isascii()
    assert "2025-05-26" in plain
    assert "2025-05-31" in plain


def test_what_is_not_defined_is_a_dash(report: BacktestReport) -> None:
    """None is never shown as a zero."""
    assert measure_text("sharpe", None) == "—"
    assert decimal_text(None) is None
    assert decimal_text(float("nan")) is None
    assert decimal_text(1e-9) == "0.000000001"


def test_the_page_stands_by_itself(report: BacktestReport) -> None:
    """Nothing is fetched from anywhere, and what comes from outside is escaped."""
    text = page(report)

    class Seen(HTMLParser):
        tags: list[str] = []  # noqa: RUF012 # one instance
        loads: list[str] = []  # noqa: RUF012

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            self.tags.append(tag)
            self.loads += [value or "" for name, value in attrs if name in {"src", "href"}]

    seen = Seen()
    seen.feed(text)
    assert seen.loads == []
    assert seen.tags.count("svg") == len(plots(report)) == 4
    assert "script" not in seen.tags
    assert "a&lt;b.csv" in text
    assert "3 candles are missing" in text


def test_each_plot_is_sound_xml(report: BacktestReport) -> None:
    """A file of its own can be opened by any viewer."""
    for plot in plots(report):
        root = ET.fromstring(svg(plot, has_style=True))  # noqa: S314 # our own text
        assert root.tag.endswith("svg")
        lines = [item for item in root.iter() if item.tag.endswith("polyline")]
        assert len(lines) == len(plot.series)


def test_a_line_goes_through_its_points() -> None:
    """The highest value is nearest to the top, the last moment at the right edge."""
    series = Series(name="a", dots=[Dot(0, 1.0), Dot(5, 3.0), Dot(10, 2.0)], tone="first")
    frame = Frame.of(Plot(title="", series=[series]), 10, 20, 100, 50)

    (x0, y0), (x1, y1), (x2, y2) = frame.path(series)

    assert (x0, x1, x2) == (10, 60, 110)
    assert 20 < y1 < y2 < y0 < 70


def test_a_step_holds_until_the_next_value() -> None:
    """What is held does not slide from one amount to the next."""
    series = Series(name="a", dots=[Dot(0, 1.0), Dot(10, 2.0)], tone="first", is_step=True)
    frame = Frame.of(Plot(title="", series=[series]), 0, 0, 100, 100)

    corners = frame.path(series)

    assert len(corners) == 3
    assert corners[1][1] == corners[0][1]
    assert corners[1][0] == corners[2][0]


def test_the_picture_is_a_sound_png(report: BacktestReport) -> None:
    """Sizes and checksums fit, and both lines are on it in their colours."""
    raw = png(equity_plot(report))

    assert raw[:8] == b"\x89PNG\r\n\x1a\n"
    place, pieces = 8, {}
    while place < len(raw):
        (size,) = struct.unpack(">I", raw[place : place + 4])
        name, body = raw[place + 4 : place + 8], raw[place + 8 : place + 8 + size]
        (check,) = struct.unpack(">I", raw[place + 8 + size : place + 12 + size])
        assert zlib.crc32(name + body) == check
        pieces[name] = body
        place += 12 + size
    assert struct.unpack(">II", pieces[b"IHDR"][:8]) == (WIDTH, HEIGHT)
    dots = zlib.decompress(pieces[b"IDAT"])
    assert len(dots) == HEIGHT * (1 + 3 * WIDTH)
    assert dots.count(b"\x09\x69\xda") > 100
    assert dots.count(b"\xbc\x4c\x00") > 100
