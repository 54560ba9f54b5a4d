"""What can be typed beside a command's own words: options that several commands share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


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


class MarketKind(StrEnum):
    """Which market of a venue that has several apart."""

    PERPETUAL = "perpetual"
    SPOT = "spot"


class TableFormat(StrEnum):
    """How tables of a recording are written."""

    AUTO = "auto"
    PARQUET = "parquet"
    CSV = "csv"


class KeyPlace(StrEnum):
    """Where keys are kept."""

    AUTO = "auto"
    KEYRING = "keyring"
    FILE = "file"
    SEALED = "sealed"


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
Data = Annotated[
    list[Path],
    typer.Option(
        "--data",
        metavar="PATH",
        help="Recorded prices; again for further periods, a book beside trades, funding rates.",
    ),
]
NoCache = Annotated[
    bool,
    typer.Option("--no-cache", help="Keep no converted columns of the recording for next time."),
]
Interval = Annotated[
    str | None, typer.Option("--interval", help="Length of a recording's candles, such as 1m.")
]
Venue = Annotated[str, typer.Argument(metavar="VENUE", help="The venue, such as `hyperliquid`.")]
First = Annotated[
    str | None,
    typer.Option("--from", metavar="TIME", help="First moment, such as 2025-05-26 (UTC)."),
]
Last = Annotated[
    str | None,
    typer.Option("--to", metavar="TIME", help="The moment before which it ends."),
]
