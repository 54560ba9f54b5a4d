"""Asks a venue what `ctos doctor VENUE` wants to know. Questions alone: nothing is ordered or set.

connect ─► its time, five times ─► whose key is it ─► positions, orders, funds ─► budgets
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar, runtime_checkable

from core.adapters.exchanges.interface import ExchangeInterface, ProvesKeys
from core.errors import AuthError, ConfigError, CtosError, NotSupported, TransportError, VenueError
from core.services.doctor import venue as judge
from core.services.doctor.snapshot import Check, Health, skipped

ROUNDS: Final = 5
PATIENCE_S: Final = 30.0
"""Of the whole examination."""
LEAVE_S: Final = 5.0

T = TypeVar("T")


@runtime_checkable
class TellsRefusal(Protocol):
    """An adapter whose connection is a login: it can fail at whose account that is."""

    @property
    def refusal(self) -> AuthError | None:
        """Why the login may not be used; None where it may, or was not reached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """Whom to examine, and what is known of it before."""

    exchange: ExchangeInterface
    address: str
    keys: ConfigError | None = None
    """Why the keys that are kept cannot be used."""
    has_keys: bool = False
    rights_told: bool = False
    """Whether the adapter refuses a key that may withdraw."""
    position_mode: str = "untold"
    prefixes: tuple[str, ...] = ()
    """Of client order ids of ours."""
    budgets: Callable[[], Sequence[judge.Budget]] = tuple


async def examine(visit: Visit) -> list[Check]:
    """Every check of a venue; those that could not be asked are skipped and say why."""
    found: list[Check] = []
    try:
        async with asyncio.timeout(PATIENCE_S):
            await _ask(visit, found)
    except TimeoutError:
        late = TransportError(f"{visit.exchange.venue} did not answer in {PATIENCE_S:g} s.")
        found.append(judge.not_reached(visit.address, late))
    finally:
        await _leave(visit.exchange)
    seen = {check.id for check in found}
    failed = next((check.id for check in found if check.status is Health.FAIL), "an earlier check")
    rest = [name for name in judge.AFTER_CONNECTION if name not in seen]
    return [*found, *(skipped(name, f"not asked: see {failed}") for name in rest)]


async def _ask(visit: Visit, found: list[Check]) -> None:
    exchange = visit.exchange
    try:
        is_open = await exchange.connect()
    except VenueError as error:
        found.append(judge.not_reached(visit.address, error))
        return
    if not is_open:
        refusal = exchange.refusal if isinstance(exchange, TellsRefusal) else None
        if refusal is not None:
            found += judge.refused_login(refusal)
            return
        detail = exchange.get_status().detail or "it gave no reason"
        refused = VenueError(f"{exchange.venue} refused the connection: {detail}.")
        found.append(judge.not_reached(visit.address, refused))
        return
    try:
        info = await exchange.get_exchange_info()
        listed = len(await exchange.get_instruments())
    except VenueError as error:
        found.append(judge.not_reached(visit.address, error))
        return
    found.append(judge.reached(visit.address))
    found.append(judge.markets(len(info.symbols), max(0, listed - len(info.symbols))))
    rounds = await _rounds(exchange)
    found += [judge.latency(rounds), judge.skew(rounds)]
    found += await _keys(visit)
    found.append(judge.limits(visit.budgets()))


async def _rounds(exchange: ExchangeInterface) -> list[judge.Round]:
    rounds = []
    for _ in range(ROUNDS):
        report = await exchange.health_check()
        if report.is_healthy and report.latency_ms is not None:
            rounds.append(judge.Round(latency_ms=report.latency_ms, skew_ms=report.clock_skew_ms))
    return rounds


async def _keys(visit: Visit) -> list[Check]:
    exchange = visit.exchange
    if visit.keys is not None:
        return judge.unreadable_keys(visit.keys)
    if not visit.has_keys:
        return judge.no_keys(exchange.venue)
    try:
        await _prove(exchange)
    except AuthError as error:
        return judge.refused_keys(error)
    except ConfigError as error:
        return judge.unreadable_keys(error)
    except CtosError as error:
        return judge.unanswered_keys(error)
    return [
        judge.accepted(),
        judge.rights(is_told=visit.rights_told),
        judge.account(exchange.account, exchange.venue),
        judge.position_mode(visit.position_mode),
        await _judged("account.margin", exchange.get_positions, judge.margin),
        await _judged(
            "account.orders",
            exchange.get_open_orders,
            lambda rows: judge.orders(rows, visit.prefixes),
        ),
        await _judged("account.funds", exchange.get_balances, judge.funds),
    ]


async def _prove(exchange: ExchangeInterface) -> None:
    """Tries the keys, opening no stream where the adapter can do without."""
    if isinstance(exchange, ProvesKeys):
        await exchange.prove()
    elif not await exchange.authenticate():
        raise AuthError(exchange.get_status().detail or "the key was refused", venue=exchange.venue)


async def _judged(
    check: str, ask: Callable[[], Awaitable[T]], judgement: Callable[[T], Check]
) -> Check:
    try:
        return judgement(await ask())
    except NotSupported as error:
        return skipped(check, error.message)
    except VenueError as error:
        return judge.not_asked(check, error)


async def _leave(exchange: ExchangeInterface) -> None:
    """Closes what was opened; a venue that hangs does not hold us."""
    try:
        async with asyncio.timeout(LEAVE_S):
            await exchange.disconnect()
    except (TimeoutError, VenueError):
        return
