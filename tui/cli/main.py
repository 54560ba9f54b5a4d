"""The command line of ctos: what can be typed, and nothing that is heavy to import.

A function here says which arguments there are; the module of its group does the work. stdout is
data, stderr is narration, and exit codes are those of `core.errors.ExitCode`.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    name="ctos",
    add_completion=False,
    invoke_without_command=True,
    no_args_is_help=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class OnStart(StrEnum):
    """What a starting bot makes of what it left behind."""

    RESUME = "resume"
    FLATTEN = "flatten"
    REFUSE = "refuse"


class StopPolicy(StrEnum):
    """What an ending bot leaves behind."""

    KEEP = "keep"
    CANCEL_ORDERS = "cancel_orders"
    FLATTEN = "flatten"


File = Annotated[Path, typer.Argument(metavar="FILE", help="The bot's configuration, a YAML file.")]
Json = Annotated[bool, typer.Option("--json", help="JSON on stdout, and nothing else there.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Debug = Annotated[bool, typer.Option("--debug", help="Log everything.")]
Live = Annotated[
    bool, typer.Option("--live", help="Real money: needs keys and a typed confirmation.")
]
Name = Annotated[str, typer.Argument(metavar="NAME", help="The bot's name, as `ctos ps` says it.")]
ReadOnly = Annotated[bool, typer.Option("--read-only", help="Show everything, allow nothing.")]
Feed = Annotated[
    str,
    typer.Option(
        "--feed", metavar="FEED", help="Prices: auto, live, sim, sim:SEED, or a recording's path."
    ),
]
Speed = Annotated[
    str,
    typer.Option(
        "--speed", metavar="N", help="Feed seconds per second, or `max` for virtual time."
    ),
]
Seed = Annotated[
    int | None, typer.Option("--seed", metavar="N", help="Seed of the simulated market and ids.")
]
For = Annotated[
    str | None,
    typer.Option(
        "--for", metavar="DURATION", help="End by itself after 30s, 5m, 2h … of feed time."
    ),
]
Start = Annotated[
    OnStart | None,
    typer.Option("--on-start", help="What to make of what the bot left behind; over the file."),
]
Resume = Annotated[
    bool, typer.Option("--resume", help="With --speed max: go on with the run of this name.")
]
Symbol = Annotated[
    str | None, typer.Option("--symbol", help="Rows of a recording that holds several symbols.")
]
Market = Annotated[
    str | None, typer.Option("--market", help="Rows of a recording that holds several markets.")
]
Interval = Annotated[
    str | None, typer.Option("--interval", help="Length of a recording's candles, such as 1m.")
]


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
def ps(as_json: Json = False) -> None:
    """List the bots that run."""
    from tui.cli import bots as module
    from tui.cli.border import finish

    finish(lambda: module.ps(is_json=as_json))


@app.command()
def status(as_json: Json = False) -> None:
    """Say what the home screen shows, as text or JSON."""
    from tui.cli import home as module
    from tui.cli.border import finish

    finish(lambda: module.status(is_json=as_json))


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
