"""What the accounts are worth and hold: fed by the venues' private streams, read by screens.

The numbers of a bot come from its own ledger; the ones here come from the venue, so that a screen
shows both and a difference cannot hide.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, Protocol, TypeVar

from core.adapters.exchanges.interface import ExchangeInterface, Subscription
from core.adapters.exchanges.models import BalanceData, Instrument, PositionData, UserData
from core.infrastructure.clock import Clock
from core.services.market_data.service import MarketData
from core.services.portfolio.equity import account_equity, max_drawdown
from core.services.portfolio.snapshot import (
    BotRow,
    EquityPoint,
    HomeSnapshot,
    LogRow,
    PositionRow,
    VenueRow,
)

log = logging.getLogger(__name__)

LINE_STEP: Final = timedelta(minutes=1)
LINE_LENGTH: Final = 24 * 60
T = TypeVar("T")


class Ask(Protocol):
    """Who lets a question to the venue through when it is its turn."""

    async def __call__(self, method: str, request: Callable[[], Awaitable[T]]) -> T:
        """Asks; raises VenueError where no answer comes."""


@dataclass(slots=True)
class _Account:
    """One venue account and what it told us."""

    exchange: ExchangeInterface
    market: MarketData
    ask: Ask
    balances: dict[str, BalanceData] = field(default_factory=dict)
    """Asset -> newest balance."""
    positions: dict[str, PositionData] = field(default_factory=dict)
    """Symbol -> newest position, flat ones left out."""
    instruments: dict[str, Instrument] = field(default_factory=dict)
    """Symbol -> its rules, for every symbol a bot trades here."""


class Portfolio:
    """Worth and holdings of every connected account."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._accounts: dict[str, _Account] = {}
        """Venue -> account."""
        self._subscriptions: list[Subscription] = []
        self._line: deque[EquityPoint] = deque(maxlen=LINE_LENGTH)
        self._in_line: set[tuple[str, str]] = set()
        """Venue and settlement asset whose worth is in the line."""
        self._day: datetime | None = None
        self._day_starts: dict[tuple[str, str], Decimal] = {}
        """Venue and settlement asset -> the first worth of this UTC day."""

    async def add(
        self,
        exchange: ExchangeInterface,
        market: MarketData,
        ask: Ask,
        *,
        is_followed: bool = True,
    ) -> None:
        """Takes an authenticated account in. A second call for the same venue does nothing.

        Args:
            exchange: The account.
            market: Marks of what it holds.
            ask: Gives a question its turn under the account's rate and its time limit.
            is_followed: Whether changes are followed; else only `read_equity` reads it anew.
        """
        if exchange.venue in self._accounts:
            return
        account = _Account(exchange=exchange, market=market, ask=ask)
        self._accounts[exchange.venue] = account
        if is_followed:
            subscription = await exchange.subscribe_user_data(
                lambda data: _take_in(account, data), kinds=(BalanceData, PositionData)
            )
            self._subscriptions.append(subscription)
        await self._read(account)

    def follow(self, venue: str, instrument: Instrument) -> None:
        """Counts an instrument's holdings into the account's worth."""
        self._accounts[venue].instruments[instrument.symbol] = instrument

    async def read_equity(self, venue: str, instrument: Instrument) -> Decimal | None:
        """Asks the venue now what the account is worth; used where a bot begins and ends."""
        account = self._accounts[venue]
        await self._read(account)
        self.day_change()  # a day begins with what was there before the first order
        mark = account.market.mark(instrument.symbol)
        return account_equity(account.balances.values(), instrument, mark)

    def equity(self, venue: str, instrument: Instrument) -> Decimal | None:
        """What the account is worth now: the venue's newest balances, open results at our mark.

        For screens; it leans on the venue's rounded average entries. `read_equity` is exact.
        """
        account = self._accounts[venue]
        if instrument.is_spot:
            mark = account.market.mark(instrument.symbol)
            return account_equity(account.balances.values(), instrument, mark)
        cash = account.balances.get(instrument.settle)
        if cash is None:
            return None
        results = (
            _open_result(account, position, account.market.mark(symbol) or position.mark_price)
            for symbol, position in account.positions.items()
        )
        return cash.total + sum((item for item in results if item is not None), Decimal(0))

    def position(self, venue: str, symbol: str) -> PositionData | None:
        """What the venue says we hold, foreign holdings included; None when flat."""
        account = self._accounts.get(venue)
        return None if account is None else account.positions.get(symbol)

    def total_equity(self) -> Decimal | None:
        """All accounts together; None until one is known. Quotes are added as they are."""
        worths = self._all_worths()
        return sum(worths.values(), Decimal(0)) if worths else None

    def day_change(self) -> Decimal | None:
        """Change of each account since its own first reading of this UTC day, together.

        An account that joins later begins with what it has then; it brings no profit along.
        """
        worths = self._all_worths()
        if not worths:
            return None
        today = self._clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
        if self._day != today:
            self._day, self._day_starts = today, {}
        changes = (worth - self._day_starts.setdefault(key, worth) for key, worth in worths.items())
        return sum(changes, Decimal(0))

    async def run(self) -> None:
        """Adds a point to the equity line every minute; runs until cancelled."""
        while True:
            self.mark_line()
            await self._clock.sleep(LINE_STEP.total_seconds())

    def mark_line(self) -> None:
        """Adds the present worth to the equity line, unless a part of it is not known just now."""
        worths = self._all_worths()
        self.day_change()
        self._take_into_line(worths)
        if worths and worths.keys() == self._in_line:
            equity = sum(worths.values(), Decimal(0))
            self._line.append(EquityPoint(at=self._clock.now(), equity=equity))

    def _take_into_line(self, worths: Mapping[tuple[str, str], Decimal]) -> None:
        """Lifts the line by what a joining account brings: it was there before, only not seen."""
        fresh = worths.keys() - self._in_line
        if not fresh:
            return
        self._in_line |= fresh
        brought = sum((worths[key] for key in fresh), Decimal(0))
        lifted = [replace(point, equity=point.equity + brought) for point in self._line]
        self._line = deque(lifted, maxlen=LINE_LENGTH)

    def home(
        self,
        *,
        mode: str,
        bots: Iterable[BotRow],
        venues: Iterable[VenueRow],
        log_rows: Iterable[LogRow],
        risk_state: str,
        risk_by: str = "",
        is_read_only: bool = False,
    ) -> HomeSnapshot:
        """Everything the home screen shows."""
        self._take_into_line(self._all_worths())
        line = tuple(self._line)
        free, used = self._margin()
        return HomeSnapshot(
            mode=mode,
            at=self._clock.now(),
            equity=self.total_equity(),
            day_change=self.day_change(),
            quote=self._quote(),
            equity_line=line,
            max_drawdown=max_drawdown(line),
            venues=tuple(venues),
            bots=tuple(bots),
            positions=tuple(self._position_rows()),
            free_margin=free,
            used_margin_fraction=used,
            log=tuple(log_rows),
            risk_state=risk_state,
            risk_by=risk_by,
            is_read_only=is_read_only,
        )

    def close(self) -> None:
        """Ends the subscriptions."""
        for subscription in self._subscriptions:
            subscription.cancel()
        self._subscriptions.clear()

    async def _read(self, account: _Account) -> None:
        exchange = account.exchange
        balances = await account.ask("get_balances", exchange.get_balances)
        positions = await account.ask("get_positions", exchange.get_positions)
        account.balances = {item.asset: item for item in balances}
        account.positions = {item.symbol: item for item in positions}

    def _all_worths(self) -> dict[tuple[str, str], Decimal]:
        """Venue and settlement asset -> worth, of what is known."""
        return {
            (venue, asset): worth
            for venue, account in self._accounts.items()
            for asset, worth in self._worths(venue, account)
        }

    def _worths(self, venue: str, account: _Account) -> Iterable[tuple[str, Decimal]]:
        """One worth per settlement asset, so that bots that share an asset count it once."""
        by_asset = {item.settle: item for item in account.instruments.values()}
        for asset, instrument in by_asset.items():
            worth = self.equity(venue, instrument)
            if worth is not None:
                yield asset, worth

    def _quote(self) -> str:
        for account in self._accounts.values():
            for instrument in account.instruments.values():
                return instrument.settle
        return ""

    def _margin(self) -> tuple[Decimal | None, Decimal | None]:
        balances = [
            account.balances[asset]
            for account in self._accounts.values()
            for asset in dict.fromkeys(item.settle for item in account.instruments.values())
            if asset in account.balances
        ]
        if not balances:
            return None, None
        free = sum((item.free for item in balances), Decimal(0))
        used = sum((item.used for item in balances), Decimal(0))
        whole = free + used
        return free, used / whole if whole > 0 else None

    def _position_rows(self) -> Iterable[PositionRow]:
        for venue, account in sorted(self._accounts.items()):
            for symbol, position in sorted(account.positions.items()):
                mark = account.market.mark(symbol) or position.mark_price
                yield PositionRow(
                    symbol=symbol,
                    venue=venue,
                    size=position.size,
                    entry_price=position.entry_price,
                    unrealized_pnl=_open_result(account, position, mark),
                    liquidation_distance=_distance(position.liquidation_price, mark),
                )


def _take_in(account: _Account, data: UserData) -> None:
    if isinstance(data, BalanceData):
        account.balances[data.asset] = data
    elif isinstance(data, PositionData):
        if data.size:
            account.positions[data.symbol] = data
        else:
            account.positions.pop(data.symbol, None)


def _open_result(account: _Account, position: PositionData, mark: Decimal | None) -> Decimal | None:
    """Open result at the newest mark, so that it moves with the market and not with our fills."""
    if mark is None or position.entry_price is None:
        return position.unrealized_pnl
    instrument = account.instruments.get(position.symbol)
    size = Decimal(1) if instrument is None else instrument.contract_size
    return position.size * (mark - position.entry_price) * size


def _distance(liquidation: Decimal | None, mark: Decimal | None) -> Decimal | None:
    return None if liquidation is None or not mark else liquidation / mark - 1
