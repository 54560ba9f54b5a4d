"""`/exchange`: what a signed action does, and the words of what it may not."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from core.adapters.exchanges.models import (
    MarginMode,
    OrderData,
    OrderOptions,
    OrderSide,
    OrderStatus,
    OrderType,
    TimeInForce,
    plain,
)
from core.errors import OrderRejected
from core.testing.venues.floor import identity_of
from core.testing.venues.hyperliquid.assets import Asset, Assets, number
from core.testing.venues.hyperliquid.wallets import Refused, Wallets
from core.testing.venues.hyperliquid.words import ORDER_IDS, oid
from core.testing.venues.server import LoopbackVenue

_LEAD_MS: Final = 5000
_TRIGGERS_A_DAY: Final = 10
_NEEDED_VOLUME: Final = 1_000_000
_NOT_THERE: Final = "Order was never placed, already canceled, or filled."
_MALFORMED: Final = "Failed to deserialize the JSON body into the target type"
_TIMES_IN_FORCE: Final = {
    "Gtc": TimeInForce.GTC,
    "Alo": TimeInForce.GTC,  # codespell:ignore alo
    "Ioc": TimeInForce.IOC,
    "FrontendMarket": TimeInForce.IOC,
}
NAMES: Final = {
    "order": "create_order",
    "cancel": "cancel_order",
    "cancelByCloid": "cancel_order",
    "modify": "modify_order",
    "batchModify": "modify_order",
    "updateLeverage": "set_leverage",
    "scheduleCancel": "arm_switch",
}
"""Type of an action -> as the port calls it."""


class Actions:
    """What signed actions do.

    Args:
        venue: Whose.
        assets: Names and numbers.
        wallets: Who may.
    """

    def __init__(self, venue: LoopbackVenue, assets: Assets, wallets: Wallets) -> None:
        self.traded_volume = Decimal(2_000_000)
        """What the account has traded; the dead man's switch wants a million."""
        self.approved_builders: set[str] = set()
        self.requests_left: int | None = None
        """What is left of the address's budget; cancels need none. None for plenty."""
        self._venue = venue
        self._floor = venue.floor
        self._assets = assets
        self._wallets = wallets
        self._switch = 0
        self._triggers: list[int] = []
        """Days at which the switch acted."""

    def act(self, body: object) -> dict[str, object]:
        """The answer to a signed request."""
        try:
            return {"status": "ok", "response": self._allowed(body)}
        except Refused as no:
            return {"status": "err", "response": str(no)}
        except (KeyError, TypeError, ValueError, InvalidOperation):
            return {"status": "err", "response": _MALFORMED}

    def _allowed(self, body: object) -> dict[str, object]:
        if not isinstance(body, dict):
            raise Refused(_MALFORMED)
        signer = self._wallets.signer(body)
        now_ms = self._venue.now_ms()
        self._wallets.take_nonce(signer, body["nonce"], now_ms)
        expires = body.get("expiresAfter")
        if isinstance(expires, int) and now_ms > expires:
            raise Refused(f"Action expired: expiresAfter {expires} is before {now_ms}")
        self._spend(body["action"]["type"])
        return self._done(body["action"])

    def _spend(self, kind: str) -> None:
        if self.requests_left is None or kind in {"cancel", "cancelByCloid"}:
            return
        if self.requests_left <= 0:
            traded = plain(self.traded_volume)
            raise Refused(
                "Too many cumulative requests sent (10001 > 10000) for cumulative volume traded"
                f" ${traded}. Place taker orders to free up 1 request per USDC traded."
            )
        self.requests_left -= 1

    def _done(self, action: dict[str, Any]) -> dict[str, object]:
        kinds: dict[str, Callable[[dict[str, Any]], dict[str, object]]] = {
            "order": self._order,
            "cancel": self._cancel,
            "cancelByCloid": self._cancel_by_cloid,
            "modify": self._modify,
            "batchModify": self._modify_all,
            "updateLeverage": self._leverage,
            "scheduleCancel": self._schedule,
            "setReferrer": lambda _action: {"type": "default"},
            "noop": lambda _action: {"type": "default"},
        }
        act = kinds.get(action["type"])
        if act is None:
            raise Refused(_MALFORMED)
        return act(action)

    # -- orders -------------------------------------------------------------------------------

    def _order(self, action: dict[str, Any]) -> dict[str, object]:
        builder = action.get("builder")
        if builder is not None and builder["b"].lower() not in self.approved_builders:
            raise Refused("Builder fee has not been approved.")
        return _statuses("order", [self._placed(wire) for wire in action["orders"]])

    def _placed(self, wire: dict[str, Any]) -> dict[str, object]:
        asset = self._assets.by_number.get(wire["a"])
        if asset is None:
            return {"error": f"Invalid asset {wire['a']}"}
        try:
            order = self._create(asset, wire)
        except OrderRejected as error:
            return {"error": self._words(error.code or "", asset)}
        if order.status is OrderStatus.EXPIRED and not order.filled:
            text = "Order could not immediately match against any resting orders."
            return {"error": f"{text} asset={asset.number}"}
        body: dict[str, object] = {"oid": oid(order)}
        if order.client_order_id is not None:
            body["cloid"] = order.client_order_id
        if order.status in {OrderStatus.OPEN, OrderStatus.PARTIALLY_FILLED}:
            return {"resting": body}
        average = order.average_price or Decimal(0)
        return {"filled": body | {"totalSz": plain(order.filled), "avgPx": plain(average)}}

    def _create(self, asset: Asset, wire: dict[str, Any]) -> OrderData:
        price, amount = Decimal(wire["p"]), Decimal(wire["s"])
        limit = wire["t"].get("limit")
        if limit is None:
            raise OrderRejected("no trigger orders here", code="TRIGGER")
        if price <= 0:
            raise OrderRejected("no such price", code="PRICE_INVALID")
        if not asset.allows(price):
            raise OrderRejected("five digits", code="TICK_SIZE")
        options = OrderOptions(
            client_order_id=wire.get("c"),
            time_in_force=_TIMES_IN_FORCE[limit["tif"]],
            post_only=limit["tif"] == "Alo",  # codespell:ignore alo
            reduce_only=bool(wire["r"]),
        )
        side = OrderSide.BUY if wire["b"] else OrderSide.SELL
        symbol = asset.instrument.symbol
        return self._floor.create(symbol, side, OrderType.LIMIT, amount, price, options)

    def _words(self, code: str, asset: Asset) -> str:
        minimum = plain(asset.instrument.min_notional)
        book = self._venue.tapes[asset.instrument.symbol].snapshot()
        bid = number(book.bids[0].price) if book is not None and book.bids else "0"
        ask = number(book.asks[0].price) if book is not None and book.asks else "0"
        words = {
            "TICK_SIZE": "Price must be divisible by tick size.",
            "PRICE_INVALID": "Order has invalid price.",
            "LOT_SIZE": "Order has invalid size.",
            "AMOUNT_INVALID": "Order has zero size.",
            "MIN_AMOUNT": "Order has invalid size.",
            "MIN_NOTIONAL": f"Order must have minimum value of ${minimum}.",
            "POST_ONLY_WOULD_CROSS": (
                f"Post only order would have immediately matched, bbo was {bid}@{ask}."
            ),
            "REDUCE_ONLY": "Reduce only order would increase position.",
            "INSUFFICIENT_MARGIN": "Insufficient margin to place order.",
            "INSUFFICIENT_BALANCE": "Insufficient spot balance",
            "SPOT_SHORT": "Insufficient spot balance",
            "TRIGGER": "Invalid TP/SL price.",
            "DUPLICATE_CLIENT_ORDER_ID": "Duplicate cloid: an open order has it already.",
            "CLIENT_ID_INVALID": "Order has invalid cloid.",
        }
        return f"{words.get(code, 'Order has invalid size.')} asset={asset.number}"

    # -- cancels ------------------------------------------------------------------------------

    def _cancel(self, action: dict[str, Any]) -> dict[str, object]:
        found = [
            self._canceled(each["a"], self._floor.order(identity_of(each["o"] - ORDER_IDS)))
            for each in action["cancels"]
        ]
        return _statuses("cancel", found)

    def _cancel_by_cloid(self, action: dict[str, Any]) -> dict[str, object]:
        found = [
            self._canceled(each["asset"], self._floor.order(client_order_id=each["cloid"]))
            for each in action["cancels"]
        ]
        return _statuses("cancel", found)

    def _canceled(self, number: int, order: OrderData | None) -> object:
        asset = self._assets.by_number.get(number)
        if asset is not None and order is not None and order.symbol == asset.instrument.symbol:
            try:
                self._floor.cancel(order.order_id, order.symbol)
            except OrderRejected:
                pass
            else:
                return "success"
        return {"error": f"{_NOT_THERE} asset={number}"}

    def _modify(self, action: dict[str, Any]) -> dict[str, object]:
        status = self._modified(action)
        if "error" in status:
            raise Refused(str(status["error"]))
        return {"type": "default"}

    def _modify_all(self, action: dict[str, Any]) -> dict[str, object]:
        return _statuses("order", [self._modified(each) for each in action["modifies"]])

    def _modified(self, change: dict[str, Any]) -> dict[str, object]:
        """The old order goes, a new one with a new oid comes."""
        name = change["oid"]
        if isinstance(name, int):
            order = self._floor.order(identity_of(name - ORDER_IDS))
        else:
            order = self._floor.order(client_order_id=name)
        wire = change["order"]
        if self._canceled(wire["a"], order) != "success":
            return {"error": f"Cannot modify canceled or filled order. asset={wire['a']}"}
        return self._placed(wire)

    # -- settings -----------------------------------------------------------------------------

    def _leverage(self, action: dict[str, Any]) -> dict[str, object]:
        asset = self._assets.by_number[action["asset"]]
        symbol = asset.instrument.symbol
        mode = MarginMode.CROSS if action["isCross"] else MarginMode.ISOLATED
        try:
            self._floor.set_margin_mode(symbol, mode)
            self._floor.set_leverage(symbol, Decimal(action["leverage"]))
        except OrderRejected as error:
            words = {
                "LEVERAGE": "Invalid leverage value",
                "POSITION_OPEN": "Cannot switch leverage type with open position.",
                "INSUFFICIENT_MARGIN": "Cannot reduce leverage: insufficient margin.",
            }
            raise Refused(words.get(error.code or "", str(error))) from error
        return {"type": "default"}

    def _schedule(self, action: dict[str, Any]) -> dict[str, object]:
        """The dead man's switch: every order of the account goes at a time, unless renewed."""
        self._switch += 1
        at_ms, now_ms = action.get("time"), self._venue.now_ms()
        if at_ms is None:
            return {"type": "default"}
        if self.traded_volume < _NEEDED_VOLUME:
            raise Refused(
                "Cannot set scheduled cancel time until enough volume traded."
                f" Required: ${_NEEDED_VOLUME}. Traded: ${plain(self.traded_volume)}."
            )
        if at_ms < now_ms + _LEAD_MS:
            raise Refused("Scheduled cancel time too early, must be at least 5 seconds from now.")
        number = self._switch

        def fire() -> None:
            day = self._venue.now_ms() // 86_400_000
            if self._switch == number and self._triggers.count(day) < _TRIGGERS_A_DAY:
                self._triggers.append(day)
                self._floor.cancel_all()

        self._venue.clock.call_after_ns((at_ms - now_ms) * 1_000_000, fire)
        return {"type": "default"}


def _statuses(kind: str, found: list[Any]) -> dict[str, object]:
    return {"type": kind, "data": {"statuses": found}}
