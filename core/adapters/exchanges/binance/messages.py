"""Binance's frequent messages of markets, typed, so that many are decoded in one go.

Numbers of a book are binary floats: its ladder rounds them to ticks and lots, exactly. Prices and
amounts that are told as they came stay text until then.

Source: developers.binance.com, USDⓈ-M "Websocket Market Streams", Spot "WebSocket Streams".
"""

from __future__ import annotations

from typing import Annotated

import msgspec

Levels = list[tuple[float, float]]
_Price = Annotated[float, msgspec.Meta(gt=0.0, lt=1e15)]
_Amount = Annotated[float, msgspec.Meta(ge=0.0, lt=1e18)]
_Changes = list[tuple[_Price, _Amount]]
"""Checked while it is decoded: NaN and infinities fail every bound."""


class Best(msgspec.Struct, tag_field="e", tag="bookTicker", gc=False):
    """`bookTicker` of USDⓈ-M: the best prices, at transaction time `T`."""

    s: str
    b: str
    B: str
    a: str
    A: str
    T: int = 0
    E: int = 0


class SpotBest(msgspec.Struct, gc=False):
    """`bookTicker` of spot, which names neither its kind nor a time."""

    s: str
    b: str
    B: str
    a: str
    A: str


class Depth(msgspec.Struct, tag_field="e", tag="depthUpdate", gc=False):
    """`depthUpdate`: changed levels, updates `U` to `u`, which follow `pu` (USDⓈ-M alone)."""

    s: str
    U: int
    u: int
    b: _Changes
    a: _Changes
    E: int
    T: int = 0
    pu: int = -1


class Trade(msgspec.Struct, tag_field="e", tag="aggTrade", gc=False):
    """`aggTrade`: trades of one taker at one price; ids `a` are consecutive."""

    s: str
    a: int
    p: str
    q: str
    T: int
    m: bool


Frequent = Best | Depth | Trade
