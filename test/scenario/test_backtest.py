"""A backtest is the run of `ctos grid --speed max`, measured."""

import json
import random
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from core.engine.protocol import StartBot
from core.errors import CtosError, FeedError
from core.services.backtest.snapshot import BacktestReport
from core.testing.oracle.trial import Trial, run_bot
from core.wiring.backtests import BacktestData, backtest

Document = dict[str, Any]
Trade = tuple[int, Decimal, Decimal, str]
ONE = Decimal(1)
MOMENT = "2025-05-26T%02d:%02d:%02d.000Z"


def grid(grid_type: str = "long", *, latency_ms: int = 0, **keys: object) -> Document:
    """Three levels, 97 to 100 in steps of 1, one unit each, unless the keys say otherwise."""
    paper: Mapping[str, object] = dict(keys.pop("paper", {}))  # type: ignore[call-overload]
    known: Document = {
        "exchange": "paper",
        "symbol": keys.pop("symbol", "TEST-USDC-PERP"),
        "grid_type": grid_type,
        "grid_interval": "1",
        "order_amount": "1",
        "on_exit": "keep",
        "instrument": {
            "tick_size": "0.1",
            "lot_size": "0.001",
            "min_notional": "0",
            "maker_fee": "0.0002",
            "taker_fee": "0.0005",
            **dict(keys.pop("instrument", {})),  # type: ignore[call-overload]
        },
        "paper": {"initial_balance": "10000", "latency_ms": latency_ms, "fill": "through", **paper},
    }
    if not grid_type.startswith("follow"):
        known["price_range"] = {"lower_price": "97", "upper_price": "100"}
    return {"grid_system": known | keys}


def walk(rows: int, seed: int = 3) -> list[Trade]:
    """Trades that wander around 98.5, a second apart."""
    chance = random.Random(seed)
    price = Decimal("98.5")
    found: list[Trade] = []
    for number in range(rows):
        step = Decimal(chance.randint(-4, 4)) / 10
        price = min(max(price + step, Decimal(95)), Decimal(103))
        found.append((1_748_217_600_000 + number * 1000, price, Decimal(1), "buy"))
    return found


def trades(rows: Sequence[Trade]) -> str:
    """The rows as a file."""
    return "ts_ms,price,amount,side\n" + "".join(",".join(map(str, row)) + "\n" for row in rows)


def run(
    document: Document,
    *paths: Path,
    from_ns: int | None = None,
    to_ns: int | None = None,
    **options: Any,
) -> BacktestReport:
    """A backtest in this process."""
    request = StartBot(
        app="grid", path="trial.yaml", text=json.dumps(document), speed="max", seed=1, **options
    )
    return backtest(request, BacktestData(paths=paths, from_ns=from_ns, to_ns=to_ns))


def both(document: Document, rows: list[Trade], folder: Path) -> tuple[BacktestReport, Trial]:
    """The same bot on the same tape, measured and told."""
    file = folder / "tape.csv"
    file.write_text(trades(rows))
    told = run_bot(document, rows, folder)
    return run(document, file), told


@pytest.mark.parametrize("grid_type", ["long", "short", "follow_long"])
@pytest.mark.parametrize("latency_ms", [0, 1500])
def test_a_backtest_trades_what_the_run_trades(
    ctos_home: Path, tmp_path: Path, grid_type: str, latency_ms: int
) -> None:
    """Fill for fill and figure for figure, without a file left behind."""
    keys = {"follow_grid_count": 3, "follow_timeout": 20} if "follow" in grid_type else {}
    report, told = both(grid(grid_type, latency_ms=latency_ms, **keys), walk(1500), tmp_path)

    mine = [
        (fill.side, fill.price, fill.amount, fill.level, fill.leg, fill.fee, fill.is_maker)
        for fill in report.fills
    ]
    theirs = [
        (fill.side, fill.price, fill.amount, fill.level, fill.leg, fill.fee, fill.is_maker)
        for fill in told.fills
    ]
    assert len(mine) > 20
    assert theirs == mine
    assert {**told.summary, "at_ns": 0} == {**dict(report.summary), "at_ns": 0}
    assert not (ctos_home / "runs").exists()


def test_two_backtests_are_the_same_to_the_byte(ctos_home: Path, tmp_path: Path) -> None:
    """Neither the clock of the wall nor the folder reaches the result."""
    texts = []
    for name in ("one", "two"):
        file = tmp_path / name / "tape.csv"
        file.parent.mkdir()
        file.write_text(trades(walk(400)))
        texts.append(json.dumps(run(grid(), file).as_json()))

    assert texts[0] == texts[1]
    assert str(tmp_path) not in texts[0]
    assert ctos_home.name not in texts[0]


def test_the_curve_ends_at_what_the_summary_says(ctos_home: Path, tmp_path: Path) -> None:
    """Start plus the change of equity is the last point, exactly."""
    report, _ = both(grid(), walk(800), tmp_path)
    change = Decimal(str(dict(report.summary)["equity_change"]))

    assert report.curve.start == 10000
    assert report.curve.end == 10000 + change
    assert report.curve.points[-1].equity == report.curve.end
    assert report.metrics.total_return == pytest.approx(float(change) / 10000)


def test_buying_and_holding_follows_the_price(ctos_home: Path, tmp_path: Path) -> None:
    """All of it at the first price with the taker's fee, in whole lots."""
    file = tmp_path / "tape.csv"
    file.write_text(trades([(0, Decimal(100), ONE, "buy"), (3_600_000, Decimal(110), ONE, "buy")]))

    report = run(grid(), file)

    amount = Decimal("99.950")
    paid = amount * 100 * Decimal("1.0005")
    assert report.held.points[0].position == amount
    assert report.held.end == 10000 - paid + amount * 110


def test_several_files_are_one_recording(ctos_home: Path, tmp_path: Path) -> None:
    """Further periods of a symbol, in whatever order they were named."""
    rows = walk(900)
    for name, part in (("a", rows[:300]), ("b", rows[300:]), ("whole", rows)):
        (tmp_path / f"{name}.csv").write_text(trades(part))

    parts = run(grid(), tmp_path / "b.csv", tmp_path / "a.csv")
    whole = run(grid(), tmp_path / "whole.csv")

    assert parts.fills == whole.fills
    assert parts.curve.points == whole.curve.points


def test_funding_rates_beside_the_prices_are_settled(ctos_home: Path, tmp_path: Path) -> None:
    """What is held at a settlement pays; buying and holding pays too."""
    first = 1_748_217_600_000
    prices = tmp_path / "tape.csv"
    rows = [(first + minute * 60_000, Decimal("98.0"), ONE, "buy") for minute in range(120)]
    prices.write_text(trades(rows))
    rates = tmp_path / "funding.csv"
    rates.write_text(
        f"ts_ms,venue,symbol,rate,interval_s\n{first + 3_600_000},paper,TEST-USDC-PERP,0.001,3600\n"
    )

    report = run(grid(), prices, rates)

    assert dict(report.summary)["position"] == "2"
    assert dict(report.summary)["funding"] == "-0.196"
    held = report.held.points[-1].position
    assert report.held.end == 10000 - held * 98 * (Decimal("0.0005") + Decimal("0.001"))
    assert dict(report.assumptions)["funding"].startswith("the rates of the data, at each of 1 ")


def test_funding_rates_of_another_time_are_told(ctos_home: Path, tmp_path: Path) -> None:
    """They settle nothing, and nobody should believe that they did."""
    prices, rates = tmp_path / "tape.csv", tmp_path / "funding.csv"
    rows = [(minute * 60_000, Decimal("98.0"), ONE, "buy") for minute in range(0, 3000, 10)]
    prices.write_text(trades(rows))
    rates.write_text(
        "ts_ms,venue,symbol,rate,interval_s\n1748217600000,paper,TEST-USDC-PERP,0.001,28800\n"
    )

    report = run(grid(), prices, rates)

    assert any("no funding rate lies in the time of the prices" in text for text in report.notices)


def test_a_part_of_the_data_is_the_run_over_that_part(ctos_home: Path, tmp_path: Path) -> None:
    """`--from` and `--to` cut; what is cut off is as if it were not there."""
    rows = walk(900)
    whole, part = tmp_path / "whole.csv", tmp_path / "part.csv"
    whole.write_text(trades(rows))
    part.write_text(trades(rows[200:700]))
    first, last = rows[200][0] * 10**6, rows[700][0] * 10**6

    cut = run(grid(), whole, from_ns=int(first), to_ns=int(last))

    assert cut.fills == run(grid(), part).fills
    assert (cut.curve.first_ns, cut.curve.last_ns) == (first, rows[699][0] * 10**6)


def test_data_that_do_not_reach_are_refused(ctos_home: Path, tmp_path: Path) -> None:
    """The message says what they hold."""
    file = tmp_path / "tape.csv"
    file.write_text(trades(walk(300)))
    early = 1_748_000_000_000_000_000

    with pytest.raises(FeedError, match=r"does not cover --from .* It holds 2025-05-26T00:00:00Z"):
        run(grid(), file, from_ns=early)
    with pytest.raises(FeedError, match="does not cover --to"):
        run(grid(), file, to_ns=early + 10**18)


def test_prices_of_several_symbols_need_a_choice(ctos_home: Path, tmp_path: Path) -> None:
    """Mixed symbols that neither the bot nor the command line picks from are listed."""
    for name in ("AAA-USDC", "BBB-USDC"):
        rows = "".join(f"{number},100,1,buy,{name}\n" for number in range(3))
        (tmp_path / f"{name}.csv").write_text(f"ts_ms,price,amount,side,symbol\n{rows}")

    with pytest.raises(FeedError, match=r"AAA-USDC.*BBB-USDC"):
        run(grid(), tmp_path / "AAA-USDC.csv", tmp_path / "BBB-USDC.csv")


def test_files_that_overlap_are_refused(ctos_home: Path, tmp_path: Path) -> None:
    """The same minutes twice would trade twice."""
    rows = walk(300)
    (tmp_path / "a.csv").write_text(trades(rows[:200]))
    (tmp_path / "b.csv").write_text(trades(rows[100:]))

    with pytest.raises(FeedError, match=r"b\.csv, row 1"):
        run(grid(), tmp_path / "a.csv", tmp_path / "b.csv")


def test_candles_and_trades_do_not_mix(ctos_home: Path, tmp_path: Path) -> None:
    """A recording holds one kind of prices."""
    (tmp_path / "a.csv").write_text(trades(walk(10)))
    (tmp_path / "b.csv").write_text(
        "ts_ms,open,high,low,close,volume\n0,1,1,1,1,1\n60000,1,1,1,1,1\n"
    )

    with pytest.raises(FeedError, match="holds trades and candles"):
        run(grid(), tmp_path / "a.csv", tmp_path / "b.csv")


def test_an_account_that_cannot_carry_its_position_is_liquidated(
    ctos_home: Path, tmp_path: Path
) -> None:
    """At the maintenance margin, before the account is below zero by more than the gap."""
    file = tmp_path / "tape.csv"
    falls = [*(Decimal(100) - Decimal(step) / 2 for step in range(100)), Decimal(60)]
    file.write_text(trades([(n * 1000, price, ONE, "sell") for n, price in enumerate(falls)]))

    report = run(
        grid(
            order_amount="10",
            leverage=20,
            margin_mode="cross",
            paper={"initial_balance": "400"},
            instrument={"max_leverage": "50"},
        ),
        file,
    )

    assert report.curve.points[-1].position == 0
    assert 0 < report.curve.end < 40
    assert report.metrics.max_drawdown > 0.9


def test_a_bot_that_fails_says_why(ctos_home: Path, tmp_path: Path) -> None:
    """No report is made up where there was no run."""
    file = tmp_path / "tape.csv"
    file.write_text("ts_ms,price,amount,side\n0,-1,1,buy\n")

    with pytest.raises(CtosError, match="price -1 must be above 0"):
        run(grid(), file)


def test_the_moments_of_the_report_are_the_data_s(ctos_home: Path, tmp_path: Path) -> None:
    """The first point is the first row's."""
    file = tmp_path / "tape.csv"
    file.write_text(trades(walk(50)))

    first = run(grid(), file).as_json()["equity"][0]  # type: ignore[index]

    assert first[0] == MOMENT % (0, 0, 0)
