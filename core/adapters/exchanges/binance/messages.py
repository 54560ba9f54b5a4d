"""Binance's frequent messages, typed, so that they are decoded in one go.

Numbers of a book are binary floats: its ladder rounds them to ticks and lots, exactly. Prices and
amounts that are told as they came stay text until then. What is said of our orders has names that
say more than a letter, and is refused as soon as it holds a field that nobody here knows: then it
is read again with all that is unknown counted (`decoding.Fields`).

Source: developers.binance.com, USDⓈ-M "Websocket Market Streams" and "User Data Streams", Spot
"WebSocket Streams" and "User Data Streams".
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final

import msgspec

from core.adapters.exchanges.decoding import MAX_MESSAGE_BYTES

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


class Said(msgspec.Struct, gc=False):
    """Part of what is said of an account. Empty text and None stand for what was not said."""

    what: ClassVar[str] = ""
    """The message's name in what is said of it."""


class Report(Said, gc=False):
    """What is used of `ORDER_TRADE_UPDATE` and of spot's `executionReport`."""

    word_of_status: ClassVar[str] = "X"

    symbol: str = msgspec.field(name="s")
    side: str = msgspec.field(name="S")
    kind: str = msgspec.field(name="o")
    order_id: int | str = msgspec.field(name="i")
    amount: str = msgspec.field(name="q")
    filled: str = msgspec.field(name="z")
    last_amount: str = msgspec.field(name="l")
    at_ms: int = msgspec.field(name="T")
    status: Any = msgspec.field(name="X", default=None)
    execution: Any = msgspec.field(name="x", default=None)
    client_order_id: str = msgspec.field(name="c", default="")
    time_in_force: str = msgspec.field(name="f", default="")
    price: str = msgspec.field(name="p", default="")
    last_price: str = msgspec.field(name="L", default="")
    trade_id: int | None = msgspec.field(name="t", default=None)
    fee: Any = msgspec.field(name="n", default=None)
    fee_asset: Any = msgspec.field(name="N", default=None)
    is_maker: Any = msgspec.field(name="m", default=None)
    is_reducing: bool | None = msgspec.field(name="R", default=None)
    reason: Any = msgspec.field(name="r", default=None)
    expiry: Any = msgspec.field(name="eR", default=None)
    futures_expiry: Any = msgspec.field(name="er", default=None)
    removal: Any = msgspec.field(name="rm", default=None)


class SpotReport(Report, gc=False):
    """`executionReport` of spot."""

    what: ClassVar[str] = "executionReport"
    first_client_order_id: str = msgspec.field(name="C", default="")
    """Of the order, where `c` is the cancel request's."""
    quote: str = msgspec.field(name="Z", default="")
    """Cumulative."""
    created_ms: int | None = msgspec.field(name="O", default=None)


class FuturesReport(Report, gc=False):
    """`o` of `ORDER_TRADE_UPDATE`."""

    what: ClassVar[str] = "ORDER_TRADE_UPDATE.o"
    average: str = msgspec.field(name="ap", default="")


ORDER_UPDATE: Final = (
    "s c S o f q p ap sp x X i l z L N n T t b a m R wt ot ps cp AP cr pP si ss rp V pm gtd W ma"
    " er st r eR rm"
)
"""All that is known of `o` in `ORDER_TRADE_UPDATE`, used or not."""
NUMBERS: Final = ("p", "q", "z", "l", "L", "ap", "Z")
WHOLES: Final = ("T", "t", "O")

if TYPE_CHECKING:
    _Known = FuturesReport
else:
    _USED = frozenset(FuturesReport.__struct_encode_fields__)
    _Known = msgspec.defstruct(
        "_Known",
        [(name, Any, None) for name in ORDER_UPDATE.split() if name not in _USED],
        bases=(FuturesReport,),
        forbid_unknown_fields=True,
        gc=False,
    )


class OrderTradeUpdate(
    msgspec.Struct,
    tag_field="e",
    tag="ORDER_TRADE_UPDATE",
    forbid_unknown_fields=True,
    gc=False,
):
    """USDⓈ-M's news of an order of ours."""

    o: _Known
    E: Any = None
    T: Any = None
    i: Any = None


class Wallet(Said, forbid_unknown_fields=True, gc=False):
    """A row of `B` in `ACCOUNT_UPDATE`."""

    what: ClassVar[str] = "ACCOUNT_UPDATE.a.B"
    asset: str = msgspec.field(name="a")
    total: Any = msgspec.field(name="wb", default=None)
    cross: Any = msgspec.field(name="cw", default=None)
    change: Any = msgspec.field(name="bc", default=None)


class Holding(Said, forbid_unknown_fields=True, gc=False):
    """A row of `P` in `ACCOUNT_UPDATE`."""

    what: ClassVar[str] = "ACCOUNT_UPDATE.a.P"
    symbol: str = msgspec.field(name="s")
    size: Any = msgspec.field(name="pa", default=None)
    entry: Any = msgspec.field(name="ep", default=None)
    unrealized: Any = msgspec.field(name="up", default=None)
    margin_mode: Any = msgspec.field(name="mt", default=None)
    bep: Any = None
    cr: Any = None
    iw: Any = None
    ps: Any = None
    ma: Any = None


class AccountPart(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """`a` of `ACCOUNT_UPDATE`."""

    m: Any = None
    """Why."""
    B: list[Wallet] | None = None
    P: list[Holding] | None = None


class AccountUpdate(
    msgspec.Struct,
    tag_field="e",
    tag="ACCOUNT_UPDATE",
    forbid_unknown_fields=True,
    gc=False,
):
    """USDⓈ-M's news of balances and positions."""

    T: int
    a: AccountPart
    E: Any = None
    i: Any = None


_NEWS: Final = msgspec.json.Decoder(OrderTradeUpdate | AccountUpdate, float_hook=Decimal)


def news_of(message: bytes) -> FuturesReport | AccountUpdate | None:
    """News of USDⓈ-M that say what is documented and nothing else; None for any other message."""
    if len(message) > MAX_MESSAGE_BYTES:
        return None
    try:
        news = _NEWS.decode(message)
    except (ArithmeticError, RecursionError, ValueError):
        return None  # whoever reads it field by field says what is wrong with it
    return news.o if type(news) is OrderTradeUpdate else news
