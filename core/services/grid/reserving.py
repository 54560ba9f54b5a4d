"""A grid that keeps a reserve of the base asset on spot (`protections/spot_reserve.py`).

The reserve is what nobody holds: level 0 of the ledger. A fee that took base units out of a slot's
purchase is made good from there, parcel by parcel, so the books still add up to the last digit.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Final, cast

from core.adapters.exchanges.models import TimeInForce, plain
from core.domain.commands import Reason
from core.domain.events import Horizon, OrderFilled
from core.services.grid.editing import Edited
from core.services.grid.follow import price_of
from core.services.grid.ledger import NOBODY, ZERO
from core.services.grid.one_exit import GridScalper
from core.services.grid.protections.equity import EVERY_ROW
from core.services.grid.protections.spot_reserve import SpotReserve
from core.services.grid.settings import GridSettings
from core.services.grid.slots import Leg, Working
from core.services.grid.snapshot import ProtectionView
from core.services.grid.state import Goal, minimum_lots

KEY: Final = "reserve"


class GridReserver(GridScalper):
    """A grid with a reserve, where one is wanted."""

    def __init__(self, settings: GridSettings, *, order_prefix: str) -> None:
        super().__init__(settings, order_prefix=order_prefix)
        told = settings.protections.reserve
        self._reserve = None if told is None else SpotReserve(told)

    @property
    def reserve_left(self) -> Decimal:
        """Base units that the reserve holds; 0 where there is none."""
        rest = self.ledger.accounts.get(NOBODY)
        return ZERO if self._reserve is None or rest is None else max(ZERO, rest.amount)

    @property
    def has_anything(self) -> bool:
        """Whether orders or holdings of this grid exist, beside the reserve."""
        if self._reserve is None:
            return super().has_anything
        return bool(self._orders) or self._closable_lots() > 0

    def _closable_lots(self) -> int:
        if self._reserve is None:
            return super()._closable_lots()
        kept = min(self.reserve_left, self._reserve.settings.amount)
        return max(0, int((self.ledger.held - kept) // self._lot))

    def _reduction_order(self) -> list[int]:
        levels = super()._reduction_order()
        return levels if self._reserve is None else sorted(levels, key=lambda level: not level)

    # -- the start ----------------------------------------------------------------------------

    def _find_horizon(self) -> Horizon:
        horizon = super()._find_horizon()
        is_waiting = self._reserve is not None and not self._reserve.is_begun
        if is_waiting and super()._may_build and not self._purchase():
            return EVERY_ROW | horizon
        return horizon

    @property
    def _may_build(self) -> bool:
        reserve = self._reserve
        return super()._may_build and (reserve is None or reserve.is_begun)

    def _build(self) -> None:
        if self._reserve is not None and not self._reserve.is_begun:
            self._begin_reserve(self._reserve)
        super()._build()

    def _begin_reserve(self, reserve: SpotReserve) -> None:
        """Buys what is missing before the first ladder, or says why there is none."""
        if not super()._may_build or self._market is None or self._is_stale or self._purchase():
            return
        told = reserve.settings
        missing = reserve.missing(self.reserve_left, is_start=True)
        if missing < self.settings.order_amount and self.reserve_left > 0:
            self._settle_reserve(reserve)
        elif told.buys_at_start and not reserve.has_failed:
            self._buy_reserve(reserve, missing, "reserve.at_start")
        elif told.goes_on_without:
            self._settle_reserve(reserve)
            self._tell_protection("cleared", "spot_reserve", "goes on without it")
        else:
            reserve.has_failed = False
            self._touched.add(KEY)
            self._hold(f"the spot reserve of {plain(told.amount)} is not there")
            self._tell("grid.refused", (("reason", "the spot reserve is not there"),))

    def _settle_reserve(self, reserve: SpotReserve) -> None:
        reserve.is_begun = True
        self._touched.add(KEY)
        self._horizon = None

    def _purchase(self) -> Working | None:
        """The purchase for the reserve that is under way."""
        for order in self._orders.values():
            if order.leg is Leg.ENTRY and order.level == NOBODY and order.shares == []:
                return order
        return None

    def _buy_reserve(self, reserve: SpotReserve, missing: Decimal, rule: str) -> None:
        price = None if self._market is None else price_of(self._market, self._tick)
        if price is None or price <= 0:
            return
        least = minimum_lots(self._instrument, price / self._tick)
        lots = reserve.lots(missing, self._lot, price, least)
        self._touched.add(KEY)
        self._place(
            level=NOBODY,
            leg=Leg.ENTRY,
            price=None,
            amount=lots,
            shares=[],
            time_in_force=TimeInForce.IOC,
            reason=Reason(rule, (("left", plain(self.reserve_left)), ("missing", plain(missing)))),
        )

    # -- use and filling up -------------------------------------------------------------------

    def _open(
        self, level: int, amount: Decimal, fee: Decimal, fee_base: Decimal, event: OrderFilled
    ) -> None:
        super()._open(level, amount, fee, fee_base, event)
        reserve = self._reserve
        if reserve is None or level == NOBODY or not fee_base:
            return
        if self.ledger.lend(level, fee_base):
            self._touched.add("rest")
        self._watch_reserve(reserve)

    def _watch_reserve(self, reserve: SpotReserve) -> None:
        """Says when it runs low, and fills it up."""
        left = self.reserve_left
        word = reserve.word_of(left)
        if word != reserve.word:
            reserve.word = word
            self._touched.add(KEY)
            share = f"{plain(round(reserve.health(left) * 100, 1))} % is left"
            kind = {"low": "armed", "critical": "triggered"}.get(word, "cleared")
            self._tell_protection(kind, "spot_reserve", share)
        if reserve.is_begun and reserve.is_wanted(left):
            self._fill_up(reserve, left)

    def _fill_up(self, reserve: SpotReserve, left: Decimal) -> None:
        if self._closing is not None or self._goal is not Goal.RUN or self._is_paused:
            return
        if self._is_stale or self._risk != "ACTIVE" or self._purchase():
            return
        at_ns = reserve.next_ns(self._now_ns)
        if at_ns is None or at_ns > self._now_ns:
            self._wake_at(at_ns)
            return
        reserve.note_purchase(self._now_ns)
        self._buy_reserve(reserve, reserve.missing(left, is_start=False), "reserve.filled_up")

    def _mind_reserve(self) -> None:
        """Goes on with what had to wait."""
        if self._reserve is not None and self._reserve.is_begun:
            self._watch_reserve(self._reserve)

    def _after_purchase(self, order: Working) -> None:
        """What a purchase for the reserve leads to, once it is over."""
        reserve = self._reserve
        if reserve is None or order.shares != [] or order.leg is not Leg.ENTRY:
            return
        self._touched.add(KEY)
        if not reserve.is_begun:
            reserve.has_failed = not order.filled
            self._build()
        self._mind_reserve()

    def _on_edited(self, event: Edited) -> None:
        super()._on_edited(event)
        told = self.settings.protections.reserve
        if (None if self._reserve is None else self._reserve.settings) == told:
            return
        old, self._reserve = self._reserve, None if told is None else SpotReserve(told)
        if self._reserve is not None:
            if old is not None:
                self._reserve.load(old.dump())
            # A running ladder goes on; a reserve that is missing is filled up as fees use it.
            self._reserve.is_begun = self.ladder is not None or self._reserve.is_begun
        self._touched.add(KEY)
        self._mind_reserve()

    # -- what others may ask ------------------------------------------------------------------

    def protections(self, now_ns: int) -> tuple[ProtectionView, ...]:
        """Every protection, in order of precedence; the reserve last."""
        return (*super().protections(now_ns), self._reserve_view())

    def _reserve_view(self) -> ProtectionView:
        reserve = self._reserve
        if reserve is None:
            return ProtectionView(name="spot_reserve", state="off")
        left, wanted = self.reserve_left, reserve.settings.amount
        state = {"low": "armed", "critical": "triggered"}.get(reserve.word, "idle")
        return ProtectionView(
            name="spot_reserve",
            state=state,
            words=f"{plain(left)} of {plain(wanted)} {self._instrument.base}",
            progress=float(min(Decimal(1), reserve.health(left))),
        )

    # -- persistence --------------------------------------------------------------------------

    def dump(self) -> dict[str, str]:
        """The whole state by key, as `changes()` would have written it."""
        found = super().dump()
        text = self._dump_key(KEY)
        return found if text is None else dict(sorted({**found, KEY: text}.items()))

    def restore(self, state: Mapping[str, str]) -> None:
        """Takes back what `dump()` or the `changes()` of a whole life gave."""
        super().restore(state)
        if KEY in state and self._reserve is not None:
            self._reserve.load(cast("list[object]", json.loads(state[KEY])))
            self._horizon = None

    def _dump_key(self, key: str) -> str | None:
        if key != KEY:
            return super()._dump_key(key)
        return None if self._reserve is None else json.dumps(self._reserve.dump())
