"""Whether an order may be sent: a closed list of reasons why not, asked in a stated order.

Everything is counted in whole ticks and lots where it can be, so that the answer costs
microseconds. Whatever is not known counts as a no: a rule that cannot be checked denies.

Exposure is counted worst-case both ways: an order that may still fill, also one whose outcome is
unknown, counts as filled where that makes the position larger, and as not filled where it would
make it smaller.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from core.adapters.exchanges.models import Instrument, OrderSide, OrderType
from core.domain.commands import PlaceOrder, Role
from core.services.risk.limits import Limits


class DenialCode(StrEnum):
    """Every reason for which risk, or execution on its behalf, refuses an order."""

    HALTED = "HALTED"
    """Everything but cancels is stopped until a person releases it."""
    REDUCING_ONLY = "REDUCING_ONLY"
    """Only orders that bring the position nearer to zero may be sent."""
    DAILY_LOSS_REACHED = "DAILY_LOSS_REACHED"
    NOT_REGISTERED = "NOT_REGISTERED"
    """Risk knows no limits for this bot or symbol."""
    PRICE_MISSING = "PRICE_MISSING"
    """A limit order without a price."""
    PRICE_NOT_POSITIVE = "PRICE_NOT_POSITIVE"
    AMOUNT_BELOW_LOT = "AMOUNT_BELOW_LOT"
    AMOUNT_BELOW_MINIMUM = "AMOUNT_BELOW_MINIMUM"
    AMOUNT_ABOVE_MAXIMUM = "AMOUNT_ABOVE_MAXIMUM"
    NOTIONAL_BELOW_MINIMUM = "NOTIONAL_BELOW_MINIMUM"
    NO_REFERENCE_PRICE = "NO_REFERENCE_PRICE"
    STALE_PRICE = "STALE_PRICE"
    PRICE_TOO_FAR = "PRICE_TOO_FAR"
    NOTIONAL_EXCEEDS_CAP = "NOTIONAL_EXCEEDS_CAP"
    POSITION_EXCEEDS_CAP = "POSITION_EXCEEDS_CAP"
    OPEN_ORDERS_EXCEED_CAP = "OPEN_ORDERS_EXCEED_CAP"
    ORDER_RATE_EXCEEDS_CAP = "ORDER_RATE_EXCEEDS_CAP"
    CLOCK_DIFFERS = "CLOCK_DIFFERS"
    """Our clock and the venue's differ, or may differ, by more than two seconds."""
    DUPLICATE_CLIENT_ORDER_ID = "DUPLICATE_CLIENT_ORDER_ID"
    """The id was used before: one intent, one id, at most one create ever."""


class RiskState(StrEnum):
    """What may be sent at all. Latched: only a person goes back to ACTIVE."""

    ACTIVE = "ACTIVE"
    REDUCING = "REDUCING"
    """Only orders that reduce."""
    HALTED = "HALTED"
    """Nothing but cancels."""


@dataclass(slots=True)
class Exposure:
    """What one bot holds and may come to hold, in lots."""

    position: int = 0
    """Signed; fills count when they are heard of."""
    buys: int = 0
    """Unfilled amount of every buy that may still fill, outcome unknown included."""
    sells: int = 0
    open_orders: int = 0
    foreign: int = 0
    """Signed; what the account holds beyond our ledgers. Counts against a configured limit only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """The prices that risk measures against; None for what is not known."""

    bid: Decimal | None = None
    ask: Decimal | None = None
    mark: Decimal | None = None
    age_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Denial:
    """A no, with the limit and what the order would have made of it."""

    code: DenialCode
    limit: Decimal | int | None = None
    value: Decimal | int | None = None
    unit: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """Everything beside the order that the rules look at."""

    state: RiskState
    exposure: Exposure
    reference: Reference | None
    sent_last_minute: int = 0
    is_loss_reached: bool = False
    loss: Decimal | None = None
    max_price_age_ms: int | None = None


class RuleBook:
    """The limits of one bot on one instrument, in the units that orders have."""

    __slots__ = (
        "_max_lots",
        "_max_position",
        "_max_units",
        "_min_lots",
        "_min_units",
        "_plan_lots",
        "_unit",
        "instrument",
        "limits",
    )

    def __init__(self, instrument: Instrument, limits: Limits) -> None:
        self.instrument = instrument
        self.limits = limits
        self._unit = instrument.tick_size * instrument.lot_size * instrument.contract_size
        """Notional of one lot at one tick."""
        self._max_units = _whole(limits.order_notional, self._unit)
        self._max_position = _whole(limits.position, instrument.lot_size)
        self._plan_lots = _whole(limits.plan_amount, instrument.lot_size)
        self._min_units = _whole_up(instrument.min_notional, self._unit)
        self._min_lots = _whole_up(instrument.min_amount, instrument.lot_size)
        self._max_lots = _whole(instrument.max_amount, instrument.lot_size)

    def judge(self, order: PlaceOrder, now: Situation) -> Denial | None:
        """The first rule that says no, or None.

        An order that can only reduce the position (opposite side, at most its size) is never kept
        back by a cap on size, count or loss: a way out stays a way out.
        """
        is_reducing = reduces(order, now.exposure)
        return (
            self._state(now, is_reducing=is_reducing)
            or self._form(order, now)
            or self._caps(order, now, is_reducing=is_reducing)
        )

    def notional(self, order: PlaceOrder, reference: Reference | None) -> int | None:
        """Value of an order in units of one lot at one tick; None where no price is known."""
        if order.price is not None:
            return order.price * order.amount
        price = market_price(order.side, reference)
        if price is None:
            return None
        return _whole_up(price * order.amount, self.instrument.tick_size)

    def _state(self, now: Situation, *, is_reducing: bool) -> Denial | None:
        if now.state is RiskState.HALTED:
            return Denial(code=DenialCode.HALTED, detail="nothing but cancels until a release")
        if is_reducing:
            return None
        if now.state is RiskState.REDUCING:
            return Denial(code=DenialCode.REDUCING_ONLY)
        if now.is_loss_reached:
            return Denial(
                code=DenialCode.DAILY_LOSS_REACHED,
                limit=self.limits.daily_loss,
                value=now.loss,
                unit=self.instrument.quote,
            )
        return None

    def _form(self, order: PlaceOrder, now: Situation) -> Denial | None:
        """What the venue would refuse anyway is refused here, before an intent exists (V20)."""
        return self._amount_form(order) or self._price_form(order) or self._least_value(order, now)

    def _amount_form(self, order: PlaceOrder) -> Denial | None:
        if order.amount <= 0:
            return Denial(
                code=DenialCode.AMOUNT_BELOW_LOT, limit=1, value=order.amount, unit="lots"
            )
        if order.amount < self._min_lots:
            return self._amount_denial(DenialCode.AMOUNT_BELOW_MINIMUM, self._min_lots, order)
        if self._max_lots is not None and order.amount > self._max_lots:
            return self._amount_denial(DenialCode.AMOUNT_ABOVE_MAXIMUM, self._max_lots, order)
        return None

    def _price_form(self, order: PlaceOrder) -> Denial | None:
        if order.price is None:
            is_missing = order.order_type is OrderType.LIMIT
            return Denial(code=DenialCode.PRICE_MISSING) if is_missing else None
        if order.price > 0:
            return None
        return Denial(code=DenialCode.PRICE_NOT_POSITIVE, limit=1, value=order.price, unit="ticks")

    def _least_value(self, order: PlaceOrder, now: Situation) -> Denial | None:
        if not self._min_units or order.reduce_only:
            return None
        units = self.notional(order, now.reference)
        if units is None:
            return Denial(code=DenialCode.NO_REFERENCE_PRICE)
        if units >= self._min_units:
            return None
        return Denial(
            code=DenialCode.NOTIONAL_BELOW_MINIMUM,
            limit=self.instrument.min_notional,
            value=units * self._unit,
            unit=self.instrument.quote,
        )

    def _caps(self, order: PlaceOrder, now: Situation, *, is_reducing: bool) -> Denial | None:
        if not is_reducing:
            denial = (
                self._notional_cap(order, now)
                or self._position_cap(order, now.exposure)
                or self._open_orders_cap(now.exposure)
                or self._distance_cap(order, now)
            )
            if denial is not None:
                return denial
        return None if order.role is Role.REDUCE else self._rate_cap(now)

    def _notional_cap(self, order: PlaceOrder, now: Situation) -> Denial | None:
        if self._max_units is None:
            return None
        units = self.notional(order, now.reference)
        if units is None:
            return Denial(code=DenialCode.NO_REFERENCE_PRICE)
        if units <= self._max_units:
            return None
        if self._plan_lots is not None and order.amount <= self._plan_lots:
            return None
        return Denial(
            code=DenialCode.NOTIONAL_EXCEEDS_CAP,
            limit=self.limits.order_notional,
            value=units * self._unit,
            unit=self.instrument.quote,
        )

    def _position_cap(self, order: PlaceOrder, exposure: Exposure) -> Denial | None:
        if self._max_position is None:
            return None
        foreign = exposure.foreign if self.limits.is_position_configured else 0
        worst = worst_position(order, exposure) + foreign * order.side.sign
        if worst <= self._max_position:
            return None
        return Denial(
            code=DenialCode.POSITION_EXCEEDS_CAP,
            limit=self.limits.position,
            value=self.instrument.amount(worst),
            unit=self.instrument.base,
        )

    def _open_orders_cap(self, exposure: Exposure) -> Denial | None:
        cap = self.limits.open_orders
        if cap is None or exposure.open_orders < cap:
            return None
        return Denial(
            code=DenialCode.OPEN_ORDERS_EXCEED_CAP,
            limit=cap,
            value=exposure.open_orders + 1,
            unit="orders",
        )

    def _rate_cap(self, now: Situation) -> Denial | None:
        cap = self.limits.orders_per_minute
        if cap is None or now.sent_last_minute < cap:
            return None
        return Denial(
            code=DenialCode.ORDER_RATE_EXCEEDS_CAP,
            limit=cap,
            value=now.sent_last_minute + 1,
            unit="orders/min",
        )

    def _distance_cap(self, order: PlaceOrder, now: Situation) -> Denial | None:
        """Only an order that would execute at once can be a fat finger; resting levels are plan."""
        cap = self.limits.price_distance
        if cap is None and now.max_price_age_ms is None:
            return None
        reference = market_price(order.side, now.reference)
        if reference is None or now.reference is None:
            return Denial(code=DenialCode.NO_REFERENCE_PRICE)
        price = None if order.price is None else order.price * self.instrument.tick_size
        if price is not None and (price - reference) * order.side.sign < 0:
            return None
        if now.max_price_age_ms is not None and now.reference.age_ms > now.max_price_age_ms:
            return Denial(
                code=DenialCode.STALE_PRICE,
                limit=now.max_price_age_ms,
                value=now.reference.age_ms,
                unit="ms",
            )
        if price is None or cap is None or abs(price - reference) <= cap * reference:
            return None
        return Denial(
            code=DenialCode.PRICE_TOO_FAR, limit=cap, value=abs(price / reference - 1), unit=""
        )

    def _amount_denial(self, code: DenialCode, limit: int, order: PlaceOrder) -> Denial:
        return Denial(
            code=code,
            limit=self.instrument.amount(limit),
            value=self.instrument.amount(order.amount),
            unit=self.instrument.base,
        )


def reduces(order: PlaceOrder, exposure: Exposure) -> bool:
    """Whether an order can only bring the position nearer to zero."""
    held = -exposure.position * order.side.sign
    if order.reduce_only:
        # The venue lets it reduce whatever there is, what is not ours included.
        held = max(held, -(exposure.position + exposure.foreign) * order.side.sign)
    return 0 < order.amount <= held


def worst_position(order: PlaceOrder, exposure: Exposure) -> int:
    """Largest position in the order's direction if everything on that side fills, lots."""
    if order.side is OrderSide.BUY:
        return exposure.position + exposure.buys + order.amount
    return -exposure.position + exposure.sells + order.amount


def market_price(side: OrderSide, reference: Reference | None) -> Decimal | None:
    """The price at which a taker would begin to execute; the mark where that side is unknown."""
    if reference is None:
        return None
    best = reference.ask if side is OrderSide.BUY else reference.bid
    return reference.mark if best is None else best


def _whole(limit: Decimal | None, step: Decimal) -> int | None:
    return None if limit is None else int(limit // step)


def _whole_up(amount: Decimal, step: Decimal) -> int:
    """Steps that hold a whole amount. `//` of a Decimal cuts towards zero, whatever the sign."""
    steps, rest = divmod(amount, step)
    return int(steps) + (rest > 0)
