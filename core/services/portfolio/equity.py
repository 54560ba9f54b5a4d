"""Pure arithmetic of worth: what an account and a line of equity amount to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from core.adapters.exchanges.models import BalanceData, Instrument
from core.services.portfolio.snapshot import EquityPoint


def account_equity(
    balances: Iterable[BalanceData], instrument: Instrument, mark: Decimal | None
) -> Decimal | None:
    """What the account is worth in the instrument's settlement asset.

    A margined account is worth what the venue says (`BalanceData.equity`: total and open results).
    A spot account is worth its quote plus its base at `mark`; None while the mark is not known.
    """
    by_asset = {balance.asset: balance for balance in balances}
    cash = by_asset.get(instrument.settle)
    if instrument.is_spot:
        base = by_asset.get(instrument.base)
        worth = Decimal(0) if cash is None else cash.total
        if base is None or not base.total:
            return worth
        return None if mark is None else worth + base.total * mark * instrument.contract_size
    if cash is None:
        return Decimal(0)
    return cash.total if cash.equity is None else cash.equity


def max_drawdown(line: Sequence[EquityPoint]) -> Decimal | None:
    """Deepest fall from a high, as a fraction of that high; None under two points."""
    if len(line) < 2:
        return None
    peak = line[0].equity
    deepest = Decimal(0)
    for point in line:
        peak = max(peak, point.equity)
        if peak > 0:
            deepest = max(deepest, (peak - point.equity) / peak)
    return deepest
