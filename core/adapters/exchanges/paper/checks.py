"""What an arriving order must satisfy before matching sees it. Every no has a code."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from core.adapters.exchanges.models import (
    NO_OPTIONS,
    Instrument,
    OrderOptions,
    OrderSide,
    OrderType,
    TimeInForce,
    plain,
    to_ns,
)
from core.adapters.exchanges.paper.profiles import VenueProfile
from core.errors import OrderRejected


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOrder:
    """A request for an order as it travels to the venue."""

    symbol: str
    side: OrderSide
    order_type: OrderType
    amount: Decimal
    price: Decimal | None = None
    options: OrderOptions = field(default=NO_OPTIONS)


@dataclass(frozen=True, slots=True)
class Sized:
    """An order in the instrument's integers."""

    lots: int
    ticks: int
    """0 for a market order."""


def refusal(venue: str, code: str, text: str) -> OrderRejected:
    """A definite no."""
    return OrderRejected(f"{venue} refused the order: {text}.", venue=venue, code=code)


def check_order(
    new: NewOrder,
    instrument: Instrument,
    profile: VenueProfile,
    *,
    venue: str,
    now_ns: int,
    market_price: Decimal | None,
) -> Sized:
    """The order in ticks and lots.

    Args:
        new: What was asked.
        instrument: The rules of its symbol.
        profile: The venue's habits.
        venue: Its name, for messages.
        now_ns: When it arrived.
        market_price: What a market order's value is measured at.

    Raises:
        OrderRejected: With a code, if a rule is broken.
    """
    _check_options(new, profile, venue=venue, now_ns=now_ns)
    lots = _lots(new, instrument, venue)
    ticks = _ticks(new, instrument, venue)
    price = new.price if new.price is not None else market_price
    if price is not None and not new.options.reduce_only:
        notional = instrument.notional(price, new.amount)
        if notional < instrument.min_notional:
            raise refusal(
                venue,
                "MIN_NOTIONAL",
                f"value {plain(notional)} is below the minimum {plain(instrument.min_notional)}"
                f" {instrument.quote}",
            )
    return Sized(lots, ticks)


def _check_options(new: NewOrder, profile: VenueProfile, *, venue: str, now_ns: int) -> None:
    options = new.options
    client_id = options.client_order_id
    if client_id is not None and not (
        0 < len(client_id) <= profile.max_id_length and client_id.isascii() and client_id.isalnum()
    ):
        raise refusal(
            venue,
            "CLIENT_ID_INVALID",
            f"client order ids are 1 to {profile.max_id_length} ASCII letters and digits",
        )
    if options.post_only and (
        new.order_type is OrderType.MARKET or options.time_in_force is not TimeInForce.GTC
    ):
        raise refusal(venue, "POST_ONLY_INVALID", "post-only is for plain limit orders")
    deadline = options.expires_at
    if deadline is not None and profile.has_request_deadline and to_ns(deadline) < now_ns:
        raise refusal(venue, "REQUEST_EXPIRED", "it arrived after its deadline")


def _lots(new: NewOrder, instrument: Instrument, venue: str) -> int:
    amount = new.amount
    if not amount.is_finite() or amount <= 0:
        raise refusal(venue, "AMOUNT_INVALID", f"amount {amount} is not above 0")
    try:
        lots = instrument.lots(amount)
    except ValueError as error:
        raise refusal(venue, "LOT_SIZE", str(error)) from error
    if amount < instrument.min_amount:
        raise refusal(
            venue, "MIN_AMOUNT", f"{plain(amount)} is below {plain(instrument.min_amount)}"
        )
    if instrument.max_amount is not None and amount > instrument.max_amount:
        raise refusal(
            venue, "MAX_AMOUNT", f"{plain(amount)} is above {plain(instrument.max_amount)}"
        )
    return lots


def _ticks(new: NewOrder, instrument: Instrument, venue: str) -> int:
    price = new.price
    if new.order_type is OrderType.MARKET:
        if price is not None:
            raise refusal(venue, "PRICE_INVALID", "a market order has no price")
        return 0
    if price is None or not price.is_finite() or price <= 0:
        raise refusal(venue, "PRICE_INVALID", f"limit price {price} is not above 0")
    try:
        return instrument.ticks(price)
    except ValueError as error:
        raise refusal(venue, "TICK_SIZE", str(error)) from error
