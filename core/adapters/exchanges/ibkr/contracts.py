"""Symbols and IBKR's contracts, and the rules that contract details tell. Pure.

`NVDA-USD-SPOT` is a stock (SMART), `EUR-USD-SPOT` a pair at IDEALPRO, `BTC-USD-SPOT` crypto at
PAXOS; a class of shares is written with a point: `BRK.B-USD-SPOT` is IBKR's `BRK B`. A stock that
is called like one of the coins below cannot be named.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from core.adapters.exchanges.ibkr.convert import exact, text_of
from core.adapters.exchanges.ibkr.sessions import Hours, read_hours
from core.adapters.exchanges.models import ExchangeType, Instrument
from core.domain.symbol import Symbol
from core.errors import MalformedMessage, NotSupported

VENUE: Final = "ibkr"
CURRENCIES: Final = frozenset(
    {"AUD", "CAD", "CHF", "CNH", "CZK", "DKK", "EUR", "GBP", "HKD", "HUF", "ILS", "JPY", "KRW"}
    | {"MXN", "NOK", "NZD", "PLN", "SEK", "SGD", "TRY", "USD", "ZAR"}
)
COINS: Final = {
    "BTC": "PAXOS",
    "ETH": "PAXOS",
    "LTC": "PAXOS",
    "BCH": "PAXOS",
    "SOL": "ZEROHASH",
    "XRP": "ZEROHASH",
    "ADA": "ZEROHASH",
    "DOGE": "ZEROHASH",
}
STOCK, PAIR, COIN = "STK", "CASH", "CRYPTO"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractName:
    """The fields by which TWS is asked for a contract."""

    sec_type: str
    symbol: str
    exchange: str
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A contract that TWS told the details of."""

    symbol: str
    con_id: int
    contract: Any
    """The library's object, as every request wants it."""
    sec_type: str
    instrument: Instrument
    hours: Hours


def name_of(symbol: str) -> ContractName:
    """What a canonical symbol is called at IBKR.

    Raises:
        NotSupported: If it is no spot symbol.
    """
    try:
        parts = Symbol.parse(symbol)
    except ValueError as error:
        raise NotSupported(f"ibkr has no {symbol[:40]}: {error}", venue=VENUE) from error
    if parts.market_type is not ExchangeType.SPOT:
        raise NotSupported(
            f"ibkr has no {symbol[:40]}: stocks and pairs are written NVDA-USD-SPOT.", venue=VENUE
        )
    if parts.base in CURRENCIES and parts.quote in CURRENCIES:
        return ContractName(
            sec_type=PAIR, symbol=parts.base, exchange="IDEALPRO", currency=parts.quote
        )
    if parts.base in COINS:
        return ContractName(
            sec_type=COIN, symbol=parts.base, exchange=COINS[parts.base], currency=parts.quote
        )
    return ContractName(
        sec_type=STOCK,
        symbol=parts.base.replace(".", " "),
        exchange="SMART",
        currency=parts.quote,
    )


def symbol_of(contract: Any) -> str | None:  # noqa: ANN401 # the library's object
    """The canonical symbol of a contract; None for kinds that have none here."""
    if contract.secType not in {STOCK, PAIR, COIN}:
        return None
    return f"{contract.symbol.replace(' ', '.')}-{contract.currency}-SPOT"


def listed_of(symbol: str, details: Any) -> Listed:  # noqa: ANN401 # the library's object
    """A contract's rules.

    Raises:
        MalformedMessage: If its steps are missing.
    """
    contract = details.contract
    tick = exact(details.minTick)
    lot = exact(details.sizeIncrement)
    least = exact(details.minSize)
    if tick is None or tick <= 0:
        raise MalformedMessage(f"ibkr: {symbol} has no price step.", venue=VENUE)
    parts = Symbol.parse(symbol)
    if contract.exchange != name_of(symbol).exchange and contract.secType == STOCK:
        contract.exchange = name_of(symbol).exchange
    kind = ExchangeType.STOCK if contract.secType == STOCK else ExchangeType.SPOT
    return Listed(
        symbol=symbol,
        con_id=int(contract.conId),
        contract=contract,
        sec_type=contract.secType,
        instrument=Instrument(
            symbol=symbol,
            venue=VENUE,
            market_type=kind,
            base=parts.base,
            quote=parts.quote,
            venue_symbol=contract.localSymbol or contract.symbol,
            tick_size=tick,
            lot_size=lot if lot is not None and lot > 0 else Decimal(1),
            min_amount=least if least is not None and least > 0 else Decimal(0),
        ),
        hours=read_hours(
            text_of(details.tradingHours), text_of(details.liquidHours), text_of(details.timeZoneId)
        ),
    )
