"""What the loopback TWS trades, as contract details say it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.models import ExchangeType, FeeAsset, Instrument, plain

NEW_YORK: Final = "US/Eastern"
ALL_WEEK: Final = ";".join(
    f"202611{day:02d}:0000-202611{day + 1:02d}:0000" for day in range(16, 24)
)
HALF_DAY: Final = (
    "20261125:0400-20261125:2000;20261126:CLOSED;20261127:0400-20261127:1700;20261128:CLOSED"
)
"""Trading hours around Thanksgiving 2026: Thursday closed, Friday until one for liquid hours."""
HALF_DAY_LIQUID: Final = (
    "20261125:0930-20261125:1600;20261126:CLOSED;20261127:0930-20261127:1300;20261128:CLOSED"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """One contract of the server."""

    con_id: int
    symbol: str
    """IBKR's: `NVDA`, `EUR`."""
    sec_type: str
    exchange: str
    currency: str
    instrument: Instrument
    """As the floor matches it: margined, so that it may be sold short."""
    primary: str = ""
    hours: str = ALL_WEEK
    liquid_hours: str = ALL_WEEK

    @property
    def local_symbol(self) -> str:
        """`EUR.USD` for a pair."""
        return f"{self.symbol}.{self.currency}" if self.sec_type == "CASH" else self.symbol

    def head(self) -> list[str]:
        """The eleven fields that begin an order or an execution."""
        return [
            *(str(self.con_id), self.symbol, self.sec_type, "", "0", "", ""),
            *(self.exchange, self.currency, self.local_symbol, self.symbol),
        ]

    def matches(self, fields: Sequence[str]) -> bool:
        """Whether the twelve contract fields of a request mean this one."""
        con_id, symbol, sec_type, *_, exchange, _primary, currency, _local, _class = fields
        if con_id not in {"0", ""}:
            return int(con_id) == self.con_id
        return (symbol, sec_type, currency) == (
            self.symbol,
            self.sec_type,
            self.currency,
        ) and exchange in {self.exchange, ""}

    def details(self) -> list[str]:
        """Everything after the request id in `contractDetails`."""
        rules = self.instrument
        return [
            *(self.symbol, self.sec_type, "", "0", "", self.exchange, self.currency),
            *(self.local_symbol, self.symbol, self.symbol, str(self.con_id)),
            *(plain(rules.tick_size), "", "LMT,MKT", self.exchange, "1", "0"),
            *(f"{self.symbol} of the loopback", self.primary, "", "", "", ""),
            *(NEW_YORK, self.hours, self.liquid_hours, "", "", "0"),
            *("1", "", "", "26", "", "COMMON" if self.sec_type == "STK" else ""),
            *(plain(rules.min_amount), plain(rules.lot_size), plain(rules.lot_size)),
        ]


def traded(symbol: str, **rules: str) -> Instrument:
    """The floor's rules of a symbol `BASE-QUOTE-SPOT`."""
    base, quote, _ = symbol.split("-")
    values: dict[str, str] = {
        "tick_size": "0.1",
        "lot_size": "0.001",
        "min_amount": "0.03",
        "maker_fee": "0.0002",
        "taker_fee": "0.0005",
        "max_leverage": "10",
        "maintenance_margin_rate": "0.01",
        **rules,
    }
    return Instrument(
        symbol=symbol,
        venue="ibkr",
        market_type=ExchangeType.FUTURES,
        base=base,
        quote=quote,
        fee_asset=FeeAsset.QUOTE,
        **{name: Decimal(value) for name, value in values.items()},  # type: ignore[arg-type]
    )


TEST: Final = "TEST-USD-SPOT"
NVDA: Final = "NVDA-USD-SPOT"
EUR: Final = "EUR-USD-SPOT"


def stock(symbol: str, con_id: int = 1001, **rules: str) -> Contract:
    """A stock, smart routed."""
    base, quote, _ = symbol.split("-")
    return Contract(
        con_id=con_id,
        symbol=base,
        sec_type="STK",
        exchange="SMART",
        currency=quote,
        instrument=traded(symbol, **rules),
        primary="NASDAQ",
    )


def pair(symbol: str = EUR, con_id: int = 12_087_792) -> Contract:
    """Two currencies at IDEALPRO."""
    base, quote, _ = symbol.split("-")
    return Contract(
        con_id=con_id,
        symbol=base,
        sec_type="CASH",
        exchange="IDEALPRO",
        currency=quote,
        instrument=traded(symbol, tick_size="0.00005", lot_size="1", min_amount="1"),
    )
