"""The whole bot against a second opinion that was written from the words alone.

Every example is a file and a tape; the engine, execution, journal, risk, matching and the grid's
machine run it on virtual time, and must tell fill for fill and figure for figure what the oracle
has foretold.
"""

import tempfile
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.testing.oracle.difference import differences
from core.testing.oracle.foresight import Row, foretell
from core.testing.oracle.trial import run_bot

START_MS = 1_700_000_000_000
LOWEST, HIGHEST = Decimal(60), Decimal(160)

Document = dict[str, Any]

few = settings(
    max_examples=80,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def check(document: Mapping[str, Any], tape: list[Row]) -> None:
    """Run both and hold them against each other."""
    foresight = foretell(document, tape)
    with tempfile.TemporaryDirectory() as folder:
        trial = run_bot(document, tape, Path(folder))

    assert foresight.residual == 0
    assert differences(foresight, trial) == []


@st.composite
def grids(draw: st.DrawFn, *kinds: str, spot: bool = False) -> Document:
    """A grid of at most eight levels around 100."""
    kind = draw(st.sampled_from(kinds))
    interval = draw(st.sampled_from([1, 2, 5]))
    count = draw(st.integers(1, 8))
    instrument: Document = {
        "tick_size": draw(st.sampled_from(["0.01", "0.1", "0.5", "1"])),
        "lot_size": "0.001",
        "min_notional": "0",
        "maker_fee": draw(st.sampled_from(["0", "0.00237", "-0.0001"])),
        "taker_fee": draw(st.sampled_from(["0", "0.0005", "0.00411"])),
    }
    grid: Document = {
        "exchange": "paper",
        "symbol": "TEST-USDC-SPOT" if spot else "TEST-USDC-PERP",
        "grid_type": kind,
        "grid_interval": str(interval),
        "order_amount": draw(st.sampled_from(["1", "0.5", "0.037"])),
        "reverse_order_grid_distance": draw(st.integers(1, 3)),
        "initial_fill": draw(st.sampled_from(["taker_position", "passive_only", "all_limits"])),
        "initial_fill_cap": draw(st.sampled_from(["0.002", "0", "0.05"])),
        "on_exit": draw(st.sampled_from(["cancel_orders", "flatten", "keep"])),
        "acknowledge": ["losing_grid"],
        "instrument": instrument,
        "paper": {
            "initial_balance": "1000000",
            "latency_ms": draw(st.sampled_from([0, 50])),
            "fill": draw(st.sampled_from(["through", "touch"])),
        },
    }
    if spot:
        grid["market_type"] = "spot"
    else:
        grid |= {"margin_mode": "cross", "leverage": 20}
        instrument["maker_fee"] = draw(st.sampled_from(["0.001", "0.00237"]))
        instrument["fee_asset"] = draw(st.sampled_from(["base", "quote"]))
    if kind.startswith("follow"):
        grid["follow_grid_count"] = count
        grid["follow_timeout"] = draw(st.integers(1, 3))
        grid["follow_distance"] = draw(st.integers(0, 2))
        grid["price_offset_grids"] = draw(st.integers(0, count - 1))
    else:
        unused = draw(st.integers(0, interval - 1))
        upper = 100 + count * interval + unused
        grid["price_range"] = {"lower_price": "100", "upper_price": str(upper)}
    if kind.startswith("martingale") or draw(st.booleans()):
        grid["martingale_increment"] = draw(st.sampled_from(["0.1", "0.0125", "0.0004"]))
    return {"grid_system": grid}


@st.composite
def tapes(draw: st.DrawFn, document: Document) -> list[Row]:
    """Up to forty trades on the tick: equal times, single steps, gaps, prices on the levels."""
    grid = document["grid_system"]
    tick = Decimal(grid["instrument"]["tick_size"])
    half = max(tick, Decimal(grid["grid_interval"]) / 2 // tick * tick)
    price = Decimal(100) + half * draw(st.integers(-4, 20))
    at_ms, rows = START_MS, []
    pauses = st.sampled_from([0, 1, 20, 49, 50, 51, 400, 1000, 1000, 2000])
    steps = st.sampled_from([-1, 1, -2, 2, -3, 3, -7, 7, 0])
    moves = st.lists(st.tuples(pauses, steps, st.booleans()), min_size=1, max_size=40)
    for pause, step, is_small in draw(moves):
        rows.append((at_ms, price, Decimal("0.5"), "buy" if step > 0 else "sell"))
        at_ms += pause
        price += step * (tick if is_small else half)
        price = min(max(price, LOWEST), HIGHEST)
    return rows


@st.composite
def runs(draw: st.DrawFn, *kinds: str, spot: bool = False) -> tuple[Document, list[Row]]:
    """A grid and a tape for it."""
    document = draw(grids(*kinds, spot=spot))
    return document, draw(tapes(document))


@st.composite
def quoted_runs(draw: st.DrawFn) -> tuple[Document, list[Row]]:
    """A grid and a tape of quotes, some of which hold less than an order wants."""
    document = draw(
        grids("long", "short", "martingale_long", "martingale_short", "follow_long", "follow_short")
    )
    tick = Decimal(document["grid_system"]["instrument"]["tick_size"])
    amounts = st.sampled_from([Decimal(text) for text in ("0.1", "0.3", "1.2", "100")])
    widths = st.integers(1, 5)
    return document, [
        (at_ms, bid, draw(amounts), bid + draw(widths) * tick, draw(amounts))
        for at_ms, bid, *_ in draw(tapes(document))
    ]


@few
@given(runs("long", "short"))
def test_fixed_grid_does_what_was_foretold(run: tuple[Document, list[Row]]) -> None:
    """Long and short grids fill, reverse, earn and end as the words have it."""
    check(*run)


@few
@given(runs("martingale_long", "martingale_short"))
def test_martingale_grid_does_what_was_foretold(run: tuple[Document, list[Row]]) -> None:
    """Amounts that grow towards the adverse end change nothing else."""
    check(*run)


@few
@given(runs("follow_long", "follow_short"))
def test_following_grid_does_what_was_foretold(run: tuple[Document, list[Row]]) -> None:
    """Grids that follow escape, cancel, close and build anew at the foretold moments."""
    check(*run)


@few
@given(runs("long", "martingale_long", "follow_long", spot=True))
def test_spot_grid_does_what_was_foretold(run: tuple[Document, list[Row]]) -> None:
    """On spot, fees in base make exits smaller, and what is less than a lot stays in the books."""
    check(*run)


@few
@given(quoted_runs())
def test_quotes_do_what_was_foretold(run: tuple[Document, list[Row]]) -> None:
    """With a book, takers pay the other side and get what stands there; the middle is the price."""
    check(*run)
