"""What TWS is asked: whether it may be asked now, from which budget, and the account's whole state.

Numbers of questions and of orders come from one counter, the client's, as TWS wants it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from core.adapters.exchanges.connection.limiter import RateBudget
from core.adapters.exchanges.ibkr import convert
from core.adapters.exchanges.ibkr.account import Account
from core.adapters.exchanges.ibkr.errors import VENUE
from core.adapters.exchanges.ibkr.library import Library
from core.adapters.exchanges.ibkr.life import Life, unreachable
from core.adapters.exchanges.ibkr.wire import TIMEOUT_S, Wire
from core.adapters.exchanges.models import OrderStatus
from core.errors import AuthError, NotSent

_FEE_S: Final = 3.0


class Questions:
    """See the module's text.

    Args:
        wire: The connection.
        life: How it is.
        budget: Messages a second.
        library: Makes the filter of executions.
        account: Takes what is told of the account.
    """

    def __init__(
        self, wire: Wire, life: Life, budget: RateBudget, library: Library, account: Account
    ) -> None:
        self.wire = wire
        self.budget = budget
        self.library = library
        self.account = account
        self._life = life

    # -- whether anything may be asked ----------------------------------------------------------

    def need_live(self) -> None:
        """Refuses while what TWS says is what it knew before.

        Raises:
            TransportError: If so.
        """
        if not self.wire.is_up or self._life.is_cut:
            raise unreachable()

    def need_account(self) -> None:
        """Refuses without an account.

        Raises:
            TransportError: While IBKR cannot be reached.
            AuthError: If none was given.
        """
        self.need_live()
        if not self.account.name:
            raise AuthError(f"{VENUE}: there is no account.", venue=VENUE)

    def need_orders(self, *, is_cancel: bool = False) -> None:
        """Refuses what would not reach IBKR; a cancel may leave while prices are away.

        Raises:
            NotSent: If it would not.
        """
        is_up = self.wire.is_up and not self._life.is_cut
        if not is_up or not (self._life.is_live or is_cancel):
            why = f" ({self._life.why})" if self._life.why else ""
            raise NotSent(f"{VENUE}: there is no connection to IBKR{why}.", venue=VENUE)
        if not self.account.name:
            raise NotSent(f"{VENUE}: there is no account.", venue=VENUE)

    # -- asking ---------------------------------------------------------------------------------

    def number(self) -> int:
        """The next of the client's numbers."""
        return int(self.wire.client.getReqId())

    async def ask(
        self, key: int | str, send: Callable[[Any], object], *, timeout_s: float = TIMEOUT_S
    ) -> list[Any]:
        """One question, from the budget.

        Raises:
            VenueError: As TWS says, or if it does not.
        """
        await self.budget.spend(1)
        client = self.wire.client
        return await self.wire.ask(key, lambda: send(client), timeout_s=timeout_s)

    async def state(self) -> None:
        """Orders, executions, positions and values, as they are now."""
        await self.orders()
        await self.completed()
        await self.ask("positions", lambda client: client.reqPositions())
        await self.values()
        await self.executions()

    async def news(self) -> None:
        """What happened to orders of other client ids, which nobody tells us of."""
        await self.orders()
        await self.executions()

    async def orders(self) -> None:
        """Reads what is open; an order that we thought open and is not was closed meanwhile."""
        rows = self.account.orders.all()
        before = [entry for entry in rows if entry.perm_id and not entry.status.is_final]
        found = set(await self.ask("open", lambda client: client.reqAllOpenOrders()))
        gone = [e for e in before if e.perm_id not in found and not e.status.is_final]
        if gone:
            await self.completed()
        for entry in gone:
            if not entry.status.is_final:
                # Not open and not closed today: nobody says what it is.
                entry.status = OrderStatus.UNKNOWN

    async def completed(self) -> None:
        """Reads what was closed today."""
        rows = await self.ask("completed", lambda client: client.reqCompletedOrders(False))  # noqa: FBT003
        for contract, order, state in rows:
            self.account.completed_told(contract, order, state)

    async def values(self) -> None:
        """Has everything of the account told anew."""
        client = self.wire.client
        name = self.account.name
        self.budget.take(1)
        self.wire.send(lambda: client.reqAccountUpdates(False, name))  # noqa: FBT003

        def subscribe(client: Any) -> None:  # noqa: ANN401
            self.account.begin_download()
            client.reqAccountUpdates(True, name)  # noqa: FBT003

        await self.ask("account", subscribe)

    async def executions(self) -> list[str]:
        """Whole ids of all executions since midnight; their commissions came, or were given up."""
        number = self.number()
        wanted = self.library.execution_filter(acctCode=self.account.name)
        ids = await self.ask(number, lambda client: client.reqExecutions(number, wanted))
        bases = {convert.split_exec_id(exec_id)[0] for exec_id in ids}
        executions = self.account.executions
        await self.account.until(lambda: not bases & set(executions.waiting()), _FEE_S)
        return [str(exec_id) for exec_id in ids]
