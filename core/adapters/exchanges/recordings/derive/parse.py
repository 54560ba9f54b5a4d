"""Derive's public messages as `*Data`: books, tickers, trades, candles and funding. Pure.

Every function takes one decoded payload, with its envelope or without (`envelope`). Amounts are
base units, times milliseconds, those of candles seconds. Values that cannot be true raise
`MalformedMessage`. Source: docs.derive.xyz, "Channels" and "Market data".

Traps:

- A book is always whole: the channel sends no changes.
- `ticker_slim` shortens its fields to letters (`b` and `B` the bid and its amount, `a` and `A` the
  ask, `I` index, `M` mark, `f` funding by the hour) and names its instrument in the channel alone.
- 0 stands for no bid, no ask, no price in 24 hours.
- The history of trades has a row for each side of a trade, under one id: `direction` is that side's
  own, so a maker's row says the opposite of what the taker did.
- An answer with candles does not say how long they are.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Final

from core.adapters.exchanges.decoding import (
    MILLISECOND,
    SECOND,
    Fields,
    Listing,
    Reading,
    objects,
    refuse_crossed,
    refuse_scaled,
    shape,
    sorted_book,
    sound,
    timeframe_of,
)
from core.adapters.exchanges.models import (
    FundingRateData,
    OHLCVData,
    OrderBookData,
    OrderSide,
    TickerData,
    TradeData,
)
from core.adapters.exchanges.recordings.derive.envelope import (
    body,
    channel,
    is_option,
    outright,
    rows,
)
from core.adapters.exchanges.recordings.derive.instruments import HOUR_S

Prices = tuple[TickerData | FundingRateData, ...]
SIDES: Final = {"buy": OrderSide.BUY, "sell": OrderSide.SELL}

_BOOK: Final = shape("orderbook", "asks bids instrument_name publish_id timestamp")
_NOTICE: Final = shape("ticker_slim", "instrument_ticker timestamp")
_SLIM: Final = shape(
    "ticker_slim.instrument_ticker", "A B I M a b f maxp minp option_pricing stats t"
)
_SLIM_STATS: Final = shape("ticker_slim.stats", "c h l n oi p pr v")
_TICKER: Final = shape(
    "ticker",
    "amount_step base_asset_address base_asset_sub_id base_currency base_fee best_ask_amount"
    " best_ask_price best_bid_amount best_bid_price erc20_details fifo_min_allocation"
    " five_percent_ask_depth five_percent_bid_depth index_price instrument_name instrument_type"
    " is_active maker_fee_rate mark_price mark_price_fee_rate_cap max_price maximum_amount"
    " min_price minimum_amount open_interest option_details option_pricing perp_details"
    " pro_rata_amount_step pro_rata_fraction quote_currency scheduled_activation"
    " scheduled_deactivation stats taker_fee_rate tick_size timestamp",
)
_STATS: Final = shape(
    "ticker.stats",
    "contract_volume high low num_trades open_interest percent_change usd_change volume",
)
_PERP: Final = shape(
    "ticker.perp_details",
    "aggregate_funding funding_rate index max_rate_per_hour min_rate_per_hour static_interest_rate",
)
_TICKERS: Final = shape("tickers", "tickers")
_TRADE: Final = shape(
    "trades",
    "batch_status direction expected_rebate extra_fee index_price instrument_name liquidity_role"
    " mark_price op_uuid quote_id realized_pnl realized_pnl_excl_fees rfq_id subaccount_id"
    " timestamp trade_amount trade_fee trade_id trade_price tx_hash tx_status wallet",
)
_CANDLE: Final = shape(
    "candles",
    "close_price high_price low_price open_price timestamp timestamp_bucket volume_contracts"
    " volume_usd",
)
_HISTORY: Final = shape("funding_rate_history", "funding_rate_history")
_RATE: Final = shape("funding_rate_history.row", "close funding_rate high low open timestamp")


def parse_book(raw: object, reading: Reading) -> OrderBookData:
    """Channel `orderbook.<instrument>.<group>.<depth>`: the whole book as far as it was asked for.

    Raises:
        MalformedMessage: If a level is none, or the book is crossed.
    """
    fields = Fields(body(raw), _BOOK, reading)
    listing = reading.listing(fields.text("instrument_name"))
    bids, asks = sorted_book(fields, fields.levels("bids", listing), fields.levels("asks", listing))
    return OrderBookData(
        venue=reading.venue,
        symbol=listing.symbol,
        bids=bids,
        asks=asks,
        sequence=fields.whole_or_none("publish_id"),
        at=fields.event_time("timestamp", MILLISECOND),
        received_at=reading.received_at,
    )


# -- tickers ----------------------------------------------------------------------------------


def parse_ticker(raw: object, reading: Reading) -> Prices:
    """The full ticker, as channel `ticker` and the older `public/get_ticker` send it.

    A perpetual's rate of funding is a thing of its own beside the prices.
    """
    told = body(raw)
    if isinstance(told, dict) and "instrument_ticker" in told:
        told = Fields(told, _NOTICE, reading).raw("instrument_ticker")
    fields = Fields(told, _TICKER, reading)
    listing = reading.listing(fields.text("instrument_name"))
    bid, ask = fields.positive_or_none("best_bid_price"), fields.positive_or_none("best_ask_price")
    mark, index = fields.positive_or_none("mark_price"), fields.positive_or_none("index_price")
    refuse_crossed(fields, bid, ask)
    refuse_scaled(fields, mark=mark, index=index)
    ticker = TickerData(
        venue=reading.venue,
        symbol=listing.symbol,
        bid=bid,
        bid_amount=fields.positive_or_none("best_bid_amount"),
        ask=ask,
        ask_amount=fields.positive_or_none("best_ask_amount"),
        mark=mark,
        index=index,
        at=fields.event_time("timestamp", MILLISECOND),
        received_at=reading.received_at,
    )
    if fields.has("stats"):
        stats = fields.part("stats", _STATS)
        ticker = replace(
            ticker,
            high_24h=stats.positive_or_none("high"),
            low_24h=stats.positive_or_none("low"),
            volume_24h=stats.amount_or_none("contract_volume"),
        )
    if not fields.has("perp_details"):
        return (ticker,)
    return (ticker, *_funding(fields.part("perp_details", _PERP), "funding_rate", ticker))


def parse_ticker_slim(raw: object, reading: Reading) -> Prices:
    """Channel `ticker_slim.<instrument>.<interval>`; alone, it is of what was asked for."""
    fields = Fields(body(raw), _NOTICE, reading)
    parts = channel(raw).split(".")
    key = parts[1] if len(parts) > 1 else reading.asked_for
    return _slim(fields.part("instrument_ticker", _SLIM), reading.listing(key))


def parse_asked_ticker(raw: object, reading: Reading) -> Prices:
    """Answer `public/get_ticker`: the letters of `ticker_slim`, of what was asked for."""
    return _slim(Fields(body(raw), _SLIM, reading), reading.listing(reading.asked_for))


def parse_tickers(raw: object, reading: Reading) -> Prices:
    """Answer `public/get_tickers`: instrument -> the letters of `ticker_slim`; options are out."""
    told = Fields(body(raw), _TICKERS, reading).entries("tickers")
    names = [name for name in told if not is_option(name)]
    if len(names) < len(told):
        reading.unknown["tickers:option"] += len(told) - len(names)

    def prices(name: str) -> Prices:
        return _slim(Fields(told[name], _SLIM, reading), reading.listing(name))

    return tuple(item for found in sound(names, prices, reading, "tickers") for item in found)


def _slim(fields: Fields, listing: Listing) -> Prices:
    bid, ask = fields.positive_or_none("b"), fields.positive_or_none("a")
    mark, index = fields.positive_or_none("M"), fields.positive_or_none("I")
    refuse_crossed(fields, bid, ask)
    refuse_scaled(fields, mark=mark, index=index)
    ticker = TickerData(
        venue=fields.reading.venue,
        symbol=listing.symbol,
        bid=bid,
        bid_amount=fields.positive_or_none("B"),
        ask=ask,
        ask_amount=fields.positive_or_none("A"),
        mark=mark,
        index=index,
        at=fields.event_time("t", MILLISECOND),
        received_at=fields.reading.received_at,
    )
    if fields.has("stats"):
        stats = fields.part("stats", _SLIM_STATS)
        ticker = replace(
            ticker,
            high_24h=stats.positive_or_none("h"),
            low_24h=stats.positive_or_none("l"),
            volume_24h=stats.amount_or_none("c"),
        )
    return (ticker, *_funding(fields, "f", ticker))


def _funding(fields: Fields, name: str, ticker: TickerData) -> tuple[FundingRateData, ...]:
    """The rate by the hour in the field `name`, positive where longs pay; none where it is not."""
    if not fields.has(name):
        return ()
    return (_rate(fields, name, ticker),)


def _rate(fields: Fields, name: str, ticker: TickerData) -> FundingRateData:
    return FundingRateData(
        venue=ticker.venue,
        symbol=ticker.symbol,
        rate=fields.decimal(name),
        interval_s=HOUR_S,
        at=ticker.at,
    )


# -- trades, candles, funding -----------------------------------------------------------------


def parse_trades(raw: object, reading: Reading) -> tuple[TradeData, ...]:
    """Channels `trades.…` and `public/get_trade_history`, in the venue's order.

    Both sides' rows of one trade are one trade.
    """
    found = (_trade(fields) for fields in outright(rows(raw), _TRADE, reading))
    return tuple(dict.fromkeys(found))


def _trade(fields: Fields) -> TradeData:
    side = fields.choice("direction", SIDES)
    return TradeData(
        venue=fields.reading.venue,
        symbol=fields.reading.listing(fields.text("instrument_name")).symbol,
        trade_id=fields.identifier("trade_id"),
        price=fields.positive("trade_price"),
        amount=fields.positive("trade_amount"),
        side=side.opposite if fields.says("liquidity_role", ("maker",)) else side,
        at=fields.time("timestamp", MILLISECOND),
        received_at=fields.reading.received_at,
    )


def parse_candles(raw: object, reading: Reading) -> tuple[OHLCVData, ...]:
    """Answer with candles of what was asked for, in the venue's order; the newest may be open.

    Their length is the step between them where there are two steps at least, all the same.
    """
    listing = reading.listing(reading.asked_for)
    found = list(objects(rows(raw), _CANDLE, reading))
    starts = [fields.time("timestamp_bucket", SECOND) for fields in found]
    steps = {int((new - old).total_seconds()) for old, new in pairwise(starts)}
    timeframe = timeframe_of(abs(steps.pop())) if len(steps) == 1 and len(starts) > 2 else ""
    return tuple(_candle(fields, listing, timeframe) for fields in found)


def _candle(fields: Fields, listing: Listing, timeframe: str) -> OHLCVData:
    low, high = fields.positive("low_price"), fields.positive("high_price")
    if low > high:
        fields.refuse("low_price", f"is above the high: {low} > {high}")
    return OHLCVData(
        venue=fields.reading.venue,
        symbol=listing.symbol,
        timeframe=timeframe,
        at=fields.time("timestamp_bucket", SECOND),
        open=fields.positive("open_price"),
        high=high,
        low=low,
        close=fields.positive("close_price"),
        volume=fields.amount("volume_contracts"),
    )


def parse_funding_history(raw: object, reading: Reading) -> tuple[FundingRateData, ...]:
    """Answer `public/get_funding_rate_history` of what was asked for: rates by the hour."""
    listing = reading.listing(reading.asked_for)
    history = Fields(body(raw), _HISTORY, reading).items("funding_rate_history")
    return tuple(
        FundingRateData(
            venue=reading.venue,
            symbol=listing.symbol,
            rate=fields.decimal("funding_rate"),
            interval_s=HOUR_S,
            at=fields.time("timestamp", MILLISECOND),
        )
        for fields in objects(history, _RATE, reading)
    )
