"""The fee of one execution."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Final

from core.adapters.exchanges.models import FeeAsset, Instrument, Liquidity, OrderSide
from core.domain.position import MONEY

ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class Fee:
    """What an execution costs; negative is a rebate."""

    amount: Decimal
    """In `asset`."""
    asset: str
    is_base: bool
    """Whether it is taken out of what was bought."""


def fee_rate(instrument: Instrument, liquidity: Liquidity) -> Decimal:
    """The instrument's rate as a fraction of notional; 0 where the venue did not say."""
    rate = instrument.maker_fee if liquidity is Liquidity.MAKER else instrument.taker_fee
    return ZERO if rate is None else rate


def fee_of(
    instrument: Instrument,
    side: OrderSide,
    price: Decimal,
    amount: Decimal,
    liquidity: Liquidity,
) -> Fee:
    """The fee of an execution, exact unless the instrument has a `fee_step` (rounded up to it).

    A spot buy on an instrument with `fee_asset: base` pays in what it bought; everything else pays
    in the settlement asset.
    """
    rate = fee_rate(instrument, liquidity)
    if instrument.is_spot and instrument.fee_asset is FeeAsset.BASE and side is OrderSide.BUY:
        return Fee(
            _stepped(MONEY.multiply(amount, rate), instrument), instrument.base, is_base=True
        )
    notional = MONEY.multiply(MONEY.multiply(price, amount), instrument.contract_size)
    fee = _stepped(MONEY.multiply(notional, rate), instrument)
    return Fee(fee, instrument.settle, is_base=False)


def _stepped(fee: Decimal, instrument: Instrument) -> Decimal:
    step = instrument.fee_step
    if not step or not fee:
        return fee
    return MONEY.multiply((fee / step).to_integral_value(ROUND_CEILING), step)
