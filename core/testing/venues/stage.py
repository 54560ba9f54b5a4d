"""A venue on loopback for a real `ctos` process: Binance behind a bad line, in a thread of its own.

with LoopbackStage() as stage:
stage.lead(home)                    the home's requests and sockets go through the line
stage.set_line(Line.MUTE)           what a line does from now on
stage.on_venue(lambda venue: venue.calls_of("create_order"))
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from core.adapters.exchanges.models import Instrument, OrderSide
from core.adapters.exchanges.paper.instruments import load_instruments
from core.adapters.exchanges.paper.settings import PaperSettings
from core.domain.matching import FillRule
from core.infrastructure.clock import WallClock
from core.testing.fault_proxy import FaultProxy, Line
from core.testing.venues.binance.venue import BinanceVenue

SYMBOL = "BTC-USDT-PERP"
PERIOD_S = 0.05
PATH = (0, 30, 60, 90, 120, 150, 120, 90, 60, 30, 0, -30, -60, -90, -120, -150, -120, -90, -60, -30)
"""The market's walk around its first price, again and again."""
FIRST = 118_000

BOT = """
grid_system:
  exchange: binance
  name: bot
  symbol: BTC-USDT-PERP
  grid_type: long
  grid_interval: "50"
  order_amount: "0.01"
  price_range: {lower_price: "117600", upper_price: "118400"}
  initial_fill: passive_only
  on_exit: cancel_orders
  acknowledge: [losing_grid]
  risk: {daily_loss: "5000"}
"""


def instrument() -> Instrument:
    """What is traded, by the rules that ctos ships."""
    return load_instruments("binance")[SYMBOL]


class LoopbackStage:
    """See the module's text."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="loopback venue")
        self.venue: BinanceVenue
        self.proxy: FaultProxy
        self._price = FIRST
        self.steps = 0
        """How many trades the market has made."""
        self.is_held = False
        """Whether the price stays where it is; trades go on, so nothing grows old."""

    def __enter__(self) -> Self:
        self._thread.start()
        self._do(self._open())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self._do(self._close())
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def lead(self, home: Path) -> None:
        """Writes where the venue is into a home."""
        port = self.proxy.port
        folder = home / "exchanges"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        rest, sockets = f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{port}"
        (folder / "binance.yaml").write_text(
            "exchange:\n  urls:\n"
            f"    rest: {rest}\n    account: {rest}\n"
            f"    public: {sockets}/public/ws\n    market: {sockets}/market/ws\n"
            f"    private: {sockets}/private/ws\n    orders: {sockets}/ws-fapi/v1\n"
        )

    def use_key(self, api_key: str, secret: str) -> None:
        """Another API key, in the place of the one that may trade."""
        keys = self.venue.keys
        keys.revoke(keys.hmac)
        keys.hmac = replace(keys.hmac, api_key=api_key, secret=secret)
        keys.add(keys.hmac)

    def set_line(self, line: Line, delay_s: float = 0.0) -> None:
        """What the line does to whatever comes next."""

        def set_it() -> None:
            self.proxy.line = line
            self.proxy.delay_s = delay_s

        self.on_loop(set_it)

    def cut(self) -> None:
        """Resets every connection of this moment."""
        self.on_loop(self.proxy.cut)

    def on_venue(self, act: Callable[[BinanceVenue], Any]) -> Any:  # noqa: ANN401 # whatever is asked
        """Asks or tells the venue, on its own loop."""
        return self.on_loop(lambda: act(self.venue))

    def on_loop(self, act: Callable[[], Any]) -> Any:  # noqa: ANN401 # whatever is asked
        """Calls on the venue's loop."""

        async def once() -> Any:  # noqa: ANN401
            return act()

        return self._do(once())

    async def _open(self) -> None:
        settings = PaperSettings(
            initial_balance=Decimal(FIRST * 10), latency_ms=0, fill=FillRule.THROUGH
        )
        self.venue = BinanceVenue(
            instruments=[instrument()], settings=settings, first_price=str(FIRST)
        )
        await self.venue.__aenter__()
        self.proxy = FaultProxy(self.venue.port, WallClock())
        await self.proxy.__aenter__()
        self.venue.every(PERIOD_S, self._move)

    async def _close(self) -> None:
        await self.proxy.__aexit__(None, None, None)
        await self.venue.__aexit__(None, None, None)

    def _move(self) -> None:
        self.steps += 1
        if not self.is_held:
            self._price = FIRST + PATH[self.steps % len(PATH)]
        side = OrderSide.BUY if self.steps % 2 else OrderSide.SELL
        self.venue.trade(str(self._price), "5", side=side)

    def _do(self, work: Any) -> Any:  # noqa: ANN401 # a coroutine and its result
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)
