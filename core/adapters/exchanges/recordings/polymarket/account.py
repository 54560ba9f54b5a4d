"""Polymarket's private messages as `*Data`: orders, fills, positions, the balance. Pure.

Prices are USDC between 0 and 1, sizes tokens. Source: docs.polymarket.com, "User Channel",
"Orders", "Trades", "Data API".

Traps:

- Every order is a limit order; `FAK` fills what it can at once. An order stays `LIVE` while it
  fills. A cancelled one says why after its state (`CANCELED_MARKET_RESOLVED`), and one that the
  venue took away is `INVALID`.
- A trade's `side`, `size` and `price` are its taker's. When we made it (`trader_side` `MAKER`) our
  part is among `maker_orders`, by the owner of the message; where that is the taker, nothing says
  which part was ours, and none is told.
- A maker's order of the other token traded on the taker's own side: two buyers mint a pair of
  tokens, two sellers burn one.
- A trade is told again at each step of its settlement under the same id; one that `FAILED` did not
  happen.
- The fee is a formula of the price that depends on the market: the rate is counted, no fee is told.
- Times are seconds, milliseconds or ISO 8601, by message.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.decoding import (
    MILLISECOND,
    SECOND,
    Fields,
    Reading,
    objects,
    shape,
)
from core.adapters.exchanges.models import (
    BalanceData,
    FillData,
    Liquidity,
    OrderData,
    OrderSide,
    OrderStatus,
    OrderType,
    PositionData,
    TimeInForce,
)
from core.adapters.exchanges.recordings.polymarket.instruments import QUOTE
from core.adapters.exchanges.recordings.polymarket.pages import rows
from core.adapters.exchanges.recordings.polymarket.parse import SIDES, price_of

_UNIT: Final = Decimal("1E-6")
_ZERO: Final = Decimal(0)
_INVALID: Final = "INVALID"
_STATUSES: Final = {
    "LIVE": OrderStatus.OPEN,
    "MATCHED": OrderStatus.FILLED,
    "DELAYED": OrderStatus.PENDING,
    "UNMATCHED": OrderStatus.OPEN,
    "CANCELED": OrderStatus.CANCELED,
    "CANCELLED": OrderStatus.CANCELED,
    "EXPIRED": OrderStatus.EXPIRED,
    _INVALID: OrderStatus.REJECTED,
}
_BY_TYPE: Final = {
    "PLACEMENT": OrderStatus.OPEN,
    "UPDATE": OrderStatus.OPEN,
    "CANCELLATION": OrderStatus.CANCELED,
}
_TIMES_IN_FORCE: Final = {"FOK": TimeInForce.FOK, "FAK": TimeInForce.IOC}
_SETTLING: Final = frozenset({"MATCHED", "MINED", "CONFIRMED", "RETRYING"})

_ORDER: Final = shape(
    "order",
    "asset_id associate_trades created_at event_type expiration id maker_address market order_owner"
    " order_type original_size outcome owner price side size_matched status timestamp type",
)
_TRADE: Final = shape(
    "trade",
    "asset_id bucket_index builder_code err_msg event_type fee_rate_bps id last_update"
    " maker_address maker_orders market match_time matchtime outcome owner price side size status"
    " taker_order_id timestamp trade_owner trader_side transaction_hash type",
)
_MADE: Final = shape(
    "trade.maker_orders",
    "asset_id fee_rate_bps maker_address matched_amount order_id outcome outcome_index owner price"
    " side",
)
_POSITION: Final = shape(
    "positions",
    "asset avgPrice cashPnl conditionId curPrice currentValue endDate eventId eventSlug"
    " grossInitialValue icon initialValue mergeable negativeRisk oppositeAsset oppositeOutcome"
    " outcome outcomeIndex percentPnl percentRealizedPnl proxyWallet realizedPnl redeemable size"
    " slug title totalBought",
)
_BALANCE: Final = shape("balance-allowance", "allowance allowances balance")


# -- orders -----------------------------------------------------------------------------------


def parse_orders(raw: object, reading: Reading) -> tuple[OrderData, ...]:
    """Event `order`, REST `order` and pages of `data/orders`, in the venue's order."""
    return tuple(_order(fields) for fields in objects(rows(raw), _ORDER, reading))


def _order(fields: Fields) -> OrderData:
    reading = fields.reading
    amount, filled = (
        fields.positive("original_size"),
        fields.amount_or_none("size_matched") or _ZERO,
    )
    status, reason = _status(fields)
    if status in (OrderStatus.OPEN, OrderStatus.FILLED) and filled:
        is_whole = filled >= amount
        status = OrderStatus.FILLED if is_whole else OrderStatus.PARTIALLY_FILLED
    return OrderData(
        venue=reading.venue,
        symbol=reading.listing(fields.text("asset_id")).symbol,
        order_id=fields.text("id"),
        side=fields.choice("side", SIDES),
        order_type=OrderType.LIMIT,
        status=status,
        amount=amount,
        price=price_of(fields, "price"),
        filled=filled,
        time_in_force=_TIMES_IN_FORCE.get(fields.text_or_none("order_type") or "", TimeInForce.GTC),
        reason=reason,
        created_at=fields.time_or_none("created_at", SECOND),
        updated_at=fields.time_or_none("timestamp", MILLISECOND),
    )


def _status(fields: Fields) -> tuple[OrderStatus, str | None]:
    """The state, and what was said beside it: an event `CANCELLATION` ends an order in any case."""
    said = (fields.text_or_none("status") or "").removeprefix("ORDER_STATUS_")
    word, _, reason = said.partition("_")
    if not said:
        return fields.status("type", _BY_TYPE), None
    if word == _INVALID:
        reason = said
    if fields.says("type", ("CANCELLATION",)):
        return OrderStatus.CANCELED, reason or None
    if word in _STATUSES:
        return _STATUSES[word], reason or None
    return fields.status("status", _STATUSES), None


# -- fills ------------------------------------------------------------------------------------


def parse_fills(raw: object, reading: Reading) -> tuple[FillData, ...]:
    """Event `trade`, REST `trade` and pages of `data/trades`: our part of each trade."""
    return tuple(
        fill
        for fields in objects(rows(raw), _TRADE, reading)
        if _is_execution(fields)
        for fill in _fills(fields)
    )


def _is_execution(fields: Fields) -> bool:
    status = fields.text("status").removeprefix("TRADE_STATUS_")
    if status in _SETTLING:
        return True
    fields.reading.unknown[f"trade:status={status[:40]}"] += 1
    return False


def _fills(fields: Fields) -> Iterator[FillData]:
    reading = fields.reading
    taken = FillData(
        venue=reading.venue,
        account=reading.account,
        symbol=reading.listing(fields.text("asset_id")).symbol,
        trade_id=fields.text("id"),
        order_id=fields.text("taker_order_id"),
        side=fields.choice("side", SIDES),
        price=price_of(fields, "price"),
        amount=fields.positive("size"),
        fee_currency=QUOTE,
        liquidity=Liquidity.TAKER,
        at=_matched_at(fields),
        received_at=reading.received_at,
    )
    if (fields.decimal_or_none("fee_rate_bps") or _ZERO) != 0:
        reading.unknown["trade:fee_rate_bps"] += 1
    if fields.choice("trader_side", {"TAKER": True, "MAKER": False}):
        yield taken
        return
    owner = fields.text("owner")
    orders = objects(fields.items("maker_orders"), _MADE, reading)
    ours = [made for made in orders if made.raw("owner") == owner]
    if not ours:
        reading.unknown["trade:no maker order of ours"] += 1
    for made in ours:
        yield _made(made, taken)


def _made(made: Fields, taken: FillData) -> FillData:
    """Our part of a trade that another one took; the order is part of the id, as there are many."""
    symbol = made.reading.listing(made.text("asset_id")).symbol
    order_id = made.text("order_id")
    return replace(
        taken,
        symbol=symbol,
        trade_id=f"{taken.trade_id}:{order_id}",
        order_id=order_id,
        side=_maker_side(made, taken.side, is_other=symbol != taken.symbol),
        price=price_of(made, "price"),
        amount=made.positive("matched_amount"),
        liquidity=Liquidity.MAKER,
    )


def _maker_side(made: Fields, taker: OrderSide, *, is_other: bool) -> OrderSide:
    if made.has("side"):
        return made.choice("side", SIDES)
    return taker if is_other else taker.opposite


def _matched_at(fields: Fields) -> datetime:
    name = next((name for name in ("match_time", "matchtime") if fields.has(name)), "timestamp")
    text = fields.raw(name)
    is_iso = isinstance(text, str) and "-" in text
    return fields.iso_time(name) if is_iso else fields.time(name, SECOND)


# -- positions and the balance ----------------------------------------------------------------


def parse_positions(raw: object, reading: Reading) -> tuple[PositionData, ...]:
    """Data API `positions`: tokens that are held, with what they cost and are worth."""
    return tuple(_position(fields) for fields in objects(rows(raw), _POSITION, reading))


def _position(fields: Fields) -> PositionData:
    return PositionData(
        venue=fields.reading.venue,
        symbol=fields.reading.listing(fields.text("asset")).symbol,
        size=fields.amount("size"),
        entry_price=fields.positive_or_none("avgPrice"),
        mark_price=fields.positive_or_none("curPrice"),
        unrealized_pnl=fields.decimal_or_none("cashPnl"),
    )


def parse_balance(raw: object, reading: Reading) -> BalanceData:
    """REST `balance-allowance` of the collateral: whole millionths of a USDC, whatever is allowed.

    What orders hold is not said.
    """
    fields = Fields(raw, _BALANCE, reading)
    balance = fields.whole("balance")
    if balance < 0:
        fields.refuse("balance", f"should not be negative: {balance}")
    total = balance * _UNIT
    return BalanceData(venue=reading.venue, asset=QUOTE, total=total, free=total)
