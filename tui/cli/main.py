"""The command line of ctos: what can be typed, and nothing that is heavy to import.

A function here says which arguments there are; the module of its group does the work. stdout is
data, stderr is narration, and exit codes are those of `core.errors.ExitCode`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tui.cli.options import (
    Data,
    Debug,
    Feed,
    File,
    First,
    For,
    Interval,
    Json,
    KeyPlace,
    Last,
    Live,
    Market,
    MarketKind,
    Name,
    NoCache,
    ReadOnly,
    Resume,
    Seed,
    Speed,
    Start,
    StopPolicy,
    Symbol,
    TableFormat,
    Venue,
    Yes,
)

app = typer.Typer(
    name="ctos",
    add_completion=False,
    invoke_without_command=True,
    no_args_is_help=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _say_version(wanted: bool) -> None:
    if wanted:
        from importlib import metadata

        typer.echo(f"ctos {metadata.version('ctos')}")
        raise typer.Exit


@app.callback()
def home(
    context: typer.Context,
    version: Annotated[  # noqa: ARG001 # its callback has answered
        bool,
        typer.Option(
            "--version", help="Say which ctos this is.", callback=_say_version, is_eager=True
        ),
    ] = False,
    read_only: ReadOnly = False,
) -> None:
    """An operating system for a trader's terminal. Paper money unless you say --live.

    Without a command: what runs, what it is worth, and what wants attention.

    Try it: ctos grid config/grid/lighter-long-btc.yaml
    """
    if context.invoked_subcommand is None:
        from tui.cli import home as module
        from tui.cli.border import finish

        finish(lambda: module.home(is_read_only=read_only))


@app.command()
def grid(  # noqa: PLR0917 # typer gives options by name
    file: File,
    live: Live = False,
    headless: Annotated[
        bool, typer.Option("--headless", help="A diary on stdout instead of a screen.")
    ] = False,
    detach: Annotated[
        bool, typer.Option("--detach", help="Start it and leave it running.")
    ] = False,
    feed: Feed = "auto",
    speed: Speed = "1",
    seed: Seed = None,
    duration: For = None,
    as_json: Json = False,
    debug: Debug = False,
    read_only: ReadOnly = False,
    on_start: Start = None,
    resume: Resume = False,
    record: Annotated[
        bool,
        typer.Option("--record", help="Keep the rows of a live feed, for `ctos parity`."),
    ] = False,
    symbol: Symbol = None,
    market: Market = None,
    interval: Interval = None,
) -> None:
    """Run a grid from a file, on paper unless --live.

    Example: ctos grid config/grid/lighter-long-btc.yaml --feed sim:7
    """
    from tui.cli import grid as module
    from tui.cli.border import finish

    options = module.GridOptions(
        file=file,
        is_live=live,
        is_headless=headless,
        is_detached=detach,
        feed=feed,
        speed=speed,
        seed=seed,
        duration=duration,
        is_json=as_json,
        is_debug=debug,
        is_read_only=read_only,
        on_start=None if on_start is None else on_start.value,
        is_resumed=resume,
        is_recorded=record,
        symbol=symbol,
        market=market,
        interval=interval,
    )
    finish(lambda: module.grid(options))


@app.command("run-grid-trading", hidden=True)
def run_grid_trading(file: File, debug: Debug = False) -> None:
    """The older name of `ctos grid FILE`."""
    from tui.cli import grid as module
    from tui.cli.border import finish

    finish(lambda: module.grid(module.GridOptions(file=file, is_debug=debug)))


@app.command()
def plan(
    file: File,
    price: Annotated[
        str | None, typer.Option("--price", metavar="P", help="Price a follow grid begins at.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show what a file would place, cost and risk. Nothing is started.

    Example: ctos plan config/grid/lighter-long-btc.yaml
    """
    from tui.cli import plan as module
    from tui.cli.border import finish

    finish(lambda: module.plan(file, price=price, is_json=as_json))


@app.command()
def check(file: File, live: Live = False) -> None:
    """Check a file and say what it would do. Nothing is started; exit code 2 for a bad one.

    Example: ctos check config/grid/lighter-long-btc.yaml
    """
    from tui.cli import plan as module
    from tui.cli.border import finish

    finish(lambda: module.check(file, is_live=live))


@app.command()
def backtest(  # noqa: PLR0917 # typer gives options by name
    file: File,
    data: Data,
    first: First = None,
    last: Last = None,
    seed: Seed = None,
    symbol: Symbol = None,
    market: Market = None,
    interval: Interval = None,
    as_json: Json = False,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="OUT", help="Write the report as one page, plots inside."),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option("--plot", metavar="OUT", help="Write the equity plot as .svg or .png."),
    ] = None,
    no_cache: NoCache = False,
    kernel: Annotated[
        bool,
        typer.Option(
            "--kernel", help="Let the sweep's kernel run what it can do exactly as the engine."
        ),
    ] = False,
    debug: Debug = False,
) -> None:
    """Run a bot over recorded prices and measure it: return, drawdown, Sharpe, buy and hold.

    The same machine, execution and matching as on paper, on virtual time; nothing is left behind.

    Example: ctos backtest config/grid/lighter-long-btc.yaml --data trades.csv
    """
    from tui.cli import backtest as module
    from tui.cli.border import finish

    options = module.BacktestOptions(
        file=file,
        data=tuple(data),
        first=first,
        last=last,
        seed=seed,
        symbol=symbol,
        market=market,
        interval=interval,
        is_json=as_json,
        html=html,
        plot=plot,
        keeps_columns=not no_cache,
        by_kernel=kernel,
        is_debug=debug,
    )
    finish(lambda: module.backtest(options))


@app.command()
def parity(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="A run of --speed max, or a bot that traded on paper."),
    ],
    paper: Annotated[
        bool,
        typer.Option("--paper", help="The bot in real time, where a run has the same name."),
    ] = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Replay a paper run through the backtest and show what differs, order by order.

    Fills, prices, fees and profit; exit code 1 where anything differs.

    Example: ctos parity btc
    """
    from tui.cli import parity as module
    from tui.cli.border import finish

    finish(lambda: module.parity(name, is_paper=paper, is_json=as_json, is_debug=debug))


@app.command()
def sweep(  # noqa: PLR0917 # typer gives options by name
    file: File,
    data: Data,
    grids: Annotated[
        list[str],
        typer.Option(
            "--grid",
            metavar="KEY=VALUES",
            help="A key and its values: first:last:step, or v1,v2,v3; again for further keys.",
        ),
    ],
    first: First = None,
    last: Last = None,
    symbol: Symbol = None,
    market: Market = None,
    interval: Interval = None,
    objective: Annotated[
        str,
        typer.Option(
            "--objective",
            metavar="NAME",
            help="What is best: equity_change, realized_pnl, total_return, sharpe, "
            "deflated_sharpe, sortino, calmar, round_trips or (the least) max_drawdown.",
        ),
    ] = "equity_change",
    as_json: Json = False,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write all rows as Parquet.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the same sweep where it was ended.")
    ] = False,
    engine: Annotated[
        bool, typer.Option("--engine", help="The whole bot for every set, not the kernel: slow.")
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option("--workers", metavar="N", help="Local processes; one a processor by default."),
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option("--cluster", metavar="ADDRESS", help="A Dask scheduler, as tcp://host:8786."),
    ] = None,
    walk_forward: Annotated[
        int,
        typer.Option(
            "--walk-forward", metavar="N", help="Also choose on N spans, and see what came next."
        ),
    ] = 0,
    yes: Yes = False,
) -> None:
    """Run a grid with many sets of parameters over recorded prices, best first.

    Example: ctos sweep grid.yaml --data trades.csv --grid grid_interval=0.5:3:0.5
    """
    from tui.cli import sweep as module
    from tui.cli.border import finish

    options = module.SweepOptions(
        file=file,
        data=tuple(data),
        grids=tuple(grids),
        first=first,
        last=last,
        symbol=symbol,
        market=market,
        interval=interval,
        objective=objective,
        is_json=as_json,
        out=out,
        is_resumed=resume,
        is_engine=engine,
        workers=workers,
        cluster=cluster,
        folds=walk_forward,
        is_sure=yes,
    )
    finish(lambda: module.sweep(options))


@app.command()
def ps(as_json: Json = False) -> None:
    """List the bots that run."""
    from tui.cli import bots as module
    from tui.cli.border import finish

    finish(lambda: module.ps(is_json=as_json))


@app.command()
def status(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="A bot: where its result comes from, slot by slot."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say what the home screen shows, or where a bot's result comes from, as text or JSON."""
    from tui.cli import home as module
    from tui.cli.border import finish

    finish(lambda: module.status(name, is_json=as_json))


@app.command()
def attach(name: Name, read_only: ReadOnly = False) -> None:
    """Open the screen of a bot that runs."""
    from tui.cli import bots as module
    from tui.cli.border import finish

    finish(lambda: module.attach(name, is_read_only=read_only))


@app.command()
def stop(
    name: Name,
    policy: Annotated[
        StopPolicy | None,
        typer.Option("--policy", help="What to leave behind; the file's on_exit when not given."),
    ] = None,
    yes: Yes = False,
) -> None:
    """End a bot, or what a bot left behind, in an orderly way."""
    from tui.cli import bots as module
    from tui.cli.border import finish

    value = None if policy is None else policy.value
    finish(lambda: module.stop(name, policy=value, is_sure=yes))


@app.command()
def edit(
    name: Name,
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="The new configuration; the bot's own when not given."),
    ] = None,
    as_json: Json = False,
    yes: Yes = False,
) -> None:
    """Put other settings under a running bot: show what changes, ask, change only that.

    Example: ctos edit btc btc-wider.yaml
    """
    from tui.cli import edit as module
    from tui.cli.border import finish

    finish(lambda: module.edit(name, file, is_json=as_json, is_sure=yes))


@app.command()
def why(
    order: Annotated[
        str, typer.Argument(metavar="ORDER", help="Its client order id, or the venue's id.")
    ],
    bot: Annotated[
        str | None, typer.Option("--bot", metavar="NAME", help="Only orders of this bot.")
    ] = None,
    run: Annotated[
        str | None, typer.Option("--run", metavar="NAME", help="Look in a run on virtual time.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say why an order was made: its rule, what the rule read, and what came of it.

    Example: ctos why cmv92ounkz1E5
    """
    from tui.cli import why as module
    from tui.cli.border import finish

    finish(lambda: module.why(order, bot=bot, run=run, is_json=as_json))


@app.command()
def parse(
    venue: Annotated[str, typer.Argument(metavar="VENUE", help="Whose messages they are.")],
    channel: Annotated[str, typer.Argument(metavar="CHANNEL", help="A channel, or `all`.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="JSON lines, also gzipped.")],
    as_json: Json = False,
) -> None:
    """Print what a venue's parsers make of a recording of its messages.

    Example: ctos parse binance trades recording.jsonl.gz --json
    """
    from tui.cli import parse as module
    from tui.cli.border import finish

    finish(lambda: module.parse(venue, channel, file, is_json=as_json))


@app.command()
def audit(
    bot: Annotated[
        str | None, typer.Option("--bot", metavar="NAME", help="One bot; all by default.")
    ] = None,
    run: Annotated[
        str | None,
        typer.Option("--run", metavar="NAME", help="A run of `--speed max` instead of a mode."),
    ] = None,
    live: Annotated[
        bool, typer.Option("--live", help="The live journal, not the paper one.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Derive positions, profit and orders again, and name what differs.

    Journal, books and the venue's own history are held against each other; nothing is changed.

    Try it: ctos audit
    """
    from tui.cli import audit as module
    from tui.cli.border import finish

    finish(lambda: module.audit(name=bot, run=run, is_live=live, is_json=as_json))


@app.command()
def venues(as_json: Json = False) -> None:
    """List the venues: markets, what can be done there, and what of it was verified.

    Try it: ctos venues
    """
    from tui.cli import venues as module
    from tui.cli.border import finish

    finish(lambda: module.venues(is_json=as_json))


@app.command()
def doctor(
    venue: Annotated[
        str | None,
        typer.Argument(metavar="[VENUE]", help="A venue to ask; this machine when not given."),
    ] = None,
    market: Annotated[
        MarketKind,
        typer.Option("--market", help="Which market, where the venue has both apart."),
    ] = MarketKind.PERPETUAL,
    security: Annotated[
        bool,
        typer.Option("--security", help="Also where secrets lie, and where they must not."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Say what is well, what is not, and what to do about it. Nothing is ordered or changed.

    Without a venue: folders, files, clock, journals, engines, keys. With one: whether it answers,
    its clock, the rights of the key, the account, what is left of the limits. Exit code 1 where
    something fails, 2 for wrong keys, 4 where the venue cannot be reached.

    Try it: ctos doctor
    """
    from tui.cli import doctor as module
    from tui.cli.border import finish

    finish(lambda: module.doctor(venue, market=market.value, security=security, is_json=as_json))


@app.command()
def record(  # noqa: PLR0917 # typer gives options by name
    venue: Annotated[str, typer.Argument(metavar="VENUE", help="Whose public data.")],
    symbols: Annotated[
        list[str], typer.Argument(metavar="SYMBOL...", help="Such as BTC-USDC-PERP.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The folder it goes into.")],
    duration: Annotated[
        str | None,
        typer.Option(
            "--for", metavar="DURATION", help="End by itself after 30s, 5m, 2h …; else Ctrl+C."
        ),
    ] = None,
    kinds: Annotated[
        str, typer.Option("--kinds", metavar="KINDS", help="Of trades, quotes and books.")
    ] = "trades,quotes,books",
    table_format: Annotated[
        TableFormat,
        typer.Option("--format", help="Parquet where pyarrow is installed, unless said."),
    ] = TableFormat.AUTO,
    depth: Annotated[
        int, typer.Option("--depth", metavar="N", min=1, max=1000, help="Levels a side of a book.")
    ] = 50,
    no_raw: Annotated[
        bool, typer.Option("--no-raw", help="Tables alone, not the messages as they came.")
    ] = False,
    rotate: Annotated[
        int,
        typer.Option(
            "--rotate", metavar="MB", min=1, max=2000, help="A file is full at this size."
        ),
    ] = 64,
    as_json: Json = False,
) -> None:
    """Record a venue's public data: the wire as it came, trades, quotes and books.

    No key is used. What was missed while a connection was down is noted as a gap.

    Example: ctos record hyperliquid BTC-USDC-PERP --out btc --for 1h
    """
    from tui.cli import record as module
    from tui.cli.border import finish

    options = module.RecordOptions(
        venue=venue,
        symbols=tuple(symbols),
        out=out,
        duration=duration,
        kinds=kinds,
        table_format=table_format.value,
        depth=depth,
        has_raw=not no_raw,
        rotate_mb=rotate,
        is_json=as_json,
    )
    finish(lambda: module.record(options))


@app.command()
def replay(
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="A recording: its folder, a table or raw lines.")
    ],
    speed: Speed = "1",
    symbol: Symbol = None,
    depth: Annotated[
        int, typer.Option("--depth", metavar="N", min=1, max=1000, help="Levels a side of a book.")
    ] = 10,
) -> None:
    """Tell a recording again, as JSON lines in order of time: what a venue said, and the gaps.

    To trade on one: ctos grid FILE --feed PATH

    Example: ctos replay docs/examples/trades.csv --speed max
    """
    from tui.cli import replay as module
    from tui.cli.border import finish

    finish(lambda: module.replay(path, speed=speed, symbol=symbol, depth=depth))


keys = typer.Typer(no_args_is_help=True, help="Give, list and remove the keys of live accounts.")
app.add_typer(keys, name="keys")


@keys.command("set")
def set_keys(
    venue: Venue,
    store: Annotated[
        KeyPlace,
        typer.Option(
            "--store",
            help="The system's keyring, a file that only you can read, or one under a passphrase.",
        ),
    ] = KeyPlace.AUTO,
) -> None:
    """Ask for what the venue wants and keep it; nothing of it is shown or logged.

    Without a terminal `name=value` lines are read from stdin.

    Try it: ctos keys set hyperliquid
    """
    from tui.cli import keys as module
    from tui.cli.border import finish

    finish(lambda: module.set_keys(venue, store=store.value))


@keys.command("list")
def list_keys(as_json: Json = False) -> None:
    """Say which venues have keys and where; never a value."""
    from tui.cli import keys as module
    from tui.cli.border import finish

    finish(lambda: module.list_keys(is_json=as_json))


@keys.command("remove")
def remove_keys(venue: Venue, yes: Yes = False) -> None:
    """Remove the keys of a venue from keyring and file."""
    from tui.cli import keys as module
    from tui.cli.border import finish

    finish(lambda: module.remove_keys(venue, is_sure=yes))


@app.command()
def kill(
    cancel: Annotated[
        bool, typer.Option("--cancel", help="Also cancel every order of ours.")
    ] = False,
    flatten: Annotated[
        bool, typer.Option("--flatten", help="Also close every position of ours.")
    ] = False,
    release: Annotated[
        bool, typer.Option("--release", help="Take the halt back; only a person does this.")
    ] = False,
    yes: Yes = False,
) -> None:
    """Halt everything: nothing new is sent until `ctos kill --release`."""
    from tui.cli import kill as module
    from tui.cli.border import finish

    finish(
        lambda: module.kill(
            is_cancelling=cancel, is_flattening=flatten, is_release=release, is_sure=yes
        )
    )
