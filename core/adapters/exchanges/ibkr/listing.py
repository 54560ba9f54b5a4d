"""The contracts that were looked up: IBKR has no list of all, each is asked for by its name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal

from core.adapters.exchanges.ibkr.contracts import Listed, listed_of, name_of
from core.adapters.exchanges.ibkr.errors import VENUE
from core.adapters.exchanges.ibkr.questions import Questions
from core.adapters.exchanges.metadata import changes
from core.adapters.exchanges.models import Instrument, plain
from core.errors import NotSent, NotSupported, OrderRejected, TransportError


class Listing:
    """See the module's text.

    Args:
        questions: Asks TWS.
        learned: Told of the rules of what was looked up.
    """

    def __init__(
        self, questions: Questions, learned: Callable[[Sequence[Instrument]], None]
    ) -> None:
        self._questions = questions
        self._learned = learned
        self._listed: dict[str, Listed] = {}

    @property
    def symbols(self) -> list[str]:
        """What was looked up, sorted."""
        return sorted(self._listed)

    def instruments(self) -> list[Instrument]:
        """Their rules, in the same order."""
        return [self._listed[symbol].instrument for symbol in self.symbols]

    def closed(self, symbol: str, at: datetime) -> str | None:
        """Why nothing is matched of a symbol at a moment; None while it is, or if nobody knows."""
        listed = self._listed.get(symbol)
        return None if listed is None else listed.hours.closed(at)

    async def of(self, symbol: str) -> Listed:
        """A contract; it is looked up where that was not done yet.

        Raises:
            NotSupported: If IBKR has none, or several.
            TransportError: While IBKR cannot be reached.
        """
        known = self._listed.get(symbol)
        if known is not None:
            return known
        self._questions.need_live()
        return await self.look_up(symbol)

    async def to_trade(self, symbol: str) -> Listed:
        """The same for an order, of which nothing was sent where it fails.

        Raises:
            OrderRejected: If IBKR has no such contract.
            NotSent: If that could not be asked.
        """
        try:
            return self._listed.get(symbol) or await self.look_up(symbol)
        except NotSupported as error:
            raise OrderRejected(
                f"{error.message} Nothing was sent.", venue=VENUE, code="SYMBOL"
            ) from error
        except TransportError as error:
            raise NotSent(
                f"{VENUE}: the rules of {symbol[:40]} are not known.", venue=VENUE
            ) from error

    async def look_up(self, symbol: str) -> Listed:
        """Asks for a contract's details, in place of what was known of it.

        Raises:
            NotSupported: If IBKR has none, or several.
            TransportError: If it cannot be asked.
        """
        name = name_of(symbol)
        contract = self._questions.library.contract(
            secType=name.sec_type,
            symbol=name.symbol,
            exchange=name.exchange,
            currency=name.currency,
        )
        number = self._questions.number()
        found = await self._questions.ask(
            number, lambda client: client.reqContractDetails(number, contract)
        )
        if len(found) != 1:
            count = "no" if not found else str(len(found))
            raise NotSupported(f"{VENUE} has {count} contracts for {symbol[:40]}.", venue=VENUE)
        listed = self._listed[symbol] = listed_of(symbol, found[0])
        self._learned((listed.instrument,))
        return listed

    async def renew(self, symbol: str) -> str:
        """Looks a contract up again; which of its rules are others now, empty where none is.

        Raises:
            NotSupported: If IBKR has it no more.
            TransportError: If it cannot be asked.
        """
        before = self._listed[symbol].instrument
        return changes(before, (await self.look_up(symbol)).instrument)

    def difference(self, planned: Iterable[Instrument]) -> str:
        """How TWS's rules differ from those that were planned with; empty if they fit."""
        for item in planned:
            rules = self._listed[item.symbol].instrument
            for name in ("tick_size", "lot_size"):
                ours: Decimal = getattr(item, name)
                theirs: Decimal = getattr(rules, name)
                if ours % theirs:
                    return (
                        f"{item.symbol}: {name} is {plain(theirs)} at {VENUE}, and "
                        f"{plain(ours)} in the configuration, which is no multiple of it"
                    )
        return ""
