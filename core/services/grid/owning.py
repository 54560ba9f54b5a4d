"""What the account holds beyond our own fills, and what a grid does about it.

By default nothing: it is shown, told, and left alone. Two keys say otherwise, by name:

    flatten_scope: symbol                  closing by you or at the end closes all there is of the
                                           symbol, ours and not ours
    health_check_auto_fix_position: true   what the account holds beyond our fills is closed by
                                           reduce-only orders, whenever journal and venue are
                                           compared and differ by more than the tolerance

Where the account holds *less* than our fills say, an order could only open, and none is sent: our
exits could turn the position round, so no entry is sent either until the two agree again.

An execution that closes what is not ours is booked as ours, because it is; what it stood against is
remembered as *adopted*. Position plus adopted is what still has to be closed, and the grid's worth
counts both, so neither a close nor a protection is misled.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Final, cast

from core.adapters.exchanges.models import OrderSide, TimeInForce, plain
from core.domain.commands import Reason
from core.domain.events import OrderFilled, Reconciled
from core.services.grid.closing import Purpose
from core.services.grid.ledger import EXACT, NOBODY, ZERO
from core.services.grid.protections.directive import Directive
from core.services.grid.protections.equity import EquityLine
from core.services.grid.reserving import GridReserver
from core.services.grid.settings import GridSettings
from core.services.grid.slots import Leg, Working
from core.services.grid.state import Goal

KEY: Final = "adopted"


class GridOwner(GridReserver):
    """A grid that knows what is not its own."""

    def __init__(self, settings: GridSettings, *, order_prefix: str) -> None:
        super().__init__(settings, order_prefix=order_prefix)
        self._foreign = 0
        """Signed lots at the venue beyond the ledgers of all our bots, when it was last asked."""
        self._adopted = ZERO
        """Signed base units of others that we have closed, or are about to close."""
        self._adopted_value = ZERO
        """The same times the price at which it was closed."""
        self._fixes: set[str] = set()
        """Orders that close what is not ours."""
        self._is_short_of = False
        """Whether the venue holds less than our fills say."""

    @property
    def adopted(self) -> Decimal:
        """Signed base units of others that this grid has closed."""
        return self._adopted

    @property
    def _own(self) -> Decimal:
        """Signed base units that our own fills brought: what we closed of others is not in it."""
        return EXACT.add(self.ledger.position, self._adopted)

    # -- what there is to close ---------------------------------------------------------------

    def _net_lots(self) -> int:
        """Signed lots that closing must bring to zero."""
        own = super()._closable_lots()
        sign = 1 if self.ledger.position > 0 else -1
        return own * sign + int(self._adopted / self._lot)

    def _closable_lots(self) -> int:
        return abs(self._net_lots()) if self._adopted else super()._closable_lots()

    def _closing_side(self) -> OrderSide:
        if not self._adopted:
            return super()._closing_side()
        return OrderSide.SELL if self._net_lots() > 0 else OrderSide.BUY

    def _line(self) -> EquityLine:
        line = super()._line()
        if not self._adopted:
            return line
        contract = self._instrument.contract_size
        return replace(
            line,
            slope=EXACT.fma(self._adopted, contract, line.slope),
            base=EXACT.subtract(line.base, EXACT.multiply(self._adopted_value, contract)),
        )

    # -- closing all of the symbol ------------------------------------------------------------

    def _start_closing(
        self,
        purpose: Purpose,
        *,
        cancels: bool,
        flattens: bool,
        reason: str,
        directive: Directive | None = None,
    ) -> None:
        if flattens and self.settings.flattens_symbol and purpose is not Purpose.RESET:
            self._adopt(self._foreign * self._lot - self._adopted)
        super()._start_closing(
            purpose, cancels=cancels, flattens=flattens, reason=reason, directive=directive
        )

    def _adopt(self, size: Decimal) -> None:
        """Takes a holding of others for one that is to be closed, at the newest price."""
        market = self._market
        price = ZERO if market is None or market.mark is None else market.mark
        self._adopted = EXACT.add(self._adopted, size)
        self._adopted_value = EXACT.fma(size, price, self._adopted_value)
        self._touched.add(KEY)

    # -- differences --------------------------------------------------------------------------

    def _note_foreign(self, event: Reconciled) -> None:
        """Journal and venue have been compared: what the venue holds beyond our fills."""
        self._foreign = event.foreign_position
        beyond = EXACT.subtract(self._foreign * self._lot, self._adopted)
        tolerance = max(self.settings.health.position_tolerance, self._lot)
        is_beyond = abs(beyond) > tolerance
        is_less = is_beyond and beyond * self._own < 0
        if is_less is not self._is_short_of:
            self._is_short_of = is_less
            self._horizon = None
            self._tell_difference(beyond, is_less=is_less)
            self._freeze(was_frozen=not is_less)
        if is_beyond and not is_less and self.settings.fixes_position:
            self._fix(beyond)

    def _tell_difference(self, beyond: Decimal, *, is_less: bool) -> None:
        fields = (("difference", plain(beyond)), ("ledger", plain(self.ledger.position)))
        self._tell("grid.position_missing" if is_less else "grid.position_found", fields)
        self._say("the venue holds less than our fills: no entry is sent" if is_less else "")

    def _fix(self, beyond: Decimal) -> None:
        """Closes what is not ours, by one reduce-only order."""
        is_free = self._closing is None and self._goal is Goal.RUN and self._risk != "HALTED"
        if self._fixes or not is_free or self._is_stale or self._market is None:
            return
        order = self._place(
            level=NOBODY,
            leg=Leg.REDUCE,
            price=None,
            amount=int(abs(beyond) // self._lot),
            time_in_force=TimeInForce.IOC,
            reason=Reason("fix.position", (("difference", plain(beyond)),)),
            side=OrderSide.SELL if beyond > 0 else OrderSide.BUY,
        )
        self._fixes.add(order.client_order_id)
        self._touched.add(KEY)

    @property
    def _is_gone_at_venue(self) -> bool:
        own = self._own
        held = EXACT.fma(Decimal(self._foreign), self._lot, self.ledger.position)
        return bool(own) and (held if own > 0 else -held) < self._lot

    @property
    def _is_frozen(self) -> bool:
        return self._is_short_of or super()._is_frozen

    def _book_reduction(self, order: Working, event: OrderFilled) -> None:
        if order.client_order_id not in self._fixes:
            super()._book_reduction(order, event)
            return
        size = -order.side.sign * event.amount * self._lot
        self._adopted = EXACT.add(self._adopted, size)
        self._adopted_value = EXACT.fma(size, event.price, self._adopted_value)
        self._touched.add(KEY)
        self._book_on_nobody(order, event)

    def _forget(self, order: Working) -> None:
        super()._forget(order)
        if order.client_order_id in self._fixes:
            self._fixes.discard(order.client_order_id)
            self._touched.add(KEY)

    # -- persistence --------------------------------------------------------------------------

    def dump(self) -> dict[str, str]:
        """The whole state by key, as `changes()` would have written it."""
        found = super().dump()
        text = self._dump_key(KEY)
        return found if text is None else dict(sorted({**found, KEY: text}.items()))

    def restore(self, state: Mapping[str, str]) -> None:
        """Takes back what `dump()` or the `changes()` of a whole life gave."""
        super().restore(state)
        if KEY in state:
            adopted, value, fixes = cast("list[object]", json.loads(state[KEY]))
            self._adopted, self._adopted_value = Decimal(str(adopted)), Decimal(str(value))
            self._fixes = set(cast("list[str]", fixes))
            self._horizon = None

    def _dump_key(self, key: str) -> str | None:
        if key != KEY:
            return super()._dump_key(key)
        if not self._adopted and not self._fixes:
            return None
        return json.dumps([str(self._adopted), str(self._adopted_value), sorted(self._fixes)])
