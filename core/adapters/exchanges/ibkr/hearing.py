"""Where each thing goes that TWS tells by itself: the account, a line, an order, the connection."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from core.adapters.exchanges.ibkr.account import Account
from core.adapters.exchanges.ibkr.errors import Meaning, meaning_of
from core.adapters.exchanges.ibkr.life import Life
from core.adapters.exchanges.ibkr.lines import Lines
from core.adapters.exchanges.ibkr.trading import Trading
from core.adapters.exchanges.models import OrderStatus
from core.infrastructure.clock import Clock

# ruff: noqa: ANN401 - the library's objects


class Ear:
    """The `Hearing` of the wire.

    Args:
        account: Orders, executions, positions, values.
        lines: Prices.
        trading: Waits for outcomes.
        life: The connection.
        client_id: Ours, whose numbers codes name.
        clock: Stamps ends.
        look: Reads orders and executions anew.
    """

    def __init__(
        self,
        *,
        account: Account,
        lines: Lines,
        trading: Trading,
        life: Life,
        client_id: int,
        clock: Clock,
        look: Callable[[], None],
    ) -> None:
        self._account = account
        self._lines = lines
        self._trading = trading
        self._life = life
        self._client_id = client_id
        self._clock = clock
        self._look = look

    def order_told(self, number: int, contract: Any, order: Any, word: str) -> None:
        """`openOrder`."""
        self._account.order_told(number, contract, order, word)

    def status_told(  # the message's fields
        self, number: int, word: str, filled: float, average: float, perm_id: int, client_id: int
    ) -> None:
        """`orderStatus`."""
        self._account.status_told(number, word, filled, average, perm_id, client_id)

    def execution_told(self, contract: Any, execution: Any) -> None:
        """`execDetails`."""
        self._account.execution_told(contract, execution)

    def commission_told(self, report: Any) -> None:
        """`commissionReport`."""
        self._account.commission_told(report)

    def position_told(self, account: str, contract: Any, size: float, cost: float) -> None:
        """`position`; what other client ids' orders did shows here alone."""
        symbol = self._account.position_told(account, contract, size, cost)
        if symbol is not None and self._account.orders.has_others(symbol, self._client_id):
            self._look()

    def worth_told(
        self, account: str, contract: Any, size: float, mark: float, cost: float
    ) -> None:
        """`updatePortfolio`."""
        self._account.worth_told(account, contract, size, mark, cost)

    def value_told(self, account: str, tag: str, value: str, currency: str) -> None:
        """`updateAccountValue`."""
        self._account.value_told(account, tag, value, currency)

    def price_told(self, request_id: int, tick: int, price: float, size: float) -> None:
        """`tickPrice`."""
        self._lines.price(request_id, tick, price, size)

    def size_told(self, request_id: int, tick: int, size: float) -> None:
        """`tickSize`."""
        self._lines.size(request_id, tick, size)

    def depth_told(  # the message's fields
        self, request_id: int, place: int, operation: int, side: int, price: float, size: float
    ) -> None:
        """`updateMktDepth`."""
        self._lines.depth(request_id, place, operation, side, price, size)

    def trade_told(self, request_id: int, at_s: int, price: float, size: float) -> None:
        """`tickByTick`."""
        self._lines.trade(request_id, at_s, price, size)

    def data_kind_told(self, request_id: int, kind: int) -> None:
        """`marketDataType`."""
        self._lines.data_kind(request_id, kind)

    def code_told(self, request_id: int, code: int, text: str) -> None:
        """A code of an order, a line, or the connection."""
        self._trading.code_told(request_id, code, text)
        entry = self._account.orders.numbered(self._client_id, request_id)
        if entry is not None and meaning_of(code) is Meaning.REJECTED:
            self._account.orders.end(entry, OrderStatus.REJECTED, str(code), self._clock.now())
            self._account.order_changed(entry)
        if entry is None and not self._lines.refused(request_id, code, text):
            self._life.code(meaning_of(code), text)
        self._account.stir()

    def batch_ended(self) -> None:
        """Tells what one read of the socket brought."""
        self._lines.batch_ended()
        self._account.batch_ended()

    def connection_lost(self) -> None:
        """Dials again."""
        self._life.lost("TWS closed the connection")
