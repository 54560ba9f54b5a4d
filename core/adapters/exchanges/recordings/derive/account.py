"""Derive's private messages as `*Data`: orders, fills, positions and balances. Pure.

Every function takes one decoded payload, with its envelope or without (`envelope`). Source:
docs.derive.xyz, "Subaccounts", "Orderbook" and the channels `<subaccount>.orders`, `.trades` and
`.balances`.

Traps:

- A position's `amount` is signed, negative when short.
- `label` is the id that a client gave its order; a market order's `limit_price` is the worst price
  that it takes, not one that it names.
- An order stays `open` while it fills, and waits `untriggered` for its trigger.
- Nothing is held back asset by asset: orders and positions need margin of the whole subaccount, so
  all that there is of an asset is free, and what was borrowed is a negative total.
- A trade whose settlement was reverted did not happen, and one that moves a position between our
  own subaccounts is no execution: both are counted and left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.decoding import MILLISECOND, Fields, Reading, objects, shape
from core.adapters.exchanges.models import (
    BalanceData,
    FillData,
    Liquidity,
    OrderData,
    OrderStatus,
    OrderType,
    PositionData,
    TimeInForce,
)
from core.adapters.exchanges.recordings.derive.envelope import body, outright, rows
from core.adapters.exchanges.recordings.derive.parse import SIDES

_STATUSES: Final = {
    "open": OrderStatus.OPEN,
    "filled": OrderStatus.FILLED,
    "cancelled": OrderStatus.CANCELED,
    "expired": OrderStatus.EXPIRED,
    "rejected": OrderStatus.REJECTED,
    "untriggered": OrderStatus.PENDING,
}
_TYPES: Final = {"limit": OrderType.LIMIT, "market": OrderType.MARKET}
_TIMES_IN_FORCE: Final = {"ioc": TimeInForce.IOC, "fok": TimeInForce.FOK}
_LIQUIDITY: Final = {"maker": Liquidity.MAKER, "taker": Liquidity.TAKER}
_ZERO: Final = Decimal(0)

_ORDER: Final = shape(
    "orders",
    "algo_duration_sec algo_num_slices algo_type amount average_price cancel_reason"
    " creation_timestamp direction extra_fee filled_amount instrument_name is_transfer label"
    " last_update_timestamp limit_price max_fee mmp nonce order_fee order_id order_status"
    " order_type quote_id reduce_only replaced_order_id signature signature_expiry_sec"
    " signed_limit_price signer subaccount_id time_in_force trigger_price trigger_price_type"
    " trigger_reject_message trigger_type",
)
_ANSWER: Final = shape("order", "cancelled_order create_order_error order trades")
_FILL: Final = shape(
    "user_trades",
    "batch_status direction expected_rebate extra_fee index_price instrument_name is_transfer label"
    " liquidity_role mark_price op_uuid order_id quote_id realized_pnl realized_pnl_excl_fees"
    " rfq_id subaccount_id timestamp trade_amount trade_fee trade_id trade_price transaction_id"
    " tx_hash tx_status wallet",
)
_POSITION: Final = shape(
    "positions",
    "amount amount_step average_price average_price_excl_fees creation_timestamp cumulative_funding"
    " delta gamma index_price initial_margin instrument_name instrument_type leverage"
    " liquidation_price maintenance_margin mark_price mark_value net_settlements open_orders_margin"
    " pending_funding realized_pnl realized_pnl_excl_fees theta total_fees unrealized_pnl"
    " unrealized_pnl_excl_fees vega",
)
_SUBACCOUNT: Final = shape(
    "subaccount",
    "collaterals collaterals_initial_margin collaterals_maintenance_margin collaterals_value"
    " currency failed_to_fetch initial_margin is_under_liquidation label maintenance_margin"
    " manager_id margin_type mm_credits open_orders open_orders_margin positions"
    " positions_initial_margin positions_maintenance_margin positions_value projected_margin_change"
    " risk_universe_id subaccount_id subaccount_value vault_deposit_holds",
)
_COLLATERAL: Final = shape(
    "collaterals",
    "amount amount_step asset_name asset_type average_price average_price_excl_fees"
    " creation_timestamp cumulative_interest currency delta delta_currency initial_margin"
    " maintenance_margin mark_price mark_value open_orders_margin pending_interest realized_pnl"
    " realized_pnl_excl_fees total_fees unrealized_pnl unrealized_pnl_excl_fees",
)
_BALANCE: Final = shape("balances", "name new_balance previous_balance update_type")


# -- orders and fills -------------------------------------------------------------------------


def parse_orders(raw: object, reading: Reading) -> tuple[OrderData, ...]:
    """Channel `<subaccount>.orders`, pages and answers of orders, in the venue's order."""
    return _orders(rows(raw), reading)


def parse_order_answer(raw: object, reading: Reading) -> tuple[OrderData | FillData, ...]:
    """Answer to an order: what it became and how it filled; a replaced order stands before it."""
    fields = Fields(body(raw), _ANSWER, reading)
    told = [fields.raw(name) for name in ("cancelled_order", "order")]
    return (
        *_orders([order for order in told if order is not None], reading),
        *_fills(fields.items_or_empty("trades"), reading),
    )


def parse_fills(raw: object, reading: Reading) -> tuple[FillData, ...]:
    """Channel `<subaccount>.trades` and `private/get_trade_history`; fees count in the quote."""
    return _fills(rows(raw), reading)


def _orders(found: list[object], reading: Reading) -> tuple[OrderData, ...]:
    return tuple(_order(fields) for fields in outright(found, _ORDER, reading))


def _order(fields: Fields) -> OrderData:
    reading = fields.reading
    order_type = fields.choice("order_type", _TYPES)
    filled = fields.amount_or_none("filled_amount") or _ZERO
    status = fields.status("order_status", _STATUSES)
    if status is OrderStatus.OPEN and filled:
        status = OrderStatus.PARTIALLY_FILLED
    return OrderData(
        venue=reading.venue,
        symbol=reading.listing(fields.text("instrument_name")).symbol,
        order_id=fields.identifier("order_id"),
        client_order_id=fields.text_or_none("label"),
        side=fields.choice("direction", SIDES),
        order_type=order_type,
        status=status,
        amount=fields.positive("amount"),
        price=fields.positive("limit_price") if order_type is OrderType.LIMIT else None,
        filled=filled,
        average_price=fields.positive_or_none("average_price"),
        time_in_force=_TIMES_IN_FORCE.get(
            fields.text_or_none("time_in_force") or "", TimeInForce.GTC
        ),
        post_only=fields.says("time_in_force", ("post_only",)),
        reduce_only=fields.flag_or("reduce_only", default=False),
        reason=fields.text_or_none("cancel_reason")
        or fields.text_or_none("trigger_reject_message"),
        created_at=fields.time_or_none("creation_timestamp", MILLISECOND),
        updated_at=fields.time_or_none("last_update_timestamp", MILLISECOND),
    )


def _fills(found: list[object], reading: Reading) -> tuple[FillData, ...]:
    return tuple(
        _fill(fields) for fields in outright(found, _FILL, reading) if _is_execution(fields)
    )


def _is_execution(fields: Fields) -> bool:
    is_transfer = fields.flag_or("is_transfer", default=False)
    if is_transfer or fields.says("tx_status", ("reverted",)):
        fields.reading.unknown[f"user_trades:{'transfer' if is_transfer else 'reverted'}"] += 1
        return False
    return True


def _fill(fields: Fields) -> FillData:
    reading = fields.reading
    return FillData(
        venue=reading.venue,
        account=reading.account,
        symbol=reading.listing(fields.text("instrument_name")).symbol,
        trade_id=fields.identifier("trade_id"),
        order_id=fields.identifier("order_id"),
        client_order_id=fields.text_or_none("label"),
        side=fields.choice("direction", SIDES),
        price=fields.positive("trade_price"),
        amount=fields.positive("trade_amount"),
        fee=fields.decimal_or_none("trade_fee") or _ZERO,
        liquidity=fields.choice("liquidity_role", _LIQUIDITY)
        if fields.has("liquidity_role")
        else None,
        at=fields.time("timestamp", MILLISECOND),
        received_at=reading.received_at,
    )


# -- positions and balances -------------------------------------------------------------------


def parse_positions(raw: object, reading: Reading) -> tuple[PositionData, ...]:
    """Answer `private/get_positions`, or a position alone."""
    return _positions(rows(raw), reading)


def parse_subaccounts(
    raw: object, reading: Reading
) -> tuple[BalanceData | PositionData | OrderData, ...]:
    """Answers `private/get_subaccount` and `get_all_portfolios`: balances, positions, orders."""
    found: list[BalanceData | PositionData | OrderData] = []
    for fields in objects(rows(raw), _SUBACCOUNT, reading):
        found += _collaterals(fields.items("collaterals"), reading)
        found += _positions(fields.items("positions"), reading)
        found += _orders(fields.items_or_empty("open_orders"), reading)
    return tuple(found)


def parse_collaterals(raw: object, reading: Reading) -> tuple[BalanceData, ...]:
    """Answer `private/get_collaterals`."""
    return tuple(_collaterals(rows(raw), reading))


def parse_balances(raw: object, reading: Reading) -> tuple[BalanceData | PositionData, ...]:
    """Channel `<subaccount>.balances`: what an asset or a position became, and not when."""
    return tuple(_balance(fields) for fields in outright(rows(raw), _BALANCE, reading, name="name"))


def _positions(found: list[object], reading: Reading) -> tuple[PositionData, ...]:
    return tuple(_position(fields) for fields in outright(found, _POSITION, reading))


def _position(fields: Fields) -> PositionData:
    return PositionData(
        venue=fields.reading.venue,
        symbol=fields.reading.listing(fields.text("instrument_name")).symbol,
        size=fields.decimal("amount"),
        entry_price=fields.positive_or_none("average_price"),
        mark_price=fields.positive_or_none("mark_price"),
        liquidation_price=fields.positive_or_none("liquidation_price"),
        unrealized_pnl=fields.decimal_or_none("unrealized_pnl"),
        margin=fields.decimal_or_none("initial_margin"),
        leverage=fields.positive_or_none("leverage"),
    )


def _collaterals(found: list[object], reading: Reading) -> Iterator[BalanceData]:
    for fields in objects(found, _COLLATERAL, reading):
        yield _held(reading, fields.text("asset_name"), fields.decimal("amount"))


def _balance(fields: Fields) -> BalanceData | PositionData:
    name, total = fields.text("name"), fields.decimal("new_balance")
    if "-" not in name:
        return _held(fields.reading, name, total)
    symbol = fields.reading.listing(name).symbol
    return PositionData(venue=fields.reading.venue, symbol=symbol, size=total)


def _held(reading: Reading, asset: str, total: Decimal) -> BalanceData:
    return BalanceData(venue=reading.venue, asset=asset, total=total, free=max(total, _ZERO))
