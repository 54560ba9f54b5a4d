"""BitMEX `instrument` as instruments, tickers and funding rates.

Source: bitmex.com/api/explorer, `Instrument`. A contract's value counts in the smallest units of
what it settles in: `multiplier` over the price of an inverse one, `multiplier` times the price of
every other. Where base and quote are what it settles in, that says how many base units it is. A
quanto settles in a third asset and is none: its prices are told, and nothing of its amounts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.decoding import (
    Fields,
    Listing,
    Reading,
    listing_of,
    refuse_crossed,
    refuse_scaled,
    shape,
    sound,
)
from core.adapters.exchanges.models import (
    ExchangeType,
    FundingRateData,
    Instrument,
    TickerData,
)
from core.adapters.exchanges.recordings.bitmex.tables import Row, asset, rows, settled_in
from core.adapters.exchanges.symbols import read_spelling

_ROW: Final = shape(
    "instrument",
    "symbol rootSymbol state typ listing front expiry settle listedSettle relistInterval inverseLeg"
    " sellLeg buyLeg optionStrikePcnt optionStrikeRound optionStrikePrice optionMultiplier"
    " positionCurrency underlying quoteCurrency underlyingSymbol reference referenceSymbol"
    " calcInterval publishInterval publishTime maxOrderQty maxPrice minPrice lotSize tickSize"
    " multiplier settlCurrency underlyingToPositionMultiplier underlyingToSettleMultiplier"
    " quoteToSettleMultiplier isQuanto isInverse initMargin maintMargin riskLimit riskStep limit"
    " capped taxed deleverage makerFee takerFee settlementFee insuranceFee fundingBaseSymbol"
    " fundingQuoteSymbol fundingPremiumSymbol fundingTimestamp fundingInterval fundingRate"
    " indicativeFundingRate rebalanceTimestamp rebalanceInterval openingTimestamp closingTimestamp"
    " sessionInterval prevClosePrice limitDownPrice limitUpPrice bankruptLimitDownPrice"
    " bankruptLimitUpPrice prevTotalVolume totalVolume volume volume24h prevTotalTurnover"
    " totalTurnover turnover turnover24h homeNotional24h foreignNotional24h prevPrice24h vwap"
    " highPrice lowPrice lastPrice lastPriceProtected lastTickDirection lastChangePcnt bidPrice"
    " midPrice askPrice impactBidPrice impactMidPrice impactAskPrice hasLiquidity openInterest"
    " openValue fairMethod fairBasisRate fairBasis fairPrice markMethod markPrice"
    " indicativeTaxRate indicativeSettlePrice indexPrice optionUnderlyingPrice"
    " settledPriceAdjustmentRate settledPrice instantPnl minTick fundingBaseRate fundingQuoteRate"
    " timestamp",
)
_FUNDING: Final = shape("funding", "timestamp symbol fundingInterval fundingRate fundingRateDaily")
_TYPES: Final = {
    "IFXXXP": ExchangeType.SPOT,
    "FFWCSX": ExchangeType.PERPETUAL,
    "FFWCSF": ExchangeType.PERPETUAL,
    "FFCCSX": ExchangeType.FUTURES,
}
_RULES: Final = frozenset({"lotSize", "multiplier", "state", "tickSize"})
_PRICES: Final = frozenset(
    {"askPrice", "bidPrice", "indexPrice", "indicativeSettlePrice", "lastPrice", "markPrice"}
)
_DATED: Final = re.compile(r"([A-Z0-9]+?)(USDT|USD|EUR)?([FGHJKMNQUVXZ]\d\d)", re.ASCII)
"""`XBTU21`, `ETHUSDM21`: the root, a quote, and the letter and year of a month."""
_SPOT: Final = re.compile(r"([A-Z0-9]+)_([A-Z0-9]+)", re.ASCII)
"""`XBT_USDT`; a perpetual that settles elsewhere has a pair before it: `ETHUSD_ETH`."""
_ZERO_INTERVAL: Final = datetime(2000, 1, 1, tzinfo=UTC)
_ONE: Final = Decimal(1)
_EIGHT_HOURS_S: Final = 8 * 3600


def guess_listing(key: str, market: str) -> Listing:
    """A listing by spelling alone, which tells what contracts are only of Bitcoin against dollars.

    Args:
        key: `XBTUSD`, `XBTU21`, `ETHUSDT`, `XBT_USDT`. A dated one without a quote counts in
            Bitcoin, and that of Bitcoin in dollars.
        market: None of BitMEX's has a name.

    Raises:
        ValueError: If the spelling holds no base and quote.
    """
    del market
    dated, spot = _DATED.fullmatch(key), _SPOT.fullmatch(key)
    market_type, mark = ExchangeType.PERPETUAL, ""
    if dated is not None:
        base, quote = asset(dated[1]), dated[2] or ("USD" if dated[1] == "XBT" else "BTC")
        market_type, mark = ExchangeType.FUTURES, f".{dated[3]}"
    elif spot is not None and read_spelling(spot[1]).quote is None:
        base, quote, market_type = asset(spot[1]), asset(spot[2]), ExchangeType.SPOT
    else:
        spelling = read_spelling(spot[1] if spot else key)
        base, quote, mark = spelling.base, spelling.quote or "", f".{spot[2]}" if spot else ""
    is_dollar = (base, quote) == ("BTC", "USD") and spot is None
    value = _ONE if is_dollar else None
    return listing_of(key, f"{base}{mark}", quote, market_type, contract_value=value)


def parse_instruments(
    raw: object, reading: Reading
) -> tuple[Listing | TickerData | FundingRateData, ...]:
    """Table and REST `instrument`: rules where they are said, prices, and the coming funding.

    Indexes and options are left out by their type, and the rules of what has no size of its own by
    its name.
    """

    def parse(row: Row) -> tuple[Listing | TickerData | FundingRateData, ...]:
        kind = row.fields.text_or_none("typ")
        if row.fields.text("symbol").startswith(".") or (kind is not None and kind not in _TYPES):
            reading.unknown[f"instrument:typ={str(kind)[:40]}"] += 1
            return ()
        return tuple(_told(row)) if row.action != "delete" else ()

    found = list(rows(raw, _ROW, reading))
    return tuple(data for told in sound(found, parse, reading, "instrument") for data in told)


def _told(row: Row) -> Iterator[Listing | TickerData | FundingRateData]:
    fields = row.fields
    listed = None
    if row.said & _RULES and fields.has("tickSize") and fields.has("typ"):
        listed = _listing(fields)
    listing = listed or fields.reading.listing(fields.text("symbol"))
    if listed is not None:
        yield listed
    if row.said & _PRICES:
        yield _ticker(fields, listing)
    if "fundingRate" in row.said and fields.has("fundingRate"):
        yield FundingRateData(
            venue=fields.reading.venue,
            symbol=listing.symbol,
            rate=fields.decimal("fundingRate"),
            interval_s=_interval_s(fields) or _EIGHT_HOURS_S,
            next_at=fields.iso_time("fundingTimestamp") if fields.has("fundingTimestamp") else None,
            at=fields.iso_time("timestamp"),
        )


def _listing(fields: Fields) -> Listing | None:
    """The listing with its rules; None, and counted, for spot and for quantos."""
    key, market_type = fields.text("symbol"), fields.choice("typ", _TYPES)
    base, quote = asset(fields.text("underlying")), asset(fields.text("quoteCurrency"))
    is_inverse = fields.flag("isInverse")
    settle, unit = "", _ONE
    if market_type is not ExchangeType.SPOT:
        settle, unit = settled_in(fields, "settlCurrency")
    if settle != (base if is_inverse else quote):
        fields.reading.unknown[f"instrument:size of {key[:40]}"] += 1
        return None
    value = abs(fields.decimal("multiplier")) * unit
    if not value:
        fields.refuse("multiplier", "says that a contract is nothing")
    _, _, settled = key.partition("_")
    mark = key[-3:] if market_type is ExchangeType.FUTURES else settled
    named = replace(
        fields.listing_of(
            key,
            f"{base}.{mark}" if mark else base,
            quote,
            market_type,
            multiplier=_ONE if is_inverse else value,
            contract_value=value if is_inverse else None,
        ),
        funding_interval_s=_interval_s(fields),
        is_trading=fields.raw("state") == "Open",
    )
    most = fields.positive_or_none("maxOrderQty")
    rules = Instrument(
        symbol=named.symbol,
        venue=fields.reading.venue,
        market_type=market_type,
        base=named.base,
        quote=quote,
        settle=settle,
        venue_symbol=key,
        tick_size=fields.positive("tickSize"),
        lot_size=fields.positive("lotSize") * named.multiplier,
        max_amount=None if most is None else most * named.multiplier,
        maker_fee=fields.decimal_or_none("makerFee"),
        taker_fee=fields.decimal_or_none("takerFee"),
        funding_interval_s=named.funding_interval_s,
    )
    if margin := fields.positive_or_none("initMargin"):
        rules = replace(rules, max_leverage=_ONE // margin)
    if margin := fields.positive_or_none("maintMargin"):
        rules = replace(rules, maintenance_margin_rate=margin)
    return replace(named, instrument=rules)


def _ticker(fields: Fields, listing: Listing) -> TickerData:
    """Newest prices; what BitMEX calls the indicative settlement price is its index."""
    bid, ask = fields.positive_or_none("bidPrice"), fields.positive_or_none("askPrice")
    refuse_crossed(fields, bid, ask)
    mark = fields.positive_or_none("markPrice")
    index = "indexPrice" if fields.has("indexPrice") else "indicativeSettlePrice"
    refuse_scaled(fields, mark=mark, index=fields.positive_or_none(index))
    return TickerData(
        venue=fields.reading.venue,
        symbol=listing.symbol,
        bid=bid,
        ask=ask,
        last=fields.positive_or_none("lastPrice"),
        mark=mark,
        index=fields.positive_or_none(index),
        open_24h=fields.positive_or_none("prevPrice24h"),
        high_24h=fields.positive_or_none("highPrice"),
        low_24h=fields.positive_or_none("lowPrice"),
        volume_24h=fields.amount_or_none("homeNotional24h"),
        at=fields.iso_time("timestamp"),
        received_at=fields.reading.received_at,
    )


def parse_funding(raw: object, reading: Reading) -> tuple[FundingRateData, ...]:
    """Table and REST `funding`: rates that were paid at their time."""
    return tuple(
        FundingRateData(
            venue=reading.venue,
            symbol=reading.listing(row.fields.text("symbol")).symbol,
            rate=row.fields.decimal("fundingRate"),
            interval_s=_interval_s(row.fields) or _EIGHT_HOURS_S,
            at=row.fields.iso_time("timestamp"),
        )
        for row in rows(raw, _FUNDING, reading)
    )


def _interval_s(fields: Fields) -> int | None:
    """A length of time, told as a time that long after the start of 2000."""
    if not fields.has("fundingInterval"):
        return None
    seconds = int((fields.iso_time("fundingInterval") - _ZERO_INTERVAL).total_seconds())
    if seconds <= 0:
        fields.refuse("fundingInterval", f"is no length of time: {seconds} s")
    return seconds
