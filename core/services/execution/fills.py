"""From a venue's word on an execution to the event and the journal row. Pure."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.models import (
    FillData,
    Instrument,
    Liquidity,
    OrderSide,
    plain,
    to_ns,
)
from core.domain.events import OrderFilled
from core.services.execution.tracked import EXACT, PendingFill, TrackedOrder
from core.services.ports import FillRow

_ZERO: Final = Decimal(0)
_NO_FEE: Final = (_ZERO, _ZERO)


def fees(fill: FillData, instrument: Instrument) -> tuple[Decimal, Decimal]:
    """The fee of an execution as (quote, base units): one taken in base is valued at its price.

    A fee in a third asset cannot be valued here and counts as it stands; the caller alarms.
    """
    if not fill.fee:
        return _NO_FEE
    if fill.fee_currency == instrument.base != instrument.quote:
        return EXACT.multiply(
            EXACT.multiply(fill.fee, fill.price), instrument.contract_size
        ), fill.fee
    return fill.fee, _ZERO


def is_foreign_fee(fill: FillData, instrument: Instrument) -> bool:
    """Whether the fee was paid in an asset that is neither quote, settlement nor base."""
    return bool(fill.fee) and fill.fee_currency not in (
        "",
        instrument.quote,
        instrument.settle,
        instrument.base,
    )


def pending(order: TrackedOrder, fill: FillData, lots: int, sequence: int) -> PendingFill:
    """What is handed over and later booked for one execution."""
    instrument = order.bot.instrument
    fee_quote, fee_base = fees(fill, instrument)
    is_maker = None if fill.liquidity is None else fill.liquidity is Liquidity.MAKER
    at_ns = to_ns(fill.at)
    command = order.command
    event = OrderFilled(
        at_ns=at_ns,
        client_order_id=order.client_order_id,
        trade_id=fill.trade_id,
        side=command.side,
        price=fill.price,
        amount=lots,
        fee=fee_quote,
        fee_base=fee_base,
        is_maker=is_maker,
    )
    row = FillRow(
        fill.venue,
        order.bot.account,
        fill.symbol,
        fill.trade_id,
        order.bot.bot_id,
        order.client_order_id,
        fill.order_id,
        str(command.side),
        plain(fill.price),
        plain(fill.amount),
        plain(fill.fee),
        fill.fee_currency,
        format(fee_quote, "f"),
        format(fee_base, "f"),
        None if is_maker is None else int(is_maker),
        at_ns,
        0,
    )
    signed = fill.amount if command.side is OrderSide.BUY else -fill.amount
    return PendingFill(row, EXACT.subtract(signed, fee_base), event, sequence)


@dataclass(frozen=True, slots=True)
class HeldFill:
    """A fill whose order we do not know."""

    fill: FillData
    since_ns: int


class Quarantine:
    """Fills of unknown orders, held for a few seconds until the venue says whose they are (V3)."""

    def __init__(self) -> None:
        self._held: OrderedDict[tuple[str, str], HeldFill] = OrderedDict()

    def __len__(self) -> int:
        return len(self._held)

    def hold(self, fill: FillData, at_ns: int) -> bool:
        """Keeps a fill; False when it is held already."""
        key = (fill.symbol, fill.trade_id)
        if key in self._held:
            return False
        self._held[key] = HeldFill(fill, at_ns)
        return True

    def release(self, order_id: str, symbol: str) -> list[FillData]:
        """The held fills of an order that turned out to be ours, oldest first."""
        found = [
            key
            for key, item in self._held.items()
            if item.fill.order_id == order_id and item.fill.symbol == symbol
        ]
        return [self._held.pop(key).fill for key in found]

    def drop(self, fill: FillData) -> None:
        """Forgets a fill that turned out to be foreign."""
        self._held.pop((fill.symbol, fill.trade_id), None)
