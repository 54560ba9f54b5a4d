"""Reading what an engine left behind, or is writing now, without touching any of it.

Journal and venue are copied first. Where an engine runs meanwhile, what happened in the last
seconds may be in one copy and not yet in the other; an audit leaves it out.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Protocol

from core.adapters.exchanges.interface import ExchangeInterface
from core.adapters.exchanges.models import Instrument, from_ns
from core.errors import CtosError
from core.services.audit.checks import audit_bot, audit_symbol
from core.services.audit.records import Books, BotRecords, JournalHistory, VenueRecords
from core.services.audit.snapshot import AuditReport, Finding, Verdict
from core.services.gateway import LIFE_KEY
from core.services.ports import BotRow, EvidenceRow

ON_ITS_WAY_NS: Final = 10_000_000_000
"""How long something may be known to one side alone while an engine runs."""


class OpenVenue(Protocol):
    """Opens the account in which a bot traded."""

    def __call__(self, bot: BotRow) -> ExchangeInterface:
        """Not yet connected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What an audit needs to know from outside."""

    history: JournalHistory
    open_venue: OpenVenue
    instrument: Callable[[BotRow], Instrument]
    """The rules of the bot's symbol."""
    books: Callable[[BotRow, dict[str, str]], Books | None]
    """A bot's own sums, from its state."""
    settled_ns: int
    """What happened later is left out."""


async def audit(bench: Bench, name: str | None) -> AuditReport:
    """Checks every bot of a journal, or one by its name.

    Raises:
        CtosError: If there is no such bot.
    """
    bots = bench.history.bots()
    if name is not None and all(bot.name != name for bot in bots):
        known = ", ".join(bot.name for bot in bots) or "none"
        raise CtosError(f"no bot {name[:64]!r} has ever traded here; known are: {known}.")
    places: dict[tuple[str, str, str], list[BotRow]] = defaultdict(list)
    for bot in bots:
        places[bot.venue, bot.account, bot.symbol].append(bot)
    findings: list[Finding] = []
    for (_, _, symbol), sharing in places.items():
        if name is None or any(bot.name == name for bot in sharing):
            findings += await _audit_place(bench, symbol, sharing, name)
    return AuditReport(findings=tuple(findings))


async def _audit_place(
    bench: Bench, symbol: str, sharing: Sequence[BotRow], name: str | None
) -> list[Finding]:
    """All bots that share one symbol of one account."""
    records = [_records_of(bench, bot) for bot in sharing]
    findings: list[Finding] = []
    venue: VenueRecords | None = None
    try:
        venue = await _ask(bench, sharing)
        findings.append(audit_symbol(symbol, records, venue, settled_ns=bench.settled_ns))
    except CtosError as error:
        findings.append(
            Finding(
                check="position.venue", bot="", says=f"{symbol}: {error}", verdict=Verdict.SKIPPED
            )
        )
    for item in records:
        if name is None or item.bot.name == name:
            findings += audit_bot(item, venue, settled_ns=bench.settled_ns)
        await asyncio.sleep(0)
    return findings


def _records_of(bench: Bench, bot: BotRow) -> BotRecords:
    history, identity = bench.history, bot.bot_id
    evidence: dict[str, list[EvidenceRow]] = defaultdict(list)
    for row in history.evidence(identity):
        evidence[row.client_order_id].append(row)
    state = history.state(identity)
    return BotRecords(
        bot=bot,
        instrument=bench.instrument(bot),
        intents=tuple(history.intents(identity)),
        fills=tuple(history.fills(identity)),
        funding=tuple(history.funding(identity)),
        ledger=history.ledger(identity),
        evidence={key: tuple(rows) for key, rows in evidence.items()},
        books=bench.books(bot, state),
        began_ns=int(state.get(LIFE_KEY, "0")),
    )


async def _ask(bench: Bench, sharing: Sequence[BotRow]) -> VenueRecords:
    bot = sharing[0]
    since = from_ns(min(item.created_ns for item in sharing))
    exchange = bench.open_venue(bot)
    if not await exchange.connect():
        raise CtosError(f"{bot.venue} refused: {exchange.get_status().detail or 'no reason'}.")
    try:
        if not await exchange.authenticate():
            raise CtosError(f"{bot.venue} refused: {exchange.get_status().detail or 'no reason'}.")
        closed = await exchange.get_order_history(bot.symbol, since)
        resting = await exchange.get_open_orders(bot.symbol)
        positions = await exchange.get_positions([bot.symbol])
        return VenueRecords(
            orders=(*closed, *resting),
            fills=tuple(await exchange.get_fills(bot.symbol, since)),
            funding=tuple(await exchange.get_funding_payments(bot.symbol, since)),
            position=sum((item.size for item in positions), Decimal(0)),
        )
    finally:
        await exchange.disconnect()
