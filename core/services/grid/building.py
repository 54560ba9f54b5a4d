"""A ladder for a price: built at one that can be trusted, given up when it cannot work."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import cast

from core.adapters.exchanges.models import (
    plain,
)
from core.domain.events import (
    MarketMoved,
)
from core.services.grid.follow import price_of
from core.services.grid.growth import compounded
from core.services.grid.ladder import Ladder, build_ladder, loses
from core.services.grid.sending import GridSender
from core.services.grid.state import Fields, Goal


class GridBuilder(GridSender):
    """A grid that can build its ladder."""

    def _build(self) -> None:
        """Builds the ladder around the newest price, once there is one that can be trusted."""
        market = self._market
        if market is None or self._is_stale or not self._may_build:
            return
        base = price_of(market, self._instrument.tick_size)
        if base is None:
            return
        self._horizon = None
        if not self._is_started(base):
            return
        try:
            ladder = self._judge(build_ladder(self.settings, self._range_base(base)))
        except ValueError as error:
            self._hold(f"no ladder: {error}")
            self._tell("grid.refused", (("reason", str(error)),))
            return
        if self.settings.is_compounding:
            amounts = compounded(self.settings, ladder, self.ledger, self.reserved)
            ladder = replace(ladder, amounts=amounts)
        self._take_ladder(ladder)
        self._announce_ladder(market)
        self._send_ladder()

    def _range_base(self, price: Decimal) -> Decimal:
        """The price that a range is computed from."""
        return price

    def _is_started(self, price: Decimal) -> bool:
        """Whether the trigger price has been reached; it is waited for only once."""
        trigger = self.settings.trigger_price
        if trigger is None or self._trigger_sign == 0:
            return True
        sign = self._trigger_sign
        if sign is None:
            sign = (trigger > price) - (trigger < price)
        if (price - trigger) * sign >= 0:
            sign = 0
            self._say("")
            told = "grid.triggered"
        else:
            told = "grid.waiting" if self._trigger_sign is None else ""
            if told:
                self._say(f"starts at {plain(trigger)}")
        if told:
            self._tell(told, (("trigger_price", plain(trigger)), ("price", plain(price))))
        if sign != self._trigger_sign:
            self._trigger_sign = sign
            self._touched.add("course")
        return sign == 0

    def _judge(self, ladder: Ladder) -> Ladder:
        """A ladder around a price that the configuration could not know."""
        if not self.settings.is_loss_accepted and loses(self.settings, ladder):
            message = "every round trip would lose by its own fees at this price"
            raise ValueError(message)
        return ladder

    def _announce_ladder(self, market: MarketMoved) -> None:
        ladder = cast("Ladder", self.ladder)
        price = price_of(market, self._instrument.tick_size)
        shape: Fields = (
            ("lower_price", self._price_text(ladder.lower)),
            ("upper_price", self._price_text(ladder.upper)),
            ("levels", ladder.count),
            ("price", None if price is None else plain(price)),
        )
        if self._leaving is None:
            self._tell("grid.built", shape)
            return
        lower, upper, reason = self._leaving
        old = (
            ("reason", reason),
            ("old_lower_price", self._price_text(lower)),
            ("old_upper_price", self._price_text(upper)),
        )
        self._leaving = None
        self._say("")
        self._tell("grid.reset", (*old, *shape, ("resets", self.resets)))

    def _want_ladder(self) -> None:
        """Asks for the ladder's orders anew, at the next price that can be trusted."""
        self._wants_ladder = True
        for level in self._due:
            self._slots[level - 1].is_waiting = True
            self._levels_touched.add(level)
        self._horizon = None
        self._resend_ladder()

    def _resend_ladder(self) -> None:
        if self._market is None or self._is_stale or not self._may_build:
            return
        self._wants_ladder = False
        self._horizon = None
        self._send_ladder()

    def _restart(self) -> None:
        """Goes on after a full stop: with a new ladder if nothing is held, else with this one."""
        if self._closable_lots() == 0 and not self._orders:
            self._drop_ladder()
            self._build()
        elif self.ladder is None:
            self._build()
        else:
            self._want_ladder()

    def _hold(self, reason: str) -> None:
        self._goal = Goal.HOLD
        self._touched.add("meta")
        self._horizon = None
        self._say(reason)

    def _drop_ladder(self) -> None:
        """Leaves the slots; what could not be closed stays in the ledger, with nobody."""
        self.ledger.disown()
        self._levels_touched.update(slot.level for slot in self._slots)
        self._touched |= {"rest", "totals", "ladder", "meta"}
        self.ladder = None
        self._slots = []
        self._due = set()
        self._watch = None
        self._horizon = None
