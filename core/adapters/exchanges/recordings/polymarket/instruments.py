"""Polymarket's markets as instruments: each outcome's token is one.

A question has two tokens, one for each outcome; a token pays 1 USDC if its outcome comes true and
nothing otherwise. A token is bought and sold like an asset, so it is spot, and its id, a number of
77 digits or so, is its symbol: a canonical one would need a name, and questions have sentences.
Source: docs.polymarket.com, "Markets" (Gamma and CLOB).

- Orders are in steps of 0.01 tokens whatever the tick, as the documented table of roundings says;
  fills can be finer. The markets state tick and smallest order.
- What a market calls its fee is a rate in a formula that depends on the price and no fraction of
  the notional, so no fee is told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.decoding import (
    Fields,
    Listing,
    Reading,
    decode,
    listing_of,
    objects,
    shape,
)
from core.adapters.exchanges.models import ExchangeType, Instrument
from core.adapters.exchanges.recordings.polymarket.pages import rows
from core.adapters.exchanges.symbols import read_spelling

QUOTE: Final = "USDC"
CRYPTO: Final = "crypto"
EQUITY: Final = "equity"
"""The markets of coins and of stocks whose prices the venue passes on."""
_LOT: Final = Decimal("0.01")
_STOCK: Final = re.compile(r"[A-Za-z][A-Za-z.]{0,9}", re.ASCII)

_GAMMA: Final = shape(
    "gamma market",
    "acceptingOrders acceptingOrdersTimestamp active amountRaised approved archived"
    " automaticallyActive automaticallyResolved bestAsk bestBid category clearBookOnStart"
    " clobRewards clobTokenIds closed closedTime color competitive conditionId createdAt createdBy"
    " creator curationOrder customLiveness cyom denominationToken deploying deployingTimestamp"
    " description disqusThread enableOrderBook endDate endDateIso eventStartTime events featured"
    " fee feeSchedule feeType feesEnabled formatType fpmmLive funded gameId gameStartTime"
    " groupItemRange groupItemThreshold groupItemTitle hasReviewedDates holdingRewardsEnabled icon"
    " id image lastTradePrice line liquidity liquidityAmm liquidityClob liquidityNum lowerBound"
    " lowerBoundDate mailchimpTag makerBaseFee makerRebatesFeeShareBps manualActivation"
    " marketGroup marketMakerAddress marketType negRisk negRiskMarketID negRiskOther"
    " negRiskRequestID new notificationsEnabled oneDayPriceChange oneHourPriceChange"
    " oneMonthPriceChange oneWeekPriceChange oneYearPriceChange orderMinSize orderPriceMinTickSize"
    " outcomePrices outcomes pagerDutyNotificationEnabled pendingDeployment question questionID"
    " ready readyForCron readyTimestamp requiresTranslation resolutionSource resolvedBy restricted"
    " rewardsMaxSpread rewardsMinSize rfqEnabled score secondsDelay sentDiscord seriesColor"
    " shortOutcomes showGmpOutcome showGmpSeries slug sponsorImage sponsorName sportsMarketType"
    " spread startDate startDateIso submitted_by takerBaseFee tags teamAID teamBID twitterCardImage"
    " umaBond umaEndDate umaEndDateIso umaResolutionStatus umaResolutionStatuses umaReward"
    " updatedAt updatedBy upperBound upperBoundDate volume volume1mo volume1moAmm volume1moClob"
    " volume1wk volume1wkAmm volume1wkClob volume1yr volume1yrAmm volume1yrClob volume24hr"
    " volume24hrAmm volume24hrClob volumeAmm volumeClob volumeNum wideFormat xAxisValue yAxisValue",
)
_EVENT: Final = shape(
    "gamma event",
    "active archived automaticallyActive automaticallyResolved carouselMap category chats closed"
    " closedTime collections commentCount commentsEnabled competitive countryName createdAt"
    " createdBy creationDate cumulativeMarkets cyom deploying deployingTimestamp description"
    " disqusThread elapsed electionType enableNegRisk enableOrderBook endDate ended estimateValue"
    " eventCreators eventDate eventMetadata eventWeek featured featuredImage featuredOrder"
    " finishedTimestamp gameId gameStatus gmpChartMode icon id image isTemplate liquidity"
    " liquidityAmm liquidityClob live markets negRisk negRiskAugmented negRiskFeeBips"
    " negRiskMarketID new openInterest parentEvent parentEventId pendingDeployment period"
    " published_at requiresTranslation resolutionSource restricted score series seriesSlug"
    " showAllOutcomes showMarketImages slug sortBy spreadsMainLine startDate startTime subcategory"
    " subtitle tags teams template templateVariables ticker title totalsMainLine turnProviderId"
    " tweetCount updatedAt updatedBy volume volume1mo volume1wk volume1yr volume24hr",
)
_MARKET: Final = shape(
    "market",
    "accepting_order_timestamp accepting_orders active archived category closed condition_id"
    " description enable_order_book end_date_iso fpmm game_start_time icon image is_50_50_outcome"
    " maker_base_fee market_slug min_incentive_size max_incentive_spread minimum_order_size"
    " minimum_tick_size neg_risk neg_risk_market_id neg_risk_request_id notifications_enabled"
    " question question_id rewards seconds_delay tags taker_base_fee tokens",
)
_TOKEN: Final = shape("market.tokens", "outcome price token_id winner")
_TICK: Final = shape(
    "tick_size_change", "asset_id event_type market new_tick_size old_tick_size side timestamp"
)


def parse_gamma_markets(raw: object, reading: Reading) -> tuple[Listing, ...]:
    """A market of the Gamma API, or an array of them; two tokens each, none of the oldest.

    Raises:
        MalformedMessage: If its tokens are no list of ids, or its tick or smallest order is none.
    """
    return tuple(
        listing for fields in objects(rows(raw), _GAMMA, reading) for listing in _gamma(fields)
    )


def parse_gamma_events(raw: object, reading: Reading) -> tuple[Listing, ...]:
    """The markets of an event of the Gamma API, or of an array of events."""
    return tuple(
        listing
        for event in objects(rows(raw), _EVENT, reading)
        for fields in objects(event.items_or_empty("markets"), _GAMMA, reading)
        for listing in _gamma(fields)
    )


def parse_markets(raw: object, reading: Reading) -> tuple[Listing, ...]:
    """A market of the CLOB, a page or an array of them; one without a book has empty token ids."""
    return tuple(
        listing
        for fields in objects(rows(raw), _MARKET, reading)
        for listing in _listings(
            fields,
            [
                token.text("token_id")
                for token in objects(fields.items("tokens"), _TOKEN, reading)
                if token.has("token_id")
            ],
            tick="minimum_tick_size",
            least="minimum_order_size",
            flags=("enable_order_book", "accepting_orders"),
        )
    )


def parse_tick_size_change(raw: object, reading: Reading) -> tuple[Listing, ...]:
    """A token's new tick: its rules with it, where the recording listed them before."""
    found = []
    for fields in objects(rows(raw), _TICK, reading):
        listing = reading.listing(fields.text("asset_id"))
        tick = fields.positive("new_tick_size")
        if listing.instrument is not None:
            rules = replace(listing.instrument, tick_size=tick)
            listing = replace(listing, instrument=rules)
        found.append(listing)
    return tuple(found)


def guess_listing(key: str, market: str) -> Listing:
    """A listing by spelling alone: of a coin or a stock whose price the venue passes on.

    Args:
        key: `btcusdt`, `eth/usd`, `aapl`; a token's id has no spelling.
        market: `CRYPTO`, or `EQUITY` for a stock, which counts in dollars; empty for tokens.

    Raises:
        ValueError: If it is a token's id, or holds no base and quote.
    """
    if market == EQUITY and _STOCK.fullmatch(key):
        return listing_of(key, key.upper(), "USD", ExchangeType.STOCK)
    spelling = read_spelling(key)
    if market != CRYPTO or spelling.quote is None:
        message = f"{key!r} names no base and quote"
        raise ValueError(message)
    return listing_of(key, spelling.base, spelling.quote, ExchangeType.SPOT)


def _gamma(fields: Fields) -> Iterator[Listing]:
    tokens = fields.text_or_none("clobTokenIds")
    return _listings(
        fields,
        [] if tokens is None else _token_ids(fields, tokens),
        tick="orderPriceMinTickSize",
        least="orderMinSize",
        flags=("enableOrderBook", "acceptingOrders"),
    )


def _token_ids(fields: Fields, text: str) -> list[str]:
    """Ids of the array that is written as text in a text."""
    found = decode(text, venue=fields.reading.venue)
    if not isinstance(found, list) or not all(isinstance(token, str) for token in found):
        fields.refuse("clobTokenIds", "should be an array of ids")
    return [token for token in found if token]


def _listings(
    fields: Fields, tokens: list[str], *, tick: str, least: str, flags: tuple[str, str]
) -> Iterator[Listing]:
    """A listing of each token; without a tick the market has no rules (it never had a book)."""
    is_trading = (
        fields.flag_or("active", default=False)
        and not fields.flag_or("closed", default=False)
        and not fields.flag_or("archived", default=False)
        and all(fields.flag_or(name, default=False) for name in flags)
    )
    step = fields.positive_or_none(tick)
    if step is not None and step >= 1:
        fields.refuse(tick, f"should be below 1, not {step}")
    smallest = fields.amount_or_none(least) or Decimal(0)
    for token in tokens:
        named = Listing(
            key=token,
            symbol=token,
            market_type=ExchangeType.SPOT,
            base=token,
            quote=QUOTE,
            is_trading=is_trading,
        )
        if step is None:
            yield named
            continue
        rules = Instrument(
            symbol=token,
            venue=fields.reading.venue,
            market_type=ExchangeType.SPOT,
            base=token,
            quote=QUOTE,
            venue_symbol=token,
            tick_size=step,
            lot_size=_LOT,
            min_amount=smallest,
        )
        yield replace(named, instrument=rules)
