"""What a bot did, replayed, and both laid side by side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import ConfigError, CtosError, FeedError
from core.wiring.backtests import BacktestDoors
from core.wiring.doors import Doors
from core.wiring.places import JOURNAL, PRICES, logs, venue_file

if TYPE_CHECKING:
    from core.engine.doors import BotPlan, OpenFeed
    from core.engine.protocol import StartBot
    from core.infrastructure.home import Home
    from core.services.backtest.snapshot import Execution, ParityReport


def parity(
    place: Home, name: str, *, is_paper: bool = False, is_debug: bool = False
) -> ParityReport:
    """Replays what a bot did on paper, and lays both side by side.

    Args:
        place: Where the data is.
        name: A run of `--speed max`, or a bot that traded in real time.
        is_paper: Whether the bot is meant where a run has the same name.
        is_debug: Log everything.

    Raises:
        ConfigError: If there is neither.
        FeedError: If its prices were not kept, or have changed.
    """
    import tempfile

    from core.services.backtest.parity import compare
    from core.services.backtest.record import RunRecord
    from core.services.backtest.snapshot import ParityReport

    folder = place.find_run(name)
    is_run = not is_paper and (folder / JOURNAL).is_file()
    if not is_run:
        folder = place.root / "paper"
    if not (folder / JOURNAL).is_file():
        raise _nothing_recorded(place, name)
    with tempfile.TemporaryDirectory(prefix="ctos-parity-") as temporary:
        past = _past(folder, Path(temporary), name)
        if past is None:
            raise _nothing_recorded(place, name)
        request, open_feed, notices = _replay_of(past, folder, name, is_run=is_run)
        record = RunRecord()
        from core.engine.runs import run_apart

        with logs(place, is_debug=is_debug):
            run_apart(BacktestDoors(open_feed, record), request, record)
    if not record.summary:
        raise CtosError(record.closing or "the replay ended without a result.")
    return ParityReport(
        bot=name,
        source="run" if is_run else "paper",
        feed=str(dict(record.summary)["feed"]),
        orders=compare(past.executions, record.executions()),
        notices=(*notices, *record.notices),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Past:
    """What a journal and a venue's file say of a bot."""

    config: str
    executions: list[Execution]
    feed: str
    """Name of its prices."""
    rows: int
    """Rows of the feed that the venue had taken in."""
    has_flattened: bool


def _past(folder: Path, copies: Path, name: str) -> _Past | None:
    """Reads copies of both files; None where nobody of this name traded."""
    import json

    from core.adapters.storage.copying import copy_database
    from core.adapters.storage.history import SqliteHistory
    from core.services.backtest.parity import Part, executions

    for path in (*folder.glob("venue*.db"), folder / JOURNAL):
        copy_database(path, copies / path.name)
    journal = Doors().journal(copies, is_virtual=True)
    try:
        bots = [row for row in journal.bots() if row.name == name]
        if not bots:
            return None
        bot = bots[-1]
        lines = journal.diary(bot.bot_id, -1)
    finally:
        journal.close()
    profits: dict[tuple[str, str], str] = {}
    legs: set[str] = set()
    for line in lines:
        if line.event == "order.filled":
            fields = json.loads(line.fields)
            legs.add(fields["leg"])
            if fields.get("round_trip") is not None:
                profits[fields["client_order_id"], fields["trade_id"]] = fields["round_trip"]
    history = SqliteHistory(copies / JOURNAL)
    try:
        fills = history.fills(bot.bot_id)
    finally:
        history.close()
    feed, rows = _feed_place(venue_file(copies, bot.venue), bot.symbol)
    return _Past(
        config=bot.config,
        executions=executions(
            (
                Part(
                    client_order_id=row.client_order_id,
                    trade_id=row.trade_id,
                    side=row.side,
                    price=Decimal(row.price),
                    amount=Decimal(row.amount),
                    fee=Decimal(row.fee_quote),
                    profit=Decimal(profits.get((row.client_order_id, row.trade_id), "0")),
                )
                for row in fills
            ),
            bot.order_prefix,
        ),
        feed=feed,
        rows=rows,
        has_flattened="flatten" in legs,
    )


def _replay_of(
    past: _Past, folder: Path, name: str, *, is_run: bool
) -> tuple[StartBot, Callable[[BotPlan, StartBot], OpenFeed], tuple[str, ...]]:
    """How to start it again, its prices, and what a person should know."""
    from core.engine.doors import OpenFeed
    from core.engine.protocol import StartBot
    from core.engine.provenance import read_lives, read_run, rows_file

    notices: tuple[str, ...] = ()
    if is_run:
        found = read_run(folder)
    else:
        lives = read_lives(folder / PRICES, name)
        found = lives[0] if lives else None
        if len(lives) > 1:
            notices = (f"{name} was started {len(lives)} times; it is replayed as one run.",)
    if found is None:
        raise FeedError(
            f"nobody noted the prices of {name}.", remedy="Runs from now on can be replayed."
        )
    found.refuse_changed()
    request = StartBot(
        app="grid",
        path=f"{name}.yaml",
        text=past.config if is_run else _kept_open(past),
        feed=found.feed,
        speed="max",
        seed=found.seed,
        duration_s=found.duration_s if is_run else None,
        symbol=found.symbol,
        market=found.market,
        interval=found.interval,
    )

    def open_feed(plan: BotPlan, asked: StartBot) -> OpenFeed:
        from core.adapters.feeds.kept import KeptFeed
        from core.adapters.feeds.window import Rows

        if found.has_rows:
            opened = OpenFeed(feed=KeptFeed(rows_file(folder / PRICES, name), past.feed))
        elif past.feed == "live":
            raise FeedError(
                f"{name} traded on live prices, which were not kept.",
                remedy="Start it with --record.",
            )
        else:
            opened = Doors().feed(plan, asked, found.start_ns)
        if is_run:
            return opened
        return OpenFeed(feed=Rows(opened.feed, past.rows), notices=opened.notices)

    return request, open_feed, notices


def _kept_open(past: _Past) -> str:
    """The configuration; where nothing was flattened the replay flattens nothing at its end."""
    import json

    document: dict[str, Any] = json.loads(past.config)
    if not past.has_flattened:
        for block in document.values():
            if isinstance(block, dict):
                block.pop("exit_cleanup_enabled", None)
                block["on_exit"] = "keep"
    return json.dumps(document)


def _nothing_recorded(place: Home, name: str) -> ConfigError:
    runs = place.root / "runs"
    known = sorted(path.name for path in runs.iterdir()) if runs.is_dir() else []
    shown = f"Runs: {', '.join(known[:20])}." if known else None
    return ConfigError(
        f"there is no run and no paper bot named {name[:64]!r}.", source="arguments", remedy=shown
    )


def _feed_place(path: Path, symbol: str) -> tuple[str, int]:
    """The name of a feed, and how many of its rows the venue has taken in."""
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        row = connection.execute(
            "SELECT name, feed_row FROM feeds WHERE symbol = ?", (symbol,)
        ).fetchone()
    return ("none", 0) if row is None else (str(row[0]), int(row[1]))
