"""BitMEX's private tables as `*Data`: orders, executions, positions and money. Pure.

Source: bitmex.com/api/explorer. Money counts in the smallest unit of its currency (satoshi, a
millionth USDT), fees and results too. An order or a position of a contract whose size nobody told
is left out (see `tables.py`), and a message with a currency that nobody here knows is refused.

Traps:

- `execution` also tells what else became of an order: only `execType` Trade is a fill. Both sides
  of a trade share its `trdMatchID`, so an execution is known by its `execID`.
- A fee (`execComm`) is positive when it is paid.
- The sign of a position is that of `currentQty`; `homeNotional` has another one for inverse
  contracts.
- `wallet` tells deposits and results, and not what margin holds of them: that says `margin`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.decoding import Fields, Reading, shape, sound
from core.adapters.exchanges.models import (
    BalanceData,
    FillData,
    Liquidity,
    MarginMode,
    OrderData,
    OrderStatus,
    OrderType,
    PositionData,
    TimeInForce,
)
from core.adapters.exchanges.recordings.bitmex.parse import SIDES
from core.adapters.exchanges.recordings.bitmex.tables import Row, in_base, rows, settled_in, traded

_ORDER_FIELDS: Final = (
    "orderID clOrdID clOrdLinkID account symbol side simpleOrderQty orderQty price displayQty"
    " stopPx pegOffsetValue pegPriceType currency settlCurrency ordType timeInForce execInst"
    " contingencyType exDestination ordStatus triggered workingIndicator ordRejReason"
    " simpleLeavesQty leavesQty simpleCumQty cumQty avgPx multiLegReportingType text transactTime"
    " timestamp strategy pool targetAccountId"
)
_ORDER: Final = shape("order", _ORDER_FIELDS)
_EXECUTION: Final = shape(
    "execution",
    _ORDER_FIELDS + " execID lastQty lastPx underlyingLastPx lastMkt lastLiquidityInd execType"
    " commission brokerCommission feeType tradePublishIndicator trdMatchID execCost execComm"
    " brokerExecComm homeNotional foreignNotional trdType",
)
_POSITION: Final = shape(
    "position",
    "account symbol strategy currency underlying quoteCurrency commission initMarginReq"
    " maintMarginReq riskLimit leverage crossMargin deleveragePercentile rebalancedPnl"
    " prevRealisedPnl prevUnrealisedPnl prevClosePrice openingTimestamp openingQty openingCost"
    " openingComm openOrderBuyQty openOrderBuyCost openOrderBuyPremium openOrderSellQty"
    " openOrderSellCost openOrderSellPremium execBuyQty execBuyCost execSellQty execSellCost"
    " execQty execCost execComm currentTimestamp currentQty currentCost currentComm realisedCost"
    " unrealisedCost grossOpenCost grossOpenPremium grossExecCost isOpen markPrice markValue"
    " riskValue homeNotional foreignNotional posState posCost posCost2 posCross posInit posComm"
    " posLoss posMargin posMaint posAllowance taxableMargin initMargin maintMargin sessionMargin"
    " targetExcessMargin varMargin realisedGrossPnl realisedTax realisedPnl unrealisedGrossPnl"
    " longBankrupt shortBankrupt taxBase indicativeTaxRate indicativeTax unrealisedTax"
    " unrealisedPnl unrealisedPnlPcnt unrealisedRoePcnt simpleQty simpleCost simpleValue simplePnl"
    " simplePnlPcnt avgCostPrice avgEntryPrice breakEvenPrice marginCallPrice liquidationPrice"
    " bankruptPrice timestamp lastPrice lastValue",
)
_MARGIN: Final = shape(
    "margin",
    "account currency riskLimit prevState state action amount pendingCredit pendingDebit"
    " confirmedDebit prevRealisedPnl prevUnrealisedPnl grossComm grossOpenCost grossOpenPremium"
    " grossExecCost grossMarkValue riskValue taxableMargin initMargin maintMargin sessionMargin"
    " targetExcessMargin varMargin realisedPnl unrealisedPnl indicativeTax unrealisedProfit"
    " syntheticMargin walletBalance marginBalance marginBalancePcnt marginLeverage marginUsedPcnt"
    " excessMargin excessMarginPcnt availableMargin withdrawableMargin makerFeeDiscount"
    " takerFeeDiscount timestamp grossLastValue commission foreignMarginBalance"
    " foreignRequirement",
)
_WALLET: Final = shape(
    "wallet",
    "account currency prevDeposited prevWithdrawn prevTransferIn prevTransferOut prevAmount"
    " prevTimestamp deltaDeposited deltaWithdrawn deltaTransferIn deltaTransferOut deltaAmount"
    " deposited withdrawn transferIn transferOut amount pendingCredit pendingDebit confirmedDebit"
    " timestamp addr script withdrawalLock",
)
_STATUSES: Final = {
    "PendingNew": OrderStatus.PENDING,
    "Untriggered": OrderStatus.PENDING,
    "Triggered": OrderStatus.PENDING,
    "New": OrderStatus.OPEN,
    "PendingCancel": OrderStatus.OPEN,
    "PartiallyFilled": OrderStatus.PARTIALLY_FILLED,
    "Filled": OrderStatus.FILLED,
    "Canceled": OrderStatus.CANCELED,
    "Expired": OrderStatus.EXPIRED,
    "Rejected": OrderStatus.REJECTED,
}
_TYPES: Final = {
    "Limit": OrderType.LIMIT,
    "LimitIfTouched": OrderType.LIMIT,
    "Pegged": OrderType.LIMIT,
    "StopLimit": OrderType.LIMIT,
    "Market": OrderType.MARKET,
    "MarketIfTouched": OrderType.MARKET,
    "Stop": OrderType.MARKET,
}
_TIMES_IN_FORCE: Final = {
    "ImmediateOrCancel": TimeInForce.IOC,
    "FillOrKill": TimeInForce.FOK,
}
_LIQUIDITY: Final = {
    "AddedLiquidity": Liquidity.MAKER,
    "Added": Liquidity.MAKER,
    "RemovedLiquidity": Liquidity.TAKER,
    "Removed": Liquidity.TAKER,
}
_ZERO: Final = Decimal(0)


def parse_orders(raw: object, reading: Reading) -> tuple[OrderData, ...]:
    """Table and REST `order`; a change tells the order as it is now."""
    return tuple(
        order
        for row in rows(raw, _ORDER, reading)
        if row.action != "delete"
        for order in _order(row.fields)
    )


def _order(fields: Fields) -> Iterator[OrderData]:
    listing = fields.reading.listing(fields.text("symbol"))
    kind = fields.choice("ordType", _TYPES)
    price, average = fields.positive_or_none("price"), fields.positive_or_none("avgPx")
    near = price or average or fields.positive_or_none("stopPx")
    amount = in_base(fields, listing, fields.amount("orderQty"), near)
    filled = in_base(fields, listing, fields.amount_or_none("cumQty") or _ZERO, average or near)
    if amount is None or filled is None:
        return
    status = fields.status("ordStatus", _STATUSES)
    words = re.split(r"[ ,]+", fields.text_or_none("execInst") or "")
    reason = fields.text_or_none("ordRejReason") or fields.text_or_none("text")
    yield OrderData(
        venue=fields.reading.venue,
        symbol=listing.symbol,
        order_id=fields.identifier("orderID"),
        client_order_id=fields.identifier_or_none("clOrdID"),
        side=fields.choice("side", SIDES),
        order_type=kind,
        status=status,
        amount=amount,
        price=price if kind is OrderType.LIMIT else None,
        filled=filled,
        average_price=average,
        time_in_force=_TIMES_IN_FORCE.get(
            fields.text_or_none("timeInForce") or "", TimeInForce.GTC
        ),
        post_only="ParticipateDoNotInitiate" in words,
        reduce_only="ReduceOnly" in words or "Close" in words,
        reason=reason if status.is_final and status is not OrderStatus.FILLED else None,
        updated_at=fields.iso_time("timestamp"),
    )


def parse_executions(raw: object, reading: Reading) -> tuple[FillData, ...]:
    """Table `execution` and REST `execution/tradeHistory`: our trades, in the venue's order."""
    return tuple(fill for row in rows(raw, _EXECUTION, reading) for fill in _fill(row.fields))


def _fill(fields: Fields) -> Iterator[FillData]:
    reading = fields.reading
    if not fields.says("execType", {"Trade"}):
        reading.unknown[f"execution:execType={str(fields.raw('execType'))[:40]}"] += 1
        return
    listing = reading.listing(fields.text("symbol"))
    price = fields.positive("lastPx")
    amount = traded(fields, listing, "lastQty", price)
    if amount is None:
        return
    currency, unit = settled_in(fields, "settlCurrency")
    yield FillData(
        venue=reading.venue,
        account=reading.account,
        symbol=listing.symbol,
        trade_id=fields.identifier("execID"),
        order_id=fields.identifier("orderID"),
        client_order_id=fields.identifier_or_none("clOrdID"),
        side=fields.choice("side", SIDES),
        price=price,
        amount=amount,
        fee=(fields.decimal_or_none("execComm") or _ZERO) * unit,
        fee_currency=currency,
        liquidity=_LIQUIDITY.get(fields.text_or_none("lastLiquidityInd") or ""),
        at=fields.iso_time("transactTime"),
        received_at=reading.received_at,
    )


def parse_positions(raw: object, reading: Reading) -> tuple[PositionData, ...]:
    """Table and REST `position`, flat ones included as the venue sends them."""

    def parse(row: Row) -> tuple[PositionData, ...]:
        return tuple(_position(row.fields))

    found = [row for row in rows(raw, _POSITION, reading) if row.action != "delete"]
    return tuple(data for told in sound(found, parse, reading, "position") for data in told)


def _position(fields: Fields) -> Iterator[PositionData]:
    listing = fields.reading.listing(fields.text("symbol"))
    entry, mark = fields.positive_or_none("avgEntryPrice"), fields.positive_or_none("markPrice")
    contracts = fields.decimal("currentQty")
    amount = in_base(fields, listing, abs(contracts), entry or mark)
    if amount is None:
        return
    _, unit = settled_in(fields, "currency")
    result, margin = fields.decimal_or_none("unrealisedPnl"), fields.amount_or_none("posMargin")
    mode = MarginMode.CROSS if fields.flag_or("crossMargin", default=False) else MarginMode.ISOLATED
    yield PositionData(
        venue=fields.reading.venue,
        symbol=listing.symbol,
        size=amount.copy_sign(contracts) if contracts else _ZERO,
        entry_price=entry,
        mark_price=mark,
        liquidation_price=fields.positive_or_none("liquidationPrice"),
        unrealized_pnl=None if result is None else result * unit,
        margin=None if margin is None else margin * unit,
        leverage=fields.positive_or_none("leverage"),
        margin_mode=mode if fields.has("crossMargin") else None,
        at=fields.iso_time("timestamp"),
    )


def parse_margin(raw: object, reading: Reading) -> tuple[BalanceData, ...]:
    """Table and REST `margin`: what each currency is, with open results and with what is held."""
    found = [row for row in rows(raw, _MARGIN, reading) if row.action != "delete"]
    return tuple(sound(found, _margin, reading, "margin"))


def _margin(row: Row) -> BalanceData:
    fields = row.fields
    currency, unit = settled_in(fields, "currency")
    held = (fields.amount_or_none(name) or _ZERO for name in ("initMargin", "maintMargin"))
    equity = fields.decimal_or_none("marginBalance")
    return BalanceData(
        venue=fields.reading.venue,
        asset=currency,
        total=fields.decimal("walletBalance") * unit,
        free=fields.decimal("availableMargin") * unit,
        used=sum(held, _ZERO) * unit,
        equity=None if equity is None else equity * unit,
        at=fields.iso_time("timestamp"),
    )


def parse_wallet(raw: object, reading: Reading) -> tuple[BalanceData, ...]:
    """Table and REST `wallet`: what was paid in and won; only withdrawals under way are held."""
    found = [row for row in rows(raw, _WALLET, reading) if row.action != "delete"]
    return tuple(sound(found, _wallet, reading, "wallet"))


def _wallet(row: Row) -> BalanceData:
    fields = row.fields
    currency, unit = settled_in(fields, "currency")
    total, leaving = fields.decimal("amount"), fields.amount_or_none("pendingDebit") or _ZERO
    return BalanceData(
        venue=fields.reading.venue,
        asset=currency,
        total=total * unit,
        free=(total - leaving) * unit,
        used=leaving * unit,
        at=fields.iso_time("timestamp"),
    )
