"""What ccxt's unified dictionaries say, in our words. Pure.

Numbers are Decimals made of the wire's text (ccxt's `number` is Decimal here); a binary float is
refused, since somebody did arithmetic with it. Amounts of contracts become base units. A status
that ccxt does not unify is UNKNOWN. Unified forms: docs.ccxt.com, "Order structure", "Trade
structure", "Position structure", "Market structure" (4.5.90).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any, Final

from core.adapters.exchanges.ccxt.instruments import listing_of
from core.adapters.exchanges.ccxt.table import Row
from core.adapters.exchanges.ccxt.values import (
    SECONDS,
    Unified,
    moment,
    number,
    part,
    price_of,
    quiet,
    seconds_of,
    status_of,
)
from core.adapters.exchanges.decoding import Listing, OrderAck
from core.adapters.exchanges.models import (
    BalanceData,
    BookLevel,
    ExchangeType,
    FillData,
    FundingPaymentData,
    FundingRateData,
    Liquidity,
    MarginMode,
    OHLCVData,
    OrderBookData,
    OrderData,
    OrderSide,
    OrderStatus,
    OrderType,
    PositionData,
    TickerData,
    TimeInForce,
    TradeData,
)
from core.errors import MalformedMessage

_ZERO: Final = Decimal(0)
_SIDES: Final = {"buy": OrderSide.BUY, "sell": OrderSide.SELL}
_TIMES_IN_FORCE: Final = {
    "GTC": TimeInForce.GTC,
    "IOC": TimeInForce.IOC,
    "FOK": TimeInForce.FOK,
    "PO": TimeInForce.GTC,
}
_MODES: Final = {"cross": MarginMode.CROSS, "isolated": MarginMode.ISOLATED}


class Words:
    """Reads what ccxt says of one venue.

    Args:
        row: What is known of the venue.
        account: Identity of our account.
    """

    def __init__(self, row: Row, account: str) -> None:
        self.row = row
        self.venue = row.venue
        self.account = account
        self.listings: dict[str, Listing] = {}
        """ccxt's symbol -> listing."""
        self.unified: dict[str, str] = {}
        """Our symbol -> ccxt's."""
        self.by_kind: dict[ExchangeType, dict[str, Listing]] = {kind: {} for kind in ExchangeType}
        """Kind -> the venue's key -> listing: spot and contracts may share a key."""

    # -- instruments --------------------------------------------------------------------------

    def take_markets(self, markets: Mapping[str, Unified], precision_mode: int) -> list[Listing]:
        """What is tradable: spot, and perpetuals whose result is in the quote."""
        self.listings.clear()
        self.unified.clear()
        for known_keys in self.by_kind.values():
            known_keys.clear()
        found = []
        for market in markets.values():
            listing = listing_of(self.row, market, precision_mode)
            if listing is not None:
                found.append(listing)
                self.listings[str(market["symbol"])] = listing
                self.by_kind[listing.market_type][listing.key] = listing
                known = self.unified.get(listing.symbol)
                if known is None or listing.is_trading:
                    self.unified[listing.symbol] = str(market["symbol"])
        return found

    def by_key(self, key: str) -> Listing | None:
        """The listing of a venue's key, where kinds share none; None for one that nobody trades."""
        return next((keys[key] for keys in self.by_kind.values() if key in keys), None)

    def of(self, unified: object) -> Listing:
        """The listing of a symbol of ccxt's.

        Raises:
            MalformedMessage: If there is none.
        """
        listing = self.listings.get(str(unified))
        if listing is None:
            raise self._bad("symbol", unified)
        return listing

    def contracts(self, listing: Listing, amount: Decimal) -> Decimal:
        """Base units in the venue's unit of amounts."""
        return amount / listing.multiplier

    # -- prices -------------------------------------------------------------------------------

    def ticker(self, data: Unified, received_at: datetime, *, has_quote: bool = True) -> TickerData:
        """Best bid and ask (where the ticker holds real ones), last, mark and index."""
        bid = ask = None
        if has_quote:
            bid, ask = price_of(data.get("bid")), price_of(data.get("ask"))
        listing = self.of(data.get("symbol"))
        return TickerData(
            venue=self.venue,
            symbol=listing.symbol,
            bid=bid,
            bid_amount=None if bid is None else self._amount(data.get("bidVolume"), listing),
            ask=ask,
            ask_amount=None if ask is None else self._amount(data.get("askVolume"), listing),
            last=price_of(data.get("last")),
            mark=price_of(data.get("markPrice")),
            index=price_of(data.get("indexPrice")),
            open_24h=price_of(data.get("open")),
            high_24h=price_of(data.get("high")),
            low_24h=price_of(data.get("low")),
            volume_24h=self._amount(data.get("baseVolume"), listing),
            at=moment(data.get("timestamp")) or received_at,
            received_at=received_at,
        )

    def book(
        self, data: Unified, symbol: str, received_at: datetime, limit: int | None = None
    ) -> OrderBookData:
        """Depth, best first.

        Raises:
            MalformedMessage: If it is crossed, out of order, or has a price or amount of zero.
        """
        listing = self.of(symbol)
        bids = self._side(data.get("bids"), listing, limit)
        asks = self._side(data.get("asks"), listing, limit)
        is_ordered = all(first.price > second.price for first, second in pairwise(bids)) and all(
            first.price < second.price for first, second in pairwise(asks)
        )
        is_crossed = bool(bids) and bool(asks) and bids[0].price >= asks[0].price
        if is_crossed or not is_ordered:
            raise self._bad("book", symbol)
        nonce = data.get("nonce")
        return OrderBookData(
            venue=self.venue,
            symbol=listing.symbol,
            bids=bids,
            asks=asks,
            sequence=nonce if isinstance(nonce, int) else None,
            at=moment(data.get("timestamp")) or received_at,
            received_at=received_at,
        )

    def _side(self, rows: object, listing: Listing, limit: int | None) -> tuple[BookLevel, ...]:
        found = []
        for row in (rows if isinstance(rows, Sequence) else ())[:limit]:
            price, amount = number(row[0]), number(row[1])
            if price is None or amount is None or price <= 0 or amount <= 0:
                raise self._bad("book", listing.symbol)
            found.append(BookLevel(price, listing.amount(amount, price)))
        return tuple(found)

    def trade(self, data: Unified, received_at: datetime | None) -> TradeData:
        """A public trade.

        Raises:
            MalformedMessage: Without a positive price and amount or a time.
        """
        listing = self.of(data.get("symbol"))
        price = self._positive(data, "price")
        at = moment(data.get("timestamp")) or received_at
        if at is None:
            raise self._bad("timestamp", None)
        return TradeData(
            venue=self.venue,
            symbol=listing.symbol,
            trade_id=str(data.get("id") or ""),
            price=price,
            amount=listing.amount(self._positive(data, "amount"), price),
            side=_SIDES.get(str(data.get("side"))),
            at=at,
            received_at=received_at,
        )

    def candles(
        self, rows: Sequence[Sequence[Any]], symbol: str, timeframe: str, now: datetime
    ) -> list[OHLCVData]:
        """Candles from old to new; the newest may still be open."""
        listing = self.of(symbol)
        length = timedelta(seconds=seconds_of(timeframe))
        found = []
        for row in rows:
            at = moment(row[0])
            values = [number(value) for value in row[1:6]]
            if at is None or any(value is None for value in values[:4]):
                raise self._bad("candle", row)
            opened, high, low, close = (value or _ZERO for value in values[:4])
            found.append(
                OHLCVData(
                    venue=self.venue,
                    symbol=listing.symbol,
                    timeframe=timeframe,
                    at=at,
                    open=opened,
                    high=high,
                    low=low,
                    close=close,
                    volume=listing.amount(values[4] or _ZERO, close),
                    is_closed=at + length <= now,
                )
            )
        return sorted(found, key=lambda candle: candle.at)

    def funding(self, data: Unified, received_at: datetime) -> FundingRateData:
        """The rate of the next settlement, and how long it is for.

        Raises:
            MalformedMessage: Without a rate.
        """
        rate = number(data.get("fundingRate"))
        if rate is None:
            raise self._bad("fundingRate", data.get("fundingRate"))
        interval = data.get("interval")
        listing = self.of(data.get("symbol"))
        return FundingRateData(
            venue=self.venue,
            symbol=listing.symbol,
            rate=rate,
            interval_s=seconds_of(str(interval)) if interval else SECONDS["h"] * 8,
            next_at=moment(data.get("nextFundingTimestamp"))
            or moment(data.get("fundingTimestamp")),
            at=moment(data.get("timestamp")) or received_at,
        )

    # -- the account --------------------------------------------------------------------------

    def order(self, data: Unified) -> OrderData:
        """The venue's word on an order of ours.

        Raises:
            MalformedMessage: Without an id, a side or an amount.
        """
        listing = self.of(data.get("symbol"))
        price = price_of(data.get("price"))
        filled = number(data.get("filled")) or _ZERO
        amount = number(data.get("amount"))
        side = _SIDES.get(str(data.get("side")))
        if amount is None or side is None or not data.get("id"):
            raise self._bad("order", data.get("id"))
        is_market = data.get("type") == "market"
        created = moment(data.get("timestamp"))
        return OrderData(
            venue=self.venue,
            symbol=listing.symbol,
            order_id=str(data["id"]),
            client_order_id=str(data["clientOrderId"]) if data.get("clientOrderId") else None,
            side=side,
            order_type=OrderType.MARKET if is_market else OrderType.LIMIT,
            status=status_of(data.get("status"), filled, amount),
            amount=listing.amount(amount, price),
            price=None if is_market else price,
            filled=listing.amount(filled, price),
            average_price=price_of(data.get("average")) if filled else None,
            time_in_force=_TIMES_IN_FORCE.get(str(data.get("timeInForce")), TimeInForce.GTC),
            post_only=data.get("postOnly") is True or data.get("timeInForce") == "PO",
            reduce_only=data.get("reduceOnly") is True,
            created_at=created,
            updated_at=moment(data.get("lastUpdateTimestamp"))
            or moment(data.get("lastTradeTimestamp"))
            or created,
        )

    def ack(self, data: Unified, symbol: str, amount: Decimal) -> OrderAck:
        """What the answer to a new order says; a status that it leaves out is PENDING.

        Raises:
            MalformedMessage: Without an id.
        """
        if not data.get("id"):
            raise self._bad("a new order", data.get("id"))
        average = price_of(data.get("average"))
        filled = number(data.get("filled")) or _ZERO
        filled = self.of(self.unified[symbol]).amount(filled, average)
        word = data.get("status")
        return OrderAck(
            order_id=str(data["id"]),
            status=OrderStatus.PENDING if word is None else status_of(word, filled, amount),
            filled=filled,
            average_price=average if filled else None,
        )

    def fill(self, data: Unified, received_at: datetime | None) -> FillData:
        """One execution of ours.

        Raises:
            MalformedMessage: Without ids, a side, a time, a positive price and amount.
        """
        listing = self.of(data.get("symbol"))
        side, at = _SIDES.get(str(data.get("side"))), moment(data.get("timestamp"))
        if side is None or at is None or not data.get("id") or not data.get("order"):
            raise self._bad("fill", data.get("id"))
        price = self._positive(data, "price")
        fee = part(data, "fee")
        maker = data.get("takerOrMaker")
        return FillData(
            venue=self.venue,
            account=self.account,
            symbol=listing.symbol,
            trade_id=str(data["id"]),
            order_id=str(data["order"]),
            client_order_id=str(data["clientOrderId"]) if data.get("clientOrderId") else None,
            side=side,
            price=price,
            amount=listing.amount(self._positive(data, "amount"), price),
            fee=number(fee.get("cost")) or _ZERO,
            fee_currency=str(fee.get("currency") or ""),
            liquidity=Liquidity(maker) if maker in {"maker", "taker"} else None,
            at=at,
            received_at=received_at,
        )

    def position(self, data: Unified) -> PositionData:
        """A position with its sign.

        Raises:
            MalformedMessage: If it does not say which side it is on.
        """
        listing = self.of(data.get("symbol"))
        size = abs(number(data.get("contracts")) or _ZERO)
        entry = price_of(data.get("entryPrice"))
        side = data.get("side")
        if size and side not in {"long", "short"}:
            raise self._bad("position", side)
        size = listing.amount(size, entry)
        return PositionData(
            venue=self.venue,
            symbol=listing.symbol,
            size=-size if side == "short" else size,
            entry_price=entry,
            mark_price=price_of(data.get("markPrice")),
            liquidation_price=price_of(data.get("liquidationPrice")),
            unrealized_pnl=number(data.get("unrealizedPnl")),
            margin=quiet(data.get("initialMargin")),
            leverage=quiet(data.get("leverage")),
            margin_mode=_MODES.get(str(data.get("marginMode"))),
            at=moment(data.get("timestamp")),
        )

    def balances(self, data: Unified) -> list[BalanceData]:
        """Every asset with a total, sorted."""
        found = []
        for asset, total in sorted(part(data, "total").items()):
            amount = number(total)
            if amount:
                free = number(part(data, "free").get(asset))
                used = number(part(data, "used").get(asset))
                found.append(
                    BalanceData(
                        venue=self.venue,
                        asset=asset,
                        total=amount,
                        free=amount if free is None else free,
                        used=_ZERO if used is None else used,
                    )
                )
        return found

    def payment(self, data: Unified, rate: Decimal, mark: Decimal | None) -> FundingPaymentData:
        """A settlement; its position follows from amount, rate and mark where those are known.

        Raises:
            MalformedMessage: Without an amount or a time.
        """
        listing = self.of(data.get("symbol"))
        amount, at = number(data.get("amount")), moment(data.get("timestamp"))
        if amount is None or at is None:
            raise self._bad("funding", data.get("id"))
        position = _ZERO
        if rate and mark and listing.instrument is not None:
            position = listing.instrument.floor_amount(abs(amount / (rate * mark)))
            position = position.copy_sign(-amount * rate)
        return FundingPaymentData(
            venue=self.venue,
            account=self.account,
            symbol=listing.symbol,
            payment_id=f"{data.get('id') or ''}:{data.get('timestamp')}",
            amount=amount,
            rate=rate,
            position=position,
            at=at,
        )

    # -- small parts --------------------------------------------------------------------------

    def _amount(self, value: object, listing: Listing) -> Decimal | None:
        found = quiet(value)
        return None if found is None else listing.amount(found, None)

    def _positive(self, data: Unified, name: str) -> Decimal:
        value = number(data.get(name))
        if value is None or value <= 0:
            raise self._bad(name, data.get(name))
        return value

    def _bad(self, what: str, value: object) -> MalformedMessage:
        return MalformedMessage(
            f"{self.venue}: ccxt tells of {what} {str(value)[:60]!r}", venue=self.venue
        )
