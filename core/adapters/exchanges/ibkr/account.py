"""What TWS tells of the account, put together and told in order.

An order's change waits until the executions that explain it were told, an execution until its
commission was, both for some seconds at most: TWS tells the three in any order.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from core.adapters.exchanges.ibkr import convert
from core.adapters.exchanges.ibkr.contracts import PAIR, STOCK, symbol_of
from core.adapters.exchanges.ibkr.executions import Executions, Taken
from core.adapters.exchanges.ibkr.orders import Entry, OrderBook
from core.adapters.exchanges.models import BalanceData, FillData, PositionData, UserData
from core.infrastructure.clock import NS_PER_S, Clock

log = logging.getLogger(__name__)

VENUE: Final = "ibkr"
PATIENCE_S: Final = 3.0
"""How long an execution waits for its commission, and an order for its executions."""


@dataclass(slots=True, kw_only=True)
class Held:
    """A position."""

    symbol: str
    base: str
    sec_type: str
    size: Decimal
    cost: Decimal | None
    mark: Decimal | None = None


class Account:
    """See the module's text.

    Args:
        name: The account; messages of others are left out.
        clock: Times patience and stamps ends.
        tell: Takes what listeners hear.
        warn: Told of a correction that came too late.
        look: Has executions read anew: an order filled, and nothing told what.
    """

    def __init__(
        self,
        name: str,
        clock: Clock,
        tell: Callable[[UserData], None],
        warn: Callable[[str], None],
        look: Callable[[], None],
    ) -> None:
        self.name = name
        self.orders = OrderBook()
        self.executions = Executions()
        self.is_quiet = True
        """While state is read for the first time nothing of it is news."""
        self._clock = clock
        self._tell = tell
        self._warn = warn
        self._look = look
        self._held: dict[int, Held] = {}
        self._values: dict[tuple[str, str], str] = {}
        self._told_balances: tuple[BalanceData, ...] = ()
        self._is_worth_changed = False
        self._watchers: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []
        self._late: dict[int, Entry] = {}
        """Orders whose change waits for executions, by identity."""

    # -- orders -------------------------------------------------------------------------------

    def order_told(self, number: int, contract: Any, order: Any, word: str) -> None:  # noqa: ANN401
        """`openOrder`."""
        symbol = symbol_of(contract)
        if symbol is None or (order.account and order.account != self.name):
            return
        entry = self.orders.take_open(symbol, number, order, word, self._clock.now())
        self._order_changed(entry)

    def status_told(  # the message's fields
        self, number: int, word: str, filled: float, average: float, perm_id: int, client_id: int
    ) -> None:
        """`orderStatus`."""
        now = self._clock.now()
        entry = self.orders.take_status(number, word, filled, average, perm_id, client_id, now)
        if entry is not None:
            self._order_changed(entry)

    def completed_told(self, contract: Any, order: Any, state: Any) -> None:  # noqa: ANN401
        """`completedOrder`."""
        symbol = symbol_of(contract)
        if symbol is None or (order.account and order.account != self.name):
            return
        self._order_changed(self.orders.take_completed(symbol, order, state))

    def order_changed(self, entry: Entry) -> None:
        """Something else than a message changed an order."""
        self._order_changed(entry)

    def _order_changed(self, entry: Entry) -> None:
        if self.is_quiet:
            entry.told = entry.state
        elif entry.told != entry.state and entry.order_id:
            if self._explained(entry):
                self._tell_order(entry)
            elif id(entry) not in self._late:
                self._late[id(entry)] = entry
                self._later(lambda: self._unexplained(entry))
        self.stir()

    def _unexplained(self, entry: Entry) -> None:
        """Patience is over: the order is told as it is, and what filled is asked for."""
        if id(entry) in self._late and not self._explained(entry):
            log.warning("fill.untold venue=%s order=%s", VENUE, entry.order_id)
            self._look()
        self._tell_order(entry)

    def _explained(self, entry: Entry) -> bool:
        before = entry.told[1] if entry.told else Decimal(0)
        return entry.filled == before or (
            self.executions.told_amount(entry.order_id) >= entry.filled
        )

    def _tell_order(self, entry: Entry) -> None:
        self._late.pop(id(entry), None)
        if entry.told != entry.state:
            entry.told = entry.state
            self._tell(entry.data())

    # -- executions ---------------------------------------------------------------------------

    def execution_told(self, contract: Any, execution: Any) -> None:  # noqa: ANN401
        """`execDetails`."""
        symbol = symbol_of(contract)
        if symbol is None or execution.acctNumber != self.name:
            return
        fill = convert.fill_of(execution, symbol, self.name)
        taken = self.executions.take(execution.execId, fill)
        if taken is Taken.CORRECTED:
            text = (
                f"IBKR corrected execution {fill.trade_id} of {symbol} to "
                f"{fill.amount} at {fill.price}: the books still hold what was told first"
            )
            log.error("fill.corrected venue=%s symbol=%s trade_id=%s", VENUE, symbol, fill.trade_id)
            self._warn(text)
        elif taken is Taken.NEW:
            base = fill.trade_id
            is_stock = contract.secType == STOCK
            self._later(lambda: self._give_up(base, is_stock=is_stock))
        self._fill_changed(fill.trade_id)

    def commission_told(self, report: Any) -> None:  # noqa: ANN401
        """`commissionReport`."""
        fee = convert.exact(report.commission)
        if fee is not None:
            self._fill_changed(self.executions.pay(report.execId, fee, report.currency))

    def _give_up(self, base: str, *, is_stock: bool) -> None:
        known = self.executions.of(base)
        if known is None or known.has_fee:
            return
        fill = known.fill
        fee = convert.fixed_commission(fill.amount, fill.price) if is_stock else Decimal(0)
        log.warning("fill.no_commission venue=%s trade_id=%s assumed=%s", VENUE, base, fee)
        self.executions.estimate(base, fee, "")
        self._fill_changed(base)

    def _fill_changed(self, base: str) -> None:
        known = self.executions.of(base)
        if known is None or not known.has_fee:
            return
        if not known.is_told:
            known.is_told = True
            if not self.is_quiet:
                self._tell(known.fill)
        entry = self.orders.find(known.fill.order_id, None)
        if entry is not None and id(entry) in self._late and self._explained(entry):
            self._tell_order(entry)
        self.stir()

    def fills(self, ids: list[str]) -> list[FillData]:
        """Executions by their whole ids, each once, in its newest revision."""
        found: dict[str, FillData] = {}
        for exec_id in ids:
            base, _ = convert.split_exec_id(exec_id)
            known = self.executions.of(base)
            if known is not None:
                found[base] = known.fill
        return list(found.values())

    # -- positions and values -------------------------------------------------------------------

    def position_told(  # the message's fields
        self,
        account: str,
        contract: Any,  # noqa: ANN401
        size: float,
        cost: float,
    ) -> str | None:
        """`position`: told at once when it changes; gives its symbol if that is news."""
        symbol = symbol_of(contract)
        if account != self.name or symbol is None or contract.secType == PAIR:
            return None
        held, is_changed = self._take_held(symbol, contract, size, cost)
        if not is_changed or self.is_quiet:
            return None
        self._tell(self._position(held))
        return symbol

    def worth_told(  # the message's fields
        self,
        account: str,
        contract: Any,  # noqa: ANN401
        size: float,
        mark: float,
        cost: float,
    ) -> None:
        """`updatePortfolio`: the same with a mark, minutes later."""
        symbol = symbol_of(contract)
        if account != self.name or symbol is None or contract.secType == PAIR:
            return
        held, _ = self._take_held(symbol, contract, size, cost)
        held.mark = convert.exact(mark)

    def value_told(self, account: str, tag: str, value: str, currency: str) -> None:
        """`updateAccountValue`."""
        if account == self.name:
            self._values[(tag, currency)] = value
            self._is_worth_changed = True

    def batch_ended(self) -> None:
        """Tells balances that are others now."""
        if self._is_worth_changed and not self.is_quiet:
            self._is_worth_changed = False
            before = {item.asset: item for item in self._told_balances}
            self._told_balances = tuple(self.balances())
            for item in self._told_balances:
                if before.get(item.asset) != item:
                    self._tell(item)

    def begin_download(self) -> None:
        """Everything is told anew."""
        self._held.clear()
        self._values.clear()

    def positions(self) -> list[PositionData]:
        """Other than flat, sorted by symbol."""
        rows = [self._position(held) for held in self._held.values() if held.size]
        return sorted(rows, key=lambda item: item.symbol)

    def balances(self) -> list[BalanceData]:
        """Cash by currency, and what is held of stocks and coins, sorted by asset.

        What is free and the account's worth are told in its base currency alone, and stand there.
        """
        free, worth = self._value("AvailableFunds"), self._value("NetLiquidation")
        rows: dict[str, BalanceData] = {}
        for (tag, currency), text in self._values.items():
            total = convert.exact(text) if tag == "CashBalance" else None
            if total is None or currency in {"", "BASE"}:
                continue
            is_base = free is not None and free[1] == currency
            loose = free[0] if is_base and free is not None else total
            equity = worth[0] if worth is not None and worth[1] == currency else None
            if total or equity:
                rows[currency] = BalanceData(
                    venue=VENUE,
                    asset=currency,
                    total=total,
                    free=loose,
                    used=max(total - loose, Decimal(0)),
                    equity=equity,
                )
        for held in self._held.values():
            if held.size and held.base not in rows:
                rows[held.base] = BalanceData(
                    venue=VENUE, asset=held.base, total=held.size, free=held.size
                )
        return [rows[asset] for asset in sorted(rows)]

    def _value(self, tag: str) -> tuple[Decimal, str] | None:
        for (name, currency), text in self._values.items():
            number = convert.exact(text) if name == tag and currency not in {"", "BASE"} else None
            if number is not None:
                return number, currency
        return None

    def _take_held(
        self,
        symbol: str,
        contract: Any,  # noqa: ANN401
        size: float,
        cost: float,
    ) -> tuple[Held, bool]:
        amount = convert.exact(size) or Decimal(0)
        entry = convert.exact(cost) if amount else None
        known = self._held.get(contract.conId)
        if known is None:
            base = symbol.partition("-")[0]
            known = self._held[contract.conId] = Held(
                symbol=symbol, base=base, sec_type=contract.secType, size=amount, cost=entry
            )
            return known, bool(amount)
        is_changed = (known.size, known.cost) != (amount, entry)
        known.size, known.cost = amount, entry
        return known, is_changed

    @staticmethod
    def _position(held: Held) -> PositionData:
        has_worth = held.mark is not None and held.cost is not None
        return PositionData(
            venue=VENUE,
            symbol=held.symbol,
            size=held.size,
            entry_price=held.cost or None,
            mark_price=held.mark,
            unrealized_pnl=(
                held.size * (held.mark - held.cost)  # type: ignore[operator] # both are there
                if has_worth
                else None
            ),
        )

    # -- waiting ------------------------------------------------------------------------------

    async def until(self, holds: Callable[[], bool], timeout_s: float) -> bool:
        """Waits until something is so; whether it became so in time."""
        if holds():
            return True
        reached: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        watcher = (holds, reached)
        self._watchers.append(watcher)
        try:
            async with self._clock.timeout(timeout_s):
                await reached
        except TimeoutError:
            return False
        finally:
            if watcher in self._watchers:
                self._watchers.remove(watcher)
        return True

    def stir(self) -> None:
        """Looks whether somebody waits for this."""
        for holds, reached in self._watchers:
            if not reached.done() and holds():
                reached.set_result(None)

    def _later(self, act: Callable[[], None]) -> None:
        self._clock.call_after_ns(round(PATIENCE_S * NS_PER_S), act)
