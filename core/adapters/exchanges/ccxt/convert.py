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

from core.adapters.exchanges.ccxt.table import Row
from core.adapters.exchanges.decoding import Listing, OrderAck
from core.adapters.exchanges.models import (
    BalanceData,
    BookLevel,
    ExchangeType,
    FillData,
    FundingPaymentData,
    FundingRateData,
    Instrument,
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
    from_ns,
    to_decimal,
)
from core.domain.symbol import Symbol
from core.errors import MalformedMessage

Unified = Mapping[str, Any]
"""A dictionary of ccxt's."""

_MS: Final = 1_000_000
_EARLIEST_MS: Final = 1_230_768_000_000
_LATEST_MS: Final = 4_102_444_800_000
_ONE: Final = Decimal(1)
_ZERO: Final = Decimal(0)
_DECIMAL_PLACES: Final = 2
_TICK_SIZE: Final = 4
_SIDES: Final = {"buy": OrderSide.BUY, "sell": OrderSide.SELL}
_STATUSES: Final = {
    "open": OrderStatus.OPEN,
    "closed": OrderStatus.FILLED,
    "canceled": OrderStatus.CANCELED,
    "canceling": OrderStatus.OPEN,
    "expired": OrderStatus.EXPIRED,
    "rejected": OrderStatus.REJECTED,
}
_TIMES_IN_FORCE: Final = {
    "GTC": TimeInForce.GTC,
    "IOC": TimeInForce.IOC,
    "FOK": TimeInForce.FOK,
    "PO": TimeInForce.GTC,
}
_MODES: Final = {"cross": MarginMode.CROSS, "isolated": MarginMode.ISOLATED}
_INTERVALS: Final = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}


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

    # -- instruments --------------------------------------------------------------------------

    def take_markets(self, markets: Mapping[str, Unified], precision_mode: int) -> list[Listing]:
        """What is tradable: spot, and perpetuals whose result is in the quote."""
        self.listings.clear()
        self.unified.clear()
        found = []
        for market in markets.values():
            listing = self.listing(market, precision_mode)
            if listing is not None:
                found.append(listing)
                self.listings[str(market["symbol"])] = listing
                known = self.unified.get(listing.symbol)
                if known is None or listing.is_trading:
                    self.unified[listing.symbol] = str(market["symbol"])
        return found

    def listing(self, market: Unified, precision_mode: int) -> Listing | None:
        """One market; None for what ctos does not trade through this door.

        Dated futures, options and inverse contracts are left out: their canonical symbols or their
        amounts would not say what they are.
        """
        if market.get("spot"):
            kind = ExchangeType.SPOT
        elif market.get("swap") and market.get("linear"):
            kind = ExchangeType.PERPETUAL
        else:
            return None
        base, quote = str(market["base"]), str(market["quote"])
        try:
            symbol = str(Symbol(base=base, quote=quote.upper(), market_type=kind))
        except ValueError:
            return None
        multiplier = _ONE
        if kind is ExchangeType.PERPETUAL:
            multiplier = number(market.get("contractSize")) or _ONE
        return Listing(
            key=self._key(market, kind),
            symbol=symbol,
            market_type=kind,
            base=base,
            quote=quote,
            multiplier=multiplier,
            is_trading=market.get("active") is not False,
            instrument=self._instrument(market, symbol, kind, multiplier, precision_mode),
        )

    def _key(self, market: Unified, kind: ExchangeType) -> str:
        """What the venue's own messages call it, where our parsers read them."""
        if self.row.parsers == "hyperliquid":
            info = market.get("info")
            name = info.get("name") if isinstance(info, Mapping) else None
            return str(name or market["id"])
        del kind
        return str(market["id"] if self.row.parsers else market["symbol"])

    def _instrument(
        self,
        market: Unified,
        symbol: str,
        kind: ExchangeType,
        multiplier: Decimal,
        precision_mode: int,
    ) -> Instrument | None:
        precision, limits = _part(market, "precision"), _part(market, "limits")
        tick = _step(precision.get("price"), precision_mode)
        lot = _step(precision.get("amount"), precision_mode)
        if self.row.has_significant_digits:
            tick = _fine_tick(market, kind) or tick
        if tick is None or lot is None or not _fits(tick) or not _fits(lot):
            return None
        amounts, costs = _part(limits, "amount"), _part(limits, "cost")
        leverage = _quiet(_part(limits, "leverage").get("max"))
        most = _quiet(amounts.get("max"))
        return Instrument(
            symbol=symbol,
            venue=self.venue,
            market_type=kind,
            base=str(market["base"]),
            quote=str(market["quote"]),
            settle=str(market.get("settle") or ""),
            venue_symbol=str(market["id"]),
            tick_size=tick,
            lot_size=lot * multiplier,
            min_amount=(_quiet(amounts.get("min")) or _ZERO) * multiplier,
            min_notional=_quiet(costs.get("min")) or _ZERO,
            max_amount=None if most is None or most <= 0 else most * multiplier,
            maker_fee=_quiet(market.get("maker")),
            taker_fee=_quiet(market.get("taker")),
            max_leverage=leverage if leverage is not None and leverage >= 1 else Decimal(20),
        )

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
            bid, ask = _price(data.get("bid")), _price(data.get("ask"))
        listing = self.of(data.get("symbol"))
        return TickerData(
            venue=self.venue,
            symbol=listing.symbol,
            bid=bid,
            bid_amount=None if bid is None else self._amount(data.get("bidVolume"), listing),
            ask=ask,
            ask_amount=None if ask is None else self._amount(data.get("askVolume"), listing),
            last=_price(data.get("last")),
            mark=_price(data.get("markPrice")),
            index=_price(data.get("indexPrice")),
            open_24h=_price(data.get("open")),
            high_24h=_price(data.get("high")),
            low_24h=_price(data.get("low")),
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
            interval_s=seconds_of(str(interval)) if interval else _INTERVALS["h"] * 8,
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
        price = _price(data.get("price"))
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
            average_price=_price(data.get("average")) if filled else None,
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
        average = _price(data.get("average"))
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
        fee = _part(data, "fee")
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
        entry = _price(data.get("entryPrice"))
        side = data.get("side")
        if size and side not in {"long", "short"}:
            raise self._bad("position", side)
        size = listing.amount(size, entry)
        return PositionData(
            venue=self.venue,
            symbol=listing.symbol,
            size=-size if side == "short" else size,
            entry_price=entry,
            mark_price=_price(data.get("markPrice")),
            liquidation_price=_price(data.get("liquidationPrice")),
            unrealized_pnl=number(data.get("unrealizedPnl")),
            margin=_quiet(data.get("initialMargin")),
            leverage=_quiet(data.get("leverage")),
            margin_mode=_MODES.get(str(data.get("marginMode"))),
            at=moment(data.get("timestamp")),
        )

    def balances(self, data: Unified) -> list[BalanceData]:
        """Every asset with a total, sorted."""
        found = []
        for asset, total in sorted(_part(data, "total").items()):
            amount = number(total)
            if amount:
                free = number(_part(data, "free").get(asset))
                used = number(_part(data, "used").get(asset))
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
        found = _quiet(value)
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


def number(value: object) -> Decimal | None:
    """The Decimal that a value of ccxt's is; None for none.

    Raises:
        MalformedMessage: For a binary float, or text that is no finite number.
    """
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, Decimal | int | str):
        raise MalformedMessage(f"a number came as {type(value).__name__}: {str(value)[:40]!r}")
    try:
        return to_decimal(value)
    except ValueError as error:
        raise MalformedMessage(str(error)) from error


def moment(value: object) -> datetime | None:
    """The time of so many milliseconds; None for none, zero, or one that cannot be."""
    if isinstance(value, bool) or not isinstance(value, int | str) or not str(value).isdigit():
        return None
    ms = int(value)
    return from_ns(ms * _MS) if _EARLIEST_MS <= ms <= _LATEST_MS else None


def status_of(word: object, filled: Decimal, amount: Decimal) -> OrderStatus:
    """Our word for ccxt's.

    An open order that filled is partly filled, one that closed with a part was cancelled.
    """
    found = _STATUSES.get(str(word), OrderStatus.UNKNOWN)
    if found is OrderStatus.OPEN and filled:
        return OrderStatus.PARTIALLY_FILLED if filled < amount else OrderStatus.FILLED
    if found is OrderStatus.FILLED and filled < amount:
        return OrderStatus.CANCELED
    return found


def seconds_of(timeframe: str) -> int:
    """Seconds of a length of time such as `1m`, `8h` or `1d`.

    Raises:
        MalformedMessage: For another text.
    """
    count, unit = timeframe[:-1], timeframe[-1:]
    if not count.isdigit() or unit not in _INTERVALS:
        raise MalformedMessage(f"{timeframe[:20]!r} is no length of time")
    return int(count) * _INTERVALS[unit]


def _step(value: object, precision_mode: int) -> Decimal | None:
    found = _quiet(value)
    if found is None:
        return None
    if precision_mode == _TICK_SIZE:
        return found
    return Decimal(1).scaleb(-int(found)) if precision_mode == _DECIMAL_PLACES else None


def _fine_tick(market: Unified, kind: ExchangeType) -> Decimal | None:
    """Hyperliquid: six decimals (spot eight) less those of amounts; digits limit it further."""
    lot = _quiet(_part(market, "precision").get("amount"))
    if lot is None:
        return None
    decimals = -int(lot.normalize().as_tuple().exponent)
    most = 8 if kind is ExchangeType.SPOT else 6
    return Decimal(1).scaleb(-max(most - max(decimals, 0), 0))


def _fits(step: Decimal) -> bool:
    return step > 0


def _price(value: object) -> Decimal | None:
    """A price above zero; zero is how venues say that there is none."""
    found = number(value)
    return found if found is not None and found > 0 else None


def _quiet(value: object) -> Decimal | None:
    """A number, or None for anything else: for what moves no money, such as a limit."""
    try:
        return number(value)
    except MalformedMessage:
        return None


def _part(data: Unified, name: str) -> Unified:
    found = data.get(name)
    return found if isinstance(found, Mapping) else {}
