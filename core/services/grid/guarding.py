"""A grid under protection: what its rules see, when they are asked, and what is done about it.

    a price outside the band ─► one reading ─► arbiter ─► the lowest rank's directive ─► done

The *band* is the prices between which no rule could change its mind. It is found again after every
execution, settlement or change of the ladder, and a price strictly inside it costs two comparisons.
The same band and the rules' timers are part of the machine's horizon, which is why a run that skips
rows decides exactly what one decides that sees every row.

The capital C0 of a ladder is what the grid is worth when the ladder is built: at first
`paper.initial_balance`, after a reset what is left of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Final, cast

from core.adapters.exchanges.models import from_ns, plain
from core.domain.commands import Reason
from core.domain.events import DataStale, Horizon, MarketMoved, OrderFilled, RiskStateChanged
from core.services.grid.closing import Closing, Purpose
from core.services.grid.editing import Edited, GridEditor
from core.services.grid.follow import EscapeWatch, price_of
from core.services.grid.ladder import Ladder
from core.services.grid.protections.arbiter import Arbiter, Change
from core.services.grid.protections.directive import Act, Directive, Rank
from core.services.grid.protections.equity import CALM, EVERY_ROW, EquityLine
from core.services.grid.protections.gates import is_trusted
from core.services.grid.protections.price_lock import start_base
from core.services.grid.protections.reading import Ground, Reading
from core.services.grid.protections.rule import Rule, Stage, Values
from core.services.grid.protections.stop_loss import trigger_price
from core.services.grid.protections.timer import LONGEST_GAP_NS
from core.services.grid.settings import GridSettings
from core.services.grid.slots import Leg, Working
from core.services.grid.snapshot import GridPhase, ProtectionView
from core.services.grid.state import Fields, Goal
from core.services.grid.targets import bot_targets

KEY: Final = "guard"
"""Key of the state under which all of this is kept."""
NAMES: Final = (
    "stop_loss",
    "take_profit",
    "capital_protection",
    "scalping",
    "smart_scalping",
    "price_lock",
)
"""Every rule there is, in order of precedence."""


class GridGuard(GridEditor):
    """A grid that is guarded."""

    def __init__(self, settings: GridSettings, *, order_prefix: str) -> None:
        super().__init__(settings, order_prefix=order_prefix)
        self._arbiter = self._new_arbiter()
        self._start_capital: Decimal | None = None
        """C0; None until a price has told."""
        self._awaits_price = False
        """Whether the next ladder waits until the price is back inside a fixed range."""
        self._is_doubtful = False
        """Whether the newest price is not to be believed alone."""
        self._is_blind = False
        """Whether prices have been stale since the rules were last asked."""
        self._blind_ns: int | None = None
        """When to say that a stop loss cannot see."""
        self._low: Decimal | None = None
        """Lower end of the band, exclusive; None for none."""
        self._high: Decimal | None = None
        self._guard_ns: int | None = None
        """When a rule's timer ends."""
        self._memory: dict[str, Values] = {}
        """What the rules remembered when it was last written."""
        if self._arbiter is not None:
            self._touched.add(KEY)

    # -- what others may ask ------------------------------------------------------------------

    def protections(self, now_ns: int) -> tuple[ProtectionView, ...]:
        """Every protection, in order of precedence."""
        rules = {rule.name: rule for rule in self._rules}
        ground = self._ground()
        price = None if self._market is None else price_of(self._market, self._tick)
        names = (*NAMES, *(name for name in rules if name not in NAMES))
        return tuple(self._view(name, rules.get(name), ground, price, now_ns) for name in names)

    def _view(
        self,
        name: str,
        rule: Rule | None,
        ground: Ground | None,
        price: Decimal | None,
        now_ns: int,
    ) -> ProtectionView:
        if rule is None:
            return ProtectionView(name=name, state=Stage.OFF.value)
        if ground is None:
            words = self.phase_reason if self._awaits_price else ""
            return ProtectionView(name=name, state=rule.stage.value, words=words)
        sight = rule.sight(ground, price, now_ns)
        at = None if sight.price is None else sight.price.quantize(self._tick)
        distance = None if price is None or at is None else at - price
        return ProtectionView(
            name=name,
            state=sight.stage.value,
            words=sight.words,
            price=at,
            level=sight.level,
            distance=distance,
            since=None if sight.since_ns is None else from_ns(sight.since_ns),
            progress=sight.progress,
        )

    @property
    def _rules(self) -> tuple[Rule, ...]:
        return () if self._arbiter is None else self._arbiter.rules

    @property
    def _tick(self) -> Decimal:
        return self._instrument.tick_size

    def _new_arbiter(self) -> Arbiter | None:
        told, targets = self.settings.protections, bot_targets(self.settings)
        if not told.has_rules and not targets:
            return None
        return Arbiter(told, follows=self.settings.grid_type.is_follow, targets=targets)

    # -- when to look -------------------------------------------------------------------------

    @property
    def _limit(self) -> Rank:
        """Only rules of a lower rank are asked."""
        if self._closing is not None:
            return Rank(self._closing.rank)
        if self._risk == "HALTED":
            return Rank.HALTED
        return Rank.TAKE_PROFIT if self._is_paused else Rank.NONE

    def _is_quiet(self, market: MarketMoved) -> bool:
        """Whether a price is inside the band and no timer has ended."""
        if self._horizon is None:
            self.horizon()
        price = price_of(market, self._tick)
        if price is None:
            return True
        low, high, end_ns = self._low, self._high, self._guard_ns
        return (
            (low is None or price > low)
            and (high is None or price < high)
            and (end_ns is None or market.at_ns < end_ns)
        )

    def _has_guard_time(self, at_ns: int) -> bool:
        """Whether a rule's timer has ended."""
        if self._horizon is None:
            self.horizon()
        return self._guard_ns is not None and at_ns >= self._guard_ns

    def _find_horizon(self) -> Horizon:
        horizon = super()._find_horizon()
        if self._arbiter is None:
            return horizon
        guard = self._guard_horizon()
        if not self._has_price or self._is_stale:
            # Nothing is asked before a price comes; a timer that has ended would wake for ever.
            guard = EVERY_ROW
        tick = self._tick
        self._low = None if guard.below is None else guard.below * tick
        self._high = None if guard.above is None else guard.above * tick
        self._guard_ns = guard.at_ns
        return horizon | guard

    @property
    def _has_price(self) -> bool:
        """Whether the newest prices tell one: an empty side and no trade tell none."""
        return self._market is not None and price_of(self._market, self._tick) is not None

    def _guard_horizon(self) -> Horizon:
        """Where a rule could change its mind, or the price is back."""
        if self._awaits_price and self.ladder is None:
            return self._reentry_horizon()
        if self._arbiter is None or not self._is_guarding:
            return CALM
        if self._is_doubtful or self._is_blind:
            return EVERY_ROW
        ground = self._ground()
        return EVERY_ROW if ground is None else self._arbiter.horizon(ground, limit=self._limit)

    @property
    def _is_guarding(self) -> bool:
        return (
            self.ladder is not None
            and self._is_reconciled
            and self._goal is Goal.RUN
            and self._limit > Rank.OPERATOR
        )

    # -- what is seen -------------------------------------------------------------------------

    def _line(self) -> EquityLine:
        settings = self.settings
        return EquityLine.of(
            self.ledger,
            allocation=settings.collateral,
            contract=self._instrument.contract_size,
            fee=settings.taker_fee,
        )

    def _ground(self) -> Ground | None:
        """What holds until something executes; None without a ladder or a price to begin from."""
        ladder = self.ladder
        if ladder is None:
            return None
        line = self._line()
        if self._start_capital is None and not self._set_capital(line):
            return None
        return Ground(
            ladder=ladder,
            tick=self._tick,
            line=line,
            capital=cast("Decimal", self._start_capital),
            position=self.ledger.position,
            is_holding=self._closable_lots() > 0,
        )

    def _set_capital(self, line: EquityLine) -> bool:
        """Takes what the grid is worth now for its capital."""
        price = None if self._market is None else price_of(self._market, self._tick)
        if price is None:
            return False
        self._start_capital = line.at(price)
        self._touched.add(KEY)
        return True

    def _read(self, market: MarketMoved, price: Decimal, *, is_new: bool) -> Reading | None:
        ground = self._ground()
        if ground is None:
            return None
        half_spread = Decimal(0)
        if market.bid is not None and market.ask is not None:
            best = market.bid if ground.position > 0 else market.ask
            half_spread = abs(price - best * self._tick)
        return Reading(
            ground=ground,
            at_ns=self._now_ns,
            price=price,
            level=ground.ladder.index_of(price / self._tick),
            equity=ground.line.at(price),
            ladder_value=lambda: self.capital,
            closed_equity=ground.line.closed(price, half_spread),
            age_ms=market.age_ms,
            is_new=is_new,
            is_trusted=not self._is_doubtful,
        )

    # -- what is done -------------------------------------------------------------------------

    def _protect(self, *, is_new: bool) -> None:
        """Asks the rules about the newest price, or about the time that has passed."""
        market, arbiter = self._market, self._arbiter
        self._horizon = None
        if market is None or arbiter is None or self._is_stale or not self._is_guarding:
            return
        price = price_of(market, self._tick)
        if price is None:
            return
        self._is_doubtful = not is_trusted(market, price)
        self._is_blind = False
        reading = self._read(market, price, is_new=is_new)
        if reading is None:
            return
        was_frozen = self._is_frozen
        ruling = arbiter.judge(reading, limit=self._limit)
        self._keep_memory()
        self._tell_changes(ruling.changes, reading)
        self._freeze(was_frozen=was_frozen)
        if ruling.directive is not None:
            self._act(ruling.directive)

    def _keep_memory(self) -> None:
        memory = {} if self._arbiter is None else self._arbiter.dump()
        if memory != self._memory:
            self._memory = memory
            self._touched.add(KEY)

    def _tell_changes(self, changes: tuple[Change, ...], reading: Reading | None) -> None:
        for change in changes:
            if change.word:
                self._tell_protection(change.word, change.name, change.reason, reading)

    def _tell_protection(
        self, word: str, name: str, reason: str, reading: Reading | None = None
    ) -> None:
        """One line about a protection, with what it saw."""
        price = level = equity = None
        if reading is not None:
            price, level, equity = reading.price, reading.level, reading.equity
        elif self._market is not None:
            price = price_of(self._market, self._tick)
            if price is not None:
                equity = self._line().at(price)
            if price is not None and self.ladder is not None:
                level = self.ladder.index_of(price / self._tick)
        fields: Fields = (
            ("protection", name),
            ("price", None if price is None else plain(price)),
            ("level", level),
            ("equity", None if equity is None else plain(equity)),
            ("position", plain(self.ledger.position)),
            ("reason", reason),
        )
        self._tell(f"protection.{word}", fields)

    def _act(self, directive: Directive) -> None:
        """Closes everything, as a rule asks."""
        purpose = Purpose.STOP if directive.act is Act.STOP else Purpose.RESET
        ladder = self.ladder
        self._leaving = None
        if purpose is Purpose.RESET and ladder is not None:
            self._leaving = (ladder.lower, ladder.upper, directive.source)
        reason = f"{directive.source.replace('_', ' ')}: {directive.reason}"
        self._start_closing(
            purpose,
            cancels=directive.cancels,
            flattens=directive.flattens,
            reason=reason,
            directive=directive,
        )

    def _start_closing(
        self,
        purpose: Purpose,
        *,
        cancels: bool,
        flattens: bool,
        reason: str,
        directive: Directive | None = None,
    ) -> None:
        rank = Rank.OPERATOR if directive is None else directive.rank
        self._rest(rank, reason)
        super()._start_closing(
            purpose, cancels=cancels, flattens=flattens, reason=reason, directive=directive
        )

    def _rest(self, rank: Rank, reason: str) -> None:
        """Rules from a rank on are not asked for a while."""
        if self._arbiter is not None:
            self._tell_changes(self._arbiter.rest(rank, reason), None)
            self._keep_memory()
            self._horizon = None

    # -- entries ------------------------------------------------------------------------------

    def _may_send(self, leg: Leg) -> bool:
        if leg is Leg.ENTRY and self._is_frozen:
            return False
        return super()._may_send(leg)

    @property
    def _is_frozen(self) -> bool:
        """Whether no entry may rest."""
        return self._arbiter is not None and self._arbiter.freezes_entries

    def _freeze(self, *, was_frozen: bool) -> None:
        """Cancels entries while a rule wants none to rest, and gives them back afterwards.

        An entry that the price has passed meanwhile waits until it is passive again.
        """
        is_frozen = self._is_frozen
        if is_frozen and not was_frozen:
            entries = [
                order
                for order in self._orders.values()
                if order.leg is Leg.ENTRY and order.shares is None
            ]
            self._cancel(entries, Reason("cancel.entries_frozen"))
        elif was_frozen and not is_frozen:
            for level in self._due:
                slot = self._slots[level - 1]
                slot.is_waiting = slot.leg(self.ledger.lots(level)) is Leg.ENTRY
                self._levels_touched.add(level)
            self._horizon = None
            self._send_due("entries_freed")

    # -- following ----------------------------------------------------------------------------

    def _recentre(self, watch: EscapeWatch) -> None:
        """Follows, unless a rule of a lower rank is against it: then the escape is timed anew."""
        if self._vetoes_following():
            watch.since_ns = self._now_ns
            self._horizon = None
            return
        super()._recentre(watch)

    def _vetoes_following(self) -> bool:
        lock = None if self._arbiter is None else self._arbiter.price_lock
        price = None if self._market is None else price_of(self._market, self._tick)
        if lock is None or price is None or self._arbiter is None:
            return False
        was_frozen = self._is_frozen
        side = self.settings.entry_side
        if not lock.vetoes(price, side, self._now_ns):
            return False
        if lock.stage is not Stage.ACTIVE:
            lock.stage = Stage.ACTIVE
            self._tell_protection("triggered", lock.name, lock.reason)
        self._freeze(was_frozen=was_frozen)
        self._keep_memory()
        return True

    def _range_base(self, price: Decimal) -> Decimal:
        lock = self.settings.protections.price_lock
        if lock is None or not self.settings.grid_type.is_follow:
            return price
        return start_base(lock, price, self.settings.entry_side)

    # -- ladders ------------------------------------------------------------------------------

    def _take_ladder(self, ladder: Ladder) -> None:
        is_new = self.ladder is None and self._market is not None
        super()._take_ladder(ladder)
        self._horizon = None
        if is_new and self._arbiter is not None:
            self._awaits_price = False
            self._set_capital(self._line())
            self._arbiter.begin(self._now_ns)
            self._keep_memory()
            self._touched.add(KEY)

    def _finish_closing(self, closing: Closing) -> None:
        if closing.waits_for_price and closing.purpose is Purpose.RESET:
            self._awaits_price = True
            self._touched.add(KEY)
        super()._finish_closing(closing)
        if self._awaits_price and self.ladder is None and self._goal is Goal.RUN:
            self._say("")

    @property
    def phase_reason(self) -> str:
        """Why, in words; a grid that waits for the price says so whatever was said since."""
        bounds = self._reentry_bounds() if self._awaits_price else None
        if bounds is None or self.phase is not GridPhase.BUILDING:
            return super().phase_reason
        word = "above" if self.settings.entry_side.sign > 0 else "below"
        return f"stop loss: waits until the price is {word} {plain(bounds[2])} again"

    @property
    def _may_build(self) -> bool:
        return super()._may_build and (not self._awaits_price or self._is_price_back())

    def _reentry_bounds(self) -> tuple[Decimal, Decimal, Decimal] | None:
        """Lower and upper price of a fixed range and the stop loss's trigger in it."""
        told, settings = self.settings.protections.stop_loss, self.settings
        if told is None or settings.lower_price is None or settings.upper_price is None:
            return None
        lower, upper = settings.lower_price, settings.upper_price
        trigger = trigger_price(lower, upper, told.trigger_percent, settings.entry_side)
        return lower, upper, trigger

    def _is_price_back(self) -> bool:
        """Whether the price is inside the range, on the good side of the trigger."""
        bounds = self._reentry_bounds()
        price = None if self._market is None else price_of(self._market, self._tick)
        if bounds is None or price is None:
            return bounds is None
        lower, upper, trigger = bounds
        return lower <= price <= upper and (price - trigger) * self.settings.entry_side.sign > 0

    def _reentry_horizon(self) -> Horizon:
        bounds = self._reentry_bounds()
        price = None if self._market is None else price_of(self._market, self._tick)
        if bounds is None or price is None or not super()._may_build:
            return CALM if price is not None else EVERY_ROW
        lower, upper, trigger = bounds
        is_long = self.settings.entry_side.sign > 0
        if (price - trigger) * self.settings.entry_side.sign <= 0:
            edge = trigger / self._tick
            return Horizon(above=int(edge)) if is_long else Horizon(below=int(edge) + 1)
        if lower <= price <= upper:
            return EVERY_ROW
        edge = (upper if is_long else lower) / self._tick
        return Horizon(below=int(edge) + 1) if is_long else Horizon(above=int(edge))

    # -- events -------------------------------------------------------------------------------

    def _tell_fill(
        self,
        order: Working,
        event: OrderFilled,
        level: int,
        amount: Decimal,
        fee: Decimal,
        round_trip: Decimal | None,
        share: str | None,
    ) -> None:
        super()._tell_fill(order, event, level, amount, fee, round_trip, share)
        stop_loss = None if self._arbiter is None else self._arbiter.stop_loss
        if round_trip is not None and stop_loss is not None:
            stop_loss.cycles.add(event.at_ns, round_trip)
            self._touched.add(KEY)

    def _on_edited(self, event: Edited) -> None:
        old_settings, settings = self.settings, event.settings
        was = (
            old_settings.protections,
            old_settings.bot_stop_loss,
            old_settings.bot_take_profit,
        )
        super()._on_edited(event)
        if was != (settings.protections, settings.bot_stop_loss, settings.bot_take_profit):
            old, self._arbiter = self._arbiter, self._new_arbiter()
            if old is not None and self._arbiter is not None:
                self._arbiter.load(old.dump())
            elif self._arbiter is not None:
                self._arbiter.begin(event.at_ns)
            self._keep_memory()
            self._touched.add(KEY)
            self._horizon = None
            self._freeze(was_frozen=old is not None and old.freezes_entries)

    def _on_stale(self, event: DataStale) -> None:
        """Timers stand still; a stop loss that cannot see for a minute says so."""
        if self._arbiter is None:
            return
        self._is_blind = True
        stop_loss = self._arbiter.stop_loss
        if stop_loss is not None and stop_loss.is_timing:
            self._blind_ns = event.since_ns + LONGEST_GAP_NS
            self._wake_at(self._blind_ns)
        self._arbiter.distrust(event.since_ns)
        self._keep_memory()

    def _notice_blindness(self) -> None:
        """Says once that a stop loss has had no price for a minute."""
        if self._blind_ns is None:
            return
        if not self._is_stale:
            self._blind_ns = None
        elif self._now_ns >= self._blind_ns:
            self._blind_ns = None
            self._tell_protection("blind", "stop_loss", "no fresh price for a minute")
        else:
            self._wake_at(self._blind_ns)

    def _on_risk(self, event: RiskStateChanged) -> None:
        if event.state == "HALTED":
            self._rest(Rank.HALTED, "halted")

    # -- persistence --------------------------------------------------------------------------

    def dump(self) -> dict[str, str]:
        """The whole state by key, as `changes()` would have written it."""
        found = super().dump()
        text = self._dump_key(KEY)
        return found if text is None else dict(sorted({**found, KEY: text}.items()))

    def restore(self, state: Mapping[str, str]) -> None:
        """Takes back what `dump()` or the `changes()` of a whole life gave."""
        super().restore(state)
        if KEY in state and self._arbiter is not None:
            self._restore_guard(json.loads(state[KEY]))
            self._touched.clear()
            self._horizon = None

    def _dump_key(self, key: str) -> str | None:
        if key != KEY:
            return super()._dump_key(key)
        return None if self._arbiter is None else json.dumps(self._dump_guard())

    def _dump_guard(self) -> dict[str, object]:
        capital = self._start_capital
        return {
            "capital": None if capital is None else str(capital),
            "awaits_price": self._awaits_price,
            "rules": {} if self._arbiter is None else self._arbiter.dump(),
        }

    def _restore_guard(self, values: dict[str, object]) -> None:
        capital = values["capital"]
        self._start_capital = None if capital is None else Decimal(str(capital))
        self._awaits_price = bool(values["awaits_price"])
        if self._arbiter is not None:
            self._arbiter.load(cast("dict[str, Values]", values["rules"]))
            self._memory = self._arbiter.dump()
