"""edgeX's sockets: public channels, and the private one that needs no subscription."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from core.adapters.exchanges.models import (
    BalanceData,
    FillData,
    OrderData,
    PositionData,
    TickerData,
    TradeData,
    UserData,
)
from core.testing.venues.edgex.contracts import Contract, Contracts
from core.testing.venues.edgex.rest import Rest
from core.testing.venues.edgex.words import (
    INTERVALS,
    collateral_row,
    depth,
    fill_row,
    funding_row,
    kline_row,
    position_row,
    snapshot,
    trade_row,
)
from core.testing.venues.faults import Kind
from core.testing.venues.server import LoopbackVenue, decoded
from core.testing.venues.socket import Socket
from core.testing.venues.tape import BookChange

PRIVATE: Final = "private"
_DEPTHS: Final = ("15", "200")
_KLINE_PARTS: Final = 3
_Snapshot = Callable[[Contract, list[str]], tuple[list[Any], Kind] | None]


class Streams:
    """What sockets of one venue are sent.

    Args:
        venue: Whose.
        contracts: Names.
        rest: Words of the account.
        account_id: Whose it is.
    """

    def __init__(
        self, venue: LoopbackVenue, contracts: Contracts, rest: Rest, account_id: int
    ) -> None:
        self._venue = venue
        self._floor = venue.floor
        self._contracts = contracts
        self._rest = rest
        self._account_id = account_id
        self._version = 1000
        self._fills: list[FillData] = []
        """Executions whose order's new state has not been told yet."""

    # -- connections --------------------------------------------------------------------------

    def opened(self, socket: Socket, *, is_private: bool) -> None:
        """Greets; a private socket gets the whole account."""
        socket.reply({"type": "connected", "sid": f"{id(socket):x}"})
        if is_private:
            socket.topics[PRIVATE] = {}
            data = {
                "account": [self._rest.account_row()],
                "collateral": self._rest.collaterals(),
                "position": self._rest.positions(),
                "order": [self._rest.row(order) for order in self._floor.open_orders()],
            }
            content = {"event": "Snapshot", "version": str(self._version), "data": data}
            socket.push({"type": "trade-event", "content": content}, Kind.ACCOUNT)

    def heard(self, socket: Socket, text: str) -> None:
        """`subscribe`, `unsubscribe`, `ping` and `pong`."""
        asked = decoded(text)
        kind = asked.get("type") if isinstance(asked, dict) else None
        if kind == "ping":
            socket.reply({"type": "pong", "time": asked.get("time")})
        elif kind == "pong":
            socket.pongs += 1
        elif kind in {"subscribe", "unsubscribe"} and PRIVATE not in socket.topics:
            self._listen(socket, str(kind), str(asked.get("channel")))
        else:
            content = {"code": "INVALID_MESSAGE", "msg": "unknown message"}
            socket.reply({"type": "error", "content": content})

    def _listen(self, socket: Socket, kind: str, channel: str) -> None:
        if kind == "unsubscribe":
            socket.topics.pop(channel, None)
            socket.reply({"type": "unsubscribed", "channel": channel})
            return
        first = self._first(channel)
        if first is None:
            content = {"code": "INVALID_CHANNEL", "msg": f"invalid channel {channel}"}
            socket.reply({"type": "error", "content": content})
            return
        socket.topics[channel] = {}
        socket.reply({"type": "subscribed", "channel": channel})
        self._push(socket, channel, "Snapshot", first[0], first[1])

    def _first(self, channel: str) -> tuple[list[Any], Kind] | None:
        """The snapshot of a channel; None for no such channel."""
        name, _, rest = channel.partition(".")
        if channel == "metadata":
            return [self._contracts.metadata()], Kind.TICKER
        if name in {"ticker", "bookTicker"} and rest == "all.1s":
            return [
                self._rest.ticker(each) for each in self._contracts.by_key.values()
            ], Kind.TICKER
        parts = rest.split(".")
        key = parts[1] if name == "kline" and len(parts) == _KLINE_PARTS else parts[0]
        contract = self._contracts.by_key.get(key)
        snapshots: dict[str, _Snapshot] = {
            "kline": self._klines,
            "depth": self._depth,
            "trades": self._trades,
            "ticker": lambda contract, _parts: ([self._rest.ticker(contract)], Kind.TICKER),
            "fundingRate": lambda contract, _parts: ([self._funding(contract)], Kind.MARK),
        }
        words = snapshots.get(name)
        return None if contract is None or words is None else words(contract, parts)

    def _klines(self, contract: Contract, parts: list[str]) -> tuple[list[Any], Kind] | None:
        if len(parts) != _KLINE_PARTS or parts[2] not in INTERVALS:
            return None
        kind = parts[2]
        found = self._floor.candles(contract.instrument.symbol, INTERVALS[kind], kind)
        return [kline_row(each, contract, parts[0]) for each in found[-1:]], Kind.CANDLE

    def _depth(self, contract: Contract, parts: list[str]) -> tuple[list[Any], Kind] | None:
        if parts[-1] not in _DEPTHS:
            return None
        book = self._venue.tapes[contract.instrument.symbol].snapshot()
        return [] if book is None else [snapshot(contract, int(parts[-1]), book)], Kind.BOOK

    def _trades(self, contract: Contract, _parts: list[str]) -> tuple[list[Any], Kind] | None:
        found = self._floor.trades(contract.instrument.symbol)
        return [trade_row(trade, contract) for trade in found], Kind.TRADE

    def _funding(self, contract: Contract) -> dict[str, object]:
        return funding_row(self._floor.funding(contract.instrument.symbol), contract)

    # -- prices -------------------------------------------------------------------------------

    def book_changed(self, change: BookChange) -> None:
        """`depth`: a change begins where the last one ended."""
        contract = self._contracts.by_symbol[change.symbol]
        versions, sides = (change.previous, change.last), (change.bids, change.asks)
        for count in _DEPTHS:
            row = depth(contract, int(count), "CHANGED", versions, sides)
            self._publish(f"depth.{contract.key}.{count}", row, Kind.BOOK)

    def traded(self, trade: TradeData) -> None:
        """`trades` and `kline`."""
        contract = self._contracts.by_symbol[trade.symbol]
        self._publish(f"trades.{contract.key}", trade_row(trade, contract), Kind.TRADE)
        for kind, length_s in INTERVALS.items():
            channel = f"kline.LAST_PRICE.{contract.key}.{kind}"
            if self._venue.listening(channel):
                candle = self._floor.candles(trade.symbol, length_s, kind)[-1]
                self._publish(channel, kline_row(candle, contract, "LAST_PRICE"), Kind.CANDLE)

    def priced(self, ticker: TickerData) -> None:
        """`ticker`."""
        contract = self._contracts.by_symbol[ticker.symbol]
        for channel in (f"ticker.{contract.key}", "ticker.all.1s", "bookTicker.all.1s"):
            if self._venue.listening(channel):
                self._publish(channel, self._rest.ticker(contract), Kind.TICKER)

    # -- the account --------------------------------------------------------------------------

    def told(self, data: UserData) -> None:
        """`trade-event`: an order with its executions, then what they moved."""
        if isinstance(data, FillData):
            self._fills.append(data)
        elif isinstance(data, OrderData):
            self._tell_order(data)
        elif isinstance(data, PositionData):
            contract = self._contracts.by_symbol[data.symbol]
            rows = [position_row(data, contract, self._account_id)]
            self._tell("ORDER_UPDATE", {"position": rows}, Kind.ACCOUNT)
        elif isinstance(data, BalanceData):
            rows = [collateral_row(data, self._account_id)]
            self._tell("ORDER_UPDATE", {"collateral": rows}, Kind.ACCOUNT)
        else:
            self._tell("FUNDING_SETTLEMENT", {"position": self._rest.positions()}, Kind.FUNDING)

    def _tell_order(self, order: OrderData) -> None:
        contract = self._contracts.by_symbol[order.symbol]
        mine = [fill for fill in self._fills if fill.order_id == order.order_id]
        self._fills = [fill for fill in self._fills if fill.order_id != order.order_id]
        data: dict[str, object] = {"order": [self._rest.row(order)]}
        if mine:
            rows = [fill_row(fill, contract, self._account_id) for fill in mine]
            data["orderFillTransaction"] = rows
        self._tell("ORDER_UPDATE", data, Kind.FILL if mine else Kind.ORDER)

    def _tell(self, event: str, data: dict[str, object], kind: Kind) -> None:
        self._version += 1
        content = {"event": event, "version": str(self._version), "data": data}
        for socket in self._venue.listening(PRIVATE):
            socket.push({"type": "trade-event", "content": content}, kind)

    # -- small --------------------------------------------------------------------------------

    def _publish(self, channel: str, row: object, kind: Kind) -> None:
        for socket in self._venue.listening(channel):
            self._push(socket, channel, "changed", [row], kind)

    def _push(
        self, socket: Socket, channel: str, data_type: str, rows: list[Any], kind: Kind
    ) -> None:
        content = {"channel": channel, "dataType": data_type, "data": rows}
        socket.push({"type": "quote-event", "channel": channel, "content": content}, kind)
