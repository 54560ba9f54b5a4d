"""Binance's two markets: the same requests under other paths, with other limits.

Sources: developers.binance.com, USDⓈ-M "General Info", "Websocket Market Streams" (the split into
`/public`, `/market` and `/private` of 2026), Spot "General API Information" and "WebSocket API".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from core.adapters.exchanges.connection.limiter import Limit
from core.adapters.exchanges.settings import Address

ADDRESSES: Final = {
    "rest": Address(main="https://fapi.binance.com", test="https://testnet.binancefuture.com"),
    "public": Address(
        main="wss://fstream.binance.com/public/ws",
        test="wss://fstream.binancefuture.com/public/ws",
    ),
    "market": Address(
        main="wss://fstream.binance.com/market/ws",
        test="wss://fstream.binancefuture.com/market/ws",
    ),
    "private": Address(
        main="wss://fstream.binance.com/private/ws",
        test="wss://fstream.binancefuture.com/private/ws",
    ),
    "orders": Address(
        main="wss://ws-fapi.binance.com/ws-fapi/v1",
        test="wss://testnet.binancefuture.com/ws-fapi/v1",
    ),
    "spot_rest": Address(main="https://api.binance.com", test="https://testnet.binance.vision"),
    "spot_public": Address(
        main="wss://stream.binance.com:9443/ws", test="wss://stream.testnet.binance.vision/ws"
    ),
    "spot_orders": Address(
        main="wss://ws-api.binance.com:443/ws-api/v3",
        test="wss://ws-api.testnet.binance.vision/ws-api/v3",
    ),
    "account": Address(main="https://api.binance.com", test="https://testnet.binance.vision"),
}
"""USDⓈ-M futures have the plain names; `account` is where a key's rights are asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """One of them."""

    name: str
    """`usdm` or `spot`."""
    rest: str
    """Name of its address for requests."""
    version: str
    """Path before an endpoint."""
    public: str
    """Name of the address of books and best prices."""
    market: str
    """Name of the address of trades and marks."""
    orders: str
    """Name of the address of the WebSocket API."""
    weight: Limit
    """Of the address, a minute."""
    order_limits: tuple[Limit, ...]
    """Of the account."""
    fills: str
    """Endpoint of our executions."""
    fill_window_ms: int
    """Longest time that one question about executions or orders may span."""
    depth_limit: int
    depth_weight: int
    open_orders_weight: int

    @property
    def is_spot(self) -> bool:
        """Whether a holding is an asset."""
        return self.name == "spot"


USDM: Final = Market(
    name="usdm",
    rest="rest",
    version="/fapi/v1",
    public="public",
    market="market",
    orders="orders",
    weight=Limit(2400, 60.0),
    order_limits=(Limit(300, 10.0), Limit(1200, 60.0)),
    fills="userTrades",
    fill_window_ms=7 * 86_400_000,
    depth_limit=500,
    depth_weight=10,
    open_orders_weight=40,
)
SPOT: Final = Market(
    name="spot",
    rest="spot_rest",
    version="/api/v3",
    public="spot_public",
    market="spot_public",
    orders="spot_orders",
    weight=Limit(6000, 60.0),
    order_limits=(Limit(100, 10.0),),
    fills="myTrades",
    fill_window_ms=86_400_000,
    depth_limit=500,
    depth_weight=25,
    open_orders_weight=80,
)
