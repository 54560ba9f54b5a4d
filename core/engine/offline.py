"""The panic button while no engine answers: the journal's latch, and cancels at the venue itself.

Nothing here reads a configuration. The lease is taken first, so that no engine trades meanwhile;
what is cancelled the next start learns from the venue, as it learns everything.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

from core.adapters.exchanges.interface import ExchangeInterface
from core.adapters.exchanges.models import OrderData
from core.engine.protocol import KillStage
from core.errors import CtosError, LeaseHeld, OrderNotFound
from core.infrastructure.clock import WallClock
from core.infrastructure.files import FileLock, read_holder
from core.infrastructure.home import MODES, Home
from core.services.ports import BotRow, Journal, RiskRow, Transaction
from core.services.risk.rules import RiskState
from core.services.risk.service import ENGINE

END_S: Final = 5.0
POLL_S: Final = 0.05

OpenJournal = Callable[[Path], Journal]


class OpenVenue(Protocol):
    """Opens the account in which a bot of the journal trades, connected to nothing but itself."""

    def __call__(self, folder: Path, bot: BotRow) -> ExchangeInterface:
        """Not yet connected."""


def holder_of(home: Home, mode: str) -> int | None:
    """The process that holds the lease of a mode; None when nobody does."""
    path = home.lease_path(mode)
    try:
        with FileLock(path) as lock:
            lock.acquire(WallClock().now_ns())
    except LeaseHeld:
        holder = read_holder(path)
        return None if holder is None else holder.pid
    return None


def left_behind(home: Home, name: str, open_journal: OpenJournal) -> BotRow | None:
    """A bot of this name that does not run and was not closed for good; None where none is."""
    for mode in MODES:
        folder = home.mode_folder(mode)
        if not any(folder.glob("journal.db*")) or holder_of(home, mode) is not None:
            continue
        journal = open_journal(folder)
        try:
            for bot in journal.bots():
                if bot.name == name and not bot.is_closed:
                    return bot
        finally:
            journal.close()
    return None


async def end_process(home: Home, mode: str, pid: int) -> None:
    """Ends an engine that hangs, and waits until its lease is free.

    Raises:
        CtosError: If it does not go.
    """
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    deadline = asyncio.get_running_loop().time() + END_S
    while holder_of(home, mode) is not None:
        if asyncio.get_running_loop().time() > deadline:
            raise CtosError(f"process {pid} does not end; it may wait for a disk.")
        await asyncio.sleep(POLL_S)


async def kill(
    home: Home, mode: str, stage: KillStage, open_journal: OpenJournal, open_venue: OpenVenue
) -> tuple[tuple[str, ...], bool]:
    """Latches the halt, or takes it back, and cancels what rests of ours.

    Returns:
        What was done, in words, and whether nothing of what was asked for is left.

    Raises:
        LeaseHeld: If an engine runs after all.
        JournalError: If the journal cannot be opened.
    """
    folder = home.mode_folder(mode)
    if not any(folder.glob("journal.db*")):
        return (), True
    with FileLock(home.lease_path(mode)) as lease:
        lease.acquire(WallClock().now_ns())
        journal = open_journal(folder)
        try:
            lines = [await _latch(journal, stage)]
            is_clean = True
            if stage in {KillStage.CANCEL, KillStage.FLATTEN}:
                cancelled, is_clean = await _cancel(journal, folder, open_venue)
                lines += cancelled
            if stage is KillStage.FLATTEN and _has_position(journal):
                is_clean = False
                lines.append(
                    "positions stay: no prices come in while no engine runs. Start the bot again "
                    "with --on-start flatten after `ctos kill --release`"
                )
        finally:
            journal.close()
    return tuple(lines), is_clean


async def _latch(journal: Journal, stage: KillStage) -> str:
    is_release = stage is KillStage.RELEASE
    state = RiskState.ACTIVE if is_release else RiskState.HALTED
    row = RiskRow(ENGINE, state.value, "you", WallClock().now_ns(), "without an engine")
    await journal.commit(Transaction(risk=[row]))
    if is_release:
        return "released; bots trade again when they are started"
    return "halted; nothing new is sent until `ctos kill --release`"


async def _cancel(journal: Journal, folder: Path, open_venue: OpenVenue) -> tuple[list[str], bool]:
    lines, is_clean = [], True
    for bot in journal.bots():
        resting = {item.intent.client_order_id for item in journal.unsettled(bot.bot_id)}
        if not resting:
            continue
        exchange = open_venue(folder, bot)
        if not (await exchange.connect() and await exchange.authenticate()):
            lines.append(f"{bot.name}: {bot.venue} refused us: {exchange.get_status().detail}")
            is_clean = False
            continue
        try:
            orders = [
                item
                for item in await exchange.get_open_orders(bot.symbol)
                if item.client_order_id in resting
                or (item.client_order_id or "").startswith(bot.order_prefix)
            ]
            gone = await _cancel_orders(exchange, orders)
            lines.append(f"{bot.name}: {gone} of {len(orders)} orders cancelled")
            is_clean = is_clean and gone == len(orders)
        finally:
            await exchange.disconnect()
    return lines, is_clean


async def _cancel_orders(exchange: ExchangeInterface, orders: Iterable[OrderData]) -> int:
    gone = 0
    for order in orders:
        with suppress(OrderNotFound):
            await exchange.cancel_order(order.order_id, order.symbol)
        gone += 1
    return gone


def _has_position(journal: Journal) -> bool:
    ledgers = (journal.ledger(bot.bot_id) for bot in journal.bots())
    return any(ledger is not None and ledger.position.strip("-0.") for ledger in ledgers)
