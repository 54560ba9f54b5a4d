"""What a screen or command says to an engine, and what it hears.

Frames are length-prefixed MessagePack (4 bytes big-endian, then the body) over the control socket.
A connection begins with `Hello`; a request has an id and exactly one reply with the same id;
pushes have none. Everything here is a frozen dataclass, so both ends validate by type.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from core.domain.events import Act as Act  # noqa: PLC0414 # screens may import this module only
from core.services.execution.snapshot import Explanation
from core.services.grid.snapshot import EditDiff, GridProfit, GridSnapshot
from core.services.portfolio.snapshot import BotRow, HomeSnapshot, LogRow

PROTOCOL_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """The first word of whoever connects. Both ends must speak the same version."""

    protocol: int
    version: str
    """Of ctos."""
    token: str = ""
    """From the private file beside the address; asked for on TCP only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Welcome:
    """The engine's answer to Hello; a Refused instead ends the connection."""

    protocol: int
    version: str
    mode: str
    """`paper` or `live`."""
    pid: int
    notices: tuple[str, ...] = ()
    """What a person should know about this engine, such as that it runs in safe mode."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlock:
    """Tell the engine the passphrase of sealed keys, before a bot that needs them is started."""

    passphrase: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class StartBot:
    """Start a bot from a configuration file (already checked by the sender, checked again here)."""

    app: str
    path: str
    text: str
    """The file's content, so that both ends see the same."""
    is_live: bool = False
    feed: str = "auto"
    speed: str = "1"
    seed: int | None = None
    duration_s: float | None = None
    on_start: str | None = None
    """Overrides the file."""
    is_detached: bool = False
    is_resumed: bool = False
    """On virtual time: go on with the run of this name."""
    is_recorded: bool = False
    """In real time: keep the rows of a live feed, so that they can be shown again."""
    symbol: str | None = None
    market: str | None = None
    interval: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BotStarted:
    """The bot runs (or is connecting); its snapshots can be watched by this name."""

    name: str
    bot_id: str
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AskBot:
    """An act on one bot. Two identical acts within a second count once."""

    bot: str
    act: Act
    request_id: str
    """Made by the sender; a repeat with the same id does nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StopBot:
    """End a bot and wait for nothing: its snapshots show the steps, `BotEnded` comes last.

    A second one hurries a stop that is under way; it never changes the policy.
    """

    bot: str
    """Empty for every bot that this connection started and did not detach."""
    policy: Act | None = None
    """One of the STOP acts; None for the bot's own `on_exit`."""
    by: str = "you"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attach:
    """Take over a bot: from now on this connection is the one that looks after it."""

    bot: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EditBot:
    """Go on with another configuration; first to see what that would change, then in earnest."""

    bot: str
    path: str
    text: str
    """The file's content."""
    is_applied: bool = False
    """False only shows the difference and changes nothing."""
    by: str = "you"


@dataclass(frozen=True, slots=True, kw_only=True)
class EditShown:
    """Answer to EditBot: what changes, or what has changed."""

    bot: str
    diff: EditDiff
    is_applied: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadConfig:
    """Ask for the configuration that a bot runs with."""

    bot: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigText:
    """Answer to ReadConfig: YAML, as it was started with or edited to last."""

    bot: str
    path: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadProfit:
    """Ask where a bot's result comes from, slot by slot."""

    bot: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfitShown:
    """Answer to ReadProfit."""

    bot: str
    profit: GridProfit


class KillStage(StrEnum):
    """How far a kill goes."""

    HALT = "halt"
    """Nothing new is sent."""
    CANCEL = "cancel"
    """And our orders are cancelled."""
    FLATTEN = "flatten"
    """And our positions are closed."""
    RELEASE = "release"
    """Back to ACTIVE; only by a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """Latched, journaled halt of everything in this engine."""

    stage: KillStage
    by: str = "you"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconcile:
    """Check this bot's orders against the venue now."""

    bot: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconnect:
    """Try a venue again now instead of after its countdown."""

    venue: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """Push snapshots of one bot, or of home when `bot` is empty; a new watch replaces the old."""

    bot: str = ""
    is_hidden: bool = False
    """A hidden screen gets one a second instead of eight."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Detach:
    """The sender leaves on purpose: its bots run on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListBots:
    """Ask for every bot this engine knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRequests:
    """Ask for the last hundred calls to venues."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOrders:
    """Ask for the orders of a bot, open ones first, then the newest closed."""

    bot: str
    limit: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainOrder:
    """Ask why an order was made and what came of it."""

    order: str
    """Our id, or the venue's."""
    bot: str = ""
    """Narrows the venue's ids to one bot; empty for any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """Answer to ExplainOrder."""

    explanation: Explanation


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRow:
    """One order as the journal knows it."""

    client_order_id: str
    order_id: str
    level: int | None
    role: str
    side: str
    price: Decimal | None
    amount: Decimal
    filled: Decimal
    state: str
    reason: str
    """The rule and its inputs, in words."""
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """Answer to ListOrders."""

    orders: tuple[OrderRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRow:
    """One call to a venue, without secrets."""

    at: datetime
    venue: str
    method: str
    detail: str
    weight: int
    took_ms: float | None
    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Requests:
    """Answer to ListRequests, newest first."""

    requests: tuple[RequestRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bots:
    """Answer to ListBots."""

    bots: tuple[BotRow, ...]
    risk_state: str
    engine_pid: int
    mode: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The request was taken; the next snapshot shows its effect."""

    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The request was not taken."""

    message: str
    remedy: str = ""
    exit_code: int = 1
    code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiaryLine:
    """One event of a bot, as `--json` prints it."""

    bot: str
    at: datetime
    event: str
    fields: tuple[tuple[str, str | int | bool | None], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BotEnded:
    """A bot came to its end."""

    bot: str
    exit_code: int
    text: str
    """The closing line."""
    summary: tuple[tuple[str, str | int | bool | None], ...] = field(default=())


Request = (
    Unlock
    | StartBot
    | AskBot
    | StopBot
    | Attach
    | EditBot
    | ReadConfig
    | ReadProfit
    | Kill
    | Reconcile
    | Reconnect
    | Watch
    | Detach
    | ListBots
    | ListRequests
    | ListOrders
    | ExplainOrder
)
Reply = (
    BotStarted
    | Done
    | Refused
    | Bots
    | Requests
    | Orders
    | EditShown
    | ConfigText
    | Explained
    | ProfitShown
)
Push = GridSnapshot | HomeSnapshot | DiaryLine | LogRow | BotEnded
