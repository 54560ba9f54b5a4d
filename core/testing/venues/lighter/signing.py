"""The adapter's door to a signer, with the stand-in of the loopback venue behind it."""

from __future__ import annotations

from typing import Any

from core.adapters.exchanges.lighter.sign import Order
from core.testing.venues.lighter.keys import Key, StandInSigner


class StandIn:
    """See `core.adapters.exchanges.lighter.sign.Signer`.

    Args:
        key: Whose signature.
    """

    def __init__(self, key: Key) -> None:
        self._signer = StandInSigner(key)

    def create(self, order: Order, nonce: int) -> str:
        """An order."""
        return self._signed(
            nonce,
            MarketIndex=order.market,
            ClientOrderIndex=order.client_index,
            BaseAmount=order.amount,
            Price=order.price,
            IsAsk=int(order.is_ask),
            Type=order.kind,
            TimeInForce=order.time_in_force,
            ReduceOnly=int(order.is_reduce_only),
            TriggerPrice=0,
            OrderExpiry=order.expiry,
        )

    def cancel(self, market: int, index: int, nonce: int) -> str:
        """A cancel."""
        return self._signed(nonce, MarketIndex=market, Index=index)

    def leverage(self, market: int, fraction: int, mode: int, nonce: int) -> str:
        """A margin."""
        return self._signed(
            nonce, MarketIndex=market, InitialMarginFraction=fraction, MarginMode=mode
        )

    def cancel_all_at(self, at_ms: int | None, nonce: int) -> str:
        """A cancel of everything at a time, or no longer."""
        return self._signed(nonce, TimeInForce=2 if at_ms is None else 1, Time=at_ms or 0)

    def token(self, expires_s: int) -> str:
        """An access token."""
        return self._signer.token(expires_s)

    def _signed(self, nonce: int, **fields: Any) -> str:  # noqa: ANN401 # numbers of a transaction
        return self._signer.sign({**fields, "Nonce": nonce, "L2TxAttributes": {"4": 1}})
