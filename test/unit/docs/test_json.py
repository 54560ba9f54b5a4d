"""What other programs rely on, as docs/json.md writes it down, against real runs."""

import json
import re
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from core.adapters.exchanges.models import OrderSide, from_ns
from core.engine.protocol import Bots
from core.services.execution.snapshot import ExplainedFill, Explanation, Learned, Refusal
from core.services.grid.plan import GridPlan
from core.services.grid.snapshot import (
    EditDiff,
    EditLine,
    GridProfit,
    GridResult,
    KeptHolding,
    KeyChange,
    SlotProfit,
    TripRow,
)
from core.services.portfolio.snapshot import BotResult, BotRow, HomeSnapshot
from tui.cli import bots, home
from tui.cli.grid import GridOptions, grid
from tui.cli.plan import plan

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "json.md").read_text(encoding="utf-8")
EXAMPLE = ROOT / "config" / "grid" / "lighter-long-btc.yaml"
TAPE = ROOT / "docs" / "examples" / "trades.csv"
HEAD = ("at", "event", "bot")
TEXT = {
    *("client_order_id", "trade_id", "side", "leg", "order_type", "time_in_force", "reason"),
    *("text", "feed", "app", "venue", "symbol", "type", "share", "code"),
}
WHOLE = {
    *("fills", "round_trips", "open_orders_left", "levels", "level", "resets"),
    *("matched", "missing", "unknown", "foreign"),
}
TIMES = {"at", "from", "to"}
AT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
PLAIN = re.compile(r"-?(0|[1-9]\d*)(\.\d*[1-9])?")
NAME = re.compile(
    r'"((?:order|grid|risk|bot|feed|foreign|funding|protection)\.[a-z_]+|reconciled)"'
)
NOT_LINES = {"risk.daily_loss", "order.expired"}
"""A key of the configuration, and an end that is told as `order.canceled` with its code."""


def described() -> dict[str, tuple[set[str], set[str]]]:
    """Event -> (fields it has, fields it may have), from the page."""
    section = PAGE.split("\n## The diary\n", 1)[1].split("\n## ", 1)[0]
    found = {}
    for line in section.splitlines():
        if line.startswith("| `"):
            _, event, cell, _ = line.split("|")
            maybe = set(re.findall(r"\[`(\w+)`\]", cell))
            found[event.strip(" `")] = (set(re.findall(r"`(\w+)`", cell)) - maybe, maybe)
    return found


def fields_of(heading: str) -> set[str]:
    """Fields in the tables of a section, first column."""
    section = PAGE.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    return {word for row in rows for word in re.findall(r"`([^`]+)`", row)}


def lines_of(capfd, **options: object) -> list[dict[str, object]]:
    """A run on virtual time through the command line: each line of stdout, read."""
    code = grid(GridOptions(file=EXAMPLE, is_json=True, is_headless=True, speed="max", **options))
    assert code == 0
    return [json.loads(line) for line in capfd.readouterr().out.splitlines()]


@pytest.fixture
def replay(capfd, ctos_home):
    """The tape of the examples, run through the example grid."""
    return lines_of(capfd, feed=str(TAPE))


def test_lines_have_the_fields_that_the_page_says(replay):
    """Each line begins with at, event and bot, and has the fields of its event and no other."""
    page = described()
    for line in replay:
        needed, maybe = page[str(line["event"])]

        assert tuple(line)[:3] == HEAD
        assert needed <= set(line) - set(HEAD) <= needed | maybe


def test_lines_have_the_forms_that_the_page_says(replay):
    """Decimals are plain text, counts integers, times ISO 8601 with milliseconds."""
    for line in replay:
        for name, value in line.items():
            if name in WHOLE:
                assert value is None or type(value) is int, name
            elif name in TIMES:
                assert AT.fullmatch(str(value)), name
            elif name == "maker":
                assert isinstance(value, bool)
            elif name not in TEXT | {"event", "bot"}:
                assert value is None or PLAIN.fullmatch(str(value)), (name, value)


def test_the_summary_is_last_and_adds_up(replay):
    """The last line is the summary, and its terms explain what the account gained."""
    last = replay[-1]
    number = {name: Decimal(str(last[name])) for name in ("equity_change", "fees", "funding")}
    gross = Decimal(str(last["realized_pnl"])) + Decimal(str(last["unrealized_pnl"]))

    assert last["event"] == "summary"
    assert last["residual"] == "0"
    assert number["equity_change"] == gross - number["fees"] + number["funding"]
    assert last["fills"] == sum(line["event"] == "order.filled" for line in replay)
    assert fields_of("The summary") == set(last) - set(HEAD)


def test_shares_of_one_execution_add_up(replay):
    """The first order serves several slots: one line for each share, with one trade id."""
    shares = [line for line in replay if "share" in line]
    placed = next(line for line in replay if line.get("reason") == "entry.initial_fill")

    assert len({line["level"] for line in shares}) == len(shares) > 1
    assert sum(Decimal(str(line["amount"])) for line in shares) == Decimal(str(placed["amount"]))
    assert placed["level"] is None


def test_a_run_is_the_same_every_time(capfd, ctos_home):
    """The same file, seed and time give the same bytes."""
    first = lines_of(capfd, feed="sim:3", duration="10m")
    second = lines_of(capfd, feed="sim:3", duration="10m")

    assert first == second
    assert first[-1]["residual"] == "0"


def test_the_page_knows_every_event():
    """Each name of a diary line in the code stands on the page, and no other."""
    folders = [ROOT / "core" / "services", ROOT / "core" / "engine"]
    files = [file for folder in folders for file in folder.rglob("*.py")]
    told = {name for file in files for name in NAME.findall(file.read_text(encoding="utf-8"))}

    assert told - NOT_LINES | {"summary"} == set(described())


def test_a_plan_has_the_fields_that_the_page_says(capfd, ctos_home):
    """`ctos plan --json` prints one object with these fields; its levels have theirs."""
    assert plan(EXAMPLE, price=None, is_json=True) == 0
    found = json.loads(capfd.readouterr().out)

    warnings = {
        "unused_range",
        "amount_collision",
        "amount_cut",
        "fee_rate_differs",
        "margin_above_balance",
        "liquidation_inside_range",
        "losing_grid",
        "below_min_notional",
    }
    assert set(found) | warnings == fields_of("The plan")
    assert set(found["levels"][0]) == {"level", "side", "price", "amount", "exit_price"}
    assert [level["level"] for level in found["levels"]] == list(range(1, 41))


def test_the_page_knows_every_warning():
    """Each code of a plan's warning stands on the page."""
    source = Path(GridPlan.__module__.replace(".", "/") + ".py")
    codes = set(re.findall(r'code="(\w+)"', (ROOT / source).read_text(encoding="utf-8")))

    assert {*codes, "amount_collision"} <= fields_of("The plan")


def test_what_runs_has_the_fields_that_the_page_says():
    """An engine and a bot, as `ctos ps --json` and `ctos status --json` print them."""
    bot = BotRow(
        name="btc",
        app="grid",
        venue="paper",
        symbol="BTC-USDC-PERP",
        state="running",
        is_running=True,
        started_at=from_ns(1_767_225_600_000_000_000),
        pnl=Decimal("-0.5"),
        risk_used=None,
    )
    listed = Bots(bots=(bot,), risk_state="ACTIVE", engine_pid=7, mode="paper")
    shown = HomeSnapshot(
        mode="paper",
        at=from_ns(1_767_225_600_000_000_000),
        equity=None,
        day_change=None,
        quote="USDC",
        equity_line=(),
        max_drawdown=None,
        venues=(),
        bots=(bot,),
        positions=(),
        free_margin=None,
        used_margin_fraction=None,
        log=(),
        risk_state="ACTIVE",
    )
    section = PAGE.split("\n## What runs\n", 1)[1]
    rows = {
        line.split("|")[1].strip(" `"): set(re.findall(r"`(\w+)`", line.split("|")[2]))
        for line in section.splitlines()
        if line.startswith("| `ctos ")
    }
    of_a_bot = set(re.findall(r"`(\w+)`", section.rsplit("A bot has", 1)[1]))

    assert set(bots._engine_json(listed)) == rows["ctos ps --json"]
    assert set(home._json(shown)) == rows["ctos status --json"]
    assert set(bots.bot_json(bot)) == of_a_bot
    assert bots.bot_json(bot)["started_at"] == "2026-01-01T00:00:00.000Z"


def names_in(heading: str) -> set[str]:
    """Every word in code style in the tables of a section."""
    section = PAGE.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    return {word for row in rows for word in re.findall(r"`([a-z_0-9]+)`", row)}


def test_an_edit_has_the_fields_that_the_page_says():
    """`ctos edit --json`, down to its lists."""
    line = EditLine(level=1, leg="entry", side=OrderSide.BUY, price=None, amount=Decimal(1))
    diff = EditDiff(
        place=(line,),
        cancel=(replace(line, client_order_id="c1"),),
        kept_holdings=(
            KeptHolding(level=1, entry_price=Decimal(1), exit_price=Decimal(2), amount=Decimal(1)),
        ),
        changes=(KeyChange(key="grid_system.leverage", before=None, after="2"),),
    )
    found = {"bot": "b", "applied": False, **diff.as_json()}
    inner = {
        key
        for lines in found.values()
        if isinstance(lines, list)
        for item in lines
        if isinstance(item, dict)
        for key in item
    }

    assert set(found) == fields_of("An edit")
    assert inner <= names_in("An edit")


def test_an_explanation_has_the_fields_that_the_page_says():
    """`ctos why --json`, down to its lists."""
    at = from_ns(1_767_225_600_000_000_000)
    amount = Decimal(1)
    found = Explanation(
        bot="b",
        venue="paper",
        symbol="BTC-USDC-PERP",
        client_order_id="c1",
        at=at,
        rule="entry.built",
        leg="entry",
        side="buy",
        state="DENIED",
        refusal=Refusal(code="X", limit=None, value=None),
        fills=(
            ExplainedFill(
                at=at, price=amount, amount=amount, fee=amount, trade_id="t", is_maker=True
            ),
        ),
        learned=(Learned(at=at, kind="K", detail=""),),
    ).as_json()
    inner = {
        key for lines in found.values() if isinstance(lines, list) for item in lines for key in item
    } | set(found["refusal"])

    assert set(found) == fields_of("An order explained")
    assert inner <= names_in("An order explained")


def test_a_profit_has_the_fields_that_the_page_says():
    """`ctos status NAME --json`, down to its lists, and the result of `ctos ps --json`."""
    at, zero = from_ns(1_767_225_600_000_000_000), Decimal(0)
    result = GridResult(
        position=zero, average_entry=None, realized_pnl=zero, unrealized_pnl=zero, fees=zero,
        funding=zero, round_trips=0, round_trips_today=0, fills=0, apr_24h=None, apr_7d=None,
    )  # fmt: skip
    slot = SlotProfit(
        level=None, entry_price=None, exit_price=None, round_trips=0, realized=zero, fees=zero,
        holds=zero, unrealized=zero,
    )  # fmt: skip
    trip = TripRow(
        level=1, entry_price=zero, exit_price=zero, amount=zero, gross=zero, fees=zero, net=zero,
        opened_at=None, closed_at=at,
    )  # fmt: skip
    found = GridProfit(
        result=result, slots=(slot,), trips=(trip,), capital=zero, quote="USDC", base="BTC"
    ).as_json()
    listed = BotResult(
        position=zero, realized_pnl=zero, unrealized_pnl=zero, fees=zero, funding=zero,
        round_trips=0, round_trip_pnl=zero, cycle_apr=None, net_apr=None, sample_s=0,
    )  # fmt: skip

    assert set(found) == fields_of("Where a result comes from")
    assert set(found["slots"][0]) | set(found["trips"][0]) <= names_in("Where a result comes from")
    assert set(bots._result_json(listed)) <= set(found)
