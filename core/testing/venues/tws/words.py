"""Messages of TWS as fields, in the order and number of server version 176. Pure.

Field order after IBKR's API reference (`EDecoder`); what a plain order leaves unset is empty.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from core.adapters.exchanges.models import (
    FillData,
    Liquidity,
    OHLCVData,
    OrderData,
    OrderSide,
    OrderStatus,
    OrderType,
    TimeInForce,
    TradeData,
    plain,
)
from core.testing.venues.floor import number_of
from core.testing.venues.tws.contracts import NEW_YORK, Contract

Fields = list[str]
_ZONE: Final = ZoneInfo(NEW_YORK)
FIRST_PERM: Final = 1_500_000_000
_UNSET: Final = "1.7976931348623157E308"
_STATUSES: Final = {
    OrderStatus.PENDING: "PreSubmitted",
    OrderStatus.OPEN: "Submitted",
    OrderStatus.PARTIALLY_FILLED: "Submitted",
    OrderStatus.FILLED: "Filled",
    OrderStatus.CANCELED: "Cancelled",
    OrderStatus.EXPIRED: "Cancelled",
    OrderStatus.REJECTED: "Inactive",
}
_TIMES: Final = {TimeInForce.GTC: "GTC", TimeInForce.IOC: "IOC", TimeInForce.FOK: "FOK"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """Who placed an order."""

    client_id: int
    order_id: int
    ref: str
    account: str


def perm_id(order_id: str) -> int:
    """TWS's id of an order of the floor."""
    return FIRST_PERM + number_of(order_id)


def exec_id(trade_id: str, revision: int = 1) -> str:
    """TWS's id of an execution; its last part counts corrections."""
    return f"0000e0d5.{number_of(trade_id):08x}.01.{revision:02d}"


def _side(side: OrderSide) -> str:
    return "BUY" if side is OrderSide.BUY else "SELL"


def _price(value: Decimal | None) -> str:
    return "0" if value is None else plain(value)


def _blank(count: int) -> Fields:
    return [""] * count


def error(request_id: int, code: int, text: str) -> Fields:
    """`errMsg`: -1 for no request."""
    return ["4", "2", str(request_id), str(code), text, ""]


def order_status(order: OrderData, ticket: Ticket) -> Fields:
    """`orderStatus`."""
    return [
        *("3", str(ticket.order_id), _STATUSES[order.status], plain(order.filled)),
        *(plain(order.remaining), _price(order.average_price), str(perm_id(order.order_id))),
        *("0", "0", str(ticket.client_id), "", "0"),
    ]


def _order_head(order: OrderData, ticket: Ticket) -> Fields:
    kind = "LMT" if order.order_type is OrderType.LIMIT else "MKT"
    return [
        *(_side(order.side), plain(order.amount), kind, _price(order.price), "0"),
        *(_TIMES[order.time_in_force], "", ticket.account, "", "0", ticket.ref),
    ]


def open_order(contract: Contract, order: OrderData, ticket: Ticket) -> Fields:
    """`openOrder`."""
    return [
        *("5", str(ticket.order_id), *contract.head(), *_order_head(order, ticket)),
        *(str(ticket.client_id), str(perm_id(order.order_id)), "0", "0", "0"),
        *_blank(6),  # good after time … financial advisor's profile
        *("", "", "", _UNSET, "", "0", "", "-1", "0"),  # model … auction strategy
        *(_UNSET,) * 5,  # starting price … stock range
        *("0", "0", "0", "0", "2147483647", "3", "0", "0", _UNSET, "0", "0"),
        *(_UNSET, "0", "", _UNSET),  # volatility, delta neutral
        *("0", "0", _UNSET, _UNSET, _UNSET, "2147483647", "", "0", "0", "0"),
        *("2147483647", "2147483647", _UNSET, ""),  # scale, hedge
        *("0", "", "IB", "0", "0", "", "0", "0", _STATUSES[order.status]),
        *(_UNSET,) * 12,  # margins and commissions of a what-if
        *("", "", "0", "0", "0"),
        *("None", _UNSET, _UNSET, _UNSET, _UNSET, _UNSET, _UNSET, "0"),
        *("", "", "", "0", "0", "0", "0", "0"),
        *("2147483647", "2147483647", "0"),  # duration, post to ATS, cancel of the parent
        *("2147483647", "2147483647", _UNSET, _UNSET, _UNSET),
    ]


def completed_order(contract: Contract, order: OrderData, ticket: Ticket) -> Fields:
    """`completedOrder`: without the client's ids."""
    ended = order.updated_at or datetime(1970, 1, 1, tzinfo=UTC)
    done = ended.astimezone(_ZONE).strftime("%Y%m%d %H:%M:%S") + f" {NEW_YORK}"
    word = _STATUSES[order.status]
    how = f"Filled Size: {plain(order.filled)}" if word == "Filled" else "Cancelled by Trader"
    return [
        *("101", *contract.head(), *_order_head(order, ticket)),
        *(str(perm_id(order.order_id)), "0", "0", "0"),
        *_blank(5),  # good after time … financial advisor's profile
        *("", "", "", _UNSET, "", "0", "", "-1"),  # model … exemption
        *(_UNSET,) * 5,
        *("0", "0", "0", "2147483647", "3", "0", _UNSET, "0", "", _UNSET),
        *("0", "0", _UNSET, _UNSET, "", "0", "0", "0"),
        *("2147483647", "2147483647", _UNSET, ""),
        *("", "IB", "0", "0", "", "0", word, "0", "0", "0"),
        *(_UNSET, _UNSET, "", "0", "0", "", plain(order.filled), "0", "0", "", "0", "0"),
        *("9223372036854775807", done, how),
        *("2147483647", "2147483647", _UNSET, _UNSET, _UNSET),
    ]


def execution(
    request_id: int,
    contract: Contract,
    fill: FillData,
    ticket: Ticket,
    *,
    filled: Decimal,
    average: Decimal,
    revision: int = 1,
) -> Fields:
    """`execDetails`; `request_id` -1 for one that was not asked for. Times are whole seconds."""
    at = fill.at.astimezone(_ZONE).strftime("%Y%m%d %H:%M:%S") + f" {NEW_YORK}"
    liquidity = "1" if fill.liquidity is Liquidity.MAKER else "2"
    side = "BOT" if fill.side is OrderSide.BUY else "SLD"
    return [
        *("11", str(request_id), str(ticket.order_id), *contract.head()),
        *(exec_id(fill.trade_id, revision), at, ticket.account, contract.exchange, side),
        *(plain(fill.amount), plain(fill.price), str(perm_id(fill.order_id))),
        *(str(ticket.client_id), "0", plain(filled), plain(average), ticket.ref),
        *("", "", "", liquidity),
    ]


def commission(contract: Contract, fill: FillData, revision: int = 1) -> Fields:
    """`commissionReport`."""
    return [
        *("59", "1", exec_id(fill.trade_id, revision), plain(fill.fee), contract.currency),
        *(_UNSET, _UNSET, ""),
    ]


def position(contract: Contract, account: str, size: Decimal, cost: Decimal | None) -> Fields:
    """`position`."""
    return ["61", "3", account, *contract.head(), plain(size), _price(cost)]


def portfolio(
    contract: Contract,
    account: str,
    size: Decimal,
    cost: Decimal | None,
    mark: Decimal,
) -> Fields:
    """`updatePortfolio`."""
    head = contract.head()
    head[7] = contract.primary
    entry = Decimal(0) if cost is None else cost
    open_result = (mark - entry) * size
    return [
        *("7", "8", *head, plain(size), plain(mark), plain(mark * size), plain(entry)),
        *(plain(open_result), "0", account),
    ]


def account_value(tag: str, value: Decimal | str, currency: str, account: str) -> Fields:
    """`updateAccountValue`."""
    text = value if isinstance(value, str) else plain(value)
    return ["6", "2", tag, text, currency, account]


def price_tick(request_id: int, tick: int, price: Decimal, size: Decimal | None) -> Fields:
    """`tickPrice`, with the size of bid, ask or last."""
    amount = "0" if size is None else plain(size)
    return ["1", "6", str(request_id), str(tick), plain(price), amount, "1"]


def depth_row(
    request_id: int, place: int, operation: int, side: int, price: Decimal, size: Decimal
) -> Fields:
    """`updateMktDepthL2` of the consolidated book; 0 insert, 1 update, 2 delete; 1 is the bid."""
    return [
        *("13", "1", str(request_id), str(place), "SMART", str(operation), str(side)),
        *(plain(price), plain(size), "1"),
    ]


def trade_tick(request_id: int, trade: TradeData) -> Fields:
    """`tickByTick` of all trades."""
    at = str(int(trade.at.timestamp()))
    return [
        "99",
        str(request_id),
        "2",
        at,
        plain(trade.price),
        plain(trade.amount),
        "0",
        "NASDAQ",
        "",
    ]


def past_trades(request_id: int, trades: Sequence[TradeData]) -> Fields:
    """`historicalTicksLast`."""
    rows: Fields = []
    for trade in trades:
        at = str(int(trade.at.timestamp()))
        rows += [at, "0", plain(trade.price), plain(trade.amount), "NASDAQ", ""]
    return ["98", str(request_id), str(len(trades)), *rows, "1"]


def bars(request_id: int, candles: Sequence[OHLCVData]) -> Fields:
    """`historicalData` with times as seconds since 1970."""
    rows: Fields = []
    for candle in candles:
        rows += [str(int(candle.at.timestamp()))]
        rows += [plain(x) for x in (candle.open, candle.high, candle.low, candle.close)]
        rows += [plain(candle.volume), plain(candle.close), "1"]
    return ["17", str(request_id), "", "", str(len(candles)), *rows]


def read_time(text: str) -> datetime:
    """`20261121-15:00:00` (UTC) or `20261121 15:00:00 US/Eastern`."""
    if "-" in text:
        return datetime.strptime(text, "%Y%m%d-%H:%M:%S").replace(tzinfo=UTC)
    day, time, *zone = text.split()
    found = datetime.strptime(f"{day} {time}", "%Y%m%d %H:%M:%S")  # noqa: DTZ007 # zone is next
    return found.replace(tzinfo=ZoneInfo(zone[0]) if zone else UTC)
